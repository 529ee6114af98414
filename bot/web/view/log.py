"""Log lines for people: decisions, verdicts, moves, fills, commands and alerts in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from bot.web.gathered import Entry, LinkSeen
from bot.web.view.numbers import Json, rounded, stamp
from strategies.domain.control import LinkState
from strategies.domain.instruments import Instrument, describe

TEXT_KEPT = 500
"""A line longer than this comes from outside or from a bug; the journal has all of it."""


def lines(entries: Iterable[Entry], instruments: Mapping[int, Instrument]) -> list[Json]:
    """One line each: `number`, `at`, `kind`, `tone` (acted, held, refused, fault, fact), `rule`, `subject`, `text`,
    and `detail`, what was seen and what it was compared with."""
    return [line(entry, instruments) for entry in entries]


def line(entry: Entry, instruments: Mapping[int, Instrument]) -> Json:
    """One line; a value of a kind not known here is shown by its type's name."""
    shaped = _fill(entry.what, instruments) if entry.kind == "fill" else _SHAPES.get(entry.kind, _other)(entry.what)
    shaped["text"] = str(shaped["text"])[:TEXT_KEPT]
    return {"number": entry.number, "at": stamp(entry.at), "kind": entry.kind, **shaped}


def _decision(what: Any) -> Json:
    tone = {"act": "acted", "hold": "held", "decline": "refused"}[what.verdict.value]
    return {
        "tone": tone,
        "rule": what.rule,
        "subject": what.subject,
        "verdict": what.verdict.value,
        "text": what.text,
        "near": rounded(what.near, 3),
        "ref": what.intent_ref,
        "detail": {"seen": _plain(what.inputs), "demanded": _plain(what.thresholds)},
    }


def _verdict(what: Any) -> Json:
    failed = [check for check in what.checks if not check.passed]
    return {
        "tone": "acted" if what.approved else "refused",
        "rule": what.code or "gate",
        "subject": what.ref,
        "verdict": "approved" if what.approved else "denied",
        "text": what.text,
        "detail": {
            "checks": len(what.checks),
            "failed": [f"{c.code} {c.name}: {c.text}"[:TEXT_KEPT] for c in failed],
        },
    }


def _move(what: Any) -> Json:
    text = f"{what.before} -> {what.after}" + (f": {what.text}" if what.text else "")
    return {"tone": "fact", "rule": what.what, "subject": what.subject, "verdict": what.after, "text": text}


def _fill(what: Any, instruments: Mapping[int, Instrument]) -> Json:
    contract = instruments.get(what.con_id)
    name = describe(contract) if contract is not None else f"contract {what.con_id}"
    return {
        "tone": "fact",
        "rule": "fill",
        "subject": what.ref or "not ours",
        "verdict": what.side.value.lower(),
        "text": f"{what.side.value} {what.quantity} {name} at {what.price_points:g}",
    }


def _command(what: Any) -> Json:
    verb = getattr(what, "verb", None)
    word = "kill" if verb is None else verb.value
    return {
        "tone": "fault" if word == "kill" else "fact",
        "rule": "operator",
        "subject": what.who,
        "verdict": word,
        "text": what.reason,
    }


def _alert(what: Any) -> Json:
    level = what.level.value
    tone = "fact" if level == "info" else "fault"
    said = "" if level == "info" else level
    return {"tone": tone, "rule": what.key, "subject": "", "verdict": said, "text": what.text}


def _other(what: Any) -> Json:
    return {"tone": "fact", "rule": "", "subject": "", "verdict": "", "text": type(what).__name__}


_SHAPES = {
    "decision": _decision,
    "verdict": _verdict,
    "move": _move,
    "command": _command,
    "alert": _alert,
}


def _plain(values: dict[str, Any]) -> Json:
    """Numbers in full, so that a threshold can be compared by eye; whatever JSON has no word for as text."""
    found: Json = msgspec.to_builtins(values, enc_hook=str)
    return {key: rounded(v, 6) if isinstance(v, float) else v for key, v in found.items()}


def blind_spans(links: Iterable[LinkSeen], now: datetime) -> list[Json]:
    """Stretches without a usable link, with their reasons: `from`, `to` (None: still), seconds of market time."""
    spans: list[Json] = []
    since: LinkSeen | None = None
    for seen in links:
        if seen.state is LinkState.UP:
            if since is not None:
                spans.append(_span(since, seen.at))
            since = None
        elif since is None:
            since = seen
    if since is not None:
        spans.append({**_span(since, now), "to": None})
    return spans


def _span(since: LinkSeen, until: datetime) -> Json:
    return {
        "from": stamp(since.at),
        "to": stamp(until),
        "seconds": rounded((until - since.at).total_seconds(), 0),
        "state": since.state.value,
        "reason": since.reason[:TEXT_KEPT],
    }
