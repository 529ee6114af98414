"""The products the venue lists: classes, multipliers, tick rules, and contract ids derived from the terms.

Tick rules and multipliers: product specifications of Cboe and CME, of today in every year. An id encodes the contract's
terms (class, right, expiry, strike), so that it is the same in every run and no two contracts share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bot.sim.types import ContractSpec, Floats, Right, SecType, Settlement
from bot.sim.venue.directory import SPX_INDEX, SPY_STOCK, STOCK_RULE, VIX_INDEX

MARKET_RULES: Mapping[int, Sequence[tuple[float, float]]] = {
    STOCK_RULE: ((0.0, 0.01),),
    32: ((0.0, 0.01), (3.0, 0.05)),
    67: ((0.0, 0.05),),
    110: ((0.0, 0.05), (3.0, 0.10)),
    239: ((0.0, 0.25),),
}
"""Price increments as (low edge, increment), index points or dollars. The numbers are this gateway's."""

BAG_CON_ID = 28812380
"""IB's template contract for combinations in US dollars."""

_EPOCH = date(1990, 1, 1)
_OPTION_CLASS_SHIFT, _RIGHT_SHIFT, _EXPIRY_SHIFT = 28, 27, 12
_EXPIRY_MASK, _STRIKE_MASK = (1 << 15) - 1, (1 << 12) - 1
_FUTURES_BASE, _FUTURE_PAIR_SHIFT = 1 << 26, 16


@dataclass(frozen=True, slots=True)
class OptionClass:
    """A trading class of options. `strike_unit` is the step its ids count strikes in, in points; `net_tick` the price
    grid of combinations; `delivers_shares` tells exercise into the underlying from settlement in cash."""

    code: int
    name: str
    symbol: str
    under_con_id: int
    settlement: Settlement
    market_rule_id: int
    strike_unit: float
    net_tick: float
    long_name: str
    exchanges: tuple[str, ...]
    multiplier: int = 100
    delivers_shares: bool = False


@dataclass(frozen=True, slots=True)
class FutureClass:
    """A future: `symbol` as IB writes it, dollars per point in `multiplier`, listed from `since` on."""

    code: int
    name: str
    symbol: str
    multiplier: int
    market_rule_id: int
    long_name: str
    exchange: str
    under_con_id: int
    since: date = date.min


_SPX_NAME, _VIX_NAME = SPX_INDEX.long_name, VIX_INDEX.long_name
_INDEX_VENUES = ("SMART", "CBOE")
_SPY_VENUES = (
    "SMART", "AMEX", "BATS", "BOX", "CBOE", "CBOE2", "EDGX", "GEMINI", "ISE", "MIAX", "NASDAQOM", "PHLX", "PSE"
)  # fmt: skip
_ES_INDEX_CON_ID, _MES_INDEX_CON_ID = 11004968, 362673777

OPTION_CLASSES: Mapping[str, OptionClass] = {
    item.name: item
    for item in (
        OptionClass(1, "SPX", "SPX", SPX_INDEX.con_id, Settlement.AM, 110, 5.0, 0.05, _SPX_NAME, _INDEX_VENUES),
        OptionClass(2, "SPXW", "SPX", SPX_INDEX.con_id, Settlement.PM, 110, 5.0, 0.05, _SPX_NAME, _INDEX_VENUES),
        OptionClass(3, "VIX", "VIX", VIX_INDEX.con_id, Settlement.AM, 32, 0.5, 0.01, _VIX_NAME, _INDEX_VENUES),
        OptionClass(4, "VIXW", "VIX", VIX_INDEX.con_id, Settlement.AM, STOCK_RULE, 0.5, 0.01, _VIX_NAME, _INDEX_VENUES),
        OptionClass(
            5,
            "SPY",
            "SPY",
            SPY_STOCK.spec.con_id,
            Settlement.PM,
            STOCK_RULE,
            1.0,
            0.01,
            SPY_STOCK.spec.long_name,
            _SPY_VENUES,
            delivers_shares=True,
        ),
    )
}
FUTURE_CLASSES: Mapping[str, FutureClass] = {
    item.name: item
    for item in (
        FutureClass(0, "VX", "VIX", 1000, 67, "CBOE Volatility Index Future", "CFE", VIX_INDEX.con_id),
        FutureClass(
            1, "VXM", "VXM", 100, STOCK_RULE, "Mini CBOE Volatility Index Future", "CFE", VIX_INDEX.con_id,
            date(2020, 8, 10),
        ),
        FutureClass(2, "ES", "ES", 50, 239, "E-mini S&P 500", "CME", _ES_INDEX_CON_ID, date(1997, 9, 9)),
        FutureClass(3, "MES", "MES", 5, 239, "Micro E-Mini S&P 500", "CME", _MES_INDEX_CON_ID, date(2019, 5, 6)),
    )
}  # fmt: skip
_OPTION_BY_CODE = {item.code: item for item in OPTION_CLASSES.values()}
_FUTURE_BY_CODE = {item.code: item for item in FUTURE_CLASSES.values()}


