"""Every row of the doctor passes where all is well and fails, with a remedy, when its own thing is broken."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import instance, latch, macro_file
from bot.cli.doctor import doctor
from bot.doctor import configured, gateway, kept, machine
from bot.doctor.kept import Running
from bot.doctor.row import Grade, Row
from bot.journal.store import Journal
from bot.notify.answers import Board, Question
from bot.settings.load import Loaded, load
from strategies.domain import events as ev
from strategies.domain.session import session_date
from tests.strategies.macro_samples import told

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
TODAY = date(2026, 11, 27)


def loaded(*assignments: str) -> Loaded:
    return load(profile="paper", assignments=assignments, environ={})


def failed(row: Row, *words: str) -> None:
    """A failure says what is wrong and what to do."""
    assert row.grade is Grade.FAIL, row
    assert row.remedy
    for word in words:
        assert word in row.text, row


def warned(row: Row, *words: str) -> None:
    assert row.grade is Grade.WARN, row
    assert row.remedy
    for word in words:
        assert word in row.text, row


def passed(row: Row) -> None:
    assert row.grade is Grade.PASS, row
    assert not row.remedy


# machine ----------------------------------------------------------------------------------------------
def test_python() -> None:
    """3.14 cannot import the client library."""
    passed(machine.python((3, 11)))
    passed(machine.python((3, 13)))
    failed(machine.python((3, 14)), "3.14")
    failed(machine.python((3, 10)), "3.10")


def test_packages() -> None:
    """Missing fails, another version warns, a marker's line is for other machines."""
    pins = "Click==8.5.1 \\\n    --hash=sha256:0\ncolorama==1.0 ; sys_platform == 'win32' \\\nibx_y==2.0\n"
    passed(machine.packages({"click": "8.5.1", "ibx-y": "2.0"}, pins))
    failed(machine.packages({"click": "8.5.1"}, pins), "ibx-y")
    warned(machine.packages({"click": "8.4", "ibx-y": "2.0"}, pins), "click 8.4 (tested 8.5.1)")
    warned(machine.packages({}, None))


def test_both_client_libraries() -> None:
    """They share a package; so do their eventkits even where one library was removed."""
    passed(machine.clients({"ib-insync": "0.9.86", "eventkit": "1.0.3"}))
    failed(machine.clients({"ib-insync": "0.9.86", "ib-async": "2.1.0", "eventkit": "1.0.3"}), "ib-async")
    failed(machine.clients({"ib-insync": "0.9.86", "eventkit": "1.0.3", "aeventkit": "2.1.0"}), "aeventkit")
    failed(machine.clients({"ib-async": "2.1.0", "aeventkit": "2.1.0"}), "ib_insync is not installed")


def test_disk(tmp_path: Path) -> None:
    """Little room fails before the journal does; a directory that is not there yet is measured above it."""
    passed(machine.disk(tmp_path / "not" / "yet", lambda path: 20 << 30))
    warned(machine.disk(tmp_path, lambda path: 2 << 30), "2.0 GiB")
    failed(machine.disk(tmp_path, lambda path: 100 << 20))


def test_clock() -> None:
    """A clock behind the journal fails; one that follows nothing is told."""
    passed(machine.clock(NOW, NOW - timedelta(hours=1), True))
    passed(machine.clock(NOW, None, None))
    failed(machine.clock(NOW, NOW + timedelta(minutes=1), True), "last record")
    warned(machine.clock(NOW, None, False))
    assert machine.kernel_synchronised() in (True, False, None)


# configured -------------------------------------------------------------------------------------------
def test_configuration() -> None:
    """The first problem's file and key are in the row."""
    row, found = configured.configuration(loaded)
    passed(row)
    assert found is not None
    row, found = configured.configuration(lambda: loaded("condor.entry.delta_put=16"))
    failed(row, "delta_put")
    assert found is None


