"""The listed contracts: found by their terms, known by their ids, generated when somebody asks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.sim.exchange import expiries as rules
from bot.sim.exchange.strikes import StrikeLadder, kind_of
from bot.sim.ports import World
from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.venue.directory import FUNDS, INDICES
from bot.sim.venue.products import (
    FUTURE_CLASSES,
    MARKET_RULES,
    OPTION_CLASSES,
    FutureClass,
    OptionClass,
    decode_future,
    decode_option,
    future_con_id,
    option_con_id,
)
from bot.sim.venue.query import Query
from bot.sim.venue.sessions import Sessions

Chain = tuple[str, int, str, int, Sequence[date], Sequence[float]]

_EXPIRIES: Mapping[str, Callable[[date], tuple[date, ...]]] = {
    "SPX": rules.spx_expiries,
    "SPXW": rules.spxw_expiries,
    "VIX": rules.vix_expiries,
    "VIXW": rules.vixw_expiries,
    "SPY": rules.spy_expiries,
}
_MONTH_CODES = "FGHJKMNQUVXZ"
_VXM_MONTHS = 6
_REMEMBERED_DAYS = 180
_REMEMBERED_FUTURES_DAYS, _YEAR_DAYS = 730, 365
_LOCAL_OPTION = re.compile(r"([A-Z ]{6})(\d\d)(\d\d)(\d\d)[CP](\d{8})", re.ASCII)


class Universe:
    """Everything listed today. `new_day` must be called once per date before anything is looked up on it."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._today = world.days[0].day
        self._levels: list[tuple[date, Mapping[str, float]]] = []
        self._past: dict[str, list[tuple[date, float]]] = {}
        self._ladders: dict[tuple[str, date], StrikeLadder] = {}
        self._known: dict[int, ContractSpec] = {}
        self._indices = [spec for spec in INDICES if spec.symbol in world.symbols]
        self._funds = [fund for fund in FUNDS if fund.spec.symbol in world.symbols]
        self._known.update((spec.con_id, spec) for spec in (*self._indices, *(fund.spec for fund in self._funds)))

    def new_day(self, today: date) -> None:
        """Moves the listing to a date: expired series leave, new ones come."""
        self._today = today

    def list_strikes(self, levels: Mapping[str, float]) -> None:
        """Widens every strike ladder around the day's levels (points, by underlying); called once per date."""
        self._levels.append((self._today, dict(levels)))

    # look-up -----------------------------------------------------------------------------------
    def spec(self, con_id: int) -> ContractSpec | None:
        """The contract with this id, listed or expired; None for an id that nothing listed ever had."""
        known = self._known.get(con_id)
        if known is not None:
            return known
        option = decode_option(con_id)
        if option is not None:
            option_class, expiry, strike, right = option
            return (
                self._option(option_class, expiry, strike, right) if self._lists(option_class, expiry, strike) else None
            )
        future = decode_future(con_id)
        if future is not None and future[1] in {*self._future_expiries(future[0]), *self._expired_futures(future[0])}:
            return self._future(*future)
        return None

    def find(self, fields: Mapping[str, object], at: datetime) -> list[ContractSpec]:
        """Contracts still tradable that match every given field of the query (see the Venue protocol); with
        `include_expired` also futures of the last two years."""
        query = Query.read(fields)
        if query.con_id:
            spec = self.spec(query.con_id)
            return [spec] if spec is not None and query.matches(spec) else []
        today = at.date()
        alive = [spec for spec in self._candidates(query) if _alive(spec, today)]
        expired = self._expired_candidates(query) if fields.get("include_expired") else ()
        return [spec for spec in (*expired, *alive) if query.matches(spec)]

    def _candidates(self, query: Query) -> Iterator[ContractSpec]:
        """A superset of the answer, no wider than the query's own terms force it to be."""
        if query.sec_type in {"", SecType.INDEX}:
            yield from self._indices
        if query.sec_type in {"", SecType.STOCK}:
            yield from (fund.spec for fund in self._funds if fund.since <= self._today)
        if query.sec_type in {"", SecType.FUTURE}:
            for future_class in FUTURE_CLASSES.values():
                for expiry in self._future_expiries(future_class):
                    yield self._future(future_class, expiry)
        if query.sec_type == SecType.OPTION or (not query.sec_type and len(query.local_symbol) == 21):
            yield from self._option_candidates(query)

    def _expired_candidates(self, query: Query) -> Iterator[ContractSpec]:
        if query.sec_type in {"", SecType.FUTURE}:
            for future_class in FUTURE_CLASSES.values():
                for expiry in self._expired_futures(future_class):
                    yield self._future(future_class, expiry)

    def _option_candidates(self, query: Query) -> Iterator[ContractSpec]:
        rights = [right for right in Right if query.right in {"", right.value}]
        named = _terms_in(query.local_symbol)
        for option_class in OPTION_CLASSES.values():
            if query.symbol not in {"", option_class.symbol} or query.trading_class not in {"", option_class.name}:
                continue
            if not self._is_listed(option_class) or (named is not None and named[0] != option_class.name):
                continue
            morning = option_class.settlement is Settlement.AM
            for expiry in self.expiries(option_class.name):
                last_day = rules.last_trading_day(expiry, morning=morning)
                if not query.fits_expiry(expiry, last_day) or (named is not None and named[1] != expiry):
                    continue
                wanted = named[2] if named is not None else query.strike
                yield from self._series(option_class, expiry, self._strikes_asked(option_class, expiry, wanted), rights)

    def _strikes_asked(self, option_class: OptionClass, expiry: date, wanted: float) -> tuple[float, ...]:
        strikes = self.strikes(option_class, expiry)
        if not wanted:
            return strikes
        place = bisect_left(strikes, wanted)
        return (wanted,) if place < len(strikes) and strikes[place] == wanted else ()

    def chains(self, symbol: str, at: datetime) -> list[Chain]:
        """Option parameters of an underlying, one entry per exchange and trading class, by last trading days."""
        found: list[Chain] = []
        for option_class in OPTION_CLASSES.values():
            if option_class.symbol != symbol or not self._is_listed(option_class):
                continue
            morning = option_class.settlement is Settlement.AM
            last_days = {
                expiry: rules.last_trading_day(expiry, morning=morning) for expiry in self.expiries(option_class.name)
            }
            alive = [expiry for expiry, last_day in last_days.items() if last_day >= at.date()]
            strikes = sorted({strike for expiry in alive for strike in self.strikes(option_class, expiry)})
            dates = [last_days[expiry] for expiry in alive]
            for exchange in option_class.exchanges:
                found.append(
                    (exchange, option_class.under_con_id, option_class.name, option_class.multiplier, dates, strikes)
                )
        return found

    def _is_listed(self, option_class: OptionClass) -> bool:
        """Whether strikes of a class are known: the level of its underlying has been seen."""
        return any(option_class.symbol in levels for _, levels in self._levels)

    # rules -------------------------------------------------------------------------------------
    def expiries(self, class_name: str) -> tuple[date, ...]:
        """Settlement days listed today for an option class."""
        return _EXPIRIES[class_name](self._today)

    def strikes(self, option_class: OptionClass, expiry: date) -> tuple[float, ...]:
        """Strikes listed for an expiry, from the levels of every day it has been listed in."""
        symbol = option_class.symbol
        ladder = self._ladders.get((option_class.name, expiry))
        if ladder is None:
            ladder = self._ladders[option_class.name, expiry] = StrikeLadder(kind_of(symbol, expiry), expiry)
            if self._levels and expiry in _EXPIRIES[option_class.name](self._levels[0][0]):
                ladder.remember(self._earlier(symbol))
        for day, levels in self._levels[ladder.days_seen :]:
            if symbol in levels and day <= expiry and expiry in _EXPIRIES[option_class.name](day):
                ladder.see(day, levels[symbol], levels.get("VIX"))
        ladder.days_seen = len(self._levels)
        return ladder.strikes

    def _earlier(self, symbol: str) -> list[tuple[date, float]]:
        """Closes of an underlying before the run, from which a series listed back then has its strikes."""
        if symbol not in self._past:
            bars = self._world.daily_bars(symbol, self._levels[0][0], _REMEMBERED_DAYS)
            self._past[symbol] = [(bar.at.date(), bar.close) for bar in bars]
        return self._past[symbol]

    def _lists(self, option_class: OptionClass, expiry: date, strike: float) -> bool:
        if expiry < self._today:  # expired before this run began: its ladder is gone, its date rule is not
            return strike > 0.0 and expiry in _EXPIRIES[option_class.name](expiry)
        strikes = self.strikes(option_class, expiry)
        place = bisect_left(strikes, strike)
        return place < len(strikes) and strikes[place] == strike

    def _future_expiries(self, future_class: FutureClass) -> list[date]:
        if self._today < future_class.since:
            return []
        if future_class.exchange == "CME":
            return list(rules.es_expiries(self._today))
        months = sorted(day for day in self._world.future_expiries(self._today) if day >= self._today)
        if future_class.name == "VX":
            weeks = (day for day in self._world.weekly_expiries(self._today) if day >= self._today)
            return sorted({*months, *weeks})
        return months[:_VXM_MONTHS]

    def _expired_futures(self, future_class: FutureClass) -> list[date]:
        """Settled months of a class in the last two years of which there are prices."""
        since = max(self._today - timedelta(days=_REMEMBERED_FUTURES_DAYS), future_class.since)
        if future_class.exchange == "CME":
            days = {day for ago in (since, self._today - timedelta(days=_YEAR_DAYS)) for day in rules.es_expiries(ago)}
        else:
            months = (rules.add_months(self._today.year, self._today.month, -ago) for ago in range(25))
            days = {rules.vix_settlement_day(*month) for month in months}
        return sorted(day for day in days if since <= day < self._today and self._was_priced(future_class, day))

    def _was_priced(self, future_class: FutureClass, expiry: date) -> bool:
        if future_class.exchange == "CME":
            return bool(self._world.equity_future_daily_bars(expiry, expiry, 1))
        return bool(self._world.future_daily_bars(expiry, expiry, 1))

    # construction ------------------------------------------------------------------------------
    def _option(self, option_class: OptionClass, expiry: date, strike: float, right: Right) -> ContractSpec:
        return self._series(option_class, expiry, (strike,), (right,))[0]

    def _series(
        self, option_class: OptionClass, expiry: date, strikes: Sequence[float], rights: Sequence[Right]
    ) -> list[ContractSpec]:
        """The contracts of one expiry, each made once; raises ValueError for a strike off the class's grid."""
        last_day = rules.last_trading_day(expiry, morning=option_class.settlement is Settlement.AM)
        last_trade_at = self._sessions.last_trade_at(option_class.symbol, last_day, option_class.settlement)
        root, min_tick = f"{option_class.name:<6}{expiry:%y%m%d}", MARKET_RULES[option_class.market_rule_id][0][1]
        found = []
        for strike in strikes:
            for right in rights:
                con_id = option_con_id(option_class, expiry, strike, right)
                spec = self._known.get(con_id)
                if spec is None:
                    spec = self._known[con_id] = ContractSpec(
                        con_id=con_id,
                        sec_type=SecType.OPTION,
                        symbol=option_class.symbol,
                        trading_class=option_class.name,
                        exchange="SMART",
                        multiplier=option_class.multiplier,
                        local_symbol=f"{root}{right.value}{round(strike * 1000):08d}",
                        market_rule_id=option_class.market_rule_id,
                        min_tick=min_tick,
                        long_name=option_class.long_name,
                        expiry=expiry,
                        strike=strike,
                        right=right,
                        settlement=option_class.settlement,
                        last_trade_at=last_trade_at,
                        under_con_id=option_class.under_con_id,
                        exchanges=option_class.exchanges,
                        delivers_shares=option_class.delivers_shares,
                    )
                found.append(spec)
        return found

    def _future(self, future_class: FutureClass, expiry: date) -> ContractSpec:
        con_id = future_con_id(future_class, expiry)
        known = self._known.get(con_id)
        if known is not None:
            return known
        name = future_class.name
        if name == "VX" and not rules.is_vix_month(expiry):
            name = f"VX{expiry.isocalendar().week:02d}"
        spec = ContractSpec(
            con_id=con_id,
            sec_type=SecType.FUTURE,
            symbol=future_class.symbol,
            trading_class=name,
            exchange=future_class.exchange,
            exchanges=(future_class.exchange,),
            multiplier=future_class.multiplier,
            local_symbol=f"{name}{_MONTH_CODES[expiry.month - 1]}{expiry.year % 10}",
            market_rule_id=future_class.market_rule_id,
            min_tick=MARKET_RULES[future_class.market_rule_id][0][1],
            long_name=future_class.long_name,
            expiry=expiry,
            settlement=Settlement.AM,
            last_trade_at=self._sessions.future_last_trade_at(future_class.exchange, expiry),
            under_con_id=future_class.under_con_id,
        )
        self._known[con_id] = spec
        return spec


def _terms_in(local_symbol: str) -> tuple[str, date, float] | None:
    """Class, expiry and strike that an option's local symbol names (`SPXW  181116C02800000`); None for no option's."""
    match = _LOCAL_OPTION.fullmatch(local_symbol)
    if match is None:
        return None
    try:
        expiry = date(2000 + int(match[2]), int(match[3]), int(match[4]))
    except ValueError:
        return None
    return match[1].strip(), expiry, int(match[5]) / 1000.0


def _alive(spec: ContractSpec, today: date) -> bool:
    return spec.last_trade_at is None or spec.last_trade_at.date() >= today
