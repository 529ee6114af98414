"""Macro inputs, what they say and how far the list of events reaches, as plain values for status and command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from bot.engine.state import State
from strategies.condor.filters import covered
from strategies.domain.macro import MACRO_KINDS, MacroInput, Told
from strategies.domain.session import NEW_YORK
from strategies.macro import STALE
from strategies.signals.macro import MacroWord


def told_rows(inputs: Sequence[MacroInput], today: date) -> list[dict[str, Any]]:
    """The newest observation of each key as plain values, with its age in calendar days."""
    told = Told(inputs)
    newest = [row for kind in MACRO_KINDS if (row := told.newest(kind.key)) is not None]
    return [
        {**msgspec.to_builtins(row), "until": row.until.isoformat(), "age_days": row.age_days(today),
         "stale": not row.fresh(today)}
        for row in newest
    ]  # fmt: skip


def told_line(row: dict[str, Any]) -> str:
    """One of these rows for people."""
    value = row["value"] if isinstance(row["value"], str) else f"{row['value']:g}"
    age = "STALE, counts nothing" if row["stale"] else f"{row['age_days']} days old, holds until {row['until']}"
    return f"{row['key']:18} {value:>8} {row['unit']:11} as of {row['as_of']}, {age}   ({row['source']})"


def says(word: MacroWord) -> list[str]:
    """What the inputs say, in words; empty while they are neutral."""
    flags = (
        (word.confirmed, "layer 2 is confirmed (M-MAC-3)"),
        (word.alarm, "alarm: the soft floor is the hard one (A-VEGA-2)"),
        (word.elevated, "CPI or PPI is elevated (A-VEGA-3)"),
        (word.benign, "benign: may delay tier 1 and widen the band (M-MAC-4)"),
        (word.inflation_rising.holds, "inflation is rising (T-REG-4)"),
        (word.complacent, "the market is complacent (M-MAC-5)"),
        (word.addon_pct > 0.0, f"layer 2 is {word.addon_pct:g} % larger (M-MAC-6)"),
    )
    evidence = [r.rule for r in word.readings if r.family is not None and r.verdict.holds]
    return [text for holds, text in flags if holds] + ([f"evidence by {', '.join(evidence)}"] if evidence else [])


def describe(state: State) -> dict[str, Any]:
    """Both, as of the state's last fact; `verdict` is MACRO_CALENDAR_STALE when the list of events ends too early."""
    if state.now is None or state.parameters is None:
        return {"inputs": [], "says": [], "events_until": None, "verdict": "unknown"}
    today, until = state.now.astimezone(NEW_YORK).date(), state.calendar.events_until
    reaches = covered(state.calendar, today, state.parameters.condor.entry.coverage_sessions)
    return {
        "inputs": told_rows(state.macro_inputs, today),
        "says": says(state.desk.macro.word),
        "events_until": None if until is None else until.isoformat(),
        "verdict": "ok" if reaches else STALE,
    }
