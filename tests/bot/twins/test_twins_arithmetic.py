"""Trades and prices into profit lines: hand-made markets, and a bookkeeper apart that counts dollar by dollar."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.twins.arithmetic import (
    Tape,
    Trades,
    cut_pct,
    equal_fall_scale,
    gain_over_loss_pct,
    lowest,
    positions,
    profit,
    steps,
    worst_fall,
)


def trades(*rows: tuple[float, int, float, float, float, float]) -> Trades:
    """Rows of (moment, column, contracts, mid, half-spread, commission)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    arrays = [np.array(column, dtype=np.float64) for column in columns]
    return Trades(arrays[0], arrays[1].astype(np.intp), *arrays[2:])


def tape(mids: list[list[float]], halves: list[list[float]] | None = None, multiplier: float = 100.0) -> Tape:
    """Valuations at the moments 10, 20, 30 and so on."""
    mid = np.array(mids)
    half = np.full(mid.shape, 0.1) if halves is None else np.array(halves)
    return Tape(10.0 * np.arange(1, len(mid) + 1), mid, half, np.full(mid.shape[1], multiplier))


def test_a_condor_sold_and_bought_back_by_hand() -> None:
    """Sold at 8 with half a point of spread, bought back at 4: 400 at mid less 2 x 50 of full half-spreads and fees."""
    told = trades((5.0, 0, -1.0, 8.0, 0.5, 1.0), (25.0, 0, 1.0, 4.0, 0.5, 1.0))
    prices = tape([[9.0], [6.0], [4.0]])
    assert profit(told, prices, 0.0).tolist() == [-101.0, 199.0, 398.0]
    assert profit(told, prices, 1.0).tolist() == [-151.0, 149.0, 298.0]


def test_what_is_still_held_ends_as_if_given_up_at_the_same_cost() -> None:
    """A call held to the end pays the half-spread on the way out too, and only there."""
    told = trades((5.0, 0, 2.0, 3.0, 0.2, 0.0))
    prices = tape([[3.0], [3.0]], [[0.4], [0.4]])
    assert profit(told, prices, 0.0).tolist() == [0.0, 0.0]
    assert profit(told, prices, 0.5).tolist() == pytest.approx([-20.0, -60.0])


def test_an_unknown_price_makes_the_line_unknown_and_not_zero() -> None:
    """A held contract without a price is NaN; one that is not held needs none."""
    told = trades((5.0, 0, 1.0, 3.0, 0.0, 0.0), (15.0, 0, -1.0, 3.0, 0.0, 0.0))
    line = profit(told, tape([[math.nan], [math.nan]]), 0.0)
    assert math.isnan(line[0])
    assert line[1] == 0.0


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 59.0), st.integers(0, 2), st.integers(-5, 5), st.floats(0.0, 50.0), st.floats(0.0, 2.0),
            st.floats(0.0, 5.0),
        ),
        max_size=12,
    ),
    st.lists(st.lists(st.floats(0.0, 50.0), min_size=3, max_size=3), min_size=1, max_size=6),
    st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_bookkeeper_apart_agrees(rows: list[tuple[float, int, int, float, float, float]], mids: list[list[float]],
                                   share: float) -> None:  # fmt: skip
    """Cash and positions kept one trade at a time give the same dollars at every moment and level of cost."""
    told, prices = trades(*sorted(rows)), tape(mids)
    lines = profit(told, prices, share)
    for place, moment in enumerate(prices.at_s):
        cash, held = 0.0, [0.0, 0.0, 0.0]
        for at, column, quantity, mid, half, fee in sorted(rows):
            if at <= moment:
                price = mid + share * half if quantity > 0 else mid - share * half
                cash -= quantity * price * 100.0 + fee
                held[column] += quantity
        last = place == len(mids) - 1
        worth = sum(
            quantity * (mids[place][i] - (math.copysign(share * 0.1, quantity) if last else 0.0)) * 100.0
            for i, quantity in enumerate(held)
        )
        assert lines[place] == pytest.approx(cash + worth, abs=1e-6)
        assert positions(told, prices)[place].tolist() == held


def test_the_worst_fall_counts_from_the_beginning_and_from_every_peak() -> None:
    """A line that only falls has fallen from zero; unknown moments are passed over."""
    assert worst_fall(np.array([-5.0, -20.0, 10.0])) == 20.0
    assert worst_fall(np.array([30.0, math.nan, 4.0, 50.0, 30.0])) == 26.0
    assert worst_fall(np.array([1.0, 2.0])) == 0.0
    assert lowest(np.array([30.0, math.nan, -4.0, 50.0])) == -4.0
    assert lowest(np.array([1.0, 2.0])) == 0.0


def test_cut_and_rival_follow_from_the_two_falls() -> None:
    """A fall of 600 instead of 1,000 is 40 percent less, and a book of six tenths falls as deep."""
    assert cut_pct(600.0, 1000.0) == pytest.approx(40.0)
    assert cut_pct(1500.0, 1000.0) == pytest.approx(-50.0)
    assert equal_fall_scale(600.0, 1000.0) == 0.6
    assert cut_pct(10.0, 0.0) is None
    assert equal_fall_scale(10.0, 0.0) is None


def test_gain_over_loss_looks_at_the_chosen_days_only() -> None:
    """The hedge won 300 where the condors lost 1,000; what it bled elsewhere is another figure."""
    hedge, condors = np.array([-50.0, 300.0, -50.0]), np.array([20.0, -1000.0, 30.0])
    assert gain_over_loss_pct(hedge, condors, np.array([False, True, False])) == pytest.approx(30.0)
    assert gain_over_loss_pct(hedge, condors, np.array([True, False, False])) is None
    assert steps(np.array([1.0, 4.0, 2.0])).tolist() == [1.0, 3.0, -2.0]
