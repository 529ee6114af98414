"""Sessions of Cboe index options derived from New York's, checked against the broker, and the list of events."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from bot.calendar import CalendarError, ExchangeCalendar, calendar_fact, covered_from, load_events
from bot.settings.load import CONFIG_DIR
from strategies.domain.session import NEW_YORK, MacroEvent, SessionDay

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def exchange() -> ExchangeCalendar:
    return ExchangeCalendar(date(2024, 12, 1), date(2026, 12, 31))


def on(exchange: ExchangeCalendar, day: date, hours: object = "silent") -> SessionDay | None:
    broker = None if hours == "silent" else {day: hours}
    found = exchange.sessions(day, day, broker)  # type: ignore[arg-type]
    return found[0] if found else None


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


# the exchange's days ------------------------------------------------------------------------------
def test_a_full_day_ends_fifteen_minutes_after_the_index(exchange: ExchangeCalendar) -> None:
    """Index and expiring options stop at 16:00, other SPX options at 16:15."""
    day = date(2025, 3, 12)
    assert on(exchange, day) == SessionDay(day, at(day, 9, 30), at(day, 16), at(day, 16, 15))


@pytest.mark.parametrize("day", [date(2025, 7, 3), date(2025, 12, 24), date(2026, 11, 27)])
def test_early_closes(exchange: ExchangeCalendar, day: date) -> None:
    """The day before a holiday ends at 13:00 for the index and at 13:15 for options."""
    assert on(exchange, day) == SessionDay(day, at(day, 9, 30), at(day, 13), at(day, 13, 15), early_close=True)


@pytest.mark.parametrize(
    "day",
    [date(2025, 1, 9), date(2025, 1, 1), date(2025, 4, 18), date(2025, 6, 19), date(2026, 7, 3), date(2026, 12, 25),
     date(2025, 3, 8)],
)  # fmt: skip
def test_closed_days(exchange: ExchangeCalendar, day: date) -> None:
    """Holidays, weekends and the day of mourning of 9 January 2025 are no sessions."""
    assert on(exchange, day) is None


def test_the_clock_change_moves_utc_not_new_york(exchange: ExchangeCalendar) -> None:
    """Around the spring change the session opens at 9:30 in New York on both sides."""
    friday, monday = on(exchange, date(2025, 3, 7)), on(exchange, date(2025, 3, 10))
    assert friday is not None
    assert monday is not None
    assert (friday.open_at.astimezone(UTC).hour, monday.open_at.astimezone(UTC).hour) == (14, 13)
    assert friday.open_at.timetz().replace(tzinfo=None) == monday.open_at.timetz().replace(tzinfo=None) == time(9, 30)


def test_days_beyond_the_first_stretch_are_loaded_when_asked_for() -> None:
    """A history of years outlives the first year of sessions: the calendar never runs out into closed days."""
    exchange = ExchangeCalendar(date(2020, 1, 1), date(2020, 3, 1))
    assert on(exchange, date(2021, 11, 26)) is not None
    assert on(exchange, date(2020, 1, 2)) is not None


# the broker's word --------------------------------------------------------------------------------
FULL = date(2025, 3, 12)
EARLY = date(2025, 12, 24)


@pytest.mark.parametrize("close", [at(FULL, 16), at(FULL, 16, 15)])
def test_the_broker_may_quote_the_close_of_the_index_or_of_the_options(
    exchange: ExchangeCalendar, close: datetime
) -> None:
    """Both closes agree with the calendar; neither shortens the day."""
    session = on(exchange, FULL, (at(FULL, 9, 30).astimezone(UTC), close))
    assert session == on(exchange, FULL)


@pytest.mark.parametrize(
    ("opens", "closes", "session"),
    [
        (at(FULL, 9, 30), at(FULL, 13, 15), SessionDay(FULL, at(FULL, 9, 30), at(FULL, 13, 15), at(FULL, 13, 15),
                                                       agreed=False)),
        (at(FULL, 10), at(FULL, 16, 15), SessionDay(FULL, at(FULL, 10), at(FULL, 16), at(FULL, 16, 15), agreed=False)),
        (at(FULL, 8), at(FULL, 17), SessionDay(FULL, at(FULL, 9, 30), at(FULL, 16), at(FULL, 16, 15), agreed=False)),
    ],
    ids=["earlier close", "later open", "longer day"],
)  # fmt: skip
def test_where_broker_and_calendar_differ_the_stricter_wins(
    exchange: ExchangeCalendar, opens: datetime, closes: datetime, session: SessionDay
) -> None:
    """The later open and the earlier close hold, and the day is marked as not agreed (CAL-01)."""
    assert on(exchange, FULL, (opens, closes)) == session


def test_a_broker_that_misses_an_early_close_does_not_lengthen_it(exchange: ExchangeCalendar) -> None:
    """A calendar's 13:15 stands against the broker's 16:15, as not agreed."""
    session = on(exchange, EARLY, (at(EARLY, 9, 30), at(EARLY, 16, 15)))
    assert session == SessionDay(EARLY, at(EARLY, 9, 30), at(EARLY, 13), at(EARLY, 13, 15), True, agreed=False)


def test_a_day_the_broker_is_closed_is_no_session(exchange: ExchangeCalendar) -> None:
    """An unannounced closure comes from the broker; a day it says nothing about stays as the calendar has it."""
    assert on(exchange, FULL, None) is None
    assert exchange.sessions(FULL, FULL, {FULL + DAY: None}) == exchange.sessions(FULL, FULL)


# events -------------------------------------------------------------------------------------------
GOOD = """
[coverage]
FOMC = 2026-12-09
CPI = 2026-07-14
[[event]]
date = 2026-01-28
time = 14:00:00
kind = "FOMC"
[[event]]
date = 2026-01-13
time = 08:30:00
kind = "CPI"
source = "published schedule"
"""


def events_in(tmp_path: Path, text: str, name: str = "events.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_events_come_in_order_in_utc_with_the_shorter_coverage(tmp_path: Path) -> None:
    """New York release times become UTC, and the list reaches only as far as its shortest kind."""
    events, until = load_events(events_in(tmp_path, GOOD), ("FOMC", "CPI"))
    assert [(e.kind, e.at) for e in events] == [
        ("CPI", datetime(2026, 1, 13, 13, 30, tzinfo=UTC)),
        ("FOMC", datetime(2026, 1, 28, 19, 0, tzinfo=UTC)),
    ]
    assert until == date(2026, 7, 14)


def test_the_shipped_list_covers_what_the_defaults_ask_for() -> None:
    """config/events.toml serves FOMC and CPI."""
    events, until = load_events(CONFIG_DIR / "events.toml", ("FOMC", "CPI"))
    assert until is not None
    assert events[0].at.date() < until


@pytest.mark.parametrize(
    ("name", "begins", "until"),
    [
        ("events-2008.toml", date(2008, 8, 14), date(2009, 4, 15)),
        ("events-2011.toml", date(2011, 6, 22), date(2011, 9, 14)),
    ],
)
def test_lists_of_past_crashes_name_the_source_of_every_date(name: str, begins: date, until: date) -> None:
    """The lists for simulations cover what they say and nothing more, on weekdays, each date with where it stands."""
    events, reach = load_events(CONFIG_DIR / name, ("FOMC", "CPI"))
    assert covered_from(events) == begins
    assert reach == until
    assert all(event.at.weekday() < 5 and ("official: " in event.source or "agree" in event.source
               or event.source.startswith(("two ", "a dated "))) for event in events)  # fmt: skip


def test_the_shipped_list_is_found_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relative path of the default configuration does not depend on where the command is given."""
    monkeypatch.chdir(tmp_path)
    assert load_events(Path("config/events.toml"), ("FOMC",))[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("CPI = 2026-07-14\n", ""), "number 2 of 2026-01-13 has kind 'CPI', which [coverage] does not list"),
        (('kind = "CPI"', 'kind = "CPX"'), "has kind 'CPX', which [coverage] does not list"),
        (("FOMC = 2026-12-09", 'FOMC = "soon"'), "needs one date per kind"),
        (("FOMC = 2026-12-09", "FOMC = 2026-12-09T00:00:00"), "needs one date per kind"),
        (("[[event]]\ndate = 2026-01-28", "[[events]]\ndate = 2026-01-28"), "unknown key events"),
        (("time = 14:00:00", 'time = "14:00"'), "[[event]] number 1"),
        (("date = 2026-01-28", 'date = "2026-01-28"'), "[[event]] number 1"),
        (("time = 14:00:00", "at = 14:00:00"), "[[event]] number 1"),
        (("[coverage]", "[coverage"), "not valid TOML"),
        (("date = 2026-01-28", "date = 2026-02-30"), "not valid TOML"),
    ],
)
def test_a_wrong_events_file_is_refused_whole(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    """A mistyped entry would be an FOMC day that nobody keeps away from, so nothing of the file is taken."""
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    path = events_in(tmp_path, text)
    with pytest.raises(CalendarError) as refused:
        load_events(path, ("FOMC", "CPI"))
    assert word in str(refused.value)
    assert str(refused.value).startswith(str(path))


def test_a_kind_without_coverage_or_events_is_refused(tmp_path: Path) -> None:
    """What the configuration wants covered must be in the list and have events."""
    path = events_in(tmp_path, GOOD + "")
    with pytest.raises(CalendarError, match="does not say how far PPI is complete"):
        load_events(path, ("FOMC", "PPI"))
    empty = events_in(tmp_path, "[coverage]\nFOMC = 2026-12-09\n")
    with pytest.raises(CalendarError, match="no event of kind FOMC"):
        load_events(empty, ("FOMC",))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("date,event\n2018-01-31,FOMC\n", "missing column time_et"),
        ("", "missing column date, event, time_et"),
        ("date,time_et,event\n2018-13-31,14:00,FOMC\n", ":2: month must be in 1..12"),
        ("date,time_et,event\n2018-01-31,2pm,FOMC\n", ":2: "),
        ("date,time_et,event\n2018-01-31,14:00,FOMC\n2018-01-31\n", ":3: "),
        ("date,time_et,event\n2018-01-31,14:00,\n", ":2: the column event is empty"),
        ("date,time_et,event\n2018-01-12,08:30,CPI\n", "does not say how far FOMC is complete"),
    ],
)
def test_a_wrong_csv_of_events_is_refused_with_its_line(tmp_path: Path, text: str, word: str) -> None:
    """The history folder's file is held to the same standard."""
    with pytest.raises(CalendarError) as refused:
        load_events(events_in(tmp_path, text, "macro_events.csv"), ("FOMC",))
    assert word in str(refused.value)


