"""Crash-consistency of the journal at every byte: the write-ahead log cut everywhere within its last commits.

What remains has to be a whole prefix with every commit before the cut, sound by hash, and fit to be continued.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bot.journal import Journal, read_events, verify
from tests.bot.journal.facts import envelope, trade_date

COMMITS = 12
LAST = 3


def torn(step: int = 1) -> dict[str, Any]:
    """Cuts at every `step`-th byte of the last commits; `wrong` names the cuts that broke something."""
    began, cuts, wrong, kept = time.monotonic(), 0, [], set()
    with tempfile.TemporaryDirectory(prefix="torn-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        source, sizes = _source(Path(folder))
        log = Path(f"{source}-wal").read_bytes()
        whole = source.read_bytes()
        path = Path(folder) / "cut"
        for cut in range(sizes[-LAST - 1], len(log) + 1, step):
            for name in ("", "-wal", "-shm"):
                Path(f"{path}{name}").unlink(missing_ok=True)
            path.write_bytes(whole)
            Path(f"{path}-wal").write_bytes(log[:cut])
            cuts += 1
            due = sum(size <= cut for size in sizes)
            problem = _problem(path, due, kept)
            if problem:
                wrong.append(f"cut at byte {cut} of {len(log)}: {problem}")
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - began
    words = (
        f"The journal's log was cut at {cuts:,} places, every {'byte' if step == 1 else f'{step} bytes'} of its last "
        f"{LAST} commits: each time what was committed before the cut was there, sound and fit to be continued "
        f"({len(kept)} different ends). {seconds:.0f} s. Broken: {len(wrong)}."
    )
    return {"words": words, "wrong": wrong[:20], "cuts": cuts}


def _source(folder: Path) -> tuple[Path, list[int]]:
    """A journal of some commits, file and log copied before its close, and the log's size after each commit."""
    path, copy = folder / "journal", folder / "source"
    journal = Journal.open(path, clock_session=trade_date)
    sizes = []
    for _ in range(COMMITS):
        journal.append_event(envelope(journal.next_seq))
        journal.commit(durable=True)
        sizes.append(Path(f"{path}-wal").stat().st_size)
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    journal.close()
    return copy, sizes


def _problem(path: Path, due: int, kept: set[int]) -> str:
    """What is wrong with what a cut left; empty where nothing is. `due` records were committed before it."""
    journal = Journal.open(path, clock_session=trade_date)
    have = journal.next_seq - 1
    kept.add(have)
    journal.append_event(envelope(have + 1))
    journal.close()
    if have < due:
        return f"{have} records are left, {due} were committed"
    if list(read_events(path)) != [envelope(seq) for seq in range(1, have + 2)]:
        return f"{have} records are left and are not the first ones"
    found = verify(path)
    return "" if found.sound else f"{found.problem}"
