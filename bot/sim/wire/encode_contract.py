"""Contract details as the gateway sends them, for every version from 157 to 176."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.sim.order_types import order_types_of
from bot.sim.types import ContractSpec, SecType
from bot.sim.wire.fields import UNSET_INTEGER, message, plain
from bot.sim.wire.times import day

_CENTRAL = ZoneInfo("America/Chicago")


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
    exchanges = _valid_exchanges(spec)
    exchange = asked_exchange if asked_exchange in exchanges.split(",") else spec.exchange
    head: list[object] = [10] if version >= 164 else [10, 8]
    head += [
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
        head.append(100)  # mdSizeMultiplier
    kind = _Kind(*_kind_of(spec))
    return message(head) + _shared_part(
        kind, exchanges, hours, (under.symbol, under.sec_type) if under else None, version
    )


class _Kind(NamedTuple):
    """What all options of an expiry have in common."""

    sec_type: SecType
    symbol: str
    multiplier: int
    exchange: str
    primary_exchange: str
    under_con_id: int
    long_name: str
    expiry: date | None
    market_rule_id: int
    stock_type: str
    isin: str
    delivers_shares: bool


_kind_of = attrgetter(*_Kind._fields)


@lru_cache(maxsize=512)
def _shared_part(
    spec: _Kind, exchanges: str, hours: tuple[str, str, str], under: tuple[str, SecType] | None, version: int
) -> bytes:
    """The fields from the multiplier on, made once for a whole expiry: a client may ask for thousands of options."""
    zone, trading_hours, liquid_hours = hours
    derived = spec.sec_type in (SecType.OPTION, SecType.FUTURE)
    industry, category, subcategory = _industry(spec)
    fields: list[object] = [
        spec.multiplier if derived else "",
        order_types_of(spec.sec_type),
        exchanges,
        1,
        spec.under_con_id or "",
        plain(spec.long_name or spec.symbol),
        "" if derived else spec.primary_exchange or spec.exchange,
        f"{spec.expiry:%Y%m}" if spec.expiry else "",
        industry,
        category,
        subcategory,
        zone,
        trading_hours,
        liquid_hours,
        "",
        0,
        *((1, "ISIN", spec.isin) if spec.isin else (0,)),  # secIdList
        1 if derived else UNSET_INTEGER,
        under[0] if under else (spec.symbol if derived else ""),
        under[1].value if under else ("IND" if derived else ""),
        ",".join([str(spec.market_rule_id)] * len(exchanges.split(","))),
        day(spec.expiry),
        spec.stock_type,
    ]
    if version == 163:
        fields.append(1)
    if version >= 164:
        fields += [1, 1, 1]
    return message(fields)


def _industry(spec: _Kind) -> tuple[str, str, str]:
    """Industry, category and subcategory: volatility products, other index products, nothing told of stocks."""
    if spec.sec_type is SecType.STOCK or spec.delivers_shares:
        return "", "", ""
    if spec.sec_type is SecType.FUTURE and spec.exchange == "CFE":
        return "Indices", "Volatility Index", "*"
    return "Indices", "Broad Range Equity Index", "*"


def _valid_exchanges(spec: ContractSpec) -> str:
    if spec.exchanges:
        return ",".join(spec.exchanges)
    return f"SMART,{spec.exchange}" if spec.sec_type is SecType.OPTION and spec.exchange != "SMART" else spec.exchange


def _last_trade(spec: ContractSpec) -> str:
    """A future carries the time trading ends, an option its last trading day only."""
    if spec.sec_type is SecType.FUTURE and spec.last_trade_at is not None:
        return f"{spec.expiry:%Y%m%d} {spec.last_trade_at.astimezone(_CENTRAL):%H:%M} US/Central"
    return day(spec.last_trade_day)
