"""Everything the gate may look at, as one immutable value built by the engine."""

from __future__ import annotations

from datetime import datetime

import msgspec

from risk.watch import Watch
from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Book
from strategies.domain.control import Control, LinkState
from strategies.domain.known import Known, Unknown
from strategies.domain.market import Market
from strategies.domain.marks import BrokerModel, Mark
from strategies.domain.session import Calendar

__all__ = ["Holding", "Mark", "RiskView"]


class Holding(msgspec.Struct, frozen=True):
    """Signed contracts of one instrument of one owner; `owner` None for what nothing of ours explains.

    `average_price_points` in points per share, None where unknown: of a condor, net cash paid divided by the signed
    quantity; of the hedge, which lives on, the average price of what is still held. `slot` is the hedge slot.
    """

    owner: str | None
    con_id: int
    quantity: int
    average_price_points: float | None
    slot: int | None = None


class RiskView(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the world at one verdict.

    `snapshot_epoch` is the connection on which broker and journal were last compared completely; `marks` has what a
    revaluation needs per con id; `models` what the broker's model said of the order's legs with its what-if, which is
    `margin`; `mismatch_since` is when broker and journal positions were first seen to differ, None while they agree.
    `snapshot_at` is when the last complete comparison with the broker was begun; `host_watched` is False in a simulated
    market, whose host is not measured.
    """

    now: datetime
    market: Market
    calendar: Calendar
    book: Book
    holdings: tuple[Holding, ...]
    account: Known[AccountSnapshot] | Unknown
    day_start_nlv_usd: float | None
    week_start_nlv_usd: float | None
    high_water_usd: float | None
    link: LinkState
    snapshot_epoch: int | None
    control: Control
    expected_account: str
    accounts: tuple[str, ...]
    margin: Known[MarginImpact] | Unknown
    marks: dict[int, Mark] = {}
    models: dict[int, BrokerModel] = {}
    kill_file: bool = False
    mismatch_since: datetime | None = None
    snapshot_at: datetime | None = None
    watch: Watch = Watch()
    host_watched: bool = True
