"""What a ledger says was true: orders on the wire, executions, positions, live orders and cash, line by line.

Written from the ledger's documented fields alone; it shares no reducer with the bot and none with the venue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Line = dict[str, Any]

LIVE = frozenset({"", "PendingSubmit", "ApiPending", "PreSubmitted", "Submitted", "PendingCancel"})
"""Statuses of an order that may still trade; empty before the venue has answered at all."""


OUTSIDE = frozenset({"deposit", "withdrawal", "interest", "fee"})
"""Reasons of cash that moves without a trade."""


class Execution(NamedTuple):
    """One leg's execution. `quantity` is positive, `side` BUY or SELL, `price` points per share; `variation` the
    dollars that a future moved."""

    exec_id: str
    order_ref: str
    con_id: int
    side: str
    quantity: int
    price: float
    multiplier: int
    variation: float | None = None

    @property
    def signed(self) -> int:
        """Contracts, bought positive."""
        return self.quantity if self.side == "BUY" else -self.quantity

    @property
    def cash(self) -> float:
        """Dollars received (positive) or paid; a future moves its variation only."""
        return -self.signed * self.price * self.multiplier if self.variation is None else self.variation


class WireOrder:
    """An order message as it arrived, and what became of it."""

    def __init__(self, line: Line) -> None:
        self.seq = int(line["seq"])
        self.at = str(line["at"])
        self.client = int(line["client"])
        self.order_id = int(line["order_id"])
        self.order_ref = str(line["order_ref"])
        self.perm_id = int(line["perm_id"])
        self.status = ""
        self.filled = 0
        self.by_leg: dict[int, int] = {}
        self.take_terms(line)

    def take_terms(self, line: Line) -> None:
        """Quantity, limit and legs of a new or changed order."""
        self.quantity = int(line["quantity"])
        self.limit = line["limit"]
        self.action = str(line["action"])
        self.legs: list[Line] = list(line["legs"])

    @property
    def live(self) -> bool:
        """Whether it may still trade."""
        return self.status in LIVE

    @property
    def remaining(self) -> int:
        """Units that may still fill."""
        return self.quantity - self.filled if self.live else 0

    @property
    def unit(self) -> dict[int, int]:
        """Signed contracts per con id that one unit brings."""
        sign = 1 if self.action == "BUY" else -1
        found: dict[int, int] = {}
        for leg in self.legs:
            signed = sign * (1 if leg.get("action", "BUY") == "BUY" else -1) * int(leg.get("ratio", 1))
            found[leg["con_id"]] = found.get(leg["con_id"], 0) + signed
        return found

    @property
    def pays_points(self) -> float:
        """The most one unit may cost in points, negative for a credit."""
        if self.limit is None:
            return float("inf")
        return float(self.limit) if self.action == "BUY" else -float(self.limit)

    @property
    def balanced(self) -> bool:
        """Whether its executions are the filled units in the legs' ratio."""
        return self.by_leg == {con_id: q * self.filled for con_id, q in self.unit.items() if q * self.filled}


