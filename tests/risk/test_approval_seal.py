"""The approval cannot be made, copied, changed or used twice by anyone but the gate."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from risk import gate
from risk.approval import Approved, SealBroken, TicketSpent
from tests.risk.sample import World, entry


def approved() -> Approved:
    """A genuine approval."""
    reviewed = gate.review(entry(), World().view(), World().limits, 5)
    assert reviewed.approved is not None
    return reviewed.approved


def test_redeemed_once() -> None:
    """The ticket gives its intent once and is spent."""
    ticket = approved()
    assert ticket.redeem() == entry()
    with pytest.raises(TicketSpent, match="already sent"):
        ticket.redeem()


@pytest.mark.parametrize("seal", [None, object(), "seal", True])
def test_no_construction_without_the_seal(seal: object) -> None:
    """Whoever has no seal gets no approval."""
    with pytest.raises(SealBroken):
        Approved(entry(), 1, seal=seal)


def test_no_copies() -> None:
    """Shallow, deep and pickled copies are refused."""
    ticket = approved()
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(SealBroken):
            attempt(ticket)


def test_no_change_and_no_replacement() -> None:
    """Intent, position and spent mark cannot be set, deleted or replaced; nor can it be encoded and decoded."""
    ticket = approved()
    for name, value in (("intent", entry(quantity=5)), ("seq", 9), ("_redeemed", False), ("more", 1)):
        with pytest.raises(SealBroken):
            setattr(ticket, name, value)
    with pytest.raises(SealBroken):
        del ticket.intent
    with pytest.raises(TypeError):
        msgspec.structs.replace(ticket, seq=2)  # type: ignore[type-var]
    with pytest.raises(TypeError):
        msgspec.json.encode(ticket)


def test_an_empty_shell_is_worthless() -> None:
    """An object made around the constructor has nothing to redeem."""
    shell = object.__new__(Approved)
    with pytest.raises(SealBroken, match="not made by the gate"):
        shell.redeem()
    assert repr(shell) == "Approved(unsealed)"


def test_no_variants_and_no_second_life() -> None:
    """No subclass, and running the constructor again on a spent ticket does not renew it, not even with the seal."""
    with pytest.raises(SealBroken):
        type("Forged", (Approved,), {})
    ticket = approved()
    ticket.redeem()
    from risk.approval import _SEAL

    with pytest.raises(SealBroken, match="not renewed"):
        Approved.__init__(ticket, entry(), 6, seal=_SEAL)


def test_shown_without_spending() -> None:
    """Looking at a ticket names its order and does not spend it."""
    ticket = approved()
    assert repr(ticket) == "Approved(ref='ic-1/entry/1', seq=5)"
    assert ticket.redeem().ref == "ic-1/entry/1"
