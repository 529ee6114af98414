"""Faults of time: sessions that end early, markets that do not open, clocks that jump or are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta

from bot.sim.faults.arguments import Arguments, FaultError, flag, number, seconds, text
from bot.sim.faults.effects import Changing, of_types
from bot.sim.faults.filter import Letter, Turn
from bot.sim.faults.messages import arm
from bot.sim.faults.reach import on_venue
from bot.sim.faults.shared import FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.venue.sim import SimVenue
from bot.sim.wire.times import EASTERN, moment, read_moment
from bot.sim.world.market import MarketWorld

_Facts = Mapping[str, object]
_CURRENT_TIME, _EXECUTION, _ACCOUNT_TIME = 49, 11, 8
_TIME_FIELD = {_CURRENT_TIME: 2, _EXECUTION: 15, _ACCOUNT_TIME: 2}
"""Field of the time, by message, the number of the message counting as field 0."""


# sessions --------------------------------------------------------------------------------------------
def _early_close(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    written = given.text("time")
    try:
        clock = time.fromisoformat(written)
        if clock.tzinfo is not None:
            raise ValueError(written)
    except ValueError:
        raise FaultError(f"time must be a New York time written HH:MM or HH:MM:SS, got {written!r}") from None
    at = datetime.combine(venue.now.astimezone(EASTERN).date(), clock, venue.now.tzinfo)
    return _close(venue, stage, at, told=given.flag("told"))


def _market_closed(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    return _close(venue, stage, venue.now, told=given.flag("told"))


def _close(venue: SimVenue, stage: Stage, at: datetime, *, told: bool) -> _Facts:
    closes_at = venue.close_early(at, told=told)
    if isinstance(stage.world, MarketWorld):
        stage.world.course.stop(closes_at)
    return {"at": closes_at.isoformat()}


# clocks ----------------------------------------------------------------------------------------------
def _clock_jump(stage: Stage, given: Arguments) -> _Facts:
    return {"market_s": stage.clock.leap(given.number("seconds"))}


def _server_time(stage: Stage, given: Arguments) -> _Facts:
    offset = timedelta(seconds=given.number("offset_s"))

    def change(letter: Letter) -> Iterable[Letter]:
        fields, place = list(letter.fields), _TIME_FIELD[letter.number]
        fields[place] = _shifted(letter, fields[place], offset, stage.clock.now)
        return (letter.with_fields(fields),)

    rule = Changing(of_types("currentTime", "execDetails", "accountTime"), Turn(times=None), change)
    return arm(stage, f"server_time {offset.total_seconds():+g} s", rule, given.maybe_number("for_s"))


def _shifted(letter: Letter, written: str, offset: timedelta, now: datetime) -> str:
    if letter.number == _CURRENT_TIME:
        return str(int(written) + round(offset.total_seconds()))
    if letter.number == _ACCOUNT_TIME:
        return f"{(now + offset).astimezone(EASTERN):%H:%M}"
    at = read_moment("time", written)
    return written if at is None else moment(at + offset, letter.link.client.version)


VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "early_close",
        Layer.MARKET,
        "today's session ends at another time than scheduled: quotes stop, day orders lapse, closing values are those "
        "of that moment",
        on_venue(_early_close),
        (
            text("time", "New York time, HH:MM or HH:MM:SS, later than now"),
            flag("told", "whether trading hours say so from now on", default=True),
        ),
    ),
    Verb(
        "market_closed",
        Layer.MARKET,
        "the session ends now, unscheduled",
        on_venue(_market_closed),
        (flag("told", "whether trading hours say so from now on", default=False),),
    ),
    Verb(
        "clock_jump",
        Layer.CLOCK,
        "market time jumps ahead after the present tick, at most to the end of the session's time",
        _clock_jump,
        (seconds("seconds", "how far", low=0.1),),
    ),
    Verb(
        "server_time",
        Layer.CLOCK,
        "the time told is wrong: in the answer to reqCurrentTime, in executions and in account times; venue and ledger "
        "keep the right one",
        _server_time,
        (number("offset_s", "by how much, negative for a clock that is behind", low=-1e8, high=1e8, unit="s"), FOR),
    ),
)
