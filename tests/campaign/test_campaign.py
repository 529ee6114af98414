"""The campaign's slice in `make test`, and that its menu can be served."""

from __future__ import annotations

import numpy as np
import pytest

from bot.sim.faults.table import read_call
from tests.campaign.menu import FAMILIES, MENU, Dish
from tests.campaign.plan import draw


@pytest.mark.parametrize("dish", [d for d in MENU if ":" not in d.verb], ids=lambda d: f"{d.verb}-{d.faults[0]}")
def test_the_gateway_understands_every_dish(dish: Dish) -> None:
    """Whatever a seed draws is a verb of the gateway with arguments that it takes."""
    chance = np.random.default_rng(1)
    for _ in range(20):
        terms = dish.terms(chance)
        if dish.verb == "adopt_position":
            terms["con_id"] = 1
        read_call(dish.verb, terms)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_is_the_same_plan_every_time(family: str) -> None:
    """World, faults and moments follow from the seed alone, and seeds differ."""
    plans = [draw(family, seed).lines() for seed in range(20)]
    assert plans == [draw(family, seed).lines() for seed in range(20)]
    assert len({tuple(lines[1:]) for lines in plans}) == 20


@pytest.mark.parametrize(("family", "seed"), [("orders", 18), pytest.param("host", 3, marks=pytest.mark.slow)])
def test_a_slice_of_the_campaign_holds(family: str, seed: int) -> None:
    """Two seeds with the real client: no invariant breaks, and something was looked at."""
    from tests.campaign.play import play

    row = play(family, seed)
    assert row["violated"] == {}, row["words"]
    assert sum(row["checked"].values()) > 200
    assert sum(row["faults"].values()) >= 3


@pytest.mark.slow
def test_twice_the_load_changes_nothing_but_the_load() -> None:
    """Every second brings what was asked for, nothing breaks, and each quote held is the last one told."""
    from tests.campaign.load import load

    found = load(500, 0.5)
    assert found["wrong"] == []
    assert found["rates"]["enough"] == found["rates"]["seconds"] > 20
    assert found["dropped_slow"] == 0
