"""The strip by month, its measures and the carry along it, on known values and as properties."""

from __future__ import annotations

import csv
import math
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.signals.carry import carry, nearer_slope
from strategies.signals.readings import Verdict
from strategies.signals.term_structure import (
    PRICE_NOISE_POINTS,
    Slot,
    Strip,
    TermStructure,
    VxMonth,
    exceeds,
    measure,
    month_of,
    months_from,
    settlement_rule,
    slope_pct_month,
    strip_of_closes,
)

MONDAY = date(2026, 5, 4)
EXPIRIES = [date(2026, 5, 19), date(2026, 6, 17), date(2026, 7, 22), date(2026, 8, 19), date(2026, 9, 16)]


def strip(*prices: float | None, day: date = MONDAY) -> Strip:
    closes = {expiry: price for expiry, price in zip(EXPIRIES, prices, strict=False) if price is not None}
    return strip_of_closes(closes, day, 5, len(prices))


@pytest.mark.parametrize(
    ("expiry", "month"),
    [
        (date(2020, 3, 18), VxMonth(2020, 3)),
        (date(2019, 3, 19), VxMonth(2019, 3)),  # Good Friday 2019-04-19
        (date(2024, 6, 18), VxMonth(2024, 6)),  # Juneteenth is that Wednesday
        (date(2018, 2, 14), VxMonth(2018, 2)),
        (date(2025, 12, 17), VxMonth(2025, 12)),
        (date(2020, 3, 11), None),
        (date(2020, 3, 25), None),
        (date(2020, 3, 19), None),
    ],
)
def test_the_settlement_day_tells_the_month(expiry: date, month: VxMonth | None) -> None:
    """Thirty days before the next month's third Friday, a day earlier for a holiday; every other day is a weekly."""
    assert month_of(expiry) == month


@pytest.mark.history
def test_every_listed_monthly_is_found_and_no_weekly(real_data: Path) -> None:
    """All monthly VX expiries of 2004 to 2026 stand for their own month, all weeklies for none."""
    with (real_data / "vx_futures_daily.csv").open() as file:
        kinds = {(row["expiry"], row["kind"], row["contract"]) for row in csv.DictReader(file)}
    codes = "FGHJKMNQUVXZ"
    for expiry, kind, contract in kinds:
        month = VxMonth(2000 + int(contract[3:5]), codes.index(contract[2]) + 1) if kind == "M" else None
        assert month_of(date.fromisoformat(expiry)) == month, contract
    assert len(kinds) > 260


@given(st.dates(date(2004, 1, 1), date(2035, 1, 1)), st.sets(st.integers(0, 9)))
def test_slots_are_consecutive_months_whatever_is_listed(today: date, listed: set[int]) -> None:
    """F1 settles later than the skipped days, each slot is the month after the last, holes keep their place."""
    month, every = VxMonth(today.year, today.month), []
    for _ in range(10):
        every.append(settlement_rule(month))
        month = month.next()
    some = [every[i] for i in listed]
    found = months_from(some, today, 5, 6)
    assert found == months_from(every, today, 5, 6)
    assert found[0][1] > today + timedelta(days=5)
    assert all(later == earlier.next() for (earlier, _), (later, _) in pairwise(found))
    prices = strip_of_closes(dict.fromkeys(some, 20.0), today, 5, 6)
    assert [slot.price_points is not None for slot in prices.slots] == [expiry in some for _, expiry in found]


def test_the_front_month_is_skipped_five_days_before_it_settles() -> None:
    """On the Thursday before a Tuesday settlement the next month is F1, on the Wednesday it is not yet."""
    assert strip(18.0, 19.0, 20.0, day=date(2026, 5, 13)).price(1) == 18.0
    assert strip(18.0, 19.0, 20.0, day=date(2026, 5, 14)).price(1) == 19.0
    assert strip(18.0, 19.0, 20.0, day=date(2026, 5, 19)).price(1) == 19.0


