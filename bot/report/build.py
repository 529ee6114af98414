"""Turns what was collected into the report's plain values: the one structure behind text, JSON and later pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.report.collect import Collected, CondorFacts, Json, SessionFacts, collect

REPLAY_FILE = "replay.json"


class NoSuchSession(LookupError):
    """The journal has no such session; the text lists the ones it has."""


def build(state_dir: Path, which: str) -> Json:
    """The report of `last`, `all` or one session date. Raises NoSuchSession and JournalError."""
    found = collect(state_dir / "journal.sqlite3")
    days = _chosen(found, which)
    sessions = [found.sessions[day] for day in days]
    condors = [_condor(found, c) for c in found.condors.values() if _alive_in(c, days)]
    orders = [_order(o) for s in sessions for o in s.orders]
    return {
        "sessions": [_session(s) for s in sessions],
        "condors": condors,
        "decisions": [{**d, "session": s.day} for s in sessions for d in s.decisions],
        "verdicts": [v for s in sessions for v in s.verdicts],
        "orders": orders,
        "fills": [f for s in sessions for f in s.fills],
        "caps": _caps(sessions),
        "faults": [f for s in sessions for f in s.faults],
        "alerts": [a for s in sessions for a in s.alerts],
        "operator": [o for s in sessions for o in s.operator],
        "slippage": _slippage(orders),
        "replay": _replay(state_dir),
        "due": _due(found, days[-1]),
        "needs_you": _needs_you(found, sessions),
    }


def _chosen(found: Collected, which: str) -> list[str]:
    days = sorted(found.sessions)
    if not days:
        raise NoSuchSession("the journal is empty: nothing was run on this state directory yet")
    if which == "all":
        return days
    if which == "last":
        return [next((d for d in reversed(days) if found.sessions[d].events > 10), days[-1])]
    if which not in found.sessions:
        raise NoSuchSession(f"no session {which}; the journal has {days[0]} to {days[-1]} ({len(days)} sessions)")
    return [which]


def _alive_in(condor: CondorFacts, days: list[str]) -> bool:
    """Whether the condor existed in the sessions asked for."""
    if not condor.states:
        return False
    first = condor.states[0]["at"][:10]
    ended = condor.states[-1]["state"] in ("closed", "settled", "abandoned", "withdrawn")
    last = condor.states[-1]["at"][:10] if ended else "9999"
    return first <= days[-1] and last >= days[0]


def _condor(found: Collected, condor: CondorFacts) -> Json:
    units = condor.entry_units
    credit = condor.entry_cash_usd / (units * condor.multiplier) if units else None
    max_loss = (
        (condor.width_points - credit) * condor.multiplier * units
        if credit is not None and condor.width_points is not None
        else None
    )
    return {
        "id": condor.id,
        "expiry": condor.expiry,
        "legs": list(condor.legs.values()),
        "quantity": units,
        "credit_points": _rounded(credit, 4),
        "max_loss_usd": _rounded(max_loss, 2),
        "state": condor.states[-1]["state"],
        "states": condor.states,
        "exit_rule": condor.exit_rule,
        "commission_usd": _rounded(condor.commission_usd, 2),
        "pnl_usd": _rounded(_pnl(found, condor), 2),
        "open_contracts": {str(k): v for k, v in condor.held.items() if v},
    }


def _pnl(found: Collected, condor: CondorFacts) -> float | None:
    """Cash so far plus what is open at the last mids, less commissions; None when an open leg has no mid."""
    value = condor.cash_usd - condor.commission_usd
    for con_id, quantity in condor.held.items():
        if quantity == 0:
            continue
        mid = found.mids.get(con_id)
        if mid is None:
            return None
        value += quantity * mid * condor.multiplier
    return value


def _session(session: SessionFacts) -> Json:
    change = (
        session.nlv_end_usd - session.nlv_start_usd
        if session.nlv_end_usd is not None and session.nlv_start_usd is not None
        else None
    )
    return {
        "session": session.day,
        "config": session.config_hash,
        "events": session.events,
        "journal": [session.first_seq, session.last_seq],
        "spx": session.spx,
        "vix": session.vix,
        "nlv_start_usd": session.nlv_start_usd,
        "nlv_end_usd": session.nlv_end_usd,
        "change_usd": _rounded(change, 2),
        "orders": len(session.orders),
        "fills": len(session.fills),
        "denied": sum(1 for v in session.verdicts if not v["approved"]),
        "blind_s": round(session.blind_s, 1),
        "reconnects": session.reconnects,
    }


def _order(order: Json) -> Json:
    """Adds the net fill price and the slippage against the decision's mid, both in points per unit."""
    plain = {k: v for k, v in order.items() if k not in ("filled_contracts", "net_filled_points")}
    contracts = order.get("filled_contracts")
    plain["fill_points"] = plain["slippage_points"] = None
    if contracts:
        units = min(contracts.values())
        if units and len(set(contracts.values())) == 1:
            plain["fill_points"] = _rounded(order["net_filled_points"] / units, 4)
            plain["slippage_points"] = _rounded(plain["fill_points"] - order["mid_points"], 4)
            plain["filled_units"] = units
    return plain


