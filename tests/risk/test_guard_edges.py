"""The slow controls and what a case is made of, exactly at their numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from risk.case import Case
from risk.checks import guards
from risk.exposure import Stake
from risk.guards import GUARD_BOUNDS, loosened_guards, paper_guards
from risk.host import halting, warning
from risk.maintenance import hindrance, span, window_fault
from risk.repeats import identical_opens, key_of, reverse, round_trips, sessions_since, silent_sessions, stopped_out
from risk.shock import longest_window, pause_left_min, shock
from risk.stress import Stress
from risk.watch import Attestation, Levels, Watch
from strategies.domain.instruments import Right, describe
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent
from strategies.domain.session import Calendar
from tests.risk.hedge_sample import CALLS, buy, hedge_world, owning, sell
from tests.risk.sample import (
    EPOCH,
    EXPIRIES,
    GOOD_HOST,
    NEW_YORK,
    NLV,
    NOW,
    VIX,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    record,
    session,
)
from tests.risk.test_check_edges import asked

GUARDS = paper_guards()
LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 2, -14.0)
BUY, SELL = Action.BUY, Action.SELL


def watching(**changes: Any) -> World:
    """Other memories."""
    return World().with_(watch=msgspec.structs.replace(World().view().watch, **changes))


def capped(**changes: Any) -> Any:
    """Other caps of the slow controls."""
    return msgspec.structs.replace(GUARDS, **changes)


# what repeats ---------------------------------------------------------------------------------------
def filled(intent: PlaceIntent, ago_s: float, **changes: Any) -> OrderRecord:
    """An order of which something was executed."""
    one = msgspec.structs.replace(intent, **changes)
    return record(one, OrderState.FILLED, ago_s, filled_by_leg={one.legs[0].con_id: 1})


def test_openings_are_the_same_by_contract_side_ratio_and_slot() -> None:
    """Whoever owns them; the reverse has every side turned, the slot kept."""
    leg = LegIntent(5, 2, BUY, 3)
    assert key_of(entry(legs=(leg,))) == {(5, 2, 3)}
    assert reverse(key_of(entry(legs=(leg, LegIntent(6, 1, SELL))))) == {(5, -2, 3), (6, 1, None)}
    opened = session(NOW.date()).open_at
    since_open = (NOW - opened).total_seconds()
    for ago_s, seen in ((since_open, 1), (since_open + 0.001, 0), (10.0, 1)):
        assert identical_opens(World(orders=(filled(entry("ic-9"), ago_s),)).view(), entry()) == seen
    assert identical_opens(World(orders=(record(entry("ic-9"), OrderState.CANCELED, 10.0),)).view(), entry()) == 0
    for hours, seen in ((24.0, 1), (24.001, 0)):
        world = World(orders=(filled(entry("ic-9"), 3600.0 * hours),), sessions=())
        assert identical_opens(world.view(), entry()) == seen


def test_repeats_at_their_caps() -> None:
    """The last opening allowed and the next; the same for round trips, each named with its number."""
    opens = tuple(filled(entry(f"ic-{n + 20}"), 4000.0 + n) for n in range(2))
    for cap, passes in ((3, True), (2, False)):
        found = asked(guards.repeated, entry(), World(orders=opens), guards=capped(identical_opens_per_day=cap))
        assert found.passed is passes
        assert found[1:4] == ((0, 3, "round trips per hour") if passes else (2, 2, "identical opens per day"))
    trip = (filled(entry("ic-20", EXPIRIES[0]), 600.0), filled(close("ic-20", EXPIRIES[0]), 500.0))
    for cap, passes in ((2, True), (1, False)):
        found = asked(guards.repeated, entry(), World(orders=trip), guards=capped(round_trips_per_hour=cap))
        assert found[:4] == (passes, 1, cap, "round trips per hour")


def test_round_trips_are_pairs_of_an_opening_and_its_reverse() -> None:
    """Two openings and one closing are one; an hour ago is within the hour; what was armed away is settled."""
    rows = (filled(entry("ic-20"), 600.0), filled(entry("ic-21"), 500.0), filled(close("ic-20"), 400.0))
    assert round_trips(World(orders=rows).view()) == 1
    assert round_trips(World(orders=(*rows, filled(close("ic-21"), 300.0))).view()) == 2
    assert round_trips(World(orders=rows[:2]).view()) == 0
    for ago_s, seen in ((3600.0, 1), (3600.001, 0)):
        assert round_trips(World(orders=(filled(entry("ic-20"), ago_s), rows[2])).view()) == seen
    for armed_s, seen in ((600.0, 1), (599.0, 0)):
        world = World(orders=(rows[0], rows[2]))
        armed = msgspec.structs.replace(world.view().watch, armed_at=NOW - timedelta(seconds=armed_s))
        assert round_trips(world.with_(watch=armed).view()) == seen


WEEK = tuple(date(2026, 2, 23) + timedelta(days=n) for n in range(8) if n not in (5, 6))
CALENDAR = Calendar(sessions=tuple(session(day) for day in WEEK))


def test_sessions_are_counted_from_the_day_after() -> None:
    """Monday to Monday: five; before the calendar weekdays; the day itself none; later days none."""
    monday, next_monday = WEEK[0], WEEK[-1]
    assert sessions_since(CALENDAR, monday, next_monday) == 5
    assert sessions_since(CALENDAR, monday, monday) == 0
    assert sessions_since(CALENDAR, next_monday, monday) == 0
    assert sessions_since(CALENDAR, monday - timedelta(days=3), monday) == 1  # Friday, by the calendar's Monday
    assert sessions_since(CALENDAR, monday - timedelta(days=4), monday) == 2
    assert sessions_since(Calendar(), monday, next_monday) == 5
    tuesday, thursday = monday - timedelta(days=6), monday - timedelta(days=4)
    assert sessions_since(CALENDAR, tuesday, thursday) == 2  # the calendar begins later: up to today, not to its Monday
    assert stopped_out(CALENDAR, Watch(stop_outs=(WEEK[1], WEEK[2])), GUARDS, next_monday) == (2, 3)
    late = datetime(2026, 2, 27, 23, 30, tzinfo=NEW_YORK)
    assert silent_sessions(CALENDAR, late, datetime(2026, 3, 2, 0, 30, tzinfo=NEW_YORK)) == 1


def test_stop_outs_at_their_caps() -> None:
    """The count and the pause in sessions, what is left of it told."""
    sessions = CALENDAR.sessions
    for stops, cap, pause, passes, words in (
        (2, 3, 2, True, "fewer than 3"), (3, 3, 2, False, "nor in the next 1 sessions"),
        (3, 3, 1, False, "no new one today"),
    ):  # fmt: skip
        world = replace(watching(stop_outs=(WEEK[-2],) * stops), sessions=sessions)
        caps = capped(stop_outs=cap, stop_out_pause_sessions=pause, stop_out_window_sessions=5)
        found = asked(guards.stop_outs, entry(), world, guards=caps)
        assert found[:4] == (passes, stops, cap, "stop-outs")
        assert found.text.endswith(words) or words in found.text
        assert ("next" in found.text) is ("next" in words)


# other side, presence, session's end ----------------------------------------------------------------
def test_an_order_on_the_other_side_is_named_by_what_it_does() -> None:
    """The first leg that clashes; only a condor's exit is spared."""
    put = LEGS[1].con_id
    for side, verb, clash in ((BUY, "buys", True), (SELL, "sells", False)):
        world = World(orders=(record(entry("ic-2", legs=(LegIntent(put, 1, side),))),))
        found = asked(guards.self_trade, entry(), world)
        assert (found.passed, verb in found.text) == (not clash, clash)
        named = world.view().market.option(put)
        assert named is not None
        assert (f"{verb} {describe(named)}: the two could trade" in found.text) is clash
    world = replace(HELD, orders=(record(entry("ic-2", legs=(LegIntent(put, 1, SELL),))),))
    assert asked(guards.self_trade, close(), world).passed
    assert "sells" in asked(guards.self_trade, close(), world).text
    call = CALLS[1]
    owned = owning(hedge_world(), call, 1, 4, 1.5)
    both = replace(owned, orders=(*owned.orders, record(buy(call, 2))))
    assert not asked(guards.self_trade, sell(call, 1, 4), both).passed


