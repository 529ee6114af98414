"""Breaches watched without an order: what reduces, what latches, what halts, and what is quiet."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from risk.halt import CONSEQUENCES, Breach, breaches, consequence_of, denied, warnings
from risk.result import CheckResult, Consequence, Verdict
from risk.view import Holding
from strategies.domain.control import LinkState, TradingState
from strategies.domain.known import Unknown
from strategies.domain.orders import OrderState
from tests.risk.hedge_sample import CALLS, buy
from tests.risk.sample import EXPIRIES, NLV, NOW, WINGS, World, condor_legs, entry, record

HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING
LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 1, -14.0)


def broken(world: World) -> tuple[Breach, ...]:
    """Every breach of a world."""
    return breaches(world.view(), world.limits)


def test_good_morning_is_quiet() -> None:
    """A sound book breaks nothing."""
    assert broken(World()) == ()
    assert broken(HELD) == ()


@pytest.mark.parametrize(
    ("world", "code", "state", "latching"),
    [
        (World(account={"net_liquidation_usd": 0.981 * NLV}), None, None, None),
        (World(account={"net_liquidation_usd": 0.98 * NLV}), "C21", REDUCING, False),
        (World(account={"net_liquidation_usd": 0.97 * NLV}), "C21", REDUCING, True),
        (World().with_(week_start_nlv_usd=NLV / 0.95), "K-SIZE-6", REDUCING, False),
        (World().with_(high_water_usd=NLV / 0.93), "C22", REDUCING, False),
        (World().with_(high_water_usd=NLV / 0.89), "C22", REDUCING, True),
        (World(account={"excess_liquidity_usd": 0.19 * NLV}), "C20", REDUCING, False),
        (World(account={"excess_liquidity_usd": 0.09 * NLV}), "C20", HALTED, True),
        (World().with_(accounts=("U7",)), "C45", HALTED, True),
        (World().with_(accounts=()), None, None, None),
        (replace(HELD, broker={}), "C30", REDUCING, False),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=5)), None, None, None),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=30)), "C30", REDUCING, False),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=61)), "C30", REDUCING, True),
        (World(broker={77: 1}).with_(mismatch_since=NOW - timedelta(seconds=61)), "C30", REDUCING, True),
        (World(holdings=(Holding(None, 77, 1, None),)), "C31", REDUCING, False),
    ],
)
def test_each_breach(world: World, code: str | None, state: TradingState | None, latching: bool | None) -> None:
    """Each limit breaks at its number, alone, with the state it demands."""
    found = broken(world)
    assert [b.code for b in found] == ([] if code is None else [code])
    for breach in found:
        assert (breach.state, breach.latching) == (state, latching)
        assert breach.text


@pytest.mark.parametrize(
    "spoil", [{"account": Unknown("silence")}, {"day_start_nlv_usd": None}, {"high_water_usd": None}]
)
def test_unknown_stops_new_risk_without_latching(spoil: dict[str, Any]) -> None:
    """A loss that cannot be measured reduces until it can."""
    found = broken(World().with_(**spoil))
    assert found
    assert all(b.state is REDUCING and not b.latching for b in found)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({"excess_liquidity_usd": 0.31 * NLV}, []),
        ({"excess_liquidity_usd": 0.29 * NLV}, ["C20"]),
        ({"net_liquidation_usd": 0.9849 * NLV, "excess_liquidity_usd": 0.5 * NLV}, ["C21"]),
        ({"net_liquidation_usd": 0.9851 * NLV, "excess_liquidity_usd": 0.5 * NLV}, []),
        ({"net_liquidation_usd": None}, []),
    ],
)
def test_what_comes_near_a_limit_warns(account: dict[str, Any], expected: list[str]) -> None:
    """30 % of excess liquidity and 1.5 % of a day's loss are told, with the numbers; what is unknown is a breach's."""
    world = World(account=account)
    found = warnings(world.view(), world.limits)
    assert [code for code, _ in found] == expected
    assert all("the warning is at" in text for _, text in found)


def test_more_orders_than_the_gate_can_have_approved() -> None:
    """Past even the allowance of exits something sends without the gate: halted for good, by no mere limit."""
    orders = tuple(record(entry(f"ic-{n}"), OrderState.CANCELED, ago_s=2.0 + n) for n in range(13))
    (breach,) = broken(World(orders=orders))
    assert (breach.code, breach.state, breach.latching, breach.cause) == ("C25", HALTED, True, "C25")
    assert broken(World(orders=orders[:12])) == ()


def test_the_latch_table_is_this() -> None:
    """Which controls reach beyond the order they refuse, written down a second time by hand; all others deny."""
    wanted = {
        "C15-J": "halt", "C15-N": "halt", "C17-D": "reduce", "C54": "reduce",
        "C16": "halt", "C18": "reduce", "C20": "reduce", "C21": "latch", "C22": "latch", "C23": "halt", "C25": "halt",
        "C26": "latch", "C29": "halt", "C30": "halt", "C35": "reduce", "C36": "halt", "C37": "reduce", "C38": "halt",
        "C39": "halt", "C41": "latch", "C44": "halt", "C45": "latch", "C49": "halt", "C50": "halt", "C53": "halt",
        "K-SIZE-6": "halt",
    }  # fmt: skip
    assert {code: then.value for code, then in CONSEQUENCES.items()} == wanted


def excess(share: float) -> World:
    """So much excess liquidity in percent."""
    return World(account={"net_liquidation_usd": NLV, "excess_liquidity_usd": 0.01 * share * NLV})


CAPS = World().limits
LATER = timedelta(seconds=0.001)


@pytest.mark.parametrize(
    ("world", "rows"),
    [
        (excess(CAPS.excess_liquidity_reduce_pct), []),
        (excess(CAPS.excess_liquidity_reduce_pct - 0.01), [("C20", REDUCING, False)]),
        (excess(CAPS.excess_liquidity_kill_pct), [("C20", REDUCING, False)]),
        (excess(CAPS.excess_liquidity_kill_pct - 0.01), [("C20", HALTED, True)]),
        (excess(-5.0), [("C20", HALTED, True)]),
        (World(account={"excess_liquidity_usd": None}), [("C20", REDUCING, False)]),
        (World(account={"excess_liquidity_usd": math.nan}), [("C20", REDUCING, False)]),
        (World(account={"excess_liquidity_usd": math.inf}), [("C20", REDUCING, False)]),
        (World(account={"net_liquidation_usd": 0.5, "excess_liquidity_usd": 0.5}).with_(
            day_start_nlv_usd=0.5, week_start_nlv_usd=0.5, high_water_usd=0.5), []),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=CAPS.reconcile_settle_s) + LATER), []),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=CAPS.reconcile_settle_s)),
         [("C30", REDUCING, False)]),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=CAPS.reconcile_latch_s) + LATER),
         [("C30", REDUCING, False)]),
        (replace(HELD, broker={}).with_(mismatch_since=NOW - timedelta(seconds=CAPS.reconcile_latch_s)),
         [("C30", REDUCING, True)]),
        (HELD.with_(mismatch_since=NOW - timedelta(hours=1)), []),
        (replace(HELD, broker=None), []),
        (World(holdings=(Holding(None, 77, 0, None),)), []),
        (World().with_(accounts=("U7",), link=LinkState.SYNCING), []),
        (World().with_(accounts=("DU1234567", "U7")), [("C45", HALTED, True)]),
    ],
)  # fmt: skip
def test_breaches_at_their_very_numbers(world: World, rows: list[tuple[str, TradingState, bool]]) -> None:
    """A share equal to its floor is no breach, an age equal to its limit is one; what is no number is unknown."""
    assert [(b.code, b.state, b.latching) for b in broken(world)] == rows


@pytest.mark.parametrize(
    ("base", "code", "reduce_pct", "latch_pct"),
    [
        ("day_start_nlv_usd", "C21", CAPS.daily_loss_halt_pct, CAPS.daily_loss_latch_pct),
        ("week_start_nlv_usd", "K-SIZE-6", CAPS.weekly_loss_pct, math.inf),
        ("high_water_usd", "C22", CAPS.drawdown_reduce_pct, CAPS.drawdown_latch_pct),
    ],
)
def test_a_fall_reduces_at_its_cap_and_latches_at_the_second(
    base: str, code: str, reduce_pct: float, latch_pct: float
) -> None:
    """Equal is a breach; the cap that broke is told; the week's has no second."""
    second = math.isfinite(latch_pct)
    bases = dict.fromkeys(("day_start_nlv_usd", "week_start_nlv_usd", "high_water_usd"), 1.0)
    for fall, wanted, cap in (
        (reduce_pct, False, reduce_pct), (latch_pct, True, latch_pct), (latch_pct - 0.001, False, reduce_pct),
        (reduce_pct - 0.001, None, 0.0), (99.0, second, latch_pct if second else reduce_pct),
    ):  # fmt: skip
        if not math.isfinite(fall):
            continue
        now = 400_000.0
        start = now / (1.0 - 0.01 * fall) * (1.0 + 1e-12)
        found = broken(World().with_(**bases | {base: start}))
        assert [(b.code, b.latching, b.cause) for b in found] == (
            [] if wanted is None else [(code, wanted, f"limit:{code}")]
        )
        for breach in found:
            assert f"the limit is {cap:g} %" in breach.text
            assert f"is {fall:.2f} % below" in breach.text


