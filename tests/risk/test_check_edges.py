"""Controls asked one by one, exactly at their numbers: what is just allowed, what is not, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from risk.case import Case
from risk.checks import form, loss, standing
from risk.result import Finding
from risk.view import Holding
from strategies.domain.book import Fill
from strategies.domain.control import Control, Latch, LinkState, TradingState
from strategies.domain.instruments import Right
from strategies.domain.orders import Action, LegIntent, OrderState, PlaceIntent
from tests.risk.hedge_sample import CALLS, MINI, buy, hedge_world, owning, rotate, sell
from tests.risk.sample import EPOCH, EXPIRIES, NLV, WINGS, World, close, con_id, condor_legs, entry, record

PUT, CALL = Right.PUT, Right.CALL
LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 2, -14.0)
FAR = (4950.0, 5000.0, 5850.0, 5900.0)


def asked(check: Callable[[Case], Finding], intent: PlaceIntent, world: World | None = None, **caps: Any) -> Finding:
    """One control's answer."""
    world = world or World()
    return check(Case(intent, world.view(), msgspec.structs.replace(world.limits, **caps)))


# losses ---------------------------------------------------------------------------------------------
ALONE = Case(entry(), World().view(), World().limits).own_loss_usd
SHARE = 100.0 * ALONE / NLV
"""One condor's worst case, in percent of net liquidation."""


@pytest.mark.parametrize(
    ("check", "cap"),
    [
        (loss.order_loss, "order_loss_pct"),
        (loss.condor_loss, "condor_loss_hard_pct"),
        (loss.all_condors_loss, "all_condors_loss_soft_pct"),
    ],
)
def test_a_loss_passes_at_its_very_cap_and_not_above(check: Callable[[Case], Finding], cap: str) -> None:
    """The share is the worst case over net liquidation to the last digit; equal to the cap is allowed."""
    for allowed, passes in ((SHARE, True), (SHARE - 1e-9, False)):
        found = asked(check, entry(), condor_loss_soft_pct=0.01, **{cap: allowed})
        assert (found.passed, found.observed, found.cap) == (passes, SHARE, allowed)


def test_the_soft_cap_is_for_what_is_new_or_more_than_one_unit() -> None:
    """Which cap binds a condor, and all of them, and that the text names it."""
    caps: dict[str, Any] = {"condor_loss_soft_pct": 2.0, "condor_loss_hard_pct": 3.0}
    for intent, world, cap, word in (
        (entry(), World(), 3.0, "hard cap"), (entry(quantity=2), World(), 2.0, "soft cap"),
        (entry(quantity=2), HELD, 3.0, "hard cap"),
    ):  # fmt: skip
        found = asked(loss.condor_loss, intent, world, **caps)
        assert found.cap == cap
        assert word in found.text
    caps = {"all_condors_loss_soft_pct": 10.0, "all_condors_loss_hard_pct": 12.0}
    for world, cap, word in ((World(), 10.0, "(soft cap)"), (HELD, 12.0, "(hard cap)")):
        found = asked(loss.all_condors_loss, entry(), world, **caps)
        assert found.cap == cap
        assert word in found.text


def test_a_hedge_order_loses_what_it_adds() -> None:
    """Premium and fee of what is bought, whether or not something is held."""
    bought = buy(CALLS[1], 1)
    added = 2 * (100.0 * bought.limit_points + World().limits.fee_usd_per_contract)
    for world in (hedge_world(), owning(hedge_world(), CALLS[3], 4, 3, 1.5)):
        assert asked(loss.order_loss, bought, world).observed == pytest.approx(100.0 * added / NLV, rel=1e-12)
    moved = rotate(CALLS[1], CALLS[6])  # alone its sale is naked
    assert asked(loss.order_loss, moved, owning(hedge_world(), CALLS[1], 4, 1, 1.5)).passed


