"""The loop: journal before effect, durable before submit, commands first, and no trading without a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bot import latch
from bot.runner import Stopped
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb, TradingState
from tests.bot.engine.builders import TEN, command, make_fill, seconds
from tests.bot.engine.live_bench import LiveBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LiveBench]:
    with LiveBench(tmp_path) as live:
        live.start()
        yield live


def names(bench: LiveBench) -> list[str]:
    return [name for name, _ in bench.log]


def finished(bench: LiveBench) -> Stopped:
    """How the loop ends when it is run now."""

    async def run() -> Stopped:
        async with asyncio.timeout(5):
            return await bench.runner.run()

    return asyncio.run(run())


# journal before effect ----------------------------------------------------------------------------
def test_an_order_leaves_only_after_its_fact_and_outcome_are_durable(bench: LiveBench) -> None:
    """Fact appended, outcome appended, durable commit, then and only then submit."""
    bench.propose()
    at = names(bench).index("submit")
    assert names(bench)[at - 3 : at + 1] == ["event", "outcome", "durable", "submit"]
    (_, fact), (_, cause), (_, last), _ = bench.log[at - 3 : at + 1]
    assert fact == "MarginAnswered"
    assert isinstance(cause, int)
    assert last == cause + 1, "the commit covers the outcome that names the order"


def test_each_fact_is_journaled_before_anything_is_done_about_it(bench: LiveBench) -> None:
    """No request, cancel or submit precedes the record of the fact that caused it."""
    bench.propose()
    bench.feed(command(OperatorVerb.KILL))
    open_facts = 0
    for name, _ in bench.log:
        open_facts += name == "event"
        if name in ("submit", "cancel", "cancel_all", "ask_margin", "ask_snapshot"):
            assert open_facts > 0
    events = [cause for name, cause in bench.log if name == "event"]
    assert len(events) == len(bench.heard)


def test_what_needs_no_durability_is_committed_once_a_drain(bench: LiveBench) -> None:
    """Facts that send no order share one cheap commit."""
    before = len(bench.log)
    bench.feed(*[ev.FaultNoted(code="X", text=str(n)) for n in range(5)])
    said = names(bench)[before:]
    assert said.count("commit") == 1
    assert said[-1] == "commit"
    assert "durable" not in said


def test_the_observer_hears_every_step_in_order_after_it_was_journaled(bench: LiveBench) -> None:
    """Sequence numbers rise and are those of the journal's events."""
    bench.propose()
    seqs = [envelope.seq for envelope, _ in bench.heard]
    assert seqs == sorted(set(seqs))
    assert bench.heard[-1][0].seq < bench.journal.next_seq


def test_a_wish_for_a_calendar_is_answered_by_a_fact(bench: LiveBench) -> None:
    """Each morning the sessions are looked up once; the answer goes through inbox and journal like any other."""
    for _ in range(2):
        bench.feed(ev.TimerFired(name="premarket", due_at=bench.now))
    kinds = [type(envelope.event).__name__ for envelope, _ in bench.heard[-3:]]
    assert kinds == ["TimerFired", "CalendarLoaded", "TimerFired"]


def test_a_clock_that_steps_back_repeats_the_last_moment(bench: LiveBench) -> None:
    """The engine never sees time run backwards, whatever the clock says."""
    last = bench.state.now
    bench.now -= seconds(3600)
    bench.feed(ev.FaultNoted(code="X", text="x"))
    assert bench.state.now == last


# order of things ----------------------------------------------------------------------------------
def test_a_kill_is_handled_before_the_facts_that_were_waiting(bench: LiveBench) -> None:
    """Posted last, it is journaled first."""
    fills = [ev.Filled(fill=make_fill(f"m{n}.01", ref=None)) for n in range(3)]
    before = len(bench.heard)
    bench.feed(*fills, command(OperatorVerb.KILL))
    kinds = [type(envelope.event).__name__ for envelope, _ in bench.heard[before:]]
    assert kinds[:4] == ["OperatorCommanded", "Filled", "Filled", "Filled"]


