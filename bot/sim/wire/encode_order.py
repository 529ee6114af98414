"""openOrder, orderStatus and completedOrder as the gateway sends them, for every version from 157 to 176."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sim.order_terms import OrderStatus
from bot.sim.types import ContractSpec, MarginImpact, OrderTicket, SecType, VenueOrder
from bot.sim.wire.encode import BAG_CON_ID, contract_fields
from bot.sim.wire.fields import UNSET_DOUBLE, UNSET_INTEGER, message, money, plain
from bot.sim.wire.times import moment

_DELTA_NEUTRAL_NONE = ["None", ""]
"""deltaNeutralOrderType and its price: a real gateway writes the word None, which makes the eight fields follow."""


def order_status(order: VenueOrder) -> bytes:
    """Status, filled and remaining units, average and last price per unit."""
    ticket = order.ticket
    return message(
        [
            3,
            ticket.order_id,
            order.status,
            float(order.filled),
            float(order.remaining),
            order.average_price,
            order.perm_id,
            ticket.parent_id,
            order.last_fill_price,
            ticket.client_id,
            plain(order.why_held),
            0.0,
        ]
    )


def rejected_status(order_id: int, status: str, quantity: int, client_id: int) -> bytes:
    """orderStatus of an order that was refused: nothing filled, no permanent id."""
    return message([3, order_id, status, 0.0, float(quantity), 0.0, 0, 0, 0.0, client_id, "", 0.0])


def open_order(order: VenueOrder, version: int) -> bytes:
    """An order and its state; margins unset, the commission set once an order that has filled was charged."""
    return _open_order(order, None, version)


def what_if_order(ticket: OrderTicket, impact: MarginImpact | None, version: int) -> bytes:
    """Answer to a what-if: the order with margins before, change and after. None sends them unset."""
    asked = VenueOrder(ticket, 0, OrderStatus.PRE_SUBMITTED, remaining=ticket.quantity, oca_group=ticket.oca_group)
    return _open_order(asked, impact, version)


def order_bound(order: VenueOrder) -> bytes:
    """An order made in TWS got an order id of client 0."""
    return message([100, order.perm_id, order.ticket.client_id, order.ticket.order_id])


def _open_order(order: VenueOrder, impact: MarginImpact | None, version: int) -> bytes:
    ticket, perm_id, raw = order.ticket, order.perm_id, order.ticket.raw
    fields: list[object] = [5, ticket.order_id, *contract_fields(order_spec(ticket)), *_head(order)]
    fields += [
        plain(ticket.order_ref),
        ticket.client_id,
        perm_id,
        ticket.outside_rth,
        _number(raw, "hidden", "0"),
        _number(raw, "discretionaryAmt", "0"),
        raw.get("goodAfterTime", ""),
        f"{perm_id}.0/{ticket.account}/{ticket.quantity}",
        *_allocation(raw),
        raw.get("goodTillDate", ""),
        raw.get("rule80A", ""),
        "",  # percentOffset
        raw.get("settlingFirm", ""),
        0,  # shortSaleSlot
        "",  # designatedLocation
        -1,  # exemptCode
        0,  # auctionStrategy
        "",  # startingPrice
        "",  # stockRefPrice
        "",  # delta
        "",  # stockRangeLower
        "",  # stockRangeUpper
        raw.get("displaySize", ""),
        _number(raw, "blockOrder", "0"),
        _number(raw, "sweepToFill", "0"),
        _number(raw, "allOrNone", "0"),
        raw.get("minQty", ""),
        int(ticket.oca_type),
        0,  # eTradeOnly
        0,  # firmQuoteOnly
        "",  # nbboPriceCap
        ticket.parent_id,
        _number(raw, "triggerMethod", "0"),
        "",  # volatility
        0,  # volatilityType
        *_DELTA_NEUTRAL_NONE,
        *(0, "", "", "", "?", 0, 0, ""),
        0,  # continuousUpdate
        0,  # referencePriceType
        _trail_stop(order),
        raw.get("trailingPercent", ""),
        "",  # basisPoints
        "",  # basisPointsType
        *_combo(ticket),
        *("", "", ""),  # scale: initial and subsequent level size, price increment
        "",  # hedgeType
        0,  # optOutSmartRouting
        raw.get("clearingAccount", ""),
        "IB",
        _number(raw, "notHeld", "0"),
        0,  # deltaNeutralContract
        *_algo(raw),
        _number(raw, "solicited", "0"),
        ticket.what_if,
        order.status,
        *_margins(order, impact),
        "0",  # randomizeSize
        "0",  # randomizePrice
        *_conditions(raw),
        "None",  # adjustedOrderType
        UNSET_DOUBLE,  # triggerPrice
        _trail_stop(order) or UNSET_DOUBLE,
        UNSET_DOUBLE if ticket.limit_offset is None else ticket.limit_offset,
        *([UNSET_DOUBLE] * 3),  # adjusted stop, stop limit and trailing amount
        0,  # adjustableTrailingUnit
        *("", "", ""),  # softDollarTier
        raw.get("cashQty", "") or "0",
        0,  # dontUseAutoPriceForHedge
        0,  # isOmsContainer
        0,  # discretionaryUpToLimitPrice
        _number(raw, "usePriceMgmtAlgo", "0"),
        *_tail(raw, version),
    ]
    return message(fields)


def completed_order(order: VenueOrder, version: int) -> bytes:
    """A finished order; it carries the permanent id but no order id."""
    ticket, raw = order.ticket, order.ticket.raw
    done_at = moment(order.completed_at, version) if order.completed_at else ""
    fields: list[object] = [101, *contract_fields(order_spec(ticket)), *_head(order)]
    fields += [
        plain(ticket.order_ref),
        order.perm_id,
        ticket.outside_rth,
        _number(raw, "hidden", "0"),
        _number(raw, "discretionaryAmt", "0"),
        raw.get("goodAfterTime", ""),
        *_allocation(raw),
        raw.get("goodTillDate", ""),
        *("", "", "", 0, "", -1),  # rule80A, percentOffset, settlingFirm, shortSaleSlot, location, exemptCode
        *("", "", "", "", ""),  # startingPrice, stockRefPrice, delta, stock range
        raw.get("displaySize", ""),
        _number(raw, "sweepToFill", "0"),
        _number(raw, "allOrNone", "0"),
        raw.get("minQty", ""),
        int(ticket.oca_type),
        _number(raw, "triggerMethod", "0"),
        *("", 0),  # volatility and its type
        *_DELTA_NEUTRAL_NONE,
        *(0, 0, 0, ""),
        0,  # continuousUpdate
        0,  # referencePriceType
        _trail_stop(order),
        raw.get("trailingPercent", ""),
        *_combo(ticket),
        *("", "", ""),  # scale
        "",  # hedgeType
        raw.get("clearingAccount", ""),
        "IB",
        _number(raw, "notHeld", "0"),
        0,  # deltaNeutralContract
        *_algo(raw),
        _number(raw, "solicited", "0"),
        order.status,
        *("0", "0"),  # randomizeSize, randomizePrice
        *_conditions(raw),
        _trail_stop(order) or UNSET_DOUBLE,
        UNSET_DOUBLE if ticket.limit_offset is None else ticket.limit_offset,
        raw.get("cashQty", "") or "0",
        *(0, 0),  # dontUseAutoPriceForHedge, isOmsContainer
        "",  # autoCancelDate
        order.filled,
        0,  # refFuturesConId
        0,  # autoCancelParent
        "",  # shareholder
        *(0, 0),  # imbalanceOnly, routeMarketableToBbo
        0,  # parentPermId
        done_at,
        plain(order.completed_status or order.status),
        *(_compete() if version >= 170 else ()),
    ]
    return message(fields)


def order_spec(ticket: OrderTicket) -> ContractSpec:
    """The contract that the order is written in: its only leg, or a BAG of the legs' underlying."""
    first = ticket.legs[0].spec
    if not ticket.is_bag:
        return first
    return ContractSpec(
        con_id=BAG_CON_ID,
        sec_type=SecType.BAG,
        symbol=first.symbol,
        trading_class="COMB",
        exchange=ticket.raw.get("exchange", "") or "SMART",
        multiplier=0,
        local_symbol=str(BAG_CON_ID),
        market_rule_id=0,
        min_tick=first.min_tick,
        currency=first.currency,
    )


