"""Judges the venue's ledger line by line: I2 caps over every subset of fills, I5 cover, I10 reducing, I22 other people.

Only the bot's own doing is judged: what an order of the bot adds at the moment it arrives. Trades of others, liquidated
legs and corrected executions change what is held, and no cap can forbid them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.campaign.found import Found
from tests.oracle.check_ledger import HEDGE, Caps, owner
from tests.oracle.ledger import Line, Truth, WireOrder
from tests.oracle.worst_case import Contract, Held, Working, group_worst_usd, naked_shorts

_HEDGE_CLASSES = frozenset({"VIX", "VIXW", "VXM"})
HEARD = timedelta(seconds=60)
"""After so long the bot has heard of what others did, if it hears anything."""
SLACK = 1.02
"""Net liquidation moves between the bot's last report and the venue's last account line."""


class LedgerJudge:
    """Feeds each line to the truth and weighs every order that arrives."""

    def __init__(self, found: Found, says: Callable[[], Any], caps: Caps | None = None) -> None:
        self._found = found
        self._says = says
        self._caps = caps or Caps()
        self.truth = Truth()
        self._held: dict[str, dict[int, int]] = {}
        self._cash: dict[str, float] = {}
        self._lowest_nlv: float | None = None
        self._others_traded: dict[int, datetime] = {}

    def hear(self, line: Line) -> None:
        """One line, in order."""
        kind = line["kind"]
        self._found.events[f"ledger {kind}"] += 1
        self.truth.feed(line)
        if kind == "fill":
            self._fill(line)
        elif kind == "commission":
            self._charge(line)
        elif kind == "account" and line["nlv"]:
            self._lowest_nlv = float(line["nlv"])
        elif kind == "place" and not line["what_if"]:
            self._arrived(self.truth.orders[-1], line)
        elif kind == "fault" and line.get("sprung") == "order lost":
            self._lost(line["arguments"])
        elif kind == "gateway_error":
            self._found.look("gateway", False, f"the gateway broke: {line['error']}")

    def _lost(self, named: dict[str, Any]) -> None:
        """The venue dropped an order without a word: it never was."""
        for order in reversed(self.truth.orders):
            if (order.client, order.order_id) == (named["client"], named["order_id"]) and order.status == "":
                order.status = "Lost"
                return

    # what is held --------------------------------------------------------------------------------
    def _group(self, ref: str, con_ids: set[int]) -> str:
        classes = {str(self.truth.contracts[con_id]["trading_class"]) for con_id in con_ids}
        return HEDGE if classes and classes <= _HEDGE_CLASSES else owner(ref)

    def _fill(self, line: Line) -> None:
        con_id = line["contract"]["con_id"]
        if not line["order_ref"]:
            self._others_traded.setdefault(con_id, datetime.fromisoformat(line["at"]))
            return
        name = self._group(line["order_ref"], {con_id})
        execution = self.truth.executions[line["exec_id"]]
        held = self._held.setdefault(name, {})
        if line.get("corrects") is None:
            held[con_id] = held.get(con_id, 0) + execution.signed
            self._cash[name] = self._cash.get(name, 0.0) + execution.cash
        else:
            self._refold(name)

    def _refold(self, name: str) -> None:
        """After a correction: the group anew from all executions."""
        held: dict[int, int] = {}
        cash = 0.0
        for one in self.truth.executions.values():
            if one.order_ref and self._group(one.order_ref, {one.con_id}) == name:
                held[one.con_id] = held.get(one.con_id, 0) + one.signed
                cash += one.cash
        self._held[name], self._cash[name] = held, cash

    def _charge(self, line: Line) -> None:
        execution = self.truth.executions.get(line["exec_id"])
        if execution is not None and execution.order_ref:
            name = self._group(execution.order_ref, {execution.con_id})
            self._cash[name] = self._cash.get(name, 0.0) - float(line["amount"])

    # an order arrives ----------------------------------------------------------------------------
    def _arrived(self, order: WireOrder, line: Line) -> None:
        name = self._group(order.order_ref, set(order.unit))
        hedges = name == HEDGE
        look, caps = self._found.look, self._caps
        most = caps.hedge_quantity if hedges else caps.order_quantity
        look("I2", 0 < order.quantity <= most, f"{order.order_ref} is for {order.quantity} units, cap {most}")
        others = [o for o in self.truth.live() if o is not order and o.remaining and self._of(o) == name]
        before, after = self._worst(name, others), self._worst(name, [*others, order])
        self._weigh(name, order, before, after)
        self._cover(name, order, others)
        if self._approved_while_reducing(order.order_ref):
            look(
                "I10",
                after <= before + 1.0,
                f"{order.order_ref} while reducing: worst case {before:.0f} -> {after:.0f}",
            )
        self._strangers(order)
        self._turned(name, order, line)

    def _approved_while_reducing(self, ref: str) -> bool:
        """An order that was on its way when the stop came is not judged by it; one that the bot does not know is."""
        state = self._says()
        if state.control.state.value != "reducing":
            return False
        since = min(latch.at for latch in state.control.latches)
        record = state.book.orders.get(ref)
        return record is None or record.approved_at >= since

    def _of(self, order: WireOrder) -> str:
        return self._group(order.order_ref, set(order.unit))

    def _weigh(self, name: str, order: WireOrder, before: float, after: float) -> None:
        """An order that adds to the worst case must leave it under the cap."""
        adds = after > before + 1.0
        nlv = self._lowest_nlv
        if not adds or nlv is None:
            self._found.look("I2", True)
            return
        cap = self._caps.hedge_loss_pct if name == HEDGE else self._caps.condor_loss_pct
        share = 100.0 * after / nlv
        self._found.look("I2", share <= cap * SLACK, f"{order.order_ref}: {name} could lose {share:.2f} %, cap {cap} %")
        if name == HEDGE:
            return
        live = [o for o in self.truth.live() if o.remaining and o.order_ref]
        names = {n for n, held in self._held.items() if any(held.values())} | {self._of(o) for o in live}
        names -= {HEDGE}
        look = self._found.look
        look("I2", len(names) <= self._caps.open_condors, f"{order.order_ref}: {len(names)} condors, {sorted(names)}")
        total = sum(max(0.0, self._worst(n, [o for o in live if self._of(o) == n])) for n in names)
        share, cap = 100.0 * total / nlv, self._caps.all_condors_loss_pct
        look("I2", share <= cap * SLACK, f"{order.order_ref}: all condors could lose {share:.2f} %, cap {cap} %")

    def _cover(self, name: str, order: WireOrder, others: list[WireOrder]) -> None:
        """I5: an order of ours never makes a short that no long covers, whatever fills."""
        held = [Held(name, con_id, quantity, 0.0) for con_id, quantity in self._held.get(name, {}).items() if quantity]
        working = [self._working(name, o) for o in others]
        now = naked_shorts(self._contracts(held, working), held, working)
        more = [*working, self._working(name, order)]
        then = naked_shorts(self._contracts(held, more), held, more)
        self._found.look("I5", then <= now, f"{order.order_ref}: {then} uncovered shorts possible, {now} without it")

    def _strangers(self, order: WireOrder) -> None:
        """I22: the bot trades what it holds or opens; a contract that only others brought it leaves alone."""
        mine = {c for held in self._held.values() for c, q in held.items() if q}
        opening = order.order_ref.split(".")[1:2] in (["entry"], ["open"])
        foreign = {c for c, q in self.truth.positions().items() if q} - mine
        touched = set(order.unit) & foreign
        self._found.look("I22", opening or not touched, f"{order.order_ref} trades {touched}, which is not the bot's")

    def _turned(self, name: str, order: WireOrder, line: Line) -> None:
        """I22: what others closed for the bot it does not close again, once it had time to hear of it: that would turn
        the position round."""
        at = datetime.fromisoformat(line["at"])
        for con_id, units in order.unit.items():
            own, change = self._held.get(name, {}).get(con_id, 0), units * order.quantity
            since = self._others_traded.get(con_id)
            if since is None or at - since < HEARD or own * change >= 0:
                continue
            elsewhere = sum(held.get(con_id, 0) for other, held in self._held.items() if other != name)
            left = self.truth.positions().get(con_id, 0) - elsewhere
            holds = left * change < 0 and abs(change) <= abs(left)
            words = f"{order.order_ref} trades {change:+d} of {con_id}, of which others left {left:+d} for {name}"
            self._found.look("I22", holds, words)

    # arithmetic ----------------------------------------------------------------------------------
    def _worst(self, name: str, orders: list[WireOrder]) -> float:
        held = [Held(name, con_id, quantity, 0.0) for con_id, quantity in self._held.get(name, {}).items() if quantity]
        working = [self._working(name, order) for order in orders]
        if not held and not working:
            return -self._cash.get(name, 0.0)
        worst = group_worst_usd(self._contracts(held, working), held, working) - self._cash.get(name, 0.0)
        return worst if math.isfinite(worst) else math.inf

    def _working(self, name: str, order: WireOrder) -> Working:
        unit = tuple(order.unit.items())
        fee = self._caps.fee_usd_per_contract * sum(abs(quantity) for _, quantity in unit)
        return Working(name, unit, order.remaining, order.pays_points, fee)

    def _contracts(self, held: list[Held], working: list[Working]) -> dict[int, Contract]:
        found: dict[int, Contract] = {}
        for con_id in {h.con_id for h in held} | {c for w in working for c, _ in w.legs}:
            facts = self.truth.contracts[con_id]
            name = f"{facts['trading_class']} {facts['expiry']}"
            found[con_id] = Contract(
                name, float(facts["strike"] or 0.0), facts["right"] != "P", int(facts["multiplier"])
            )
        return found
