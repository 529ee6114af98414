"""Indicator folds against their definitions computed at once with numpy, and their silence before they are warm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.indicators import (
    Ema,
    Macd,
    Rsi,
    Window,
    bandwidth,
    correlation,
    percentile_rank,
    realised_vol_of,
    slope,
    z_score,
)


class Fold(Protocol):
    def update(self, value: float) -> Fold: ...


levels = st.lists(st.integers(500, 9500).map(lambda cents: cents / 100.0), min_size=1, max_size=70)


def folded(start: Fold, values: Sequence[float]) -> Fold:
    for value in values:
        start = start.update(value)
    return start


def ema_at_once(values: np.ndarray, span: int) -> np.ndarray:
    """The recurrence unrolled: weights (1-a)^k on later values, the rest on the mean of the first `span`."""
    weight = 2.0 / (span + 1.0)
    out = np.full(len(values), np.nan)
    for end in range(span - 1, len(values)):
        later = values[span : end + 1][::-1]
        decay = (1.0 - weight) ** np.arange(len(later))
        out[end] = weight * (decay @ later) + (1.0 - weight) ** len(later) * values[:span].mean()
    return out


def rsi_at_once(values: np.ndarray, length: int) -> float | None:
    changes = np.diff(values)
    if len(changes) < length:
        return None
    means = []
    for moves in (np.clip(changes, 0.0, None), np.clip(-changes, 0.0, None)):
        later = moves[length:][::-1]
        decay = (1.0 - 1.0 / length) ** np.arange(len(later))
        means.append((decay @ later) / length + (1.0 - 1.0 / length) ** len(later) * moves[:length].mean())
    rise, fall = means
    return 50.0 if rise + fall == 0.0 else 100.0 - 100.0 / (1.0 + rise / fall) if fall > 0.0 else 100.0


def or_none(value: float) -> float | None:
    return None if math.isnan(value) else pytest.approx(value, rel=1e-9, abs=1e-9)


@given(levels, st.integers(1, 30))
def test_ema_step_by_step_is_the_ema_at_once(values: list[float], span: int) -> None:
    """The fold equals the unrolled sum at every length, and is None before `span` values."""
    assert folded(Ema(span), values).value == or_none(ema_at_once(np.array(values), span)[-1])


@given(levels, st.integers(2, 20))
def test_rsi_step_by_step_is_the_rsi_at_once(values: list[float], length: int) -> None:
    """Wilder's fold equals the unrolled means at every length, and is None before `length` changes."""
    found, expected = folded(Rsi(length), values).value, rsi_at_once(np.array(values), length)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))
    assert found is None or 0.0 <= found <= 100.0


@given(levels, st.sampled_from([(12, 26, 9), (10, 30, 9), (2, 5, 3)]))
def test_macd_step_by_step_is_the_macd_at_once(values: list[float], spans: tuple[int, int, int]) -> None:
    """Line, signal and the last histogram bars equal those of the whole series, and begin when defined."""
    fast, slow, signal = spans
    series = np.array(values)
    line = ema_at_once(series, fast) - ema_at_once(series, slow)
    warm = line[slow - 1 :]
    smooth = ema_at_once(warm, signal) if len(warm) else warm
    found = folded(Macd.of(*spans), values)
    assert isinstance(found, Macd)
    assert found.line == or_none(line[-1])
    assert (found.value is None) == (len(values) < slow + signal - 1)
    bars = (warm - smooth)[signal - 1 :]
    assert found.bars == pytest.approx(tuple(bars[-4:]), rel=1e-9, abs=1e-9)
    if found.value is not None:
        assert found.value.histogram == pytest.approx(found.bars[-1], abs=1e-12)
        assert found.value.line == pytest.approx(line[-1], abs=1e-9)


STATISTICS: list[tuple[Callable[[Sequence[float]], float | None], Callable[[np.ndarray], float]]] = [
    (z_score, lambda x: (x[-1] - x.mean()) / x.std(ddof=1)),
    (percentile_rank, lambda x: ((x[:-1] < x[-1]).sum() + 0.5 * (x[:-1] == x[-1]).sum()) / (len(x) - 1)),
    (bandwidth, lambda x: 4.0 * x.std() / x.mean()),
    (slope, lambda x: np.polynomial.Polynomial.fit(np.arange(len(x)), x, 1).convert().coef[1]),
    (realised_vol_of, lambda x: 100.0 * math.sqrt(252.0 * np.mean(np.diff(np.log(x)) ** 2))),
]


