"""What the desk writes down of a look each minute: the exposure of what is held, never of what is only planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from strategies.alvh.exposure import Exposure
from strategies.alvh.targets import Band
from strategies.alvh.view import HedgeOutcome
from strategies.hedging import sampled
from strategies.pricing.net_vega import NetVega
from strategies.signals.curve import CurveReading, Regime


@dataclass
class Moment:
    """What a sample reads of the context."""

    session: Any = "a session"
    spot_points: float | None = 5500.25
    vix_points: float | None = None
    curve: CurveReading = field(default_factory=lambda: CurveReading(Regime.FLAT, "", 1.0, 20.0, 20.5, -0.5))


FEED = SimpleNamespace(signals=SimpleNamespace(outlook=SimpleNamespace(regime=Regime.CONTANGO, tier=1)))


def exposure(net_n: float | None, *, planned: bool = False) -> Exposure:
    vega = None if net_n is None else NetVega(-300.0, -250.0, 1000.0 * net_n + 250.0, 0.0, 0.0, 10.0)
    return Exposure((), vega, "" if vega else "ic-1 has a leg without a mark", 42.0, -7.5, 0.0, planned=planned)


def outcome(held: Exposure | None) -> HedgeOutcome:
    """A look that also counts a condor that is only planned."""
    seen = exposure(-0.19, planned=True)
    return HedgeOutcome((), (), (), {}, None, (), (), (), {}, seen, Band(-0.2, -0.15, 0.25), None, held)


def test_a_planned_condor_is_not_in_the_sample() -> None:
    """The figures are those of what is held; levels and curve are the look's own, unknown stays unknown."""
    sample = sampled(Moment(), FEED, outcome(exposure(-0.05)), enabled=True)
    assert sample is not None
    assert (sample.net_vega_n, sample.low_n, sample.high_n) == (-0.05, -0.2, 0.25)
    assert (sample.condors_usd_per_vix_point, sample.hedge_usd_per_vix_point) == (-250.0, 200.0)
    assert (sample.condor_theta_usd_per_day, sample.hedge_carry_usd_per_day) == (42.0, -7.5)
    assert (sample.spx_points, sample.vix_points, sample.front_minus_second_points) == (5500.25, None, -0.5)
    assert (sample.regime, sample.tier, sample.unknown) == ("contango", 1, "")


def test_an_unknown_net_vega_says_why() -> None:
    """No number is made up: the reason stands in its place."""
    sample = sampled(Moment(), FEED, outcome(exposure(None)), enabled=True)
    assert sample is not None
    assert (sample.net_vega_n, sample.hedge_usd_per_vix_point) == (None, None)
    assert sample.unknown == "ic-1 has a leg without a mark"


def test_no_sample_between_evaluations_and_outside_a_session() -> None:
    """A look that valued nothing, or a closed market, leaves nothing."""
    assert sampled(Moment(), FEED, outcome(None), enabled=True) is None
    assert sampled(Moment(session=None), FEED, outcome(exposure(-0.05)), enabled=True) is None


def test_without_the_hedge_levels_and_curve_are_told() -> None:
    """Nobody values the condors' vega then, and the sample says so."""
    sample = sampled(Moment(), FEED, None, enabled=False)
    assert sample is not None
    assert (sample.spx_points, sample.net_vega_n, sample.unknown) == (5500.25, None, "the hedge is switched off")
