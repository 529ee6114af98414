"""Caps of the slow controls: what repeats, what the market did within minutes, how the host stands, what a day left.

They are part of `Limits` (`limits.guards`) and are judged like them: a number outside its range is refused whole.
"""

from __future__ import annotations

import math

import msgspec

from risk.bound import Bound
from risk.maintenance import window_fault

_COUNT = Bound(1, 1000, "lower")

GUARD_BOUNDS: dict[str, Bound] = {
    "stop_outs": Bound(1, 100, "lower"),
    "stop_out_window_sessions": Bound(1, 60, "higher"),
    "stop_out_pause_sessions": Bound(1, 60, "higher"),
    "identical_opens_per_day": _COUNT,
    "round_trips_per_hour": _COUNT,
    "duplicates_before_latch": _COUNT,
    "uneven_legs_s": Bound(1.0, 600.0, "lower"),
    "index_jump_sigmas": Bound(3.0, 100.0, "lower"),
    "forward_gap_pct": Bound(0.1, 10.0, "lower"),
    "refused_quotes_per_min": _COUNT,
    "delta_per_condor": Bound(0.02, 1.0, "lower"),
    "shock_vix_pct": Bound(1.0, 200.0, "lower"),
    "shock_vix_window_min": Bound(1.0, 60.0, "higher"),
    "shock_spx_pct": Bound(0.1, 20.0, "lower"),
    "shock_spx_window_min": Bound(1.0, 60.0, "higher"),
    "shock_flip_points": Bound(0.1, 50.0, "lower"),
    "shock_pause_min": Bound(1.0, 390.0, "higher"),
    "maintenance_before_min": Bound(0.0, 120.0, "higher"),
    "clock_warn_ms": Bound(10.0, 60_000.0, "lower"),
    "clock_halt_ms": Bound(100.0, 60_000.0, "lower"),
    "host_age_s": Bound(5.0, 600.0, "lower"),
    "disk_warn_mib": Bound(1.0, 1_000_000.0, "higher"),
    "disk_halt_mib": Bound(1.0, 1_000_000.0, "higher"),
    "commit_warn_ms": Bound(1.0, 10_000.0, "lower"),
    "commit_halt_ms": Bound(10.0, 60_000.0, "lower"),
    "memory_warn_mib": Bound(64.0, 1_000_000.0, "lower"),
    "memory_halt_mib": Bound(128.0, 1_000_000.0, "lower"),
    "descriptors": Bound(32, 100_000, "lower"),
    "tasks": Bound(16, 10_000, "lower"),
    "facts_waiting": Bound(10, 100_000, "lower"),
    "loop_lag_warn_s": Bound(0.1, 60.0, "lower"),
    "loop_lag_halt_s": Bound(0.5, 60.0, "lower"),
    "shown_size_pct": Bound(1.0, 1000.0, "lower"),
    "model_vega_pct": Bound(1.0, 1000.0, "lower"),
    "silent_sessions": Bound(1, 60, "lower"),
    "result_difference_usd": Bound(0.01, 100_000.0, "lower"),
    "cash_difference_usd": Bound(0.01, 100_000.0, "lower"),
}
"""Range of every number, low and high included."""

