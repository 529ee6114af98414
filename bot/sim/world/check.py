"""Measures the worlds against reality: real quotes around generated mids, spreads, sizes, VIX from the options.

Run as `python -m bot.sim.world.check --data DIR`; docs/simulated-worlds.md holds the figures of one run.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import settles_at
from bot.sim.types import Floats, Settlement
from bot.sim.world import files, real_quotes
from bot.sim.world.cboe import VixFromChain, option
from bot.sim.world.chain_facts import put_sides, weekends
from bot.sim.world.load import load_history, load_scenario, scenario_names
from bot.sim.world.market import MarketWorld
from bot.sim.world.quote_rules import RULE_DELTAS, rules_on_a_chain, rules_on_a_panic, rules_on_minutes
from bot.sim.world.real_quotes import RealExpiry
from bot.sim.world.surface import YEAR_SECONDS
from bot.sim.world.term_structure import VIX_DAYS
from bot.sim.world.vix_options import VixStrip, price_vix

TENORS = ((0, 7), (7, 21), (21, 36), (36, 62), (62, 110), (110, 400))
DELTAS = ((0.0, 0.01), (0.01, 0.05), (0.05, 0.12), (0.12, 0.20), (0.20, 0.40), (0.40, 0.60))
VIX_SAMPLE = ((date(2008, 10, 20), date(2008, 10, 24)), (date(2012, 5, 14), date(2012, 5, 18)),
              (date(2017, 11, 1), date(2017, 11, 7)), (date(2018, 9, 17), date(2018, 10, 17)),
              (date(2020, 2, 24), date(2020, 3, 20)), (date(2022, 7, 11), date(2022, 7, 15)),
              (date(2025, 4, 1), date(2025, 4, 11)))  # fmt: skip
VIX_BOUND_POINTS = 0.3
_FEWEST = 8
_IDS = 10_000
_USUAL_RATE = 0.02


class Knowledge(StrEnum):
    """What the world may have seen of the day's chain."""

    NOTHING = "indices and VX alone"
    SPOT = "and where the index stood at the options' close"
    FORWARDS = "and each expiry's forward"
    ALL = "and the chain itself (fitted on these quotes)"


@dataclass(frozen=True, slots=True)
class Compared:
    """Out-of-the-money quotes, real against generated, prices in SPX points: days to expiry, |delta|, put or call,
    real bid (0 where none) and ask, generated mid, bid (0 where none) and ask, and sizes (NaN where unknown)."""

    days: Floats
    delta: Floats
    is_call: Floats
    bid: Floats
    ask: Floats
    mid: Floats
    world_bid: Floats
    world_ask: Floats
    bid_size: Floats
    world_bid_size: Floats

    @property
    def quoted(self) -> NDArray[np.bool_]:
        """Where the real market has both sides."""
        return (self.bid > 0.0) & (self.ask > 0.0)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where the real spread holds the generated mid."""
        return (self.mid >= self.bid - 1e-9) & (self.mid <= self.ask + 1e-9)

    @property
    def error(self) -> Floats:
        """Generated mid less the real one, points."""
        return self.mid - 0.5 * (self.bid + self.ask)

    @property
    def core(self) -> NDArray[np.bool_]:
        """Two-sided quotes that a condor trades: 7 to 90 days, |delta| .05 to .50."""
        return self.quoted & (self.days >= 7) & (self.days <= 90) & (self.delta >= 0.05) & (self.delta <= 0.50)

    def only(self, pick: NDArray[np.bool_]) -> Compared:
        """Some of the quotes."""
        return Compared(*(getattr(self, field.name)[pick] for field in fields(self)))


def merged(parts: Sequence[Compared]) -> Compared:
    """Several in one."""
    return Compared(*(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Compared)))


def compare(world: MarketWorld, expiries: Sequence[RealExpiry], knowledge: Knowledge) -> Compared:
    """Real quotes of a day against a world of that day, which is advanced to its close."""
    world.advance(world.days[0].close_at)
    if knowledge is not Knowledge.ALL:
        world.forget_chain()
    ratios = [_forward(world, real) / real.forward for real in expiries]
    near = [ratio for real, ratio in zip(expiries, ratios, strict=True) if 365.0 * real.years < 90] or ratios
    parts = []
    for real, ratio in zip(expiries, ratios, strict=True):
        known = {Knowledge.SPOT: float(np.median(near)) / real.points, Knowledge.FORWARDS: ratio / real.points}
        parts.append(_compared(world, real, known.get(knowledge, 1.0)))
    return merged(parts)


def _forward(world: MarketWorld, real: RealExpiry) -> float:
    return float(world.marks([option(*real.key, 1000.0, True, _first_id(real))]).forward[0])


def _first_id(real: RealExpiry) -> int:
    """Worlds know a request by its contracts' ids: every expiry has its own."""
    expiry, settlement = real.key
    return 2 * _IDS * expiry.toordinal() + _IDS * (settlement is Settlement.AM)


