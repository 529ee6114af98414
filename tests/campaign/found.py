"""What a seed found: how often each invariant was looked at, what was violated, and what was seen to happen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MOST_KEPT = 8
"""Violations of one seed that are written out; the rest is counted."""


@dataclass(slots=True)
class Found:
    """Filled while a seed plays. `checked` counts looks per invariant, `faults` causes per verb, `classes` per fault
    class of the catalogue, `controls` denials, latches and breaches per control, `events` what went by."""

    checked: Counter[str] = field(default_factory=Counter)
    violated: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    controls: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def start_over(self) -> None:
        """Counts from nothing again, and keeps what did not hold."""
        for counts in (self.checked, self.faults, self.classes, self.refused, self.controls, self.events):
            counts.clear()

    def look(self, invariant: str, holds: bool, words: str = "") -> None:
        """One look at an invariant; `words` say what was seen where it does not hold."""
        self.checked[invariant] += 1
        if not holds:
            self.violated[invariant] += 1
            told = f"{invariant}: {words}"
            if len(self.words) < MOST_KEPT and told not in self.words:
                self.words.append(told)

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return {
            "checked": dict(self.checked),
            "violated": dict(self.violated),
            "words": self.words,
            "faults": dict(self.faults),
            "classes": dict(self.classes),
            "refused": dict(self.refused),
            "controls": dict(self.controls),
            "events": dict(self.events),
        }
