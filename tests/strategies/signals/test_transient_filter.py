"""The transient filter: what stays is real, what comes back is not, and what is not known is neither."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.indicators import Window
from strategies.signals.noise import SPREADS_KEPT, JumpState, NoiseParams, follow, noise_reading, quiet, usable
from strategies.signals.readings import Verdict

P = NoiseParams()
START = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)


def play(levels: list[float | None], spx: list[float | None] | None = None, every_s: float = 60.0) -> list[JumpState]:
    """The states along levels seen every minute; SPX moves against VIX unless told otherwise."""
    state, states = JumpState(), []
    for n, level in enumerate(levels):
        index = spx[min(n, len(spx) - 1)] if spx is not None else None if level is None else 6000.0 - 10.0 * level
        state = follow(state, START + timedelta(seconds=n * every_s), level, index, P)
        states.append(state)
    return states


def verdicts(states: list[JumpState]) -> list[Verdict]:
    return [state.verdict for state in states]


def test_a_level_that_only_drifts_always_counts():
    """A point over half an hour is no jump."""
    assert set(verdicts(play([17.0 + n / 31 for n in range(60)]))) == {Verdict.TRUE}


def test_a_jump_that_stays_is_real_after_ten_minutes():
    """Watched for ten minutes from the look that saw it, then it counts."""
    states = play([17.0] * 5 + [19.0] * 12)
    assert verdicts(states) == [Verdict.TRUE] * 5 + [Verdict.UNKNOWN] * 10 + [Verdict.TRUE] * 2
    assert states[15].reason == "kept 100 % of +2.00 points, SPX against it"
    assert states[5].began_at == states[15].began_at == START + timedelta(minutes=5)


def test_a_spike_that_comes_back_is_transitory_once():
    """Two minutes at 21 and back: transitory at the tenth minute, and after that the level counts again."""
    found = verdicts(play([17.0] * 5 + [21.0] * 2 + [17.2] * 12))
    assert found == [Verdict.TRUE] * 5 + [Verdict.UNKNOWN] * 10 + [Verdict.FALSE] + [Verdict.TRUE] * 3


@pytest.mark.parametrize(("kept", "verdict"), [(1.40, Verdict.TRUE), (1.38, Verdict.FALSE)])
def test_seven_tenths_must_stay(kept, verdict):
    """Of a jump of 2 points the median must keep 1.40."""
    assert play([17.0] * 5 + [19.0] + [17.0 + kept] * 10)[-1].verdict is verdict


@pytest.mark.parametrize(
    ("spx", "verdict"),
    [
        ([6000.0] * 5 + [5950.0], Verdict.TRUE),
        ([6000.0] * 5 + [6020.0], Verdict.FALSE),
        ([6000.0], Verdict.FALSE),
        ([None], Verdict.UNKNOWN),
        ([None] * 5 + [5950.0], Verdict.UNKNOWN),
    ],
)
def test_spx_must_move_the_other_way(spx, verdict):
    """VIX up with SPX up, or unmoved, is no fear; without SPX nothing is known."""
    assert play([17.0] * 5 + [19.0] * 11, spx)[-1].verdict is verdict


def test_a_fall_is_judged_like_a_rise():
    """Down two points with SPX up is real, and down and back is not."""
    assert play([21.0] * 5 + [19.0] * 11)[-1].verdict is Verdict.TRUE
    assert play([21.0] * 5 + [19.0] * 2 + [21.0] * 9)[-1].verdict is Verdict.FALSE


def test_an_overnight_gap_is_a_jump():
    """The first look of the morning is measured against the last of the evening."""
    evening = play([17.0] * 5)[-1]
    morning = START + timedelta(hours=18)
    state = follow(evening, morning, 20.0, 5800.0, P)
    assert state.verdict is Verdict.UNKNOWN
    for minute in range(1, 11):
        state = follow(state, morning + timedelta(minutes=minute), 20.1, 5790.0, P)
    assert state.verdict is Verdict.TRUE


def test_looks_too_close_together_and_unknown_ones_change_nothing():
    """Only one look per thirty seconds is kept; None is no level."""
    state = play([17.0] * 5)[-1]
    last = START + timedelta(minutes=4)
    assert follow(state, last + timedelta(seconds=29), 25.0, 5000.0, P) is state
    assert follow(state, last + timedelta(minutes=1), None, 5000.0, P) is state


@given(st.lists(st.one_of(st.none(), st.integers(200, 1600).map(lambda t: t * 0.05)), max_size=80))
def test_any_path_is_followed_within_bounds(levels):
    """No path raises, what is kept stays small, and every state survives the journal."""
    for state in play(levels, every_s=30.0):
        assert len(state.recent) <= P.window_s / P.sample_every_s + 2
        assert state.jump is None or len(state.jump.since) <= P.window_s / P.sample_every_s + 1
        assert (state.jump is not None) <= (state.verdict is Verdict.UNKNOWN)
        assert msgspec.json.decode(msgspec.json.encode(state), type=JumpState) == state


def test_bad_looks_are_refused():
    """A look back in time and a level that is no number raise."""
    state = play([17.0])[-1]
    with pytest.raises(ValueError, match="cannot follow"):
        follow(state, START - timedelta(seconds=1), 17.0, None, P)
    with pytest.raises(ValueError, match="is none"):
        follow(state, START + timedelta(minutes=1), math.nan, None, P)


@pytest.mark.parametrize(
    ("minutes", "settles", "silent"),
    [(0, False, True), (4.9, False, True), (5, False, False), (14.9, True, True), (15, True, False)],
)
def test_the_opening_minutes_are_quiet(minutes, settles, silent):
    """Until 09:35, on a VIX settlement morning until 09:45."""
    open_at = datetime(2026, 5, 19, 13, 30, tzinfo=UTC)
    assert bool(quiet(open_at + timedelta(minutes=minutes), open_at, settles, P)) is silent


def test_a_quote_much_wider_than_usual_does_not_speak():
    """Three times the median of twenty spreads is the limit; fewer than twenty know no usual."""
    few, many = Window(SPREADS_KEPT, (0.05,) * 19), Window(SPREADS_KEPT, (0.05,) * 20)
    assert usable(many, 0.15, P)
    assert not usable(many, 0.2, P)
    assert usable(few, 0.5, P)
    assert not usable(few, -0.05, P)
    assert usable(many, None, P)


def test_the_reading_tells_what_is_being_watched():
    """Rule, level, size of the jump, thresholds, moment; nothing seen is unknown."""
    states = play([17.0] * 5 + [19.0])
    reading = noise_reading("VIX", states[-1], P)
    assert (reading.rule, reading.verdict) == ("D-NOISE-1", Verdict.UNKNOWN)
    assert reading.values == {"level_points": 19.0, "jump_points": 2.0}
    assert reading.age_s(START + timedelta(minutes=6)) == 60.0
    assert noise_reading("VIX", JumpState(), P).reason == "nothing seen yet"


@pytest.mark.parametrize(
    "changes", [{"jump_points": 0.0}, {"keep_share": 1.1}, {"sample_every_s": 200.0}, {"wide_multiple": 0.5}]
)
def test_contradicting_parameters_are_refused(changes):
    """Each is named."""
    with pytest.raises(ValueError, match="noise: "):
        NoiseParams(**changes)
