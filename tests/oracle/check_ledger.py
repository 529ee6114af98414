"""Judges a run by its ledger alone: caps over every subset of fills, naked shorts, doubled orders, cash to the cent.

`python tests/oracle/check_ledger.py LEDGER` prints what was reached and every violation; exit 0 when there is none.
The worst case is brute force over fill subsets and settlement levels, and knows nothing of the gate's own arithmetic.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __name__ != "__main__":
    from tests.oracle.ledger import Line, Truth, WireOrder, lines
    from tests.oracle.worst_case import Contract, Held, Working, group_worst_usd, naked_shorts
else:  # as a command: its neighbours lie beside it, and an installed library calls its own package `tests`
    from ledger import Truth, lines
    from worst_case import Contract, Held, Working, group_worst_usd, naked_shorts

_JUDGED = frozenset({"place", "modify", "state", "cancel", "global_cancel", "settle", "reject"})
"""After these lines positions and orders are consistent; between the legs of one execution they are not."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard caps; percent of net liquidation, units, condors, dollars per contract.

    `hedge_*` are those of everything in VIX products together, which is no condor and can only lose what was paid.
    """

    condor_loss_pct: float = 3.0
    all_condors_loss_pct: float = 15.0
    order_quantity: int = 5
    open_condors: int = 3
    condors_per_expiry: int = 1
    fee_usd_per_contract: float = 2.0
    hedge_quantity: int = 20
    hedge_loss_pct: float = 6.0


@dataclass(slots=True)
class Judgement:
    """What was found: violations in words, and how near each cap the run came."""

    violations: list[str] = field(default_factory=list)
    reached: dict[str, float] = field(default_factory=dict)
    orders: int = 0
    executions: int = 0
    instants: int = 0

    def note(self, what: str, value: float) -> None:
        """Keeps the largest value seen."""
        self.reached[what] = max(self.reached.get(what, 0.0), value)

    def as_dict(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "violations": self.violations,
            "reached": {name: round(value, 4) for name, value in self.reached.items()},
            "orders": self.orders,
            "executions": self.executions,
            "instants": self.instants,
        }


def owner(order_ref: str) -> str:
    """The condor an order reference belongs to (`ID.purpose.count`); a foreign order is its own group."""
    head, _, _ = order_ref.rpartition(".")
    return head.rpartition(".")[0] or order_ref or "foreign"


HEDGE = "hedge"
_HEDGE_CLASSES = frozenset({"VIX", "VIXW", "VXM"})


class _Group:
    """What one condor holds and has paid, from executions, commissions and settlements."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.cash = 0.0


