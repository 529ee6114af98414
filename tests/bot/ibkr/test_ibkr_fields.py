"""Wire text into values: unknown numbers vanish, times never lean on the machine."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr import fields

NEW_YORK = ZoneInfo("America/New_York")
SENTINELS = [math.nan, math.inf, -math.inf, 1.7976931348623157e308, -1.7976931348623157e308]


@pytest.mark.parametrize("value", [*SENTINELS, *map(str, SENTINELS), "1.7976931348623157E308", "", None, "Infinity"])
def test_sentinels_are_unknown(value: object) -> None:
    """Every way the protocol writes `nothing` becomes None."""
    assert fields.number(value) is None


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_price_leaves_that_is_not_a_price(value: float) -> None:
    """A price is finite and not negative, a level also not zero, a size a whole number, or they are None."""
    price, level, size = fields.price(value), fields.positive(value), fields.count(value)
    assert price is None or (math.isfinite(price) and price >= 0.0)
    assert level is None or level > 0.0
    assert size is None or size >= 0
    if math.isfinite(value) and 0.0 <= value < 1e300:
        assert price == value


def test_nobody_and_nothing_differ() -> None:
    """-1 is nobody, 0 is a price for a bid but not for a level."""
    assert fields.price(-1.0) is None
    assert fields.price(0.0) == 0.0
    assert fields.positive(0.0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20181015 10:30:00 US/Eastern", datetime(2018, 10, 15, 14, 30, tzinfo=UTC)),
        ("20181015 10:30:00 Europe/Berlin", datetime(2018, 10, 15, 8, 30, tzinfo=UTC)),
        ("20181215 10:30:00 EST", datetime(2018, 12, 15, 15, 30, tzinfo=UTC)),
        ("20180615 10:30:00 EST", datetime(2018, 6, 15, 14, 30, tzinfo=UTC)),
        ("20181015-14:30:00", datetime(2018, 10, 15, 14, 30, tzinfo=UTC)),
        ("20181015  10:30:00", datetime(2018, 10, 15, 14, 30, tzinfo=UTC)),
    ],
)
def test_execution_times_become_utc(text: str, expected: datetime) -> None:
    """Every form of the protocol is read, summer time included; the short names mean places."""
    assert fields.moment(text, NEW_YORK) == expected
    assert fields.moment(text, NEW_YORK).tzinfo is UTC


@pytest.mark.parametrize("place", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_the_machines_zone_takes_no_part(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text gives the same moment wherever the process runs."""
    import time as machine

    monkeypatch.setenv("TZ", place)
    machine.tzset()
    try:
        assert fields.moment("20181015  10:30:00", NEW_YORK) == datetime(2018, 10, 15, 14, 30, tzinfo=UTC)
        assert fields.moment("20181015-14:30:00", NEW_YORK) == datetime(2018, 10, 15, 14, 30, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        machine.tzset()


@pytest.mark.parametrize(
    "text", ["", "20181015", "10:30:00", "20181015 10:30:00 Nowhere/Land", "20181315 10:30:00 UTC"]
)
def test_unreadable_times_are_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r".+"):
        fields.moment(text, NEW_YORK)


def test_hours_by_day() -> None:
    """Both written forms, several stretches and closed days are read in the contract's zone."""
    text = "20181015:0830-20181015:1515;20181016:0830-1200,20181016:1300-1500;20181017:CLOSED"
    found = fields.hours(text, ZoneInfo("US/Central"))
    assert found[date(2018, 10, 17)] is None
    first, second = found[date(2018, 10, 15)], found[date(2018, 10, 16)]
    assert first is not None
    assert second is not None
    assert first[1].astimezone(NEW_YORK).time() == time(16, 15)
    assert [moment.time() for moment in second] == [time(8, 30), time(15, 0)]


def test_hours_over_midnight_belong_to_the_day_they_close() -> None:
    """A session that opens on Sunday evening is Monday's."""
    found = fields.hours("20181014:1700-20181015:1500", ZoneInfo("US/Central"))
    assert list(found) == [date(2018, 10, 15)]


@pytest.mark.parametrize("value", [0.5, "0.5", float("nan"), 1.7976931348623157e308, None, ""])
def test_a_position_that_is_no_whole_number_is_refused_by_name(value: object) -> None:
    """F74: never rounded, never zero: the answer it stands in is not complete then."""
    with pytest.raises(ValueError, match="position"):
        fields.whole(value, "position")


def test_whole_positions_are_taken_with_their_sign() -> None:
    """As the client tells them, as floats."""
    assert [fields.whole(value, "position") for value in (2.0, -3.0, 0.0)] == [2, -3, 0]
