"""Makes docs/mutation.md from the recorded results and the explanations of what lives."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
EXPLAINED = HERE / "explained.toml"
PAGE = ROOT / "docs" / "mutation.md"

INTRO = """# Mutation testing

`make mutate` changes the gate and the order machine in one small place at a time (a comparison turned or moved to its
boundary, a number by one, `and` for `or`, a `not` added or taken away, a loop never entered, a call or an entry of a
table left out) and runs the tests of that module. A change that no test notices lives, and is a hole in the tests or
makes no difference. Not part of `make test`.

The changes are made by cosmic-ray, in an environment of its own, with the
operators listed in `tests/mutation/mutants.py`; leaving out calls and table entries is added there. Its own runner
starts a new process with pytest and numpy for each change, and mutmut, the other well-kept tool, does not change
functions under a decorator, which is where the gate's arithmetic is (`cached_property`). So `tests/mutation` forks a
process that has everything imported and replaces the module as it is imported.

Property tests draw the same examples for every change. Changes of annotations, docstrings, `strict=True` of a
`zip` and the size of a cache do not count, changes that do not compile neither. `like the original` counts changes that
make no difference to any decision, each with its reason below; `open` are holes.
"""


STAND_IN = """\\* Changes listed by a stand-in for cosmic-ray: the same operators, written again on parso. For each of
the seventeen modules that had stood unchanged since cosmic-ray listed theirs (1,445 changes), it listed exactly as many
of each operator, and every change that had lived was among them."""


class Key(NamedTuple):
    """What names a mutant across versions: module and the two texts of the line."""

    module: str
    before: str
    after: str


def results() -> dict[str, Any]:
    """What was recorded, module by module."""
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {}


def explanations() -> dict[Key, str]:
    """Why a mutant that lives makes no difference."""
    if not EXPLAINED.exists():
        return {}
    rows = tomllib.loads(EXPLAINED.read_text()).get("same", [])
    return {Key(row["module"], before, after): row["why"] for row in rows for before, after in row["changes"]}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def page(recorded: dict[str, Any], explained: dict[Key, str]) -> str:
    """The page: counts by module, then what lives."""
    plan = tomllib.loads((HERE / "plan.toml").read_text())
    wanted = [module for area in plan["area"] for module in area["modules"]]
    lines = [INTRO, "| module | changes | killed | like the original | open | killed of the rest | minutes |"]
    lines.append("|---|---|---|---|---|---|---|")
    total, killed, same, cpu_s, living = 0, 0, 0, 0.0, []
    for module in wanted:
        row = recorded.get(module)
        if row is None:
            continue
        keys = [Key(module, s["before"], s["after"]) for s in row["survivors"]]
        alike = sum(key in explained for key in keys)
        sample = f" (a sample: 1 change in {row['every']})" if row.get("every", 1) > 1 else ""
        sample += " *" if row.get("stand_in") else ""
        lines.append(_row(module + sample, row["mutants"], row["killed"], alike, row["cpu_s"]))
        total, killed, same, cpu_s = total + row["mutants"], killed + row["killed"], same + alike, cpu_s + row["cpu_s"]
        living += [(key, s["line"]) for key, s in zip(keys, row["survivors"], strict=True)]
    lines += [_row("all", total, killed, same, cpu_s), "", "Minutes are of processor time."]
    if any(row.get("stand_in") for row in recorded.values()):
        lines += ["", STAND_IN]
    missing = [module for module in wanted if module not in recorded]
    if missing:
        lines += ["", f"Planned and not run yet: {', '.join(f'`{module}`' for module in missing)}."]
    lines += [
        "",
        "## What lives",
        "",
        "| where | stands | changed to | why it makes no difference |",
        "|---|---|---|---|",
    ]
    for key, _ in living:
        why = explained.get(key, "**open**")
        lines.append(f"| {key.module} | `{_cell(key.before)}` | `{_cell(key.after)}` | {why} |")
    return "\n".join(lines) + "\n"


def _row(name: str, total: int, killed: int, alike: int, cpu_s: float) -> str:
    rest = total - alike
    share = f"{100.0 * killed / rest:.1f} %" if rest else "-"
    return f"| {name} | {total} | {killed} | {alike} | {total - killed - alike} | {share} | {cpu_s / 60.0:.1f} |"


def write() -> None:
    """Writes the page."""
    PAGE.write_text(page(results(), explanations()))
