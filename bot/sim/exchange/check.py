"""Compares the generated listings with real chains: `python -m bot.sim.exchange.check --data DIR` prints the tables."""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.sim.exchange import expiries
from bot.sim.exchange.strikes import Kind, StrikeLadder, kind_of

CHAIN_DAYS = (date(2018, 10, 15), date(2018, 10, 16), date(2018, 10, 17))
CORE = (0.85, 1.10)
"""Edges of the strikes that matter most, as fractions of the index."""

Chain = Mapping[tuple[str, date], set[float]]


@dataclass(slots=True)
class Coverage:
    """Counts of strikes over all series of one kind; `both` are generated and real."""

    real: int = 0
    generated: int = 0
    both: int = 0
    core_real: int = 0
    core_generated: int = 0
    core_both: int = 0

    def add(self, ours: set[float], theirs: set[float], level: float) -> None:
        """Counts one series while the index stands at `level`."""
        core = {strike for strike in ours | theirs if CORE[0] * level <= strike <= CORE[1] * level}
        self.real += len(theirs)
        self.generated += len(ours)
        self.both += len(ours & theirs)
        self.core_real += len(theirs & core)
        self.core_generated += len(ours & core)
        self.core_both += len(ours & theirs & core)


def read_strikes(folder: Path, day: date) -> Chain:
    """Strikes by root and expiry from spx_chain_DAY.csv. Raises OSError without the file."""
    chain: dict[tuple[str, date], set[float]] = defaultdict(set)
    with (folder / f"spx_chain_{day}.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            chain[row["root"], date.fromisoformat(row["expiry"])].add(float(row["strike"]))
    return chain


def read_closes(folder: Path, until: date) -> list[tuple[date, float]]:
    """SPX closes of the year before a day, and that day's. Raises OSError without the file."""
    with (folder / "spx_daily.csv").open(encoding="utf-8") as rows:
        found = [(date.fromisoformat(row["date"]), float(row["close"])) for row in csv.DictReader(rows)]
    return [(day, close) for day, close in found if 0 <= (until - day).days <= 366]


def strike_coverage(folder: Path, days: Sequence[date] = CHAIN_DAYS) -> dict[Kind, Coverage]:
    """How far the ladders agree with the real chains of those days, by kind of expiry."""
    found: dict[Kind, Coverage] = defaultdict(Coverage)
    for day in days:
        *past, (_, level) = read_closes(folder, day)
        for (_, expiry), theirs in read_strikes(folder, day).items():
            kind = kind_of("SPX", expiry)
            ladder = StrikeLadder(kind, expiry)
            ladder.remember(past)
            ladder.see(day, past[-1][1])
            found[kind].add(set(ladder.strikes), theirs, level)
    return found


def main() -> None:
    """Prints expiries and strikes of the real chain days against the generated ones."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, required=True, help="folder with spx_daily.csv and spx_chain_*.csv")
    folder = reader.parse_args().data
    lines = []
    for day in CHAIN_DAYS:
        chain = read_strikes(folder, day)
        for root, rule in (("SPX", expiries.spx_expiries), ("SPXW", expiries.spxw_expiries)):
            real, ours = {expiry for name, expiry in chain if name == root}, set(rule(day))
            lines.append(f"{day} {root:<4} expiries: {len(real)} real, {len(ours)} ours, {len(real & ours)} both")
    lines.append("kind           real  generated  real covered  ours real  core covered  core real")
    for kind, row in strike_coverage(folder).items():
        shares = (row.both / row.real, row.both / row.generated)
        core = (row.core_both / row.core_real, row.core_both / row.core_generated)
        told = "  ".join(f"{share:>10.1%}" for share in (*shares, *core))
        lines.append(f"{kind.value:<13} {row.real:>5} {row.generated:>10}  {told}")
    print("\n".join(lines))  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
