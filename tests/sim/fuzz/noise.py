"""What a hostile or broken client may send: noise of every grade, from raw bytes to almost right messages. Seeded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
from ib_insync import Contract, Order  # noqa: TID251 - the client whose messages are damaged

from bot.sim.wire.framing import frame
from bot.sim.wire.message_names import REQUEST_NAMES
from tests.sim.wire.recorder import Recorder, every_request, written

Draw = np.random.Generator
NUMBERS = [*REQUEST_NAMES, 0, 105, 176, 200, 999, 2**31 - 1]
WORDS = [
    "", "", "0", "1", "-1", "2", "3", "5", "7", "41", "100", "2.5", "-4.35", "0.05", "nan", "inf", "-inf", "Infinite",
    "1e400", "1.7976931348623157E308", "2147483647", "9223372036854775807", "9" * 20, "9" * 5000, "1_0", " 1", "0x10",
    "٣", "é", "\u202e", "BAG", "OPT", "IND", "FUT", "STK", "SPX", "SPXW", "VIX", "VX", "SPY", "CBOE", "SMART", "USD",
    "P", "C", "BUY", "SELL", "LMT", "MKT", "STP", "TRAIL", "PEG BENCH", "DAY", "GTC", "GTD", "20260320", "202603",
    "20260302 10:00:00", "20260302-15:00:00", "20260302 10:00:00 US/Eastern", "99999999", "1 day", "1 min", "20 D",
    "1 Y", "TRADES", "MIDPOINT", "DU1234567", "U7654321", "All", "NetLiquidation,BuyingPower", "$LEDGER:ALL",
    "100,101,106", "416904", "13455763", "28812380", "true", "None", "x" * 300, "%s%n", "'; DROP", "../..",
]  # fmt: skip


def random_bytes(draw: Draw) -> bytes:
    """Bytes without any form: what a port scanner sends."""
    return draw.bytes(int(draw.integers(1, 400)))


def framed_bytes(draw: Draw) -> bytes:
    """A right length in front of bytes without any form."""
    return frame(draw.bytes(int(draw.integers(1, 200))))


def wrong_length(draw: Draw) -> bytes:
    """A length that the bytes behind it do not have."""
    return struct.pack(">I", int(draw.integers(0, 2**32))) + draw.bytes(int(draw.integers(0, 60)))


def random_fields(draw: Draw) -> bytes:
    """A number of the protocol and fields that fit some message, not necessarily this one."""
    count = int(draw.integers(0, 130)) if draw.random() < 0.2 else int(draw.integers(0, 24))
    fields = [WORDS[int(n)] for n in draw.integers(0, len(WORDS), count)]
    number = NUMBERS[int(draw.integers(0, len(NUMBERS)))]
    return _message([str(number), *fields])


class Mutations:
    """Messages of the real client at one version, damaged in no, one or a few places.

    Half of them are what a trading client sends about contracts that exist; the rest is everything the client can send.
    """

    def __init__(self, version: int, contracts: Sequence[Contract]) -> None:
        names = [name for name in every_request() if name != "startApi"]
        self._rare = [_fields(written(name, version)) for name in names]
        self._usual = [_fields(text) for text in trading(version, contracts)]
        self._orders = 0

    def one(self, draw: Draw) -> bytes:
        """A good message with up to three things done to it."""
        pool = self._usual if draw.random() < 0.6 else self._rare
        fields = list(pool[int(draw.integers(0, len(pool)))])
        if fields[0] == "3" and draw.random() < 0.7:  # else most orders would end at an id that was used before
            self._orders += 1
            fields[1] = str(self._orders)
        for _ in range(int(draw.choice(_HOW_MANY))):
            _DAMAGE[int(draw.integers(0, len(_DAMAGE)))](fields, draw)
        whole = _message(fields)
        if draw.random() < 0.002:  # a flipped bit may hit the length too
            damaged = bytearray(whole)
            damaged[int(draw.integers(0, len(damaged)))] ^= 1 << int(draw.integers(0, 8))
            return bytes(damaged)
        return whole


_HOW_MANY = (0, 0, 1, 1, 1, 1, 2, 3)


def _fields(text: str) -> list[str]:
    return text.removesuffix("\0").split("\0")


def trading(version: int, contracts: Sequence[Contract]) -> list[str]:
    """What a client sends that trades these contracts: lines, details, history, orders of all kinds, cancels."""
    client = Recorder(version)
    for contract in contracts:
        for number in (5, 6):
            client.reqMktData(number, contract, "", False, False, [])
            client.reqMktData(number, contract, "", True, False, [])
            client.cancelMktData(number)
        client.reqContractDetails(7, contract)
        client.reqHistoricalData(8, contract, "", "5 D", "1 day", "TRADES", True, 1, False, [])
        client.reqHistoricalData(9, contract, "", "1 D", "5 mins", "MIDPOINT", True, 2, True, [])
        for order_id, order in enumerate(_orders(), start=1):
            client.placeOrder(order_id % 6 + 1, contract, order)
            client.cancelOrder(order_id % 6 + 1)
    return client.messages


def _orders() -> list[Order]:
    return [
        Order(action=action, totalQuantity=size, orderType=kind, lmtPrice=price, tif=tif, whatIf=what_if, orderRef="f")
        for action, size, price in (("BUY", 1, 900.0), ("SELL", 2, 0.05), ("BUY", 7, -12.35), ("BUY", 1, 1.0))
        for kind, tif, what_if in (("LMT", "DAY", False), ("MKT", "IOC", False), ("LMT", "GTC", True))
    ]


def _place(fields: list[str], draw: Draw) -> int:
    """A field behind the message's number."""
    return int(draw.integers(1, max(len(fields), 2)))


def _replace(fields: list[str], draw: Draw) -> None:
    place = min(_place(fields, draw), len(fields) - 1)
    if place > 0:
        fields[place] = WORDS[int(draw.integers(0, len(WORDS)))]


def _drop(fields: list[str], draw: Draw) -> None:
    if len(fields) > 1:
        del fields[min(_place(fields, draw), len(fields) - 1)]


def _insert(fields: list[str], draw: Draw) -> None:
    fields.insert(_place(fields, draw), WORDS[int(draw.integers(0, len(WORDS)))])


def _repeat(fields: list[str], draw: Draw) -> None:
    place = min(_place(fields, draw), len(fields) - 1)
    fields.insert(place, fields[place])


def _cut(fields: list[str], draw: Draw) -> None:
    del fields[_place(fields, draw) :]


def _swap(fields: list[str], draw: Draw) -> None:
    first, second = (min(_place(fields, draw), len(fields) - 1) for _ in range(2))
    if first and second:
        fields[first], fields[second] = fields[second], fields[first]


_DAMAGE: list[Callable[[list[str], Draw], None]] = [_replace, _replace, _replace, _drop, _insert, _repeat, _cut, _swap]


def _message(fields: list[str]) -> bytes:
    return frame("".join(f"{field}\0" for field in fields).encode("utf-8", errors="surrogatepass"))