class Judge:
    """Feeds a ledger through the truth and checks every instant."""

    def __init__(self, caps: Caps, nlv_usd: float | None = None) -> None:
        """`nlv_usd` None takes net liquidation from the ledger's own account lines."""
        self._caps = caps
        self._fixed_nlv = nlv_usd
        self._truth = Truth()
        self._groups: dict[str, _Group] = {}
        self._owner_of_exec: dict[str, str] = {}
        self._worst: dict[str, float] = {}
        self._refs: dict[str, int] = {}
        self.found = Judgement()

    def run(self, source: Iterable[Line]) -> Judgement:
        """The judgement over all lines."""
        for line in source:
            self._truth.feed(line)
            self._fold(line)
            if line["kind"] in _JUDGED:
                self._weigh(line)
                self._structure(line)
            if line["kind"] in _JUDGED or line["kind"] == "account":
                self._money(line)
        self._final()
        return self.found

    # fold ----------------------------------------------------------------------------------------
    def _fold(self, line: Line) -> None:
        kind = line["kind"]
        if kind == "fill":
            execution = self._truth.executions[line["exec_id"]]
            name = self._name(execution.order_ref, {execution.con_id})
            group = self._groups.setdefault(name, _Group())
            group.held[execution.con_id] = group.held.get(execution.con_id, 0) + execution.signed
            group.cash += execution.cash
            self._owner_of_exec[execution.exec_id] = name
        elif kind == "commission" and line["exec_id"] in self._owner_of_exec:
            self._groups[self._owner_of_exec[line["exec_id"]]].cash -= float(line["amount"])
        elif kind == "settle":
            self._settle(line)
        elif kind == "place" and not line["what_if"]:
            self._count(line)

    def _settle(self, line: Line) -> None:
        con_id, left = line["contract"]["con_id"], int(line["quantity"])
        per_contract = float(line["cash"]) / left if left else 0.0
        for group in self._groups.values():
            mine = group.held.get(con_id, 0)
            if mine * left > 0:
                part = min(abs(mine), abs(left)) * (1 if left > 0 else -1)
                group.held[con_id] = mine - part
                group.cash += part * per_contract
                left -= part
        if left:
            self._say(line, f"{left} contracts of {con_id} were settled that no order brought")

    def _name(self, order_ref: str, con_ids: Iterable[int]) -> str:
        """Which group an order belongs to: what trades VIX products is the hedge, the rest is by its reference."""
        classes = {str(self._truth.contracts[con_id]["trading_class"]) for con_id in con_ids}
        return HEDGE if classes and classes <= _HEDGE_CLASSES else owner(order_ref)

    def _of(self, order: WireOrder) -> str:
        return self._name(order.order_ref, order.unit)

    def _count(self, line: Line) -> None:
        ref = line["order_ref"]
        if ref in self._refs:
            self._say(line, f"order {ref} was sent twice, first in line {self._refs[ref]}")
        self._refs.setdefault(ref, line["seq"])
        self.found.orders += 1

    # checks --------------------------------------------------------------------------------------
    def _structure(self, line: Line) -> None:
        """Sizes, numbers of condors, expiries, naked shorts, legs in ratio."""
        caps, truth = self._caps, self._truth
        self.found.instants += 1
        live = truth.live()
        for order in live:
            hedges = self._of(order) == HEDGE
            cap = caps.hedge_quantity if hedges else caps.order_quantity
            self.found.note("hedge_quantity" if hedges else "order_quantity", order.quantity)
            if order.quantity > cap:
                self._say(line, f"order {order.order_ref} is for {order.quantity} units, cap {cap}")
        for order in truth.orders:
            if not order.balanced and line["kind"] != "fill":
                self._say(line, f"order {order.order_ref} filled out of ratio: {order.by_leg}")
        active = {n for n, g in self._groups.items() if any(g.held.values())} | {self._of(o) for o in live}
        active -= {HEDGE}
        self.found.note("open_condors", len(active))
        if len(active) > caps.open_condors:
            self._say(line, f"{len(active)} condors open or working, cap {caps.open_condors}: {sorted(active)}")
        by_expiry: dict[str, set[str]] = {}
        for name in active:
            for expiry in self._expiries(name, live):
                by_expiry.setdefault(expiry, set()).add(name)
        for expiry, names in by_expiry.items():
            self.found.note("condors_per_expiry", len(names))
            if len(names) > caps.condors_per_expiry:
                self._say(line, f"{len(names)} condors expire on {expiry}: {sorted(names)}")

    def _expiries(self, name: str, live: list[WireOrder]) -> set[str]:
        con_ids = {c for c, q in self._groups.get(name, _Group()).held.items() if q}
        con_ids |= {c for o in live if self._of(o) == name for c in o.unit}
        return {str(self._truth.contracts[c]["expiry"]) for c in con_ids}

    def _weigh(self, line: Line) -> None:
        """Worst loss of each group from its first trade to its last settlement, over every subset of fills."""
        live = [order for order in self._truth.live() if order.remaining > 0]
        names = {name for name, group in self._groups.items() if any(group.held.values())}
        self._worst = {}
        for name in sorted(names | {self._of(order) for order in live}):
            group = self._groups.get(name, _Group())
            held = [Held(name, con_id, quantity, 0.0) for con_id, quantity in group.held.items() if quantity]
            working = [self._working(name, order) for order in live if self._of(order) == name]
            contracts = self._contracts({h.con_id for h in held} | {c for w in working for c, _ in w.legs})
            worst = group_worst_usd(contracts, held, working) - group.cash
            naked = naked_shorts(contracts, held, working)
            self.found.note("naked_shorts", naked)
            if naked:
                self._say(line, f"{name}: {naked} short contracts could stand without a long")
            if math.isinf(worst):
                self._say(line, f"{name}: the loss has no bound")
            self._worst[name] = worst

    def _working(self, name: str, order: WireOrder) -> Working:
        unit = tuple(order.unit.items())
        fee = self._caps.fee_usd_per_contract * sum(abs(quantity) for _, quantity in unit)
        return Working(name, unit, order.remaining, order.pays_points, fee)

    def _contracts(self, con_ids: set[int]) -> dict[int, Contract]:
        found: dict[int, Contract] = {}
        for con_id in con_ids:
            facts = self._truth.contracts[con_id]
            name = f"{facts['trading_class']} {facts['expiry']}"
            found[con_id] = Contract(
                name, float(facts["strike"] or 0.0), facts["right"] != "P", int(facts["multiplier"])
            )
        return found

    def _money(self, line: Line) -> None:
        nlv = self._nlv()
        if nlv is None or not self._worst:
            return
        for name, worst in self._worst.items():
            share = 100.0 * worst / nlv
            what = "hedge_loss_pct" if name == HEDGE else "condor_loss_pct"
            cap = self._caps.hedge_loss_pct if name == HEDGE else self._caps.condor_loss_pct
            self.found.note(what, share)
            if share > cap + 1e-9:
                self._say(line, f"{name} could lose {share:.3f} % of {nlv:,.0f}, cap {cap:g} %")
        total = 100.0 * sum(max(0.0, worst) for name, worst in self._worst.items() if name != HEDGE) / nlv
        self.found.note("all_condors_loss_pct", total)
        if total > self._caps.all_condors_loss_pct + 1e-9:
            self._say(line, f"all condors could lose {total:.3f} %, cap {self._caps.all_condors_loss_pct:g} %")

    def _nlv(self) -> float | None:
        if self._fixed_nlv is not None:
            return self._fixed_nlv
        told = [line["nlv"] for line in self._truth.accounts.values()]
        if told and None not in told:
            return float(sum(told))
        return self._truth.cash() or None

    def _final(self) -> None:
        truth = self._truth
        self.found.executions = len(truth.executions)
        for exec_id in truth.doubled:
            self.found.violations.append(f"execution {exec_id} stands twice in the ledger")
        held = {con_id: quantity for con_id, quantity in truth.told_positions.items() if quantity}
        settled = {line["contract"]["con_id"] for line in truth.settlements}
        if {c: q for c, q in held.items() if c not in settled} != truth.positions():
            self.found.violations.append(f"positions told {held} are not those of the executions {truth.positions()}")
        owed = len(truth.executions) - len(truth.commissions)
        if owed == 0 and truth.cash() != truth.cash_explained():
            self.found.violations.append(f"cash is {truth.cash():.2f}, its parts say {truth.cash_explained():.2f}")

    def _say(self, line: Line, text: str) -> None:
        self.found.violations.append(f"line {line['seq']} at {line['at']}: {text}")


def check(source: Iterable[Line], caps: Caps | None = None, nlv_usd: float | None = None) -> Judgement:
    """Judges the lines of a ledger."""
    return Judge(caps or Caps(), nlv_usd).run(source)


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 without violations, 1 with some."""
    parser = argparse.ArgumentParser(prog="check_ledger.py", description=__doc__)
    parser.add_argument("ledger", type=Path, help="file written by --ledger")
    parser.add_argument("--nlv", type=float, help="judge against this net liquidation in dollars, not the ledger's own")
    usual = Caps()
    parser.add_argument("--condor-pct", type=float, default=usual.condor_loss_pct)
    parser.add_argument("--all-pct", type=float, default=usual.all_condors_loss_pct)
    parser.add_argument("--quantity", type=int, default=usual.order_quantity)
    parser.add_argument("--open", type=int, default=usual.open_condors)
    options = parser.parse_args(arguments)
    caps = Caps(options.condor_pct, options.all_pct, options.quantity, options.open)
    found = check(lines(options.ledger), caps, options.nlv)
    sys.stdout.write(json.dumps(found.as_dict(), indent=1) + "\n")
    return 1 if found.violations else 0


if __name__ == "__main__":
    sys.exit(main())
