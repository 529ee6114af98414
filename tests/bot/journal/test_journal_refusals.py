"""Wrong files are refused whole, each with what is wrong, where, and what to do."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.journal import Journal, JournalDamaged, JournalError, read_events, schema, verify
from tests.bot.journal.facts import envelope, fill, trade_date
from tests.bot.journal.test_journal_store import largest_file
from tests.bot.privileges import nobody, public_dir

Open = Callable[[], Journal]


def written(opened: Open, count: int = 60) -> Path:
    """A sound, closed journal."""
    journal = opened()
    fill(journal, count)
    journal.close()
    return journal.path


def foreign(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.commit()
    other.close()


def newer(path: Path) -> None:
    schema.create(path)
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=2")
    other.close()


def another_layout(path: Path) -> None:
    schema.create(path)
    other = sqlite3.connect(path)
    other.execute("ALTER TABLE records ADD COLUMN note TEXT")
    other.close()


def headless(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"records")


WRONG: list[tuple[Callable[[Path], object], type[JournalError], str]] = [
    (foreign, JournalError, "SQLite database of another program"),
    (lambda p: p.write_text("at,price\n2018-10-17,2809.21\n" * 9), JournalError, "not a SQLite file"),
    (lambda p: p.write_bytes(b""), JournalDamaged, "is empty; a journal never is"),
    (lambda p: p.write_bytes(b"SQLite format 3\x00" + bytes(20)), JournalDamaged, "cut off after 36 bytes"),
    (lambda p: p.write_bytes(b"SQLi"), JournalDamaged, "cut off after 4 bytes"),
    (lambda p: p.mkdir(), JournalError, "is a directory"),
    (newer, JournalError, "a newer schema, version 2; this program reads version 1"),
    (another_layout, JournalDamaged, "its tables are not those"),
    (headless, JournalDamaged, "is missing, but its -wal file is there"),
    (lambda p: p.symlink_to(p.parent / "gone"), JournalError, "no journal there"),
]


@pytest.mark.parametrize(("make", "kind", "text"), WRONG)
def test_a_wrong_file_is_refused_and_left_alone(
    path: Path, opened: Open, make: Callable[[Path], object], kind: type[JournalError], text: str
) -> None:
    """The message names the file, the fault and a remedy; the file is not touched."""
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(JournalError, match=re.escape(text)) as refusal:
        opened()
    assert type(refusal.value) is kind
    assert str(path) in str(refusal.value)
    assert re.search(r"--state|restore a backup", str(refusal.value))
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The journal does not invent its directory."""
    with pytest.raises(JournalError, match=r"directory .*nowhere does not exist"):
        Journal.open(tmp_path / "nowhere" / "journal.sqlite3", clock_session=trade_date)


def test_a_directory_without_write_permission_is_refused() -> None:
    """Neither a new journal nor an existing one is opened where nothing can be written."""
    with public_dir(0o555) as state, nobody(), pytest.raises(JournalError, match="cannot be created") as refusal:
        Journal.open(state / "journal.sqlite3", clock_session=trade_date)
    assert "Check owner and mode" in str(refusal.value)


def test_a_journal_without_write_permission_is_refused_but_can_be_read() -> None:
    """A copy kept as evidence opens for readers only, also where no lock file can be made."""
    with public_dir(0o700) as state:
        path = state / "journal.sqlite3"
        with nobody():
            written(lambda: Journal.open(path, clock_session=trade_date), 5)
            path.chmod(0o400)
            state.chmod(0o500)
            with pytest.raises(JournalError, match="cannot be written"):
                Journal.open(path, clock_session=trade_date)
            assert [e.seq for e in read_events(path)] == [1, 2, 3, 4, 5]
            assert verify(path).sound


def test_a_full_disk_creates_nothing(path: Path, opened: Open) -> None:
    """With no room for a new journal there is an error and no half file; later it succeeds."""
    with largest_file(2000), pytest.raises(JournalError, match="cannot be created"):
        opened()
    assert not path.exists()
    assert written(opened, 3) == path
    assert not path.with_name("journal.sqlite3.new").exists()


def test_a_creation_that_was_cut_short_is_begun_again(path: Path, opened: Open) -> None:
    """Leftovers of a creation that died are not a journal and are replaced."""
    path.with_name(path.name + ".new").write_bytes(b"half")
    written(opened, 3)
    assert verify(path).sound


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_truncated_file_is_refused(path: Path, opened: Open, share: float) -> None:
    """Wherever the file is cut, the bot does not start on it and readers do not read it."""
    whole = written(opened).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(JournalDamaged, match="cut off"):
        opened()
    with pytest.raises(JournalDamaged, match="cut off"):
        list(read_events(path))


