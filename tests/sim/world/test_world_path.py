"""Intraday paths: what a day really did is reached exactly, whatever the noise."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.world.path import Ohlc, against, bar_shape, invented_range, pinned, random_shape

prices = st.floats(min_value=50.0, max_value=9000.0)


@st.composite
def days(draw: st.DrawFn) -> Ohlc:
    four = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    opening, close = draw(st.permutations(four[1:3]))
    return Ohlc(opening, four[3], four[0], close)


@given(day=days(), seed=st.integers(0, 2**31), points=st.integers(60, 1600))
def test_open_high_low_and_close_are_each_reached_and_never_passed(day: Ohlc, seed: int, points: int) -> None:
    """A pinned path starts at the open, ends at the close, touches high and low, and stays between them."""
    path = pinned(day, random_shape(points, np.random.default_rng(seed)))
    assert (path[0], path[-1], path.max(), path.min()) == (day.open, day.close, day.high, day.low)


@given(day=days(), seed=st.integers(0, 2**31))
def test_a_path_against_another_is_pinned_too(day: Ohlc, seed: int) -> None:
    """Following a driver does not loosen the pins."""
    rng = np.random.default_rng(seed)
    path = against(day, random_shape(400, rng), rng)
    assert (path[0], path[-1], path.max(), path.min()) == (day.open, day.close, day.high, day.low)


def test_vix_moves_against_spx_inside_the_day() -> None:
    """On falling days the VIX path and its driver are clearly negatively correlated at five minutes."""
    corr = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        spx = pinned(Ohlc(5500.0, 5520.0, 5440.0, 5460.0), random_shape(1561, rng))
        vix = against(Ohlc(15.0, 17.0, 14.8, 16.5), spx, rng)
        corr.append(np.corrcoef(np.diff(spx[::20]), np.diff(vix[::20]))[0, 1])
    assert np.mean(corr) < -0.5


def test_a_flat_day_stays_flat() -> None:
    """Where open, high, low and close are one price the path is that price."""
    assert (pinned(Ohlc(12.0, 12.0, 12.0, 12.0), random_shape(100, np.random.default_rng(1))) == 12.0).all()


def test_the_shape_of_real_bars_survives_pinning() -> None:
    """A day that fell in the morning and recovered keeps its low in the morning."""
    closes = np.concatenate((np.linspace(100.0, 97.0, 20), np.linspace(97.0, 101.0, 58)))
    bars = [(o, max(o, c) + 0.02, min(o, c) - 0.02, c) for o, c in itertools.pairwise(closes)]
    bars.append((101.0, 101.02, 100.98, 101.0))
    shape = bar_shape(bars, 1561, np.random.default_rng(3))
    path = pinned(Ohlc(5000.0, 5060.0, 4850.0, 5050.0), shape)
    assert np.argmin(path) == pytest.approx(20 * 20, abs=40)


@given(open_=prices, close=prices, seed=st.integers(0, 2**31))
def test_an_invented_range_contains_open_and_close(open_: float, close: float, seed: int) -> None:
    """High and low made up for a day contain what the day is told to do."""
    day = invented_range(open_, close, 0.01 * open_, np.random.default_rng(seed))
    assert day.low < min(open_, close)
    assert max(open_, close) < day.high
