"""What a person sees while a simulation runs: a line per session, and what happened to the condors in between."""

from __future__ import annotations

import sys
from datetime import datetime

from bot.engine.outcome import Outcome
from bot.engine.state import State
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.known import Known
from strategies.domain.session import NEW_YORK

_SHOWN = ("open", "closed", "settled", "quarantine", "abandoned")
_DONE = (CondorState.CLOSED, CondorState.SETTLED, CondorState.ABANDONED)


class Progress:
    """Prints to standard error, plainly, so that it reads the same in a terminal, a file and a pager."""

    def __init__(self, *, quiet: bool, title: str) -> None:
        self._quiet = quiet
        self._title = title
        self._days = 0
        self._day = 0
        self._start_usd: float | None = None

    def start(self, days: int) -> None:
        """Says what is about to be played."""
        self._days = days
        self._line(f"playing {self._title}: {days} sessions\n")
        self._line(f"{'session':<22}{'SPX':>9}{'VIX':>7}{'condors':>9}{'orders':>8}{'fills':>7}{'NLV':>12}{'P/L':>10}")

    def tell(self, at: datetime, level: str, text: str) -> None:
        """An alert, as it happens."""
        if level != "info":
            self._line(f"      {at.astimezone(NEW_YORK):%H:%M}  {level}: {text}")

    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a step: condor moves at once, the day's line after the close."""
        local = envelope.at.astimezone(NEW_YORK)
        for move in outcome.moves:
            if move.what == "condor" and move.after in _SHOWN:
                condor = state.condors.get(move.subject)
                size = f" x{condor.quantity}" if condor is not None and condor.quantity else ""
                credit = f" credit {condor.credit_points:.2f}" if condor is not None and condor.credit_points else ""
                self._line(
                    f"      {local:%H:%M}  {move.subject} {move.before} -> {move.after}{size}{credit} {move.text}"
                )
        event = envelope.event
        if isinstance(event, ev.TimerFired) and event.name == "end_of_day":
            day = event.due_at.astimezone(NEW_YORK).date()
            if state.calendar.session_on(day) is not None:  # the timer also fires on holidays
                self._end_of_day(local, state)

    def _end_of_day(self, local: datetime, state: State) -> None:
        self._day += 1
        nlv = state.account.value.net_liquidation_usd if isinstance(state.account, Known) else None
        if self._start_usd is None:
            self._start_usd = nlv
        change = None if nlv is None or self._start_usd is None else nlv - self._start_usd
        spx, vix = (q.level if (q := state.market.level(s)) is not None else None for s in ("SPX", "VIX"))
        held = sum(c.quantity for c in state.condors.values() if c.state not in _DONE)
        today = [o for o in state.book.orders.values() if o.approved_at.astimezone(NEW_YORK).date() == local.date()]
        fills = [f for f in state.book.fills.values() if f.at.astimezone(NEW_YORK).date() == local.date()]
        self._line(
            f"{local:%a %Y-%m-%d} {self._day:>3}/{self._days:<3}{_number(spx, 9, 2)}{_number(vix, 7, 2)}{held:>9}"
            f"{len(today):>8}{len(fills):>7}{_number(nlv, 12, 0)}{_number(change, 10, 0)}"
        )

    def _line(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'?':>{width}}" if value is None else f"{value:>{width},.{digits}f}"
