"""The sockets of the house: what the runner needs from a broker, a clock and a journal, as protocols.

`compose` is the only place that chooses real, simulated or replayed ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bot.actions import AskBars, AskChain, AskMargin, AskOptions, AskReference, AskSnapshot
from risk.approval import Approved
from strategies.domain.events import AnyEvent
from strategies.domain.instruments import Instrument
from strategies.domain.market import Quote

PostFact = Callable[[AnyEvent], None]
"""Where a broker puts facts; never blocks, never coalesces."""

PostQuote = Callable[[Quote], None]
"""Where a broker puts quotes; the latest per instrument wins."""


class Clock(Protocol):
    """Market time. Durations for deadlines come from the event loop, never from here."""

    def now(self) -> datetime:
        """Aware UTC market time."""
        ...


class Broker(Protocol):
    """The one door to the market. Calls return at once; answers arrive as facts.

    Nothing here raises for a dead link: an order that cannot be written is answered by SendRefused, a request by
    RequestFailed or a snapshot with Unknown parts.
    """

    async def start(self) -> None:
        """Begins connecting and keeps the connection alive until `stop`."""
        ...

    async def stop(self) -> None:
        """Disconnects in order; working orders stay as they are."""
        ...

    def submit(self, approved: Approved) -> None:
        """Redeems the ticket and writes the order; answers OrderSent or SendRefused."""
        ...

    def cancel(self, ref: str) -> None:
        """Asks the broker to cancel our order, in the fast lane."""
        ...

    def cancel_all(self) -> None:
        """Global cancel, ahead of every queue, dropping our own unsent orders (each answered by SendRefused)."""
        ...

    def subscribe(self, instruments: tuple[Instrument, ...]) -> None:
        """Makes the set of streaming quotes exactly this, most important first, within the line budget."""
        ...

    def ask_reference(self, ask: AskReference) -> None:
        """Loads indices and VIX futures."""
        ...

    def ask_chain(self, ask: AskChain) -> None:
        """Loads expiries and strikes."""
        ...

    def ask_options(self, ask: AskOptions) -> None:
        """Loads contracts of one expiry."""
        ...

    def ask_bars(self, ask: AskBars) -> None:
        """Loads daily history."""
        ...

    def ask_margin(self, ask: AskMargin, instruments: tuple[Instrument, ...]) -> None:
        """Asks the broker's what-if; Unknown after the deadline or a nonsense answer."""
        ...

    def ask_snapshot(self, ask: AskSnapshot) -> None:
        """Asks positions, open orders, completed orders and executions."""
        ...
