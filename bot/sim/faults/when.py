"""When a fault of a script happens: at a market time, or at the n-th of something, and how often.

Rules: without `on` it happens at its time; with `on` its time is when counting begins. What is impossible in the
world at hand is refused before the gateway opens a port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.sim.clock import lived
from bot.sim.exchange.hours import Span
from bot.sim.faults.arguments import Argument, Arguments, FaultError, Kind, flag, read_arguments, seconds, text, whole
from bot.sim.types import TradingDay
from bot.sim.wire.answer_names import Direction, MessageType, message_type


class Happening(StrEnum):
    """What a script can count besides messages."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    ORDER_WORKING = "order_working"
    FILL = "fill"


Occasion = Happening | MessageType

KEYS = (
    whole("day", "session of the world, 1 is the first; with `time`", low=1, default=None),
    Argument("time", Kind.TIME, "New York time on that day", None),
    seconds("after_s", "market seconds after the start of the gateway, in place of day and time", default=None),
    text("on", "what is counted: connect, disconnect, order_working, fill, or a message type", default=None),
    whole("nth", "which one it is, counted from the given time (else from the start)", low=1, default=1),
    whole("every", "again at every so many after that", low=1, default=None),
    seconds("every_s", "again every so many market seconds after its time", low=0.1, default=None),
    whole("times", "how often in all; once where neither every nor every_s is given, else without end", low=1,
          default=None),
    whole("client", "counts only what concerns this client id", default=None),
    flag("before", "for messages of clients: happens before the message is processed, not after"),
    seconds("delay_s", "so much later", default=0.0),
)  # fmt: skip
"""The keys of `when`."""


@dataclass(frozen=True, slots=True)
class When:
    """The moment of a fault, checked. `at` None means from the start; `after_s` counts from the start; `times` None is
    without end; `on` None is a matter of time alone."""

    at: datetime | None
    after_s: float
    on: Occasion | None
    nth: int
    every: int
    every_s: float | None
    times: int | None
    client: int | None
    before: bool
    delay_s: float

    def __str__(self) -> str:
        told = []
        if self.on is not None:
            told.append(f"on {self.on} number {self.nth}")
            told += [f"of client {self.client}"] if self.client is not None else []
        if self.at is not None:
            told.append(f"{'from' if told else 'at'} {self.at:%Y-%m-%d %H:%M:%S}")
        elif self.after_s or not told:
            told.append(f"{self.after_s:g} s after the start")
        return " ".join(told)


def read_when(values: object, days: Sequence[TradingDay], begin: datetime | None, *, overnight: bool = False) -> When:
    """The moment that `when` says; `overnight` where market time lives nights. Raises FaultError for an unknown key, a
    contradiction or an impossible time."""
    if not isinstance(values, Mapping):
        raise FaultError(f"must be a table such as {{ day = 1, time = 10:30:00 }}, got {values!r}")
    given = read_arguments(KEYS, values)
    on = _occasion(given)
    live = lived(days, overnight=overnight)
    at = _moment(given, days, live, begin)
    after_s = given.maybe_number("after_s")
    if on is None and at is None and after_s is None:
        raise FaultError("says no moment: give day and time, after_s, or on")
    _agree(given, values, on)
    if after_s is not None and after_s > (whole_s := _seconds(live)):
        raise FaultError(f"after_s is {after_s:g}; this world lasts {whole_s:g} market s")
    every, every_s, times = given.maybe_whole("every"), given.maybe_number("every_s"), given.maybe_whole("times")
    return When(
        at=at,
        after_s=after_s or 0.0,
        on=on,
        nth=given.whole("nth"),
        every=every or 1,
        every_s=every_s,
        times=1 if times is None and every is None and every_s is None else times,
        client=given.maybe_whole("client"),
        before=given.flag("before"),
        delay_s=given.number("delay_s"),
    )


def _occasion(given: Arguments) -> Occasion | None:
    words = given.maybe_text("on")
    if words is None:
        return None
    try:
        return Happening(words) if words in tuple(Happening) else message_type(words)
    except ValueError as error:
        raise FaultError(f"on: {error}, or one of {', '.join(Happening)}") from None


def _moment(
    given: Arguments, days: Sequence[TradingDay], live: Sequence[Span], begin: datetime | None
) -> datetime | None:
    number, time = given.maybe_whole("day"), given.maybe_time("time")
    if number is None and time is None:
        return None
    if number is None or time is None:
        raise FaultError("day and time belong together: give both")
    if given.maybe_number("after_s") is not None:
        raise FaultError("after_s and day with time exclude each other")
    if number > len(days):
        raise FaultError(f"day is {number}; this world has days 1 to {len(days)}")
    day = days[number - 1]
    at = datetime.combine(day.day, time, day.open_at.tzinfo)
    if not any(span.open_at <= at <= span.close_at for span in live):
        that_day = [span for span in live if day.day in (span.open_at.date(), span.close_at.date())]
        runs = ", ".join(f"from {_clock(span.open_at, day)} to {_clock(span.close_at, day)}" for span in that_day)
        raise FaultError(f"time is {time}; on day {number} market time runs {runs}")
    if begin is not None and at < begin:
        raise FaultError(f"{at:%Y-%m-%d %H:%M:%S} lies before market time starts ({begin:%Y-%m-%d %H:%M})")
    return at


def _agree(given: Arguments, values: Mapping[str, object], on: Occasion | None) -> None:
    """Refuses keys that say nothing together."""
    if on is None:
        for name in ("nth", "every", "client", "before"):
            if name in values:
                raise FaultError(f"{name} counts something: say what with on")
        if given.maybe_whole("times") not in (None, 1) and given.maybe_number("every_s") is None:
            raise FaultError("times needs every_s: how many market seconds lie between")
        return
    if given.maybe_number("every_s") is not None:
        raise FaultError("every_s belongs to a moment in time; with on write every")
    if given.flag("before") and (isinstance(on, Happening) or on.direction is Direction.OUT):
        raise FaultError(f"before is for messages of clients; {on} can only be followed")
    if given.maybe_whole("client") is not None and on is Happening.CONNECT:
        raise FaultError("a connection has no client id yet; count startApi of that client instead")


def _clock(moment: datetime, day: TradingDay) -> str:
    """The time of day, with its date where that is another one."""
    return f"{moment:%H:%M}" if moment.date() == day.day else f"{moment:%Y-%m-%d %H:%M}"


def _seconds(spans: Sequence[Span]) -> float:
    return sum((span.close_at - span.open_at).total_seconds() for span in spans)
