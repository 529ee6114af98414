"""A session minute by minute: levels, curve, net vega with its band, equity, what happened, when nothing was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bot.report.attribution import Floats, Grid, grid, track
from bot.report.books import Books, iso
from bot.report.facts import Json, SessionFacts
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Future

_HOLD_MIN = 5
"""Minutes a sample speaks for when no newer one follows."""

_BUNCH_S = 900.0
"""Like events within this many seconds are one marker with a count."""

DELTA = "net_delta_usd_per_pct"
SAMPLED = ("front_minus_second_points", "net_vega_n", "low_n", "high_n")


def timeline(session: SessionFacts, spx: int | None, vix: int | None, net_delta: Floats | None = None) -> Json:
    """Series with one value a minute from `from` on (None where nothing was known), markers, blind stretches.

    `net_delta` is `Attributed.net_delta_usd_per_pct`, a value for each moment of the session's grid.
    """
    times = grid(session)
    empty: Json = {"from": None, "spx_points": [], "vix_points": [], "equity_usd": [], DELTA: [],
                   **{n: [] for n in SAMPLED}}  # fmt: skip
    series = empty
    if times is not None:
        series = _series(session, _running(times), spx, vix)
        told = np.full(len(times.minutes), np.nan) if net_delta is None else net_delta
        series[DELTA] = [None if np.isnan(v) else round(float(v), 1) for v in told[1 if times.overnight else 0 :]]
    return {**series, "net_vega_unknown": _unknown(session), "markers": markers(session), "blind": session.blind}


def _unknown(session: SessionFacts) -> str:
    """Why the net vega is not known where it is not, in the words of most samples; empty where it always is."""
    if not session.samples:
        return "not recorded"
    lacking = [s for s in session.samples if s.get("net_vega_n") is None]
    reasons = Counter(s["unknown"] for s in lacking if s.get("unknown"))
    return reasons.most_common(1)[0][0] if reasons else "no condor was open" if lacking else ""


def _running(times: Grid) -> Grid:
    return Grid(times.minutes[1:], False) if times.overnight else times


def _series(session: SessionFacts, times: Grid, spx: int | None, vix: int | None) -> Json:
    first = int(times.minutes[0])
    count = len(times.minutes)
    found: Json = {"from": datetime.fromtimestamp(first * 60, UTC).isoformat()}
    for name, con_id in (("spx_points", spx), ("vix_points", vix)):
        values: Any = np.full(count, np.nan) if con_id is None else track(session, con_id, times)
        found[name] = [None if np.isnan(v) else round(float(v), 2) for v in values]
    told = ((at, value) for at, value in session.equity)
    found["equity_usd"] = _carried(told, first, count, None)
    for name in SAMPLED:
        rows = ((datetime.fromisoformat(s["at"]), s.get(name)) for s in session.samples)
        found[name] = _carried(rows, first, count, _HOLD_MIN)
    return found


def _carried(
    rows: Iterable[tuple[datetime, float | None]], first: int, count: int, hold_min: int | None
) -> list[float | None]:
    """The last value of each minute, carried forward (at most `hold_min` minutes)."""
    found: list[float | None] = [None] * count
    last: float | None = None
    told = {max(0, int(at.timestamp() // 60) - first): value for at, value in rows}
    since = 0
    for minute in range(count):
        if minute in told:
            last, since = told[minute], minute
        fresh = hold_min is None or minute - since < hold_min
        found[minute] = None if last is None or not fresh else round(last, 4)
    return found


# what happened ------------------------------------------------------------------------------------
def markers(session: SessionFacts) -> list[Json]:
    """What a reader looks for on the time axis, oldest first; like events in a row are one with a count."""
    rows = [
        *(_mark(o["at"], "order", _order_words(o), o["ref"]) for o in session.orders),
        *_fills(session.fills),
        *(_mark(m["at"], "layer", f"{m['slot']}: {m['before']} to {m['after']}", m["slot"])
          for m in session.slot_moves if m["after"] in ("active", "resting", "blocked", "armed")),
        *(_mark(v["at"], "denied", f"refused by {v['code']}", v["ref"], v["code"] or "")
          for v in session.verdicts if not v["approved"]),
        *(_mark(f["at"], "fault", f"{f['code']}: {f['text']}", "", f["code"]) for f in session.faults),
        *(_mark(o["at"], "operator", f"{o['verb']} by {o['who']}: {o['reason']}", "") for o in session.operator),
        *(_mark(iso(r.at), "release", f"{r.kind} release", "") for r in session.releases),
        *(_mark(a["at"], "alert", a["text"], "", a["key"]) for a in session.alerts if a["level"] == "critical"),
    ]  # fmt: skip
    return _bunched(sorted(rows, key=lambda row: str(row["at"])))


def _mark(at: str, kind: str, text: str, ref: str, group: str | None = None) -> Json:
    return {"at": at, "kind": kind, "text": text, "ref": ref, "count": 1, "group": ref if group is None else group}


def _order_words(order: Json) -> str:
    who = "hedge" if order["condor"] == HEDGE_OWNER else order["condor"]
    return f"{order['purpose']} of {who} by {order['rule']}, {order['quantity']} at {order['limit_points']:.2f}"


def _fills(fills: Sequence[Json]) -> list[Json]:
    """One marker per order and minute: legs fill together."""
    found: dict[tuple[str, str], Json] = {}
    for fill in fills:
        key = (fill["ref"] or fill["exec_id"], fill["at"][:16])
        if key not in found:
            found[key] = _mark(fill["at"], "fill", f"{key[0]} filled", fill["ref"] or "", key[0])
    return list(found.values())


def _bunched(rows: list[Json]) -> list[Json]:
    found: list[Json] = []
    last: dict[tuple[str, str], Json] = {}
    for row in rows:
        key = (row["kind"], row.pop("group"))
        before = last.get(key)
        if before is not None and row["kind"] in ("denied", "fault", "alert"):
            gap = datetime.fromisoformat(row["at"]) - datetime.fromisoformat(before["at"])
            if gap.total_seconds() <= _BUNCH_S:
                before["count"] += 1
                continue
        last[key] = row
        found.append(row)
    return found


# the curve ----------------------------------------------------------------------------------------
def curves(session: SessionFacts, books: Books, vix: int | None) -> list[Json]:
    """The VIX futures curve at the close before, the open, the close, and where the front stood highest."""
    times = grid(session)
    if times is None:
        return []
    running = _running(times)
    futures = sorted(
        (i for i in books.instruments.values() if isinstance(i, Future) and i.trading_class == "VX"),
        key=lambda i: i.expiry,
    )
    told = [minute for f in futures if (minute := session.marks.last_minute(f.con_id)) is not None]
    if not told:
        return []
    first, last = int(running.minutes[0]), min(int(running.minutes[-1]), max(told))
    moments = [("open", min(first + 5, last)), ("close", last)]
    worst = max((s for s in session.samples if s.get("front_minus_second_points") is not None),
                key=lambda s: s["front_minus_second_points"], default=None)  # fmt: skip
    if worst is not None:
        moments.insert(1, ("front highest", int(datetime.fromisoformat(worst["at"]).timestamp() // 60)))
    rows = [_curve(label, minute, session, futures, vix) for label, minute in moments]
    if times.overnight:
        rows.insert(0, _curve("close before", first - 1_000_000, session, futures, vix, at=session.marks.before_at))
    return _without_lesser([row for row in rows if row["months"]])


def _without_lesser(rows: list[Json]) -> list[Json]:
    """Samples end before the session does: where another row's front stands as high, `front highest` would be none."""
    spreads = {row["label"]: row["front_minus_second_points"] for row in rows}
    highest = spreads.pop("front highest", None)
    if highest is None or all(spread is None or spread < highest for spread in spreads.values()):
        return rows
    return [row for row in rows if row["label"] != "front highest"]


def _curve(
    label: str,
    minute: int,
    session: SessionFacts,
    futures: Sequence[Future],
    vix: int | None,
    at: datetime | None = None,
) -> Json:
    moment = at or datetime.fromtimestamp(minute * 60, UTC)
    months, points = [], []
    for future in futures:
        value = session.marks.at(future.con_id, minute)
        days = (future.expiry - moment.date()).days
        if value is not None and days > 0:
            months.append({"expiry": future.expiry.isoformat(), "days": days, "points": round(value, 3)})
            points.append(value)
    spot = None if vix is None else session.marks.at(vix, minute)
    spread = points[0] - points[1] if len(points) > 1 else None
    return {
        "label": label,
        "at": iso(moment),
        "vix_points": None if spot is None else round(spot, 2),
        "months": months,
        "front_minus_second_points": None if spread is None else round(spread, 3),
    }
