"""Is this an order at all: its reference, its numbers, its instruments. Everything else relies on these."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from risk.case import Case
from risk.limits import Limits, Listing, Use
from risk.result import Finding, finding
from strategies.domain.hedge import SLOTS
from strategies.domain.instruments import Option
from strategies.domain.orders import Action, Purpose
from strategies.domain.same import Same

REF_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{2,63}")
MAX_LEGS = 8

_PURPOSES, _ACTIONS = tuple(Purpose), tuple(Action)


def reference(case: Case) -> Finding:
    """C01: a reference of ours that was never used before; one approval per reference, ever."""
    ref = case.intent.ref
    if not _text(ref) or not REF_SHAPE.fullmatch(ref):
        text = f"order reference {ref!r} must be 3 to 64 letters, digits or . _ : / -, beginning with a letter or digit"
        return finding(False, repr(ref), None, "reference", text)
    if ref in case.view.book.orders:
        return finding(False, ref, None, "reference", f"{ref} was approved before; a new attempt needs a new reference")
    for lost in case.view.book.lost_refs:
        if lost == ref or (not case.hedge and lost.startswith(f"{case.intent.owner}.")):
            text = (
                f"the broker knows {lost}, which this journal has lost (a backup?): nothing new may be called like it"
            )
            return finding(False, lost, None, "reference", text)
    return finding(True, ref, None, "reference", f"{ref} is new")


def well_formed(case: Case) -> Finding:
    """C13: whole quantities, distinct legs, a finite limit; order type LMT and validity DAY hold by construction."""
    fault = _fault(case)
    text = fault or f"{case.intent.quantity} x {len(case.intent.legs)} legs, LMT, DAY"
    return finding(not fault, fault or "LMT DAY", "LMT DAY", "order shape", text)


def _fault(case: Case) -> str:
    intent = case.intent
    if not (_text(intent.owner) and _text(intent.chain_ref)):
        return "the order names no owner or no chain"
    if intent.purpose not in _PURPOSES:
        return f"{intent.purpose!r} is no purpose of an order"
    if not 1 <= len(intent.legs) <= MAX_LEGS:
        return f"an order has 1 to {MAX_LEGS} legs, this one {len(intent.legs)}"
    for name, number in (("quantity", intent.quantity), ("attempt", intent.attempt)):
        if not _counts(number):
            return f"{name} is {number!r}, it must be a whole number above zero"
    if not all(isinstance(leg.con_id, int) for leg in intent.legs):
        return "a leg names no contract"
    if len({leg.con_id for leg in intent.legs}) != len(intent.legs):
        return "two legs name the same contract"
    for leg in intent.legs:
        if not _counts(leg.ratio) or leg.action not in _ACTIONS:
            return f"leg {leg.con_id}: {leg.action!r} x {leg.ratio!r} is no direction with a ratio above zero"
    if not _finite(intent.limit_points):
        return f"the limit is {intent.limit_points!r}, it must be a finite number of points"
    return _slot_fault(case)


def _slot_fault(case: Case) -> str:
    """Hedge legs name one of the ten slots, others name none."""
    for leg in case.intent.legs:
        if case.hedge and (isinstance(leg.slot, bool) or leg.slot not in SLOTS):
            return f"leg {leg.con_id} of the hedge names slot {leg.slot!r}, there are slots 1 to {SLOTS[-1]}"
        if not case.hedge and leg.slot is not None:
            return f"leg {leg.con_id} names hedge slot {leg.slot!r} in an order that is none of the hedge"
    return ""


def _counts(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 1_000_000


def _finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def whitelisted(case: Case) -> Finding:
    """C02: every leg's details match in every field one row of the whitelist that is open to this kind of owner."""
    use = Use.HEDGE if case.hedge else Use.CONDOR
    rows, allowed = _open_to(Same(case.limits), use)
    for leg in case.intent.legs:
        contract = case.view.market.tradable(leg.con_id) if _finite(leg.con_id) else None
        if contract is None:
            text = f"contract {leg.con_id} has no loaded details to trade by; a {use.value} may trade {allowed}"
            return finding(False, str(leg.con_id), allowed, "trading class", text)
        match = any(
            (row.symbol, row.trading_class, row.currency, row.multiplier)
            == (contract.symbol, contract.trading_class, contract.currency, contract.multiplier)
            and contract.exchange in row.exchanges
            for row in rows
        )
        if not match:
            found = (
                f"{contract.symbol}/{contract.trading_class} {contract.exchange} {contract.currency} "
                f"x{contract.multiplier}"
            )
            text = f"{found} is not on the whitelist of a {use.value} ({allowed})"
            return finding(False, found, allowed, "trading class", text)
        if isinstance(contract, Option) and not (math.isfinite(contract.strike) and contract.strike > 0.0):
            text = f"contract {leg.con_id} has the strike {contract.strike!r}"
            return finding(False, str(leg.con_id), allowed, "trading class", text)
    return finding(True, allowed, allowed, "trading class", f"all legs are whitelisted for a {use.value} ({allowed})")


@lru_cache(maxsize=8)
def _open_to(seen: Same[Limits], use: Use) -> tuple[list[Listing], str]:
    """The rows of the whitelist that are open to this kind of owner, and their classes in words."""
    rows = [row for row in seen.value.whitelist if use in row.uses]
    return rows, ", ".join(sorted({row.trading_class for row in rows}))


def quantity(case: Case) -> Finding:
    """C03: contracts per leg of one order."""
    limits = case.limits
    cap = limits.order_quantity_hedge if case.hedge else limits.order_quantity_condors
    ratio = max((leg.ratio for leg in case.intent.legs), default=1)
    contracts = case.intent.quantity * ratio
    text = f"{contracts} contracts per leg, allowed are {cap} per order"
    return finding(contracts <= cap, contracts, cap, "contracts", text)
