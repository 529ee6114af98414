"""What the hedge may be, risk, spend and carry, exactly at the numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from risk.case import Case
from risk.checks import hedge
from risk.hedge import carry_usd_per_day, layer_risks, spent_usd
from risk.stress import Stress
from risk.view import Holding
from strategies.domain.hedge import HEDGE_OWNER, Layer
from strategies.domain.instruments import Right
from strategies.domain.marks import Mark
from strategies.domain.orders import Action, LegIntent, OrderState
from strategies.pricing import black76
from tests.risk.hedge_sample import (
    FRONT,
    MINI,
    SECOND,
    VXM_ID,
    buy,
    call,
    hedge_intent,
    hedge_world,
    mark_of,
    owning,
    quote_of,
    rotate,
    sell,
    spread,
    worth,
)
from tests.risk.sample import EPOCH, EXPIRIES, NLV, World, con_id, entry, record
from tests.risk.test_check_edges import asked

BUY, SELL = Action.BUY, Action.SELL
NEAR, MIDDLE, DEEP = call(FRONT, 18.0), call(FRONT, 20.0), call(FRONT, 25.0)
LATER = call(SECOND, 20.0)
WORLD = hedge_world()
LIMITS = WORLD.limits


def holding(*rows: tuple[int, int, float | None, int | None], owner: str | None = HEDGE_OWNER) -> World:
    """Holdings alone: contract, quantity, price, slot."""
    return replace(WORLD, holdings=tuple(Holding(owner, *row) for row in rows))


def risks(world: World, *candidates: Any) -> dict[Layer, float] | str:
    view = world.view()
    contracts = {c: one for c in view.market.instruments if (one := view.market.tradable(c)) is not None}
    return layer_risks(view, contracts, LIMITS, *candidates)


# structure ------------------------------------------------------------------------------------------
def order(*legs: tuple[int, Action, int, int], quantity: int = 1) -> Any:
    """Contract, side, ratio, slot."""
    rows = tuple(LegIntent(contract, ratio, side, slot) for contract, side, ratio, slot in legs)
    return hedge_intent(rows, quantity, 0.5, "alvh-s01.open", {})


PUT_HIGH, PUT_LOW = con_id(EXPIRIES[2], 5150.0, Right.PUT), con_id(EXPIRIES[2], 5100.0, Right.PUT)


@pytest.mark.parametrize(
    ("world", "intent", "passes"),
    [
        (WORLD, order((NEAR.con_id, BUY, 1, 1), (DEEP.con_id, SELL, 1, 1)), True),
        (WORLD, order((NEAR.con_id, BUY, 1, 1), (DEEP.con_id, SELL, 2, 1)), False),
        (WORLD, order((NEAR.con_id, BUY, 2, 1), (DEEP.con_id, SELL, 1, 1)), True),
        (WORLD, order((DEEP.con_id, BUY, 1, 1), (NEAR.con_id, SELL, 1, 1)), False),  # the farther covers nothing
        (WORLD, order((LATER.con_id, BUY, 1, 1), (DEEP.con_id, SELL, 1, 1)), False),  # another expiry
        (WORLD, order((NEAR.con_id, BUY, 1, 1), (DEEP.con_id, SELL, 1, 2)), False),  # another slot
        (WORLD, order((VXM_ID, BUY, 1, 1), (DEEP.con_id, SELL, 1, 1)), False),  # a future covers no option
        (WORLD, order((VXM_ID, SELL, 1, 1)), False),
        (WORLD, order((VXM_ID, BUY, 1, 1)), True),
        (WORLD, order((PUT_HIGH, BUY, 1, 9), (PUT_LOW, SELL, 1, 9)), True),
        (WORLD, order((PUT_LOW, BUY, 1, 9), (PUT_HIGH, SELL, 1, 9)), False),
        (WORLD, order((NEAR.con_id, BUY, 1, 1), (MIDDLE.con_id, SELL, 1, 1), (DEEP.con_id, SELL, 1, 1)), False),
        (holding((NEAR.con_id, 2, 1.5, 1)), order((NEAR.con_id, SELL, 1, 1), quantity=2), True),
        (holding((NEAR.con_id, 2, 1.5, 1)), order((NEAR.con_id, SELL, 1, 1), quantity=3), False),
        (holding((NEAR.con_id, 1, 1.5, 1), (NEAR.con_id, 1, 1.6, 1)), order((NEAR.con_id, SELL, 2, 1)), True),
        (holding((NEAR.con_id, 2, 1.5, 2)), order((NEAR.con_id, SELL, 1, 1)), False),
        (holding((NEAR.con_id, 2, 1.5, 1), owner="ic-9"), order((NEAR.con_id, SELL, 1, 1)), False),
        (holding((NEAR.con_id, 2, 1.5, 1), (DEEP.con_id, -2, 0.5, 1)), order((NEAR.con_id, SELL, 1, 1)), False),
        (holding((DEEP.con_id, -2, 0.5, 2)), order((NEAR.con_id, BUY, 1, 1)), True),  # slot 2 is not this order's
    ],
)  # fmt: skip
def test_each_slot_stays_long_or_a_spread_capped_by_its_farther_leg(world: World, intent: Any, passes: bool) -> None:
    """Of one slot and expiry, as many nearer longs as shorts, after the whole order."""
    assert asked(hedge.structure, intent, world).passed is passes


# risk -----------------------------------------------------------------------------------------------
def test_what_is_held_risks_its_premium_and_a_future_a_fall() -> None:
    """By layer; shorts of a spread take off, never below nothing; other owners and empty rows are not asked."""
    world = holding(
        (NEAR.con_id, 3, 1.5, 1), (DEEP.con_id, -3, 0.4, 1), (VXM_ID, 2, 18.0, 2), (LATER.con_id, 1, 2.0, 9),
        (DEEP.con_id, 0, None, 1), (DEEP.con_id, 5, None, None),
    )  # fmt: skip
    others = (Holding("ic-9", NEAR.con_id, 9, 9.0, 1), Holding(None, 77, 1, None, 1))
    foreign = replace(world, holdings=(*world.holdings, *others))
    short = 3 * 150.0 - 3 * 40.0 + 0.01 * LIMITS.hedge_future_drop_pct * 2 * 1_800.0
    for each in (world, foreign):
        assert risks(each) == pytest.approx({Layer.SHORT: short, Layer.INTERMEDIATE: 0.0, Layer.DEEP: 200.0})
    assert risks(holding((DEEP.con_id, -3, 0.4, 1)))[Layer.SHORT] == 0.0  # type: ignore[index]
    for row in ((NEAR.con_id, 1, None, 1), (NEAR.con_id, 1, math.nan, 1), (77, 1, 1.0, 1)):
        assert isinstance(risks(holding(row)), str)


def test_what_works_or_is_asked_for_counts_as_bought() -> None:
    """Units still open at their limit; a spread at its debit, never less than nothing; sales and others at nothing."""
    one = buy(NEAR, 1, 5, limit_points=1.5)
    working = record(one, filled_by_leg={NEAR.con_id: 2})
    over, other = record(one, OrderState.CANCELED), record(entry("ic-8"))
    world = replace(holding(), orders=(msgspec.structs.replace(working),))
    assert risks(world)[Layer.SHORT] == pytest.approx(3 * 150.0)  # type: ignore[index]
    assert risks(replace(world, orders=(over,)))[Layer.SHORT] == 0.0  # type: ignore[index]
    assert risks(replace(world, orders=(other,))) == dict.fromkeys(Layer, 0.0)
    assert risks(world, one)[Layer.SHORT] == pytest.approx(8 * 150.0)  # type: ignore[index]
    for limit, risk in ((1.1, 110.0), (-0.2, 0.0), (0.005, 0.5)):
        found = risks(holding(), spread(NEAR, DEEP, 9, limit_points=limit))
        assert found[Layer.DEEP] == pytest.approx(risk)  # type: ignore[index]
    assert risks(holding(), sell(NEAR, 1, 4)) == dict.fromkeys(Layer, 0.0)
    future = hedge_intent((LegIntent(VXM_ID, 1, BUY, 1),), 2, 18.0, "alvh-s01.open", {})
    drop = 0.01 * LIMITS.hedge_future_drop_pct
    assert risks(holding(), future)[Layer.SHORT] == pytest.approx(2 * 1_800.0 * drop)  # type: ignore[index]


def asking(**changes: Any) -> World:
    """The back month's quote changed."""
    view = WORLD.view()
    quotes = {**view.market.quotes, LATER.con_id: quote_of(LATER, **changes)}
    return WORLD.with_(market=msgspec.structs.replace(view.market, quotes=quotes))


