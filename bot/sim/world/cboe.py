"""VIX by Cboe's method from the options a world quotes: what a client gets who recomputes it from the chain.

Two Friday settlements around thirty days (the third one of a month in the morning), out-of-the-money mids outward from
the forward until two listed strikes in a row have no bid, total variance interpolated in calendar time.
Source: Cboe Volatility Index methodology.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import settles_at
from bot.sim.exchange.strikes import StrikeLadder, kind_of
from bot.sim.types import ContractSpec, Floats, Right, SecType, Settlement
from bot.sim.world.market import MarketWorld
from bot.sim.world.term_structure import VIX_DAYS, index_expiries

_YEAR = timedelta(days=365)
_EARLIER = 200


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


@dataclass(slots=True)
class _Listing:
    ladder: StrikeLadder
    seen: date | None = None
    strikes: Floats = field(default_factory=lambda: np.empty(0))
    specs: list[ContractSpec] = field(default_factory=list)


@dataclass(slots=True)
class VixFromChain:
    """Recomputes VIX from a world's quotes at the strikes the exchange lists, widened as the days pass."""

    world: MarketWorld
    _listings: dict[tuple[date, Settlement], _Listing] = field(default_factory=dict)
    _next_id: int = 1

    def at(self, now: datetime) -> float:
        """VIX in index points from the quotes of this moment; the world must stand there."""
        target, before, after = now + timedelta(days=VIX_DAYS), None, None
        for expiry in index_expiries(now.date()):
            if settles_at(*expiry) <= target:
                before = expiry
            elif after is None:
                after = expiry
        assert before is not None
        assert after is not None
        (t1, v1), (t2, v2) = (self._term(now, expiry) for expiry in (before, after))
        month = VIX_DAYS / 365.0
        total = t1 * v1 * (t2 - month) / (t2 - t1) + t2 * v2 * (month - t1) / (t2 - t1)
        return float(100.0 * np.sqrt(total / month))

    def _listed(self, now: datetime, expiry: tuple[date, Settlement]) -> _Listing:
        """The strikes of a settlement, seen once a day as the venue does it: around the previous close."""
        today = now.date()
        found = self._listings.get(expiry)
        if found is None:
            found = self._listings[expiry] = _Listing(StrikeLadder(kind_of("SPX", expiry[0]), expiry[0]))
            found.ladder.remember([(bar.at.date(), bar.close) for bar in self.world.daily_bars("SPX", today, _EARLIER)])
        if found.seen == today:
            return found
        found.seen = today
        spx, vix = self.world.index("SPX"), self.world.index("VIX")
        found.ladder.see(today, spx.previous_close or spx.last or 0.0, vix.previous_close or vix.last)
        if len(found.ladder.strikes) != len(found.strikes):
            found.strikes = np.array(found.ladder.strikes)
            pairs = [(strike, call) for strike in found.strikes.tolist() for call in (False, True)]
            first = self._next_id
            self._next_id += len(pairs)
            found.specs = [option(*expiry, k, c, first + i) for i, (k, c) in enumerate(pairs)]
        return found

    def _term(self, now: datetime, expiry: tuple[date, Settlement]) -> tuple[float, float]:
        """Years to a settlement and the variance a year until then."""
        listed = self._listed(now, expiry)
        marks = self.world.marks(listed.specs)
        years = (settles_at(*expiry) - now) / _YEAR
        bid = np.nan_to_num(marks.bid).reshape(-1, 2)
        mid = 0.5 * (bid + marks.ask.reshape(-1, 2))
        growth = float(np.exp(self.world.surface.rate * years))
        strikes = listed.strikes
        nearest = int(np.argmin(np.abs(mid[:, 1] - mid[:, 0])))
        forward = float(strikes[nearest] + growth * (mid[nearest, 1] - mid[nearest, 0]))
        centre = int(np.searchsorted(strikes, forward, side="right") - 1)
        puts, calls = _until_two_without(bid[:centre, 0][::-1]), _until_two_without(bid[centre + 1 :, 1])
        places = np.concatenate((centre - 1 - puts[::-1], [centre], centre + 1 + calls))
        price = np.where(places < centre, mid[places, 0], mid[places, 1])
        price[len(puts)] = mid[centre].mean()
        k = strikes[places]
        width = np.concatenate(([k[1] - k[0]], (k[2:] - k[:-2]) / 2.0, [k[-1] - k[-2]]))
        variance = 2.0 / years * growth * float(np.sum(width / k**2 * price))
        return years, variance - (forward / strikes[centre] - 1.0) ** 2 / years


def _until_two_without(bids: Floats) -> NDArray[np.intp]:
    """Places with a bid, outward, before the first two in a row without one."""
    empty = bids <= 0.0
    ends = np.flatnonzero(empty[:-1] & empty[1:])
    last = int(ends[0]) if len(ends) else len(bids)
    return np.flatnonzero(~empty[:last])
