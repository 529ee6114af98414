"""One condor through the shipped scenario with its inversion: its trades, the static hedge, the books."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from bot.cli.twins import twins
from bot.sim.types import Right
from bot.sim.venue.products import OPTION_CLASSES, option_con_id
from bot.sim.world import load_scenario
from bot.twins.carried import Carried, Mark, Part, Row, carry, tape_of, trades_of
from bot.twins.compare import CLAIMS, compare
from bot.twins.market import TwinMarket
from bot.twins.record import Deal, Record, TwinsError
from bot.twins.text import render
from strategies.alvh.params import AlvhParams
from strategies.domain.hedge import HEDGE_OWNER

NY = ZoneInfo("America/New_York")
UTC = ZoneInfo("UTC")
WIDTH = 50.0


def market(seed: int = 7) -> TwinMarket:
    """The scenario in which the curve inverts on day 8."""
    return TwinMarket(load_scenario("flip", seed))


def condor_deals(sold: TwinMarket, day_at: datetime, side: int, legs: dict[int, int], ref: str) -> list[Deal]:
    """Trades of the condor at the mids of a moment."""
    seen = sold.seen(sorted(legs), day_at)
    return [Deal(day_at, con_id, side * sign, seen[con_id].mid, 100, 1.0, ref, "ic-1") for con_id, sign in legs.items()]


def spot_condor(sold: TwinMarket, at: datetime) -> dict[int, int]:
    """A condor with its shorts 6 and 4 percent away, on the third expiry from 35 days on."""
    spot = sold.level("SPX", at)
    expiry = min(d for d in sold._universe.expiries("SPXW") if (d - sold.day.day).days >= 35)
    put, call = 25.0 * round(0.94 * spot / 25.0), 25.0 * round(1.04 * spot / 25.0)
    terms = ((put - WIDTH, Right.PUT, 1), (put, Right.PUT, -1), (call, Right.CALL, -1), (call + WIDTH, Right.CALL, 1))
    return {option_con_id(OPTION_CLASSES["SPXW"], expiry, k, right): sign for k, right, sign in terms}


@pytest.fixture(scope="module")
def record() -> Record:
    """Sold on day 1 at 10:30, closed on day 9 at 11:00, with two VIX calls of the run's own hedge beside it."""
    shop = market()
    first, ninth = shop.days[0], shop.days[8]
    shop.enter(first)
    at = datetime.combine(first.day, time(10, 30), NY)
    legs = spot_condor(shop, at)
    call = shop.call_of(AlvhParams().lattice.short, 6, at)
    assert call is not None
    deals = condor_deals(shop, at, 2, legs, "ic-1.entry.1")
    deals.append(Deal(at, call.con_id, 2, shop.seen([call.con_id], at)[call.con_id].mid, 100, 1.5, "h.1", HEDGE_OWNER))
    for day in shop.days[1:9]:
        shop.enter(day)
    out = datetime.combine(ninth.day, time(11, 0), NY)
    deals += condor_deals(shop, out, -2, legs, "ic-1.exit.1")
    last = shop.days[-1].close_at
    return Record(tuple(deals), 0, AlvhParams(), first.open_at, last, 500_000.0, 1234.5)


@pytest.fixture(scope="module")
def carried(record: Record) -> Carried:
    """The run carried again."""
    return carry(record, market())


def test_the_runs_trades_are_priced_by_their_own_moment(record: Record, carried: Carried) -> None:
    """Sold and bought at the world's mids: the twin prices every leg the same, so the unhedged profit is the cash."""
    own = [row for row in carried.rows if row.filled_points is not None]
    assert len(own) == 9
    assert all(row.mid_points == pytest.approx(row.filled_points) for row in own)
    assert carried.matched == 1.0
    cash = -sum(d.quantity * d.price_points * 100.0 + d.commission_usd for d in record.deals if d.owner == "ic-1")
    found = compare(record, carried)
    assert found.costs[0].profit_usd["unhedged"] == pytest.approx(cash, abs=0.01)
    half = sum(abs(row.quantity) * row.half_points * 100.0 for row in own if row.part is Part.CONDORS)
    assert found.costs[2].profit_usd["unhedged"] == pytest.approx(cash - half, abs=0.01)