def option_con_id(option_class: OptionClass, expiry: date, strike: float, right: Right) -> int:
    """Contract id of an option; one to one with its terms. Raises ValueError for terms that cannot be listed."""
    units = strike / option_class.strike_unit
    days = (expiry - _EPOCH).days
    if units != round(units) or not 0 < units <= _STRIKE_MASK or not 0 <= days <= _EXPIRY_MASK:
        raise ValueError(f"{option_class.name} lists no strike {strike} for {expiry}: not on its strike grid")
    put = 1 if right is Right.PUT else 0
    return option_class.code << _OPTION_CLASS_SHIFT | put << _RIGHT_SHIFT | days << _EXPIRY_SHIFT | round(units)


def decode_option(con_id: int) -> tuple[OptionClass, date, float, Right] | None:
    """The terms behind an option's id, or None if the id is of another kind."""
    option_class = _OPTION_BY_CODE.get(con_id >> _OPTION_CLASS_SHIFT)
    if option_class is None:
        return None
    expiry = _EPOCH + timedelta(days=con_id >> _EXPIRY_SHIFT & _EXPIRY_MASK)
    right = Right.PUT if con_id >> _RIGHT_SHIFT & 1 else Right.CALL
    return option_class, expiry, (con_id & _STRIKE_MASK) * option_class.strike_unit, right


def future_con_id(future_class: FutureClass, expiry: date) -> int:
    """Contract id of a future; one to one with its terms."""
    pair, low = divmod(future_class.code, 2)
    return _FUTURES_BASE + (pair << _FUTURE_PAIR_SHIFT | (expiry - _EPOCH).days << 1 | low)


def decode_future(con_id: int) -> tuple[FutureClass, date] | None:
    """The terms behind a future's id, or None if the id is of another kind."""
    pair, offset = divmod(con_id - _FUTURES_BASE, 1 << _FUTURE_PAIR_SHIFT)
    future_class = _FUTURE_BY_CODE.get(2 * pair + (offset & 1))
    return None if future_class is None else (future_class, _EPOCH + timedelta(days=offset >> 1))


def bag_spec(symbol: str) -> ContractSpec:
    """The template contract under which a combination's own execution is reported."""
    return ContractSpec(BAG_CON_ID, SecType.BAG, symbol, "COMB", "SMART", 1, str(BAG_CON_ID), 0, 0.01, "")


def tick_at(rule_id: int, price: float) -> float:
    """The price increment that a market rule sets at this price, in points."""
    increment = 0.01
    for low_edge, step in MARKET_RULES[rule_id]:
        if price >= low_edge - 1e-9:
            increment = step
    return increment


def ticks_at(rule_id: int, prices: Floats) -> Floats:
    """`tick_at` of many prices; a price that is not a number has the smallest tick."""
    edges, steps = (np.array(column) for column in zip(*MARKET_RULES[rule_id], strict=True))
    place = np.searchsorted(edges, np.nan_to_num(prices) + 1e-9, side="right") - 1
    return np.asarray(steps[np.maximum(place, 0)], dtype=np.float64)


def on_grid(price: float, tick: float) -> bool:
    """Whether a price is a whole number of ticks."""
    ticks = price / tick
    return abs(ticks - round(ticks)) < 1e-6


def net_tick(class_names: Sequence[str]) -> float:
    """Price grid of a combination of these trading classes: 0.05 with SPX, 0.01 where no leg is of SPX."""
    return max((OPTION_CLASSES[name].net_tick for name in class_names if name in OPTION_CLASSES), default=0.01)
