"""The report in words: the verdict a person reads first, and the closing lines of a simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.report.facts import Json
from strategies.domain.session import session_date


@dataclass(frozen=True, slots=True)
class Words:
    """Closing sentences and the file where the rest is."""

    lines: tuple[str, ...]
    report: str

    def render(self) -> str:
        """The sentences, one per line."""
        return "\n".join((*self.lines, f"Report: {self.report}"))

    def as_dict(self) -> Json:
        """For --json."""
        return {"words": list(self.lines), "report": self.report}


def verdict(report: Json) -> list[str]:
    """What happened, in a few sentences with numbers; whether a person is needed comes last."""
    lines = [_condors(report), *_money(report)]
    denied = [v for v in report["verdicts"] if not v["approved"]]
    if denied:
        codes = Counter(v["code"] for v in denied)
        what = ", ".join(f"{n} by {code}" for code, n in codes.most_common(4))
        lines.append(f"The gate refused {_count(len(denied), 'order')}: {what}.")
    rejected = sum(1 for order in report["orders"] if order["state"] == "rejected")
    if rejected:
        lines.append(f"The broker rejected {_count(rejected, 'order')}.")
    blind = sum(s["blind_s"] for s in report["sessions"])
    reconnects = sum(s["reconnects"] for s in report["sessions"])
    if reconnects or blind:
        lines.append(f"{_count(reconnects, 'reconnect')}, {blind:,.0f} s of market time without a link.")
    slippage = report["slippage"]
    if slippage["share_of_half_spread_pct"] is not None:
        lines.append(
            f"Fills cost {slippage['points']:.2f} points against the mid, "
            f"{slippage['share_of_half_spread_pct']:.0f} % of the half-spread."
            if slippage["points"] >= 0
            else f"Fills were {-slippage['points']:.2f} points better than the mid."
        )
    needs = report["needs_you"]
    lines.append("Nothing needs you." if not needs else "Needs you: " + "; ".join(row["text"] for row in needs[:5]))
    return lines


def _condors(report: Json) -> str:
    condors = [c for c in report["condors"] if c["quantity"]]
    closed = [c for c in condors if c["state"] in ("closed", "settled")]
    rules = Counter(c["exit_rule"] or "settlement" for c in closed)
    by = f" ({', '.join(f'{n} by {rule}' for rule, n in sorted(rules.items()))})" if rules else ""
    still = len(condors) - len(closed)
    if report["kind"] != "session":
        return f"{_count(len(condors), 'condor')} sold, {len(closed)} ended{by}, {still} still open."
    day = report["sessions"][0]["session"]
    sold = sum(1 for c in condors if any(s["state"] == "open" and _on(s["at"], day) for s in c["states"][:8]))
    moved = sum(1 for m in report["days"][0]["lattice"]["moves"] if m["filled"])
    hedge = f" {_count(moved, 'trade')} of the hedge." if moved else ""
    return f"{_count(sold, 'condor')} sold, {len(closed)} ended{by}, {still} still open.{hedge}"


def _on(at: str, day: str) -> bool:
    return session_date(datetime.fromisoformat(at)) == day


def _money(report: Json) -> list[str]:
    """What the change of equity is made of; without it the condors' result."""
    days = report["days"]
    if all(d["attribution"] is not None and d["money"]["change_usd"] is not None for d in days):
        rows = [row for d in days for row in d["attribution"]["rows"]]
        hedge = sum(r["total_usd"] - r["fees_usd"] for r in rows if r["holder"] in ("L1", "L2", "L3"))
        rest = sum(r["total_usd"] - r["fees_usd"] for r in rows if r["holder"] not in ("L1", "L2", "L3", "other"))
        other = sum(r["total_usd"] - r["fees_usd"] for r in rows if r["holder"] == "other")
        fees = sum(d["money"]["fees_usd"] for d in days)
        parts = f"condors {rest:+,.0f}, hedge {hedge:+,.0f}, fees {-fees:+,.0f}"
        parts += f", not ours {other:+,.0f}" if other else ""
        gap = sum(d["difference_usd"] or 0.0 for d in days)
        marks = f", the broker's other marks {gap:+,.0f}" if abs(gap) >= 0.5 else ""
        change = sum(d["money"]["change_usd"] for d in days)
        return [f"Equity {change:+,.0f} dollars ({parts}{marks})."]
    condors = [c for c in report["condors"] if c["quantity"]]
    known = [c["pnl_usd"] for c in condors if c["pnl_usd"] is not None]
    lines = [f"Profit and loss of the condors after commissions: {sum(known):+,.0f} dollars."]
    if len(known) < len(condors):
        lines.append(
            f"The value of {_count(len(condors) - len(known), 'condor')} is unknown: an open leg has no quote."
        )
    return lines


def closing_words(state_dir: Path, notes: tuple[str, ...]) -> Words:
    """Reads the journal just written, saves the reports and says what happened."""
    from bot.report.build import build
    from bot.report.files import FOLDER, file_name, rendered, write

    report, last = build(state_dir, "all"), build(state_dir, "last")
    folder = state_dir / FOLDER
    page = folder / file_name(last, "html")
    write(folder / file_name(report, "text"), rendered(report, "text"))
    write(page, rendered(last, "html"))
    told = verdict(report)
    if notes:
        told.append(f"The world made {_count(len(notes), 'substitution')}; see {folder / 'world-notes.txt'}.")
        write(folder / "world-notes.txt", "\n".join(notes) + "\n")
    return Words(tuple(told), f"{page} (all sessions: {folder / file_name(report, 'text')})")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
