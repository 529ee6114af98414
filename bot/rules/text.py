"""Rules on a terminal: the list with sources, parameters and state, one rule in full, times in New York."""

from __future__ import annotations

import textwrap
from collections import Counter
from datetime import datetime
from typing import Any

from bot.rules.catalogue import CHAPTERS, State
from bot.rules.view import Json
from strategies.domain.session import NEW_YORK

WIDTH = 110


def listed(rows: list[Json]) -> str:
    """Every rule in two or three lines, by chapter, and a count of states."""
    lines: list[str] = []
    chapter = ""
    for row in rows:
        if row["id"][0] != chapter:
            chapter = row["id"][0]
            lines += ["", CHAPTERS[chapter]]
        sources = " ".join(source["id"] for source in row["sources"])
        lines.append(f"  {row['id']:<11}{row['state']:<16}{row['title']}")
        lines.append(wrapped(sources or "no statement; ours", "from", 13))
        if row["keys"]:
            lines.append(wrapped(_shown_keys(row), "set", 13))
        if "last" in row and (row["last"] or row["state"] != State.NOT_BUILT):
            lines.append(wrapped(_seen(row), "last", 13))
    counts = Counter(row["state"] for row in rows)
    told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    lines += ["", f"{len(rows)} rules: {told}. One of them in full: condor rules C-ENTRY-9"]
    return "\n".join(lines).strip("\n")


def _shown_keys(row: Json) -> str:
    """Parameters with values; a whole table is named, its size told."""
    shown = []
    for key in row["keys"]:
        if key.endswith(".*"):
            below = sum(1 for name in row["parameters"] if name.startswith(key[:-1]))
            shown.append(f"{key} ({below} settings)")
        else:
            shown.append(f"{key}={_value(row['parameters'][key])}")
    return ", ".join(shown)


def _seen(row: Json) -> str:
    """The newest decision and how it stands; another subject's where that is nearer to turning."""
    if not row["last"]:
        return "no decision of it in this journal"
    newest, *others = row["last"]
    parts = [f"{clock(newest['at'])} {newest['subject']}: {newest['verdict']}, {newest['text']}"]
    if stands := _stands(newest):
        parts.append(stands)
    known = [one for one in others if one["distance"] is not None]
    nearest = min(known, key=lambda one: one["distance"], default=None)
    if nearest is not None and (newest["distance"] is None or nearest["distance"] < newest["distance"]):
        parts.append(f"nearest {nearest['subject']}: {_stands(nearest)}")
    return "; ".join(parts)


def _stands(one: Json) -> str:
    return one["stands"] or _share(one["distance"])


def _share(distance: float | None) -> str:
    return "" if distance is None else f"{100.0 * distance:.1f} % from its threshold"


def explained(row: Json) -> str:
    """One rule in full."""
    state = row["state"] + (f", because: {row['because']}" if row["because"] else "")
    lines = [f"{row['id']}  {row['title']}", textwrap.fill(row["says"], WIDTH), "", wrapped(state, "state", 11)]
    if row["differs"]:
        lines.append(wrapped(row["differs"], "differs", 11))
    sources = [f"{source['id']}  {source['says']}" for source in row["sources"]] or ["no statement; ours"]
    lines += [wrapped(text, "from", 11) for text in sources]
    lines += [wrapped(f"{key} = {_value(value)}", "set", 11) for key, value in row["parameters"].items()]
    if row["conditions"]:
        join = " or " if row["when"] == "any" else " and "
        lines.append(wrapped(join.join(row["conditions"]), row["met"], 11))
    if row["turns"]:
        lines.append(wrapped(row["turns"], "turn", 11))
    for name, label in (("checks", "gate"), ("decided", "decided"), ("tests", "test")):
        lines += [wrapped(text, label, 11) for text in row[name]]
    for one in row.get("last", ()):
        lines += ["", *_decision(one)]
    if "last" in row and not row["last"]:
        lines += ["", "No decision of it in this journal."]
    return "\n".join(lines)


def stated(row: Json) -> str:
    """One statement of the sources with the rules that honour it."""
    lines = [row["id"], textwrap.fill(row["says"], WIDTH), "", wrapped(row["state"], "state", 11)]
    lines += [wrapped(row[name], name, 11) for name in ("note", "because") if row[name]]
    for rule in row["rules"]:
        lines.append(wrapped(f"{rule['id']}  {rule['title']} ({rule['state']}). {rule['says']}", "rule", 11))
        lines += [wrapped(test, "test", 11) for test in rule["tests"]]
    return "\n".join(lines)


def _decision(one: Json) -> list[str]:
    head = f"{clock(one['at'])}  {one['subject']}: {one['verdict'].upper()} - {one['text']}"
    lines = [textwrap.fill(head, WIDTH, subsequent_indent=" " * 21, break_on_hyphens=False)]
    if one["inputs"]:
        lines.append(wrapped(pairs(one["inputs"]), "saw", 11))
    if one["thresholds"]:
        lines.append(wrapped(pairs(one["thresholds"]), "against", 11))
    lines += [wrapped(text, "", 11) for text in one["conditions"]]
    if stands := _stands(one):
        lines.append(wrapped(stands, "stands", 11))
    lines += [wrapped(text, "turn", 11) for text in one["would_change"]]
    return lines


def clock(at: str) -> str:
    """A recorded moment as New York reads it."""
    return datetime.fromisoformat(at).astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")


def pairs(values: dict[str, Any]) -> str:
    """`name value` with six digits at most; None is unknown."""
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return "[" + " ".join(map(str, value)) + "]" if isinstance(value, list | tuple) else str(value)


def wrapped(text: str, label: str, indent: int) -> str:
    """A paragraph behind a label, `indent` columns in."""
    head = f"  {label}".ljust(indent) if indent <= 11 else " " * (indent - 6) + f"{label:<6}"
    return textwrap.fill(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
