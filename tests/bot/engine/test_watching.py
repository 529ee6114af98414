"""What the engine remembers for the slow controls, fact by fact, and what people hear of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest

from bot.engine.fold import _read_parameters
from bot.engine.state import State
from bot.engine.watching import STOPS, explained_usd, refused, stop_outs
from bot.engine.work import Work
from risk.guards import paper_guards
from risk.result import CheckResult, Consequence, Verdict
from risk.watch import Watch
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.book import Settled
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.host import HostReading
from strategies.domain.orders import Action as Side
from strategies.domain.orders import LegIntent
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import (
    DAY,
    NEW_YORK,
    NLV_USD,
    account_reported,
    book_with,
    calendar_loaded,
    command,
    link,
    make_fill,
    make_intent,
    make_parameters,
    make_record,
    run_started,
)

GOOD = HostReading(
    at=datetime(2026, 5, 4, 13, 36, tzinfo=NEW_YORK), clock_step_ms=1.0, broker_clock_ms=None, disk_free_mib=9000.0,
    commit_ms=1.0, memory_mib=200.0, descriptors=30, tasks=12, facts_waiting=0, loop_lag_s=0.0,
)  # fmt: skip
END = datetime(2026, 5, 4, 16, 20, tzinfo=NEW_YORK)


def watch_of(bench: Bench) -> Watch:
    return bench.state.watch


def alerts(bench: Bench, key: str) -> list[str]:
    return [a.text for s in bench.steps for a in s.outcome.alerts if a.key == key]


def reading(bench: Bench, **changes: object) -> ev.HostMeasured:
    """A reading young enough for the next hour of a test."""
    return ev.HostMeasured(reading=msgspec.structs.replace(GOOD, at=bench.now + timedelta(hours=1), **changes))


def ended(bench: Bench) -> None:
    """Market time reaches the day's end and its timer fires, with a comparison just before."""
    bench.now = END
    bench.pulse()
    bench.feed(ev.TimerFired(name="end_of_day", due_at=END))


# C37 ----------------------------------------------------------------------------------------------
def test_levels_are_kept_every_ten_seconds_and_for_the_longest_window() -> None:
    """Quotes between are not kept, nor are levels that no window reaches, nor levels that are not fresh."""
    bench = Bench().start()
    bench.tick()
    first = len(watch_of(bench).levels)
    bench.tick(4.0)
    assert len(watch_of(bench).levels) == first
    for _ in range(80):
        bench.tick(10.0)
    kept = watch_of(bench).levels
    assert len(kept) == 61
    assert bench.now - kept[0].at == timedelta(minutes=10)
    assert kept[-1].spx == 5500.0
    assert kept[-1].flip_points == pytest.approx(-1.0)


def test_a_shock_is_told_once_and_stops_new_condors_until_the_pause_is_over() -> None:
    """VIX rises by a third within minutes: no entry; half an hour after the last such look there is one again."""
    bench = Bench().start()
    bench.tick()
    bench.world.vix = 22.7
    bench.tick(60.0)
    bench.tick(60.0)
    assert len(alerts(bench, "C37")) == 1
    assert "VIX rose" in alerts(bench, "C37")[0]
    with pytest.raises(AssertionError, match="C37"):
        bench.propose()
    bench.world.vix = 17.0
    bench.now += timedelta(minutes=31)
    bench.pulse()
    assert bench.propose()


# C23 ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", [*STOPS, "C-EXIT-1", None])
def test_a_condor_closed_by_its_stop_is_remembered_once(rule: str | None) -> None:
    """The step in which it closes counts, later ones do not; a profit target is no stop-out."""
    bench = Bench().start()
    condor = bench.open_condor()
    closed = msgspec.structs.replace(condor, state=CondorState.CLOSED, exit_rule=rule)
    work = Work(bench.state, bench.now)
    work.set(condors={condor.id: closed})
    stop_outs(work, {condor.id: condor})
    again = Work(work.state, bench.now)
    again.set(condors={condor.id: closed, "other": condor})
    stop_outs(again, work.state.condors)
    expected = (DAY,) if rule in STOPS else ()
    assert work.state.watch.stop_outs == again.state.watch.stop_outs == expected


