"""Prices, quotes, rates, money and times exactly at their numbers, each control asked by itself."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from risk.case import Case
from risk.checks import hours, money, pace, price, quotes
from risk.measures import approvals_today, approvals_within, fallen_pct, vix_level
from risk.watch import Levels
from strategies.domain.account import MarginImpact
from strategies.domain.instruments import Right, describe
from strategies.domain.market import DataType
from strategies.domain.orders import Action, LegIntent, OrderState
from tests.risk.hedge_sample import CALLS, MINI, VXM_ID, buy, hedge_intent, hedge_world, owning, sell
from tests.risk.sample import (
    EPOCH,
    EXPIRIES,
    NLV,
    NOW,
    SPX,
    VIX,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    net_mid,
    record,
    session,
)
from tests.risk.test_check_edges import asked

PUT, CALL, BUY, SELL = Right.PUT, Right.CALL, Action.BUY, Action.SELL
LEGS = condor_legs(EXPIRIES[1], WINGS)
HELD = World().having("ic-1", LEGS, 2, -14.0)
LEG = LEGS[1].con_id
"""The short put."""


def quoted(world: World | None = None, number: int = LEG, **changes: Any) -> World:
    """One quote changed."""
    world = world or World()
    return replace(world, quotes={**world.quotes, number: msgspec.structs.replace(world.quotes[number], **changes)})


# price ----------------------------------------------------------------------------------------------
MID = net_mid(LEGS)


@pytest.mark.parametrize(
    ("intent", "world", "limit", "passes"),
    [
        (entry, World(), 0.9 * MID, True), (entry, World(), 0.9 * MID + 1e-6, False),
        (entry, World(), 1.2 * MID, True), (entry, World(), 1.2 * MID - 1e-6, False),
        (close, HELD, -MID + 1.0, True), (close, HELD, -MID + 1.0 + 1e-6, False), (close, HELD, 0.05, True),
    ],
)  # fmt: skip
def test_a_limit_at_the_edges_of_its_collar(intent: Any, world: World, limit: float, passes: bool) -> None:
    """From nine tenths to six fifths of mid for a credit that opens; up to a margin above mid for what closes."""
    caps = {
        "collar_open_low_pct_of_mid": 90.0, "collar_open_high_pct_of_mid": 120.0, "collar_close_points": 1.0,
        "collar_close_pct_of_mid": 1.0,
    }  # fmt: skip
    assert asked(price.collar, intent(limit_points=limit), world, **caps).passed is passes


def test_the_margin_of_a_collar_is_the_greater_of_points_and_percent() -> None:
    """A tenth of a large mid is more than a nickel; half a point is more than a hundredth of it."""
    for points, pct, margin in ((0.05, 10.0, 0.1 * -MID), (0.5, 1.0, 0.5)):
        found = asked(price.collar, close(), HELD, collar_close_points=points, collar_close_pct_of_mid=pct)
        assert found.cap == round(-MID + margin, 4)
    found = asked(price.collar, entry(), collar_open_low_pct_of_mid=80.0, collar_open_high_pct_of_mid=110.0)
    assert found.cap == f"{-0.8 * MID:.2f} to {-1.1 * MID:.2f}"
    assert found.observed == -entry().limit_points
    assert not asked(price.collar, entry(), quoted(ask=None)).passed


def test_which_collar_an_order_has() -> None:
    """What collects and opens a band, what pays or reduces a ceiling; a mid of nothing has a ceiling."""
    caps = {"collar_close_points": 0.15, "collar_close_pct_of_mid": 1.0}
    half = quoted(bid=0.45, ask=0.55)
    sold, bought = entry(legs=(LegIntent(LEG, 1, SELL),)), entry(legs=(LegIntent(LEG, 1, BUY),))
    found = asked(price.collar, msgspec.structs.replace(sold, limit_points=-0.5), half, **caps)
    assert (found.passed, found.cap) == (True, "0.42 to 0.53")
    assert "collects 0.50 at a mid of 0.50" in found.text
    for limit, passes in ((0.65, True), (0.6501, False)):
        found = asked(price.collar, msgspec.structs.replace(bought, limit_points=limit), half, **caps)
        assert (found.passed, found.cap) == (passes, 0.65)
    twin = con_id(EXPIRIES[1], WINGS[0], PUT)
    even = quoted(half, number=twin, bid=0.45, ask=0.55)
    both = entry(legs=(LegIntent(LEG, 1, SELL), LegIntent(twin, 1, BUY)), limit_points=0.0)
    assert asked(price.collar, both, even, **caps).cap == 0.15
    owned = owning(hedge_world(), CALLS[1], 1, 4, 1.5)
    mid = owned.quotes[CALLS[1].con_id].mid
    assert mid is not None
    assert asked(price.collar, sell(CALLS[1], 1, 2), owned, **caps).cap == round(-mid + 0.15, 4)


@pytest.mark.parametrize(
    ("intent", "world", "passes"),
    [
        (entry(limit_points=-0.05), World(), True), (entry(limit_points=0.0), World(), False),
        (entry(limit_points=-49.95), World(), True), (entry(limit_points=-50.0), World(), False),
        (close(limit_points=50.0), HELD, True), (close(limit_points=50.05), HELD, False),
        (close(limit_points=0.05), HELD, True), (close(limit_points=0.0), HELD, False),
        (entry(limit_points=-14.03), World(), False), (entry(limit_points=-14.05), World(), True),
        (entry(limit_points=-14.02), World(), False),
        (buy(CALLS[1], 1, limit_points=0.01), hedge_world(), True),
        (buy(CALLS[1], 1, limit_points=0.015), hedge_world(), False),
        (buy(CALLS[1], 1, limit_points=3.01), hedge_world(), False),
        (buy(CALLS[1], 1, limit_points=3.05), hedge_world(), True),
    ],
)  # fmt: skip
def test_a_price_that_can_be_and_is_on_its_grid(intent: Any, world: World, passes: bool) -> None:
    """Between the least and the greatest worth, on the tick of a combo, of a single option by its own bands."""
    found = asked(price.possible, intent, world)
    assert found.passed is passes
    assert found.text.endswith("positive pays)") or ("is on the" in found.text) is passes


def test_the_grid_of_combos_is_that_of_their_product() -> None:
    """A combo of VIX options has a tick of its own; one with anything else has the index's."""
    caps = {"combo_tick_points": 0.05, "vix_combo_tick_points": 0.01}
    vix = (LegIntent(CALLS[1].con_id, 1, BUY, 1), LegIntent(CALLS[3].con_id, 1, SELL, 1))
    mixed = (LegIntent(CALLS[1].con_id, 1, BUY, 1), LegIntent(con_id(EXPIRIES[1], 5100.0, PUT), 1, SELL, 1))
    for legs, passes in ((vix, True), (mixed, False)):
        intent = hedge_intent(legs, 1, 0.51, "alvh-s01.open", {})
        assert asked(price.possible, intent, hedge_world(), **caps).passed is passes
    bare = hedge_world()
    market = bare.view().market
    plain = msgspec.structs.replace(MINI, ticks=())
    market = msgspec.structs.replace(market, instruments={**market.instruments, VXM_ID: plain})
    future = hedge_intent((LegIntent(VXM_ID, 1, BUY, 1),), 1, 18.01, "alvh-s01.open", {})
    assert asked(price.possible, future, bare.with_(market=market), **caps).cap == 0.01


