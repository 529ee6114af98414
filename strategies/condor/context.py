"""What every rule of one decision looks at, read from the view once, and the record of what the rules concluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple

import msgspec

from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor
from strategies.condor.params import CondorParams
from strategies.condor.walk import Walk
from strategies.domain.book import Book
from strategies.domain.control import Control, LinkState, TradingState
from strategies.domain.decision import Decision, DecisionVerdict, Scalar
from strategies.domain.hedge import Demand
from strategies.domain.instruments import Future
from strategies.domain.market import Board, Market
from strategies.domain.marks import Mark
from strategies.domain.orders import DOUBTFUL_STATES, CancelIntent, OrderRecord, OrderState, PlaceIntent
from strategies.domain.same import Same
from strategies.domain.session import Calendar, SessionDay
from strategies.signals.curve import CurveReading, Regime
from strategies.signals.macro import MacroWord
from strategies.signals.signals import Outlook
from strategies.signals.tiers import Tier

NOTHING_TOLD, HEDGE_OFF = MacroWord(), HedgeWord()


class _Hours(NamedTuple):
    """Of one session, in UTC: orders may be sent from `opens` on and before `closes`; the index closes."""

    opens: datetime
    closes: datetime
    index_close: datetime


@lru_cache(maxsize=16)
def _hours(seen: Same[SessionDay], from_open_min: float, before_close_min: float) -> _Hours:
    """Every rule asks at every look; between two moments in New York the time zone is asked each time."""
    session = seen.value
    return _Hours(
        (session.open_at + timedelta(minutes=from_open_min)).astimezone(UTC),
        (session.index_close_at - timedelta(minutes=before_close_min)).astimezone(UTC),
        session.index_close_at.astimezone(UTC),
    )


class Context(msgspec.Struct, frozen=True, dict=True):
    """The moment: time, market levels and signals. `today` and `local` are the exchange's; None is unknown.

    `tier` is by level alone, at once; `outlook` holds the tier with its evidence. `hedge` is what the hedge last said.
    """

    now: datetime
    local: datetime
    today: date
    session: SessionDay | None
    market: Market
    calendar: Calendar
    book: Book
    condors: dict[str, Condor]
    control: Control
    link: LinkState
    params: CondorParams
    pending_refs: frozenset[str]
    spot_points: float | None
    vix_points: float | None
    futures: tuple[Future, ...]
    curve: CurveReading
    regime: Regime
    tier: Tier | None
    crisis_since: datetime | None
    outlook: Outlook | None = None
    macro: MacroWord = NOTHING_TOLD
    hedge: HedgeWord = HEDGE_OFF

    @cached_property
    def can_trade(self) -> bool:
        """Whether orders may be sent at this time of day: the session runs, not its first and last minutes."""
        hours = self._hours
        return hours is not None and hours.opens <= self.now < hours.closes

    @cached_property
    def _hours(self) -> _Hours | None:
        orders = self.params.orders
        if self.session is None:
            return None
        return _hours(Same(self.session), orders.trade_from_open_min, orders.no_orders_before_close_min)

    @property
    def halted(self) -> bool:
        """Whether nothing but cancels may leave."""
        return self.control.state is TradingState.HALTED

    @property
    def flattening(self) -> bool:
        """Whether everything is being closed on a person's order (X-FLAT)."""
        return self.control.state is TradingState.FLATTENING

    def minutes_to_close(self) -> float:
        """Minutes until the index closes; infinite outside a session."""
        hours = self._hours
        return float("inf") if hours is None else (hours.index_close - self.now).total_seconds() / 60.0


class Earned(msgspec.Struct, frozen=True):
    """A condor at a session's close: its profit at mid and a day's theta, points per share of one unit."""

    day: date
    profit_points: float
    theta_points: float


