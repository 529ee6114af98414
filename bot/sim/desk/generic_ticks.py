"""The list of generic ticks a client may ask for with its quotes, and how a gateway refuses the rest.

Names are those of the error that gateways answer; the numbers after a slash are older ones for the same series.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from bot.sim.types import SecType

NOTHING_ELSE = "mdoff"
"""The word in a list that switches the ordinary quotes off."""


class Generic(IntEnum):
    """Series that this gateway fills; the others of the list are accepted and stay silent, as where IB has no data."""

    OPTION_VOLUME = 100
    OPEN_INTEREST = 101
    HISTORICAL_VOLATILITY = 104
    AVERAGE_OPTION_VOLUME = 105
    IMPLIED_VOLATILITY = 106
    FUTURE_PREMIUM = 162
    STATISTICS = 165
    MARK_PRICE = 232
    RT_VOLUME = 233
    INVENTORY = 236
    TRADE_COUNT = 293
    TRADE_RATE = 294
    VOLUME_RATE = 295
    LAST_REGULAR_TRADE = 318
    RT_TRADE_VOLUME = 375
    RT_HISTORICAL_VOLATILITY = 411
    DIVIDENDS = 456
    FUTURES_OPEN_INTEREST = 588
    SHORT_TERM_VOLUME = 595


_TRADED_TYPES = frozenset({SecType.STOCK, SecType.OPTION, SecType.FUTURE})
_DIVIDEND_TYPES = frozenset({SecType.STOCK, SecType.OPTION, SecType.FUTURE, SecType.INDEX})
_LEGAL: tuple[tuple[int, int, str, frozenset[SecType] | None], ...] = (
    (100, 0, "Option Volume", None),
    (101, 0, "Option Open Interest", None),
    (105, 0, "Average Opt Volume", None),
    (106, 0, "impvolat", None),
    (162, 0, "Index Future Premium", frozenset({SecType.INDEX})),
    (165, 0, "Misc. Stats", None),
    (221, 220, "Creditman Mark Price", None),
    (225, 0, "Auction", None),
    (232, 221, "Pl Price", None),
    (233, 0, "RTVolume", None),
    (236, 0, "inventory", None),
    (258, 47, "Fundamentals", None),
    (293, 0, "TradeCount", None),
    (294, 0, "TradeRate", None),
    (295, 0, "VolumeRate", None),
    (318, 0, "LastRTHTrade", None),
    (375, 0, "RTTrdVolume", None),
    (411, 0, "rthistvol", None),
    (456, 59, "IBDividends", _DIVIDEND_TYPES),
    (460, 0, "Bond Factor Multiplier", None),
    (577, 0, "EtfNavLast(navlast)", None),
    (586, 0, "IPOHLMPRC", None),
    (587, 0, "Pl Price Delayed", None),
    (588, 0, "Futures Open Interest", None),
    (595, 0, "Short-Term Volume X Mins", _TRADED_TYPES),
    (614, 0, "EtfNavMisc(high/low)", None),
    (619, 0, "Creditman Slow Mark Price", None),
    (623, 0, "EtfFrozenNavLast(fznavlast)", None),
)
"""Number, older number (0 for none), name, and the security types that may ask (None all)."""
_OLDER: Mapping[int, int] = {older: number for number, older, _, _ in _LEGAL if older and older != 221}
_SILENTLY_LEGAL = frozenset({Generic.HISTORICAL_VOLATILITY})  # works, though gateways do not list it
_MARKS = frozenset({220, 221, 232})


def read_generic_ticks(text: str, sec_type: SecType) -> frozenset[int] | None:
    """The series of a list such as '100,101,233'; None where an entry is none that this type may ask for."""
    found = set()
    for entry in (part.strip() for part in text.split(",")):
        if not entry or entry.lower() == NOTHING_ELSE:
            continue
        if not entry.isascii() or not entry.isdigit() or len(entry) > 6:
            return None
        number = int(entry)
        number = Generic.MARK_PRICE if number in _MARKS else _OLDER.get(number, number)
        if number not in _SILENTLY_LEGAL and number not in _legal_for(sec_type):
            return None
        found.add(number)
    return frozenset(found)


def _legal_for(sec_type: SecType) -> frozenset[int]:
    return frozenset(number for number, _, _, types in _LEGAL if types is None or sec_type in types)


def refusal_text(text: str, sec_type: SecType) -> str:
    """The error about a list with an entry that cannot be had, naming what can."""
    names = (
        f"{number}/{older}({name})" if older else f"{number}({name})"
        for number, older, name, types in _LEGAL
        if types is None or sec_type in types
    )
    legal = ",".join(names)
    cause = f"Incorrect generic tick list of {text}.  Legal ones for ({sec_type}) are: {legal}"
    return f"Error validating request.-'bQ' : cause - {cause}"
