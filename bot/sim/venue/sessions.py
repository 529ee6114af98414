"""When contracts trade: the world's own days, the calendar rules beyond them, and the protocol's text for both.

Rules: regular sessions are always open; overnight and curb sessions only in a run that lives them (`overnight`). The
hours told to clients are the exchange's in either case.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from bot.sim.exchange.holidays import is_business_day
from bot.sim.exchange.hours import (
    NEW_YORK,
    TEXT_DAYS,
    Schedule,
    Span,
    calendar,
    holiday_session,
    hours_text,
    liquid_sessions,
    regular_day,
    sessions,
    week_of,
)
from bot.sim.types import ContractSpec, SecType, Settlement, TradingDay

_FUTURES_LAST_TRADE: Mapping[str, time] = {"CFE": time(9, 0), "CME": time(9, 30)}
_SEARCH_DAYS = 11
_CURB_ENDS_AFTER = timedelta(minutes=45)
"""From the close of the options' regular session to the end of their curb session."""
_WITH_INDEX = frozenset({Schedule.STOCKS, Schedule.CASH_INDEX})
_BY_KIND: Mapping[tuple[SecType, str], Schedule] = {
    (SecType.INDEX, "SPX"): Schedule.CASH_INDEX,
    (SecType.INDEX, "SKEW"): Schedule.CASH_INDEX,
    (SecType.INDEX, "AD-NYSE"): Schedule.CASH_INDEX,
    (SecType.INDEX, "VIX"): Schedule.VIX_INDEX,
    (SecType.OPTION, "SPX"): Schedule.INDEX_OPTIONS,
    (SecType.OPTION, "VIX"): Schedule.INDEX_OPTIONS,
    (SecType.FUTURE, "VIX"): Schedule.VX_FUTURES,
    (SecType.FUTURE, "VXM"): Schedule.VX_FUTURES,
}
_BY_SEC_TYPE: Mapping[SecType, Schedule] = {
    SecType.INDEX: Schedule.VOL_INDEX,
    SecType.OPTION: Schedule.ETF_OPTIONS,
    SecType.FUTURE: Schedule.CME_FUTURES,
    SecType.STOCK: Schedule.STOCKS,
    SecType.BAG: Schedule.INDEX_OPTIONS,
}


def schedule_of(spec: ContractSpec) -> Schedule:
    """By whose hours a contract trades."""
    return _BY_KIND.get((spec.sec_type, spec.symbol)) or _BY_SEC_TYPE[spec.sec_type]