# quotes ---------------------------------------------------------------------------------------------
def test_the_age_of_a_quote_at_its_cap_and_before_its_time() -> None:
    """As old as allowed passes; a second from the future is the clocks, more is no quote; exits may wait longer."""
    for seconds, passes in ((3.0, True), (3.001, False), (-1.0, True), (-1.001, False), (0.0, True)):
        found = asked(quotes.young, entry(), quoted(at=NOW - timedelta(seconds=seconds)), quote_age_open_s=3.0)
        assert found.passed is passes
        assert found.observed == (max(1.0, seconds) if passes else seconds)
    for seconds, passes in ((10.0, True), (10.001, False)):
        found = asked(quotes.young, close(), quoted(HELD, at=NOW - timedelta(seconds=seconds)), quote_age_close_s=10.0)
        assert (found.passed, found.cap) == (passes, 10.0)
    gone = replace(World(), quotes={c: q for c, q in World().quotes.items() if c != LEG})
    assert asked(quotes.young, entry(), gone)[:2] == (False, None)
    early = quoted(at=NOW + timedelta(seconds=0.5))
    assert asked(quotes.young, entry(legs=(LegIntent(LEG, 1, SELL),)), early)[:2] == (True, 0.0)  # no age below none


@pytest.mark.parametrize(
    ("bid", "ask", "passes"),
    [
        (10.0, 11.0, True), (10.0, 11.1, False), (100.0, 110.0, True), (100.0, 111.0, False),
        (0.0, 0.5, False), (0.5, 0.5, True), (0.5, 0.4, False), (None, 1.0, False), (1.0, None, False),
        (float("nan"), 1.0, False), (0.05, 0.1, True),
    ],
)  # fmt: skip
def test_a_market_wide_enough_to_be_none(bid: float | None, ask: float | None, passes: bool) -> None:
    """A point, or a tenth of mid where that is more; a bid above zero; not crossed; numbers."""
    caps = {"spread_points": 1.0, "spread_pct_of_mid": 9.53}
    one = entry(legs=(LegIntent(LEG, 1, SELL),))
    found = asked(quotes.reasonable, one, quoted(bid=bid, ask=ask), **caps)
    assert found.passed is passes
    if passes:
        assert found.observed == pytest.approx((ask or 0.0) - (bid or 0.0))


