"""One look at the daily series: the running session where everything asked for has a value of it, else the last close.

Rules
- What is compared is of one day: if one of several series has no running value, all are taken at the last close.
- A series whose last value is older than the last session is behind and says nothing; the reason names it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Generic, NamedTuple, TypeVar

from strategies.signals.daily import Daily
from strategies.signals.lines import Line, Pair

T_co = TypeVar("T_co", covariant=True)


class Found(NamedTuple, Generic[T_co]):
    """What was asked for, of which session, and the moment of its running values (None: it is a close)."""

    what: T_co
    day: date
    live_at: datetime | None


class Look:
    """Finished sessions, and a copy of them with the running one added, its values of the moment `live_at`.

    `last_session` is the exchange's last finished session; closes that end before it make everything unknown.
    """

    def __init__(
        self,
        settled: Daily,
        running: Daily | None = None,
        live_at: datetime | None = None,
        last_session: date | None = None,
    ) -> None:
        self.settled, self.running = settled, running
        self._choices = ((settled, None),) if running is None else ((running, live_at), (settled, None))
        self._fault = ""
        if settled.day is None:
            self._fault = "no finished session is known"
        elif last_session is not None and settled.day != last_session:
            self._fault = f"closes end with {settled.day}, the last session was {last_session}"

    def lines(self, *names: str) -> Found[tuple[Line, ...]] | str:
        """The series, all of one day; the reason why not."""
        if self._fault:
            return self._fault
        for daily, live_at in self._choices:
            found, day = tuple([daily.lines[name] for name in names]), daily.day
            if day is not None and [line.day for line in found].count(day) == len(found):
                return Found(found, day, live_at)
        behind = next((name for name in names if self.settled.lines[name].day != self.settled.day), names[0])
        return f"{behind} has no close of {self.settled.day}"

    def line(self, name: str) -> Line | None:
        """One series at its newest, None when it is behind."""
        found = self.lines(name)
        return None if isinstance(found, str) else found.what[0]

    def close(self, name: str) -> float | None:
        """The last close of a series, None when it is behind."""
        line = self.settled.lines[name]
        return None if self._fault or line.day != self.settled.day else line.last

    def pair(self, name: str) -> Found[Pair] | str:
        """Two series in step, at the newest session both have; the reason why not."""
        if self._fault:
            return self._fault
        for daily, live_at in self._choices:
            pair = daily.pairs[name]
            if daily.day is not None and pair.day == daily.day:
                return Found(pair, daily.day, live_at)
        return f"{name.replace('_', ' and ', 1)} have no common close of {self.settled.day}"
