"""The writer: order, durability, sessions, checkpoints, and the end after a failed write."""

from __future__ import annotations

import resource
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.journal import (
    Journal,
    JournalWriteFailed,
    RecordRefused,
    last_checkpoint,
    read_events,
    read_outcomes,
    schema,
    sessions,
    verify,
)
from strategies.domain.events import Envelope
from tests.bot.journal.facts import OPEN, envelope, fact, fill, trade_date

Open = Callable[[], Journal]


@contextmanager
def largest_file(limit_bytes: int) -> Iterator[None]:
    """Within it no file of this process can grow beyond the limit: the kernel answers like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def wal(path: Path) -> Path:
    return Path(f"{path}-wal")


def test_events_and_outcomes_share_one_counter(path: Path, opened: Open) -> None:
    """Events and what their steps produced come back in order, each outcome tied to its event."""
    journal = opened()
    assert journal.next_seq == 1
    journal.append_event(envelope(1))
    assert journal.append_outcome(1, OPEN, {"decisions": ["hold"]}) == 2
    journal.append_event(envelope(3))
    journal.close()
    assert list(read_events(path)) == [envelope(1), envelope(3)]
    assert [(o.seq, o.cause_seq, o.at, o.body) for o in read_outcomes(path)] == [(2, 1, OPEN, {"decisions": ["hold"]})]
    assert verify(path).sound


def test_a_second_opening_continues_the_count_and_the_chain(path: Path, opened: Open) -> None:
    """After a restart the next record has the next number and links to the last one."""
    for count in (3, 4, 300):
        journal = opened()
        fill(journal, count)
        journal.close()
    assert list(read_events(path)) == [envelope(seq) for seq in range(1, 308)]
    assert verify(path).sound


@pytest.mark.parametrize("seq", [0, 1, 3])
def test_an_event_out_of_order_is_refused(opened: Open, seq: int) -> None:
    """Only the next seq is taken; nothing of the refused one is written."""
    journal = opened()
    fill(journal, 1)
    with pytest.raises(RecordRefused, match=f"seq {seq}, the next one is 2"):
        journal.append_event(Envelope(seq, OPEN, fact(seq)))
    fill(journal, 1)
    journal.close()
    assert verify(journal.path).records == 2


def test_an_outcome_must_name_an_event_before_it(opened: Open) -> None:
    """An outcome of an event not yet written is refused."""
    journal = opened()
    fill(journal, 1)
    with pytest.raises(RecordRefused, match="outcome names event 2"):
        journal.append_outcome(2, OPEN, {})
    journal.close()


def test_the_file_and_its_wal_are_the_owners_alone(path: Path, opened: Open) -> None:
    """Account data is mode 0600 whatever the umask."""
    journal = opened()
    fill(journal, 1)
    assert {stat.S_IMODE(file.stat().st_mode) for file in (path, wal(path))} == {0o600}
    journal.close()


def test_uncommitted_records_are_not_visible(path: Path, opened: Open) -> None:
    """A reader sees what was committed, also while the bot writes."""
    journal = opened()
    fill(journal, 2)
    journal.append_event(envelope(3))
    assert [e.seq for e in read_events(path)] == [1, 2]
    journal.commit(durable=True)
    assert [e.seq for e in read_events(path)] == [1, 2, 3]
    journal.close()


def statements(journal: Journal, commit: Callable[[], None]) -> list[str]:
    """What SQLite was told to do in a commit."""
    seen: list[str] = []
    journal._db.set_trace_callback(seen.append)
    commit()
    journal._db.set_trace_callback(None)
    return seen


def test_a_durable_commit_also_makes_earlier_ones_durable(opened: Open) -> None:
    """With nothing new to write, a durable commit after a fast one still writes once under FULL, then not again."""
    journal = opened()
    journal.append_event(envelope(1))
    fast = statements(journal, lambda: journal.commit(durable=False))
    durable = statements(journal, lambda: journal.commit(durable=True))
    again = statements(journal, lambda: journal.commit(durable=True))
    assert fast[0] == "PRAGMA synchronous=NORMAL"
    assert durable[0] == "PRAGMA synchronous=FULL"
    assert durable[1].startswith("UPDATE")
    assert again == []
    assert journal._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    journal.close()


def test_the_wal_is_folded_into_the_file_as_it_grows(path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long session does not grow the WAL without bound, and fast commits do the folding."""
    monkeypatch.setattr("bot.journal.store._FOLD_BYTES", 50_000)
    journal = opened()
    fill(journal, 400)
    assert path.stat().st_size > 100_000
    assert wal(path).stat().st_size < 500_000
    assert len(list(read_events(path))) == 400
    journal.close()


