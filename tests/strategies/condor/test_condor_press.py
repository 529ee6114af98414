"""C-PRESS-1 at the entry: normal size one tier earlier on the way down, never on the way up."""

from __future__ import annotations

import msgspec
import pytest

from strategies.condor.filters import may_enter
from strategies.signals.measures import Measures
from strategies.signals.tiers import Tier
from tests.strategies.condor.moments import moment

DOWN = Measures(
    vix_less_rv20_points=6.0, rsi_vix_before=72.0, rsi_vix=66.0, front_points=21.0, front_high_20_points=26.0
)


def reduced(bench, measures, tier=Tier.WATCH, **word) -> bool:
    """Whether the entry terms are those of the reduced zone, at VIX 22."""
    at = moment(bench, tier=tier, measures=measures, **word)
    terms = may_enter(at.agenda, bench.view().account)
    assert terms is not None, [d.text for d in at.agenda.decisions if d.verdict.value == "decline"]
    return terms.reduced


@pytest.fixture
def zone(bench):
    """Between slots of a calm morning with one condor held, VIX in the reduced zone."""
    bench.open_condor()
    bench.params = msgspec.structs.replace(
        bench.params, entry=msgspec.structs.replace(bench.params.entry, entries_per_day=3)
    )
    bench.vix = 22.0
    bench.now = bench.now.replace(hour=10, minute=31, second=0)
    bench.look(0.0)
    return bench


def test_press_on_the_way_down_sells_normal_size(zone):
    """Implied rich, RSI turning down from 70, the front off a tier-2 high, hedges held: the full condor."""
    assert not reduced(zone, DOWN)


@pytest.mark.parametrize(
    "changes",
    [{"vix_less_rv20_points": 3.9}, {"rsi_vix_before": 69.0}, {"rsi_vix": 73.0}, {"front_points": 26.0},
     {"front_high_20_points": 23.9}, {"vix_less_rv20_points": None}],
)  # fmt: skip
def test_any_part_missing_keeps_the_reduced_size(zone, changes):
    """A front that never stood at tier 2 is the way up, and what is unknown is no press."""
    assert reduced(zone, msgspec.structs.replace(DOWN, **changes))


def test_without_a_hedge_the_size_stays_reduced(zone):
    """The press is paid for only by a book that is protected."""
    assert reduced(zone, DOWN, active=False)


def test_below_the_zone_nothing_changes(zone):
    """Under VIX 20 the condor is of normal size anyway."""
    zone.vix = 18.0
    zone.look(1.0)
    assert not reduced(zone, Measures())
