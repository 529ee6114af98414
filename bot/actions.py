"""What the engine asks the world to do; every action is journaled before the runner performs it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from risk.approval import Approved
from strategies.domain.orders import PlaceIntent


class Submit(msgspec.Struct, frozen=True):
    """Send this approved order. The ticket inside is redeemed at the door, once."""

    approved: Approved


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Cancel one of our orders by ref."""

    ref: str
    reason: str


class CancelAll(msgspec.Struct, frozen=True, tag="cancel_all"):
    """Cancel every working order of the account, ahead of everything queued."""

    reason: str


class AskMargin(msgspec.Struct, frozen=True, tag="ask_margin"):
    """What-if for an intent; answered by MarginAnswered."""

    intent: PlaceIntent


class AskSnapshot(msgspec.Struct, frozen=True, tag="ask_snapshot"):
    """Positions, open orders, completed orders and executions together; answered by BrokerSnapshot."""

    reason: str


class AskChain(msgspec.Struct, frozen=True, tag="ask_chain"):
    """Expiries and strikes; answered by ChainListed."""

    symbol: str
    trading_class: str


class AskOptions(msgspec.Struct, frozen=True, tag="ask_options"):
    """Contract details of one expiry within a strike range (points); answered by InstrumentsLoaded."""

    symbol: str
    trading_class: str
    expiry: date
    low_strike: float
    high_strike: float

    @property
    def wanted(self) -> str:
        """Name of the request in the answering event."""
        return f"{self.trading_class}:{self.expiry.isoformat()}"


class AskReference(msgspec.Struct, frozen=True, tag="ask_reference"):
    """Contract details of the indices and VIX futures; answered by InstrumentsLoaded `indices` and `futures`."""


class BarSource(StrEnum):
    """What a daily history is of."""

    INDEX = "index"
    STOCK = "stock"
    FUTURE = "future"
    EXPIRED = "expired"


class AskBars(msgspec.Struct, frozen=True, tag="ask_bars"):
    """Daily history of an index, an ETF, a loaded future (by `con_id`) or an expired month of VX (by the day in
    `symbol`); answered by BarsLoaded under `symbol`."""

    symbol: str
    count: int
    source: BarSource = BarSource.INDEX
    con_id: int | None = None


class AskCalendar(msgspec.Struct, frozen=True, tag="ask_calendar"):
    """Fresh sessions and events; answered by CalendarLoaded."""


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """The exact set of contracts to quote, most important first; everything else is unsubscribed."""

    con_ids: tuple[int, ...]


class WriteLatch(msgspec.Struct, frozen=True, tag="write_latch"):
    """Make a stop survive restarts: write the latch file."""

    cause: str
    who: str
    reason: str


class ClearLatch(msgspec.Struct, frozen=True, tag="clear_latch"):
    """Remove the latch file after an accepted `arm`."""


class AlertLevel(StrEnum):
    """How loudly a person is told."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(msgspec.Struct, frozen=True, tag="alert"):
    """A sentence for a person; `key` deduplicates."""

    level: AlertLevel
    key: str
    text: str


Action = (
    Submit
    | Cancel
    | CancelAll
    | AskMargin
    | AskSnapshot
    | AskChain
    | AskOptions
    | AskReference
    | AskBars
    | AskCalendar
    | Subscribe
    | WriteLatch
    | ClearLatch
    | Alert
)
