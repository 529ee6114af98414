"""The slow controls: where each begins, where it ends, and what it spares."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from risk.guards import GUARD_BOUNDS, Guards, loosened_guards, paper_guards
from risk.halt import denied
from risk.host import halting, warning
from risk.limits import LimitsRefused, loosened, paper_limits
from risk.maintenance import hindrance, window_fault
from risk.repeats import sessions_since, stopped_out
from risk.result import CheckResult, Consequence, Verdict
from risk.shock import pause_left_min, shock
from risk.watch import Attestation, Levels, Watch
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Right
from strategies.domain.known import Known
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent
from strategies.domain.session import Calendar
from tests.risk.sample import (
    EXPIRIES,
    GOOD_HOST,
    NEW_YORK,
    NOW,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    record,
    session,
)
from tests.risk.test_gate_checks import failing, judged, with_watch

GUARDS = paper_guards()


def filled(intent: PlaceIntent, ago_s: float) -> OrderRecord:
    """An order wholly executed."""
    by_leg = {leg.con_id: leg.action.sign * leg.ratio for leg in intent.legs}
    return record(intent, OrderState.FILLED, ago_s, filled_by_leg=by_leg)


# caps ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(GUARD_BOUNDS))
@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True, "3", -1, 1e12])
def test_no_guard_takes_a_value_that_is_no_bound(name: str, value: Any) -> None:
    """NaN, infinities, absence, truth values, words and absurd sizes are refused with the guard's name."""
    with pytest.raises(ValueError, match=name):
        msgspec.structs.replace(GUARDS, **{name: value})


def test_every_guard_has_a_bound_and_none_may_be_left_out() -> None:
    """No number escapes its range, no guard has a default."""
    assert {f.name for f in msgspec.structs.fields(Guards) if f.type in (int, float)} == set(GUARD_BOUNDS)
    plain = msgspec.to_builtins(GUARDS)
    for name in Guards.__struct_fields__:
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert({k: v for k, v in plain.items() if k != name}, Guards)


def test_guards_that_contradict_or_cannot_be_read_are_refused() -> None:
    """A warning behind its stop and a window without a day are named."""
    with pytest.raises(ValueError, match="clock_warn_ms"):
        msgspec.structs.replace(GUARDS, clock_warn_ms=3000.0)
    with pytest.raises(ValueError, match="SUN-FRI 00:15-01:45"):
        msgspec.structs.replace(GUARDS, maintenance_windows=("at night",))
    assert "XYZ" in window_fault("XYZ 10:00-11:00")
    assert window_fault("MON 10:00-25:00")


def test_loosening_a_guard_is_recognised_as_one_of_the_gates() -> None:
    """Fewer stops, a narrower window and a dropped maintenance window are looser; the opposite is not."""
    looser = msgspec.structs.replace(GUARDS, stop_outs=4, shock_vix_window_min=5.0, maintenance_windows=())
    assert loosened_guards(GUARDS, looser) == ("stop_outs", "shock_vix_window_min", "maintenance_windows")
    assert loosened_guards(looser, GUARDS) == ()
    caps = paper_limits()
    assert loosened(caps, msgspec.structs.replace(caps, guards=looser))[0] == "guards.stop_outs"
    with pytest.raises(LimitsRefused):
        msgspec.structs.replace(caps, crash_loss_pct=0.0)


# C23 ----------------------------------------------------------------------------------------------
DAYS = [date(2026, 2, 23) + timedelta(days=n) for n in range(19)]
CALENDAR = Calendar(sessions=tuple(session(day) for day in DAYS if day.weekday() < 5))


@pytest.mark.parametrize(
    ("stops", "today", "counted", "since"),
    [
        ((), date(2026, 3, 2), 0, 0),
        ((date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 2)), date(2026, 3, 2), 3, 0),
        ((date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 2)), date(2026, 3, 4), 3, 2),
        ((date(2026, 2, 23), date(2026, 3, 2), date(2026, 3, 2)), date(2026, 3, 2), 2, 0),  # six sessions back
        ((date(2026, 2, 24),), date(2026, 3, 2), 1, 4),
        ((date(2026, 2, 18),), date(2026, 3, 2), 0, 8),  # before the calendar: weekdays
    ],
)
def test_stop_outs_are_counted_in_sessions(stops: tuple[date, ...], today: date, counted: int, since: int) -> None:
    """Five sessions with today are the window; weekends and holidays are none."""
    assert stopped_out(CALENDAR, Watch(stop_outs=stops), GUARDS, today) == (counted, since)


