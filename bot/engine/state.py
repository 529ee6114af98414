"""Everything the bot knows, as one immutable value: a fold of the journal's events and nothing else."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from bot.engine.consent import Consent
from risk.governance import GovernanceParams, Mode
from risk.limits import Limits
from risk.watch import Watch
from strategies.alvh.lattice import Slot, fresh_lattice
from strategies.alvh.params import AlvhParams
from strategies.condor.machine import Condor
from strategies.condor.params import CondorParams
from strategies.desk import DeskState
from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Book
from strategies.domain.control import Control, LinkState
from strategies.domain.flatten import Flatten
from strategies.domain.known import Known, Unknown
from strategies.domain.macro import MacroInput
from strategies.domain.market import Market
from strategies.domain.marks import BrokerModel, Mark
from strategies.domain.orders import PlaceIntent
from strategies.domain.session import Calendar
from strategies.signals.signals import SignalParams


class EngineParams(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently the engine supervises orders and requests; all durations in seconds of market time."""

    ack_deadline_s: float = 5.0
    cancel_again_s: float = 10.0
    attention_s: float = 600.0
    ask_again_s: float = 30.0
    snapshot_every_s: float = 30.0
    prove_again_s: float = 3.0
    absences_needed: int = 3
    margin_deadline_s: float = 10.0
    bars_count: int = 300
    hold_decision_every_s: float = 1800.0
    sample_every_s: float = 60.0


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What a run decides with: recorded in RunStarted, so that a replay uses the same numbers."""

    condor: CondorParams
    limits: Limits
    engine: EngineParams = EngineParams()
    alvh: AlvhParams = AlvhParams()
    signals: SignalParams = SignalParams()
    governance: GovernanceParams = GovernanceParams()


class Link(msgspec.Struct, frozen=True):
    """The broker connection as the engine knows it. `synced_epoch` is the epoch of the last complete snapshot."""

    state: LinkState = LinkState.DOWN
    epoch: int = 0
    reason: str = "not connected yet"
    accounts: tuple[str, ...] = ()
    since: datetime | None = None
    synced_epoch: int | None = None


class Baselines(msgspec.Struct, frozen=True):
    """Reference values of net liquidation in dollars that loss limits measure from; None until first reported."""

    day: date | None = None
    day_start_usd: float | None = None
    week: tuple[int, int] | None = None
    week_start_usd: float | None = None
    high_water_usd: float | None = None


class PendingMargin(msgspec.Struct, frozen=True):
    """An intent waiting for the broker's what-if answer."""

    intent: PlaceIntent
    asked_at: datetime


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker shows of a condor that its own orders do not explain.

    `left` is signed contracts per con id that remain to it, `revisions` counts the executions on them with their
    corrections, `noted_at` is when this was first seen. `first_at` and `last_at` are when the first and the last of the
    complete snapshots were begun that showed the same after that; None before any.
    """

    left: dict[int, int]
    revisions: int
    noted_at: datetime
    first_at: datetime | None = None
    last_at: datetime | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. Dicts inside are replaced, never mutated.

    `caps_wanted`: parameters (JSON) whose looser caps wait for `arm`.
    """

    now: datetime | None = None
    seq: int = 0
    run_id: str = ""
    config_hash: str = ""
    code_version: str = ""
    simulated: bool = False
    expected_account: str = ""
    parameters: Parameters | None = None
    calendar: Calendar = Calendar()
    macro_inputs: tuple[MacroInput, ...] = ()
    market: Market = Market()
    book: Book = Book()
    condors: dict[str, Condor] = {}
    slots: dict[int, Slot] = msgspec.field(default_factory=fresh_lattice)
    control: Control = Control()
    consent: Consent = Consent()
    flatten: Flatten | None = None
    stopping: bool = False
    kill_file: bool = False
    link: Link = Link()
    account: Known[AccountSnapshot] | Unknown = Unknown("not reported yet")
    baselines: Baselines = Baselines()
    watch: Watch = Watch()
    caps_wanted: str = ""
    pending_margin: dict[str, PendingMargin] = {}
    margins: dict[str, Known[MarginImpact] | Unknown] = {}
    models: tuple[BrokerModel, ...] = ()
    asked: dict[str, datetime] = {}
    snapshot_at: datetime | None = None
    open_at_broker: int | None = None
    mismatch_since: datetime | None = None
    outside: dict[str, Outside] = {}
    lines: tuple[int, ...] = ()
    desk: DeskState = DeskState()
    marks: dict[int, Mark] = {}
    decided: dict[str, str] = {}
    decided_at: dict[str, datetime] = {}
    blind_since: dict[str, datetime] = {}
    told_at: dict[str, datetime] = {}
    sampled_at: datetime | None = None

    @property
    def in_force(self) -> Control:
        """The control that decisions obey: a process about to end opens nothing, as if entries were paused; what people
        hold back is in it."""
        held = self.suspended
        if not self.stopping and not held:
            return self.control
        return msgspec.structs.replace(self.control, paused=self.control.paused or self.stopping, suspended=held)

    @property
    def suspended(self) -> dict[str, str]:
        """Classes of actions that may not be begun now: overrides in force, and the promoter's mode (G-GOV-1, -4)."""
        if self.parameters is None or self.now is None:
            return {}
        return self.consent.suspended(self.now, promoter=self.parameters.governance.mode is Mode.PROMOTER)
