"""One client's protocol state: bytes in become requests, messages out become bytes; no sockets, no clock.

Rules: `API\\0` and a version range come first, then one startApi, then requests. The server speaks
min(own version, client's maximum) and refuses clients that cannot speak 157. A stream that cannot be the protocol
breaks only its own session; a single unreadable message does not break it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.sim.wire import encode
from bot.sim.wire.fields import FieldReader, MalformedRequest
from bot.sim.wire.framing import BrokenFrame, FrameBuffer, frame, split_fields
from bot.sim.wire.times import EASTERN

MIN_VERSION = 157
MAX_VERSION = 176
API_PREFIX = b"API\0"
START_API = 71
_VERSIONS = re.compile(r"v(\d{1,5})(?:\.\.(\d{1,5}))?(?: .*)?", re.ASCII | re.DOTALL)


def speakable(version: int) -> bool:
    """Whether this gateway can speak a version: 158 is left out, because clients disagree about its layout."""
    return MIN_VERSION <= version <= MAX_VERSION and version != 158


class SessionState(StrEnum):
    """How far the client has come."""

    HANDSHAKE = "handshake"
    GREETED = "greeted"
    STARTED = "started"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Started:
    """The client asked to start the API under this id."""

    client_id: int


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of the client: its number and the fields after it."""

    message_id: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Broken:
    """The session is over: what the client sent, or could not speak, and why."""

    reason: str


SessionEvent = Started | Incoming | Broken


class ClientSession:
    """The gateway's side of one connection."""

    def __init__(
        self, *, server_version: int = MAX_VERSION, connected_at: datetime, announced: int | None = None
    ) -> None:
        """`announced` is a version told to the client in place of the one spoken: a lie, for tests of clients. Raises
        ValueError for a server version that this gateway cannot speak."""
        if not speakable(server_version):
            raise ValueError(
                f"server_version must lie in {MIN_VERSION}..{MAX_VERSION} and not be 158, got {server_version}"
            )
        self.state = SessionState.HANDSHAKE
        self.version = 0
        self.client_id = -1
        self.received = 0
        self._server_version = server_version
        self._announced = announced
        self._connected_at = connected_at
        self._buffer = FrameBuffer()
        self._prefix_seen = False
        self._out = bytearray()
        self.divert: Callable[[bytes], None] | None = None

    # in ------------------------------------------------------------------------------------------
    def receive(self, data: bytes) -> Iterator[SessionEvent]:
        """Events of the bytes received, in order. Consume lazily: closing between events drops the rest."""
        self._buffer.feed(data)
        while self.state is not SessionState.CLOSED:
            try:
                event = self._next_event()
            except BrokenFrame as error:
                event = Broken(str(error))
            if event is None:
                return
            if isinstance(event, Broken):
                self.state = SessionState.CLOSED
            yield event

    def _next_event(self) -> SessionEvent | None:
        if not self._prefix_seen:
            if not self._buffer.take_prefix(API_PREFIX):
                return None
            self._prefix_seen = True
        payload = self._buffer.next_frame()
        if payload is None:
            return None
        if self.state is SessionState.HANDSHAKE:
            refusal = self._greet(payload)
            return refusal or self._next_event()
        self.received += 1
        fields = split_fields(payload)
        if not (fields[0].isascii() and fields[0].isdigit() and len(fields[0]) < 10):
            raise BrokenFrame(f"a message must start with its number, got {fields[0][:40]!r}")
        message_id = int(fields[0])
        if self.state is SessionState.GREETED:
            return self._start(message_id, fields[1:])
        return Incoming(message_id, fields[1:])

    def _greet(self, payload: bytes) -> Broken | None:
        text = payload.rstrip(b"\0").decode("ascii", errors="replace")
        match = _VERSIONS.fullmatch(text)
        if match is None:
            raise BrokenFrame(f"expected a version range such as 'v157..176', got {text[:60]!r}")
        lowest, highest = int(match[1]), int(match[2] or match[1])
        version = min(self._server_version, highest)
        # ib_insync and ib_async disagree with others about the layout of exactly 158.
        version = 157 if version == 158 else version
        if version < max(MIN_VERSION, lowest):
            spoken = f"{MIN_VERSION}..{self._server_version}"
            reason = f"The gateway speaks protocol versions {spoken}, the client offers {lowest}..{highest}"
            self.put(frame(encode.error(-1, 506, f"Unsupported version: {reason}", 0)))
            return Broken(reason)
        self.version = version
        self.state = SessionState.GREETED
        local = self._connected_at.astimezone(EASTERN)
        told = version if self._announced is None else self._announced
        self.put(frame(f"{told}\0{local:%Y%m%d %H:%M:%S} {local.tzname()}\0".encode("ascii")))
        return None

    def _start(self, message_id: int, fields: list[str]) -> SessionEvent:
        if message_id != START_API:
            return Broken(f"startApi ({START_API}) must come first, got message {message_id}")
        try:
            reader = FieldReader(fields)
            reader.integer("version")
            self.client_id = reader.integer("clientId")
        except MalformedRequest as error:
            return Broken(f"startApi: {error}")
        if self.client_id < 0:
            return Broken(f"startApi: the client id must not be negative, got {self.client_id}")
        self.state = SessionState.STARTED
        return Started(self.client_id)

    # out -----------------------------------------------------------------------------------------
    def send(self, payload: bytes) -> None:
        """Queues one message; ignored once the session is closed."""
        if self.divert is not None:
            self.divert(frame(payload))
        elif self.state is not SessionState.CLOSED:
            self._out += frame(payload)

    def send_frames(self, frames: bytes) -> None:
        """Queues messages that carry their length prefixes already (the quote pump makes them in bulk)."""
        if self.divert is not None:
            self.divert(frames)
        elif self.state is not SessionState.CLOSED:
            self._out += frames

    def put(self, data: bytes) -> None:
        """Queues bytes as they are, past `divert`, which sees every message before it is queued while faults watch."""
        if self.state is not SessionState.CLOSED:
            self._out += data

    @property
    def pending_bytes(self) -> int:
        """Bytes queued and not taken."""
        return len(self._out)

    def take(self, at_most: int) -> bytes:
        """Up to `at_most` queued bytes, in order."""
        chunk = bytes(self._out[:at_most])
        del self._out[:at_most]
        return chunk

    def close(self) -> None:
        """Ends the session: nothing more is read or queued; what is queued can still be taken."""
        self.state = SessionState.CLOSED
