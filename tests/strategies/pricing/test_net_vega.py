"""Net vega in VIX-point dollars: the rulebook's golden numbers, the normalisation, and signs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.pricing import black76, payoff
from strategies.pricing.net_vega import (
    NetVega,
    SpxLeg,
    VixFutureLeg,
    VixOptionLeg,
    Wings,
    net_vega,
    spx_weight,
    vix_future_usd,
    vix_option_usd,
)
from strategies.pricing.surface import Smile
from strategies.pricing.vix_beta import BetaScales

RATE, DIVIDEND_YIELD = 0.045, 0.013


class ModelCondor:
    """The rulebook's model condor: shorts of one spot delta on its arithmetic smile, on strikes of 5 points."""

    def __init__(self, spot: float, vix: float, width: float, dte: int = 45, delta: float = 0.16) -> None:
        self.dte, self.width = dte, width
        tau, atm = dte / 365, (vix - 2.0) / 100.0
        forward, discount = spot * math.exp((RATE - DIVIDEND_YIELD) * tau), math.exp(-RATE * tau)
        m = np.linspace(-6.0, 6.0, 97)
        smile = Smile.through(forward, tau, m, atm * np.maximum(0.55, 1.0 - 0.20 * m + 0.03 * m * m), discount, atm)
        put, call = (5.0 * round(smile.strike_for_delta(delta * spot / forward, side) / 5.0) for side in (False, True))
        strikes, calls = np.array([put, put - width, call, call + width]), np.array([False, False, True, True])
        held = np.array([-1, 1, -1, 1])
        values = smile.greeks(strikes, calls)
        self.vegas = values.vega
        self.credit = -float(held @ values.price)
        self.margin_usd = 100.0 * payoff.max_loss(strikes, calls, held, self.credit)
        later = tau - 1 / 365
        moved = spot * math.exp((RATE - DIVIDEND_YIELD) * later)
        then = -float(held @ black76.price(moved, strikes, smile.iv(strikes), later, calls, math.exp(-RATE * later)))
        self.theta_usd = 100.0 * (self.credit - then)
        low, high = payoff.break_evens(strikes, calls, held, self.credit)
        deviation = spot * atm * math.sqrt(tau)
        self.break_evens_sd = ((spot - low) / deviation, (high - spot) / deviation)
        self.held = held

    def legs(self, condors: float = 1.0) -> list[SpxLeg]:
        return [SpxLeg(condors * q, float(v), self.dte) for q, v in zip(self.held, self.vegas, strict=True)]

    def vega(self, condors: float = 1.0, **hedges: object) -> NetVega:
        return net_vega(self.legs(condors), [Wings(condors, self.width)], **hedges)  # type: ignore[arg-type]


R2 = [  # SPX, VIX, width, credit, vega usd, theta usd a day, margin usd, theta to margin %, break-evens in sd
    (5000, 15, 25, 6.58, -88, 12.4, 1842, 0.67, 1.17, 0.99),
    (5000, 20, 50, 12.76, -127, 24.0, 3724, 0.65, 1.16, 0.99),
    (5500, 17, 25, 6.64, -77, 12.3, 1836, 0.67, 1.16, 0.99),
    (5500, 17, 50, 12.33, -152, 24.1, 3767, 0.64, 1.18, 1.01),
    (5500, 17, 100, 21.26, -293, 45.7, 7874, 0.58, 1.21, 1.04),
    (6000, 15, 25, 6.68, -88, 12.4, 1832, 0.68, 1.16, 0.99),
    (6000, 20, 50, 12.86, -127, 24.1, 3714, 0.65, 1.15, 1.00),
]


@pytest.mark.parametrize("row", R2)
def test_the_table_of_units(row: tuple[float, ...]) -> None:
    """RULEBOOK R2: credit, raw vega, theta, margin and break-evens of its seven condors."""
    spot, vix, width, credit, vega_usd, theta_usd, margin_usd, theta_pct, below_sd, above_sd = row
    condor = ModelCondor(spot, vix, width)
    assert condor.credit == pytest.approx(credit, abs=0.006)
    assert condor.vega().condors_raw_usd_per_vol_point == pytest.approx(vega_usd, abs=0.6)
    assert condor.theta_usd == pytest.approx(theta_usd, abs=0.11)
    assert condor.margin_usd == pytest.approx(margin_usd, abs=0.6)
    assert 100.0 * condor.theta_usd / condor.margin_usd == pytest.approx(theta_pct, abs=0.006)
    assert condor.break_evens_sd == pytest.approx((below_sd, above_sd), abs=0.006)


