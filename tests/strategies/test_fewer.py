"""A-VEGA-2's last resort: fewer condors where the band comes first and no budget has room for more hedge."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from strategies.condor.filters import FEWER, reduced_today
from strategies.condor.machine import CondorState
from strategies.condor.marks import mark_legs
from strategies.condor.standing import standing
from strategies.fewer import _leaving, reduce
from tests.strategies.condor.moments import moment

LONG_SHORT = timedelta(minutes=21)


@pytest.fixture
def opened(bench):
    bench.open_condor()
    bench.look(60.0)
    return bench


def asked(bench, **of_word):
    """One look of the rule, the hedge having spoken like this."""
    now = moment(bench).ctx.now
    usual = {"net_n": -0.20, "low_n": -0.10, "band_first": True, "no_room": "A-BUD-2", "short_since": now - LONG_SHORT}
    at = moment(bench, **{**usual, **of_word})
    reduce(at.agenda, [at.condor], {at.condor.id: at.stand}, at.ctx.hedge)
    bench.state = msgspec.structs.replace(bench.state, watches=at.agenda.watches)
    return at, at.agenda.watch(at.condor.id).leave_rule


def test_a_condor_leaves_where_band_and_budget_cannot_both_hold(opened):
    """It is named with what it frees and loses, and the ordinary patient exit closes it at the next look."""
    at, rule = asked(opened)
    assert rule == FEWER
    told = at.said("A-VEGA-2")
    assert told.text == "band and budget cannot both hold: a condor leaves"
    assert told.inputs["freed_usd_per_vix_point"] > 50.0
    assert told.inputs["loss_usd"] > 0.0
    opened.look(15.0)
    (intent,) = opened.places()
    assert intent.rule == FEWER


@pytest.mark.parametrize(
    "why_not",
    [
        {"band_first": False},
        {"no_room": ""},
        {"net_n": -0.119},
        {"net_n": None},
        {"low_n": None},
        {"short_since": None},
        {"enabled": False},
    ],
)
def test_anything_missing_keeps_them_all(opened, why_not):
    """In calm, with room in the budgets, inside the hysteresis, or unknown: no condor leaves."""
    _, rule = asked(opened, **why_not)
    assert rule == ""


def test_the_lack_must_last(opened):
    """Twenty minutes of dwell, as for any correction of the band."""
    now = moment(opened).ctx.now
    assert asked(opened, short_since=now - timedelta(minutes=19))[1] == ""
    assert asked(opened, short_since=now - timedelta(minutes=20))[1] == FEWER


@pytest.mark.parametrize(("net_n", "kept"), [(-0.11, FEWER), (-0.10, ""), (0.0, "")])
def test_it_stays_once_net_vega_is_back_at_its_floor(opened, net_n, kept):
    """Named at 0.02 below the floor, taken back at the floor itself, not between: no flicker."""
    assert asked(opened)[1] == FEWER
    assert asked(opened, net_n=net_n)[1] == kept


@pytest.mark.parametrize(("ago_min", "named"), [(59, ""), (61, FEWER)])
def test_one_at_a_time_and_a_pause_after_each(opened, ago_min, named):
    """An hour between two; meanwhile the hedge is counted anew over fewer condors."""
    gone = next(iter(opened.condors.values()))
    opened.condors["ic-gone"] = msgspec.structs.replace(
        gone, id="ic-gone", state=CondorState.CLOSED, exit_rule=FEWER, tallies={},
        closed_at=opened.now - timedelta(minutes=ago_min),
    )  # fmt: skip
    assert asked(opened)[1] == named


@pytest.mark.parametrize(("days", "barred"), [(0, True), (1, False)])
def test_none_is_sold_in_its_place_this_session(opened, days, barred):
    """A rule and its reverse in one session is what must not be: no entry on the day a condor left for the band."""
    gone = next(iter(opened.condors.values()))
    opened.condors["ic-gone"] = msgspec.structs.replace(
        gone, id="ic-gone", state=CondorState.CLOSED, exit_rule=FEWER, closed_at=opened.now - timedelta(days=days)
    )
    assert reduced_today(moment(opened).ctx) is barred


def test_the_one_that_frees_most_for_its_loss_goes_first(opened):
    """Of two, the one in profit before the one in loss: it frees as much and costs less."""
    at = moment(opened)
    rich = msgspec.structs.replace(at.condor, id="ic-rich", credit_points=(at.condor.credit_points or 0.0) + 4.0)
    poor = msgspec.structs.replace(at.condor, id="ic-poor", credit_points=(at.condor.credit_points or 0.0) - 4.0)
    greeks = mark_legs(at.agenda, [rich, poor])
    found = [_leaving(c, standing(c, at.ctx, greeks), at.agenda) for c in (poor, rich)]
    assert all(f is not None for f in found)
    assert min(found, key=lambda f: f.order).condor.id == "ic-rich"
    assert found[0].freed_usd == pytest.approx(found[1].freed_usd)
