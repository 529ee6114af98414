"""A disturbed byte path between one client and its session: latency, small segments, trickle, silence.

Rules: bytes keep their order and none is lost, except where a silent connection has more to say than may be kept: then
it stays silent, and is reset when it may speak again. A path without impairments and without bytes under way removes
itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bot.sim.server import ClientLink


@dataclass(frozen=True, slots=True, eq=False)
class Impairment:
    """One disturbance; times are loop seconds. `segment` is the most bytes written at once (0: no bound), `gap_s` the
    pause between two writes; `mute` writes nothing, `deaf` reads nothing."""

    out_s: float = 0.0
    in_s: float = 0.0
    jitter_s: float = 0.0
    seed: int = 0
    segment: int = 0
    gap_s: float = 0.0
    mute: bool = False
    deaf: bool = False


class _Queue:
    """Chunks of bytes, each with the moment from which it may pass."""

    def __init__(self, loop: asyncio.AbstractEventLoop, carry: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._carry = carry
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.Handle | None = None
        self.segment = 0
        self.gap_s = 0.0
        self.stopped = False
        self.size = 0

    def add(self, data: bytes, after_s: float) -> None:
        """Takes bytes that may pass after so long, and never before those taken earlier."""
        self._chunks.append((self._loop.time() + after_s, data))
        self.size += len(data)
        self.pump()

    def pump(self) -> None:
        """Lets pass what may, and plans the rest."""
        while self._chunks and not self.stopped and self._timer is None:
            ready_at, data = self._chunks[0]
            if ready_at > self._loop.time() + 1e-9:
                self._timer = self._loop.call_at(ready_at, self._again)
                return
            piece = data[: self.segment] if self.segment else data
            if len(piece) == len(data):
                self._chunks.popleft()
            else:
                self._chunks[0] = (ready_at, data[len(piece) :])
            self.size -= len(piece)
            if self.segment:
                self._timer = self._loop.call_later(self.gap_s, self._again)
            self._carry(piece)

    def _again(self) -> None:
        self._timer = None
        self.pump()

    def clear(self) -> None:
        """Forgets everything."""
        self._chunks.clear()
        self.size = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class LinkPath:
    """The path of one connection; implements the server's BytePath."""

    def __init__(self, link: ClientLink, keep_bytes: int) -> None:
        """`keep_bytes` is what a silent connection keeps for later."""
        loop = asyncio.get_running_loop()
        self._link = link
        self._keep = keep_bytes
        self._out = _Queue(loop, self._write)
        self._in = _Queue(loop, self._read)
        self._impairments: dict[Impairment, np.random.Generator] = {}
        self._finishing = False
        self._overflowed = False
        link.path = self

    # impairments ---------------------------------------------------------------------------------
    def impair(self, impairment: Impairment) -> None:
        """Adds a disturbance."""
        self._impairments[impairment] = np.random.default_rng(impairment.seed)
        self._apply()

    def relieve(self, impairment: Impairment) -> None:
        """Takes a disturbance away."""
        self._impairments.pop(impairment, None)
        self._apply()
        if self._overflowed and not self.withholding:
            self._link.reset("had more to say than a silent connection keeps")

    def _apply(self) -> None:
        active = list(self._impairments)
        bounds = [one.segment for one in active if one.segment]
        self._out.segment = min(bounds, default=0)
        self._out.gap_s = max((one.gap_s for one in active), default=0.0)
        self._out.stopped = any(one.mute for one in active)
        transport = self._link.transport
        if not transport.is_closing():
            deaf = any(one.deaf for one in active)
            if deaf and transport.is_reading():
                transport.pause_reading()
            elif not deaf and not transport.is_reading():
                transport.resume_reading()
        self._out.pump()
        self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        if not self._impairments and not self._out.size and not self._in.size and self._link.path is self:
            self._link.path = None

    # the server's byte path ----------------------------------------------------------------------
    @property
    def backlog(self) -> int:
        """Bytes taken for writing and not written."""
        return self._out.size

    @property
    def withholding(self) -> bool:
        """Whether nothing is written at all for now."""
        return self._out.stopped

    def write(self, data: bytes) -> None:
        """Takes bytes for the client."""
        if self.withholding and self._out.size + len(data) > self._keep:
            self._overflowed = True
        if self._overflowed:
            self._out.clear()
            return
        self._out.add(data, self._latency(lambda one: one.out_s))

    def received(self, data: bytes) -> None:
        """Takes bytes of the client."""
        self._in.add(data, self._latency(lambda one: one.in_s))

    def _latency(self, of: Callable[[Impairment], float]) -> float:
        total = 0.0
        for one, chance in self._impairments.items():
            if of(one):
                total += of(one) + one.jitter_s * float(chance.random())
        return total

    def finish(self) -> None:
        """Closes once the backlog is written; at once where nothing may be written."""
        self._finishing = True
        if not self._out.size or self.withholding:
            self._link.transport.close()

    def abandon(self) -> None:
        """The connection is gone."""
        self._out.clear()
        self._in.clear()
        self._impairments.clear()

    # bytes ---------------------------------------------------------------------------------------
    def _write(self, data: bytes) -> None:
        if not self._link.transport.is_closing():
            self._link.transport.write(data)
        if self._finishing and not self._out.size:
            self._link.transport.close()
        self._leave_if_idle()

    def _read(self, data: bytes) -> None:
        self._leave_if_idle()
        self._link.read(data)
