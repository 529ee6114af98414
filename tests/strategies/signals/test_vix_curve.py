"""The futures curve: readings, thresholds at their boundaries, and a regime that does not flicker."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.domain.instruments import Future, TickBand
from strategies.domain.market import DataType, Market, Quote
from strategies.signals.curve import (
    CurveParams,
    CurveReading,
    Regime,
    RegimeState,
    advance,
    classify,
    curve_of,
    effective,
    read_curve,
)
from strategies.signals.term_structure import Slot, Strip, VxMonth

P = CurveParams()
NOW = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
TODAY = date(2026, 5, 4)


MAY, JUNE, JULY = date(2026, 5, 19), date(2026, 6, 17), date(2026, 7, 22)


def future(con_id: int, expiry: date) -> Future:
    return Future(con_id, "VIX", "VX", "CFE", 1000, expiry, NOW, (TickBand(0.0, 0.05),))


def quote(con_id: int, mid: float, **changes) -> Quote:
    fields = {
        "con_id": con_id, "bid": mid - 0.025, "ask": mid + 0.025, "bid_size": 1, "ask_size": 1, "last": None,
        "close": None, "at": NOW, "epoch": 1,
    }  # fmt: skip
    return Quote(**{**fields, **changes})


def read(f1: float, f2: float, expiries: tuple[date, date] = (MAY, JUNE), **front) -> CurveReading:
    futures = (future(11, expiries[0]), future(12, expiries[1]))
    quotes = {11: quote(11, f1, **front), 12: quote(12, f2)}
    return read_curve(Market({f.con_id: f for f in futures}, quotes, epoch=1), futures, NOW, TODAY, P)


@pytest.mark.parametrize(
    ("slope", "b12", "regime"),
    [
        (3.5, -1.0, Regime.CONTANGO),
        (3.4999, -1.0, Regime.FLAT),
        (-1.0, 0.2, Regime.FLAT),
        (-1.0001, 0.2, Regime.BACKWARDATION),
        (-15.0, 3.0, Regime.BACKWARDATION),
        (-15.0, 3.0001, Regime.DEEP_BACKWARDATION),
    ],
)
def test_thresholds_decide_exactly_at_their_boundary(slope, b12, regime):
    """T-REG-1: each boundary belongs to the side the rulebook gives it."""
    assert classify(slope, b12, P) is regime


def test_slope_is_per_cent_a_month_between_the_two_front_contracts():
    """A curve 18.00 to 19.00 twenty-nine days apart slopes 5.6 per cent a month."""
    reading = read(18.0, 19.0)
    assert reading.slope_pct_month == pytest.approx(5.5932, abs=1e-3)
    assert reading.front_minus_second_points == pytest.approx(-1.0)
    assert reading.regime is Regime.CONTANGO


@pytest.mark.parametrize(
    "fault",
    [
        {"bid": None},
        {"ask": None},
        {"bid": 0.0},
        {"at": NOW - timedelta(seconds=60.5)},
        {"epoch": 0},
        {"data_type": DataType.DELAYED},
        {"halted": True},
        {"ask": 18.2},
    ],
)
def test_doubtful_front_contract_makes_the_regime_unknown(fault):
    """T-REG-3: one-sided, stale, delayed, halted or wide quotes are no calm."""
    reading = read(18.0, 19.0, **fault)
    assert reading.regime is Regime.UNKNOWN
    assert reading.reason


def test_front_contract_about_to_settle_is_skipped():
    """A contract five days from settlement no longer is F1; six days still is."""
    listed = (future(10, MAY), future(11, JUNE), future(12, JULY))
    market = Market(
        {f.con_id: f for f in listed}, {10: quote(10, 30.0), 11: quote(11, 18.0), 12: quote(12, 19.0)}, epoch=1
    )
    assert read_curve(market, listed, NOW, MAY - timedelta(days=5), P).front_points == 18.0
    assert read_curve(market, listed, NOW, MAY - timedelta(days=6), P).front_points == 30.0


def test_no_later_month_takes_the_place_of_a_missing_one():
    """T-REG-3: with May and July alone there is no F2, and the regime is UNKNOWN, whatever July costs."""
    reading = read(18.0, 19.0, (MAY, JULY))
    assert reading.regime is Regime.UNKNOWN
    assert reading.reason == "F2 (2026-06) is not listed"


def test_a_curve_of_one_month_or_none_is_unknown():
    """One contract makes no slope."""
    one = (future(11, MAY),)
    market = Market({11: one[0]}, {11: quote(11, 18.0)}, epoch=1)
    assert read_curve(market, one, NOW, TODAY, P).reason == "F2 (2026-06) is not listed"
    assert read_curve(Market(), (), NOW, TODAY, P).reason == "F1 (2026-05) is not listed"


@given(st.integers(200, 1600), st.integers(-3, 3))
def test_exactly_three_points_are_not_deep(second_ticks, ticks_more):
    """On the grid of 0.05 (mids: 0.025), whatever binary makes of the prices: deep from the first tick above 3.00."""
    second = second_ticks * 0.05
    first = second_ticks * 0.05 + 3.0 + ticks_more * 0.025
    reading = curve_of(
        Strip(TODAY, (Slot(VxMonth(2026, 5), MAY, 15, first), Slot(VxMonth(2026, 6), JUNE, 44, second))), P
    )
    assert (reading.regime is Regime.DEEP_BACKWARDATION) == (ticks_more > 0)


def test_binary_prices_three_apart_differ_from_three():
    """The reason for the noise: 32.20 - 29.20 is 3.0000000000000036 in binary, and yet three points."""
    assert 32.2 - 29.2 > 3.0
    assert classify(-15.0, 32.2 - 29.2, P) is Regime.BACKWARDATION


def sampled(state: RegimeState, regime: Regime, times: int, *, slope=5.0, b12=-1.0, at_close=False) -> RegimeState:
    at = state.sampled_at or NOW
    for _ in range(times):
        at += timedelta(seconds=300)
        state = advance(state, CurveReading(regime, "", slope, 18.0, 19.0, b12), at, at_close=at_close, params=P)
    return state


def test_three_samples_in_a_row_make_it_official():
    """Two samples of a new regime change nothing, the third does, and one in between starts the count again."""
    calm = sampled(RegimeState(), Regime.CONTANGO, 3)
    assert calm.official is Regime.CONTANGO
    two = sampled(calm, Regime.BACKWARDATION, 2, slope=-3.0, b12=1.0)
    assert two.official is Regime.CONTANGO
    broken = sampled(sampled(two, Regime.CONTANGO, 1), Regime.BACKWARDATION, 2, slope=-3.0, b12=1.0)
    assert broken.official is Regime.CONTANGO
    assert sampled(broken, Regime.BACKWARDATION, 1, slope=-3.0, b12=1.0).official is Regime.BACKWARDATION


def test_samples_closer_than_five_minutes_do_not_count():
    """A burst of updates is one sample."""
    state = RegimeState(sampled_at=NOW)
    reading = CurveReading(Regime.CONTANGO, "", 5.0, 18.0, 19.0, -1.0)
    assert advance(state, reading, NOW + timedelta(seconds=299), at_close=False, params=P) is state


def test_return_to_calm_waits_for_the_close():
    """A calmer regime becomes official with a sample at the close only."""
    tense = sampled(RegimeState(), Regime.BACKWARDATION, 3, slope=-3.0, b12=1.0)
    waiting = sampled(tense, Regime.CONTANGO, 20)
    assert waiting.official is Regime.BACKWARDATION
    assert sampled(waiting, Regime.CONTANGO, 1, at_close=True).official is Regime.CONTANGO


def test_leaving_needs_more_than_entering():
    """Contango is left below 2.75, not below 3.5; deep backwardation below 2.5 points."""
    calm = sampled(RegimeState(), Regime.CONTANGO, 3)
    assert sampled(calm, Regime.FLAT, 9, slope=2.8).official is Regime.CONTANGO
    assert sampled(calm, Regime.FLAT, 3, slope=2.7).official is Regime.FLAT
    deep = sampled(RegimeState(), Regime.DEEP_BACKWARDATION, 3, slope=-20.0, b12=3.5)
    still = sampled(deep, Regime.BACKWARDATION, 9, slope=-20.0, b12=2.6, at_close=True)
    assert still.official is Regime.DEEP_BACKWARDATION


@given(st.lists(st.sampled_from(list(Regime)), max_size=40))
def test_effective_regime_is_never_calmer_than_the_present_reading(path):
    """Whatever the history, entries see at least the stress of the present moment."""
    state, at = RegimeState(), NOW
    for regime in path:
        at += timedelta(seconds=300)
        reading = CurveReading(regime, "", 0.0, 18.0, 18.0, 0.0)
        state = advance(state, reading, at, at_close=False, params=P)
        assert effective(state, reading).stress >= regime.stress
        assert effective(state, reading).stress >= state.official.stress


def test_contradicting_thresholds_are_refused():
    """A curve whose backwardation begins above contango has no flat."""
    with pytest.raises(ValueError, match="must lie below"):
        CurveParams(backwardation_below_pct_month=4.0)
