"""From the files of results to docs/evidence.json and the page docs/evidence.md: what was run, and what was seen.

The JSON holds counts and nothing that was not counted; the page is made from it alone.
"""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.controls.catalogue import State, controls
from tests.campaign import results
from tests.campaign.catalogue import INVARIANTS, FaultClass, Invariant, fault_classes
from tests.campaign.menu import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / "docs" / "evidence.json"
PAGE = ROOT / "docs" / "evidence.md"
MADE = "<!-- made from docs/evidence.json by `python -m tests.campaign --page`; run the campaign again, do not edit -->"
OTHER_SIGNS = {
    "C20": ("warn C20", "latch C20"),
    "C21": ("warn C21", "latch C21"),
    "C22": ("latch C22",),
    "C23": ("C23",),
    "C25": ("latch C25",),
    "C26": ("latch C26",),
    "C27": ("latch C27",),
    "C30": ("C30", "latch C30"),
    "C31": ("C31", "latch C31"),
    "C32": ("quarantine",),
    "C37": ("C37",),
    "C41": ("latch kill",),
    "C44": ("fault CLOCK",),
    "C45": ("latch C45", "fault ACCOUNT", "fault LINK-ACCOUNT"),
    "C47": ("arm", "arm refused", "caps"),
    "C53": ("C53",),
}
"""Alerts by which a control shows that it acted, beside the orders that its checks denied."""


def gather(folder: Path) -> dict[str, Any]:
    """The facts of a folder of results."""
    seeds = list(results.rows(folder / "results.jsonl"))
    kills = list(results.rows(folder / "kills.jsonl"))
    found = results.summary(seeds)
    found["all"]["refused"] = {}
    for family in found["families"].values():
        family["refused"] = {}
    facts: dict[str, Any] = {
        "made_on": datetime.now(UTC).date().isoformat(),  # noqa: TID251 - the day of the run, for people
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "code": sorted({row["code"] for row in seeds}),
        "seeds": found,
        "kills": _kills(kills),
        "tables": _tables(),
    }
    notes = folder / "notes.txt"
    if notes.exists():
        facts["notes"] = notes.read_text(encoding="utf-8").split("\n\n")
    for name in ("search", "soak", "load", "bytes"):
        path = folder / f"{name}.json"
        if path.exists():
            facts[name] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def last_life() -> int:
    """The highest number of a life of presses that the page has counted; lives begin at 100."""
    return 99


def _tables() -> dict[str, Any]:
    """The tables as they were when it ran: a later row must not change what this run saw."""
    return {
        "controls": {
            code: {"title": row.title, "state": row.state.value, "checks": list(row.checks)}
            for code, row in controls().items()
        },
        "faults": {
            code: {"what": row.what, "tests": list(row.tests), "because": row.because}
            for code, row in fault_classes().items()
        },
        "invariants": {code: list(row) for code, row in INVARIANTS.items()},
    }


def _kills(rows: list[dict[str, Any]]) -> dict[str, Any]:
    points: Counter[str] = Counter()
    for row in rows:
        points.update(row["kills"])
    random = points.pop("at random", 0)
    return {
        "stories": len(rows),
        "failing": [f"{row['story']} {row['number']}" for row in rows if row["wrong"]],
        "named": sum(points.values()),
        "random": random,
        "points": dict(sorted(points.items())),
        "real_s": round(sum(row["real_s"] for row in rows)),
    }


def write(folder: Path) -> None:
    """The facts of a run become those of the docs, and the page with them."""
    FACTS.write_text(json.dumps(gather(folder), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(FACTS.read_text(encoding="utf-8"))), encoding="utf-8")


def page(facts: dict[str, Any]) -> str:
    """The page."""
    parts = [_head(facts), _families(facts), _invariants(facts), _faults(facts), _controls(facts), _kill_part(facts)]
    parts += [_rest(facts)]
    if facts.get("notes"):
        parts.append("## Notes\n\n" + "\n".join(f"- {note.strip()}" for note in facts["notes"]) + "\n")
    return "\n".join(parts)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _head(facts: dict[str, Any]) -> str:
    seeds = facts["seeds"]
    events = _events(seeds["all"])
    violated = sum(seeds["all"]["violated"].values())
    failing = ", ".join(seeds["failing_seeds"]) or "none"
    return f"""# Evidence

{MADE}

What the [campaign](campaign.md) was seen to do, run on {facts["made_on"]} ({facts["machine"]}, shared with other work).
{seeds["seeds"]:,} seeds, {events:,} simulated events, {seeds["cpu_s"]:,} s of CPU time; {seeds["liveness_seeds"]} were
liveness seeds. Looks at invariants that found one broken: {violated}. Failing seeds: {failing}.

Simulated events are messages on the bot's wire both ways, facts that it journaled, and lines of the venue's ledger.
Code: {", ".join(facts["code"])}.

Again, or more of it: `make campaign SEEDS=0..9999`, the deaths `python -m tests.campaign --kills 500`, this page
`python -m tests.campaign --page`.
"""


