"""How the fitted smiles price real quotes: `python benchmarks/real_chains.py --data DIR`.

For every expiry of 7 to 90 days of the SPX chains found in DIR (spx_chain_YYYY-MM-DD.csv), the forward comes from
put-call parity, the smile from the out-of-the-money quotes, and every two-sided quote with |delta| of 0.05 to 0.50 is
compared with it: the share priced inside bid and ask, and the error against mid in index points by delta bucket. The
last column prices each quote by a smile fitted to the other half of the strikes only.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from strategies.pricing.surface import Smile, SurfaceError, discount_factor, fit_smile, forward_from_parity

DAYS = ("2018-10-15", "2018-10-16", "2018-10-17")
BUCKETS = (("put", 0.05, 0.10), ("put", 0.10, 0.20), ("put", 0.20, 0.35), ("put", 0.35, 0.50),
           ("call", 0.05, 0.10), ("call", 0.10, 0.20), ("call", 0.20, 0.35), ("call", 0.35, 0.50))  # fmt: skip
# AM-settled series stop at the open: 6.75 hours before the close that their expiry day would give them.
AM_SETTLED_DAYS = 6.75 / 24.0


class Expiry(NamedTuple):
    """One expiry's quotes, one entry per option; nan where there is no bid or ask."""

    quote_date: date
    root: str
    expiry: date
    strike: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    is_call: NDArray[np.bool_]

    @property
    def tau(self) -> float:
        days = (self.expiry - self.quote_date).days - (AM_SETTLED_DAYS if self.root == "SPX" else 0.0)
        return days / 365.0


class Comparison(NamedTuple):
    """Quotes of one expiry against a smile: one entry per two-sided quote in the delta range."""

    is_call: NDArray[np.bool_]
    abs_delta: NDArray[np.float64]
    error_points: NDArray[np.float64]
    half_spread_points: NDArray[np.float64]
    inside: NDArray[np.bool_]
    inside_left_out: NDArray[np.bool_]


def read_chain(path: Path) -> list[Expiry]:
    """Every expiry of one file."""
    groups: dict[tuple[str, str, str], list[tuple[float, float, float, bool]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            quote = (float(row["strike"]), float(row["bid"] or "nan"), float(row["ask"] or "nan"), row["right"] == "C")
            groups[row["quote_date"], row["root"], row["expiry"]].append(quote)
    result = []
    for (quoted, root, expiry), quotes in groups.items():
        strike, bid, ask, call = (np.array(column) for column in zip(*sorted(quotes), strict=True))
        result.append(Expiry(date.fromisoformat(quoted), root, date.fromisoformat(expiry), strike, bid, ask, call))
    return result


def read_rate(folder: Path, day: date) -> float:
    """The 3-month bill rate of the day, continuously compounded, as a fraction a year."""
    with (folder / "rates_daily.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["date"] == day.isoformat() and row["dtb3"]:
                return math.log1p(float(row["dtb3"]) / 100.0)
    raise SystemExit(f"rates_daily.csv has no dtb3 for {day}; give a folder with the rate of that day")


def forward_of(expiry: Expiry, discount: float) -> float:
    calls = {k: i for i, (k, call) in enumerate(zip(expiry.strike, expiry.is_call, strict=True)) if call}
    puts = {k: i for i, (k, call) in enumerate(zip(expiry.strike, expiry.is_call, strict=True)) if not call}
    both = sorted(calls.keys() & puts.keys())
    c, p = [calls[k] for k in both], [puts[k] for k in both]
    found = forward_from_parity(both, expiry.bid[c], expiry.ask[c], expiry.bid[p], expiry.ask[p], discount)
    return found.forward


def compare(expiry: Expiry, rate: float) -> Comparison:
    """Fits the expiry and compares; raises SurfaceError when it cannot be fitted."""
    tau = expiry.tau
    discount = discount_factor(rate, tau)
    forward = forward_of(expiry, discount)
    smile = fit_smile(expiry.strike, expiry.bid, expiry.ask, expiry.is_call, forward, tau, discount).smile
    half = np.searchsorted(np.unique(expiry.strike), expiry.strike) % 2 == 1
    with np.errstate(invalid="ignore"):
        two_sided = (expiry.bid > 0.0) & (expiry.ask > expiry.bid)
    delta = np.abs(smile.delta(expiry.strike, expiry.is_call))
    chosen = two_sided & (delta >= 0.05) & (delta <= 0.50)
    left_out = np.zeros(len(chosen), dtype=bool)
    for part in (half, ~half):
        other = ~part
        crossed = fit_smile(
            expiry.strike[other], expiry.bid[other], expiry.ask[other], expiry.is_call[other], forward, tau, discount
        ).smile
        left_out[part] = is_inside(crossed, expiry, part)
    fitted = smile.price(expiry.strike[chosen], expiry.is_call[chosen])
    bid, ask = expiry.bid[chosen], expiry.ask[chosen]
    return Comparison(expiry.is_call[chosen], delta[chosen], fitted - 0.5 * (bid + ask), 0.5 * (ask - bid),
                      is_inside(smile, expiry, chosen), left_out[chosen])  # fmt: skip


def is_inside(smile: Smile, expiry: Expiry, which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    fitted = smile.price(expiry.strike[which], expiry.is_call[which])
    return np.asarray((fitted >= expiry.bid[which] - 1e-9) & (fitted <= expiry.ask[which] + 1e-9))


def compare_day(folder: Path, day: str) -> Iterator[tuple[Expiry, Comparison | SurfaceError]]:
    """Every expiry of 7 to 90 days, compared, or the reason why it could not be."""
    rate = read_rate(folder, date.fromisoformat(day))
    for expiry in read_chain(folder / f"spx_chain_{day}.csv"):
        if 7 <= (expiry.expiry - expiry.quote_date).days <= 90:
            try:
                yield expiry, compare(expiry, rate)
            except SurfaceError as error:
                yield expiry, error


def join(parts: list[Comparison]) -> Comparison:
    return Comparison(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def show(title: str, c: Comparison) -> None:
    error = np.abs(c.error_points)
    print(f"{title:<18}{len(error):>7}{c.inside.mean():>9.1%}{np.median(error):>9.3f}{np.quantile(error, 0.95):>8.3f}"
          f"{error.max():>8.3f}{np.median(c.half_spread_points):>13.3f}{c.inside_left_out.mean():>11.1%}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with spx_chain_*.csv and rates_daily.csv")
    parser.add_argument("--day", action="append", help="quote date, repeatable (default: the three of October 2018)")
    options = parser.parse_args()
    everything = []
    print(f"{'':<18}{'quotes':>7}{'inside':>9}{'median':>9}{'p95':>8}{'max':>8}{'half-spread':>13}{'left out':>11}")
    for day in options.day or DAYS:
        parts = []
        for expiry, outcome in compare_day(options.data, day):
            if isinstance(outcome, SurfaceError):
                print(f"{day} {expiry.root} {expiry.expiry}: not fitted: {outcome}")
            else:
                parts.append(outcome)
        everything.extend(parts)
        show(f"{day} ({len(parts)})", join(parts))
    every = join(everything)
    for right, low, high in BUCKETS:
        chosen = (every.is_call == (right == "call")) & (every.abs_delta >= low) & (every.abs_delta < high)
        show(f"{right} {low:.2f}-{high:.2f}", Comparison(*(column[chosen] for column in every)))
    show("all", every)


if __name__ == "__main__":
    main()
