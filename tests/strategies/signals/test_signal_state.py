"""The whole state: history and life end in the same place, holes are not bridged, looks keep nothing for good."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.domain.market import DailyBar
from strategies.signals.closes import (
    HISTORY_SYMBOLS,
    BadHistory,
    SessionCloses,
    sessions_from_bars,
)
from strategies.signals.curve import Regime, RegimeState
from strategies.signals.daily import Daily, Series, add_session, blank
from strategies.signals.diagnostic_params import DiagnosticParams
from strategies.signals.readings import Family, Reading, Verdict
from strategies.signals.signals import Macro, Sample, SignalParams, Signals, end_session, observe, warm_up
from strategies.signals.term_structure import Slot, Strip, strip_of_closes
from strategies.signals.tier_machine import TierPhase, TierState
from strategies.signals.tiers import Tier

P = SignalParams()
LIVE = ("SPX", "VIX", "VIX3M", "VVIX")


def sample(session: SessionCloses, minute: int = 30, symbols: tuple[str, ...] = LIVE, **changes) -> Sample:
    """A look at a session in progress, its levels those it will close at unless changed."""
    open_at = datetime(session.day.year, session.day.month, session.day.day, 14, 30, tzinfo=UTC)
    levels = msgspec.structs.replace(
        session, closes={s: session.closes[s] for s in symbols if s in session.closes}, futures={}, breadth=None,
        skew_vol_points=None,
    )  # fmt: skip
    fields = {"strip": strip_of_closes(session.futures, session.day, 5), "levels": levels, **changes}
    return Sample(at=open_at + timedelta(minutes=minute), open_at=open_at, **fields)


def found(signals: Signals) -> dict[tuple[str, str], Reading]:
    assert signals.outlook is not None
    return {(r.rule, r.subject): r for r in signals.outlook.readings}


# the same end -------------------------------------------------------------------------------------
def test_warming_up_is_having_lived(history):
    """After living through 40 sessions with looks in each, the daily part is that of a warm-up through all of them."""
    sessions = history(120)
    lived = warm_up(sessions[:80], P)
    for before, session in pairwise(sessions[79:]):
        for minute in (6, 30, 200, 385):
            lived = observe(lived, sample(session, minute, last_session=before.day, at_close=minute > 380), P)
        lived = end_session(lived, session, P)
    assert lived.daily == warm_up(sessions, P).daily
    assert (lived.outlook, lived.diagnosed_at, lived.daily_readings) == (None, None, ())


@settings(max_examples=6)
@given(cut=st.integers(1, 99), seed=st.integers(0, 3))
def test_a_state_kept_in_the_journal_goes_on_as_if_never_kept(history, cut, seed):
    """Encoded and decoded at any session, the rest of the history ends in the same state."""
    sessions = history(100, seed)
    state = warm_up(sessions[:cut], P)
    restored = msgspec.json.decode(msgspec.json.encode(state), type=Signals)
    assert restored == state
    for session in sessions[cut:]:
        restored = end_session(restored, session, P)
    assert restored.daily == warm_up(sessions, P).daily


def test_a_longer_past_changes_little_and_costs_nothing(history):
    """Begun 300 sessions earlier, windows are equal, exponential means within a millionth, and the state no larger."""
    sessions = history(600)
    long, short = warm_up(sessions, P).daily, warm_up(sessions[300:], P).daily
    assert long.line("VIX").window == short.line("VIX").window
    assert long.pairs["qqq_rsp"] == short.pairs["qqq_rsp"]
    for name in ("VIX", "SPX"):
        a, b = long.line(name).rsi, short.line(name).rsi
        assert a is not None
        assert b is not None
        assert a.value == pytest.approx(b.value, rel=1e-6)
    size, later = (len(msgspec.json.encode(warm_up(part, P))) for part in (sessions[:400], sessions))
    assert later < 1.02 * size < 60_000


def test_a_look_at_the_close_reads_as_the_close(history):
    """With every symbol live at its closing level, the readings are those of the finished session, marked live."""
    sessions = history(160)
    live = observe(warm_up(sessions[:-1], P), sample(sessions[-1], symbols=HISTORY_SYMBOLS), P)
    after = observe(warm_up(sessions, P), sample(sessions[-1], symbols=()), P)
    for key, reading in found(live).items():
        if key[0] in ("D-NOISE-1", "T-REG-1") or key[1] in ("30-day skew", "advance-decline line", "strong bid"):
            continue
        assert reading.values == pytest.approx(found(after)[key].values), key
        assert reading.verdict is found(after)[key].verdict
        assert reading.live_at is not None
        assert found(after)[key].live_at is None


# holes and silence --------------------------------------------------------------------------------
def test_a_hole_is_not_bridged(history):
    """After more than a week without sessions everything starts anew, as if the past had never been."""
    sessions = history(100)
    rest = [msgspec.structs.replace(s, day=s.day + timedelta(days=9)) for s in sessions[60:]]
    assert warm_up([*sessions[:60], *rest], P).daily == warm_up(rest, P).daily
    bridged = [msgspec.structs.replace(s, day=s.day + timedelta(days=3)) for s in sessions[60:]]
    assert warm_up([*sessions[:60], *bridged], P).daily != warm_up(bridged, P).daily


def test_a_hole_in_one_series_starts_that_series_anew(history):
    """Two weeks without VVIX cost VVIX its warm-up and nothing else."""
    sessions = history(100)
    holed = [
        msgspec.structs.replace(s, closes={k: v for k, v in s.closes.items() if k != "VVIX" or not 60 <= n < 70})
        for n, s in enumerate(sessions)
    ]
    whole, part = warm_up(sessions, P).daily, warm_up(holed, P).daily
    assert part.line("VVIX") == warm_up(sessions[70:], P).daily.line("VVIX")
    assert {k for k in whole.lines if whole.lines[k] != part.lines[k]} == {"VVIX"}


def test_the_advance_decline_line_does_not_sum_across_a_hole(history):
    """Two weeks without counts, and the line begins again at nothing."""
    sessions = history(100)
    holed = [msgspec.structs.replace(s, breadth=None) if 60 <= n < 70 else s for n, s in enumerate(sessions)]
    line = warm_up(holed, P).daily.line(Series.ADVANCE_DECLINE)
    assert line == warm_up(sessions[70:], P).daily.line(Series.ADVANCE_DECLINE)


def test_running_values_that_are_old_are_not_used(history):
    """Levels of more than fifteen minutes ago leave the readings at the last close."""
    sessions = history(80)
    state = warm_up(sessions[:-1], P)
    look = sample(sessions[-1])
    old = observe(state, msgspec.structs.replace(look, levels_at=look.at - timedelta(seconds=901)), P)
    young = observe(state, msgspec.structs.replace(look, levels_at=look.at - timedelta(seconds=899)), P)
    assert found(old)["D-RSI-1", "VIX"].as_of == sessions[-2].day
    reading = found(young)["D-RSI-1", "VIX"]
    assert (reading.as_of, reading.age_s(look.at)) == (sessions[-1].day, 899.0)


def test_without_the_last_close_nothing_daily_is_known(history):
    """A session's bars missing: all daily readings UNKNOWN, no evidence, no change since the last close."""
    sessions = history(80)
    state = observe(warm_up(sessions[:-2], P), sample(sessions[-1], last_session=sessions[-2].day), P)
    daily = {key: r for key, r in found(state).items() if key[0] not in ("T-REG-1", "D-NOISE-1")}
    assert {r.verdict for r in daily.values()} == {Verdict.UNKNOWN}
    assert state.measures.vix_change_points is None
    assert state.measures.vix_close_before_points is None
    assert state.outlook is not None
    assert set(state.outlook.evidence.families) <= {Family.CURVE}


