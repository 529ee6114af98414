"""Which readings of the host warn, and which stop new risk (C43, C44, C49, C50); what was not measured stops it."""

from __future__ import annotations

from collections.abc import Iterator

from risk.guards import Guards
from strategies.domain.host import HostReading

BROKER_CLOCK_GRAIN_MS = 1000.0
"""The broker tells its time in whole seconds, and the answer takes its way: so much is no difference."""

Told = tuple[str, str]
"""A control and a sentence."""


def halting(host: HostReading, guards: Guards) -> tuple[Told, ...]:
    """Why no new risk may be taken on this host. Only the broker's clock may be unknown (asked when quiet)."""
    found: list[Told] = []
    for code, name, value, cap, unit in _rows(host, guards, halt=True):
        if value is None:
            found.append((code, f"{name} could not be measured"))
        elif value > cap:
            found.append((code, f"{name} is {value:g} {unit}, allowed are {cap:g}"))
    found += _broker_clock(host, guards.clock_halt_ms)
    if host.disk_free_mib is None:
        found.append(("C49", "free disk space could not be measured"))
    elif host.disk_free_mib < guards.disk_halt_mib:
        found.append(("C49", f"{host.disk_free_mib:.0f} MiB of disk are free, {guards.disk_halt_mib:g} are needed"))
    return tuple(found)


def warning(host: HostReading, guards: Guards) -> tuple[Told, ...]:
    """What a person should look at before it stops anything."""
    found = [
        (code, f"{name} is {value:g} {unit}, the warning is at {cap:g}")
        for code, name, value, cap, unit in _rows(host, guards, halt=False)
        if value is not None and value > cap
    ]
    found += _broker_clock(host, guards.clock_warn_ms)
    if host.disk_free_mib is not None and host.disk_free_mib < guards.disk_warn_mib:
        found.append(
            ("C49", f"{host.disk_free_mib:.0f} MiB of disk are free, the warning is at {guards.disk_warn_mib:g}")
        )
    return tuple(found)


def _broker_clock(host: HostReading, cap_ms: float) -> list[Told]:
    off_ms = host.broker_clock_ms
    if off_ms is None or abs(off_ms) <= cap_ms + BROKER_CLOCK_GRAIN_MS:
        return []
    return [("C44", f"the clock is {0.001 * off_ms:+.1f} s from the broker's, which is told in whole seconds")]


def _rows(host: HostReading, guards: Guards, *, halt: bool) -> Iterator[tuple[str, str, float | None, float, str]]:
    """(control, name, value, cap, unit) of everything that must not be above its cap."""
    step = None if host.clock_step_ms is None else abs(host.clock_step_ms)
    yield "C44", "the wall clock's step", step, guards.clock_halt_ms if halt else guards.clock_warn_ms, "ms"
    yield "C49", "the slowest commit", host.commit_ms, guards.commit_halt_ms if halt else guards.commit_warn_ms, "ms"
    yield "C50", "memory", host.memory_mib, guards.memory_halt_mib if halt else guards.memory_warn_mib, "MiB"
    lag = guards.loop_lag_halt_s if halt else guards.loop_lag_warn_s
    yield "C50", "the event loop's lag", host.loop_lag_s, lag, "s"
    share = 1.0 if halt else 0.8
    yield "C50", "open files", _number(host.descriptors), share * guards.descriptors, "descriptors"
    yield "C50", "background work", _number(host.tasks), share * guards.tasks, "tasks"
    yield "C50", "the inbox", _number(host.facts_waiting), share * guards.facts_waiting, "facts waiting"


def _number(count: int | None) -> float | None:
    return None if count is None else float(count)
