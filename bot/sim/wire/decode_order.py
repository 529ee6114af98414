"""placeOrder: the longest message of the protocol, read field by field for the client's version."""

from __future__ import annotations

from bot.sim.wire.fields import (
    UNSET_INTEGERS,
    FieldReader,
    MalformedRequest,
    read_flag,
    read_integer,
    read_number,
    write,
)
from bot.sim.wire.requests import ComboLegQuery, PlaceOrder
from bot.sim.wire.shared_fields import combo_legs, contract

_HEAD = """action totalQuantity:f orderType lmtPrice:f auxPrice:f tif ocaGroup account openClose origin:i orderRef
transmit:b parentId:i blockOrder:b sweepToFill:b displaySize:i triggerMethod:i outsideRth:b hidden:b"""
_MIDDLE = """sharesAllocation discretionaryAmt:f goodAfterTime goodTillDate faGroup faMethod faPercentage faProfile
modelCode shortSaleSlot:i designatedLocation exemptCode:i ocaType:i rule80A settlingFirm allOrNone:b minQty:i
percentOffset:f eTradeOnly:b firmQuoteOnly:b nbboPriceCap:f auctionStrategy:i startingPrice:f stockRefPrice:f delta:f
stockRangeLower:f stockRangeUpper:f overridePercentageConstraints:b volatility:f volatilityType:i deltaNeutralOrderType
deltaNeutralAuxPrice:f"""
_DELTA_NEUTRAL = """deltaNeutralConId:i deltaNeutralSettlingFirm deltaNeutralClearingAccount deltaNeutralClearingIntent
deltaNeutralOpenClose deltaNeutralShortSale:b deltaNeutralShortSaleSlot:i deltaNeutralDesignatedLocation"""
_SCALE = """continuousUpdate:b referencePriceType:i trailStopPrice:f trailingPercent:f scaleInitLevelSize:i
scaleSubsLevelSize:i scalePriceIncrement:f"""
_SCALE_MORE = """scalePriceAdjustValue:f scalePriceAdjustInterval:i scaleProfitOffset:f scaleAutoReset:b
scaleInitPosition:i scaleInitFillQty:i scaleRandomPercent:b"""
_AFTER_SCALE = "scaleTable activeStartTime activeStopTime hedgeType"
_CLEARING = "optOutSmartRouting:b clearingAccount clearingIntent notHeld:b"
_AFTER_ALGO = "algoId whatIf:b orderMiscOptions solicited:b randomizeSize:b randomizePrice:b"
_PEG_BENCH = """referenceContractId:i isPeggedChangeAmountDecrease:b peggedChangeAmount:f referenceChangeAmount:f
referenceExchangeId"""
_TAIL = """adjustedOrderType triggerPrice:f lmtPriceOffset:f adjustedStopPrice:f adjustedStopLimitPrice:f
adjustedTrailingAmount:f adjustableTrailingUnit:i extOperator softDollarTierName softDollarTierValue cashQty:f
mifid2DecisionMaker mifid2DecisionAlgo mifid2ExecutionTrader mifid2ExecutionAlgo dontUseAutoPriceForHedge:b
isOmsContainer:b discretionaryUpToLimitPrice:b usePriceMgmtAlgo:b"""
_VERSIONED = (
    (158, "duration:i"),
    (160, "postToAts:i"),
    (162, "autoCancelParent:b"),
    (166, "advancedErrorOverride"),
    (169, "manualOrderTime"),
)
_CONDITION_FIELDS = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}
"""Fields after the type: price, time, margin, execution, volume, percent change."""


def _number(name: str, text: str) -> str:
    value = read_number(name, text)
    return "" if value is None else write(value)


def _integer(name: str, text: str) -> str:
    return "" if text in UNSET_INTEGERS else str(read_integer(name, text))


def _flag(name: str, text: str) -> str:
    return "1" if read_flag(name, text) else "0" if text else ""


_CANONICAL = {"f": _number, "i": _integer, "b": _flag}
"""Texts as a gateway writes them: what one client may write ('2.0', 'true') another cannot read when it is echoed."""