def test_other_groups_are_part_of_all_condors_and_unknown_ones_leave_it_unknown() -> None:
    """Two of another owner add their width less their credit, one that gains takes nothing off; what cannot be valued
    is no zero."""
    held = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 2, -10.0)
    rich = held.having("ic-8", condor_legs(EXPIRIES[2], WINGS), 1, -60.0)
    for world in (held, rich):
        found = asked(loss.all_condors_loss, entry(), world)
        assert found.observed == pytest.approx(100.0 * (2 * 4_000.0 + ALONE) / NLV, rel=1e-12)
    row = held.holdings[0]
    odd = replace(held, holdings=(*held.holdings[1:], msgspec.structs.replace(row, average_price_points=None)))
    assert not asked(loss.all_condors_loss, entry(), odd).passed
    assert asked(loss.all_condors_loss, entry(), odd).observed is None
    mine = replace(odd, holdings=tuple(msgspec.structs.replace(h, owner="ic-1") for h in odd.holdings))
    for check in (loss.all_condors_loss, loss.condor_loss):
        assert asked(check, entry(), mine).observed is None


def test_condors_are_counted_with_the_new_one_in_all_and_by_expiry() -> None:
    """Held, working and foreign: the cap itself is allowed, one more is not; the hedge and strangers are no condors."""
    world = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 1, -10.0)
    world = replace(world, orders=(record(entry("ic-8", EXPIRIES[1], FAR)),))
    hedged = owning(hedge_world(condor=False), CALLS[1], 4, 3, 1.5)
    for allowed, passes in ((3, True), (2, False)):
        found = asked(loss.open_condors, entry(), world, open_condors=allowed, condors_per_expiry=2)
        assert (found.passed, found.observed, found.cap) == (passes, 3, allowed)
    for allowed, passes in ((2, True), (1, False)):
        found = asked(loss.open_condors, entry(), world, open_condors=9, condors_per_expiry=allowed)
        assert found.passed is passes
        assert found.observed == (3 if passes else 2)
    assert asked(loss.open_condors, entry(), hedged, open_condors=1).observed == 1
    assert asked(loss.open_condors, entry("ic-7", EXPIRIES[2], FAR), world, open_condors=2).observed == 2


def legged(*legs: tuple[float, Right, Action], expiry: Any = EXPIRIES[1], **changes: Any) -> PlaceIntent:
    """An order of any legs."""
    rows = tuple(LegIntent(con_id(expiry, strike, right), 1, action) for strike, right, action in legs)
    return entry(legs=rows, **changes)


BUY, SELL = Action.BUY, Action.SELL


@pytest.mark.parametrize(
    ("intent", "world", "word"),
    [
        (entry(), World(), "the condor +1"),
        (entry(quantity=3), World(), "the condor +3"),
        (entry(), HELD, "the condor +3"),
        (entry(legs=entry().legs[::-1]), World(), "the condor +15100P -15150P -15750C +15800C"),
        (legged((5100.0, PUT, SELL), (5125.0, PUT, BUY), quantity=2), HELD, "the condor +25125P"),  # a wing moved
        (legged((5100.0, PUT, SELL), (5125.0, PUT, BUY)), HELD, "4 legs, not 5"),
        (close(quantity=2), HELD, "4 legs, not 0"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5750.0, CALL, SELL)), World(), "4 legs, not 3"),
        (legged((5100.0, PUT, BUY), (5150.0, CALL, SELL), (5750.0, CALL, SELL), (5800.0, CALL, BUY)), World(), "put,"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5150.0, CALL, SELL), (5200.0, CALL, BUY)), World(), "rise"),
        (legged((5100.0, PUT, SELL), (5150.0, PUT, BUY), (5750.0, CALL, BUY), (5800.0, CALL, SELL)), World(), "long"),
        (legged((5100.0, PUT, BUY), (5150.0, PUT, SELL), (5750.0, CALL, BUY), (5800.0, CALL, SELL)), World(), "long"),
    ],
)  # fmt: skip
def test_what_an_order_leaves_is_a_condor_or_none(intent: PlaceIntent, world: World, word: str) -> None:
    """Held and ordered together: four legs, put put call call, rising, wings long, in equal numbers."""
    found = asked(loss.structure, intent, world)
    assert word in found.text
    assert found.passed is ("the condor" in found.text.partition(": ")[0])


