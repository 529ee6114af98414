"""The VX futures curve: how much a future moves with VIX, a scenario's curve by tenor, interpolation between listings.

Betas are the ordinary-least-squares ones measured on 2013-2025 settlements (RULEBOOK 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from bot.sim.types import Floats

_BETA_DAYS = np.array([0.0, 9.0, 16.5, 30.0, 60.0, 120.0, 240.0])
_BETA = np.array([0.78, 0.664, 0.617, 0.459, 0.346, 0.236, 0.15])


def beta(days: Floats) -> Floats:
    """Points a VX future moves per VIX point, by calendar days to its settlement."""
    return np.asarray(np.interp(days, _BETA_DAYS, _BETA), dtype=np.float64)


def scenario_curve(vix: float, long_run: float, decay_days: float, days: Floats) -> Floats:
    """Futures prices by calendar days to settlement: VIX at 0 days, `long_run` far out, exponential in between."""
    return np.asarray(long_run + (vix - long_run) * np.exp(-days / decay_days), dtype=np.float64)


def forward_between(vix: float, listed: Sequence[date], prices: Floats, today: date, expiry: date) -> float | None:
    """Forward VIX for a date without a listed future: linear between neighbours, from spot VIX before the first,
    flat after the last; None without any listed price."""
    known = np.isfinite(prices)
    if not known.any():
        return None
    days = np.array([(e - today).days for e in listed], dtype=np.float64)[known]
    return float(
        np.interp((expiry - today).days, np.concatenate(([0.0], days)), np.concatenate(([vix], prices[known])))
    )


def forwards_between(vix: Floats, listed: Sequence[date], prices: Floats, today: date, expiry: date) -> Floats | None:
    """`forward_between` at many moments of one day: `vix` by moment, `prices` moments x listed."""
    known = np.isfinite(prices).all(axis=0)
    if not known.any():
        return None
    days = np.concatenate(([0.0], np.array([(e - today).days for e in listed], dtype=np.float64)[known]))
    curve = np.column_stack((vix, prices[:, known]))
    wanted = min(float((expiry - today).days), float(days[-1]))
    right = max(int(np.searchsorted(days, wanted)), 1)
    weight = (wanted - days[right - 1]) / (days[right] - days[right - 1])
    return np.asarray(curve[:, right - 1] * (1.0 - weight) + curve[:, right] * weight, dtype=np.float64)
