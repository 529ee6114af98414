"""Forward from put-call parity: exact on clean quotes, robust on dirty ones, silent on none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from strategies.pricing.black76 import price
from strategies.pricing.surface import SurfaceError, discount_factor, forward_from_parity

Array = NDArray[np.float64]
FORWARD, TAU, DISCOUNT = 2747.3, 45 / 365, 0.9975
STRIKES = np.arange(2500.0, 3000.0, 5.0)


def quotes(half_spread: float = 0.4) -> tuple[Array, Array, Array, Array]:
    """call_bid, call_ask, put_bid, put_ask around model prices, wider in the money as real ones are."""
    vol = 0.16 - 0.00025 * (STRIKES - FORWARD)
    call = price(FORWARD, STRIKES, vol, TAU, True, DISCOUNT)
    put = price(FORWARD, STRIKES, vol, TAU, False, DISCOUNT)
    call_half, put_half = half_spread * (1.0 + call / 60.0), half_spread * (1.0 + put / 60.0)
    return call - call_half, call + call_half, put - put_half, put + put_half


def test_finds_the_forward() -> None:
    """Symmetric quotes give the forward itself, inside its own half-width."""
    found = forward_from_parity(STRIKES, *quotes(), DISCOUNT)
    assert found.forward == pytest.approx(FORWARD, abs=1e-6)
    assert 0.0 < found.half_width_points < 3.0
    assert found.used >= 3


def test_rounding_to_ticks_stays_within_the_half_width() -> None:
    """Bids rounded down and asks up to ticks move the forward by no more than it says it may be off."""
    call_bid, call_ask, put_bid, put_ask = quotes()
    bids = (np.floor(10.0 * a) / 10.0 for a in (call_bid, put_bid))
    asks = (np.ceil(10.0 * a) / 10.0 for a in (call_ask, put_ask))
    (call_bid, put_bid), (call_ask, put_ask) = bids, asks
    found = forward_from_parity(STRIKES, call_bid, call_ask, put_bid, put_ask, DISCOUNT)
    assert abs(found.forward - FORWARD) <= found.half_width_points


def test_one_stale_strike_does_not_move_it() -> None:
    """A strike whose call was left ten points behind is outvoted."""
    call_bid, call_ask, put_bid, put_ask = quotes()
    at = int(np.argmin(np.abs(STRIKES - FORWARD)))
    call_bid[at] += 10.0
    call_ask[at] += 10.0
    found = forward_from_parity(STRIKES, call_bid, call_ask, put_bid, put_ask, DISCOUNT)
    assert found.forward == pytest.approx(FORWARD, abs=1e-6)


def test_needs_a_strike_with_all_four_quotes() -> None:
    """Without bids on one side there is no parity, and no guess either."""
    call_bid, call_ask, put_bid, put_ask = quotes()
    with pytest.raises(SurfaceError, match="none of 100 strikes"):
        forward_from_parity(STRIKES, call_bid, call_ask, np.full(100, np.nan), put_ask, DISCOUNT)
    with pytest.raises(SurfaceError, match="none of 100 strikes"):
        forward_from_parity(STRIKES, call_bid, call_ask, 0.0 * put_bid, put_ask, DISCOUNT)


def test_quotes_of_different_moments_are_refused() -> None:
    """Calls scattered by tens of points cannot be reconciled, and the message counts the strikes that disagree."""
    call_bid, call_ask, put_bid, put_ask = quotes()
    shift = np.where(np.arange(100) % 3 == 0, 40.0, np.where(np.arange(100) % 3 == 1, -40.0, 0.0))
    with pytest.raises(SurfaceError, match="put-call parity fails"):
        forward_from_parity(STRIKES, call_bid + shift, call_ask + shift, put_bid, put_ask, DISCOUNT)


@pytest.mark.parametrize("discount", [0.0, -1.0, math.nan, math.inf])
def test_refuses_a_discount_factor_that_is_none(discount: float) -> None:
    """A discount factor must be a positive number."""
    with pytest.raises(SurfaceError, match="discount factor"):
        forward_from_parity(STRIKES, *quotes(), discount)


def test_discount_factor() -> None:
    """Continuous compounding; no time, no discount; nan refused."""
    assert discount_factor(0.0225, 1.0) == pytest.approx(math.exp(-0.0225))
    assert discount_factor(0.05, 0.0) == 1.0
    with pytest.raises(SurfaceError, match="finite"):
        discount_factor(math.nan, 1.0)
