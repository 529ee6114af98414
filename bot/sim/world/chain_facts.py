"""Facts of real chains that the surface rests on: how steep the put side is, how little variance a weekend has.

They are measured on smiles fitted to the quotes, expiry by expiry, without any of the surface's own levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bot.sim.types import Floats, Settlement
from bot.sim.world import real_quotes
from bot.sim.world.chains import ChainQuote, fit_smile
from bot.sim.world.real_quotes import RealExpiry
from bot.sim.world.smile import GRID, SmileShape
from bot.sim.world.surface import SliceKey
from bot.sim.world.variance_clock import DAYS_A_YEAR, variance_clock

_PUT_SIDE = (GRID > -4.0) & (GRID < -0.3)
_SHORT_DAYS, _LONG_DAYS = 7.0, 200.0
_WEEKEND_DAYS = 40
_FRIDAY, _MONDAY = 4, 0


class FittedExpiry(NamedTuple):
    """An expiry's fitted smile on GRID (iv over at-the-money), total at-the-money variance, and tenor in calendar days
    by the variance clock."""

    key: SliceKey
    table: Floats
    variance: float
    days: float


def fitted(expiries: Iterable[RealExpiry]) -> Iterator[FittedExpiry]:
    """Smiles of the expiries that have quotes enough."""
    for real in expiries:
        clock = variance_clock(real.at.year)
        end, now = real.at.timestamp() + real.years * 365.0 * 86_400.0, real.at.timestamp()
        days = (clock.at_instant(end) - clock.at_instant(now)) * 365.0 / DAYS_A_YEAR
        columns = (real.strike, real.is_call > 0.0, real.bid, real.ask)
        quotes = [ChainQuote(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        found = fit_smile(quotes, real.forward, real.years, real.discount, SmileShape().table(days))
        if found is not None:
            table, atm = found
            yield FittedExpiry(real.key, table, atm * atm * real.years, days)


def put_sides(expiries: Iterable[RealExpiry]) -> list[float]:
    """How far each smile's put side rises above one, over the table of October 2018; 7 to 200 days."""
    out = []
    for found in fitted(expiries):
        if _SHORT_DAYS <= found.days <= _LONG_DAYS:
            table = SmileShape().table(found.days)[_PUT_SIDE] - 1.0
            out.append(float(np.sum((found.table[_PUT_SIDE] - 1.0) * table) / np.sum(table * table)))
    return out


def weekends(folder: Path, day: date) -> list[float]:
    """For the Fridays of the next weeks: variance from that close to Monday's, over the mean of a weekday of the days
    next to it, in the SPXW expiries of a chain."""
    chain = fitted(real_quotes.spx_chain(folder, day, 0.0))
    total = {f.key[0]: f.variance for f in chain if f.key[1] is Settlement.PM}
    dates = sorted(d for d in total if (d - day).days <= _WEEKEND_DAYS)
    out = []
    for before, friday, monday, after in zip(dates, dates[1:], dates[2:], dates[3:], strict=False):
        if (friday.weekday(), monday.weekday(), (monday - friday).days) == (_FRIDAY, _MONDAY, 3):
            near = (total[friday] - total[before]) / (friday - before).days
            next_ = (total[after] - total[monday]) / (after - monday).days
            out.append((total[monday] - total[friday]) / (0.5 * (near + next_)))
    return out
