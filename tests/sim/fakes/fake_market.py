"""A tiny market for tests of the wire: two days, SPX, VIX, one VX future and one expiry of SPXW options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bot.sim.past_types import DaySoFar, Statistics
from bot.sim.ports import VenueListener
from bot.sim.types import (
    AccountState,
    Bar,
    Commission,
    ContractSpec,
    Execution,
    IndexLevel,
    Leg,
    MarginImpact,
    Marks,
    OrderTicket,
    PositionLine,
    Reject,
    Right,
    SecType,
    Settlement,
    Side,
    TradingDay,
    VenueOrder,
)

NEW_YORK = ZoneInfo("America/New_York")
EXPIRY = date(2018, 10, 31)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


def trading_day(day: date) -> TradingDay:
    return TradingDay(day, at(day, 9, 30), at(day, 16), at(day, 16, 15))


SPX = ContractSpec(416904, SecType.INDEX, "SPX", "SPX", "CBOE", 1, "SPX", 0, 0.01, "S&P 500 Stock Index")
VIX = ContractSpec(13455763, SecType.INDEX, "VIX", "VIX", "CBOE", 1, "VIX", 0, 0.01, "CBOE Volatility Index")
VX = ContractSpec(
    5001,
    SecType.FUTURE,
    "VIX",
    "VX",
    "CFE",
    1000,
    "VXX8",
    635,
    0.05,
    "VIX future",
    expiry=date(2018, 11, 21),
    last_trade_at=at(date(2018, 11, 21), 9),
    under_con_id=VIX.con_id,
)


def option(strike: float, right: Right) -> ContractSpec:
    number = int(strike) * 10 + (1 if right is Right.CALL else 2)
    return ContractSpec(
        number,
        SecType.OPTION,
        "SPX",
        "SPXW",
        "CBOE",
        100,
        f"SPXW  {EXPIRY:%y%m%d}{right.value}{int(strike * 1000):08d}",
        109,
        0.05,
        "S&P 500 Stock Index",
        expiry=EXPIRY,
        strike=strike,
        right=right,
        settlement=Settlement.PM,
        last_trade_at=at(EXPIRY, 16),
        under_con_id=SPX.con_id,
    )


STRIKES = [float(strike) for strike in range(2500, 3001, 25)]
OPTIONS = [option(strike, right) for strike in STRIKES for right in (Right.PUT, Right.CALL)]
LISTED = [SPX, VIX, VX, *OPTIONS]


class FakeWorld:
    """Two exchange days; `events` as a scenario would have them."""

    name = "fake"

    def __init__(self, *, days: int = 2, events: Sequence[object] = ()) -> None:
        first = date(2018, 10, 1)
        self.days = [trading_day(first + timedelta(days=number)) for number in range(days)]
        self.events = events


class FakePast:
    """Daily bars, all alike, of every calendar day; nothing within a day, nothing traded."""

    def __init__(self, venue: FakeVenue) -> None:
        self._venue = venue

    def sessions(self, spec: ContractSpec, first: date, last: date) -> Sequence[tuple[datetime, datetime]]:
        before = min((last - first).days, 400)
        days = [last - timedelta(days=back) for back in range(before, -1, -1)]
        return [(at(day, 9, 30), at(day, 16)) for day in days if day < self._venue.now.date()]

    def daily_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        return [Bar(opened, 10.0, 12.0, 9.0, 11.0, 5.0) for opened, _ in self.sessions(spec, first, last)]

    def first_moment(self, spec: ContractSpec) -> datetime | None:
        return None

    def current_session(self, spec: ContractSpec, at: datetime | None = None) -> tuple[datetime, datetime] | None:
        return None

    def days_so_far(self, specs: Sequence[ContractSpec]) -> Sequence[tuple[DaySoFar, None]]:
        return [(DaySoFar(), None) for _ in specs]

    def previous_close(self, spec: ContractSpec, at: datetime | None = None) -> float | None:
        return None

    def statistics(self, spec: ContractSpec) -> Statistics:
        return Statistics()


class FakeVenue:
    """A venue that fills limits at or through the natural price at once and lets the others rest."""

    def __init__(self, world: FakeWorld, accounts: Sequence[str] = ("DU1234567",)) -> None:
        self.now = world.days[0].open_at - timedelta(minutes=30)
        self.accounts = tuple(accounts)
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.listeners: list[VenueListener] = []
        self.orders: dict[tuple[int, int], VenueOrder] = {}
        self.done: list[tuple[Execution, Commission | None]] = []
        self.held: dict[int, PositionLine] = {}
        self.cash = 500_000.0
        self.option_calls = 0
        self.past = FakePast(self)
        self._next_perm = 900_001
        self._highest: dict[int, int] = {}

    # time and market -----------------------------------------------------------------------------
    def subscribe(self, listener: VenueListener) -> None:
        self.listeners.append(listener)

    def advance(self, moment: datetime) -> None:
        assert moment >= self.now, "market time never runs backwards"
        self.now = moment
        for listener in self.listeners:
            listener.on_account(self.account(self.accounts[0]))

    @property
    def seconds(self) -> float:
        return self.now.timestamp() % 100_000.0

    def level(self) -> float:
        return round(2750.0 + 10.0 * math.sin(self.seconds / 600.0), 2)

    def is_open(self, spec: ContractSpec) -> bool:
        return time(9, 30) <= self.now.time() < time(16, 15)

    def index_level(self, spec: ContractSpec) -> IndexLevel:
        last = self.level() if spec is SPX else 12.5
        quoted = spec is VX
        return IndexLevel(last, last, last, last, 2740.0, 12.45 if quoted else None, 12.55 if quoted else None, 7, 9)

    def option_marks(self, specs: Sequence[ContractSpec]) -> Marks:
        self.option_calls += 1
        strikes = np.array([spec.strike or 0.0 for spec in specs])
        sign = np.array([1.0 if spec.right is Right.CALL else -1.0 for spec in specs])
        away = sign * (strikes - self.level())
        mid = np.maximum(-away, 0.0) + 20.0 * np.exp(-np.abs(away) / 80.0)
        bid = np.maximum(np.round(mid - 0.2, 1), 0.0)
        ask = np.round(mid + 0.2, 1)
        bid = np.where(bid < 0.1, np.nan, bid)
        if not self.is_open(OPTIONS[0]):
            bid, ask = np.full_like(bid, np.nan), np.full_like(ask, np.nan)
        size = np.full(len(specs), 25.0)
        flat = np.full(len(specs), 0.1)
        return Marks(
            mid,
            bid,
            ask,
            size,
            size,
            flat + 0.05,
            sign * 0.3,
            flat / 100,
            flat * 20,
            -flat * 4,
            flat * 0 + self.level(),
        )

    def bag_quote(self, legs: Sequence[Leg]) -> tuple[float | None, float | None]:
        marks = self.option_marks([leg.spec for leg in legs])
        bid = ask = 0.0
        for number, leg in enumerate(legs):
            low, high = float(marks.bid[number]), float(marks.ask[number])
            if math.isnan(low) or math.isnan(high):
                return None, None
            near, far = (low, high) if leg.side is Side.BUY else (high, low)
            bid += leg.side.sign * leg.ratio * near
            ask += leg.side.sign * leg.ratio * far
        return round(bid, 2), round(ask, 2)

    halt_changes = 0

    def values_at_price(self, spec: ContractSpec, price: float, under: float) -> None:
        return None

    def values_at_volatility(self, spec: ContractSpec, volatility: float, under: float) -> None:
        return None

    def halt_kind(self, spec: ContractSpec) -> int:
        return 0

    def mark_prices(self, specs: Sequence[ContractSpec]) -> Mapping[int, float]:
        options = [spec for spec in specs if spec.strike is not None]
        return dict(zip((spec.con_id for spec in options), self.option_marks(options).mid.tolist(), strict=True))

    # contracts -----------------------------------------------------------------------------------
    def find(self, query: Mapping[str, object]) -> Sequence[ContractSpec]:
        def fits(spec: ContractSpec) -> bool:
            for name, wanted in query.items():
                if name == "expiry":
                    if not (spec.expiry and f"{spec.expiry:%Y%m%d}".startswith(str(wanted))):
                        return False
                elif str(getattr(spec, name)) != str(wanted):
                    return False
            return True

        return [spec for spec in LISTED if fits(spec)]

    def spec(self, con_id: int) -> ContractSpec | None:
        return next((spec for spec in LISTED if spec.con_id == con_id), None)

    def option_chains(self, symbol: str) -> Sequence[tuple[str, int, str, int, Sequence[date], Sequence[float]]]:
        return [("CBOE", SPX.con_id, "SPXW", 100, [EXPIRY], STRIKES)] if symbol == "SPX" else []

    def market_rule(self, rule_id: int) -> Sequence[tuple[float, float]] | None:
        return {109: [(0.0, 0.05), (3.0, 0.1)]}.get(rule_id)

    def hours(self, spec: ContractSpec) -> tuple[str, str, str]:
        day = self.now.date()
        text = f"{day:%Y%m%d}:0930-{day:%Y%m%d}:1615"
        return "US/Eastern", text, text

    # orders --------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket) -> VenueOrder | Reject:
        key = (ticket.client_id, ticket.order_id)
        known = self.orders.get(key)
        if known is not None and known.status in ("Filled", "Cancelled"):
            return Reject(103, "Duplicate order id")
        if ticket.quantity > 100:
            return Reject(201, "Order rejected - reason: margin", "Inactive")
        if known is not None:
            known.ticket = ticket
            order = known
        else:
            order = VenueOrder(ticket, self._next_perm, "Submitted", remaining=ticket.quantity)
            self._next_perm += 1
            self.orders[key] = order
            self._highest[ticket.client_id] = max(self._highest.get(ticket.client_id, 0), ticket.order_id)
        self.tell_order(order)
        price = self._natural(ticket)
        if price is not None and (ticket.limit is None or ticket.side.sign * (ticket.limit - price) >= -1e-9):
            self._fill(order, price)
        return order

    def _natural(self, ticket: OrderTicket) -> float | None:
        if ticket.is_bag:
            bid, ask = self.bag_quote(ticket.legs)
        else:
            marks = self.option_marks([ticket.legs[0].spec])
            bid, ask = float(marks.bid[0]), float(marks.ask[0])
        price = ask if ticket.side is Side.BUY else bid
        return None if price is None or math.isnan(price) else price

    def _fill(self, order: VenueOrder, price: float) -> None:
        ticket = order.ticket
        order.status, order.filled, order.remaining = "Filled", ticket.quantity, 0
        order.average_price = order.last_fill_price = price
        order.completed_at, order.completed_status = self.now, "Filled Size: 1"
        reports: list[tuple[Execution, Commission]] = []
        marks = self.option_marks([leg.spec for leg in ticket.legs])
        for number, leg in enumerate(ticket.legs, start=1):
            side = leg.side if ticket.side is Side.BUY else (Side.SELL if leg.side is Side.BUY else Side.BUY)
            value = price if not ticket.is_bag else float(marks.mid[number - 1])
            execution = self._execution(order, f"0000e1a7.{order.perm_id}.{number:02d}.01", leg.spec, side, value)
            reports.append((execution, Commission(execution.exec_id, 1.1 * ticket.quantity, None)))
            self._hold(leg.spec, side.sign * ticket.quantity * leg.ratio, value)
        if ticket.is_bag:
            bag = replace(
                ticket.legs[0].spec, con_id=28812380, sec_type=SecType.BAG, expiry=None, strike=None, right=None
            )
            summary = self._execution(order, f"0000e1a7.{order.perm_id}.00.01", bag, ticket.side, price)
            self.done.append((summary, None))
            for listener in self.listeners:
                listener.on_execution(summary)
        for execution, commission in reports:
            self.done.append((execution, commission))
            for listener in self.listeners:
                listener.on_execution(execution)
        self.tell_order(order)
        for listener in self.listeners:
            for leg in ticket.legs:
                listener.on_position(self.held[leg.spec.con_id])
            for execution, commission in reports:
                listener.on_commission(commission, execution)

    def _execution(self, order: VenueOrder, exec_id: str, spec: ContractSpec, side: Side, price: float) -> Execution:
        ticket = order.ticket
        return Execution(
            exec_id, self.now, order.perm_id, ticket.client_id, ticket.order_id, ticket.order_ref, ticket.account,
            spec, side, ticket.quantity, round(price, 2), ticket.quantity, round(price, 2),
        )  # fmt: skip

    def _hold(self, spec: ContractSpec, quantity: int, price: float) -> None:
        before = self.held.get(spec.con_id)
        total = quantity + (before.quantity if before else 0)
        self.held[spec.con_id] = PositionLine(self.accounts[0], spec, total, round(price * spec.multiplier, 2))

    def what_if(self, ticket: OrderTicket) -> MarginImpact | Reject:
        if ticket.quantity > 100:
            return Reject(201, "Order rejected - reason: margin")
        return MarginImpact(1000.0, 800.0, 500_000.0, 6000.0, 4800.5, 499_998.9, 4.4)

    def cancel(self, client_id: int, order_id: int) -> Reject | None:
        order = self.orders.get((client_id, order_id))
        if order is None:
            return Reject(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        if order.status in ("Filled", "Cancelled"):
            return Reject(10148, f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: Filled.")
        self._cancel(order)
        return None

    def _cancel(self, order: VenueOrder) -> None:
        order.status, order.completed_at, order.completed_status = "Cancelled", self.now, "Cancelled by Trader"
        self.tell_order(order)
        for listener in self.listeners:
            listener.on_error(order.ticket.client_id, order.ticket.order_id, 202, "Order Canceled - reason:")

    def cancel_all(self, client_id: int) -> None:
        for order in list(self.open_orders()):
            self._cancel(order)

    def tell_order(self, order: VenueOrder) -> None:
        for listener in self.listeners:
            listener.on_order(order)

    def open_orders(self, client_id: int | None = None) -> Sequence[VenueOrder]:
        working = [order for order in self.orders.values() if order.status == "Submitted"]
        return [order for order in working if client_id in (None, order.ticket.client_id)]

    def bind_manual_orders(self) -> Sequence[VenueOrder]:
        return []

    def completed_orders(self) -> Sequence[VenueOrder]:
        return [order for order in self.orders.values() if order.status != "Submitted"]

    def executions(self) -> Sequence[tuple[Execution, Commission | None]]:
        return self.done

    def position(self, account: str, spec: ContractSpec) -> PositionLine:
        return self.held.get(spec.con_id, PositionLine(account, spec, 0, 0.0))

    def positions(self) -> Sequence[PositionLine]:
        return [line for line in self.held.values() if line.quantity]

    def account(self, account: str) -> AccountState:
        return AccountState(account, 500_000.0, self.cash, 0.0, 0.0, 500_000.0, 0.0, 0.0)

    def next_order_id(self, client_id: int) -> int:
        return self._highest.get(client_id, 0) + 1

    def note_client(self, client_id: int, *, connected: bool, reason: str) -> None:
        self.record("connect" if connected else "disconnect", client=client_id, reason=reason)

    def record(self, kind: str, **facts: object) -> None:
        self.lines.append((kind, facts))
