"""`python -m tests.campaign`: plays seeds, replays one, or plays the fixed slice; exit 1 where an invariant broke."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.campaign import evidence, results
from tests.campaign.menu import FAMILIES
from tests.campaign.plan import draw
from tests.campaign.worker import Job, some, together
from tests.flow.presses import forked_life, one_life
from tests.flow.standing_folder import OPEN_FILES

PRESSES_A_LIFE = 120

SLICE = (("connectivity", (8,)), ("orders", (5,)), ("market", (14,)), ("host", (3,)))
"""Few seeds that together meet many faults; played in well under a minute."""


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = _parser().parse_args(arguments)
    if options.replay is not None:
        return _replay(options.family, options.replay, options.keep)
    if options.slice:
        return _play([(family, seed) for family, seeds in SLICE for seed in seeds], options, remember=False)
    if options.page:
        evidence.write(options.out)
        return 0
    if options.search:
        return _search(options)
    if options.torn:
        return _torn(options)
    if options.soak:
        return _soak(options)
    if options.kills:
        return _kills(options)
    if options.load:
        return _load(options)
    if options.presses:
        return _presses(options)
    low, _, high = options.seeds.partition("..")
    seeds = range(int(low), int(high or low) + 1)
    families = FAMILIES if options.family == "all" else (options.family,)
    return _play([(family, seed) for seed in seeds for family in families], options, remember=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seeds", default="0..9", help="A..B, both included (default 0..9)")
    parser.add_argument("--family", default="all", choices=(*FAMILIES, "all"))
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes")
    parser.add_argument("--out", type=Path, default=Path("var/campaign"), help="folder of the results")
    parser.add_argument("--replay", type=int, help="plays one seed of --family again and prints everything")
    parser.add_argument("--keep", type=Path, help="with --replay: its journal and ledger stay in this folder")
    parser.add_argument("--slice", action="store_true", help="a fixed handful of seeds, for a minute's answer")
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs of real processes, named and random in turn")
    parser.add_argument("--load", type=float, default=0, help="market minutes at twice the highest rate of any seed")
    parser.add_argument("--presses", type=int, default=0, help="kill presses at random steps of the event loop")
    parser.add_argument("--search", type=int, default=0, help="every order of a few events, to this depth")
    parser.add_argument("--soak", type=int, default=0, help="so many simulated days in one life, and what grows")
    parser.add_argument("--torn", action="store_true", help="the journal cut at every byte of its last commits")
    parser.add_argument("--page", action="store_true", help="adds what lies in --out to docs/evidence.json and .md")
    parser.add_argument("--for-s", type=float, default=1e9, help="begins no seed after so many real seconds")
    return parser


def _replay(family: str, seed: int, keep: Path | None) -> int:
    from tests.campaign.play import play

    if family == "all":
        sys.stderr.write("--replay needs --family\n")
        return 2
    sys.stdout.write("\n".join(draw(family, seed).lines()) + "\n")
    row = play(family, seed, keep=keep, told=True)
    sys.stdout.write("\n".join(row["struck"]) + "\n")
    _say(row)
    return 1 if row["violated"] else 0


def _play(jobs: list[Job], options: argparse.Namespace, *, remember: bool) -> int:
    path = options.out / "results.jsonl"
    done = results.played(path, results.code()) if remember else set()
    began, bad, count = time.monotonic(), 0, 0
    groups = together(job for job in jobs if job not in done)
    waiting = (group for group in groups if time.monotonic() - began < options.for_s)
    for row in _rows(waiting, options.jobs):
        count += 1
        bad += bool(row["violated"])
        if remember:
            results.append(path, row)
        if row["violated"] or not remember:
            _say(row)
        if time.monotonic() - began >= options.for_s:
            break  # a pool takes the jobs ahead of time: what it has not begun is left
    spent = time.monotonic() - began
    sys.stdout.write(f"{count} seeds in {spent:.0f} s, {bad} failing, {len(done)} played before\n")
    return 1 if bad else 0


def _search(options: argparse.Namespace) -> int:
    """The small-scope search, its result beside the others."""
    from tests.campaign.small_scope import search

    found = search(options.search, for_s=options.for_s).as_dict()
    results.append(options.out / "single.jsonl", {"name": "search", **found})
    sys.stdout.write("\n".join([found["words"], *found["wrong"][:20]]) + "\n")
    return 1 if found["wrong"] else 0


def _soak(options: argparse.Namespace) -> int:
    """The soak, its result beside the others."""
    from tests.campaign import quick
    from tests.campaign.soak import soak

    quick.prepare()
    began = datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - tells soaks apart
    found = soak(options.soak, options.for_s)
    if found["evenings"]:
        results.append(options.out / "soaks.jsonl", {"began": began, **found})
    sys.stdout.write("\n".join([found["words"], *found["wrong"]]) + "\n")
    return 1 if found["wrong"] else 0


def _load(options: argparse.Namespace) -> int:
    """The load at twice the fullest second of any seed, its result beside the others."""
    from tests.campaign import quick
    from tests.campaign.load import load

    quick.prepare()
    most = evidence.most_per_s(options.out)
    if not most:
        sys.stderr.write("no seed has told how many messages its fullest second had: play some seeds first\n")
        return 2
    found = load(most, options.load)
    results.append(options.out / "single.jsonl", {"name": "load", **found})
    sys.stdout.write("\n".join([found["words"], *found["wrong"]]) + "\n")
    return 1 if found["wrong"] else 0


def _torn(options: argparse.Namespace) -> int:
    """The journal cut everywhere, the result beside the others."""
    from tests.campaign.torn import torn

    found = torn()
    results.append(options.out / "single.jsonl", {"name": "torn", **found})
    sys.stdout.write("\n".join([found["words"], *found["wrong"]]) + "\n")
    return 1 if found["wrong"] else 0


def _kills(options: argparse.Namespace) -> int:
    """Stories of deaths until so many have been died in this run; one process at a time."""
    from tests.campaign.kills import at_random, named, zygote_for_long_stories

    path = options.out / "kills.jsonl"
    kinds = itertools.cycle(("named", "random"))
    killed, bad, began = 0, 0, time.monotonic()
    zygote = zygote_for_long_stories()
    while killed < options.kills and time.monotonic() - began < options.for_s:
        kind = next(kinds)
        row = (named if kind == "named" else at_random)(zygote, evidence.next_number(options.out, kind))
        results.append(path, row)
        killed += sum(row["kills"].values())
        bad += bool(row["wrong"])
        if row["wrong"]:
            sys.stdout.write(f"{row['story']} {row['number']}: {row['wrong']}\n")
            sys.stdout.flush()
    zygote.close()
    sys.stdout.write(f"{killed} SIGKILLs in {time.monotonic() - began:.0f} s, {bad} stories failing\n")
    return 1 if bad else 0


def _presses(options: argparse.Namespace) -> int:
    """Lives of some presses each until so many have been made in this run; a life is a number that no other was."""
    path = options.out / "presses.jsonl"
    life = evidence.next_number(options.out, "presses")
    made, bad, began = 0, 0, time.monotonic()
    while made < options.presses and time.monotonic() - began < options.for_s:
        with tempfile.TemporaryDirectory(prefix="presses-") as place:
            began_s = _cpu_s()
            live = forked_life if OPEN_FILES.is_dir() else one_life
            found = live(Path(place), life, min(PRESSES_A_LIFE, options.presses - made))
        row = {**found._asdict(), "violations": list(found.violations), "cpu_s": round(_cpu_s() - began_s)}
        results.append(path, {"life": life, **row})
        made, bad, life = made + found.made, bad + len(found.violations), life + 1
        sys.stdout.write("".join(f"life {life - 1}: {words}\n" for words in found.violations))
        sys.stdout.flush()
    sys.stdout.write(f"{made} presses in {time.monotonic() - began:.0f} s, {bad} violations\n")
    return 1 if bad else 0


def _cpu_s() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _rows(groups: Iterable[list[Job]], processes: int) -> Iterator[dict[str, Any]]:
    if processes <= 1:
        yield from itertools.chain.from_iterable(map(some, groups))
        return
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=200) as pool:
        yield from itertools.chain.from_iterable(pool.imap_unordered(some, groups, chunksize=1))


def _say(row: dict[str, Any]) -> None:
    broken = ", ".join(f"{name} x{count}" for name, count in row["violated"].items())
    orders = row["checked"].get("I12", 0)
    sys.stdout.write(
        f"{row['family']} {row['seed']}: {sum(row['faults'].values())} faults, {orders} orders, {row['cpu_s']} s cpu, "
        f"{'VIOLATED ' + broken if broken else 'holds'}\n"
    )
    for words in row["words"]:
        sys.stdout.write(f"    {words}\n")
    if broken:
        sys.stdout.write(f"    again: python -m tests.campaign --family {row['family']} --replay {row['seed']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