@pytest.mark.parametrize(
    ("vix", "raw", "weighted"),
    [
        (12, -0.448, -0.365), (15, -0.348, -0.285), (17, -0.303, -0.247), (20, -0.254, -0.208), (25, -0.200, -0.163),
        (30, -0.165, -0.134), (35, -0.140, -0.114),
    ],
)  # fmt: skip
def test_one_unit_for_every_level(vix: float, raw: float, weighted: float) -> None:
    """RULEBOOK R2: per condor and 10 points of wing, raw and in 30-day terms, at VIX 12 to 35."""
    found = ModelCondor(5500, vix, 50).vega()
    assert found.condors_raw_n == pytest.approx(raw, abs=0.0006)
    assert found.net_n == found.condors_n == pytest.approx(weighted, abs=0.0006)


def test_width_index_level_and_number_of_condors_hardly_matter() -> None:
    """The normalised figure of 25, 50 and 100 wide, at SPX 5000 and 6000, of one condor or seven, agrees within 4 %."""
    base = ModelCondor(5500, 17, 50).vega().condors_n
    others = [
        ModelCondor(5500, 17, 25).vega(), ModelCondor(5500, 17, 100).vega(), ModelCondor(5000, 17, 50).vega(),
        ModelCondor(6000, 17, 50).vega(), ModelCondor(5500, 17, 50).vega(7.0),
    ]  # fmt: skip
    assert [other.condors_n for other in others] == pytest.approx([base] * 5, rel=0.04)


def test_the_seeds_vega_is_that_of_a_narrow_condor() -> None:
    """Per share, -0.15 and -0.31 are 5 and 10 points of wing; 50 points are ten times the first."""
    narrow = [ModelCondor(5500, 17, width).vega().condors_raw_usd_per_vol_point / 100.0 for width in (5, 10, 50)]
    assert narrow == pytest.approx([-0.153, -0.307, -1.516], abs=0.001)


CALLS = [  # contracts, future, strike, volatility, days, usd per VIX point of one, theta of one over a day in usd
    (4, 18.6, 19.5, 0.95, 30, 20.0, -3.36),
    (4, 20.4, 22.0, 0.70, 110, 12.1, -1.375),
    (2, 21.4, 23.5, 0.58, 220, 8.8, -0.815),
]


def vix_call(contracts: float, future: float, strike: float, vol: float, days: int) -> VixOptionLeg:
    values = black76.greeks(future, strike, vol, days / 365, True, math.exp(-RATE * days / 365))
    return VixOptionLeg(contracts, float(values.delta), float(values.vega), days)


@pytest.mark.parametrize("call", CALLS)
def test_a_vix_call_counts_by_delta_times_beta(call: tuple[float, ...]) -> None:
    """RULEBOOK A-SIZE-2: 20.0, 12.1 and 8.8 dollars a VIX point per call of 30, 110 and 220 days."""
    _, future, strike, vol, days, usd, theta_usd = call
    assert vix_option_usd(vix_call(1, future, strike, vol, int(days)), BetaScales()) == pytest.approx(usd, abs=0.07)
    now, then = (
        float(black76.price(future, strike, vol, d / 365, True, math.exp(-RATE * d / 365))) for d in (days, days - 1)
    )
    assert 100.0 * (then - now) == pytest.approx(theta_usd, abs=0.01)


