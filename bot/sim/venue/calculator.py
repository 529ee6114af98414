"""Options at somebody's own price or volatility: what the broker's calculator says, by the arithmetic of the world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from bot.sim.exchange.hours import settles_at
from bot.sim.ports import World
from bot.sim.types import ContractSpec, OptionValues, Right, Settlement
from strategies.pricing import black76
from strategies.pricing.implied import IvStatus, implied_vol

_YEAR_S = 365.0 * 86_400.0


class Calculator:
    """Values European options on the forward that belongs to the underlying's price asked for."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        self._world = world
        self._now = now

    def at_volatility(self, spec: ContractSpec, volatility: float, under: float) -> OptionValues | None:
        """Value and greeks at a volatility (a year, as a fraction); `under` is the underlying in points, of VIX options
        their future. None where there is no market to take the forward from, or the option has expired."""
        terms = self._terms(spec, under)
        if terms is None:
            return None
        forward, years, discount = terms
        strike, is_call = spec.strike or 0.0, spec.right is Right.CALL
        found = black76.greeks(forward, strike, volatility, years, is_call, discount)
        per_point = forward / under
        # The underlying stands still while the forward slides towards it.
        slide = forward * np.log(per_point) / years / black76.DAYS_PER_YEAR
        return OptionValues(
            volatility,
            float(found.price),
            float(found.delta) * per_point,
            float(found.gamma) * per_point**2,
            float(found.vega),
            float(found.theta - slide * found.delta),
            under,
        )

    def at_price(self, spec: ContractSpec, price: float, under: float) -> OptionValues | None:
        """The same at the volatility that gives this price, points; None also where none does."""
        terms = self._terms(spec, under)
        if terms is None:
            return None
        forward, years, discount = terms
        found = implied_vol(price, forward, spec.strike or 0.0, years, spec.right is Right.CALL, discount)
        if int(found.status) != IvStatus.OK:
            return None
        return self.at_volatility(spec, float(found.sigma), under)

    def _terms(self, spec: ContractSpec, under: float) -> tuple[float, float, float] | None:
        """Forward in points, years to settlement, discount."""
        if spec.expiry is None:
            return None
        settlement = spec.settlement or Settlement.PM
        years = (settles_at(spec.expiry, settlement).timestamp() - self._now().timestamp()) / _YEAR_S
        if years <= 0.0:
            return None
        growth = 1.0
        if spec.symbol != "VIX":
            level, forward = self._world.index(spec.symbol).last, float(self._world.marks([spec]).forward[0])
            if level is None or not np.isfinite(forward):
                return None
            growth = forward / level
        return under * growth, years, float(np.exp(-self._world.rate * years))
