"""Width by account size and units by the loss they may cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.condor.params import EntryParams
from strategies.condor.size import quantity, width_points

P = EntryParams()


@pytest.mark.parametrize(
    ("nlv", "width"), [(149_999.0, 25.0), (150_000.0, 25.0), (199_999.0, 25.0), (220_000.0, 50.0), (900_000.0, 50.0)]
)
def test_small_accounts_get_the_narrow_condor(nlv, width):
    """C-ENTRY-3: 25 wide below 150k, and wherever one 50-wide condor would already be too much risk."""
    assert width_points(nlv, P) == width


@pytest.mark.parametrize(
    ("nlv", "reduced", "units"),
    [(195_400.0, False, 0), (195_500.0, False, 1), (391_000.0, False, 2), (391_000.0, True, 1), (195_500.0, True, 0)],
)
def test_units_are_whole_and_within_two_per_cent(nlv, reduced, units):
    """K-SIZE-1: 39.10 points of loss are 3,910 dollars; half of one condor is none."""
    assert quantity(nlv, 39.10, reduced=reduced, params=P) == units


@given(st.floats(0.0, 1e8), st.floats(0.01, 100.0), st.booleans())
def test_loss_never_exceeds_the_share_of_the_account(nlv, loss, reduced):
    """Whatever the account, the units' loss stays within the budget and the unit cap."""
    units = quantity(nlv, loss, reduced=reduced, params=P)
    assert 0 <= units <= P.max_quantity
    assert units * loss * 100.0 <= nlv * 0.02 * (1 + 1e-6) + 1e-6
