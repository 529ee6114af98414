"""What the signals cost: one more session, one look with every diagnostic made anew, one look in between, a warm-up.

The history is invented (a random walk of every series the signals know, with nine monthly futures and breadth counts);
what a look costs does not depend on the levels. `python benchmarks/signals.py` prints the table.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.table import Row, render  # noqa: E402
from strategies.signals.closes import HISTORY_SYMBOLS, AdvanceDecline, SessionCloses  # noqa: E402
from strategies.signals.signals import Sample, SignalParams, end_session, observe, warm_up  # noqa: E402
from strategies.signals.term_structure import months_from, strip_of_closes  # noqa: E402

PARAMS = SignalParams()
SESSIONS = 300


def history() -> list[SessionCloses]:
    """Sessions of every series."""
    rng, day, found = np.random.default_rng(1), date(2025, 1, 1), []
    levels = dict.fromkeys(HISTORY_SYMBOLS, 100.0) | {"SPX": 5500.0, "VIX": 17.0}
    while len(found) < SESSIONS:
        day += timedelta(days=1)
        if day.weekday() > 4:
            continue
        for symbol in levels:
            levels[symbol] *= float(np.exp(rng.normal(0.0, 0.01)))
        futures = {expiry: levels["VIX"] + 0.5 * n for n, (_, expiry) in enumerate(months_from((), day, 0, 9))}
        found.append(SessionCloses(day, dict(levels), futures, AdvanceDecline(1600, 1400)))
    return found


def median_us(work: Callable[[], object], rounds: int) -> float:
    """Median microseconds of one call after a warm start."""
    times = []
    for n in range(rounds + 20):
        began = time.perf_counter_ns()
        work()
        if n >= 20:
            times.append((time.perf_counter_ns() - began) / 1000.0)
    return statistics.median(times)


def measure(rounds: int = 1000) -> list[Row]:
    """Rows of the table."""
    *past, last = history()
    began = time.perf_counter()
    state = warm_up(past, PARAMS)
    warm_ms = 1000.0 * (time.perf_counter() - began)
    open_at = datetime(last.day.year, last.day.month, last.day.day, 14, 30, tzinfo=UTC)
    streamed = {symbol: last.closes[symbol] for symbol in ("SPX", "VIX", "VIX3M", "VVIX")}
    look = Sample(
        at=open_at + timedelta(minutes=60), levels=SessionCloses(last.day, streamed), open_at=open_at,
        strip=strip_of_closes(last.futures, last.day, 5), last_session=past[-1].day,
    )  # fmt: skip
    everything = msgspec.structs.replace(look, levels=SessionCloses(last.day, last.closes, {}, last.breadth))
    seen = observe(state, look, PARAMS)
    later = msgspec.structs.replace(look, at=look.at + timedelta(seconds=30))
    anew = median_us(lambda: observe(state, look, PARAMS), rounds)
    widest = median_us(lambda: observe(state, everything, PARAMS), rounds)
    between = median_us(lambda: observe(seen, later, PARAMS), rounds)
    session = median_us(lambda: end_session(state, last, PARAMS), rounds)
    size_kb = len(msgspec.json.encode(seen)) / 1000.0
    return [
        Row("look, all readings anew, four indices streamed", "-", f"{anew:.0f} us", None, "<= 300 us", anew <= 300.0),
        Row("look, all readings anew, every fund streamed", "-", f"{widest:.0f} us", None, "", None),
        Row("look between samples", "-", f"{between:.0f} us", None, "", None),
        Row("closes of one session", "-", f"{session:.0f} us", None, "", None),
        Row(f"warm-up through {SESSIONS - 1} sessions", "-", f"{warm_ms:.0f} ms", None, "", None),
        Row("whole state as JSON", "-", f"{size_kb:.0f} kB", None, "", None),
    ]


def main() -> None:
    """Prints the table."""
    print(render("S. signals", measure()))


if __name__ == "__main__":
    main()
