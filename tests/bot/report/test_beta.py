"""J-RPT-5: slopes of condors and hedge on the index over a session."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bot.report.beta import LEAST_INTERVALS, beta_words, betas


def spot(count: int = 200) -> np.ndarray:
    """A path of the index whose minutes go up and down."""
    return 5000.0 * np.exp(np.cumsum(0.0004 * np.sin(np.arange(count) * 1.7)))


def test_known_slopes_are_found_with_their_signs() -> None:
    """Condors that lose 400 dollars a percent and a hedge that loses 150 of it more, layer by layer; the rest is left
    out."""
    path = spot()
    percent = 100.0 * np.diff(path) / path[:-1]
    moves = {"ic-1": -300.0 * percent + 5.0, "ic-2": -100.0 * percent, "L1": -100.0 * percent, "L3": -50.0 * percent,
             "other": 9000.0 * percent}  # fmt: skip
    found = betas(moves, path)
    assert found is not None
    assert found["condors_usd_per_pct"] == pytest.approx(-400.0)
    assert found["hedge_usd_per_pct"] == pytest.approx(-150.0)
    assert found["condors_correlation"] == pytest.approx(-1.0)
    assert found["intervals"] == 199
    assert beta_words(found) == (
        "Per percent of SPX over 199 minutes: the condors -400 dollars (corr. -1.00), "
        "the hedge -150 dollars (corr. -1.00)"
    )


def test_what_is_not_known_is_left_out_and_not_zero() -> None:
    """No index, too few minutes, an index that stood still, no hedge: None, and no sentence of it."""
    path = spot()
    percent = 100.0 * np.diff(path) / path[:-1]
    assert betas({"ic-1": percent}, None) is None
    assert betas({"ic-1": percent[: LEAST_INTERVALS - 1]}, path[:LEAST_INTERVALS]) is None
    assert betas({"ic-1": percent}, np.full(200, 5000.0)) is None
    found = betas({"ic-1": -2.0 * percent}, path)
    assert found is not None
    assert (found["hedge_usd_per_pct"], found["hedge_correlation"]) == (None, None)
    assert "hedge" not in beta_words(found)
    assert beta_words(None) == ""


def test_minutes_without_the_index_are_left_out() -> None:
    """A hole in the index takes its minutes away and changes no slope."""
    path = spot()
    moves = {"ic-1": -400.0 * 100.0 * np.diff(path) / path[:-1]}
    path[50:60] = math.nan
    found = betas(moves, path)
    assert found is not None
    assert found["intervals"] == 188
    assert found["condors_usd_per_pct"] == pytest.approx(-400.0)
