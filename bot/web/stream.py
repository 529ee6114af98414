"""Server-sent events to browsers: a bounded queue each, dropped when it is full, resumed by Last-Event-ID.

An event's id is `LIFE-NUMBER`: the life of this process and the number of the newest log line the browser has. A
browser of this life gets the lines it missed, as far as they are kept; one of an earlier life gets all that are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

QUEUE_EVENTS = 8
CLIENTS_AT_ONCE = 24
SEND_DEADLINE_S = 10.0


def event(name: str, data: bytes, identity: str | None = None) -> bytes:
    """One event; `data` is one line of JSON."""
    head = f"event: {name}\n" + (f"id: {identity}\n" if identity is not None else "")
    return head.encode() + b"data: " + data + b"\n\n"


class Client:
    """One browser's queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_EVENTS)
        self.dropped = asyncio.Event()

    def offer(self, chunk: bytes | None) -> bool:
        """Queues a chunk (None ends the stream); False when the queue is full, and the client is dropped."""
        try:
            self.queue.put_nowait(chunk)
        except asyncio.QueueFull:
            self.dropped.set()
            return False
        return True


class Hub:
    """The browsers that listen. Publishing never waits for any of them."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether no further browser is taken."""
        return len(self._clients) >= CLIENTS_AT_ONCE

    def join(self) -> Client:
        """A new client; it must `leave`."""
        client = Client()
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """The client is gone."""
        self._clients.discard(client)

    def publish(self, chunk: bytes | None) -> None:
        """To everybody; who cannot keep up is dropped and may come back."""
        for client in tuple(self._clients):
            if not client.offer(chunk):
                self.dropped += 1
                self._clients.discard(client)


async def serve_stream(
    hub: Hub, first: Callable[[], bytes], receive: Receive, send: Send, *, deadline_s: float = SEND_DEADLINE_S
) -> None:
    """Sends `first()`, then what is published, until the browser goes, is dropped or the stream ends.

    `first` is called after the client has joined, so that nothing falls between the two.
    """
    client = hub.join()
    try:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        pump = asyncio.create_task(_pump(client, first(), send, deadline_s), name="stream pump")
        gone = asyncio.create_task(_gone(receive), name="stream disconnect")
        dropped = asyncio.create_task(client.dropped.wait(), name="stream dropped")
        tasks: set[asyncio.Task[object]] = {pump, gone, dropped}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        hub.leave(client)


async def _pump(client: Client, first: bytes, send: Send, deadline_s: float) -> object:
    chunk: bytes | None = first
    while chunk is not None:
        async with asyncio.timeout(deadline_s):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        chunk = await client.queue.get()
    return None


async def _gone(receive: Receive) -> object:
    while (await receive())["type"] != "http.disconnect":
        continue
    return None


StreamApp = Callable[[Scope, Receive, Send], Awaitable[None]]
