"""The fitted smiles against the real SPX chains of October 2018 (docs/option-maths.md quotes these numbers)."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks import real_chains
from strategies.pricing.surface import Smile, Surface, SurfaceError, discount_factor, fit_smile

pytestmark = pytest.mark.history

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MARKET_DATA", REPOSITORY.parent / "shared" / "data"))

needs_chains = pytest.mark.skipif(
    not (DATA / "spx_chain_2018-10-15.csv").exists(),
    reason=f"no real chains in {DATA}; name the folder in MARKET_DATA",
)


@lru_cache(maxsize=3)
def compared(day: str) -> tuple[real_chains.Comparison, int]:
    """All quotes of the day's expiries together, and the number of expiries that could not be fitted."""
    outcomes = [outcome for _, outcome in real_chains.compare_day(DATA, day)]
    fitted = [outcome for outcome in outcomes if not isinstance(outcome, SurfaceError)]
    return real_chains.join(fitted), len(outcomes) - len(fitted)


@needs_chains
@pytest.mark.parametrize("day", real_chains.DAYS)
def test_quotes_are_priced_inside_their_spread(day: str) -> None:
    """At least 99 % of the two-sided quotes of 7-90 days, |delta| .05-.50, lie inside; left out of the fit 98 %."""
    every, failed = compared(day)
    assert failed == 0
    assert len(every.error_points) > 1_800
    assert every.inside.mean() >= 0.99
    assert every.inside_left_out.mean() >= 0.98


@needs_chains
@pytest.mark.parametrize("bucket", real_chains.BUCKETS)
def test_errors_are_small_in_every_delta_bucket(bucket: tuple[str, float, float]) -> None:
    """Median error below 0.03 points and 95th percentile below 0.10, against half-spreads of 0.15 to 0.45."""
    right, low, high = bucket
    every = real_chains.join([compared(day)[0] for day in real_chains.DAYS])
    chosen = (every.is_call == (right == "call")) & (every.abs_delta >= low) & (every.abs_delta < high)
    error = np.abs(every.error_points[chosen])
    assert np.median(error) < 0.03
    assert np.quantile(error, 0.95) < 0.10


@needs_chains
def test_the_real_expiries_make_a_surface() -> None:
    """The PM-settled expiries of a real day join without gross calendar arbitrage, and 45 days lies between them."""
    day = real_chains.DAYS[0]
    smiles: list[Smile] = []
    for expiry in real_chains.read_chain(DATA / f"spx_chain_{day}.csv"):
        if expiry.root == "SPXW" and 7 <= (expiry.expiry - expiry.quote_date).days <= 90:
            discount = discount_factor(0.0225, expiry.tau)
            forward = real_chains.forward_of(expiry, discount)
            fit = fit_smile(expiry.strike, expiry.bid, expiry.ask, expiry.is_call, forward, expiry.tau, discount)
            smiles.append(fit.smile)
    middle = Surface(smiles).smile_at(45 / 365)
    assert 0.15 < middle.atm < 0.18
    assert middle.forward == pytest.approx(2748.0, abs=2.0)