class Watch(msgspec.Struct, frozen=True):
    """What the desk remembers about one condor between looks: first samples of a breach, a widening's tries, the last
    closes (C-DEC-1 row 4), and protection asked of the hedge, in dollars per VIX point: by row 4, until a day, and by
    C-ADJ-1, while its reason holds. `leave_rule` closes it for the book's sake (C-THETA-1,
    A-VEGA-2)."""

    stop_at: datetime | None = None
    threat_at: datetime | None = None
    threat_strike: float | None = None
    widen_since: datetime | None = None
    widen_refused: bool = False
    closes: tuple[Earned, ...] = ()
    cut_usd: float | None = None
    cut_until: date | None = None
    narrow_usd: float | None = None
    narrow_refused: bool = False
    leave_rule: str = ""


NOTHING_SEEN = Watch()


@dataclass(slots=True)
class Agenda:
    """The scratch pad of one decision: what was concluded, and the desk's memory as it will be afterwards."""

    ctx: Context
    walks: dict[str, Walk]
    watches: dict[str, Watch]
    counts: dict[str, int]
    live: dict[str, list[OrderRecord]] = field(default_factory=dict)
    cancels: list[CancelIntent] = field(default_factory=list)
    places: list[PlaceIntent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    updates: list[Condor] = field(default_factory=list)
    proposals: list[Condor] = field(default_factory=list)
    option_wants: list[Board] = field(default_factory=list)
    line_wants: list[int] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    demands: list[Demand] = field(default_factory=list)

    def __post_init__(self) -> None:
        for record in self.ctx.book.alive():
            self.live.setdefault(record.intent.owner, []).append(record)

    def note(
        self,
        rule: str,
        subject: str,
        verdict: DecisionVerdict,
        text: str,
        *,
        inputs: Mapping[str, Scalar] | None = None,
        thresholds: Mapping[str, Scalar] | None = None,
        near: float | None = None,
        ref: str | None = None,
    ) -> None:
        """Writes one rule's verdict down."""
        seen, limits = dict(inputs) if inputs else {}, dict(thresholds) if thresholds else {}
        self.decisions.append(Decision(self.ctx.now, rule, subject, verdict, text, seen, limits, near, ref))

    def settled(self) -> tuple[Decision, ...]:
        """One verdict per rule and subject, the last; ACT only where an order follows, with its ref, else it holds."""
        refs = {intent.owner: intent.ref for intent in self.places}
        last: dict[tuple[str, str], Decision] = {}
        act = DecisionVerdict.ACT
        for decision in self.decisions:
            key = (decision.rule, decision.subject)
            last.pop(key, None)
            last[key] = decision
            if decision.verdict is act and decision.intent_ref is None:
                ref = refs.get(decision.subject)
                verdict = act if ref is not None else DecisionVerdict.HOLD
                last[key] = msgspec.structs.replace(decision, verdict=verdict, intent_ref=ref)
        return tuple(last.values())

    def doubtful(self, condor_id: str) -> bool:
        """Whether the fate of one of its orders is unproven."""
        return any(record.state in DOUBTFUL_STATES for record in self.live.get(condor_id, ()))

    def cancel(self, record: OrderRecord, rule: str, text: str) -> None:
        """Asks to cancel an order once; an order already being cancelled is left alone."""
        if record.state in (OrderState.WORKING, OrderState.SENT):
            self.cancels.append(CancelIntent(ref=record.ref, rule=rule, text=text))

    def watch(self, condor_id: str) -> Watch:
        """What is remembered about a condor."""
        return self.watches.get(condor_id, NOTHING_SEEN)

    def remember(self, condor_id: str, **changes: object) -> None:
        """Replaces fields of the memory about a condor."""
        before = self.watch(condor_id)
        after = msgspec.structs.replace(before, **changes)
        if after != before:
            self.watches[condor_id] = after


def distance(value: float, threshold: float) -> float | None:
    """How far a value is from its threshold, as a share of the threshold."""
    return abs(value - threshold) / abs(threshold) if threshold else None