def test_a_condor_of_two_expiries_or_with_a_future_is_none() -> None:
    """The calls of another expiry do not belong to these puts; what is no option is named."""
    puts, calls = entry().legs[:2], entry(expiry=EXPIRIES[2]).legs[2:]
    assert "differ" in asked(loss.structure, entry(legs=(*puts, *calls))).text
    assert not asked(loss.structure, entry(legs=(*puts, *calls))).passed
    world = hedge_world(condor=False)
    mixed = entry(legs=(*entry().legs, LegIntent(MINI.con_id, 1, BUY)))
    found = asked(loss.structure, mixed, world)
    assert not found.passed
    assert "no option" in found.text


def test_cover_says_how_many_are_naked() -> None:
    """None: passed, with nothing seen; a short put more than longs: that many."""
    assert asked(loss.covered, entry())[:4] == (True, 0, 0, "contracts")
    assert "every short is covered" in asked(loss.covered, entry()).text
    found = asked(loss.covered, legged((5150.0, PUT, SELL), quantity=3))
    assert found[:4] == (False, 3, 0, "contracts")
    assert "3 short contracts would be uncovered" in found.text


def test_a_call_and_a_put_of_one_strike_face_the_same_way() -> None:
    """All owners together with the whole order: signs of what is left, strike by strike, the lowest named."""
    row = World().having("ic-7", LEGS, 1, -14.0).holdings[0]

    def holding(*rows: tuple[float, Right, int]) -> World:
        made = (
            msgspec.structs.replace(row, con_id=con_id(EXPIRIES[1], strike, right), quantity=quantity)
            for strike, right, quantity in rows
        )
        return World(holdings=tuple(made))

    two = holding((5100.0, CALL, -1), (5150.0, CALL, 1))
    found = asked(loss.synthetic, entry(), two)
    assert found[:4] == (False, 2, 0, "pairs")
    assert "at 5100 " in found.text
    assert asked(loss.synthetic, entry())[:4] == (True, 0, 0, "pairs")
    over = holding((5100.0, CALL, 1), (5100.0, PUT, -1))
    for units, passes in ((1, True), (2, True)):
        assert asked(loss.synthetic, legged((5100.0, PUT, BUY), quantity=units), over).passed is passes
    assert not asked(loss.synthetic, legged((5150.0, PUT, BUY)), over).passed


# form -----------------------------------------------------------------------------------------------
def lost(*refs: str) -> World:
    """The broker knows orders of ours that the journal does not."""
    return World().with_(book=msgspec.structs.replace(World().view().book, lost_refs=refs))


@pytest.mark.parametrize(
    ("ref", "world", "passes"),
    [
        ("a23", World(), True), ("a2", World(), False), ("a" * 64, World(), True), ("a" * 65, World(), False),
        ("9.b_c:d/e-f", World(), True), ("-23", World(), False), ("a 3", World(), False), ("abc\n", World(), False),
        ("", World(), False), (None, World(), False), (5, World(), False),
        ("ic-1.entry.2", lost("ic-1.entry.1"), False), ("ic-1.entry.2", lost("ic-10.entry.1"), True),
        ("ic-1.entry.2", lost("ic-9.x.1", "ic-9.y.1", "ic-1.entry.2"), False),
    ],
)  # fmt: skip
def test_which_references_an_order_may_have(ref: Any, world: World, passes: bool) -> None:
    """Three to 64 letters, digits and a few signs, beginning with a letter or digit; nothing that the broker knows and
    the journal has lost, nor another of a condor that lost one."""
    found = asked(form.reference, entry(ref=ref), world)
    assert found.passed is passes
    assert found.observed in ((ref,) if passes else (repr(ref), *world.view().book.lost_refs))