# field groups ----------------------------------------------------------------------------------------
def _head(order: VenueOrder) -> list[object]:
    ticket, raw = order.ticket, order.ticket.raw
    return [
        ticket.side.value,
        float(ticket.quantity),
        ticket.order_type,
        ticket.limit if ticket.limit is not None else 0.0,
        raw.get("auxPrice", "") or 0.0,
        ticket.tif,
        plain(order.oca_group),
        ticket.account,
        raw.get("openClose", ""),
        _number(raw, "origin", "0"),
    ]


def _allocation(raw: Mapping[str, str]) -> list[object]:
    return [raw.get(name, "") for name in ("faGroup", "faMethod", "faPercentage", "faProfile", "modelCode")]


def _combo(ticket: OrderTicket) -> list[object]:
    """comboLegsDescrip, the legs, the prices per leg (none: one price on the order), the routing parameters."""
    if not ticket.is_bag:
        return ["", 0, 0, 0]
    signed = [f"{leg.spec.con_id}|{leg.ratio * leg.side.sign}" for leg in ticket.legs]
    fields: list[object] = [",".join(signed), len(ticket.legs)]
    for leg in ticket.legs:
        fields += [leg.spec.con_id, leg.ratio, leg.side.value, ticket.raw.get("exchange", "") or "SMART", 0, 0, "", -1]
    if ticket.non_guaranteed:
        return [*fields, 0, 1, "NonGuaranteed", "1"]
    return [*fields, 0, 0]


