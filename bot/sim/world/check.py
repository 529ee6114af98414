"""Measures the worlds against reality: real quotes around generated mids, spreads, VIX recomputed from the options.

Run as `python -m bot.sim.world.check --data DIR`; docs/simulated-worlds.md holds the figures of one run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.ports import World
from bot.sim.types import ContractSpec, Floats, Right, SecType, Settlement
from bot.sim.world import files
from bot.sim.world.chains import read_chain
from bot.sim.world.load import load_history, load_scenario, scenario_names
from bot.sim.world.surface import YEAR_SECONDS
from bot.sim.world.vix_options import VixStrip, price_vix

CHAIN_DAYS = (date(2018, 10, 15), date(2018, 10, 16), date(2018, 10, 17))
TENORS = ((1, 7), (7, 21), (21, 60), (60, 120), (120, 400))
DELTAS = ((0.0, 0.02), (0.02, 0.05), (0.05, 0.12), (0.12, 0.20), (0.20, 0.40), (0.40, 0.60))
VIX_SAMPLE = ((date(2008, 10, 20), date(2008, 10, 24)), (date(2012, 5, 14), date(2012, 5, 18)),
              (date(2017, 11, 1), date(2017, 11, 7)), (date(2018, 9, 17), date(2018, 10, 17)),
              (date(2020, 2, 24), date(2020, 3, 20)), (date(2022, 7, 11), date(2022, 7, 15)),
              (date(2025, 4, 1), date(2025, 4, 11)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """Real against generated for the quotes of one day: days to expiry, |delta|, put or call, and per quote the share
    verdict, the error in points and both half-spreads."""

    days: Floats
    delta: Floats
    is_call: Floats
    inside: Floats
    error_points: Floats
    real_half: Floats
    world_half: Floats


def option(expiry: date, settlement: Settlement, strike: float, is_call: bool, con_id: int) -> ContractSpec:
    """An SPX option as the world needs it to quote."""
    return ContractSpec(
        con_id=con_id,
        sec_type=SecType.OPTION,
        symbol="SPX",
        trading_class="SPXW" if settlement is Settlement.PM else "SPX",
        exchange="CBOE",
        multiplier=100,
        local_symbol="",
        market_rule_id=0,
        min_tick=0.05,
        expiry=expiry,
        strike=strike,
        right=Right.CALL if is_call else Right.PUT,
        settlement=settlement,
    )


class Knowledge(StrEnum):
    """What the world may have seen of the day's chain."""

    NOTHING = "Surface from VIX9D/VIX/VIX3M and SKEW alone"
    FORWARDS = "The same with the forwards of the day's chain"
    ALL = "Smiles and spreads of the day's chain"


def compare_day(folder: Path, day: date, knowledge: Knowledge) -> Compared:
    """Real two-sided out-of-the-money quotes of that day's chain against the world at its close."""
    world = load_history(folder, day, day, 1)
    if knowledge is not Knowledge.ALL:
        world.forget_chain(keep_forwards=knowledge is Knowledge.FORWARDS)
    world.advance(world.days[0].close_at)
    _, chain = read_chain(folder, day)
    quotes = [(key, q) for key, qs in chain.items() for q in qs if q.bid > 0.0]
    now = world.days[0].close_at
    quotes = [(key, q) for key, q in quotes if settles_at(*key) > now + timedelta(hours=12)]
    specs = [option(*key, q.strike, q.is_call, i) for i, (key, q) in enumerate(quotes)]
    marks = world.marks(specs)
    bid = np.array([q.bid for _, q in quotes])
    ask = np.array([q.ask for _, q in quotes])
    days = np.array([(settles_at(*key) - now) / timedelta(days=1) for key, _ in quotes])
    call = np.array([q.is_call for _, q in quotes])
    strike = np.array([q.strike for _, q in quotes])
    keep = call == (strike >= marks.forward)
    inside = (marks.mid >= bid - 1e-9) & (marks.mid <= ask + 1e-9)
    columns = (days, np.abs(marks.delta), call, inside, marks.mid - (bid + ask) / 2, (ask - bid) / 2,
               (marks.ask - marks.bid) / 2)  # fmt: skip
    return Compared(*(np.asarray(c[keep], dtype=np.float64) for c in columns))


