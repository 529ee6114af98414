"""What macro inputs change in the hedge: how much is wanted, which floor holds, where the alarms stand."""

from __future__ import annotations

import pytest

from strategies.alvh.view import HedgeMacro
from strategies.domain.hedge import SLOTS_OF, Layer
from tests.strategies.alvh.bench import MONTHS, HedgeBench


def share(macro: HedgeMacro, vix: float = 17.0) -> float:
    """What is wanted, as a share of the condors' weighted vega."""
    bench = HedgeBench()
    bench.macro, bench.vix = macro, vix
    bench.look()
    assert bench.last is not None
    assert bench.last.target is not None
    return bench.last.target.share


def test_a_confirmed_surprise_raises_the_standing_share() -> None:
    """A-SIZE-1 with M-MAC-3: two fifths of the condors' vega, against a quarter and what the floor asks for."""
    quiet, confirmed = share(HedgeMacro()), share(HedgeMacro(confirmed=True))
    assert confirmed >= 0.40
    assert confirmed > quiet


def test_an_alarm_asks_for_more_and_benign_data_for_no_less_than_the_standing_share() -> None:
    """A-VEGA-2: the soft floor becomes the hard one; the widened floor leaves the base share standing."""
    quiet, alarm, benign = share(HedgeMacro()), share(HedgeMacro(alarm=True)), share(HedgeMacro(benign=True))
    assert alarm > quiet >= benign >= 0.25
    assert share(HedgeMacro(benign=True, alarm=True)) == alarm


@pytest.mark.parametrize(("elevated", "alarm_n"), [(False, 0.40), (True, 0.30)])
def test_elevated_inflation_brings_the_alarm_nearer(elevated: bool, alarm_n: float) -> None:
    """A-VEGA-3: .40, and .30 while CPI or PPI is elevated."""
    bench = HedgeBench()
    bench.macro = HedgeMacro(elevated=elevated)
    bench.condors = (bench.condors[0]._replace(width_points=38.0),)
    bench.look()
    said = bench.said("A-VEGA-3")
    assert said is not None
    assert said.thresholds["alarm_n"] == alarm_n
    assert said.inputs["inflation_elevated"] is elevated
    short = bench.net_n()
    assert -0.40 < short < -0.30, "the example must lie between the two alarms"
    assert said.text.startswith("over-short") is elevated


def test_the_long_side_is_told_under_elevated_inflation_and_sold_by_the_harvest_alone() -> None:
    """Between .30 and .40 a person hears of it; no order leaves for the alarm."""
    bench = HedgeBench()
    bench.macro = HedgeMacro(elevated=True)
    for contracts in range(10, 90, 2):
        bench.hold(5, MONTHS[2], 20.0, contracts)
        bench.look(60.0)
        if bench.net_n() >= 0.30:
            break
    assert 0.30 <= bench.net_n() < 0.40
    said = bench.said("A-VEGA-3")
    assert said is not None
    assert said.text == "over-hedged"
    assert said.verdict.value == "hold"


def test_restless_currencies_enlarge_only_the_intermediate_layer() -> None:
    """M-MAC-6: its slots buy a tenth more, the short layer does not change."""
    bought = {}
    for addon_pct in (0.0, 10.0):
        bench = HedgeBench(condors=40)
        bench.nlv = 40_000_000.0
        bench.macro = HedgeMacro(addon_pct=addon_pct)
        bench.settle_in(30)
        bought[addon_pct] = {layer: bench.quantity(slots) for layer, slots in SLOTS_OF.items()}
    assert bought[10.0][Layer.SHORT] == bought[0.0][Layer.SHORT]
    assert 1.05 <= bought[10.0][Layer.INTERMEDIATE] / bought[0.0][Layer.INTERMEDIATE] <= 1.15
