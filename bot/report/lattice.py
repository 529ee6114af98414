"""The ten slots of the hedge over a session: the state each was in, what moved it and why, what it holds in the end."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from bot.report.facts import Json, SessionFacts, Trade
from strategies.domain.hedge import SLOTS, layer_of, slot_name

WORKING = ("opening", "rolling", "rotating", "harvesting")


def lattice(session: SessionFacts, positions: list[Json], trades: list[Trade]) -> Json:
    """Slots with their stretches of state, and every move that an order or a settlement made."""
    return {
        "slots": [_slot(n, session, positions) for n in SLOTS],
        "moves": [_move(move, session, trades) for move in session.slot_moves],
    }


def _slot(number: int, session: SessionFacts, positions: list[Json]) -> Json:
    name = slot_name(number)
    state, since = session.slots_before.get(name, "dormant"), None
    spans: list[Json] = []
    for move in session.slot_moves:
        if move["slot"] == name:
            spans.append({"state": state, "from": since, "until": move["at"]})
            state, since = move["after"], move["at"]
    spans.append({"state": state, "from": since, "until": None})
    keys = ("contract", "quantity", "mark_points", "value_usd", "cost_usd")
    held = [{key: row[key] for key in keys} for row in positions if row["slot"] == number]
    return {"slot": number, "name": name, "layer": layer_of(number).value, "spans": spans, "held": held}


def _move(move: Json, session: SessionFacts, trades: list[Trade]) -> Json:
    """A move with the order behind it: the one sent with it, or the last one of that slot before it."""
    number = int(move["slot"].rpartition("s")[2])
    order = next(
        (o for o in reversed(session.orders)
         if o["at"] <= move["at"] and any(leg["slot"] == number for leg in o["legs"])),
        None,
    )  # fmt: skip
    caused = order is not None and (move["after"] in WORKING or move["before"] in WORKING)
    ref = order["ref"] if order is not None and caused else None
    cash = [t.cash_usd - t.commission_usd for t in trades if ref and t.ref == ref and t.slot == number]
    before, after = _net_vega(session, move["at"])
    return {
        "at": move["at"],
        "slot": number,
        "name": move["slot"],
        "before": move["before"],
        "after": move["after"],
        "rule": order["rule"] if order is not None and caused else None,
        "text": (order["text"] if order is not None and caused else "") or move["text"],
        "ref": ref,
        "cash_usd": round(sum(cash), 2) if cash and move["before"] in WORKING else None,
        "net_vega_before_n": before,
        "net_vega_after_n": after,
    }


def _net_vega(session: SessionFacts, at: str) -> tuple[float | None, float | None]:
    """Net vega in the last sample before a moment and in the second after it, when the books had changed."""
    moments = [datetime.fromisoformat(s["at"]) for s in session.samples]
    place = bisect_right(moments, datetime.fromisoformat(at))
    before = session.samples[place - 1].get("net_vega_n") if place else None
    after = session.samples[place + 1].get("net_vega_n") if place + 1 < len(session.samples) else None
    return before, after
