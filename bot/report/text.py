"""The report on a terminal: verdict, sessions, condors, orders, caps, faults, what is due; plain columns."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bot.report.beta import beta_words
from bot.report.collect import Json
from bot.report.conduct import governance_words
from bot.report.page import in_words, moment
from bot.report.words import verdict

FOOT = (
    "Times are New York. Paper trading record, no financial advice: past behaviour of the term structure guarantees "
    "nothing."
)


def render(report: Json) -> str:
    """The whole report as text of at most about 110 columns."""
    parts = [
        "\n".join(verdict(report)),
        _sessions(report["sessions"]),
        _condors(report["condors"]),
        _orders(report["orders"]),
        _refusals(report["verdicts"]),
        _declined(report["decisions"]),
        _caps(report["caps"]),
        _money(report["days"]),
        _near(report["rules"]),
        _timed("Faults", report["faults"], "code"),
        _timed("Operator", report["operator"], "verb"),
        _list("Governance", [words] if (words := governance_words(report["governance"])) else []),
        _list("Due next", [*report["due"], *_next(report["tomorrow"])]),
        _list("Ended since", [f"{row['text']} ({in_words(row['ended'])})" for row in report["settled_alerts"]]),
        f"Replay: {report['replay']['status']}",
        FOOT,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sessions(rows: list[Json]) -> str:
    lines = [f"{'session':<12}{'SPX':>10}{'range':>16}{'VIX':>8}{'orders':>8}{'fills':>7}{'denied':>8}{'change':>11}"]
    for row in rows:
        spx, vix = row["spx"], row["vix"]
        span = f"{spx['low']:.0f}-{spx['high']:.0f}" if spx else "?"
        lines.append(
            f"{row['session']:<12}{_f(spx.get('last'), 10, 2)}{span:>16}{_f(vix.get('last'), 8, 2)}"
            f"{row['orders']:>8}{row['fills']:>7}{row['denied']:>8}{_f(row['change_usd'], 11, 0)}"
        )
    return "\n".join(lines)


def _condors(rows: list[Json]) -> str:
    if not rows:
        return "No condors."
    lines = ["Condors (credit in points per share, money in dollars)"]
    for c in rows:
        lines.append(
            f"  {c['id']:<18}{c['expiry'] or '?':<12}x{c['quantity']:<3}credit {_f(c['credit_points'], 6, 2)}  "
            f"max loss {_f(c['max_loss_usd'], 8, 0)}  P/L {_f(c['pnl_usd'], 8, 0)}  {c['state']}"
            + (f" by {c['exit_rule']}" if c["exit_rule"] else "")
        )
        lines.append(f"    {'; '.join(c['legs'])}")
        lines.append("    " + " > ".join(f"{s['state']} {moment(s['at'])}" for s in c["states"]))
    return "\n".join(lines)


def _orders(rows: list[Json]) -> str:
    if not rows:
        return "No orders."
    lines = ["Orders (net points per unit; negative = credit received; slippage against the mid when decided)"]
    lines.append(f"  {'ref':<28}{'at':<13}{'rule':<12}{'qty':>4}{'mid':>8}{'limit':>8}{'fill':>8}{'slip':>7}  state")
    for o in rows:
        lines.append(
            f"  {o['ref']:<28}{moment(o['at']):<13}{o['rule']:<12}{o['quantity']:>4}"
            f"{_f(o['mid_points'], 8, 2)}{_f(o['limit_points'], 8, 2)}{_f(o['fill_points'], 8, 2)}"
            f"{_f(o['slippage_points'], 7, 2)}  {o['state']}"
        )
    return "\n".join(lines)


def _refusals(rows: list[Json]) -> str:
    refused = [v for v in rows if not v["approved"]]
    texts = Counter(v["text"] for v in refused)
    return _list("Refused by the gate", [f"{n} x {text}" for text, n in texts.most_common(10)])


def _declined(rows: list[Json]) -> str:
    told = Counter((d["rule"], d["text"]) for d in rows if d["verdict"] == "decline")
    return _list("Not done, because", [f"{n:>4} x {rule}: {text}" for (rule, text), n in told.most_common(15)])


def _caps(rows: list[Json]) -> str:
    if not rows:
        return ""
    lines = ["Caps at their fullest (share of the cap, when)"]
    for c in rows:
        word = "at least" if c["floor"] else "of at most"
        share = "-" if c["share_pct"] is None else f"{c['share_pct']:.0f} %"
        lines.append(
            f"  {c['code']:<10}{c['name']:<24}{_f(c['worst'], 9, 2)} {word:<10}{c['cap']:>9,.2f} {c['unit']:<12}"
            f"{share:>7}  {moment(c['at'])}"
        )
    return "\n".join(lines)


def _money(days: list[Json]) -> str:
    """Each session's change of worth by holder and greek, beside the broker's figure."""
    names = ("delta", "gamma", "vega", "theta", "cross", "trading", "settlement", "fees", "residual", "total")
    titles = ("delta", "gamma", "vega", "theta", "cross", "fills", "settled", "fees", "residual", "total")
    lines: list[str] = []
    for day in days:
        told, money = day["attribution"], day["money"]
        if told is None or not told["rows"]:
            continue
        head = f"  {day['session']:<18}" + "".join(f"{name:>9}" for name in titles)
        lines += [head] + [
            f"  {row['holder']:<18}" + "".join(_f(row[f"{name}_usd"], 9, 0) for name in names) for row in told["rows"]
        ]
        lines.append(
            f"    equity {_f(money['equity_end_usd'], 0, 2)}, change {_f(money['change_usd'], 0, 2)}, "
            f"difference to ours {_f(day['difference_usd'], 0, 2)}; cash {_f(money['cash_end_usd'], 0, 2)}, "
            f"fees {_f(money['fees_usd'], 0, 2)}, not explained {_f(money['other_cash_usd'], 0, 2)}"
        )
        if words := beta_words(told["beta"]):
            lines.append(f"    {words}")
    return "" if not lines else "\n".join(["Profit and loss by greek (dollars)", *lines])


def _near(rules: list[Json]) -> str:
    rows = [
        f"{moment(n['at'])}  {r['rule']} {n['subject']}: {n['text']} ({100 * n['near']:.1f} % away)"
        for r in rules
        for n in r["near_misses"]
    ]
    return _list("Near misses (within 10 % of a threshold, not done)", rows[:20])


def _next(tomorrow: Json) -> list[str]:
    if tomorrow["session"] is None:
        return []
    rows = [f"{r['kind']} on {moment(r['at'])}" for r in tomorrow["releases"]]
    rows += [f"{w['purpose']} {w['owner']} by {w['rule']}, if nothing changes" for w in tomorrow["would_send"]]
    early = ", early close" if tomorrow["early_close"] else ""
    return [f"next session {tomorrow['session']}{early}", *rows]


def _timed(title: str, rows: list[Json], key: str) -> str:
    return _list(
        title,
        [f"{moment(r['at'], seconds=True)}  {r[key]}  {r.get('text') or r.get('reason', '')}" for r in rows[:40]],
    )


def _list(title: str, rows: list[str]) -> str:
    return "" if not rows else "\n".join([title, *(f"  {row}" for row in rows)])


def _f(value: Any, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width},.{digits}f}"
