"""One bot per state directory, and a directory that only its owner can touch."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import instance
from bot.instance import AlreadyRunning, StateDirRefused, acquire, holder
from tests.bot.privileges import nobody, public_dir

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import sys
from pathlib import Path
from bot.instance import acquire
lock = acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "var"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_one_gets_a_private_directory(state: Path) -> None:
    """The directory is made 0700, and whatever the process writes from then on is its owner's alone."""
    with acquire(state) as lock:
        (state / "log").touch()
        assert mode(state) == 0o700
        assert mode(lock.path) == 0o600
        assert mode(state / "log") == 0o600
        assert lock.path.read_text() == f"{os.getpid()}\n"
        assert lock.held()


def test_the_second_one_is_refused_with_the_pid(state: Path) -> None:
    """A bot on the same state is told which process has it and what to do."""
    with acquire(state):
        with pytest.raises(AlreadyRunning, match="already running on this state") as refusal:
            acquire(state)
        assert refusal.value.pid == os.getpid()
        assert str(state) in str(refusal.value)


def test_a_holder_is_seen_from_outside_and_kill_9_frees_the_lock(state: Path) -> None:
    """Another process's lock is met; after its sudden death the next start simply succeeds, stale pid or not."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "held\n"
    assert holder(state) == other.pid
    with pytest.raises(AlreadyRunning) as refusal:
        acquire(state)
    assert refusal.value.pid == other.pid
    other.kill()
    other.wait()
    other.stdout.close()
    other.stdin.close()
    assert (state / "lock").read_text() == f"{other.pid}\n"
    assert holder(state) is None
    with acquire(state):
        assert holder(state) == os.getpid()


def test_release_lets_the_next_one_in(state: Path) -> None:
    """After an orderly end there is no holder, the file stays, and releasing twice is harmless."""
    lock = acquire(state)
    lock.release()
    lock.release()
    assert not lock.held()
    assert holder(state) is None
    acquire(state).release()


def test_a_moved_directory_is_noticed(state: Path) -> None:
    """When the state directory is moved away under a running bot, its lock no longer protects the name."""
    with acquire(state) as lock:
        state.rename(state.with_name("elsewhere"))
        assert not lock.held()
        state.mkdir()
        (state / "lock").touch()
        assert not lock.held()


def test_no_directory_no_holder(state: Path) -> None:
    """Asking who runs creates nothing."""
    assert holder(state) is None
    assert not state.exists()


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777, 0o1777])
def test_a_directory_others_may_write_is_refused(state: Path, bits: int) -> None:
    """Anyone could replace the journal or remove the kill latch there; the message gives the command."""
    state.mkdir(parents=True)
    state.chmod(bits)
    with pytest.raises(StateDirRefused, match="chmod 700"):
        acquire(state)
    state.chmod(0o755)
    acquire(state).release()


@pytest.mark.parametrize("name", ["journal.sqlite3", "journal.sqlite3-wal", "lock", "log/2018-10-17.jsonl"])
def test_our_files_open_to_others_are_refused(state: Path, name: str) -> None:
    """Account data readable by others is refused with the command that closes it, and then accepted."""
    file = state / name
    file.parent.mkdir(parents=True)
    file.touch()
    file.chmod(0o640)
    if file.parent != state:
        file.parent.chmod(0o700)
    with pytest.raises(StateDirRefused, match="chmod -R go-rwx"):
        acquire(state)
    file.chmod(0o600)
    acquire(state).release()


def test_a_kill_file_of_any_mode_does_not_prevent_the_start(state: Path) -> None:
    """A kill touched by somebody in a hurry is a kill, not a wrong file: the bot must start and obey it."""
    state.mkdir(parents=True)
    (state / "KILL").touch(mode=0o666)
    acquire(state).release()


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    """Without write permission there is no state; the message says where and what to check."""
    with public_dir(0o555) as state, nobody(), pytest.raises(StateDirRefused, match="Check its owner and mode"):
        acquire(state)


def test_a_directory_that_cannot_be_made_is_refused() -> None:
    """The parent's permissions are named as the reason."""
    with public_dir(0o555) as state, nobody(), pytest.raises(StateDirRefused, match="cannot be created"):
        acquire(state / "var")


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """A file by that name is said to be one."""
    (tmp_path / "var").touch()
    with pytest.raises(StateDirRefused, match="is a file"):
        acquire(tmp_path / "var")


def test_a_lock_that_is_a_link_is_refused(state: Path, tmp_path: Path) -> None:
    """The lock is never written through a link to somewhere else."""
    state.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (state / instance.LOCK_NAME).symlink_to(victim)
    with pytest.raises(StateDirRefused, match="cannot be used"):
        acquire(state)
    assert victim.read_text() == "precious"
