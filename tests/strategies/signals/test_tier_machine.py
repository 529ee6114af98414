"""The stress tier: every way up and down at its boundary, and no flicker, gap or look back on any path."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.signals.readings import Verdict
from strategies.signals.tier_machine import (
    TIER_IMPOSSIBLE,
    TIER_TABLE,
    TierInputs,
    TierPhase,
    TierState,
    TierTrigger,
    advance_tier,
    effective_tier,
    first_state,
)
from strategies.signals.tiers import Tier, TierLevels, TierParams, Zones, tier_levels

P = TierParams()
L = tier_levels((), P)
OPEN = datetime(2026, 5, 4, 13, 35, tzinfo=UTC)
CALM, ARMED, WATCH, STRESS, CRISIS = TierPhase
YES, NO, UNKNOWN = Verdict.TRUE, Verdict.FALSE, Verdict.UNKNOWN


class Clock:
    """Feeds the machine five-minute looks."""

    def __init__(self, params: TierParams = P, levels: TierLevels = L, state: TierState | None = None) -> None:
        self.params, self.levels = params, levels
        self.state, self.at = state or TierState(), OPEN

    def look(self, level: float | None, times: int = 1, **changes) -> TierPhase:
        fields = {"vix_points": level, "front_points": level, "early": NO, "strong_bid": NO, **changes}
        for _ in range(times):
            self.state = advance_tier(
                self.state, TierInputs(at=self.at, day=self.at.date(), **fields), self.levels, self.params
            )
            self.at += timedelta(minutes=5)
        return self.state.phase

    def close(self, level: float | None, **changes) -> TierPhase:
        """The session's last look; the next one is tomorrow's first."""
        phase = self.look(level, at_close=True, **changes)
        self.at = datetime.combine(self.at.date() + timedelta(days=1), OPEN.timetz())
        return phase


def standing(phase: TierPhase) -> Clock:
    """A machine that has stood in a phase since the last close."""
    return Clock(state=TierState(phase))


# up -----------------------------------------------------------------------------------------------
def test_tier_one_needs_half_an_hour_and_two_families():
    """T-TIER-1: seven looks (30 minutes) at 17 with evidence 2; six do not do it, nor evidence 1."""
    clock = Clock()
    assert clock.look(17.0, 6, evidence=2) is CALM
    assert clock.look(17.0, evidence=2) is WATCH
    assert Clock().look(16.99, 20, evidence=5) is CALM
    assert Clock().look(21.99, 20, evidence=1) is ARMED
    assert Clock().look(22.0, 20, evidence=1) is WATCH
    assert Clock().look(23.99, 20, evidence=0) is ARMED


def test_the_higher_of_vix_and_front_future_is_the_level():
    """F1 alone reaches a zone, also while VIX is not known."""
    assert Clock().look(16.0, 7, front_points=17.0, evidence=2) is WATCH
    assert Clock().look(None, 7, front_points=17.0, evidence=2) is WATCH
    assert Clock().look(17.0, 7, front_points=None, evidence=2) is WATCH


def test_minutes_start_again_below_the_level_and_after_a_gap():
    """One look below, or a quarter of an hour without a look, and the half hour begins anew; unknown looks wait."""
    clock = Clock()
    clock.look(17.5, 6, evidence=2)
    clock.look(16.9, evidence=2)
    assert clock.look(17.5, 6, evidence=2) is CALM
    assert clock.look(17.5, evidence=2) is WATCH
    gap = Clock()
    gap.look(17.5, 6, evidence=2)
    gap.at += timedelta(minutes=15)
    assert gap.look(17.5, 6, evidence=2) is CALM
    unsaid = Clock()
    unsaid.look(17.5, 5, evidence=2)
    unsaid.look(None, 1, evidence=2)
    assert unsaid.look(17.5, 1, evidence=2) is WATCH


def test_early_signal_engages_from_fifteen_at_once():
    """T-TIER-2: at 15 with the signal tier 1 now; below 15, without it, on a doubtful jump or not known: no."""
    assert Clock().look(15.0, early=YES) is WATCH
    assert Clock().look(14.99, 20, early=YES) is CALM
    assert Clock().look(16.0, 20, early=UNKNOWN) is CALM
    for word in (NO, UNKNOWN):
        assert Clock().look(16.0, 20, early=YES, settled=word) is CALM


def test_a_strong_bid_lets_tier_one_wait_armed():
    """T-TIER-3: with evidence and a bid it only arms; when the bid is gone, or not known, it engages."""
    clock = Clock()
    assert clock.look(18.0, 20, evidence=4, strong_bid=YES) is ARMED
    assert "strong bid" in clock.state.reason
    assert clock.look(18.0, evidence=4, strong_bid=UNKNOWN) is WATCH
    assert Clock().look(24.0, 7, evidence=4, strong_bid=YES) is STRESS


def test_tier_two_needs_half_an_hour_and_no_evidence():
    """The level of 24 is stress whatever the diagnostics say."""
    clock = Clock()
    assert clock.look(24.0, 6) is CALM
    assert clock.look(24.0) is STRESS


def test_crisis_is_immediate():
    """T-TIER-4: 30, or 8 points since the last close, for five minutes; not one look, and no diagnostics asked."""
    clock = Clock()
    assert clock.look(30.0, settled=NO) is CALM
    assert clock.look(30.0, settled=NO) is CRISIS
    assert Clock().look(22.0, 2, vix_change_points=8.0) is CRISIS
    assert Clock().look(22.0, 2, vix_change_points=7.99) is CALM
    spike = Clock()
    spike.look(31.0)
    spike.look(29.0)
    assert spike.look(31.0) is CALM


def test_a_transitory_jump_engages_nothing_below_crisis():
    """D-NOISE-1: while the last jump is called transitory, neither tier 1 nor tier 2 is entered."""
    for level in (18.0, 25.0):
        clock = Clock()
        assert clock.look(level, 20, evidence=5, settled=NO) is CALM
        assert clock.look(level, evidence=5, settled=UNKNOWN) is not CALM


def test_minutes_since_a_transitory_jump_do_not_count():
    """A level reached by the jump starts again; one that was reached before it does not."""
    by_jump, before = Clock(), Clock()
    for clock, quiet_looks in ((by_jump, 0), (before, 3)):
        clock.look(17.5, quiet_looks, evidence=2)
        jumped_at = clock.at
        clock.look(18.5, 2, evidence=2, settled=UNKNOWN, jumped_at=jumped_at)
        clock.look(17.5, evidence=2, settled=NO, jumped_at=jumped_at)
    assert before.look(17.5, evidence=2) is WATCH
    assert by_jump.look(17.5, 5, evidence=2) is CALM
    assert by_jump.look(17.5, evidence=2) is WATCH


def test_benign_macro_delays_tier_one_for_two_sessions():
    """M-MAC-4: two sessions armed below 24, on the third it engages; never at 24, never tier 2."""
    clock = Clock()
    for _ in range(2):
        assert clock.look(19.0, 10, evidence=3, benign=True) is ARMED
        clock.close(19.0, evidence=3, benign=True)
    assert clock.look(19.0, 10, evidence=3, benign=True) is WATCH
    assert Clock().look(19.0, 10, evidence=3) is WATCH
    assert Clock().look(24.0, 10, evidence=3, benign=True) is STRESS
    assert Clock(msgspec.structs.replace(P, delay_below_points=18.0)).look(19.0, 7, evidence=3, benign=True) is WATCH


# down ---------------------------------------------------------------------------------------------
def test_a_tier_is_left_with_two_closes_a_point_below():
    """Intraday dips, one close, and closes exactly one point below leave it standing; the next step needs two more."""
    clock = standing(STRESS)
    clock.look(15.0, 50)
    assert clock.close(22.9) is STRESS
    assert clock.close(23.0) is STRESS
    assert clock.close(22.9) is STRESS
    assert clock.close(22.9) is WATCH
    assert clock.close(15.9) is WATCH
    assert clock.close(15.9) is CALM


@pytest.mark.parametrize(
    ("phase", "closes", "then"),
    [
        (CRISIS, (28.9, 28.9), STRESS),
        (CRISIS, (29.0, 28.0), CRISIS),
        (CRISIS, (22.9, 22.9), WATCH),
        (CRISIS, (15.9, 15.9), CALM),
        (CRISIS, (15.9, 23.5), STRESS),
        (CRISIS, (23.5, 15.9), STRESS),
        (STRESS, (15.9, 15.9), CALM),
        (WATCH, (15.9, 15.9), CALM),
        (WATCH, (16.0, 15.9), WATCH),
        (ARMED, (15.9, 15.9), CALM),
        (ARMED, (16.0, 16.0), ARMED),
    ],
)
def test_it_falls_to_what_both_closes_hold(phase, closes, then):
    """The higher of the two closes decides how far."""
    clock = standing(phase)
    for level in closes:
        clock.close(level)
    assert clock.state.phase is then


def test_one_close_a_session_counts():
    """Three looks in the closing minutes are one close."""
    clock = standing(WATCH)
    assert clock.look(15.0, 3, at_close=True) is WATCH
    assert clock.state.closes_below == 1


def test_unknown_never_steps_down():
    """A close of which VIX or F1 is not known counts as none."""
    for missing in ({"vix_points": None}, {"front_points": None}):
        clock = standing(WATCH)
        for _ in range(5):
            assert clock.close(12.0, **missing) is WATCH
        assert clock.state.closes_below == 0


def test_an_early_tier_one_is_held_by_its_signal():
    """Between 14 and 16 tier 1 is left only when the early signal is known to be over."""
    for word, then in ((YES, WATCH), (UNKNOWN, WATCH), (NO, CALM)):
        clock = standing(WATCH)
        clock.close(14.5, early=word)
        assert clock.close(14.5, early=word) is then
    low = standing(WATCH)
    low.close(13.9, early=YES)
    assert low.close(13.9, early=YES) is CALM


def test_a_jump_at_the_close_holds_the_crisis():
    """A close 8 points above the one before is no calm close, whatever its level."""
    clock = standing(CRISIS)
    clock.close(20.0, vix_change_points=9.0)
    assert clock.state.closes_below == 0


# properties ---------------------------------------------------------------------------------------
looks = st.tuples(
    st.one_of(st.none(), st.integers(200, 1000).map(lambda ticks: ticks * 0.05)),
    st.integers(0, 4), st.sampled_from(Verdict), st.sampled_from(Verdict), st.sampled_from(Verdict), st.booleans(),
    st.sampled_from((5, 5, 5, 20, 1000)), st.booleans(), st.sampled_from((None, 0.0, 9.0)),
)  # fmt: skip


def follow(path, lift: float = 0.0) -> list[TierState]:
    """The states along a path of looks, its levels lifted by some points."""
    state, at, states = TierState(), OPEN, []
    for level, evidence, early, bid, settled, benign, minutes, at_close, change in path:
        points = None if level is None else level + lift
        at += timedelta(minutes=minutes)
        seen = TierInputs(
            at=at, day=at.date(), vix_points=points, front_points=points, vix_change_points=change, evidence=evidence,
            early=early, strong_bid=bid, settled=settled, benign=benign, at_close=at_close,
        )  # fmt: skip
        state = advance_tier(state, seen, L, P)
        states.append(state)
    return states


@given(st.lists(looks, max_size=60))
def test_every_move_is_a_row_and_every_state_survives_the_journal(path):
    """On any path no look raises, each change is one row of the table, and the state encodes and decodes."""
    rows = {(row.state, row.then) for row in TIER_TABLE.rows}
    states = [TierState(), *follow(path)]
    for before, after in itertools.pairwise(states):
        assert before.phase is after.phase or (before.phase, after.phase) in rows
        assert msgspec.json.decode(msgspec.json.encode(after), type=TierState) == after
        assert len(after.delayed) <= P.delay_sessions


@given(st.lists(looks, min_size=1, max_size=60), st.floats(0.0, 10.0))
def test_a_higher_path_never_stands_lower(path, lift):
    """All else equal, more stress never gives a lower phase at any moment."""
    for low, high in zip(follow(path), follow(path, lift), strict=True):
        assert high.phase.height >= low.phase.height


@pytest.mark.parametrize(("low", "high"), [(16.0, 23.95), (23.0, 29.95)])
@given(data=st.data())
def test_no_flicker_inside_a_band(low, high, data):
    """A path between a tier's exit and the next tier's beginning changes the tier at most once."""
    levels = data.draw(st.lists(st.floats(low, high), max_size=80))
    clock, tiers = standing(CALM if low < 17 else WATCH), []
    for n, level in enumerate(levels):
        phase = clock.close(level, evidence=2) if n % 9 == 8 else clock.look(level, evidence=2)
        tiers.append(phase.tier)
    assert sum(a != b for a, b in itertools.pairwise([Tier.CALM if low < 17 else Tier.WATCH, *tiers])) <= 1


def test_the_table_is_total():
    """Each pair of state and trigger is a row or listed as impossible with a reason, and never both."""
    rows = {(row.state, row.trigger) for row in TIER_TABLE.rows}
    assert rows | set(TIER_IMPOSSIBLE) == set(itertools.product(TierPhase, TierTrigger))
    assert not rows & set(TIER_IMPOSSIBLE)


# levels and the rest ------------------------------------------------------------------------------
def test_percentile_zones_follow_the_year_within_bounds():
    """A year of VIX at 30 to 50 moves the tiers up by half at most, a year at 10 down by a fifth, few closes not."""
    params = TierParams(zones=Zones.PERCENTILE)
    high = tier_levels([30.0 + 20.0 * i / 251 for i in range(252)], params)
    low = tier_levels([10.0 + i / 251 for i in range(252)], params)
    middle = tier_levels([12.0 + 30.0 * i / 251 for i in range(252)], params)
    assert (high.watch, high.stress, high.crisis) == pytest.approx((25.5, 36.0, 45.0))
    assert (low.watch, low.stress, low.crisis) == pytest.approx((13.6, 19.2, 24.0))
    assert (middle.watch, middle.stress, middle.crisis) == pytest.approx((22.5, 33.0, 38.1))
    assert tier_levels([40.0] * 251, params) == L
    assert tier_levels([40.0] * 252, P) == L


@settings(max_examples=15)
@given(st.lists(st.floats(9.0, 80.0), min_size=252, max_size=252))
def test_percentile_tiers_keep_their_order_and_distance(closes):
    """Whatever the year was like, the levels rise and stay farther apart than the exits."""
    found = tier_levels(closes, TierParams(zones=Zones.PERCENTILE))
    ladder = [found.early, found.watch, found.high, found.stress, found.crisis]
    assert ladder == sorted(ladder)
    assert found.stress - found.watch > 2 * P.exit_below_points
    assert found.crisis - found.stress > 2 * P.exit_below_points


def test_compounding_lifts_by_one_tier_and_no_further():
    """T-REG-4: only a known TRUE lifts; crisis stays crisis."""
    assert [effective_tier(phase, YES) for phase in TierPhase] == [1, 1, 2, 3, 3]
    assert [effective_tier(phase, UNKNOWN) for phase in TierPhase] == [0, 0, 1, 2, 3]


@pytest.mark.parametrize(("vix", "phase"), [(12.0, CALM), (17.0, ARMED), (24.0, STRESS), (30.0, CRISIS)])
def test_a_new_machine_begins_where_the_last_close_was(vix, phase):
    """Without memory tier 2 and 3 stand by level; tier 1 is only armed, its evidence being unknown."""
    assert first_state(vix, None, L).phase is phase
    assert first_state(10.0, vix, L).phase is phase


def test_bad_looks_are_refused():
    """A look back in time and a level that is no number raise and change nothing."""
    state = advance_tier(TierState(), TierInputs(at=OPEN, day=OPEN.date(), vix_points=18.0), L, P)
    with pytest.raises(ValueError, match="cannot follow"):
        advance_tier(state, TierInputs(at=OPEN - timedelta(seconds=1), day=OPEN.date(), vix_points=18.0), L, P)
    for field in ("vix_points", "front_points", "vix_change_points"):
        values = {"vix_points": 18.0, field: math.nan}
        with pytest.raises(ValueError, match=f"{field} is nan"):
            advance_tier(state, TierInputs(at=OPEN, day=date(2026, 5, 4), **values), L, P)


@pytest.mark.parametrize(
    "changes",
    [
        {"early_from_points": 18.0}, {"high_from_points": 25.0}, {"exit_closes": 0}, {"exit_below_points": -1.0},
        {"persist_min": 0.0}, {"evidence_min": 0}, {"watch_percentile": 90.0}, {"zone_low_share": 1.2},
        {"delay_sessions": -1}, {"sample_gap_max_s": math.inf},
    ],
)  # fmt: skip
def test_contradicting_parameters_are_refused(changes):
    """Each contradiction is named."""
    with pytest.raises(ValueError, match="tiers: "):
        TierParams(**changes)