def test_the_third_stop_out_is_told_and_no_condor_is_proposed() -> None:
    """With three in five sessions the gate refuses the next one; arming settles them."""
    bench = Bench().start()
    bench.state = msgspec.structs.replace(bench.state, watch=Watch(stop_outs=(DAY, DAY, DAY)))
    with pytest.raises(AssertionError, match="C23"):
        bench.propose()
    bench.pulse()
    bench.feed(command(OperatorVerb.ARM))
    assert watch_of(bench).stop_outs == ()
    assert watch_of(bench).armed_at == bench.now


# C27 ----------------------------------------------------------------------------------------------
def test_a_second_duplicate_of_a_session_latches_until_armed() -> None:
    """One refused duplicate is a denial, the next one a stop; yesterday's do not count."""
    bench = Bench().start()
    ref = bench.working()
    intent = bench.order(ref).intent
    from bot.engine import permit

    def repeat(number: int) -> Work:
        work = Work(bench.state, bench.now)
        twin = msgspec.structs.replace(intent, ref=f"ic-dup.{number}", chain_ref=f"ic-dup/{number}")
        permit.permit(work, (twin,), ())
        bench.state = work.state
        return work

    assert repeat(1).state.control.state is TradingState.ACTIVE
    work = repeat(2)
    assert work.state.control.state is TradingState.REDUCING
    assert bench.causes() == {"limit:C27"}
    old = (bench.now - timedelta(days=1), bench.now - timedelta(days=1))
    bench.state = msgspec.structs.replace(
        bench.state, control=msgspec.structs.replace(bench.state.control, latches=()), watch=Watch(duplicates=old)
    )
    assert repeat(3).state.control.state is TradingState.ACTIVE


@pytest.mark.parametrize(("slot", "counted"), [(1, 1), (2, 0)])
def test_two_slots_that_want_the_same_contract_are_no_duplicates(slot: int, counted: int) -> None:
    """The gate lets the second wait, as it does with every like order; only the same slot's counts towards the stop."""
    bench = Bench().start()
    first = make_record(
        intent=make_intent("alvh-s01.open.1", owner=HEDGE_OWNER, legs=(LegIntent(101, 1, Side.BUY, 1),))
    )
    again = make_intent("alvh-x", owner=HEDGE_OWNER, legs=(LegIntent(101, 1, Side.BUY, slot),))
    check = CheckResult("C27", "duplicate", False, first.ref, None, "reference", "again", Consequence.DENY)
    work = Work(msgspec.structs.replace(bench.state, book=book_with(first)), bench.now)
    refused(work, again, Verdict(again.ref, False, (check,), "C27", "denied"))
    assert len(work.state.watch.duplicates) == counted


# host ---------------------------------------------------------------------------------------------
def on_a_real_gateway() -> Bench:
    bench = Bench()
    bench.feed(run_started(bench.parameters, simulated=False), calendar_loaded())
    return bench.connect()


@pytest.mark.parametrize(("disk_free_mib", "denied"), [(None, "C44"), (100.0, "C49"), (9000.0, "")])
def test_the_host_of_a_run_on_a_real_gateway_is_looked_at(disk_free_mib: float | None, denied: str) -> None:
    """Never measured no entry, a full disk no entry, a good host trades."""
    bench = on_a_real_gateway()
    if disk_free_mib is not None:
        bench.feed(reading(bench, disk_free_mib=disk_free_mib))
    if not denied:
        assert bench.propose()
        return
    with pytest.raises(AssertionError, match=denied):
        bench.propose()


def test_trouble_of_the_host_is_told_once_an_hour() -> None:
    """What stops new risk is critical, what comes near it a warning, each once."""
    bench = on_a_real_gateway()
    for _ in range(2):
        bench.feed(reading(bench, disk_free_mib=100.0), reading(bench, disk_free_mib=500.0))
    assert len(alerts(bench, "host.C49")) == len(alerts(bench, "warn.C49")) == 1
    bench.feed(reading(bench, disk_free_mib=90.0), after_s=3601.0)
    assert len(alerts(bench, "host.C49")) == 2


