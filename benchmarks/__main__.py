"""`make bench`: every table in turn, each with peer, project, ratio, target and whether it was reached.

Absolute figures move with the machine and with what else runs on it; ratios are measured side by side, in alternating
rounds of one run. The load at the start and end is printed with them.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import analytics, dashboard, decisions, gateway, journal, live_path, seen, signals  # noqa: E402
from benchmarks.table import Row, render  # noqa: E402

TABLES = ["A", "C", "D", "E", "S", "V"]
START_S = 0.15


def analytics_rows(rounds: int, install: bool) -> list[Row]:
    """Table A. The ratio is options a second of the project over those of py_vollib_vectorized."""
    peers = analytics.Peers(ROOT / ".venv-bench", install=install)
    with tempfile.TemporaryDirectory() as name:
        speed = analytics.measure_speed(peers, rounds, Path(name))
        accuracy = analytics.measure_accuracy(peers, Path(name))
    start = analytics.measure_start()
    rate = {(row["n"], row["contestant"]): row for row in speed}
    targets = {200: 2.5, 2_000: 10.0, 20_000: None}
    table = []
    for n, target in targets.items():
        ours, theirs = rate[n, analytics.PROJECT], rate[n, analytics.BASE]
        ratio, second = ours["ratio"], rate[n, analytics.PEERS[1]]["ratio"]
        peer = "not measured" if theirs["options_per_s"] is None else f"{theirs['options_per_s'] / 1e3:,.0f} k/s"
        text = f"chain of {n:,}, IV and greeks" + ("" if second is None else f" (QuantLib {second:.2f}x)")
        reached = None if target is None or ratio is None else ratio >= target
        project = f"{ours['options_per_s'] / 1e3:,.0f} k/s"
        table.append(Row(text, peer, project, ratio, f">= {target:g}x" if target else "", reached))
    for row in (row for row in accuracy if row["contestant"] == analytics.PROJECT):
        table.append(_accuracy(row, accuracy))
    first = start["own_import_s"] + start["first_result_s"]
    text = f"import and first chain, beside numpy's own {start['numpy_import_s']:.2f} s"
    table.append(Row(text, "", f"{first:.3f} s", None, f"<= {START_S} s", first <= START_S))
    if peers.reason is not None:
        print(f"peers not measured: {peers.reason}")
    peers.close()
    return table


def _accuracy(row: dict[str, Any], accuracy: list[dict[str, Any]]) -> Row:
    def said(found: dict[str, Any] | None) -> str:
        if found is None:
            return "not measured"
        error = "-" if found["max_error"] is None else f"{found['max_error']:.0e}"
        return f"{error}, {found['failures']} fail"

    same = [r for r in accuracy if r["chain"] == row["chain"] and r["contestant"] == analytics.BASE]
    good = row["failures"] == 0 and row["max_error"] is not None and row["max_error"] <= 1e-10
    name = f"greatest IV error, {row['chain'].replace('_', ' ')}"
    return Row(name, said(same[0] if same else None), said(row), None, "<= 1e-10, none fail", good)


def journal_rows(folder: Path, rounds: int) -> list[Row]:
    """Table D, the journal's part."""
    found = journal.measure(folder, rounds)
    durable, fast, quotes = found["durable"], found["fast"], found["quotes"]
    return [
        Row(f"durable commit of an intent, p50 ({durable['bytes']} bytes)", f"{durable['bare_us']:.0f} us",
            f"{durable['ours_us']:.0f} us", durable["ratio"], "<= 1.2x", durable["ratio"] <= 1.2),
        Row("durable commit of an intent, p99", f"{durable['bare_p99_us']:.0f} us", f"{durable['ours_p99_us']:.0f} us",
            durable["ours_p99_us"] / durable["bare_p99_us"], "", None),
        Row("fast commit of an intent, p50", f"{fast['bare_us']:.0f} us", f"{fast['ours_us']:.0f} us", fast["ratio"],
            "", None),
        Row("a journaled quote", f"{quotes['bare_us']:.2f} us", f"{quotes['whole_us']:.2f} us",
            quotes["whole_us"] / quotes["bare_us"], "<= 2 us", quotes["whole_us"] <= 2.0),
        Row("a look at the kill latch", "-", f"{found['latch_us']:.2f} us", None, "", None),
    ]  # fmt: skip


def _load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def main() -> None:
    """Prints every table asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all by default")
    parser.add_argument("--no-setup", action="store_true", help="use .venv-bench as it is, install nothing")
    parser.add_argument("--dir", type=Path, default=None, help="where to write (a real disk, not memory)")
    options = parser.parse_args()
    wanted, began = options.tables or TABLES, time.monotonic()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {_load()}\n")
    if "A" in wanted:
        rows = analytics_rows(7, not options.no_setup)
        print(render("A. whole-chain analytics against py_vollib_vectorized", rows), flush=True)
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        if "C" in wanted:
            rows = live_path.run(Path(name))
            print(render("C. live path over loopback TCP against bare ib_insync", rows), flush=True)
        if "D" in wanted:
            rows = journal_rows(Path(name), 800) + decisions.measure(Path(name) / "log")
            print(render("D. journal, logs and engine against bare SQLite and bare structlog", rows), flush=True)
        if "E" in wanted:
            rows = gateway.run(Path(name))
            print(render("E. the simulated gateway against a replay of its own bytes", rows), flush=True)
        if "V" in wanted:
            (Path(name) / "seen").mkdir()
            rows = seen.measure(Path(name) / "seen") + dashboard.measure()
            print(render("V. what a person waits for, and what looking costs", rows), flush=True)
    if "S" in wanted:
        print(render("S. signals of the hedge", signals.measure()), flush=True)
    print(f"load {_load()}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