class Truth:
    """The fold of a ledger. Feed lines in order; every attribute is as of the last line."""

    def __init__(self) -> None:
        self.orders: list[WireOrder] = []
        self.contracts: dict[int, Line] = {}
        self.executions: dict[str, Execution] = {}
        self.commissions: dict[str, float] = {}
        self.settlements: list[Line] = []
        self.variations: list[Line] = []
        self.transfers: list[Line] = []
        self.cash_moves: list[Line] = []
        self.accounts: dict[str, Line] = {}
        self.told_positions: dict[int, int] = {}
        self.cancels: list[Line] = []
        self.doubled: list[str] = []
        self.seq = -1

    def feed(self, line: Line) -> None:
        """Takes one line. Raises ValueError for a gap: a ledger with a hole proves nothing."""
        if line["seq"] != self.seq + 1:
            raise ValueError(f"the ledger jumps from line {self.seq} to {line['seq']}")
        self.seq = line["seq"]
        handler = getattr(self, f"_{line['kind']}", None)
        if handler is not None:
            handler(line)

    # what follows --------------------------------------------------------------------------------
    def positions(self) -> dict[int, int]:
        """Signed contracts per con id from executions, transfers and settlements."""
        held: dict[int, int] = {}
        for line in self.transfers:
            con_id = line["contract"]["con_id"]
            held[con_id] = held.get(con_id, 0) + int(line["quantity"])
        for execution in self.executions.values():
            held[execution.con_id] = held.get(execution.con_id, 0) + execution.signed
        for line in self.settlements:
            con_id = line["contract"]["con_id"]
            held[con_id] = held.get(con_id, 0) - int(line["quantity"])
        return {con_id: quantity for con_id, quantity in held.items() if quantity}

    def live(self) -> list[WireOrder]:
        """Orders that may still trade, oldest first."""
        return [order for order in self.orders if order.live]

    def cash(self) -> float:
        """The sum of all cash movements in dollars."""
        return round(sum(float(line["amount"]) for line in self.cash_moves), 2)

    def cash_explained(self) -> float:
        """Movements without a trade, fills, commissions and settlements, added up from their own lines."""
        deposits = sum(float(x["amount"]) for x in self.cash_moves if x["reason"] in OUTSIDE)
        fills = sum(execution.cash for execution in self.executions.values())
        settled = sum(float(line["cash"]) for line in [*self.settlements, *self.variations])
        return round(deposits + fills + settled - sum(self.commissions.values()), 2)

    # lines ---------------------------------------------------------------------------------------
    def _place(self, line: Line) -> None:
        self._learn(line["legs"])
        if not line["what_if"]:
            self.orders.append(WireOrder(line))

    def _modify(self, line: Line) -> None:
        self._learn(line["legs"])
        order = self._order(line)
        if order is not None:
            order.take_terms(line)

    def _reject(self, line: Line) -> None:
        order = self._order(line)
        if order is not None and order.status == "":
            order.status = "Rejected"

    def _cancel(self, line: Line) -> None:
        self.cancels.append(line)

    _global_cancel = _cancel

    def _state(self, line: Line) -> None:
        order = self._order(line)
        if order is None:
            raise ValueError(f"line {line['seq']}: a state of an order that nobody sent: {line}")
        order.perm_id = line["perm_id"]
        order.status = line["status"]
        order.filled = int(line["filled"])

    def _fill(self, line: Line) -> None:
        contract = line["contract"]
        self._learn([contract])
        execution = Execution(
            line["exec_id"],
            line["order_ref"],
            contract["con_id"],
            line["side"],
            int(line["quantity"]),
            float(line["price"]),
            int(contract["multiplier"] or 1),
            float(line["cash"]) if contract["sec_type"] == "FUT" else None,
        )
        if execution.exec_id in self.executions:
            self.doubled.append(execution.exec_id)
        replaced = self.executions.pop(line.get("corrects") or "", None)
        if replaced is not None:
            self.commissions.pop(replaced.exec_id, None)
        self.executions[execution.exec_id] = execution
        change = execution.signed - (replaced.signed if replaced is not None else 0)
        for order in self.orders:
            if order.perm_id == line["perm_id"]:
                order.by_leg[execution.con_id] = order.by_leg.get(execution.con_id, 0) + change

    def _commission(self, line: Line) -> None:
        self.commissions[line["exec_id"]] = float(line["amount"])

    def _settle(self, line: Line) -> None:
        self._learn([line["contract"]])
        self.settlements.append(line)

    def _transfer(self, line: Line) -> None:
        self._learn([line["contract"]])
        self.transfers.append(line)

    def _variation(self, line: Line) -> None:
        self.variations.append(line)

    def _cash(self, line: Line) -> None:
        self.cash_moves.append(line)

    def _account(self, line: Line) -> None:
        self.accounts[line["account"]] = line

    def _position(self, line: Line) -> None:
        self.told_positions[line["contract"]["con_id"]] = int(line["quantity"])

    def _learn(self, contracts: Iterable[Line]) -> None:
        for contract in contracts:
            self.contracts[contract["con_id"]] = contract

    def _order(self, line: Line) -> WireOrder | None:
        """By perm id once there is one, before that by the client's own number, newest first."""
        for order in reversed(self.orders):
            if order.perm_id and order.perm_id == line.get("perm_id"):
                return order
            same = order.client == line.get("client") and order.order_id == line.get("order_id")
            if same and not order.perm_id:
                return order
        return None


def lines(path: Path) -> Iterator[Line]:
    """The complete lines of a ledger file, oldest first; a line still being written is not there yet.

    A file that several runs were appended to gives the last one: each counts from 0.
    """
    with path.open(encoding="utf-8") as file:
        texts = [text for text in file if text.endswith("\n")]
    starts = [place for place, text in enumerate(texts) if text.startswith('{"seq":0,')]
    yield from map(json.loads, texts[starts[-1] if starts else 0 :])


def read(path: Path) -> Truth:
    """The whole ledger, folded."""
    truth = Truth()
    for line in lines(path):
        truth.feed(line)
    return truth