def unquoted(number: int, world: World = WORLD) -> World:
    """A contract that nobody has quoted yet."""
    market = world.view().market
    rest = {c: q for c, q in market.quotes.items() if c != number}
    return world.with_(market=msgspec.structs.replace(market, quotes=rest))


def test_a_rotation_risks_what_it_buys_at_the_offer() -> None:
    """Each slot's purchases at the ask, times ratio and units; without an offer of this connection it is unknown."""
    ask = round(worth(LATER) + 0.02, 2)
    found = risks(replace(WORLD, holdings=()), rotate(NEAR, LATER, quantity=3))
    assert found == pytest.approx({Layer.SHORT: 0.0, Layer.INTERMEDIATE: 300.0 * ask, Layer.DEEP: 0.0})
    double = order((NEAR.con_id, SELL, 1, 4), (LATER.con_id, BUY, 2, 5))
    assert risks(replace(WORLD, holdings=()), double)[Layer.INTERMEDIATE] == pytest.approx(200.0 * ask)  # type: ignore[index]
    assert risks(asking(ask=0.5), rotate(NEAR, LATER))[Layer.INTERMEDIATE] == pytest.approx(50.0)  # type: ignore[index]
    for changes in ({"ask": None}, {"ask": 0.0}, {"epoch": EPOCH - 1}):
        assert isinstance(risks(asking(**changes), rotate(NEAR, LATER)), str)