def test_the_widest_leg_is_told() -> None:
    """Four legs: the greatest of their spreads and the cap in points; a reducing order is not asked."""
    found = asked(quotes.reasonable, entry(), quoted(bid=30.0, ask=30.5), spread_points=2.0)
    assert (found.passed, found.cap, found.unit) == (True, 2.0, "points")
    assert found.observed == pytest.approx(0.5)
    assert asked(quotes.reasonable, close(), quoted(HELD, bid=10.0, ask=50.0)).observed == 0.0


def test_what_stands_still_or_is_not_live_decides_nothing_new() -> None:
    """A leg, SPX or VIX: halted, delayed, silent, of another connection; exits ask their own legs alone."""
    cap = World().limits.index_age_s
    for world, passes, exits in (
        (World(), True, True), (quoted(halted=True), False, False),
        (quoted(number=SPX, halted=True), False, True), (quoted(number=VIX, halted=True), False, True),
        (quoted(number=SPX, data_type=DataType.DELAYED), False, True),
        (quoted(number=VIX, epoch=EPOCH - 1), False, True), (quoted(number=VIX, last=None), False, True),
        (quoted(number=SPX, at=NOW - timedelta(seconds=cap)), True, True),
        (quoted(number=VIX, at=NOW - timedelta(seconds=cap + 0.001)), False, True),
    ):  # fmt: skip
        assert asked(quotes.not_halted, entry(), world).passed is passes
        assert asked(quotes.not_halted, close(), replace(HELD, quotes=world.quotes)).passed is exits
    assert asked(quotes.live, entry()).passed
    for world, seen in ((quoted(data_type=DataType.FROZEN), "frozen"), (quoted(epoch=EPOCH - 1), None)):
        found = asked(quotes.live, entry(), world)
        assert (found.passed, found.observed) == (False, seen)
        assert f"has {seen or 'no'} data, not live" in found.text


