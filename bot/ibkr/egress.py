"""The last look at what leaves: every order message is read back from its bytes and held against an unspent approval.

Rules
- Only the bytes count: what the library made of an order is taken apart again by field position (message 3,
  server versions 157 to 176), by code that shares nothing with what composed it.
- A question what an order would cost must carry the what-if flag in the bytes; anything else needs an approval of the
  same reference, account, contracts, sides, quantity and price, and spends it. No second order goes out on it.
- What does not match does not leave, whatever asked for it.
"""

from __future__ import annotations

from typing import NamedTuple

from strategies.domain.orders import PlaceIntent

PLACE_ORDER = b"3\0"
_HEADER = 4  # length prefix of a frame
_CON_ID, _SEC_TYPE = 2, 4
_ACTION, _QUANTITY, _TYPE, _LIMIT, _AUX, _TIF, _OCA, _ACCOUNT = 16, 17, 18, 19, 20, 21, 22, 23
_REF, _TRANSMIT, _PARENT = 26, 27, 28
_OUTSIDE_RTH, _AFTER_ORDER = 33, 35
_LEG_FIELDS = 8
_DELTA_NEUTRAL_AT, _SCALE_AT, _HEDGE_AT, _CONTRACT_NEUTRAL_AT, _ALGO_AT, _WHAT_IF_AT = 30, 38, 42, 47, 48, 50
_PRICE_TOLERANCE = 1e-6


class EgressRefused(ConnectionError):
    """Bytes that no approval covers. Nothing left."""


class Outgoing(NamedTuple):
    """An order as its bytes say it: signed ratios by contract, units, points per unit (positive: paid)."""

    ref: str
    account: str
    legs: tuple[tuple[int, int], ...]
    quantity: int
    limit_points: float
    plain: bool
    what_if: bool


def expected(intent: PlaceIntent, account: str) -> Outgoing:
    """What the bytes of an approved intent must say."""
    legs = tuple(sorted((leg.con_id, leg.action.sign * leg.ratio) for leg in intent.legs))
    quantity, limit = intent.quantity, intent.limit_points
    if len(legs) == 1:  # a single leg is a plain contract: its ratio is in the quantity, its side in the action
        ((con_id, ratio),) = legs
        legs, quantity, limit = ((con_id, 1 if ratio > 0 else -1),), quantity * abs(ratio), limit / abs(ratio)
    return Outgoing(intent.ref, account, legs, quantity, limit, True, False)


def read(payload: bytes) -> Outgoing:
    """Takes an order message apart. Raises EgressRefused for one this program never writes."""
    fields = payload.decode("utf-8", "strict").split("\0")
    try:
        return _read(fields)
    except (IndexError, ValueError) as error:
        raise EgressRefused(f"an order whose bytes cannot be read back: {error}") from error


def _read(fields: list[str]) -> Outgoing:
    sign = {"BUY": 1, "SELL": -1}
    side = sign.get(fields[_ACTION], 0)
    at = _AFTER_ORDER
    limit = float(fields[_LIMIT])
    if fields[_SEC_TYPE] == "BAG":
        count, at = int(fields[at]), at + 1
        rows = [fields[at + _LEG_FIELDS * i : at + _LEG_FIELDS * (i + 1)] for i in range(count)]
        legs = tuple(sorted((int(row[0]), side * sign[row[2]] * int(row[1])) for row in rows))
        at += _LEG_FIELDS * count
        prices, parameters = int(fields[at]), int(fields[at + 1 + int(fields[at])])
        plain_combo = prices == 0 and parameters == 0
        at += 2
    else:
        legs, plain_combo = ((int(fields[_CON_ID]), side),), True
        limit *= side
    plain = (
        plain_combo
        and side != 0
        and (fields[_TYPE], fields[_TIF], fields[_TRANSMIT], fields[_OUTSIDE_RTH]) == ("LMT", "DAY", "1", "0")
        and fields[_AUX] in ("", "0.0", "0")
        and fields[_OCA] == ""
        and fields[_PARENT] == "0"
        and not any(fields[at + place] for place in (_DELTA_NEUTRAL_AT, _SCALE_AT, _HEDGE_AT, _ALGO_AT))
        and fields[at + _CONTRACT_NEUTRAL_AT] == "0"
    )
    quantity = float(fields[_QUANTITY])
    if quantity != int(quantity):
        raise ValueError(f"quantity {quantity}")
    what_if = fields[at + _WHAT_IF_AT] == "1"
    return Outgoing(fields[_REF], fields[_ACCOUNT], legs, int(quantity), limit, plain, what_if)


class Auditor:
    """Holds the approvals of one connection that have not left yet."""

    def __init__(self) -> None:
        self._open: dict[str, Outgoing] = {}

    def expect(self, intent: PlaceIntent, account: str) -> None:
        """An approval has been redeemed: once, an order may leave for it."""
        self._open[intent.ref] = expected(intent, account)

    def forget(self, ref: str) -> None:
        """The order was taken back before it was written."""
        self._open.pop(ref, None)

    def pass_frames(self, data: bytes) -> None:
        """Looks at everything about to be written. Raises EgressRefused, and then nothing of it may be."""
        payload = data[_HEADER:]
        if not payload.startswith(PLACE_ORDER):
            return
        found = read(payload)
        if found.what_if:
            if not found.plain:
                raise EgressRefused(f"{found.ref}: a question about an order of a kind this program does not write")
            return
        wanted = self._open.pop(found.ref, None)
        if wanted is None:
            raise EgressRefused(f"{found.ref}: no approval is open for this order")
        near = abs(found.limit_points - wanted.limit_points) <= _PRICE_TOLERANCE
        if not near or found._replace(limit_points=wanted.limit_points) != wanted:
            raise EgressRefused(f"{found.ref}: the bytes say {found}, approved was {wanted}")
