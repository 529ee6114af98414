"""The surface between and beyond its expiries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.pricing.surface import Smile, Surface, SurfaceError


def smile(days: float, atm: float, forward: float = 2750.0, skew: float = 0.3) -> Smile:
    m = np.linspace(-5.0, 3.0, 17)
    vols = atm * np.maximum(0.6, 1.0 - skew * m + 0.02 * m * m)
    return Smile.through(forward, days / 365, m, vols, math.exp(-0.02 * days / 365), atm)


def test_an_expiry_is_itself() -> None:
    """At a fitted expiry the smile comes back untouched."""
    front, back = smile(30, 0.15), smile(60, 0.17)
    assert Surface([back, front]).smile_at(30 / 365) is front


def test_total_variance_is_linear_in_time_at_equal_moneyness() -> None:
    """Half way between two expiries total variance is their mean, at every normalised moneyness."""
    front, back = smile(30, 0.15, skew=0.25), smile(60, 0.17, skew=0.35)
    middle = Surface([front, back]).smile_at(45 / 365)
    m = np.linspace(-4.5, 2.5, 15)
    expected = 0.5 * (front.total_variance(m) + back.total_variance(m))
    assert middle.total_variance(m) == pytest.approx(expected, rel=2e-3)
    assert middle.atm == pytest.approx(math.sqrt(0.5 * (0.15**2 * 30 + 0.17**2 * 60) / 45), rel=1e-6)


def test_forward_and_discount_are_log_linear() -> None:
    """Carry and rates between two expiries are constant."""
    surface = Surface([smile(30, 0.15, 2750.0), smile(60, 0.16, 2761.0)])
    middle = surface.smile_at(45 / 365)
    assert middle.forward == pytest.approx(math.sqrt(2750.0 * 2761.0))
    assert middle.discount == pytest.approx(math.exp(-0.02 * 45 / 365))
    later = surface.smile_at(90 / 365)
    assert later.forward == pytest.approx(2761.0**2 / 2750.0)
    assert later.discount == pytest.approx(math.exp(-0.02 * 90 / 365))


@pytest.mark.parametrize(("days", "atm"), [(7.0, 0.15), (200.0, 0.17)])
def test_volatility_is_flat_outside(days: float, atm: float) -> None:
    """Before the first and after the last expiry the nearest volatilities are kept."""
    found = Surface([smile(30, 0.15), smile(60, 0.17)]).smile_at(days / 365)
    assert found.atm == pytest.approx(atm)
    assert found.tau == days / 365


def test_smiles_between_expiries_stay_between_them() -> None:
    """Prices of one strike rise with time to expiry all the way (no calendar arbitrage comes from interpolating)."""
    surface = Surface([smile(30, 0.16), smile(60, 0.165), smile(90, 0.17)])
    for strike in (2500.0, 2650.0, 2750.0, 2850.0):
        costs = [
            float(surface.smile_at(days / 365).price(strike, strike >= 2750.0)) for days in np.arange(10.0, 120.0, 4.0)
        ]
        assert (np.diff(costs) > 0.0).all()


def test_gross_calendar_arbitrage_is_refused() -> None:
    """A later expiry with far less total variance is a wrong date or bad quotes; a little less is a real market."""
    with pytest.raises(SurfaceError, match="calendar arbitrage"):
        Surface([smile(30, 0.30), smile(45, 0.15)])
    assert len(Surface([smile(30, 0.20), smile(31, 0.19)]).smiles) == 2


def test_a_surface_needs_distinct_expiries() -> None:
    """No smile, two smiles of one expiry, or a time that is none are refused."""
    with pytest.raises(SurfaceError, match="at least one"):
        Surface([])
    with pytest.raises(SurfaceError, match="same time to expiry"):
        Surface([smile(30, 0.15), smile(30, 0.16)])
    for bad in (0.0, -0.1, math.nan, math.inf):
        with pytest.raises(SurfaceError, match="tau must be"):
            Surface([smile(30, 0.15)]).smile_at(bad)
