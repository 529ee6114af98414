"""Everything a person can get wrong: each refused whole, in words, with its documented exit code, nothing half-done."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

import bot.life  # noqa: F401  the client library asks for an event loop when it is first imported: here, not in a test
from bot.cli import exits
from bot.cli.root import cli
from bot.journal import Journal
from bot.sim.world.load import load_scenario
from strategies.domain.events import Envelope, FaultNoted
from strategies.domain.session import session_date
from tests.sim.world.conftest import HOLE, history_folder  # noqa: F401  a fixture

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("broker.connect_timeout_s=0.3", "broker.reconnect_initial_s=20", "run.pulse_s=1", "run.latch_poll_ms=50")
STARTS_S = 60.0
"""How long a process may take to come up on a busy machine; nothing waits that long when all is well."""


class Said(NamedTuple):
    """How a command ended and what it told."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No CONDOR_ variable of the machine takes part, and the umask of this process survives."""
    for name in [n for n in os.environ if n.upper().startswith("CONDOR_")]:
        monkeypatch.delenv(name)
    before = os.umask(0o022)
    yield
    os.umask(before)


def condor(*words: str | Path) -> Said:
    """A command given in this process: refusals need no other."""
    result = CliRunner().invoke(cli, [str(w) for w in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def sets(*assignments: str) -> list[str]:
    return [word for text in assignments for word in ("--set", text)]


def started(*words: str | Path, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before,  # noqa: PLW1509
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=STARTS_S)
    return Said(process.returncode, out, err)


@contextmanager
def running(state: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A bot in its own process against a port of this machine."""
    process = started("run", "--state", state, *sets(f"broker.port={port}", *QUICK))
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def status_of(state: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((state / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return told


def wait_for(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Looks until it is so; a process that ended or a machine that hangs fails the test."""
    deadline = time.monotonic() + STARTS_S
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """A server on loopback that accepts everybody and says nothing, or something else than a gateway would."""
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(server.accept()[0])
            except OSError:
                return
            if answer is not None:
                held[-1].sendall(answer)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in held:
            connection.close()


@pytest.fixture
def closed_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


# configuration ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("assignment", "word"),
    [
        ("risk.opne_condors=2", "Did you mean risk.open_condors?"),
        ("risk.condor_loss_hard_pct=400.0", "allowed is 0.01 to 100"),
        ("risk.daily_loss_halt_pct=nan", "finite"),
        ("account.id=U1234567", "live account"),
        ("condor.exit.time_exit_dte_days=35", "closed the day it is opened"),
        ("macro.events=none.toml", "the events calendar cannot be read"),
        ("broker.port=0", "greater than or equal to 1"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("sim", "--scenario", "calm"), ("config", "check")])
def test_a_wrong_setting_is_refused_before_anything_exists(
    state: Path, command: tuple[str, ...], assignment: str, word: str
) -> None:
    """Typo, range, NaN, live account, contradiction: exit 78, and neither journal nor directory is made."""
    said = condor(*command, "--state", state, "--set", assignment)
    assert said.code == exits.CONFIG
    assert word in said.err
    assert assignment.partition("=")[0] in said.err
    assert "Traceback" not in said.err
    assert not state.exists()


def test_a_mistyped_variable_is_refused_without_its_value(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is part of the configuration; its values are not repeated."""
    monkeypatch.setenv("CONDOR_RISK__OPEN_CONDORZ", "s3cret")
    said = condor("run", "--state", state)
    assert said.code == exits.CONFIG
    assert "CONDOR_RISK__OPEN_CONDORZ" in said.err
    assert "s3cret" not in said.err + said.out
    assert not state.exists()


def test_a_missing_config_file_and_profile_are_named(state: Path, tmp_path: Path) -> None:
    """--config and --profile that name nothing."""
    assert "cannot be read" in condor("run", "--state", state, "--config", tmp_path / "none.toml").err
    said = condor("run", "--state", state, "--profile", "live")
    assert said.code == exits.CONFIG
    assert "no such profile; there are " in said.err
    assert "paper" in said.err.partition("there are ")[2]


def test_a_refused_simulation_leaves_the_earlier_run_alone(state: Path) -> None:
    """--fresh empties nothing for a world or a setting that is refused."""
    state.mkdir(mode=0o700)
    kept = state / "journal.sqlite3"
    kept.write_bytes(b"the earlier run")
    assert condor("sim", "--scenario", "nope", "--fresh", "--state", state).code == exits.CONFIG
    assert condor("sim", "--scenario", "calm", "--fresh", "--state", state, "--set", "risk.x=1").code == exits.CONFIG
    assert kept.read_bytes() == b"the earlier run"


def test_a_folder_that_is_not_ours_is_never_emptied(state: Path) -> None:
    """--fresh on somebody's home directory is a mistake."""
    state.mkdir()
    (state / "thesis.tex").write_text("x")
    said = condor("sim", "--scenario", "calm", "--fresh", "--state", state)
    assert (said.code, "not touched" in said.err) == (exits.USAGE, True)
    assert (state / "thesis.tex").exists()


# command line -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("sim", "--history", "x", "--start", "2018-10-05", "--end", "2018-10-01"), "lies before --start"),
        (("sim", "--history", "x", "--start", "2018-10-05"), "needs --start YYYY-MM-DD and --end"),
        (("sim", "--history", "x", "--start", "2018-13-05", "--end", "2018-10-01"), "does not match the format"),
        (("sim", "--scenario", "calm", "--end", "2018-10-05"), "--end belongs to --history"),
        (("sim", "--scenario", "calm", "--history", "x"), "exclude each other"),
        (("sim", "--speed", "fast"), "neither a number nor 'max'"),
        (("sim", "--speed", "nan"), "above 0"),
        (("sim", "--tick", "nan"), "between 0.1 and 3600"),
        (("sim", "--seed", "-1"), "-1"),
        (("gateway", "--host", "0.0.0.0"), "loopback only"),
        (("gateway", "--port", "70000"), "70000"),
        (("gateway", "--server-version", "158"), "from 157 to 176, not 158"),
        (("gateway", "--control", "0.0.0.0:4003"), "is not loopback"),
        (("gateway", "--control", "4003"), "must be HOST:PORT such as 127.0.0.1:4003"),
        (("gateway", "--control", "127.0.0.1:70000"), "port 0 to 65535"),
        (("gateway", "--account", "1234567"), "is no account id: letters, then digits"),
        (("gateway", "--account", "DU1=lots"), "must be dollars from 0"),
        (("gateway", "--account", "DU1=nan"), "must be dollars from 0"),
        (("gateway", "--account", "DU1", "--account", "DU1=5"), "names an account twice"),
        (("gateway", "--limits", "none"), "'ib', 'off'"),
        (("gateway", "verbz"), "No such command"),
        (("fly",), "No such command"),
        (("config", "explain"), "needs a KEY"),
        (("config", "explain", "risk.open_condor"), "did you mean risk.open_condors?"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(words: tuple[str, ...], word: str) -> None:
    """The sentence names the option and what it takes."""
    said = condor(*words)
    assert (said.code, word in said.err) == (exits.USAGE, True), said


@pytest.mark.parametrize("verb", ["report", "replay", "why"])
def test_where_nothing_was_run_there_is_nothing_to_review(state: Path, verb: str) -> None:
    """Reading commands make no journal."""
    said = condor(verb, "--state", state)
    assert (said.code, "holds no journal" in said.err) == (exits.FAILED, True)
    assert not state.exists()


@pytest.mark.parametrize("verb", ["arm", "pause", "reduce"])
def test_commands_to_a_bot_that_does_not_run_end_with_5(state: Path, verb: str) -> None:
    """No command is left behind for a bot that starts tomorrow."""
    said = condor(verb, "-m", "x", "--state", state)
    assert (said.code, "no bot is running" in said.out) == (exits.NOT_RUNNING, True)
    assert not state.exists()
    assert condor("status", "--state", state).code == exits.NOT_RUNNING


# worlds -------------------------------------------------------------------------------------------
def test_a_scenario_with_an_unknown_key_is_refused(state: Path, tmp_path: Path) -> None:
    """File and key are named, with the keys there are."""
    shipped = ROOT / "bot/sim/world/scenarios/calm.toml"
    path = tmp_path / "mine.toml"
    path.write_text("volatilty = 3\n" + shipped.read_text())
    said = condor("sim", "--scenario", path, "--state", state)
    assert said.code == exits.CONFIG
    assert f"{path}: volatilty: unknown key" in said.err
    assert not state.exists()


@pytest.mark.parametrize("command", ["sim", "gateway"])
def test_a_scenario_whose_event_cannot_happen_is_refused(state: Path, tmp_path: Path, command: str) -> None:
    """An unknown verb and an impossible time are met before anything starts, and nothing is emptied."""
    calm = (ROOT / "bot/sim/world/scenarios/calm.toml").read_text()
    path = tmp_path / "mine.toml"
    state.mkdir()
    words = ("--state", str(state), "--fresh") if command == "sim" else ("--port", "0")
    for event, told in (
        ('verb = "restat"\nwhen = { day = 1, time = 10:00:00 }', "unknown verb 'restat' (did you mean 'restart'?)"),
        ('verb = "drop"\nwhen = { day = 99, time = 10:00:00 }', "when: day is 99; this world has days 1 to 15"),
    ):
        path.write_text(f"{calm}\n[[event]]\n{event}\n")
        said = condor(command, "--scenario", path, *words)
        assert (said.code, said.out) == (exits.CONFIG, "")
        assert f"{path}: event[1]: {told}" in said.err
        assert list(state.iterdir()) == []


@pytest.mark.parametrize(
    ("start", "end", "word"),
    [("2035-01-02", "2035-02-01", "out of range"), ("1950-01-02", "1950-02-01", "out of range"),
     (str(HOLE[0]), "2017-04-05", "date")],
)  # fmt: skip
@pytest.mark.usefixtures("history_folder")
def test_a_range_the_history_cannot_serve_is_refused(
    tmp_path: Path,
    state: Path,
    start: str,
    end: str,
    word: str,
) -> None:
    """Outside the files or beginning in a hole: the message names the file and the dates it has."""
    said = condor("sim", "--history", tmp_path, "--start", start, "--end", end, "--state", state)
    assert said.code == exits.CONFIG
    assert word in said.err
    assert "spx_daily.csv" in said.err
    assert not state.exists()


@pytest.mark.usefixtures("history_folder")
def test_a_history_folder_with_a_missing_column_is_refused(
    tmp_path: Path,
    state: Path,
) -> None:
    """File and column are named."""
    path = tmp_path / "spx_daily.csv"
    path.write_text(path.read_text().replace("close", "clsoe", 1))
    said = condor("sim", "--history", tmp_path, "--start", "2017-03-06", "--end", "2017-03-10", "--state", state)
    assert said.code == exits.CONFIG
    assert "file spx_daily.csv, column close" in said.err
    assert not state.exists()


def test_a_history_folder_that_is_none_is_refused(state: Path, tmp_path: Path) -> None:
    """A wrong path says which files belong there."""
    said = condor(
        "sim", "--history", tmp_path / "none", "--start", "2017-03-06", "--end", "2017-03-10", "--state", state
    )
    assert (said.code, "spx_daily.csv" in said.err) == (exits.CONFIG, True)


def test_a_ledger_that_cannot_be_written_is_refused(state: Path, tmp_path: Path) -> None:
    """A run without its witness does not begin: here a file stands where the ledger's folder should be."""
    (tmp_path / "none").write_text("a file")
    said = condor(
        "sim", "--scenario", "calm", "--speed", "max", "--ledger", tmp_path / "none/x.jsonl", "--state", state
    )
    assert (said.code, "cannot be written" in said.err) == (exits.USAGE, True)
    assert not (state / "journal.sqlite3").exists()


# state directory and journal ----------------------------------------------------------------------
def test_a_file_where_the_state_directory_should_be(state: Path) -> None:
    """Refused with 8, and the file is as it was."""
    state.write_text("mine")
    said = condor("run", "--state", state)
    assert (said.code, "is a file" in said.err) == (exits.BROKEN_STATE, True)
    assert state.read_text() == "mine"
    assert condor("kill", "-m", "x", "--state", state).code == exits.FAILED


def test_a_state_directory_that_cannot_be_made() -> None:
    """A place where not even root may write."""
    said = condor("run", "--state", "/proc/condor/state")
    assert (said.code, "cannot be created" in said.err) == (exits.BROKEN_STATE, True)


def test_a_state_directory_open_to_others_is_refused(state: Path) -> None:
    """Whoever may write there could remove the kill latch; the message has the command that closes it."""
    state.mkdir()
    state.chmod(0o777)
    said = condor("run", "--state", state)
    assert (said.code, "chmod 700" in said.err) == (exits.BROKEN_STATE, True)
    assert list(state.iterdir()) == []


def a_journal(path: Path, count: int = 60) -> None:
    journal = Journal.open(path, clock_session=session_date)
    for seq in range(1, count + 1):
        journal.append_event(
            Envelope(seq, datetime(2018, 10, 15, 14, tzinfo=UTC), FaultNoted(code="X", text="y" * 200))
        )
    journal.commit(durable=True)
    journal.close()


def torn(path: Path) -> None:
    a_journal(path)
    path.write_bytes(path.read_bytes()[:9000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign_database(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.commit()
    other.close()


def foreign_text(path: Path) -> None:
    path.write_text("dear diary, " * 50)


def altered(path: Path) -> None:
    a_journal(path)
    raw = bytearray(path.read_bytes())
    raw[raw.rindex(b"yyyy")] ^= 1
    path.write_bytes(raw)


UNREADABLE = (torn, emptied, foreign_database, foreign_text)


@pytest.mark.parametrize(
    ("verb", "damage"),
    [*((verb, damage) for verb in ("run", "report", "replay", "why") for damage in UNREADABLE),
     ("run", altered), ("report", altered)],
)  # fmt: skip
def test_a_torn_or_foreign_journal_is_refused_and_left_as_it_is(
    state: Path, verb: str, damage: Callable[[Path], None]
) -> None:
    """Never repaired, never overwritten: exit 8 with the path, what is wrong and what to do."""
    state.mkdir(mode=0o700)
    path = state / "journal.sqlite3"
    damage(path)
    path.chmod(0o600)
    before = path.read_bytes()
    said = condor(verb, "--state", state)
    assert said.code == exits.BROKEN_STATE, said
    assert str(path) in said.err
    assert "Traceback" not in said.err
    assert path.read_bytes() == before


def test_a_disk_that_is_full_at_the_start_is_refused(state: Path) -> None:
    """Not one record fits: exit 8, no journal that looks like one."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, usual[1]))
    try:
        said = condor("run", "--state", state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert said.code == exits.BROKEN_STATE
    assert "cannot be created" in said.err
    assert "file size limit" in said.err
    assert not (state / "journal.sqlite3").exists()


def test_a_disk_that_fills_up_stops_the_bot_and_keeps_it_stopped(state: Path, closed_port: int) -> None:
    """The journal fails mid-run: it says so, engages the latch and ends with 3; what was journaled stays readable."""
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))  # noqa: E731
    # The killer would outlive the bot, as it should: no gateway is there to prove its cancel.
    chatter = ("broker.reconnect_initial_s=0.01", "broker.reconnect_max_s=0.02", "killer.enabled=false")
    said = ended(started("run", "--state", state, *sets(f"broker.port={closed_port}", *chatter), before=full))
    assert said.code == exits.HALTED
    assert "the journal cannot be written" in said.err
    assert "Traceback" not in said.err
    latch = json.loads((state / "KILL").read_text())
    assert (latch["who"], "cannot be written" in latch["why"]) == ("journal", True)
    assert condor("why", "--state", state).code in (exits.OK, exits.FAILED), "the journal is sound"


# gateway ------------------------------------------------------------------------------------------
def test_the_life_of_a_bot_without_a_gateway(state: Path, closed_port: int) -> None:
    """Blind and saying so, alone on its state, killed with the truth about what is proven, ended by SIGTERM."""
    with running(state, closed_port) as process:
        wait_for(process, lambda: "no gateway at" in str(status_of(state).get("link_reason")))
        told = condor("status", "--state", state)
        assert told.code == exits.BLIND
        assert "ACTIVE  BLIND" in told.out
        assert f"no gateway at 127.0.0.1:{closed_port}" in told.out

        second = condor("run", "--state", state)
        assert second.code == exits.ALREADY_RUNNING
        assert f"process {process.pid} is already running" in second.err
        fresh = condor("sim", "--scenario", "calm", "--fresh", "--state", state)
        assert fresh.code == exits.ALREADY_RUNNING
        assert (state / "journal.sqlite3").exists()

        killed = condor("kill", "-m", "drill", "--state", state, "--json")
        assert killed.code == exits.OK
        answer = json.loads(killed.out)
        assert answer["acknowledged"] is True
        assert f"HALTED, acknowledged by pid {process.pid}. UNVERIFIED: the link is down" in answer["text"]
        assert json.loads((state / "KILL").read_text())["why"] == "drill"
        assert condor("status", "--state", state).code == exits.HALTED
        armed = condor("arm", "-m", "go on", "--confirm", "567", "--state", state)
        assert (armed.code, "NOT armed" in armed.out) == (exits.HALTED, True)
        assert (state / "KILL").exists()

        process.send_signal(signal.SIGTERM)
        assert ended(process).code == exits.OK
    assert condor("status", "--state", state).code == exits.NOT_RUNNING
    assert condor("replay", "--state", state).code == exits.OK


def test_a_port_that_accepts_and_is_no_gateway(tmp_path: Path) -> None:
    """A silent server and another kind of one: the bot stays blind, says what it met, and stops when asked."""
    silent, web = tmp_path / "silent", tmp_path / "web"
    with (
        listener(None) as mute,
        listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http,
        running(silent, mute) as first,
        running(web, http) as second,
    ):
        for state, port, process in ((silent, mute, first), (web, http, second)):
            met = f"the gateway at 127.0.0.1:{port} accepted the connection but does not speak"
            wait_for(process, lambda s=state, m=met: m in str(status_of(s).get("link_reason")))  # type: ignore[misc]
            assert condor("status", "--state", state).code == exits.BLIND
            process.send_signal(signal.SIGTERM)
            said = ended(process)
            assert said.code == exits.OK
            assert met in said.out


def test_a_port_in_use_ends_the_gateway_with_its_address(tmp_path: Path) -> None:
    """`condor gateway` on a taken port prints no ready line."""
    with listener(None) as port:
        said = ended(started("gateway", "--scenario", "calm", "--port", str(port)))
    assert (said.code, said.out) == (exits.FAILED, "")
    assert str(port) in said.err
    assert "Traceback" not in said.err


def test_a_script_with_a_mistake_is_refused_before_the_port_opens(tmp_path: Path) -> None:
    """Exit 78, no ready line, and file, row and key with what is allowed."""
    script = tmp_path / "faults.toml"
    script.write_text(
        '[[fault]]\nverb = "drop"\nwhen = { after_s = 5 }\n[[fault]]\nverb = "drop"\nwhen = { day = 99 }\n'
    )
    said = condor("gateway", "--scenario", "calm", "--port", "0", "--faults", script)
    assert (said.code, said.out) == (exits.CONFIG, "")
    assert f"{script}: fault[2]: when: day and time belong together" in said.err
    assert "Traceback" not in said.err


def test_a_gateway_tells_at_its_end_which_faults_never_happened(tmp_path: Path) -> None:
    """Exit 0, and one line for each row whose moment did not come."""
    script = tmp_path / "faults.jsonl"
    script.write_text('{"verb": "drop", "when": {"on": "placeOrder", "nth": 3}}\n')
    process = started("gateway", "--scenario", "flip", "--port", "0", "--faults", script)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert ended(process) == Said(exits.OK, "", f"{script}: line 1 (drop on placeOrder number 3) never happened\n")


def test_every_verb_is_documented_on_the_command_line() -> None:
    """As text by layer, as JSON with every argument."""
    told = condor("gateway", "verbs")
    assert told.code == exits.OK
    described = json.loads(condor("gateway", "verbs", "--json").out)
    assert {"drop", "swallow", "error", "clock"} <= set(described["verbs"])
    assert all(f"\n  {name}\n" in told.out for name in described["verbs"])
    assert [key["name"] for key in described["when"]][:2] == ["day", "time"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_that_is_ended_right_after_its_ready_line_ends_well(number: signal.Signals) -> None:
    """From the ready line on, SIGTERM and Ctrl-C are an orderly end: exit 0, nothing on stderr."""
    process = started("gateway", "--scenario", "calm", "--port", "0")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["port"] > 0
    process.send_signal(number)
    assert ended(process) == Said(exits.OK, "", "")


def test_a_followed_gateway_that_is_not_there_ends_the_run(state: Path, closed_port: int) -> None:
    """Followed time without its gateway: exit 1 and which command is missing."""
    said = condor("run", "--profile", "sim", "--state", state, *sets(f'clock.follow="127.0.0.1:{closed_port}"'))
    assert (said.code, "start `condor gateway` first" in said.err) == (exits.FAILED, True)


# kill ---------------------------------------------------------------------------------------------
def test_a_kill_without_a_bot_leaves_the_latch_and_says_nobody_answered(state: Path) -> None:
    """Exit 5: latched for whatever starts later, orders unverified; a second kill keeps the first cause."""
    said = condor("kill", "-m", "fire in the rack", "--state", state)
    assert (said.code, "no running bot found" in said.out) == (exits.NOT_RUNNING, True)
    assert condor("kill", "-m", "again", "--state", state, "--config", "x", "--set", "y=z").code == exits.NOT_RUNNING
    latch = json.loads((state / "KILL").read_text())
    assert (latch["why"], [row["why"] for row in latch["later"]]) == ("fire in the rack", ["again"])


def test_a_number_left_by_a_dead_bot_is_never_signalled(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock file of a bot that was killed -9 may name a process that is now somebody else's, or everybody's."""
    signalled: list[int] = []
    monkeypatch.setattr("bot.cli.kill.os.kill", lambda pid, number: signalled.append(pid))
    state.mkdir(mode=0o700)
    for content in (f"{os.getpid()}\n", "-1\n", "0\n", "", "pid\n"):
        (state / "lock").write_text(content)
        assert condor("kill", "-m", "x", "--state", state).code == exits.NOT_RUNNING
    assert signalled == []


def test_a_halt_from_before_acknowledges_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hung bot whose last status happens to say halted has not answered this kill."""
    state.mkdir(mode=0o700)
    (state / "status.json").write_text(
        json.dumps({"trading_state": "halted", "working_orders": 0, "link": "up", "reconciled": True})
    )
    monkeypatch.setattr("bot.cli.kill.instance.holder", lambda _, name="lock": 4_000_000 if name == "lock" else None)
    monkeypatch.setattr("bot.cli.kill.os.kill", lambda pid, number: None)
    monkeypatch.setattr("bot.cli.kill.ACK_DEADLINE_S", 0.02)
    said = condor("kill", "-m", "x", "--state", state)
    assert (said.code, "UNVERIFIED" in said.out) == (exits.NOT_RUNNING, True)


def test_a_kill_works_for_a_person_the_system_has_no_name_for(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container without a passwd entry the latch is written all the same."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("bot.cli.kill.getpass.getuser", nameless)
    assert condor("kill", "-m", "x", "--state", state).code == exits.NOT_RUNNING
    assert json.loads((state / "KILL").read_text())["who"] == f"uid {os.getuid()}"


def test_a_kill_needs_the_standard_library_only(state: Path) -> None:
    """A broken package, a slow import or a missing numpy cannot stand between a person and the stop."""
    program = (
        "import sys; from bot.cli import main; sys.argv = ['condor', 'kill', '-m', 'x', '--state', sys.argv[1]]\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "ours = {'bot', 'strategies', 'risk', '__main__'}\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(code, sorted(t for t in tops - ours - sys.stdlib_module_names if not t.startswith('_')))\n"
        "print(sorted(n for n in sys.modules if n.partition('.')[0] in ours and n != '__main__'))\n"
        "print('asyncio' in sys.modules, 'sqlite3' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(state)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _, others, ours, heavy = done.stdout.splitlines()
    assert others == "5 []"
    assert ours == "['bot', 'bot.cli', 'bot.cli.exits', 'bot.cli.kill', 'bot.instance', 'bot.latch']"
    assert heavy == "False False"


def test_shipped_scenarios_are_still_good() -> None:
    """The refusals above are about the mistakes in them: the shipped file itself loads."""
    assert load_scenario("calm", 7).days
