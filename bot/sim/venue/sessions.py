"""When contracts trade: the world's own days, the calendar rules beyond them, and the protocol's text for both."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.sim.types import ContractSpec, SecType, Settlement, TradingDay
from bot.sim.venue.holidays import is_business_day, is_early_close

NEW_YORK = ZoneInfo("America/New_York")
CBOE_ZONE = ZoneInfo("US/Central")
STOCK_ZONE = ZoneInfo("US/Eastern")
_FUTURES_LAST_TRADE = time(9, 0)
_HOURS_DAYS = 7
_SEARCH_DAYS = 11
_STOPS_WITH_INDEX = frozenset({"SPX", "SKEW", "SPY"})


@lru_cache(maxsize=4096)
def rule_day(day: date) -> TradingDay:
    """The session of a business day by rule: 09:30 to 16:15, index to 16:00 (13:15 and 13:00 on early days)."""
    early = is_early_close(day)
    hour = 13 if early else 16

    def at(clock: time) -> datetime:
        return datetime.combine(day, clock, NEW_YORK)

    return TradingDay(day, at(time(9, 30)), at(time(hour, 0)), at(time(hour, 15)), early)


class Sessions:
    """The exchange days of a run. Inside the world's range only its own days are open, whatever the rule says."""

    def __init__(self, days: Sequence[TradingDay]) -> None:
        if not days:
            raise ValueError("the world has no trading days: nothing can be listed or traded")
        self._days = tuple(days)
        self._by_date = {item.day: item for item in self._days}
        self._dates = [item.day for item in self._days]

    def on(self, day: date) -> TradingDay | None:
        """The session of that date, or None when the exchange is shut."""
        known = self._by_date.get(day)
        if known is not None:
            return known
        inside = self._dates[0] <= day <= self._dates[-1]
        return None if inside or not is_business_day(day) else rule_day(day)

    def last_trade_at(self, expiry: date, last_day: date, settlement: Settlement) -> datetime:
        """End of trading of an option: the close before a morning settlement, or the index close on the last day."""
        session = self._by_date.get(last_day) or rule_day(last_day)
        return session.close_at if settlement is Settlement.AM else session.index_close_at

    @staticmethod
    def future_last_trade_at(expiry: date) -> datetime:
        """VX stops on the morning it settles."""
        return datetime.combine(expiry, _FUTURES_LAST_TRADE, NEW_YORK)

    def bounds(self, spec: ContractSpec, day: date) -> tuple[datetime, datetime] | None:
        """(open, close) of a contract on a date, its last day cut short; None when it does not trade that day."""
        session = self.on(day)
        if session is None:
            return None
        indexlike = spec.sec_type in {SecType.INDEX, SecType.STOCK} and spec.symbol in _STOPS_WITH_INDEX
        close = session.index_close_at if indexlike else session.close_at
        if spec.last_trade_at is not None:
            close = min(close, spec.last_trade_at)
        return (session.open_at, close) if close > session.open_at else None

    def is_open(self, spec: ContractSpec, at: datetime) -> bool:
        """Whether the contract is quoted at that moment; the closing instant is shut."""
        bounds = self.bounds(spec, at.date())
        return bounds is not None and bounds[0] <= at < bounds[1]

    def window(self, specs: Sequence[ContractSpec], at: datetime) -> tuple[datetime, datetime] | None:
        """(open, close) of the present or next session in which all of them trade; None if ten days have none."""
        for offset in range(_SEARCH_DAYS):
            day = at.date() + timedelta(days=offset)
            found = [bounds for spec in specs if (bounds := self.bounds(spec, day)) is not None]
            if len(found) < len(specs):
                continue
            opened, closed = max(bounds[0] for bounds in found), min(bounds[1] for bounds in found)
            if opened < closed and at < closed:
                return opened, closed
        return None

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Opens, index closes and closes of the world's days after a moment, in order."""
        start = max(bisect_right(self._dates, after.date()) - 1, 0)
        for item in self._days[start:]:
            for instant in (item.open_at, item.index_close_at, item.close_at):
                if after < instant:
                    yield instant

    def hours(self, spec: ContractSpec, at: datetime) -> tuple[str, str, str]:
        """(timeZoneId, tradingHours, liquidHours). Only the regular session is simulated, so both hours agree."""
        zone = STOCK_ZONE if spec.sec_type is SecType.STOCK else CBOE_ZONE
        entries = []
        for offset in range(_HOURS_DAYS):
            day = at.date() + timedelta(days=offset)
            bounds = self.bounds(spec, day)
            if bounds is None:
                entries.append(f"{day:%Y%m%d}:CLOSED")
            else:
                opened, closed = (moment.astimezone(zone) for moment in bounds)
                entries.append(f"{opened:%Y%m%d:%H%M}-{closed:%Y%m%d:%H%M}")
        text = ";".join(entries)
        return zone.key, text, text
