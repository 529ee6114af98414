"""Which contracts are listed, under which ids and names, and when they trade."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.sim.types import Right, SecType, Settlement
from bot.sim.venue import products
from bot.sim.venue.directory import SPX_INDEX, SPY_STOCK, UNDERLYINGS, VIX_INDEX

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
CLASSES = list(products.OPTION_CLASSES.values())


@given(
    st.sampled_from(CLASSES),
    st.dates(date(1990, 1, 1), date(2040, 12, 31)),
    st.integers(1, 4095),
    st.sampled_from(list(Right)),
)
def test_an_option_id_is_its_terms(option_class, expiry, units, right) -> None:
    """Every id decodes to exactly the terms it was made of, so no two contracts can share one."""
    strike = units * option_class.strike_unit
    con_id = products.option_con_id(option_class, expiry, strike, right)
    assert 0 < con_id < 2**31
    assert products.decode_option(con_id) == (option_class, expiry, strike, right)
    assert products.decode_future(con_id) is None


@given(st.sampled_from(list(products.FUTURE_CLASSES.values())), st.dates(date(1990, 1, 1), date(2040, 12, 31)))
def test_a_future_id_is_its_terms(future_class, expiry) -> None:
    """Futures decode likewise and never look like an option, an index or the combination template."""
    con_id = products.future_con_id(future_class, expiry)
    assert products.decode_future(con_id) == (future_class, expiry)
    assert products.decode_option(con_id) is None
    assert con_id not in {spec.con_id for spec in UNDERLYINGS} | {products.BAG_CON_ID}


def test_ids_are_the_same_in_every_run() -> None:
    """An id is a fact of the contract: pinned here so that no change of code can silently renumber the world."""
    spxw = products.OPTION_CLASSES["SPXW"]
    assert products.option_con_id(spxw, date(2018, 11, 16), 2800.0, Right.CALL) == 580067888
    assert products.future_con_id(products.FUTURE_CLASSES["VX"], date(2018, 11, 21)) == 67129966
    assert (SPX_INDEX.con_id, VIX_INDEX.con_id, SPY_STOCK.spec.con_id) == (416904, 13455763, 756733)


def test_names_and_rules_are_those_of_the_exchange(bench) -> None:
    """Local symbols, multipliers, ticks and last trading moments of one contract of each kind."""
    pm = bench.option(2800.0, "C", date(2018, 11, 16))
    am = bench.option(2800.0, "C", date(2018, 11, 16), "SPX")
    vix = bench.option(18.0, "P", date(2018, 11, 21), "VIX")
    vx = bench.future()
    assert pm.local_symbol == "SPXW  181116C02800000"
    assert am.local_symbol == "SPX   181116C02800000"
    assert vix.local_symbol == "VIX   181121P00018000"
    assert vx.local_symbol == "VXV8"
    assert (pm.multiplier, vix.multiplier, vx.multiplier) == (100, 100, 1000)
    assert (pm.min_tick, vix.min_tick, vx.min_tick) == (0.05, 0.01, 0.05)
    assert f"{pm.last_trade_at:%Y-%m-%d %H:%M}" == "2018-11-16 16:00"
    assert f"{am.last_trade_at:%Y-%m-%d %H:%M}" == "2018-11-15 16:15"
    assert f"{vix.last_trade_at:%Y-%m-%d %H:%M}" == "2018-11-20 16:15"
    assert f"{vx.last_trade_at:%Y-%m-%d %H:%M}" == "2018-10-17 09:00"
    assert (pm.settlement, am.settlement) == (Settlement.PM, Settlement.AM)


def test_no_symbol_without_class_hides_the_other_settlement(bench) -> None:
    """SPX with a third Friday answers both the morning and the afternoon series, so a client must choose."""
    query = {"symbol": "SPX", "sec_type": "OPT", "expiry": "20181116", "strike": 2800.0, "right": "C"}
    assert {spec.trading_class for spec in bench.venue.find(query)} == {"SPX", "SPXW"}
    query["expiry"] = "20181115"  # the last trading day, as IB dates the morning series
    assert {spec.trading_class for spec in bench.venue.find(query)} == {"SPX"}


def test_finding_by_id_month_and_nonsense(bench) -> None:
    """An id finds its contract, a month finds every expiry in it, contradictions and nonsense find nothing."""
    spec = bench.option(2800.0, "P")
    find = bench.venue.find
    assert find({"con_id": spec.con_id}) == [spec]
    assert find({"con_id": spec.con_id, "right": "C"}) == []
    assert bench.venue.spec(spec.con_id) is spec
    assert bench.venue.spec(123) is None
    month = find({"symbol": "VIX", "sec_type": "OPT", "trading_class": "VIX", "expiry": "201811", "right": "C"})
    assert {found.expiry for found in month} == {date(2018, 11, 21)}
    assert find({"symbol": "SPX", "sec_type": "OPT", "strike": "many"}) == []
    assert find({"symbol": "SPX", "sec_type": "OPT", "expiry": "20181117"}) == []
    assert [found.symbol for found in find({"symbol": "SPX", "sec_type": "IND", "exchange": "CBOE"})] == ["SPX"]


def test_strikes_once_listed_stay_listed(bench) -> None:
    """After the index falls by a sixth new strikes appear around it and none of the old ones goes."""
    before = set(bench.venue.option_chains("SPX")[2][5])
    assert 2100.0 in before
    assert 2105.0 not in before
    bench.world.spx = 2333.0
    bench.wait(86_400)
    after = set(bench.venue.option_chains("SPX")[2][5])
    assert before < after
    assert 2105.0 in after


def test_strikes_do_not_depend_on_when_somebody_asked(make_bench: Callable) -> None:
    """A venue asked every day and one asked only at the end list the same strikes."""
    curious, patient = make_bench().open(), make_bench().open()
    for level in (2900.0, 2400.0, 2600.0):
        for bench in (curious, patient):
            bench.world.spx = level
            bench.wait(86_400)
        curious.venue.option_chains("SPX")
    assert curious.venue.option_chains("SPX") == patient.venue.option_chains("SPX")


def test_expiring_series_stop_with_the_index(bench) -> None:
    """On its last day a PM series shuts at 16:00 while the others trade to 16:15; the closing instant is shut."""
    last, other = bench.option(2800.0, "C", date(2018, 10, 15)), bench.option(2800.0, "C")
    day = bench.world.days[0]
    bench.venue.advance(day.index_close_at - timedelta(seconds=1))
    assert bench.venue.is_open(last)
    bench.venue.advance(day.index_close_at)
    assert not bench.venue.is_open(last)
    assert bench.venue.is_open(other)
    assert not bench.venue.option_marks([last]).bid[0] > 0.0
    bench.venue.advance(day.close_at)
    assert not bench.venue.is_open(other)


def test_minis_are_listed_from_the_day_they_existed(make_bench: Callable) -> None:
    """VXM has six months from August 2020 and nothing before; the index symbol finds it when its class is named."""
    old, new = make_bench().open(), make_bench(first=date(2021, 3, 1)).open()
    query = {"symbol": "VIX", "sec_type": "FUT", "trading_class": "VXM"}
    assert old.venue.find(query) == []
    minis = new.venue.find(query)
    assert len(minis) == 6
    assert {spec.sec_type for spec in minis} == {SecType.FUTURE}
    assert {spec.multiplier for spec in minis} == {100}
    assert {s.trading_class[:2] for s in new.venue.find({"symbol": "VIX", "sec_type": "FUT"})} == {"VX"}


def test_hours_are_told_in_the_exchange_zone(bench) -> None:
    """A week in US/Central: liquid hours are the regular sessions, trading hours the night of 2018 as well; on the last
    day an option stops with the index, afterwards it is shut."""
    spec = bench.option(2800.0, "C", date(2018, 10, 19))
    zone, trading, liquid = bench.venue.hours(spec)
    assert zone == "US/Central"
    assert liquid.split(";")[0] == "20181015:0830-20181015:1515"
    assert liquid.split(";")[4:] == ["20181019:0830-20181019:1500", "20181020:CLOSED", "20181021:CLOSED"]
    assert trading.split(";")[8:] == [
        "20181019:0200-20181019:0815",
        "20181019:0830-20181019:1500",
        "20181020:CLOSED",
        "20181021:CLOSED",
    ]
    soon = bench.venue.hours(bench.option(2800.0, "C", date(2018, 10, 17)))[2]
    assert soon.split(";")[2:4] == ["20181017:0830-20181017:1500", "20181018:CLOSED"]


def test_morning_series_are_filed_under_their_last_trading_day(bench) -> None:
    """Chains date SPX and VIX by the day before settlement, as IB does, and both dates find the contract."""
    chains = {chain[2]: chain[4] for chain in bench.venue.option_chains("SPX")}
    assert date(2018, 11, 15) in chains["SPX"]
    assert date(2018, 11, 16) in chains["SPXW"]
    spec = bench.option(2800.0, "C", date(2018, 11, 15), "SPX")
    assert (spec.expiry, spec.last_trade_day) == (date(2018, 11, 16), date(2018, 11, 15))
    assert bench.option(18.0, "C", date(2018, 11, 20), "VIX") is bench.option(18.0, "C", date(2018, 11, 21), "VIX")
