"""Intents into orders: explicit fields, signed net price, nothing that is not wanted."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr import outbound
from bot.ibkr.pacing import Lane
from strategies.domain.instruments import Future, Index, Instrument, Option, Right, SettlementStyle, TickBand
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose

TICKS = (TickBand(0.0, 0.05),)
END = datetime(2018, 10, 31, 20, 0, tzinfo=UTC)


def option(con_id: int, strike: float, right: Right, symbol: str = "SPX") -> Option:
    return Option(
        con_id, symbol, "SPXW", "CBOE", 100, date(2018, 10, 31), strike, right, SettlementStyle.PM, END, TICKS
    )


BOARD: dict[int, Instrument] = {
    1: option(1, 2600, Right.PUT),
    2: option(2, 2650, Right.PUT),
    3: option(3, 2850, Right.CALL),
    4: option(4, 2900, Right.CALL),
    5: option(5, 20, Right.CALL, "VIX"),
    8: Index(8, "SPX", "CBOE"),
    9: Future(9, "VIX", "VX", "CFE", 1000, date(2018, 11, 21), END, TICKS),
}
CONDOR = (
    LegIntent(1, 1, Action.BUY),
    LegIntent(2, 1, Action.SELL),
    LegIntent(3, 1, Action.SELL),
    LegIntent(4, 1, Action.BUY),
)


def intent(legs: tuple[LegIntent, ...] = CONDOR, limit: float = -1.35, quantity: int = 2) -> PlaceIntent:
    return PlaceIntent(
        "ic-1-a1", "ic-1", 1, Purpose.ENTRY, "ic-1", "C-ENTRY-1", legs, quantity, limit, limit, limit, END
    )


def test_a_condor_is_one_combo_bought_at_a_negative_net() -> None:
    """A credit is a BUY at a negative limit, one price on the order, legs with their own actions."""
    order = outbound.place(intent(), BOARD, "DU1")
    assert order.contract == {"secType": "BAG", "symbol": "SPX", "exchange": "SMART", "currency": "USD"}
    assert [(leg["conId"], leg["ratio"], leg["action"], leg["exchange"]) for leg in order.legs] == [
        (1, 1, "BUY", "SMART"),
        (2, 1, "SELL", "SMART"),
        (3, 1, "SELL", "SMART"),
        (4, 1, "BUY", "SMART"),
    ]
    assert order.order == {
        "action": "BUY",
        "totalQuantity": 2,
        "orderType": "LMT",
        "lmtPrice": -1.35,
        "tif": "DAY",
        "outsideRth": False,
        "transmit": True,
        "eTradeOnly": False,
        "firmQuoteOnly": False,
        "account": "DU1",
        "orderRef": "ic-1-a1",
    }


@given(st.floats(0.05, 500.0), st.sampled_from(Action), st.integers(1, 4), st.integers(1, 20))
def test_a_single_leg_has_its_own_action_and_a_positive_price(
    price: float, action: Action, ratio: int, quantity: int
) -> None:
    """Net debit for a bought leg, net credit for a sold one; the wire sees the price per contract and all contracts."""
    legs = (LegIntent(9, ratio, action),)
    order = outbound.place(intent(legs, action.sign * price * ratio, quantity), BOARD, "DU1")
    assert order.legs == ()
    assert order.contract["secType"] == "FUT"
    assert order.contract["exchange"] == "CFE"
    assert order.order["action"] == action.value
    assert order.order["lmtPrice"] == pytest.approx(price, abs=1e-6)
    assert order.order["totalQuantity"] == ratio * quantity


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (intent(limit=math.nan), "finite"),
        (intent(limit=math.inf), "finite"),
        (intent(quantity=0), "at least 1"),
        (intent(legs=()), "at least one leg"),
        (intent(legs=(LegIntent(77, 1, Action.BUY),)), "never loaded"),
        (intent(legs=(LegIntent(8, 1, Action.BUY),)), "index"),
        (intent(legs=(CONDOR[0], LegIntent(5, 1, Action.BUY))), "share symbol"),
        (intent(legs=(CONDOR[1],), limit=1.0), "single SELL leg"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(bad: PlaceIntent, words: str) -> None:
    """Nothing is mended on the way out."""
    with pytest.raises(outbound.OrderRefused, match=words):
        outbound.place(bad, BOARD, "DU1")


@given(st.floats(-50.0, 50.0))
def test_the_wire_price_has_no_rounding_dust(limit: float) -> None:
    """A limit on a cent grid leaves as that cent, and never as minus zero."""
    price = round(round(limit / 0.05) * 0.05, 2)
    sent = outbound.place(intent(limit=price + 1e-12), BOARD, "DU1").order["lmtPrice"]
    assert sent == price
    assert math.copysign(1.0, float(sent)) == math.copysign(1.0, price + 0.0)


def test_what_reduces_risk_has_the_faster_lane() -> None:
    """Exits and adjustments before hedges before entries."""
    order = [outbound.lane(p) for p in (Purpose.EXIT, Purpose.ADJUST, Purpose.HEDGE, Purpose.ENTRY)]
    assert order == [Lane.CLOSE, Lane.CLOSE, Lane.HEDGE, Lane.OPEN]


def test_contracts_are_named_by_id_alone() -> None:
    """No expiry and no strike go out with an id: a detail that differs would be refused."""
    fields = outbound.contract(BOARD[1])
    assert fields["conId"] == 1
    assert "strike" not in fields
    assert "lastTradeDateOrContractMonth" not in fields


def test_boards_are_asked_by_day_or_by_month() -> None:
    """Morning-settled series may be filed under the day before, so the month is asked, at a month's end two."""

    def asked(day: date, *, by_month: bool) -> list[object]:
        queries = outbound.options_queries("VIX", "VIXW", day, by_month=by_month)
        return [query["lastTradeDateOrContractMonth"] for query in queries]

    assert asked(date(2018, 10, 19), by_month=False) == ["20181019"]
    assert asked(date(2018, 10, 16), by_month=True) == ["201810"]
    assert asked(date(2026, 3, 31), by_month=True) == ["202603", "202604"]


def test_an_intent_is_not_changed_by_sending_it() -> None:
    """The order is built fresh each time."""
    wish = intent()
    copy = msgspec.structs.replace(wish)
    assert outbound.place(wish, BOARD, "DU1") == outbound.place(wish, BOARD, "DU1")
    assert wish == copy
