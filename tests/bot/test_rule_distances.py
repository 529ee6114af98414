"""How far a decision was from the other answer, from the numbers it recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.catalogue import Rule, State, catalogue
from bot.rules.distance import deciding, gaps, in_words, near_miss, parsed, would_change


def rule(*compares: str, when: str = "all", met: str = "acts") -> Rule:
    return Rule(title="t", says="s.", state=State.RUNS, compares=compares, when=when, met=met)  # type: ignore[arg-type]


def decision(inputs: dict[str, Any], thresholds: dict[str, Any], verdict: str = "hold") -> dict[str, Any]:
    return {"verdict": verdict, "inputs": inputs, "thresholds": thresholds}


STOP = rule("loss_points >= stop_loss_points")


def test_a_condition_is_measured_as_a_share_of_its_threshold() -> None:
    """A loss of 18 against a stop of 20 is 10 % away and not met."""
    (gap,) = gaps(STOP, decision({"loss_points": 18.0}, {"stop_loss_points": 20.0}))
    assert (gap.met, gap.share) == (False, pytest.approx(0.10))
    assert gap.text == "loss_points 18 >= 20: not met, 2 or 10.0 % away"


def test_within_a_tenth_is_a_near_miss_and_farther_is_not() -> None:
    """18 of 20 is near, 17.9 is not; what has acted, or whose condition is met, is no miss."""
    assert near_miss(STOP, decision({"loss_points": 18.0}, {"stop_loss_points": 20.0})) is not None
    assert near_miss(STOP, decision({"loss_points": 17.9}, {"stop_loss_points": 20.0})) is None
    assert near_miss(STOP, decision({"loss_points": 20.0}, {"stop_loss_points": 20.0}, "act")) is None
    assert near_miss(STOP, decision({"loss_points": 20.5}, {"stop_loss_points": 20.0}, "hold")) is None


def test_of_several_needed_the_farthest_decides() -> None:
    """All being needed, one near its threshold is no near miss while another is far; of alternatives the nearest is."""
    both, either = rule("a > 10", "b > 10"), rule("a > 10", "b > 10", when="any")
    assert near_miss(both, decision({"a": 9.9, "b": 1.0}, {})) is None
    assert near_miss(both, decision({"a": 9.9, "b": 9.5}, {})).name == "b"  # type: ignore[union-attr]
    assert near_miss(either, decision({"a": 9.9, "b": 1.0}, {})).name == "a"  # type: ignore[union-attr]
    assert in_words(both, decision({"a": 9.0, "b": 11.0}, {})) == "10.0 % from acting (a)"
    assert in_words(both, decision({"a": 12.0, "b": 11.0}, {})) == "its condition is met by 10.0 % (b)"


def test_an_unmet_condition_without_a_share_is_still_unmet() -> None:
    """Decay below zero refuses, although its distance from zero is no share of anything."""
    sane = rule("theta > 0", "vega < 0.45", met="allows")
    assert deciding(sane, decision({"theta": -1.0, "vega": 0.3}, {})) is None
    assert would_change(sane, decision({"theta": -1.0, "vega": 0.3}, {}))[0].startswith(
        "to allow it it needed theta > 0"
    )


def test_whole_numbers_turn_one_step_beyond() -> None:
    """Tier 1 where 1 is the most allowed is a whole tier away from refusing, not none."""
    tier = rule("tier <= tier_max", met="allows")
    assert in_words(tier, decision({"tier": 1}, {"tier_max": 1})) == "allows by 100.0 % (tier)"
    assert in_words(tier, decision({"tier": 2}, {"tier_max": 1})) == "100.0 % from allowing (tier)"


def test_what_would_have_changed_it_is_said_both_ways() -> None:
    """A refusal names what was needed, a permission what would have taken it away."""
    filters = rule("vix_points < blocked_from", "rank >= rank_min", met="allows")
    limits = {"blocked_from": 25.0, "rank_min": 15.0}
    assert would_change(filters, decision({"vix_points": 26.0, "rank": 12.0}, limits, "decline")) == (
        "to allow it it needed all of: vix_points < 25 (was 26); rank >= 15 (was 12)",
    )
    assert would_change(filters, decision({"vix_points": 24.0, "rank": 60.0}, limits)) == (
        "it would not allow it with vix_points >= 25 (was 24)",
    )


def test_names_a_decision_does_not_have_are_not_asked_of_it() -> None:
    """Unknown values, words and yes-or-no answers are no numbers, and no distance is made up."""
    assert gaps(STOP, decision({"loss_points": None}, {"stop_loss_points": 20.0})) == ()
    assert gaps(STOP, decision({"loss_points": "much"}, {"stop_loss_points": 20.0})) == ()
    assert gaps(STOP, decision({"loss_points": True}, {"stop_loss_points": 20.0})) == ()
    assert would_change(STOP, decision({}, {})) == ()
    assert deciding(STOP, decision({}, {})) is None


def test_where_numbers_do_not_say_the_rule_does() -> None:
    """A rule of words tells in words what would turn it; so does one whose numbers are not in the record."""
    blackout = catalogue().rules["C-ENTRY-6"]
    assert would_change(blackout, decision({"events_until": "2026-07-14"}, {})) == (blackout.turns,)
    budget = catalogue().rules["A-SIZE-2"]
    assert would_change(budget, decision({"wanted_usd": 1.0}, {})) == (budget.turns,)


def test_sizes_are_compared_without_their_sign() -> None:
    """An alarm on either side is one condition."""
    alarm = rule("abs net >= abs limit")
    assert gaps(alarm, decision({"net": -0.41}, {"limit": -0.40}))[0].met
    assert gaps(alarm, decision({"net": 0.39}, {"limit": 0.40}))[0].share == pytest.approx(0.025)


def test_a_threshold_of_zero_has_no_share() -> None:
    """The distance from zero is told in units, never as a share."""
    (gap,) = gaps(rule("histogram > 0"), decision({"histogram": -0.5}, {}))
    assert gap.share is None
    assert gap.text.endswith("0.5 away")


@pytest.mark.parametrize("text", ["a", "a = b", "a > ", "1 > a", "a >> b"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    """A row of the catalogue that cannot be read is refused in words."""
    with pytest.raises(ValueError, match="is no condition"):
        parsed(text)


@given(st.sampled_from(sorted(catalogue().rules)), st.dictionaries(st.text("abcxyz_", min_size=1), st.floats()))
def test_no_number_makes_no_near_miss(key: str, numbers: dict[str, float]) -> None:
    """Whatever else a decision holds, one whose own numbers are NaN is explained and never a near miss."""
    told = catalogue().rules[key]
    names = {parsed(text).name for text in told.compares}
    row = decision({**numbers, **dict.fromkeys(names, float("nan"))}, numbers)
    assert near_miss(told, row) is None
    assert isinstance(would_change(told, row), tuple)
