"""The variance clock and the term structure: weekends weigh little, the VIX family comes back, calendars never fall."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.exchange.hours import NEW_YORK, settles_at
from bot.sim.types import Settlement
from bot.sim.world.term_structure import LevelRows, Levels, TermStructure, index_expiries
from bot.sim.world.variance_clock import DAYS_A_YEAR, variance_clock

CLOCK = variance_clock(2026)


def at(day: date, hour: int, minute: int = 0) -> float:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp()


def between(start: float, end: float) -> float:
    return CLOCK.at_instant(end) - CLOCK.at_instant(start)


def test_a_weekend_is_a_little_more_than_a_weekday() -> None:
    """From Friday's to Monday's close passes 1.1 of what passes from Monday's to Tuesday's; over a holiday the same."""
    assert between(at(date(2026, 3, 3), 16), at(date(2026, 3, 4), 16)) == pytest.approx(1.0)
    assert between(at(date(2026, 3, 6), 16), at(date(2026, 3, 9), 16)) == pytest.approx(1.1)
    assert between(at(date(2026, 5, 22), 16), at(date(2026, 5, 26), 16)) == pytest.approx(1.15)


def test_the_night_into_a_year_is_a_night() -> None:
    """From the last close of a year to the next year's first open a night and a holiday pass, on the new clock."""
    clock = variance_clock(2026)
    passed = clock.at_instant(at(date(2026, 1, 2), 9, 30)) - clock.at_instant(at(date(2025, 12, 31), 16))
    assert passed == pytest.approx(0.45)


def test_most_of_a_day_passes_in_its_session() -> None:
    """From the morning to the afternoon settlement six tenths of a day pass, evenly; of a short day less."""
    assert between(at(date(2026, 3, 3), 9, 30), at(date(2026, 3, 3), 16)) == pytest.approx(0.6)
    assert between(at(date(2026, 3, 3), 12, 45), at(date(2026, 3, 3), 16)) == pytest.approx(0.3)
    assert between(at(date(2026, 11, 27), 9, 30), at(date(2026, 11, 27), 13)) == pytest.approx(0.6 * 3.5 / 6.5)


@given(seconds=st.floats(0.0, 20 * 365 * 86_400.0))
def test_the_clock_agrees_with_itself(seconds: float) -> None:
    """One instant at a time and many at once give the same, and years pass at the mean pace even beyond its table."""
    ts = at(date(2026, 1, 2), 9, 30) + seconds
    assert float(CLOCK.at(np.array([ts]))[0]) == pytest.approx(CLOCK.at_instant(ts))
    years = seconds / (365.0 * 86_400.0)
    assert between(ts - seconds, ts) == pytest.approx(DAYS_A_YEAR * years, abs=0.02 * DAYS_A_YEAR * years + 3.0)


families = st.builds(
    lambda vix, near, far: Levels(5000.0, vix * near, vix, vix * far),
    st.floats(9.0, 90.0),
    st.floats(0.75, 1.35),
    st.floats(0.72, 1.3),
)
instants = st.integers(0, 60 * 86_400).map(lambda seconds: at(date(2026, 3, 2), 9, 30) + seconds)
moments = st.integers(-3 * 86_400, 86_400).map(lambda seconds: at(date(2026, 3, 18), 9, 30) + seconds)
curves = st.one_of(st.none(), st.floats(9.0, 60.0))


def interpolated(term: TermStructure, levels: Levels, now_ts: float, days: float, *, thirds: bool) -> float:
    """An index by Cboe's interpolation between the settlements on either side of its horizon, points."""
    ends = [
        settles_at(*expiry).timestamp()
        for expiry in index_expiries(date(2026, 3, 2) + timedelta(days=30))
        if expiry[1] is Settlement.AM or not thirds
    ]
    target = now_ts + days * 86_400.0
    before, after = max(t for t in ends if t <= target), min(t for t in ends if t > target)
    settled = np.array([term.elapsed(before), term.elapsed(after)])
    total = np.interp(target, [before, after], term.total(levels, now_ts, settled))
    return float(100.0 * np.sqrt(total * 365.0 / days))


@settings(max_examples=60, deadline=None)
@given(levels=families, offset=st.integers(0, 6 * 86_400), far=curves)
def test_vix_and_vix3m_come_back_from_the_term_structure(levels: Levels, offset: int, far: float | None) -> None:
    """Cboe's interpolation between the two settlements around 30 and 93 days gives the level back, whatever the moment
    of the week and the shape of the curve; VIX9D comes back within a sixth."""
    now = at(date(2026, 4, 6), 9, 30) + offset
    term = TermStructure(datetime.fromtimestamp(now, NEW_YORK), far)
    assert interpolated(term, levels, now, 30.0, thirds=False) == pytest.approx(levels.vix, rel=1e-6)
    assert interpolated(term, levels, now, 93.0, thirds=True) == pytest.approx(levels.vix3m, rel=1e-6)
    assert interpolated(term, levels, now, 9.0, thirds=False) == pytest.approx(levels.vix9d, rel=0.17)


@settings(max_examples=60, deadline=None)
@given(levels=families, now=instants, far=curves)
def test_total_variance_never_falls_with_the_tenor(levels: Levels, now: float, far: float | None) -> None:
    """No calendar arbitrage at the money, even where VIX9D stands far above VIX and VIX3M far below."""
    term = TermStructure(datetime.fromtimestamp(now, NEW_YORK), far)
    settled = term.elapsed(now) + np.linspace(0.01, 700.0, 500)
    assert (np.diff(term.total(levels, now, settled)) > 0.0).all()


@settings(max_examples=40, deadline=None)
@given(seen=st.lists(st.tuples(families, moments, st.floats(0.01, 600.0)), min_size=1, max_size=6), far=curves)
def test_many_instants_at_once_are_those_one_by_one(seen: list[tuple[Levels, float, float]], far: float | None) -> None:
    """Looking back over many instants gives what each gave when it was lived."""
    term = TermStructure(datetime(2026, 3, 18, 9, 30, tzinfo=NEW_YORK), far)
    ends = [term.elapsed(now) + ahead for _, now, ahead in seen]
    one_by_one = [
        float(term.total(levels, now, np.array(end))) for (levels, now, _), end in zip(seen, ends, strict=True)
    ]
    rows = LevelRows(*np.array([levels for levels, _, _ in seen]).T)
    at_once = term.total(rows, np.array([now for _, now, _ in seen]), np.array(ends))
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-9)


def test_beyond_vix3m_the_futures_lead() -> None:
    """A year out the variance a day is that of the far VX futures, plus what their convexity is worth."""
    now = at(date(2026, 3, 2), 12)
    levels = Levels(5000.0, 30.0, 28.0, 25.0)
    term = TermStructure(datetime.fromtimestamp(now, NEW_YORK), 20.0)
    ends = term.elapsed(now) + np.array([200.0, 200.0 + DAYS_A_YEAR])
    first, later = term.total(levels, now, ends)
    assert 100.0 * np.sqrt(later - first) == pytest.approx(20.0 * np.sqrt(1.15))


def test_the_morning_before_a_third_friday_is_the_bracket_of_vix() -> None:
    """Third Fridays settle in the morning, other Fridays in the afternoon, holidays on the day before."""
    found = dict(index_expiries(date(2026, 3, 2)))
    assert found[date(2026, 3, 20)] is Settlement.AM
    assert found[date(2026, 3, 27)] is Settlement.PM
    assert found[date(2026, 4, 2)] is Settlement.PM
    assert date(2026, 4, 3) not in found
