"""Bars of any kind for a checked request: which sessions they cover, and how each kind is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bot.sim.desk import bars as cut
from bot.sim.desk.bar_query import BarQuery, BarSize, Price, Unit
from bot.sim.past_types import MarketTape
from bot.sim.ports import Venue
from bot.sim.types import Bar, ContractSpec, Floats, SecType
from bot.sim.wire.times import EASTERN, TIME_ZONE_SUFFIX_VERSION

Session = tuple[datetime, datetime]
_SMALL_STEP_S = {BarSize.SEC_1: 1.0, BarSize.SEC_5: 5.0, BarSize.SEC_10: 5.0}
_STEP_S = 15.0
_MOST_BARS = 250_000
_SEARCH_DAYS = 10
_COUNTED = (Price.TRADES, Price.ADJUSTED_LAST)
_VOLATILITIES = (Price.HISTORICAL_VOLATILITY, Price.OPTION_IMPLIED_VOLATILITY)


class BarMaker:
    """Makes bars out of what the venue knows of the past."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def zone(self, spec: ContractSpec, version: int) -> ZoneInfo:
        """Bars are labelled in the contract's zone since times carry one, before that in the login's."""
        return ZoneInfo(self._venue.hours(spec)[0]) if version >= TIME_ZONE_SUFFIX_VERSION else EASTERN

    def sessions(self, spec: ContractSpec, query: BarQuery, end: datetime) -> list[Session]:
        """The sessions up to an end that a duration reaches back over. The first is cut where the duration begins,
        bars of a day and more want it whole; seconds are counted in open time."""
        duration = query.duration
        start = duration.before(end)
        if duration.unit is Unit.SECONDS:
            start = end - timedelta(days=_SEARCH_DAYS)
        known = self._venue.past.sessions(spec, start.astimezone(EASTERN).date(), end.astimezone(EASTERN).date())
        begun = [(opened, min(closed, end)) for opened, closed in known if opened < end]
        if duration.unit is Unit.DAYS:
            return begun[-duration.count :]
        if duration.unit is Unit.SECONDS:
            return _last_seconds(begun, duration.count)
        if query.size.seconds is None:
            return [session for session in begun if session[0] >= start]
        return [(max(opened, start), closed) for opened, closed in begun if closed > start]

    def bars(self, spec: ContractSpec, query: BarQuery, sessions: Sequence[Session], zone: ZoneInfo) -> list[Bar]:
        """Bars of sessions, oldest first. A session that is cut at its start gives whole bars from the one in which
        the cut falls; one that is cut at its end gives the last bar as far as it has come."""
        seconds = query.size.seconds
        if not sessions:
            return []
        if query.price in _VOLATILITIES:
            found = [bar for session in sessions for bar in self._volatility_bars(spec, query, session, zone)]
            return found if seconds is not None else cut.grouped(found, query.size)
        if seconds is None:
            return cut.grouped(self._daily(spec, query, sessions, zone), query.size)
        limits = [self._limits(spec, session, seconds, zone) for session in sessions]
        begin = datetime.fromtimestamp(float(limits[0][0]), EASTERN)
        tape = self._venue.past.tape(spec, begin, sessions[-1][1], _SMALL_STEP_S.get(query.size, _STEP_S))
        return [bar for edges in limits for bar in cut.bars_of(tape, edges, query.price, spec.sec_type, zone)]

    def _limits(self, spec: ContractSpec, session: Session, seconds: int, zone: ZoneInfo) -> Floats:
        """Where the bars of a session begin, from the one that holds its (cut) start, and its end."""
        opened, closed = session
        edges = cut.edges((self._whole(spec, session)[0], closed), seconds, zone)
        return edges[max(int(np.searchsorted(edges, opened.timestamp(), side="right")) - 1, 0) :]

    def _daily(self, spec: ContractSpec, query: BarQuery, sessions: Sequence[Session], zone: ZoneInfo) -> list[Bar]:
        """Whole sessions from the venue's daily bars where there are any, the rest from the tape. A whole day of a
        future without one is a day on which it was not listed."""
        known: dict[date, Bar] = {}
        first, last = (session[0].astimezone(EASTERN).date() for session in (sessions[0], sessions[-1]))
        ends = {opened.astimezone(EASTERN).date(): end for opened, end in self._venue.past.sessions(spec, first, last)}
        if query.price in _COUNTED:
            known = {bar.at.astimezone(EASTERN).date(): bar for bar in self._venue.past.daily_bars(spec, first, last)}
        out = []
        for session in sessions:
            day = session[0].astimezone(EASTERN).date()
            bar, whole = known.get(day), session[1] >= ends[day]
            if bar is not None and whole:
                out.append(bar)
                continue
            if whole and spec.sec_type is SecType.FUTURE and query.price in _COUNTED:
                continue
            tape = self._venue.past.tape(spec, *session)
            out += cut.bars_of(tape, _ends(session), query.price, spec.sec_type, zone)
        return out

    def _whole(self, spec: ContractSpec, session: Session) -> Session:
        day = session[0].astimezone(EASTERN).date()
        return self._venue.past.sessions(spec, day, day)[0]

    def _volatility_bars(self, spec: ContractSpec, query: BarQuery, session: Session, zone: ZoneInfo) -> list[Bar]:
        day, seconds = session[0].astimezone(EASTERN).date(), query.size.seconds
        limits = _ends(session) if seconds is None else self._limits(spec, session, seconds, zone)
        at_s = self._venue.past.tape(spec, datetime.fromtimestamp(float(limits[0]), EASTERN), session[1]).at_s
        if query.price is Price.HISTORICAL_VOLATILITY:
            level = self._venue.past.historical_volatility(spec, day)
            values = np.full(len(at_s), np.nan if level is None else level)
        else:
            values = np.round(self._venue.past.implied_volatility_path(spec, at_s), 6)
        nothing = np.full(len(at_s), np.nan)
        tape = MarketTape(at_s, nothing, nothing, nothing, nothing, values, nothing, nothing)
        return cut.bars_of(tape, limits, Price.MIDPOINT, spec.sec_type, zone)


