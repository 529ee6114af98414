"""Cash and positions to the cent and the contract, over random orders, worlds, days, accounts and corrections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.sim.order_terms import OrderStatus, OrderType
from bot.sim.types import OrderTicket, SecType, Side
from bot.sim.venue import BrokerRules, FillModel
from bot.sim.venue.refusal import VenueRefusal
from tests.sim.venue.bookkeeper import Bookkeeper

ACCOUNTS = ("DU1234567", "DU2", "DU3")
TYPES = [*OrderType, OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET]
RULES = BrokerRules(orders_per_side=99, both_sides_refused=False, interest_per_year=0.05)


class Trader:
    """Does anything that clients, the broker and the market may do, by one stream of chance."""

    def __init__(self, bench, seed: int) -> None:
        self.bench = bench
        self.draw = np.random.default_rng(seed)
        self.future = bench.venue.find({"sec_type": "FUT", "trading_class": "VX"})[1]

    def pick(self, *choices):
        return choices[int(self.draw.integers(len(choices)))]

    def act(self) -> None:
        """One random deed, then some time and another market."""
        deed = self.pick(self.order, self.order, self.order, self.order, self.bracket, self.cancel, self.modify,
                         self.correct, self.move_cash)  # fmt: skip
        deed()
        world = self.bench.world
        world.spx += float(self.draw.normal(0, 3))
        world.vix = max(10.0, world.vix + float(self.draw.normal(0, 0.2)))
        world.spy = round(world.spx / 10, 2)
        world.size = float(self.draw.integers(1, 60))
        self.bench.wait(float(self.draw.integers(1, 90)))

    # orders ------------------------------------------------------------------------------------------
    def ticket(self, **terms) -> OrderTicket:
        """A random order of a random type, sensible enough to be taken often."""
        bench, side = self.bench, self.pick(*Side)
        client = int(self.draw.integers(1, 3))
        order_type = self.pick(*TYPES)
        if bench.venue.now.date() < bench.expiry and self.draw.random() < 0.35:
            legs = bench.condor(5.0 * int(self.draw.integers(1, 4)), 10.0, put=2790.0, call=2810.0)
            marks = bench.venue.mark_prices([leg.spec for leg in legs])
            base, tick, multiplier = sum(leg.side.sign * marks[leg.spec.con_id] for leg in legs), 0.05, 1
        elif bench.venue.now.date() < bench.expiry and self.draw.random() < 0.5:
            spec = bench.option(2780.0 + 5 * int(self.draw.integers(9)), self.pick("P", "C"))
            legs, base, tick, multiplier = spec, bench.venue.mark_prices([spec])[spec.con_id], 0.1, 1
        elif self.draw.random() < 0.5:
            legs, base, tick, multiplier = self.future, bench.world.vix + 0.5, 0.05, 1
        else:
            legs, base, tick, multiplier = bench.spy(), bench.world.spy, 0.01, 10
        near = lambda: round(round((base + float(self.draw.normal(0, 0.6))) / tick) * tick, 2)  # noqa: E731
        usual = {
            "side": side,
            "client_id": client,
            "order_id": bench.venue.next_order_id(client),
            "account": self.pick(*ACCOUNTS),
            "order_type": order_type,
            "aux": near() if "TRAIL" not in order_type and order_type != "REL" else 0.5,
            "limit_offset": 0.5,
            "tif": self.pick("DAY", "DAY", "GTC", "IOC", "FOK", "OPG"),
            "all_or_none": self.draw.random() < 0.1,
            "oca_group": self.pick("", "", "", "g"),
        }
        quantity = int(self.draw.integers(1, 8)) * multiplier
        if isinstance(legs, tuple):
            return bench.bag(legs, near(), quantity, **{**usual, **terms})
        side = usual.pop("side")
        return bench.single(legs, side, near(), quantity, **{**usual, **terms})

    def order(self) -> None:
        self.bench.venue.place(self.ticket())

    def bracket(self) -> None:
        venue, parent = self.bench.venue, self.ticket(transmit=False, oca_group="", tif="GTC", order_type="LMT")
        if venue.place(parent) is not None and venue.next_order_id(parent.client_id) > parent.order_id:
            child = replace(
                parent, order_id=parent.order_id + 1, parent_id=parent.order_id, transmit=True,
                side=Side.SELL if parent.side is Side.BUY else Side.BUY,
            )  # fmt: skip
            venue.place(child)

    def cancel(self) -> None:
        working = self.bench.venue.open_orders()
        if working:
            ticket = self.pick(*working).ticket
            self.bench.venue.cancel(ticket.client_id, ticket.order_id)

    def modify(self) -> None:
        working = self.bench.venue.open_orders()
        if working:
            order = self.pick(*working)
            more = int(self.draw.integers(0, 3))
            self.bench.venue.place(replace(order.ticket, quantity=order.ticket.quantity + more, transmit=True))

    # the broker --------------------------------------------------------------------------------------
    def correct(self) -> None:
        done = [e for e, _ in self.bench.venue.executions() if e.spec.sec_type is not SecType.BAG]
        if not done:
            return
        old = self.pick(*done)
        quantity = int(self.draw.integers(0, old.quantity + 1))
        price = round(max(0.0, old.price + float(self.draw.integers(-5, 6)) / 10), 2)
        try:
            self.bench.venue.booking.correct(old.exec_id, quantity=quantity, price=price, at=self.bench.venue.now)
        except VenueRefusal:
            return  # replaced before, settled, or nothing new in it

    def move_cash(self) -> None:
        office = self.bench.venue.back_office
        amount = float(self.draw.integers(1, 100_000)) / 100
        office.move_cash(office.account(self.pick(*ACCOUNTS)), amount, self.pick("deposit", "withdrawal", "fee"))


def check(bench, *, to_the_cent: bool) -> None:
    """What the accounts say is what the ledger's facts add up to."""
    books = Bookkeeper(bench.ledger.lines)
    for account in ACCOUNTS:
        state = bench.venue.account(account)
        held = {line.spec.con_id: line for line in bench.venue.positions() if line.account == account}
        assert {con_id: line.quantity for con_id, line in held.items()} == books.positions(account)
        cash, seen = books.cash_cents(account)
        marks = bench.venue.mark_prices([line.spec for line in held.values()])
        value = sum(marks[con_id] * line.quantity * line.spec.multiplier for con_id, line in held.items())
        assert abs(state.net_liquidation - (float(cash - seen) / 100 + value)) < 0.006
        if to_the_cent:
            assert round(state.cash * 100) == cash
        moved = sum(
            round(100 * line["amount"])
            for line in bench.kinds("cash")
            if line["account"] == account
        )  # fmt: skip
        assert round(state.cash * 100) == moved
        profit = state.realized_pnl + state.unrealized_pnl
        by_hand = sum(
            line["amount"]
            for line in bench.kinds("cash")
            if line["account"] == account and line["reason"] in ("deposit", "withdrawal", "interest", "fee")
        )
        assert abs(state.net_liquidation - (by_hand + profit)) < 0.011