def remembering(*rows: tuple[float, float], vix: float = 16.5, now: float = 5500.0, **changes: Any) -> World:
    """SPX so many seconds ago, oldest first, and its quote now."""
    world = quoted(number=SPX, last=now, **changes)
    levels = tuple(Levels(NOW - timedelta(seconds=ago), spx, vix, -1.0) for ago, spx in rows)
    return world.with_(watch=msgspec.structs.replace(world.view().watch, levels=levels))


def sigmas(spx: float, minutes: float = 1.0) -> float:
    """How far 5500 is from a level, in deviations by a VIX of 16.5."""
    return abs(math.log(5500.0 / spx)) / (0.165 / math.sqrt(252.0 * 390.0) * math.sqrt(minutes))


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        (((30.0, 5510.0), (5.0, 5500.0)), sigmas(5510.0)),
        (((60.0, 5510.0), (5.0, 5500.0)), sigmas(5510.0)),  # a minute ago is within it
        (((60.5, 5510.0), (5.0, 5500.0)), 0.0),
        (((115.0, 5550.0), (90.0, 5510.0)), sigmas(5510.0, 1.5)),  # none of the minute: the newest before it
        (((0.5, 5490.0),), sigmas(5490.0)),
        (((2.0, 5510.0), (1.0, 5490.0)), sigmas(5490.0)),
    ],
)
def test_how_far_the_index_has_jumped(rows: tuple[tuple[float, float], ...], seen: float) -> None:
    """The farthest level of the last minute in deviations of a minute, of longer where the level is older."""
    guards = World().limits.guards
    found = asked(quotes.jump, entry(), remembering(*rows))
    assert found.observed == round(seen, 2)
    for cap, passes in ((max(3.0, seen) + 1e-9, True), (seen - 1e-9, False)):
        if cap >= 3.0:
            caps = msgspec.structs.replace(guards, index_jump_sigmas=cap)
            assert asked(quotes.jump, entry(), remembering(*rows), guards=caps).passed is passes


def test_without_a_level_now_or_lately_a_jump_is_unknown() -> None:
    """No level, one that is no number, one of another connection, or none to compare with."""
    old = max(60.0, World().limits.index_age_s)
    for world, known in (
        (remembering((5.0, 5500.0)), True), (remembering(), False), (remembering((old, 5500.0)), True),
        (remembering((old + 0.001, 5500.0)), False), (remembering((5.0, 5500.0), epoch=EPOCH - 1), False),
        *[(remembering((5.0, 5500.0), now=odd), False) for odd in (0.0, -1.0, math.inf, math.nan)],
        (remembering((5.0, 0.5), now=0.5), True),
    ):  # fmt: skip
        assert (asked(quotes.jump, entry(), world).observed is not None) is known


def test_a_forward_at_the_edge_of_its_gap() -> None:
    """The farthest leg's gap in percent; a forward or level that is no number is unknown."""
    guards = msgspec.structs.replace(World().limits.guards, forward_gap_pct=1.0)
    tau = World().marks[LEG].tau_years

    def gap(pct: float, **changes: Any) -> Any:
        of = msgspec.structs.replace(World().marks[LEG], forward_points=5500.0 * (1.0 + 0.01 * pct))
        world = quoted(number=SPX, **changes)
        return asked(quotes.forward, entry(), replace(world, marks={**world.marks, LEG: of}), guards=guards)

    for size in (1.0 + 8.0 * tau - 1e-6, -1.0 - 8.0 * tau + 1e-6, 0.5):
        assert gap(size)[:3] == (True, round(abs(size), 3), 1.0)
    for size in (1.0 + 8.0 * tau + 1e-6, -1.0 - 8.0 * tau - 1e-6):
        assert gap(size)[:3] == (False, round(abs(size), 3), 1.0)
    for odd in (math.nan, math.inf):
        assert gap(odd).observed is None
        assert gap(0.0, last=odd).observed is None
    for changes in ({"last": 0.0}, {"last": -1.0}, {"epoch": EPOCH - 1}, {"last": None}):
        assert gap(0.0, **changes).observed is None
    past = msgspec.structs.replace(World().marks[LEG], tau_years=-1.0, forward_points=5500.0 * 1.005)
    assert asked(quotes.forward, entry(), replace(World(), marks={**World().marks, LEG: past}), guards=guards).passed


