"""What a harvest gains is put aside in part, and spent on deep calls only while VIX is low and the curve calm."""

from __future__ import annotations

import msgspec
import pytest

from strategies.alvh.params import AlvhParams, HarvestParams, SizeParams
from strategies.domain.hedge import SLOTS_OF, Layer
from tests.strategies.alvh.bench import CONTANGO, FLAT, JUNE_WEEKLY, HedgeBench

DEEP = SLOTS_OF[Layer.DEEP]


def harvested(bench: HedgeBench, paid: float = 0.10) -> float:
    """Four cheap calls of slot 1 have multiplied and are sold; the gain in dollars."""
    bench.may_open = False
    option = bench.hold(1, JUNE_WEEKLY, 18.0, 4, price=paid)
    bench.settle_in(8)
    fills = [fill for fill in bench.book.fills.values() if fill.con_id == option.con_id]
    assert fills, "nothing was harvested"
    return sum((fill.price_points - paid) * fill.quantity * 100.0 for fill in fills)


def low_vix(bench: HedgeBench) -> None:
    """A sleepy market: VIX 13 under a steep curve, hedges well inside their band."""
    bench.vix, bench.vx, bench.may_open = 13.0, tuple(point - 3.0 for point in CONTANGO), True


def test_a_quarter_of_a_gain_is_put_aside(bench):
    """Cash brought less cost, a quarter of it; the decision says what it was before."""
    gain = harvested(bench)
    assert gain > 0.0
    assert bench.memory.reserve_usd == pytest.approx(0.25 * gain, abs=0.02)


def test_a_sale_at_a_loss_puts_nothing_aside_and_takes_nothing(bench):
    """Nothing is left to protect: what is sold out below its cost leaves the reserve as it is."""
    bench.memory = msgspec.structs.replace(bench.memory, reserve_usd=500.0, idle_sessions=9)
    bench.condors = ()
    bench.hold(1, JUNE_WEEKLY, 18.0, 4, price=9.0)
    bench.settle_in(8)
    assert bench.quantity((1,)) == 0
    assert bench.memory.reserve_usd == 500.0


def test_the_reserve_buys_deep_calls_in_a_low_vix_and_no_more_than_it_holds(bench):
    """Below 15 the deep slots are bought by A-BUD-3; what they cost comes off the reserve, which never goes below 0."""
    bench.params = AlvhParams(size=SizeParams(carry_max_pct_of_theta=500.0))
    bench.memory = msgspec.structs.replace(bench.memory, reserve_usd=700.0)
    low_vix(bench)
    bench.settle_in(24)
    spent = sum(
        -f.cash_usd for f in bench.book.fills.values() if f.ref and bench.book.orders[f.ref].intent.rule == "A-BUD-3"
    )
    assert bench.quantity(DEEP) > 0
    assert 0.0 < spent <= 700.0
    assert bench.memory.reserve_usd == pytest.approx(700.0 - spent, abs=0.02)


@pytest.mark.parametrize(
    ("vix", "vx", "reserve"), [(15.0, CONTANGO, 700.0), (13.0, FLAT, 700.0), (13.0, CONTANGO, 0.0)]
)
def test_the_reserve_stays_where_it_is(bench, vix, vx, reserve):
    """At 15 or above, in a flat curve, or with nothing put aside, the deep slots sleep."""
    bench.params = AlvhParams(size=SizeParams(carry_max_pct_of_theta=500.0))
    bench.memory = msgspec.structs.replace(bench.memory, reserve_usd=reserve)
    bench.vix, bench.vx, bench.may_open = vix, vx, True
    bench.settle_in(24)
    assert bench.quantity(DEEP) == 0
    assert bench.memory.reserve_usd == reserve


def test_refreshed_deep_slots_go_back_to_sleep_when_vix_rises(bench):
    """What the reserve bought stays; nothing more is bought for its sake above 15."""
    bench.params = AlvhParams(
        size=SizeParams(carry_max_pct_of_theta=500.0),
        harvest=HarvestParams(half_at_multiple=50.0, most_at_multiple=90.0),
    )
    bench.memory = msgspec.structs.replace(bench.memory, reserve_usd=400.0)
    low_vix(bench)
    bench.settle_in(24)
    held = bench.quantity(DEEP)
    bench.memory = msgspec.structs.replace(bench.memory, reserve_usd=5000.0)
    bench.vix = 16.0
    bench.settle_in(12)
    assert bench.quantity(DEEP) == held > 0
    assert bench.memory.deep is None