def test_funds_without_a_running_value_leave_breadth_at_its_close(history):
    """SPX is live and the sector funds are not: the divergence compares both at the last close."""
    sessions = history(80, 1, False)
    state = observe(warm_up(sessions[:-1], P), sample(sessions[-1]), P)
    assert found(state)["D-AD-1", "sector funds"].as_of == sessions[-2].day
    assert found(state)["D-RSI-1", "SPX"].as_of == sessions[-1].day


# looks --------------------------------------------------------------------------------------------
def test_quiet_minutes_move_neither_regime_nor_tier(history):
    """Until 09:35, and on a settlement morning until 09:45, a crisis level starts no clock; afterwards it does."""
    sessions = history(80)
    state = warm_up(sessions[:-1], P)
    storm = msgspec.structs.replace(sessions[-1], closes={**sessions[-1].closes, "VIX": 45.0})
    for minute, settles in ((0, False), (4, False), (14, True)):
        same = observe(state, sample(storm, minute, vix_settles_today=settles), P)
        assert (same.tier, same.regime, same.vix_jump) == (state.tier, state.regime, state.vix_jump)
        assert same.outlook is not None
    later = observe(observe(state, sample(storm, 5), P), sample(storm, 10), P)
    assert later.tier.phase is TierPhase.CRISIS


