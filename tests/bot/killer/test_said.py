"""What the killer says goes to a bounded file of its own, never into the streams of the bot it may outlive."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.killer import keeper, said
from bot.killer.told import told
from bot.settings.load import load


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_killer_has_none_of_the_bots_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the process writes is in the file, its owner's alone, after what an earlier one wrote; a pipe that the
    bot writes to hears nothing and is not held open."""
    program = tmp_path / "killer"
    program.write_text("#!/bin/sh\necho out\necho err >&2\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    (tmp_path / said.NAME).write_text("earlier\n")
    before = set(os.listdir("/proc/self/fd"))
    assert keeper.start(told(load(profile="paper", environ={}).settings, tmp_path)).wait(timeout=20) == 0
    assert (tmp_path / said.NAME).read_text() == "earlier\nout\nerr\n"
    assert mode(tmp_path / said.NAME) == 0o600
    assert capfd.readouterr() == ("", "")
    assert set(os.listdir("/proc/self/fd")) == before


CHILD = """
import sys
from pathlib import Path
from bot.killer import said
place = Path(sys.argv[1])
sys.stderr.write("short\\n")
print("short", said.turn_over(place), flush=True)
sys.stderr.write("x" * said.MOST_BYTES)
print("long", said.turn_over(place), flush=True)
sys.stderr.write("after\\n")
"""


def test_a_file_that_has_grown_long_is_put_aside_once(tmp_path: Path) -> None:
    """Twice the bound is the most it ever takes; the process goes on in the new file, its owner's alone too."""
    (tmp_path / said.OLDER).write_text("older still")
    words = said.opened(tmp_path)
    subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], stdout=words, stderr=words, check=True, timeout=60)
    os.close(words)
    older, newer = (tmp_path / said.OLDER).read_text(), (tmp_path / said.NAME).read_text()
    assert older.startswith("short\nshort False\nxxx")
    assert newer == "long True\nafter\n"
    assert mode(tmp_path / said.NAME) == 0o600


def test_streams_that_go_elsewhere_are_left_alone(tmp_path: Path) -> None:
    """A killer that somebody started by hand writes to the terminal: nothing is turned over."""
    (tmp_path / said.NAME).write_text("y" * (said.MOST_BYTES + 1))
    assert not said.turn_over(tmp_path)
    assert not (tmp_path / said.OLDER).exists()


def test_without_a_file_the_killer_starts_all_the_same(tmp_path: Path) -> None:
    """A folder or a link in the file's place: its words are lost, nothing else, and no other file is written to."""
    (tmp_path / said.NAME).symlink_to(tmp_path / "elsewhere")
    words = said.opened(tmp_path)
    assert os.write(words, b"lost") == 4
    os.close(words)
    assert not (tmp_path / "elsewhere").exists()
