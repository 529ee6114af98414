"""Realised volatility, rank and tiers: known values and exact boundaries."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.domain.market import DailyBar
from strategies.signals.tiers import Tier, TierParams, tier_by_level
from strategies.signals.volatility import rank_pct, realised_vol_points


def bars(closes: list[float]) -> tuple[DailyBar, ...]:
    return tuple(DailyBar(date(2026, 1, 1) + timedelta(days=i), c, c, c, c) for i, c in enumerate(closes))


def test_one_per_cent_a_day_is_sixteen_vol_points():
    """Alternating moves of one per cent annualise to 15.87 points."""
    closes = [100.0 * math.exp(0.01 * (i % 2)) for i in range(21)]
    assert realised_vol_points(bars(closes)) == pytest.approx(math.sqrt(252.0), rel=1e-9)


def test_too_few_closes_say_nothing():
    """Twenty returns need twenty-one closes; a rank needs its warm-up."""
    assert realised_vol_points(bars([100.0] * 20)) is None
    assert rank_pct(bars([15.0 + i for i in range(119)]), 16.0) is None
    assert rank_pct(bars([15.0] * 200), 15.0) is None


def test_rank_is_the_place_between_low_and_high_of_the_year():
    """Halfway between the extremes is 50 per cent; older extremes do not count."""
    closes = [90.0] + [10.0, 30.0] * 126
    assert rank_pct(bars(closes), 20.0) == pytest.approx(50.0)


@settings(max_examples=25)
@given(st.lists(st.floats(9.0, 80.0), min_size=120, max_size=140), st.floats(5.0, 90.0))
def test_rank_stays_within_its_scale(closes, level):
    """No level ranks below 0 or above 100."""
    rank = rank_pct(bars(closes), level)
    assert rank is None or 0.0 <= rank <= 100.0


@pytest.mark.parametrize(
    ("vix", "front", "before", "tier"),
    [
        (16.99, 16.0, 16.0, Tier.CALM),
        (17.0, 16.0, 16.0, Tier.WATCH),
        (16.0, 17.0, 16.0, Tier.WATCH),
        (23.99, None, 23.0, Tier.WATCH),
        (24.0, None, 23.0, Tier.STRESS),
        (29.99, 24.0, 28.0, Tier.STRESS),
        (30.0, 24.0, 28.0, Tier.CRISIS),
        (22.0, 20.0, 14.0, Tier.CRISIS),
        (21.99, 20.0, 14.0, Tier.WATCH),
    ],
)
def test_tier_boundaries(vix, front, before, tier):
    """T-TIER-1 and T-TIER-4: the higher of VIX and front future decides, a jump of eight points is a crisis."""
    assert tier_by_level(vix, front, before, TierParams()) is tier


def test_falling_levels_are_refused():
    """Tiers must rise."""
    with pytest.raises(ValueError, match="must rise"):
        TierParams(stress_from_points=31.0)
