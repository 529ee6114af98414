"""A man in the middle between a client and a gateway: swallows, alters, adds and cuts messages, for tests of faults."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

Fields = list[str]
Alter = Callable[[Fields], list[Fields]]


class TamperingProxy:
    """Listens on a port of its own and passes frames on, unless told otherwise.

    `swallow[type]` counts how many more gateway messages of that type vanish; `alter` maps one gateway message to the
    messages delivered instead; `mute` delivers nothing at all; `deaf` passes no client message on; `received` keeps
    what clients wrote, with the loop time.
    """

    def __init__(self, gateway_port: int) -> None:
        self._gateway_port = gateway_port
        self._server: Any = None
        self._links: list[_Link] = []
        self.swallow: Counter[str] = Counter()
        self.alter: Alter | None = None
        self.mute = False
        self.deaf = False
        self.accept_silently = False
        self.connections = 0
        self.received: list[tuple[float, Fields]] = []
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Ends every connection."""
        for link in self._links:
            link.close()
        self._links = []

    def inject(self, *fields: object) -> None:
        """Sends a message to every client as if the gateway had."""
        self.inject_bytes(frame([str(field) for field in fields]))

    def inject_bytes(self, data: bytes) -> None:
        """Sends raw bytes to every client."""
        for link in self._links:
            link.to_client(data)

    def written(self, kind: int) -> list[tuple[float, Fields]]:
        """Client messages of one type with their times."""
        return [(at, fields) for at, fields in self.received if fields and fields[0] == str(kind)]

    def deliver(self, fields: Fields) -> list[Fields]:
        """What the client gets for a gateway message."""
        if self.mute:
            return []
        if self.swallow[fields[0]] > 0:
            self.swallow[fields[0]] -= 1
            return []
        return [fields] if self.alter is None else self.alter(fields)


def frame(fields: Fields) -> bytes:
    body = "".join(f"{field}\0" for field in fields).encode()
    return struct.pack(">I", len(body)) + body


class _Frames:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> list[Fields]:
        self._data += data
        found = []
        while len(self._data) >= 4 and len(self._data) >= 4 + struct.unpack(">I", self._data[:4])[0]:
            end = 4 + struct.unpack(">I", self._data[:4])[0]
            found.append(self._data[4:end].decode().split("\0")[:-1])
            self._data = self._data[end:]
        return found


class _Client(asyncio.Protocol):
    def __init__(self, proxy: TamperingProxy) -> None:
        self._proxy = proxy
        self._link: _Link | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._proxy.connections += 1
        self._link = _Link(self._proxy, transport)
        self._proxy._links.append(self._link)

    def data_received(self, data: bytes) -> None:
        assert self._link is not None
        self._link.from_client(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._link is not None:
            self._link.close()


class _Link(asyncio.Protocol):
    """One client and its own connection to the gateway."""

    def __init__(self, proxy: TamperingProxy, client: Any) -> None:
        self._proxy = proxy
        self._client = client
        self._gateway: Any = None
        self._early: list[bytes] = []
        self._client_frames = _Frames()
        self._gateway_frames = _Frames()
        self._greeted = False
        if not proxy.accept_silently:
            self._dialling = asyncio.ensure_future(self._dial())

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._proxy._gateway_port)
        except OSError:
            self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._gateway = transport
        for data in self._early:
            self._gateway.write(data)

    def from_client(self, data: bytes) -> None:
        at = asyncio.get_running_loop().time()
        rest = data
        if not self._greeted and data.startswith(b"API\0"):
            self._greeted = True
            rest = data[4 + 4 + struct.unpack(">I", data[4:8])[0] :]
        self._proxy.received += [(at, fields) for fields in self._client_frames.feed(rest)]
        if self._proxy.deaf:
            return
        if self._gateway is None:
            self._early.append(data)
        else:
            self._gateway.write(data)

    def data_received(self, data: bytes) -> None:
        for fields in self._gateway_frames.feed(data):
            for delivered in self._proxy.deliver(fields):
                self.to_client(frame(delivered))

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.close()

    def to_client(self, data: bytes) -> None:
        self._client.write(data)

    def close(self) -> None:
        self._client.close()
        if self._gateway is not None:
            self._gateway.close()
