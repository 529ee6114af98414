"""The kill latch: presence counts, causes are kept, and it works when little else does."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import latch
from bot.latch import Cause, LatchChanged, LatchFailed, LatchFile
from tests.bot.privileges import nobody, public_dir

NOON = datetime(2018, 10, 17, 16, 0, tzinfo=UTC)


@pytest.fixture
def kill(tmp_path: Path) -> Path:
    return tmp_path / latch.NAME


@contextmanager
def full_disk() -> Iterator[None]:
    """Within it no byte can be written to a file, as on a full disk; names can still be made."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_a_file_trading_is_allowed(kill: Path) -> None:
    """No file, no latch."""
    assert not latch.present(kill)
    assert latch.read(kill) is None


def test_an_engaged_latch_says_who_when_why(kill: Path) -> None:
    """The file is JSON for people and programs, the owner's alone, and leaves nothing beside it."""
    written = latch.engage(kill, "anna", "VIX looks wrong", NOON, seq=4711)
    assert latch.present(kill)
    assert latch.read(kill) == written == LatchFile(Cause("anna", NOON, "VIX looks wrong", 4711))
    assert json.loads(kill.read_text()) == {
        "who": "anna",
        "when": "2018-10-17T16:00:00+00:00",
        "why": "VIX looks wrong",
        "seq": 4711,
    }
    assert stat.S_IMODE(kill.stat().st_mode) == 0o600
    assert os.listdir(kill.parent) == [latch.NAME]


def test_later_kills_keep_the_first_cause(kill: Path) -> None:
    """Whoever kills again is added; who killed first stays first."""
    for number in range(130):
        latch.engage(kill, f"who{number}", f"why{number}" + "\udcff" * 5000, NOON + timedelta(seconds=number))
    found = latch.read(kill)
    assert found is not None
    assert (found.who, found.reason[:4], found.at) == ("who0", "why0", NOON)
    assert found.later[-1].who == "who129"
    assert len(found.later) == 100


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file touched, no reason given"),
        (b"stop it now\n", "stop it now"),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
        (b"[1, 2]", "[1, 2]"),
        (b'{"who": "a", "when": "never"}', '{"who": "a", "when": "never"}'),
        (b'{"who": "a", "later": 5}', '{"who": "a", "later": 5}'),
        (b'{"who": "a", "later": ["x"]}', '{"who": "a", "later": ["x"]}'),
        (b'{"why": "half a fi', '{"why": "half a fi'),
        (b"[" * 100_000, "[" * 1000),
        (b"{}", "no reason given"),
        (b'{"why": null, "who": 7, "seq": "x"}', "no reason given"),
    ],
)
def test_any_file_is_a_kill(kill: Path, content: bytes, reason: str) -> None:
    """Touched, scribbled or torn: it stops trading, and its text is the reason; engaging keeps that as first cause."""
    kill.write_bytes(content)
    assert latch.present(kill)
    found = latch.read(kill)
    assert found is not None
    assert found.reason == reason
    latch.engage(kill, "bot", "stop file found", NOON)
    again = latch.read(kill)
    assert again is not None
    assert again.first.reason == reason
    assert again.later[0].who == "bot"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_no_content_breaks_the_reader(kill: Path, content: bytes) -> None:
    """Reading never raises: a latch that cannot be understood is still a latch."""
    kill.write_bytes(content)
    assert latch.read(kill) is not None


def test_a_directory_a_pipe_and_a_dangling_link_are_kills(tmp_path: Path) -> None:
    """Whatever bears the name stops trading, and reading it never hangs."""
    directory, pipe, link = (tmp_path / name for name in ("directory", "pipe", "link"))
    directory.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "gone")
    for odd in (directory, pipe, link):
        assert latch.present(odd)
        assert latch.read(odd) is not None
    assert latch.engage(directory, "a", "b", NOON).first.who == "unknown"


def test_what_cannot_be_looked_at_counts_as_present() -> None:
    """Without permission to look, the answer is the safe one."""
    with public_dir(0o000) as state, nobody():
        assert latch.present(state / latch.NAME)
        found = latch.read(state / latch.NAME)
        assert found is not None
        assert "unreadable" in found.reason