def test_events_calendar() -> None:
    """The shipped list ends: the day on which entries stop is told long before, and named."""
    row = configured.releases(loaded(), TODAY)
    warned(row, "from 17 Dec 2026 entries are refused")
    passed(configured.releases(loaded(), date(2026, 9, 1)))
    failed(configured.releases(loaded(), date(2026, 12, 21)), "MACRO_CALENDAR_STALE")


def test_alerts(tmp_path: Path) -> None:
    """Nobody told warns; a bad file, no library or a broken channel fail; an open question warns."""
    path = tmp_path / "channels.toml"
    path.write_text('[channels]\nphone = "json://x"\n')
    path.chmod(0o600)
    named = loaded(f'notify.file="{path}"')
    passed(configured.alerts(named, tmp_path, True))
    warned(configured.alerts(loaded(), tmp_path, True), "notify.file is empty")
    failed(configured.alerts(named, tmp_path, False), "apprise")
    board(tmp_path, Board(open=(Question("a7", "k", "text", NOW),)))
    warned(configured.alerts(named, tmp_path, True), "a7")
    board(tmp_path, Board(channels={"phone": "not delivered"}))
    failed(configured.alerts(named, tmp_path, True), "phone (not delivered)")
    path.chmod(0o640)
    failed(configured.alerts(named, tmp_path, True), "640")
    path.write_text('[dead_man]\nurl = "https://x.example"\n')
    path.chmod(0o600)
    board(tmp_path, Board())
    warned(configured.alerts(named, tmp_path, True), "only a dead-man")


def board(place: Path, made: Board) -> None:
    import msgspec

    (place / "alerts.json").write_bytes(msgspec.json.encode(made))


def test_macro_inputs(tmp_path: Path) -> None:
    """Stale ones count nothing, which is told; a file that is refused fails."""
    passed(configured.macro_inputs(tmp_path, TODAY))
    path = tmp_path / macro_file.NAME
    row = told("erp_pct", 2.0, date(2026, 11, 25))
    macro_file.write(path, (row,))
    passed(configured.macro_inputs(tmp_path, TODAY))
    warned(configured.macro_inputs(tmp_path, row.until + timedelta(days=1)), "erp_pct")
    path.write_text("{}\n")
    failed(configured.macro_inputs(tmp_path, TODAY), "macro.jsonl:1")


# kept ---------------------------------------------------------------------------------------------------
def test_state_directory(tmp_path: Path) -> None:
    """Open to others fails, not there yet is fine, a file in its place fails."""
    state = tmp_path / "state"
    passed(kept.directory(state))
    state.mkdir(mode=0o700)
    passed(kept.directory(state))
    state.chmod(0o755)
    failed(kept.directory(state), "755")
    (tmp_path / "file").write_text("")
    failed(kept.directory(tmp_path / "file"))


@pytest.mark.parametrize(
    "name", ["web.token", "web.url", "killer.json", "killer.log.1", "approvers/ann.json", "alerts.json"]
)
def test_token_files(tmp_path: Path, name: str) -> None:
    """Each secret that others can read fails by name."""
    path = tmp_path / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text("secret")
    path.chmod(0o600)
    passed(kept.secrets(tmp_path))
    path.chmod(0o640)
    failed(kept.secrets(tmp_path), path.name)


def test_bot_and_lock(tmp_path: Path) -> None:
    """A hung bot fails, a lock left by a crash needs nothing, no bot is no trouble."""
    passed(kept.lock(tmp_path, Running(None, None), 30.0))
    (tmp_path / instance.LOCK_NAME).write_text("4711\n")
    left = kept.lock(tmp_path, Running(None, None), 30.0)
    passed(left)
    assert "4711" in left.text
    warned(kept.lock(tmp_path, Running(7, 8), 30.0), "not begun")
    beat = tmp_path / "heartbeat"
    beat.touch()
    os.utime(beat, (1000.0, 1000.0))
    passed(kept.lock(tmp_path, Running(7, 8), 30.0, 1010.0))
    failed(kept.lock(tmp_path, Running(7, 8), 30.0, 1031.0), "no step for 31 s")


