"""Why something was done, or not: decisions and verdicts about a subject in words, newest last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.journal import reader
from bot.report.collect import Json


def explain(state_dir: Path, subject: str, rule: str | None, count: int) -> list[Json]:
    """The last `count` decisions and verdicts about a condor id, an order ref, `entry`, or anything (`last`)."""
    rows: list[Json] = []
    for outcome in reader.read_outcomes(state_dir / "journal.sqlite3"):
        for decision in outcome.body.get("decisions", ()):
            if _about(decision["subject"], decision.get("intent_ref"), subject) and rule in (None, decision["rule"]):
                rows.append({"seq": outcome.cause_seq, "kind": "decision", **decision, "words": _decision(decision)})
        for verdict in outcome.body.get("verdicts", ()):
            if rule is None and _about(verdict["ref"], verdict["ref"], subject):
                at = outcome.at.isoformat()
                rows.append(
                    {"seq": outcome.cause_seq, "kind": "verdict", "at": at, **verdict, "words": _verdict(at, verdict)}
                )
        del rows[:-count]
    return rows


def _about(name: str, ref: str | None, subject: str) -> bool:
    return subject in ("last", name, ref) or (ref or name).startswith(subject + ".")


def _decision(d: Json) -> str:
    lines = [f"{d['at'][:19].replace('T', ' ')}Z  {d['rule']}  {d['subject']}: {d['verdict'].upper()} - {d['text']}"]
    if d.get("inputs"):
        lines.append("  saw     " + _pairs(d["inputs"]))
    if d.get("thresholds"):
        lines.append("  against " + _pairs(d["thresholds"]))
    if d.get("near") is not None:
        lines.append(f"  distance to the threshold: {100 * d['near']:.1f} % of it")
    return "\n".join(lines)


def _verdict(at: str, v: Json) -> str:
    lines = [
        f"{at[:19].replace('T', ' ')}Z  gate  {v['ref']}: {'APPROVED' if v['approved'] else 'DENIED'} - {v['text']}"
    ]
    failed = [c for c in v["checks"] if not c["passed"]]
    lines += [
        f"  {c['code']} {c['name']}: {c['observed']} against {c['cap']} {c['unit']}" for c in failed or v["checks"]
    ]
    return "\n".join(lines)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.items())
