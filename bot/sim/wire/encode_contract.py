"""Contract details as the gateway sends them, for every version from 157 to 176."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.sim.order_types import order_types_of
from bot.sim.types import ContractSpec, SecType
from bot.sim.wire.fields import UNSET_INTEGER, message, plain
from bot.sim.wire.times import day

_CENTRAL = ZoneInfo("America/Chicago")
_INDUSTRY = {
    SecType.INDEX: ("Indices", "Broad Range Equity Index", "*"),
    SecType.OPTION: ("Indices", "Broad Range Equity Index", "*"),
    SecType.FUTURE: ("Indices", "Volatility Index", "*"),
}


def contract_details(
    request_id: int,
    spec: ContractSpec,
    hours: tuple[str, str, str],
    under: ContractSpec | None,
    version: int,
    *,
    asked_exchange: str = "",
) -> bytes:
    """One contract. `hours` is (time zone, trading hours, liquid hours); `under` the underlying, where there is one.

    A contract asked for at SMART is answered at SMART, if it is routed there.
    """
    zone, trading_hours, liquid_hours = hours
    exchanges = _valid_exchanges(spec)
    exchange = asked_exchange if asked_exchange in exchanges.split(",") else spec.exchange
    fields: list[object] = [10] if version >= 164 else [10, 8]
    fields += [
        request_id,
        spec.symbol,
        spec.sec_type.value,
        _last_trade(spec),
        spec.strike or 0,
        spec.right.value if spec.right else "",
        exchange,
        spec.currency,
        spec.local_symbol,
        spec.trading_class,
        spec.trading_class,
        spec.con_id,
        spec.min_tick,
    ]
    if version < 164:
        fields.append(100)  # mdSizeMultiplier
    derived = spec.sec_type in (SecType.OPTION, SecType.FUTURE)
    industry, category, subcategory = _INDUSTRY.get(spec.sec_type, ("", "", ""))
    fields += [
        spec.multiplier if derived else "",
        order_types_of(spec.sec_type),
        exchanges,
        1,
        spec.under_con_id or "",
        plain(spec.long_name or spec.symbol),
        "" if derived else spec.exchange,
        f"{spec.expiry:%Y%m}" if spec.expiry else "",
        industry,
        category,
        subcategory,
        zone,
        trading_hours,
        liquid_hours,
        "",
        0,
        0,  # secIdList
        1 if derived else UNSET_INTEGER,
        under.symbol if under else (spec.symbol if derived else ""),
        under.sec_type.value if under else ("IND" if derived else ""),
        ",".join([str(spec.market_rule_id)] * len(exchanges.split(","))),
        day(spec.expiry),
        "",
    ]
    if version == 163:
        fields.append(1)
    if version >= 164:
        fields += [1, 1, 1]
    return message(fields)


def _valid_exchanges(spec: ContractSpec) -> str:
    return f"SMART,{spec.exchange}" if spec.sec_type is SecType.OPTION and spec.exchange != "SMART" else spec.exchange


def _last_trade(spec: ContractSpec) -> str:
    """A future carries the time trading ends, an option its last trading day only."""
    if spec.sec_type is SecType.FUTURE and spec.last_trade_at is not None:
        return f"{spec.expiry:%Y%m%d} {spec.last_trade_at.astimezone(_CENTRAL):%H:%M} US/Central"
    return day(spec.last_trade_day)
