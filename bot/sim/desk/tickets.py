"""A placeOrder message becomes a ticket for the venue, or the refusal that a gateway answers before any broker sees it.

Rules: a field that asks for something the venue does not do is refused with IB's code and a text that says so, never
ignored; what has no effect because the order never shows in a book (displaySize, sweepToFill, blockOrder, hidden,
notHeld, routing and clearing fields) is taken and echoed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.sim.desk.contracts import find_legs, find_one
from bot.sim.order_terms import OcaType, OrderType, Patience, TimeInForce, TriggerMethod
from bot.sim.order_types import KNOWN_ALGOS, NOT_WORKED, SIMULATED_ALGO
from bot.sim.ports import Venue
from bot.sim.types import Leg, OrderTicket, Reject, SecType, Side
from bot.sim.venue import rejects
from bot.sim.venue.ledger import contract_facts
from bot.sim.wire import requests as ask
from bot.sim.wire.fields import MalformedRequest, read_flag, read_integer, read_number
from bot.sim.wire.times import read_moment

_MOST_CONTRACTS = 1_000_000_000
_UNSET_WORDS = ("", "None")


def ticket_of(venue: Venue, client_id: int, request: ask.PlaceOrder) -> OrderTicket | Reject:
    """The order in the venue's words, or the first reason to refuse the message."""
    raw = request.raw
    legs = _legs(venue, request)
    if isinstance(legs, Reject):
        return legs
    is_bag = request.contract.sec_type == SecType.BAG
    account = raw["account"] or (venue.accounts[0] if len(venue.accounts) == 1 else "")
    refused = (
        _refused_fields(raw)
        or _refused_account(account, venue.accounts)
        or _refused_quantity(raw)
        or _refused_words(raw)
        or _refused_algo(raw)
    )
    if refused is not None:
        return refused
    try:
        good_after = read_moment("goodAfterTime", raw["goodAfterTime"])
        good_till = read_moment("goodTillDate", raw["goodTillDate"])
    except MalformedRequest:
        return rejects.BAD_TIME
    return OrderTicket(
        client_id=client_id,
        order_id=request.order_id,
        account=account,
        side=Side(raw["action"]),
        quantity=int(_number(raw, "totalQuantity") or 0),
        order_type=_order_type(raw),
        limit=_limit(raw),
        tif=TimeInForce(raw["tif"] or TimeInForce.DAY),
        legs=legs,
        is_bag=is_bag,
        order_ref=raw["orderRef"],
        outside_rth=read_flag("outsideRth", raw["outsideRth"]),
        transmit=read_flag("transmit", raw["transmit"]),
        what_if=read_flag("whatIf", raw["whatIf"]),
        parent_id=read_integer("parentId", raw["parentId"]),
        per_leg_prices=any(price is not None for price in request.leg_prices),
        non_guaranteed=("NonGuaranteed", "1") in request.combo_params,
        aux=_number(raw, "auxPrice"),
        trail_stop=_number(raw, "trailStopPrice"),
        trail_percent=_number(raw, "trailingPercent"),
        limit_offset=_number(raw, "lmtPriceOffset"),
        trigger_method=TriggerMethod(read_integer("triggerMethod", raw["triggerMethod"])),
        oca_group=raw["ocaGroup"],
        oca_type=OcaType(read_integer("ocaType", raw["ocaType"]) or OcaType.REDUCE_WITHOUT_BLOCK),
        all_or_none=read_flag("allOrNone", raw["allOrNone"]),
        min_quantity=read_integer("minQty", raw["minQty"]),
        good_after=good_after,
        good_till=good_till,
        patience=_patience(raw),
        raw={**raw, "exchange": request.contract.exchange},
    )


_NO_LIMIT = frozenset(
    {
        OrderType.MARKET,
        OrderType.STOP,
        OrderType.TRAIL,
        OrderType.MARKET_IF_TOUCHED,
        OrderType.MARKET_ON_CLOSE,
        OrderType.MARKET_TO_LIMIT,
    }
)
"""Types whose limit price a client may send and a gateway does not read."""


def _legs(venue: Venue, request: ask.PlaceOrder) -> tuple[Leg, ...] | Reject:
    if request.contract.sec_type == SecType.BAG:
        return find_legs(venue, request.legs)
    found = find_one(venue, request.contract)
    return found if isinstance(found, Reject) else (Leg(found, 1, Side.BUY),)


