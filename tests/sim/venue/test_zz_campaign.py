import pytest

from tests.sim.venue import test_venue_identity as t

inner = t.test_every_cent_is_a_fill_a_fee_a_settlement_or_moved_by_hand.hypothesis.inner_test


@pytest.mark.parametrize("seed", range(300))
def test_seed(make_bench, seed):
    inner(make_bench, seed)