def _trail_stop(order: VenueOrder) -> float | str:
    """Where a trailing stop stands, as asked for until the market has moved it; empty for other orders."""
    stop = order.trail_stop if order.trail_stop is not None else order.ticket.trail_stop
    return "" if stop is None else stop


def _algo(raw: Mapping[str, str]) -> list[object]:
    strategy = raw.get("algoStrategy", "")
    if not strategy:
        return [""]
    pairs = [pair.partition("=") for pair in raw.get("algoParams", "").split(";") if pair]
    fields: list[object] = [strategy, len(pairs)]
    for tag, _, value in pairs:
        fields += [tag, value]
    return fields


def _margins(order: VenueOrder, impact: MarginImpact | None) -> list[object]:
    """Nine margins, three commissions, their currency and the warning text."""
    if impact is None and order.commission_usd is not None and order.status is OrderStatus.FILLED:
        return [*[UNSET_DOUBLE] * 9, order.commission_usd, UNSET_DOUBLE, UNSET_DOUBLE, "USD", ""]
    if impact is None:
        return [*[UNSET_DOUBLE] * 12, "", ""]
    before = (impact.initial_before, impact.maintenance_before, impact.equity_before)
    after = (impact.initial_after, impact.maintenance_after, impact.equity_after)
    change = tuple(late - early for early, late in zip(before, after, strict=True))
    margins: list[object] = [money(value) for value in (*before, *change, *after)]
    return [*margins, round(impact.commission, 4), UNSET_DOUBLE, UNSET_DOUBLE, "USD", plain(impact.warning)]


def _conditions(raw: Mapping[str, str]) -> list[object]:
    listed = [raw[name] for name in raw if name.startswith("condition") and name[9:].isdigit()]
    fields: list[object] = [len(listed)]
    for text in listed:
        fields += text.split("|")
    if listed:
        fields += [_number(raw, "conditionsIgnoreRth", "0"), _number(raw, "conditionsCancelOrder", "0")]
    return fields


def _tail(raw: Mapping[str, str], version: int) -> list[object]:
    fields: list[object] = []
    if version >= 159:
        fields.append(raw.get("duration", "") or UNSET_INTEGER)
    if version >= 160:
        fields.append(raw.get("postToAts", "") or UNSET_INTEGER)
    if version >= 162:
        fields.append(_number(raw, "autoCancelParent", "0"))
    if version >= 170:
        fields += _compete()
    return fields


def _compete() -> list[object]:
    """minTradeQty, minCompeteSize, competeAgainstBestOffset, midOffsetAtWhole, midOffsetAtHalf."""
    return [UNSET_INTEGER, UNSET_INTEGER, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE]


def _number(raw: Mapping[str, str], name: str, default: str) -> str:
    return raw.get(name, "") or default
