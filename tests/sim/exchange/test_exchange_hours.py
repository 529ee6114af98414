"""When things trade and how the protocol says it: ordinary, early, holiday and clock-change weeks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sim.exchange.holidays import is_business_day, on_or_after
from bot.sim.exchange.hours import (
    Schedule,
    Span,
    calendar,
    holiday_session,
    hours_text,
    liquid_sessions,
    live_time,
    regular_day,
    sessions,
    week_of,
)

ANY_DAY = st.dates(date(2010, 1, 1), date(2030, 12, 31)).map(on_or_after)


def trading(schedule: Schedule, today: date) -> list[str]:
    days = [regular_day(day) for day in week_of(today) if is_business_day(day)]
    shorts = [short for day in week_of(today) if (short := holiday_session(schedule, day)) is not None]
    spans = [*shorts, *(span for day in days for span in sessions(schedule, day))]
    return hours_text(spans, today, schedule.zone).split(";")


def liquid(schedule: Schedule, today: date) -> list[str]:
    days = [regular_day(day) for day in week_of(today) if is_business_day(day)]
    spans = [span for day in days for span in liquid_sessions(schedule, day)]
    return hours_text(spans, today, schedule.zone).split(";")


@given(st.sampled_from(list(Schedule)), ANY_DAY)
def test_the_sessions_of_a_day_are_in_order_and_hold_the_regular_one(schedule: Schedule, day: date) -> None:
    """Sessions do not overlap, the liquid ones lie inside them, and none reaches into the next trade date's."""
    today, after = regular_day(day), regular_day(on_or_after(day + timedelta(days=1)))
    spans = [*sessions(schedule, today), *sessions(schedule, after)]
    assert all(span.open_at < span.close_at for span in spans)
    assert all(earlier.close_at <= later.open_at for earlier, later in pairwise(spans))
    for span in liquid_sessions(schedule, today):
        assert any(whole.open_at <= span.open_at and span.close_at <= whole.close_at for whole in spans)


@given(st.sampled_from(list(Schedule)), ANY_DAY)
def test_a_calendar_with_its_holidays_is_in_order(schedule: Schedule, first: date) -> None:
    """Over three weeks, shortened holiday sessions included, one session ends before the next begins."""
    days = [regular_day(day) for day in (first + timedelta(days=i) for i in range(21)) if is_business_day(day)]
    spans = calendar(schedule, days)
    assert all(earlier.close_at <= later.open_at for earlier, later in pairwise(spans))
    lived = live_time(days)
    assert all(any(part.open_at <= s.open_at and s.close_at <= part.close_at for part in lived) for s in spans)


def test_hours_of_an_ordinary_week_are_what_ib_was_seen_to_send() -> None:
    """Contract details read off real gateways in 2025 and 2026: SPXW, the two indices, ES over Memorial Day, SPY."""
    assert "20260802:1915-20260803:0825" in trading(Schedule.INDEX_OPTIONS, date(2026, 8, 3))
    assert trading(Schedule.CASH_INDEX, date(2026, 7, 31))[0] == "20260731:0830-20260731:1500"
    vix = ["20260731:0215-20260731:0815", "20260731:0830-20260731:1600"]
    assert trading(Schedule.VIX_INDEX, date(2026, 7, 31))[:2] == vix
    assert liquid(Schedule.VIX_INDEX, date(2026, 7, 31))[:2] == vix
    assert trading(Schedule.STOCKS, date(2026, 7, 31))[:2] == ["20260731:0400-20260731:2000", "20260801:CLOSED"]
    assert liquid(Schedule.STOCKS, date(2026, 7, 31))[0] == "20260731:0930-20260731:1600"
    assert trading(Schedule.CME_FUTURES, date(2025, 5, 22)) == [
        "20250521:1700-20250522:1600",
        "20250522:1700-20250523:1600",
        "20250524:CLOSED",
        "20250525:1700-20250526:1200",
        "20250526:1700-20250527:1600",
        "20250527:1700-20250528:1600",
    ]
    assert liquid(Schedule.CME_FUTURES, date(2025, 5, 22))[0] == "20250522:0830-20250522:1600"


def test_index_options_of_other_years_have_the_hours_of_their_time() -> None:
    """No night before 2015, 02:00 to 08:15 Chicago time in 2018, the evening since late 2021, a curb since 2022."""
    assert trading(Schedule.INDEX_OPTIONS, date(2014, 6, 4))[0] == "20140604:0830-20140604:1515"
    assert trading(Schedule.INDEX_OPTIONS, date(2018, 10, 16))[:2] == [
        "20181016:0200-20181016:0815",
        "20181016:0830-20181016:1515",
    ]
    assert trading(Schedule.INDEX_OPTIONS, date(2021, 12, 1))[:2] == [
        "20211130:1915-20211201:0815",
        "20211201:0830-20211201:1515",
    ]
    assert trading(Schedule.INDEX_OPTIONS, date(2026, 8, 3))[1] == "20260803:0830-20260803:1600"
    assert liquid(Schedule.INDEX_OPTIONS, date(2026, 8, 3))[0] == "20260803:0830-20260803:1515"


