"""What every day of the windows was, by its closes alone: regime, tier, and whether C-ENTRY-5 could let a condor in.

`python -m benchmarks.history_days --data DIR` prints a table. Nothing is simulated: VIX and SPX are closes, the curve
its settlements, the two months those that settle more than five days later. The bot looks at every minute and keeps
regimes for a while, so its own days differ by some; a window whose closes allow nothing sells nothing.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.history import WINDOWS, Window  # noqa: E402
from strategies.condor.params import CondorParams  # noqa: E402
from strategies.domain.market import DailyBar  # noqa: E402
from strategies.signals.curve import Regime, classify  # noqa: E402
from strategies.signals.term_structure import slope_pct_month  # noqa: E402
from strategies.signals.tiers import Tier, tier_by_level  # noqa: E402
from strategies.signals.volatility import rank_pct, realised_vol_points  # noqa: E402


class Day(NamedTuple):
    """One session by its closes; `refused` is the filter that says no, empty where C-ENTRY-5 would allow a condor."""

    day: date
    regime: Regime
    tier: Tier
    front_minus_second: float | None
    refused: str


class Folder:
    """The series a window needs, read once."""

    def __init__(self, folder: Path) -> None:
        self.vix = {day: float(row["vix_close"]) for day, row in _rows(folder / "vol_indices_daily.csv")
                    if row["vix_close"]}  # fmt: skip
        self.spx = {day: float(row["close"]) for day, row in _rows(folder / "spx_daily.csv")}
        self.curve: dict[date, list[tuple[date, float]]] = {}
        for day, row in _rows(folder / "vx_futures_daily.csv"):
            price = row["settle"] or row["close"]
            if row["kind"] == "M" and price:
                self.curve.setdefault(day, []).append((date.fromisoformat(row["expiry"]), float(price)))

    def days(self, window: Window, params: CondorParams) -> list[Day]:
        """Every session of the window."""
        found = []
        for day in (d for d in self.spx if window.first <= d <= window.last and d in self.vix):
            earlier = [d for d in self.spx if d < day and d in self.vix][-300:]
            found.append(self._day(day, earlier, params))
        return found

    def _day(self, day: date, earlier: list[date], params: CondorParams) -> Day:
        skip = day + timedelta(days=params.curve.skip_front_within_days)
        months = sorted(row for row in self.curve.get(day, []) if row[0] > skip)[:2]
        vix = self.vix[day]
        vix_bars = tuple(_bar(d, self.vix[d]) for d in earlier)
        spx_bars = tuple(_bar(d, self.spx[d]) for d in earlier)
        regime, gap, front = Regime.UNKNOWN, None, None
        if len(months) == 2:
            (first, front), (second, later) = months
            slope = slope_pct_month(front, later, (second - first).days)
            gap = front - later
            regime = classify(slope, gap, params.curve)
        tier = tier_by_level(vix, front, vix_bars[-1].close if vix_bars else None, params.tiers)
        return Day(day, regime, tier, gap, _refused(vix, vix_bars, spx_bars, regime, tier, params))


def _refused(
    vix: float,
    vix_bars: tuple[DailyBar, ...],
    spx_bars: tuple[DailyBar, ...],
    regime: Regime,
    tier: Tier,
    params: CondorParams,
) -> str:
    entry = params.entry
    if vix >= entry.blocked_from_vix_points:
        return "VIX 25 or more"
    rank = rank_pct(vix_bars, vix, entry.rank_window_sessions, entry.rank_fewest_sessions)
    if rank is None or rank < entry.rank_min_pct:
        return "rank too low"
    realised = realised_vol_points(spx_bars, entry.rv_sessions)
    if realised is None or vix <= realised:
        return "VIX not above realised"
    if not regime.calm:
        return "curve inverted"
    return "tier above 1" if tier > Tier.WATCH else ""


def _rows(path: Path) -> Iterator[tuple[date, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield date.fromisoformat(row["date"]), row


def _bar(day: date, close: float) -> DailyBar:
    return DailyBar(day, close, close, close, close)


def table(folder: Path) -> str:
    """Markdown: one row per window."""
    params, read = CondorParams(), Folder(folder)
    lines = [
        "| window | sessions | contango | flat | inverted | deep | front - second > 3 | tier 0 / 1 / 2 / 3 "
        "| could sell | refused by |",
        "|" + "---|" * 10,
    ]
    for name, window in WINDOWS.items():
        days = read.days(window, params)
        regimes, tiers = Counter(d.regime for d in days), Counter(d.tier for d in days)
        why = ", ".join(f"{text} {n}" for text, n in Counter(d.refused for d in days if d.refused).most_common())
        deep = sum(d.front_minus_second is not None and d.front_minus_second > 3.0 for d in days)
        counts = " | ".join(str(regimes[r]) for r in (Regime.CONTANGO, Regime.FLAT, Regime.BACKWARDATION,
                                                     Regime.DEEP_BACKWARDATION))  # fmt: skip
        lines.append(
            f"| {name}: {window.first} to {window.last} | {len(days)} | {counts} | {deep} "
            f"| {' / '.join(str(tiers[t]) for t in Tier)} | {sum(not d.refused for d in days)} | {why} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of daily market data")
    parser.add_argument("--days", choices=sorted(WINDOWS), help="every day of one window instead")
    args = parser.parse_args()
    if args.days:
        for day in Folder(args.data).days(WINDOWS[args.days], CondorParams()):
            gap = "-" if day.front_minus_second is None else f"{day.front_minus_second:+.3f}"
            print(f"{day.day}  {day.regime.value:20} tier {day.tier:d}  {gap:>8}  {day.refused or 'could sell'}")
        return
    print(table(args.data))


if __name__ == "__main__":
    main()