def test_presence_and_attestation_say_how_much() -> None:
    """Sessions since a word, at the cap; faults of the last end, which a purchase of protection passes."""
    sessions = tuple(session(NOW.date() - timedelta(days=n)) for n in (4, 3, 2, 1, 0))
    heard = replace(watching(heard_at=NOW - timedelta(days=3)), sessions=sessions)
    for cap, passes in ((3, True), (2, False)):
        found = asked(guards.present, entry(), heard, guards=capped(silent_sessions=cap))
        assert found[:4] == (passes, 3, cap, "sessions")
        assert ("condor ack all" in found.text) is not passes
    assert asked(guards.present, entry(), watching(heard_at=None))[:2] == (False, None)
    assert asked(guards.present, entry(), watching(heard_at=None).with_(host_watched=False)).passed
    end = Attestation(NOW.date(), NOW, ("cash moved", "one works"))
    assert asked(guards.attested, entry(), watching(attestation=end))[:4] == (False, 2, 0, "faults")
    assert asked(guards.attested, entry())[:4] == (True, 0, 0, "faults")
    left = hedge_world().with_(watch=msgspec.structs.replace(World().view().watch, attestation=end))
    assert asked(guards.attested, buy(CALLS[1], 1), left)[:2] == (True, 2)


# shock ----------------------------------------------------------------------------------------------
def rows(*values: tuple[float, float, float, float | None]) -> tuple[Levels, ...]:
    """Minutes ago, SPX, VIX, flip."""
    return tuple(Levels(NOW - timedelta(minutes=ago), spx, vix, flip) for ago, spx, vix, flip in values)


