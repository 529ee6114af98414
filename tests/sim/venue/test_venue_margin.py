"""What the broker holds back, against the rules for defined-risk spreads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import Leg, Right, SecType, Side
from bot.sim.venue import products
from bot.sim.venue.margin import MAINTENANCE_PART, Holding, future_margin_usd, requirement

EXPIRY = date(2018, 11, 30)
LEVELS = {"SPX": 2800.0, "VIX": 18.0}


def held(strike: float, right: str, quantity: int, mark: float, expiry: date = EXPIRY) -> Holding:
    spec = products.bag_spec("SPX")
    for name, value in (
        ("sec_type", SecType.OPTION),
        ("trading_class", "SPXW"),
        ("multiplier", 100),
        ("expiry", expiry),
        ("strike", strike),
        ("right", Right(right)),
    ):
        object.__setattr__(spec, name, value)
    return Holding(spec, quantity, mark)


def condor(put_width: float, call_width: float, marks: tuple[float, ...], units: int = 1) -> list[Holding]:
    return [
        held(2650 - put_width, "P", units, marks[0]),
        held(2650, "P", -units, marks[1]),
        held(2950, "C", -units, marks[2]),
        held(2950 + call_width, "C", units, marks[3]),
    ]


MARKS = (15.0, 21.0, 8.0, 2.5)
CREDIT = 21.0 - 15.0 + 8.0 - 2.5


def test_a_condor_with_equal_wings_needs_its_maximum_loss_once() -> None:
    """Width less credit, one side only: 50 wide for 11.50 holds 3,850 dollars per unit."""
    needed = requirement(condor(50, 50, MARKS, 3), LEVELS)
    assert needed.initial == needed.maintenance == pytest.approx(3 * (50 - CREDIT) * 100)


def test_a_condor_with_unequal_wings_needs_both_sides() -> None:
    """50 and 25 wide are two separate spreads: 75 less the credit."""
    assert requirement(condor(50, 25, MARKS), LEVELS).initial == pytest.approx((75 - CREDIT) * 100)


@pytest.mark.parametrize(
    ("spx", "width", "credit", "max_loss"),
    [(5000, 25, 6.58, 1842), (5000, 50, 12.76, 3724), (5500, 100, 21.26, 7874), (6000, 25, 6.68, 1832)],
)
def test_the_rulebooks_golden_condors(spx, width, credit, max_loss) -> None:
    """The published margins of the rulebook's condors (R2) are met to the dollar."""
    short, wing = credit / 2 + 3.0, 3.0
    legs = [
        held(spx - 200 - width, "P", 1, wing),
        held(spx - 200, "P", -1, short),
        held(spx + 200, "C", -1, short),
        held(spx + 200 + width, "C", 1, wing),
    ]
    assert requirement(legs, LEVELS).initial == pytest.approx(max_loss, abs=1.0)


def test_spreads_of_one_side_and_longs() -> None:
    """A credit spread holds width less credit, a debit spread and a long option their premium."""
    credit_spread = [held(2650, "P", -1, 21.0), held(2600, "P", 1, 15.0)]
    debit_spread = [held(2650, "P", 1, 21.0), held(2600, "P", -1, 15.0)]
    assert requirement(credit_spread, LEVELS).initial == pytest.approx(4400)
    assert requirement(debit_spread, LEVELS).initial == pytest.approx(600)
    assert requirement([held(2650, "P", 2, 21.0)], LEVELS).initial == pytest.approx(4200)
    assert requirement([], LEVELS).initial == 0.0


def test_two_condors_of_one_expiry_are_held_side_by_side() -> None:
    """Equal wings at other strikes still count one side; the wing of one may be the short of the other."""
    further = ((2500, "P", 1, 5.0), (2550, "P", -1, 8.0), (3010, "C", -1, 2.0), (3060, "C", 1, 0.5))
    apart = [*condor(50, 50, MARKS), *(held(*terms) for terms in further)]
    value = sum(h.quantity * h.mark for h in apart)
    assert requirement(apart, LEVELS).initial == pytest.approx((100 + value) * 100)
    touching = [
        held(2550, "P", 1, 8.0),  # the outer wing; 2600 is bought by one and sold by the other
        held(2650, "P", -1, 21.0),
        held(2950, "C", -2, 8.0),
        held(3000, "C", 2, 2.5),
    ]
    value = sum(h.quantity * h.mark for h in touching)
    assert requirement(touching, LEVELS).initial == pytest.approx((100 + value) * 100)


def test_a_condor_beside_a_lone_spread() -> None:
    """Only the width that both sides have is shared: a condor and one more put spread hold two widths, not three."""
    book = [*condor(50, 50, MARKS), held(2500, "P", 1, 5.0), held(2550, "P", -1, 8.0)]
    value = sum(h.quantity * h.mark for h in book)
    assert requirement(book, LEVELS).initial == pytest.approx((100 + value) * 100)


def test_a_butterfly_beside_a_spread_needs_what_the_spread_needs() -> None:
    """A bought butterfly can lose no more than its value, so its widths are not added to the other side's."""
    wings = [held(2550, "P", 1, 8.0), held(2600, "P", -2, 15.0), held(2650, "P", 1, 23.0)]
    spread = [held(2950, "C", -1, 8.0), held(3050, "C", 1, 0.5)]
    assert requirement(wings, LEVELS).initial == pytest.approx(100)
    assert requirement([*wings, *spread], LEVELS).initial == pytest.approx((100 + 1.0 - 7.5) * 100)