@pytest.mark.parametrize(("ours", "numpys"), STATISTICS, ids=lambda f: f.__name__ if f.__name__ != "<lambda>" else "")
@given(values=st.lists(st.integers(100, 9000), min_size=3, max_size=60, unique=True))
def test_window_statistics_are_numpys(ours, numpys, values: list[int]) -> None:
    """z score, rank, bandwidth, slope and realised volatility agree with their definitions."""
    series = [value / 100.0 for value in values]
    assert ours(series) == pytest.approx(float(numpys(np.array(series))), rel=1e-8, abs=1e-8)


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=3, max_size=60))
def test_correlation_is_numpys_or_none(pairs: list[tuple[int, int]]) -> None:
    """Pearson's coefficient; None where a series stands still."""
    xs, ys = [a / 1e4 for a, _ in pairs], [b / 1e4 for _, b in pairs]
    if len(set(xs)) == 1 or len(set(ys)) == 1:
        assert correlation(xs, ys) is None
    else:
        assert correlation(xs, ys) == pytest.approx(np.corrcoef(xs, ys)[0, 1], abs=1e-8)


def test_what_does_not_move_has_no_score() -> None:
    """Equal values give no z score, their rank is the middle, and RSI without changes is 50."""
    assert z_score([0.1] * 60) is None
    assert percentile_rank([3.0] * 20) == 0.5
    assert percentile_rank([3.0]) is None
    assert folded(Rsi(14), [20.0] * 15).value == 50.0
    with pytest.raises(ValueError, match="belong together"):
        correlation([1.0, 2.0], [1.0])


def test_wilders_own_example() -> None:
    """The worked table of the standard textbooks: 70.46 on the first answer, 66.25 and 66.48 after."""
    closes = [
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61, 46.28, 46.28, 46.00,
        46.03,
    ]  # fmt: skip
    assert folded(Rsi(14), closes[:14]).value is None
    answers = [folded(Rsi(14), closes[:n]).value for n in (15, 16, 17)]
    assert answers == pytest.approx([70.46, 66.25, 66.48], abs=0.01)


@given(levels, st.floats(5.0, 95.0))
def test_looking_at_the_running_day_keeps_nothing(values: list[float], live: float) -> None:
    """A provisional value answers as if the day had closed there, and the state afterwards is the one before."""
    state = folded(Rsi(14), values)
    before = msgspec.json.encode(state)
    assert state.update(live) == folded(Rsi(14), [*values, live])
    assert msgspec.json.encode(state) == before


@given(levels, st.integers(1, 20))
def test_a_window_is_the_tail_of_its_series(values: list[float], size: int) -> None:
    """Never more than `size` values, always the last ones; `last` is None while there are too few."""
    window = folded(Window(size), values)
    assert isinstance(window, Window)
    assert list(window.values) == values[-size:]
    assert window.last(size) == (tuple(values[-size:]) if len(values) >= size else None)


def test_expanding_needs_three_rises_above_zero() -> None:
    """Four bars, each higher than the one before and the last above zero; falling, flat or negative bars are no."""
    start = Macd.of(2, 5, 3)
    for bars, verdict in [
        ((0.1, 0.2, 0.3, 0.4), True), ((-0.2, -0.1, 0.0, 0.1), True), ((-0.4, -0.3, -0.2, -0.1), False),
        ((0.1, 0.2, 0.2, 0.3), False), ((0.4, 0.3, 0.2, 0.1), False), ((0.1, 0.2, 0.3), None),
    ]:  # fmt: skip
        assert msgspec.structs.replace(start, bars=bars).expanding is verdict


def test_a_cross_is_said_once() -> None:
    """The bar that takes the line above its signal is a cross; the next one above is none."""
    values = [20.0 - 0.1 * i for i in range(20)] + [18.0 + 1.5 * i for i in range(6)]
    states = [folded(Macd.of(2, 5, 3), values[:n]) for n in range(1, len(values) + 1)]
    crosses = [n for n, state in enumerate(states) if isinstance(state, Macd) and state.crossed_up]
    assert len(crosses) == 1
    assert crosses[0] >= 20


@pytest.mark.parametrize("fold", [Ema(3), Rsi(3), Window(3), Macd.of(2, 3, 2)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(fold: Fold, bad: float) -> None:
    """NaN and infinities raise and leave no state behind."""
    with pytest.raises(ValueError, match="no value of a series"):
        fold.update(bad)


@pytest.mark.parametrize("spans", [(26, 12, 9), (12, 12, 9), (0, 26, 9), (12, 26, 0)])
def test_contradicting_spans_are_refused(spans: tuple[int, int, int]) -> None:
    """A MACD whose fast mean is not the faster is no MACD."""
    with pytest.raises(ValueError, match="fast < slow"):
        Macd.of(*spans)


@given(levels)
def test_states_survive_the_journal(values: list[float]) -> None:
    """Encoded and decoded, every fold is equal to itself."""
    for fold in (Rsi(14), Macd.of(12, 26, 9), Window(20)):
        state = folded(fold, values)
        assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state