def test_the_hedge_loses_single_references_only() -> None:
    """Its owner never changes: what was lost is not used again, the next number is."""
    world = lost("alvh.s01.1")
    for ref, passes in (("alvh.s01.1", False), ("alvh.s01.2", True)):
        assert asked(form.reference, buy(CALLS[1], 1, ref=ref), world).passed is passes


def legs_of(count: int) -> tuple[LegIntent, ...]:
    """So many legs of different contracts."""
    return tuple(LegIntent(1000 + n, 1, BUY) for n in range(count))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""), ({"quantity": 1_000_000, "attempt": 1_000_000}, ""), ({"limit_points": -1}, ""),
        ({"legs": legs_of(1)}, ""), ({"legs": legs_of(8)}, ""),
        ({"owner": ""}, "owner"), ({"chain_ref": ""}, "chain"), ({"owner": None}, "owner"), ({"chain_ref": 7}, "chain"),
        ({"purpose": "gift"}, "purpose"), ({"legs": ()}, "not|this one 0"), ({"legs": legs_of(9)}, "this one 9"),
        ({"quantity": 0}, "quantity is 0"), ({"quantity": 1_000_001}, "quantity"), ({"quantity": True}, "quantity"),
        ({"quantity": 1.0}, "quantity"), ({"attempt": 0}, "attempt is 0"), ({"attempt": -1}, "attempt"),
        ({"legs": (LegIntent("x", 1, BUY),)}, "no contract"),  # type: ignore[arg-type]
        ({"legs": (LegIntent(5, 1, BUY), LegIntent(5, 1, SELL))}, "same contract"),
        ({"legs": (LegIntent(5, 1, BUY), LegIntent(6, 0, SELL))}, "leg 6"),
        ({"legs": (LegIntent(5, 1, "HOLD"),)}, "leg 5"),  # type: ignore[arg-type]
        ({"limit_points": float("nan")}, "limit"), ({"limit_points": float("inf")}, "limit"),
        ({"limit_points": True}, "limit"), ({"limit_points": None}, "limit"), ({"limit_points": "3"}, "limit"),
        ({"legs": (LegIntent(5, 1, BUY), LegIntent(6, 1, BUY, 1))}, "leg 6 names hedge slot 1"),
    ],
)  # fmt: skip
def test_what_is_an_order_at_all(changes: dict[str, Any], word: str) -> None:
    """Each number at its least and greatest, each name that is missing, each leg that is none."""
    found = asked(form.well_formed, entry(**changes))
    assert found.passed is not bool(word)
    assert any(each in found.text for each in word.split("|"))
    assert found.observed == ("LMT DAY" if found.passed else found.text)


@pytest.mark.parametrize(("slot", "passes"), [(1, True), (10, True), (0, False), (11, False), (True, False)])
def test_legs_of_the_hedge_name_slots(slot: int, passes: bool) -> None:
    """One to ten, every leg, and a truth value is no number."""
    legs = (LegIntent(5, 1, BUY, 1), LegIntent(6, 1, BUY, slot))
    found = asked(form.well_formed, buy(CALLS[1], 1, legs=legs))
    assert found.passed is passes
    assert ("there are slots 1 to 10" in found.text) is not passes


