"""What a look at the hedge is given and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from strategies.alvh.exposure import Exposure, Sold
from strategies.alvh.lattice import Held, Slot
from strategies.alvh.memory import AlvhMemory
from strategies.alvh.params import AlvhParams
from strategies.alvh.targets import Band, Target
from strategies.domain.book import Book
from strategies.domain.decision import Decision
from strategies.domain.hedge import Demand
from strategies.domain.instruments import Future
from strategies.domain.market import Board, Market
from strategies.domain.marks import Mark
from strategies.domain.orders import CancelIntent, PlaceIntent
from strategies.signals.curve import Regime
from strategies.signals.signals import Outlook


class HedgeMacro(NamedTuple):
    """What the macro inputs say: L2 confirmed (M-MAC-3), benign (M-MAC-4), fresh alarm; neutral by default.

    `elevated`: CPI or PPI (A-VEGA-3). `addon_pct` enlarges the intermediate layer (M-MAC-6)."""

    confirmed: bool = False
    benign: bool = False
    alarm: bool = False
    elevated: bool = False
    addon_pct: float = 0.0


class HedgeView(NamedTuple):
    """Everything the hedge may look at. `may_trade`: orders may be sent at this time and in this trading state;
    `may_open`: new protection too; `at_close`: the minutes that count as the session's close; `judged`: an entry waits
    for the exposure of this look; `held_back`: why discretionary additions may not begin (G-GOV-1, G-GOV-4);
    `demands`: what the condors' rules ask for (C-DEC-1)."""

    now: datetime
    today: date
    market: Market
    book: Book
    futures: tuple[Future, ...]
    slots: dict[int, Slot]
    holdings: tuple[Held, ...]
    condors: Sequence[Sold]
    planned: bool
    marks: Mapping[int, Mark]
    outlook: Outlook
    official: Regime
    macro: HedgeMacro
    nlv_usd: float | None
    spot_points: float | None
    vix_points: float | None
    rate: float
    carry_rate: float
    params: AlvhParams
    memory: AlvhMemory
    may_trade: bool
    may_open: bool
    at_close: bool
    pending_refs: frozenset[str]
    judged: bool = False
    held_back: str = ""
    demands: tuple[Demand, ...] = ()


class HedgeOutcome(NamedTuple):
    """What the look concluded. `slots` are those the desk itself moved; `exposure` serves the condor rules and is None
    in a look that only waited; `held` is the exposure without a condor that is only planned, told in evaluations."""

    cancels: tuple[CancelIntent, ...]
    places: tuple[PlaceIntent, ...]
    decisions: tuple[Decision, ...]
    slots: dict[int, Slot]
    memory: AlvhMemory
    chains: tuple[tuple[str, str], ...]
    boards: tuple[Board, ...]
    lines: tuple[int, ...]
    marks: dict[int, Mark]
    exposure: Exposure | None
    band: Band | None
    target: Target | None
    held: Exposure | None = None
