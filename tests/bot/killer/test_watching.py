"""Heartbeats, and what `condor kill` says of the killer's word."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bot import instance, latch
from bot.cli import exits
from bot.cli import kill as kill_command
from bot.heartbeat import Heartbeat, HeartbeatWatch


def test_a_heartbeat_is_seen_to_move_and_to_stand_still(tmp_path: Path) -> None:
    """Silence is counted from the last movement seen, by the watcher's own clock; no file is no heartbeat."""
    path, now = tmp_path / "heartbeat", [0.0]
    beat, watch = Heartbeat(path, lambda: now[0]), HeartbeatWatch(path)
    assert watch.silent_s(100.0) is None
    beat.beat()
    assert watch.silent_s(101.0) == 0.0
    assert watch.silent_s(108.0) == 7.0
    os.utime(path, ns=(1, 1))
    assert watch.silent_s(109.0) == 0.0
    path.unlink()
    assert watch.silent_s(120.0) is None


def test_a_heartbeat_is_written_once_a_second_and_a_broken_disk_stops_nothing(tmp_path: Path) -> None:
    """Many steps in a second touch the file once; a folder in its place is suffered."""
    now = [0.0]
    beat = Heartbeat(tmp_path / "heartbeat", lambda: now[0])
    beat.beat()
    os.utime(tmp_path / "heartbeat", ns=(1, 1))
    now[0] = 0.9
    beat.beat()
    assert os.stat(tmp_path / "heartbeat").st_mtime_ns == 1
    now[0] = 1.0
    beat.beat()
    assert os.stat(tmp_path / "heartbeat").st_mtime_ns > 1
    (tmp_path / "other").mkdir()
    Heartbeat(tmp_path / "other", lambda: 0.0).beat()


@pytest.mark.parametrize(
    ("phase", "stamp", "code", "words"),
    [
        ("verified", "own", exits.OK, ["VERIFIED by the killer's own connection 41.0 ms", "no running bot found"]),
        ("killing", "own", exits.NOT_RUNNING, ["UNVERIFIED", "the killer goes on cancelling"]),
        ("verified", "older", exits.NOT_RUNNING, ["UNVERIFIED"]),
    ],
)
def test_without_a_bot_the_killers_word_is_told(
    phase: str, stamp: str, code: int, words: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """`condor kill` with a dead bot: proof of this very latch is success, anything else is not."""
    monkeypatch.setattr(kill_command, "ACK_DEADLINE_S", 0.05)
    seen = kill_command.latch.engage

    def engaged(path, *rest):
        found = seen(path, *rest)
        stamp_ms = latch.changed_ms(path) - (0 if stamp == "own" else 5)
        status = {"phase": phase, "latch_ms": stamp_ms, "verified_ms": 41.0, "link": "up", "other_orders": 0}
        (tmp_path / "killer.json").write_text(json.dumps(status))
        return found

    monkeypatch.setattr(kill_command.latch, "engage", engaged)
    with instance.acquire(tmp_path, "killer.lock"):
        assert kill_command.main(["-m", "out", "--state", str(tmp_path)]) == code
    said = capsys.readouterr().out
    assert all(word in said for word in words), said


def test_with_neither_bot_nor_killer_it_says_look_in_tws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is there: the latch is written, and the words say that nothing was cancelled."""
    assert kill_command.main(["-m", "out", "--state", str(tmp_path)]) == exits.NOT_RUNNING
    assert "no killer process either" in capsys.readouterr().out
    assert latch.present(tmp_path / "KILL")
