"""What the hedge remembers between two looks: walks, the inversion's episode, dwell clocks, harvest stages, reserve."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from strategies.alvh.lattice import HedgeAction
from strategies.alvh.params import HedgeKind
from strategies.domain.orders import LegIntent


class HedgeWalk(msgspec.Struct, frozen=True):
    """A row of orders with the same legs, each priced a little worse, until its units are filled or it is given up.

    Known by the first slot it touches. `quantity` is what was wanted in all; `filled` what earlier attempts brought;
    `costs` is what each contract sold had cost, points per share.
    """

    action: HedgeAction
    rule: str
    slots: tuple[int, ...]
    legs: tuple[LegIntent, ...]
    quantity: int
    chain_ref: str
    ref: str
    attempt: int
    at: datetime
    urgent: bool = False
    filled: int = 0
    share: float = 0.0
    stage: int = 0
    text: str = ""
    costs: dict[int, float] = {}


class Episode(msgspec.Struct, frozen=True):
    """One inversion of the curve and how far protection has moved out in it.

    `inverted_at` and `closes` confirm it (A-ROT-1); `rotated_share` is what has been ordered to move of the short
    layer's weight, slot 4's quarter included, of `share_wanted`; `slot4_moved` after A-ROT-2; `addon_pct` after
    A-ROT-3; `surplus` while the intermediate layer may still hold what an inversion brought (A-ROT-4); `unfilled`
    counts rotations in a row that ended without all of their contracts, the last at `unfilled_at`; `refused` those that
    the gate refused, from `refused_since` to `refused_at`: none of them was ever an order.
    """

    inverted_at: datetime | None = None
    closes: int = 0
    share_wanted: float = 0.0
    rotated_share: float = 0.0
    clips_done: int = 0
    clip_at: datetime | None = None
    slot4_moved: bool = False
    slot4_at: datetime | None = None
    addon_pct: float = 0.0
    preempted: bool = False
    calm_closes: int = 0
    unwind_left: int = 0
    surplus: bool = False
    unfilled: int = 0
    unfilled_at: datetime | None = None
    refused: int = 0
    refused_since: datetime | None = None
    refused_at: datetime | None = None


class Refused(msgspec.Struct, frozen=True):
    """An order that the gate refused or nobody took: how often in a row today, and when last."""

    times: int
    at: datetime


class AlvhMemory(msgspec.Struct, frozen=True):
    """All of it; replaced, never mutated. `counts` numbers the day's orders per slot, `closed_on` is the last session
    whose close was looked at, `stages` what A-HARV-1 has sold of a contract in a slot (1 half, 2 most), `idle_sessions`
    how many went by with nothing to protect, `lines` what the last evaluation looked at: kept coming, or each
    evaluation would have to wait for its quotes again; `reserve_usd` what harvests put aside (A-BUD-3); `refused` the
    day's orders that came to nothing, by slot, action and contracts."""

    walks: dict[int, HedgeWalk] = {}
    counts: dict[int, int] = {}
    day: date | None = None
    evaluated_at: datetime | None = None
    closed_on: date | None = None
    episode: Episode = Episode()
    outside_since: datetime | None = None
    stages: dict[str, int] = {}
    wacc: dict[int, float] = {}
    wacc_total: float = 1.0
    deep: HedgeKind | None = None
    deep_rule: str = ""
    idle_sessions: int = 0
    lines: tuple[int, ...] = ()
    reserve_usd: float = 0.0
    refused: dict[str, Refused] = {}
