"""The ten slots of the hedge over a session: the state each was in, the trades that moved them, what they hold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

from bot.report.facts import Json, SessionFacts, Trade
from strategies.domain.hedge import HEDGE_OWNER, SLOTS, layer_of, slot_name
from strategies.domain.session import session_date


def lattice(session: SessionFacts, positions: Sequence[Json], trades: Sequence[Trade]) -> Json:
    """Slots with their stretches of state and holdings, and every walk of hedge orders in the order of its start."""
    walks: dict[str, list[Json]] = {}
    for order in session.orders:
        if order["condor"] == HEDGE_OWNER:
            walks.setdefault(order["chain"], []).append(order)
    moves = [_walk(chain, orders, session, trades) for chain, orders in walks.items()]
    moves += [_settled(trade) for trade in trades if _settles_in(trade, session)]
    moves.sort(key=lambda row: str(row["at"]))
    return {"slots": [_slot(n, session, positions) for n in SLOTS], "moves": moves}


def _slot(number: int, session: SessionFacts, positions: Sequence[Json]) -> Json:
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


def _walk(chain: str, orders: list[Json], session: SessionFacts, trades: Sequence[Trade]) -> Json:
    """A row of orders that opened, rolled, rotated or harvested: the slots it touched, what it brought, net vega."""
    refs = {order["ref"] for order in orders}
    filled = [t for t in trades if t.ref in refs]
    at, until = orders[0]["at"], max((t.at.isoformat() for t in filled), default=None)
    before, after = _net_vega(session, at, until)
    cash = sum(t.cash_usd - t.commission_usd for t in filled)
    record = _record(session, orders[0]["ref"])
    return {
        "at": at,
        "until": until,
        "slots": list(dict.fromkeys(leg["slot"] for leg in orders[0]["legs"] if leg["slot"] is not None)),
        "action": chain.partition(".")[2].partition("/")[0],
        "rule": orders[0]["rule"],
        "text": orders[0]["text"],
        "chain": chain,
        "quantity": orders[0]["quantity"],
        "filled": bool(filled),
        "cash_usd": round(cash, 2) if filled else None,
        "net_vega_before_n": before.get("net_vega_n"),
        "net_vega_after_n": after.get("net_vega_n"),
        "net_vega_before_usd_per_vix_point": _dollars(before),
        "net_vega_after_usd_per_vix_point": _dollars(after),
        "return_before_pct_year": _yearly(record, "before"),
        "return_after_pct_year": _yearly(record, "after"),
    }


def _record(session: SessionFacts, ref: str) -> Json:
    """What J-LOG-1 wrote down about the first order of a walk: the book with and without it, at one look."""
    told = (d for d in session.decisions if d["rule"] == "J-LOG-1" and d.get("intent_ref") == ref)
    return next((row["inputs"] for row in told), {})


def _yearly(record: Json, when: str) -> float | None:
    """J-LOG-2: decay of condors and hedge on the condors' margin, per cent a year of an unchanged market.

    An internal rate of return proper does not exist: a condor is paid for before anything is laid out, so its cash
    never changes sign. None where the book could not be valued or no condor was open.
    """
    share = record.get(f"theta_pct_of_margin_day_{when}")
    return None if share is None else round(365.0 * share, 2)


def _settles_in(trade: Trade, session: SessionFacts) -> bool:
    return trade.settled and trade.slot is not None and session_date(trade.at) == session.day


def _settled(trade: Trade) -> Json:
    return {
        "at": trade.at.isoformat(),
        "until": trade.at.isoformat(),
        "slots": [trade.slot],
        "action": "settled",
        "rule": None,
        "text": f"{-trade.quantity} contracts settled at {trade.price_points:.2f}",
        "chain": None,
        "quantity": abs(trade.quantity),
        "filled": True,
        "cash_usd": round(trade.cash_usd, 2),
        "net_vega_before_n": None,
        "net_vega_after_n": None,
        "net_vega_before_usd_per_vix_point": None,
        "net_vega_after_usd_per_vix_point": None,
        "return_before_pct_year": None,
        "return_after_pct_year": None,
    }


def _net_vega(session: SessionFacts, at: str, until: str | None) -> tuple[Json, Json]:
    """Net vega in the last sample before the first order and in the second after the last fill, books in step again."""
    moments = [datetime.fromisoformat(s["at"]) for s in session.samples]
    first = bisect_right(moments, datetime.fromisoformat(at))
    before = session.samples[first - 1] if first else {}
    if until is None:
        return before, {}
    last = bisect_right(moments, datetime.fromisoformat(until)) + 1
    return before, session.samples[last] if last < len(session.samples) else {}


def _dollars(sample: Json) -> float | None:
    """Condors and hedge together, dollars per VIX point."""
    parts = sample.get("condors_usd_per_vix_point"), sample.get("hedge_usd_per_vix_point")
    return None if parts[0] is None or parts[1] is None else round(parts[0] + parts[1], 2)
