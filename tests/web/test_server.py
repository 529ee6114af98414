"""The dashboard's thread: on loopback only, its files its owner's alone, its end a fault and never the bot's."""

from __future__ import annotations

import http.client
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.settings.layers import ConfigError
from bot.settings.load import load
from bot.web import server
from bot.web.credentials import TokenRefused, credentials
from bot.web.gathered import Gathered
from bot.web.server import Dashboard, DashboardRefused
from strategies.domain import events as ev

Start = Callable[..., Dashboard]


class Heard:
    """Facts the thread posted; `first` waits for one."""

    def __init__(self) -> None:
        self.facts: list[ev.AnyEvent] = []
        self._some = threading.Event()

    def post(self, event: ev.AnyEvent) -> None:
        self.facts.append(event)
        self._some.set()

    def first(self) -> ev.AnyEvent:
        assert self._some.wait(30.0), "no fact was posted"
        return self.facts[0]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def start(tmp_path: Path, heard: Heard) -> Iterator[Start]:
    """Starts dashboards and stops them afterwards."""
    begun: list[Dashboard] = []

    def make(port: int = 0, refresh_s: float = 0.05) -> Dashboard:
        dashboard = Dashboard(
            gathered=Gathered(lambda: 0),
            state_dir=tmp_path,
            host="127.0.0.1",
            port=port,
            refresh_s=refresh_s,
            post=heard.post,
        )
        dashboard.start()
        begun.append(dashboard)
        return dashboard

    yield make
    for dashboard in begun:
        dashboard.stop()


def port_of(dashboard: Dashboard) -> int:
    return int(dashboard.address.rstrip("/").rpartition(":")[2])


def get(dashboard: Dashboard, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """One request over a real socket."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(dashboard), timeout=30)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_serves_on_loopback_alone_and_leaves_private_files(start: Start, tmp_path: Path) -> None:
    """The listening socket is bound to loopback; token and link are their owner's only, and the link works."""
    dashboard = start()
    for name in ("web.token", "web.url"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    link = (tmp_path / "web.url").read_text().strip()
    assert link.startswith(dashboard.address)
    status, body = get(dashboard, link.removeprefix(dashboard.address[:-1]))
    assert (status, b"Signed in" in body) == (200, True)
    assert get(dashboard, "/view.json")[0] == 403
    addresses = {line.split()[1] for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]}
    assert f"0100007F:{port_of(dashboard):04X}" in addresses
    assert f"00000000:{port_of(dashboard):04X}" not in addresses


def test_stopping_removes_the_link_and_keeps_the_token(start: Start, tmp_path: Path, heard: Heard) -> None:
    """The next start has the same token, so that an open browser is still signed in; an ordered end is no fault."""
    dashboard = start()
    token = (tmp_path / "web.token").read_text()
    dashboard.stop("done")
    assert not (tmp_path / "web.url").exists()
    assert heard.facts == []
    start()
    assert (tmp_path / "web.token").read_text() == token


def test_a_busy_port_is_refused_with_what_to_do(start: Start) -> None:
    """Nothing runs then; the text names the setting."""
    first = start()
    with pytest.raises(DashboardRefused, match=r"web\.port"):
        start(port_of(first))


def test_a_crash_of_the_thread_is_a_fault_that_people_are_told(
    start: Start, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the thread: one fact, which says that trading goes on."""

    async def broken(self: Dashboard, source: object) -> None:
        raise MemoryError("test")

    monkeypatch.setattr(Dashboard, "_pulse", broken)
    start()
    fault = heard.first()
    assert isinstance(fault, ev.FaultNoted)
    assert fault.code == "WEB"
    assert "MemoryError" in fault.text
    assert "trading goes on" in fault.text


def test_a_hanging_thread_is_told_once(start: Start, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner asks now and then; a beat too long ago is a fault, and only one."""
    dashboard = start(refresh_s=3600.0)
    dashboard.check()
    assert heard.facts == []
    monkeypatch.setattr(server, "WEDGED_S", -1.0)
    dashboard.check()
    dashboard.check()
    assert [type(fact) for fact in heard.facts] == [ev.FaultNoted]


def test_the_token_file_is_made_once_and_refused_when_others_can_read_it(tmp_path: Path) -> None:
    """Open modes, too little in it, a link or a directory: refused with what to do, never repaired silently."""
    first = credentials(tmp_path)
    assert len(first.token) >= 32
    assert credentials(tmp_path) == first
    path = tmp_path / "web.token"
    path.chmod(0o640)
    with pytest.raises(TokenRefused, match="0640"):
        credentials(tmp_path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(TokenRefused, match="32"):
        credentials(tmp_path)
    path.unlink()
    path.symlink_to("/dev/null")
    with pytest.raises(TokenRefused):
        credentials(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(TokenRefused):
        credentials(tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "localhost.evil.example", ""])
def test_the_page_is_never_served_to_a_network(host: str) -> None:
    """Loopback addresses only, with the way for another machine in the message."""
    with pytest.raises(ConfigError, match="ssh -L"):
        load(profile="paper", assignments=(f'web.host="{host}"',), environ={})


def test_simulations_serve_no_page_unless_asked() -> None:
    """Many run at once; `condor run` serves one."""
    assert load(profile="paper", environ={}).settings.web.enabled
    assert not load(profile="sim", environ={}).settings.web.enabled


def test_slow_browsers_do_not_hold_up_the_loop_that_trades(start: Start, tmp_path: Path) -> None:
    """Sockets that never read, and one that sends half a request: another request is still answered."""
    dashboard = start()
    token = (tmp_path / "web.token").read_text().strip()
    bearer = {"Authorization": f"Bearer {token}"}
    stuck = []
    try:
        for number in range(12):
            sock = socket.create_connection(("127.0.0.1", port_of(dashboard)), timeout=30)
            whole = f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port_of(dashboard)}\r\nAuthorization: Bearer {token}\r\n"
            sock.sendall((whole + ("\r\n" if number else "")).encode())
            stuck.append(sock)
        assert get(dashboard, "/metrics", bearer)[0] == 200
    finally:
        for sock in stuck:
            sock.close()
