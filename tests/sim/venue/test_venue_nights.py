"""Overnight and curb sessions of a venue that lives them: who is quoted, which orders work, when they lapse."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest

from bot.sim.exchange.hours import NEW_YORK
from bot.sim.types import ContractSpec, OrderTicket, Side, VenueOrder
from tests.sim.venue.conftest import Bench

EARLY = date(2018, 10, 15)
"""Options trade from 03:00 to 09:15, VX from 18:00 to 16:15 and from 16:30 to 17:00."""
LATE = date(2023, 3, 6)
"""Options trade from 20:15 to 09:25 and from 09:30 to 17:00."""


def night(first: date = EARLY) -> Bench:
    """A venue that lives nights, half an hour into its first day."""
    bench = Bench(first=first, days=6)
    bench.venue.live_overnight()
    return bench.open()


def at(bench: Bench, day: int, hour: int, minute: int = 0) -> None:
    """Moves to a New York time of a day of the month of the run."""
    first = bench.world.days[0].day
    bench.venue.advance(datetime(first.year, first.month, day, hour, minute, tzinfo=NEW_YORK))


def contract(bench: Bench, name: str) -> ContractSpec:
    """An SPX put, a SPY put, VX or SPY, a month away."""
    if name == "VX":
        return bench.future()
    if name == "SPY":
        return bench.spy()
    month = "201811" if bench.world.days[0].day == EARLY else "202304"
    strike = 2700.0 if name == "SPX put" else 270.0
    terms = {"symbol": name[:3], "sec_type": "OPT", "expiry": month, "strike": strike, "right": "P"}
    return bench.venue.find(terms)[0]


def buy(bench: Bench, name: str, order_type: str = "LMT", **terms: object) -> OrderTicket:
    """A buy order that would trade at once if its market were open."""
    spec = contract(bench, name)
    limit = {"SPX put": 40.0, "SPY put": 8.0, "VX": 20.0, "SPY": 285.0}[name] if "LMT" in order_type else None
    if order_type == "STP":
        terms["aux"] = 10.0
    return bench.single(spec, Side.BUY, limit, order_type=order_type, **terms)


def status(bench: Bench, order: object) -> str:
    assert isinstance(order, VenueOrder), order
    return str(order.status)


@pytest.mark.parametrize(
    ("first", "day", "hour", "minute", "option", "vx", "shares"),
    [
        (EARLY, 15, 16, 20, False, False, True),
        (EARLY, 15, 16, 45, False, True, True),
        (EARLY, 15, 17, 30, False, False, True),
        (EARLY, 15, 20, 0, False, True, False),
        (EARLY, 16, 2, 59, False, True, False),
        (EARLY, 16, 3, 0, True, True, False),
        (EARLY, 16, 9, 15, False, True, True),
        (EARLY, 16, 9, 30, True, True, True),
        (LATE, 6, 16, 59, True, True, True),
        (LATE, 6, 17, 0, False, False, True),
        (LATE, 6, 20, 15, True, True, False),
        (LATE, 7, 9, 26, False, True, True),
    ],
)
def test_everything_is_quoted_in_its_own_sessions(
    first: date, day: int, hour: int, minute: int, option: bool, vx: bool, shares: bool
) -> None:
    """Index options, VX and shares are open and quoted exactly in the sessions of that date; SPY options never here."""
    bench = night(first)
    at(bench, day, hour, minute)
    names = {"SPX put": option, "VX": vx, "SPY": shares, "SPY put": option and (hour, minute) == (9, 30)}
    specs = {name: contract(bench, name) for name in names}
    assert {name: bench.venue.is_open(spec) for name, spec in specs.items()} == names
    marks = bench.venue.option_marks([specs["SPX put"], specs["SPY put"]])
    assert list(np.isfinite(marks.ask)) == [names["SPX put"], names["SPY put"]]
    assert np.isfinite(marks.mid).all(), "marks are valued open or shut"


def test_an_option_order_needs_outside_rth_to_work_at_night() -> None:
    """Placed in the evening: with the attribute it waits for 03:00 and fills then, without it for 09:30; both say so
    with 399."""
    bench = night()
    at(bench, 15, 20)
    flagged = bench.venue.place(buy(bench, "SPX put", outside_rth=True))
    plain = bench.venue.place(buy(bench, "SPX put", order_id=2))
    assert [(order_id, code) for _, order_id, code, _ in bench.heard.errors] == [(1, 399), (2, 399)]
    assert "2018-10-16 03:00:00" in bench.heard.errors[0][3]
    assert "2018-10-16 09:30:00" in bench.heard.errors[1][3]
    at(bench, 16, 2, 59)
    assert (status(bench, flagged), status(bench, plain)) == ("PreSubmitted", "PreSubmitted")
    at(bench, 16, 3)
    assert (status(bench, flagged), status(bench, plain)) == ("Filled", "PreSubmitted")
    at(bench, 16, 9, 30)
    assert status(bench, plain) == "Filled"


@pytest.mark.parametrize(
    ("name", "order_type", "outside", "works", "codes"),
    [
        ("VX", "LMT", False, True, []),
        ("VX", "LMT", True, True, [2109]),
        ("VX", "MKT", False, True, []),
        ("VX", "MKT", True, True, [2109]),
        ("VX", "STP", False, False, [399]),
        ("VX", "STP", True, True, []),
        ("SPY", "LMT", True, True, []),
        ("SPY", "LMT", False, False, [399]),
        ("SPY", "MKT", True, False, [2109, 399]),
        ("SPY", "STP", True, False, [2109, 399]),
        ("SPX put", "LMT", True, True, []),
        ("SPX put", "MKT", True, False, [2109, 399]),
        ("SPX put", "MTL", True, False, [2109, 399]),
        ("SPY put", "LMT", True, False, [2109, 399]),
    ],
)
def test_what_works_at_night_and_what_is_told(
    name: str, order_type: str, outside: bool, works: bool, codes: list[int]
) -> None:
    """At 07:00 limit orders with outsideRth work where there is a session, stops of futures too, and their plain orders
    always; the rest is held, and an attribute without effect is answered with 2109."""
    bench = night()
    at(bench, 16, 7)
    order = bench.venue.place(buy(bench, name, order_type, outside_rth=outside))
    assert [code for *_, code, _ in bench.heard.errors] == codes
    bench.wait()
    assert status(bench, order) == ("Filled" if works else "PreSubmitted")


def test_a_combination_waits_for_the_day_whatever_it_asks() -> None:
    """outsideRth on a BAG is ignored with 2109; it works from 09:30."""
    bench = night()
    legs = bench.condor()
    at(bench, 16, 7)
    order = bench.venue.place(bench.bag(legs, 0.0, outside_rth=True))
    assert [code for *_, code, _ in bench.heard.errors] == [2109, 399]
    bench.wait()
    assert status(bench, order) == "PreSubmitted"
    at(bench, 16, 9, 30)
    assert status(bench, order) == "Filled"


@pytest.mark.parametrize(
    ("name", "first", "outside", "hour", "minute"),
    [
        ("SPX put", EARLY, True, 16, 15),
        ("SPX put", LATE, True, 17, 0),
        ("SPX put", LATE, False, 16, 15),
        ("SPY", EARLY, True, 20, 0),
        ("SPY", EARLY, False, 16, 0),
        ("VX", EARLY, False, 17, 0),
    ],
)
def test_a_day_order_lapses_with_its_trade_date(name: str, first: date, outside: bool, hour: int, minute: int) -> None:
    """Placed at 07:00 for a price nobody pays: it ends with the last session it works in, not with the first."""
    bench = night(first)
    day = first.day + 1
    at(bench, day, 7)
    spec = contract(bench, name)
    order = bench.venue.place(bench.single(spec, Side.BUY, 0.05 if "put" in name else 15.0, outside_rth=outside))
    at(bench, day, hour, minute - 1) if minute else at(bench, day, hour - 1, 59)
    assert status(bench, order) in ("Submitted", "PreSubmitted")
    at(bench, day, hour, minute)
    assert status(bench, order) == "Cancelled"


def test_a_modification_can_open_the_night_to_an_order() -> None:
    """An order held for the morning works at once when it is changed to outsideRth at 07:00."""
    bench = night()
    at(bench, 16, 7)
    order = bench.venue.place(buy(bench, "SPX put"))
    bench.wait()
    assert status(bench, order) == "PreSubmitted"
    bench.venue.place(buy(bench, "SPX put", outside_rth=True))
    bench.wait()
    assert status(bench, order) == "Filled"


def test_a_resting_order_does_not_age_between_sessions() -> None:
    """Its chance of a fill grows with the minutes of open sessions: none of those from 09:25 to 09:30, nor the one that
    ends with a close, at which nothing trades."""
    bench = night(LATE)
    at(bench, 7, 9, 20)
    spec = contract(bench, "SPX put")
    bench.set_market(spec, 10.0, 12.0)
    order = bench.venue.place(bench.single(spec, Side.BUY, 9.0, outside_rth=True))
    assert isinstance(order, VenueOrder)
    for minute in range(21, 41):
        at(bench, 7, 9, minute)
    (working,) = [working for working in bench.venue._book if working.order is order]
    assert working.minutes == pytest.approx(14.0)


def test_a_day_that_ends_early_has_no_curb() -> None:
    """After trading was closed at noon options stay shut until the night session."""
    bench = night(LATE)
    at(bench, 6, 12)
    put = contract(bench, "SPX put")
    bench.venue.close_early(bench.venue.now, told=False)
    for hour, minute in ((12, 10), (16, 30), (20, 10)):
        at(bench, 6, hour, minute)
        assert not bench.venue.is_open(put)
        assert np.isnan(bench.venue.option_marks([put]).ask).all()
    at(bench, 6, 20, 15)
    assert bench.venue.is_open(put)


def test_accounts_are_reported_through_the_night() -> None:
    """Every live minute brings a report, as in the day."""
    bench = night()
    at(bench, 16, 3)
    before = len(bench.heard.accounts)
    for minute in range(1, 6):
        at(bench, 16, 3, minute)
    assert len(bench.heard.accounts) == before + 5


def test_a_venue_without_nights_is_as_ever() -> None:
    """The same order with outsideRth is held until 09:30 with no word of 2109, and nothing is quoted at 07:00."""
    bench = Bench(first=EARLY, days=6).open()
    at(bench, 16, 7)
    order = bench.venue.place(buy(bench, "SPX put", outside_rth=True))
    assert [code for *_, code, _ in bench.heard.errors] == [399]
    assert "2018-10-16 09:30:00" in bench.heard.errors[0][3]
    bench.wait()
    assert status(bench, order) == "PreSubmitted"
    assert not bench.venue.is_open(contract(bench, "VX"))
    at(bench, 16, 9, 30)
    assert status(bench, order) == "Filled"