@pytest.mark.parametrize(
    ("account", "codes"),
    [
        ({"excess_liquidity_usd": 0.01 * CAPS.excess_liquidity_warn_pct * NLV}, []),
        ({"excess_liquidity_usd": 0.01 * CAPS.excess_liquidity_warn_pct * NLV - 1.0}, ["C20"]),
        ({"excess_liquidity_usd": None}, []),
        ({"net_liquidation_usd": (1.0 - 0.01 * CAPS.daily_loss_warn_pct) * NLV}, ["C21"]),
        ({"net_liquidation_usd": (1.0 - 0.01 * CAPS.daily_loss_warn_pct) * NLV + 1.0}, []),
        ({"net_liquidation_usd": 0.0}, []),
        ({"net_liquidation_usd": -1.0}, []),
        ({"net_liquidation_usd": 0.5, "excess_liquidity_usd": 0.5}, ["C21"]),
    ],
)  # fmt: skip
def test_warnings_at_their_very_numbers(account: dict[str, Any], codes: list[str]) -> None:
    """A share equal to its warning is quiet, a loss equal to it is told."""
    world = World(account=account)
    assert [code for code, _ in warnings(world.view(), world.limits)] == codes


def ended(count: int, ago_s: float, make: Any) -> tuple[Any, ...]:
    return tuple(record(make(n), OrderState.CANCELED, ago_s=ago_s) for n in range(count))


