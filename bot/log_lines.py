"""What a step says in the log: one flat line per fact, decision, verdict, move, fill and alert; pure, and its schema.

The same lines are made for the log files as the bot lives and from the journal afterwards (`condor log --journal`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from bot.actions import Alert
from bot.engine.outcome import Move
from risk.gate import Verdict
from strategies.domain import events as ev
from strategies.domain.book import Fill
from strategies.domain.decision import Decision, Scalar

LEVELS = ("debug", "info", "warning", "critical")
_NO_LINE = (ev.QuotesUpdated, ev.TimerFired, ev.AccountReported, ev.CommissionReported)
"""Facts of every second: the journal has them, a log of them would drown the rest."""


class Line(NamedTuple):
    """A line before it has its common fields: how loud, what it is, and its own fields."""

    level: str
    event: str
    fields: dict[str, Any]


class _Common(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="event"):
    """In every line. `at` is market time in UTC, `seq` the journal's fact, `session` the New York trade date, `config`
    the hash of the configuration."""

    at: datetime
    seq: int
    session: str
    config: str
    level: Literal["debug", "info", "warning", "critical"]


class FactLine(_Common, tag="fact"):
    """A fact arrived (only with run.log_level = "debug"); `fact` is its type in the journal."""

    fact: str


class FillLine(_Common, tag="fill"):
    """An execution of one leg; `price_points` per share, `quantity` contracts, `ref` null where it is not ours."""

    ref: str | None
    exec_id: str
    con_id: int
    side: Literal["BUY", "SELL"]
    quantity: int
    price_points: float


class DecisionLine(_Common, tag="decision"):
    """A rule looked. `near` is how far it was from its threshold, a share of it; `ref` the order that followed."""

    rule: str
    subject: str
    verdict: Literal["act", "hold", "decline"]
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None
    ref: str | None


class VerdictLine(_Common, tag="verdict"):
    """The gate's word on an order: `code` of the first check that failed, how many `checks` were made, all `failed`."""

    ref: str
    approved: bool
    code: str | None
    text: str
    checks: int
    failed: list[str]


class MoveLine(_Common, tag="move"):
    """A condor, an order or a slot of the hedge (`what`) changed state."""

    what: str
    subject: str
    before: str
    after: str
    text: str


class AlertLine(_Common, tag="alert"):
    """Something a person should hear; `key` says what counts as the same again."""

    key: str
    text: str


AnyLine = FactLine | FillLine | DecisionLine | VerdictLine | MoveLine | AlertLine


def schema() -> dict[str, Any]:
    """JSON schema of a line."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(AnyLine)}


def of_event(event: ev.AnyEvent) -> Iterator[Line]:
    """The line of a fact, if it has one."""
    if isinstance(event, ev.Filled):
        yield Line("info", "fill", _fill_fields(event.fill))
    elif not isinstance(event, _NO_LINE):
        yield Line("debug", "fact", {"fact": type(event).__struct_config__.tag})


def of_decision(d: Decision) -> Line:
    """The line of a decision."""
    fields = {
        "rule": d.rule, "subject": d.subject, "verdict": d.verdict.value, "text": d.text, "inputs": d.inputs,
        "thresholds": d.thresholds, "near": d.near, "ref": d.intent_ref,
    }  # fmt: skip
    return Line("info", "decision", fields)


def of_verdict(v: Verdict) -> Line:
    """The line of a verdict."""
    failed = [c.code for c in v.checks if not c.passed]
    fields = {
        "ref": v.ref, "approved": v.approved, "code": v.code, "text": v.text, "checks": len(v.checks), "failed": failed
    }  # fmt: skip
    return Line("info", "verdict", fields)


def of_move(move: Move) -> Line:
    """The line of a move."""
    names = ("what", "subject", "before", "after", "text")
    return Line("info", "move", {name: getattr(move, name) for name in names})


def of_alert(alert: Alert) -> Line:
    """The line of an alert, as loud as the alert."""
    return Line(alert.level.value, "alert", {"key": alert.key, "text": alert.text})


def _fill_fields(fill: Fill) -> dict[str, Any]:
    return {
        "ref": fill.ref,
        "exec_id": fill.exec_id,
        "con_id": fill.con_id,
        "side": fill.side.value,
        "quantity": fill.quantity,
        "price_points": fill.price_points,
    }


def topic(line: dict[str, Any]) -> str:
    """What `condor log --event` looks at: `decision.C-ENTRY-4`, `verdict.C06`, `move.condor`, `alert.latch.kill`,
    `fact.link_changed`, `fill`."""
    names = {"decision": "rule", "verdict": "code", "move": "what", "alert": "key", "fact": "fact"}
    event = str(line.get("event"))
    detail = line.get(names.get(event, ""))
    if event == "verdict" and detail is None:
        detail = "approved"
    return event if detail is None else f"{event}.{detail}"