def _number(raw: Mapping[str, str], name: str) -> float | None:
    return read_number(name, raw[name])


def _order_type(raw: Mapping[str, str]) -> OrderType:
    return OrderType(raw["orderType"] or OrderType.LIMIT)


def _limit(raw: Mapping[str, str]) -> float | None:
    return None if raw["orderType"] in _NO_LIMIT else _number(raw, "lmtPrice")


# refusals ------------------------------------------------------------------------------------------
def _flag_set(text: str) -> bool:
    return read_flag("flag", text)


def _number_set(text: str) -> bool:
    return bool(read_number("number", text))


def _word_set(text: str) -> bool:
    return text not in _UNSET_WORDS


def _not_simulated(what: str) -> Reject:
    return rejects.invalid(f"{what} are not simulated: leave the field out")


_REFUSED_FIELDS: Sequence[tuple[str, Callable[[str], bool], Reject]] = (
    ("eTradeOnly", _flag_set, Reject(10268, "The 'EtradeOnly' order attribute is not supported.")),
    ("firmQuoteOnly", _flag_set, Reject(10269, "The 'FirmQuoteOnly' order attribute is not supported.")),
    ("nbboPriceCap", _number_set, Reject(10270, "The 'NbboPriceCap' order attribute is not supported.")),
    ("faGroup", _word_set, rejects.NOT_AN_ADVISOR),
    ("faProfile", _word_set, rejects.NOT_AN_ADVISOR),
    ("faMethod", _word_set, rejects.NOT_AN_ADVISOR),
    ("modelCode", _word_set, _not_simulated("model portfolios")),
    ("cashQty", _number_set, rejects.CASH_QUANTITY),
    ("condition1", _word_set, rejects.CONDITIONS),
    ("scaleInitLevelSize", _number_set, _not_simulated("scale orders")),
    ("scalePriceIncrement", _number_set, _not_simulated("scale orders")),
    ("hedgeType", _word_set, Reject(10007, "Invalid hedge type. (attached hedges are not simulated)")),
    ("deltaNeutralOrderType", _word_set, Reject(10010, "Invalid delta hedge order. (not simulated)")),
    ("volatility", _number_set, rejects.VOLATILITY),
    ("adjustedOrderType", _word_set, _not_simulated("adjusted stops")),
    ("discretionaryAmt", _number_set, rejects.DISCRETIONARY),
    ("percentOffset", _number_set, _not_simulated("offsets in percent")),
)
"""Fields whose use is refused: name, when it counts as used, the answer."""


def _refused_fields(raw: Mapping[str, str]) -> Reject | None:
    for name, used, answer in _REFUSED_FIELDS:
        if used(raw.get(name, "")):
            return answer
    return None


def _refused_account(account: str, accounts: Sequence[str]) -> Reject | None:
    if not account:
        return rejects.NO_ACCOUNT
    if account not in accounts:
        return rejects.invalid(f"account {account!r} is not served here ({', '.join(accounts)})")
    return None


def _refused_quantity(raw: Mapping[str, str]) -> Reject | None:
    quantity = _number(raw, "totalQuantity") or 0.0
    if quantity == 0.0:
        return rejects.NO_SIZE
    if not 0.0 < quantity <= _MOST_CONTRACTS:
        return rejects.invalid(f"totalQuantity must be from 1 to {_MOST_CONTRACTS:,}, got {raw['totalQuantity']!r}")
    if quantity != int(quantity):
        return rejects.FRACTION
    return None


def _refused_words(raw: Mapping[str, str]) -> Reject | None:
    """Action, order type, time in force, trigger method and group type must be words or numbers that exist."""
    if raw["action"] not in (Side.BUY, Side.SELL):
        return rejects.invalid(f"action must be BUY or SELL, got {raw['action']!r}")
    word = raw["orderType"] or OrderType.LIMIT
    if word in NOT_WORKED:
        return rejects.unsupported_type(word, f"{NOT_WORKED[word]}, not simulated")
    if word not in set(OrderType):
        return rejects.invalid(f"{word!r} is no order type; simulated are {', '.join(OrderType)}")
    if (raw["tif"] or TimeInForce.DAY) not in set(TimeInForce):
        return Reject(10052, f"Invalid time in force:{raw['tif']}.")
    if read_integer("triggerMethod", raw["triggerMethod"]) not in set(TriggerMethod):
        return rejects.TRIGGER_METHOD
    if read_integer("ocaType", raw["ocaType"]) not in {0, *OcaType}:
        return rejects.invalid(f"ocaType must be 1, 2 or 3, got {raw['ocaType']!r}")
    return None


