"""The slow figures of a contract: volatilities, ranges, open interest, option volumes of an underlying, dividends.

Volatilities and ranges follow from the world's own prices. What the worlds do not know is plausible and drawn from
`activity`: option volumes and open interest, shares to borrow. Figures of a day are computed once; only the volumes of
the day grow with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np

from bot.sim.past_types import Statistics
from bot.sim.ports import World
from bot.sim.types import Bar, ContractSpec, Floats, Right, SecType
from bot.sim.venue.activity import Activity, expected_volume

_OPTION_VOLUMES: Mapping[str, tuple[int, int]] = {
    "SPX": (1_250_000, 1_550_000),
    "VIX": (520_000, 260_000),
    "SPY": (3_400_000, 3_900_000),
}
"""Calls and puts of a normal day on the underlyings that have options."""
_OPEN_INTEREST_DAYS = 9
_RANGE_SESSIONS = (63, 126, 252)
_QUARTER_DAYS, _AVERAGED_DAYS = 60, 90
_SHARES_TO_BORROW = 12_000_000
_FUND_YIELD = 0.015
_FUNDS_PAYING_QUARTERLY = frozenset({"SPY"})


class Paths(Protocol):
    """What the figures are computed from; `Past` offers it."""

    def sessions(self, spec: ContractSpec, first: date, last: date) -> Sequence[tuple[datetime, datetime]]:
        """See PastMarket."""
        ...

    def plain_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        """Daily bars of an index, stock or future between two dates, as the world has them."""
        ...

    def historical_volatility(self, spec: ContractSpec, day: date) -> float | None:
        """See PastMarket."""
        ...

    def implied_volatility_path(self, spec: ContractSpec, at_s: Floats) -> Floats:
        """See PastMarket."""
        ...

    def volume_so_far(self, spec: ContractSpec) -> int:
        """Contracts or shares traded in the current session."""
        ...


class Figures:
    """Computes a contract's figures of the day once; what moves within the day is added on every question."""

    def __init__(self, world: World, paths: Paths, activity: Activity, now: Callable[[], datetime]) -> None:
        self._world = world
        self._paths = paths
        self._activity = activity
        self._now = now
        self._known: dict[int, Statistics] = {}
        self._day: date | None = None

    def of(self, spec: ContractSpec, under: ContractSpec | None) -> Statistics:
        """The figures now; `under` is an option's underlying."""
        now = self._now()
        if now.date() != self._day:
            self._day = now.date()
            self._known.clear()
        if spec.con_id not in self._known:
            self._known[spec.con_id] = self._of_the_day(spec, under, now.date())
        return self._moving(spec, self._known[spec.con_id], now)

    # of the day ------------------------------------------------------------------------------------
    def _of_the_day(self, spec: ContractSpec, under: ContractSpec | None, today: date) -> Statistics:
        if spec.sec_type is SecType.OPTION:
            held = self._activity.open_interest(spec, self._level(under, today), today)
            is_call = spec.right is Right.CALL
            return Statistics(call_open_interest=held if is_call else 0, put_open_interest=0 if is_call else held)
        if spec.sec_type is SecType.FUTURE:
            held = self._activity.open_interest(spec, 0.0, today)
            return Statistics(futures_open_interest=held, ranges=self._ranges(spec, today))
        found = Statistics(
            historical_volatility=self._paths.historical_volatility(spec, today), ranges=self._ranges(spec, today)
        )
        if spec.symbol in _OPTION_VOLUMES:
            calls, puts = _OPTION_VOLUMES[spec.symbol]
            found = replace(
                found,
                average_option_volume=calls + puts,
                call_open_interest=calls * _OPEN_INTEREST_DAYS,
                put_open_interest=puts * _OPEN_INTEREST_DAYS,
            )
        if spec.sec_type is SecType.STOCK:
            found = replace(
                found,
                average_volume=self._average_volume(spec, today),
                shortable_shares=_SHARES_TO_BORROW,
                dividends=self._dividends(spec, today),
            )
        return found

    def _level(self, under: ContractSpec | None, today: date) -> float:
        bars = [] if under is None else self._paths.plain_bars(under, today - timedelta(days=10), today)
        return bars[-1].close if bars else 0.0

    def _ranges(self, spec: ContractSpec, today: date) -> tuple[tuple[float, float], ...]:
        bars = self._paths.plain_bars(spec, today - timedelta(days=372), today)
        if not bars:
            return ()
        spans = [bars[-n:] for n in _RANGE_SESSIONS]
        return tuple((float(min(b.low for b in s)), float(max(b.high for b in s))) for s in spans)

    def _average_volume(self, spec: ContractSpec, today: date) -> int:
        """Shares of a usual day of the last three months."""
        span = timedelta(days=_AVERAGED_DAYS)
        volumes = [bar.volume for bar in self._paths.plain_bars(spec, today - span, today)]
        return round(sum(volumes) / len(volumes)) if volumes else round(expected_volume(spec, 0.0, today))

    def _dividends(self, spec: ContractSpec, today: date) -> tuple[float, float, date, float] | None:
        if spec.symbol not in _FUNDS_PAYING_QUARTERLY:
            return None
        yearly = round(self._level(spec, today) * _FUND_YIELD, 2)
        month = today.month + (-today.month) % 3
        coming = date(today.year, month, 15)
        return yearly, yearly, coming + timedelta(days=(4 - coming.weekday()) % 7), round(yearly / 4.0, 2)

    # within the day --------------------------------------------------------------------------------
    def _moving(self, spec: ContractSpec, found: Statistics, now: datetime) -> Statistics:
        if spec.sec_type is SecType.OPTION:
            volume, is_call = self._paths.volume_so_far(spec), spec.right is Right.CALL
            return replace(found, call_volume=volume if is_call else 0, put_volume=0 if is_call else volume)
        if spec.symbol not in _OPTION_VOLUMES or spec.sec_type is SecType.FUTURE:
            return found
        sessions = self._paths.sessions(spec, now.date() - timedelta(days=10), now.date())
        begun = [session for session in sessions if session[0] <= now]
        if not begun:
            return found
        opened, closed = begun[-1]
        share = min((now - opened) / (closed - opened), 1.0)
        calls, puts = (round(share * volume) for volume in _OPTION_VOLUMES[spec.symbol])
        at_s = np.array([min(now, closed).timestamp()])
        volatility = float(self._paths.implied_volatility_path(spec, at_s)[0])
        return replace(
            found,
            call_volume=calls,
            put_volume=puts,
            implied_volatility=round(volatility, 6) if np.isfinite(volatility) else None,
            future_premium_points=self._premium(spec, at_s),
        )

    def _premium(self, spec: ContractSpec, at_s: Floats) -> float | None:
        """What a future of the next quarter costs above the index, points."""
        if spec.symbol != "SPX":
            return None
        carry = (self._world.rate - _FUND_YIELD) * _QUARTER_DAYS / 365.0
        level = float(self._world.level_path("SPX", at_s).last[0])
        return round(level * float(np.expm1(carry)), 2) if np.isfinite(level) else None
