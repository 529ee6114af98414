"""Streaming quotes: keeps the lines at the broker equal to what is wanted, one paced message at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bot.ibkr import errors, outbound
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import NotWritten, Wire
from bot.ibkr.lines import Lines
from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane
from bot.ibkr.quotes import QuoteBook
from bot.ports import PostQuote
from strategies.domain.instruments import Instrument, describe
from strategies.domain.marks import BrokerModel


class MarketData:
    """The lines of the current connection and the quotes on them."""

    def __init__(
        self,
        max_lines: int,
        *,
        outbox: Outbox,
        faults: Faults,
        instruments: dict[int, Instrument],
        post_quote: PostQuote,
        now: Callable[[], datetime],
    ) -> None:
        self._outbox = outbox
        self._faults = faults
        self._instruments = instruments
        self._post_quote = post_quote
        self._now = now
        self._lines = Lines(max_lines)
        self._wire: Wire | None = None
        self._stepping = False
        self._resumed = False
        self.book = QuoteBook(0)

    @property
    def live(self) -> int:
        """Lines in use."""
        return self._lines.live

    def begin(self, wire: Wire, epoch: int) -> None:
        """A new connection: every wanted line is requested again under the new epoch, once `resume` is called."""
        self._wire = wire
        self.book = QuoteBook(epoch)
        self._lines.forget()
        self._stepping = False
        self._resumed = False

    def resume(self) -> None:
        """The snapshot of this connection is complete: quotes may take what is left of the message budget."""
        if self._wire is not None and not self._resumed:
            self._resumed = True
            self._outbox.send(Lane.DATA, self._ask_live)
            self._go_on()

    def end(self) -> None:
        """The connection is gone, and with it every line."""
        self._wire = None
        self._lines.forget()

    def want(self, instruments: Sequence[Instrument]) -> None:
        """Sets the exact wanted set, most important first."""
        left_out = self._lines.want(instrument.con_id for instrument in instruments)
        if left_out:
            names = ", ".join(describe(self._instruments[con_id]) for con_id in left_out[:5])
            self._faults.note("DATA-LINES", f"{len(left_out)} contracts are over the line budget, such as {names}")
        self._go_on()

    def renew(self) -> None:
        """Drops and requests every line again: the broker forgot them or stopped sending."""
        self._lines.renew()
        self._go_on()

    def models(self, con_ids: Iterable[int]) -> tuple[BrokerModel, ...]:
        """What the broker's model says of some contracts on this connection."""
        return self.book.models(con_ids)

    def drain(self) -> None:
        """Posts the quotes that changed in this read of the socket."""
        for quote in self.book.drain(self._now()):
            self._post_quote(quote)

    def on_error(self, request_id: int, code: int, text: str) -> bool:
        """An error that names a line; False if the id is none."""
        con_id = self.book.con_id(request_id)
        if con_id is None:
            return False
        instrument = self._instruments.get(con_id)
        name = describe(instrument) if instrument is not None else str(con_id)
        if code == errors.COMPETING_SESSION:
            self._faults.note("DATA-10197", f"live data stopped: another session of the same user has it ({text})")
            self.book.freeze()
        else:
            self._faults.note(f"DATA-{code}", f"market data of {name}: {text}")
            if errors.ends_request(code):
                self._give_up(request_id, con_id)
        return True

    def _give_up(self, request_id: int, con_id: int) -> None:
        """The broker does not serve this line; it is not asked again until the wanted set changes."""
        self.book.close(request_id)
        self._lines.dropped(con_id)
        self._lines.remove(con_id)

    def _ask_live(self) -> None:
        if self._wire is not None:
            self._wire.live_data_only()

    def _go_on(self) -> None:
        """At most one step waits in the lane, so that other requests pass between two steps."""
        if self._wire is not None and self._resumed and not self._stepping and self._lines.step() is not None:
            self._stepping = True
            self._outbox.send(Lane.DATA, self._step)

    def _step(self) -> None:
        self._stepping = False
        step = self._lines.step()
        if step is None or self._wire is None:
            return
        try:
            if step.request_id is not None:
                self._lines.dropped(step.con_id)
                self.book.close(step.request_id)
                self._wire.close_line(step.request_id)
            else:
                request_id = self._wire.next_id()
                self._lines.added(step.con_id, request_id)
                self.book.open(request_id, step.con_id)
                self._wire.open_line(request_id, outbound.contract(self._instruments[step.con_id]))
        except NotWritten:
            return  # the connection just ended; the next one asks for every line again
        self._go_on()
