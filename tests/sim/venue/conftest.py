"""A small world whose every price the test can set, a listener that remembers, and orders ready to place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from bot.sim.exchange.expiries import add_months, vix_settlement_day, vx_weekly_expiries
from bot.sim.exchange.holidays import is_business_day
from bot.sim.exchange.hours import regular_day
from bot.sim.types import (
    AccountState,
    Bar,
    Commission,
    ContractSpec,
    Execution,
    IndexLevel,
    Leg,
    Marks,
    OrderTicket,
    PositionLine,
    Right,
    Side,
    TradingDay,
    VenueOrder,
)
from bot.sim.venue import BrokerRules, FillModel, Ledger, SimVenue

FIRST_DAY = date(2018, 10, 15)


def business_days(first: date, count: int) -> list[TradingDay]:
    found: list[TradingDay] = []
    day = first
    while len(found) < count:
        if is_business_day(day):
            found.append(regular_day(day))
        day += timedelta(days=1)
    return found


def black(level: float, strike: float, years: float, volatility: float, right: Right) -> float:
    if years <= 0.0:
        return max(0.0, level - strike if right is Right.CALL else strike - level)
    deviation = volatility * math.sqrt(years)
    d1 = math.log(level / strike) / deviation + deviation / 2
    cdf = lambda x: 0.5 * math.erfc(-x / math.sqrt(2))  # noqa: E731
    call = level * cdf(d1) - strike * cdf(d1 - deviation)
    return call if right is Right.CALL else call - level + strike


class FakeWorld:
    """Flat 18 % volatility around settable levels; `quotes` overrides (bid, ask) of a contract, NaN for nobody."""

    name = "fake"

    def __init__(self, days: Sequence[TradingDay], spx: float = 2800.0, vix: float = 18.0) -> None:
        self.days = list(days)
        self.spx, self.vix, self.spy = spx, vix, 280.0
        self.size = 50.0
        self.now = days[0].open_at
        self.half_spread = 0.20
        self.quotes: dict[int, tuple[float, float]] = {}
        self.settlements: dict[date, float] = {}
        self.looks = 0

    def advance(self, at: datetime) -> None:
        self.now = at

    def live_overnight(self) -> None:
        pass

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset({"SPX", "VIX", "SPY"})

    def index(self, symbol: str) -> IndexLevel:
        level = {"SPX": self.spx, "VIX": self.vix, "SPY": self.spy}[symbol]
        if symbol == "SPY":
            return IndexLevel(
                level, level, level, level, level, level - 0.01, level + 0.01, int(self.size), int(self.size)
            )
        return IndexLevel(level, level, level, level, level)

    def future_expiries(self, on: date) -> Sequence[date]:
        months = (vix_settlement_day(*add_months(on.year, on.month, ahead)) for ahead in range(8))
        return [day for day in months if day >= on]

    def weekly_expiries(self, on: date) -> Sequence[date]:
        return [day for day in vx_weekly_expiries(on) if day > on]

    def equity_future(self, expiry: date) -> IndexLevel:
        last = self.spx + 5.0
        return IndexLevel(last, last, last, last, last, last - 0.25, last + 0.25, 10, 10)

    def future(self, expiry: date) -> IndexLevel:
        last = self.vix + 0.5
        return IndexLevel(last, last, last, last, last)

    def marks(self, specs: Sequence[ContractSpec]) -> Marks:
        self.looks += 1
        mids, bids, asks = [], [], []
        for spec in specs:
            assert spec.strike is not None
            assert spec.expiry is not None
            assert spec.right is not None
            level = {"SPX": self.spx, "VIX": self.vix, "SPY": self.spy}[spec.symbol]
            mid = black(level, spec.strike, (spec.expiry - self.now.date()).days / 365, 0.18, spec.right)
            bid, ask = self.quotes.get(spec.con_id, (mid - self.half_spread, mid + self.half_spread))
            if spec.con_id in self.quotes and math.isfinite(bid + ask):
                mid = (bid + ask) / 2
            mids.append(mid)
            bids.append(bid)
            asks.append(ask)
        ones = np.ones(len(specs))
        return Marks(
            mid=np.array(mids),
            bid=np.array(bids),
            ask=np.array(asks),
            bid_size=self.size * ones,
            ask_size=self.size * ones,
            iv=0.18 * ones,
            delta=0 * ones,
            gamma=0 * ones,
            vega=0 * ones,
            theta=0 * ones,
            forward=ones,
        )

    def daily_bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        closes = [day.close_at for day in self.days if day.day < until][-count:]
        return [Bar(at, self.spx, self.spx, self.spx, self.spx) for at in closes]

    def future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        return []

    def settlement_price(self, spec: ContractSpec) -> float | None:
        assert spec.expiry is not None
        value = self.settlements.get(spec.expiry)
        return value / 10.0 if value is not None and spec.symbol == "SPY" else value

    def notes(self) -> Sequence[str]:
        return ()


@dataclass
class Recorder:
    """A listener that keeps every callback as (name, arguments)."""

    calls: list[tuple[str, object]] = field(default_factory=list)
    orders: list[tuple[str, int, int]] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    commissions: list[Commission] = field(default_factory=list)
    errors: list[tuple[int, int, int, str]] = field(default_factory=list)
    positions: list[PositionLine] = field(default_factory=list)
    accounts: list[AccountState] = field(default_factory=list)

    def on_order(self, order: VenueOrder) -> None:
        self.calls.append(("order", order.status))
        self.orders.append((order.status, order.filled, order.remaining))

    def on_execution(self, execution: Execution) -> None:
        self.calls.append(("execution", execution.spec.sec_type))
        self.executions.append(execution)

    def on_commission(self, commission: Commission, execution: Execution) -> None:
        self.calls.append(("commission", commission.exec_id))
        self.commissions.append(commission)

    def on_error(self, client_id: int, request_id: int, code: int, text: str) -> None:
        self.calls.append(("error", code))
        self.errors.append((client_id, request_id, code, text))

    def on_position(self, position: PositionLine) -> None:
        self.calls.append(("position", position.quantity))
        self.positions.append(position)

    def on_account(self, state: AccountState) -> None:
        self.calls.append(("account", state.account))
        self.accounts.append(state)


class Bench:
    """A venue over a fake world with a recorder, and short ways to say what a test wants."""

    def __init__(
        self,
        *,
        first: date = FIRST_DAY,
        days: int = 45,
        fills: FillModel | None = None,
        deposit: float = 500_000.0,
        rules: BrokerRules | None = None,
        more_accounts: Mapping[str, float] | None = None,
    ) -> None:
        self.world = FakeWorld(business_days(first, days))
        self.ledger = Ledger()
        self.heard = Recorder()
        self.venue = SimVenue(
            self.world,
            accounts={"DU1234567": deposit, **(more_accounts or {})},
            ledger=self.ledger,
            fills=fills or CERTAIN,
            rules=rules,
        )
        self.venue.subscribe(self.heard)
        self.expiry = date(2018, 11, 30)

    def open(self) -> Bench:
        """Moves to half an hour after the first open."""
        self.venue.advance(self.world.days[0].open_at + timedelta(minutes=30))
        return self

    def wait(self, seconds: float = 1.0) -> None:
        self.venue.advance(self.venue.now + timedelta(seconds=seconds))

    def option(
        self, strike: float, right: str, expiry: date | None = None, trading_class: str = "SPXW"
    ) -> ContractSpec:
        symbol = "VIX" if trading_class.startswith("VIX") else "SPX"
        (spec,) = self.venue.find(
            {
                "symbol": symbol,
                "sec_type": "OPT",
                "expiry": f"{expiry or self.expiry:%Y%m%d}",
                "strike": strike,
                "right": right,
                "trading_class": trading_class,
            }
        )
        return spec

    def spy(self) -> ContractSpec:
        """The shares, traded at one cent either side of `world.spy`."""
        (spec,) = self.venue.find({"symbol": "SPY", "sec_type": "STK"})
        return spec

    def set_market(self, spec: ContractSpec, bid: float, ask: float) -> None:
        """What an option is quoted at from now on."""
        self.world.quotes[spec.con_id] = (bid, ask)

    def future(self, trading_class: str = "VX") -> ContractSpec:
        return self.venue.find({"sec_type": "FUT", "trading_class": trading_class})[0]

    def condor(
        self, put_width: float = 50.0, call_width: float = 50.0, *, put: float = 2650.0, call: float = 2950.0
    ) -> tuple[Leg, ...]:
        """Short put and call with wings, as legs of a BUY for a credit."""
        return (
            Leg(self.option(put - put_width, "P"), 1, Side.BUY),
            Leg(self.option(put, "P"), 1, Side.SELL),
            Leg(self.option(call, "C"), 1, Side.SELL),
            Leg(self.option(call + call_width, "C"), 1, Side.BUY),
        )

    def mid(self, legs: Sequence[Leg]) -> float:
        bid, ask = self.venue.bag_quote(legs)
        assert bid is not None
        assert ask is not None
        return (bid + ask) / 2

    def bag(self, legs: Sequence[Leg], limit: float | None, quantity: int = 1, **terms: object) -> OrderTicket:
        return ticket(legs=tuple(legs), limit=limit, quantity=quantity, is_bag=True, **terms)

    def single(
        self, spec: ContractSpec, side: Side, limit: float | None, quantity: int = 1, **terms: object
    ) -> OrderTicket:
        return ticket(legs=(Leg(spec, 1, Side.BUY),), side=side, limit=limit, quantity=quantity, **terms)

    def cash(self) -> float:
        return self.venue.account("DU1234567").cash

    def kinds(self, *wanted: str) -> list[dict[str, object]]:
        return [line for line in self.ledger.lines if line["kind"] in wanted]


def ticket(**terms: object) -> OrderTicket:
    """An order with the ordinary terms unless said otherwise."""
    usual: dict[str, object] = {
        "client_id": 1,
        "order_id": 1,
        "account": "DU1234567",
        "side": Side.BUY,
        "quantity": 1,
        "order_type": "LMT",
        "limit": None,
        "tif": "DAY",
        "is_bag": False,
        "order_ref": "C1",
    }
    return OrderTicket(**{**usual, **terms})  # type: ignore[arg-type]


CERTAIN = FillModel(improvement_probability=0.0, partial_probability=0.0)
"""Marketable orders fill whole at the natural; nothing else is left to luck."""


@pytest.fixture
def bench() -> Bench:
    """A venue half an hour into 2018-10-15 with certain fills."""
    return Bench().open()


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Makes venues with other fill models, days and deposits."""
    return Bench


@pytest.fixture
def make_world() -> Callable[..., FakeWorld]:
    """Makes a fake world from a first date and a number of business days."""
    return lambda first, count: FakeWorld(business_days(first, count))
