"""The products the venue lists: classes, multipliers, tick rules, and contract ids derived from the terms.

Tick rules and multipliers: Cboe product specifications. Index and stock ids are IB's own; every other id encodes the
contract's terms (class, right, expiry, strike), so that it is the same in every run and no two contracts share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bot.sim.types import ContractSpec, Floats, Right, SecType, Settlement

MARKET_RULES: Mapping[int, Sequence[tuple[float, float]]] = {
    26: ((0.0, 0.01),),
    32: ((0.0, 0.01), (3.0, 0.05)),
    67: ((0.0, 0.05),),
    110: ((0.0, 0.05), (3.0, 0.10)),
}
"""Price increments as (low edge, increment), index points or dollars."""

BAG_CON_ID = 28812380
"""IB's template contract for combinations in US dollars."""

_EPOCH = date(1990, 1, 1)
_OPTION_CLASS_SHIFT, _RIGHT_SHIFT, _EXPIRY_SHIFT = 28, 27, 12
_EXPIRY_MASK, _STRIKE_MASK = (1 << 15) - 1, (1 << 12) - 1
_FUTURES_BASE = 1 << 26


@dataclass(frozen=True, slots=True)
class OptionClass:
    """A trading class of options. `strike_unit` is the step its ids count strikes in, in points;
    `net_tick` the price grid of combinations."""

    code: int
    name: str
    symbol: str
    under_con_id: int
    settlement: Settlement
    market_rule_id: int
    strike_unit: float
    net_tick: float
    long_name: str
    multiplier: int = 100


@dataclass(frozen=True, slots=True)
class FutureClass:
    """A volatility future: `symbol` as IB writes it, dollars per point in `multiplier`."""

    code: int
    name: str
    symbol: str
    multiplier: int
    market_rule_id: int
    long_name: str


def _index(con_id: int, symbol: str, long_name: str) -> ContractSpec:
    return ContractSpec(con_id, SecType.INDEX, symbol, symbol, "CBOE", 1, symbol, 26, 0.01, long_name)


SPX_INDEX = _index(416904, "SPX", "S&P 500 Stock Index")
VIX_INDEX = _index(13455763, "VIX", "CBOE Volatility Index")
UNDERLYINGS: Sequence[ContractSpec] = (
    SPX_INDEX,
    VIX_INDEX,
    _index(26000001, "VIX9D", "CBOE S&P 500 9-Day Volatility Index"),
    _index(26000002, "VIX3M", "CBOE S&P 500 3-Month Volatility Index"),
    _index(26000003, "VVIX", "CBOE VIX Volatility Index"),
    _index(26000004, "SKEW", "CBOE SKEW Index"),
    ContractSpec(756733, SecType.STOCK, "SPY", "SPY", "SMART", 1, "SPY", 26, 0.01, "SPDR S&P 500 ETF TRUST"),
)

_SPX_NAME, _VIX_NAME = SPX_INDEX.long_name, VIX_INDEX.long_name
OPTION_CLASSES: Mapping[str, OptionClass] = {
    item.name: item
    for item in (
        OptionClass(1, "SPX", "SPX", SPX_INDEX.con_id, Settlement.AM, 110, 5.0, 0.05, _SPX_NAME),
        OptionClass(2, "SPXW", "SPX", SPX_INDEX.con_id, Settlement.PM, 110, 5.0, 0.05, _SPX_NAME),
        OptionClass(3, "VIX", "VIX", VIX_INDEX.con_id, Settlement.AM, 32, 0.5, 0.01, _VIX_NAME),
        OptionClass(4, "VIXW", "VIX", VIX_INDEX.con_id, Settlement.AM, 32, 0.5, 0.01, _VIX_NAME),
    )
}
FUTURE_CLASSES: Mapping[str, FutureClass] = {
    item.name: item
    for item in (
        FutureClass(0, "VX", "VIX", 1000, 67, "CBOE Volatility Index Future"),
        FutureClass(1, "VXM", "VXM", 100, 26, "Mini CBOE Volatility Index Future"),
    )
}
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
    return _FUTURES_BASE + ((expiry - _EPOCH).days << 1 | future_class.code)


def decode_future(con_id: int) -> tuple[FutureClass, date] | None:
    """The terms behind a future's id, or None if the id is of another kind."""
    offset = con_id - _FUTURES_BASE
    if not 0 <= offset <= _EXPIRY_MASK << 1 | 1:
        return None
    return _FUTURE_BY_CODE[offset & 1], _EPOCH + timedelta(days=offset >> 1)


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
    """Price grid of a combination of these trading classes: 0.05 for SPX, 0.01 where every leg is a VIX product."""
    return max((OPTION_CLASSES[name].net_tick for name in class_names if name in OPTION_CLASSES), default=0.01)