def test_the_whitelist_knows_exchange_and_strike() -> None:
    """An option of a strike that is none, of any leg, is refused, and what is no number names no contract."""
    view, last = World().view(), entry().legs[-1].con_id
    for strike, passes in ((0.5, True), (0.0, False), (-1.0, False), (float("inf"), False), (float("nan"), False)):
        odd = msgspec.structs.replace(view.market.option(last), strike=strike)
        market = msgspec.structs.replace(view.market, instruments={**view.market.instruments, last: odd})
        assert asked(form.whitelisted, entry(), World().with_(market=market)).passed is passes
    for number in (True, float("nan"), None):
        legs = (*entry().legs[:3], LegIntent(number, 1, BUY))  # type: ignore[arg-type]
        assert not asked(form.whitelisted, entry(legs=legs)).passed
    assert asked(form.whitelisted, buy(CALLS[1], 1), hedge_world()).passed
    assert asked(form.whitelisted, entry()).text == "all legs are whitelisted for a condor (SPX, SPXW)"


def test_contracts_are_counted_per_leg() -> None:
    """Units times the greatest ratio, at the cap and one beyond, for condors and for the hedge by caps of their own."""
    wide = entry(legs=(LegIntent(5, 1, BUY), LegIntent(6, 3, SELL)), quantity=2)
    for cap, passes in ((6, True), (5, False)):
        found = asked(form.quantity, wide, order_quantity_condors=cap)
        assert (found.passed, found.observed, found.cap) == (passes, 6, cap)
    assert asked(form.quantity, buy(CALLS[1], 1, 4), order_quantity_condors=1, order_quantity_hedge=4).passed
    assert asked(form.quantity, entry(legs=()), order_quantity_condors=1).observed == 1


# standing -------------------------------------------------------------------------------------------
def test_orders_in_doubt_are_counted() -> None:
    """Unknown fates and uneven legs of working orders, each named; sound ones and ended ones are none."""
    doubt = record(entry("ic-2", EXPIRIES[0]), OrderState.UNKNOWN)
    uneven = record(entry("ic-3", EXPIRIES[0]), filled_by_leg={entry("ic-3", EXPIRIES[0]).legs[0].con_id: 1})
    sound = record(entry("ic-4", EXPIRIES[0]))
    found = asked(standing.doubtful, entry(), replace(World(), orders=(doubt, uneven, sound)))
    assert found[:4] == (False, 2, 0, "orders in doubt")
    assert doubt.ref in found.text
    assert "uneven" in found.text
    assert asked(standing.doubtful, entry(), replace(World(), orders=(sound,)))[:3] == (True, 0, 0)


def test_positions_say_by_how_much_they_differ() -> None:
    """Broker against journal, and both against what condors account for; foreign trades against ours only on our
    own legs and only the other way."""
    leg = LEGS[0].con_id
    good = HELD.view().book.positions()
    for broker, seen in (({**good, leg: 5}, 3), ({**good, leg: 1}, -1)):
        found = asked(standing.reconciled, close(quantity=2), replace(HELD, broker=broker))
        assert found[:4] == (False, seen, 0, "contracts")
    short = replace(HELD, holdings=HELD.holdings[1:])
    assert asked(standing.reconciled, entry(), short)[:3] == (False, 2, 0)
    assert asked(standing.reconciled, entry(), HELD)[:3] == (True, 0, 0)
    assert "agree on 4 contracts" in asked(standing.reconciled, entry("ic-2", EXPIRIES[0]), HELD).text


def test_an_account_is_told_by_its_ends_and_a_connection_by_its_number() -> None:
    """Two letters and two digits of an account are shown, a short one whole; connections say which was compared."""
    found = asked(standing.account, entry(), World().with_(accounts=("DU1234567", "DU99", "U1234", "U12345")))
    assert (found.passed, found.observed, found.cap) == (False, "DU***67, DU99, U1***34, U1***45", "DU***67")
    assert asked(standing.account, entry(), World().with_(accounts=())).observed == "none"
    assert asked(standing.account, entry())[:3] == (True, "DU***67", "DU***67")
    live = asked(standing.account, entry(), World().with_(accounts=("U1234567",), expected_account="U1234567"))
    assert (live.passed, live.cap) == (False, World().limits.account_prefix)