@pytest.mark.parametrize(
    ("levels", "word"),
    [
        (rows((10.0, 5000.0, 16.0, -1.0), (0.0, 5000.0, 20.0, -1.0)), "VIX rose 25.0 %"),
        (rows((10.01, 5000.0, 16.0, -1.0), (0.0, 5000.0, 20.0, -1.0)), ""),
        (rows((5.0, 5000.0, 16.0, -1.0), (0.0, 4900.0, 16.0, -1.0)), "SPX fell 2.00 %"),
        (rows((5.01, 5000.0, 16.0, -1.0), (0.0, 4900.0, 16.0, -1.0)), ""),
        (rows((9.0, 5000.0, 16.0, -2.0), (0.0, 5000.0, 16.0, 1.0)), "from -2.00 to +1.00"),
        (rows((9.0, 5000.0, 16.0, -2.0), (1.0, 5000.0, 16.0, 0.9), (0.0, 5000.0, 16.0, None)), ""),
        (rows((9.0, 5000.0, 16.0, -3.5), (0.0, 5000.0, 16.0, 0.0)), ""),
        (rows((9.0, 5000.0, 16.0, 0.25), (0.0, 5000.0, 16.0, 3.5)), "from +0.25 to +3.50"),
        (rows((9.0, 5000.0, 16.0, -2.0), (5.0, 5000.0, 16.0, -1.0), (0.0, 5000.0, 16.0, 1.5)), "from -2.00 to +1.50"),
        (rows((0.0, 5000.0, 16.0, 5.0)), ""),
    ],
)
def test_a_shock_at_its_numbers(levels: tuple[Levels, ...], word: str) -> None:
    """A quarter of VIX in ten minutes, two percent of SPX in five, three points of the curve: equal is one."""
    text = shock(levels, capped(shock_vix_pct=25.0, shock_spx_pct=2.0, shock_flip_points=3.0))
    assert word in text
    assert bool(text) is bool(word)


