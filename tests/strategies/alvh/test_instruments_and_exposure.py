"""Which contract a slot would be bought in, what is asked for when it is missing, and what a holding is worth."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import msgspec
import pytest

from strategies.alvh.forwards import Forwards
from strategies.alvh.instruments import _normal_quantile
from strategies.alvh.params import AlvhParams, HedgeKind
from strategies.domain.instruments import Future
from strategies.domain.orders import Action
from strategies.pricing import black76
from strategies.pricing.vix_beta import FORMULA, vix_beta
from tests.strategies.alvh.bench import JULY_WEEKLY, JUNE_WEEKLY, MONTHS, NY, TICKS, HedgeBench

MAY, JUNE, JULY = MONTHS[:3]


def bought(bench: HedgeBench, slots: range) -> list[date]:
    """Settlement days of the first orders for some slots."""
    return [bench.options[i.legs[0].con_id].expiry for i in bench.ask() if i.legs[0].slot in slots]


# the contract -----------------------------------------------------------------------------------------
def test_the_weekly_nearest_to_the_target_is_taken_where_it_is_much_nearer(bench):
    """30 days and 58 days beat monthly series 14 and 19 days away from their targets."""
    assert bought(bench, range(1, 5)) == [JUNE_WEEKLY]


def test_a_monthly_series_is_preferred_to_a_weekly_one_a_little_nearer(bench):
    """Six days of preference: a weekly only four days nearer loses."""
    bench.chains = {"VIX": MONTHS, "VIXW": (JUNE - timedelta(days=10),)}  # 34 days against 44
    bench.params = AlvhParams(lattice=msgspec.structs.replace(bench.params.lattice, monthly_bonus_days=11))
    assert bought(bench, range(1, 5)) == [JUNE]


def test_no_series_in_range_buys_nothing_and_says_so(bench):
    """The layer waits for an expiry of its tenor instead of taking another."""
    bench.chains = {"VIX": (MAY,), "VIXW": ()}
    assert not bench.ask()
    assert "no expiry 45 to 90 days out is listed" in bench.said("A-LAT-1", "layer L2").text


@pytest.mark.parametrize("listed_by_last_trade", [False, True])
def test_a_series_is_found_by_settlement_or_by_last_trading_day(bench, listed_by_last_trade):
    """Brokers list a morning-settled series by either day; the future is the one that settles with it."""
    shift = timedelta(days=1 if listed_by_last_trade else 0)
    bench.chains = {"VIX": (JUNE - shift, JULY - shift), "VIXW": ()}
    assert set(bought(bench, range(1, 9))) == {JUNE, JULY}


def test_the_front_series_listed_by_its_last_trading_day_has_a_board(bench):
    """The Tuesday before the first listed settlement lies outside the strip; its Wednesday does not."""
    bench.now = datetime.combine(date(2026, 4, 27), time(10, 0), NY)
    bench.chains = {"VIX": (MAY - timedelta(days=1),), "VIXW": ()}
    bench.look(60.0)
    assert any(board.expiry == MAY - timedelta(days=1) for board in bench.look(60.0).boards)


def test_the_strike_is_the_one_nearest_to_the_wanted_delta(bench):
    """A-LAT-2 and 3 on the same-expiry future: half a delta in the short layer, .45 in the intermediate one."""
    bench.may_open = True
    for intent in bench.ask():
        option = bench.options[intent.legs[0].con_id]
        tau = (option.last_trade_at - bench.now).total_seconds() / (365.0 * 86400.0)
        aim = 0.50 if (intent.legs[0].slot or 0) <= 4 else 0.45
        forward, vol = bench.forward(option.expiry), bench.vol(option.expiry)
        deltas = {k: float(black76.delta(forward, k, vol, tau, True, 1.0)) for k in range(14, 30)}
        assert abs(deltas[int(option.strike)] - aim) <= min(abs(d - aim) for d in deltas.values()) + 0.01


def test_what_is_missing_is_asked_for_in_turn_and_nothing_is_bought(bench):
    """First the chains, then the board, then quotes; an order only when all have come."""
    first = bench.look(60.0)
    assert set(first.chains) == {("VIX", "VIX"), ("VIX", "VIXW")}
    second = bench.look(60.0)
    assert {(b.trading_class, b.expiry) for b in second.boards} == {("VIXW", JUNE_WEEKLY), ("VIXW", JULY_WEEKLY)}
    bench.silent = set(bench.options)
    third = bench.look(60.0)
    assert len(third.lines) >= 6
    assert not [out for out in (first, second, third) if out.places]
    assert not bench.ask()
    assert "waiting for quotes" in bench.said("A-LAT-1", "layer L1").text


def test_no_quoted_strike_near_the_delta_buys_nothing(bench):
    """A chain that lists only far strikes gives no substitute."""
    for _ in range(2):
        bench.look(60.0)
    bench.options = {k: o for k, o in bench.options.items() if o.symbol != "VIX" or o.strike >= 40.0}
    assert not bench.ask()


def mini(number: int, expiry: date) -> Future:
    return Future(7000 + number, "VXM", "VXM", "CFE", 100, expiry, datetime.combine(expiry, time(9, 0), NY), TICKS)


def test_the_mini_future_is_an_alternative_with_a_quarter_of_its_price_at_risk(bench):
    """A-LAT-2's other instrument: the month nearest to the target, sized by its beta."""
    lattice = bench.params.lattice
    short = msgspec.structs.replace(lattice.short, kind=HedgeKind.VXM)
    bench.params = AlvhParams(lattice=msgspec.structs.replace(lattice, short=short))
    assert not [i for i in bench.ask() if i.legs[0].slot in range(1, 5)]
    bench.minis = (mini(1, MAY), mini(2, JUNE))
    bench.nlv = 1_000_000.0
    bench.settle_in(6)
    assert {con for (slot, con), (q, _) in bench.held.items() if slot in range(1, 5) and q} == {7002}


