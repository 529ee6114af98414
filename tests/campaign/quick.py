"""What makes a seed cheap without touching what is under test: pure results kept between the seeds of one process.

The past of a world (bars and the prints behind them) follows from world, seed and day alone. The bot's own pauses for
the garbage collector are left out, the campaign collects between seeds.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any

import bot.life
from bot.calendar import ExchangeCalendar
from bot.sim.desk.bar_maker import BarMaker
from bot.sim.desk.bar_query import BarQuery
from bot.sim.past_types import Prints
from bot.sim.types import Bar, ContractSpec
from bot.sim.venue.activity import Activity, Volume
from bot.sim.venue.past import Past
from bot.sim.venue.session_trades import Session
from bot.sim.wire.times import EASTERN
from bot.sim.world import scenario
from bot.sim.world.funds import FundBook
from bot.sim.world.path import Ohlc

_done: list[bool] = []


class _NoPauses:
    """Stands where the bot's collector of garbage would."""

    def __enter__(self) -> _NoPauses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def after(self, event: object, *, idle: bool) -> None:
        """Nothing is collected while a seed plays."""


def prepare() -> None:
    """Once per process."""
    if _done:
        return
    _done.append(True)
    bot.life.QuietCollector = _NoPauses  # type: ignore[misc,assignment]
    scenario.load = functools.cache(scenario.load)  # a source never changes: shocks bend a view of it
    _keep_funds()
    _keep_prints()
    _keep_bars()
    _keep_answers()
    day = date(2026, 3, 2)
    ExchangeCalendar(day - timedelta(days=10), day + timedelta(days=420))


def _keep_prints() -> None:
    draw = Activity.draw
    kept: dict[Any, Prints] = {}

    @functools.wraps(draw)
    def keeping(self: Activity, spec: ContractSpec, opened: datetime, closed: datetime, volume: Volume) -> Prints:
        key = (self._seed, spec.con_id, opened, closed, volume)
        if key not in kept:
            kept[key] = draw(self, spec, opened, closed, volume)
        self._days[spec.con_id, opened.timestamp()] = kept[key]
        return kept[key]

    Activity.draw = keeping  # type: ignore[method-assign]


def _keep_bars() -> None:
    bars = Past.daily_bars
    kept: dict[Any, Sequence[Any]] = {}

    @functools.wraps(bars)
    def keeping(self: Past, spec: ContractSpec, first: date, last: date) -> Sequence[Any]:
        world: Any = self._world
        now = self._now()
        # Only days before the world's first are the same in every seed: later ones were lived, with their shocks.
        if now.date() > world.days[0].day or now.hour >= 16:
            return bars(self, spec, first, last)
        key = (world.campaign_key, spec.con_id, first, last, now.date(), now.hour >= 16)
        if key not in kept:
            kept[key] = bars(self, spec, first, last)
        return kept[key]

    Past.daily_bars = keeping  # type: ignore[method-assign]


def _keep_funds() -> None:
    """The days of a fund as the model has them, which no shock bends."""
    told = FundBook._told
    kept: dict[Any, dict[date, Ohlc]] = {}

    @functools.wraps(told)
    def keeping(self: FundBook, symbol: str) -> dict[date, Ohlc]:
        source = self._source
        key = (source.name, source.seed, source.known_days[0], source.known_days[-1], symbol)
        if key not in kept:
            kept[key] = told(self, symbol)
        return kept[key]

    FundBook._told = keeping  # type: ignore[method-assign]


def _keep_answers() -> None:
    """Daily bars as the gateway answers them, those of days before the world's first."""
    daily = BarMaker._daily
    kept: dict[Any, list[Bar]] = {}

    @functools.wraps(daily)
    def keeping(self: BarMaker, spec: ContractSpec, query: BarQuery, sessions: Any, zone: Any) -> list[Bar]:
        past: Any = self._venue.past
        world = past._world
        first = world.days[0].day
        old: list[Session] = [session for session in sessions if session[0].astimezone(EASTERN).date() < first]
        if not old or self._whole(spec, old[-1]) != old[-1] or self._whole(spec, old[0]) != old[0]:
            return daily(self, spec, query, sessions, zone)
        key = (world.campaign_key, spec.con_id, query.price, old[0], old[-1], len(old))
        if key not in kept:
            kept[key] = daily(self, spec, query, old, zone)
        rest = sessions[len(old) :]
        return [*kept[key], *(daily(self, spec, query, rest, zone) if rest else ())]

    BarMaker._daily = keeping  # type: ignore[method-assign]