def label(at: datetime, query: BarQuery, zone: ZoneInfo, version: int) -> str:
    """The text that dates a bar: its day, or the moment it begins in the asked format."""
    if query.size.seconds is None:
        eastern = at.astimezone(EASTERN)
        return f"{eastern.year}{eastern.month:02d}{eastern.day:02d}"
    if query.date_format == 2:
        return str(int(at.timestamp()))
    local = at if at.tzinfo is zone else at.astimezone(zone)
    day = f"{local.month:02d}{local.day:02d}"
    if query.date_format == 1:
        day = f"{local.year}{day}"
    clock = f"{local.hour:02d}:{local.minute:02d}:{local.second:02d}"
    return f"{day} {clock} {zone.key}" if version >= TIME_ZONE_SUFFIX_VERSION else f"{day}  {clock}"


def _last_seconds(sessions: Sequence[Session], seconds: int) -> list[Session]:
    """The end of the sessions that holds so many seconds of open time."""
    out: list[Session] = []
    left = float(seconds)
    for opened, closed in reversed(sessions):
        length = (closed - opened).total_seconds()
        out.append((max(opened, closed - timedelta(seconds=left)), closed))
        left -= length
        if left <= 0.0:
            break
    return out[::-1]


def _ends(session: Session) -> Floats:
    return np.array([session[0].timestamp(), session[1].timestamp()])


def too_many(sessions: Sequence[Session], seconds: int | None) -> bool:
    """Whether bars of that length over the sessions are more than one answer should hold."""
    open_s = sum((closed - opened).total_seconds() for opened, closed in sessions)
    return seconds is not None and open_s / seconds > _MOST_BARS
