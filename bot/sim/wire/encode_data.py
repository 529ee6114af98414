"""Messages about bars, ticks, depth and reference lists: one function per message, for versions 157 to 176.

Field order and counts: TWS socket protocol. Prices in points, times in epoch seconds unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bot.sim.types import Bar, PositionLine
from bot.sim.wire.encode import contract_fields
from bot.sim.wire.fields import UNSET_INTEGER, message, whole


# bars ------------------------------------------------------------------------------------------------
def historical_data(request_id: int, start: str, end: str, bars: Sequence[tuple[str, Bar]]) -> bytes:
    """historicalData (17): all bars of a request as (date text, bar)."""
    fields: list[object] = [17, request_id, start, end, len(bars)]
    for label, bar in bars:
        fields += [label, bar.open, bar.high, bar.low, bar.close, whole(bar.volume), bar.average, bar.count]
    return message(fields)


def historical_data_update(request_id: int, label: str, bar: Bar) -> bytes:
    """historicalDataUpdate (90): the bar that is forming, or a new one; the close comes before the high."""
    shown = [bar.open, bar.close, bar.high, bar.low, bar.average, whole(bar.volume)]
    return message([90, request_id, bar.count, label, *shown])


def real_time_bar(request_id: int, at_s: int, bar: Bar) -> bytes:
    """realTimeBar (50): five seconds starting at `at_s`."""
    prices = [bar.open, bar.high, bar.low, bar.close, whole(bar.volume), bar.average, bar.count]
    return message([50, 3, request_id, at_s, *prices])


def historical_schedule(
    request_id: int, start: str, end: str, zone: str, sessions: Sequence[tuple[str, str, str]]
) -> bytes:
    """historicalSchedule (106): sessions as (open, close, day)."""
    fields: list[object] = [106, request_id, start, end, zone, len(sessions)]
    for session in sessions:
        fields += session
    return message(fields)


def head_timestamp(request_id: int, text: str) -> bytes:
    """headTimestamp (88): the earliest data."""
    return message([88, request_id, text])


def histogram(request_id: int, counts: Sequence[tuple[float, int]]) -> bytes:
    """histogramData (89): (price, contracts or shares)."""
    fields: list[object] = [89, request_id, len(counts)]
    for price, count in counts:
        fields += [price, count]
    return message(fields)


# ticks -----------------------------------------------------------------------------------------------
def historical_midpoints(request_id: int, ticks: Sequence[tuple[int, float]]) -> bytes:
    """historicalTicks (96): (time, middle)."""
    fields: list[object] = [96, request_id, len(ticks)]
    for at_s, price in ticks:
        fields += [at_s, 0, price, 0]
    return message([*fields, True])


def historical_quotes(request_id: int, ticks: Sequence[tuple[int, float, float, int, int]]) -> bytes:
    """historicalTicksBidAsk (97): (time, bid, ask, bid size, ask size)."""
    fields: list[object] = [97, request_id, len(ticks)]
    for at_s, bid, ask, bid_size, ask_size in ticks:
        fields += [at_s, 0, bid, ask, bid_size, ask_size]
    return message([*fields, True])


def historical_trades(request_id: int, exchange: str, ticks: Sequence[tuple[int, float, int]]) -> bytes:
    """historicalTicksLast (98): (time, price, size)."""
    fields: list[object] = [98, request_id, len(ticks)]
    for at_s, price, size in ticks:
        fields += [at_s, 0, price, size, exchange, ""]
    return message([*fields, True])


def tick_by_tick_trade(request_id: int, kind: int, at_s: int, price: float, size: int, exchange: str) -> bytes:
    """tickByTick (99) of a trade: kind 1 Last, 2 AllLast."""
    return message([99, request_id, kind, at_s, price, size, 0, exchange, ""])


def tick_by_tick_quote(request_id: int, at_s: int, quote: tuple[float, float, int, int], mask: int) -> bytes:
    """tickByTick (99) of a (bid, ask, bid size, ask size); `mask` 1 a new low of the bid, 2 a new high of the ask."""
    return message([99, request_id, 3, at_s, *quote, mask])


def tick_by_tick_midpoint(request_id: int, at_s: int, price: float) -> bytes:
    """tickByTick (99) of the middle."""
    return message([99, request_id, 4, at_s, price])


class Computation(NamedTuple):
    """An option's values as the protocol tells them: volatility a year as a fraction, price and underlying in points,
    greeks per share, vega per volatility point, theta per day. -1 and -2 mean not computed."""

    volatility: float = -1.0
    delta: float = -2.0
    price: float = -1.0
    gamma: float = -2.0
    vega: float = -2.0
    theta: float = -2.0
    under: float = -1.0


def option_computation(request_id: int, tick_type: int, values: Computation) -> bytes:
    """tickOptionComputation (21), without dividends: 13 and 83 the model, 53 the answer to a calculation."""
    iv, delta, price, gamma, vega, theta, under = values
    return message([21, request_id, tick_type, 0, iv, delta, price, 0.0, gamma, vega, theta, under])


# depth -----------------------------------------------------------------------------------------------
def depth(request_id: int, position: int, operation: int, side: int, price: float, size: int) -> bytes:
    """updateMktDepth (12): operation 0 insert, 1 update, 2 delete; side 0 ask, 1 bid."""
    return message([12, 1, request_id, position, operation, side, price, size])


def smart_depth(
    request_id: int, position: int, exchange: str, operation: int, side: int, price: float, size: int
) -> bytes:
    """updateMktDepthL2 (13) of a book over several exchanges."""
    return message([13, 1, request_id, position, exchange, operation, side, price, size, True])


def depth_exchanges(exchanges: Sequence[tuple[str, str, str, str]]) -> bytes:
    """mktDepthExchanges (80): (exchange, security type, listing exchange, service)."""
    fields: list[object] = [80, len(exchanges)]
    for description in exchanges:
        fields += [*description, UNSET_INTEGER]
    return message(fields)


# small lists -----------------------------------------------------------------------------------------
def smart_components(request_id: int, components: Sequence[tuple[int, str, str]]) -> bytes:
    """smartComponents (82): (bit, exchange, letter)."""
    fields: list[object] = [82, request_id, len(components)]
    for component in components:
        fields += component
    return message(fields)


def news_providers() -> bytes:
    """newsProviders (85): none."""
    return message([85, 0])


def family_codes(accounts: Sequence[str]) -> bytes:
    """familyCodes (78): every account without a family."""
    fields: list[object] = [78, len(accounts)]
    for account in accounts:
        fields += [account, ""]
    return message(fields)


def soft_dollar_tiers(request_id: int) -> bytes:
    """softDollarTiers (77): none."""
    return message([77, request_id, 0])


def display_groups(request_id: int) -> bytes:
    """displayGroupList (67): a gateway has no windows, so no groups."""
    return message([67, 1, request_id, ""])


def user_info(request_id: int) -> bytes:
    """userInfo (107): no white branding."""
    return message([107, request_id, ""])


# account ---------------------------------------------------------------------------------------------
def position_multi(request_id: int, line: PositionLine) -> bytes:
    """positionMulti (71): average cost per contract in dollars, no model."""
    fields: list[object] = [71, 1, request_id, line.account, *contract_fields(line.spec)]
    return message([*fields, line.quantity, line.average_cost_usd, ""])


class PositionFigures(NamedTuple):
    """Dollars of one position: profit of the day, unrealised, realised today, and market value."""

    daily: float
    unrealized: float
    realized: float
    value: float


def pnl_single(request_id: int, quantity: int, figures: PositionFigures) -> bytes:
    """pnlSingle (95)."""
    return message([95, request_id, quantity, *figures])
