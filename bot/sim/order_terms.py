"""The vocabulary of orders as the protocol writes it: types, times in force, statuses, triggers, groups."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class OrderType(StrEnum):
    """The order types that the venue works; every other word is refused."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    STOP_LIMIT = "STP LMT"
    TRAIL = "TRAIL"
    TRAIL_LIMIT = "TRAIL LIMIT"
    MARKET_IF_TOUCHED = "MIT"
    LIMIT_IF_TOUCHED = "LIT"
    MARKET_ON_CLOSE = "MOC"
    LIMIT_ON_CLOSE = "LOC"
    MARKET_TO_LIMIT = "MTL"
    RELATIVE = "REL"
    MIDPRICE = "MIDPRICE"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "DAY"
    GOOD_TILL_CANCELLED = "GTC"
    IMMEDIATE_OR_CANCEL = "IOC"
    FILL_OR_KILL = "FOK"
    GOOD_TILL_DATE = "GTD"
    AT_THE_OPENING = "OPG"


class OrderStatus(StrEnum):
    """Where an order stands. PENDING_SUBMIT is an order not transmitted yet: no client is told of it."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    CANCELLED = "Cancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"


class TriggerMethod(IntEnum):
    """What a stop or touch price is compared with. DEFAULT is DOUBLE_BID_ASK for options and combinations, LAST for
    the rest."""

    DEFAULT = 0
    DOUBLE_BID_ASK = 1
    LAST = 2
    DOUBLE_LAST = 3
    BID_ASK = 4
    LAST_OR_BID_ASK = 7
    MID_POINT = 8


class OcaType(IntEnum):
    """What a fill does to the other orders of a one-cancels-all group. A block acts before any other order of the group
    can trade, without one two of them may trade at the same moment."""

    CANCEL_WITH_BLOCK = 1
    REDUCE_WITH_BLOCK = 2
    REDUCE_WITHOUT_BLOCK = 3


class Patience(StrEnum):
    """The priority of an Adaptive order: how fast it walks from mid to natural."""

    URGENT = "Urgent"
    NORMAL = "Normal"
    PATIENT = "Patient"


class Hold(StrEnum):
    """Why an order that the broker has accepted does not work yet, in the words of orderStatus' whyHeld."""

    CHILD = "child"
    TRIGGER = "trigger"
    LOCATE = "locate"


class Liquidity(IntEnum):
    """What an execution did to the book, as execDetails' lastLiquidity says it."""

    UNKNOWN = 0
    ADDED = 1
    REMOVED = 2
    ROUTED_OUT = 3
