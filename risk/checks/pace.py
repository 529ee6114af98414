"""Too many, too fast, twice the same: order rates, repricing and duplicates, counted from approvals in the book."""

from __future__ import annotations

from risk.case import Case
from risk.measures import approvals_today, approvals_within
from risk.result import Finding, finding
from strategies.domain.orders import OrderRecord, PlaceIntent

TINY = 1e-6

Legs = frozenset[tuple[int, int]]
"""Contracts with their signed ratio."""


def burst(case: Case) -> Finding:
    """C24: new risk per second."""
    seen, cap = approvals_within(case.view, 1.0, hedge=case.hedge), case.limits.orders_per_second
    text = f"{seen} orders approved in the last second, allowed {cap}"
    return finding(seen < cap, seen, cap, "orders per second", text)


def order_rate(case: Case) -> Finding:
    """C25: orders per minute and day, reprices per chain; the hedge's orders and reducing ones have allowances of their
    own, so that neither uses up what the other may need on a bad day."""
    limits, view = case.limits, case.view
    per_minute, per_day = _allowances(case)
    reprices = max(case.intent.attempt - 1, _attempts(case))
    if reprices > limits.reprices_per_order:
        text = f"attempt {reprices + 1} of {case.intent.chain_ref}, allowed are {limits.reprices_per_order} reprices"
        return finding(False, reprices, limits.reprices_per_order, "reprices", text)
    minute, day = approvals_within(view, 60.0, hedge=case.hedge), approvals_today(view, hedge=case.hedge)
    if day >= per_day:
        return finding(False, day, per_day, "orders per day", f"{day} orders approved today, allowed {per_day}")
    text = f"{minute} orders approved in the last minute, allowed {per_minute}; {day} today, allowed {per_day}"
    return finding(minute < per_minute, minute, per_minute, "orders per minute", text)


def _allowances(case: Case) -> tuple[int, int]:
    """Orders a minute and a day."""
    limits = case.limits
    if case.hedge:
        return limits.hedge_orders_per_minute, limits.hedge_orders_per_day
    if case.reducing:
        return limits.reducing_orders_per_minute, limits.reducing_orders_per_day
    return limits.orders_per_minute, limits.orders_per_day


def _attempts(case: Case) -> int:
    return sum(order.intent.chain_ref == case.intent.chain_ref for order in case.view.book.orders.values())


def duplicate(case: Case) -> Finding:
    """C27: the same legs working already, the same attempt again, or the same order again within the window."""
    legs = _legs(case.intent)
    for order in case.view.book.orders.values():
        reason = _same(case, legs, order)
        if reason:
            return finding(False, order.ref, None, "reference", f"{reason} {order.ref} ({order.state.value})")
    return finding(True, None, None, "reference", "no like order is working or was just sent")


def _same(case: Case, legs: Legs, order: OrderRecord) -> str:
    """Legs are compared last: nearly every order of a book is over, and long ago."""
    mine, theirs = case.intent, order.intent
    chain = mine.chain_ref == theirs.chain_ref
    if chain and mine.attempt <= theirs.attempt:
        return f"attempt {mine.attempt} of {mine.chain_ref} follows attempt {theirs.attempt} in"
    if order.live:
        return "the same legs are working in" if legs == _legs(theirs) else ""
    if chain or case.reducing or mine.quantity != theirs.quantity:
        return ""
    age_s = (case.view.now - order.approved_at).total_seconds()
    near = case.limits.duplicate_ticks * case.limits.combo_tick_points + TINY
    if age_s >= case.limits.duplicate_window_s or not abs(mine.limit_points - theirs.limit_points) <= near:
        return ""
    return f"{age_s:.0f} s ago the same was approved as" if legs == _legs(theirs) else ""


def _legs(intent: PlaceIntent) -> Legs:
    return frozenset((leg.con_id, leg.action.sign * leg.ratio) for leg in intent.legs)