def test_a_missing_month_stays_missing() -> None:
    """Without June there is no F2, July is F3, and what hangs on F2 is None."""
    holed = strip(18.0, None, 20.0, 20.5)
    assert [holed.price(n) for n in (1, 2, 3, 4, 5, 0)] == [18.0, None, 20.0, 20.5, None, None]
    assert holed.missing(3) == "F2 (2026-06) has no price"
    assert strip(18.0, 19.0).missing(2) == ""
    found = measure(holed, 17.0, 19.0)
    assert (found.f1_points, found.f3_points) == (18.0, 20.0)
    assert {found.slope_12_pct_month, found.slope_spot2_points_per_day, found.front_minus_second_points,
            found.curvature_points, found.roll_irr, found.constant_30d_points} == {None}  # fmt: skip


def test_measures_of_a_known_strip() -> None:
    """Each formula by hand: May 18 in 15 days, June 19 in 44, July 19.5; VIX 17, VIX3M 19."""
    found = measure(strip(18.0, 19.0, 19.5), 17.0, 19.0)
    assert found.slope_12_pct_month == pytest.approx(100 * math.log(19 / 18) * 30 / 29)
    assert found.front_minus_second_points == -1.0
    assert found.slope_spot2_points_per_day == pytest.approx(2 / 44)
    assert found.curvature_points == pytest.approx(18 - 38 + 19.5)
    assert found.roll_irr == pytest.approx((18 / 19) ** (365 / 29) - 1)
    assert found.constant_30d_points == pytest.approx(18 + 15 / 29)
    assert found.vix_over_vix3m == pytest.approx(17 / 19)
    assert found.confirmed is Verdict.FALSE


@given(st.floats(9.0, 80.0), st.floats(9.0, 80.0), st.floats(9.0, 80.0))
def test_the_signs_of_the_curve_agree(f1: float, f2: float, f3: float) -> None:
    """Slope and front spread have opposite signs; holding a later month pays in backwardation only."""
    found = measure(strip(f1, f2, f3), None, None)
    assert found.slope_12_pct_month is not None
    assert found.front_minus_second_points is not None
    assert found.roll_irr is not None
    assert found.slope_12_pct_month * found.front_minus_second_points <= 0.0
    assert (found.roll_irr > 0.0) == (f1 > f2) or math.isclose(f1, f2, rel_tol=1e-12)
    assert found.slope_spot2_points_per_day is found.vix_over_vix3m is None


@pytest.mark.parametrize(
    ("vix", "vix3m", "verdict"),
    [
        (17.0, 19.0, Verdict.FALSE),
        (19.1, 20.0, Verdict.TRUE),  # F2 19 lies below spot
        (18.0, 17.9, Verdict.TRUE),  # spot above the three-month index
        (19.0, 19.0, Verdict.FALSE),  # both exactly at their boundary
        (18.0, None, Verdict.UNKNOWN),
        (19.1, None, Verdict.TRUE),
        (None, 19.0, Verdict.UNKNOWN),
    ],
)
def test_a_flip_is_confirmed_by_spot(vix: float | None, vix3m: float | None, verdict: Verdict) -> None:
    """T-REG-2: either sign is enough, one unknown sign is no denial."""
    assert measure(strip(18.0, 19.0, 19.5), vix, vix3m).confirmed is verdict


def test_crash_and_calm_of_record() -> None:
    """2020-03-16, April as F1: b12 14.3 points and a roll that pays; 2017-11-03: contango of ten per cent a month."""
    march = strip_of_closes(
        {date(2020, 3, 18): 72.625, date(2020, 4, 15): 59.15, date(2020, 5, 20): 44.875, date(2020, 6, 17): 38.95},
        date(2020, 3, 16), 5,
    )  # fmt: skip
    assert march.price(1) == 59.15
    crash = measure(march, 82.69, 71.76)
    assert crash.front_minus_second_points == pytest.approx(14.275)
    assert crash.roll_irr is not None
    assert crash.roll_irr > 10.0
    calm = measure(
        strip_of_closes({date(2017, 11, 15): 10.975, date(2017, 12, 20): 12.325}, date(2017, 11, 3), 5), 9.14, None
    )
    assert calm.slope_12_pct_month == pytest.approx(9.94, abs=0.01)


def test_nothing_known_measures_nothing() -> None:
    """An empty strip with unknown indices is None everywhere and confirms nothing."""
    assert measure(Strip(MONDAY), None, None) == TermStructure()
    assert Strip(MONDAY).missing(1) == "F1 is missing"


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    """The message names the contract and the day."""
    with pytest.raises(ValueError, match="VIX future 2026-06-17 on 2026-05-04"):
        strip_of_closes({EXPIRIES[0]: 18.0, EXPIRIES[1]: price}, MONDAY, 5)