def check_orders(bench) -> None:
    """No order has more than it asked for, every combination is in ratio, what is done does not work."""
    for order in [*bench.venue.open_orders(), *bench.venue.completed_orders()]:
        assert order.filled >= 0
        assert order.remaining >= 0
        if order.status is OrderStatus.FILLED:
            assert order.remaining == 0
    assert not {o.perm_id for o in bench.venue.open_orders()} & {o.perm_id for o in bench.venue.completed_orders()}
    combos = {}
    for execution, _ in bench.venue.executions():
        if execution.exec_id.endswith(".01"):
            combos.setdefault(execution.exec_id.split(".")[1], []).append(execution)
    for parts in combos.values():
        (summary,) = [e for e in parts if e.spec.sec_type is SecType.BAG] or [None]
        if summary is not None:
            legs = [e for e in parts if e is not summary]
            assert {e.quantity for e in legs} == {summary.quantity}
            assert len(legs) == 4


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(seed=261)  # trades of a future corrected after its daily marks
@given(seed=st.integers(0, 2**32 - 1))
def test_every_cent_is_a_fill_a_fee_a_settlement_or_moved_by_hand(make_bench: Callable, seed: int) -> None:
    """Cash change = fills - fees + variation + settlements + what was moved; equity = cash + value; realised and
    unrealised profit account for every dollar. Against the bookkeeper, at every close and at the end."""
    draw = np.random.default_rng(seed)
    bench = make_bench(
        days=6,
        fills=FillModel(partial_probability=0.5, mid_per_minute=1.0, commission_delay_s=float(draw.integers(0, 90))),
        rules=RULES,
        more_accounts={"DU2": 90_000.0, "DU3": 45_000.0},
    ).open()
    bench.expiry = date(2018, 10, 17)
    trader = Trader(bench, seed)
    for day in bench.world.days[:4]:
        bench.world.settlements[day.day] = round(float(2800 + 40 * draw.standard_normal()), 2)
        bench.venue.advance(max(bench.venue.now, day.open_at + timedelta(minutes=30)))
        for _ in range(25):
            trader.act()
        check_orders(bench)
        bench.venue.advance(day.close_at + timedelta(minutes=5))
        check(bench, to_the_cent=False)
    bench.venue.cancel_all(1)
    for line in bench.venue.positions():
        office = bench.venue.back_office
        side = Side.SELL if line.quantity > 0 else Side.BUY
        office.trade(office.account(line.account), line.spec, side, abs(line.quantity), bench.venue.now)
    bench.venue.advance(bench.world.days[5].open_at)
    check(bench, to_the_cent=True)
    assert bench.venue.positions() == []