_NOT_ABOVE = (
    ("clock_warn_ms", "clock_halt_ms"),
    ("disk_halt_mib", "disk_warn_mib"),
    ("commit_warn_ms", "commit_halt_ms"),
    ("memory_warn_mib", "memory_halt_mib"),
    ("loop_lag_warn_s", "loop_lag_halt_s"),
)


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """The caps of the slow controls; no field has a default. Raises ValueError naming every fault."""

    # what repeats (C23, C26, C27)
    stop_outs: int
    stop_out_window_sessions: int
    stop_out_pause_sessions: int
    identical_opens_per_day: int
    round_trips_per_hour: int
    duplicates_before_latch: int
    # legs that others traded against (C32)
    uneven_legs_s: float
    # quotes that are not believed (C15)
    index_jump_sigmas: float
    forward_gap_pct: float
    refused_quotes_per_min: int
    # the book's delta (C17)
    delta_per_condor: float
    # the market within minutes (C37)
    shock_vix_pct: float
    shock_vix_window_min: float
    shock_spx_pct: float
    shock_spx_window_min: float
    shock_flip_points: float
    shock_pause_min: float
    # the broker's maintenance, New York time (C39)
    maintenance_windows: tuple[str, ...]
    maintenance_before_min: float
    # the host (C43, C44, C49, C50)
    clock_warn_ms: float
    clock_halt_ms: float
    host_age_s: float
    disk_warn_mib: float
    disk_halt_mib: float
    commit_warn_ms: float
    commit_halt_ms: float
    memory_warn_mib: float
    memory_halt_mib: float
    descriptors: int
    tasks: int
    facts_waiting: int
    loop_lag_warn_s: float
    loop_lag_halt_s: float
    # size against what the legs show (C55), and a person's presence (C54)
    shown_size_pct: float
    # our vega of a leg against the broker's (C52)
    model_vega_pct: float
    silent_sessions: int
    # the day's result against the broker's (C51)
    result_difference_usd: float
    # the day's end (C53)
    cash_difference_usd: float

    def __post_init__(self) -> None:
        faults = [fault for name in GUARD_BOUNDS if (fault := _fault(name, getattr(self, name)))]
        if not faults:
            faults = [
                f"{low} is {getattr(self, low):g}, above {high} with {getattr(self, high):g}: lower the first or raise "
                "the second"
                for low, high in _NOT_ABOVE
                if getattr(self, low) > getattr(self, high)
            ]
        faults += [
            f"maintenance_windows holds {text!r}: {fault}"
            for text in self.maintenance_windows
            if (fault := window_fault(text))
        ]
        if faults:
            raise ValueError("; ".join(faults))


INTEGERS = frozenset(spec.name for spec in msgspec.structs.fields(Guards) if spec.type is int)


def _fault(name: str, value: object) -> str | None:
    bound = GUARD_BOUNDS[name]
    allowed = f"allowed is {bound.low:g} to {bound.high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{name} is {value!r}: a cap is a finite number and is never left out; {allowed}"
    if name in INTEGERS and not isinstance(value, int):
        return f"{name} is {value!r}: it counts something, so it is a whole number; {allowed}"
    return None if bound.low <= value <= bound.high else f"{name} is {value:g}: {allowed}"


def loosened_guards(old: Guards, new: Guards) -> tuple[str, ...]:
    """Names of the caps that `new` sets less strictly; other maintenance windows count as looser unless only added."""
    names = []
    for name, bound in GUARD_BOUNDS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after and (bound.tighter is None or (after > before) == (bound.tighter == "lower")):
            names.append(name)
    if not set(old.maintenance_windows) <= set(new.maintenance_windows):
        names.append("maintenance_windows")
    return tuple(names)


def paper_guards() -> Guards:
    """The documented caps."""
    return Guards(
        stop_outs=3,
        stop_out_window_sessions=5,
        stop_out_pause_sessions=2,
        identical_opens_per_day=3,
        round_trips_per_hour=3,
        duplicates_before_latch=2,
        uneven_legs_s=20.0,
        index_jump_sigmas=8.0,
        forward_gap_pct=1.0,
        refused_quotes_per_min=10,
        delta_per_condor=0.25,
        shock_vix_pct=30.0,
        shock_vix_window_min=10.0,
        shock_spx_pct=2.0,
        shock_spx_window_min=5.0,
        shock_flip_points=3.0,
        shock_pause_min=30.0,
        maintenance_windows=("SUN-FRI 00:15-01:45", "FRI 23:00-03:00"),
        maintenance_before_min=10.0,
        clock_warn_ms=500.0,
        clock_halt_ms=2000.0,
        host_age_s=60.0,
        disk_warn_mib=1024.0,
        disk_halt_mib=200.0,
        commit_warn_ms=50.0,
        commit_halt_ms=1000.0,
        memory_warn_mib=1024.0,
        memory_halt_mib=2048.0,
        descriptors=512,
        tasks=256,
        facts_waiting=1000,
        loop_lag_warn_s=2.0,
        loop_lag_halt_s=10.0,
        shown_size_pct=50.0,
        model_vega_pct=15.0,
        silent_sessions=3,
        result_difference_usd=50.0,
        cash_difference_usd=50.0,
    )
