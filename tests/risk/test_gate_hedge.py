"""Hedge orders before the gate: what passes, and each hedge control failing alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk import gate
from risk.case import Case
from risk.checks import CHECKS
from risk.hedge import carry_usd_per_day, layer_risks, spent_usd
from risk.limits import Use
from risk.stress import Stress
from strategies.domain.control import Control, Latch, TradingState
from strategies.domain.hedge import HEDGE_OWNER, Layer
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, OrderState, PlaceIntent
from strategies.pricing import black76
from tests.risk.hedge_sample import (
    BETA,
    FRONT,
    MINI,
    SECOND,
    VXM_ID,
    buy,
    call,
    hedge_intent,
    hedge_world,
    owning,
    quote_of,
    rotate,
    sell,
    spread,
    worth,
)
from tests.risk.sample import EPOCH, EXPIRIES, NLV, NOW, VIX, WINGS, World, close, condor_legs, entry, record

ATM = call(FRONT, 18.0)
BACK = call(SECOND, 20.0)
ONLY_HEDGE = [check.code for check in CHECKS if check.uses == (Use.HEDGE,)]
Spoilt = tuple[World, PlaceIntent]


def judged(world: World, intent: PlaceIntent) -> gate.Verdict:
    return gate.review(intent, world.view(), world.limits, 1).verdict


def failing(world: World, intent: PlaceIntent) -> list[str]:
    return [result.code for result in judged(world, intent).checks if not result.passed]


def capped(world: World | None = None, **caps: Any) -> World:
    world = world or hedge_world()
    return replace(world, limits=msgspec.structs.replace(world.limits, **caps))


def quoted(option: Any, **changes: Any) -> World:
    world = hedge_world()
    market = world.view().market
    quotes = {**market.quotes, option.con_id: quote_of(option, **changes)}
    return world.with_(market=msgspec.structs.replace(market, quotes=quotes))


def put_spread_sold() -> Spoilt:
    """A call spread the wrong way round: short the nearer strike."""
    legs = (LegIntent(call(FRONT, 20.0).con_id, 1, Action.BUY, 1), LegIntent(ATM.con_id, 1, Action.SELL, 1))
    limit = round(worth(call(FRONT, 20.0)) - worth(ATM) + 0.02, 2)
    return hedge_world(), hedge_intent(legs, 1, limit, "alvh-s01.open", {})


SPOILT: dict[str, Callable[[], Spoilt]] = {
    "C10-H": put_spread_sold,
    "K-SIZE-2": lambda: (capped(hedge_layer_loss_pct=0.05), buy(ATM, 1)),
    "C08": lambda: (capped(hedge_total_loss_pct=0.05, hedge_layer_loss_pct=0.05), buy(ATM, 1)),
    "C08-30D": lambda: (capped(hedge_spend_month_pct=0.05), buy(ATM, 1)),
    "A-BUD-2": lambda: (capped(hedge_carry_year_pct=0.05), buy(ATM, 1)),
    "X-LIQ-1": lambda: (quoted(ATM, ask_size=1), buy(ATM, 1)),
    "C56": lambda: (owning(capped(crash_loss_pct=0.1, stress_loss_pct=0.1), ATM, 1, 4, 1.5), sell(ATM, 1, 4)),
}


def test_a_hedge_in_front_of_a_condor_passes() -> None:
    """A VIX call bought for slot 1 beside an open condor is approved, every control that concerns it made once."""
    verdict = judged(hedge_world(), buy(ATM, 1))
    assert verdict.approved, verdict.text
    assert [r.code for r in verdict.checks] == [c.code for c in CHECKS if Use.HEDGE in c.uses and c.during is None]


@pytest.mark.parametrize("code", ONLY_HEDGE)
def test_each_hedge_control_fails_by_its_own_cause(code: str) -> None:
    """Spoiling one thing makes that check fail and gives no approval."""
    world, intent = SPOILT[code]()
    reviewed = gate.review(intent, world.view(), world.limits, 1)
    assert reviewed.approved is None
    assert code in [r.code for r in reviewed.verdict.checks if not r.passed]


def test_a_condor_may_not_trade_vix_and_the_hedge_no_foreign_class() -> None:
    """The whitelist says who may trade what: VIX options are the hedge's alone."""
    legs = (LegIntent(ATM.con_id, 1, Action.BUY),)
    assert judged(hedge_world(), entry(legs=legs, limit_points=1.5)).code == "C02"
    assert judged(hedge_world(), msgspec.structs.replace(buy(ATM, 1), owner="ic-9")).code == "C13"


