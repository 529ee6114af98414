"""The page docs/evidence.md, made from the facts of docs/evidence.json alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bot.controls.catalogue import State
from tests.campaign.catalogue import ELSEWHERE, FaultClass, Invariant
from tests.campaign.menu import FAMILIES

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
    "C38": ("fault LINK-HALF-OPEN", "fault LINK-SILENT", "fault LINK-SYNC"),
    "C41": ("latch kill",),
    "C44": ("fault CLOCK",),
    "C45": ("latch C45", "fault C45", "fault ACCOUNT", "fault LINK-ACCOUNT"),
    "C46": ("a second bot",),
    "C47": ("caps",),
    "C49": ("exit 3",),
    "C53": ("C53",),
}
"""Alerts and endings by which a control shows that it acted, beside the orders that its checks denied."""

Facts = Mapping[str, Any]


def page(facts: Facts) -> str:
    """The page."""
    parts = [_head(facts), _codes(facts), _families(facts), _failing(facts), _invariants(facts), _faults(facts),
             _controls(facts), _kills(facts), _presses(facts), _singles(facts), _soaks(facts)]  # fmt: skip
    notes = facts["remarks"].get("notes", ())
    parts.append("## Notes\n\n" + "\n".join(f"- {note.strip()}" for note in notes) + "\n")
    return "\n".join(parts)


def total(parts: Iterable[Facts], name: str) -> Counter[str]:
    """A count over parts of the facts."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part.get(name, {}))
    return found


def _runs(facts: Facts) -> list[tuple[str, Facts]]:
    """Codes and what was run with them, oldest first."""
    return sorted(facts["runs"].items(), key=lambda item: (item[1]["on"], item[0]))


def _parts(facts: Facts, family: str | None = None) -> list[Facts]:
    """The counts of seeds, of one family or of all."""
    return [
        part
        for _, run in _runs(facts)
        for name, part in run.get("seeds", {}).items()
        if family is None or name == family
    ]


def _events(parts: Iterable[Facts]) -> int:
    """Messages, facts and ledger lines."""
    counted = total(parts, "events")
    return sum(n for name, n in counted.items() if name.startswith(("messages", "ledger")) or name == "facts")


def _sum(parts: Iterable[Facts], name: str) -> int:
    return round(sum(part.get(name, 0) for part in parts))


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _days(on: list[str]) -> str:
    return on[0] if len(on) == 1 else f"{on[0]} to {on[-1]}"


def _head(facts: Facts) -> str:
    parts = _parts(facts)
    on = sorted({day for _, run in _runs(facts) for day in run["on"]})
    broken = sum(total(parts, "violated").values())
    return f"""# Evidence

{MADE}

What the [campaign](campaign.md) was seen to do, {_days(on)} ({facts["machine"]}, shared with other work).
{_sum(parts, "seeds"):,} seeds, {_events(parts):,} simulated events, {_sum(parts, "cpu_s"):,} s of processor time;
{_sum(parts, "liveness"):,} were liveness seeds. Looks at invariants that found one broken: {broken}.

Simulated events are messages on the bot's wire both ways, facts that it journaled, and lines of the venue's ledger.
Counts grow: each run adds what it played, once a code and number. A code is the version and a hash over bot,
simulator, configuration, rig and judges.

Again, or more of it: `make campaign SEEDS=0..9999`, the deaths `python -m tests.campaign --kills 500`, the presses
`make presses`, this page `python -m tests.campaign --page`.
"""


def _codes(facts: Facts) -> str:
    rows = []
    for code, run in _runs(facts):
        seeds = run.get("seeds", {})
        kills = run.get("kills", {})
        deaths = [sum(kills.get(kind, {}).get("deaths", {}).values()) for kind in ("named", "random")]
        soaked = sum(len(soak["evenings"]) for soak in run.get("soaks", {}).values())
        rows.append([f"`{code}`", _days(run["on"]), *(seeds.get(f, {}).get("seeds", 0) for f in FAMILIES),
                     *deaths, run.get("presses", {}).get("made", 0), soaked])  # fmt: skip
    head = ("code", "on", *FAMILIES, "deaths, named", "random", "presses", "days soaked")
    return "## By code\n\n" + _table(head, rows)


def _families(facts: Facts) -> str:
    rows = []
    for family in FAMILIES:
        parts = _parts(facts, family)
        caused, looked = sum(total(parts, "faults").values()), total(parts, "checked")
        rows.append([family, f"{_sum(parts, 'seeds'):,}", f"{_events(parts):,}", f"{caused:,}",
                     f"{looked['I12']:,}", f"{sum(looked.values()):,}"])  # fmt: skip
    head = ("family", "seeds", "simulated events", "faults caused", "orders of the bot", "looks at invariants")
    return "## Families\n\n" + _table(head, rows)


def _failing(facts: Facts) -> str:
    """Every failing result, with what it turned out to be."""
    said = {(row["code"], row["what"]): row for row in facts["remarks"].get("failing", ())}
    rows = []
    for code, run in _runs(facts):
        places = [*run.get("seeds", {}).values(), *run.get("kills", {}).values(), run.get("presses", {})]
        for what in (what for place in places for what in place.get("failing", ())):
            row = said.get((code, what))
            rows.append([what, f"`{code}`", "not explained yet" if row is None else f"the bot: {row['why']}"])
    false = [row for row in said.values() if row["was"] == "rig"]
    rows += [[row["what"], f"`{row['code']}`", f"left out, the rig was wrong: {row['why']}"] for row in false]
    words = _table(("result", "code", "what it was"), rows) if rows else "None.\n"
    return "## Failing results\n\n" + words