def test_the_static_hedge_comes_with_the_condor_and_goes_with_it(record: Record, carried: Carried) -> None:
    """It buys at the sale and is flat after the exit; its weight is a quarter of the condors' within one contract a
    layer; meanwhile it rolls its short calls on their day and does nothing else."""
    static = [row for row in carried.rows if row.part is Part.STATIC]
    entry, out = record.deals[0].at, record.deals[-1].at
    assert {row.at for row in static if row.quantity > 0 and row.at == entry} == {entry}
    held: dict[int, int] = {}
    for row in static:
        held[row.con_id] = held.get(row.con_id, 0) + row.quantity
    assert not any(held.values())
    assert max(row.at for row in static) == out
    between = [row for row in static if entry < row.at < out]
    assert sum(row.quantity for row in between) == 0, "a roll is contract for contract"


def test_a_book_marked_twice_a_day_knows_the_sessions_low(carried: Carried) -> None:
    """Two valuations a session, the first where SPX stood lowest of the two."""
    assert len(carried.marks) == 2 * 15
    for low, close in zip(carried.marks[::2], carried.marks[1::2], strict=True):
        assert (low.close, close.close) == (False, True)
        assert low.spx <= close.spx + 0.01


def test_the_inversion_is_a_day_of_stress_and_the_hedge_gains_on_it(record: Record, carried: Carried) -> None:
    """On days 8 and 9 VIX rises by more than three points; the calls win part of what the condor loses."""
    found = compare(record, carried)
    assert found.stress_days
    gain = found.costs[0].stress_gain_pct["alvh"]
    assert gain is not None
    assert gain > 0.0
    assert found.costs[0].cut_pct["alvh"] is not None
    scale = found.costs[0].smaller_scale
    assert scale is not None
    assert scale * found.costs[0].worst_fall_usd["unhedged"] == pytest.approx(
        found.costs[0].worst_fall_usd["alvh"], rel=0.002
    )


def test_costs_only_cost(record: Record, carried: Carried) -> None:
    """Every book makes less at 40 percent of the half-spread than at mid, and least at all of it."""
    levels = compare(record, carried).costs
    for book in ("unhedged", "alvh", "static"):
        made = [level.profit_usd[book] for level in levels]
        assert made == sorted(made, reverse=True)


def test_break_evens_move_out_below_and_in_above(record: Record, carried: Carried) -> None:
    """P-BE-2 at the close of the sale: a VIX call hedge helps the put side and costs on the call side."""
    for shift in compare(record, carried).break_even["alvh"]:
        assert shift.closes == 8
        assert shift.sale_down_bp is not None
        assert shift.sale_up_bp is not None
        assert shift.sale_down_bp > 0.0 > shift.sale_up_bp


def test_another_world_is_refused(record: Record) -> None:
    """The same scenario with another seed did not trade at these prices; another month did not trade at all."""
    with pytest.raises(TwinsError, match="name the world the run was made in"):
        carry(record, market(seed=8))
    moved = [deal._replace(at=deal.at + timedelta(days=400)) for deal in record.deals]
    with pytest.raises(TwinsError, match="which this world does not have"):
        carry(record._replace(deals=tuple(moved)), market())


def test_claims_stand_only_where_they_are_tested(record: Record, carried: Carried) -> None:
    """The sources' 35 to 55 percent and 40 to 60 points are named once, as claims, beside what was measured."""
    text = render(compare(record, carried))
    head, claims = text.split("Claims of the method's sources")
    for low, high in CLAIMS.values():
        assert f"{low:.0f} to {high:.0f}" not in head
        assert f"{low:.0f} to {high:.0f}" in claims
    assert "measured" in claims
    assert all(len(line) <= 130 for line in text.splitlines())
    json.dumps(msgspec.to_builtins(compare(record, carried)))


