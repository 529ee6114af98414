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

    def __init__(self, days: Sequence[TradingDay], *, overnight: bool = False) -> None:
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
        self._nights: dict[Schedule, tuple[tuple[Span, ...], list[datetime]]] = {}
        self.overnight = overnight

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
        if self.is_regular(spec, at):
            return True
        if any(shut.open_at <= at < shut.close_at for shut in self._shut):
            return False
        return self.overnight and self._night_span(spec, at, within=True) is not None

    def _night_span(self, spec: ContractSpec, at: datetime, *, within: bool) -> Span | None:
        """The session around that moment (`within`), or that or the next one; cut at the contract's end."""
        schedule = schedule_of(spec)
        if schedule not in self._nights:
            spans = calendar(schedule, self._days)
            self._nights[schedule] = spans, [span.close_at for span in spans]
        spans, closes = self._nights[schedule]
        place = bisect_right(closes, at)
        if place == len(spans):
            return None
        span = spans[place]
        if spec.last_trade_at is not None:
            span = Span(span.open_at, min(span.close_at, spec.last_trade_at))
        if at >= span.close_at or span.open_at >= span.close_at or (within and at < span.open_at):
            return None
        return span

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

    def any_hours_window(self, specs: Sequence[ContractSpec], at: datetime) -> tuple[datetime, datetime] | None:
        """(open, close) of the present or next session of any kind in which all of them trade; the regular one where
        nights are not lived or their nights do not meet."""
        if self.overnight:
            spans = [self._night_span(spec, at, within=False) for spec in specs]
            known = [span for span in spans if span is not None]
            if len(known) == len(specs):
                opened, closed = max(span.open_at for span in known), min(span.close_at for span in known)
                if opened < closed:
                    return opened, closed
        return self.window(specs, at)

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Opens, index closes and closes of the world's days after a moment, in order; every session's ends where
        nights are lived."""
        if self.overnight:
            ends = {
                end for kind in Schedule for span in calendar(kind, self._days) for end in (span.open_at, span.close_at)
            }
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
