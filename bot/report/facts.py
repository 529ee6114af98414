"""What the journal tells of a session, a condor and an execution, before anything is made of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from strategies.domain.instruments import Index, Instrument
from strategies.domain.market import Quote
from strategies.domain.session import MacroEvent, SessionDay

Json = dict[str, Any]


class Marks:
    """What every quoted contract was worth, by minute: the last word of each minute, in points per share.

    `before` is what each was worth when the session before ended, `before_at` when that was told.
    """

    def __init__(self, before: dict[int, float], before_at: datetime | None) -> None:
        self.before = before
        self.before_at = before_at
        self._minutes: dict[int, list[int]] = {}
        self._values: dict[int, list[float]] = {}

    def put(self, minute: int, con_id: int, value: float) -> None:
        """Notes a worth; minutes (whole, since 1970) never fall."""
        minutes = self._minutes.get(con_id)
        if minutes is None:
            self._minutes[con_id], self._values[con_id] = [minute], [value]
        elif minutes[-1] == minute:
            self._values[con_id][-1] = value
        else:
            minutes.append(minute)
            self._values[con_id].append(value)

    def at(self, con_id: int, minute: int) -> float | None:
        """The last worth told up to the end of a minute; None before the first."""
        found = bisect_right(self._minutes.get(con_id, []), minute)
        return self._values[con_id][found - 1] if found else self.before.get(con_id)

    def told(self, con_id: int) -> tuple[list[int], list[float]]:
        """Minutes and worths as they were told in this session."""
        return self._minutes.get(con_id, []), self._values.get(con_id, [])

    def last_minute(self, con_id: int) -> int | None:
        """The minute of the last word on a contract."""
        minutes = self._minutes.get(con_id)
        return minutes[-1] if minutes else None


CHEAP_POINTS = 1.0
"""Up to this offer nobody's bid means a worth between nothing and the offer; above, that nobody quotes just now."""


def worth(quote: Quote, instrument: Instrument | None) -> float | None:
    """Points per share that a quote says: mid; half a small offer where nobody bids; an index its last level."""
    mid = quote.mid
    if mid is not None:
        return mid
    if isinstance(instrument, Index):
        return quote.last
    if quote.bid is None and quote.ask is not None and 0.0 < quote.ask <= CHEAP_POINTS:
        return 0.5 * quote.ask
    return None


class Trade(NamedTuple):
    """One execution or settlement in money. `quantity` is signed contracts, `price_points` per share; `holder` a
    condor's id, a hedge layer, or `other`; commissions positive. A settlement closes at its payoff."""

    at: datetime
    con_id: int
    quantity: int
    price_points: float
    multiplier: int
    commission_usd: float
    holder: str
    slot: int | None
    ref: str
    settled: bool = False
    future: bool = False

    @property
    def cash_usd(self) -> float:
        """Dollars received (positive) or paid, before commission."""
        return -self.quantity * self.price_points * self.multiplier


@dataclass
class SessionFacts:
    """One trade date as the journal tells it. Levels in points, money in dollars, None where nothing was said."""

    day: str
    first_seq: int
    marks: Marks
    last_seq: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    config_hash: str = ""
    code_version: str = ""
    config_changes: list[Json] = field(default_factory=list)
    spx: Json = field(default_factory=dict)
    vix: Json = field(default_factory=dict)
    nlv_before_usd: float | None = None
    nlv_start_usd: float | None = None
    nlv_end_usd: float | None = None
    cash_before_usd: float | None = None
    cash_end_usd: float | None = None
    closing: dict[int, Quote] = field(default_factory=dict)
    """The last quote of each contract in which somebody offered: after the close the broker takes both sides away."""
    equity: list[tuple[datetime, float]] = field(default_factory=list)
    samples: list[Json] = field(default_factory=list)
    decisions: list[Json] = field(default_factory=list)
    verdicts: list[Json] = field(default_factory=list)
    orders: list[Json] = field(default_factory=list)
    fills: list[Json] = field(default_factory=list)
    faults: list[Json] = field(default_factory=list)
    alerts: list[Json] = field(default_factory=list)
    operator: list[Json] = field(default_factory=list)
    caps: dict[str, Json] = field(default_factory=dict)
    slots_before: dict[str, str] = field(default_factory=dict)
    slot_moves: list[Json] = field(default_factory=list)
    snapshots: list[Json] = field(default_factory=list)
    blind: list[Json] = field(default_factory=list)
    hours: SessionDay | None = None
    releases: tuple[MacroEvent, ...] = ()
    blind_s: float = 0.0
    reconnects: int = 0
    events: int = 0


@dataclass
class CondorFacts:
    """One condor over its whole life. `cash_usd` is what fills and settlements brought, commissions apart."""

    id: str
    states: list[Json] = field(default_factory=list)
    legs: dict[int, str] = field(default_factory=dict)
    expiry: str | None = None
    entry_units: int = 0
    entry_cash_usd: float = 0.0
    width_points: float | None = None
    multiplier: int = 100
    exit_rule: str | None = None
    cash_usd: float = 0.0
    commission_usd: float = 0.0
    held: dict[int, int] = field(default_factory=dict)
