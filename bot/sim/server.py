"""The TCP shell around the wire: accepts clients, moves bytes, bounds what a slow client may leave unread."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Protocol

from bot.sim.desk.client import DeskClient
from bot.sim.desk.desk import Desk
from bot.sim.wire.session import ClientSession, Incoming, SessionEvent, SessionState, Started

BURST_BYTES = 65_000
"""Clients slice their receive buffer per message, so one write stays below 64 KiB."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class MessageTap(Protocol):
    """Sees every message of every client, both ways, while faults need it; decides what goes on."""

    def incoming(self, link: ClientLink, event: SessionEvent) -> None:
        """A message was read; what the desk shall hear goes to `link.deliver`."""
        ...

    def outgoing(self, link: ClientLink, frames: bytes) -> None:
        """Messages would be queued; what the client shall get goes to `link.session.put`."""
        ...


class BytePath(Protocol):
    """Carries the bytes of one connection while faults disturb it."""

    @property
    def backlog(self) -> int:
        """Bytes taken for writing and not written."""
        ...

    @property
    def withholding(self) -> bool:
        """Whether nothing is written at all for now."""
        ...

    def write(self, data: bytes) -> None:
        """Takes bytes for the client."""
        ...

    def received(self, data: bytes) -> None:
        """Takes bytes of the client; they come back through `link.read` when their time has come."""
        ...

    def finish(self) -> None:
        """The connection ends in order: closes the transport once the backlog is written."""
        ...


class Observer(Protocol):
    """Hears of connections: faults that concern those to come wait for them here."""

    def opened(self, link: ClientLink) -> None:
        """A connection was accepted; nothing has been read."""
        ...

    def started(self, link: ClientLink) -> None:
        """Its client has started the API; the answers are not written yet."""
        ...

    def closed(self, link: ClientLink) -> None:
        """It is gone."""
        ...


