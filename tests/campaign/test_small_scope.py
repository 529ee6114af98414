"""Every order of a few events, to a small depth: the pure engine breaks nothing and always finds its way out."""

from __future__ import annotations

import pytest

from bot.engine import orders
from strategies.domain.events import BrokerOrderStatus
from strategies.domain.orders import OrderTrigger
from tests.campaign.small_scope import search


def test_every_reachable_state_has_a_way_out() -> None:
    """Two events deep from three beginnings; whenever the world calms down, book and broker say the same."""
    found = search(2, calm_every=4)
    assert found.wrong == []
    assert found.edges > 300
    assert found.calms > 20
    assert {"working", "cancel_claimed", "reject_claimed", "filled", "unknown"} <= found.order_states


def test_a_search_finds_an_engine_that_believes_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that takes a false Cancelled for the truth is found within two events."""
    believed = {**orders._STATUS_TRIGGER, BrokerOrderStatus.CANCELLED: OrderTrigger.PROVED_CANCELED}
    monkeypatch.setattr(orders, "_STATUS_TRIGGER", believed)
    assert search(2, calm_every=2).wrong


@pytest.mark.slow
def test_every_reachable_state_has_a_way_out_deeper() -> None:
    """The same, five events deep."""
    assert search(5).wrong == []
