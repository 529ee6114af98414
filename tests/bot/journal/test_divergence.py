"""The first difference between a journal and its replay, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.journal import first_divergence

scalars = st.sampled_from([None, True, False, 0, 1, -3, 0.0, -0.0, 1.0, 17.25, "a", "b"])
json = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("xyz"), scalars, max_size=2)
outcomes = st.lists(st.dictionaries(st.sampled_from("xyz"), json, max_size=3), max_size=4)


@given(outcomes)
def test_equal_outcomes_do_not_diverge(same: list[dict[str, Any]]) -> None:
    """Key order is no difference."""
    turned = [dict(reversed(outcome.items())) for outcome in same]
    assert first_divergence(same, turned) is None


@given(outcomes, outcomes)
def test_a_difference_is_found_from_either_side(one: list[dict[str, Any]], two: list[dict[str, Any]]) -> None:
    """Unequal sequences diverge at the same place whichever is the journal."""
    there, back = first_divergence(one, two), first_divergence(two, one)
    assert (there is None) == (back is None)
    if one != two:
        assert there is not None
    if there is not None and back is not None:
        assert there.index == back.index
        assert [(f.expected, f.actual) for f in there.fields] != []


def test_a_changed_field_is_named_with_both_values() -> None:
    """The text says which outcome, which field, what was journaled and what came out."""
    want = [{"decisions": []}, {"decisions": [{"rule": "C-ENTRY-4", "inputs": {"vix": 17.25, "dte": 38}}]}]
    got = [{"decisions": []}, {"decisions": [{"rule": "C-ENTRY-4", "inputs": {"vix": 17.5, "dte": 38}}]}]
    found = first_divergence(want, got)
    assert found is not None
    assert found.index == 1
    assert [field.path for field in found.fields] == ["decisions[0].inputs.vix"]
    assert "decisions[0].inputs.vix: journal 17.25, replay 17.5" in str(found)


@pytest.mark.parametrize(
    ("want", "got"), [(1, 1.0), (1, True), (0.0, -0.0), (None, 0), ("1", 1), ([], {}), ([None], [])]
)
def test_bit_for_bit_means_type_and_sign(want: object, got: object) -> None:
    """Values that Python calls equal, and gaps, still differ."""
    found = first_divergence([{"a": want}], [{"a": got}])
    assert found is not None
    assert found.fields[0].path.startswith("a")


@pytest.mark.parametrize(("want", "got", "index"), [([{}], [], 0), ([{}], [{}, {"a": 1}], 1)])
def test_a_missing_or_extra_outcome_diverges(want: list[Any], got: list[Any], index: int) -> None:
    """One side ending earlier is a difference too."""
    found = first_divergence(want, got)
    assert found is not None
    assert found.index == index
    assert "(absent)" in str(found)


def test_the_replay_stops_at_the_difference() -> None:
    """Nothing beyond the first difference is re-made."""

    def remade() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        yield {"a": 2}
        pytest.fail("read on after the difference")

    found = first_divergence([{"a": 1}, {"a": 3}, {"a": 4}], remade())
    assert found is not None
    assert found.index == 1


def test_a_long_list_of_differences_is_cut() -> None:
    """A person is shown the first twenty fields and told how many more there are."""
    found = first_divergence([{str(n): n for n in range(30)}], [{str(n): -1 for n in range(30)}])
    assert found is not None
    assert "and 10 more fields" in str(found)
