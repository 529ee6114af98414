"""The report in words: the verdict a person reads first, and the closing lines of a simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bot.report.build import build
from bot.report.collect import Json


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
    """What happened, in a few sentences with numbers."""
    condors = [c for c in report["condors"] if c["quantity"]]
    closed = [c for c in condors if c["state"] in ("closed", "settled")]
    still = [c for c in condors if c not in closed]
    rules = Counter(c["exit_rule"] or "settlement" for c in closed)
    lines = [
        f"{_count(len(condors), 'condor')} sold, {len(closed)} ended"
        + (f" ({', '.join(f'{n} by {rule}' for rule, n in sorted(rules.items()))})" if rules else "")
        + f", {len(still)} still open."
    ]
    known = [c["pnl_usd"] for c in condors if c["pnl_usd"] is not None]
    lines.append(f"Profit and loss of the condors after commissions: {sum(known):+,.0f} dollars.")
    if len(known) < len(condors):
        lines.append(
            f"The value of {_count(len(condors) - len(known), 'condor')} is unknown: an open leg has no quote."
        )
    denied = [v for v in report["verdicts"] if not v["approved"]]
    if denied:
        codes = Counter(v["code"] for v in denied)
        what = ", ".join(f"{n} by {code}" for code, n in codes.most_common(4))
        lines.append(f"The gate refused {_count(len(denied), 'order')}: {what}.")
    blind = sum(s["blind_s"] for s in report["sessions"])
    reconnects = sum(s["reconnects"] for s in report["sessions"])
    if reconnects or blind:
        lines.append(f"{_count(reconnects, 'reconnect')}, {blind:,.0f} s of market time without a link.")
    slippage = report["slippage"]
    if slippage["share_of_half_spread_pct"] is not None:
        lines.append(
            f"Fills cost {slippage['points']:.2f} points against the mid, "
            f"{slippage['share_of_half_spread_pct']:.0f} % of the half-spread."
        )
    needs = report["needs_you"]
    lines.append("Nothing needs you." if not needs else "Needs you: " + "; ".join(needs[:5]))
    return lines


def closing_words(state_dir: Path, notes: tuple[str, ...]) -> Words:
    """Reads the journal just written, saves the reports and says what happened."""
    from bot.report.text import render

    report = build(state_dir, "all")
    folder = state_dir / "reports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "all.txt"
    path.write_text(render(report), encoding="utf-8")
    told = verdict(report)
    if notes:
        told.append(f"The world made {_count(len(notes), 'substitution')}; see {folder / 'world-notes.txt'}.")
        (folder / "world-notes.txt").write_text("\n".join(notes) + "\n", encoding="utf-8")
    return Words(tuple(told), f"{path} (or: condor report all --state {state_dir})")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