def test_a_fall_of_exactly_its_cap_is_a_shock() -> None:
    """An eighth of the index where an eighth is the cap; a cap a hair above it is not reached."""
    levels = rows((4.0, 4096.0, 16.0, None), (0.0, 3584.0, 16.0, None))
    assert "SPX fell 12.50 %" in shock(levels, capped(shock_spx_pct=12.5))
    assert shock(levels, capped(shock_spx_pct=12.5 + 1e-9)) == ""


def test_the_pause_after_a_shock_runs_out() -> None:
    """Minutes left, never less than none; the longest window is what has to be remembered."""
    for ago, left in ((0.0, 30.0), (29.0, 1.0), (30.0, 0.0), (45.0, 0.0)):
        watch = Watch(shocked_at=NOW - timedelta(minutes=ago))
        assert pause_left_min(watch, capped(shock_pause_min=30.0), NOW) == left
    assert pause_left_min(Watch(), GUARDS, NOW) == 0.0
    assert longest_window(capped(shock_vix_window_min=7.0, shock_spx_window_min=9.0)) == timedelta(minutes=9)
    assert longest_window(capped(shock_vix_window_min=8.0, shock_spx_window_min=2.0)) == timedelta(minutes=8)
    quick = watching(shocked_at=NOW - timedelta(minutes=29.5), shock_text="VIX rose")
    assert asked(guards.shocked, entry(), quick)[:4] == (False, 0.5, 0.0, "minutes")
    half = watching(shocked_at=NOW - timedelta(minutes=15), shock_text="VIX rose")
    assert asked(guards.shocked, entry(), half).text == "VIX rose: 15 min of the pause are left"
    assert asked(guards.shocked, entry()).text == "no shock within the pause"
    age = World().limits.index_age_s
    for ago_s, passes in ((age, True), (age + 0.001, False)):
        newest = Levels(NOW - timedelta(seconds=ago_s), 5500.0, 16.5)
        world = watching(levels=(Levels(NOW - timedelta(hours=1), 1.0, 1.0), newest))
        assert asked(guards.shocked, entry(), world).passed is passes


