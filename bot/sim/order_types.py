"""Which order types the venue works, for what and how; and which it refuses, saying so.

Rules: one row per type, nothing about a type is decided elsewhere. What IB offers and this venue does not work is
refused with IB's code 387 and a text that names it. Source for what IB takes where: its order type pages; a
market-on-close order for an option is refused with 387 as a live gateway does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bot.sim.order_terms import OrderType, TimeInForce
from bot.sim.types import SecType

_SHARES = frozenset({SecType.STOCK})
_SINGLE = frozenset({SecType.STOCK, SecType.OPTION, SecType.FUTURE})
_ANY = _SINGLE | {SecType.BAG}


class Style(StrEnum):
    """How an order trades once nothing holds it."""

    AT_MARKET = "at market"
    AT_LIMIT = "at limit"
    AT_MARKET_THEN_LIMIT = "at market, the rest at the price of the first fill"
    WITH_THE_NEAR_SIDE = "at the near side and its offset, not beyond the limit"
    AT_THE_MID = "at the mid, not beyond the limit"
    IN_THE_CLOSE = "once, at the closing price"


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What an order type needs and where it is taken. `limit` and `aux` say whether those prices must be given;
    `limit_possible` that a limit may be given as a cap."""

    style: Style
    sec_types: frozenset[SecType]
    limit: bool = False
    limit_possible: bool = False
    aux: bool = False


RULES: Mapping[OrderType, TypeRule] = {
    OrderType.MARKET: TypeRule(Style.AT_MARKET, _ANY),
    OrderType.LIMIT: TypeRule(Style.AT_LIMIT, _ANY, limit=True),
    OrderType.STOP: TypeRule(Style.AT_MARKET, _ANY, aux=True),
    OrderType.STOP_LIMIT: TypeRule(Style.AT_LIMIT, _ANY, limit=True, aux=True),
    OrderType.TRAIL: TypeRule(Style.AT_MARKET, _ANY),
    OrderType.TRAIL_LIMIT: TypeRule(Style.AT_LIMIT, _ANY, limit_possible=True),
    OrderType.MARKET_IF_TOUCHED: TypeRule(Style.AT_MARKET, _ANY, aux=True),
    OrderType.LIMIT_IF_TOUCHED: TypeRule(Style.AT_LIMIT, _ANY, limit=True, aux=True),
    OrderType.MARKET_ON_CLOSE: TypeRule(Style.IN_THE_CLOSE, _SHARES),
    OrderType.LIMIT_ON_CLOSE: TypeRule(Style.IN_THE_CLOSE, _SHARES, limit=True),
    OrderType.MARKET_TO_LIMIT: TypeRule(Style.AT_MARKET_THEN_LIMIT, _SINGLE),
    OrderType.RELATIVE: TypeRule(
        Style.WITH_THE_NEAR_SIDE, frozenset({SecType.STOCK, SecType.OPTION}), limit_possible=True
    ),
    OrderType.MIDPRICE: TypeRule(Style.AT_THE_MID, _SHARES, limit_possible=True),
}

NOT_WORKED: Mapping[str, str] = {
    "BOX TOP": "market-to-limit at the best price of the BOX exchange",
    "FIX PEGGED": "pegged with a fixed offset",
    "LMT + MKT": "combination order with one leg at the market",
    "MKT PRT": "market with protection",
    "PASSV REL": "passive relative",
    "PEG BENCH": "pegged to a benchmark",
    "PEG BEST": "pegged to best in IB's own venue",
    "PEG MID": "pegged to mid in IB's own venue",
    "PEG MKT": "pegged to market",
    "PEG PRIM": "pegged to primary",
    "PEG STK": "pegged to the stock",
    "REL + LMT": "combination order with a relative leg",
    "REL + MKT": "combination order with a relative leg",
    "REL2MID": "relative to mid",
    "RPI": "retail price improvement",
    "SNAP MID": "snap to mid",
    "SNAP MKT": "snap to market",
    "SNAP PRIM": "snap to primary",
    "STP PRT": "stop with protection",
    "TRAIL LIT": "trailing limit if touched",
    "TRAIL MIT": "trailing market if touched",
    "VOL": "priced by volatility",
    "VWAP": "volume-weighted average price",
}
"""What IB takes and this venue does not work, and what each word means."""

SIMULATED_ALGO = "Adaptive"
KNOWN_ALGOS = frozenset(
    {
        "AD",
        "ArrivalPx",
        "BalanceImpactRisk",
        "ClosePx",
        "DarkIce",
        "MinImpact",
        "PctVol",
        "PctVolPx",
        "PctVolSz",
        "PctVolTm",
        "Twap",
        "Vwap",
    }
)
"""IB's other algorithms: known, not worked."""

TIMES_BY_TYPE: Mapping[OrderType, frozenset[TimeInForce]] = {
    OrderType.MARKET_ON_CLOSE: frozenset({TimeInForce.DAY}),
    OrderType.LIMIT_ON_CLOSE: frozenset({TimeInForce.DAY}),
}
"""Types that take only these times in force; the others take what `takes` allows."""

_AT_ONCE = frozenset({TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL})
_PLAIN = frozenset({OrderType.MARKET, OrderType.LIMIT})


def takes(order_type: OrderType, tif: TimeInForce) -> bool:
    """Whether the type works with the time in force: an order that waits for the market cannot be immediate."""
    allowed = TIMES_BY_TYPE.get(order_type)
    if allowed is not None:
        return tif in allowed
    if tif in _AT_ONCE or tif is TimeInForce.AT_THE_OPENING:
        return order_type in _PLAIN
    return True


@lru_cache
def order_types_of(sec_type: SecType) -> str:
    """The `orderTypes` field of contract details: what is taken for a contract of this kind, with IB's attributes."""
    words = [order_type.value.replace(" ", "") for order_type, rule in RULES.items() if sec_type in rule.sec_types]
    return ",".join(sorted({"ACTIVETIM", "AON", "DAY", "GTC", "GTD", "IOC", "OCA", "WHATIF", *words}))
