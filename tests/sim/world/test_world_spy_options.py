"""SPY options: the surface of SPX in other units, American, in cents, with real spreads."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.world import load_scenario
from bot.sim.world.market import MarketWorld
from bot.sim.world.spreads import spy_half_spread

EXPIRY = date(2026, 4, 17)


def option(symbol: str, strike: float, right: Right, expiry: date = EXPIRY) -> ContractSpec:
    return ContractSpec(
        hash((symbol, strike, right, expiry)) % 1_000_000_007,
        SecType.OPTION,
        symbol,
        symbol,
        "SMART",
        100,
        "option",
        26,
        0.01,
        expiry=expiry,
        strike=strike,
        right=right,
        settlement=Settlement.PM,
    )


@pytest.fixture(scope="module")
def world() -> MarketWorld:
    """Two hours into `flip`."""
    world = load_scenario("flip", seed=7)
    world.advance(world.days[0].open_at + timedelta(hours=2))
    return world


def test_spy_has_the_volatility_of_spx_at_the_same_distance(world: MarketWorld) -> None:
    """A strike of SPY and ten times it of SPX, same day and settlement: same volatility, a tenth of the price."""
    spot = world.index("SPY").last
    assert spot is not None
    strikes = [round(spot) + step for step in (-60, -20, 0, 15)]
    small = world.marks([option("SPY", k, Right.PUT) for k in strikes])
    large = world.marks([option("SPX", 10.0 * k, Right.PUT) for k in strikes])
    np.testing.assert_allclose(small.iv, large.iv, rtol=1e-4)
    np.testing.assert_allclose(small.delta[:3], large.delta[:3], atol=1e-3)
    np.testing.assert_allclose(10.0 * small.mid[:3], large.mid[:3], rtol=2e-3)
    assert (small.ask - small.bid < large.ask - large.bid).all()


@settings(max_examples=40)
@given(st.floats(0.6, 1.5), st.sampled_from(list(Right)), st.integers(0, 200))
def test_an_american_option_is_worth_its_exercise(
    world: MarketWorld, moneyness: float, right: Right, days: int
) -> None:
    """Never below what exercise brings, never bid above the mid, always on cents, gamma never negative."""
    spot = world.index("SPY").last
    assert spot is not None
    strike = float(round(spot * moneyness))
    marks = world.marks([option("SPY", strike, right, world.days[0].day + timedelta(days=days))])
    inner = max(0.0, spot - strike if right is Right.CALL else strike - spot)
    assert marks.mid[0] >= inner - 0.006
    assert -1.0 <= marks.delta[0] <= 1.0
    assert marks.gamma[0] >= 0.0
    for price in (marks.bid[0], marks.ask[0]):
        assert np.isnan(price) or abs(100 * price - round(100 * price)) < 1e-6
    assert not marks.bid[0] > marks.mid[0]
    assert marks.ask[0] > marks.mid[0] - 1e-9


def test_options_of_three_underlyings_are_marked_in_their_places(world: MarketWorld) -> None:
    """One request with SPX, SPY and VIX options mixed gives each the marks it gets alone."""
    specs = [
        option("SPY", 540.0, Right.PUT),
        option("VIX", 22.0, Right.CALL, date(2026, 4, 15)),
        option("SPX", 5400.0, Right.PUT),
        option("SPY", 560.0, Right.CALL),
    ]
    together = world.marks(specs)
    for place, spec in enumerate(specs):
        alone = world.marks([spec])
        assert (together.mid[place], together.ask[place]) == (alone.mid[0], alone.ask[0])


def test_looking_back_tells_what_was_quoted(world: MarketWorld) -> None:
    """A SPY option looked back upon at the present moment is the option as marked."""
    spec = option("SPY", 545.0, Right.PUT)
    now = world.days[0].open_at + timedelta(hours=2)
    marks, past = world.marks([spec]), world.option_path(spec, np.array([now.timestamp()]))
    assert past.mid[0] == pytest.approx(marks.mid[0], abs=0.01)
    assert past.bid[0] == pytest.approx(marks.bid[0], abs=0.011)


@pytest.mark.history
def test_spreads_are_those_of_a_real_chain(real_data: Path) -> None:
    """July 2020, two expiries out of the money: the median ratio of our spread to the real one is near 1 in each."""
    ratios: dict[str, list[float]] = {}
    spot = 312.23
    with (real_data / "spy_chain_2020-07-02.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            strike, bid, ask = float(row["strike"]), float(row["bid"] or 0.0), float(row["ask"])
            if (row["right"] == "C") != (strike >= spot) or bid < 0.05:
                continue
            years = (date.fromisoformat(row["expiry"]) - date(2020, 7, 2)).days / 365.0
            half = spy_half_spread(np.array([(bid + ask) / 2]), np.array([0.3]), np.array([years]), spot)
            ratios.setdefault(row["expiry"], []).append(2.0 * float(half[0]) / (ask - bid))
    medians = {expiry: float(np.median(found)) for expiry, found in ratios.items()}
    assert all(0.7 <= median <= 1.4 for median in medians.values()), medians
