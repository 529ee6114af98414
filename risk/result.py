"""What a check says and what a verdict is: values for the journal, sentences for people."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Consequence(StrEnum):
    """What a failed check demands beyond refusing the order; HALT clears by itself, LATCH waits for a person."""

    DENY = "deny"
    REDUCE = "reduce"
    HALT = "halt"
    LATCH = "latch"


Value = float | str | None


class Finding(NamedTuple):
    """The measured part of a check: whether it passed, what was seen, what is allowed, in which unit, in words."""

    passed: bool
    observed: Value
    cap: Value
    unit: str
    text: str


class CheckResult(msgspec.Struct, frozen=True):
    """One check's outcome as journaled. `code` is the control's number, numbers are finite or words."""

    code: str
    name: str
    passed: bool
    observed: Value
    cap: Value
    unit: str
    text: str
    action: Consequence


class Verdict(msgspec.Struct, frozen=True, tag="verdict"):
    """The gate's answer to one intent: every check that was made, and the first that failed, if any.

    `reducing` says that the order was proven to add no risk in any fill subset.
    """

    ref: str
    approved: bool
    checks: tuple[CheckResult, ...]
    code: str | None
    text: str
    reducing: bool = False

    @property
    def needs_margin(self) -> bool:
        """Whether the broker's what-if has to be asked before the review: approved so far and adding risk."""
        return self.approved and not self.reducing


def finding(passed: bool, observed: Value, cap: Value, unit: str, text: str) -> Finding:
    """A finding whose numbers can be journaled: what is not finite becomes a word."""
    if isinstance(observed, float):
        observed = _plain(observed)
    return Finding(passed, observed, _plain(cap) if isinstance(cap, float) else cap, unit, text)


def unknown(cap: Value, unit: str, why: str) -> Finding:
    """A check that cannot be made fails: unknown is never safe."""
    return finding(False, None, cap, unit, f"cannot be checked: {why}")


def _plain(value: float) -> Value:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else "unlimited" if value > 0.0 else "-unlimited"