def _compared(world: MarketWorld, real: RealExpiry, stretch: float) -> Compared:
    """`stretch` moves real strikes to where the world's forward stands, and its prices back: SPX points over points."""
    factor = real.points * stretch
    strikes = real.strike * factor
    contracts = zip(strikes.tolist(), (real.is_call > 0.0).tolist(), itertools.count(_first_id(real) + 1), strict=False)
    specs = [option(*real.key, strike, is_call, con_id) for strike, is_call, con_id in contracts]
    marks = world.marks(specs)
    keep = (real.is_call > 0.0) == (strikes >= marks.forward)
    world_bid = np.nan_to_num(marks.bid) / stretch
    columns = (np.full(len(strikes), 365.0 * real.years), np.abs(marks.delta), real.is_call, real.bid * real.points,
               real.ask * real.points, marks.mid / stretch, world_bid, marks.ask / stretch, real.bid_size,
               marks.bid_size)  # fmt: skip
    return Compared(*(np.asarray(c[keep], dtype=np.float64) for c in columns))


def compare_day(folder: Path, day: date, knowledge: Knowledge) -> Compared:
    """That day's SPX chain against the world of that day at its close."""
    world = load_history(folder, day, day, 1)
    return compare(world, list(real_quotes.spx_chain(folder, day, world.surface.rate)), knowledge)


def elsewhere(folder: Path) -> Iterator[tuple[str, Compared]]:
    """What else is public, each against the world of its day that knows the forwards only: never fitted on."""
    world = load_history(folder, real_quotes.SPY_CHAIN, real_quotes.SPY_CHAIN, 1)
    yield "SPY 2020-07-02", compare(world, list(real_quotes.spy_chain(folder, world.surface.rate)), Knowledge.FORWARDS)
    days = []
    for day in real_quotes.minute_days(folder):
        world = load_history(folder, day, day, 1)
        days.append(compare(world, list(_closing(folder, day, world.surface.rate)), Knowledge.FORWARDS))
    yield "SPX 2021-01-04 to -08, last minute", merged(days)
    world = load_history(folder, real_quotes.SPY_VOLS, real_quotes.SPY_VOLS, 1)
    yield "SPY 2022-07-15", compare(world, list(real_quotes.spy_vols(folder)), Knowledge.FORWARDS)


def _closing(folder: Path, day: date, rate: float) -> Iterator[RealExpiry]:
    """The last minute of a day of January 2021, expiries still alive after it."""
    for real in real_quotes.minute(folder, day, real_quotes.LAST_MINUTE, rate):
        if 365.0 * real.years > 0.5:
            yield real


def vix_errors(world: MarketWorld, every: timedelta = timedelta(minutes=30)) -> list[tuple[datetime, float, float]]:
    """At the open and every so often until the index close: VIX as published and as recomputed from the options."""
    chain, out = VixFromChain(world), []
    for day in world.days:
        now = day.open_at
        while now <= day.index_close_at:
            world.advance(now)
            published = world.index("VIX").last
            if published is not None:
                out.append((now, published, chain.at(now)))
            now += every
    return out


