"""Names of the protocol's messages to the client, and how a message type of either direction is written in words."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from bot.sim.wire.message_names import REQUEST_NAMES

ANSWER_NAMES: dict[int, str] = {
    1: "tickPrice",
    2: "tickSize",
    3: "orderStatus",
    4: "error",
    5: "openOrder",
    6: "accountValue",
    7: "portfolioValue",
    8: "accountTime",
    9: "nextValidId",
    10: "contractDetails",
    11: "execDetails",
    12: "marketDepth",
    13: "marketDepthL2",
    14: "newsBulletin",
    15: "managedAccounts",
    16: "receiveFA",
    17: "historicalData",
    18: "bondContractDetails",
    19: "scannerParameters",
    20: "scannerData",
    21: "tickOptionComputation",
    45: "tickGeneric",
    46: "tickString",
    47: "tickEFP",
    49: "currentTime",
    50: "realTimeBar",
    51: "fundamentalData",
    52: "contractDetailsEnd",
    53: "openOrderEnd",
    54: "accountDownloadEnd",
    55: "execDetailsEnd",
    56: "deltaNeutralValidation",
    57: "tickSnapshotEnd",
    58: "marketDataType",
    59: "commissionReport",
    61: "position",
    62: "positionEnd",
    63: "accountSummary",
    64: "accountSummaryEnd",
    67: "displayGroupList",
    68: "displayGroupUpdated",
    71: "positionMulti",
    72: "positionMultiEnd",
    73: "accountUpdateMulti",
    74: "accountUpdateMultiEnd",
    75: "optionParameter",
    76: "optionParameterEnd",
    77: "softDollarTiers",
    78: "familyCodes",
    79: "symbolSamples",
    80: "mktDepthExchanges",
    81: "tickReqParams",
    82: "smartComponents",
    85: "newsProviders",
    88: "headTimestamp",
    89: "histogramData",
    90: "historicalDataUpdate",
    93: "marketRule",
    94: "pnl",
    95: "pnlSingle",
    96: "historicalTicks",
    97: "historicalTicksBidAsk",
    98: "historicalTicksLast",
    99: "tickByTick",
    100: "orderBound",
    101: "completedOrder",
    102: "completedOrdersEnd",
    106: "historicalSchedule",
    107: "userInfo",
}


class Direction(StrEnum):
    """Which way a message goes, seen from the gateway."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class MessageType:
    """A kind of message; `number` None means every kind of that direction."""

    direction: Direction
    number: int | None

    def __str__(self) -> str:
        names = REQUEST_NAMES if self.direction is Direction.IN else ANSWER_NAMES
        if self.number is None:
            return f"{self.direction.value}:any"
        return names.get(self.number) or f"{self.direction.value}:{self.number}"


_BY_NAME = {
    **{name: MessageType(Direction.OUT, number) for number, name in ANSWER_NAMES.items()},
    **{name: MessageType(Direction.IN, number) for number, name in REQUEST_NAMES.items()},
}


def message_type(words: str) -> MessageType:
    """The type written as a name of the protocol (`placeOrder`, `orderStatus`), as `in:3` or `out:99`, or as `in:any`
    or `out:any`. Raises ValueError saying so, with the nearest name."""
    found = _BY_NAME.get(words)
    if found is not None:
        return found
    way, colon, rest = words.partition(":")
    if colon and way in ("in", "out"):
        if rest == "any":
            return MessageType(Direction(way), None)
        if rest.isascii() and rest.isdigit() and len(rest) < 10:
            return MessageType(Direction(way), int(rest))
    near = difflib.get_close_matches(words, _BY_NAME, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(
        f"{words!r} is no message type{hint}; write a message's name such as placeOrder or orderStatus, "
        "its number as in:3 or out:99, or in:any, out:any"
    )