@pytest.mark.parametrize("slot", [None, 0, 11])
def test_a_hedge_leg_names_one_of_ten_slots(slot: int | None) -> None:
    """A hedge order without a slot, or with one that does not exist, is malformed."""
    intent = hedge_intent((LegIntent(ATM.con_id, 1, Action.BUY, slot),), 1, worth(ATM), "alvh-s01.open", {})
    assert judged(hedge_world(), intent).code == "C13"


def test_a_debit_spread_passes_and_its_risk_is_the_debit() -> None:
    """A vertical for the second engine is long only in sum; its layer risks what it costs."""
    intent = spread(call(SECOND, 20.0), call(SECOND, 35.0), 9)
    world = hedge_world()
    assert judged(world, intent).approved, judged(world, intent).text
    risks = layer_risks(world.view(), _contracts(world), world.limits, intent)
    assert isinstance(risks, dict)
    assert risks[Layer.DEEP] == pytest.approx(100.0 * intent.limit_points)


def test_a_naked_short_call_is_refused() -> None:
    """Selling a VIX call that no slot holds is refused as what it is, long only."""
    assert "C10-H" in failing(hedge_world(), sell(ATM, 1))
    assert "C10-H" in failing(owning(hedge_world(), ATM, 2, 2, 1.5), sell(ATM, 1))  # slot 2 owns it, slot 1 does not


def test_a_short_future_is_refused_and_a_long_one_risks_a_quarter() -> None:
    """VXM may be bought: a quarter of its price is its risk; it may not be sold short."""
    world = hedge_world()
    long = hedge_intent((LegIntent(VXM_ID, 1, Action.BUY, 1),), 1, 18.01, "alvh-s01.open", {})
    short = hedge_intent((LegIntent(VXM_ID, 1, Action.SELL, 1),), 1, -17.99, "alvh-s01.open", {})
    assert "C10-H" in failing(world, short)
    risks = layer_risks(world.view(), _contracts(world), world.limits, long)
    assert isinstance(risks, dict)
    assert risks[Layer.SHORT] == pytest.approx(0.25 * 18.01 * MINI.multiplier)


def test_a_rotation_passes_though_alone_it_would_look_uncovered() -> None:
    """Slot 4 sells what it holds and slot 5 buys, in one order."""
    world = owning(hedge_world(), ATM, 4, 1, 1.5)
    assert judged(world, rotate(ATM, BACK)).approved, judged(world, rotate(ATM, BACK)).text


def test_what_is_held_and_working_counts_against_the_layer() -> None:
    """A cap that holds for one purchase is broken by the second while the first still works."""
    cost = 100.0 * 2 * (worth(ATM) + 0.02)
    world = capped(hedge_layer_loss_pct=100.0 * 1.5 * cost / NLV)
    assert judged(world, buy(ATM, 1)).approved
    working = replace(world, orders=(record(buy(ATM, 2)),))
    third = buy(call(FRONT, 16.0), 1, 1)
    assert "K-SIZE-2" in failing(working, third)
    assert "K-SIZE-2" in failing(owning(world, ATM, 2, 2, worth(ATM) + 0.02), third)


def test_other_layers_do_not_use_up_a_layer() -> None:
    """K-SIZE-2 is per layer: what L3 holds leaves L1's room alone."""
    world = owning(capped(hedge_layer_loss_pct=0.2), BACK, 9, 3, 2.0)
    assert judged(world, buy(ATM, 1)).approved