def test_refusals_and_sizes_say_what_they_saw() -> None:
    """How many within the minute; how much of the thinnest leg, by its ratio and on its side."""
    world = World()
    for ago_s, seen in ((59.9, 3), (60.0, 0)):
        watch = msgspec.structs.replace(world.view().watch, refused_quotes=(NOW - timedelta(seconds=ago_s),) * 3)
        found = asked(quotes.believed, entry(), world.with_(watch=watch))
        assert (found.passed, found.observed) == (True, seen)
    guards = msgspec.structs.replace(world.limits.guards, shown_size_pct=50.0)
    for shown, units, passes, observed in (
        (8, 4, True, 50.0), (8, 5, False, 62.5), (1, 1, True, 100.0), (0, 1, False, None),
    ):  # fmt: skip
        found = asked(quotes.shown_size, entry(quantity=units), quoted(bid_size=shown), guards=guards)
        assert (found.passed, found.observed) == (passes, observed)
    double = entry(legs=(LegIntent(LEG, 2, SELL),), quantity=2)
    for shown, passes in ((8, True), (7, False)):
        assert asked(quotes.shown_size, double, quoted(bid_size=shown, ask_size=0), guards=guards).passed is passes
    gone = replace(world, quotes={c: q for c, q in world.quotes.items() if c != LEG})
    assert asked(quotes.shown_size, entry(), gone).observed is None


@pytest.mark.parametrize(
    ("low", "high", "right", "passes"),
    [
        ((10.0, 10.5), (10.25, 10.75), PUT, True), ((10.25, 10.5), (9.75, 10.25), PUT, True),
        ((10.25, 10.5), (9.75, 10.125), PUT, False), ((9.75, 10.125), (10.25, 10.5), CALL, False),
        ((9.75, 10.25), (10.25, 10.5), CALL, True), ((1.0, 1.5), (51.5, 52.0), PUT, True),
        ((1.0, 1.5), (51.625, 52.0), PUT, False), ((51.5, 52.0), (1.0, 1.5), CALL, True),
        ((51.625, 52.0), (1.0, 1.5), CALL, False), ((None, 1.5), (9.0, 9.5), CALL, None),
    ],
)  # fmt: skip
def test_two_legs_that_contradict_each_other(
    low: tuple[float, float], high: tuple[float, float], right: Right, passes: bool | None
) -> None:
    """Bid against ask: a spread for nothing or for its width is the edge; one missing side is another fault."""
    strikes = WINGS[:2] if right is PUT else WINGS[2:]
    numbers = [con_id(EXPIRIES[1], strike, right) for strike in strikes]
    world = World()
    for number, (bid, ask) in zip(numbers, (low, high), strict=True):
        world = quoted(world, number, bid=bid, ask=ask)
    legs = (LegIntent(numbers[0], 1, BUY), LegIntent(numbers[1], 1, SELL))
    for rows in (legs, legs[::-1]):
        found = asked(quotes.reasonable, entry(legs=rows), world, spread_points=5.0)
        assert found.passed is bool(passes)
        assert ("their spread is quoted" in found.text) is (passes is False)
    other = entry(legs=(LegIntent(con_id(EXPIRIES[2], strikes[0], right), 1, BUY), legs[1]))
    assert "their spread" not in asked(quotes.reasonable, other, world, spread_points=5.0).text


# rates ----------------------------------------------------------------------------------------------
def approved(count: int, ago_s: float, kind: Any = entry) -> tuple[Any, ...]:
    """So many ended orders of other chains."""
    made = (kind(f"ic-{n + 20}", EXPIRIES[0], ref=f"r{n}/x", chain_ref=f"r{n}") for n in range(count))
    return tuple(record(one, OrderState.CANCELED, ago_s=ago_s) for one in made)


