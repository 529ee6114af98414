"""Every fact that can enter the engine, and the envelope the runner stamps on it.

Facts are past tense and immutable. Whatever is not an event cannot influence a decision, so a replay of the journal
makes every decision again.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Fill
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.host import HostReading
from strategies.domain.instruments import Instrument
from strategies.domain.known import Known, Unknown
from strategies.domain.macro import MacroInput
from strategies.domain.market import Chain, DailyBar, Quote
from strategies.domain.marks import BrokerModel
from strategies.domain.session import MacroEvent, SessionDay


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all facts."""


# run and calendar ---------------------------------------------------------------------------------
class RunStarted(Event, frozen=True, kw_only=True, tag="run_started"):
    """A process began with this effective configuration (JSON of strategy parameters and caps) and code version.

    `simulated` says that market time is followed from a simulated gateway.
    """

    run_id: str
    config_hash: str
    parameters: str
    code_version: str
    expected_account: str = ""
    simulated: bool = False


class CalendarLoaded(Event, frozen=True, kw_only=True, tag="calendar_loaded"):
    """Sessions and macro events as known now; replaces what was known before."""

    sessions: tuple[SessionDay, ...]
    events: tuple[MacroEvent, ...]
    events_until: date | None


class MacroTold(Event, frozen=True, kw_only=True, tag="macro_told"):
    """Macro inputs as people told them; replaces what was told before. `origin` names the file."""

    inputs: tuple[MacroInput, ...]
    origin: str


class TimerFired(Event, frozen=True, kw_only=True, tag="timer_fired"):
    """A scheduled moment came. `name` is one of the timetable's names, `due_at` when it was due."""

    name: str
    due_at: datetime


class TimerMissed(Event, frozen=True, kw_only=True, tag="timer_missed"):
    """A scheduled moment passed without firing in time."""

    name: str
    due_at: datetime


class OperatorCommanded(Event, frozen=True, kw_only=True, tag="operator_commanded"):
    """A person (or a file, or a signal) ordered something. `confirmed` is the typed confirmation for `arm`.

    `subject`: what `approve`, `decline` and `ack` answer, which condor was `closed` by others, or what `override` holds
    back, `until` when. `approver`:
    whose token was proven, empty without one.
    """

    verb: OperatorVerb
    who: str
    reason: str
    confirmed: bool = False
    subject: str = ""
    approver: str = ""
    until: datetime | None = None


class LatchFound(Event, frozen=True, kw_only=True, tag="latch_found"):
    """The kill latch file was present at start or appeared."""

    who: str
    reason: str


class FaultNoted(Event, frozen=True, kw_only=True, tag="fault_noted"):
    """Something outside went wrong that a person should see: `code` from the fault catalogue."""

    code: str
    text: str


class AlertUnanswered(Event, frozen=True, kw_only=True, tag="alert_unanswered"):
    """Nobody acknowledged an urgent alert in time (`notify.ack_within_min`): `id` as told to people, `text` what it
    said, `told_at` when it happened. New risk stops until a person arms again."""

    id: str
    text: str
    told_at: datetime


class HostMeasured(Event, frozen=True, kw_only=True, tag="host_measured"):
    """How the machine under the bot stands; told every few seconds, except in a simulated market."""

    reading: HostReading


# market -------------------------------------------------------------------------------------------
class InstrumentsLoaded(Event, frozen=True, kw_only=True, tag="instruments_loaded"):
    """Contract details arrived. `wanted` names the request (`indices`, `futures`, `SPXW:2026-04-17`)."""

    wanted: str
    instruments: tuple[Instrument, ...]


class ChainListed(Event, frozen=True, kw_only=True, tag="chain_listed"):
    """Expiries and strikes of an underlying and class."""

    chain: Chain


class QuotesUpdated(Event, frozen=True, kw_only=True, tag="quotes_updated"):
    """Latest quote of each instrument that changed since the last such event (conflated)."""

    quotes: tuple[Quote, ...]


class BarsLoaded(Event, frozen=True, kw_only=True, tag="bars_loaded"):
    """Daily history of an index, oldest first, sessions before today only."""

    symbol: str
    bars: tuple[DailyBar, ...]


class RequestFailed(Event, frozen=True, kw_only=True, tag="request_failed"):
    """A request missed its deadline or was refused. `wanted` as in the request."""

    wanted: str
    reason: str