def test_spending_forgets_after_thirty_days() -> None:
    """Only the last thirty days' net cash counts as spent."""
    old, young = owning(hedge_world(), ATM, 1, 2, 1.5, 31.0), owning(hedge_world(), ATM, 1, 2, 1.5, 29.0)
    assert spent_usd(old.view()) == 0.0
    assert spent_usd(young.view()) == pytest.approx(300.0)


def test_hedges_go_on_while_reducing_and_paused_but_not_when_halted() -> None:
    """PAUSE stops entries only; REDUCING lets a hedge through that lowers the crash loss; HALTED and kill nothing."""
    world = hedge_world()
    assert judged(world.with_(control=Control(paused=True)), buy(ATM, 1)).approved
    reducing = Control(latches=(Latch("reduce", TradingState.REDUCING, NOW, "test", "because"),))
    assert judged(world.with_(control=reducing), buy(ATM, 1)).approved
    assert failing(hedge_world(condor=False).with_(control=reducing), buy(ATM, 1)) == ["C42"]
    halted = Control(latches=(Latch("kill", TradingState.HALTED, NOW, "test", "because"),))
    assert "C41" in failing(world.with_(control=halted), buy(ATM, 1))


def test_a_loss_limit_does_not_stop_protection() -> None:
    """Two and a half percent down on the day no condor is sold, but the hedge that lowers the crash loss is bought."""
    world = hedge_world(account={"net_liquidation_usd": 0.975 * NLV})
    assert failing(world, buy(ATM, 1)) == []
    assert "C21" in failing(world, entry())


def test_selling_protection_needs_room_under_the_caps() -> None:
    """A harvest passes while the book stays inside its stress caps without what is sold, and not beyond."""
    world = owning(hedge_world(), ATM, 1, 4, 1.5)
    assert judged(world, sell(ATM, 1, 4)).approved, judged(world, sell(ATM, 1, 4)).text
    tight = capped(world, crash_loss_pct=0.1, stress_loss_pct=0.1)
    assert failing(tight, sell(ATM, 1, 4)) == ["C56"]


def test_part_of_a_gain_may_be_given_up_where_there_is_no_loss_to_add_to() -> None:
    """With the condors closed the crash only brings money: slot 4 may still move out, though it would bring less."""
    world = owning(hedge_world(condor=False), ATM, 4, 4, 1.5)
    intent = rotate(ATM, call(SECOND, 18.0), quantity=4)
    case = Case(intent, world.view(), world.limits)
    before, after = case.stress_before, case.stress_filled
    assert isinstance(before, Stress)
    assert isinstance(after, Stress)
    assert before.crash_loss_usd < after.crash_loss_usd < 0.0
    assert "C56" not in failing(world, intent)


def test_without_vix_a_hedge_helps_nobody_and_none_is_bought() -> None:
    """Held hedges count as worth nothing in every cell and the condor's own loss stands; C36 refuses new orders."""
    world = owning(hedge_world(), ATM, 1, 4, 1.5)
    market = world.view().market
    old = msgspec.structs.replace(market.quotes[VIX], at=NOW - timedelta(minutes=5))
    blind = world.with_(market=msgspec.structs.replace(market, quotes={**market.quotes, VIX: old}))
    bare = Case(close("ic-9"), hedge_world().view(), world.limits).stress_before
    seen = Case(close("ic-9"), blind.view(), world.limits).stress_before
    assert isinstance(bare, Stress)
    assert isinstance(seen, Stress)
    assert seen.crash_loss_usd == pytest.approx(bare.crash_loss_usd)
    assert "C36" in failing(blind, buy(ATM, 2))


