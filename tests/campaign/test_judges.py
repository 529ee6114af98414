"""The judges of the campaign see what they are there for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.campaign.found import Found
from tests.campaign.judge_ledger import HEARD, LedgerJudge

TRADED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
OPTION = 7


def after_a_sale_by_hand(left: int, change: int, *, later: timedelta = HEARD) -> Found:
    """The bot bought one option, others traded it, `left` of it is in the account; then the bot's order arrives."""
    judge: Any = LedgerJudge(found := Found(), says=lambda: None)
    judge.truth = SimpleNamespace(positions=lambda: {OPTION: left})
    judge._held, judge._others_traded = {"alvh": {OPTION: 1}}, {OPTION: TRADED}
    order = SimpleNamespace(order_ref="alvh-s05.harvest.20260302.1", unit={OPTION: change}, quantity=1)
    judge._turned("alvh", order, {"at": (TRADED + later).isoformat()})
    return found


def test_selling_what_a_hand_has_sold_is_a_violation() -> None:
    """The sale would make the account short; I22."""
    assert after_a_sale_by_hand(0, -1).violated == {"I22": 1}


@pytest.mark.parametrize(
    ("left", "change", "later"),
    [(1, -1, HEARD), (0, 1, HEARD), (0, -1, HEARD - timedelta(seconds=1))],
    ids=["what is still there", "buying", "before it could be heard"],
)
def test_other_orders_are_none(left: int, change: int, later: timedelta) -> None:
    """What is left may be sold, more may be bought, and an order may cross the news of a hand on its way."""
    assert after_a_sale_by_hand(left, change, later=later).violated == {}
