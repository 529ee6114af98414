"""How long a person waits: for a session's report, and for `condor kill` until its latch is on the disk.

`python -m benchmarks.seen STATE [SESSION]` over a state directory that `condor sim` or `condor run` left. Each command
is a process of its own, timed from its start; told are the quickest, the median and the processor time of the median.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.table import Row  # noqa: E402

LOOK_EVERY_S = 0.0005
REPORTS, KILLS = 5, 15


class Taken(NamedTuple):
    """Wall time until the thing was there, and processor time of the whole process, milliseconds."""

    wall_ms: float
    processor_ms: float


def taken(words: list[str], there: Callable[[], bool]) -> Taken:
    """One process from its start until what it makes is there; it is ended then."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not there():
        if process.poll() is not None and not there():
            raise SystemExit(f"condor {' '.join(words)} ended with {process.returncode}")
        time.sleep(LOOK_EVERY_S)
    wall_ms = 1000.0 * (time.monotonic() - start_s)
    process.kill()
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(wall_ms, 1000.0 * used_s)


def told(name: str, rows: list[Taken]) -> None:
    """One line of the table."""
    walls = sorted(row.wall_ms for row in rows)
    used = statistics.median(row.processor_ms for row in rows)
    print(f"{name:<34}{walls[0]:>10.0f}{statistics.median(walls):>10.0f}{used:>12.0f}")


def reports_of(state: Path, session: str, page: Path) -> list[Taken]:
    """The session's page, again and again."""
    words = ["report", session, "--format", "html", "--state", str(state), "--output", str(page)]
    found = []
    for _ in range(REPORTS):
        page.unlink(missing_ok=True)
        found.append(taken(words, page.exists))
    return found


def kills(place: Path) -> list[Taken]:
    """`condor kill` on empty state directories until the latch is on the disk."""
    found = []
    for number in range(KILLS):
        empty = place / str(number)
        empty.mkdir(mode=0o700)
        found.append(taken(["kill", "-m", "bench", "--state", str(empty)], (empty / "KILL").exists))
    return found


def measure(place: Path) -> list[Row]:
    """Rows of `make bench`: a whole session of `calm` is lived first, hedge on."""
    text = (ROOT / "bot" / "sim" / "world" / "scenarios" / "calm.toml").read_text(encoding="utf-8")
    day, state = place / "day.toml", place / "state"
    day.write_text("[[day]]".join(text.split("[[day]]")[:2]), encoding="utf-8")
    options = ("--scenario", str(day), "--speed", "max", "--quiet", "--set", "alvh.enabled=true")
    command = [sys.executable, "-m", "bot", "sim", "--state", str(state), *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    report = statistics.median(row.wall_ms for row in reports_of(state, "last", place / "page.html"))
    kill = statistics.median(row.wall_ms for row in kills(place))
    return [
        Row("report of a whole session, wall", "", f"{report / 1000.0:.2f} s", None, "<= 3 s", report <= 3000.0),
        Row("kill, process start to latch, wall", "", f"{kill:.0f} ms", None, "<= 100 ms", kill <= 100.0),
    ]


def main() -> None:
    """Prints the table."""
    state, session = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "last"
    print(f"load {os.getloadavg()[0]:.1f}\n{'milliseconds':<34}{'quickest':>10}{'median':>10}{'processor':>12}")
    with tempfile.TemporaryDirectory() as name:
        told(f"report of {session}", reports_of(state, session, Path(name) / "page.html"))
        told("kill, from start to latch", kills(Path(name)))


if __name__ == "__main__":
    main()