def place_order(read: FieldReader, version: int) -> PlaceOrder:
    """The order in the message. Raises MalformedRequest for a field of the wrong type, missing or left over."""
    raw: dict[str, str] = {}
    order_id = read.integer("orderId")
    wanted = contract(read)
    raw["secIdType"], raw["secId"] = read.text("secIdType"), read.text("secId")
    _block(read, raw, _HEAD)
    legs: tuple[ComboLegQuery, ...] = ()
    leg_prices: tuple[float | None, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    if wanted.sec_type == "BAG":
        legs = combo_legs(read, with_order_fields=True)
        count = read.count("number of order combo legs")
        leg_prices = tuple(read_number("leg price", read.text("leg price")) for _ in range(count))
        params = read.pairs("smartComboRoutingParams")
    _block(read, raw, _MIDDLE)
    if raw["deltaNeutralOrderType"]:
        _block(read, raw, _DELTA_NEUTRAL)
    _scale_and_hedge(read, raw)
    _algo(read, raw)
    if raw["orderType"] == "PEG BENCH":
        _block(read, raw, _PEG_BENCH)
    _conditions(read, raw)
    _block(read, raw, _TAIL)
    for since, names in _VERSIONED:
        if version >= since:
            _block(read, raw, names)
    if version >= 170:
        _compete(read, raw, wanted.exchange)
    read.finish()
    return PlaceOrder(order_id, wanted, legs, leg_prices, params, raw)


def _block(read: FieldReader, raw: dict[str, str], layout: str) -> None:
    for entry in layout.split():
        name, _, kind = entry.partition(":")
        text = read.text(name)
        raw[name] = _CANONICAL[kind](name, text) if kind else text


def _scale_and_hedge(read: FieldReader, raw: dict[str, str]) -> None:
    _block(read, raw, _SCALE)
    increment = read_number("scalePriceIncrement", raw["scalePriceIncrement"])
    if increment is not None and increment > 0.0:
        _block(read, raw, _SCALE_MORE)
    _block(read, raw, _AFTER_SCALE)
    if raw["hedgeType"]:
        _block(read, raw, "hedgeParam")
    _block(read, raw, _CLEARING)
    if read.flag("deltaNeutralContract"):
        _block(read, raw, "deltaNeutralContractConId:i deltaNeutralContractDelta:f deltaNeutralContractPrice:f")


def _algo(read: FieldReader, raw: dict[str, str]) -> None:
    _block(read, raw, "algoStrategy")
    if raw["algoStrategy"]:
        raw["algoParams"] = ";".join(f"{tag}={value}" for tag, value in read.pairs("algoParams"))
    _block(read, raw, _AFTER_ALGO)


def _conditions(read: FieldReader, raw: dict[str, str]) -> None:
    count = read.count("number of conditions")
    for number in range(1, count + 1):
        kind = read.integer(f"condition {number} type")
        if kind not in _CONDITION_FIELDS:
            known = ", ".join(map(str, _CONDITION_FIELDS))
            raise MalformedRequest(f"condition {number} has type {kind}; known are {known}")
        values = [read.text(f"condition {number}") for _ in range(_CONDITION_FIELDS[kind])]
        raw[f"condition{number}"] = "|".join([str(kind), *values])
    if count:
        _block(read, raw, "conditionsIgnoreRth:b conditionsCancelOrder:b")


def _compete(read: FieldReader, raw: dict[str, str], exchange: str) -> None:
    if exchange == "IBKRATS":
        _block(read, raw, "minTradeQty:i")
    if raw["orderType"] == "PEG BEST":
        _block(read, raw, "minCompeteSize:i competeAgainstBestOffset")
        if raw["competeAgainstBestOffset"] in ("Infinite", "inf"):
            _block(read, raw, "midOffsetAtWhole:f midOffsetAtHalf:f")
    elif raw["orderType"] == "PEG MID":
        _block(read, raw, "midOffsetAtWhole:f midOffsetAtHalf:f")
