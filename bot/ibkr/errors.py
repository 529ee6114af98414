"""The broker's message codes: what a code means for an order, and which codes speak of the link or of market data.

Rules
- A code that is not listed is AMBIGUOUS: it neither ends an order nor leaves it alone, a snapshot decides.
- A reject listed here is still a claim; it only says which claim.
- Codes that answer a cancel or a modification (104, 105, 135, 161, 10147, 10148) say nothing sure about the order.
Source: the published message-code table of the TWS API and the threads named in docs/adapter.md.
"""

from __future__ import annotations

from enum import StrEnum

from strategies.domain.events import ErrorMeaning


class LinkNotice(StrEnum):
    """What a system code says about the connection."""

    UPSTREAM_LOST = "upstream_lost"
    UPSTREAM_BACK = "upstream_back"
    FARM_LOST = "farm_lost"
    FARM_BACK = "farm_back"
    SOCKET_MOVED = "socket_moved"
    ID_IN_USE = "id_in_use"
    TOO_FAST = "too_fast"
    REMARK = "remark"


REJECTS: dict[int, str] = {
    106: "order cannot be transmitted",
    107: "order is incomplete",
    109: "price out of range",
    110: "price is not on the contract's grid",
    111: "order type does not fit the time in force",
    113: "time in force does not fit the order type",
    116: "order cannot be transmitted to a dead exchange",
    118: "display size does not fit",
    132: "limit price missing",
    133: "auxiliary price missing",
    147: "quantity below the minimum",
    152: "time in force is not accepted",
    200: "no such contract",
    201: "order rejected, reason in the text",
    203: "security not available for this account",
    320: "the message could not be read",
    321: "validation failed, reason in the text",
    325: "discretionary attribute refused",
    328: "trailing order refused",
    329: "field cannot be changed",
    387: "order type not supported by the exchange",
    388: "size below the exchange's minimum",
    391: "good-after or good-till time refused",
    401: "combination cannot be routed",
    436: "account must be given",
    460: "no trading permission",
    461: "size is not in whole lots",
    10043: "order cannot have that attribute",
    10058: "prices per leg are refused",
    10268: "the eTradeOnly attribute is refused",
    10269: "the firmQuoteOnly attribute is refused",
    10318: "order attribute not supported",
}
"""Codes by which a new order is refused."""

INFORMATION: dict[int, str] = {
    165: "market-data remark",
    399: "held until the market opens, or another remark",
    404: "shares are being located",
    434: "size remark",
    492: "delayed or restricted data",
    10006: "missing parent remark",
    10167: "delayed data shown instead of live",
    10311: "direct routing remark",
    10349: "time in force set by a preset",
}
"""Codes after which the order lives on; 2100 to 2199 likewise."""

CANCEL_CONFIRMATIONS: dict[int, str] = {202: "order cancelled"}

AMBIGUOUS: dict[int, str] = {
    100: "too many messages",
    103: "order id used before",
    104: "cannot change a filled order",
    105: "order being changed does not match",
    135: "no order with this id",
    136: "order cannot be cancelled",
    161: "cancel attempted in a state that cannot be cancelled",
    10147: "order to cancel not found",
    10148: "order cannot be cancelled, state in the text",
    10149: "cancel refused",
}
"""Listed so that the table says why they prove nothing."""

LINK: dict[int, LinkNotice] = {
    100: LinkNotice.TOO_FAST,
    326: LinkNotice.ID_IN_USE,
    1100: LinkNotice.UPSTREAM_LOST,
    1101: LinkNotice.UPSTREAM_BACK,
    1102: LinkNotice.UPSTREAM_BACK,
    1300: LinkNotice.SOCKET_MOVED,
    2103: LinkNotice.FARM_LOST,
    2104: LinkNotice.FARM_BACK,
    2105: LinkNotice.REMARK,
    2106: LinkNotice.REMARK,
    2107: LinkNotice.REMARK,
    2108: LinkNotice.REMARK,
    2110: LinkNotice.UPSTREAM_LOST,
    2119: LinkNotice.REMARK,
    2157: LinkNotice.REMARK,
    2158: LinkNotice.REMARK,
}
"""System codes (request id -1) and what they say about the connection."""

DATA_LOST = frozenset({1101})
"""Codes after which every market-data subscription is gone."""

SILENT_REMARKS = frozenset({2104, 2106, 2107, 2108, 2119, 2158, 300, 366})
"""Daily noise that nobody needs to be told."""

VALIDATION = frozenset({320, 321})
"""A message was refused for its form; it may name no request."""

COMPETING_SESSION = 10197
"""Live quotes stop because the same user is logged in elsewhere."""


def meaning(code: int) -> ErrorMeaning:
    """What a code means for the order it names."""
    if code in REJECTS:
        return ErrorMeaning.REJECTED
    if code in CANCEL_CONFIRMATIONS:
        return ErrorMeaning.CANCEL_CONFIRMED
    if code in INFORMATION or 2100 <= code < 2200:
        return ErrorMeaning.INFORMATION
    return ErrorMeaning.AMBIGUOUS


def ends_request(code: int) -> bool:
    """Whether a code that names a request means that no answer will come."""
    return meaning(code) is not ErrorMeaning.INFORMATION


def farm(text: str) -> str:
    """Name of the data farm in a 2103 or 2104 notice, which ends `...:usfarm`; empty where none is named."""
    return text.rpartition(":")[2].strip() if ":" in text else ""


def markdown() -> str:
    """The table as Markdown rows, for the docs."""
    lines = ["| code | meaning | why |", "|---|---|---|"]
    for title, table in (
        (ErrorMeaning.REJECTED.value, REJECTS),
        (ErrorMeaning.CANCEL_CONFIRMED.value, CANCEL_CONFIRMATIONS),
        (ErrorMeaning.INFORMATION.value, INFORMATION),
        (ErrorMeaning.AMBIGUOUS.value, AMBIGUOUS),
    ):
        lines += [f"| {code} | {title} | {why} |" for code, why in sorted(table.items())]
    lines.append(f"| 2100-2199 | {ErrorMeaning.INFORMATION.value} | system remarks |")
    lines.append(f"| any other | {ErrorMeaning.AMBIGUOUS.value} | not listed: a snapshot decides |")
    lines += [f"| {code} (no order) | link: {notice.value} | |" for code, notice in sorted(LINK.items())]
    return "\n".join(lines)
