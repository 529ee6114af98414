"""Whole-chain analytics: the same numbers as the separate functions, in one pass."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.pricing.black76 import greeks
from strategies.pricing.chain import ChainAnalytics, analyse
from strategies.pricing.implied import BLOCK, IvStatus, implied_vol

FORWARD = 2750.0


def quoted(n: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arguments of `analyse` for a seeded chain of calls and puts on both sides of the forward, and its sigma."""
    rng = np.random.default_rng(11)
    tau = rng.choice([7, 30, 45, 90], n) / 365.0
    sigma = rng.uniform(0.08, 0.5, n)
    strike = np.round(FORWARD * np.exp(rng.normal(0.0, 1.3, n) * sigma * np.sqrt(tau)) / 5.0) * 5.0
    strike[: n // 10] = FORWARD
    is_call = rng.random(n) < 0.5
    discount = np.exp(-0.02 * tau)
    points = greeks(FORWARD, strike, sigma, tau, is_call, discount).price
    given = {"price": points, "forward": np.full(n, FORWARD), "strike": strike, "tau": tau, "is_call": is_call,
             "discount": discount}  # fmt: skip
    return given, sigma


@pytest.mark.parametrize("n", [1, 7, 200, BLOCK, BLOCK + 1, 3 * BLOCK - 5])
def test_equals_the_separate_functions(n: int) -> None:
    """Volatility, price and every greek agree with `implied_vol` and `greeks`, whatever the chain's length."""
    given, sigma = quoted(n)
    found = analyse(**given)
    expected = greeks(given["forward"], given["strike"], sigma, given["tau"], given["is_call"], given["discount"])
    assert (found.status == IvStatus.OK).all()
    assert np.abs(found.price - expected.price).max() < 1e-11
    assert np.abs(found.delta - expected.delta).max() < 1e-11
    assert np.abs(found.gamma - expected.gamma).max() < 1e-11
    assert np.abs(found.vega - expected.vega).max() < 1e-11
    assert np.abs(found.theta - expected.theta).max() < 1e-10
    separate = implied_vol(given["price"], FORWARD, given["strike"], given["tau"], given["is_call"], given["discount"])
    assert (found.sigma == separate.sigma).all()


def test_scalars_stand_for_the_whole_chain() -> None:
    """Forward, expiry and discount of one expiry may be plain numbers."""
    given, _ = quoted(300)
    tau = np.full(300, 45 / 365)
    points = greeks(FORWARD, given["strike"], 0.2, tau, given["is_call"], 0.99).price
    short = analyse(points, FORWARD, given["strike"], 45 / 365, given["is_call"], 0.99)
    long = analyse(points, np.full(300, FORWARD), given["strike"], tau, given["is_call"], np.full(300, 0.99))
    for name in ChainAnalytics._fields:
        assert np.array_equal(getattr(short, name), getattr(long, name))


def test_options_beyond_the_fast_range_are_solved_too() -> None:
    """Very high volatilities and very short times go the slow way to the same accuracy."""
    tau = np.array([2.0, 1.0, 1e-6, 45 / 365])
    sigma = np.array([3.0, 1.9, 0.1, 0.2])
    strike = np.array([2750.0, 2500.0, 2750.5, 2900.0])
    points = greeks(FORWARD, strike, sigma, tau, True).price
    found = analyse(points, FORWARD, strike, tau, True)
    assert (found.status == IvStatus.OK).all()
    assert found.sigma == pytest.approx(sigma, abs=1e-10)
    assert found.delta == pytest.approx(greeks(FORWARD, strike, sigma, tau, True).delta, abs=1e-11)


def test_a_quote_without_volatility_has_no_greeks_either() -> None:
    """Where status is not OK every number is nan: unknown is never zero."""
    given, _ = quoted(50)
    given["price"][3] = -1.0
    given["price"][4] = np.nan
    found = analyse(**given)
    assert found.status[[3, 4]].tolist() == [IvStatus.BELOW_INTRINSIC, IvStatus.INVALID]
    for name in ChainAnalytics._fields:
        if name != "status":
            column = getattr(found, name)
            assert np.isnan(column[[3, 4]]).all()
            assert np.isfinite(np.delete(column, [3, 4])).all()


def test_same_bytes_twice() -> None:
    """Two runs over the same chain give the same bits, and a row does not depend on its neighbours."""
    given, _ = quoted(1_000)
    first, second = analyse(**given), analyse(**given)
    tail = analyse(**{name: column[500:] for name, column in given.items()})
    for name in ChainAnalytics._fields:
        one, two, part = (getattr(run, name) for run in (first, second, tail))
        assert one.tobytes() == two.tobytes()
        assert one[500:].tobytes() == part.tobytes()