def test_one_set_of_ten_calls_offsets_forty_per_cent_of_three_condors() -> None:
    """RULEBOOK A-SIZE-3: 4/4/2 calls make 146 dollars a VIX point against -371 of three 50-wide condors."""
    calls = [vix_call(n, future, strike, vol, days) for n, future, strike, vol, days, _, _ in CALLS]
    found = ModelCondor(5500, 17, 50).vega(3.0, vix_options=calls)
    assert found.condors_usd_per_vix_point == pytest.approx(-371.0, abs=0.5)
    assert found.hedges_usd_per_vix_point == pytest.approx(146.0, abs=0.2)
    assert found.offset_share == pytest.approx(0.393, abs=0.002)
    assert found.net_n == pytest.approx(-0.150, abs=0.001)
    assert found.hedges_low_beta_usd_per_vix_point == pytest.approx(0.7 * 146.0, abs=0.2)


def test_volatility_of_vix_is_kept_apart() -> None:
    """The vega of a VIX call (0.021 per share at 30 days) is not SPX volatility and changes nothing else."""
    call = vix_call(1, 18.6, 19.5, 0.95, 30)
    assert call.vega_points == pytest.approx(0.021, abs=0.0005)
    with_it = ModelCondor(5500, 17, 50).vega(vix_options=[call])
    without = ModelCondor(5500, 17, 50).vega(vix_options=[call._replace(vega_points=0.0)])
    assert with_it.vvix_usd_per_vol_point == pytest.approx(2.1, abs=0.05)
    assert with_it._replace(vvix_usd_per_vol_point=0.0) == without


def test_futures_and_put_spreads_hedge_too() -> None:
    """A VXM at 30 days adds 41 dollars a point (VX ten times that); SPX puts held as protection add weighted vega."""
    assert vix_future_usd(VixFutureLeg(1, 30, 100.0), BetaScales()) == pytest.approx(41.4, abs=0.05)
    assert vix_future_usd(VixFutureLeg(-1, 30, 1000.0), BetaScales()) == pytest.approx(-414.2, abs=0.1)
    puts = [SpxLeg(1, 8.0, 120), SpxLeg(-1, 3.0, 120)]
    found = net_vega([], [], hedge_spx_legs=puts)
    assert found.hedges_usd_per_vix_point == pytest.approx(100.0 * 5.0 * 0.5)
    assert found.net_n is None
    assert found.offset_share is None


def test_scales_move_only_what_hangs_on_the_futures() -> None:
    """A seen scale of 1.2 lifts calls and futures by a fifth and leaves SPX options alone."""
    call = vix_call(1, 18.6, 19.5, 0.95, 30)
    higher = BetaScales(1.2, 1.2, 1.2)
    base, scaled = (ModelCondor(5500, 17, 50).vega(vix_options=[call], scales=s) for s in (BetaScales(), higher))
    assert scaled.hedges_usd_per_vix_point == pytest.approx(1.2 * base.hedges_usd_per_vix_point)
    assert scaled.condors_usd_per_vix_point == base.condors_usd_per_vix_point


@given(st.floats(0.0, 2000.0))
def test_short_tenors_weigh_more_and_not_without_limit(dte: float) -> None:
    """sqrt(30/DTE), one at 30 days, and no more than at 7 days."""
    assert spx_weight(30.0) == 1.0
    assert 0.0 < spx_weight(dte) <= spx_weight(7.0) == pytest.approx(2.0702, abs=1e-4)


@pytest.mark.parametrize(
    ("legs", "wings"),
    [
        ([SpxLeg(1, 1.0, -1)], []),
        ([SpxLeg(1, math.nan, 30)], []),
        ([SpxLeg(math.inf, 1.0, 30)], []),
        ([], [Wings(1, 0.0)]),
        ([], [Wings(-1, 50.0)]),
        ([], [Wings(math.nan, 50.0)]),
    ],
)
def test_what_is_no_position_is_refused(legs: list[SpxLeg], wings: list[Wings]) -> None:
    """Expired legs, numbers that are none, and wings without width give no sum."""
    with pytest.raises(ValueError, match=r"SpxLeg|Wings|expiry"):
        net_vega(legs, wings)


@given(st.floats(-0.4, 0.4), st.integers(1, 9), st.floats(5.0, 100.0))
def test_an_edge_of_a_band_and_its_dollars_are_one_thing(edge: float, condors: int, width: float) -> None:
    """`usd` and `normalised` undo each other."""
    found = net_vega([], [Wings(condors, width)])
    assert found.normalised(found.usd(edge)) == pytest.approx(edge, abs=1e-12)
