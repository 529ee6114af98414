"""Breaches watched without an order: what reduces, what latches, what halts, and what is quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from risk.halt import CONSEQUENCES, Breach, breaches, warnings
from risk.view import Holding
from strategies.domain.control import TradingState
from strategies.domain.known import Unknown
from strategies.domain.orders import OrderState
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