def test_a_future_beside_an_option_does_not_make_the_premium_cheaper() -> None:
    """Bought for one slot at one price, all of it is at risk, whichever leg is named first; for two slots each leg
    risks its own: a fall of the future, the whole premium of the option."""
    bare, drop = replace(WORLD, holdings=()), 0.01 * LIMITS.hedge_future_drop_pct
    legs = ((VXM_ID, BUY, 1, 1), (LATER.con_id, BUY, 2, 1))
    for rows in (legs, legs[::-1]):
        mixed = msgspec.structs.replace(order(*rows), limit_points=22.0)
        assert risks(bare, mixed)[Layer.SHORT] == pytest.approx(2_200.0)  # type: ignore[index]
    ask = round(worth(LATER) + 0.02, 2)
    both = order((NEAR.con_id, SELL, 1, 1), (VXM_ID, BUY, 1, 5), (LATER.con_id, BUY, 2, 5))
    wanted = drop * 1_801.0 + 200.0 * ask
    assert risks(bare, both)[Layer.INTERMEDIATE] == pytest.approx(wanted)  # type: ignore[index]


def test_an_order_that_brings_money_takes_nothing_off_what_is_held() -> None:
    """A credit is no negative risk: the premium of what the layer holds stays what it is."""
    world = holding((LATER.con_id, 1, 2.0, 9))
    found = risks(world, spread(NEAR, DEEP, 9, limit_points=-0.2))
    assert found[Layer.DEEP] == 200.0  # type: ignore[index]


def test_layer_and_whole_at_their_caps() -> None:
    """The fullest layer and all of them in percent of net liquidation; equal to the cap passes."""
    world = holding((NEAR.con_id, 4, 2.0, 1), (LATER.con_id, 3, 1.0, 9))
    bought = buy(NEAR, 1, 2, limit_points=1.5)
    layer, whole = 100.0 * (800.0 + 300.0) / NLV, 100.0 * (800.0 + 300.0 + 300.0) / NLV
    for check, cap, share in (
        (hedge.layer_risk, "hedge_layer_loss_pct", layer), (hedge.total_risk, "hedge_total_loss_pct", whole),
    ):  # fmt: skip
        for allowed, passes in ((share, True), (share - 1e-9, False)):
            found = asked(check, bought, world, **{cap: allowed})
            assert (found.passed, found.observed, found.cap) == (passes, pytest.approx(share, rel=1e-12), allowed)
        assert asked(check, bought, holding((NEAR.con_id, 1, None, 1))).observed is None
        assert asked(check, bought, world.with_(day_start_nlv_usd=None)).observed is None


# spending and carry ---------------------------------------------------------------------------------
def test_spending_is_net_cash_and_fees_of_thirty_days() -> None:
    """What was paid, what a sale brought, commissions; not on the thirtieth day itself, not what condors paid."""
    world = owning(owning(hedge_world(), NEAR, 1, 2, 1.5, 29.9), DEEP, 1, 1, 0.5, 30.0)
    view = world.view()
    fees = dict.fromkeys(view.book.fills, 1.25)
    book = msgspec.structs.replace(view.book, commissions_usd=fees)
    assert spent_usd(view) == pytest.approx(300.0)
    assert spent_usd(world.with_(book=book).view()) == pytest.approx(301.25)


