"""The moment as every hedge rule sees it, and the record of what the rules concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

from strategies.alvh import spending
from strategies.alvh.exposure import Exposure, Sold, Valuer
from strategies.alvh.joint import Stance
from strategies.alvh.lattice import HedgeAction, Held, Slot
from strategies.alvh.memory import AlvhMemory
from strategies.alvh.params import AlvhParams
from strategies.alvh.pieces import Piece, pieces_of
from strategies.alvh.targets import Band
from strategies.domain.book import Book
from strategies.domain.decision import Decision, DecisionVerdict, Scalar
from strategies.domain.hedge import SLOTS, Demand
from strategies.domain.instruments import Future
from strategies.domain.market import Board, Market
from strategies.domain.marks import Mark
from strategies.domain.orders import CancelIntent, LegIntent, OrderRecord, PlaceIntent
from strategies.domain.settling import awaited, doubted
from strategies.signals.curve import Regime
from strategies.signals.signals import Outlook
from strategies.signals.tiers import Tier

HEDGE = "hedge"
"""Subject of decisions about the whole hedge."""

Inputs = dict[str, Scalar]
"""What a rule saw, by name with its unit."""


@dataclass(frozen=True)
class HedgeContext:
    """What is known. `official` is the debounced regime; `may_open` whether new protection may be sent at this time of
    day at all. The macro word: `confirmed` (M-MAC-3), `benign` (M-MAC-4), a fresh `alarm` (A-VEGA-2), `elevated`
    CPI or PPI (A-VEGA-3), `macro_addon_pct` for the intermediate layer (M-MAC-6).
    """

    now: datetime
    today: date
    market: Market
    book: Book
    futures: tuple[Future, ...]
    slots: dict[int, Slot]
    holdings: tuple[Held, ...]
    condors: Sequence[Sold]
    planned: bool
    outlook: Outlook
    official: Regime
    stance: Stance
    band: Band
    exposure: Exposure
    valuer: Valuer
    nlv_usd: float | None
    vix_points: float | None
    params: AlvhParams
    may_trade: bool
    may_open: bool
    at_close: bool
    confirmed: bool
    benign: bool
    alarm: bool
    elevated: bool
    macro_addon_pct: float
    pending_refs: frozenset[str]
    live: Mapping[int, Sequence[OrderRecord]]
    doubtful: frozenset[int]
    held_back: str = ""
    demands: tuple[Demand, ...] = ()

    @cached_property
    def pieces(self) -> dict[int, list[Piece]]:
        """What each slot holds, in pieces that can be sold."""
        return {slot: pieces_of(self.exposure.of_slot(slot)) for slot in SLOTS}

    @cached_property
    def awaited(self) -> str:
        """Why no hedge order may be sent just now: positions and executions are still coming in. Else empty."""
        return awaited(self.book, self.market)

    @cached_property
    def doubted(self) -> str:
        """Why nothing but sales may be sent just now: an order's end is not proven. Else empty."""
        return doubted(self.book)

    @cached_property
    def month_room_usd(self) -> float | None:
        """What may still be spent of the thirty days' share (C08-30D); None while net liquidation is not known."""
        if self.nlv_usd is None:
            return None
        return self.nlv_usd * self.params.size.spend_month_pct_nlv / 100.0 - spending.spent_usd(self.book, self.now)

    @property
    def tier(self) -> Tier:
        """Stress tier with T-REG-4."""
        return self.outlook.tier

    @property
    def net_n(self) -> float | None:
        """Normalised net vega, None while unknown or without condors."""
        return None if self.exposure.vega is None else self.exposure.vega.net_n

    def busy(self, slot: int, memory: AlvhMemory) -> bool:
        """Whether a slot has an order alive, in doubt, or a walk under way."""
        walking = any(slot in walk.slots for walk in memory.walks.values())
        return walking or slot in self.live or slot in self.doubtful


class Step(NamedTuple):
    """One order that a rule wants: legs per unit, units, the slots it touches (the first names it).

    `share` is the part of the short layer's weight that a rotation moves; it counts once the order is begun. `stage` is
    A-HARV-1's after a sale; it counts once something of it has filled.
    """

    action: HedgeAction
    rule: str
    slots: tuple[int, ...]
    legs: tuple[LegIntent, ...]
    quantity: int
    text: str
    urgent: bool = False
    share: float = 0.0
    stage: int = 0


@dataclass(slots=True)
class HedgeAgenda:
    """The scratch pad of one look."""

    ctx: HedgeContext
    memory: AlvhMemory
    slots: dict[int, Slot]
    cancels: list[CancelIntent] = field(default_factory=list)
    places: list[PlaceIntent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    chains: list[tuple[str, str]] = field(default_factory=list)
    boards: list[Board] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)

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
        row = Decision(
            at=self.ctx.now,
            rule=rule,
            subject=subject,
            verdict=verdict,
            text=text,
            inputs=dict(inputs or {}),
            thresholds=dict(thresholds or {}),
            near=near,
            intent_ref=ref,
        )
        self.decisions.append(row)

    def free(self, slot: int) -> bool:
        """Whether a slot can take an order now: none alive, none walking, none planned in this look."""
        planned = any(slot in step.slots for step in self.steps)
        return not planned and not self.ctx.busy(slot, self.memory)


def nearness(value: float, threshold: float) -> float | None:
    """How far a value is from its threshold, as a share of the threshold; None for a threshold of zero."""
    return abs(value - threshold) / abs(threshold) if threshold else None