@pytest.mark.parametrize(("p", "x"), [(0.5, 0.0), (0.84134, 1.0), (0.15866, -1.0), (0.97725, 2.0)])
def test_the_rough_quantile_is_near_the_true_one(p, x):
    """Good enough to know where to look: within .005."""
    assert _normal_quantile(p) == pytest.approx(x, abs=0.005)


# forwards ---------------------------------------------------------------------------------------------
def test_forwards_lie_on_the_line_between_listed_months_and_nowhere_else(bench):
    """A weekly between two months is interpolated; outside the strip no line is; spot VIX is never used."""
    forwards = Forwards(bench.market(), bench.futures(), bench.now, 60.0)
    half = MAY + (JUNE - MAY) / 2
    assert forwards.at(half) == pytest.approx(18.0)
    assert forwards.at(JUNE) == pytest.approx(18.5)
    assert forwards.at(MAY - timedelta(days=7)) is None
    assert forwards.at(MONTHS[-1] + timedelta(days=7)) is None
    assert forwards.slope(JUNE) == pytest.approx(1.0 / 28.0)


def test_a_stale_month_is_no_month(bench):
    """A future without a fresh quote bounds no interpolation."""
    bench.silent = {11}
    forwards = Forwards(bench.market(), bench.futures(), bench.now, 60.0)
    assert forwards.at(JUNE_WEEKLY) is None
    assert Forwards(bench.market(), bench.futures(), bench.now + timedelta(seconds=90), 60.0).levels == {}


# exposure ---------------------------------------------------------------------------------------------
def test_a_call_counts_with_its_delta_and_its_futures_beta(bench):
    """A-VEGA-1: contracts x 100 x delta x beta of its own settlement, never its vega."""
    bench.hold(5, JULY, 21.0, 3)
    (line,) = bench.look(60.0).exposure.lines
    assert line.delta is not None
    beta = vix_beta((JULY - bench.today).days, FORMULA)
    assert line.usd_per_vix_point == pytest.approx(3 * 100.0 * line.delta * beta)
    assert line.carry_usd_per_day < 0.0
    assert line.theta_points is not None
    roll = line.carry_usd_per_day - 300.0 * line.theta_points
    assert roll == pytest.approx(-300.0 * line.delta * (bench.vx[2] - bench.vx[1]) / (JULY - JUNE).days)


def test_rolling_costs_in_contango_and_earns_in_backwardation(bench):
    """R20: the sign of the roll of a long call follows the curve."""
    option = bench.hold(5, JULY, 21.0, 1)
    rising = bench.look(60.0).marks[option.con_id].roll_points_per_day
    bench.vx = tuple(reversed(bench.vx))
    falling = bench.look(60.0).marks[option.con_id].roll_points_per_day
    assert rising < 0.0 < falling


@pytest.mark.parametrize("fault", ["nameless", "silent"])
def test_a_holding_that_cannot_be_valued_makes_net_vega_unknown(bench, fault):
    """A contract without description, or without a quote, is not a holding of zero: nothing is sized on a guess."""
    option = bench.hold(5, JULY, 21.0, 2)
    setattr(bench, fault, {option.con_id})
    out = bench.look(60.0)
    assert out.exposure.vega is None
    assert str(option.con_id) in out.exposure.unknown
    assert out.target is None
    assert not bench.ask()
    assert option.con_id in out.lines or fault == "nameless"