def _events(counts: dict[str, Any]) -> int:
    """Messages, facts and ledger lines."""
    counted = counts["events"]
    kinds = [name for name in counted if name.startswith(("messages", "ledger")) or name == "facts"]
    return sum(counted[name] for name in kinds)


def _families(facts: dict[str, Any]) -> str:
    rows = []
    for family in FAMILIES:
        counts = facts["seeds"]["families"].get(family)
        if counts is None:
            rows.append([family, 0, 0, 0, 0, 0])
            continue
        caused, looks = sum(counts["faults"].values()), sum(counts["checked"].values())
        orders = counts["checked"].get("I12", 0)
        rows.append([family, counts["seeds"], f"{_events(counts):,}", f"{caused:,}", f"{orders:,}", f"{looks:,}"])
    head = ("family", "seeds", "simulated events", "faults caused", "orders of the bot", "looks at invariants")
    return "## Families\n\n" + _table(head, rows)


def _invariants(facts: dict[str, Any]) -> str:
    checked, violated = facts["seeds"]["all"]["checked"], facts["seeds"]["all"]["violated"]
    rows = []
    invariants = {code: Invariant(*row) for code, row in facts["tables"]["invariants"].items()}
    for code, row in invariants.items():
        count = (
            f"{checked[code]:,}"
            if code in checked
            else "in tests"
            if row.tests
            else "-"
            if code == "I24"
            else "not reached"
        )
        rows.append([code, row.says, row.judge or ", ".join(f"`{test}`" for test in row.tests), count,
                     violated.get(code, 0)])  # fmt: skip
    more = [name for name in sorted(checked) if name not in invariants]
    rows += [["-", f"{name}: the bot or the rig broke down", "each seed", checked[name], violated.get(name, 0)]
             for name in more]  # fmt: skip
    return "## Invariants\n\n" + _table(("", "what holds", "looked at", "looks", "broken"), rows)


def _faults(facts: dict[str, Any]) -> str:
    seen, killed = facts["seeds"]["all"]["classes"], facts["kills"]["named"]
    rows, caused, tested = [], 0, 0
    classes = {code: FaultClass(**row) for code, row in facts["tables"]["faults"].items()}
    for code, row in classes.items():
        count = seen.get(code, 0)
        caused += bool(count)
        tested += not count and bool(row.tests)
        how = f"{count:,}" if count else "-"
        why = "; ".join(filter(None, [", ".join(f"`{test}`" for test in row.tests), row.because]))
        rows.append([code, row.what, how, why])
    open_ = [code for code, row in classes.items() if not seen.get(code) and not row.tests and not row.because]
    return (
        f"## Faults\n\n{caused} of 104 classes were caused by seeds, {tested} more by tests of their own. "
        f"Neither: {', '.join(open_) or 'none'}. F21 to F28 also stand behind the {killed} deaths at named points "
        "below.\n\n" + _table(("", "what happens", "caused by seeds", "tests of its own"), rows)
    )


def _controls(facts: dict[str, Any]) -> str:
    seen = facts["seeds"]["all"]["controls"]
    rows, fired, silent = [], 0, []
    for code, row in facts["tables"]["controls"].items():
        denied = sum(seen.get(f"denied by {check}", 0) for check in row["checks"])
        told = sum(seen.get(f"told as {sign}", 0) for sign in OTHER_SIGNS.get(code, ()))
        fired += bool(denied or told)
        if not denied and not told and row["state"] != State.NOT_BUILT.value:
            silent.append(code)
        rows.append([code, row["title"], row["state"], f"{denied:,}", f"{told:,}"])
    return (
        f"## Controls\n\n{seen.get('checks made', 0):,} checks were made over {seen.get('approved', 0):,} approvals "
        f"and {seen.get('denied', 0):,} denials. {fired} of {len(rows)} controls were seen to act in seeds; the built "
        f"ones that were not are held by their tests in [controls.md](controls.md): {', '.join(silent) or 'none'}.\n\n"
        + _table(("", "control", "state", "failed in a verdict", "told or latched"), rows)
    )


def _kill_part(facts: dict[str, Any]) -> str:
    kills = facts["kills"]
    failing = ", ".join(kills["failing"]) or "none"
    rows = [[f"`{point}`", count] for point, count in kills["points"].items()]
    return (
        "## SIGKILL\n\nReal processes over TCP, the bot killed, started again and compared with the gateway's ledger: "
        f"{kills['named']} deaths at {len(rows)} named points and {kills['random']} at random moments, in "
        f"{kills['stories']} stories and {kills['real_s']:,} s. Failing stories: {failing}.\n\n"
        + (_table(("point", "deaths"), rows) if rows else "")
    )


def _rest(facts: dict[str, Any]) -> str:
    parts = []
    for name, title in (
        ("search", "Small-scope search"),
        ("bytes", "Torn journals"),
        ("soak", "Soak"),
        ("load", "Load"),
    ):
        found = facts.get(name)
        words = found["words"] if found else "Not run for this page."
        parts.append(f"## {title}\n\n{words}\n")
    return "\n".join(parts)