def test_a_full_disk_still_leaves_a_latch(kill: Path) -> None:
    """When the cause cannot be written, the bare file stops trading, and nothing half-written stays."""
    with full_disk():
        written = latch.engage(kill, "anna", "margin call", NOON)
    assert latch.present(kill)
    assert written.reason == "file touched, no reason given"
    assert os.listdir(kill.parent) == [latch.NAME]


def test_a_full_disk_does_not_cost_an_older_latch_its_cause(kill: Path) -> None:
    """A second kill on a full disk keeps the first file as it was."""
    first = latch.engage(kill, "anna", "margin call", NOON)
    with full_disk():
        assert latch.engage(kill, "bot", "daily loss", NOON) == first
    assert latch.read(kill) == first


def test_a_reason_no_encoding_can_write_still_kills(kill: Path) -> None:
    """Broken text in a reason is written escaped, never an obstacle."""
    latch.engage(kill, "anna", "\udcff", NOON)
    assert latch.present(kill)


def test_a_latch_that_cannot_be_left_at_all_is_shouted() -> None:
    """Where no file can be made the caller hears it, with what to do."""
    with public_dir(0o555) as state, nobody():
        with pytest.raises(LatchFailed, match="KILL LATCH NOT WRITTEN") as failure:
            latch.engage(state / latch.NAME, "anna", "margin call", NOON)
        assert "cancel orders in TWS" in str(failure.value)


def test_clearing_removes_it_once_and_for_all(kill: Path) -> None:
    """After `arm` nothing is left; clearing nothing is no error."""
    latch.engage(kill, "anna", "x", NOON)
    latch.clear(kill)
    latch.clear(kill)
    assert not latch.present(kill)


def test_a_kill_after_the_look_survives_the_clearing(kill: Path) -> None:
    """Arming clears the latch that was shown, not one that came meanwhile."""
    shown = latch.engage(kill, "anna", "x", NOON)
    latch.engage(kill, "ben", "y", NOON)
    with pytest.raises(LatchChanged, match="again meanwhile by ben"):
        latch.clear(kill, seen=shown)
    assert latch.present(kill)
    latch.clear(kill, seen=latch.read(kill))
    assert not latch.present(kill)


def test_a_latch_that_cannot_be_removed_is_reported() -> None:
    """A failed clearing says so; the latch stays."""
    with public_dir(0o755) as state, nobody():
        latch.engage(state / latch.NAME, "anna", "x", NOON)
        state.chmod(0o555)
        with pytest.raises(LatchFailed, match="cannot be removed"):
            latch.clear(state / latch.NAME)
        assert latch.present(state / latch.NAME)


def test_two_first_kills_at_once_lose_neither(kill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody engaging between our look and our write keeps the first place; ours is added."""
    link = os.link

    def slow_link(source: str, target: str) -> None:
        monkeypatch.setattr(os, "link", link)
        latch.engage(kill, "faster", "x", NOON)
        link(source, target)

    monkeypatch.setattr(os, "link", slow_link)
    latch.engage(kill, "slower", "y", NOON)
    found = latch.read(kill)
    assert found is not None
    assert (found.who, [cause.who for cause in found.later]) == ("faster", ["slower"])


def test_it_works_without_hard_links(kill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without links the latch is renamed into place, and later causes are still added."""

    def no_link(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    latch.engage(kill, "anna", "x", NOON)
    latch.engage(kill, "ben", "y", NOON)
    found = latch.read(kill)
    assert found is not None
    assert (found.who, found.later[0].who) == ("anna", "ben")


def test_content_and_directory_are_synced_before_it_returns(kill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latch survives a power cut: first the content reaches the disk, then the name."""
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_link(source: str, target: str) -> None:
        steps.append("name")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    latch.engage(kill, "anna", "x", NOON)
    assert steps == ["file", "name", "directory"]


def test_a_relative_name_works(kill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`condor kill` from inside the state directory writes there."""
    monkeypatch.chdir(kill.parent)
    latch.engage(latch.NAME, "anna", "x", NOON)
    assert latch.present(kill)


def test_it_needs_the_standard_library_only() -> None:
    """The killer must start where the bot's environment is broken: nothing but stdlib and itself is imported."""
    listing = "import sys, bot.latch; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-S", "-c", listing],
        cwd=Path(latch.__file__).parents[1], capture_output=True, text=True, check=True,
    )  # fmt: skip
    extra = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"__main__", "bot"}
    assert not extra
