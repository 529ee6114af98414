"""The catalogue with effective values, and with what the journal says each rule saw last."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.journal import reader
from bot.rules.catalogue import Catalogue, Rule, State, catalogue, expanded, worst
from bot.rules.distance import deciding, gaps, in_words, would_change
from bot.settings.layers import flatten
from bot.settings.models import known_keys
from strategies.domain import events as ev
from strategies.domain.session import session_date

Json = dict[str, Any]


def standing(rule: Rule, values: Mapping[str, Any]) -> State:
    """The state with these settings: a rule that runs is off while its switch is."""
    switched_off = bool(rule.switch) and not values.get(rule.switch)
    return State.OFF if switched_off and rule.state is State.RUNS else rule.state


def rows(
    values: Mapping[str, Any], last: Mapping[str, list[Json]] | None = None, only: str | None = None
) -> list[Json]:
    """Every rule (or `only` one) as data: sources, parameters with values, state, and its last decisions by subject."""
    book = catalogue()
    return [
        _row(key, rule, book, values, None if last is None else last.get(key, []))
        for key, rule in book.rules.items()
        if only in (None, key)
    ]


def _row(key: str, rule: Rule, book: Catalogue, values: Mapping[str, Any], last: list[Json] | None) -> Json:
    row: Json = {
        "id": key,
        "title": rule.title,
        "says": rule.says,
        "state": standing(rule, values).value,
        "because": rule.because or (f"{rule.switch} is off" if standing(rule, values) is State.OFF else ""),
        "differs": rule.differs,
        "sources": [{"id": name, "says": book.statements[name].says} for name in book.honoured_by(key)],
        "parameters": {name: values.get(name) for name in expanded(rule.keys, known_keys())},
        "keys": list(rule.keys),
        "conditions": list(rule.compares),
        "when": rule.when,
        "met": rule.met,
        "turns": rule.turns,
        "checks": list(rule.checks),
        "decided": list(rule.decided),
        "tests": list(rule.tests),
    }
    if last is not None:
        row["last"] = [_last(rule, decision) for decision in last]
    return row


def statement(key: str, values: Mapping[str, Any]) -> Json:
    """One statement of the sources: our words, a note, the rules that honour it with their states and tests."""
    book = catalogue()
    row = book.statements[key]
    honouring = [book.rules[name] for name in row.rules]
    states = [standing(rule, values) for rule in honouring]
    return {
        "id": key,
        "says": row.says,
        "note": row.note,
        "because": row.because,
        "state": worst(states) if states else "no rule",
        "rules": [
            {"id": name, "title": rule.title, "says": rule.says, "state": state.value, "tests": list(rule.tests)}
            for name, rule, state in zip(row.rules, honouring, states, strict=True)
        ],
    }


def _last(rule: Rule, decision: Json) -> Json:
    told = deciding(rule, decision)
    return {
        **decision,
        "conditions": [gap.text for gap in gaps(rule, decision)],
        "distance": decision.get("near") if told is None else told[0].share,
        "stands": in_words(rule, decision),
        "would_change": list(would_change(rule, decision)),
    }


def last_decisions(outcomes: Iterable[reader.Outcome]) -> dict[str, list[Json]]:
    """Newest decision of each rule and subject, and newest check of each control under its rule, newest first.

    Of a rule's subjects those of its last session count: a condor closed a week ago stands nowhere any more.
    """
    found: dict[tuple[str, str], Json] = {}
    book = catalogue()
    for outcome in outcomes:
        for decision in outcome.body.get("decisions", ()):
            _newest(found, (decision["rule"], decision["subject"]), {**decision, "seq": outcome.cause_seq})
        for verdict in outcome.body.get("verdicts", ()):
            for check in verdict["checks"]:
                rule = book.of_check(check["code"])
                if rule is not None:
                    row = _check(check, verdict["ref"], outcome)
                    _newest(found, (rule, f"check {check['code']}"), row)
    by_rule: dict[str, list[Json]] = {}
    for (rule, _), row in reversed(found.items()):
        rows = by_rule.setdefault(rule, [])
        if not rows or _session(row) == _session(rows[0]):
            rows.append(row)
    return by_rule


def _session(row: Json) -> str:
    return session_date(datetime.fromisoformat(row["at"]))


def _newest(found: dict[tuple[str, str], Json], key: tuple[str, str], row: Json) -> None:
    found.pop(key, None)
    found[key] = row


def _check(check: Json, ref: str, outcome: reader.Outcome) -> Json:
    """A check of the gate in the form of a decision."""
    observed, cap = check["observed"], check["cap"]
    numbers = isinstance(observed, int | float) and isinstance(cap, int | float) and bool(cap)
    return {
        "at": outcome.at.isoformat(),
        "seq": outcome.cause_seq,
        "rule": check["code"],
        "subject": ref,
        "verdict": "hold" if check["passed"] else "decline",
        "text": check["text"] or check["name"],
        "inputs": {"observed": observed},
        "thresholds": {"cap": cap},
        "near": abs(observed - cap) / abs(cap) if numbers else None,
        "intent_ref": ref,
    }


def recorded_values(state_dir: Path, values: Mapping[str, Any]) -> Json:
    """The settings with which the journal's last run began, over those that the journal does not record."""
    told: Json = dict(values)
    for envelope in reader.read_facts(state_dir / "journal.sqlite3", ev.RunStarted)[-1:]:
        if isinstance(envelope.event, ev.RunStarted):
            told |= _parameters(envelope.event.parameters)
    return told


def _parameters(text: str) -> Json:
    """Parameters as journaled, by the names of the settings they came from."""
    plain: Json = json.loads(text)
    plain["risk"] = plain.pop("limits", {})
    return flatten(plain, known_keys())