def test_a_kill_between_question_and_answer_stops_the_order(bench: LiveBench) -> None:
    """The margin answer waits in the inbox; the kill overtakes it and nothing is sent."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    bench.feed(ev.MarginAnswered(ref=intent.ref, impact=bench.broker.margin), command(OperatorVerb.KILL))
    assert "submit" not in names(bench)
    assert bench.state.condors == {}


async def test_quotes_are_looked_at_after_the_facts_and_only_the_latest(bench: LiveBench) -> None:
    """A thousand quotes while a fill waits: the fill first, then one fact with one quote per instrument."""
    before = len(bench.heard)
    for n in range(1000):
        for quote in bench.world.quotes((), bench.now, 1):
            bench.inbox.post_quote(msgspec.structs.replace(quote, last=float(n)))
    bench.feed(ev.Filled(fill=make_fill("m1.01", ref=None)))
    facts = [e.event for e, _ in bench.heard[before:] if isinstance(e.event, ev.Filled | ev.QuotesUpdated)]
    assert [type(f).__name__ for f in facts] == ["Filled", "QuotesUpdated"]
    assert isinstance(facts[1], ev.QuotesUpdated)
    assert [(q.con_id, q.last) for q in facts[1].quotes] == [(c, 999.0) for c in (1, 2, 11, 12, 13)]


async def test_quotes_wait_for_the_cadence_and_facts_do_not(bench: LiveBench) -> None:
    """The second look within the cadence is put off; the quotes of both are seen at the later one."""
    bench.runner._cadence_s = 1000.0
    quote = bench.world.quotes((), bench.now, 1)[0]
    bench.inbox.post_quote(quote)
    bench.feed()
    looks = [e for e, _ in bench.heard if isinstance(e.event, ev.QuotesUpdated)]
    bench.inbox.post_quote(msgspec.structs.replace(quote, last=1.0))
    bench.feed(ev.FaultNoted(code="X", text="x"))
    assert [e for e, _ in bench.heard if isinstance(e.event, ev.QuotesUpdated)] == looks
    assert bench.heard[-1][0].event == ev.FaultNoted(code="X", text="x")
    assert bench.inbox.has_quotes
    bench.runner.stop(0, "enough")
    assert await bench.runner.run() == Stopped(0, "enough")


# without a journal --------------------------------------------------------------------------------
@pytest.mark.parametrize("call", ["event", "outcome", "durable"])
def test_a_journal_that_fails_ends_trading(bench: LiveBench, call: str) -> None:
    """Wherever the write fails: nothing is submitted, everything is cancelled, the latch is on disk, exit 3."""
    bench.broker.mute.add("margin")
    intent = bench.propose()
    bench.journal.fails = call
    bench.inbox.post(ev.MarginAnswered(ref=intent.ref, impact=bench.broker.margin))
    stopped = finished(bench)
    assert stopped.code == 3
    assert "disk full" in stopped.text
    assert "submit" not in names(bench)
    assert names(bench)[-1] == "cancel_all"
    found = latch.read(bench.folder / "KILL")
    assert found is not None
    assert found.who == "journal"
    assert "disk full" in found.reason
    assert [a.key for a in bench.heard[-1][1].alerts] == ["journal"]


def test_a_cheap_commit_that_fails_ends_trading_too(bench: LiveBench) -> None:
    """Facts that cannot be kept are as bad as orders that cannot."""
    bench.journal.fails = "commit"
    bench.inbox.post(ev.FaultNoted(code="X", text="x"))
    assert finished(bench).code == 3
    assert latch.present(bench.folder / "KILL")


def test_a_drain_outside_the_loop_ends_trading_the_same_way(bench: LiveBench) -> None:
    """Under a followed clock the tick drains; a failing journal stops the waiting loop with exit 3 all the same."""

    async def follow() -> Stopped:
        loop = asyncio.create_task(bench.runner.run())
        await asyncio.sleep(0)
        bench.journal.fails = "event"
        bench.inbox.post(ev.FaultNoted(code="X", text="x"))
        bench.runner.drain()
        async with asyncio.timeout(5):
            return await loop

    assert asyncio.run(follow()).code == 3
    assert names(bench)[-1] == "cancel_all"
    assert latch.present(bench.folder / "KILL")


def test_a_fact_the_journal_refuses_ends_trading(bench: LiveBench) -> None:
    """A NaN that came this far would not replay: cancel, latch, exit 3."""
    bench.inbox.post(ev.Filled(fill=make_fill("n1.01", price_points=float("nan"))))
    stopped = finished(bench)
    assert stopped.code == 3
    assert "Filled cannot be journaled" in stopped.text
    assert names(bench)[-1] == "cancel_all"
    assert latch.present(bench.folder / "KILL")


def test_nothing_is_handled_after_the_journal_failed(bench: LiveBench) -> None:
    """What waits in the inbox stays there: a decision that cannot be written is not made."""
    bench.journal.fails = "event"
    bench.feed(*[ev.FaultNoted(code="X", text=str(n)) for n in range(5)])
    heard = len(bench.heard)
    bench.feed(ev.TimerFired(name="pulse", due_at=TEN))
    assert len(bench.heard) == heard
    assert names(bench).count("cancel_all") == 1


def test_a_latch_that_cannot_be_written_either_is_said_in_the_last_words(bench: LiveBench, tmp_path: Path) -> None:
    """No journal and no latch: the text names both, and the cancels still go out."""
    bench.runner._latch_path = tmp_path / "missing" / "KILL"
    bench.journal.fails = "event"
    bench.inbox.post(ev.FaultNoted(code="X", text="x"))
    stopped = finished(bench)
    assert "latch" in stopped.text
    assert names(bench)[-1] == "cancel_all"


# the latch ----------------------------------------------------------------------------------------
def test_a_kill_is_on_disk_when_its_step_is_done_and_arm_removes_it(bench: LiveBench) -> None:
    """The file carries who and why; a confirmed arm takes it away."""
    bench.feed(command(OperatorVerb.KILL))
    found = latch.read(bench.folder / "KILL")
    assert found is not None
    assert (found.who, found.reason, found.at) == ("tester", "because", bench.now)
    bench.feed(command(OperatorVerb.ARM))
    assert not latch.present(bench.folder / "KILL")
    assert bench.state.control.state is TradingState.ACTIVE


def test_a_latch_that_cannot_be_written_is_a_fault_people_hear(bench: LiveBench, tmp_path: Path) -> None:
    """The kill holds in memory and journal; that it may not survive is said."""
    bench.runner._latch_path = tmp_path / "missing" / "KILL"
    bench.feed(command(OperatorVerb.KILL))
    assert bench.state.control.state is TradingState.HALTED
    faults = [e.event for e, _ in bench.heard if isinstance(e.event, ev.FaultNoted)]
    assert [f.code for f in faults] == ["LATCH"]


def test_a_latch_that_cannot_be_removed_halts_again(bench: LiveBench, tmp_path: Path) -> None:
    """A restart would be halted by the file, so the bot is too."""
    bench.feed(command(OperatorVerb.KILL))
    stuck = tmp_path / "stuck"
    stuck.mkdir()
    bench.runner._latch_path = stuck
    bench.feed(command(OperatorVerb.ARM))
    assert bench.state.control.state is TradingState.HALTED
    assert bench.state.kill_file


async def test_stop_wakes_a_loop_that_waits_for_facts(bench: LiveBench) -> None:
    """Nothing happens any more, and yet the process ends when it is told to."""
    loop = asyncio.create_task(bench.runner.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bench.runner.stop(0, "asked to")
    async with asyncio.timeout(5):
        assert await loop == Stopped(0, "asked to")


def test_stop_ends_the_loop_with_its_first_reason(bench: LiveBench) -> None:
    """The code and sentence of the first stop are the process's."""
    bench.runner.stop(0, "the day is over")
    bench.runner.stop(4, "too late")
    assert finished(bench) == Stopped(0, "the day is over")
