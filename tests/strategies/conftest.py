"""A small world for the desk: a chain priced by Black-76 on a skewed smile, a calendar, a broker that does as told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from strategies.alvh.params import AlvhParams
from strategies.condor.machine import Condor, CondorState, on_order, quarantine
from strategies.condor.params import CondorParams
from strategies.desk import DeskOutcome, DeskState, DeskView, decide
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Book, Fill
from strategies.domain.control import Control, LinkState
from strategies.domain.instruments import Future, Index, Option, Right, SettlementStyle, TickBand
from strategies.domain.known import Known
from strategies.domain.market import Chain, DailyBar, Market, Quote
from strategies.domain.orders import CancelIntent, OrderRecord, OrderState, PlaceIntent
from strategies.domain.session import Calendar, SessionDay
from strategies.domain.transitions import ImpossibleEvent
from strategies.pricing import black76

NY = ZoneInfo("America/New_York")
TICKS = (TickBand(0.0, 0.05), TickBand(3.0, 0.10))
SPX_ID, VIX_ID, VX_IDS = 1, 2, (11, 12, 13, 14)
VX_EXPIRIES = (date(2026, 5, 19), date(2026, 6, 17), date(2026, 7, 22), date(2026, 8, 19))


def session_day(day: date, early: bool = False) -> SessionDay:
    """A regular or early-closing session."""
    opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NY)
    closes = opens.replace(hour=13, minute=0) if early else opens.replace(hour=16, minute=0)
    return SessionDay(day, opens, closes, closes + timedelta(minutes=15), early_close=early)


def weekdays(first: date, count: int) -> list[date]:
    """The next weekdays from a day on."""
    days = [first + timedelta(days=i) for i in range(count * 2 + 4)]
    return [d for d in days if d.weekday() < 5][:count]


@cache
def wavering(day: date, last: float, step: float) -> tuple[DailyBar, ...]:
    """Three hundred sessions before a day, up and down around a level."""
    closes = [last * (1 + step * (1 if i % 2 else -1) / 2) for i in range(300)]
    days = [day - timedelta(days=300 - i) for i in range(300)]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


@cache
def rising_and_falling(day: date) -> tuple[DailyBar, ...]:
    """Three hundred sessions of VIX before a day, between 12 and 25, the last one at 17."""
    days = [day - timedelta(days=300 - i) for i in range(300)]
    closes = [12.0 + 13.0 * (i % 100) / 100.0 for i in range(299)] + [17.0]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


class DeskBench:
    """Holds a market, a book and the desk's memory; `look` decides once and applies what the engine would apply."""

    def __init__(self, params: CondorParams | None = None) -> None:
        self.params = params or CondorParams()
        self.alvh = AlvhParams(enabled=False)  # the condor rules by themselves; the hedge has its own bench
        self.day = date(2026, 5, 4)
        self.now = datetime(2026, 5, 4, 10, 0, 0, tzinfo=NY)
        self.spot, self.vix = 5500.0, 17.0
        self.atm_scale, self.spread_scale, self.rate, self.carry = 0.79, 0.4, 0.045, 0.032
        self.vx = (18.0, 19.0, 19.6, 20.0)
        self.nlv: float | None = 500_000.0
        self.listed = True
        self.contracts = True
        self.expiries = tuple(self.day + timedelta(days=d) for d in (1, 8, 29, 32, 39, 45, 46, 53))
        self.sessions = [session_day(d) for d in weekdays(self.day - timedelta(days=7), 70)]
        self.events: tuple = ()
        self.events_until: date | None = self.day + timedelta(days=60)
        self.spx_bars = wavering(self.day, 5500.0, 0.006)
        self.vix_bars = rising_and_falling(self.day)
        self.book, self.control, self.link = Book(), Control(), LinkState.UP
        self.condors: dict[str, Condor] = {}
        self.state = DeskState()
        self.silent: set[int] = set()
        self.one_sided: set[int] = set()
        self.asks: dict[int, float] = {}
        self.age_s = 0.0
        self.epoch = 1
        self.options: dict[int, Option] = {}
        self.wanted_options: set[date] = set()
        self.lines: tuple[int, ...] = ()
        self.quote_everything = False
        self.last: DeskOutcome | None = None
        self.exec_number = 0
        self.pending: frozenset[str] = frozenset()

    # the market ---------------------------------------------------------------------------------
    def iv(self, strike: np.ndarray, forward: float, tau: float) -> np.ndarray:
        """The world's smile: RULEBOOK 3.8 in shape."""
        atm = self.vix / 100.0 * self.atm_scale
        m = np.log(strike / forward) / (atm * math.sqrt(tau))
        put = 1.0 - 0.315 * m - 0.009 * m * m
        call = np.maximum(1.0 - 0.37 * m + 0.14 * m * m, 0.6)
        return atm * np.where(m < 0, put, call)

    def con_id(self, expiry: date, strike: float, right: Right) -> int:
        return (expiry.toordinal() % 1000) * 1_000_000 + int(strike * 10) * 10 + (1 if right is Right.CALL else 2)

    def _load(self, expiry: date, low: float, high: float) -> None:
        start, stop = max(2000.0, 5.0 * math.ceil(low / 5.0)), high
        strike = start
        while strike <= stop:
            for right in (Right.PUT, Right.CALL):
                cid = self.con_id(expiry, strike, right)
                self.options[cid] = Option(
                    con_id=cid, symbol="SPX", trading_class="SPXW", exchange="SMART", multiplier=100, expiry=expiry,
                    strike=strike, right=right, settlement=SettlementStyle.PM,
                    last_trade_at=datetime(expiry.year, expiry.month, expiry.day, 16, 0, tzinfo=NY), ticks=TICKS,
                )  # fmt: skip
            strike += 5.0

    def fair(self, option: Option) -> float:
        """Model price of an option in this world."""
        tau = (option.last_trade_at - self.now).total_seconds() / (365 * 86400)
        forward = self.spot * math.exp(self.carry * tau)
        vol = self.iv(np.array([option.strike]), forward, tau)
        return float(black76.price(forward, option.strike, vol, tau, option.is_call, math.exp(-self.rate * tau))[0])

    def _fair(self, options: list[Option]) -> Iterator[tuple[int, float]]:
        """The same of many, each with its contract id, an expiry at a time."""
        ends = {option.last_trade_at: None for option in options}
        for end in ends:
            group = [option for option in options if option.last_trade_at == end]
            tau = (end - self.now).total_seconds() / (365 * 86400)
            forward, strikes = self.spot * math.exp(self.carry * tau), np.array([option.strike for option in group])
            vols, calls = self.iv(strikes, forward, tau), np.array([option.is_call for option in group])
            prices = black76.price(forward, strikes, vols, tau, calls, math.exp(-self.rate * tau))
            yield from zip([option.con_id for option in group], prices.tolist(), strict=True)

    def _option_quotes(self) -> dict[int, Quote]:
        wanted = list(self.options) if self.quote_everything else [c for c in self.lines if c in self.options]
        quotes = {}
        for cid, price in self._fair([self.options[cid] for cid in wanted]):
            scale = self.spot / 2770.0
            half = self.spread_scale * 0.5 * scale * (0.12 + 0.10 * math.sqrt(price / scale))
            tick = 0.05
            bid, ask = tick * math.floor((price - half) / tick), tick * math.ceil((price + half) / tick)
            quotes[cid] = self._quote(cid, max(0.0, round(bid, 2)), round(ask, 2))
        return quotes

    def _quote(self, cid: int, bid: float | None, ask: float | None, last: float | None = None) -> Quote:
        if cid in self.one_sided:
            bid = None
        ask = self.asks.get(cid, ask)
        at = self.now - timedelta(seconds=self.age_s)
        return Quote(cid, bid, ask, 10, 10, last, None, at, self.epoch)

    def market(self) -> Market:
        """The market as the engine would hold it now."""
        instruments: dict = {SPX_ID: Index(SPX_ID, "SPX", "CBOE"), VIX_ID: Index(VIX_ID, "VIX", "CBOE")}
        quotes = {
            SPX_ID: self._quote(SPX_ID, None, None, self.spot),
            VIX_ID: self._quote(VIX_ID, None, None, self.vix),
        }
        for cid, price, expiry in zip(VX_IDS, self.vx, VX_EXPIRIES, strict=True):
            instruments[cid] = Future(cid, "VIX", "VX", "CFE", 1000, expiry, self.now, (TickBand(0.0, 0.05),))
            quotes[cid] = self._quote(cid, price - 0.025, price + 0.025)
        instruments.update(self.options)
        quotes.update(self._option_quotes())
        quotes = {k: q for k, q in quotes.items() if k not in self.silent}
        chains = {}
        if self.listed:
            chains["SPXW"] = Chain("SPX", "SPXW", "SMART", 100, self.expiries, ())
        return Market(instruments, quotes, {"SPX": self.spx_bars, "VIX": self.vix_bars}, chains, self.epoch)

    def calendar(self) -> Calendar:
        return Calendar(tuple(self.sessions), self.events, self.events_until)

    # the engine in small ------------------------------------------------------------------------
    def view(self) -> DeskView:
        account = AccountSnapshot("DU1", self.now, net_liquidation_usd=self.nlv)
        return DeskView(
            now=self.now, market=self.market(), calendar=self.calendar(), book=self.book, condors=dict(self.condors),
            account=Known(account), control=self.control, link=self.link, params=self.params, desk_state=self.state,
            pending_refs=self.pending, alvh=self.alvh,
        )  # fmt: skip

    def look(self, after_s: float = 0.0, approve: bool = True) -> DeskOutcome:
        """Moves time, decides, and applies the outcome; intents become working orders unless not approved."""
        self.now += timedelta(seconds=after_s)
        out = decide(self.view())
        self.last, self.state, self.lines = out, out.desk_state, out.wants.lines
        if self.contracts:
            for _, _, expiry, low, high in out.wants.options:
                self._load(expiry, low, high)
        for condor in out.updates:
            self.condors[condor.id] = condor
        for intent in out.intents:
            if isinstance(intent, CancelIntent):
                self.order(intent.ref, OrderState.CANCELING)
            elif approve:
                self.accept(intent, out.proposals)
        return out

    def accept(self, intent: PlaceIntent, proposals: tuple[Condor, ...] = ()) -> None:
        """The gate lets the order pass and the broker acknowledges it."""
        for condor in proposals:
            if condor.id == intent.owner:
                self.condors[condor.id] = condor
        record = OrderRecord(intent, OrderState.APPROVED, self.now, self.now)
        self._store(record)
        self._store(msgspec.structs.replace(record, state=OrderState.WORKING, sent_at=self.now))

    def _store(self, record: OrderRecord) -> None:
        assert record.ref not in self.book.orders or self.book.orders[record.ref].intent == record.intent, "ref reused"
        self.book = msgspec.structs.replace(self.book, orders={**self.book.orders, record.ref: record})
        condor = self.condors.get(record.intent.owner)
        if condor is None:
            return
        try:
            moved = on_order(condor, record, self.now, self.book.fills.values())
        except ImpossibleEvent as reason:
            moved = quarantine(condor, str(reason), self.now)
        self.condors[condor.id] = moved

    def order(self, ref: str, state: OrderState) -> None:
        """Evidence about an order."""
        self._store(msgspec.structs.replace(self.book.orders[ref], state=state, changed_at=self.now))

    def fill(self, ref: str, units: int | None = None, at_points: float | None = None) -> None:
        """Executes units of an order leg by leg, at its limit spread over the legs or a net price given."""
        record = self.book.orders[ref]
        units = record.intent.quantity - record.filled_units if units is None else units
        net = record.intent.limit_points if at_points is None else at_points
        quotes = self.market().quotes
        mids = [quotes[leg.con_id].mid if leg.con_id in quotes else 1.0 for leg in record.intent.legs]
        signed = sum(leg.action.sign * mid for leg, mid in zip(record.intent.legs, mids, strict=True))
        mids[0] += record.intent.legs[0].action.sign * (net - signed)
        for leg, price in zip(record.intent.legs, mids, strict=True):
            self.exec_number += 1
            fill = Fill(f"x{self.exec_number}.01", ref, leg.con_id, leg.action, units, price, 100, self.now)
            self.book = msgspec.structs.replace(self.book, fills={**self.book.fills, fill.base_id: fill})
            record = self.book.orders[ref]
            by_leg = dict(record.filled_by_leg)
            by_leg[leg.con_id] = by_leg.get(leg.con_id, 0) + fill.signed_quantity
            record = msgspec.structs.replace(record, filled_by_leg=by_leg)
            if record.complete:
                record = msgspec.structs.replace(record, state=OrderState.FILLED)
            self._store(record)

    def finish_cancels(self) -> None:
        """The broker proves every cancel asked for."""
        for record in tuple(self.book.orders.values()):
            if record.state is OrderState.CANCELING:
                self.order(record.ref, OrderState.CANCELED)

    # shortcuts ----------------------------------------------------------------------------------
    def warm(self) -> None:
        """Lets the regime settle before the entry window, as a session's first half hour does."""
        self.now = self.now.replace(hour=9, minute=36)
        for _ in range(4):
            self.look(300.0)
        self.now = self.now.replace(hour=10, minute=0, second=0)

    def sell(self) -> PlaceIntent:
        """Runs the search to its order; fails with the decisions when there is none."""
        for _ in range(8):
            out = self.look(6.0)
            places = [i for i in out.intents if isinstance(i, PlaceIntent)]
            if places:
                return places[0]
        assert self.last is not None
        raise AssertionError("\n".join(f"{d.rule} {d.verdict} {d.text} {d.inputs}" for d in self.last.decisions))

    def open_condor(self) -> Condor:
        """Sells a condor and fills it."""
        self.warm()
        intent = self.sell()
        self.fill(intent.ref)
        condor = self.condors[intent.owner]
        assert condor.state is CondorState.OPEN
        return condor

    def places(self) -> list[PlaceIntent]:
        assert self.last is not None
        return [i for i in self.last.intents if isinstance(i, PlaceIntent)]

    def cancels(self) -> list[CancelIntent]:
        assert self.last is not None
        return [i for i in self.last.intents if isinstance(i, CancelIntent)]

    def said(self, rule: str, subject: str | None = None):
        """The decision of a rule in the last outcome."""
        assert self.last is not None
        found = [d for d in self.last.decisions if d.rule == rule and subject in (None, d.subject)]
        return found[-1] if found else None


@pytest.fixture
def bench() -> DeskBench:
    return DeskBench()


@pytest.fixture
def make_bench():
    """Makes a bench with other parameters."""
    return DeskBench
