"""What the condors' rules ask of the hedge is met by its own rules: the target rises, budgets stay, a holding goes."""

from __future__ import annotations

import msgspec
import pytest

from strategies.alvh.demands import _to_later_layers
from strategies.alvh.targets import Target
from strategies.domain.hedge import SLOTS_OF, Ask, Demand, Layer
from tests.strategies.alvh.bench import MONTHS, HedgeBench

ROW3 = Demand("C-DEC-1", Ask.SHARE, "protection is cheap", 3)
ROW5 = Demand("C-DEC-1", Ask.FLOOR, "net vega is below its floor", 5)
DEAREST = Demand("C-THETA-1", Ask.SELL_DEAREST, "decay does not pay for the margin")


def target_of(*demands: Demand, vix: float = 17.0) -> tuple[Target, HedgeBench]:
    bench = HedgeBench()
    bench.demands, bench.vix = demands, vix
    bench.look()
    assert bench.last is not None
    assert bench.last.target is not None
    return bench.last.target, bench


def test_row_three_asks_for_the_confirmed_share() -> None:
    """Two fifths of the condors' vega instead of a quarter; the demand is named as the reason."""
    quiet, _ = target_of()
    asked, bench = target_of(ROW3)
    assert quiet.share < 0.40
    assert asked.share == pytest.approx(0.40)
    assert asked.rule == "C-DEC-1"
    said = bench.said("C-DEC-1")
    assert said is not None
    assert said.inputs["row"] == 3
    assert said.text.endswith("raises the target")


def test_a_demand_below_the_target_changes_nothing() -> None:
    """What the hedge wants anyway needs no raising, and the decision says so."""
    quiet, _ = target_of()
    asked, bench = target_of(Demand("C-DEC-1", Ask.USD, "cut", 4, 1.0))
    assert asked == quiet
    said = bench.said("C-DEC-1")
    assert said is not None
    assert said.text.endswith("is within the target already")


def test_no_demand_asks_for_more_than_the_condors_are_short() -> None:
    """A hedge larger than what it hedges is a bet: the demand is cut to the condors' own vega."""
    asked, _ = target_of(Demand("C-DEC-1", Ask.USD, "cut", 4, 1e9))
    assert asked.share == pytest.approx(1.0)


def test_row_five_puts_the_lack_into_the_intermediate_layer() -> None:
    """Below the floor the hedge buys L2, not the short layer whose carry is dearest."""
    bench = HedgeBench()
    bench.demands = (ROW5,)
    bench.condors = (bench.condors[0]._replace(width_points=38.0),)
    orders = bench.ask()
    assert orders
    slots = {leg.slot for intent in orders for leg in intent.legs}
    assert slots & set(SLOTS_OF[Layer.INTERMEDIATE])


def test_row_five_moves_only_what_is_missing() -> None:
    """Half of it held: half of the weights stay as they are, the missing half goes to slots 5 to 8, or 5 to 10."""
    usual = {slot: 0.125 if slot < 9 else 0.0 for slot in range(1, 11)}
    moved = _to_later_layers(usual, 200.0, 100.0, deep=False)
    assert sum(moved.values()) == pytest.approx(1.0)
    assert moved[1] == pytest.approx(0.0625)
    assert moved[5] == pytest.approx(0.0625 + 0.125)
    assert _to_later_layers(usual, 200.0, 250.0, deep=False) == usual
    awake = _to_later_layers(usual, 200.0, 0.0, deep=True)
    assert awake[9] == awake[5] == pytest.approx(1.0 / 6.0)


def test_budgets_stay_in_force_under_a_demand() -> None:
    """A-SIZE-2: with no premium budget left a demand buys nothing; the budget's refusal is told."""
    bench = HedgeBench()
    bench.params = msgspec.structs.replace(
        bench.params, size=msgspec.structs.replace(bench.params.size, carry_warn_pct_of_theta=0.1,
                                                   carry_max_pct_of_theta=0.1))  # fmt: skip
    bench.demands = (ROW3,)
    assert bench.ask() == []
    assert bench.last is not None
    assert any(d.rule == "A-BUD-1" and d.verdict.value == "decline" for d in bench.last.decisions)


def test_the_dearest_holding_goes_and_only_once() -> None:
    """C-THETA-1: the front call, whose carry per vega is worst, is sold whole; while that works nothing else is."""
    bench = HedgeBench()
    bench.hold(1, MONTHS[1], 19.0, 1)
    bench.hold(5, MONTHS[2], 20.0, 20)
    bench.demands = (DEAREST,)
    bench.look(60.0)
    sold = [i for i in bench.last.places if i.rule == "C-THETA-1"] if bench.last else []
    assert [leg.slot for i in sold for leg in i.legs] == [1]
    bench.look(60.0)
    assert bench.last is not None
    assert not [i for i in bench.last.places if i.rule == "C-THETA-1" and i.ref != sold[0].ref and i.attempt == 1]


def test_the_floor_keeps_the_dearest_holding() -> None:
    """Protection that the band needs is not sold for its carry."""
    bench = HedgeBench()
    bench.hold(1, MONTHS[1], 19.0, 2)
    bench.demands = (DEAREST,)
    bench.look(60.0)
    assert bench.last is not None
    assert not [i for i in bench.last.places if i.rule == "C-THETA-1"]
    said = bench.said("C-THETA-1")
    assert said is not None
    assert said.text.endswith("nothing can be spared above the floor")