def _slippage(orders: list[Json]) -> Json:
    """Sum over filled orders: what fills cost against the mid at decision, and against the full half-spread."""
    filled = [o for o in orders if o["slippage_points"] is not None]
    cost = sum(o["slippage_points"] * o["filled_units"] for o in filled)
    half = sum((o["natural_points"] - o["mid_points"]) * o["filled_units"] for o in filled)
    return {
        "filled_orders": len(filled),
        "points": round(cost, 4),
        "half_spread_points": round(half, 4),
        "share_of_half_spread_pct": round(100 * cost / half, 1) if half > 0 else None,
    }


def _caps(sessions: list[SessionFacts]) -> list[Json]:
    """Each cap at its fullest over the sessions; `share_pct` 100 is the cap itself (floors are turned round)."""
    worst: dict[str, Json] = {}
    for session in sessions:
        for code, use in session.caps.items():
            before = worst.get(code)
            if before is None or (_fullness(use) or -1.0) > (_fullness(before) or -1.0):
                worst[code] = use
    rows = []
    for code in sorted(worst):
        use = worst[code]
        row = {key: use[key] for key in ("code", "name", "cap", "worst", "unit", "at", "unknown")}
        fullness = _fullness(use)
        rows.append({**row, "floor": use.get("floor", False), "share_pct": _rounded(fullness, 1)})
    return rows


def _fullness(use: Json) -> float | None:
    worst, cap = use["worst"], use["cap"]
    if worst is None or not cap:
        return None
    if use.get("floor"):
        return float(100.0 * cap / worst) if worst > 0 else 1000.0
    return float(100.0 * worst / cap)


def _replay(state_dir: Path) -> Json:
    """The last `condor replay` on this journal, if there was one."""
    try:
        told: Any = json.loads((state_dir / REPLAY_FILE).read_text())
    except (OSError, ValueError):
        return {"status": "not run", "command": "condor replay"}
    return dict(told)


def _due(found: Collected, last_day: str) -> list[str]:
    """What is on the table for the next session, in words."""
    rows = []
    for condor in found.condors.values():
        if any(condor.held.values()) and condor.expiry is not None:
            rows.append(f"{condor.id}: open, expires {condor.expiry}")
    for order in found.orders.values():
        if order["state"] in ("sent", "working", "canceling", "unknown", "cancel_claimed", "reject_claimed"):
            rows.append(f"order {order['ref']} is still {order['state']}")
    return rows


def _needs_you(found: Collected, sessions: list[SessionFacts]) -> list[str]:
    """What a person has to look at; empty means nothing."""
    rows = [f"{a['text']}" for s in sessions for a in s.alerts if a["level"] == "critical"]
    rows += [
        f"condor {c.id} is in quarantine"
        for c in found.condors.values()
        if c.states and c.states[-1]["state"] == "quarantine"
    ]
    return list(dict.fromkeys(rows))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
