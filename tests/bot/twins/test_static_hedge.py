"""The static hedge: 4/4/2 of the base share, bought with the book, given back with it, rolled contract for contract."""

from __future__ import annotations

from bot.twins.static import Lot, Offer, follow, roll
from strategies.domain.hedge import Layer

L1, L2, L3 = Layer.SHORT, Layer.INTERMEDIATE, Layer.DEEP
OFFERS = {L1: Offer(11, 20.0), L2: Offer(22, 12.0), L3: Offer(33, 8.0)}


def test_four_four_two_in_whole_contracts() -> None:
    """Of 150 dollars a point 60 go into calls of 20, 60 into calls of 12, 30 into calls of 8: 3, 5 and 4 contracts."""
    change = follow((), 150.0, OFFERS)
    assert change.trades == ((11, 3), (22, 5), (33, 4))
    assert [lot.layer for lot in change.lots] == [L1, L2, L3]


def test_what_is_held_counts_at_what_it_weighed_when_bought() -> None:
    """A static hedge does not follow the market: the same target buys nothing more, twice the target the other half."""
    held = follow((), 150.0, OFFERS).lots
    assert follow(held, 150.0, {L1: Offer(12, 35.0), L2: OFFERS[L2], L3: OFFERS[L3]}).trades == ()
    assert follow(held, 300.0, OFFERS).trades == ((11, 3), (22, 5), (33, 4))


def test_the_oldest_goes_first_and_all_of_it_with_the_last_condor() -> None:
    """Half the target gives half back, none gives everything back."""
    lots = (Lot(L1, 11, 2, 20.0), Lot(L1, 12, 2, 20.0), Lot(L2, 22, 4, 20.0), Lot(L3, 33, 2, 20.0))
    half = follow(lots, 100.0, OFFERS)
    assert half.trades == ((11, -2), (22, -2), (33, -1))
    assert sum(lot.quantity for lot in half.lots) == 5
    assert follow(lots, 0.0, OFFERS).trades == ((11, -2), (12, -2), (22, -4), (33, -2))


def test_a_roll_is_contract_for_contract_and_only_of_what_is_due() -> None:
    """Whatever the new call weighs, as many are bought as sold; a layer nobody offers stays."""
    lots = (Lot(L1, 10, 3, 20.0), Lot(L2, 22, 5, 12.0), Lot(L3, 30, 4, 8.0))
    change = roll(lots, {10: True, 22: False, 30: True}, {L1: OFFERS[L1], L2: OFFERS[L2]})
    assert change.trades == ((10, -3), (11, 3))
    assert [(lot.con_id, lot.quantity, lot.usd_per_vix_point) for lot in change.lots] == [
        (11, 3, 20.0), (22, 5, 12.0), (30, 4, 8.0)
    ]  # fmt: skip


def test_a_layer_without_an_offer_is_left_out() -> None:
    """Nothing is invented where nothing is listed."""
    assert follow((), 100.0, {L2: OFFERS[L2]}).trades == ((22, 3),)