# C53 ----------------------------------------------------------------------------------------------
def test_the_end_of_another_day_that_comes_late_says_nothing() -> None:
    """After a holiday, or on a machine that slept, the last day's timer fires in the morning, before anything is known:
    the day that begins is not called unexplained, and may trade."""
    bench = Bench().start()
    bench.feed(link(LinkState.DOWN, bench.broker.epoch))
    before = watch_of(bench).attestation
    for name in ("end_of_day", "report"):
        bench.feed(ev.TimerFired(name=name, due_at=END - timedelta(days=1)))
    assert watch_of(bench).attestation == before
    assert alerts(bench, "C53") == []
    bench.feed(ev.TimerFired(name="end_of_day", due_at=bench.now))
    assert watch_of(bench).attestation is not None
    assert alerts(bench, "C53") != []


def test_a_quiet_day_is_attested() -> None:
    """No order, no position, no cash moved: told as good, nothing is stopped."""
    bench = Bench().start()
    ended(bench)
    found = watch_of(bench).attestation
    assert found is not None
    assert (found.day, found.faults) == (DAY, ())
    assert "explained" in alerts(bench, "C53")[0]


def test_what_the_day_left_unexplained_stops_new_risk_until_armed() -> None:
    """Cash that no execution explains, an order not over, a link that is down: each is a fault, told loudly."""
    bench = Bench().start()
    ref = bench.working()
    bench.feed(account_reported(bench.now, cash_usd=NLV_USD - 51.0))
    ended(bench)
    faults = watch_of(bench).attestation
    assert faults is not None
    assert any(ref in text for text in faults.faults)
    assert any("cash moved by -51.00 USD" in text for text in faults.faults)
    bench.broker.mute.add("snapshot")
    bench.now += timedelta(minutes=5)
    bench.feed(ev.TimerFired(name="report", due_at=bench.now))
    later = watch_of(bench).attestation
    assert later is not None
    assert any("unknown" in text for text in later.faults)


def test_cash_within_the_tolerance_and_cash_of_executions_are_explained() -> None:
    """50 dollars of interest are no fault; what executions and commissions add up to is none either."""
    bench = Bench().start()
    bench.feed(account_reported(bench.now, cash_usd=NLV_USD + 50.0))
    ended(bench)
    found = watch_of(bench).attestation
    assert found is not None
    assert found.faults == ()
    fills = {"e1": make_fill("e1.01", quantity=2), "e2": make_fill("e2.01", leg=1, quantity=2, price_points=8.0)}
    settled = Settled(7, -1, 3.0, 100, bench.now)
    book = book_with(make_record(), fills=fills, commissions_usd={"e1.01": 1.3}, settlements=(settled,))
    assert explained_usd(book) == pytest.approx(-1000.0 + 1600.0 - 300.0 - 1.3)


def test_a_closed_day_is_not_attested() -> None:
    """Timers also fire on holidays: there was no session to end."""
    bench = Bench().start()
    bench.now = datetime(2026, 5, 9, 16, 20, tzinfo=NEW_YORK)  # a Saturday
    bench.feed(ev.TimerFired(name="end_of_day", due_at=bench.now))
    assert watch_of(bench).attestation is None


def test_cash_is_noted_with_the_first_figures_of_a_day() -> None:
    """Later figures of the day do not move the mark, the next day's first do."""
    bench = Bench().start()
    bench.feed(account_reported(bench.now, cash_usd=1.0), after_s=60.0)
    mark = watch_of(bench).cash
    assert mark is not None
    assert (mark.day, mark.account_usd) == (DAY, NLV_USD)
    bench.feed(account_reported(bench.now, cash_usd=None), after_s=86400.0)
    assert watch_of(bench).cash == mark
    bench.feed(account_reported(bench.now, cash_usd=2.0))
    assert watch_of(bench).cash == type(mark)(date(2026, 5, 5), 2.0, 0.0)