def test_two_contracts_of_one_month_are_refused() -> None:
    """A Tuesday and a Wednesday settlement of the same month cannot both be listed."""
    with pytest.raises(ValueError, match="both claim month 2026-05"):
        strip_of_closes({date(2026, 5, 19): 18.0, date(2026, 5, 20): 18.1}, MONDAY, 5)


@pytest.mark.parametrize(("first", "second", "days"), [(18.0, 19.0, 0), (18.0, 19.0, -29), (0.0, 19.0, 29)])
def test_no_slope_backwards_in_time(first: float, second: float, days: int) -> None:
    """Unordered settlements and prices of nothing have no slope."""
    with pytest.raises(ValueError, match="nearer month first"):
        slope_pct_month(first, second, days)


@given(st.integers(0, 4000), st.integers(-2000, 2000), st.integers(0, 400))
def test_noise_never_outweighs_a_tick(base: int, ticks: int, threshold: int) -> None:
    """Sums of half-cent mids compare as their exact values do."""
    a, b = base * 0.005 + ticks * 0.005, base * 0.005
    assert exceeds(a - b, threshold * 0.005) == (ticks > threshold)
    assert PRICE_NOISE_POINTS < 0.0025


# carry --------------------------------------------------------------------------------------------
def test_a_long_bleeds_in_contango_and_a_short_earns() -> None:
    """R20: the sign of roll, for both sides and both shapes of the curve."""
    contango, inverted = strip(18.0, 19.0, 19.5), strip(32.0, 29.0, 27.0)
    for curve, vix, sign in ((contango, 17.0, -1.0), (inverted, 35.0, 1.0)):
        for days in (15, 30, 44, 60):
            for side in (1, -1):
                found = carry(curve, vix, days_to_settlement=days, contracts=side, multiplier_usd=1000.0)
                assert found is not None
                assert found.usd_per_day * sign * side > 0.0
                assert found.theta_usd_per_day == 0.0


def test_carry_of_the_rulebooks_set() -> None:
    """Half-delta calls at 30, 110 and 220 days roll 2.58, 1.11 and 0.45 dollars a day each: 15.6 for 4/4/2."""
    three = Strip(MONDAY, (
        Slot(VxMonth(2026, 6), MONDAY, 30, 18.6), Slot(VxMonth(2026, 8), MONDAY, 110, 20.4),
        Slot(VxMonth(2026, 12), MONDAY, 220, 21.4),
    ))  # fmt: skip
    rolls = []
    for days, delta, theta, contracts in (
        (30, 0.4833, -0.0336, 4),
        (110, 0.4916, -0.01375, 4),
        (220, 0.4933, -0.00815, 2),
    ):
        found = carry(three, 17.0, days_to_settlement=days, contracts=contracts, multiplier_usd=100.0, delta=delta,
                      theta_points_per_day=theta)  # fmt: skip
        assert found is not None
        rolls.append(found.roll_usd_per_day)
        assert found.theta_usd_per_day == pytest.approx(100.0 * theta * contracts)
        assert found.usd_per_day == found.roll_usd_per_day + found.theta_usd_per_day
    assert rolls == pytest.approx([-4 * 2.578, -4 * 1.106, -2 * 0.448], abs=0.01)
    assert sum(rolls) == pytest.approx(-15.6, abs=0.1)


def test_carry_is_unknown_where_the_strip_is_silent() -> None:
    """Beyond the last month, beside a missing one, and before the front month without VIX; a past one is refused."""
    holed = strip(18.0, None, 20.0)
    assert nearer_slope(holed, 17.0, 15) == pytest.approx(1.0 / 15.0)
    assert nearer_slope(holed, 17.0, 7) == pytest.approx(1.0 / 15.0)
    assert nearer_slope(holed, None, 15) is None
    assert nearer_slope(holed, 17.0, 44) is None
    assert nearer_slope(holed, 17.0, 79) is None
    assert nearer_slope(holed, 17.0, 200) is None
    assert carry(holed, 17.0, days_to_settlement=44, contracts=1, multiplier_usd=100.0) is None
    with pytest.raises(ValueError, match="has no carry"):
        nearer_slope(holed, 17.0, -1)
