"""How the machine under the bot stands: clocks, disk, memory and the process itself, as measured every few seconds."""

from __future__ import annotations

from datetime import datetime

import msgspec


class HostReading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the host; None where it could not be measured, which is never taken for good.

    `clock_step_ms` is how far the wall clock has moved against the monotonic one since the start, `broker_clock_ms` how
    far it is from the broker's own (whole seconds, so half a second either way says nothing), None before it was asked.
    `commit_ms` is the slowest durable commit and `loop_lag_s` the longest the event loop was late since the last look.
    """

    at: datetime
    clock_step_ms: float | None = None
    broker_clock_ms: float | None = None
    disk_free_mib: float | None = None
    commit_ms: float | None = None
    memory_mib: float | None = None
    descriptors: int | None = None
    tasks: int | None = None
    facts_waiting: int | None = None
    loop_lag_s: float | None = None
