"""The reader's own books: orders, executions, settlements and condors, folded from facts and recorded outcomes.

Independent of the engine's: an execution counts once by its base id, a correction replaces it, and a settlement is
what an outcome recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from bot.report.facts import CondorFacts, Json, Trade
from strategies.condor.machine import Condor
from strategies.domain.book import Book, Fill, Settled, base_of, given_by_hand
from strategies.domain.hedge import HEDGE_OWNER, layer_of
from strategies.domain.instruments import Future, Instrument, Option, describe

ENDED = ("closed", "settled", "abandoned", "withdrawn")
OTHER = "other"
"""Holder of what no order of ours explains."""


def iso(at: datetime) -> str:
    """A moment as the report's JSON has it."""
    return at.isoformat()


def holder_of(owner: str | None, slot: int | None) -> str:
    """Who an execution belongs to in the report: a condor's id, a layer of the hedge, or `other`."""
    if owner is None or owner == "":
        return OTHER
    if owner != HEDGE_OWNER:
        return owner
    return OTHER if slot is None else layer_of(slot).value


class Books:
    """Everything bought, sold and settled so far."""

    def __init__(self) -> None:
        self.instruments: dict[int, Instrument] = {}
        self.orders: dict[str, Json] = {}
        self.condors: dict[str, CondorFacts] = {}
        self.fills: dict[str, Fill] = {}
        self.settlements: list[Settled] = []
        self.commissions: dict[str, float] = {}
        self._rows: dict[str, Json] = {}

    # from a checkpoint --------------------------------------------------------------------------
    def begin(self, book: Book, condors: Iterable[Condor], instruments: dict[int, Instrument]) -> None:
        """What was so when the checkpoint was written."""
        self.instruments.update(instruments)
        for record in book.orders.values():
            row = self.order(record.approved_at, msgspec.to_builtins(record.intent))
            row["state"] = record.state.value
            row["sent_at"] = None if record.sent_at is None else iso(record.sent_at)
        for key, usd in book.commissions_usd.items():  # by execution; states of earlier versions have the revision too
            self.commissions[key if key in book.fills else base_of(key)] = usd
        for fill in book.fills.values():
            self.fill(fill)
        for condor in condors:
            facts = self.condors.setdefault(condor.id, CondorFacts(condor.id))
            facts.states = [{"state": c.state.value, "at": iso(c.at)} for c in condor.history]
            facts.exit_rule = condor.exit_rule
        for settled in book.settlements:
            self.settle(settled)

    # orders -------------------------------------------------------------------------------------
    def order(self, at: datetime, intent: Json) -> Json:
        """Notes an approved order and what it says about its condor; returns its row."""
        row = {
            "ref": intent["ref"],
            "chain": intent["chain_ref"],
            "condor": intent["owner"],
            "purpose": intent["purpose"],
            "rule": intent["rule"],
            "text": intent["text"],
            "at": iso(at),
            "sent_at": None,
            "quantity": intent["quantity"],
            "limit_points": intent["limit_points"],
            "mid_points": intent["mid_points"],
            "natural_points": intent["natural_points"],
            "mid_at_send_points": None,
            "attempt": intent["attempt"],
            "legs": [{key: leg[key] for key in ("con_id", "ratio", "action", "slot")} for leg in intent["legs"]],
            "state": "approved",
            "states": [{"state": "approved", "at": iso(at)}],
        }
        self.orders[intent["ref"]] = row
        if intent["owner"] == HEDGE_OWNER:
            return row
        condor = self.condors.setdefault(intent["owner"], CondorFacts(intent["owner"]))
        if intent["purpose"] == "entry":
            self._legs(condor, intent)
        elif intent["purpose"] == "exit":
            condor.exit_rule = intent["rule"]
        return row

    def _legs(self, condor: CondorFacts, intent: Json) -> None:
        puts: list[float] = []
        for leg in intent["legs"]:
            instrument = self.instruments.get(leg["con_id"])
            name = describe(instrument) if instrument is not None else str(leg["con_id"])
            condor.legs[leg["con_id"]] = f"{leg['action']} {name}"
            if isinstance(instrument, Option):
                condor.expiry = instrument.expiry.isoformat()
                condor.multiplier = instrument.multiplier
                if not instrument.is_call:
                    puts.append(instrument.strike)
        if len(puts) == 2:
            condor.width_points = abs(puts[0] - puts[1])

    def slot_of(self, ref: str | None, con_id: int) -> int | None:
        """The hedge slot that a contract of an order belongs to."""
        order = self.orders.get(ref or "")
        legs: list[Json] = [] if order is None else order["legs"]
        return next((leg["slot"] for leg in legs if leg["con_id"] == con_id), None)

    # executions ---------------------------------------------------------------------------------
    def fill(self, fill: Fill) -> Json | None:
        """Books an execution; returns its row if it is new, None if it was known or replaces one that was."""
        known = self.fills.get(fill.base_id)
        if known is not None and known.revision >= fill.revision:
            return None
        if known is not None:
            self._book(known, -1)
            same = known.signed_quantity == fill.signed_quantity and given_by_hand(known.ref or "") is not None
            fill = msgspec.structs.replace(fill, ref=known.ref) if same and fill.ref is None else fill
        self.fills[fill.base_id] = fill
        self._book(fill, 1)
        instrument = self.instruments.get(fill.con_id)
        row = {
            "at": iso(fill.at),
            "ref": fill.ref,
            "exec_id": fill.exec_id,
            "side": fill.side.value,
            "quantity": fill.quantity,
            "price_points": fill.price_points,
            "contract": describe(instrument) if instrument is not None else str(fill.con_id),
            "con_id": fill.con_id,
        }
        if known is not None:
            self._rows[fill.base_id].update(row)
            return None
        self._rows[fill.base_id] = row
        condor = self._condor_of(fill)
        if condor is not None:
            condor.commission_usd += self.commissions.get(fill.base_id, 0.0)
        return row

    def _condor_of(self, fill: Fill) -> CondorFacts | None:
        return self.condors.get(self._owner_of(fill) or "")

    def _owner_of(self, fill: Fill) -> str | None:
        order = self.orders.get(fill.ref or "")
        return given_by_hand(fill.ref or "") if order is None else order["condor"]

    def _book(self, fill: Fill, sign: int) -> None:
        order = self.orders.get(fill.ref or "")
        if order is None:
            self._book_by_hand(fill, sign)
            return
        order["net_filled_points"] = order.get("net_filled_points", 0.0) - sign * fill.cash_usd / fill.multiplier
        contracts = order.setdefault("filled_contracts", {})
        contracts[fill.con_id] = contracts.get(fill.con_id, 0) + sign * fill.quantity
        order["filled_at"] = max(order.get("filled_at") or "", iso(fill.at))
        condor = self.condors.get(order["condor"])
        if condor is None:
            return
        condor.cash_usd += sign * fill.cash_usd
        condor.held[fill.con_id] = condor.held.get(fill.con_id, 0) + sign * fill.signed_quantity
        if order["purpose"] == "entry":
            condor.entry_cash_usd += sign * fill.cash_usd
            condor.entry_units = max(abs(q) for q in condor.held.values())

    def adopt(self, fill: Fill) -> None:
        """An execution of others that a person gave to a condor: its cash and contracts are the condor's from now."""
        known = self.fills.get(fill.base_id)
        if known is None or known.ref == fill.ref:
            return
        self.fills[fill.base_id] = fill
        self._rows[fill.base_id]["ref"] = fill.ref
        self._book_by_hand(fill, 1)
        condor = self._condor_of(fill)
        if condor is not None:
            condor.commission_usd += self.commissions.get(fill.base_id, 0.0)

    def _book_by_hand(self, fill: Fill, sign: int) -> None:
        condor = self._condor_of(fill)
        if condor is not None:
            condor.cash_usd += sign * fill.cash_usd
            condor.held[fill.con_id] = condor.held.get(fill.con_id, 0) + sign * fill.signed_quantity

    def commission(self, exec_id: str, usd: float) -> None:
        """Commissions are told again at every reconnect, and sometimes before their execution."""
        base = base_of(exec_id)
        before = self.commissions.get(base, 0.0)
        self.commissions[base] = usd
        fill = self.fills.get(base)
        condor = None if fill is None else self._condor_of(fill)
        if condor is not None:
            condor.commission_usd += usd - before

    def settle(self, settled: Settled) -> None:
        """A position became cash at expiry."""
        self.settlements.append(settled)
        condor = self.condors.get(settled.owner or "")
        if condor is not None:
            condor.cash_usd += settled.cash_usd
            condor.held[settled.con_id] = condor.held.get(settled.con_id, 0) - settled.quantity

    # what follows -------------------------------------------------------------------------------
    def positions(self) -> dict[int, int]:
        """Signed contracts per con id."""
        held: dict[int, int] = {}
        for fill in self.fills.values():
            held[fill.con_id] = held.get(fill.con_id, 0) + fill.signed_quantity
        for settled in self.settlements:
            held[settled.con_id] = held.get(settled.con_id, 0) - settled.quantity
        return {con_id: quantity for con_id, quantity in held.items() if quantity}

    def trades(self) -> list[Trade]:
        """Executions and settlements in the order in which they happened."""
        rows = []
        for base, fill in self.fills.items():
            slot = self.slot_of(fill.ref, fill.con_id)
            rows.append(
                Trade(
                    at=fill.at,
                    con_id=fill.con_id,
                    quantity=fill.signed_quantity,
                    price_points=fill.price_points,
                    multiplier=fill.multiplier,
                    commission_usd=self.commissions.get(base, 0.0),
                    holder=holder_of(self._owner_of(fill), slot),
                    slot=slot,
                    ref=fill.ref or "",
                    future=isinstance(self.instruments.get(fill.con_id), Future),
                )
            )
        rows += [
            Trade(s.at, s.con_id, -s.quantity, s.price_points, s.multiplier, 0.0, holder_of(s.owner, s.slot), s.slot,
                  "", settled=True)
            for s in self.settlements
        ]  # fmt: skip
        return sorted(rows, key=lambda trade: (trade.at, trade.ref, trade.con_id, trade.quantity))
