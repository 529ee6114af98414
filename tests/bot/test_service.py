"""What a service manager hears of the bot, and the dump that a hang leaves."""

from __future__ import annotations

import faulthandler
import os
import resource
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import instance
from bot.engine.state import State
from bot.service import STATUS_EVERY_S, Pulse, ServiceManager, describe
from strategies.domain.control import LinkState
from tests.bot.engine.bench import Bench


class Manager:
    """The other end of the socket."""

    def __init__(self, place: Path) -> None:
        self.path = str(place / "notify")
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(self.path)
        self._channel.setblocking(False)

    def close(self) -> None:
        self._channel.close()

    def heard(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found += self._channel.recv(4096).decode().split("\n")
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(tmp_path)
    yield found
    found.close()


def test_a_manager_hears_ready_signs_of_life_status_and_the_end(manager: Manager, tmp_path: Path) -> None:
    """WATCHDOG with every beat of the decision task, a status every five seconds, STOPPING with the last words."""
    pulse = Pulse(ServiceManager({"NOTIFY_SOCKET": manager.path}), tmp_path / "stacks.txt", None)
    pulse.ready()
    assert manager.heard() == ["READY=1", f"MAINPID={os.getpid()}", "STATUS=started, waiting for the gateway"]
    state = Bench().start().state
    for step in range(6):
        pulse.beat(state, float(step))
    heard = manager.heard()
    assert heard.count("WATCHDOG=1") == 6
    assert [line for line in heard if line.startswith("STATUS=")] == [
        "STATUS=active, connected, 0 condors, 0 orders working"
    ] * 2
    assert STATUS_EVERY_S == 5.0
    pulse.end("stopped:\nDU1234567 is done")
    assert manager.heard() == ["STOPPING=1", "STATUS=stopped: DU***567 is done"]
    assert not (tmp_path / "stacks.txt").exists()


def test_without_a_manager_or_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    """No variable, a socket that is gone, an abstract name nobody listens to: all silent."""
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, {"NOTIFY_SOCKET": "@nobody-listens-here"}):
        ServiceManager(environ).tell("READY=1")


def test_it_never_calls_itself_healthy_before_it_is_connected_and_compared() -> None:
    """Waiting for a login is told as a link that is down."""
    link = Bench().start().state.link
    for state, words in (
        (State(), "link down (not connected yet)"),
        (State(link=msgspec.structs.replace(link, synced_epoch=0)), "not compared yet"),
        (
            State(link=msgspec.structs.replace(link, state=LinkState.DEGRADED, reason="2103:\nfarm")),
            "degraded (2103: farm)",
        ),
    ):
        assert words in describe(state)
        assert "connected," not in describe(state)


def test_each_beat_winds_up_the_dump_and_the_end_takes_it_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A decision task that stands still for the time given has its stacks written; one that moves or ends has not."""
    wound: list[Any] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda after_s, file: wound.append((after_s, file.name)))
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: wound.append("cancelled"))
    path = tmp_path / "stacks.txt"
    pulse = Pulse(ServiceManager({}), path, 24.0)
    pulse.beat(State(), 0.0)
    pulse.beat(State(), 1.0)
    pulse.end("over")
    pulse.end("twice")
    assert wound == [(24.0, str(path)), (24.0, str(path)), "cancelled"]
    Pulse(ServiceManager({}), tmp_path / "no" / "such" / "folder", 24.0).beat(State(), 0.0)


def test_what_the_process_writes_is_its_owners_alone_and_it_leaves_no_core(tmp_path: Path) -> None:
    """After the lock is taken: directory 0700, new files 0600, no core dump."""
    before_mask = os.umask(0o022)
    try:
        with instance.acquire(tmp_path / "state"):
            (tmp_path / "state" / "new").write_text("x")
            assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
            assert stat.S_IMODE((tmp_path / "state" / "new").stat().st_mode) == 0o600
            assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    finally:
        os.umask(before_mask)
