"""Contract details into instruments: identity, settlement, last moment of trading, tick rule; pure and duck-typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bot.ibkr import fields
from strategies.domain.instruments import Future, Index, Option, Right, SettlementStyle, TickBand
from strategies.domain.market import Chain

NEW_YORK = ZoneInfo("America/New_York")
PM_CLASSES = frozenset({"SPXW"})
"""Classes that settle to the close; every other index option class settles to the morning's opening quotation."""

_RIGHTS = {"C": Right.CALL, "CALL": Right.CALL, "P": Right.PUT, "PUT": Right.PUT}
_INDEX_CLOSE = time(16, 0)
_OPTIONS_CLOSE = time(16, 15)
_AFTER_INDEX = timedelta(minutes=15)


class ContractRefused(ValueError):
    """Contract details that do not describe the instrument they should."""


def settlement(trading_class: str) -> SettlementStyle:
    """How options of a class settle."""
    return SettlementStyle.PM if trading_class in PM_CLASSES else SettlementStyle.AM


def market_rule(details: Any) -> int | None:
    """Id of the tick rule on the contract's own exchange, None where the broker names none."""
    rules = [text.strip() for text in (details.marketRuleIds or "").split(",") if text.strip()]
    exchanges = [text.strip() for text in (details.validExchanges or "").split(",")]
    if not rules:
        return None
    place = exchanges.index(details.contract.exchange) if details.contract.exchange in exchanges else 0
    return int(rules[min(place, len(rules) - 1)])


def bands(increments: Sequence[tuple[float, float]], min_tick: float | None = None) -> tuple[TickBand, ...]:
    """Tick bands from a market rule's (low edge, increment) rows; from the minimum tick where there is no rule."""
    rows = sorted((float(low), float(step)) for low, step in increments)
    if rows:
        return tuple(TickBand(low_edge_points=low, increment_points=step) for low, step in rows)
    step = fields.positive(min_tick) if min_tick is not None else None
    if step is None:
        raise ContractRefused("the broker gives neither a market rule nor a minimum tick")
    return (TickBand(low_edge_points=0.0, increment_points=step),)


def to_index(details: Any) -> Index:
    """An index. Raises ContractRefused for anything else."""
    contract = details.contract
    _require(contract, "IND")
    return Index(con_id=int(contract.conId), symbol=contract.symbol, exchange=contract.exchange)


def to_future(details: Any, ticks: tuple[TickBand, ...]) -> Future:
    """A future. The details name the day and time trading ends and the zone of that time."""
    contract = details.contract
    _require(contract, "FUT")
    expiry = _expiry(details)
    last = fields.day(contract.lastTradeDateOrContractMonth) or expiry
    ends = fields.clock_time(details.lastTradeTime or "") or time(9, 0)
    place = fields.zone(details.timeZoneId) if details.lastTradeTime and details.timeZoneId else NEW_YORK
    return Future(
        con_id=int(contract.conId),
        symbol=contract.symbol,
        trading_class=contract.tradingClass,
        exchange=contract.exchange,
        multiplier=fields.whole(contract.multiplier, "multiplier"),
        expiry=expiry,
        last_trade_at=datetime.combine(last, ends, place).astimezone(UTC),
        ticks=ticks,
        currency=contract.currency,
    )


def to_option(details: Any, ticks: tuple[TickBand, ...]) -> Option:
    """An index option."""
    contract = details.contract
    _require(contract, "OPT")
    right = _RIGHTS.get(contract.right)
    strike = fields.positive(contract.strike)
    if right is None or strike is None:
        raise ContractRefused(f"option {contract.conId} has right {contract.right!r} and strike {contract.strike!r}")
    return Option(
        con_id=int(contract.conId),
        symbol=contract.symbol,
        trading_class=contract.tradingClass,
        exchange=contract.exchange,
        multiplier=fields.whole(contract.multiplier, "multiplier"),
        expiry=_expiry(details),
        strike=strike,
        right=right,
        settlement=settlement(contract.tradingClass),
        last_trade_at=_option_last_trade(details).astimezone(UTC),
        ticks=ticks,
        currency=contract.currency,
    )


def _require(contract: Any, sec_type: str) -> None:
    if contract.secType != sec_type or int(contract.conId) <= 0:
        raise ContractRefused(f"expected a {sec_type} contract with an id, got {contract.secType} {contract.conId}")


def _expiry(details: Any) -> date:
    """Settlement day: the real expiration where given (the last trading day of an AM series is the day before)."""
    contract = details.contract
    found = fields.day(details.realExpirationDate or "") or fields.day(contract.lastTradeDateOrContractMonth or "")
    if found is None:
        raise ContractRefused(f"contract {contract.conId} names no expiration day")
    return found


def _option_last_trade(details: Any) -> datetime:
    """PM: the index close of the expiry day. AM: the options close of the business day before.

    Liquid hours of that day, where the broker gives them, shorten it (early closes).
    """
    contract = details.contract
    expiry = _expiry(details)
    told = liquid_hours(details)
    if settlement(contract.tradingClass) is SettlementStyle.PM:
        at = datetime.combine(expiry, _INDEX_CLOSE, NEW_YORK)
        shut = told.get(expiry)
        if shut is None:
            return at
        close = shut[1].astimezone(NEW_YORK)
        # The class closes fifteen minutes after the index; an expiring series may be shown with its own end.
        return min(at, close - _AFTER_INDEX if close.minute == _OPTIONS_CLOSE.minute else close)
    last = fields.day(contract.lastTradeDateOrContractMonth or "") or expiry
    if last >= expiry:
        last = fields.weekday_before(expiry)
        while last in told and told[last] is None:
            last = fields.weekday_before(last)
    at = datetime.combine(last, _OPTIONS_CLOSE, NEW_YORK)
    shut = told.get(last)
    return at if shut is None else min(at, shut[1].astimezone(NEW_YORK))


def liquid_hours(details: Any) -> fields.Hours:
    """The contract's liquid hours by day, aware; empty where the broker gives none."""
    if not details.liquidHours or not details.timeZoneId:
        return {}
    return _hours(details.liquidHours, details.timeZoneId)


@lru_cache(maxsize=64)
def _hours(text: str, zone_name: str) -> fields.Hours:
    """Read once: the hundreds of options of a board carry the same text."""
    return fields.hours(text, fields.zone(zone_name))


def to_chain(symbol: str, trading_class: str, rows: Sequence[Any]) -> Chain:
    """One class of a chain answer, from SMART where listed there. Raises ContractRefused if no row fits."""
    fitting = [row for row in rows if row.trading_class == trading_class]
    if not fitting:
        listed = ", ".join(sorted({row.trading_class for row in rows})) or "nothing"
        raise ContractRefused(f"{symbol} lists no class {trading_class}; it lists {listed}")
    row = next((row for row in fitting if row.exchange == "SMART"), fitting[0])
    expiries = sorted({on for text in row.expirations if (on := fields.day(text)) is not None})
    strikes = sorted({strike for value in row.strikes if (strike := fields.positive(value)) is not None})
    return Chain(
        symbol=symbol,
        trading_class=trading_class,
        exchange=row.exchange,
        multiplier=fields.whole(row.multiplier, "multiplier"),
        expiries=tuple(expiries),
        strikes=tuple(strikes),
    )