def test_vx_futures_grew_from_a_day_to_nearly_round_the_clock() -> None:
    """07:00 to 15:15 in 2012, a short evening session in 2013, from the evening before since 2014 and 2018."""
    assert trading(Schedule.VX_FUTURES, date(2012, 6, 6))[0] == "20120606:0700-20120606:1515"
    assert trading(Schedule.VX_FUTURES, date(2013, 12, 4))[:2] == [
        "20131203:1530-20131203:1615",
        "20131204:0200-20131204:1515",
    ]
    assert trading(Schedule.VX_FUTURES, date(2016, 6, 7))[0] == "20160606:1530-20160607:1515"
    assert trading(Schedule.VX_FUTURES, date(2016, 6, 6))[0] == "20160605:1700-20160606:1515"
    assert trading(Schedule.VX_FUTURES, date(2018, 10, 16))[:2] == [
        "20181015:1700-20181016:1515",
        "20181016:1530-20181016:1600",
    ]
    assert trading(Schedule.VX_FUTURES, date(2026, 8, 3))[0] == "20260802:1700-20260803:1600"
    assert liquid(Schedule.VX_FUTURES, date(2026, 8, 3))[0] == "20260803:0830-20260803:1500"


def test_early_closes_cut_the_afternoon_only() -> None:
    """The day after Thanksgiving 2025: index 12:00, options and VIX 12:15, stocks to 17:00 New York time, the night as
    ever and no curb."""
    day = date(2025, 11, 28)
    assert trading(Schedule.CASH_INDEX, day)[0] == "20251128:0830-20251128:1200"
    assert trading(Schedule.VIX_INDEX, day)[:2] == ["20251128:0215-20251128:0815", "20251128:0830-20251128:1215"]
    assert trading(Schedule.INDEX_OPTIONS, day)[:2] == ["20251127:1915-20251128:0825", "20251128:0830-20251128:1215"]
    assert trading(Schedule.STOCKS, day)[0] == "20251128:0400-20251128:1700"
    assert liquid(Schedule.STOCKS, day)[0] == "20251128:0930-20251128:1300"


def test_holidays_shut_the_day_and_shorten_the_night() -> None:
    """Martin Luther King's day 2017 in VX as the exchange announced it; SPX options had no night then and have one
    since 2022. On Good Friday everything is shut."""
    assert trading(Schedule.VX_FUTURES, date(2017, 1, 16))[:2] == [
        "20170115:1700-20170116:1030",
        "20170116:1700-20170117:1515",
    ]
    assert trading(Schedule.INDEX_OPTIONS, date(2017, 1, 16))[0] == "20170116:CLOSED"
    assert trading(Schedule.INDEX_OPTIONS, date(2023, 1, 16))[:2] == [
        "20230115:1915-20230116:1030",
        "20230116:1915-20230117:0825",
    ]
    for schedule in Schedule:
        assert "20250418:CLOSED" in trading(schedule, date(2025, 4, 17))
        assert not any(
            text.startswith("20250417:1") and "20250418" in text for text in trading(schedule, date(2025, 4, 17))
        )


@pytest.mark.parametrize(
    ("day", "opened", "minutes"),
    [
        (date(2025, 10, 31), datetime(2025, 10, 31, 0, 15, tzinfo=UTC), 790),
        (date(2025, 11, 3), datetime(2025, 11, 3, 1, 15, tzinfo=UTC), 790),  # clocks went back the night before
        (date(2026, 3, 6), datetime(2026, 3, 6, 1, 15, tzinfo=UTC), 790),
        (date(2026, 3, 9), datetime(2026, 3, 9, 0, 15, tzinfo=UTC), 790),  # and forward
    ],
)
def test_a_change_of_clocks_moves_the_night_in_utc_and_not_in_new_york(
    day: date, opened: datetime, minutes: int
) -> None:
    """The night session keeps its wall-clock hours and its length over both changes of clocks."""
    night = sessions(Schedule.INDEX_OPTIONS, regular_day(day))[0]
    assert night.open_at.astimezone(UTC) == opened
    assert (night.close_at.astimezone(UTC) - night.open_at.astimezone(UTC)) == timedelta(minutes=minutes)
    assert trading(Schedule.INDEX_OPTIONS, day)[0].endswith(f"{day:%Y%m%d}:0825")


def test_a_date_is_closed_when_no_session_begins_or_ends_on_it() -> None:
    """A Sunday on which the evening session opens is not called closed; the Saturday before it is."""
    zone = Schedule.VX_FUTURES.zone
    sunday = Span(datetime(2026, 8, 2, 18, tzinfo=zone), datetime(2026, 8, 3, 16, tzinfo=zone))
    text = hours_text([sunday], date(2026, 8, 1), zone)
    assert text.startswith("20260801:CLOSED;20260802:1800-20260803:1600;20260804:CLOSED")