def latched(state: TradingState, cause: str = "reduce") -> Control:
    return Control(latches=(Latch(cause, state, World().view().now, "me", "enough"),))


@pytest.mark.parametrize(
    ("control", "condor", "protection", "addition"),
    [
        (Control(), "active", "active", "active"),
        (Control(paused=True), "paused", "active", "active"),
        (latched(TradingState.REDUCING), "reducing", "reducing", None),
        (latched(TradingState.FLATTENING), "flattening", None, None),
        (latched(TradingState.HALTED), "halted", None, None),
    ],
)
def test_who_trades_in_which_state(control: Control, condor: str, protection: str | None, addition: str | None) -> None:
    """Condors while active and not paused; the hedge whatever is paused, and reducing only where it protects."""
    found = asked(standing.trading_state, entry(), World().with_(control=control))
    assert (found.passed, found.observed) == (condor == "active", condor)
    for world, wanted in ((hedge_world(), protection), (hedge_world(condor=False), addition)):
        answer = asked(standing.trading_state, buy(CALLS[1], 1), world.with_(control=control))
        assert answer.passed is (wanted is not None)
        assert answer.observed == control.state.value
    killed = asked(standing.killed, entry(), World().with_(control=control))
    assert killed.passed is (control.state is not TradingState.HALTED)
    limit = latched(TradingState.HALTED, "limit:C20")
    assert asked(standing.killed, entry(), World().with_(control=limit)).passed
    assert not asked(standing.killed, entry(), World().with_(kill_file=True)).passed


def test_closings_take_from_what_is_held_and_no_more() -> None:
    """To the last contract, what works counted; the wrong side, a leg not held and one too many do not pass."""
    for intent, world, seen in (
        (close(quantity=2), HELD, None), (close(quantity=3), HELD, -3), (entry(), HELD, 1),
        (close("ic-2", quantity=1), HELD, -1), (legged((5150.0, PUT, BUY), quantity=3), HELD, 3),
        (legged((5125.0, PUT, BUY)), HELD, 1),
    ):  # fmt: skip
        found = asked(standing.closes_only, intent, world)
        assert found.passed is (seen is None), found.text
        if seen is not None:
            assert found.observed == seen
    working = replace(HELD, orders=(record(close(quantity=1, ref="ic-1/tp/1", chain_ref="ic-1/tp")),))
    assert asked(standing.closes_only, close(quantity=1), working).passed
    assert asked(standing.closes_only, close(quantity=2), working).observed == -3
    assert asked(standing.closes_only, close(quantity=3), HELD).cap == -2
    single = World().having("ic-1", LEGS, 1, -14.0)
    assert asked(standing.closes_only, close(), single).passed
    selling = record(legged((5125.0, PUT, SELL), ref="ic-1/odd/1", chain_ref="ic-1/odd"))
    undone = asked(standing.closes_only, legged((5125.0, PUT, BUY)), replace(HELD, orders=(selling,)))
    assert undone[:2] == (False, 0)  # nothing would be left of it, and still no leg of it is held
    assert undone.unit == "contracts"


def test_a_closing_may_not_make_the_worst_cell_grow() -> None:
    """Both short puts bought back for nothing add no loss at expiry; without their premium a rally costs more."""
    found = asked(standing.closes_only, legged((5150.0, PUT, BUY), quantity=2, limit_points=0.0), HELD)
    assert (found.passed, found.unit) == (False, "USD")
    assert isinstance(found.observed, float)
    assert isinstance(found.cap, float)
    assert found.observed > found.cap + 2.0
    assert standing._grown_usd(Case(close(quantity=3), HELD.view(), HELD.limits)) == 3.0


