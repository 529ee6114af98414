"""A verdict depends on intent, view and caps alone: what is kept of a book between reviews changes none."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from datetime import timedelta

import msgspec

from risk import gate
from risk.exposure import exposure_of
from risk.view import RiskView
from strategies.domain.orders import PlaceIntent
from tests.risk.hedge_sample import CALLS, buy, hedge_world, owning, rotate, sell
from tests.risk.sample import EXPIRIES, WINGS, World, close, condor_legs, entry, record

FAR = (4950.0, 5000.0, 5850.0, 5900.0)
INTENTS: tuple[PlaceIntent, ...] = (
    entry("ic-1", EXPIRIES[2]),
    entry("ic-9", EXPIRIES[1], FAR),
    close("ic-9", EXPIRIES[1], WINGS),
    buy(CALLS[3], 7),
    sell(CALLS[1], 4),
    rotate(CALLS[1], CALLS[6]),
)


def world() -> World:
    """Two condors, a working exit of one of them, and two hedge slots."""
    held = hedge_world().having("ic-8", condor_legs(EXPIRIES[0], FAR), 2, -9.0)
    hedged = owning(owning(held, CALLS[1], 4, 3, 1.4), CALLS[7], 6, 2, 1.1)
    return replace(hedged, orders=(*hedged.orders, record(close("ic-8", EXPIRIES[0], FAR))))


def afresh(view: RiskView) -> RiskView:
    """An equal view of which no part is the same object."""
    return msgspec.json.decode(msgspec.json.encode(copy.deepcopy(view)), type=RiskView)


def test_the_verdict_of_an_order_is_the_same_after_any_other_order() -> None:
    """Every order after every other on one book: word for word what a gate says that never saw the book before."""
    limits, shared = world().limits, world().view()
    alone = [gate.review(intent, afresh(shared), limits, 1).verdict for intent in INTENTS]
    assert sum(verdict.approved for verdict in alone) >= 3
    for first, second in itertools.permutations(range(len(INTENTS)), 2):
        assert gate.review(INTENTS[first], shared, limits, 1).verdict == alone[first]
        assert gate.review(INTENTS[second], shared, limits, 1).verdict == alone[second]


def test_a_later_moment_on_the_same_book_is_another_review() -> None:
    """Minutes, a close, maintenance and days pass on one book: each verdict is that of a gate that begins there."""
    limits, shared = world().limits, world().view()
    texts = set()
    for minutes in (0.0, 0.5, 60.0, 290.0, 304.0, 780.0, 1440.0, 5760.0, 0.0):
        later = msgspec.structs.replace(shared, now=shared.now + timedelta(minutes=minutes))
        verdict = gate.review(INTENTS[0], later, limits, 1).verdict
        assert verdict == gate.review(INTENTS[0], afresh(later), limits, 1).verdict
        texts.add(verdict.text)
    assert len(texts) >= 3


def test_a_fill_a_new_order_or_a_loaded_contract_is_seen_at_once() -> None:
    """Between two looks the book or the contracts change: the second exposure is that of the new ones."""
    before = world()
    view = before.view()
    assert "ic-3" not in exposure_of(view, 2.0).stakes
    filled = before.having("ic-3", condor_legs(EXPIRIES[2], WINGS), 1, -8.0)
    assert exposure_of(filled.view(), 2.0).stakes["ic-3"].held
    working = replace(before, orders=(*before.orders, record(entry("ic-4", EXPIRIES[2]))))
    assert exposure_of(working.view(), 2.0).stakes["ic-4"].units
    (row, *_) = view.holdings
    gone = {c: i for c, i in view.market.instruments.items() if c != row.con_id}
    blind = msgspec.structs.replace(view, market=msgspec.structs.replace(view.market, instruments=gone))
    assert exposure_of(blind, 2.0).stakes[row.owner].unknown
    assert not exposure_of(view, 2.0).stakes[row.owner].unknown


def test_an_order_of_new_contracts_leaves_nothing_behind_in_the_book() -> None:
    """A review of contracts that nobody holds does not add them to what is held and working."""
    view = world().view()
    kept = exposure_of(view, 2.0)
    held = dict(kept.contracts)
    gate.review(INTENTS[0], view, world().limits, 1)
    gate.review(INTENTS[5], view, world().limits, 1)
    assert exposure_of(view, 2.0) is kept
    assert kept.contracts == held
    assert {leg.con_id for leg in INTENTS[0].legs}.isdisjoint(held)
