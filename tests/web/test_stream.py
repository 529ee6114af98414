"""Streams to browsers: slow ones are dropped and cost nothing, others miss nothing, and what was missed is said."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.web.gathered import LINES_KEPT, Gathered
from bot.web.stream import CLIENTS_AT_ONCE, QUEUE_EVENTS, Hub, event, serve_stream
from strategies.domain import events as ev
from tests.web.asgi import COOKIE, Desk

AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


class Browser:
    """Reads as fast as it is let: `stuck` and a send never returns, as with a full socket."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.read: list[bytes] = []
        self.stuck = stuck
        self.gone = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        if self.stuck and message["type"] == "http.response.body":
            await asyncio.get_running_loop().create_future()
        self.read.append(message.get("body", b""))

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def turn(times: int = 20) -> None:
    """Lets everything that can run do so."""
    for _ in range(times):
        await asyncio.sleep(0)


def begin(hub: Hub, browser: Browser, deadline_s: float = 1000.0) -> asyncio.Task[None]:
    stream = serve_stream(hub, lambda: b"first", browser.receive, browser.send, deadline_s=deadline_s)  # type: ignore[arg-type]
    return asyncio.create_task(stream)


async def test_a_stuck_browser_is_dropped_when_its_queue_is_full_and_nobody_waits_for_it() -> None:
    """Publishing is a plain call: it returns though one client reads nothing, and the others get every event."""
    hub, stuck, quick = Hub(), Browser(stuck=True), Browser()
    tasks = [begin(hub, stuck), begin(hub, quick)]
    await turn()
    for number in range(QUEUE_EVENTS + 1):
        hub.publish(str(number).encode())
        await turn()
    assert hub.dropped == 1
    assert len(hub) == 1
    assert quick.read == [b"", b"first", *(str(n).encode() for n in range(QUEUE_EVENTS + 1))]
    hub.publish(None)
    await turn()
    assert tasks[1].done()
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_hundred_stuck_browsers_hold_no_more_than_their_queues() -> None:
    """Memory is bounded: a dropped client is forgotten, a taken one keeps at most QUEUE_EVENTS shared chunks."""
    hub = Hub()
    clients = [hub.join() for _ in range(100)]
    chunk = b"x" * 1000
    for _ in range(1000):
        hub.publish(chunk)
    assert (hub.dropped, len(hub)) == (100, 0)
    assert all(client.queue.qsize() == QUEUE_EVENTS and client.dropped.is_set() for client in clients)


async def test_a_browser_that_goes_away_is_forgotten() -> None:
    """Its tasks end and its place is free."""
    hub, browser = Hub(), Browser()
    task = begin(hub, browser)
    await turn()
    assert len(hub) == 1
    browser.gone.set()
    await turn()
    assert task.done()
    assert len(hub) == 0


async def test_only_so_many_browsers_are_taken(tmp_path: Path) -> None:
    """One more is told so, and not kept."""
    desk = Desk(tmp_path)
    for _ in range(CLIENTS_AT_ONCE):
        desk.hub.join()
    assert (await desk.ask("GET", "/stream", COOKIE)).status == 503


def say(gathered: Gathered, text: str) -> None:
    """A step of which people are told one sentence."""
    alert = Alert(level=AlertLevel.WARNING, key="test", text=text)
    gathered.observe(ev.Envelope(1, AT, ev.FaultNoted(code="TEST", text=text)), State(now=AT), Outcome(alerts=(alert,)))


def told(chunk: bytes) -> dict[str, Any]:
    """The data of the last event of a chunk, with its id."""
    rows = dict(row.split(": ", 1) for row in chunk.decode().strip().split("\n\n")[-1].split("\n"))
    return {**json.loads(rows["data"]), "event": rows["event"], "id": rows.get("id")}


def texts(found: dict[str, Any]) -> list[str]:
    return [line["text"] for line in found["lines"]]


def test_a_browser_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    """Last-Event-ID of this life: the lines after it, once; of another life or nonsense: all that are kept."""
    desk = Desk(tmp_path)
    for number in range(3):
        say(desk.gathered, f"line {number}")
    first = told(desk.source.whole(None))
    assert first["fresh"]
    assert texts(first) == ["line 0", "line 1", "line 2"]
    say(desk.gathered, "line 3")
    back = told(desk.source.whole(first["id"]))
    assert not back["fresh"]
    assert texts(back) == ["line 3"]
    assert back["skipped"] == 0
    for strange in ("deadbeef-2", "", "x", f"{desk.source.life}-", f"{desk.source.life}--1", f"{desk.source.life}-1e3"):
        assert told(desk.source.whole(strange))["fresh"]
        assert len(texts(told(desk.source.whole(strange)))) == 4


def test_lines_that_are_no_longer_kept_are_counted(tmp_path: Path) -> None:
    """A gap is shown as a gap, never closed silently."""
    desk = Desk(tmp_path)
    say(desk.gathered, "seen")
    last = told(desk.source.whole(None))["id"]
    for number in range(LINES_KEPT + 7):
        say(desk.gathered, f"line {number}")
    back = told(desk.source.whole(last))
    assert back["skipped"] == 7
    assert len(back["lines"]) == LINES_KEPT


def test_without_news_a_sign_of_life_is_sent_and_no_line_twice(tmp_path: Path) -> None:
    """Between two steps only the silence is told."""
    desk = Desk(tmp_path)
    say(desk.gathered, "one")
    assert texts(told(desk.source.news())) == ["one"]
    quiet = told(desk.source.news())
    assert quiet["event"] == "beat"
    assert quiet["silent_s"] >= 0.0
    say(desk.gathered, "two")
    assert texts(told(desk.source.news())) == ["two"]


def test_hostile_words_cannot_end_an_event_and_accounts_are_masked(tmp_path: Path) -> None:
    """A newline, a carriage return or markup in a broker's text stays inside one JSON line."""
    desk = Desk(tmp_path)
    say(desk.gathered, "a\n\nevent: look\rdata: {}\n<script>alert(1)</script> U1234567 \u2028")
    chunk = desk.source.whole(None)
    assert chunk.count(b"\n\n") == 2
    assert b"\r" not in chunk
    assert b"1234567" not in chunk
    assert "<script>" in texts(told(chunk))[0]
    assert event("look", b"{}", "a-1") == b"event: look\nid: a-1\ndata: {}\n\n"