def test_daily_readings_are_kept_between_samples(history):
    """Within five minutes the diagnostics are not made again; regime, tier and jumps are looked at every time."""
    sessions = history(80)
    first = observe(warm_up(sessions[:-1], P), sample(sessions[-1], 30), P)
    moved = msgspec.structs.replace(sessions[-1], closes={**sessions[-1].closes, "VIX": 40.0})
    second = observe(first, sample(moved, 34), P)
    third = observe(second, sample(moved, 35), P)
    assert second.daily_readings is first.daily_readings
    assert third.daily_readings != first.daily_readings
    assert second.vix_jump.verdict is Verdict.UNKNOWN
    assert second.tier.crisis_since is not None


def test_macro_defaults_to_neutral_and_passes_through(history):
    """A flat curve at VIX 22.5 is evidence enough for tier 1; only benign macro data hold it back, armed."""
    sessions = history(80)
    calm = msgspec.structs.replace(sessions[-1], closes={**sessions[-1].closes, "VIX": 22.5})
    flat = strip_of_closes(dict.fromkeys(sessions[-1].futures, 22.0), sessions[-1].day, 5)
    for macro, phase, reason in (
        (Macro(), TierPhase.WATCH, "families of evidence"),
        (Macro(benign=True), TierPhase.ARMED, "macro data are benign (M-MAC-4)"),
    ):
        state = warm_up(sessions[:-1], P)
        for minute in range(10, 60, 5):
            state = observe(state, sample(calm, minute, strip=flat, macro=macro), P)
        assert state.tier.phase is phase
        assert reason in state.tier.reason
        assert state.outlook is not None
        assert state.outlook.compounding is not Verdict.TRUE


def told(state: Signals, look: Sample, *readings: tuple[str, Family | None]) -> Signals:
    """The state as if these daily readings had just been found to hold."""
    made = tuple(Reading(rule, "", Verdict.TRUE, family) for rule, family in readings)
    return msgspec.structs.replace(state, diagnosed_at=look.at, daily_readings=made)


def at_level(session: SessionCloses, points: float) -> SessionCloses:
    """A session whose VIX, and whole strip, stand at a level."""
    return msgspec.structs.replace(
        session, closes={**session.closes, "VIX": points}, futures=dict.fromkeys(session.futures, points)
    )


def test_early_signals_and_a_strong_bid_reach_the_tier(history):
    """T-TIER-2 engages at 15.5 at once; T-TIER-3 holds tier 1 back at 18 though two families speak for it."""
    sessions = history(60)
    state = warm_up(sessions[:-1], P)
    low = sample(at_level(sessions[-1], 15.5))
    assert (
        observe(told(state, low, ("T-TIER-2", None), ("D-AD-1", Family.BREADTH)), low, P).tier.phase is TierPhase.WATCH
    )
    for bid, phase in ((None, TierPhase.WATCH), ("T-TIER-3", TierPhase.ARMED)):
        lived = msgspec.structs.replace(state, tier=TierState())
        for minute in range(30, 65, 5):
            look = sample(at_level(sessions[-1], 18.0), minute)
            rows = [("D-AD-1", Family.BREADTH), ("D-SKEW-1", Family.SKEW), *([] if bid is None else [(bid, None)])]
            lived = observe(told(lived, look, *rows), look, P)
        assert lived.tier.phase is phase


def test_the_close_reaches_the_tier(history):
    """Two sessions whose closing look is below stand the tier down."""
    sessions = history(60)
    state = msgspec.structs.replace(warm_up(sessions[:-2], P), tier=TierState(TierPhase.STRESS))
    for session in sessions[-2:]:
        calm = at_level(session, 12.0)
        state = observe(state, sample(calm, 380), P)
        state = end_session(observe(state, sample(calm, 386, at_close=True), P), calm, P)
    assert state.tier.phase is TierPhase.CALM


def test_the_regime_grows_calmer_at_the_close_only(history):
    """Samples of a contango curve all day leave BACKWARDATION official; those of the closing minutes end it."""
    sessions = history(60)
    rising = {expiry: 18.0 + n for n, expiry in enumerate(sorted(sessions[-1].futures))}
    calm = msgspec.structs.replace(sessions[-1], futures=rising)
    state = msgspec.structs.replace(warm_up(sessions[:-1], P), regime=RegimeState(Regime.BACKWARDATION))
    for minute in range(30, 375, 5):
        state = observe(state, sample(calm, minute), P)
    assert state.regime.official is Regime.BACKWARDATION
    assert observe(state, sample(calm, 380, at_close=True), P).regime.official is Regime.CONTANGO


