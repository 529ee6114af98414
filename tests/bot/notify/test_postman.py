"""Messages leave the loop at once and reach people later: bounded, retried, counted, never waited for."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bot.notify import postman as under_test
from bot.notify.channels import Channel, Channels
from bot.notify.notice import Message
from bot.notify.postman import Postman, by_process, order_of

TWO = Channels((Channel("phone", "json://one", urgent_only=True), Channel("mail", "json://two")), "https://dead.man/1")
URGENT, NORMAL = Message("t", "b", urgent=True), Message("t", "b", urgent=False)


class Office:
    """Sends by hand: each order waits until `let` is called, or is answered at once."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, str]], *, held: bool = False) -> None:
        self.orders: list[dict[str, Any]] = []
        self._answer = answer
        self.gate = threading.Event()
        self.started = threading.Event()
        if not held:
            self.gate.set()

    def send(self, order: str, deadline_s: float) -> dict[str, str]:
        self.started.set()
        self.gate.wait(10)
        self.orders.append(json.loads(order))
        return self._answer(self.orders[-1])

    def names(self) -> list[list[str]]:
        return [[c["name"] for c in order.get("channels", ())] for order in self.orders]


def test_a_stuck_channel_delays_nobody_and_the_queue_stays_bounded() -> None:
    """While one send hangs, a hundred puts return; the queue keeps its size, urgent ones stay, the rest is counted."""
    office = Office(lambda order: {}, held=True)
    postman = Postman(TWO, deadline_s=5.0, queue_most=5, send=office.send)
    postman.put(URGENT)
    assert office.started.wait(10)
    postman.put(Message("kill", "b", urgent=True))
    for number in range(100):
        postman.put(Message(f"fill {number}", "b", urgent=False))
    assert postman.report().pushed_out == 96
    office.gate.set()
    assert postman.close(10.0) == 0
    titles = [order["title"] for order in office.orders]
    assert titles == ["t", "kill", "fill 96", "fill 97", "fill 98", "fill 99"]


def test_who_wants_urgent_news_only_gets_no_other() -> None:
    """Each order names its channels; the dead man's address is asked without any message."""
    office = Office(lambda order: {})
    postman = Postman(TWO, deadline_s=5.0, queue_most=5, send=office.send)
    postman.put(NORMAL)
    _until(lambda: len(office.orders) == 1)
    postman.put(URGENT)
    postman.ping()
    assert postman.close(10.0) == 0
    assert office.names() == [["mail"], ["phone", "mail"], []]
    assert office.orders[2]["ping"] == TWO.dead_man_url


def test_urgent_goes_first_and_what_failed_before_goes_last() -> None:
    """While a send is on its way fills, a kill and a ping gather: the kill leaves next; at the end a repetition to a
    broken channel takes the time of no message that has not been tried."""
    office = Office(lambda order: {"phone": "not delivered"} if order.get("title") == "first" else {}, held=True)
    postman = Postman(TWO, deadline_s=5.0, queue_most=9, send=office.send)
    postman.put(Message("first", "b", urgent=True))
    assert office.started.wait(10)
    postman.put(Message("fill", "b", urgent=False))
    postman.ping()
    postman.put(Message("kill", "b", urgent=True))
    office.gate.set()
    _until(lambda: len(office.orders) == 4)
    postman.put(Message("the end", "b", urgent=False))
    assert postman.close(10.0) == 0
    assert [order.get("title", "ping") for order in office.orders] == [
        "first",
        "kill",
        "fill",
        "ping",
        "the end",
        "first",
    ]
    assert postman.report().given_up == 1


def test_an_urgent_message_is_tried_again_where_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice more, through the channel that failed alone; then the delivery is given up and counted."""
    monkeypatch.setattr(under_test, "TRIES_AFTER_S", (0.0, 0.0))
    office = Office(lambda order: {"phone": "not delivered"} if len(office.orders) < 4 else {})
    postman = Postman(TWO, deadline_s=5.0, queue_most=5, send=office.send)
    postman.put(URGENT)
    _until(lambda: len(office.orders) == 3 and postman.report().given_up == 1)
    assert office.names() == [["phone", "mail"], ["phone"], ["phone"]]
    assert postman.report().channels == {"phone": "not delivered", "mail": ""}
    postman.put(NORMAL)
    assert postman.close(10.0) == 0
    assert postman.report().given_up == 1


def test_a_sender_that_crashes_is_a_failed_channel_not_a_dead_postman() -> None:
    """The next message goes out as if nothing had been."""

    def crash(order: dict[str, Any]) -> dict[str, str]:
        if order["title"] == "bad":
            raise RuntimeError("json://two is secret")
        return {}

    office = Office(crash)
    postman = Postman(TWO, deadline_s=5.0, queue_most=5, send=office.send)
    postman.put(Message("bad", "b", urgent=False))
    _until(lambda: postman.report().given_up == 1)
    assert "secret" not in postman.report().channels["mail"]
    postman.put(Message("good", "b", urgent=False))
    assert postman.close(10.0) == 0
    assert postman.report().channels == {"mail": ""}


def test_a_sending_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its deadline is kept by force: every channel of that message counts as failed."""
    hang = tmp_path / "hang"
    hang.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    hang.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(hang))
    monkeypatch.setattr(under_test, "START_ALLOWANCE_S", 0.1)
    assert by_process("{}", 0.1) == {"*": "no answer within 0.1 s"}


@pytest.mark.skipif(find_spec("apprise") is None, reason="apprise is not installed (extra `notify`)")
def test_a_message_arrives_through_the_real_library() -> None:
    """A server on the loopback gets title, words and the kind; a closed port and a nonsense address are failures."""
    got: list[dict[str, Any]] = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_address[1]
        channels = Channels(
            (
                Channel("good", f"json://127.0.0.1:{port}/"),
                Channel("closed", "json://127.0.0.1:9/"),
                Channel("odd", "nonsense://x"),
            )
        )
        message = Message("[SIM] HALTED: killed", "! HALTED by cli: drill", urgent=True)
        failed = by_process(order_of(message, channels, ("good", "closed", "odd"), 20.0), 20.0)
        server.shutdown()
        thread.join()
    assert failed == {"closed": "not delivered", "odd": "the address is not understood"}
    assert [(row["title"], row["message"], row["type"]) for row in got] == [
        ("[SIM] HALTED: killed", "! HALTED by cli: drill", "failure")
    ]


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.005)
