"""The SPX surface: free of arbitrage to the cent, consistent with its own VIX, shaped like the measured smiles."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.exchange.hours import regular_day
from bot.sim.types import Floats, Settlement
from bot.sim.world.smile import GRID, SmileShape, bounded_wing, put_skew_scale
from bot.sim.world.surface import DaySurface, Priced, gather, price_spx
from bot.sim.world.term_structure import Levels

MONDAY = regular_day(date(2026, 3, 2))
NOON = MONDAY.open_at + timedelta(hours=2.5)
STRIKES = np.arange(1500.0, 8500.0, 5.0)
CENT = 0.01
RATE, DIVIDEND = 0.04, 0.013


def surface(levels: Levels, skew: float = 131.0, closing_share: float = 1.0) -> DaySurface:
    """A day that closes with the volatility family `closing_share` of where it stands now."""
    shape = SmileShape(put_skew_scale(skew))
    return DaySurface(MONDAY.open_at, levels.scaled(closing_share), RATE, DIVIDEND, shape, 0.97 * levels.vix3m)


def priced(day: DaySurface, levels: Levels, at: datetime, days: int, *, call: bool) -> Priced:
    key = (MONDAY.day + timedelta(days=days), Settlement.PM)
    terms = gather(day, [key] * len(STRIKES), STRIKES, np.full(len(STRIKES), call))
    return price_spx(terms, levels, at.timestamp(), RATE)


markets = st.builds(
    lambda vix, near, far: Levels(5000.0, vix * near, vix, vix * far),
    st.floats(9.0, 90.0),
    st.floats(0.7, 1.35),
    st.floats(0.7, 1.3),
)
moments = st.integers(0, 23_400 - 60).map(lambda seconds: MONDAY.open_at + timedelta(seconds=seconds))
tenors = st.sampled_from([0, 1, 4, 9, 18, 30, 45, 75, 150, 300])
shares = st.floats(0.6, 1.6)


@settings(max_examples=60, deadline=None)
@given(levels=markets, at=moments, days=tenors, skew=st.floats(110.0, 150.0), share=shares)
def test_mids_hold_parity_and_are_monotone_and_convex(
    levels: Levels, at: datetime, days: int, skew: float, share: float
) -> None:
    """At any VIX from 9 to 90, any curve, skew and moment, down to the last minute of an expiry: calls less puts are
    the discounted forward less the strike at every strike, puts rise and calls fall with the strike, and over 5-point
    strikes both are convex to a cent."""
    day = surface(levels, skew, share)
    put, call = priced(day, levels, at, days, call=False), priced(day, levels, at, days, call=True)
    discount = np.exp(-RATE * call.years)
    np.testing.assert_allclose(call.mid - put.mid, discount * (call.forward - STRIKES), atol=1e-5)
    assert np.ptp(call.forward) == 0.0
    assert min(put.mid.min(), call.mid.min()) > 0.0
    assert np.diff(put.mid).min() > -0.001
    assert np.diff(call.mid).max() < 0.001
    assert np.diff(put.mid, 2).min() > -CENT
    assert np.diff(call.mid, 2).min() > -CENT


def normalised(found: tuple[Priced, Priced], at: Floats) -> Floats:
    """Undiscounted out-of-the-money values over the forward at log-moneyness `at`."""
    put, call = found
    forward = put.forward[0]
    value = np.where(forward <= STRIKES, call.mid, put.mid) * np.exp(RATE * put.years) / forward
    return np.interp(at, np.log(STRIKES / forward), value)


@settings(max_examples=60, deadline=None)
@given(levels=markets, at=moments, days=st.lists(tenors, min_size=2, max_size=2, unique=True), share=shares)
def test_a_later_expiry_is_worth_no_less(levels: Levels, at: datetime, days: list[int], share: float) -> None:
    """Over the forward, at the same moneyness, a later expiry is never worth less by more than half a point of a
    5000-point index: a fraction of a spread in the markets where it comes to that."""
    day, moneyness = surface(levels, closing_share=share), np.linspace(-0.6, 0.3, 181)
    near, far = (
        normalised((priced(day, levels, at, n, call=False), priced(day, levels, at, n, call=True)), moneyness)
        for n in sorted(days)
    )
    assert 5000.0 * (far - near).min() > -0.5


@settings(max_examples=60, deadline=None)
@given(
    levels=markets, at=moments.filter(lambda t: t < MONDAY.index_close_at - timedelta(hours=1)), days=tenors,
    place=st.integers(100, 1300), call=st.booleans(), moves=st.tuples(*[st.floats(-1.0, 1.0)] * 4),
)  # fmt: skip
def test_greeks_explain_how_generated_prices_move(
    levels: Levels, at: datetime, days: int, place: int, call: bool, moves: tuple[float, float, float, float]
) -> None:
    """For a small move of index, volatility family and time the generated mid moves by delta, gamma, theta a calendar
    day and vega per point of the contract's own generated volatility, to a thousandth of the move's parts."""
    day = surface(levels)
    before = priced(day, levels, at, days, call=call)
    step = 1e-4
    moved = Levels(
        levels.spot * (1.0 + step * moves[0]),
        levels.vix9d * (1.0 + step * moves[1]),
        levels.vix * (1.0 + step * moves[2]),
        levels.vix3m,
    )
    seconds = 2.0 * (1.0 + moves[3])
    after = priced(day, moved, at + timedelta(seconds=seconds), days, call=call)
    spot, vol, time = moved.spot - levels.spot, 100.0 * (after.iv - before.iv)[place], seconds / 86_400.0
    parts = np.array([
        before.delta[place] * spot,
        0.5 * before.gamma[place] * spot * spot,
        before.vega[place] * vol,
        before.theta[place] * time,
    ])  # fmt: skip
    # Second order in volatility and across: small against the first as the move is small.
    second = np.abs(vol / (100.0 * before.iv[place])) + 2.0 * seconds / (86_400.0 * 365.0 * before.years[place])
    room = (0.001 + 8.0 * second) * np.abs(parts).sum() + 1e-6
    assert (after.mid - before.mid)[place] == pytest.approx(parts.sum(), abs=room)


@settings(max_examples=30, deadline=None)
@given(vix=st.floats(9.0, 90.0), at=moments, days=tenors, call=st.booleans())
def test_greeks_are_finite_differences_of_generated_prices(vix: float, at: datetime, days: int, call: bool) -> None:
    """Where the smile is level and the family flat nothing but its own argument moves a price: delta, gamma and vega
    are the central differences of generated mids over the whole chain."""
    levels = Levels(5000.0, vix, vix, vix)
    key = (MONDAY.day + timedelta(days=days), Settlement.PM)
    flat = DaySurface(MONDAY.open_at, levels, RATE, DIVIDEND)
    level = flat.slice(key)
    level.table[:] = 1.0
    total = float(np.sqrt(flat.term.total(levels, at.timestamp(), np.array(level.settled))))
    width = max(0.05 * total, 1e-5) * levels.spot

    def mid(spot: float, scale: float = 1.0) -> Floats:
        return priced(flat, Levels(spot, *(vix * scale,) * 3), at, days, call=call).mid

    found = priced(flat, levels, at, days, call=call)
    up, down, here = mid(5000.0 + width), mid(5000.0 - width), found.mid
    np.testing.assert_allclose(found.delta, (up - down) / (2.0 * width), atol=0.002)
    peak = found.gamma.max()
    np.testing.assert_allclose(found.gamma / peak, (up - 2.0 * here + down) / width**2 / peak, atol=0.01)
    more, less = (
        priced(flat, levels.scaled(1.001), at, days, call=call),
        priced(flat, levels.scaled(0.999), at, days, call=call),
    )
    vega = (more.mid - less.mid) / (100.0 * (more.iv - less.iv))
    np.testing.assert_allclose(found.vega, vega, atol=0.002 * found.vega.max())


def test_theta_is_a_day_of_a_standing_market() -> None:
    """Where index and each volatility stand still, a day costs the model's theta: over a weekday of one trading day the
    at-the-money straddle loses it to a few per cent."""
    levels = Levels(5000.0, 16.0, 16.0, 16.0)
    day = surface(levels)
    now = priced(day, levels, NOON, 45, call=True)
    i = int(np.argmin(np.abs(STRIKES - now.forward[0])))
    hour = priced(day, levels, NOON + timedelta(hours=1), 45, call=True)
    drift = now.vega[i] * 100.0 * (hour.iv[i] - now.iv[i])
    assert (hour.mid[i] - now.mid[i] - drift) * 24.0 == pytest.approx(now.theta[i], rel=0.02)


def test_the_smile_is_the_measured_one() -> None:
    """At 45 days puts follow 1 - .315m - .009m^2 and calls dip to about .77 at m = 1, within two hundredths near the
    money."""
    table = SmileShape().table(45.0)
    for m in (-2.0, -1.0, -0.5):
        assert np.interp(m, GRID, table) == pytest.approx(1 - 0.315 * m - 0.009 * m * m, abs=0.025)
    assert np.interp(1.0, GRID, table) == pytest.approx(0.77, abs=0.02)
    assert np.interp(0.0, GRID, table) == pytest.approx(1.0)


def test_far_wings_level_off_where_nobody_measured_them() -> None:
    """In a calm month the table stays as measured down to forty per cent of the forward; in a panic the wing flattens
    instead of pricing a fifth of the index dearly."""
    table = SmileShape().table(30.0)
    calm, panic = bounded_wing(table, 0.045), bounded_wing(table, 0.20)
    measured = np.log(0.42) / 0.045 < GRID
    np.testing.assert_array_equal(calm[measured], table[measured])
    assert np.interp(-8.0, GRID, panic) < 0.85 * np.interp(-8.0, GRID, table)
    assert (np.diff(panic[GRID < -3.0]) <= 0.0).all()


def test_at_the_money_lies_below_vix_as_in_2018() -> None:
    """With the 2018 smile ATM is .78 to .85 of VIX at 30 days, because VIX pays for the wings."""
    levels = Levels(2809.0, 17.75, 17.4, 18.1)
    near = priced(surface(levels), levels, NOON, 30, call=True)
    atm = np.interp(near.forward[0], STRIKES, near.iv)
    assert 0.78 < atm / 0.174 < 0.85


def test_a_condor_pays_what_real_ones_paid() -> None:
    """A 16/14-delta condor, 50 wide, 45 days, SPX 5500, VIX 17 collects about 10.9 points (RULEBOOK 3.8)."""
    levels = Levels(5500.0, 16.2, 17.0, 18.5)
    put, call = (priced(surface(levels), levels, NOON, 45, call=c) for c in (False, True))
    p = int(np.argmin(np.abs(put.delta + 0.16)))
    c = int(np.argmin(np.abs(call.delta - 0.14)))
    credit = put.mid[p] - put.mid[p - 10] + call.mid[c] - call.mid[c + 10]
    assert 9.5 < credit < 12.0


def test_a_lower_skew_index_flattens_the_puts_only() -> None:
    """SKEW at 118 lowers the put wing over ATM and leaves the far calls alone."""
    flat, steep = SmileShape(put_skew_scale(118.0)).table(30.0), SmileShape(put_skew_scale(140.0)).table(30.0)
    assert np.interp(-2.0, GRID, flat) < np.interp(-2.0, GRID, steep) - 0.05
    assert np.interp(2.0, GRID, flat) == pytest.approx(np.interp(2.0, GRID, steep))