def test_the_hedge_is_sold_after_the_last_condor_and_working_ones_count() -> None:
    """Held or working condors are named and counted; what nobody owns is none."""
    held = owning(hedge_world(), CALLS[1], 1, 2, 1.5)
    found = asked(standing.closes_only, sell(CALLS[1], 1, 2), held)
    assert found[:4] == (False, 1, 0, "condors")
    assert "ic-9 is still" in found.text
    bare = owning(hedge_world(condor=False), CALLS[1], 1, 2, 1.5)
    assert asked(standing.closes_only, sell(CALLS[1], 1, 2), bare).passed
    working = replace(bare, orders=(*bare.orders, record(entry("ic-7"))))
    assert asked(standing.closes_only, sell(CALLS[1], 1, 2), working)[:2] == (False, 1)
    foreign = replace(bare, holdings=(*bare.holdings, Holding(None, LEGS[0].con_id, 1, 3.0)))
    assert asked(standing.closes_only, sell(CALLS[1], 1, 2), foreign).passed


def test_a_connection_is_the_one_that_was_compared() -> None:
    """Up, and the very number."""
    for changes, row in (
        ({}, (True, EPOCH, EPOCH)), ({"snapshot_epoch": EPOCH - 1}, (False, EPOCH - 1, EPOCH)),
        ({"snapshot_epoch": EPOCH + 1}, (False, EPOCH + 1, EPOCH)), ({"snapshot_epoch": None}, (False, None, EPOCH)),
        ({"link": LinkState.SYNCING}, (False, "syncing", "up")),
    ):  # fmt: skip
        assert asked(standing.link, entry(), World().with_(**changes))[:3] == row


def test_a_stranger_against_one_of_our_legs_holds_everything_of_it_up() -> None:
    """Sold by nobody of ours where we are long: that leg is closed already. The same side, or another contract, is no
    matter of ours."""
    leg, other = LEGS[0].con_id, con_id(EXPIRIES[0], 5500.0, PUT)
    for number, quantity, seen in ((leg, -1, -1), (leg, 1, 0), (other, -1, 0)):
        side = BUY if quantity > 0 else SELL
        stray = Fill("f.1.01", None, number, side, 1, 3.0, 100, World().view().now)
        world = replace(
            HELD, fills={**HELD.fills, "f.1": stray}, holdings=(*HELD.holdings, Holding(None, number, quantity, 3.0))
        )
        found = asked(standing.reconciled, close(quantity=2), world)
        assert found[:4] == (seen == 0, seen, 0, "contracts")
        assert ("somebody else traded -1 against +2" in found.text) is (seen < 0)
    one = World().having("ic-1", LEGS, 1, -14.0)
    sold = Fill("f.1.01", None, leg, SELL, 1, 3.0, 100, World().view().now)
    gone = replace(one, fills={**one.fills, "f.1": sold}, holdings=(*one.holdings, Holding(None, leg, -1, 3.0)))
    assert not asked(standing.reconciled, close(), gone).passed


def test_what_only_one_of_broker_journal_and_holdings_knows_is_found() -> None:
    """Each alone with a contract that the two others do not have stops new risk."""
    held = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 1, -10.0)
    for world in (
        replace(held, holdings=(), broker={}),
        replace(held, fills={}, broker={}),
        replace(World(), broker={LEGS[0].con_id: 1}),
    ):
        assert not asked(standing.reconciled, entry(), world).passed
    assert asked(standing.reconciled, entry(), replace(World(), broker={LEGS[0].con_id: 0})).passed
    assert "broker holds +0, journal explains +1" in asked(standing.reconciled, entry(), replace(held, broker={})).text
    assert "contract 77: broker holds +1" in asked(standing.reconciled, entry(), replace(World(), broker={77: 1})).text
    assert asked(standing.reconciled, entry(), replace(World(), broker=None))[:4] == (False, None, 0, "contracts")
    fewer = (msgspec.structs.replace(HELD.holdings[0], quantity=1), *HELD.holdings[1:])
    assert asked(standing.reconciled, entry(), replace(HELD, holdings=fewer)).observed == 1