def test_the_pause_after_stop_outs_ends_by_itself() -> None:
    """Two sessions after the last stop-out, and no exit is held up by it."""
    sessions = tuple(session(day) for day in DAYS if day.weekday() < 5)
    for stops, passes in (
        ((date(2026, 2, 26),) * 3, False),
        ((date(2026, 2, 25),) * 3, True),
        ((date(2026, 2, 26),) * 2, True),
    ):
        world = replace(with_watch(stop_outs=stops), sessions=sessions)
        assert ("C23" not in failing(judged(world, entry()))) is passes
    held = replace(with_watch(stop_outs=(NOW.date(),) * 3), sessions=sessions)
    assert judged(held.having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0), close()).approved


def test_an_unknown_calendar_counts_weekdays() -> None:
    """Without sessions every weekday is one."""
    assert sessions_since(Calendar(), date(2026, 2, 27), date(2026, 3, 3)) == 2


# C26, C27, C28 ------------------------------------------------------------------------------------
def test_openings_that_never_filled_and_attempts_of_one_walk_are_no_repeats() -> None:
    """Only what was executed counts, and a walk counts once."""
    never = [record(entry(f"ic-{n}"), OrderState.CANCELED, ago_s=4000.0 + n) for n in range(5)]
    walk = [
        filled(entry("ic-9", ref=f"ic-9/entry/{n}", chain_ref="ic-9/entry", attempt=n), 4000.0) for n in range(1, 5)
    ]
    assert "C26" not in failing(judged(World(orders=(*never, *walk)), entry()))


def test_three_round_trips_within_the_hour_stop_the_next_opening() -> None:
    """Condors of other strikes, opened and closed three times; two are none too many, nor three in two hours."""
    rows = []
    for n in range(3):
        strikes = tuple(k - 25.0 * n for k in WINGS)
        rows += [
            filled(entry(f"ic-{n + 20}", wings=strikes), 600.0 + 60.0 * n),
            filled(close(f"ic-{n + 20}", wings=strikes), 590.0 + 60.0 * n),
        ]
    caps = msgspec.structs.replace(World().limits, orders_per_minute=12)
    assert failing(judged(World(limits=caps, orders=tuple(rows)), entry())) == ["C26"]
    assert judged(World(limits=caps, orders=tuple(rows[:4])), entry()).approved
    old = [msgspec.structs.replace(row, approved_at=row.approved_at - timedelta(hours=1)) for row in rows]
    assert judged(World(limits=caps, orders=tuple(old)), entry()).approved


def test_arming_starts_the_count_of_repeats_anew() -> None:
    """What was executed before a person armed is settled."""
    rows = tuple(filled(entry(f"ic-{n + 20}"), 4000.0 + n) for n in range(3))
    world = World(orders=rows)
    armed = world.with_(watch=msgspec.structs.replace(world.view().watch, armed_at=NOW - timedelta(hours=1)))
    assert failing(judged(world, entry())) == ["C26"]
    assert judged(armed, entry()).approved


def _verdict(*codes: str) -> Verdict:
    checks = tuple(CheckResult(c, c, False, 1, 1, "x", f"{c} says", Consequence.DENY) for c in codes)
    return Verdict("ic-1.entry.1", False, checks, codes[0], "denied")


def test_repeats_latch_at_once_and_duplicates_at_the_second() -> None:
    """C26 stops until a person looks, C27 only when it comes again; other denials stop nothing more."""
    (repeat,) = denied(_verdict("C11", "C26"), 0, paper_limits())
    assert (repeat.code, repeat.latching, repeat.cause) == ("C26", True, "limit:C26")
    assert denied(_verdict("C27"), 1, paper_limits()) == ()
    (twice,) = denied(_verdict("C27"), 2, paper_limits())
    assert (twice.code, twice.latching) == ("C27", True)
    assert denied(_verdict("C11"), 0, paper_limits()) == ()


def test_an_order_of_the_hedge_never_meets_the_hedges_own() -> None:
    """While one slot sells a contract another does not buy it, whatever it is proven to do; the same side may."""
    contract = con_id(EXPIRIES[1], 5000.0, Right.PUT)
    sale = entry(HEDGE_OWNER, legs=(LegIntent(contract, 1, Action.SELL, 1),), limit_points=-20.0)
    for action, clash in ((Action.BUY, True), (Action.SELL, False)):
        mine = entry(HEDGE_OWNER, ref="alvh-2", chain_ref="alvh-2", legs=(LegIntent(contract, 1, action, 2),))
        assert ("C28" in failing(judged(World(orders=(record(sale),)), mine))) is clash
    over = World(orders=(record(sale, OrderState.CANCELED),))
    mine = entry(HEDGE_OWNER, ref="alvh-2", chain_ref="alvh-2", legs=(LegIntent(contract, 1, Action.BUY, 2),))
    assert "C28" not in failing(judged(over, mine))


