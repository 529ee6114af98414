"""Days of life leave nothing behind, and a torn journal keeps what was promised."""

from __future__ import annotations

import pytest

from tests.campaign.soak import soak
from tests.campaign.torn import torn


@pytest.mark.slow
def test_two_simulated_days_leave_nothing_behind() -> None:
    """Tasks and descriptors are the same every evening although a connection was lost on each."""
    evenings = soak(3)["evenings"]
    assert len(evenings) == 3
    assert len({tasks for _, _, tasks, _, _ in evenings[1:]}) == 1
    assert len({descriptors for _, _, _, descriptors, _ in evenings[1:]}) == 1


def test_a_journal_cut_anywhere_keeps_what_was_committed() -> None:
    """Every 997th byte of the last commits here, every byte in the campaign."""
    found = torn(997)
    assert found["wrong"] == []
    assert found["cuts"] > 10
