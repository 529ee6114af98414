"""How the bot conducted itself in a session: rules with near misses, the gate and its caps, prices got for orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from bot.report.facts import Json, SessionFacts, Trade
from bot.rules.catalogue import catalogue

NEAR = 0.10
"""A rule that did not act was near when its input was within this share of the threshold."""

_NEAREST = 3


# people ---------------------------------------------------------------------------------------------
def governance(sessions: Sequence[SessionFacts]) -> Json:
    """How often people held back, approved and declined, and what it cost in orders (G-GOV-4)."""
    verbs = Counter(row["verb"] for session in sessions for row in session.operator)
    declined = [row for session in sessions for row in session.decisions if row["verdict"] == "decline"]
    return {
        "overrides": sum(1 for row in declined if row["rule"] == "G-GOV-4"),
        "held_back": sum(1 for row in declined if row["rule"] != "G-GOV-4" and "held back" in row["text"]),
        "approvals": verbs["approve"],
        "declines": verbs["decline"],
        "orders_refused": sum(1 for s in sessions for verdict in s.verdicts if verdict["code"] == "G-GOV-2"),
    }


def governance_words(counts: Json) -> str:
    """The same in one line; empty while nobody said anything."""
    if not any(counts.values()):
        return ""
    return (
        f"{counts['overrides']} overrides, {counts['held_back']} times something was held back, "
        f"{counts['approvals']} approvals, {counts['declines']} declines, {counts['orders_refused']} orders refused"
    )


# rules --------------------------------------------------------------------------------------------
def rules(sessions: Sequence[SessionFacts]) -> list[Json]:
    """Every rule that spoke: how often and how, its last word, and how near it came to acting."""
    found: dict[str, list[Json]] = {}
    for session in sessions:
        for decision in session.decisions:
            found.setdefault(decision["rule"], []).append(decision)
    return [_rule(name, rows) for name, rows in sorted(found.items())]


def _rule(name: str, rows: list[Json]) -> Json:
    counts = Counter(row["verdict"] for row in rows)
    declined = Counter(row["text"] for row in rows if row["verdict"] == "decline")
    known = catalogue().rules.get(name)
    return {
        "rule": name,
        "title": "" if known is None else known.title,
        "acted": counts["act"],
        "held": counts["hold"],
        "declined": counts["decline"],
        "last": {key: rows[-1][key] for key in ("at", "subject", "verdict", "text")},
        "acts": _acts([row for row in rows if row["verdict"] == "act"]),
        "near_misses": _near(rows),
        "declines": [{"text": text, "count": count} for text, count in declined.most_common(3)],
    }


def _acts(rows: list[Json]) -> list[Json]:
    """Like acts about one subject as one row, with the numbers of the first."""
    found: dict[tuple[str, str], Json] = {}
    for row in rows:
        key = (row["subject"], row["text"])
        if key not in found:
            found[key] = {**_told(row), "count": 0, "last_at": row["at"]}
        found[key]["count"] += 1
        found[key]["last_at"] = row["at"]
    return list(found.values())


def _near(rows: list[Json]) -> list[Json]:
    """Of each subject the moment it came nearest without acting."""
    nearest: dict[str, Json] = {}
    for row in rows:
        near = row.get("near")
        if row["verdict"] == "act" or near is None or near > NEAR:
            continue
        known = nearest.get(row["subject"])
        if known is None or near < known["near"]:
            nearest[row["subject"]] = row
    found = sorted(nearest.values(), key=lambda row: float(row["near"]))[:_NEAREST]
    return [_told(row) for row in found]


def _told(row: Json) -> Json:
    keys = ("at", "subject", "text", "inputs", "thresholds", "near", "intent_ref")
    return {key: row.get(key) for key in keys}


# the gate -----------------------------------------------------------------------------------------
def gate(sessions: Sequence[SessionFacts]) -> Json:
    """Verdicts, why orders were refused, how full each cap was, and the cap that was fullest."""
    verdicts = [v for s in sessions for v in s.verdicts]
    refused = [v for v in verdicts if not v["approved"]]
    caps = caps_of(sessions)
    told = [row for row in caps if row["share_pct"] is not None]
    binding = max(told, key=lambda row: float(row["share_pct"]), default=None)
    return {
        "approved": len(verdicts) - len(refused),
        "refused": len(refused),
        "refusals": _refusals(refused),
        "binding": None if binding is None else f"{binding['code']} {binding['name']}",
    }


def _refusals(refused: list[Json]) -> list[Json]:
    """By check: how often, when first and last, and the last time in numbers."""
    found: dict[str, list[Json]] = {}
    for verdict in refused:
        found.setdefault(verdict["code"] or "?", []).append(verdict)
    rows = []
    for code, group in sorted(found.items(), key=lambda item: -len(item[1])):
        last = group[-1]
        check = next((c for c in last["checks"] if c["code"] == code and not c["passed"]), None)
        rows.append(
            {
                "code": code,
                "name": "" if check is None else check["name"],
                "count": len(group),
                "orders": len({v["ref"].rpartition(".")[0] for v in group}),
                "first_at": group[0]["at"],
                "last_at": last["at"],
                "last_ref": last["ref"],
                "text": last["text"],
                "asked": None if check is None else check["observed"],
                "allowed": None if check is None else check["cap"],
                "unit": "" if check is None else check["unit"],
            }
        )
    return rows


def caps_of(sessions: Sequence[SessionFacts]) -> list[Json]:
    """Each cap at its fullest over the sessions; `share_pct` 100 is the cap itself (floors are turned round)."""
    worst: dict[str, Json] = {}
    samples: dict[str, list[float]] = {}
    unknown: Counter[str] = Counter()
    for session in sessions:
        for key, use in session.caps.items():
            samples.setdefault(key, []).extend(use["samples"])
            unknown[key] += use["unknown"]
            before = worst.get(key)
            if before is None or (fullness(use, use["worst"]) or -1.0) > (fullness(before, before["worst"]) or -1.0):
                worst[key] = {**use, "last": None}
            worst[key]["last"] = use["last"]
    rows = []
    for key in sorted(worst):
        use, told = worst[key], samples[key]
        mean = sum(told) / len(told) if told else None
        rows.append(
            {
                "code": use["code"],
                "name": use["name"],
                "cap": use["cap"],
                "worst": use["worst"],
                "mean": None if mean is None else round(mean, 4),
                "last": use["last"],
                "unit": use["unit"],
                "at": use["at"],
                "unknown": unknown[key],
                "floor": use.get("floor", False),
                "share_pct": _rounded(fullness(use, use["worst"]), 1),
                "last_share_pct": _rounded(fullness(use, use["last"]), 1),
            }
        )
    return rows


def fullness(use: Json, used: float | None) -> float | None:
    """Per cent of a cap in use; of a floor how near it is, 100 at the floor."""
    cap = use["cap"]
    if used is None or not cap:
        return None
    if use.get("floor"):
        return float(100.0 * cap / used) if used > 0 else 1000.0
    return float(100.0 * used / cap)


# prices -------------------------------------------------------------------------------------------
def execution(orders: Sequence[Json], trades: Sequence[Trade]) -> list[Json]:
    """One row per walk of orders: the ladder of limits, what was filled, how far from mid, how long it took."""
    fees: dict[str, float] = {}
    multipliers: dict[str, int] = {}
    for trade in trades:
        fees[trade.ref] = fees.get(trade.ref, 0.0) + trade.commission_usd
        multipliers[trade.ref] = trade.multiplier
    chains: dict[str, list[Json]] = {}
    for order in orders:
        chains.setdefault(order["chain"], []).append(order)
    return [_walk(chain, rows, fees, multipliers) for chain, rows in chains.items()]


def _walk(chain: str, rows: list[Json], fees: dict[str, float], multipliers: dict[str, int]) -> Json:
    first, last = rows[0], rows[-1]
    filled = [row for row in rows if row["fill_points"] is not None]
    units = sum(row["filled_units"] for row in filled)
    price = sum(row["fill_points"] * row["filled_units"] for row in filled) / units if units else None
    decided, at_send = first["mid_points"], first["mid_at_send_points"]
    half = first["natural_points"] - decided
    reference = decided if at_send is None else at_send
    slip = None if price is None else price - reference
    multiplier = next((multipliers[r["ref"]] for r in filled if r["ref"] in multipliers), 100)
    return {
        "chain": chain,
        "owner": first["condor"],
        "purpose": first["purpose"],
        "rule": first["rule"],
        "text": first["text"],
        "quantity": first["quantity"],
        "filled_units": units,
        "attempts": len(rows),
        "limits_points": [row["limit_points"] for row in rows],
        "mid_decided_points": decided,
        "mid_at_send_points": at_send,
        "half_spread_points": _rounded(half, 4),
        "fill_points": _rounded(price, 4),
        "slippage_points": _rounded(slip, 4),
        "slippage_usd": _rounded(None if slip is None else slip * units * multiplier, 2),
        "slippage_pct_of_half_spread": _rounded(None if slip is None or half <= 0 else 100.0 * slip / half, 1),
        "sent_at": first["sent_at"],
        "filled_at": filled[-1]["filled_at"] if filled else None,
        "seconds_to_fill": _seconds(first["sent_at"], filled[-1]["filled_at"]) if filled else None,
        "commission_usd": round(sum(fees.get(row["ref"], 0.0) for row in rows), 2),
        "state": last["state"],
        "at": first["at"],
    }


def _seconds(sent: str | None, filled: str | None) -> float | None:
    if sent is None or filled is None:
        return None
    return max(0.0, round((datetime.fromisoformat(filled) - datetime.fromisoformat(sent)).total_seconds(), 1))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0
