"""In-memory stream connections for the virtual-time loop: the same bytes, no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

READ_LIMIT = 65_536
"""Most bytes handed to a protocol at once."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection. Bytes written in one turn of the loop arrive together in the next."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, names: tuple[object, object]
    ) -> None:
        super().__init__({"sockname": names[0], "peername": names[1]})
        self._loop = loop
        self._protocol = protocol
        self._peer: MemoryTransport | None = None
        self._inbox = bytearray()
        self._eof_coming = False
        self._delivery_planned = False
        self._reading = True
        self._closing = False
        self._lost = False
        self._protocol_paused = False
        self._high_water = 65_536

    def join(self, peer: MemoryTransport) -> None:
        """Connects the two ends."""
        self._peer = peer

    # writing -------------------------------------------------------------------------------------
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hands the bytes to the other end; silently dropped after close, as a socket transport does."""
        peer = self._peer
        if self._closing or peer is None or peer._closing:
            return
        peer._inbox += data
        peer._plan_delivery()
        self._tell_about_pressure()

    def get_write_buffer_size(self) -> int:
        """Bytes the other end has not taken yet."""
        return len(self._peer._inbox) if self._peer is not None else 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Above `high` bytes the writing protocol is paused."""
        self._high_water = 65_536 if high is None else high

    def can_write_eof(self) -> bool:
        """Half-closing is possible."""
        return True

    def write_eof(self) -> None:
        """Tells the other end that no more bytes come."""
        peer = self._peer
        if peer is not None and not self._closing:
            peer._eof_coming = True
            peer._plan_delivery()

    # reading -------------------------------------------------------------------------------------
    def is_reading(self) -> bool:
        """Whether incoming bytes are delivered."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Keeps incoming bytes back."""
        self._reading = False

    def resume_reading(self) -> None:
        """Delivers again."""
        self._reading = True
        self._plan_delivery()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replaces the protocol."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol of this end."""
        return self._protocol

    # ending --------------------------------------------------------------------------------------
    def is_closing(self) -> bool:
        """Whether this end is closed or closing."""
        return self._closing

    def close(self) -> None:
        """Closes after what was written has been read by the other end."""
        if self._closing:
            return
        self.write_eof()
        self._closing = True
        self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Resets the connection: unread bytes are lost on both ends and the other end sees the reset."""
        peer = self._peer
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lose, None)
        if peer is not None and not peer._lost:
            peer._inbox.clear()
            peer._closing = True
            self._loop.call_soon(peer._lose, ConnectionResetError(104, "Connection reset by peer"))

    # inside --------------------------------------------------------------------------------------
    def _plan_delivery(self) -> None:
        if not self._delivery_planned and self._reading and not self._closing:
            self._delivery_planned = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._delivery_planned = False
        if self._closing or not self._reading:
            return
        if self._inbox:
            data = bytes(self._inbox[:READ_LIMIT])
            del self._inbox[:READ_LIMIT]
            self._hand_over(data)
            if self._peer is not None:
                self._peer._tell_about_pressure()
            if self._inbox or self._eof_coming:
                self._plan_delivery()
        elif self._eof_coming:
            self._eof_coming = False
            eof: Any = self._protocol
            if not eof.eof_received():
                self.close()

    def _hand_over(self, data: bytes) -> None:
        protocol: Any = self._protocol
        try:
            protocol.data_received(data)
        except Exception as error:  # noqa: BLE001 - a socket transport reports it and drops the connection, so do we
            context = {"message": "protocol.data_received() call failed", "exception": error, "transport": self}
            self._loop.call_exception_handler(context)
            self.abort()

    def _tell_about_pressure(self) -> None:
        full = self.get_write_buffer_size() > self._high_water
        if full != self._protocol_paused and not self._closing:
            self._protocol_paused = full
            tell = self._protocol.pause_writing if full else self._protocol.resume_writing
            tell()

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._inbox.clear()
            self._protocol.connection_lost(error)


class _ListeningName:
    """What a listening socket is asked for: its address."""

    def __init__(self, host: str, port: int) -> None:
        self._name = (host, port)

    def getsockname(self) -> tuple[str, int]:
        """(host, port) of the listener."""
        return self._name


class MemoryServer:
    """A listener of the virtual loop."""

    def __init__(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        registry: dict[int, MemoryServer],
    ) -> None:
        self.protocol_factory = protocol_factory
        self.sockets = (_ListeningName(host, port),)
        self._port = port
        self._registry = registry
        self.connections = 0

    def is_serving(self) -> bool:
        """Whether new connections are taken."""
        return self._registry.get(self._port) is self

    def close(self) -> None:
        """Stops listening; open connections stay."""
        if self.is_serving():
            del self._registry[self._port]

    async def wait_closed(self) -> None:
        """Returns at once: nothing lingers in memory."""


def connect_pair(
    loop: asyncio.AbstractEventLoop, client: asyncio.BaseProtocol, server: MemoryServer
) -> MemoryTransport:
    """Joins a client protocol with a new protocol of the server and returns the client's end."""
    address = server.sockets[0].getsockname()
    server.connections += 1
    client_name = (address[0], 50_000 + server.connections)
    serving = server.protocol_factory()
    client_end = MemoryTransport(loop, client, (client_name, address))
    server_end = MemoryTransport(loop, serving, (address, client_name))
    client_end.join(server_end)
    server_end.join(client_end)
    serving.connection_made(server_end)
    client.connection_made(client_end)
    return client_end