def test_a_clock_stepping_back_over_midnight_reorders_nothing(path: Path, opened: Open) -> None:
    """Records keep their order and stay in the later session; the check says the clock was wrong once."""
    journal = opened()
    for hours in (0, 24, 23 - 13.6, 25):
        journal.append_event(Envelope(journal.next_seq, OPEN + timedelta(hours=hours), fact(3)))
    journal.close()
    assert sessions(path) == ["2018-10-17", "2018-10-18"]
    assert [e.seq for e in read_events(path, session="2018-10-18")] == [2, 3, 4]
    found = verify(path)
    assert found.sound
    assert found.clock_steps_back == 1


def test_the_last_checkpoint_is_found_and_hides_no_event(path: Path, opened: Open) -> None:
    """A start reads the newest state and the events after it; a full replay still reads all events."""
    journal = opened()
    assert last_checkpoint(path) is None
    fill(journal, 2)
    journal.append_checkpoint(OPEN, b'{"condors": 1}')
    journal.append_event(envelope(4))
    assert journal.append_checkpoint(OPEN, b'{"condors": 2}') == 5
    journal.append_event(envelope(6))
    journal.close()
    found = last_checkpoint(path)
    assert found is not None
    assert (found.seq, found.body) == (5, b'{"condors": 2}')
    assert [e.seq for e in read_events(path, from_seq=found.seq + 1)] == [6]
    assert [e.seq for e in read_events(path)] == [1, 2, 4, 6]
    assert verify(path).checkpoints == 2


def test_a_checkpoint_must_be_an_object(opened: Open) -> None:
    """A state that is no JSON object is refused before it hides the good one."""
    journal = opened()
    with pytest.raises(RecordRefused, match="must be a JSON object"):
        journal.append_checkpoint(OPEN, b"[]")
    journal.close()


def test_a_full_disk_ends_writing_and_keeps_what_was_safe(path: Path, opened: Open) -> None:
    """The failed commit says so, nothing is written afterwards even with room again, and the rest reads well."""
    journal = opened()
    fill(journal, 20)
    journal.commit(durable=True)
    with largest_file(wal(path).stat().st_size + 9000), pytest.raises(JournalWriteFailed, match="write failed"):
        fill(journal, 400)
    assert journal.failed is not None
    size = wal(path).stat().st_size
    for write in (
        lambda: journal.append_event(envelope(journal.next_seq)),
        lambda: journal.append_outcome(1, OPEN, {}),
        lambda: journal.commit(durable=True),
    ):
        with pytest.raises(JournalWriteFailed, match="nothing more is written after"):
            write()
    assert wal(path).stat().st_size == size
    journal.close()
    safe = list(read_events(path))
    assert safe == [envelope(seq) for seq in range(1, len(safe) + 1)]
    assert len(safe) >= 20
    resumed = opened()
    assert resumed.next_seq == len(safe) + 1
    fill(resumed, 1)
    resumed.close()
    assert verify(path).sound


def test_a_locked_journal_fails_with_the_reason(path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's write lock ends writing and the message says whose fault it may be."""
    monkeypatch.setattr(schema, "_connect", lambda where, mode, timeout_s: short(where, mode))
    journal = opened()
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    journal.append_event(envelope(1))
    with pytest.raises(JournalWriteFailed, match="holds the journal's write lock"):
        journal.commit(durable=True)
    shell.close()
    journal.close()


def short(where: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{where}?mode={mode}", uri=True, isolation_level=None, timeout=0.0)


def test_an_interrupt_in_a_commit_ends_writing(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between begin and commit leaves it open what reached the disk, so nothing follows it."""
    journal = opened()
    journal.append_event(envelope(1))

    def interrupt(level: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "_use_synchronous", interrupt)
    with pytest.raises(KeyboardInterrupt):
        journal.commit(durable=True)
    with pytest.raises(JournalWriteFailed, match="interrupted while writing"):
        journal.append_event(envelope(2))
    journal.close()


def test_closing_commits_durably_and_may_be_repeated(path: Path, opened: Open) -> None:
    """An orderly end loses nothing; a second close does nothing; a closed journal takes nothing."""
    journal = opened()
    journal.append_event(envelope(1))
    journal.close()
    journal.close()
    assert [e.seq for e in read_events(path)] == [1]
    with pytest.raises(JournalWriteFailed, match="closed"):
        journal.append_event(envelope(2))


def test_records_cannot_be_edited_with_sql(path: Path, opened: Open) -> None:
    """The file itself refuses UPDATE and DELETE, so a slip in a SQL shell changes nothing."""
    journal = opened()
    fill(journal, 2)
    journal.close()
    shell = sqlite3.connect(path)
    for slip in ("UPDATE records SET body = '{}'", "DELETE FROM records WHERE seq = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            shell.execute(slip)
    shell.close()
    assert trade_date(OPEN) in sessions(path)