def test_lock_is_asked_of_the_kernel(tmp_path: Path) -> None:
    """Held by this process it shows; let go it does not, whatever the file says."""
    with instance.acquire(tmp_path):
        assert kept.running(tmp_path).bot is not None
    assert kept.running(tmp_path) == Running(None, None)


def test_killer() -> None:
    """A bot without it fails; one without a bot is told; switched off is told."""
    passed(kept.killer(Running(7, 8), enabled=True))
    passed(kept.killer(Running(None, None), enabled=True))
    failed(kept.killer(Running(7, None), enabled=True))
    warned(kept.killer(Running(None, 8), enabled=True), "8")
    warned(kept.killer(Running(7, None), enabled=False))


def test_kill_latch(tmp_path: Path) -> None:
    """Who engaged it, when and why, with the account masked."""
    passed(kept.kill_latch(tmp_path))
    latch.engage(tmp_path / "KILL", "cli", "DU1234567 looks\nodd", NOW)
    row = kept.kill_latch(tmp_path)
    warned(row, "engaged by cli at 2026-11-27 15:00Z: DU***567 looks odd")
    assert "condor arm" in row.remedy


def test_journal(tmp_path: Path) -> None:
    """One altered byte fails; a file that is none of ours fails; none yet is fine."""
    assert kept.journal(tmp_path) == (kept.journal(tmp_path)[0], None)
    passed(kept.journal(tmp_path)[0])
    path = tmp_path / kept.JOURNAL
    store = Journal.open(path, clock_session=session_date)
    for number in range(3):
        store.append_event(ev.Envelope(store.next_seq, NOW, ev.FaultNoted(code="TEST", text=f"number {number}")))
    store.commit(durable=False)
    store.close()
    row, last = kept.journal(tmp_path)
    passed(row)
    assert last == NOW
    with sqlite3.connect(path) as db:
        table = db.execute("select name from sqlite_master where type='table' and sql like '%chain%'").fetchone()[0]
        for (trigger,) in db.execute("select name from sqlite_master where type='trigger'").fetchall():
            db.execute(f"drop trigger {trigger}")
        db.execute(f"update {table} set at = replace(at, '15', '16') where seq = 2")
    db.close()
    failed(kept.journal(tmp_path)[0], "damaged")
    path.write_text("not a journal")
    failed(kept.journal(tmp_path)[0])


# gateway ------------------------------------------------------------------------------------------------
def test_ports() -> None:
    """A closed port fails with what to start; a dashboard's port that is taken is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        passed(gateway.port("127.0.0.1", number))
        warned(gateway.web_port("127.0.0.1", number, enabled=True, bot_runs=False), str(number))
        passed(gateway.web_port("127.0.0.1", number, enabled=True, bot_runs=True))
        passed(gateway.web_port("127.0.0.1", number, enabled=False, bot_runs=False))
    failed(gateway.port("127.0.0.1", number), "refused")
    passed(gateway.web_port("127.0.0.1", number, enabled=True, bot_runs=False))


# the verb -----------------------------------------------------------------------------------------------
def test_the_verb_fails_with_the_worst_row_and_speaks_json(tmp_path: Path) -> None:
    """Exit 1 while the gateway's port is closed, 0 with one that answers; a bad configuration still shows the rest; the
    bot's own client id is not lent to the look."""
    state = ["--state", str(tmp_path / "state")]
    shut = CliRunner().invoke(doctor, [*state, "--json", "--set", "broker.port=9"])
    rows = {row["name"]: row for row in json.loads(shut.output)}
    assert shut.exit_code == 1
    assert rows["port"]["grade"] == "fail"
    assert rows["events calendar"]["grade"] in ("pass", "warn", "fail")
    bad = CliRunner().invoke(doctor, [*state, "--set", "broker.prot=9"])
    assert bad.exit_code == 1
    assert "Did you mean broker.port" in bad.output
    assert "kill latch" in bad.output
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        lent = CliRunner().invoke(
            doctor, [*state, "--broker", "--client-id", "17", "--set", f"broker.port={number}", "--set", "web.port=0"]
        )
    assert "client id 17 is broker.client_id" in lent.output
