"""The journal against bare SQLite: `python benchmarks/journal.py`, side by side in one run on one disk.

A durable commit of a four-leg intent (its fact, its outcome with decision, verdict and order) against a bare
`synchronous=FULL` commit of one row with the same bytes, alternating; then what a conflated quote costs, what reading
back costs and what the look at the kill latch before every order costs. Medians; the ratio is what counts, because
absolute figures move with disk and machine.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot import latch  # noqa: E402
from bot.journal import Journal, codec, read_events, verify  # noqa: E402
from strategies.domain.decision import Decision, DecisionVerdict  # noqa: E402
from strategies.domain.events import Envelope, QuotesUpdated, TimerFired  # noqa: E402
from strategies.domain.market import Quote  # noqa: E402
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose  # noqa: E402

OPEN = datetime(2018, 10, 17, 13, 30, tzinfo=UTC)
LINES = 90


def quotes_at(second: int) -> QuotesUpdated:
    """Every one of the line budget's instruments changed: the largest conflated event there is."""
    at = OPEN + timedelta(seconds=second)
    return QuotesUpdated(
        quotes=tuple(
            Quote(
                con_id=320_000_000 + line, bid=12.3 + 0.05 * line, ask=12.6 + 0.05 * line, bid_size=17, ask_size=40,
                last=12.45, close=13.1, at=at + timedelta(milliseconds=line), epoch=1,
            )
            for line in range(LINES)
        )
    )  # fmt: skip


def outcome_at(second: int) -> dict[str, Any]:
    """What an entry step writes: decision, verdict with its checks, the order."""
    at = OPEN + timedelta(seconds=second)
    legs = tuple(
        LegIntent(320_000_000 + n, 1, Action.BUY if n in (0, 3) else Action.SELL) for n in range(4)
    )  # fmt: skip
    ref = f"IC-20181017-1.e{second}"
    intent = PlaceIntent(
        ref, "IC-20181017-1.e", 1, Purpose.ENTRY, "IC-20181017-1", "C-ENTRY-9", legs, 1, -1.35, -1.4, -1.2, at
    )
    decision = Decision(
        at, "C-ENTRY-9", "entry", DecisionVerdict.ACT, "short strikes at 16 delta collect a third of the wing",
        {"vix": 17.25, "credit_points": 1.35, "dte": 44}, {"vix_max": 25.0, "credit_points_min": 1.2}, 0.11, ref,
    )  # fmt: skip
    checks = [{"code": f"K-SIZE-{n}", "observed": 365.0, "cap": 500.0, "unit": "usd", "ok": True} for n in range(24)]
    return {"decisions": [decision], "verdicts": [{"ref": ref, "checks": checks}], "actions": [intent]}


class Bare:
    """One table, one row a commit, nothing else: the floor under any SQLite journal."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "wal_autocheckpoint=0"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, body BLOB)")

    def commit(self, body: bytes) -> None:
        """Inserts one row in one transaction."""
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("INSERT INTO rows (body) VALUES (?)", (body,))
        self.db.execute("COMMIT")


def timed(work: Callable[[], object]) -> float:
    """Microseconds of one call."""
    started = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - started) / 1000.0


def quantile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies."""
    return sorted(values)[int(share * (len(values) - 1))]


def commits(folder: Path, durable: bool, rounds: int) -> dict[str, float]:
    """Our commit of an intent and the bare commit of as many bytes, alternating."""
    level = "FULL" if durable else "NORMAL"
    journal = Journal.open(folder / f"ours-{level}", clock_session=lambda at: at.date().isoformat())
    bare = Bare(folder / f"bare-{level}", level)
    ours, floor, size = [], [], 0
    for second in range(rounds):
        at = OPEN + timedelta(seconds=second)
        fact, outcome = TimerFired(name="entry_window", due_at=at), outcome_at(second)
        envelope = Envelope(journal.next_seq, at, fact)
        body = bytes(len(codec.encode_event(fact)[0]) + len(codec.encode_outcome(outcome)))
        size = len(body)

        def write(envelope: Envelope = envelope, outcome: dict[str, Any] = outcome) -> None:
            journal.append_event(envelope)
            journal.append_outcome(envelope.seq, envelope.at, outcome)
            journal.commit(durable)

        ours.append(timed(write))
        floor.append(timed(lambda body=body: bare.commit(body)))  # type: ignore[misc]
    journal.close()
    bare.db.close()
    return {
        "bytes": size,
        "ours_us": statistics.median(ours),
        "bare_us": statistics.median(floor),
        "ratio": statistics.median(ours) / statistics.median(floor),
        "ours_p99_us": quantile(ours, 0.99),
        "bare_p99_us": quantile(floor, 0.99),
    }


