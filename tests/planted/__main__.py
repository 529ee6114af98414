"""Plants each bug of bugs.toml in a copy of the tree and records which test finds it.

    make planted                                       all of them (half an hour on two quiet cores)
    python -m tests.planted --only kill-does-not-cancel
    python -m tests.planted --near                     only the tests that each bug names: quick, for writing tests
    python -m tests.planted --again                    only those not found, or not run, or changed since
    python -m tests.planted --table                    only docs/planted.md from the recorded results

Exit 1 if some bug was found by nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.planted.suite import PAGE, RESULTS, ROOT, Bug, bugs, change, page, results

WIDER = (
    ("tests/risk", "tests/bot/engine", "tests/bot/ibkr", "tests/bot/journal", "tests/bot/killer"),
    ("tests/strategies", "tests/bot", "tests/web"),
    ("tests/flow",),
)
"""What is tried when the named tests find nothing. The house's own tests are left out: they look for the bugs' text."""

CAMPAIGN = ("-m", "tests.campaign", "--slice")
LONGEST_S = 1800.0
SLOW_MACHINE = "--timeout=1200"
"""A test that a busy machine makes slow has found nothing."""
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def copy_tree(target: Path) -> None:
    """The files git knows or would know, as they stand now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, place = ROOT / name, target / name
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)
    compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
    # Compiled once, and checked by content: a bug of the same length within the same second is not overlooked.
    subprocess.run([*compiling, "bot", "strategies", "risk"], cwd=target, check=False)


def attempt(tree: Path, command: list[str]) -> tuple[str, str]:
    """Runs one command in a copy: what failed first (empty: nothing did), and the end of what it said."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=tree, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        return f"no end within {LONGEST_S:.0f} s", said[-2000:]
    if process.returncode == 0:
        return "", ""
    named = _FAILED.search(said)
    return (named.group(1) if named else f"exit {process.returncode} of {' '.join(command)}"), said[-2000:]


def _pytest(*paths: str) -> list[str]:
    return ["-m", "pytest", "-x", "-q", "-p", "no:xdist", "--assert=plain", SLOW_MACHINE, "--tb=line", "-rfE", *paths]


def stages(bug: Bug, tree: Path) -> list[list[str]]:
    """The commands to try, the most likely first."""
    found = [_pytest(*bug.first), *(_pytest(*paths) for paths in WIDER)]
    if (tree / "tests/campaign/__main__.py").exists():
        found.append(list(CAMPAIGN))
    return found


def find(bug: Bug, tree: Path, near: bool) -> dict[str, Any]:
    """Plants the bug, looks for a failing test and takes it out again."""
    path = tree / bug.file
    before, started = path.read_text(), time.monotonic()
    path.write_text(before.replace(bug.old, bug.new))
    try:
        for number, command in enumerate(stages(bug, tree)[: 1 if near else None]):
            by, _ = attempt(tree, command)
            if by:
                return {"by": by, "stage": number, "seconds": round(time.monotonic() - started, 1)}
        return {"by": "", "stage": -1, "seconds": round(time.monotonic() - started, 1)}
    finally:
        path.write_text(before)


def _control(chosen: list[Bug], tree: Path) -> None:
    """The unchanged copy passes the tests that are to find the bugs."""
    by, said = attempt(tree, _pytest(*sorted({name for bug in chosen for name in bug.first})))
    if by:
        raise SystemExit(f"{said}\nthe copy without any bug fails {by}: mend that first")


def _record(bug: Bug, row: dict[str, Any], guard: threading.Lock) -> None:
    with guard:
        kept = results()
        kept.setdefault("bugs", {})[bug.id] = {**row, "change": change(bug)}
        RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    _say(f"{bug.id}: {row['by'] or 'NOTHING FINDS IT'} ({row['seconds']:.0f} s)")


def _chosen(only: list[str] | None, again: bool) -> list[Bug]:
    every = list(bugs())
    unknown = sorted(set(only or ()) - {bug.id for bug in every})
    if unknown:
        raise SystemExit(f"there is no bug {unknown[0]}; there are {', '.join(bug.id for bug in every)}")
    known = results().get("bugs", {})
    if again:
        rows = {bug.id: known.get(bug.id, {}) for bug in every}
        every = [b for b in every if not rows[b.id].get("by") or rows[b.id].get("change") != change(b)]
    return [bug for bug in every if not only or bug.id in only]


def _run(chosen: list[Bug], jobs: int, near: bool) -> int:
    faults = [fault for bug in chosen if (fault := bug.fault(ROOT))]
    if faults:
        raise SystemExit("\n".join(faults))
    guard, started = threading.Lock(), time.monotonic()
    trees: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        for number in range(jobs):
            tree = Path(scratch) / f"tree{number}"
            copy_tree(tree)
            trees.put(tree)
        if not near:
            first = trees.get()
            _control(chosen, first)
            trees.put(first)
            _say(f"the copy without any bug passes ({time.monotonic() - started:.0f} s)")
        _say(f"{len(chosen)} bugs")

        def one(bug: Bug) -> bool:
            tree = trees.get()
            try:
                row = find(bug, tree, near)
            finally:
                trees.put(tree)
            _record(bug, row, guard)
            return bool(row["by"])

        with ThreadPoolExecutor(jobs) as pool:
            found = list(pool.map(one, chosen))
    kept = results()
    kept["about"] = f"Run of {datetime.now(UTC):%Y-%m-%d}."  # noqa: TID251 - when a person ran it, no market clock
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return 0 if all(found) else 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", action="append", metavar="ID", help="one bug; may be repeated")
    parser.add_argument("--again", action="store_true", help="only what has no finder yet, or changed since")
    parser.add_argument("--jobs", type=int, default=1, help="copies of the tree at work at once")
    parser.add_argument("--table", action="store_true", help="only write docs/planted.md")
    parser.add_argument("--near", action="store_true", help="only the tests that each bug names")
    given = parser.parse_args()
    code = 0
    if not given.table:
        code = _run(_chosen(given.only, given.again), max(1, given.jobs), given.near)
    PAGE.write_text(page(results()))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
