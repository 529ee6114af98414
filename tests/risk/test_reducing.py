"""Exits: proven to reduce, they pass where new risk may not, and still have to be sane orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from risk import gate
from risk.result import Verdict
from strategies.domain.control import LinkState
from strategies.domain.instruments import Right
from strategies.domain.known import Unknown
from strategies.domain.orders import OrderState, PlaceIntent, Purpose
from tests.risk.sample import (
    EXPIRIES,
    NLV,
    NOW,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    net_mid,
    on_grid,
    option,
    quote,
    record,
)

LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 2, -14.0)


def judged(world: World, intent: PlaceIntent) -> Verdict:
    """The verdict of a review."""
    return gate.review(intent, world.view(), world.limits, 1).verdict


def failing(verdict: Verdict) -> list[str]:
    """Codes of the checks that failed."""
    return [r.code for r in verdict.checks if not r.passed]


def test_exit_passes_in_the_worst_of_days() -> None:
    """Losses, missing account, missing what-if, missing marks, halted limits and a half-day do not stop an exit."""
    day = msgspec.structs.replace(HELD.sessions[0], early_close=True, agreed=False)
    world = replace(HELD, sessions=(day,)).with_(
        account=Unknown("silence"), margin=Unknown("silence"), marks={}, day_start_nlv_usd=2 * NLV, high_water_usd=None
    )
    verdict = judged(world, close(quantity=2))
    assert verdict.approved
    assert verdict.reducing
    assert verdict.text.startswith("approved: reduces risk; ")
    assert not verdict.needs_margin


def test_exit_calls_itself_whatever_it_likes() -> None:
    """An order that reduces is recognised whatever purpose it states."""
    assert judged(HELD, close(purpose=Purpose.ENTRY)).reducing


def test_closing_more_than_held_is_no_exit() -> None:
    """Three closed where two are held would reverse the condor."""
    verdict = judged(HELD, close(quantity=3))
    assert not verdict.reducing
    assert not verdict.approved


@pytest.mark.parametrize("state", [OrderState.WORKING, OrderState.UNKNOWN, OrderState.CANCEL_CLAIMED])
def test_second_exit_while_the_first_may_fill(state: OrderState) -> None:
    """As long as an exit may still fill, even in doubt, another for the same contracts is refused."""
    first = close(quantity=2, ref="ic-1/tp/1", chain_ref="ic-1/tp", limit_points=7.0)
    verdict = judged(replace(HELD, orders=(record(first, state),)), close(quantity=2))
    assert not verdict.approved
    assert not verdict.reducing


def test_exit_of_what_filled_while_the_rest_of_the_entry_works() -> None:
    """Two are in and more may come: closing the two reduces in every fill subset."""
    working = record(entry(quantity=3), OrderState.CANCELING)
    assert judged(replace(HELD, orders=(working,)), close(quantity=2)).approved


@pytest.mark.parametrize(
    ("code", "world", "intent"),
    [
        ("C41", HELD.with_(kill_file=True), close()),
        ("C38", HELD.with_(link=LinkState.DOWN), close()),
        ("C38", HELD.with_(snapshot_epoch=None), close()),
        ("C01", HELD, close(ref="?")),
        ("C03", HELD, close(quantity=6)),
        ("C11", HELD, close(limit_points=on_grid(1.2 * close().limit_points))),
        ("C12", HELD, close(limit_points=close().limit_points + 0.01)),
        ("C25", HELD, close(attempt=10)),
    ],
)
def test_exits_are_still_orders(code: str, world: World, intent: PlaceIntent) -> None:
    """Kill, dead link, bad shape, size, price and rate stop an exit as well."""
    assert code in failing(judged(world, intent))


def test_quotes_for_exits_may_be_older_but_not_of_another_connection() -> None:
    """Up to ten seconds old is allowed for closing, a quote of an earlier connection never."""
    leg = option(EXPIRIES[1], WINGS[1], Right.PUT)
    for change, passes in (
        ({"at": NOW - timedelta(seconds=9)}, True),
        ({"at": NOW - timedelta(seconds=11)}, False),
        ({"epoch": 3}, False),
    ):
        world = replace(HELD, quotes={**HELD.quotes, leg.con_id: quote(leg, **change)})
        assert judged(world, close()).approved is passes


def test_worthless_wing_can_be_sold_for_nothing() -> None:
    """A wing without a bid counts as worth half its ask when closing; opening over it is refused."""
    leg = option(EXPIRIES[1], WINGS[0], Right.PUT)
    dead = {**HELD.quotes, leg.con_id: quote(leg, bid=None, ask=0.1)}
    limit = on_grid(net_mid(close().legs) + (quote(leg).mid or 0.0) - 0.05)
    assert judged(replace(HELD, quotes=dead), close(limit_points=limit)).approved
    assert {"C15", "C11"} <= set(failing(judged(replace(World(), quotes=dead), entry())))


def test_short_without_an_ask_cannot_be_bought() -> None:
    """Nobody offers the short: there is no price to pay."""
    leg = option(EXPIRIES[1], WINGS[1], Right.PUT)
    world = replace(HELD, quotes={**HELD.quotes, leg.con_id: quote(leg, ask=None)})
    assert {"C15", "C11"} <= set(failing(judged(world, close())))


def test_foreign_position_does_not_lock_the_exit() -> None:
    """A manual trade elsewhere stops new risk; the exit of contracts that agree passes."""
    other = con_id(EXPIRIES[0], 5500.0, Right.PUT)
    view = HELD.view()
    broker = {**(view.book.broker_positions or {}), other: 1}
    assert judged(replace(HELD, broker=broker), close()).approved
    assert failing(judged(replace(World(), broker={other: 1}), entry())) == ["C30"]


def test_disputed_position_locks_its_own_exit() -> None:
    """If broker and journal differ on a leg, nothing is proven about it."""
    broker = {leg.con_id: leg.action.sign for leg in LEGS}
    assert failing(judged(replace(HELD, broker=broker), close())) == ["C30"]


def test_exits_have_an_order_allowance_of_their_own() -> None:
    """When entries used up the minute, an exit still passes."""
    busy = tuple(record(entry(f"ic-{n + 5}", EXPIRIES[0]), OrderState.CANCELED, ago_s=2.0 + n) for n in range(6))
    assert judged(replace(HELD, orders=busy), close()).approved
    assert "C25" in failing(judged(World(orders=busy), entry()))