def _refused_algo(raw: Mapping[str, str]) -> Reject | None:
    name = raw["algoStrategy"]
    if not name:
        return None
    if name in KNOWN_ALGOS:
        return Reject(442, f"{rejects.ALGO_NOT_ALLOWED.text} ({name} is not simulated, {SIMULATED_ALGO} is)")
    if name != SIMULATED_ALGO:
        return rejects.NO_ALGO
    if _order_type(raw) not in (OrderType.MARKET, OrderType.LIMIT):
        return rejects.ALGO_NOT_ALLOWED
    given = _algo_parameters(raw)
    unknown = sorted(set(given) - {"adaptivePriority"})
    if unknown:
        return Reject(443, f"Order processing failed. Unknown algo attribute. ({', '.join(unknown)})")
    if given.get("adaptivePriority", Patience.NORMAL) not in set(Patience):
        return Reject(441, f"Algo attributes validation failed: adaptivePriority must be one of {', '.join(Patience)}")
    return None


def _algo_parameters(raw: Mapping[str, str]) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in raw.get("algoParams", "").split(";") if pair)
    return {name: value for name, _, value in pairs}


def _patience(raw: Mapping[str, str]) -> Patience | None:
    if not raw["algoStrategy"]:
        return None
    return Patience(_algo_parameters(raw).get("adaptivePriority", Patience.NORMAL))


# the ledger's view ---------------------------------------------------------------------------------
def order_facts(venue: Venue, client_id: int, request: ask.PlaceOrder, perm_id: int) -> dict[str, object]:
    """The ledger's fields of a place or modify message: what the client sent, judged by nobody yet."""
    raw = request.raw
    quantity = _number(raw, "totalQuantity")
    return {
        "client": client_id,
        "account": raw["account"] or (venue.accounts[0] if len(venue.accounts) == 1 else ""),
        "order_id": request.order_id,
        "perm_id": perm_id,
        "order_ref": raw["orderRef"],
        "what_if": read_flag("whatIf", raw["whatIf"]),
        "action": raw["action"],
        "quantity": _whole(quantity),
        "order_type": raw["orderType"] or OrderType.LIMIT,
        "limit": _limit(raw),
        "aux": _number(raw, "auxPrice"),
        "tif": raw["tif"] or TimeInForce.DAY,
        "outside_rth": read_flag("outsideRth", raw["outsideRth"]),
        "transmit": read_flag("transmit", raw["transmit"]),
        "parent_id": read_integer("parentId", raw["parentId"]),
        "oca_group": raw["ocaGroup"],
        "legs": _leg_lines(venue, request),
    }


def _whole(quantity: float | None) -> int | float | None:
    """A whole number as one, anything else as the client sent it."""
    whole = quantity is not None and abs(quantity) <= _MOST_CONTRACTS and quantity == int(quantity)
    return int(quantity) if whole and quantity is not None else quantity


def _leg_lines(venue: Venue, request: ask.PlaceOrder) -> list[dict[str, object]]:
    if request.contract.sec_type == SecType.BAG:
        return [
            {**_contract_line(venue, ask.ContractQuery(con_id=leg.con_id)), "ratio": leg.ratio, "action": leg.action}
            for leg in request.legs
        ]
    return [{**_contract_line(venue, request.contract), "ratio": 1, "action": Side.BUY}]


def _contract_line(venue: Venue, query: ask.ContractQuery) -> dict[str, object]:
    """The contract if there is exactly one, else what the client wrote, unknown fields None."""
    found = venue.spec(query.con_id) if query.con_id else find_one(venue, query)
    if found is not None and not isinstance(found, Reject):
        return contract_facts(found)
    return {
        "con_id": query.con_id or None,
        "symbol": query.symbol or None,
        "trading_class": query.trading_class or None,
        "sec_type": query.sec_type or None,
        "expiry": query.expiry or None,
        "strike": query.strike or None,
        "right": query.right or None,
        "multiplier": query.multiplier or None,
    }
