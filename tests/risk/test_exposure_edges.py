"""Worst case and proof of reduction exactly at their edges: half a cent, the last subset, the level that decides."""

from __future__ import annotations

import math

import pytest

from risk import exposure
from risk.exposure import Stake, Unit
from strategies.domain.instruments import Right
from tests.risk.sample import ALL_OPTIONS, EXPIRIES, con_id

OPTIONS = {o.con_id: o for o in ALL_OPTIONS}
PUT, CALL = Right.PUT, Right.CALL
LOW, HIGH = con_id(EXPIRIES[0], 5100.0, PUT), con_id(EXPIRIES[0], 5150.0, PUT)
LATE = con_id(EXPIRIES[1], 5100.0, PUT)


def test_half_a_cent_is_noise_and_a_cent_is_loss() -> None:
    """A closing that costs a cent more than it frees is not proven to reduce; half a cent is arithmetic."""
    held = Stake(OPTIONS, {HIGH: 1, LOW: -1}, 0.0)  # can gain, cannot lose
    for paid_usd, proven in ((0.004, True), (0.01, False)):
        away = Unit("away", ((HIGH, -1), (LOW, 1)), -paid_usd, 0.0, 1)
        assert held.is_reduced_by(away) is proven


def test_the_last_subset_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the documented number of subsets the loss is a number and a proof is made; beyond, unlimited and none."""
    assert exposure.MAX_SUBSETS == 4096
    monkeypatch.setattr(exposure, "MAX_SUBSETS", 4)
    across = tuple(Unit(f"o{n}", ((LOW, 1), (LATE, 1)), -10.0, 0.0, 1) for n in range(3))
    assert Stake(OPTIONS, {}, 0.0, across[:2]).worst_loss_usd == 20.0
    assert math.isinf(Stake(OPTIONS, {}, 0.0, across).worst_loss_usd)
    closing = Unit("close", ((LOW, -1),), 0.0, 0.0, 1)
    other = Unit("other", ((LATE, 1),), 0.0, 0.0, 1)
    assert Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=3),)).is_reduced_by(closing._replace(cash_usd=500.0))
    assert not Stake(OPTIONS, {LOW: 1}, 0.0, (other._replace(quantity=4),)).is_reduced_by(
        closing._replace(cash_usd=500.0)
    )