def quoting(folder: Path, rounds: int) -> dict[str, float]:
    """Append and commit of full conflated quote events, per quote, and the bare commit of the same bytes."""
    journal = Journal.open(folder / "quotes", clock_session=lambda at: at.date().isoformat())
    bare = Bare(folder / "bare-quotes", "NORMAL")
    events = [quotes_at(second) for second in range(50)]
    append, commit, floor, size = [], [], [], 0
    for second in range(rounds):
        envelope = Envelope(journal.next_seq, OPEN + timedelta(seconds=second), events[second % 50])
        append.append(timed(lambda envelope=envelope: journal.append_event(envelope)))  # type: ignore[misc]
        commit.append(timed(lambda: journal.commit(durable=False)))
        body = codec.encode_event(envelope.event)[0]
        size = len(body)
        floor.append(timed(lambda body=body: bare.commit(body)))  # type: ignore[misc]
    journal.close()
    bare.db.close()
    whole = [a + c for a, c in zip(append, commit, strict=True)]
    reading = timed(lambda: sum(1 for _ in read_events(journal.path)))
    checking = timed(lambda: verify(journal.path))
    return {
        "bytes_a_quote": size / LINES,
        "append_us": statistics.median(append) / LINES,
        "commit_us": statistics.median(commit) / LINES,
        "whole_us": statistics.median(whole) / LINES,
        "whole_p10_us": quantile(whole, 0.1) / LINES,
        "mean_us": statistics.fmean(whole) / LINES,
        "bare_us": statistics.median(floor) / LINES,
        "read_us": reading / rounds / LINES,
        "verify_us": checking / rounds / LINES,
    }


def looking(folder: Path) -> float:
    """Microseconds of one look for a latch that is not there."""
    path = str(folder / latch.NAME)
    return statistics.median(timed(lambda: [latch.present(path) for _ in range(1000)]) / 1000.0 for _ in range(20))


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """All figures of one run on the disk of `folder`."""
    return {
        "durable": commits(folder, True, rounds),
        "fast": commits(folder, False, rounds),
        "quotes": quoting(folder, rounds),
        "latch_us": looking(folder),
    }


def table(found: dict[str, Any]) -> str:
    """The figures for people, each with its aim."""
    durable, fast, quotes = found["durable"], found["fast"], found["quotes"]
    lines = [
        f"journal, against bare SQLite on the same disk: {durable['bytes']} bytes an intent, {LINES} quotes an event",
        f"  durable commit of an intent  {durable['ours_us']:8.1f} us, bare {durable['bare_us']:.1f} us, "
        f"ratio {durable['ratio']:.2f} (aim <= 1.20), p99 {durable['ours_p99_us']:.0f} / {durable['bare_p99_us']:.0f}",
        f"  fast commit of an intent     {fast['ours_us']:8.1f} us, bare {fast['bare_us']:.1f} us, "
        f"ratio {fast['ratio']:.2f}",
        f"  a journaled quote            {quotes['whole_us']:8.2f} us (aim <= 2.00), bare {quotes['bare_us']:.2f} us, "
        f"{quotes['bytes_a_quote']:.0f} bytes",
        f"    encode, prove, hash        {quotes['append_us']:8.2f} us, commit {quotes['commit_us']:.2f} us, "
        f"whole p10 {quotes['whole_p10_us']:.2f} us, mean with folding {quotes['mean_us']:.2f} us",
        f"  reading a quote back         {quotes['read_us']:8.2f} us, checking it {quotes['verify_us']:.2f} us",
        f"  look at the kill latch       {found['latch_us']:8.2f} us",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures in a temporary folder and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dir", type=Path, default=None, help="where to write (a real disk, not memory)")
    parser.add_argument("--rounds", type=int, default=1500, help="commits of each kind")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        found = measure(Path(name), options.rounds)
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    main()
