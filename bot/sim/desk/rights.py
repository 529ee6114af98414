"""What market data the login may see, and how a gateway says so.

Rules: with live rights the data is live whatever type was asked for, frozen outside the session where type 2 or 4 was.
Without them types 1 and 2 are refused; types 3 and 4 get the delayed data where it exists, with a warning first.
"""

from __future__ import annotations

from enum import StrEnum

from bot.sim.desk.line import DataKind
from bot.sim.types import ContractSpec, Reject, SecType

FREEZING = frozenset({DataKind.FROZEN, DataKind.DELAYED_FROZEN})
"""Types of data that show the end of the last session while the market is shut."""
DELAYED_WARNING = Reject(10167, "Requested market data is not subscribed. Displaying delayed market data.")
_NOT_SUBSCRIBED = (
    "Requested market data is not subscribed. Check API status by selecting the Account menu then under Management "
    "choose Market Data Subscription Manager and/or availability of delayed data."
)
_NOT_FOR_API = (
    "Requested market data requires additional subscription for API. See link in 'Market Data Connections' dialog for "
    "more details."
)


class DataRights(StrEnum):
    """Market data rights of the login; `DELAYED_ALWAYS` shows delayed data also to those who asked for live data."""

    LIVE = "live"
    DELAYED = "delayed"
    DELAYED_ALWAYS = "delayed_always"
    NONE = "none"


def refusal(rights: DataRights, asked: DataKind, spec: ContractSpec) -> Reject | None:
    """The error of a line that may not be shown, None for one that may: 10089 for stocks, 354 for the rest, 10168
    where delayed data was asked for and there is none."""
    if rights in (DataRights.LIVE, DataRights.DELAYED_ALWAYS):
        return None
    if asked >= DataKind.DELAYED:
        if rights is DataRights.DELAYED:
            return None
        return Reject(10168, "Requested market data is not subscribed. Delayed market data is not enabled.")
    stock = spec.sec_type is SecType.STOCK
    there = "available" if rights is DataRights.DELAYED else "not available"
    words = _NOT_FOR_API if stock else _NOT_SUBSCRIBED
    name = f"{spec.symbol} {spec.long_name}".strip()
    return Reject(10089 if stock else 354, f"{words}Delayed market data is {there}.{name}/TOP/ALL")


def kind_of(asked: DataKind, *, delayed: bool, is_open: bool) -> DataKind:
    """The type of data a permitted line shows while its market is open or shut."""
    frozen = asked in FREEZING and not is_open
    if delayed:
        return DataKind.DELAYED_FROZEN if frozen else DataKind.DELAYED
    return DataKind.FROZEN if frozen else DataKind.LIVE
