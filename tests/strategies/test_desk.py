"""The desk as a whole: pure, ordered, explained, and silent when there is nothing to say."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from strategies.condor.machine import CondorState, quarantine
from strategies.condor.params import CondorParams, EntryParams
from strategies.desk import DeskState, decide
from strategies.domain.control import LinkState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.known import Unknown
from strategies.domain.orders import CancelIntent, OrderState, PlaceIntent, Purpose

SEVERAL = CondorParams(entry=EntryParams(entries_per_day=5, repeat_after_s=1.0, proposals_per_slot=9))


def test_same_view_gives_the_same_outcome(bench):
    """A decision can be made again from its view, bit for bit, and changes nothing it was given."""
    bench.warm()
    for _ in range(5):
        bench.now += timedelta(seconds=6)
        view = bench.view()
        frozen = msgspec.json.encode(view.desk_state)
        first, second = decide(view), decide(view)
        assert msgspec.json.encode(first) == msgspec.json.encode(second)
        assert msgspec.json.encode(view.desk_state) == frozen
        bench.look()


def test_first_look_at_nothing_asks_for_the_chain_and_survives(bench):
    """With no chain, no account and a fresh memory the desk waits without failing."""
    bench.listed = False
    bench.warm()
    bench.look(1.0)
    assert bench.last.wants.chains
    view = msgspec.structs.replace(bench.view(), account=Unknown("not reported"), desk_state=DeskState())
    assert decide(view).intents == ()


def test_outside_sessions_nothing_is_decided(bench):
    """On a closed day there are no intents and no verdicts, but the lines stay."""
    bench.open_condor()
    bench.now += timedelta(days=5)
    bench.look()
    assert bench.last.intents == ()
    assert bench.last.decisions == ()
    assert set(next(iter(bench.condors.values())).con_ids()) <= set(bench.lines)


def test_protection_comes_before_exits_and_exits_before_entries(make_bench):
    """One look that cancels, closes and sells keeps that order."""
    bench = make_bench(SEVERAL)
    first = bench.open_condor()
    bench.fill(bench.sell().ref)
    sold = False
    for _ in range(6):
        # the first condor reaches its target, an old order of the second revives, the search is about to sell
        condor = bench.condors[first.id]
        bench.condors[first.id] = msgspec.structs.replace(condor, adjust_points=30.0)
        second = next(c for c in bench.condors.values() if c.id != first.id)
        ref = next(r for r in bench.book.orders if r.startswith(second.id))
        revived = msgspec.structs.replace(bench.book.orders[ref], state=OrderState.WORKING)
        bench.book = msgspec.structs.replace(bench.book, orders={**bench.book.orders, ref: revived})
        bench.look(6.0, approve=False)
        kinds = ["cancel" if isinstance(i, CancelIntent) else i.purpose.value for i in bench.last.intents]
        order = {"cancel": 0, "exit": 1, "adjust": 2, "enter": 3, "entry": 3}
        assert [order[k] for k in kinds] == sorted(order[k] for k in kinds)
        sold = sold or ("entry" in kinds)
    assert sold


def test_act_means_an_order_follows(bench):
    """Every ACT names the order; a wish whose order must wait is a HOLD."""
    bench.warm()
    seen = 0
    for _ in range(12):
        bench.look(6.0)
        refs = {i.ref for i in bench.places()}
        for decision in bench.last.decisions:
            if decision.verdict is DecisionVerdict.ACT:
                assert decision.intent_ref in refs
                seen += 1
    assert seen


def test_one_verdict_per_rule_and_subject_with_stable_words(bench):
    """Numbers live in the inputs: the same situation says the same words, and no rule speaks twice at once."""
    bench.open_condor()
    words: dict = {}
    for step in range(6):
        bench.spot = 5500.0 + step
        bench.look(7.0)
        keys = [(d.rule, d.subject) for d in bench.last.decisions]
        assert len(keys) == len(set(keys))
        for d in bench.last.decisions:
            assert not any(ch.isdigit() for ch in d.text.replace("row 7", "").replace("row 0", ""))
            words.setdefault((d.rule, d.subject), set()).add(d.text)
    assert all(len(texts) == 1 for key, texts in words.items() if key[0].startswith("C-EXIT"))


def test_held_legs_have_priority_and_marks(bench):
    """Positions' lines come first; each leg has its mark for the gate."""
    condor = bench.open_condor()
    bench.look(5.0)
    assert bench.lines[:4] == condor.con_ids()
    assert set(condor.con_ids()) <= set(bench.last.marks)
    for mark in bench.last.marks.values():
        assert 0.05 < mark.iv < 0.6
        assert mark.tau_years == pytest.approx(45.25 / 365, abs=0.003)
        assert mark.forward_points == pytest.approx(5521.8, abs=1.0)