def _invariants(facts: Facts) -> str:
    checked, violated = total(_parts(facts), "checked"), total(_parts(facts), "violated")
    rows = []
    table = sorted(facts["tables"]["invariants"].items(), key=lambda item: int(item[0][1:]))
    invariants = {code: Invariant(*row) for code, row in table}
    for code, row in invariants.items():
        elsewhere = "in tests" if row.tests else "-" if code == "I24" else "not reached"
        count = f"{checked[code]:,}" if code in checked else elsewhere
        rows.append([code, row.says, row.judge or ", ".join(f"`{test}`" for test in row.tests), count,
                     violated.get(code, 0)])  # fmt: skip
    more = [name for name in sorted(checked) if name not in invariants]
    rows += [["-", f"{name}: the bot or the rig broke down", "each seed", f"{checked[name]:,}", violated.get(name, 0)]
             for name in more]  # fmt: skip
    return "## Invariants\n\n" + _table(("", "what holds", "looked at", "looks", "broken"), rows)


def _faults(facts: Facts) -> str:
    seen = total(_parts(facts), "classes")
    named = sum(_deaths(facts, "named").values())
    rows, caused, tested = [], 0, 0
    classes = {code: FaultClass(**row) for code, row in facts["tables"]["faults"].items()}
    for code, row in classes.items():
        count = seen.get(code, 0)
        caused += bool(count)
        tested += not count and bool(row.tests)
        why = "; ".join(filter(None, [", ".join(f"`{test}`" for test in row.tests), row.because]))
        rows.append([code, row.what, f"{count:,}" if count else "-", why])
    open_ = [code for code, row in classes.items() if not seen.get(code) and not row.tests and not row.because]
    return (
        f"## Faults\n\n{caused} of {len(classes)} classes were caused by seeds, {tested} more by tests of their own. "
        f"Neither: {', '.join(open_) or 'none'}. F21 to F28 also stand behind the {named} deaths at named points "
        "below.\n\n" + _table(("", "what happens", "caused by seeds", "tests of its own"), rows)
    )


def _controls(facts: Facts) -> str:
    seen = total(_parts(facts), "controls")
    rows, fired = [], 0
    for code, row in facts["tables"]["controls"].items():
        denied = sum(seen.get(f"denied by {check}", 0) for check in row["checks"])
        told = sum(seen.get(f"told as {sign}", 0) for sign in OTHER_SIGNS.get(code, ()))
        fired += bool(denied or told)
        where = "" if denied or told else _elsewhere(code, row)
        rows.append([code, row["title"], row["state"], f"{denied:,}", f"{told:,}", where])
    return (
        f"## Controls\n\n{seen.get('checks made', 0):,} checks were made over {seen.get('approved', 0):,} approvals "
        f"and {seen.get('denied', 0):,} denials. {fired} of {len(rows)} controls were seen to act in seeds; where the "
        "others are seen to act stands beside them, all their tests in [controls.md](controls.md).\n\n"
        + _table(("", "control", "state", "failed in a verdict", "told or latched", "else"), rows)
    )


def _elsewhere(code: str, row: Facts) -> str:
    """Where a control that no seed moved is seen to act."""
    if row["state"] == State.NOT_BUILT.value:
        return "not built"
    tests = ", ".join(f"`{test}`" for test in row["tests"][:1])
    return "; ".join(filter(None, [ELSEWHERE.get(code, ""), tests]))


def _deaths(facts: Facts, kind: str) -> Counter[str]:
    return total((run.get("kills", {}).get(kind, {}) for _, run in _runs(facts)), "deaths")


def _kills(facts: Facts) -> str:
    parts = [part for _, run in _runs(facts) for part in run.get("kills", {}).values()]
    named, random = _deaths(facts, "named"), _deaths(facts, "random")
    rows = [[f"`{point}`", count] for point, count in sorted(named.items())]
    return (
        "## SIGKILL\n\nReal processes over TCP, the bot killed, started again and compared with the gateway's ledger: "
        f"{sum(named.values()):,} deaths at {len(rows)} named points and {sum(random.values()):,} at random moments, "
        f"in {_sum(parts, 'stories'):,} stories and {_sum(parts, 'real_s'):,} s.\n\n"
        + (_table(("point", "deaths"), rows) if rows else "")
    )


def _presses(facts: Facts) -> str:
    parts = [run["presses"] for _, run in _runs(facts) if "presses" in run]
    made, hot, callbacks, orders, violations = (
        _sum(parts, name) for name in ("made", "hot", "callbacks", "orders", "violations")
    )
    return (
        f"## Kill presses\n\n{made:,} presses between two callbacks of the event loop by lot, {hot:,} of them with an "
        f"order alive or about to be, in {callbacks:,} callbacks and {orders:,} orders: {violations} broke the rule "
        "that nothing leaves after a press, every cancel is proven, and arming works.\n"
    )


def _singles(facts: Facts) -> str:
    """What the same code answers the same: the newest answer of each kind."""
    parts = []
    for name, title in (("search", "Small-scope search"), ("torn", "Torn journals"), ("load", "Load")):
        found = [(code, run[name]) for code, run in _runs(facts) if name in run]
        words = f"{found[-1][1]['words']} Code: `{found[-1][0]}`." if found else "Not run yet."
        if name == "torn" and len(found) > 1:
            words += f" In all {sum(one['cuts'] for _, one in found):,} cuts over {len(found)} codes."
        parts.append(f"## {title}\n\n{words}\n")
    return "\n".join(parts)


def _soaks(facts: Facts) -> str:
    rows = [
        f"- {soak['words']} Code: `{code}`.\n"
        for code, run in _runs(facts)
        for _, soak in sorted(run.get("soaks", {}).items())
    ]
    return "## Soak\n\n" + ("".join(rows) or "Not run yet.\n")
