"""What is open and what a flattening does, as plain values and words for status, `arm` and `flatten`."""

from __future__ import annotations

from typing import Any

from bot.engine.holdings import holdings
from bot.engine.state import State
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.instruments import describe as name_of


def describe(state: State) -> dict[str, Any]:
    """Live orders, what the hedge's slots hold, contracts of others, and the flattening if there is one."""
    flatten = state.flatten
    rows = [row for row in holdings(state.book) if row.quantity]
    return {
        "orders": [
            {"ref": o.ref, "state": o.state.value, "limit_points": o.intent.limit_points, "units": o.intent.quantity}
            for o in state.book.live_orders()
        ],
        "hedge": [
            {"slot": slot_name(row.slot), "contract": _name(state, row.con_id), "quantity": row.quantity}
            for row in rows
            if row.owner == HEDGE_OWNER and row.slot is not None
        ],
        "others": [
            {"contract": _name(state, row.con_id), "quantity": row.quantity} for row in rows if row.owner is None
        ],
        "flatten": None if flatten is None else {
            "phase": flatten.phase.value, "text": flatten.text, "who": flatten.who, "reason": flatten.reason,
            "asked_at": flatten.asked_at.isoformat(),
        },
    }  # fmt: skip


def _name(state: State, con_id: int) -> str:
    contract = state.market.tradable(con_id)
    return f"contract {con_id}" if contract is None else name_of(contract)


def flatten_line(flatten: dict[str, Any] | None) -> list[str]:
    """Where the flattening stands; nothing without one."""
    if not flatten:
        return []
    by = f"by {flatten['who']} since {flatten['asked_at'][:16]}Z"
    return [f"flatten {flatten['phase'].upper()} {by}: {flatten['text'] or flatten['reason']}"]


def exposure_lines(status: dict[str, Any]) -> list[str]:
    """Condors, hedge, working orders and contracts of others from the values of the status file."""
    found = [
        f"  condor {c['id']} x{c['quantity']}, expires {c['expiry']}, {c['state']}"
        + ("" if c.get("worst_loss_usd") is None else f", can lose {c['worst_loss_usd']:,.0f} USD")
        for c in status.get("condors", ())
    ]
    standing = status.get("open") or {}
    found += [f"  hedge  {h['slot']} {h['quantity']:+d} {h['contract']}" for h in standing.get("hedge", ())]
    found += [
        f"  order  {o['ref']} {o['state']}, {o['units']} at {o['limit_points']:g}" for o in standing.get("orders", ())
    ]
    found += [f"  others {h['quantity']:+d} {h['contract']}: not ours" for h in standing.get("others", ())]
    return found or ["  nothing is held and no order works"]