@pytest.mark.parametrize(
    ("count", "ago_s", "second", "minute", "passes"),
    [
        (2, 0.5, 2, 9, False), (1, 0.5, 2, 9, True), (2, 1.0, 2, 9, True), (5, 59.9, 2, 5, False),
        (4, 59.9, 2, 5, True), (5, 60.0, 2, 5, True),
    ],
)  # fmt: skip
def test_rates_count_what_was_approved_within_them(
    count: int, ago_s: float, second: int, minute: int, passes: bool
) -> None:
    """A second and a minute, their ends not included; the next order after the allowance is refused."""
    world = World(orders=approved(count, ago_s))
    caps = {"orders_per_second": second, "orders_per_minute": minute, "reducing_orders_per_minute": 12}
    burst, rate = asked(pace.burst, entry(), world, **caps), asked(pace.order_rate, entry(), world, **caps)
    assert (burst.passed and rate.passed) is passes
    assert burst.observed == (count if ago_s < 1.0 else 0)
    assert rate.observed == (count if ago_s < 60.0 else 0)


def test_a_days_orders_and_each_kinds_allowance() -> None:
    """The day's cap names itself; condors, exits and hedge are counted against allowances of their own."""
    world = World(orders=approved(6, 600.0))
    found = asked(pace.order_rate, entry(), world, orders_per_day=6)
    assert found[:4] == (False, 6, 6, "orders per day")
    assert asked(pace.order_rate, entry(), world, orders_per_day=7).passed
    exits = replace(HELD, orders=approved(6, 600.0))
    caps = {"orders_per_day": 3, "orders_per_minute": 3}
    assert asked(pace.order_rate, close(), exits, reducing_orders_per_day=7, **caps).passed
    assert not asked(pace.order_rate, close(), exits, reducing_orders_per_day=6, **caps).passed
    assert asked(pace.order_rate, close(), exits, reducing_orders_per_minute=4, **caps).cap == 4
    assert asked(pace.order_rate, buy(CALLS[1], 1), hedge_world(), hedge_orders_per_minute=1).cap == 1
    found = asked(pace.order_rate, entry(attempt=4), reprices_per_order=2)
    assert found[:4] == (False, 3, 2, "reprices")
    assert "attempt 4 of" in found.text


def test_what_is_counted_within_seconds_and_today() -> None:
    """The present moment is within, the far end is not; today begins at the open and includes it."""
    opened = NOW - session(NOW.date()).open_at
    for ago_s, within, today in (
        (0.0, 1, 1), (59.0, 1, 1), (60.0, 0, 1), (opened.total_seconds(), 0, 1), (opened.total_seconds() + 1.0, 0, 0),
    ):  # fmt: skip
        view = World(orders=approved(1, ago_s)).view()
        assert approvals_within(view, 60.0, hedge=False) == within
        assert approvals_today(view, hedge=False) == today
        assert approvals_within(view, 60.0, hedge=True) == approvals_today(view, hedge=True) == 0
    for hours_ago, today in ((24, 1), (25, 0)):  # outside of a session
        view = World(orders=approved(1, 3600.0 * hours_ago), sessions=()).view()
        assert approvals_today(view, hedge=False) == today


# money ----------------------------------------------------------------------------------------------
def test_a_fall_is_a_share_of_its_base() -> None:
    """Percent of the base, a rise below zero; nothing where either is unknown, no number, or the base is none."""
    assert fallen_pct(97.0, 100.0) == 3.0
    assert fallen_pct(103.0, 100.0) == -3.0
    assert fallen_pct(0.25, 0.5) == 50.0
    nan, inf = float("nan"), float("inf")
    for odd in (None, nan, inf):
        assert fallen_pct(odd, 1.0) is fallen_pct(1.0, odd) is None
    for now, base in ((1.0, 0.0), (1.0, -2.0)):
        assert fallen_pct(now, base) is None


