"""The code table: no code in two meanings, unlisted codes prove nothing, cancel races prove nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr import errors
from strategies.domain.events import ErrorMeaning


def test_every_listed_code_has_one_meaning() -> None:
    """The tables do not overlap."""
    tables = [errors.REJECTS, errors.INFORMATION, errors.CANCEL_CONFIRMATIONS, errors.AMBIGUOUS]
    codes = [code for table in tables for code in table]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("code", [104, 105, 135, 161, 10147, 10148])
def test_codes_of_failed_cancels_and_changes_prove_nothing(code: int) -> None:
    """The client library calls these orders cancelled; they may be alive or filled."""
    assert errors.meaning(code) is ErrorMeaning.AMBIGUOUS


@pytest.mark.parametrize("code", [399, 404, 10167, 10349, 2109, 2161])
def test_remarks_leave_the_order_alone(code: int) -> None:
    """Held until the open, located shares, a preset time in force: the order lives."""
    assert errors.meaning(code) is ErrorMeaning.INFORMATION
    assert not errors.ends_request(code)


@pytest.mark.parametrize("code", [110, 201, 203, 321, 10058, 10268])
def test_rejects_are_claims_of_reject(code: int) -> None:
    """Refusals that the broker gives for a new order."""
    assert errors.meaning(code) is ErrorMeaning.REJECTED


@given(st.integers(0, 20_000))
def test_an_unlisted_code_is_ambiguous(code: int) -> None:
    """Nothing outside the tables ends an order or leaves it alone."""
    listed = {**errors.REJECTS, **errors.INFORMATION, **errors.CANCEL_CONFIRMATIONS}
    if code not in listed and not 2100 <= code < 2200:
        assert errors.meaning(code) is ErrorMeaning.AMBIGUOUS


def test_farms_are_told_apart_by_name() -> None:
    """The name is what follows the last colon."""
    assert errors.farm("Market data farm connection is broken:usopt") == "usopt"
    assert errors.farm("Market data farm connection is broken") == ""


def test_the_documented_table_names_every_code() -> None:
    """The table printed for the docs is the table in force."""
    text = errors.markdown()
    assert all(f"| {code} |" in text for code in (*errors.REJECTS, *errors.INFORMATION, *errors.AMBIGUOUS))