class WireServer:
    """Listens, makes a session per connection and carries bytes between sockets and sessions."""

    def __init__(self, desk: Desk, host: str, port: int, *, server_version: int, queue_bytes: int) -> None:
        """Raises ValueError for a version that cannot be spoken."""
        self._desk = desk
        self._host = host
        self._asked_port = port
        self._version = server_version
        self._queue_bytes = queue_bytes
        self._server: asyncio.AbstractServer | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self._links: dict[ClientLink, None] = {}
        self.observers: list[Observer] = []
        self.tap: MessageTap | None = None
        self._announcements: tuple[int, int] | None = None
        self.port = 0
        self.dropped_slow = 0

    # life ----------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Opens the port. Raises OSError, saying so, when it is taken."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: ClientLink(self), self._host, self._asked_port)
        except OSError as error:
            asked = f"{self._host}:{self._asked_port}"
            raise OSError(
                error.errno,
                f"cannot listen on {asked}: {error.strerror or error}. Choose another --port, or stop what uses it.",
            ) from error
        self.port = self._asked_port = server.sockets[0].getsockname()[1]
        if self._reopening is not None:
            server.close()  # connections were refused anew while the port was opening
            return
        self._server = server

    async def stop(self) -> None:
        """Closes the port and every connection."""
        for pending in (self._reopening, self._opening):
            if pending is not None:
                pending.cancel()
        self._close_port()
        for link in list(self._links):
            link.path = None  # whatever disturbs it must not outlive the gateway
            link.close("gateway stopped")
        await asyncio.sleep(0)

    @property
    def refusing(self) -> bool:
        """Whether the port is closed for now."""
        return self._server is None

    def refuse_for(self, seconds: float) -> None:
        """Closes the port for so many loop seconds; open connections are not touched."""
        self._close_port()
        if self._reopening is not None:
            self._reopening.cancel()
        self._reopening = asyncio.get_running_loop().call_later(seconds, self._reopen)

    def open_again(self) -> bool:
        """Opens the port before its time; False where nothing keeps it closed."""
        if self._reopening is None:
            return False
        self._reopening.cancel()
        self._reopen()
        return True

    def move_to(self, port: int) -> None:
        """Listens on another port from now on (0: a free one), on the old one again where that is taken; open
        connections are not touched. While connections are refused, that is the port that opens afterwards."""
        old, self._asked_port = self.port, port
        if self._server is None:
            return
        self._close_port()
        self._opening = asyncio.get_running_loop().create_task(self._start_or(old), name="move-port")

    async def _start_or(self, fallback: int) -> None:
        try:
            await self.start()
        except OSError:
            self._asked_port = fallback
            await self.start()

    def links_of(self, client_id: int | None) -> list[ClientLink]:
        """The connections of one client id, or all of them."""
        return [link for link in self._links if client_id is None or link.client_id == client_id]

    def use_tap(self, tap: MessageTap | None) -> None:
        """Lets every message pass through the tap, of the connections to come as well; None takes it away."""
        self.tap = tap
        for link in self._links:
            link.divert(tap)

    def _close_port(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _reopen(self) -> None:
        self._reopening = None
        self._opening = asyncio.get_running_loop().create_task(self.start(), name="reopen-port")

    # bytes ---------------------------------------------------------------------------------------
    def flush_all(self) -> None:
        """Writes what the sessions have queued."""
        for link in list(self._links):
            link.flush()

    # used by the links ---------------------------------------------------------------------------
    def new_session(self) -> ClientSession:
        """A session for a connection that was just accepted."""
        return ClientSession(
            server_version=self._version, connected_at=self._desk.clock.now, announced=self._next_announcement()
        )

    def _next_announcement(self) -> int | None:
        if not self._announcements:
            return None
        version, left = self._announcements
        self._announcements = (version, left - 1) if left > 1 else None
        return version

    def announce_version(self, version: int, connections: int) -> None:
        """Tells the next connections another version than the one that is spoken."""
        self._announcements = (version, connections) if connections > 0 else None

    def opened(self, link: ClientLink) -> None:
        """A connection was accepted."""
        self._links[link] = None
        link.divert(self.tap)
        for observer in list(self.observers):
            observer.opened(link)

    def started(self, link: ClientLink) -> None:
        """The connection's client has started the API."""
        for observer in list(self.observers):
            observer.started(link)

    def closed(self, link: ClientLink) -> None:
        """A connection is gone."""
        self._links.pop(link, None)
        for observer in list(self.observers):
            observer.closed(link)

    @property
    def desk(self) -> Desk:
        """Who answers."""
        return self._desk

    @property
    def queue_bytes(self) -> int:
        """Most bytes that a client may leave unread."""
        return self._queue_bytes


class ClientLink(asyncio.Protocol):
    """One connection: bytes to its session's events to the desk, the session's output to the transport."""

    def __init__(self, server: WireServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._session: ClientSession | None = None
        self._client: DeskClient | None = None
        self._reason = ""
        self._continue_planned = False
        self.path: BytePath | None = None

    @property
    def client_id(self) -> int:
        """Id of the client, -1 until it has started the API."""
        return self._client.client_id if self._client is not None else -1

    # asyncio.Protocol ----------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._session = self._server.new_session()
        self._client = self._server.desk.welcome(self._session, self.close)
        self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client; a broken stream ends this connection only."""
        if self.path is not None:
            self.path.received(data)
        else:
            self.read(data)

    def read(self, data: bytes) -> None:
        """Handles bytes of the client."""
        server = self._server
        for event in self.session.receive(data):
            if server.tap is None:
                self.deliver(event)
            else:
                server.tap.incoming(self, event)
        self.settle()

    def settle(self) -> None:
        """After requests were delivered: what is answered together is answered, and everything is written."""
        self._server.desk.settle()
        self._server.flush_all()

    def deliver(self, event: SessionEvent) -> None:
        """Hands one event of the session to the desk."""
        if isinstance(event, Incoming) and self.client_id < 0:
            return  # its startApi was lost on the way: whoever never started is not answered
        self._server.desk.handle(self.client, event)
        if isinstance(event, Started) and self.session.state is SessionState.STARTED:
            self._server.started(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by either side."""
        self._server.closed(self)
        if self._client is not None:
            self._server.desk.goodbye(self._client, self._reason or (str(exc) if exc else "client disconnected"))

    # messages ------------------------------------------------------------------------------------
    @property
    def session(self) -> ClientSession:
        """The protocol's state of this connection."""
        assert self._session is not None, "a connection has a session from the moment it is made"
        return self._session

    @property
    def client(self) -> DeskClient:
        """The desk's side of this connection."""
        assert self._client is not None, "a connection has a client from the moment it is made"
        return self._client

    @property
    def transport(self) -> asyncio.Transport:
        """The socket, or what stands for it."""
        assert self._transport is not None, "a connection has a transport from the moment it is made"
        return self._transport

    def divert(self, tap: MessageTap | None) -> None:
        """Sends what the desk says through the tap, or straight again."""
        self.session.divert = None if tap is None else lambda frames: tap.outgoing(self, frames)

    # writing -------------------------------------------------------------------------------------
    def flush(self) -> None:
        """Writes one burst and plans the next, so that the client can read in between; drops a client that does not."""
        transport, session = self._transport, self._session
        if transport is None or session is None or transport.is_closing() or not session.pending_bytes:
            return
        waiting = session.pending_bytes + transport.get_write_buffer_size()
        if self.path is not None:
            waiting += 0 if self.path.withholding else self.path.backlog
        if waiting > self._server.queue_bytes:
            self._server.dropped_slow += 1
            self.reset("client does not read")
            return
        if not self._continue_planned:
            self._write_burst()

    def _write_burst(self) -> None:
        transport, session = self._transport, self._session
        self._continue_planned = False
        if transport is None or session is None or transport.is_closing():
            return
        chunk = session.take(BURST_BYTES)
        if chunk and self.path is None:
            transport.write(chunk)
        elif chunk and self.path is not None:
            self.path.write(chunk)
        if session.pending_bytes:
            self._continue_planned = True
            asyncio.get_running_loop().call_soon(self._write_burst)
        elif session.state is SessionState.CLOSED:
            if self.path is None:
                transport.close()
            else:
                self.path.finish()

    # ending --------------------------------------------------------------------------------------
    def close(self, reason: str) -> None:
        """Ends the connection after what is queued has been written."""
        self._reason = self._reason or reason
        if self._session is not None:
            self._session.close()
        if not self._continue_planned:
            self._write_burst()

    def reset(self, reason: str) -> None:
        """Ends the connection at once with a reset."""
        self._reason = self._reason or reason
        transport = self._transport
        if self._session is not None:
            self._session.close()
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