# maintenance ----------------------------------------------------------------------------------------
def clock(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """March 2026, New York; the second is a Monday."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("window", "now", "begins", "ends"),
    [
        ("MON 10:00-11:00", clock(2, 9, 50), clock(2, 10, 0), clock(2, 11, 0)),
        ("MON 10:00-11:00", clock(2, 9, 49, 59), None, None),
        ("MON 10:00-11:00", clock(4, 23, 59), clock(2, 10, 0), clock(2, 11, 0)),
        ("MON 10:00-11:00", clock(5, 0, 0), None, None),
        ("TUE 00:05-01:00", clock(2, 23, 55), clock(3, 0, 5), clock(3, 1, 0)),
        ("MON 23:00-01:00", clock(3, 0, 30), clock(2, 23, 0), clock(3, 1, 0)),
        ("MON 10:00-10:00", clock(2, 12, 0), clock(2, 10, 0), clock(3, 10, 0)),
        ("SUN-TUE 10:00-11:00", clock(3, 12, 0), clock(3, 10, 0), clock(3, 11, 0)),
        ("SAT-MON 10:00-11:00", clock(1, 12, 0), clock(1, 10, 0), clock(1, 11, 0)),
        ("SAT-MON 10:00-11:00", clock(3, 12, 0), clock(2, 10, 0), clock(2, 11, 0)),
        ("nonsense", clock(2, 12, 0), None, None),
    ],
)
def test_the_window_that_counts(window: str, now: datetime, begins: datetime | None, ends: datetime | None) -> None:
    """From ten minutes before it begins, for two days; over midnight, over the week's end."""
    found = span(window, now, 10.0)
    assert (found and found[1], found and found[2]) == (begins, ends)


def test_maintenance_says_what_hinders_or_that_nothing_does() -> None:
    """How long until it begins; else how many windows were looked at."""
    window = ("MON 11:05-11:30",)
    found = asked(guards.maintenance, entry(), guards=capped(maintenance_windows=window, maintenance_before_min=10.0))
    assert found == (False, None, 10.0, "minutes before", found.text)
    assert found.text == "the broker's maintenance (MON 11:05-11:30 New York) begins in 5 min"
    found = asked(guards.maintenance, entry(), guards=capped(maintenance_windows=window, maintenance_before_min=4.9))
    assert (found.passed, found.text) == (True, "outside of 1 maintenance windows, compared since")


def test_what_hinders_until_compared() -> None:
    """Before, within, after without a comparison begun at its end or later; the first window that does."""
    window = ("TUE 09:00-09:10", "MON 10:00-11:00")
    for now, compared, word in (
        (clock(2, 9, 50), None, "begins in 10 min"), (clock(2, 10, 0), clock(2, 9, 59), "lasts until 11:00"),
        (clock(2, 11, 0), clock(2, 10, 59), "nothing was compared"), (clock(2, 11, 0), clock(2, 11, 0), ""),
        (clock(2, 12, 0), None, "nothing was compared"), (clock(2, 9, 0), None, ""),
    ):  # fmt: skip
        text = hindrance(window, 10.0, now, compared)
        assert word in text
        assert bool(text) is bool(word)
    for text, good in (
        ("MON 10:00-11:00", True), ("MON-FRI 00:00-23:59", True), ("MON 24:00-11:00", False),
        ("MON 10:00-11:60", False), ("XXX 10:00-11:00", False), ("MON-XXX 10:00-11:00", False),
        ("MON10:00-11:00", False), ("mon 10:00-11:00", False),
    ):  # fmt: skip
        assert bool(window_fault(text)) is not good
    assert window_fault("XXX-YYY 10:00-11:00").startswith("XXX is no day")  # the first is named
    assert "begins in 90 min" in hindrance(("MON 10:00-11:00",), 120.0, clock(2, 8, 30), None)


# the host -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "halts", "warns", "code"),
    [
        ("clock_step_ms", GUARDS.clock_halt_ms, GUARDS.clock_warn_ms, "C44"),
        ("broker_clock_ms", GUARDS.clock_halt_ms + 1000.0, GUARDS.clock_warn_ms + 1000.0, "C44"),
        ("commit_ms", GUARDS.commit_halt_ms, GUARDS.commit_warn_ms, "C49"),
        ("memory_mib", GUARDS.memory_halt_mib, GUARDS.memory_warn_mib, "C50"),
        ("loop_lag_s", GUARDS.loop_lag_halt_s, GUARDS.loop_lag_warn_s, "C50"),
        ("descriptors", 500, 400, "C50"),
        ("tasks", 500, 400, "C50"),
        ("facts_waiting", 500, 400, "C50"),
    ],
)
def test_a_host_at_its_bounds(field: str, halts: float, warns: float, code: str) -> None:
    """Equal is allowed, more is not, in either direction of the clocks; four fifths of a count warn."""
    caps = capped(descriptors=500, tasks=500, facts_waiting=500)
    more = 1 if isinstance(halts, int) else 0.01
    for bound, told in ((halts, halting), (warns, warning)):
        for sign in (1, -1) if "clock" in field else (1,):
            for value, codes in ((bound, []), (bound + more, [code])):
                host = msgspec.structs.replace(GOOD_HOST, **{field: sign * value})
                assert [row[0] for row in told(host, caps)] == codes
    gone = msgspec.structs.replace(GOOD_HOST, **{field: None})
    assert [row[0] for row in halting(gone, caps)] == ([] if field == "broker_clock_ms" else [code])
    assert warning(gone, caps) == ()


