"""Prices walk from mid in our favour, a tick at least, never beyond natural, the collar or the wing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.condor.params import OrderParams
from strategies.condor.structure import Net
from strategies.condor.walk import (
    Look,
    Urgency,
    Walk,
    closing_limit_points,
    in_our_favour,
    limit_points,
    look,
    shares,
)
from strategies.domain.orders import LIVE_STATES, OrderRecord, OrderState, PlaceIntent, Purpose

P = OrderParams()


def test_first_attempt_asks_for_mid_rounded_in_our_favour():
    """A credit is rounded up, a debit down."""
    assert in_our_favour(-10.93, 0.05) == -10.95
    assert in_our_favour(5.49, 0.05) == 5.45
    assert in_our_favour(5.45, 0.05) == 5.45


def test_entry_walk_ends_at_two_fifths_of_the_half_spread():
    """Three reprices from -10.95 with a half-spread of 1.00 end at -10.55."""
    plan = shares(Purpose.ENTRY, Urgency.PATIENT, P)
    walk = [limit_points(Net(-10.95, -9.95), n, plan, P) for n in (1, 2, 3, 4)]
    assert walk == [-10.95, -10.85, -10.7, -10.55]


def test_firm_walk_ends_at_the_natural_price_within_the_collar():
    """Stops pay natural in the end, but no more than a tenth over mid."""
    plan = shares(Purpose.EXIT, Urgency.FIRM, P)
    assert plan[-1] == 1.0
    assert closing_limit_points(Net(20.0, 21.0), len(plan), plan, 50.0, P) == 21.0
    assert closing_limit_points(Net(20.0, 26.0), len(plan), plan, 50.0, P) == 22.0
    assert closing_limit_points(Net(49.5, 52.0), len(plan), plan, 50.0, P) == 50.0
    assert closing_limit_points(Net(0.01, 0.20), 1, plan, 50.0, P) == 0.05


@given(
    st.floats(-40.0, 45.0),
    st.floats(0.0, 6.0),
    st.sampled_from([(Purpose.ENTRY, Urgency.PATIENT), (Purpose.EXIT, Urgency.PATIENT), (Purpose.EXIT, Urgency.FIRM)]),
)
def test_walks_only_ever_concede_and_stay_on_the_tick(mid, half, kind):
    """Every attempt is on the grid, no better than the one before, and never worse than natural."""
    plan = shares(*kind, P)
    net = Net(mid, mid + half)
    prices = [limit_points(net, n, plan, P) for n in range(1, len(plan) + 1)]
    assert prices == sorted(prices)
    for price in prices:
        assert price <= net.natural_points + 1e-6
        assert price / 0.05 == pytest.approx(round(price / 0.05), abs=1e-4)
    assert prices[0] <= mid + 1e-6


AT = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
WALK = Walk("ic-1.exit/1", "ic-1.exit.1", Purpose.EXIT, "C-EXIT-3", Urgency.FIRM, 1, 1, AT)


@pytest.mark.parametrize("state", list(OrderState))
def test_the_next_attempt_waits_for_the_proven_end_of_the_last(state):
    """An order without an answer, in doubt or claimed to be over is waited for, however long; nothing is sent again."""
    intent = PlaceIntent("ic-1.exit.1", WALK.chain_ref, 1, Purpose.EXIT, "ic-1", "C-EXIT-3", (), 1, 5.0, 5.0, 5.2, AT)
    record = OrderRecord(intent, state, AT, AT, sent_at=AT)
    later = AT + timedelta(hours=1)
    expected = Look.NEXT if state not in LIVE_STATES else Look.CANCEL if state is OrderState.WORKING else Look.WAIT
    assert look(WALK, record, later, False, P) is expected
    assert look(WALK, record, AT + timedelta(seconds=1), False, P) is (
        Look.NEXT if state not in LIVE_STATES else Look.WAIT
    )
