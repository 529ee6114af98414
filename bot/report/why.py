"""Why something was done, or not: decisions and verdicts about a subject explained, newest last.

Each is shown with its rule and that rule's sources, what it saw and how old that was, what it compared with, how far
it was from the other answer and what would have turned it. `nothing` tells which rules had been looked at by a moment
and what each said; `near` lists near misses, `refused` the gate's denials.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bot.journal import reader
from bot.report.ages import Ages, ordered_legs
from bot.rules.catalogue import Rule, catalogue
from bot.rules.distance import NEAR_SHARE, gaps, in_words, near_miss, would_change
from bot.rules.text import clock, pairs, wrapped
from strategies.domain import events as ev
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.session import session_date

Json = dict[str, Any]
NEAR, REFUSED, NOTHING = "near", "refused", "nothing"
ENTRY, HEDGE = "entry", "hedge"
GROUPS = (ENTRY, HEDGE)
"""Subjects that many rules speak of at each look: without a rule the answer is the last word of each."""

OWN = "own"
"""Source of a rule that no statement of the rule book asks for: the rule's own words stand instead."""

_OWN_LIMITS = ("s", "points", "contracts", "orders per minute")
"""Units of limits that an order has by itself."""

_BRIEF = 6
"""Values told of a decision in a list of many; by its rule they are all told."""

_WEIGHT = {"hold": 0, "act": 1}
"""What is told first; a decline or a denial comes last, nearest to the reader."""

TELLING = ("last", NEAR, REFUSED, NOTHING)
"""Subjects that are no name of a thing."""


def explain(
    state_dir: Path, subject: str, rule: str | None = None, count: int = 5, until: datetime | None = None
) -> list[Json]:
    """The last `count` decisions and verdicts about a condor id, an order ref, a slot or anything (`last`), up to
    `until`; of `entry`, `hedge` and `nothing` the last word of each rule in that session, what stood in the way at the
    end. Raises JournalError."""
    path = state_dir / "journal.sqlite3"
    outcomes = [one for one in reader.read_outcomes(path) if until is None or one.at <= until]
    told = every(outcomes)
    rows = [row for row in told if _wanted(row, subject, rule)]
    if subject == NOTHING or _grouped(subject, rule):
        rows = standing(rows, until)
    asked = asking(told, submitted(outcomes).get(subject)) if rule is None else None
    chosen = [*([asked] if asked is not None and asked not in rows else []), *rows[-count:]]
    enrich(path, chosen, outcomes)
    for row in chosen:
        brief = subject == NOTHING or (_grouped(subject, rule) and row.get("verdict") == "hold")
        row["words"] = _briefly(row) if brief else _decision(row) if row["kind"] == "decision" else _verdict(row)
    return chosen


def answer(rows: Iterable[Json], subject: str, rule: str | None = None) -> str:
    """The answers below each other: brief ones line by line, whole ones apart."""
    lines: list[str] = []
    for row in rows:
        brief = subject == NOTHING or (_grouped(subject, rule) and row.get("verdict") == "hold")
        lines += [row["words"]] if brief or not lines else ["", row["words"]]
    return "\n".join(lines)


def _grouped(subject: str, rule: str | None) -> bool:
    return subject in GROUPS and rule is None


def every(outcomes: Iterable[reader.Outcome]) -> list[Json]:
    """Every decision and verdict, in order, as they were recorded."""
    return list(_rows(outcomes))


def _rows(outcomes: Iterable[reader.Outcome]) -> Iterator[Json]:
    for outcome in outcomes:
        for decision in outcome.body.get("decisions", ()):
            yield {"seq": outcome.cause_seq, "kind": "decision", **decision}
        for verdict in outcome.body.get("verdicts", ()):
            code = verdict["code"] or ""
            at = outcome.at.isoformat()
            named = catalogue().of_check(code) or code
            yield {
                "seq": outcome.cause_seq,
                "kind": "verdict",
                "at": at,
                "rule": named,
                "subject": verdict["ref"],
                **verdict,
            }


def _wanted(row: Json, subject: str, rule: str | None) -> bool:
    if rule is not None and row["rule"] != rule:
        return False
    decision = row["kind"] == "decision"
    if subject == NEAR:
        return decision and _missed(row)
    if subject == REFUSED:
        return not decision and row["approved"] is False
    if subject == NOTHING:
        return decision and str(row["verdict"]) != "act"
    if subject == HEDGE:
        return of_hedge(row)
    return _about(row["subject"], row.get("intent_ref"), subject)


def of_hedge(row: Json) -> bool:
    """Whether it is about the hedge: its rules, its slots and layers, what condors ask of it, its refused orders."""
    name: str = row["subject"]
    if row["kind"] == "verdict":
        return name.startswith(f"{HEDGE_OWNER}-") and row["approved"] is False
    mine = name in (HEDGE, HEDGE_OWNER) or name.startswith((f"{HEDGE_OWNER}-", "layer "))
    return mine or row["rule"].startswith("A-")