def test_macro_readings_count_beside_the_market(history):
    """A macro reading told from outside is one more point of the evidence."""
    sessions = history(60)
    state, look = warm_up(sessions[:-1], P), sample(sessions[-1])
    told_macro = Macro(readings=(Reading("M-MAC-1", "", Verdict.TRUE, Family.MACRO),))
    known = told(state, look, ("D-AD-1", Family.BREADTH))
    without, with_it = (
        observe(known, msgspec.structs.replace(look, macro=m), P).outlook for m in (Macro(), told_macro)
    )
    assert without is not None
    assert with_it is not None
    assert with_it.evidence.points == without.evidence.points + 1


def test_a_transitory_jump_of_the_front_future_restarts_its_minutes(history):
    """F1 jumps over 17 with SPX unmoved and VIX at 15: ten minutes later the half hour begins anew."""
    sessions = history(60)
    state, quiet_market = warm_up(sessions[:-1], P), at_level(sessions[-1], 15.0)
    state = observe(state, sample(quiet_market, 20), P)
    jumped = strip_of_closes(dict.fromkeys(quiet_market.futures, 18.0), quiet_market.day, 5)
    for minute in range(21, 32):
        state = observe(state, sample(quiet_market, minute, strip=jumped), P)
    assert state.front_jump.verdict is Verdict.FALSE
    assert state.vix_jump.verdict is Verdict.TRUE
    assert state.tier.watch_since == sample(quiet_market, 31).at


def test_inversion_with_everything_else_lifts_the_tier(history):
    """T-REG-4 in the outlook: an inverted strip, falling breadth and rising inflation are one tier more."""
    sessions = history(160)
    state = warm_up(sessions[:-1], P)
    falling = found(observe(state, sample(sessions[-1]), P))["D-AD-1", "advance-decline line"].values["breadth_slope"]
    prices = {expiry: 40.0 - 2.5 * n for n, expiry in enumerate(sorted(sessions[-1].futures))}
    inverted = sample(sessions[-1], strip=strip_of_closes(prices, sessions[-1].day, 5))
    for n in range(4):
        state = observe(
            state,
            msgspec.structs.replace(
                inverted, at=inverted.at + timedelta(minutes=5 * n), macro=Macro(inflation_rising=Verdict.TRUE)
            ),
            P,
        )
    assert state.outlook is not None
    assert state.outlook.regime is Regime.BACKWARDATION
    assert state.outlook.compounding is Verdict.of(falling < 0.0)
    assert state.tier.phase is TierPhase.CRISIS
    assert state.outlook.tier is Tier.CRISIS


def test_a_front_future_quoted_much_wider_is_left_out(history):
    """After twenty spreads of a tick, one of ten ticks does not speak for the level."""
    sessions = history(80)
    state = warm_up(sessions[:-1], P)
    strip = strip_of_closes(sessions[-1].futures, sessions[-1].day, 5)
    for n in range(20):
        quoted = msgspec.structs.replace(
            strip, slots=(msgspec.structs.replace(strip.slots[0], spread_points=0.05), *strip.slots[1:])
        )
        state = observe(state, sample(sessions[-1], 10 + n, strip=quoted), P)
    wide = msgspec.structs.replace(strip.slots[0], price_points=45.0, spread_points=0.5)
    after = observe(
        state, sample(sessions[-1], 40, strip=msgspec.structs.replace(strip, slots=(wide, *strip.slots[1:]))), P
    )
    assert after.tier.crisis_since is None
    assert after.front_jump == state.front_jump


def test_nothing_known_is_no_error_and_no_evidence():
    """No history, no levels, no curve: everything UNKNOWN, tier calm, regime unknown."""
    empty = SessionCloses(date(2026, 5, 4), {})
    state = observe(warm_up((), P), sample(empty, strip=Strip(empty.day)), P)
    assert state.outlook is not None
    assert {r.verdict for r in state.outlook.readings} == {Verdict.UNKNOWN}
    assert state.outlook.evidence.points == 0
    assert state.outlook.regime is Regime.UNKNOWN
    assert state.outlook.compounding is Verdict.UNKNOWN


def test_a_new_machine_takes_its_tier_from_the_last_close(history):
    """Warmed up in a storm, the tier does not begin calm."""
    *past, last = history(60)
    storm = msgspec.structs.replace(last, closes={**last.closes, "VIX": 27.0})
    assert warm_up([*past, storm], P).tier.phase is TierPhase.STRESS


# bad input ----------------------------------------------------------------------------------------
def bars(*closes: float, first: date = date(2026, 5, 4)) -> list[DailyBar]:
    return [DailyBar(first + timedelta(days=n), c, c, c, c) for n, c in enumerate(closes)]