def test_vix_is_known_from_a_young_quote_of_this_connection() -> None:
    """Its level in points, above zero."""
    for changes, level in (
        ({}, 16.5), ({"last": 0.5}, 0.5), ({"last": 0.0}, None), ({"last": float("nan")}, None),
        ({"last": float("inf")}, None), ({"epoch": EPOCH - 1}, None), ({"at": NOW - timedelta(minutes=5)}, None),
    ):  # fmt: skip
        assert vix_level(quoted(number=VIX, **changes).view(), World().limits) == level


def test_the_what_if_says_what_it_saw() -> None:
    """Shares of equity after the order, to the last digit."""
    for impact, row in (
        (MarginImpact(0.25 * NLV, 9000.0, NLV, 4600.0), (True, 25.0, 50.0)),
        (MarginImpact(0.75 * NLV, 9000.0, NLV, 4600.0), (False, 75.0, 50.0)),
        (MarginImpact(9000.0, 0.75 * NLV, NLV, 4600.0), (False, 25.0, 40.0)),
    ):
        found = asked(money.margin, entry(), World(impact=impact), margin_utilisation_pct=50.0, dry_powder_pct=40.0)
        assert found[:3] == row


def test_the_what_if_of_two_units_is_twice_that_of_one() -> None:
    """Between their loss less and their width more the tolerance."""
    two = entry(quantity=2)
    loss = Case(two, World().view(), World().limits).own_loss_usd
    width = loss - 200.0 * two.limit_points
    tolerance = 0.01 * World().limits.margin_cross_check_pct
    for change, passes in (((1.0 + tolerance) * width - 1.0, True), ((1.0 + tolerance) * width + 1.0, False)):
        impact = MarginImpact(9000.0, 9000.0, NLV, change)
        assert asked(money.margin, two, World(impact=impact)).passed is passes


def test_the_what_if_of_a_debit_is_the_debit() -> None:
    """What pays to open can lose what it pays and is no wider than that: not a dollar on top."""
    bought = entry(legs=(LegIntent(LEG, 1, BUY),), limit_points=0.05)
    loss = Case(bought, World().view(), World().limits).own_loss_usd
    assert loss == 5.0 + World().limits.fee_usd_per_contract
    for change, passes in ((1.1 * loss - 0.01, True), (1.1 * loss + 0.01, False)):
        world = World(impact=MarginImpact(9000.0, 9000.0, NLV, change))
        assert asked(money.margin, bought, world, margin_cross_check_pct=10.0).passed is passes


def test_powder_left_counts_each_working_order_once() -> None:
    """Excess liquidity less the worst case of what works, of the new order and of nothing that only rests."""
    alone = Case(entry(), World().view(), World().limits).own_loss_usd
    held = World().having("ic-7", condor_legs(EXPIRIES[0], WINGS), 3, -10.0)
    for world, losses in ((World(), 1), (held, 1), (World(orders=(record(entry("ic-8")),)), 2)):
        found = asked(money.dry_powder, entry(), world)
        assert found.observed == pytest.approx(100.0 * (0.9 * NLV - losses * alone) / NLV, rel=1e-12)
    for units, credit, planned in ((2, -14.0, alone), (1, -60.0, alone - 1_000.0), (5, -60.0, 0.0)):
        mine = World().having("ic-1", LEGS, units, credit)  # what is held may gain, and that is not spent
        found = asked(money.dry_powder, entry(), mine)
        assert found.observed == pytest.approx(100.0 * (0.9 * NLV - planned) / NLV, rel=1e-12)
    for nlv, known in ((0.5, True), (0.0, False), (-0.5, False)):
        poor = World(account={"net_liquidation_usd": nlv, "excess_liquidity_usd": 0.45})
        assert (asked(money.dry_powder, entry(), poor).observed is not None) is known
    fall = asked(money.daily_loss, entry(), World(account={"net_liquidation_usd": 0.99 * NLV}))
    assert fall.observed == pytest.approx(1.0)