def test_more_orders_than_any_allowance_by_minute_and_day_and_kind() -> None:
    """The allowance of exits for condors, the hedge's own for the hedge: equal is possible, one more is not."""
    kinds = (
        (lambda n: entry(f"ic-{n}"), CAPS.reducing_orders_per_minute, CAPS.reducing_orders_per_day, "condor"),
        (lambda n: buy(CALLS[1], 1, ref=f"h{n}", chain_ref=f"h{n}"), CAPS.hedge_orders_per_minute,
         CAPS.hedge_orders_per_day, "hedge"),
    )  # fmt: skip
    for make, minute, day, word in kinds:
        for cap, ago_s in ((minute, 30.0), (day, 600.0)):
            assert broken(World(orders=ended(cap, ago_s, make))) == ()
            assert cap == day or broken(World(orders=ended(cap + 1, 60.5, make))) == ()
            (breach,) = broken(World(orders=ended(cap + 1, ago_s, make)))
            assert (breach.code, breach.state, breach.latching) == ("C25", HALTED, True)
            assert f" {word} orders in a minute" in breach.text


def test_what_a_refusal_shows_of_who_asks() -> None:
    """A repeat latches at once and so does a further duplicate, each under its own name; nothing else does."""

    def refused(*failed: str) -> Verdict:
        rows = [
            CheckResult(code, code, code not in failed, 1, 1, "x", f"{code} says", Consequence.DENY)
            for code in ("C11", "C26", "C27")
        ]
        return Verdict("ic-1.entry.1", False, tuple(rows), "C11", "denied")

    most = CAPS.guards.duplicates_before_latch
    for failed, duplicates, codes in (
        ((), 0, []), (("C11",), most - 1, []), (("C26",), 0, ["C26"]), (("C27",), most, ["C27"]),
        (("C27",), most - 1, []), (("C26", "C27"), most + 1, ["C26", "C27"]), (("C11",), most, ["C27"]),
    ):  # fmt: skip
        found = denied(refused(*failed), duplicates, CAPS)
        wanted = [(code, REDUCING, True, f"limit:{code}") for code in codes]
        assert [(b.code, b.state, b.latching, b.cause) for b in found] == wanted
    assert consequence_of("C21") is Consequence.LATCH
    assert consequence_of("C11") is Consequence.DENY


def test_a_difference_of_positions_says_what_each_holds_and_for_how_long() -> None:
    """Contract by contract with signs, and the seconds since it was first seen."""
    leg = LEGS[0].con_id
    for since, seconds in ((None, 0), (NOW - timedelta(seconds=30), 30)):
        (breach,) = broken(
            replace(HELD, broker={**HELD.view().book.positions(), 77: 2, leg: 0}).with_(mismatch_since=since)
        )
        parts = sorted(((77, "broker +2, journal +0"), (leg, "broker +0, journal +1")))
        assert breach.text == f"positions differ for {seconds} s: " + "; ".join(f"contract {c}: {t}" for c, t in parts)