def test_another_expiry_protects_nothing() -> None:
    """A short put with its wing in another expiry is uncovered and costs a multiple of the spread."""
    crossed = [held(2650, "P", -1, 21.0), held(2600, "P", 1, 15.0, date(2018, 12, 31))]
    naked = requirement([held(2650, "P", -1, 21.0)], LEVELS)
    assert naked.initial == pytest.approx((0.20 * 2800 - 150) * 100)
    assert requirement(crossed, LEVELS).initial == pytest.approx(naked.initial + 1500)
    assert naked.initial > 5 * requirement([held(2650, "P", -1, 21.0), held(2600, "P", 1, 15.0)], LEVELS).initial


def test_futures_are_held_per_contract(bench) -> None:
    """The front VX needs 35 % of its value long or short, a later one less, a cheap one the floor; minis a tenth."""
    today = bench.world.days[0].day
    front, later = bench.future(), bench.venue.find({"sec_type": "FUT", "trading_class": "VX"})[6]
    for quantity in (2, -2):
        needed = requirement([Holding(front, quantity, 18.0)], LEVELS, today)
        assert needed.initial == pytest.approx(2 * 6_300)
        assert needed.maintenance == pytest.approx(2 * 6_300 * MAINTENANCE_PART)
    assert future_margin_usd(later, 18.0, today) == pytest.approx(0.18 * 18_000)
    assert future_margin_usd(later, 10.0, today) == 2_500.0
    assert future_margin_usd(replace(front, symbol="VXM", multiplier=100), 18.0, today) == pytest.approx(630)


@given(
    st.lists(
        st.tuples(st.integers(500, 600), st.sampled_from("PC"), st.integers(-3, 3), st.floats(0.0, 30.0)), max_size=8
    )
)
def test_covered_positions_never_lose_more_than_is_held(legs) -> None:
    """Where every short is covered, no settlement level can cost more than the requirement against today's value."""
    net: dict[tuple[float, str], tuple[int, float]] = {}
    for strike, right, quantity, mark in legs:
        old = net.get((strike * 5.0, right), (0, mark))
        net[strike * 5.0, right] = (old[0] + quantity, old[1])
    book = [held(strike, right, quantity, mark) for (strike, right), (quantity, mark) in net.items() if quantity]
    for right in "PC":
        if sum(h.quantity for h in book if h.spec.right == right) < 0:
            return
    value = sum(h.quantity * h.mark for h in book)
    levels = [0.0, 10_000.0, *(h.spec.strike for h in book)]
    payoffs = [
        sum(h.quantity * max(0.0, (s - h.spec.strike) * (1 if h.spec.right == "C" else -1)) for h in book)
        for s in levels
    ]
    assert requirement(book, LEVELS).initial >= (value - min(payoffs)) * 100 - 0.011


def test_the_what_if_of_a_condor_is_its_maximum_loss(bench) -> None:
    """Without positions: width less the mid credit is held, equity falls by slippage and commission."""
    legs = bench.condor()
    mid = bench.mid(legs)
    limit = round(round((mid + 0.1) / 0.05) * 0.05, 2)
    impact = bench.venue.what_if(bench.bag(legs, limit, 2))
    assert impact.initial_before == 0.0
    assert impact.initial_after == pytest.approx(2 * (50 + mid) * 100, rel=0.01)
    assert 8.0 <= impact.commission <= 14.0
    assert impact.equity_after < impact.equity_before - impact.commission + 1e-6


def test_the_requirement_after_a_fill_is_what_the_what_if_said(bench) -> None:
    """The same rules serve the question and the position: open, then close, within the moves of the marks."""
    legs = bench.condor()
    ask = bench.venue.bag_quote(legs)[1]
    told = bench.venue.what_if(bench.bag(legs, ask, 2))
    bench.venue.place(bench.bag(legs, ask, 2))
    bench.wait()
    bench.wait()
    state = bench.venue.account("DU1234567")
    assert state.initial_margin == pytest.approx(told.initial_after)
    assert state.net_liquidation == pytest.approx(told.equity_after, abs=25.0)
    assert state.excess_liquidity == pytest.approx(state.cash - 2 * 5000)
    closing = bench.venue.what_if(bench.bag(legs, -30.0, 2, side=Side.SELL))
    assert closing.initial_after == 0.0


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_the_what_if_fills_at_the_better_of_the_limit_and_the_market(bench, side) -> None:
    """A limit through the market costs what the market costs; one short of it, its own price."""
    spec = bench.option(2650.0, "P")
    bench.set_market(spec, 20.0, 20.4)
    fair, worse = bench.mid([Leg(spec, 1, Side.BUY)]), side.sign
    natural = 20.4 if side is Side.BUY else 20.0

    def cost(limit: float) -> float:
        told = bench.venue.what_if(bench.single(spec, side, limit, 2))
        return told.equity_before - told.equity_after - told.commission

    through, short_of = natural + worse * 0.5, natural - worse * 0.3
    assert cost(through) == pytest.approx(worse * (natural - fair) * 200, abs=0.011)
    assert cost(short_of) == pytest.approx(worse * (short_of - fair) * 200, abs=0.011)


def test_unequal_wings_cost_more_by_what_if(bench) -> None:
    """Widening one wing only doubles the sides held."""
    equal = bench.venue.what_if(bench.bag(bench.condor(50, 50), -5.0))
    unequal = bench.venue.what_if(bench.bag(bench.condor(50, 100), -5.0))
    assert unequal.initial_after > equal.initial_after + 9_000


def test_an_uncovered_call_is_refused_on_a_small_account(make_bench: Callable) -> None:
    """20,000 dollars do not carry a naked call."""
    bench = make_bench(deposit=20_000.0).open()
    spec = bench.option(2950.0, "C")
    answer = bench.venue.place(bench.single(spec, Side.SELL, 1.0))
    assert (answer.code, answer.final_status) == (201, "Inactive")
    assert bench.venue.what_if(bench.bag((Leg(spec, 1, Side.BUY), bench.condor()[0]), 5.0)).initial_after > 0
