"""Which expiries are listed on a day, against real rows and around holidays."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.exchange import expiries
from bot.sim.exchange.holidays import is_business_day, third_friday

RULES = (
    expiries.spx_expiries,
    expiries.spxw_expiries,
    expiries.vix_expiries,
    expiries.vixw_expiries,
    expiries.vx_weekly_expiries,
    expiries.spy_expiries,
    expiries.es_expiries,
)


def test_an_expiry_once_listed_stays_until_it_expires() -> None:
    """Walking day by day through the years of new series no one is withdrawn before its settlement day."""
    for rule in RULES:
        day, listed = date(2019, 11, 1), set()
        while day < date(2022, 12, 1):
            now = set(rule(day))
            assert {expiry for expiry in listed if expiry >= day} <= now, (rule.__name__, day)
            listed = now
            day += timedelta(days=1)


@given(st.sampled_from(RULES), st.dates(date(1998, 1, 1), date(2030, 12, 31)))
def test_every_listed_expiry_is_a_business_day_not_past(rule, on: date) -> None:
    """Sorted, without doubles, from the day itself on, and never on a day on which the exchange is shut."""
    listed = rule(on)
    assert list(listed) == sorted(set(listed))
    assert all(expiry >= on and is_business_day(expiry) for expiry in listed)


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ((2018, 11), date(2018, 11, 21)),
        ((2019, 3), date(2019, 3, 19)),  # Good Friday thirty days later
        ((2024, 6), date(2024, 6, 18)),  # the Wednesday is Juneteenth
        ((2026, 5), date(2026, 5, 19)),  # Juneteenth is the third Friday thirty days later
    ],
)
def test_vix_settles_thirty_days_before_the_next_spx_expiry(month, expected) -> None:
    """The monthly volatility expiry follows the exchange's rule around holidays."""
    assert expiries.vix_settlement_day(*month) == expected


def test_holidays_move_index_expiries() -> None:
    """Good Friday makes the third Friday of April 2019 a Thursday; its AM series then trade to the Wednesday. A Monday
    series moves on over Labor Day, a Wednesday series back from Juneteenth 2024 and Christmas 2024."""
    assert date(2019, 4, 18) in expiries.spx_expiries(date(2019, 4, 1))
    assert third_friday(2019, 4) not in expiries.spxw_expiries(date(2019, 4, 1))
    assert expiries.last_trading_day(date(2019, 4, 18), morning=True) == date(2019, 4, 17)
    assert expiries.last_trading_day(date(2019, 4, 18), morning=False) == date(2019, 4, 18)
    assert date(2018, 9, 4) in expiries.spxw_expiries(date(2018, 8, 20))
    assert date(2024, 6, 19) not in expiries.spxw_expiries(date(2024, 6, 3))
    assert {date(2024, 12, 23), date(2024, 12, 24)} <= set(expiries.spxw_expiries(date(2024, 12, 2)))


def test_a_spxw_series_for_every_weekday_only_in_the_years_that_had_them() -> None:
    """2014 has Fridays and month-ends, 2018 adds Mondays and Wednesdays, 2023 has every weekday."""

    def weekdays(day: date) -> set[int]:
        return {e.weekday() for e in expiries.spxw_expiries(day) if (e - day).days < 40 and e.day < 28}

    assert weekdays(date(2014, 7, 1)) == {3, 4}  # the Thursday is the third of July, before the holiday
    assert weekdays(date(2018, 10, 15)) == {0, 2, 4}
    assert weekdays(date(2023, 5, 1)) == {0, 1, 2, 3, 4}


def test_leaps_reach_as_far_as_they_were_listed() -> None:
    """December 2015 had SPX to December 2018, August 2022 to December 2027, with the months between as published."""
    assert expiries.spx_expiries(date(2015, 12, 22))[-1] == date(2018, 12, 21)
    later = expiries.spx_expiries(date(2022, 8, 22))
    months = [f"{expiry:%y%m}" for expiry in later]
    assert months[:13] == [f"22{month:02d}" for month in range(9, 13)] + [f"23{month:02d}" for month in range(1, 10)]
    assert months[13:] == ["2312", "2406", "2412", "2512", "2612", "2712"]


@pytest.mark.history
@pytest.mark.parametrize("day", [date(2018, 10, 15), date(2018, 10, 16), date(2018, 10, 17)])
def test_the_expiries_of_a_real_chain_are_the_listed_ones(real_data: Path, day: date) -> None:
    """SPX and SPXW of October 2018: the very same expiries, to the last LEAPS."""
    real: dict[str, set[date]] = defaultdict(set)
    with (real_data / f"spx_chain_{day}.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            real[row["root"]].add(date.fromisoformat(row["expiry"]))
    assert set(expiries.spx_expiries(day)) == real["SPX"]
    assert set(expiries.spxw_expiries(day)) == real["SPXW"]


@pytest.mark.history
def test_real_vx_futures_settle_on_the_days_of_the_rule(real_data: Path) -> None:
    """Every monthly contract and every published final settlement since 2004 falls on the rule's day; of the weekly
    contracts since June 2020 all but 1 % of the rows are on the list, which has at most 2 % more."""
    months: set[date] = set()
    weeks: dict[date, set[date]] = defaultdict(set)
    with (real_data / "vx_futures_daily.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            expiry = date.fromisoformat(row["expiry"])
            if row["kind"] == "M":
                months.add(expiry)
            elif row["date"] >= "2020-06-01":
                weeks[date.fromisoformat(row["date"])].add(expiry)
    with (real_data / "vx_final_settlement.csv").open(encoding="utf-8") as rows:
        months |= {date.fromisoformat(row["expiry"]) for row in csv.DictReader(rows)}
    assert {m for m in months if expiries.vix_settlement_day(m.year, m.month) != m} == set()
    traded = set().union(*weeks.values())
    real = sum(len(found) for found in weeks.values())
    unlisted = sum(len(found - set(expiries.vx_weekly_expiries(day))) for day, found in weeks.items())
    extra = sum(len((set(expiries.vx_weekly_expiries(day)) & traded) - found) for day, found in weeks.items())
    assert unlisted <= 0.01 * real
    assert extra <= 0.02 * real
