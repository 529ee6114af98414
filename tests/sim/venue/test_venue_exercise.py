"""Options on shares at expiry: exercised or assigned into shares at the strike, worthless ones vanish."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import ContractSpec, Execution, Leg, Right, SecType, Side
from bot.sim.venue import FillModel, Ledger, SimVenue
from bot.sim.venue.accounts import Account
from bot.sim.venue.directory import SPY_STOCK
from bot.sim.world import load_scenario
from tests.sim.venue.conftest import Recorder, ticket

SHARE = SPY_STOCK.spec
CERTAIN = FillModel(improvement_probability=0.0, partial_probability=0.0)


def option(right: Right) -> ContractSpec:
    return ContractSpec(
        1342177281, SecType.OPTION, "SPY", "SPY", "SMART", 100, "SPY", 26, 0.01, strike=280.0, right=right,
        under_con_id=SHARE.con_id, delivers_shares=True,
    )  # fmt: skip


def trade(spec: ContractSpec, contracts: int, price: float, number: int) -> Execution:
    side = Side.BUY if contracts > 0 else Side.SELL
    day = date(2018, 10, 15)
    return Execution(
        f"e{number}",
        day,
        1,
        1,
        1,
        "",
        "DU1",
        spec,
        side,
        abs(contracts),
        price,
        abs(contracts),
        price,  # type: ignore[arg-type]
    )


@given(
    st.sampled_from(list(Right)),
    st.integers(-9, 9).filter(bool),
    st.integers(1, 2000),
    st.integers(-1500, 1500),
)
def test_exercise_moves_shares_at_the_strike_and_loses_no_cent(
    right: Right, contracts: int, premium_cents: int, shares: int
) -> None:
    """Whatever shares were held, long and short, puts and calls: the shares change by the contracts' hundred, cash by
    the strike, and deposit + realised = cash + cost of what is held, to the cent."""
    account = Account("DU1", 500_000.0)
    spec = option(right)
    account.trade(trade(spec, contracts, premium_cents / 100, 1))
    if shares:
        account.trade(trade(SHARE, shares, 275.31, 2))
    cash = account.cash_cents
    delivered = account.exercise(spec.con_id, SHARE, 28_000)
    expected = 100 * contracts * (1 if right is Right.CALL else -1)
    assert delivered.shares == expected
    assert account.cash_cents - cash == delivered.cash_cents == -28_000 * expected
    assert account.line(SHARE).quantity == shares + expected
    assert account.line(spec).quantity == 0
    cost = sum(position.cost_cents for position in account.positions.values())
    assert 50_000_000 + account.realized_cents == account.cash_cents + cost
    assert account.state({}, {}).realized_today == account.realized_cents / 100


def test_a_long_call_makes_shares_that_cost_strike_and_premium() -> None:
    """As in IB's books nothing is realised: the premium goes over into the cost of the shares."""
    account = Account("DU1", 500_000.0)
    account.trade(trade(option(Right.CALL), 2, 3.5, 1))
    account.exercise(option(Right.CALL).con_id, SHARE, 28_000)
    assert account.realized_cents == 0
    assert account.line(SHARE).average_cost_usd == 283.5


def test_a_covered_call_that_is_assigned_sells_the_shares() -> None:
    """The shares go at the strike and the premium received is part of the profit."""
    account = Account("DU1", 500_000.0)
    account.trade(trade(SHARE, 100, 275.0, 1))
    account.trade(trade(option(Right.CALL), -1, 4.0, 2))
    account.exercise(option(Right.CALL).con_id, SHARE, 28_000)
    assert account.positions == {}
    assert account.realized_cents == 100 * (500 + 400)


def test_at_expiry_what_is_in_the_money_becomes_shares() -> None:
    """A played Friday: a long call and a short put in the money are exercised and assigned after 16:15, a long put out
    of the money vanishes; the account is worth the same before and after, and the ledger and listeners are told."""
    world, ledger, heard = load_scenario("melt_up", seed=7), Ledger(), Recorder()
    venue = SimVenue(world, accounts={"DU1234567": 500_000.0}, ledger=ledger, fills=CERTAIN)
    venue.subscribe(heard)
    venue.advance(world.days[0].open_at + timedelta(minutes=5))
    friday = next(day for day in world.days if day.day.weekday() == 4)
    spot = venue.index_level(SHARE).last
    assert spot is not None
    strikes = {"long call": (spot - 5, "C"), "short put": (spot + 40, "P"), "long put": (spot - 15, "P")}
    specs = {
        name: venue.find({"symbol": "SPY", "sec_type": "OPT", "expiry": f"{friday.day:%Y%m%d}",
                          "strike": float(round(strike)), "right": right})[0]
        for name, (strike, right) in strikes.items()
    }  # fmt: skip
    for number, (name, quantity) in enumerate((("long call", 2), ("short put", 1), ("long put", 3)), start=1):
        side = Side.SELL if name.startswith("short") else Side.BUY
        venue.place(ticket(order_id=number, side=side, quantity=quantity, order_type="MKT",
                           legs=(Leg(specs[name], 1, Side.BUY),)))  # fmt: skip
    venue.advance(venue.now + timedelta(minutes=1))
    assert {line.quantity for line in venue.positions()} == {2, -1, 3}
    venue.advance(friday.close_at - timedelta(seconds=1))
    before, close = venue.account("DU1234567"), venue.index_level(SHARE).last
    venue.advance(friday.close_at)
    after = venue.account("DU1234567")
    assert [(line.spec.symbol, line.quantity) for line in venue.positions()] == [("SPY", 300)]
    assert after.net_liquidation == pytest.approx(before.net_liquidation, abs=0.05)
    strikes_paid = 200 * specs["long call"].strike + 100 * specs["short put"].strike  # type: ignore[operator]
    assert before.cash - after.cash == pytest.approx(strikes_paid)
    exercised = [line for line in ledger.lines if line["kind"] == "exercise"]
    assert [(line["quantity"], line["shares"]) for line in exercised] == [(2, 200), (-1, 100)]
    assert {line["underlying_price"] for line in exercised} == {close}
    assert [(line["quantity"], line["cash"]) for line in ledger.lines if line["kind"] == "settle"] == [(3, 0.0)]
    assert [(p.spec.sec_type, p.quantity) for p in heard.positions[-5:] if p.spec.sec_type is SecType.STOCK][-1][
        1
    ] == 300
