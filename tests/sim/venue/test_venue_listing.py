"""The whole list of a simulated world: every contract has hours, a tick rule, an id of its own and a telling name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from bot.sim.types import ContractSpec, SecType
from bot.sim.venue import SimVenue, products
from bot.sim.venue.directory import FUNDS, UNDERLYINGS
from bot.sim.world import load_scenario


@pytest.fixture(scope="module")
def venue() -> SimVenue:
    """Five minutes into the first day of `calm`."""
    world = load_scenario("calm", seed=7)
    venue = SimVenue(world)
    venue.advance(world.days[0].open_at + timedelta(minutes=5))
    return venue


@pytest.fixture(scope="module")
def listed(venue: SimVenue) -> list[ContractSpec]:
    """Everything but options, and of every option expiry a strike at the money and whatever it has at the far ends."""
    found = [spec for kind in ("IND", "STK", "FUT") for spec in venue.find({"sec_type": kind})]
    for symbol, middle in (("SPX", 6000.0), ("VIX", 20.0), ("SPY", 600.0)):
        for exchange, _, name, _, days, strikes in venue.option_chains(symbol):
            wanted = (strikes[0], middle, strikes[-1]) if exchange == "SMART" else ()
            query = {"symbol": symbol, "sec_type": "OPT", "trading_class": name}
            for day in days:
                for strike in wanted:
                    found += venue.find({**query, "expiry": f"{day:%Y%m%d}", "strike": strike})
    return list(dict.fromkeys(found))


def test_every_contract_is_found_again_by_id_and_by_name(venue: SimVenue, listed: list[ContractSpec]) -> None:
    """The id gives the very contract, its local symbol finds it alone, and no two share an id."""
    assert max(Counter(spec.con_id for spec in listed).values()) == 1
    assert len(listed) > 250
    for spec in listed:
        assert venue.spec(spec.con_id) is spec
        assert list(venue.find({"con_id": spec.con_id})) == [spec]
        assert list(venue.find({"local_symbol": spec.local_symbol, "sec_type": spec.sec_type.value})) == [spec]


def test_every_contract_has_hours_and_the_tick_rule_it_names(venue: SimVenue, listed: list[ContractSpec]) -> None:
    """Liquid hours lie inside the trading hours, both name a session of this week or the contract's end; the rule named
    in the details exists and starts with the minimum tick."""
    for spec in listed:
        zone, trading, liquid = venue.hours(spec)
        assert zone in ("US/Central", "US/Eastern")
        assert trading.count(";") >= 4
        assert "-" in trading
        assert "-" in liquid
        rule = venue.market_rule(spec.market_rule_id)
        assert rule is not None
        assert rule[0] == (0.0, spec.min_tick)
        assert spec.exchange in (spec.exchanges or (spec.exchange,))


def test_every_class_quotes_on_its_own_grid() -> None:
    """Cents for SPY and VIXW, VIX 0.01 and 0.05, SPX 0.05 and 0.10, VX 0.05, minis 0.01, ES a quarter."""

    def grid(name: str) -> list[float]:
        options, futures = products.OPTION_CLASSES.get(name), products.FUTURE_CLASSES.get(name)
        rule_id = options.market_rule_id if options is not None else futures.market_rule_id if futures else 0
        return [step for _, step in products.MARKET_RULES[rule_id]]

    expected = {
        "SPX": [0.05, 0.10],
        "SPXW": [0.05, 0.10],
        "VIX": [0.01, 0.05],
        "VIXW": [0.01],
        "SPY": [0.01],
        "VX": [0.05],
        "VXM": [0.01],
        "ES": [0.25],
        "MES": [0.25],
    }
    assert {name: grid(name) for name in expected} == expected


def test_an_id_of_ib_is_never_that_of_a_listed_option() -> None:
    """IB's ids of funds may look like encoded options; none of these was ever on a list."""
    for spec in UNDERLYINGS:
        terms = products.decode_option(spec.con_id)
        assert products.decode_future(spec.con_id) is None
        if terms is not None:
            option_class, expiry, strike, _ = terms
            assert option_class.name == "SPX"
            assert expiry.weekday() != 4
            assert strike > 0.0


def test_option_parameters_come_per_exchange_and_class(venue: SimVenue) -> None:
    """SPX and VIX have two classes at SMART and CBOE, SPY one class at all its exchanges, everything else none."""
    spx = [(exchange, name) for exchange, _, name, *_ in venue.option_chains("SPX")]
    assert sorted(spx) == [("CBOE", "SPX"), ("CBOE", "SPXW"), ("SMART", "SPX"), ("SMART", "SPXW")]
    spy = venue.option_chains("SPY")
    assert {row[0] for row in spy} == set(products.OPTION_CLASSES["SPY"].exchanges)
    assert {row[1:4] for row in spy} == {(756733, "SPY", 100)}
    assert venue.option_chains("XLK") == []


def test_funds_and_futures_are_listed_from_the_day_they_existed(make_bench: Callable) -> None:
    """In October 2018 there is no micro contract and no mini; XLC has been listed since June."""
    october = SimVenue(load_scenario("calm", seed=7))
    assert len(october.find({"sec_type": "STK"})) == len(FUNDS)
    bench = make_bench().open()
    assert bench.venue.find({"symbol": "MES", "sec_type": "FUT"}) == []
    assert [spec.multiplier for spec in bench.venue.find({"symbol": "ES", "sec_type": "FUT"})] == [50] * 5


def test_weekly_volatility_futures_have_classes_of_their_own(venue: SimVenue) -> None:
    """Beside the months of class VX there are weeks named by their week of the year, all under the symbol VIX."""
    futures = venue.find({"symbol": "VIX", "sec_type": "FUT", "exchange": "CFE"})
    weeks = [spec for spec in futures if spec.trading_class != "VX"]
    assert len(weeks) == 5
    for spec in weeks:
        assert spec.expiry is not None
        assert spec.trading_class == f"VX{spec.expiry.isocalendar().week:02d}"
        assert venue.index_level(spec).last is not None
    assert all(spec.expiry.weekday() == 2 for spec in weeks if spec.expiry)


def test_a_share_option_stops_a_quarter_hour_after_an_index_option(venue: SimVenue) -> None:
    """On its last day SPY trades to 16:15 and SPXW to 16:00; both belong to the same calendar of Fridays."""

    def last(symbol: str, trading_class: str) -> ContractSpec:
        friday = venue.now.date() + timedelta(days=(4 - venue.now.date().weekday()) % 7)
        query = {"symbol": symbol, "sec_type": "OPT", "trading_class": trading_class, "expiry": f"{friday:%Y%m%d}"}
        return venue.find(query)[0]

    spy, spxw = last("SPY", "SPY"), last("SPX", "SPXW")
    assert spy.last_trade_at is not None
    assert spxw.last_trade_at is not None
    assert (f"{spy.last_trade_at:%H:%M}", f"{spxw.last_trade_at:%H:%M}") == ("16:15", "16:00")
    assert (spy.delivers_shares, spxw.delivers_shares) == (True, False)
    assert isinstance(spy.expiry, date)
    assert spy.sec_type is SecType.OPTION


def test_isins_carry_their_check_digit() -> None:
    """Letters count as two digits, every second digit from the right is doubled, the sum ends in zero."""
    for fund in FUNDS:
        if not fund.spec.isin:
            continue
        digits = "".join(str(int(sign, 36)) for sign in fund.spec.isin)
        doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
        assert sum(sum(divmod(d, 10)) for d in doubled) % 10 == 0, fund.spec.symbol
    assert sum(bool(fund.spec.isin) for fund in FUNDS) >= 20