def test_spending_with_this_order_at_its_cap() -> None:
    """Spent already, what works and this order at their limits and fees, a sale at nothing."""
    fee = LIMITS.fee_usd_per_contract
    world = owning(hedge_world(), NEAR, 1, 2, 1.5)
    world = replace(world, orders=(*world.orders, record(buy(DEEP, 1, 1, limit_points=0.4)), record(sell(NEAR, 1, 1))))
    share = 100.0 * (300.0 + 40.0 + fee + 2 * (150.0 + fee)) / NLV
    for allowed, passes in ((share, True), (share - 1e-9, False)):
        found = asked(hedge.spending, buy(NEAR, 1, 2, limit_points=1.5), world, hedge_spend_month_pct=allowed)
        assert (found.passed, found.observed) == (passes, pytest.approx(share, rel=1e-12))
    assert asked(hedge.spending, buy(NEAR, 1), world.with_(day_start_nlv_usd=None)).observed is None


def a_day_later(mark: Mark, strike: float, multiplier: int = 100) -> float:
    """One call a day on, its future rolled down, less its worth now."""
    now = black76.price(mark.forward_points, strike, mark.iv, mark.tau_years, True, mark.discount)
    tau = max(mark.tau_years - 1.0 / 365.0, 1e-6)
    forward = max(mark.forward_points + (mark.roll_points_per_day or 0.0), 0.01)
    later = black76.price(forward, strike, mark.iv, tau, True, mark.discount ** (tau / mark.tau_years))
    return multiplier * float(later - now)


@pytest.mark.parametrize(
    "changes",
    [{}, {"roll_points_per_day": None}, {"tau_years": 0.5 / 365.0}, {"tau_years": 1.0 / 365.0},
     {"roll_points_per_day": -18.5}, {"roll_points_per_day": 0.4}],
)  # fmt: skip
def test_carry_is_an_unchanged_day(changes: dict[str, Any]) -> None:
    """Theta and roll by hand, also on the last day and where the roll would leave no future; added with signs."""
    mark = msgspec.structs.replace(mark_of(NEAR), **changes)
    marks = {NEAR.con_id: mark, VXM_ID: Mark(1.0, 18.0, 0.08, 1.0, 0.41, -0.02)}
    single = a_day_later(mark, 18.0)
    assert carry_usd_per_day(((NEAR, 3),), marks) == pytest.approx(3 * single, rel=1e-9)
    assert carry_usd_per_day(((NEAR, -2), (MINI, 5)), marks) == pytest.approx(-2 * single - 10.0, rel=1e-9)
    assert carry_usd_per_day((), {}) == 0.0
    assert carry_usd_per_day(((MINI, 5),), {VXM_ID: Mark(1.0, 18.0, 0.08, 1.0, 0.41)}) == 0.0


def test_a_roll_below_nothing_leaves_a_cent_of_a_future() -> None:
    """A put tells the floor to the cent: rolled down to nothing, it is worth its strike less that cent, discounted."""
    low = call(FRONT, 18.0, Right.PUT)
    mark = msgspec.structs.replace(mark_of(NEAR), roll_points_per_day=-18.5)
    now = float(black76.price(mark.forward_points, 18.0, mark.iv, mark.tau_years, False, mark.discount))
    later = mark.discount ** ((mark.tau_years - 1.0 / 365.0) / mark.tau_years)
    wanted = 100.0 * (later * (18.0 - 0.01) - now)
    assert carry_usd_per_day(((low, 1),), {low.con_id: mark}) == pytest.approx(wanted, rel=1e-9)


def test_a_year_of_carry_at_its_cap() -> None:
    """The whole hedge with this order filled, times 365, in percent; what brings money costs nothing."""
    world = owning(hedge_world(), DEEP, 1, 3, 0.5)
    daily = 2 * a_day_later(mark_of(NEAR), 18.0) + 3 * a_day_later(mark_of(DEEP), 25.0)
    share = 100.0 * -daily * 365.0 / NLV
    for allowed, passes in ((share + 1e-9, True), (share - 1e-9, False)):
        found = asked(hedge.carry, buy(NEAR, 1, 2), world, hedge_carry_year_pct=allowed)
        assert (found.passed, found.observed) == (passes, pytest.approx(share, rel=1e-9))
        assert f"would cost {-daily:,.2f} USD a day" in found.text
    assert daily < 0.0
    blind = world.with_(marks={c: m for c, m in world.marks.items() if c != DEEP.con_id})
    assert asked(hedge.carry, buy(NEAR, 1, 2), blind).passed  # what is held without a mark is left out
    assert asked(hedge.carry, buy(DEEP, 1, 2), blind).observed is None  # what is bought is not
    assert asked(hedge.carry, buy(NEAR, 1, 2), world.with_(day_start_nlv_usd=None)).observed is None
    gains = world.with_(marks={**world.marks, VXM_ID: Mark(1.0, 18.0, 0.08, 1.0, 0.41, 9.0)})
    assert asked(hedge.carry, order((VXM_ID, BUY, 1, 1)), gains).observed == 0.0


