"""Mutation testing of the gate and the order machine: every small wrong change must make some test fail.

    make mutate                                            all modules of plan.toml (hours on two cores)
    python -m tests.mutation --only risk/gate.py           one module
    python -m tests.mutation --quick --only risk/case.py   with its quick tests alone; then --survivors with all
    python -m tests.mutation --survivors                   only what lived last time, after tests were added
    python -m tests.mutation --table                       docs/mutation.md from the recorded results

Results go to tests/mutation/results.json, module by module.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutation import table
from tests.mutation.isolated import ROOT, Ran, run, warm_up

HERE = Path(__file__).resolve().parent

MAKER = ROOT / ".venv-mutation" / "bin" / "python"
PATIENCE = 10
"""A mutant may use this many times the processor time that the unchanged code needs, and never less than 20 s."""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _plan() -> dict[str, Any]:
    return tomllib.loads((HERE / "plan.toml").read_text())


def _stages(module: str, area: dict[str, Any]) -> list[list[str]]:
    """Quick tests, the area's, the slow ones; no test twice."""
    plan = _plan()
    quick = list(plan["quick"].get(module, area["quick"]))
    first = [test for test in area["first"] if test not in quick]
    slow = [test for test in plan["slow"].get(module, area["slow"]) if test not in quick]
    return [stage for stage in (quick, first, slow) if stage]


def _mutants(maker: Path, module: str) -> list[dict[str, Any]]:
    command = [str(maker), str(HERE / "mutants.py"), module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"no mutants of {module}: is cosmic-ray there (`make mutate` sets it up)?\n{done.stderr[-600:]}"
        )
    return list(json.loads(done.stdout))


def _judge(module: str, source: str, stages: list[list[str]]) -> tuple[Ran, float]:
    spent = 0.0
    ran = Ran("survived", "", 0.0)
    for tests in stages:
        ran = run(module, source, tests, _limit_s(tuple(tests)))
        spent += ran.cpu_s
        if ran.killed:
            break
    return ran, spent


@cache
def _limit_s(tests: tuple[str, ...]) -> int:
    """The unchanged code must pass; how long it takes is the measure for the mutants."""
    ran = run("", None, tests, 600)
    if ran.killed:
        raise SystemExit(f"{tests}: a test fails without any mutant ({ran.how}: {ran.by})")
    return max(20, int(PATIENCE * ran.cpu_s))


def _module(
    module: str, area: dict[str, Any], maker: Path, before: dict[str, Any] | None, every: int, quick: bool
) -> dict[str, Any]:
    """Runs all mutants of a module; with `before`, only those that lived then."""
    started, spent = time.monotonic(), 0.0
    stages = _stages(module, area)[: 1 if quick else None]
    every = every if before is None else before.get("every", 1)
    found = _mutants(maker, module)[::every]
    lived = None if before is None else {(s["operator"], s["before"], s["after"]) for s in before["survivors"]}
    survivors, by_operator, counted = [], {}, 0
    for mutant in found:
        name = (mutant["operator"], mutant["before"], mutant["after"])
        counted += 1
        if counted % 25 == 0:
            _say(f"{module}: {counted} of {len(found)}, {time.monotonic() - started:.0f} s")
        tally = by_operator.setdefault(mutant["operator"], [0, 0])
        tally[0] += 1
        if lived is not None and name not in lived:
            tally[1] += 1
            continue
        ran, cpu_s = _judge(module, mutant["source"], stages)
        spent += cpu_s
        if ran.killed:
            tally[1] += 1
        else:
            survivors.append({key: mutant[key] for key in ("line", "operator", "before", "after")})
            _say(f"  lives: {module}:{mutant['line']} {mutant['operator']}: {mutant['before']} -> {mutant['after']}")
    _say(f"{module}: {counted - len(survivors)} of {counted} killed, {time.monotonic() - started:.0f} s")
    earlier = 0.0 if before is None else before["cpu_s"]
    return {
        "area": area["name"],
        "source": hashlib.sha256((ROOT / module).read_bytes()).hexdigest()[:16],
        "every": every,
        "mutants": counted,
        "killed": counted - len(survivors),
        "cpu_s": round(earlier + spent, 1),
        "operators": dict(sorted(by_operator.items())),
        "survivors": survivors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", action="append", metavar="MODULE", help="a module of plan.toml; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="only the quick tests; what they let live counts as living"
    )
    parser.add_argument("--survivors", action="store_true", help="only what lived in the recorded run")
    parser.add_argument("--table", action="store_true", help="only write docs/mutation.md")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="a sample: only each N-th change")
    parser.add_argument("--maker", type=Path, default=MAKER, help="python with cosmic-ray (default: .venv-mutation)")
    given = parser.parse_args()
    if not given.table:
        warm_up()
        for area in _plan()["area"]:
            for module in area["modules"]:
                if given.only and module not in given.only:
                    continue
                before = table.results().get(module) if given.survivors else None
                if given.survivors and (before is None or not before["survivors"]):
                    continue
                row = _module(module, area, given.maker, before, max(1, given.every), given.quick)
                table.RESULTS.write_text(json.dumps({**table.results(), module: row}, indent=1, sort_keys=True) + "\n")
    table.write()


if __name__ == "__main__":
    main()