def test_a_condors_exit_is_not_held_up_by_an_order_on_its_other_side() -> None:
    """Closing comes first: the clash is written down, the exit goes."""
    short_put = LegIntent(con_id(EXPIRIES[1], WINGS[1], Right.PUT), 1, Action.SELL, 1)
    hedge = record(entry(HEDGE_OWNER, legs=(short_put,), limit_points=-20.0))
    world = replace(World(), orders=(hedge,)).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    verdict = judged(world, close())
    found = next(row for row in verdict.checks if row.code == "C28")
    assert found.passed
    assert hedge.ref in found.text


# C37 ----------------------------------------------------------------------------------------------
def rows(*values: tuple[float, float, float | None], step_s: float = 60.0) -> tuple[Levels, ...]:
    """SPX, VIX and flip, minute by minute up to now."""
    return tuple(Levels(NOW - timedelta(seconds=step_s * (len(values) - 1 - n)), *row) for n, row in enumerate(values))


@pytest.mark.parametrize(
    ("levels", "word"),
    [
        (rows((5500, 16.0, -1.0), (5500, 20.7, -1.0)), ""),
        (rows((5500, 16.0, -1.0), (5500, 20.8, -1.0)), "VIX"),
        (rows((5500, 16.0, -1.0), *[(5500, 18.0, -1.0)] * 10, (5500, 20.8, -1.0)), ""),  # the low is 11 minutes old
        (rows((5500, 16.0, -1.0), (5391, 16.0, -1.0)), ""),
        (rows((5500, 16.0, -1.0), (5390, 16.0, -1.0)), "SPX"),
        (rows((5500, 16.0, -1.0), *[(5440, 16.0, -1.0)] * 5, (5390, 16.0, -1.0)), ""),
        (rows((5500, 16.0, -1.0), (5500, 16.0, 1.9)), ""),
        (rows((5500, 16.0, -1.0), (5500, 16.0, 2.0)), "future"),
        (rows((5500, 16.0, -4.0), (5500, 16.0, -0.5)), ""),  # still below the second
        (rows((5500, 16.0, None), (5500, 16.0, 9.0)), ""),
        ((), ""),
    ],
)
def test_what_is_a_shock(levels: tuple[Levels, ...], word: str) -> None:
    """30 % of VIX in ten minutes, 2 % of SPX in five, 3 points of the curve; a breath less is none."""
    text = shock(levels, GUARDS)
    assert bool(text) is bool(word)
    assert word in text


def test_after_a_shock_nothing_new_is_sold_for_half_an_hour_while_the_hedge_goes_on() -> None:
    """The pause ends by itself; levels that are unknown or old deny as well."""
    world = with_watch(shocked_at=NOW - timedelta(minutes=30), shock_text="VIX rose")
    assert judged(world, entry()).approved
    assert pause_left_min(Watch(shocked_at=NOW - timedelta(minutes=12)), GUARDS, NOW) == 18.0
    for levels in ((), (Levels(NOW - timedelta(minutes=3), 5500.0, 16.0),)):
        assert failing(judged(with_watch(levels=levels), entry())) == ["C37", "C15-J"]
    hedge = entry(HEDGE_OWNER, legs=(LegIntent(con_id(EXPIRIES[1], 5000.0, Right.PUT), 1, Action.BUY, 1),))
    codes = {row.code for row in judged(with_watch(levels=()), hedge).checks}
    assert not codes & {"C37", "C23"}


# C39 ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "compared", "word"),
    [
        ((2026, 3, 2, 0, 4), None, ""),  # Monday night, before the ten minutes: Sunday's window was not followed
        ((2026, 3, 3, 0, 5), (2026, 3, 2, 9, 0), "begins in 10 min"),
        ((2026, 3, 3, 0, 15), (2026, 3, 3, 0, 14), "lasts until 01:45"),
        ((2026, 3, 3, 1, 45), (2026, 3, 3, 1, 40), "nothing was compared"),
        ((2026, 3, 3, 1, 46), (2026, 3, 3, 1, 45), ""),
        ((2026, 3, 6, 23, 30), (2026, 3, 6, 23, 29), "lasts until 03:00"),
        ((2026, 3, 7, 2, 59), (2026, 3, 7, 2, 58), "lasts until 03:00"),
        ((2026, 3, 7, 3, 0), (2026, 3, 7, 3, 0), ""),
    ],
)
def test_maintenance_from_ten_minutes_before_until_compared(
    at: tuple[int, ...], compared: tuple[int, ...] | None, word: str
) -> None:
    """Nothing leaves from ten minutes before a window until a comparison begun after it."""
    now = datetime(*at, tzinfo=NEW_YORK)  # type: ignore[arg-type,misc]
    since = None if compared is None else datetime(*compared, tzinfo=NEW_YORK)  # type: ignore[arg-type,misc]
    windows = () if compared is None else GUARDS.maintenance_windows
    text = hindrance(windows, GUARDS.maintenance_before_min, now, since)
    assert word in text
    assert bool(text) is bool(word)


