"""The controls written down a second time: in which order they are made, whom they bind and when."""

from __future__ import annotations

import itertools

import pytest

from risk.checks import CHECKS, FORM
from risk.limits import Use
from strategies.domain.control import TradingState

FORM_CODES = "C41 C45 C01 C13 C02"
CODES = (
    f"{FORM_CODES} C38 C42 C42-F C29 C30 C54 C53 C44 C49 C50 C39 C33 C34 C35 C36 C37 C23 C16 C14 C15 C15-J C15-F C15-N "
    "C52 C55 C27 C26 C28 C24 C25 C03 C10 C10-H C09 K-DEF-2 C12 C11 C05 C04 C06 C07 K-SIZE-5 C18 C17 C17-D K-SIZE-2 C08 "
    "C08-30D A-BUD-2 X-LIQ-1 C56 C20 C21 K-SIZE-6 C22 C19"
).split()
BIND_EXITS = "C41 C45 C01 C13 C02 C38 C42-F C30 C39 C33 C36 C16 C14 C15 C27 C28 C25 C03 C10-H C12 C11 C56"
"""What an order proven to reduce risk has to pass too; nothing else may hold it up."""
OF_CONDORS = "C34 C37 C23 C15-J C15-F C52 C55 C10 C05 C06 C17-D"
OF_THE_HEDGE = "C10-H K-SIZE-2 C08 C08-30D A-BUD-2 X-LIQ-1 C56"


def test_every_control_is_made_in_its_order() -> None:
    """None is missing, none is made twice, and form comes first: the others rely on it."""
    assert [check.code for check in CHECKS] == CODES
    assert len(set(CODES)) == len(CODES)
    assert list(CHECKS[: len(FORM)]) == list(FORM)
    assert [check.code for check in FORM] == FORM_CODES.split()


def test_which_controls_bind_an_exit() -> None:
    """Identity, link, hours, quotes, price and pace; no cap on losses, counts or money ever keeps risk in the book."""
    assert {check.code for check in CHECKS if check.always} == set(BIND_EXITS.split())


@pytest.mark.parametrize(("use", "state"), list(itertools.product(Use, TradingState)))
def test_whom_a_control_concerns_and_when(use: Use, state: TradingState) -> None:
    """The hedge's caps do not hold up condors nor the other way round; flattening has a control of its own, and asks of
    no sale of protection what it does to the crash."""
    others = set((OF_THE_HEDGE if use is Use.CONDOR else OF_CONDORS).split())
    apart = {"C56"} if state is TradingState.FLATTENING else {"C42-F"}
    found = {check.code for check in CHECKS if check.concerns(use, state)}
    assert found == set(CODES) - others - apart
