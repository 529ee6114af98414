"""Turns what was collected into the report's plain values: the one structure behind text, Markdown, JSON and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bot.journal import reader
from bot.masking import masked
from bot.recover import decode_state
from bot.report.attribution import attributed
from bot.report.collect import Collected, Json, SessionFacts, collect
from bot.report.condors import alive_in, condor_row, standing
from bot.report.conduct import caps_of, execution, gate, governance, rules
from bot.report.facts import Trade
from bot.report.lattice import lattice
from bot.report.money import money
from bot.report.needs import needs_you
from bot.report.replayed import replay_badge
from bot.report.timeline import curves, timeline
from bot.report.tomorrow import tomorrow
from bot.report.weeks import weeks
from bot.report.words import verdict
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.session import session_date

JOURNAL = "journal.sqlite3"
WEEK = "week"


class NoSuchSession(LookupError):
    """The journal has no such session; the text lists the ones it has."""


def build(state_dir: Path, which: str) -> Json:
    """The report of `last`, `week` (that of the last session), `all` or one session date.

    Its shape is `bot.report.shape.Report`. Raises NoSuchSession and JournalError.
    """
    journal = state_dir / JOURNAL
    days = _chosen(journal, which)
    found = collect(journal, days)
    sessions = [found.sessions[day] for day in days if day in found.sessions]
    trades = found.books.trades()
    condors = [
        condor_row(c, found.worths) for c in found.books.condors.values() if c.id != HEDGE_OWNER and alive_in(c, days)
    ]
    orders = [_order(o) for s in sessions for o in s.orders]
    caps = caps_of(sessions)
    spx, vix = found.index("SPX"), found.index("VIX")
    rate = found.risk_free_pct() / 100.0
    report: Json = {
        "kind": "session" if len(days) == 1 else WEEK if which == WEEK else "all",
        "account": _masked(found.account),
        "simulated": found.simulated,
        "sessions": [_session(s) for s in sessions],
        "condors": condors,
        "decisions": [{**d, "session": s.day} for s in sessions for d in s.decisions],
        "verdicts": [v for s in sessions for v in s.verdicts],
        "orders": orders,
        "fills": [f for s in sessions for f in s.fills],
        "caps": caps,
        "faults": [f for s in sessions for f in s.faults],
        "alerts": [a for s in sessions for a in s.alerts],
        "operator": [o for s in sessions for o in s.operator],
        "governance": governance(sessions),
        "slippage": _slippage(orders),
        "weeks": [],
        "execution": execution(orders, trades),
        "gate": gate(sessions),
        "rules": rules(sessions),
        "days": [_day(s, found, trades, spx, vix, rate) for s in sessions],
        "due": _due(found),
        "needs_you": [],
        "settled_alerts": [],
        "tomorrow": _tomorrow(journal, sessions[-1], caps),
        "journal": _journal(journal, sessions, days),
        "replay": replay_badge(state_dir, days, sessions[-1].last_seq),
        "verdict": [],
    }
    if which == WEEK:
        priced = [_order(order) for order in found.books.orders.values()]
        first = sessions[0]
        begun = first.nlv_start_usd if first.nlv_before_usd is None else first.nlv_before_usd
        report["weeks"] = weeks(journal, found.books, trades, priced, (begun, sessions[-1].nlv_end_usd))
    report["needs_you"], report["settled_alerts"] = needs_you(found, sessions, report["replay"])
    report["verdict"] = verdict(report)
    told: Json = masked(report)
    return told


def _chosen(journal: Path, which: str) -> list[str]:
    days = reader.sessions(journal)
    if not days:
        raise NoSuchSession("the journal is empty: nothing was run on this state directory yet")
    if which == "all":
        return days
    if which == WEEK:
        week = date.fromisoformat(_last(journal, days)).isocalendar()[:2]
        return [day for day in days if date.fromisoformat(day).isocalendar()[:2] == week and _lived(journal, day)]
    if which == "last":
        return [_last(journal, days)]
    if which not in days:
        raise NoSuchSession(f"no session {which}; the journal has {days[0]} to {days[-1]} ({len(days)} sessions)")
    return [which]


def _last(journal: Path, days: list[str]) -> str:
    """The last session that was more than a start or a stop."""
    return next((day for day in reversed(days) if _lived(journal, day)), days[-1])


def _lived(journal: Path, day: str) -> bool:
    events = reader.read_events(journal, session=day)
    return sum(1 for _, _ in zip(range(11), events, strict=False)) > 10


def _tomorrow(journal: Path, session: SessionFacts, caps: list[Json]) -> Json:
    """From the state written down at the end of that session, if it was and its shape is known."""
    found = reader.last_checkpoint(journal, before=f"{session.day}~")
    if found is None or session_date(found.at) != session.day:
        return tomorrow(session, None, caps, written=False)
    return tomorrow(session, decode_state(found.body), caps, written=True)


def _session(session: SessionFacts) -> Json:
    before = session.nlv_before_usd if session.nlv_before_usd is not None else session.nlv_start_usd
    change = session.nlv_end_usd - before if session.nlv_end_usd is not None and before is not None else None
    return {
        "session": session.day,
        "config": session.config_hash,
        "config_changes": session.config_changes,
        "code_version": session.code_version,
        "open_at": None if session.hours is None else session.hours.open_at.isoformat(),
        "close_at": None if session.hours is None else session.hours.close_at.isoformat(),
        "early_close": None if session.hours is None else session.hours.early_close,
        "events": session.events,
        "journal": [session.first_seq, session.last_seq],
        "spx": session.spx,
        "vix": session.vix,
        "nlv_before_usd": session.nlv_before_usd,
        "nlv_start_usd": session.nlv_start_usd,
        "nlv_end_usd": session.nlv_end_usd,
        "change_usd": None if change is None else round(change, 2),
        "orders": len(session.orders),
        "fills": len(session.fills),
        "denied": sum(1 for v in session.verdicts if not v["approved"]),
        "blind_s": round(session.blind_s, 1),
        "reconnects": session.reconnects,
    }


def _day(
    session: SessionFacts, found: Collected, trades: list[Trade], spx: int | None, vix: int | None, rate: float
) -> Json:
    told = money(session, found.books, trades)
    told_why = attributed(session, found.books, trades, spx, rate)
    shares, delta = (None, None) if told_why is None else told_why
    difference = None if shares is None or told["change_usd"] is None else told["change_usd"] - shares["total_usd"]
    standings = [standing(c, session, found.books, trades, spx) for c in found.books.condors.values()]
    return {
        "session": session.day,
        "timeline": timeline(session, spx, vix, delta),
        "curves": curves(session, found.books, vix),
        "condors": [row for row in standings if row is not None],
        "lattice": lattice(session, told["positions"], trades),
        "money": told,
        "attribution": shares,
        "difference_usd": None if difference is None else round(difference, 2),
        "reconciliation": _reconciliation(session),
    }


def _reconciliation(session: SessionFacts) -> Json:
    """Snapshots of the broker and how they compared; the ones worth a row are the first, the last and the unequal."""
    rows = session.snapshots
    told = [r for r in rows if r["differences"] is not None]
    unequal = [r for r in told if r["differences"]]
    return {
        "snapshots": len(rows),
        "incomplete": sum(1 for r in rows if not r["complete"]),
        "compared": len(told),
        "unequal": len(unequal),
        "first": rows[0] if rows else None,
        "last": rows[-1] if rows else None,
        "rows_unequal": unequal[:20],
    }


def _order(order: Json) -> Json:
    """Adds the net fill price and the slippage against the decision's mid, both in points per unit."""
    plain = {k: v for k, v in order.items() if k not in ("filled_contracts", "net_filled_points")}
    contracts = order.get("filled_contracts")
    plain["fill_points"] = plain["slippage_points"] = None
    plain["filled_units"] = 0
    plain.setdefault("filled_at", None)
    ratios = {leg["con_id"]: leg["ratio"] for leg in order["legs"]}
    if contracts and ratios.keys() == contracts.keys():
        units = min(count // ratios[con_id] for con_id, count in contracts.items())
        if units and all(count == units * ratios[con_id] for con_id, count in contracts.items()):
            plain["fill_points"] = round(order["net_filled_points"] / units, 4)
            plain["slippage_points"] = round(plain["fill_points"] - order["mid_points"], 4)
            plain["filled_units"] = units
    return plain


def _slippage(orders: Sequence[Json]) -> Json:
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


def _due(found: Collected) -> list[str]:
    """What is on the table for the next session, in words."""
    rows = []
    for condor in found.books.condors.values():
        if any(condor.held.values()) and condor.expiry is not None:
            rows.append(f"{condor.id}: open, expires {condor.expiry}")
    for order in found.books.orders.values():
        if order["state"] in ("sent", "working", "canceling", "unknown", "cancel_claimed", "reject_claimed"):
            rows.append(f"order {order['ref']} is still {order['state']}")
    return rows


def _journal(journal: Path, sessions: Sequence[SessionFacts], days: Sequence[str]) -> Json:
    """Which records the report is made of, and the hash over the facts and outcomes of the session."""
    return {
        "first_seq": sessions[0].first_seq,
        "last_seq": sessions[-1].last_seq,
        "events": sum(s.events for s in sessions),
        "hash": reader.journal_hash(journal, days[0]) if len(days) == 1 else None,
    }


def _masked(account: str) -> str:
    return f"{account[:2]}***{account[-2:]}" if len(account) > 5 else account
