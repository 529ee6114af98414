"""Readers: ranges, sessions, hashes, tails, also while the bot writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.journal import (
    Journal,
    JournalError,
    codec,
    journal_hash,
    read_events,
    read_outcomes,
    sessions,
    tail,
    verify,
)
from strategies.domain.events import Envelope
from tests.bot.journal.facts import OPEN, envelope, fact, fill, trade_date

Open = Callable[[], Journal]


def days(journal: Journal, counts: list[int]) -> list[Envelope]:
    """`counts` facts a day on consecutive days."""
    written = []
    for day, count in enumerate(counts):
        for _ in range(count):
            written.append(
                journal.append_event(Envelope(journal.next_seq, OPEN + timedelta(days=day), fact(journal.next_seq)))
            )
    journal.commit(durable=False)
    return written


def test_an_empty_journal_has_nothing_and_is_sound(path: Path, opened: Open) -> None:
    """A journal just created reads as empty, not as damaged."""
    opened().close()
    assert list(read_events(path)) == []
    assert list(read_outcomes(path)) == []
    assert sessions(path) == []
    assert tail(path, 5) == []
    assert list(read_events(path, session="2018-10-17")) == []
    assert verify(path).sound
    assert verify(path).head == codec.GENESIS.hex()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_each_session_holds_its_own_records(counts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sessions are those with records, in order, and together they are the whole journal."""
    path = tmp_path_factory.mktemp("days") / "journal.sqlite3"
    journal = Journal.open(path, clock_session=trade_date)
    written = days(journal, counts)
    journal.close()
    wanted = [trade_date(OPEN + timedelta(days=day)) for day, count in enumerate(counts) if count]
    assert sessions(path) == wanted
    assert [e for day in wanted for e in read_events(path, session=day)] == written
    assert list(read_events(path, session="2018-10-16")) == []
    assert list(read_events(path, session="2030-01-01")) == []


@pytest.mark.parametrize(
    ("low", "high"), [(1, 600), (1, 1), (255, 258), (256, 256), (257, 600), (600, 600), (601, 700)]
)
def test_a_range_is_read_whole_over_page_borders(path: Path, opened: Open, low: int, high: int) -> None:
    """from_seq and to_seq are inclusive wherever they fall."""
    journal = opened()
    for _ in range(600):
        journal.append_event(envelope(journal.next_seq))
    journal.close()
    assert [e.seq for e in read_events(path, from_seq=low, to_seq=high)] == list(range(low, min(high, 600) + 1))


def test_the_tail_shows_the_last_records_of_all_kinds(path: Path, opened: Open) -> None:
    """The newest records come oldest first, with what they hold as plain values."""
    journal = opened()
    fill(journal, 3)
    journal.append_outcome(3, OPEN, {"moves": []})
    journal.commit(durable=False)
    event, outcome = tail(path, 2)
    assert (event.seq, event.kind, event.body["type"], event.cause_seq) == (3, "event", "timer_fired", None)
    assert (outcome.seq, outcome.kind, outcome.body, outcome.cause_seq) == (4, "outcome", {"moves": []}, 3)
    assert outcome.session == "2018-10-17"
    assert len(tail(path, 100)) == 4
    journal.close()


def test_a_reader_in_progress_neither_blocks_nor_misleads(path: Path, opened: Open) -> None:
    """While a reader stands in the middle the bot goes on writing; the reader ends where the journal ended at start."""
    journal = opened()
    fill(journal, 300)
    reading = read_events(path)
    assert next(reading).seq == 1
    fill(journal, 50)
    journal.commit(durable=True)
    assert [e.seq for e in reading] == list(range(2, 301))
    journal.close()


def test_two_runs_that_did_the_same_have_the_same_hash(tmp_path: Path) -> None:
    """The hash depends on facts and outcomes only; one other fact makes another hash; checkpoints do not count."""
    hashes = []
    for name, extra, state in (("a", 3, b"{}"), ("b", 3, b'{"x":1}'), ("c", 6, b"{}")):
        journal = Journal.open(tmp_path / name, clock_session=trade_date)
        fill(journal, 5)
        journal.append_outcome(5, OPEN, {"decision": 1})
        journal.append_checkpoint(OPEN, state)
        journal.append_event(Envelope(8, OPEN + timedelta(days=1), fact(extra)))
        journal.close()
        hashes.append((journal_hash(journal.path), journal_hash(journal.path, "2018-10-17")))
    assert hashes[0] == hashes[1]
    assert hashes[0][0] != hashes[2][0]
    assert hashes[0][1] == hashes[2][1]
    assert hashes[0][0] != hashes[0][1]


def test_a_reader_creates_nothing(path: Path) -> None:
    """Looking at a journal that is not there says so and leaves the directory as it was."""
    with pytest.raises(JournalError, match="no journal there"):
        list(read_events(path))
    assert list(path.parent.iterdir()) == []


def test_an_event_of_another_version_is_named(path: Path, opened: Open) -> None:
    """An intact record with an unknown tag is a matter of versions, and the message says so."""
    journal = opened()
    fill(journal, 1)
    journal._append(OPEN, codec.EVENT, None, b'{"type":"teleported"}')
    journal.close()
    with pytest.raises(JournalError, match="event 2 is intact but unknown to this version"):
        list(read_events(path))
    assert verify(path).sound


def test_sql_reads_bodies_as_json(path: Path, opened: Open) -> None:
    """Bodies are JSON text, so that sqlite3's own JSON functions work on them."""
    journal = opened()
    fill(journal, 3)
    journal.close()
    shell = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = shell.execute("SELECT json_extract(body, '$.type') FROM records ORDER BY seq").fetchall()
    shell.close()
    assert rows == [("fault_noted",), ("quotes_updated",), ("timer_fired",)]