def forward_volatility(world: MarketWorld, now: datetime, expiry: date) -> float:
    """What the SPX surface has for the thirty days from a VX settlement on, in points of volatility; the future of that
    day stands below it by the convexity of variance."""
    start, term = settles_at(expiry, Settlement.AM).timestamp(), world.surface.term
    settled = np.array([term.elapsed(start), term.elapsed(start + VIX_DAYS * 86_400.0)])
    total = term.total(world.levels(), now.timestamp(), settled)
    return float(100.0 * np.sqrt((total[1] - total[0]) * 365.0 / VIX_DAYS))


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


# the report ------------------------------------------------------------------------------------------
def report(folder: Path) -> Iterator[str]:
    """The whole measurement as lines of text."""
    for day in real_quotes.CHAIN_DAYS:
        by_knowledge = {knowledge: compare_day(folder, day, knowledge) for knowledge in Knowledge}
        yield f"SPX chain of {day}: share of real spreads that hold the generated mid, median |error|"
        for knowledge, found in by_knowledge.items():
            yield f"  {_summary(found)}  {knowledge.value}"
        yield from _tables(by_knowledge)
    for label, found in elsewhere(folder):
        yield f"{label}, knowing the forwards only: {_summary(found)}"
        yield from _grid("inside, %", [found], _inside)
        yield from _grid("median error / half the real spread", [found], _error_in_halves)
        yield from _grid("spread, generated / real", [found], _spread_ratio)
    yield from _report_facts(folder)
    yield from _report_rules(folder)
    off = vix_option_errors(folder)
    yield f"VIX options of 2022-07-15, {len(off)} strikes: median error {np.median(off):+.1f} vol points,"
    yield f"  median |error| {np.median(np.abs(off)):.1f}"
    for start, end in VIX_SAMPLE:
        yield _vix_line(f"history {start}..{end}", vix_errors(load_history(folder, start, end, 1)))
    for name in scenario_names():
        yield _vix_line(f"scenario {name}", vix_errors(load_scenario(name, 1)))


def _summary(found: Compared) -> str:
    two, core = found.only(found.quoted), found.only(found.core)
    text = f"all {two.inside.mean():4.0%} of {len(two.mid)}"
    if len(core.mid) >= _FEWEST:
        text += f", core {core.inside.mean():4.0%} of {len(core.mid)}, {np.median(np.abs(core.error)):.2f} points"
    return text


def _tables(by_knowledge: dict[Knowledge, Compared]) -> Iterator[str]:
    without = by_knowledge[Knowledge.NOTHING]
    shown = [by_knowledge[k] for k in (Knowledge.NOTHING, Knowledge.SPOT, Knowledge.FORWARDS)]
    yield from _grid("inside, %: indices alone / with the index at 16:15 / with forwards", shown, _inside)
    yield from _grid("median error / half the real spread, with forwards", shown[2:], _error_in_halves)
    yield from _grid("spread, generated / real (median)", [without], _spread_ratio)
    yield from _grid("strikes without a bid, %: real / generated", [without, without], _no_bid, _no_world_bid)


Cell = Callable[[Compared], str]


def _grid(title: str, found: Sequence[Compared], *cells: Cell) -> Iterator[str]:
    """A table by right and tenor down, |delta| across; every cell function speaks of its own comparison, or one of
    all of them."""
    speak = cells * len(found) if len(cells) == 1 else cells
    yield f"  {title}"
    yield "    " + "right days".ljust(14) + "".join(f"{low:.2f}-{high:.2f}".rjust(14) for low, high in DELTAS)
    for right, is_call in (("put", 0.0), ("call", 1.0)):
        for first, last in TENORS:
            row = []
            for low, high in DELTAS:
                texts = []
                for part, cell in zip(found, speak, strict=True):
                    pick = (part.is_call == is_call) & (part.days > first) & (part.days <= last)
                    pick &= (part.delta >= low) & (part.delta < high)
                    texts.append(cell(part.only(pick)))
                row.append("" if "" in texts else "/".join(texts))
            if any(row):
                yield "    " + f"{right:5} {first}-{last}".ljust(14) + "".join(text.rjust(14) for text in row)


