"""The option chains the analytics benchmark measures on: seeded, plain numbers, the same for every contestant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEED = 20181017
FORWARD = 2750.0
RATE = 0.02


class Chain(NamedTuple):
    """One array per column: discounted price and its own volatility, which the contestants have to find again."""

    price: NDArray[np.float64]
    sigma: NDArray[np.float64]
    forward: NDArray[np.float64]
    strike: NDArray[np.float64]
    tau: NDArray[np.float64]
    is_call: NDArray[np.bool_]
    discount: NDArray[np.float64]


def smile(moneyness: NDArray[np.float64], atm: NDArray[np.float64]) -> NDArray[np.float64]:
    """A skewed SPX-like smile over normalised moneyness."""
    return atm * np.clip(1.0 - 0.31 * moneyness + 0.02 * moneyness * moneyness, 0.7, 4.0)


def columns(name: str, n: int) -> dict[str, NDArray[np.generic]]:
    """Everything but the price of the named chain: live, near_expiry, deep_wings or in_the_money."""
    rng = np.random.default_rng([SEED, n, len(name)])
    days = rng.choice([7.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0], n)
    if name == "near_expiry":
        days = rng.uniform(0.02, 1.0, n)
    tau = days / 365.0
    atm = rng.uniform(0.11, 0.22, n)
    reach = {"live": 3.0, "near_expiry": 2.5, "deep_wings": 6.0, "in_the_money": 1.8}[name]
    moneyness = rng.uniform(-reach, 0.6 * reach, n)
    if name == "deep_wings":
        moneyness = np.where(rng.random(n) < 0.5, -rng.uniform(3.0, reach, n), rng.uniform(2.5, 4.5, n))
    strike = np.round(FORWARD * np.exp(moneyness * atm * np.sqrt(tau)) / 5.0) * 5.0
    sigma = smile(moneyness, atm)
    is_call = strike >= FORWARD
    if name == "in_the_money":
        is_call = ~is_call
    forward = np.full(n, FORWARD)
    return {"sigma": sigma, "forward": forward, "strike": strike, "tau": tau, "is_call": is_call,
            "discount": np.exp(-RATE * tau)}  # fmt: skip
