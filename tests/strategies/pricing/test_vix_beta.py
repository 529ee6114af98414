"""Betas of VIX futures: the formula's golden values, the shrinkage, and what real futures did."""

from __future__ import annotations

import csv
import itertools
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.pricing.vix_beta import (
    TENOR_CENTRES_DAYS,
    BetaScales,
    root_time_beta,
    scale_at,
    shrunk_scale,
    tenor_of,
    vix_beta,
)


@pytest.mark.parametrize(
    ("days", "beta"),
    [(0, 1.0), (7, 0.63), (15, 0.52), (30, 0.414), (60, 0.318), (90, 0.268), (110, 0.245), (150, 0.213), (220, 0.179)],
)
def test_formula_gives_the_rulebooks_betas(days: int, beta: float) -> None:
    """RULEBOOK 4.3: one at settlement, falling with the root of time."""
    assert root_time_beta(days) == pytest.approx(beta, abs=0.0025)


@given(st.floats(0.0, 400.0), st.floats(0.1, 100.0))
def test_a_later_future_moves_less(days: float, more: float) -> None:
    """Beta falls with the time to settlement and stays within 0 and 1."""
    assert 0.0 < root_time_beta(days + more) < root_time_beta(days) <= 1.0


@pytest.mark.parametrize("days", [-1.0, -1e-9, math.nan, math.inf])
def test_a_settled_future_has_no_beta(days: float) -> None:
    """Negative time, and what is no number, are refused."""
    with pytest.raises(ValueError, match="cannot settle"):
        root_time_beta(days)


@given(st.floats(0.0, 400.0), st.tuples(*[st.floats(0.5, 1.5)] * 3))
def test_the_scale_lies_between_those_of_the_tenors(days: float, raw: tuple[float, float, float]) -> None:
    """Interpolation invents nothing, meets each tenor's own scale at its centre, and 1 everywhere is the formula."""
    scales = BetaScales(*raw)
    assert min(raw) - 1e-12 <= scale_at(days, scales) <= max(raw) + 1e-12
    assert [scale_at(centre, scales) for centre in TENOR_CENTRES_DAYS] == pytest.approx(list(raw))
    assert vix_beta(days, BetaScales()) == root_time_beta(days)


def test_tenors_are_the_layers() -> None:
    """Under 30 days, 30 to under 90, and beyond."""
    assert [tenor_of(days) for days in (0, 29.9, 30, 89.9, 90, 300)] == [0, 0, 1, 1, 2, 2]


def test_sixty_sessions_weigh_as_much_as_the_formula() -> None:
    """Weight n/(n+60): half of the way after 60 sessions, none without a slope, and never beyond 0.5 to 1.5."""
    assert shrunk_scale(1.4, 60) == pytest.approx(1.2)
    assert shrunk_scale(1.4, 20) == pytest.approx(1.1)
    assert shrunk_scale(None, 60) == shrunk_scale(1.4, 0) == 1.0
    assert shrunk_scale(9.0, 60) == 1.5
    assert shrunk_scale(-9.0, 60) == 0.5
    with pytest.raises(ValueError, match="finite"):
        shrunk_scale(math.nan, 60)


def _moves(folder: Path) -> np.ndarray:
    """Rows (days to settlement, VIX change, future's change) of every monthly future on consecutive sessions."""
    with (folder / "vol_indices_daily.csv").open() as file:
        vix = {row["date"]: float(row["vix_close"]) for row in csv.DictReader(file) if row["vix_close"]}
    prices: dict[str, dict[str, tuple[float, int]]] = {}
    with (folder / "vx_futures_daily.csv").open() as file:
        for row in csv.DictReader(file):
            price = row["settle"] or row["close"]
            if row["kind"] == "M" and price and int(row["dte"]) > 0:
                prices.setdefault(row["date"], {})[row["expiry"]] = (float(price), int(row["dte"]))
    days, rows = sorted(prices), []
    for before, day in itertools.pairwise(days):
        apart = (date.fromisoformat(day) - date.fromisoformat(before)).days
        if before not in vix or day not in vix or apart > 7:
            continue
        for expiry, (price, dte) in prices[day].items():
            if expiry in prices[before]:
                rows.append((dte, vix[day] - vix[before], price - prices[before][expiry][0]))
    return np.array(rows)


@pytest.mark.history
def test_real_futures_move_more_than_the_formula_near_the_front(real_data: Path) -> None:
    """2004 to 2026: measured betas by tenor beside the formula's, as docs/alvh-arithmetic.md tells them."""
    moves = _moves(real_data)
    found = []
    for low, high in ((6, 12), (13, 20), (25, 35), (50, 70), (100, 140)):
        dte, vix, future = moves[(moves[:, 0] >= low) & (moves[:, 0] <= high)].T
        formula = float(np.mean([root_time_beta(days) for days in dte]))
        least_squares = float(np.polyfit(vix, future, 1)[0])
        jumps = vix >= 3.0
        on_jumps = float(vix[jumps] @ future[jumps] / (vix[jumps] @ vix[jumps]))
        found.append((formula, least_squares, on_jumps))
    told = [
        (0.606, 0.661, 0.690), (0.508, 0.609, 0.636), (0.414, 0.457, 0.477), (0.318, 0.346, 0.354),
        (0.236, 0.238, 0.237),
    ]  # fmt: skip
    assert np.array(found) == pytest.approx(np.array(told), abs=0.002)
    assert all(ols > formula for formula, ols, _ in found)
