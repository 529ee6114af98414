"""What a check says can always be written down: numbers that are none become words, unknown is a refusal."""

from __future__ import annotations

import math

import pytest

from risk.result import Value, Verdict, finding, unknown


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.inf, "unlimited"), (-math.inf, "-unlimited"), (math.nan, None), (0.0, 0.0), (-2.5, -2.5), (3, 3),
        ("half day", "half day"), (None, None),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_written_is_a_word(value: Value, told: Value) -> None:
    """What was seen and what is allowed alike; all else stays what it is."""
    assert finding(True, value, 1.0, "USD", "why") == (True, told, 1.0, "USD", "why")
    assert finding(False, 1.0, value, "USD", "why") == (False, 1.0, told, "USD", "why")


def test_what_cannot_be_checked_has_not_passed() -> None:
    """It keeps its cap and says why; nothing was seen."""
    assert unknown(2.0, "%", "no mark") == (False, None, 2.0, "%", "cannot be checked: no mark")


def test_the_broker_is_asked_for_margin_only_where_an_approved_order_adds_risk() -> None:
    """Not for what is refused anyway, nor for what reduces."""
    for approved, reducing, asks in ((True, False, True), (True, True, False), (False, False, False)):
        assert Verdict("ic-1", approved, (), None, "", reducing).needs_margin is asks
    assert not Verdict("ic-1", True, (), None, "").reducing