def test_free_disk_at_its_bounds_and_a_reading_at_its_age() -> None:
    """Equal is enough; a reading as old as allowed counts."""
    for bound, told in ((GUARDS.disk_halt_mib, halting), (GUARDS.disk_warn_mib, warning)):
        for value, codes in ((bound, []), (bound - 0.01, ["C49"])):
            host = msgspec.structs.replace(GOOD_HOST, disk_free_mib=value)
            assert [row[0] for row in told(host, GUARDS)] == codes
    gone = msgspec.structs.replace(GOOD_HOST, disk_free_mib=None)
    assert ([row[0] for row in halting(gone, GUARDS)], warning(gone, GUARDS)) == (["C49"], ())
    for age_s, known in ((GUARDS.host_age_s, True), (GUARDS.host_age_s + 0.001, False)):
        host = msgspec.structs.replace(GOOD_HOST, at=NOW - timedelta(seconds=age_s))
        for check, cap in ((guards.clock, GUARDS.clock_halt_ms), (guards.journal, GUARDS.disk_halt_mib),
                           (guards.bounds, GUARDS.memory_halt_mib)):  # fmt: skip
            found = asked(check, entry(), watching(host=host))
            assert (found.passed, found.observed, found.cap) == (known, "good" if known else None, cap)
    far = msgspec.structs.replace(GOOD_HOST, clock_step_ms=GUARDS.clock_halt_ms + 1.0, broker_clock_ms=-4500.0)
    found = asked(guards.clock, entry(), watching(host=far))
    assert "-4.5 s" in found.text
    assert found.text.startswith(f"{found.observed}; ")  # two faults: the first is what was seen, both are told
    assert str(found.observed).startswith("the wall clock's step is")


# caps -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(GUARD_BOUNDS))
def test_looser_is_told_in_the_direction_of_each_guard(name: str) -> None:
    """Towards the lax end of its range is looser, towards the strict one is not."""
    bound, now = GUARD_BOUNDS[name], getattr(GUARDS, name)
    kind = type(now)
    for value in (now + kind(1) if kind is int else now * 1.001, now - kind(1) if kind is int else now * 0.999):
        if not bound.low <= value <= bound.high:
            continue
        try:
            other = capped(**{name: value})
        except ValueError:
            continue
        assert loosened_guards(GUARDS, other) == ((name,) if (value > now) == (bound.tighter == "lower") else ())


# the case -------------------------------------------------------------------------------------------
def test_net_liquidation_is_the_lower_of_now_and_the_days_start() -> None:
    """Young enough, finite and above zero, both; else a sentence."""
    for now, start, wanted in (
        (NLV, 0.5 * NLV, 0.5 * NLV), (0.5 * NLV, NLV, 0.5 * NLV), (0.5, 0.75, 0.5),
        (0.0, NLV, None), (NLV, 0.0, None), (None, NLV, None), (NLV, None, None), (math.inf, NLV, None),
        (NLV, math.nan, None), (-1.0, NLV, None), (NLV, -1.0, None),
    ):  # fmt: skip
        world = World(account={"net_liquidation_usd": now}).with_(day_start_nlv_usd=start)
        found = Case(entry(), world.view(), World().limits).nlv_usd
        assert found == wanted if wanted else isinstance(found, str)
    assert isinstance(Case(entry(), World().with_(account=Unknown("silence")).view(), World().limits).nlv_usd, str)
    assert isinstance(World().view().account, Known)


