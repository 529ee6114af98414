"""Macro inputs are dated observations; a set of them is taken whole or refused whole, with every fault in words."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.domain.macro import KIND_OF, MACRO_KINDS, Told, Unit, faults
from tests.strategies.macro_samples import TODAY, told

NAN = float("nan")


def test_a_good_set_has_no_fault() -> None:
    """Every kind's own limits may be told, as of today and as of the oldest day that still holds."""
    rows = []
    for kind in MACRO_KINDS:
        values = kind.words or (float(kind.low), float(kind.high))
        for back, value in zip((0, kind.ttl_days), values, strict=False):
            rows.append(told(kind.key, value, TODAY - timedelta(days=back), entered_on=TODAY))
    assert faults(rows, TODAY) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key": "cpi_suprise_pp"}, "did you mean cpi_surprise_pp?"),
        ({"unit": "pct"}, "is in pp, not in 'pct'"),
        ({"value": 20.0}, "allowed is -3 to 3"),
        ({"value": NAN}, "allowed is a number"),
        ({"value": "high"}, "allowed is a number"),
        ({"source": "  "}, "needs a source"),
        ({"source": "x" * 201}, "needs a source"),
        ({"ttl_days": 0}, "allowed is 1 to 45"),
        ({"ttl_days": 3650}, "allowed is 1 to 45"),
        ({"as_of": TODAY + timedelta(days=1), "entered_on": TODAY + timedelta(days=1)}, "after today"),
        ({"as_of": TODAY, "entered_on": TODAY - timedelta(days=1)}, "one of the dates is wrong"),
        ({"as_of": date(2025, 1, 14), "entered_on": TODAY}, "stale when entered"),
    ],
)
def test_a_wrong_input_is_named_with_what_is_allowed(changes: dict[str, object], says: str) -> None:
    """Key, unit, range, source, time to live and each kind of wrong date."""
    base = {"key": "cpi_surprise_pp", "value": 0.1} | changes
    row = told(str(base.pop("key")), base.pop("value"), **base)  # type: ignore[arg-type]
    assert any(says in fault.text for fault in faults([row], TODAY)), faults([row], TODAY)


def test_two_values_of_one_day_contradict_each_other() -> None:
    """The second of them is the fault, and both values are named."""
    rows = [told("sofr_pct", 4.3), told("gdp_nowcast_pct", 2.0), told("sofr_pct", 4.4)]
    assert [(f.place, "4.3 and 4.4" in f.text) for f in faults(rows, TODAY)] == [(2, True)]


def test_a_word_is_one_of_the_listed_words() -> None:
    """A stance nobody has is refused with the list."""
    assert "hawkish, neutral, dovish" in faults([told("fomc_stance", "dove")], TODAY)[0].text
    assert faults([told("fomc_stance", 1.0)], TODAY)


def test_an_input_that_grew_old_is_no_fault_but_says_nothing() -> None:
    """It was good when told: it stays in the list, stale and unknown."""
    row = told("gdp_nowcast_pct", 2.0, TODAY - timedelta(days=30))
    assert faults([row], TODAY) == []
    assert Told([row]).number("gdp_nowcast_pct", TODAY) is None
    assert Told([row]).newest("gdp_nowcast_pct") == row


def test_the_newest_speaks_and_older_ones_tell_what_held_then() -> None:
    """Order of the lines does not matter."""
    old, new = told("sofr_pct", 4.0, TODAY - timedelta(days=20)), told("sofr_pct", 4.3)
    kept = Told([new, old])
    assert kept.number("sofr_pct", TODAY) == 4.3
    assert kept.number_on("sofr_pct", TODAY - timedelta(days=18)) == 4.0
    assert kept.number_on("sofr_pct", TODAY - timedelta(days=10)) is None


def test_every_kind_says_what_it_is_for() -> None:
    """Keys are unique, ranges rise, words stand only under the unit word, and a rule reads each."""
    assert len(KIND_OF) == len(MACRO_KINDS)
    for kind in MACRO_KINDS:
        assert kind.rules
        assert kind.meaning
        assert 1 <= kind.ttl_days <= kind.ttl_max_days
        assert bool(kind.words) == (kind.unit is Unit.WORD)
        assert kind.words or kind.low < kind.high


@given(st.integers(-800, 800), st.integers(1, 45))
def test_a_fresh_input_is_one_of_its_own_days(shift: int, ttl_days: int) -> None:
    """Before its day and after its last day nothing is told."""
    row = told("cpi_surprise_pp", 0.2, ttl_days=ttl_days)
    day = TODAY + timedelta(days=shift)
    assert (Told([row]).number("cpi_surprise_pp", day) is not None) == (0 <= shift <= ttl_days)