def test_figures_of_a_market_made_by_hand() -> None:
    """Two weeks, one rally: the unhedged book falls by 600, the hedged by 360; the hedge gains 240 on VIX +4."""
    days = [datetime(2026, 3, day, 16, 0, tzinfo=NY) for day in (6, 9, 10, 13)]
    spx, vix = (5000.0, 4900.0, 4950.0, 5080.0), (16.0, 20.0, 18.0, 15.0)
    condor, call = (8.0, 14.0, 12.0, 6.0), (1.0, 3.4, 2.0, 0.6)
    start = days[0] - timedelta(hours=5)
    rows = (
        Row(Part.CONDORS, start, 1, -1, 8.0, 0.2, 0.0, 8.0),
        Row(Part.ALVH, start, 2, 1, 1.0, 0.1, 0.0, 1.0),
    )
    marks = tuple(
        Mark(at, True, s, v, {1: (a, 0.2), 2: (b, 0.1)})
        for at, s, v, a, b in zip(days, spx, vix, condor, call, strict=True)
    )
    carried = Carried(rows, marks, {1: 100, 2: 100}, (), {Part.ALVH: (-2.0,) * 4, Part.STATIC: (0.0,) * 4},
                      (4.0,) * 4, 16.0, 5000.0, 1.0)  # fmt: skip
    record = Record((), 0, AlvhParams(), start, days[-1], 100_000.0, None)
    found = compare(record, carried)
    mid = found.costs[0]
    assert mid.profit_usd == {"unhedged": 200.0, "alvh": 160.0, "static": 200.0}
    assert mid.worst_fall_usd["unhedged"] == 600.0
    assert mid.worst_fall_usd["alvh"] == 360.0
    assert mid.cut_pct["alvh"] == 40.0
    assert (mid.smaller_scale, mid.smaller_profit_usd) == (0.6, 120.0)
    assert mid.stress_gain_pct["alvh"] == 40.0
    assert found.stress_days == (date(2026, 3, 9),)
    assert found.rally_weeks == ("2026-W11",)
    assert mid.rally_usd["unhedged"] == 200.0
    assert mid.rally_usd["alvh"] == 160.0
    assert found.carry_usd_per_year["alvh"] == -730.0
    assert found.carry_pct_of_theta["alvh"] == 50.0
    assert found.break_even["alvh"][0].down_bp is None
    tape, column = tape_of(carried)
    assert tape.mid_points.shape == (4, 2)
    assert not np.isnan(tape.mid_points).any()
    assert len(trades_of(carried, (Part.STATIC,), column).at_s) == 0


def test_what_the_hedge_makes_with_nothing_to_protect_is_told_apart() -> None:
    """The condor goes on Monday at a loss of 600; on Tuesday VIX jumps again and the call, still held, gains 500: that
    is not what the hedge did for the condor, neither as dollars nor as gain over loss."""
    days = [datetime(2026, 3, day, 16, 0, tzinfo=NY) for day in (6, 9, 10)]
    start = days[0] - timedelta(hours=5)
    rows = (
        Row(Part.CONDORS, start, 1, -1, 8.0, 0.0, 0.0, 8.0),
        Row(Part.ALVH, start, 2, 1, 1.0, 0.0, 0.0, 1.0),
        Row(Part.CONDORS, days[1] - timedelta(hours=1), 1, 1, 14.0, 0.0, 0.0, 14.0),
    )
    marks = tuple(
        Mark(at, True, 5000.0, vix, {1: (condor, 0.0), 2: (call, 0.0)})
        for at, vix, condor, call in zip(days, (16.0, 20.0, 30.0), (8.0, 14.0, 14.0), (1.0, 2.5, 7.5), strict=True)
    )
    carried = Carried(rows, marks, {1: 100, 2: 100}, (), {Part.ALVH: (0.0,) * 3, Part.STATIC: (0.0,) * 3},
                      (1.0,) * 3, 16.0, 5000.0, 1.0)  # fmt: skip
    mid = compare(Record((), 0, AlvhParams(), start, days[-1], None, None), carried).costs[0]
    assert mid.hedge_usd["alvh"] == 650.0
    assert mid.hedge_idle_usd["alvh"] == 500.0
    assert mid.stress_gain_pct["alvh"] == 25.0
    assert mid.open_fall_usd == {"unhedged": 600.0, "alvh": 450.0, "static": 600.0}
    assert mid.open_cut_pct["alvh"] == 25.0


def test_a_book_that_cannot_be_valued_is_said_and_left_out() -> None:
    """A held contract without a price: the moment is counted as unknown, and no fall is made of it."""
    at = datetime(2026, 3, 6, 16, 0, tzinfo=NY)
    rows = (Row(Part.CONDORS, at - timedelta(hours=5), 1, -1, 8.0, 0.2, 0.0, 8.0),)
    marks = (
        Mark(at, True, 5000.0, 16.0, {1: (math.nan, 0.2)}),
        Mark(at + timedelta(days=3), True, 5000.0, 16.0, {1: (7.0, 0.2)}),
    )
    carried = Carried(rows, marks, {1: 100}, (), {Part.ALVH: (0.0,), Part.STATIC: (0.0,)}, (1.0,), 16.0, 5000.0, 1.0)
    found = compare(Record((), 0, AlvhParams(), at, at, None, None), carried)
    assert found.unknown_moments["unhedged"] == 1
    assert found.costs[0].worst_fall_usd["unhedged"] == 0.0
    assert "could not be valued" in render(found)


def test_the_command_refuses_a_place_where_nothing_was_run(tmp_path: Path) -> None:
    """No journal, no twins: said in one sentence with exit code 1."""
    done = CliRunner().invoke(twins, ["--state", str(tmp_path), "--scenario", "flip"])
    assert done.exit_code == 1
    assert "holds no journal" in done.output
