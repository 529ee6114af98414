"""What a diagnostic answers: a verdict with its numbers, thresholds, source and age, or unknown with the reason.

Rules
- Unknown is no evidence and relaxes nothing: whoever asks "may I wait?" or "may I go back?" needs TRUE.
- Numbers are named with their unit, as in a decision's inputs, so that a reading can be journaled as it is.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """Whether the condition a diagnostic looks for holds."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @staticmethod
    def of(condition: bool | None) -> Verdict:
        """None is unknown."""
        if condition is None:
            return Verdict.UNKNOWN
        return Verdict.TRUE if condition else Verdict.FALSE

    @property
    def holds(self) -> bool:
        """TRUE and nothing else."""
        return self is Verdict.TRUE


def either(*verdicts: Verdict) -> Verdict:
    """TRUE if one is; else UNKNOWN if one is; else FALSE."""
    if Verdict.TRUE in verdicts:
        return Verdict.TRUE
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.FALSE


def both(*verdicts: Verdict) -> Verdict:
    """FALSE if one is; else UNKNOWN if one is; else TRUE."""
    if Verdict.FALSE in verdicts:
        return Verdict.FALSE
    return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.TRUE


class Family(StrEnum):
    """Independent kinds of evidence (D-SCORE-1): one point each, however many of its diagnostics agree."""

    BREADTH = "breadth"
    MOMENTUM = "momentum"
    CURVE = "curve"
    VOL_RSI = "vol_rsi"
    SKEW = "skew"
    RV_IV = "rv_iv"
    CORRELATION = "correlation"
    MACRO = "macro"


class Source(StrEnum):
    """EXACT: the input the rule names. PROXY: a stand-in, because the broker does not give the input."""

    EXACT = "exact"
    PROXY = "proxy"


class Reading(msgspec.Struct, frozen=True):
    """One answer of one diagnostic.

    `rule` is the rulebook's ID, `subject` the series it looked at; `family` the evidence it may count for, if any.
    `as_of` is the newest session in it, `live_at` the moment of that session's running values, None when it is a close.
    """

    rule: str
    subject: str
    verdict: Verdict
    family: Family | None = None
    reason: str = ""
    values: dict[str, float] = {}
    thresholds: dict[str, float] = {}
    source: Source = Source.EXACT
    as_of: date | None = None
    live_at: datetime | None = None

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the running values it used; None when it rests on closes."""
        return None if self.live_at is None else (now - self.live_at).total_seconds()
