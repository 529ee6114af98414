"""Whatever a broker does in whatever order: one order alive per condor, no negative quantity, no ref used twice."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies.condor.machine import CondorState
from strategies.condor.params import CondorParams, EntryParams, ExitParams
from strategies.domain.control import Control, Latch, LinkState, TradingState
from strategies.domain.orders import DOUBTFUL_STATES, OrderState

PARAMS = CondorParams(
    entry=EntryParams(entries_per_day=9, every_min=30, scan_min=30, repeat_after_s=1.0, proposals_per_slot=9),
    exit=ExitParams(stop_confirm_s=1.0, threat_confirm_s=1.0),
)
SPOTS = (5500.0, 5300.0, 5612.0, 5150.0, 5800.0, 5450.0)
STEPS = st.one_of(
    st.tuples(st.just("look"), st.sampled_from([1.0, 6.0, 21.0, 65.0])),
    st.tuples(st.just("fill"), st.integers(1, 2)),
    st.tuples(st.just("part"), st.just(1)),
    st.tuples(st.just("finish"), st.just(0)),
    st.tuples(st.just("state"), st.sampled_from([
        OrderState.CANCEL_CLAIMED, OrderState.UNKNOWN, OrderState.CANCELED, OrderState.REJECTED, OrderState.ABSENT,
        OrderState.WORKING,
    ])),
    st.tuples(st.just("late"), st.integers(0, 5)),
    st.tuples(st.just("spot"), st.sampled_from(SPOTS)),
    st.tuples(st.just("control"), st.sampled_from(["run", "pause", "halt", "down"])),
    st.tuples(st.just("deny"), st.just(0)),
)  # fmt: skip


def live(bench):
    return [r for r in bench.book.orders.values() if r.live]


def act(bench, what: str, value) -> None:
    orders = live(bench)
    if what == "look":
        bench.look(value)
    elif what == "deny":
        bench.look(31.0, approve=False)
    elif what == "fill" and orders:
        bench.fill(orders[-1].ref)
    elif what == "part" and orders and orders[-1].intent.quantity > orders[-1].filled_units + 1:
        bench.fill(orders[-1].ref, units=1)
    elif what == "finish":
        bench.finish_cancels()
    elif what == "state" and orders:
        bench.order(orders[-1].ref, value)
    elif what == "late":
        over = [r for r in bench.book.orders.values() if not r.live and not r.complete and r.filled_units == 0]
        if over:
            bench.fill(over[value % len(over)].ref)
    elif what == "spot":
        bench.spot = value
    elif what == "control":
        bench.link = LinkState.DOWN if value == "down" else LinkState.UP
        latch = Latch("kill", TradingState.HALTED, bench.now, "me", "why")
        bench.control = Control((latch,) if value == "halt" else (), paused=value == "pause")


def check(bench, before: dict) -> None:
    """What must hold after every look and every fact."""
    for condor in bench.condors.values():
        assert condor.quantity >= 0
        mine = [r for r in live(bench) if r.intent.owner == condor.id]
        assert len(mine) <= 1, [r.ref for r in mine]
        if condor.state is CondorState.CLOSED:
            assert condor.quantity == 0
        if condor.state is CondorState.OPEN:
            assert condor.quantity > 0
    for ref, record in bench.book.orders.items():
        if ref in before:
            continue
        owner = record.intent.owner
        assert not any(r.state in DOUBTFUL_STATES for k, r in before.items() if r.intent.owner == owner), (
            "an order was sent while another was in doubt"
        )
        assert bench.control.state is TradingState.ACTIVE
        assert bench.link is LinkState.UP


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(STEPS, min_size=5, max_size=40))
def test_random_broker_never_doubles_or_inverts_anything(make_bench, steps):
    """Fills, doubts, refusals, late fills, halts and market moves in any order keep every promise."""
    bench = make_bench(PARAMS)
    bench.warm()
    bench.sell()
    for what, value in steps:
        before = dict(bench.book.orders)
        act(bench, what, value)
        check(bench, before)
    state = msgspec.json.decode(msgspec.json.encode(bench.state), type=type(bench.state))
    assert state == bench.state