def test_sessions_are_gathered_by_the_days_of_spx():
    """A series without a bar has no close; a future's settlement day is left out; the order is that of SPX."""
    sessions = sessions_from_bars(
        {"SPX": bars(5500.0, 5510.0, 5520.0), "VIX": bars(17.0, 18.0), "SPY": bars(550.0, first=date(2026, 5, 9))},
        {date(2026, 5, 6): bars(18.0, 18.5, 18.6)},
    )
    assert [s.closes for s in sessions] == [{"SPX": 5500.0, "VIX": 17.0}, {"SPX": 5510.0, "VIX": 18.0}, {"SPX": 5520.0}]
    assert [s.futures for s in sessions] == [{date(2026, 5, 6): 18.0}, {date(2026, 5, 6): 18.5}, {}]


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({}, "no daily bars of SPX"),
        ({"SPX": []}, "no daily bars of SPX"),
        ({"SPX": bars(1.0), "VIX": [*bars(17.0, 18.0), *bars(17.0)]}, "VIX: 2026-05-04 comes after 2026-05-05"),
        ({"SPX": [*bars(1.0), *bars(1.0)]}, "SPX: 2026-05-04 comes twice"),
        ({"SPX": bars(1.0, math.nan)}, "SPX: the close of 2026-05-05 is nan"),
        ({"SPX": bars(1.0), "VIX": bars(0.0)}, "VIX: the close of 2026-05-04 is 0.0"),
    ],
)
def test_bars_that_cannot_be_are_refused_whole(series, message):
    """Unordered, doubled and priceless bars raise with series, day and reason."""
    with pytest.raises(BadHistory, match=message):
        sessions_from_bars(series, {})


def test_bars_of_a_future_are_held_to_the_same():
    """The message names the future by its expiry."""
    with pytest.raises(BadHistory, match="VIX future 2026-06-17: 2026-05-04 comes twice"):
        sessions_from_bars({"SPX": bars(1.0)}, {date(2026, 6, 17): [*bars(18.0), *bars(18.0)]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"day": date(2024, 1, 2)}, "cannot follow"),
        ({"closes": {"VIX": math.nan}}, "close of VIX on .* is nan"),
        ({"futures": {date(2030, 1, 16): -1.0}}, "close of 2030-01-16 on .* is -1.0"),
        ({"skew_vol_points": math.inf}, "skew on .* is inf"),
        ({"futures": {date(2026, 5, 19): 18.0, date(2026, 5, 20): 18.1}}, "both claim month 2026-05"),
    ],
)
def test_a_bad_session_changes_nothing(history, changes, message):
    """A session that is not later, or holds what is no number, raises; the state before it is as it was."""
    sessions = history(30)
    state = warm_up(sessions[:29], P)
    before = msgspec.json.encode(state)
    with pytest.raises(BadHistory, match=message):
        end_session(state, msgspec.structs.replace(sessions[29], **changes), P)
    assert msgspec.json.encode(state) == before


def test_looks_that_cannot_be_are_refused(history):
    """A level that is no number, and a look before the last one, raise."""
    sessions = history(40)
    state = observe(warm_up(sessions[:-1], P), sample(sessions[-1], 30), P)
    bad = msgspec.structs.replace(sessions[-1], closes={"VIX": math.nan})
    with pytest.raises(BadHistory, match="close of VIX"):
        observe(state, sample(bad, 40), P)
    with pytest.raises(ValueError, match="cannot follow"):
        observe(state, sample(sessions[-1], 29), P)


@given(st.lists(st.tuples(st.sampled_from(HISTORY_SYMBOLS), st.floats(1.0, 9000.0)), max_size=30))
@settings(max_examples=30)
def test_any_subset_of_series_folds(rows):
    """Whatever a session tells or leaves out, it folds and reads."""
    daily = blank(DiagnosticParams())
    for n in range(3):
        daily = add_session(daily, SessionCloses(date(2026, 5, 4) + timedelta(days=n), dict(rows)), P.diagnostics, 5)
    assert isinstance(daily, Daily)


def test_slots_without_a_price_are_not_closes(history):
    """A strip of which one month is not usable gives that month no running close."""
    sessions = history(60)
    strip = strip_of_closes(sessions[-1].futures, sessions[-1].day, 5)
    holed = msgspec.structs.replace(strip, slots=(Slot(*msgspec.structs.astuple(strip.slots[0])[:3]), *strip.slots[1:]))
    state = observe(warm_up(sessions[:-1], P), sample(sessions[-1], strip=holed), P)
    assert found(state)["D-MACD-1", "VIX basis"].as_of == sessions[-2].day
    assert state.outlook is not None
    assert state.outlook.regime is Regime.UNKNOWN
