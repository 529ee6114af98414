"""A decision record: which rule looked, what it saw, what it demanded and what it concluded, acting or not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

Scalar = float | int | str | bool | None


class DecisionVerdict(StrEnum):
    """ACT: an intent follows. HOLD: looked and stayed. DECLINE: wanted to act, a named rule forbade it."""

    ACT = "act"
    HOLD = "hold"
    DECLINE = "decline"


class Decision(msgspec.Struct, frozen=True):
    """One verdict of one rule. `subject` is the condor id, slot or `entry`; names in `inputs` carry their unit.

    `rule` is the rulebook's ID (C-ENTRY-4); `text` one sentence for people. `near` is how far the deciding input was
    from its threshold, as a share of the threshold (0.08 = 8 % away), None where no distance makes sense.
    """

    at: datetime
    rule: str
    subject: str
    verdict: DecisionVerdict
    text: str
    inputs: dict[str, Scalar] = {}
    thresholds: dict[str, Scalar] = {}
    near: float | None = None
    intent_ref: str | None = None

    @property
    def signature(self) -> str:
        """What makes a decision new: same rule, subject, verdict and text are one standing decision."""
        return "|".join((self.rule, self.subject, self.verdict, self.text))
