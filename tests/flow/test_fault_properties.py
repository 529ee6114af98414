"""Whatever is done to venue and market, in whatever order: the ledger adds up and the gateway lives on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sim.faults.arguments import Argument, FaultError, Kind, Need
from bot.sim.faults.table import FAULTS
from bot.sim.faults.verb import Layer
from bot.sim.gateway import SimulatedGateway
from bot.sim.types import ContractSpec, Leg, OrderTicket, Side
from bot.sim.venue import FillModel, Ledger, SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.world import load_scenario
from tests.oracle.ledger import Truth

LAYERS = (Layer.VENUE, Layer.MARKET, Layer.CLOCK)
VERBS = sorted(verb.name for verb in FAULTS.values() if verb.layer in LAYERS)
MONEY_VERBS = (
    "adopt_position", "cash", "correct_execution", "fill_leg_only", "fill_now", "fill_part", "late_commission",
    "liquidate", "lose_position", "manual_trade", "settle_now",
)  # fmt: skip
"""Verbs that move cash or positions themselves: every second one asked for."""
ACCOUNTS = {"DU1": 3_000_000.0, "DU2": 50_000.5}
CONTRACTS = 6
"""Options that orders and verbs choose from, by number; the verbs get the id in its place."""


def values(argument: Argument) -> st.SearchStrategy[object]:
    """Values that an argument allows, the ordinary ones first."""
    if argument.name == "con_id":
        return st.integers(0, CONTRACTS - 1)
    if argument.name == "account":
        return st.sampled_from(sorted(ACCOUNTS))
    if argument.kind is Kind.WORD:
        return st.sampled_from(argument.words)
    if argument.kind is Kind.FLAG:
        return st.booleans()
    if argument.kind is Kind.TEXTS:
        return st.lists(st.sampled_from(["NetLiquidation", "TotalCashValue"]), max_size=2)
    if argument.kind in (Kind.WHOLE, Kind.NUMBER):
        low = -5.0 if argument.low is None else argument.low
        high = 900.0 if argument.high is None else argument.high
        whole = st.integers(int(max(low, -9)), int(min(high, max(low, 0) + 9)))
        if argument.kind is Kind.WHOLE:
            return whole
        cents = st.integers(int(max(low, -50.0) * 100), int(min(high, max(low, 0.0) + 900.0) * 100))
        return st.one_of(whole.map(float), cents.map(lambda number: number / 100))
    texts = {"time": ["15:20:00", "12:00"], "expiry": ["20260306", "soon"], "order_ref": ["C1", "other"]}
    return st.sampled_from(texts.get(argument.name, ["?"]))


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, object]]:
    """A verb with arguments: those it needs, and some of the others."""
    verb = FAULTS[draw(st.one_of(st.sampled_from(MONEY_VERBS), st.sampled_from(VERBS)))]
    given_: dict[str, object] = {}
    for argument in verb.arguments:
        if argument.name in ("client", "order_id", "perm_id", "exec_id") and draw(st.integers(0, 9)) < 9:
            continue
        if argument.default is Need.REQUIRED or draw(st.integers(0, 9)) < LIKELY.get(argument.name, 2):
            given_[argument.name] = draw(values(argument))
    return verb.name, given_


ORDERS = st.tuples(
    st.just("order"),
    st.fixed_dictionaries(
        {
            "account": st.sampled_from(sorted(ACCOUNTS)),
            "legs": st.lists(st.integers(0, CONTRACTS - 1), min_size=1, max_size=3, unique=True),
            "side": st.sampled_from(list(Side)),
            "quantity": st.integers(1, 4),
            "keen": st.booleans(),
        }
    ),
)
LIKELY = {"con_id": 8, "account": 9, "for_s": 8, "hold_s": 8, "quantity": 5, "price": 5}
"""How often of ten an argument is given that may be left out; 2 for the others."""
MONEY = frozenset({"cash", "fill", "commission", "settle", "transfer"})
"""Kinds of lines that move cash or positions; each names its account."""
STEPS = st.lists(st.one_of(calls(), calls(), ORDERS), min_size=3, max_size=14)


class Play:
    """One gateway without clients, and orders given to its venue directly."""

    def __init__(self) -> None:
        self.world, self.ledger = load_scenario("calm", 7), Ledger()
        self.venue = SimVenue(self.world, accounts=ACCOUNTS, ledger=self.ledger, fills=FillModel())
        begin = self.world.days[4].open_at + timedelta(hours=5)
        self.gateway = SimulatedGateway(self.venue, self.world, tick_s=60.0, begin=begin)
        self.contracts: list[ContractSpec] = []
        self.orders = 0
        self.truths = {account: Truth() for account in ACCOUNTS}
        self.judged = 0

    async def run(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        await self.gateway.start()
        await asyncio.sleep(61)
        self.contracts = self._options()
        for number, spec in enumerate(self.contracts[:4]):
            side = "BUY" if number % 2 else "SELL"
            self.gateway.cause("manual_trade", con_id=spec.con_id, side=side, quantity=2, account="DU1")
        for legs in ([3, 4], [0, 1, 3], [5]):
            self._order("DU1", legs, Side.BUY, 3, keen=False)
        for what, terms in steps:
            if what == "order":
                self._order(**terms)
            else:
                self._cause(what, terms)
            await asyncio.sleep(130)
            self.judge()
        self.gateway.cause("clear")
        tick = self.gateway.clock.tick.number
        await asyncio.sleep(7200)
        assert self.gateway.clock.tick.number > tick + 10, "market time stands still"
        self.judge()
        await self.gateway.stop()

    def _options(self) -> list[ContractSpec]:
        """Puts and calls that settle today and in a month, near the money."""
        level = self.world.index("SPX").last
        assert level is not None
        strike = round(level / 25) * 25.0
        expiries = next(c for c in self.venue.option_chains("SPX") if c[2] == "SPXW")[4]
        terms = {"symbol": "SPX", "sec_type": "OPT", "trading_class": "SPXW"}
        found = []
        for expiry, right, away in (
            (expiries[0], "P", -25.0), (expiries[0], "C", 25.0), (expiries[0], "P", 25.0),
            (expiries[12], "P", -100.0), (expiries[12], "C", 100.0), (expiries[12], "P", -125.0),
        ):  # fmt: skip
            (spec,) = self.venue.find({**terms, "expiry": f"{expiry:%Y%m%d}", "right": right, "strike": strike + away})
            found.append(spec)
        return found

    def _order(self, account: str, legs: list[int], side: Side, quantity: int, *, keen: bool) -> None:
        self.orders += 1
        parts = tuple(
            Leg(self.contracts[number], 1, Side.BUY if place % 2 == 0 else Side.SELL)
            for place, number in enumerate(legs)
        )
        bag = len(parts) > 1
        bid, ask = self.venue.bag_quote(parts)
        natural = ask if side is Side.BUY else bid
        far = (0.05 if side is Side.BUY else 900.0) if not bag else (-900.0 if side is Side.BUY else 900.0)
        limit = natural if keen and natural is not None and (bag or natural > 0.0) else far
        self.venue.place(
            OrderTicket(
                client_id=1, order_id=self.orders, account=account, side=side, quantity=quantity, order_type="LMT",
                limit=round(round(limit / 0.05) * 0.05, 2) if bag else round(round(limit / 0.1) * 0.1, 2) or 0.05,
                tif="DAY", legs=parts, is_bag=bag, order_ref="C1",
            )
        )  # fmt: skip

    def _cause(self, name: str, terms: dict[str, Any]) -> None:
        if "con_id" in terms:
            terms = {**terms, "con_id": self.contracts[terms["con_id"]].con_id}
        before = len(self.ledger.lines)
        try:
            self.gateway.cause(name, **terms)
        except FaultError:
            lines = self.ledger.lines[before:]
            assert {line["kind"] for line in lines} <= {"fault"}, "a fault that was refused has done something"

    def judge(self) -> None:
        """Cash is what its lines explain, by account and to the cent; positions are fills, transfers, settlements."""
        lines, self.judged = self.ledger.lines[self.judged :], len(self.ledger.lines)
        for line in lines:
            if line["kind"] in MONEY:
                truth = self.truths[str(line["account"])]
                truth.feed({**line, "seq": truth.seq + 1})
        for account, truth in self.truths.items():
            held = self.venue.back_office.account(account)
            assert truth.cash() == truth.cash_explained() == held.cash_cents / 100
            assert truth.positions() == {con_id: one.quantity for con_id, one in held.positions.items()}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_the_ledger_adds_up_whatever_is_done(steps: list[tuple[str, dict[str, Any]]]) -> None:
    """After every verb and order, refused or done, cash and positions are what the lines say, for each account; after
    all faults are cleared market time runs."""
    run_virtual(lambda: Play().run(steps))
