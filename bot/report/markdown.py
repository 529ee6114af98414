"""The report as Markdown: the tables a person pastes into a note or a ticket."""

from __future__ import annotations

from collections.abc import Sequence

from bot.report.beta import beta_words
from bot.report.conduct import governance_words
from bot.report.facts import Json
from bot.report.page import (
    badge,
    day_words,
    duration,
    grouped,
    held_by,
    holder,
    ladder,
    moment,
    pairs,
    percent,
    plain,
    points,
    share,
    signed,
    title,
    usd,
    words,
)


def render(report: Json) -> str:
    """The whole report; sections in the order of the page, drawings left out."""
    parts = [
        f"# {title(report)}",
        "\n".join(f"- {line}" for line in report["verdict"]),
        _sessions(report),
        _curves(report),
        _condors(report["condors"]),
        _lattice(report["days"]),
        _near(report["rules"]),
        _declined(report["rules"]),
        _gate(report),
        _execution(report["execution"]),
        *(_money(day, report) for day in report["days"]),
        _faults(report),
        _governance(report["governance"]),
        _tomorrow(report["tomorrow"]),
        _journal(report),
        "Paper trading record. Past behaviour of the term structure guarantees nothing. Not financial advice.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _journal(report: Json) -> str:
    told = report["journal"]
    hashed = f", hash `{told['hash']}`" if told["hash"] else ""
    return f"Replay: {badge(report['replay'])}. Records {told['first_seq']} to {told['last_seq']}{hashed}."


def _table(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A section with a table; nothing without rows. Columns that begin with `>` are numbers."""
    if not rows:
        return ""
    names = [name.removeprefix(">") for name in columns]
    rule = ["---:" if name.startswith(">") else "---" for name in columns]
    lines = [names, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return f"## {heading}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sessions(report: Json) -> str:
    rows = [
        (
            day_words(s["session"]),
            points(s["spx"].get("last"), 2),
            points(s["vix"].get("last"), 2),
            usd(s["nlv_end_usd"], 2),
            signed(s["change_usd"], 2),
            str(s["orders"]),
            str(s["denied"]),
            duration(s["blind_s"]),
        )
        for s in report["sessions"]
    ]
    columns = ("session", ">SPX", ">VIX", ">equity", ">change", ">orders", ">refused", ">blind")
    return _table("Sessions", columns, rows)


def _curves(report: Json) -> str:
    rows = [
        (c["label"], moment(c["at"]), points(c["vix_points"], 2), signed(c["front_minus_second_points"], 2))
        for day in report["days"]
        for c in day["curves"]
    ]
    return _table("Term structure", ("moment", "at", ">VIX", ">front minus second"), rows)


def _condors(condors: Sequence[Json]) -> str:
    rows = [
        (
            c["id"],
            c["expiry"] or "unknown",
            str(c["quantity"]),
            points(c["credit_points"], 2),
            usd(c["max_loss_usd"], 0),
            signed(c["pnl_usd"], 2),
            words(c["state"]),
            c["exit_rule"] or "",
        )
        for c in condors
    ]
    columns = ("condor", "expiry", ">units", ">credit", ">worst loss", ">P/L", "state", "ended by")
    return _table("Condors", columns, rows)


def _lattice(days: Sequence[Json]) -> str:
    rows = [
        (moment(m["at"]), ", ".join(map(str, m["slots"])), m["action"], m["rule"] or "", m["text"],
         signed(m["cash_usd"], 2))
        for day in days
        for m in day["lattice"]["moves"]
        if m["filled"]
    ]  # fmt: skip
    return _table("Hedge lattice", ("at", "slots", "move", "rule", "why", ">cash"), rows)


def _near(rules: Sequence[Json]) -> str:
    rows = [
        (
            r["rule"],
            moment(n["at"]),
            n["subject"],
            n["text"],
            pairs(n["inputs"]),
            pairs(n["thresholds"]),
            share(n["near"]),
        )
        for r in rules
        for n in r["near_misses"]
    ]
    return _table("Near misses", ("rule", "at", "about", "verdict", "saw", "threshold", ">distance"), rows)


def _declined(rules: Sequence[Json]) -> str:
    rows = [(r["rule"], d["text"], str(d["count"])) for r in rules for d in r["declines"]]
    return _table("Not done, because", ("rule", "reason", ">recorded"), rows)


def _gate(report: Json) -> str:
    refusals = [
        (
            f"{r['code']} {r['name']}",
            str(r["count"]),
            plain(r["asked"]),
            f"{plain(r['allowed'])} {r['unit']}",
            r["text"],
        )
        for r in report["gate"]["refusals"]
    ]
    caps = [
        (
            f"{c['code']} {c['name']}",
            points(c["worst"], 2),
            ("at least " if c["floor"] else "") + points(c["cap"], 2),
            c["unit"],
            percent(c["share_pct"]),
            moment(c["at"]),
            points(c["last"], 2),
        )
        for c in report["caps"]
    ]
    parts = [
        _table("Refused by the gate", ("check", ">times", ">asked", ">allowed", "last words"), refusals),
        _table("Caps", ("cap", ">fullest", ">cap", "unit", ">use", "when", ">last"), caps),
    ]
    return "\n\n".join(part for part in parts if part)


def _execution(walks: Sequence[Json]) -> str:
    rows = [
        (
            w["chain"],
            moment(w["sent_at"] or w["at"]),
            w["rule"],
            f"{w['filled_units']} of {w['quantity']}",
            ladder(w["limits_points"]),
            points(w["fill_points"], 3),
            signed(w["slippage_points"], 3) if w["slippage_points"] is not None else "",
            duration(w["seconds_to_fill"]),
            words(w["state"]),
        )
        for w in walks
    ]
    columns = ("order", "sent", "rule", ">filled", "limits", ">fill", ">slippage", ">time to fill", "state")
    return _table("Execution", columns, rows)


def _money(day: Json, report: Json) -> str:
    told, money = day["attribution"], day["money"]
    names = ("delta", "gamma", "vega", "theta", "cross", "trading", "settlement", "fees", "residual", "total")
    rows = []
    if told is not None:
        rows = [(holder(r["holder"]), *(signed(r[f"{name}_usd"], 2) for name in names)) for r in told["rows"]]
    heading = "Profit and loss" + (f", {day_words(day['session'])}" if len(report["days"]) > 1 else "")
    table = _table(heading, ("holder", *(f">{name}" for name in names)), rows)
    lines = [
        f"Equity {usd(money['equity_end_usd'], 2)}, change {signed(money['change_usd'], 2)}"
        + (f", of it condors {signed(held_by(told, 'condors'), 2)}, hedge {signed(held_by(told, 'hedge'), 2)}, "
           f"difference to the broker's marks {signed(day['difference_usd'], 2)}" if told else "") + ".",
        f"Cash {usd(money['cash_end_usd'], 2)}: fills {signed(money['traded_usd'], 2)}, settlements "
        f"{signed(money['settled_usd'], 2)}, fees {usd(money['fees_usd'], 2)}, not explained "
        f"{signed(money['other_cash_usd'], 2)}. Profit taken {signed(money['realised_usd'], 2)}.",
    ]  # fmt: skip
    if told is not None and (beta := beta_words(told["beta"])):
        lines.append(f"{beta}.")
    return (table or f"## {heading}") + "\n\n" + "\n\n".join(lines)


def _faults(report: Json) -> str:
    rows = [(f["code"], str(f["count"]), moment(f["first"]), f["text"]) for f in grouped(report["faults"])]
    return _table("Faults", ("code", ">times", "first", "words"), rows)


def _governance(counts: Json) -> str:
    words = governance_words(counts)
    return f"## Governance\n\n{words}." if words else ""


def _tomorrow(told: Json) -> str:
    if told["session"] is None:
        return f"## Next session\n\n{told['missing'][0].upper()}{told['missing'][1:]}."
    releases = ", ".join(f"{r['kind']} {moment(r['at'])}" for r in told["releases"]) or "none listed"
    sends = "; ".join(f"{w['purpose']} {holder(w['owner'])} by {w['rule']}" for w in told["would_send"]) or "nothing"
    return (
        f"## Next session\n\n{day_words(told['session'])}{', early close' if told['early_close'] else ''}. "
        f"Releases: {releases}. Asked for {moment(told['asked_at'])} as if nothing had changed, the rules would send: "
        f"{sends}."
    )