# liquidity and stress -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"ask_size": 4}, True), ({"ask_size": 3}, False), ({"ask_size": None}, False), ({"bid_size": 0}, True),
        ({"bid": None}, False), ({"ask": None}, False), ({"bid": 2.0, "ask": 2.1}, True),
        ({"bid": 2.0, "ask": 2.11}, False), ({"bid": 19.6, "ask": 20.4}, True), ({"bid": 19.6, "ask": 20.42}, False),
        ({"bid": 3.0, "ask": 2.0}, False),
    ],
)  # fmt: skip
def test_a_leg_is_liquid_at_the_orders_size(changes: dict[str, Any], passes: bool) -> None:
    """Ratio times units at the side to trade on; ten cents, or four hundredths of mid where that is more."""
    caps = {"hedge_spread_points": 0.1, "hedge_spread_pct_of_mid": 4.0}
    bought = order((LATER.con_id, BUY, 2, 5), quantity=2)
    assert asked(hedge.liquid, bought, asking(**changes), **caps).passed is passes


def test_a_sale_is_liquid_by_its_bid() -> None:
    """The bid's size counts, not the ask's."""
    sold = order((LATER.con_id, SELL, 1, 5), quantity=4)
    assert asked(hedge.liquid, sold, asking(bid_size=4, ask_size=0)).passed
    found = asked(hedge.liquid, sold, asking(bid_size=3))
    assert (found.passed, found.observed, found.cap) == (False, 3.0, 4.0)
    found = asked(hedge.liquid, sold, asking(bid_size=None))
    assert (found.passed, found.observed, found.cap) == (False, 0.0, 4.0)
    assert "shows 0 contracts at the touch, the order needs 4" in found.text
    assert "has no two-sided quote" in asked(hedge.liquid, sold, unquoted(LATER.con_id)).text


def test_what_a_hedge_order_may_add_to_a_loss() -> None:
    """The tolerance on what was lost before, what trading costs against mid and a dollar; not a cent of room more."""
    caps = {"crash_loss_pct": 0.1, "stress_loss_pct": 0.1, "hedge_stress_tolerance_pct": 2.0}
    world, sold = owning(hedge_world(), NEAR, 1, 4, 1.5), sell(NEAR, 1, 4)
    case = Case(sold, world.view(), LIMITS)
    before = case.stress_before
    assert isinstance(before, Stress)
    assert case.mid_points is not None
    cost = 4 * (100.0 * (sold.limit_points - case.mid_points) + LIMITS.fee_usd_per_contract) + 1.0
    assert cost > 4 * LIMITS.fee_usd_per_contract + 1.0
    found = asked(hedge.in_stress, sold, world, **caps)
    assert not found.passed
    assert found.cap == round(1.02 * before.crash_loss_usd + cost, 2)
    assert asked(hedge.in_stress, sold, world).passed  # inside the book's caps a sale that reduces is free
    found = asked(hedge.in_stress, sold, unquoted(NEAR.con_id, world), **caps)
    assert found.cap == round(1.02 * before.crash_loss_usd, 2)  # against an unknown mid no cost is granted


def test_a_spread_of_half_a_point_is_one() -> None:
    """VIX has strikes half a point apart: the nearer covers the farther all the same."""
    view, farther = WORLD.view(), msgspec.structs.replace(NEAR, con_id=5, strike=18.5)
    world = WORLD.with_(
        market=msgspec.structs.replace(view.market, instruments={**view.market.instruments, 5: farther})
    )
    assert asked(hedge.structure, order((NEAR.con_id, BUY, 1, 1), (5, SELL, 1, 1)), world).passed
    assert not asked(hedge.structure, order((5, BUY, 1, 1), (NEAR.con_id, SELL, 1, 1)), world).passed
