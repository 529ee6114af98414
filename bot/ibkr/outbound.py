"""Intents and instruments into the broker's contract and order fields; pure dictionaries, no library types.

Rules of an order that leaves the house (control C13)
- Explicit: LMT, DAY, not outside regular hours, transmitted at once, our account, our ref; the flags that older
  clients set by default (eTradeOnly, firmQuoteOnly) are cleared.
- Several legs are one BAG, bought at one signed net limit (negative = credit), with no price per leg.
- A single leg is its plain contract; there the price is positive and the action says the direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from math import isfinite
from typing import NamedTuple

from bot.ibkr.pacing import Lane
from strategies.domain.instruments import Future, Index, Instrument, Option
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose

Scalar = str | int | float | bool
Fields = dict[str, Scalar]
_SETTLES_WITHIN = timedelta(days=4)

_PRICE_DIGITS = 6


class OrderRefused(ValueError):
    """An intent that cannot be written as an order."""


class OutboundOrder(NamedTuple):
    """What goes to the wire: the contract, its combo legs (empty for a single leg) and the order."""

    contract: Fields
    legs: tuple[Fields, ...]
    order: Fields


def lane(purpose: Purpose) -> Lane:
    """The lane of an order: what reduces risk goes first."""
    return {
        Purpose.EXIT: Lane.CLOSE,
        Purpose.ADJUST: Lane.CLOSE,
        Purpose.HEDGE: Lane.HEDGE,
        Purpose.ENTRY: Lane.OPEN,
    }[purpose]


def contract(instrument: Instrument) -> Fields:
    """The contract by its id. The description is left out: the id is the identity, and a description that differs in
    a detail (last trading day against settlement day) would be refused."""
    if isinstance(instrument, Index):
        return {
            "secType": "IND",
            "conId": instrument.con_id,
            "symbol": instrument.symbol,
            "exchange": instrument.exchange,
            "currency": "USD",
        }
    return {
        "secType": "OPT" if isinstance(instrument, Option) else "FUT",
        "conId": instrument.con_id,
        "symbol": instrument.symbol,
        "exchange": route(instrument),
        "currency": instrument.currency,
        "tradingClass": instrument.trading_class,
        "multiplier": str(instrument.multiplier),
    }


def route(instrument: Instrument) -> str:
    """Options go to SMART, futures and indices to their own exchange."""
    return "SMART" if isinstance(instrument, Option) else instrument.exchange


def index_query(symbol: str) -> Fields:
    """Description of an index to look up."""
    return {"secType": "IND", "symbol": symbol, "exchange": "CBOE", "currency": "USD"}


def stock_query(symbol: str) -> Fields:
    """Description of an ETF whose history is read."""
    return {"secType": "STK", "symbol": symbol, "exchange": "SMART", "currency": "USD"}


def futures_query(symbol: str, trading_class: str) -> Fields:
    """Description of all futures of a class."""
    return {
        "secType": "FUT",
        "symbol": symbol,
        "exchange": "CFE",
        "currency": "USD",
        "tradingClass": trading_class,
    }


def expired_query(symbol: str, trading_class: str, month: date) -> Fields:
    """Description of the futures of a class that settled in a month."""
    return {
        **futures_query(symbol, trading_class),
        "lastTradeDateOrContractMonth": f"{month:%Y%m}",
        "includeExpired": True,
    }


def options_queries(symbol: str, trading_class: str, expiry: date, *, by_month: bool) -> list[Fields]:
    """Descriptions of all options of a class and expiry: without strike and right each brings a whole board.

    Morning-settled series are asked by month, because the broker may file them under their last trading day; a last
    trading day that ends its month belongs to a series that settles in the next, so both months are asked.
    """
    days = [f"{expiry:%Y%m%d}"]
    if by_month:
        days = sorted({f"{expiry:%Y%m}", f"{expiry + _SETTLES_WITHIN:%Y%m}"})
    return [
        {
            "secType": "OPT",
            "symbol": symbol,
            "exchange": "SMART",
            "currency": "USD",
            "tradingClass": trading_class,
            "lastTradeDateOrContractMonth": day,
        }
        for day in days
    ]


def place(intent: PlaceIntent, instruments: Mapping[int, Instrument], account: str) -> OutboundOrder:
    """The order of an intent. Raises OrderRefused naming what cannot be written."""
    if not isfinite(intent.limit_points):
        raise OrderRefused(f"{intent.ref}: the limit must be a finite number of points, got {intent.limit_points!r}")
    if intent.quantity < 1 or not intent.legs or any(leg.ratio < 1 for leg in intent.legs):
        raise OrderRefused(f"{intent.ref}: quantity and every ratio must be at least 1, with at least one leg")
    found = [(leg, _tradable(intent.ref, leg, instruments)) for leg in intent.legs]
    if len(found) == 1:
        return _single(intent, *found[0], account)
    return _combo(intent, found, account)


def _tradable(ref: str, leg: LegIntent, instruments: Mapping[int, Instrument]) -> Option | Future:
    instrument = instruments.get(leg.con_id)
    if instrument is None:
        raise OrderRefused(f"{ref}: contract {leg.con_id} was never loaded from the broker")
    if isinstance(instrument, Index):
        raise OrderRefused(f"{ref}: {instrument.symbol} is an index and cannot be traded")
    return instrument


def _single(intent: PlaceIntent, leg: LegIntent, instrument: Option | Future, account: str) -> OutboundOrder:
    price = intent.limit_points * leg.action.sign / leg.ratio
    if price < 0.0:
        raise OrderRefused(f"{intent.ref}: a single {leg.action.value} leg cannot have a net of {intent.limit_points}")
    order = _order(intent, leg.action, intent.quantity * leg.ratio, price, account)
    return OutboundOrder(contract(instrument), (), order)


def _combo(intent: PlaceIntent, found: list[tuple[LegIntent, Option | Future]], account: str) -> OutboundOrder:
    symbols = {instrument.symbol for _, instrument in found}
    currencies = {instrument.currency for _, instrument in found}
    routes = {route(instrument) for _, instrument in found}
    if len(symbols) != 1 or len(currencies) != 1 or len(routes) != 1:
        raise OrderRefused(f"{intent.ref}: the legs of one order must share symbol, currency and exchange")
    exchange = routes.pop()
    bag: Fields = {"secType": "BAG", "symbol": symbols.pop(), "exchange": exchange, "currency": currencies.pop()}
    legs: tuple[Fields, ...] = tuple(
        {"conId": leg.con_id, "ratio": leg.ratio, "action": leg.action.value, "exchange": exchange} for leg, _ in found
    )
    return OutboundOrder(bag, legs, _order(intent, Action.BUY, intent.quantity, intent.limit_points, account))


def _order(intent: PlaceIntent, action: Action, quantity: int, price_points: float, account: str) -> Fields:
    return {
        "action": action.value,
        "totalQuantity": quantity,
        "orderType": "LMT",
        "lmtPrice": round(price_points, _PRICE_DIGITS) + 0.0,
        "tif": "DAY",
        "outsideRth": False,
        "transmit": True,
        "eTradeOnly": False,
        "firmQuoteOnly": False,
        "account": account,
        "orderRef": intent.ref,
    }