def test_entry_walk_gives_up_with_what_has_filled(bench):
    """One of two units fills; after the last attempt the condor is open with one."""
    bench.warm()
    intent = bench.sell()
    bench.fill(intent.ref, units=1)
    attempts = [intent]
    for _ in range(8):
        bench.look(20.0)
        bench.finish_cancels()
        bench.look(1.0)
        attempts += bench.places()
    condor = bench.condors[intent.owner]
    assert [a.attempt for a in attempts] == [1, 2, 3, 4]
    assert [a.quantity for a in attempts] == [2, 1, 1, 1]
    assert (condor.state, condor.quantity) == (CondorState.OPEN, 1)
    assert all(a.limit_points <= -10.0 for a in attempts)


def test_unfilled_entry_is_abandoned_and_its_id_never_comes_back(bench):
    """After a walk without a fill a later search uses a new id, and the day's count is not used up."""
    bench.warm()
    intent = bench.sell()
    for _ in range(5):
        bench.look(20.0)
        bench.finish_cancels()
        bench.look(1.0)
    assert bench.condors[intent.owner].state is CondorState.ABANDONED
    bench.now = bench.now.replace(minute=30, second=0)
    again = bench.sell()
    assert again.owner == "ic-20260504-2"


def test_denied_proposal_is_not_repeated_at_once(bench):
    """A gate's no rests a minute; the slot proposes twice at most, each time under a new id."""
    bench.warm()
    proposed = []
    for _ in range(100):
        bench.look(5.0, approve=False)
        proposed += [(bench.now, i) for i in bench.places()]
    times = [at for at, _ in proposed]
    assert len(proposed) == 2
    assert times[1] - times[0] >= timedelta(seconds=60)
    assert proposed[0][1].owner != proposed[1][1].owner


@pytest.mark.parametrize("change", [{"link": LinkState.SYNCING}, {"vix": 26.0}, {"hour": 15}])
def test_entry_under_way_stops_when_its_reasons_go(bench, change):
    """Link, VIX or the end of the window: the working order is cancelled and the entry given up."""
    bench.warm()
    intent = bench.sell()
    if "hour" in change:
        bench.now = bench.now.replace(hour=15, minute=30)
    else:
        for name, value in change.items():
            setattr(bench, name, value)
    bench.look(1.0)
    if change.get("link") is not None:
        assert bench.last.intents == ()
        return
    assert [c.ref for c in bench.cancels()] == [intent.ref]
    bench.finish_cancels()
    bench.look(1.0)
    assert bench.condors[intent.owner].state is CondorState.ABANDONED


def test_candidate_without_a_verdict_expires(bench):
    """A proposal that neither got an order nor a refusal does not block the desk for ever."""
    bench.warm()
    intent = bench.sell()
    candidate = bench.last.proposals[0]
    bench.condors = {candidate.id: candidate}
    bench.book = msgspec.structs.replace(bench.book, orders={})
    bench.pending = frozenset({intent.ref})
    bench.look(70.0)
    assert bench.condors[candidate.id].state is CondorState.CANDIDATE
    bench.pending = frozenset()
    bench.look(1.0)
    assert bench.condors[candidate.id].state is CondorState.ABANDONED


def test_quarantined_condor_is_left_alone_but_its_orders_are_taken_back(bench):
    """Nothing is sent for it; an order still alive is cancelled; new entries elsewhere are another matter."""
    bench.warm()
    intent = bench.sell()
    bench.condors[intent.owner] = quarantine(bench.condors[intent.owner], "legs differ", bench.now)
    bench.look(1.0)
    assert [c.ref for c in bench.cancels()] == [intent.ref]
    bench.look(30.0)
    assert [i for i in bench.last.intents if isinstance(i, PlaceIntent) and i.purpose is not Purpose.ENTRY] == []


def test_memory_forgets_finished_condors(make_bench):
    """Walks, watches and counters of condors that are over do not pile up."""
    bench = make_bench(CondorParams(entry=EntryParams(proposals_per_slot=1)))
    bench.warm()
    bench.sell()
    for _ in range(6):
        bench.look(20.0)
        bench.finish_cancels()
        bench.look(1.0)
    bench.now = bench.now.replace(minute=15)
    bench.look()
    assert (bench.state.walks, bench.state.watches, bench.state.counts) == ({}, {}, {})


def test_revived_order_is_cancelled_before_its_open_condor_is_touched(bench):
    """An order believed over lives while the profit target is reached: first the cancel, then the exit."""
    condor = bench.open_condor()
    ref = next(iter(bench.book.orders))
    bench.now = bench.now.replace(minute=12)
    bench.condors[condor.id] = msgspec.structs.replace(condor, adjust_points=30.0)
    revived = msgspec.structs.replace(bench.book.orders[ref], state=OrderState.WORKING)
    bench.book = msgspec.structs.replace(bench.book, orders={ref: revived})
    bench.look()
    assert bench.places() == []
    assert [c.ref for c in bench.cancels()] == [ref]
    bench.book = msgspec.structs.replace(
        bench.book, orders={ref: msgspec.structs.replace(revived, state=OrderState.CANCELED)}
    )
    bench.condors[condor.id] = msgspec.structs.replace(condor, adjust_points=30.0)
    bench.look(1.0)
    assert [i.purpose for i in bench.places()] == [Purpose.EXIT]