def test_protection_may_use_the_powder_and_be_bought_on_a_bad_day() -> None:
    """A hedge that lowers the crash has the lower floor, and no fall of the account holds it up; others do not."""
    poor = {"excess_liquidity_usd": 0.3 * NLV, "net_liquidation_usd": NLV}
    bought = buy(CALLS[1], 1)
    assert asked(money.dry_powder, bought, hedge_world(account=poor)).cap == World().limits.excess_liquidity_reduce_pct
    assert asked(money.dry_powder, bought, hedge_world(account=poor)).passed
    assert not asked(money.dry_powder, entry(), hedge_world(account=poor)).passed
    worse = hedge_world(account={"net_liquidation_usd": 0.9 * NLV})
    for check in (money.daily_loss, money.drawdown, money.weekly_loss):
        assert asked(check, bought, worse).passed
        assert asked(check, bought, worse).observed == pytest.approx(10.0)
        assert not asked(check, entry(), worse).passed
    sold = sell(CALLS[1], 1)
    assert not asked(money.daily_loss, sold, owning(worse, CALLS[1], 1, 4, 1.5)).passed


# hours ----------------------------------------------------------------------------------------------
def at(hour: int, minute: int, second: int = 0) -> datetime:
    """A time of the day."""
    return NOW.replace(hour=hour, minute=minute, second=second)


@pytest.mark.parametrize(
    ("now", "opening", "closing"),
    [
        (at(9, 29, 59), False, False), (at(9, 30), False, True), (at(9, 39, 59), False, True), (at(9, 40), True, True),
        (at(15, 49, 59), True, True), (at(15, 50), False, True),
        (at(16, 14, 59), False, True), (at(16, 15), False, False),
    ],
)  # fmt: skip
def test_the_session_and_its_window(now: datetime, opening: bool, closing: bool) -> None:
    """New risk from ten minutes after the open to ten before the index closes, its first moment included and its last
    not; exits in all of the session."""
    caps = {"no_open_first_min": 10.0, "no_open_last_min": 10.0}
    assert asked(hours.session, entry(), World().with_(now=now), **caps).passed is opening
    assert asked(hours.session, close(), HELD.with_(now=now), **caps).passed is closing


def test_days_to_the_last_trading_day() -> None:
    """Today or past refuses, tomorrow passes, the nearest leg counts."""
    view = World().view()
    for days, passes in ((0, False), (-1, False), (1, True), (2, True)):
        odd = msgspec.structs.replace(view.market.option(LEG), last_trade_at=at(16, 0) + timedelta(days=days))
        market = msgspec.structs.replace(view.market, instruments={**view.market.instruments, LEG: odd})
        found = asked(hours.expiry_day, entry(), World().with_(market=market))
        assert (found.passed, found.observed, found.cap) == (passes, days, 1)


def test_a_leg_that_stops_trading_before_the_session_ends_is_not_traded_on() -> None:
    """From its last moment on, and by its name, whatever the other legs still do; not for an exit either."""
    view = World().view()
    for seconds, passes in ((1.0, True), (0.0, False), (-1.0, False)):
        odd = msgspec.structs.replace(view.market.option(LEG), last_trade_at=NOW + timedelta(seconds=seconds))
        market = msgspec.structs.replace(view.market, instruments={**view.market.instruments, LEG: odd})
        for intent, world in ((entry(), World()), (close(), HELD)):
            found = asked(hours.session, intent, world.with_(market=market))
            assert found.passed is passes
            assert (f"{describe(odd)} stopped trading at" in found.text) is not passes


def test_half_a_day_is_no_day_for_new_risk() -> None:
    """Said as what it is; a moment outside of every known session is refused too."""
    for early, kind in ((False, "full day"), (True, "half day")):
        found = asked(hours.early_close, entry(), World(sessions=(session(NOW.date(), early_close=early),)))
        assert found[:3] == (not early, kind, "full day")
        assert found.text == f"{NOW.date().isoformat()} is a {kind}"
    assert asked(hours.early_close, entry(), World(sessions=()))[:2] == (False, None)