def _inside(found: Compared) -> str:
    two = found.only(found.quoted)
    return f"{100.0 * two.inside.mean():.0f}" if len(two.mid) >= _FEWEST else ""


def _error_in_halves(found: Compared) -> str:
    two = found.only(found.quoted)
    return f"{np.median(two.error / (0.5 * (two.ask - two.bid))):+.1f}" if len(two.mid) >= _FEWEST else ""


def _spread_ratio(found: Compared) -> str:
    two = found.only(found.quoted & (found.world_bid > 0.0) & (found.ask > found.bid))
    ratio = (two.world_ask - two.world_bid) / (two.ask - two.bid)
    return f"{np.median(ratio):.2f}" if len(two.mid) >= _FEWEST else ""


def _no_bid(found: Compared) -> str:
    return f"{100.0 * np.mean(found.bid <= 0.0):.0f}" if len(found.mid) >= _FEWEST else ""


def _no_world_bid(found: Compared) -> str:
    return f"{100.0 * np.mean(found.world_bid <= 0.0):.0f}" if len(found.mid) >= _FEWEST else ""


def _report_facts(folder: Path) -> Iterator[str]:
    for day in real_quotes.CHAIN_DAYS:
        sides, ratios = put_sides(real_quotes.spx_chain(folder, day, _USUAL_RATE)), weekends(folder, day)
        text = f"chain of {day}: put side over the table's {np.median(sides):.2f} (median of {len(sides)} expiries)"
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        yield text + (f"; variance of a weekend over a weekday's {listed}" if ratios else "")
    for label, expiries in (
        ("SPY 2020-07-02", real_quotes.spy_chain(folder, _USUAL_RATE)),
        ("SPY 2022-07-15", real_quotes.spy_vols(folder)),
    ):
        yield f"{label}: put side over the table's " + ", ".join(f"{side:.2f}" for side in put_sides(expiries))


def _report_rules(folder: Path) -> Iterator[str]:
    for label, found in (
        ("2013-04-19, options' close", rules_on_a_chain(folder, date(2013, 4, 19))),
        ("January 2021, all minutes", rules_on_minutes(folder)),
        ("white paper, as of 2008-11-13, VIX 60", rules_on_a_panic(folder)),
    ):
        yield f"rules of spreads and sizes on real mids, {label}: {len(found.delta)} quotes"
        yield "    " + "|delta|".ljust(30) + "".join(f"{low:.2f}-{high:.2f}".rjust(14) for low, high in RULE_DELTAS)
        cells = [found.only((found.delta >= low) & (found.delta < high)) for low, high in RULE_DELTAS]
        ratio = [f"{np.median(c.rule_half / c.half):.2f}" if len(c.delta) >= _FEWEST else "" for c in cells]
        size = [
            f"{np.median(c.size):.0f}/{np.median(c.rule_size):.0f}" if len(c.delta) >= _FEWEST else "" for c in cells
        ]
        yield "    " + "spread, rule / real".ljust(30) + "".join(text.rjust(14) for text in ratio)
        yield "    " + "bid size, real / rule".ljust(30) + "".join(text.rjust(14) for text in size)


def _vix_line(label: str, rows: Iterable[tuple[datetime, float, float]]) -> str:
    error = np.array([recomputed - published for _, published, recomputed in rows])
    within = np.mean(np.abs(error) <= VIX_BOUND_POINTS)
    return (
        f"VIX recomputed, {label}: {len(error)} half hours, mean error {error.mean():+.2f}, worst "
        f"{np.abs(error).max():.2f} points, {within:.1%} within {VIX_BOUND_POINTS}"
    )


def main() -> int:
    """Prints the measurement for the folder given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of daily CSVs with the real option chains")
    for line in report(parser.parse_args().data):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