class Submitted(NamedTuple):
    """An order as it was handed over: the record whose step did it, and its intent."""

    seq: int
    intent: Json


def submitted(outcomes: Iterable[reader.Outcome]) -> dict[str, Submitted]:
    """Every order by its reference."""
    return {
        action["intent"]["ref"]: Submitted(outcome.cause_seq, action["intent"])
        for outcome in outcomes
        for action in outcome.body.get("actions", ())
        if action["type"] == "submit"
    }


def asking(rows: Iterable[Json], order: Submitted | None) -> Json | None:
    """The decision of the rule that an order names, the last one before it: an answer to act if there is one."""
    if order is None:
        return None
    mine = [row for row in rows if row["kind"] == "decision" and row["rule"] == order.intent["rule"]
            and row["seq"] <= order.seq]  # fmt: skip
    names = {order.intent["owner"], *(slot_name(leg["slot"]) for leg in order.intent["legs"] if leg["slot"])}
    about = [row for row in mine if row["subject"] in names] or mine
    acts = [row for row in about if row["verdict"] == "act"]
    told = acts or about
    return told[-1] if told else None


def _missed(row: Json) -> bool:
    """Whether it fell short of its answer by a tenth of a threshold or less."""
    told = catalogue().rules.get(row["rule"])
    if told is not None and gaps(told, row):
        return near_miss(told, row) is not None
    near = row.get("near")
    return bool(row["verdict"] == "decline" and near is not None and near <= NEAR_SHARE)


def _about(name: str, ref: str | None, subject: str) -> bool:
    return subject in ("last", name, ref) or (ref or name).startswith(subject + ".")


def standing(rows: Sequence[Json], until: datetime | None) -> list[Json]:
    """What each rule last said about each subject, within the session of the moment asked about; declines and denials
    last. Of denials by one check only the last is left."""
    if not rows:
        return []
    day = session_date(until or datetime.fromisoformat(rows[-1]["at"]))
    last: dict[tuple[str, str], Json] = {}
    for row in rows:
        if session_date(datetime.fromisoformat(row["at"])) == day:
            key = row["rule"], row["subject"] if row["kind"] == "decision" else ""
            last.pop(key, None)
            last[key] = row
    found = list(last.values())
    return sorted(found, key=lambda row: _WEIGHT.get(row.get("verdict", ""), 2))


def enrich(path: Path, rows: list[Json], outcomes: list[reader.Outcome]) -> None:
    """Adds to each row what the catalogue and the facts say about it: title, sources, ages, distance, what would have
    changed it. Raises JournalError."""
    if not rows:
        return
    runs = reader.read_facts(path, ev.RunStarted)
    ages = Ages(path, max(row["seq"] for row in rows), ordered_legs(outcomes))
    for row in sorted(rows, key=lambda row: row["seq"]):
        rule = catalogue().rules.get(row["rule"])
        row["title"] = rule.title if rule is not None else ""
        names = catalogue().honoured_by(row["rule"])
        row["sources"] = [{"id": name, "says": catalogue().statements[name].says} for name in names]
        if not names and rule is not None:
            row["sources"] = [{"id": OWN, "says": rule.says}]
        row["ages"] = ages.at(row)
        run = _run(runs, row["seq"])
        row["config_hash"], row["code_version"] = (run.config_hash, run.code_version) if run is not None else ("", "")
        if row["kind"] == "decision":
            row["conditions"] = [] if rule is None else [gap.text for gap in gaps(rule, row)]
            row["stands"] = "" if rule is None else in_words(rule, row)
            row["would_change"] = [] if rule is None else list(would_change(rule, row)) or _lacking(rule)
            row["near_miss"] = _missed(row)
        else:
            row["stands"], row["would_change"] = _nearest(row)


def _lacking(rule: Rule) -> list[str]:
    """What a rule compares, where its numbers were not all known; nothing for a rule that compares nothing."""
    return [f"it compares {' and '.join(rule.compares)}; not all of it was known"] if rule.compares else []