class Sessions:
    """The exchange days of a run. Inside the world's range only its own days are open, whatever the rule says."""

    def __init__(self, days: Sequence[TradingDay]) -> None:
        """Raises ValueError for a world without days."""
        if not days:
            raise ValueError("the world has no trading days: nothing can be listed or traded")
        self._days = tuple(days)
        self._by_date = {item.day: item for item in self._days}
        self._dates = [item.day for item in self._days]
        self._scheduled: dict[date, TradingDay] = {}
        self._shut: list[Span] = []
        self._texts: dict[tuple[Schedule, datetime | None], tuple[str, str, str]] = {}
        self._texts_from: date | None = None
        self._spans: dict[Schedule, tuple[Span, ...]] = {}
        self.overnight = False

    def on(self, day: date) -> TradingDay | None:
        """The session of that date, or None when the exchange is shut."""
        known = self._by_date.get(day)
        if known is not None:
            return known
        inside = self._dates[0] <= day <= self._dates[-1]
        return None if inside or not is_business_day(day) else regular_day(day)

    def last_trade_at(self, symbol: str, last_day: date, settlement: Settlement) -> datetime:
        """End of trading of an option on that underlying: the close before a morning settlement; on the last day the
        index close, or the options' own for SPY, whose shares are delivered."""
        session = self._by_date.get(last_day) or regular_day(last_day)
        return session.close_at if settlement is Settlement.AM or symbol == "SPY" else session.index_close_at

    @staticmethod
    def future_last_trade_at(exchange: str, expiry: date) -> datetime:
        """On the morning of settlement: VX stops at 09:00, ES and MES at 09:30."""
        return datetime.combine(expiry, _FUTURES_LAST_TRADE[exchange], NEW_YORK)

    def close_early(self, at: datetime, *, told: bool) -> TradingDay:
        """That day's trading ends at `at`, the curb session's as well; `told` or not is a matter of the hours' text.
        Returns the day as it was scheduled. KeyError for a date without a session of the run."""
        session = self._by_date[at.date()]
        if told:
            self._texts.clear()
        else:
            self._scheduled.setdefault(session.day, session)
        self._by_date[session.day] = replace(
            session,
            index_close_at=min(session.index_close_at, at),
            close_at=min(session.close_at, at),
            early_close=True,
        )
        self._shut.append(Span(at, session.close_at + _CURB_ENDS_AFTER))
        return session

    # open or shut --------------------------------------------------------------------------------
    def bounds(self, spec: ContractSpec, day: date) -> tuple[datetime, datetime] | None:
        """(open, close) of a contract's regular session on a date, its last day cut short; None when it has none."""
        session = self.on(day)
        if session is None:
            return None
        close = session.index_close_at if schedule_of(spec) in _WITH_INDEX else session.close_at
        if spec.last_trade_at is not None:
            close = min(close, spec.last_trade_at)
        return (session.open_at, close) if close > session.open_at else None

    def is_regular(self, spec: ContractSpec, at: datetime) -> bool:
        """Whether the contract is in its regular session; the closing instant is not."""
        bounds = self.bounds(spec, at.date())
        return bounds is not None and bounds[0] <= at < bounds[1]

    def is_open(self, spec: ContractSpec, at: datetime) -> bool:
        """Whether the contract is quoted at that moment; the closing instant is shut."""
        return self.is_regular(spec, at) or (self.overnight and self._night_span(spec, at) is not None)

    def is_extended(self, schedule: Schedule, at: datetime) -> bool:
        """Whether a session of any kind runs that is lived, whatever ends a single contract."""
        return self.overnight and not self._is_shut(at) and self._span(schedule, at) is not None

    def begun(self, specs: Sequence[ContractSpec], at: datetime) -> datetime:
        """When the last of their present sessions of any kind began; that moment itself where none runs."""
        return max(at if span is None else span.open_at for span in (self._night_span(spec, at) for spec in specs))

    def _night_span(self, spec: ContractSpec, at: datetime) -> Span | None:
        """The session of any kind in which the contract trades at that moment."""
        ended = spec.last_trade_at is not None and at >= spec.last_trade_at
        return None if ended or self._is_shut(at) else self._span(schedule_of(spec), at)

    def _is_shut(self, at: datetime) -> bool:
        return any(shut.open_at <= at < shut.close_at for shut in self._shut)

    def _span(self, schedule: Schedule, at: datetime, *, following: bool = False) -> Span | None:
        """The session of any kind at that moment, or with `following` that or the next one; nothing before the first
        open of the run and after its last close."""
        spans = self._spans.get(schedule)
        if spans is None:
            spans = self._spans[schedule] = self._lived(schedule)
        place = bisect_right(spans, at, key=lambda span: span.close_at)
        if place == len(spans) or (not following and at < spans[place].open_at):
            return None
        return spans[place]

    def _lived(self, schedule: Schedule) -> tuple[Span, ...]:
        begins, ends = self._days[0].open_at, self._days[-1].close_at
        return tuple(
            Span(max(span.open_at, begins), min(span.close_at, ends))
            for span in calendar(schedule, self._days)
            if span.close_at > begins and span.open_at < ends
        )

    def window(self, specs: Sequence[ContractSpec], at: datetime) -> tuple[datetime, datetime] | None:
        """(open, close) of the present or next regular session in which all of them trade; None if ten days have
        none."""
        for offset in range(_SEARCH_DAYS):
            day = at.date() + timedelta(days=offset)
            found = [bounds for spec in specs if (bounds := self.bounds(spec, day)) is not None]
            if len(found) < len(specs):
                continue
            opened, closed = max(bounds[0] for bounds in found), min(bounds[1] for bounds in found)
            if opened < closed and at < closed:
                return opened, closed
        return None

    def has_nights(self, spec: ContractSpec, at: datetime) -> bool:
        """Whether the contract's present or next trade date has more than its regular session."""
        day = self._trade_date(schedule_of(spec), at)
        return day is not None and sessions(schedule_of(spec), day) != liquid_sessions(schedule_of(spec), day)

    def any_hours_window(self, spec: ContractSpec, at: datetime) -> tuple[datetime, datetime] | None:
        """(open of the present or next session of any kind, end of the trade date that it belongs to); None once the
        contract or the run has ended."""
        schedule = schedule_of(spec)
        span, day = self._span(schedule, at, following=True), self._trade_date(schedule, at)
        if span is None or day is None:
            return None
        closes = sessions(schedule, day)[-1].close_at
        if spec.last_trade_at is not None:
            closes = min(closes, spec.last_trade_at)
        return (span.open_at, closes) if max(span.open_at, at) < closes else None

    def _trade_date(self, schedule: Schedule, at: datetime) -> TradingDay | None:
        """The day of the run whose last session of any kind is still to end."""
        place = bisect_right(self._days, at, key=lambda day: sessions(schedule, day)[-1].close_at)
        return self._days[place] if place < len(self._days) else None

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Opens, index closes and closes of the world's days after a moment, in order; every session's ends where
        nights are lived."""
        if self.overnight:
            ends = {end for kind in Schedule for span in self._lived(kind) for end in (span.open_at, span.close_at)}
            ends.update(end for day in self._days for end in (day.open_at, day.index_close_at, day.close_at))
            yield from sorted(end for end in ends if end > after)
            return
        start = max(bisect_right(self._dates, after.date()) - 1, 0)
        for item in self._days[start:]:
            for instant in (item.open_at, item.index_close_at, item.close_at):
                if after < instant:
                    yield instant

    # text ----------------------------------------------------------------------------------------
    def hours(self, spec: ContractSpec, at: datetime) -> tuple[str, str, str]:
        """(timeZoneId, tradingHours, liquidHours) of the week from that moment's date; shut after the last trade."""
        schedule, today, ends = schedule_of(spec), at.date(), spec.last_trade_at
        if ends is not None and (ends.date() - today).days >= TEXT_DAYS:
            ends = None
        if today != self._texts_from:
            self._texts.clear()
            self._texts_from = today
        known = self._texts.get((schedule, ends))
        if known is None:
            trading: list[Span] = []
            liquid: list[Span] = []
            for day in week_of(today):
                session = self._scheduled.get(day) or self.on(day)
                if session is None:
                    short = holiday_session(schedule, day)
                    trading += [short] if short is not None else []
                else:
                    trading += sessions(schedule, session)
                    liquid += liquid_sessions(schedule, session)
            zone = schedule.zone
            known = (
                zone.key,
                hours_text(_until(trading, ends), today, zone),
                hours_text(_until(liquid, ends), today, zone),
            )
            self._texts[schedule, ends] = known
        return known


def _until(spans: Sequence[Span], ends: datetime | None) -> list[Span]:
    """The sessions before a contract's last trade, the last one cut."""
    if ends is None:
        return list(spans)
    return [Span(span.open_at, min(span.close_at, ends)) for span in spans if span.open_at < ends]
