"""A book under index and volatility shocks, one contract and one cell at a time: slow, obvious, written apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Contract(NamedTuple):
    """One contract and its mark. `strike` None is a future; `beta` None moves with the index, else with VIX."""

    strike: float | None
    call: bool
    multiplier: int
    sigma: float
    forward: float
    years: float
    discount: float
    beta: float | None = None


class Shock(NamedTuple):
    """Percent of the index, percent of volatility, and points of VIX that come on top (in the crash alone)."""

    spot_pct: float
    vol_pct: float
    crash_points: float = 0.0


class Order(NamedTuple):
    """Units that may fill: signed contracts of one, what one brings (paid: negative) less its fees, how many."""

    legs: Mapping[int, int]
    brings_usd: float
    units: int


def black(forward: float, strike: float, sigma: float, years: float, call: bool, discount: float) -> float:
    """Black-76 by the error function, both sides written out."""
    spread = sigma * math.sqrt(years)
    d1 = math.log(forward / strike) / spread + spread / 2
    d2 = d1 - spread
    sign = 1 if call else -1
    return discount * sign * (forward * _below(sign * d1) - strike * _below(sign * d2))


def _below(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def worth_usd(one: Contract, shock: Shock, vix: float | None, haircut: float) -> float:
    """Worth of one contract after a shock; what moves with VIX has none while VIX is unknown."""
    sigma, forward = one.sigma, one.forward
    if one.beta is None:
        forward *= 1 + shock.spot_pct / 100
        sigma *= 1 + shock.vol_pct / 100
        if shock.crash_points:
            days = one.years * 365
            sigma += shock.crash_points / 100 * (math.sqrt(30 / days) if days > 30 else 1)
        sigma = max(sigma, 0.01)
    elif vix is None:
        return 0.0
    else:
        rise = shock.crash_points or vix * shock.vol_pct / 100
        forward = max(forward + one.beta * rise * (haircut if rise > 0 else 1), 0.01)
    if one.strike is None:
        return one.multiplier * forward
    return one.multiplier * black(forward, one.strike, sigma, one.years, one.call, one.discount)


def loss_usd(
    contracts: Mapping[int, Contract], held: Mapping[int, int], working: Sequence[Order], shock: Shock,
    vix: float | None, haircut: float,
) -> float:  # fmt: skip
    """What a shock costs: on what is held against today's worth, and on each order whatever filling it would add."""
    calm = Shock(0.0, 0.0)
    loss = 0.0
    for number, quantity in held.items():
        one = contracts[number]
        loss += quantity * (worth_usd(one, calm, vix, haircut) - worth_usd(one, shock, vix, haircut))
    for order in working:
        then = sum(ratio * worth_usd(contracts[c], shock, vix, haircut) for c, ratio in order.legs.items())
        loss += order.units * max(0.0, -then - order.brings_usd)
    return loss