def merged(parts: Sequence[Compared]) -> Compared:
    """All days in one."""
    names = Compared.__slots__
    return Compared(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def cells(found: Compared) -> Iterator[tuple[str, str, str, int, float, float, float]]:
    """Rows (right, tenor, |delta|, quotes, share inside, median error in points, median spread ratio)."""
    for right, is_call in (("put", 0.0), ("call", 1.0)):
        for low, high in TENORS:
            for d_low, d_high in DELTAS:
                pick = (found.is_call == is_call) & (found.days > low) & (found.days <= high)
                pick &= (found.delta >= d_low) & (found.delta < d_high)
                if pick.sum() < 10:
                    continue
                ratio = float(np.nanmedian(found.world_half[pick] / found.real_half[pick]))
                yield (
                    right,
                    f"{low}-{high} d",
                    f"{d_low:.2f}-{d_high:.2f}",
                    int(pick.sum()),
                    float(found.inside[pick].mean()),
                    float(np.median(found.error_points[pick])),
                    ratio,
                )


def recomputed_vix(world: World, at: datetime) -> float:
    """VIX by the Cboe method from the quotes the world shows now: two Friday expiries around 30 days, out-of-the-money
    mids outward until two strikes in a row have no bid."""
    fridays = [at.date() + timedelta(days=i) for i in range(23, 38) if (at.date() + timedelta(days=i)).weekday() == 4]
    terms = [_term_variance(world, at, friday) for friday in fridays[:2]]
    (t1, v1), (t2, v2) = terms
    target = 30.0 / 365.0
    total = t1 * v1 * (t2 - target) / (t2 - t1) + t2 * v2 * (target - t1) / (t2 - t1)
    return float(100.0 * np.sqrt(total / target))


def _term_variance(world: World, at: datetime, expiry: date) -> tuple[float, float]:
    years = (settles_at(expiry, Settlement.PM) - at) / timedelta(days=365)
    spot = world.index("SPX").last or 0.0
    strikes = np.arange(np.floor(spot * 0.1 / 5) * 5, spot * 1.6, 5.0)
    both = [(k, c) for k in strikes for c in (False, True)]
    base = expiry.toordinal() * 10_000
    marks = world.marks([option(expiry, Settlement.PM, float(k), c, base + i) for i, (k, c) in enumerate(both)])
    mid = ((np.nan_to_num(marks.bid) + marks.ask) / 2).reshape(-1, 2)
    bid = np.nan_to_num(marks.bid).reshape(-1, 2)
    forward = float(marks.forward[0])
    k0 = int(np.searchsorted(strikes, forward, side="right") - 1)
    chosen = {k0: float(mid[k0].mean())}
    for side, step in ((0, -1), (1, 1)):
        i, empty = k0 + step, 0
        while 0 <= i < len(strikes) and empty < 2:
            if bid[i, side] > 0.0:
                chosen[i], empty = float(mid[i, side]), 0
            else:
                empty += 1
            i += step
    order = sorted(chosen)
    k = strikes[order]
    width = np.gradient(k)
    price = np.array([chosen[i] for i in order])
    # mids are discounted a little; the index undoes it with the riskless rate, at most 0.3 % of the variance here
    variance = 2.0 / years * float(np.sum(width / k**2 * price)) - (forward / strikes[k0] - 1.0) ** 2 / years
    return years, variance


def vix_errors(world: World) -> list[tuple[date, float, float]]:
    """Per day of the world, at its index close: VIX as published and as recomputed from the options."""
    out = []
    for day in world.days:
        world.advance(day.index_close_at)
        published = world.index("VIX").last
        if published is not None:
            out.append((day.day, published, recomputed_vix(world, day.index_close_at)))
    return out


def vix_option_errors(folder: Path) -> Floats:
    """Generated minus real implied volatility of the VIX options of 2022-07-15, bid and ask averaged, in vol points."""
    name = "vix_iv_chain_2022-07-15.csv"
    vvix = files.read_table(folder, "vol_indices_daily.csv", ("vvix",), date(2022, 7, 15), date(2022, 7, 15))
    columns = ("ttm_years", "forward", "strike", "bid_iv", "ask_iv")
    quotes = [[files.number(row, c, name) for c in columns] for row in files.rows(folder, name, columns)]
    years, forward, strike, bid, ask = np.array([q for q in quotes if None not in q], dtype=np.float64).T
    strip = VixStrip(strike, strike >= forward, forward, years * YEAR_SECONDS)
    priced = price_vix(strip, vvix[date(2022, 7, 15)]["vvix"], 0.0, 0.0)
    return np.asarray(100.0 * (priced.iv - (bid + ask) / 2), dtype=np.float64)


def report(folder: Path) -> Iterator[str]:
    """The whole measurement as lines of text."""
    for knowledge in Knowledge:
        found = merged([compare_day(folder, day, knowledge) for day in CHAIN_DAYS])
        core = (found.days >= 7) & (found.days <= 90) & (found.delta >= 0.05) & (found.delta <= 0.50)
        yield f"{knowledge.value}: {found.inside.mean():.1%} of {len(found.inside)} quotes hold the mid;"
        yield f"  7-90 days, |delta| .05-.50: {found.inside[core].mean():.1%} of {int(core.sum())},"
        yield f"  median |error| {np.median(np.abs(found.error_points[core])):.2f} points, median spread ratio " + (
            f"{np.nanmedian(found.world_half[core] / found.real_half[core]):.2f}"
        )
        yield "  right tenor     |delta|     quotes inside  median error  spread ratio"
        for right, tenor, delta, count, share, error, ratio in cells(found):
            yield f"  {right:5} {tenor:9} {delta:11} {count:6} {share:6.1%} {error:+10.2f} pt {ratio:10.2f}"
    off = vix_option_errors(folder)
    yield f"VIX options of 2022-07-15, {len(off)} strikes: median error {np.median(off):+.1f} vol points,"
    yield f"  median |error| {np.median(np.abs(off)):.1f}"
    rows: list[tuple[date, float, float]] = []
    for start, end in VIX_SAMPLE:
        rows += vix_errors(load_history(folder, start, end, 1))
    yield _vix_line("history days", rows)
    for name in scenario_names():
        yield _vix_line(f"scenario {name}", vix_errors(load_scenario(name, 1)))


def _vix_line(label: str, rows: Sequence[tuple[date, float, float]]) -> str:
    error = np.array([b - a for _, a, b in rows])
    share = np.abs(error) / np.array([a for _, a, _ in rows])
    return (
        f"VIX recomputed, {len(rows)} {label}: mean error {error.mean():+.2f}, worst {np.abs(error).max():.2f} points, "
        f"median {np.median(share):.1%} of VIX"
    )


def main() -> int:
    """Prints the measurement for the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of daily CSVs with the October 2018 chains")
    for line in report(parser.parse_args().data):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