def test_the_mid_of_an_order_that_reduces_makes_do() -> None:
    """Without a bid a leg is worth half its ask; without an ask a leg to sell is worth its bid, one to buy nothing."""
    put, long = LEGS[1].con_id, LEGS[0].con_id

    def mid(number: int, world: World, intent: PlaceIntent, **changes: Any) -> float | None:
        quotes = {**world.quotes, number: msgspec.structs.replace(world.quotes[number], **changes)}
        return Case(intent, replace(world, quotes=quotes).view(), world.limits).leg_mids_points[number]

    assert mid(put, HELD, close(), bid=None, ask=0.5) == 0.25
    assert mid(put, HELD, close(), bid=1.0, ask=None) is None
    assert mid(long, HELD, close(), bid=1.0, ask=None) == 1.0
    assert mid(long, HELD, close(), bid=None, ask=None) is None
    assert mid(put, HELD, close(), bid=1.0, ask=0.5) is None
    assert mid(put, HELD, close(), bid=-0.5, ask=0.5) is None
    assert mid(put, HELD, close(), bid=0.0, ask=0.0) is None
    assert mid(put, HELD, close(), bid=0.5, ask=0.5) == 0.5
    assert mid(put, HELD, close(), epoch=EPOCH - 1) is None
    assert mid(put, World(), entry(), bid=None, ask=0.5) is None
    assert mid(put, World(), entry(), bid=2.0, ask=3.0) == 2.5
    double = entry(legs=(LegIntent(put, 3, SELL), LegIntent(long, 2, BUY)))
    world = World()
    found = Case(double, world.view(), world.limits).mid_points
    assert found == pytest.approx(2 * (world.quotes[long].mid or 0.0) - 3 * (world.quotes[put].mid or 0.0))


def test_protection_lowers_the_crash_and_raises_no_falling_cell() -> None:
    """A purchase of the hedge before a condor; nothing that reduces, of a condor, or of a book without loss."""
    call = CALLS[1]
    for intent, world, wanted in (
        (buy(call, 1), hedge_world(), True), (entry(), hedge_world(), False),
        (buy(call, 1), hedge_world(condor=False), False),
        (sell(call, 1, 2), owning(hedge_world(), call, 1, 2, 1.5), False),
        (buy(call, 1, limit_points=30.0), hedge_world(), True),
    ):  # fmt: skip
        assert Case(intent, world.view(), world.limits).protective is wanted, intent.ref
    blind = hedge_world()
    market = blind.view().market
    old = msgspec.structs.replace(market.quotes[VIX], at=NOW - timedelta(minutes=5))
    stale = blind.with_(market=msgspec.structs.replace(market, quotes={**market.quotes, VIX: old}))
    assert not Case(buy(call, 1), stale.view(), stale.limits).protective
    case = Case(entry(), HELD.view(), HELD.limits)
    alone = Case(entry(), World().view(), HELD.limits).own_loss_usd
    assert case.own_loss_usd == pytest.approx(case.own.worst_loss_usd + alone)
    assert case.others_loss_usd == 0.0
    assert con_id(EXPIRIES[1], WINGS[0], Right.PUT) in case.contracts


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (0.5, 0.25, True), (0.5, 0.5, False), (0.5, 0.75, False), (0.0, -1.0, False), (-1.0, -2.0, False),
        ("no mark", 0.25, False), (0.5, "no mark", False), ("no mark", "no mark", False),
    ],
)  # fmt: skip
def test_a_loss_of_cents_in_the_crash_is_one_to_protect_from(
    before: float | str, after: float | str, wanted: bool
) -> None:
    """Less than before and above nothing; what cannot be valued, before the purchase or after it, is not lowered."""

    def stressed(crash_usd: float | str) -> Stress | str:
        return crash_usd if isinstance(crash_usd, str) else Stress(9.0, 0.0, 0.0, crash_usd, 9.0, np.zeros(1))

    world = hedge_world()
    case = Case(buy(CALLS[1], 1), world.view(), world.limits)
    case.stress_before, case.stress_filled = stressed(before), stressed(after)
    assert case.protective is wanted


def test_an_owners_worst_cell_is_a_number_or_not_known() -> None:
    """A condor alone in the book loses what the book loses; a stake that is a riddle loses nobody knows what."""
    case = Case(entry(), HELD.view(), HELD.limits)
    assert isinstance(case.stress_before, Stress)
    assert case.stress_before.grid_loss_usd > 0.0
    assert case.own_stress(case.own) == case.stress_before.grid_loss_usd
    assert case.own_stress(Stake({}, {}, 0.0, unknown="a riddle")) is None