def test_hedge_orders_have_an_allowance_of_their_own() -> None:
    """Sixty condor orders today leave the hedge free, eighty hedge orders leave the condors free."""
    condors = tuple(record(entry(f"ic-{n + 10}", EXPIRIES[0]), ago_s=2.0 + n * 60.0) for n in range(60))
    spent = tuple(msgspec.structs.replace(r, state=OrderState.CANCELED) for r in condors)
    assert "C25" not in failing(replace(hedge_world(), orders=spent), buy(ATM, 1))
    hedges = tuple(
        msgspec.structs.replace(record(buy(ATM, 1, ref=f"alvh-s01.x.{n}", chain_ref=f"x{n}"), ago_s=2.0 + 60.0 * n),
                                state=OrderState.CANCELED)
        for n in range(80)
    )  # fmt: skip
    assert "C25" in failing(replace(hedge_world(), orders=hedges), buy(BACK, 5))
    assert "C25" not in failing(replace(hedge_world(condor=False), orders=hedges), entry())


def test_carry_of_a_long_call_costs_and_of_a_future_is_its_roll() -> None:
    """A call loses theta and roll-down; a long mini future in contango loses its roll times the multiplier."""
    marks = hedge_world().view().marks
    daily = carry_usd_per_day(((ATM, 1),), marks)
    assert isinstance(daily, float)
    assert -12.0 < daily < -2.0
    assert carry_usd_per_day(((MINI, 3),), marks) == pytest.approx(3 * 100 * -0.02)
    assert isinstance(carry_usd_per_day(((call(FRONT, 16.0), 1),), {}), str)


@given(st.integers(1, 5), st.sampled_from([16.0, 18.0, 20.0, 25.0, 35.0]), st.sampled_from([FRONT, SECOND]))
def test_no_long_call_is_ever_worse_than_its_premium(quantity: int, strike: float, expiry: Any) -> None:
    """Over sizes, strikes and expiries the hedge's worst case at expiry is the debit and fees, and C56 never refuses
    a purchase in front of a condor."""
    option = call(expiry, strike)
    intent = buy(option, 1 if expiry == FRONT else 5, quantity)
    case = Case(intent, hedge_world().view(), hedge_world().limits)
    fee = case.limits.fee_usd_per_contract
    assert case.own_loss_usd == pytest.approx(quantity * (100.0 * intent.limit_points + fee))
    assert "C56" not in failing(hedge_world(), intent)


def test_the_stress_grid_moves_vix_contracts_by_their_beta() -> None:
    """Under +100 % volatility VIX doubles; a call's future rises by 0.7 of beta times that, its vol stays."""
    world = owning(hedge_world(condor=False), ATM, 1, 1, 1.5)
    case = Case(sell(ATM, 1), world.view(), world.limits)
    found = case.stress_before
    assert isinstance(found, Stress)
    spots, vols = case.limits.stress_spots_pct, case.limits.stress_vols_pct
    cell = spots.index(0.0) * len(vols) + vols.index(100.0)
    risen = 18.0 + 0.7 * BETA[FRONT] * 16.5
    tau = (ATM.last_trade_at - NOW) / timedelta(days=365)

    gain = 100.0 * (
        float(black76.price(risen, 18.0, 0.95, tau, True, 0.995))
        - float(black76.price(18.0, 18.0, 0.95, tau, True, 0.995))
    )
    assert -found.cells_usd[cell] == pytest.approx(gain, rel=1e-9)


def _contracts(world: World) -> dict[int, Any]:
    return {c: i for c, i in world.view().market.instruments.items() if c != VIX}


def test_hedge_puts_on_spx_are_allowed_as_spreads() -> None:
    """An SPX put spread bought for slot 9 passes as the second engine's other instrument."""
    legs = condor_legs(EXPIRIES[2], WINGS)[:2]
    bought = tuple(LegIntent(leg.con_id, 1, leg.action.opposite, 9) for leg in legs)
    mid = sum(leg.action.sign * (World().quotes[leg.con_id].mid or 0.0) for leg in bought)
    world = hedge_world()
    intent = hedge_intent(bought, 1, round(round((mid + 0.05) * 20) / 20, 2), "alvh-s09.open", {})
    assert judged(world, intent).approved, judged(world, intent).text
    assert intent.owner == HEDGE_OWNER
    assert Right.PUT in {world.view().market.option(leg.con_id).right for leg in bought}
    assert world.view().market.epoch == EPOCH