# C48 ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("simulated", "latched"), [(False, True), (True, False)])
def test_other_code_than_the_one_armed_only_reduces(simulated: bool, latched: bool) -> None:
    """The first start arms its code; a restart with the same goes on; other code waits for a person, who arms it."""
    bench = Bench().start()
    assert watch_of(bench).armed_code == "test"
    bench.restart().connect()
    assert bench.causes() == set()
    bench.feed(run_started(bench.parameters, code_version="other", simulated=simulated), calendar_loaded())
    assert bench.causes() == ({"C48"} if latched else set())
    if latched:
        bench.connect()
        bench.feed(command(OperatorVerb.ARM))
        assert bench.causes() == set()
        assert watch_of(bench).armed_code == "other"


# journal ------------------------------------------------------------------------------------------
def test_a_journal_of_a_bot_without_guards_can_still_be_folded() -> None:
    """Its RunStarted lacks them, whole or in part: they get their documented values, told ones stay."""
    raw = msgspec.json.decode(run_started(make_parameters()).parameters)
    del raw["limits"]["guards"]["stop_outs"]
    raw["limits"]["guards"]["tasks"] = 99
    read = _read_parameters(msgspec.json.encode(raw).decode())
    assert read.limits.guards == msgspec.structs.replace(paper_guards(), tasks=99)
    del raw["limits"]["guards"]
    assert _read_parameters(msgspec.json.encode(raw).decode()).limits.guards == paper_guards()


def test_orders_refused_for_their_quotes_are_counted_for_a_minute_and_told_once() -> None:
    """Ten within a minute stop everything new (C15-N), said once; refusals for another reason, and older ones, count
    for nothing."""
    bench = Bench().start()

    def refuse(code: str) -> None:
        row = CheckResult(code, "quotes", False, None, None, "points", "too wide", Consequence.DENY)
        work = Work(bench.state, bench.now)
        refused(work, make_intent(), Verdict("ic-1.entry.1", False, (row,), code, "denied"))
        bench.state = work.state
        told.extend(alert.text for alert in work.alerts if alert.key == "C15")

    told: list[str] = []
    for _ in range(9):
        refuse("C15")
        refuse("C14")
    bench.now += timedelta(seconds=60)
    for expected in range(1, 13):
        refuse("C15")
        assert len(watch_of(bench).refused_quotes) == expected
    assert len(told) == 1
    verdict = bench.tick(60.0)  # a minute without
    assert verdict
    refuse("C15")
    assert len(watch_of(bench).refused_quotes) == 1


@pytest.mark.parametrize("verb", list(OperatorVerb))
def test_any_command_of_a_person_is_a_word_and_silence_is_told_each_morning(verb: OperatorVerb) -> None:
    """C54: the start counts as one. The third morning warns, from the fourth on it is urgent; a command ends that, but
    not one that a watchdog or a service manager gives as well."""
    bench = on_a_real_gateway()
    began = watch_of(bench).heard_at
    assert began is not None
    told = []
    for day in range(1, 5):
        bench.now = datetime(2026, 5, 4 + day, 8, 0, tzinfo=NEW_YORK)
        before = len(alerts(bench, "C54"))
        bench.feed(calendar_loaded(), ev.TimerFired(name="premarket", due_at=bench.now))
        told.append(len(alerts(bench, "C54")) - before)
    assert told == [0, 0, 1, 1]
    bench.feed(command(verb))
    machine = verb in (OperatorVerb.KILL, OperatorVerb.STOP)
    assert watch_of(bench).heard_at == (began if machine else bench.now)
    bench.restart()
    assert watch_of(bench).heard_at == (began if machine else bench.now)


def test_the_memory_survives_a_checkpoint() -> None:
    """A state with levels, stop-outs, host and a day's end comes back equal."""
    bench = Bench().start()
    bench.tick()
    bench.feed(reading(bench))
    ended(bench)
    state = msgspec.structs.replace(bench.state, watch=msgspec.structs.replace(watch_of(bench), stop_outs=(DAY,)))
    assert msgspec.json.decode(msgspec.json.encode(state), type=State).watch == state.watch
