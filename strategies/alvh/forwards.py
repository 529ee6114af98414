"""The VIX futures a hedge's options are priced on: levels by settlement day, and the line between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from strategies.domain.instruments import Future
from strategies.domain.market import Market


class Forwards:
    """Levels of the VIX futures by settlement day, and the line between them."""

    def __init__(self, market: Market, futures: Sequence[Future], now: datetime, max_age_s: float) -> None:
        self.levels: dict[date, float] = {}
        for future in futures:
            quote = market.fresh(future.con_id, now, max_age_s)
            if quote is not None and quote.mid is not None and future.last_trade_at > now:
                self.levels[future.expiry] = quote.mid
        self._days = sorted(self.levels)
        self._slopes: dict[date, float | None] = {}

    def at(self, expiry: date) -> float | None:
        """Points of the future that settles on a day; None where no listed months enclose it."""
        if expiry in self.levels:
            return self.levels[expiry]
        later = [day for day in self._days if day > expiry]
        earlier = [day for day in self._days if day < expiry]
        if not later or not earlier:
            return None
        near, far = earlier[-1], later[0]
        share = (expiry - near).days / (far - near).days
        return self.levels[near] + share * (self.levels[far] - self.levels[near])

    def slope(self, expiry: date) -> float | None:
        """Points a day by which the curve rises up to that settlement, from the month before it; None if unknown."""
        if expiry not in self._slopes:
            self._slopes[expiry] = self._slope(expiry)
        return self._slopes[expiry]

    def _slope(self, expiry: date) -> float | None:
        here, earlier = self.at(expiry), [day for day in self._days if day < expiry]
        later = [day for day in self._days if day > expiry]
        if here is None:
            return self._first_stretch() if self.before_first(expiry) else None
        if earlier:
            return (here - self.levels[earlier[-1]]) / (expiry - earlier[-1]).days
        return (self.levels[later[0]] - here) / (later[0] - expiry).days if later else None

    def before_first(self, expiry: date) -> bool:
        """Whether a day lies before the first listed month: a weekly call of the weeks before its settlement does, once
        the month before has settled."""
        return bool(self._days) and expiry < self._days[0]

    def _first_stretch(self) -> float | None:
        """Points a day between the first two listed months."""
        if len(self._days) < 2:
            return None
        first, second = self._days[:2]
        return (self.levels[second] - self.levels[first]) / (second - first).days
