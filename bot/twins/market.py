"""The market a run was made in, played again: what its contracts were quoted at, and what a static hedge could buy.

Rules
- The same world, calendar, listings and ticks as the simulated gateway's, hence the same quotes at the same moment.
- A contract without a bid is worth half its offer; without an offer nothing is known of it. A contract that has
  settled is worth its payoff, for ever and without a spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.types import ContractSpec, Marks, Right, SecType, Settlement, TradingDay
from bot.sim.venue.fees import commission_cents
from bot.sim.venue.products import OPTION_CLASSES, option_con_id
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.universe import Universe
from bot.sim.world.market import MarketWorld
from bot.twins.record import TwinsError
from strategies.alvh.params import LayerParams
from strategies.pricing.projection import Smile

UNDERLYINGS = ("SPX", "VIX")
STEP_S = 15.0
LADDER_REACH = 0.45
"""Strikes within this distance in ln(K/F) make an index smile."""
VIX_REACH = 2.6
LADDER_STRIKES = 40
DAY_S = 86_400.0


class Seen(NamedTuple):
    """One contract at a moment. Points per share; `delta` on what it is priced on, vega per volatility point, theta a
    calendar day; `days` to the end of trading. Mid and half-spread are NaN where nobody quotes it."""

    mid: float
    half: float
    delta: float
    vega: float
    theta: float
    forward: float
    days: float


class TwinMarket:
    """One day at a time, forwards; within the day any moment up to the index close."""

    def __init__(self, world: MarketWorld) -> None:
        self._world = world
        self._sessions = Sessions(world.days)
        self._universe = Universe(world, self._sessions)
        self._quotes = Quotes(world, self._sessions)
        self.day: TradingDay = world.days[0]

    @property
    def days(self) -> Sequence[TradingDay]:
        """The sessions covered."""
        return self._world.days

    def enter(self, day: TradingDay) -> None:
        """Lists the day's contracts around the close before and plays its session to the index close."""
        self._world.advance(day.open_at - timedelta(minutes=15))
        self._universe.new_day(day.day)
        levels = {symbol: self._world.index(symbol) for symbol in UNDERLYINGS}
        known = {symbol: one.last if one.last is not None else one.previous_close for symbol, one in levels.items()}
        self._universe.list_strikes({symbol: level for symbol, level in known.items() if level is not None})
        self._world.advance(day.index_close_at)
        self.day = day

    # levels ----------------------------------------------------------------------------------------
    def level(self, symbol: str, at: datetime) -> float:
        """An index in points at a moment of the day; NaN where unknown."""
        return float(self._world.level_path(symbol, np.array([at.timestamp()])).last[0])

    def close_before(self, symbol: str) -> float:
        """The close of the session before the day's; NaN where unknown."""
        bars = self._world.daily_bars(symbol, self.day.day, 1)
        return bars[-1].close if bars else math.nan

    def low_at(self) -> datetime:
        """When SPX stood lowest in the session."""
        first, last = self.day.open_at.timestamp(), self.day.index_close_at.timestamp()
        at_s = np.arange(first + STEP_S, last, STEP_S)
        return datetime.fromtimestamp(
            float(at_s[np.nanargmin(self._world.level_path("SPX", at_s).last)]), self.day.open_at.tzinfo
        )

    def slide_points_a_day(self, expiry: date, at: datetime) -> float:
        """What the VIX future of a settlement day gains a day while the curve stands still (contango: below zero)."""
        at_s = np.array([at.timestamp()])
        knots = [(0, self.level("VIX", at))]
        for day in sorted(self._world.future_expiries(self.day.day)):
            last = float(self._world.future_path(day, at_s).last[0])
            if (day - self.day.day).days > 0 and math.isfinite(last):
                knots.append(((day - self.day.day).days, last))
        tenor = (expiry - self.day.day).days
        for (near, low), (far, high) in pairwise(knots):
            if tenor <= far:
                return -(high - low) / (far - near)
        return math.nan

    # contracts -------------------------------------------------------------------------------------
    def spec(self, con_id: int) -> ContractSpec:
        """Terms of a contract. Raises TwinsError for one that this market does not list."""
        found = self._universe.spec(con_id)
        if found is None:
            raise TwinsError(
                f"contract {con_id} of the journal is not listed in this market on {self.day.day}: name the world the "
                f"run was made in (the same --history or --scenario, --start, --end and --seed)"
            )
        return found

    def seen(self, con_ids: Sequence[int], at: datetime) -> dict[int, Seen]:
        """Contracts as they were quoted at a moment of the day."""
        specs = [self.spec(con_id) for con_id in con_ids]
        options = [spec for spec in specs if spec.sec_type is SecType.OPTION]
        found = {spec.con_id: self._future(spec, at) for spec in specs if spec.sec_type is not SecType.OPTION}
        if options:
            marks = self._marks(options, at)
            for i, spec in enumerate(options):
                found[spec.con_id] = self._option(spec, marks, i, at)
        return found

    def _marks(self, options: Sequence[ContractSpec], at: datetime) -> Marks:
        which = np.arange(len(options), dtype=np.intp)
        return self._quotes.option_points(options, which, np.full(len(options), at.timestamp()))

    def _option(self, spec: ContractSpec, marks: Marks, i: int, at: datetime) -> Seen:
        payoff = self.payoff(spec, at)
        if payoff is not None:
            return Seen(payoff, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0)
        bid, ask = float(marks.bid[i]), float(marks.ask[i])
        low = bid if math.isfinite(bid) else 0.0
        return Seen(
            0.5 * (low + ask),
            0.5 * (ask - low),
            float(marks.delta[i]),
            float(marks.vega[i]),
            float(marks.theta[i]),
            float(marks.forward[i]),
            self.days_to(spec, at),
        )

    def _future(self, spec: ContractSpec, at: datetime) -> Seen:
        if spec.expiry is not None and spec.expiry <= self.day.day:
            settled = self._world.settlement_price(spec)
            return Seen(math.nan if settled is None else settled, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0)
        path = self._quotes.level_path(spec, np.array([at.timestamp()]), np.array([True]))
        bid, ask = float(path.bid[0]), float(path.ask[0])
        return Seen(0.5 * (bid + ask), 0.5 * (ask - bid), 1.0, 0.0, 0.0, 0.5 * (bid + ask), self.days_to(spec, at))

    def days_to(self, spec: ContractSpec, at: datetime) -> float:
        """Calendar days to the end of trading, never below zero."""
        last = spec.last_trade_at
        return 0.0 if last is None else max(0.0, (last - at).total_seconds() / DAY_S)

    def payoff(self, spec: ContractSpec, at: datetime) -> float | None:
        """Points per share a settled option paid; None while it has not settled at that moment."""
        if spec.expiry is None or spec.strike is None:
            return None
        if at < settles_at(spec.expiry, spec.settlement or Settlement.PM):
            return None
        level = self._world.settlement_price(spec)
        if level is None:
            return math.nan
        return max(0.0, level - spec.strike if spec.right is Right.CALL else spec.strike - level)

    def smile(self, spec: ContractSpec, at: datetime) -> Smile | None:
        """The smile of a contract's expiry at a moment; None where nothing around the forward is priced."""
        assert spec.expiry is not None, "an option has an expiry"
        option_class = OPTION_CLASSES[spec.trading_class]
        strikes = self._universe.strikes(option_class, spec.expiry)
        forward = self._marks([spec], at).forward[0]
        if not strikes or not math.isfinite(forward):
            return None
        reach = math.log(VIX_REACH) if spec.symbol == "VIX" else LADDER_REACH
        near = [k for k in strikes if abs(math.log(k / forward)) <= reach]
        thinned = near[:: max(1, len(near) // LADDER_STRIKES)]
        marks = self._marks([self._call(option_class.name, spec.expiry, strike) for strike in thinned], at)
        known = np.isfinite(marks.iv) & np.isfinite(marks.forward)
        if known.sum() < 3:
            return None
        levels = np.array(thinned, dtype=np.float64)[known]
        out, iv = np.log(levels / marks.forward[known]), marks.iv[known]
        atm = float(np.interp(0.0, out, iv))
        years = max(1e-5, self.days_to(spec, at) / 365.0)
        return Smile(out / (atm * math.sqrt(years)), np.asarray(iv / atm, dtype=np.float64), atm)

    # the static hedge's shop -------------------------------------------------------------------------
    def call_of(self, layer: LayerParams, monthly_bonus_days: int, at: datetime) -> ContractSpec | None:
        """The VIX call a layer would be bought in: the expiry nearest to its tenor, a weekly only if much nearer, and
        the strike nearest to its delta; None where none is listed or quoted."""
        found = []
        for name in ("VIX", "VIXW"):
            for expiry in self._universe.expiries(name):
                days = (expiry - self.day.day).days
                if layer.dte_min_days <= days <= layer.dte_max_days:
                    away = abs(days - layer.dte_target_days) + (0 if name == "VIX" else monthly_bonus_days)
                    found.append((away, name, expiry))
        for _, name, expiry in sorted(found):
            strikes = self._universe.strikes(OPTION_CLASSES[name], expiry)
            specs = [self._call(name, expiry, strike) for strike in strikes]
            marks = self._marks(specs, at)
            off = np.where(np.isfinite(marks.ask), np.abs(marks.delta - layer.delta), np.inf)
            if np.isfinite(off).any():
                return specs[int(np.argmin(off))]
        return None

    def _call(self, name: str, expiry: date, strike: float) -> ContractSpec:
        return self.spec(option_con_id(OPTION_CLASSES[name], expiry, strike, Right.CALL))

    @property
    def rate(self) -> float:
        """Rate at which the day's options are discounted, continuous, a year."""
        return self._world.rate


def commission_usd(spec: ContractSpec, quantity: int, price_points: float) -> float:
    """What the venue charges for an order of that many contracts filled at once."""
    return commission_cents(spec, quantity, price_points, order_contracts=quantity) / 100.0
