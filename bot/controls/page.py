"""docs/controls.md: each control with its definition, place, caps, action, tests and state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.controls.catalogue import Control, controls

HEAD = """Every control that this bot is held to, in our words: where it is done, its caps as shipped, what a failure
does, and the tests that see it. {total} controls: {states}. *must* and *should* say how much it matters. The checks of
the gate as tables: [risk-checks.md](risk-checks.md); how they work together: [risk-gate.md](risk-gate.md).

What the actions mean: **deny** refuses the order; **reduce** lets only orders pass that are proven to reduce risk;
**halt** stops new risk until the cause is gone; **latch** stops until a person arms; **kill** latches and cancels
everything; **refuse** does not start; **alert** tells people.
"""


def page(values: Mapping[str, Any]) -> str:
    """The page below its title, with caps as in these settings."""
    rows = controls()
    states = Counter(row.state.value for row in rows.values())
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    parts = [HEAD.format(total=len(rows), states=told), "\n| code | control | action | state |\n|---|---|---|---|\n"]
    for code, row in rows.items():
        parts.append(f"| [{code}](#{code.lower()}) | {row.title} | {row.action} | {row.state.value} |\n")
    parts += [_row(code, row, values) for code, row in rows.items()]
    return "".join(parts)


def _row(code: str, row: Control, values: Mapping[str, Any]) -> str:
    because = f": {row.because}" if row.because else ""
    lines = [f"\n### {code}\n\n**{row.title}** ({row.weight}). {row.says}\n\n"]
    for label, text in (
        ("action", row.action),
        ("state", f"{row.state.value}{because}"),
        ("caps", ", ".join(f"`{key}` {_shown(values[key])}" for key in row.keys)),
        ("checks of the gate", ", ".join(row.checks)),
        ("where", ", ".join(f"`{place}`" for place in row.where)),
        ("tests", ", ".join(f"`{test}`" for test in row.tests)),
    ):
        if text:
            lines.append(f"- {label}: {text}\n")
    return "".join(lines)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