def test_maintenance_stops_exits_too() -> None:
    """An order sent into a restart of the broker may be lost: not even an exit leaves."""
    guards = msgspec.structs.replace(GUARDS, maintenance_windows=("MON 10:30-11:30",))
    world = replace(World(), limits=msgspec.structs.replace(paper_limits(), guards=guards))
    held = world.having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert failing(judged(held, close())) == ["C39"]


# C44, C49, C50, C53 -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"clock_step_ms": 2001.0}, "C44", "wall clock"),
        ({"clock_step_ms": None}, "C44", "could not be measured"),
        ({"broker_clock_ms": -3001.0}, "C44", "broker's"),
        ({"disk_free_mib": 199.0}, "C49", "199 MiB"),
        ({"disk_free_mib": None}, "C49", "could not be measured"),
        ({"commit_ms": 1001.0}, "C49", "commit"),
        ({"memory_mib": 2049.0}, "C50", "memory"),
        ({"descriptors": 513}, "C50", "open files"),
        ({"tasks": 257}, "C50", "background"),
        ({"facts_waiting": 1001}, "C50", "inbox"),
        ({"loop_lag_s": 10.5}, "C50", "event loop"),
        ({"loop_lag_s": None}, "C50", "could not be measured"),
    ],
)
def test_what_stops_new_risk_on_a_host(change: dict[str, Any], code: str, word: str) -> None:
    """Each reading beyond its bound, or missing, fails its control alone, and exits go on."""
    reading = msgspec.structs.replace(GOOD_HOST, **change)
    ((found, text),) = halting(reading, GUARDS)
    assert found == code
    assert word in text
    assert failing(judged(with_watch(host=reading), entry())) == [code]
    held = with_watch(host=reading).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert judged(held, close()).approved


def test_a_good_host_is_quiet_and_the_brokers_clock_may_be_unknown() -> None:
    """The broker tells whole seconds: a second and more is no difference, and unasked is no fault."""
    assert halting(GOOD_HOST, GUARDS) == ()
    assert warning(GOOD_HOST, GUARDS) == ()
    assert halting(msgspec.structs.replace(GOOD_HOST, broker_clock_ms=None), GUARDS) == ()
    assert warning(msgspec.structs.replace(GOOD_HOST, broker_clock_ms=1400.0), GUARDS) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clock_step_ms": -501.0}, "C44"),
        ({"broker_clock_ms": 1600.0}, "C44"),
        ({"disk_free_mib": 1023.0}, "C49"),
        ({"commit_ms": 51.0}, "C49"),
        ({"memory_mib": 1025.0}, "C50"),
        ({"descriptors": 410}, "C50"),
        ({"loop_lag_s": 2.1}, "C50"),
    ],
)
def test_what_warns_before_it_stops(change: dict[str, Any], code: str) -> None:
    """Each warning comes while new risk is still allowed."""
    reading = msgspec.structs.replace(GOOD_HOST, **change)
    assert [of for of, _ in warning(reading, GUARDS)] == [code]
    assert judged(with_watch(host=reading), entry()).approved


def test_a_host_not_measured_lately_stops_new_risk_but_a_simulated_one_has_none() -> None:
    """An old reading or none is unknown; in a simulated market nothing is expected."""
    for host in (None, msgspec.structs.replace(GOOD_HOST, at=NOW - timedelta(seconds=61))):
        world = with_watch(host=host)
        assert failing(judged(world, entry())) == ["C44", "C49", "C50"]
        assert judged(world.with_(host_watched=False), entry()).approved


def test_a_session_that_ended_well_hinders_nothing() -> None:
    """Only faults stop the next day, and not what protects."""
    assert judged(with_watch(attestation=Attestation(NOW.date(), NOW)), entry()).approved
    assert isinstance(World().view().account, Known)