def _nearest(verdict: Json) -> tuple[str, list[str]]:
    """Of a denial what each failed check lacks; of an approval the limit it came nearest to, and what would have met
    it: a cap of the book (in per cent), of a closing order, which no cap of the book holds up, one of its own."""
    approved = verdict["approved"]
    told = [c for c in verdict["checks"] if c["passed"] is approved and _number(c["observed"]) and _number(c["cap"])]
    limits = [c for c in told if c["cap"]]
    if approved:
        caps = [c for c in limits if c["unit"].startswith("%")]
        limits = caps or [c for c in limits if c["unit"] in _OWN_LIMITS]
    if not limits:
        failed = [f"{c['code']} {c['name']}: {c['text']}" for c in verdict["checks"] if not c["passed"]]
        return "", [f"to be let through: {text}" for text in failed]
    check = min(limits, key=_share)
    name = f"{check['code']} {check['name']}"
    if approved:
        sign = ">" if check["observed"] <= check["cap"] else "<"
        limit = f"{sign} {check['cap']:.6g} {check['unit']} (was {check['observed']:.6g})"
        return f"{100.0 * _share(check):.1f} % from its nearest limit ({name})", [
            f"it would be denied with {name} {limit}"
        ]
    asked = [f"{c['code']} {c['name']} at {c['cap']:.6g} {c['unit']} (was {c['observed']:.6g})" for c in limits]
    away = f"{100.0 * _share(check):.1f} % from being let through ({name})"
    return away, [f"to be let through it needed {'; '.join(asked)}"]


def _share(check: Json) -> float:
    return float(abs(check["observed"] - check["cap"]) / abs(check["cap"]))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _run(runs: list[ev.Envelope], seq: int) -> ev.RunStarted | None:
    """The start of the run that a record belongs to: hash of its configuration, version and hash of the rules' code."""
    told = [one.event for one in runs if one.seq <= seq and isinstance(one.event, ev.RunStarted)]
    return told[-1] if told else None


def _decision(d: Json) -> str:
    title = f" {d['title']}" if d["title"] else ""
    miss = "  NEAR MISS" if d["near_miss"] else ""
    lines = [
        f"{clock(d['at'])}  {d['rule']}{title}",
        wrapped(f"{d['subject']}: {d['verdict'].upper()} - {d['text']}{miss}", "", 2),
    ]
    if d.get("intent_ref"):
        lines.append(wrapped(d["intent_ref"], "order", 11))
    if d.get("inputs"):
        lines.append(wrapped(pairs(d["inputs"]), "saw", 11))
    if d["ages"]:
        lines.append(wrapped(", ".join(f"{source} {age}" for source, age in d["ages"].items()), "aged", 11))
    elif catalogue().rules.get(d["rule"]) is not None:
        lines.append(wrapped("nothing that ages: the clock and the books", "aged", 11))
    if d.get("thresholds"):
        lines.append(wrapped(pairs(d["thresholds"]), "against", 11))
    stands = d["stands"]
    if not stands and d.get("near") is not None:
        stands = f"{100.0 * d['near']:.1f} % from its threshold"
    if stands:
        lines.append(wrapped(stands, "stands", 11))
    lines += [wrapped(text, "turn", 11) for text in d["would_change"]]
    return "\n".join([*lines, *_sources(d)])


def _briefly(d: Json) -> str:
    """A decision in two lines, for a list of many."""
    head = f"{clock(d['at'])[11:]}  {d['rule']:<11}{d['subject']}: {d['verdict'].upper()} - {d['text']}"
    inputs = d.get("inputs") or {}
    seen = d["stands"] or pairs(dict(list(inputs.items())[:_BRIEF])) + (", ..." if len(inputs) > _BRIEF else "")
    return head + (f"\n{wrapped(seen, '', 10)}" if seen else "")


def _verdict(v: Json) -> str:
    by = f"  {v['rule']} {v['title']}".rstrip() if v["rule"] else ""
    lines = [
        f"{clock(v['at'])}  gate{by}",
        wrapped(f"{v['ref']}: {'APPROVED' if v['approved'] else 'DENIED'} - {v['text']}", "", 2),
    ]
    failed = [c for c in v["checks"] if not c["passed"]]
    for check in failed or v["checks"]:
        lines.append(wrapped(f"{check['code']} {check['name']}: {_check(check)}", "check", 11))
    if v["ages"]:
        lines.append(wrapped(", ".join(f"{source} {age}" for source, age in v["ages"].items()), "aged", 11))
    if v["stands"]:
        lines.append(wrapped(v["stands"], "stands", 11))
    lines += [wrapped(text, "turn", 11) for text in v["would_change"]]
    return "\n".join([*lines, *_sources(v)])


def _check(check: Json) -> str:
    observed, cap, unit = check["observed"], check["cap"], check["unit"]
    values = pairs({"": observed, "against": cap}).strip().replace(",", "", 1)
    if not check["passed"] and isinstance(observed, int | float) and isinstance(cap, int | float) and cap:
        return f"{values} {unit}, {100.0 * abs(observed - cap) / abs(cap):.1f} % from its cap"
    return f"{values} {unit}"


def _sources(row: Json) -> list[str]:
    told = [wrapped(f"{source['id']}  {source['says']}", "from", 11) for source in row["sources"]]
    hashes = f"{row['config_hash']}, rules {row['code_version']}"
    return [*told, wrapped(hashes, "config", 11)] if row["config_hash"] else told