# link and account ---------------------------------------------------------------------------------
class LinkChanged(Event, frozen=True, kw_only=True, tag="link_changed"):
    """The connection changed state. `epoch` counts connections; quotes of an older epoch are stale."""

    state: LinkState
    epoch: int
    reason: str
    accounts: tuple[str, ...] = ()
    server_version: int | None = None


class AccountReported(Event, frozen=True, kw_only=True, tag="account_reported"):
    """Account figures from the broker."""

    snapshot: AccountSnapshot


class BrokerOrderStatus(StrEnum):
    """The broker's own words for an order."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    API_PENDING = "ApiPending"
    PENDING_CANCEL = "PendingCancel"
    CANCELLED = "Cancelled"
    API_CANCELLED = "ApiCancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"
    OTHER = "Other"


class BrokerOrder(msgspec.Struct, frozen=True):
    """An order as a broker snapshot shows it. `ref` is empty for orders that are not ours."""

    ref: str
    perm_id: int
    order_id: int
    client_id: int
    status: BrokerOrderStatus
    filled: float
    remaining: float
    text: str = ""


class BrokerSnapshot(Event, frozen=True, kw_only=True, tag="broker_snapshot"):
    """Positions, open orders, completed orders and executions asked for together, each complete or Unknown.

    Positions are signed contracts per con id. Fills in it may be ones already known. `started_at` is market time
    before the first of the requests: the snapshot proves nothing about orders sent after it.
    """

    reason: str
    epoch: int
    started_at: datetime
    positions: Known[dict[int, int]] | Unknown
    open_orders: Known[tuple[BrokerOrder, ...]] | Unknown
    completed_orders: Known[tuple[BrokerOrder, ...]] | Unknown
    executions: Known[tuple[Fill, ...]] | Unknown


# orders -------------------------------------------------------------------------------------------
class OrderSent(Event, frozen=True, kw_only=True, tag="order_sent"):
    """The order's bytes were handed to the socket."""

    ref: str
    order_id: int


class SendRefused(Event, frozen=True, kw_only=True, tag="send_refused"):
    """The order was not written: latch, link or ticket. It certainly never reached the broker."""

    ref: str
    reason: str


class OrderStatusReported(Event, frozen=True, kw_only=True, tag="order_status_reported"):
    """Raw status from the wire, untouched by the client library's own bookkeeping."""

    ref: str
    perm_id: int
    status: BrokerOrderStatus
    filled: float
    remaining: float


class ErrorMeaning(StrEnum):
    """What the adapter's code table says about an error that named an order; an unlisted code is ambiguous."""

    REJECTED = "rejected"
    CANCEL_CONFIRMED = "cancel_confirmed"
    INFORMATION = "information"
    AMBIGUOUS = "ambiguous"


class OrderErrored(Event, frozen=True, kw_only=True, tag="order_errored"):
    """An error or notice that named one of our orders. `code` is the broker's, for people; `meaning` is what counts."""

    ref: str
    code: int
    text: str
    meaning: ErrorMeaning


class Filled(Event, frozen=True, kw_only=True, tag="filled"):
    """An execution of one leg."""

    fill: Fill


class CommissionReported(Event, frozen=True, kw_only=True, tag="commission_reported"):
    """Commission of one execution in dollars."""

    exec_id: str
    commission_usd: float


class MarginAnswered(Event, frozen=True, kw_only=True, tag="margin_answered"):
    """The what-if of an intended order, and what the broker's model said of its legs when it was answered; a leg of
    which it said nothing is left out."""

    ref: str
    impact: Known[MarginImpact] | Unknown
    models: tuple[BrokerModel, ...] = ()


AnyEvent = (
    RunStarted
    | CalendarLoaded
    | MacroTold
    | TimerFired
    | TimerMissed
    | OperatorCommanded
    | LatchFound
    | FaultNoted
    | AlertUnanswered
    | HostMeasured
    | InstrumentsLoaded
    | ChainListed
    | QuotesUpdated
    | BarsLoaded
    | RequestFailed
    | LinkChanged
    | AccountReported
    | BrokerSnapshot
    | OrderSent
    | SendRefused
    | OrderStatusReported
    | OrderErrored
    | Filled
    | CommissionReported
    | MarginAnswered
)


class Envelope(msgspec.Struct, frozen=True):
    """A fact with its place in the journal: `seq` rises by one, `at` is the only clock reading a decision may use."""

    seq: int
    at: datetime
    event: AnyEvent