def test_a_torn_wal_gives_a_true_prefix(tmp_path: Path) -> None:
    """Whatever was lost at the end of the WAL, what remains is a whole prefix, sound, and can be continued."""
    source = Journal.open(tmp_path / "source", clock_session=trade_date)
    fill(source, 25)
    wal = Path(f"{source.path}-wal").read_bytes()
    lengths = set()
    for number, cut in enumerate([*range(0, len(wal), max(1, len(wal) // 23)), len(wal) - 1, len(wal)]):
        path = tmp_path / f"copy{number}"
        shutil.copy(source.path, path)
        Path(f"{path}-wal").write_bytes(wal[:cut])
        journal = Journal.open(path, clock_session=trade_date)
        kept = journal.next_seq - 1
        lengths.add(kept)
        fill(journal, 1)
        journal.close()
        assert list(read_events(path)) == [envelope(seq) for seq in range(1, kept + 2)]
        assert verify(path).sound
    source.close()
    assert {0, 25} <= lengths
    assert len(lengths) > 5


def test_a_flipped_bit_never_passes_for_a_record(path: Path, opened: Open) -> None:
    """Wherever a bit flips, readers give the true records or refuse; never an altered one."""
    whole = written(opened, 40).read_bytes()
    true = [envelope(seq) for seq in range(1, 41)]
    found = 0
    for offset in range(3, len(whole), 211):
        flipped = bytearray(whole)
        flipped[offset] ^= 1 << (offset % 8)
        path.write_bytes(flipped)
        try:
            assert list(read_events(path)) == true, offset
        except JournalError:
            found += 1
    assert found > 0.5 * len(whole) / 211


@pytest.mark.parametrize("seq", [1, 20, 40])
def test_an_altered_record_is_found_and_named(path: Path, opened: Open, seq: int) -> None:
    """One changed character in any body is reported by verify with the record's number."""
    whole = written(opened, 40).read_bytes()
    mark = f'"F{seq}"'.encode() if seq % 3 == 1 else f"pulse-{seq}".encode() if seq % 3 == 0 else b'"bid":20.0'
    assert whole.count(mark) >= 1
    path.write_bytes(whole.replace(mark, mark[:-2] + b"7" + mark[-1:]))
    found = verify(path)
    assert not found.sound
    assert found.problem is not None
    assert "does not match its hash" in found.problem
    with pytest.raises(JournalDamaged, match="was altered"):
        list(read_events(path))


@pytest.mark.parametrize(
    ("tamper", "text"),
    [
        ("DELETE FROM records WHERE seq = 30", "record 30 is missing"),
        ("DELETE FROM records WHERE seq = 1", "record 1 is missing"),
        ("UPDATE records SET at = '2018-10-17T13:30:31.000000Z' WHERE seq = 30", "record 30 does not match"),
        ("UPDATE records SET session = '2018-10-18' WHERE seq = 30", "record 30 does not match"),
        ("UPDATE records SET chain = zeroblob(32) WHERE seq = 30", "record 30 does not match"),
        ("UPDATE records SET kind = 'outcome', cause_seq = 1 WHERE seq = 30", "record 30 does not match"),
    ],
)
def test_tampering_with_sql_is_found(path: Path, opened: Open, tamper: str, text: str) -> None:
    """Even with the triggers dropped and put back, a changed record shows, at the next start and in a check."""
    written(opened, 40)
    shell = sqlite3.connect(path)
    triggers = [row[0] for row in shell.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    for name in ("records_never_change", "records_never_vanish"):
        shell.execute(f"DROP TRIGGER {name}")
    shell.execute(tamper)
    for trigger in triggers:
        shell.execute(trigger)
    shell.commit()
    shell.close()
    assert text in (verify(path).problem or "")
    with pytest.raises(JournalDamaged, match=text):
        opened()


def test_a_forged_record_with_a_fresh_hash_breaks_the_next(path: Path, opened: Open) -> None:
    """Each hash covers all before it: who alters a record and reckons its hash anew is found at the record after."""
    written(opened, 40)
    shell = sqlite3.connect(path)
    (trigger,) = shell.execute("SELECT sql FROM sqlite_master WHERE name = 'records_never_change'").fetchone()
    shell.execute("DROP TRIGGER records_never_change")
    columns = "seq, at, kind, session, cause_seq, CAST(body AS BLOB), chain"
    rows = dict(enumerate(shell.execute(f"SELECT {columns} FROM records WHERE seq IN (29, 30)"), start=29))
    seq, at, kind, session, cause, body, _ = rows[30]
    forged = body.replace(b"pulse-30", b"pulse-31")
    assert forged != body
    record = f"{seq}|{at}|{kind}|{session}|{'' if cause is None else cause}|".encode() + forged
    fresh = hashlib.sha256(rows[29][6] + record).digest()
    shell.execute("UPDATE records SET body = CAST(? AS TEXT), chain = ? WHERE seq = 30", (forged, fresh))
    shell.execute(trigger)
    shell.commit()
    shell.close()
    assert "record 31 does not match" in (verify(path).problem or "")
