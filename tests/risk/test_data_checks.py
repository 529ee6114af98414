"""Quotes that are not believed (C15), size against what is shown (C55), the condors' delta (C17), presence (C54)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from risk.watch import Levels
from strategies.domain.instruments import Right
from tests.risk.sample import (
    EXPIRIES,
    NOW,
    SPX,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    level,
    on_grid,
    option,
    quote,
    session,
)
from tests.risk.test_gate_checks import failing, judged, with_guards, with_models, with_quote, with_watch


def levels(*rows: tuple[float, float]) -> World:
    """SPX so many seconds ago, oldest first, at a VIX of 16.5."""
    return with_watch(levels=tuple(Levels(NOW - timedelta(seconds=s), spx, 16.5, -1.0) for s, spx in rows))


# a jump of the index -------------------------------------------------------------------------------
ONE_SIGMA = 5500.0 * 0.165 / (252.0 * 390.0) ** 0.5
"""Points of one standard deviation of a minute."""


@pytest.mark.parametrize(
    ("rows", "believed"),
    [
        (((30.0, 5500.0 + 7.9 * ONE_SIGMA),), True),
        (((30.0, 5500.0 + 8.1 * ONE_SIGMA),), False),
        (((30.0, 5500.0 - 8.1 * ONE_SIGMA),), False),
        (((50.0, 5500.0), (40.0, 5530.0), (5.0, 5500.0)), False),  # one print far off and back again
        (((70.0, 5530.0), (55.0, 5501.0), (5.0, 5500.0)), True),  # it has stood for a minute
        (((110.0, 5500.0 + 9.0 * ONE_SIGMA),), True),  # two minutes have the deviation of two minutes
        (((110.0, 5500.0 + 12.0 * ONE_SIGMA),), False),
    ],
)
def test_a_level_that_left_the_last_minute_too_far_behind_is_not_believed(
    rows: tuple[tuple[float, float], ...], believed: bool
) -> None:
    """Eight deviations of a minute by VIX, up or down, against any level of that minute."""
    assert failing(judged(levels(*rows), entry())) == ([] if believed else ["C15-J"])


def test_without_levels_of_the_last_minutes_nothing_new_is_sold_and_an_exit_goes() -> None:
    """Unknown fails; an order that is proven to reduce risk is not held up by a jump."""
    assert "C15-J" in failing(judged(with_watch(levels=()), entry()))
    jumped = levels((30.0, 5600.0)).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -12.0)
    assert failing(judged(jumped, close())) == []


# quotes that cannot be ------------------------------------------------------------------------------
def with_legs(**prices: tuple[float, float]) -> World:
    """The good world with bid and ask of some legs: p1, p2 from below, c3, c4."""
    rights = (Right.PUT, Right.PUT, Right.CALL, Right.CALL)
    names = dict(zip(("p1", "p2", "c3", "c4"), zip(WINGS, rights, strict=True), strict=True))
    quotes = dict(World().quotes)
    for name, (bid, ask) in prices.items():
        strike, right = names[name]
        quotes[con_id(EXPIRIES[1], strike, right)] = quote(option(EXPIRIES[1], strike, right), bid=bid, ask=ask)
    return replace(World(), quotes=quotes)


@pytest.mark.parametrize(
    ("prices", "fault"),
    [
        ({"p1": (9.0, 9.2), "p2": (8.5, 8.8)}, True),  # the lower put dearer than the higher one
        ({"p1": (9.0, 9.2), "p2": (8.8, 9.0)}, False),  # touching: a spread for nothing, but nobody pays for it
        ({"c3": (8.5, 8.8), "c4": (9.0, 9.2)}, True),  # the higher call dearer
        ({"p1": (2.0, 2.2), "p2": (53.0, 53.4)}, True),  # a spread of 50 points for more than 50
        ({"c3": (53.0, 53.4), "c4": (2.0, 2.2)}, True),
    ],
)
def test_legs_that_nobody_could_quote_so_are_refused(prices: dict[str, Any], fault: bool) -> None:
    """Bid against ask, so a wide market is no fault; monotone across strikes, and a spread within its width."""
    assert ("C15" in failing(judged(with_legs(**prices), entry()))) is fault


def test_the_forward_of_the_legs_belongs_to_the_index() -> None:
    """One percent and eight percent a year of carry, either way; a leg without a mark cannot be compared."""
    world = World()
    tau = world.marks[entry().legs[0].con_id].tau_years
    for side in (1.0, -1.0):
        for gap_pct, passes in ((0.95 + 8.0 * tau, True), (1.05 + 8.0 * tau, False)):
            value = 5500.0 / (1.0 + side * 0.01 * gap_pct)
            moved = replace(world, quotes={**world.quotes, SPX: level(SPX, value)})
            watch = msgspec.structs.replace(
                world.view().watch, levels=(Levels(NOW - timedelta(seconds=5), value, 16.5, -1.0),)
            )
            assert ("C15-F" not in failing(judged(moved.with_(watch=watch), entry()))) is passes
    blank = replace(world, marks={c: m for c, m in world.marks.items() if c != entry().legs[0].con_id})
    assert "C15-F" in failing(judged(blank, entry()))


def test_refusals_for_quotes_stop_everything_new_for_a_minute_and_no_exit() -> None:
    """The tenth within a minute; those older than that count no more."""
    nine, ten = (NOW - timedelta(seconds=59),) * 9, (NOW - timedelta(seconds=59),) * 10
    assert failing(judged(with_watch(refused_quotes=nine), entry())) == []
    assert failing(judged(with_watch(refused_quotes=ten), entry())) == ["C15-N"]
    assert failing(judged(with_watch(refused_quotes=(NOW - timedelta(seconds=60),) * 10), entry())) == []
    held = with_watch(refused_quotes=ten).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -12.0)
    assert failing(judged(held, close())) == []


# size -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shown", "units", "passes"), [(4, 2, True), (3, 2, False), (1, 1, True), (0, 1, False), (None, 1, False)]
)
def test_an_order_is_small_against_what_its_thinnest_leg_shows(shown: int | None, units: int, passes: bool) -> None:
    """Half of what is shown on the side it trades on; one unit where one is shown; unknown fails."""
    leg = entry().legs[0]  # bought: the ask counts
    world = World()
    thin = msgspec.structs.replace(world.quotes[leg.con_id], ask_size=shown)
    world = replace(world, quotes={**world.quotes, leg.con_id: thin})
    assert ("C55" not in failing(judged(world, entry(quantity=units)))) is passes
    other = with_quote(ask_size=shown)  # a leg to sell: nobody is asked for it
    assert "C55" not in failing(judged(other, entry(quantity=units)))


# delta ----------------------------------------------------------------------------------------------
def test_a_condor_that_takes_the_book_out_of_its_delta_band_is_refused_and_one_that_leads_back_passes() -> None:
    """Two condors near their calls are held, short of the market; a third like them is refused, one that leans the
    other way is not, although the book stays outside."""
    near_calls, leaning_back = (5100.0, 5150.0, 5550.0, 5600.0), (5150.0, 5200.0, 5850.0, 5900.0)
    guards = msgspec.structs.replace(World().limits.guards, delta_per_condor=0.02)
    limits = msgspec.structs.replace(World().limits, guards=guards, open_condors=5, condors_per_expiry=5)
    world = World(limits=limits)
    for number, expiry in enumerate((EXPIRIES[0], EXPIRIES[2])):
        world = world.having(f"ic-{number + 7}", condor_legs(expiry, near_calls), 1, -20.0)
    more = failing(judged(world, at_mid(near_calls)))
    back = failing(judged(world, at_mid(leaning_back)))
    assert "C17-D" in more
    assert "C17-D" not in back


def at_mid(wings: tuple[float, float, float, float]) -> Any:
    made = entry(wings=wings)
    return msgspec.structs.replace(made, limit_points=on_grid(made.mid_points))


def test_a_leg_without_a_mark_leaves_the_delta_unknown() -> None:
    """Unknown fails."""
    world = World()
    blank = replace(world, marks={c: m for c, m in world.marks.items() if c != entry().legs[3].con_id})
    assert "C17-D" in failing(judged(blank, entry()))
    leg = entry().legs[3].con_id
    for change in ({"discount": 0.0}, {"iv": float("nan")}, {"tau_years": 0.0}, {"forward_points": -1.0}):
        spoilt = {**world.marks, leg: msgspec.structs.replace(world.marks[leg], **change)}
        assert "C17-D" in failing(judged(replace(world, marks=spoilt), entry()))
    assert failing(judged(with_guards(delta_per_condor=1.0), entry())) == []


# presence -------------------------------------------------------------------------------------------
def test_three_sessions_without_a_word_are_allowed_and_a_fourth_is_not() -> None:
    """Sessions count, not days; nobody ever heard of is unknown; a simulated market is spared; exits go."""
    days = [NOW.date() - timedelta(days=n) for n in (6, 5, 4, 3, 0)]  # Tuesday to Friday, and Monday
    sessions = tuple(session(day) for day in days)
    for ago, passes in ((4, True), (5, True), (6, False)):
        watch = msgspec.structs.replace(World().view().watch, heard_at=NOW - timedelta(days=ago))
        world = World(sessions=sessions).with_(watch=watch)
        assert failing(judged(world, entry())) == ([] if passes else ["C54"])
    never = msgspec.structs.replace(World().view().watch, heard_at=None)
    assert failing(judged(World().with_(watch=never), entry())) == ["C54"]
    assert failing(judged(World().with_(watch=never, host_watched=False), entry())) == []
    held = World().having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -12.0).with_(watch=never)
    assert failing(judged(held, close())) == []


# the broker's model -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("share", "passes"), [(1.0, True), (1.0 / 1.149, True), (1.0 / 1.151, False), (1.0 / 0.851, True), (1.2, False)]
)
def test_a_leg_whose_vega_the_broker_sees_otherwise_is_refused(share: float, passes: bool) -> None:
    """C52: fifteen percent of the broker's either way, leg by leg; one leg is enough."""
    assert ("C52" not in failing(judged(with_models(share), entry()))) is passes
    assert ("C52" not in failing(judged(with_models(share, legs=1), entry()))) is passes


def test_a_leg_of_which_the_broker_tells_no_model_is_not_compared() -> None:
    """The verdict says that nothing was; a leg that we cannot value ourselves is refused, an exit never is."""
    (row,) = [check for check in judged(World(), entry()).checks if check.code == "C52"]
    assert (row.passed, row.observed) == (True, None)
    assert "no model" in row.text
    told = with_models(1.0)
    blank = {c: m for c, m in World().marks.items() if c != entry().legs[0].con_id}
    assert "C52" in failing(judged(told.with_(marks=blank), entry()))
    held = with_models(3.0).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -12.0)
    assert failing(judged(held, close())) == []