def test_a_csv_covers_each_kind_up_to_its_last_row(tmp_path: Path) -> None:
    """Without a coverage table the last row of the shortest kind is as far as the list is known to be complete."""
    text = "date,time_et,event,x\n2018-01-12,08:30,CPI,\n2018-01-31,14:00,FOMC,\n2018-03-21,14:00,FOMC,\n"
    events, until = load_events(events_in(tmp_path, text, "macro_events.csv"), ("FOMC", "CPI"))
    assert (len(events), until) == (3, date(2018, 1, 12))


@pytest.mark.parametrize(("name", "content"), [("none.toml", None), ("folder.toml", "dir"), ("b.toml", b"\xff\xfe")])
def test_an_unreadable_events_file_is_refused(tmp_path: Path, name: str, content: bytes | str | None) -> None:
    """Missing, a directory, not text."""
    path = tmp_path / name
    if content == "dir":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(CalendarError, match=name):
        load_events(path, ("FOMC",))


def test_a_list_covers_nothing_before_its_first_events(exchange: ExchangeCalendar) -> None:
    """A list that begins in 2025 does not speak for 2024: there `events_until` is unknown, so entries stop."""
    events = (
        MacroEvent(at(date(2025, 1, 15), 8, 30), "CPI"),
        MacroEvent(at(date(2025, 1, 29), 14), "FOMC"),
        MacroEvent(at(date(2025, 2, 12), 8, 30), "CPI"),
    )
    until = date(2025, 12, 10)
    assert covered_from(events) == date(2025, 1, 29)

    def told(today: date) -> date | None:
        return calendar_fact(exchange, today, None, events=events, events_until=until).events_until

    assert told(date(2024, 12, 20)) is None
    assert told(date(2025, 1, 28)) is None, "a meeting between the first CPI and the first FOMC may be missing"
    assert told(date(2025, 1, 29)) == until
    assert calendar_fact(exchange, FULL, None, events=(), events_until=until).events_until is None


def test_the_fact_has_the_days_and_events_around_today(exchange: ExchangeCalendar) -> None:
    """A week back for the rules that look at yesterday, eleven weeks ahead for the longest condor."""
    events = tuple(MacroEvent(at(date(2025, 1, 8) + DAY * n, 8, 30), "CPI") for n in range(300))
    fact = calendar_fact(exchange, FULL, None, events=events, events_until=date(2025, 10, 1))
    assert fact.sessions[0].day == date(2025, 3, 5)
    assert fact.sessions[-1].day == date(2025, 5, 23), "26 May is Memorial Day"
    assert (fact.events[0].at.date(), fact.events[-1].at.date()) == (date(2025, 3, 5), date(2025, 5, 26))