def test_a_call_nobody_bids_for_moves_nothing_and_is_known(bench):
    """Worth next to nothing is a value, not an unknown."""
    bench.hold(1, JUNE_WEEKLY, 75.0, 2, price=0.5)
    assert bench.look(60.0).exposure.vega is not None


def test_a_call_so_deep_that_its_mid_has_no_volatility_is_valued_all_the_same(bench):
    """The front at 40, a call struck at 12, quoted around what exercise is worth: nearly a future, never unknown."""
    bench.vx, bench.vix = (40.0, 36.0, 33.0, 31.0, 30.0, 29.0), 45.0
    option = bench.hold(1, MONTHS[1], 12.0, 2)
    bench.look(60.0)
    for shift in (-0.02, 0.0):
        mid = bench.worth(option) + shift
        bench.worth = lambda _option, mid=mid: mid
        line = bench.look(60.0).exposure.lines[0]
        assert line.delta == pytest.approx(1.0, abs=0.03)
        assert line.usd_per_vix_point is not None


def test_a_weekly_call_that_trades_far_under_the_line_between_the_months_keeps_a_value(bench):
    """5 February 2018: the week's future stood 2 points under the line between the months, the call offered under what
    exercise on the line is worth. Its own price tells the future; net vega is known and the call nearly a future."""
    bench.vx, bench.vix = (33.0, 28.0, 25.0, 23.0, 22.0, 21.0), 37.0
    option = bench.hold(1, JUNE_WEEKLY, 13.0, 2)
    on_the_line = bench.worth(option)
    bench.worth = lambda _option: on_the_line - 2.0
    exposure = bench.look(60.0).exposure
    (line,) = exposure.lines
    assert line.mid_points is not None
    assert line.mid_points < bench.forward(JUNE_WEEKLY) - 13.0 - 1.5
    assert line.mark is not None
    assert line.mark.forward_points == pytest.approx(13.0 + line.mid_points, abs=0.1)
    assert line.delta == pytest.approx(1.0, abs=0.05)
    assert exposure.vega is not None


@pytest.mark.parametrize("vol", [0.7, 0.85, 1.1, 1.5])
def test_a_weekly_call_before_the_first_listed_month_is_valued_by_its_own_price(bench, vol):
    """16 to 25 October 2019: the month before a held weekly call had settled, no months enclosed it any more, and net
    vega was unknown for eight sessions. Its price tells its future: the delta is right within a tenth whatever the
    volatility really is, carry is known by the first stretch of the curve, and so is net vega."""
    expiry, strike, future = MAY - timedelta(days=7), 20.0, 17.0
    tau = (datetime.combine(expiry - timedelta(days=1), time(16, 15), NY) - bench.now).total_seconds() / (365.0 * 86400)
    bench.worth = lambda _option: float(black76.price(future, strike, vol, tau, True))
    bench.half = 0.0
    option = bench.hold(1, expiry, strike, 2)
    exposure = bench.look(60.0).exposure
    (line,) = exposure.lines
    assert line.held.con_id == option.con_id
    assert line.delta == pytest.approx(float(black76.delta(future, strike, vol, tau, True)), abs=0.1)
    assert line.carry_usd_per_day is not None
    assert line.mark is not None
    assert line.mark.roll_points_per_day == pytest.approx(-1.0 / 28.0)
    assert exposure.vega is not None


def test_the_condors_alone_are_as_the_golden_numbers_say(bench):
    """RULEBOOK 4: three condors of 50 points at VIX 17 lose some 371 dollars per VIX point, -0.25 normalised."""
    vega = bench.look(60.0).exposure.vega
    assert vega.condors_usd_per_vix_point == pytest.approx(-371.0, rel=0.02)
    assert vega.net_n == pytest.approx(-0.247, abs=0.005)


def test_a_spread_nets_its_legs(bench):
    """The sold call takes back part of what the bought one brings, in vega, value and cost."""
    near, far = bench.hold(9, MONTHS[4], 21.0, 1), bench.hold(9, MONTHS[4], 30.0, -1)
    exposure = bench.look(60.0).exposure
    by_id = {line.held.con_id: line for line in exposure.lines}
    assert by_id[far.con_id].usd_per_vix_point < 0.0 < by_id[near.con_id].usd_per_vix_point
    assert 0.0 < exposure.slot_usd(9) < by_id[near.con_id].usd_per_vix_point
    assert exposure.held_in((9,)) == 1


def test_legs_of_a_candidate_carry_the_slot(bench):
    """An order's legs say whose they are."""
    for intent in bench.ask():
        assert {leg.slot for leg in intent.legs} == {int(intent.ref[6:8])}
        assert intent.legs[0].action is Action.BUY
