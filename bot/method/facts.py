"""What a journal tells about the method: samples of the desk, orders by walk, decisions, refusals; nothing judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.journal import reader
from strategies.domain import events as ev
from strategies.domain.book import Fill
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.session import session_date

Json = dict[str, Any]
HEDGE_RULES = ("A-", "T-REG-3", "K-SIZE-2", "X-EXEC")


@dataclass(slots=True)
class Sample:
    """One look of the desk, about once a minute (see DeskSample): points, net vega normalised; None where not known.

    `regime` is what entries obey, the more stressed of reading and official regime; `official` the debounced one, as
    T-REG-1 last told it.
    """

    at: datetime
    day: str
    regime: str
    official: str
    tier: int
    b12_points: float | None
    net_n: float | None
    low_n: float | None
    high_n: float | None
    condors: bool
    unknown: str


@dataclass(slots=True)
class Said:
    """One recorded decision."""

    at: datetime
    rule: str
    subject: str
    verdict: str
    text: str
    inputs: Json


@dataclass(slots=True)
class Walk:
    """A row of orders for one purpose: whose, by which rule, when asked and working first and filled last.

    `filled_contracts` and `cash_usd` are of all legs together; `sent` is how many orders it took.
    """

    chain: str
    owner: str
    rule: str
    purpose: str
    slots: tuple[int, ...]
    text: str
    asked_at: datetime
    working_at: datetime | None = None
    filled_at: datetime | None = None
    quantity: int = 0
    sent: int = 0
    filled_contracts: int = 0
    cash_usd: float = 0.0
    refs: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Denied:
    """An order of the hedge that the gate refused."""

    at: datetime
    ref: str
    code: str


@dataclass(slots=True)
class Facts:
    """Everything in order of time."""

    days: list[str]
    samples: list[Sample]
    said: list[Said]
    walks: list[Walk]
    denied: list[Denied]


def gather(journal: Path) -> Facts:
    """One pass through a journal. Raises JournalError."""
    found = Facts([], [], [], [], [])
    walks: dict[str, Walk] = {}
    by_ref: dict[str, Walk] = {}
    official = "unknown"
    for outcome in reader.read_outcomes(journal):
        day, body = session_date(outcome.at), outcome.body
        if not found.days or found.days[-1] != day:
            found.days.append(day)
        said = list(_said(body))
        found.said.extend(said)
        official = next((name for row in reversed(said) if (name := _official(row))), official)
        if body.get("sample"):
            found.samples.append(_sample(outcome.at, day, body["sample"], official))
        for action in body.get("actions", ()):
            if action["type"] == "submit":
                _asked(outcome.at, action["intent"], walks, by_ref)
        for move in body.get("moves", ()):
            if move["what"] == "order" and move["after"] == "working" and move["subject"] in by_ref:
                walk = by_ref[move["subject"]]
                walk.working_at = walk.working_at or outcome.at
        for verdict in body.get("verdicts", ()):
            if not verdict["approved"] and verdict["ref"].startswith(HEDGE_OWNER):
                found.denied.append(Denied(outcome.at, verdict["ref"], verdict["code"] or "?"))
    _book(journal, by_ref)
    found.walks.extend(walks.values())
    return found


def _official(row: Said) -> str:
    """The official regime that a decision of T-REG-1 names; empty for another decision."""
    found = re.search(r"officially (\w+)$", row.text) if row.rule == "T-REG-1" else None
    return "" if found is None else found[1]


def _sample(at: datetime, day: str, told: Json, official: str) -> Sample:
    return Sample(
        at=at,
        day=day,
        regime=told["regime"],
        official=official,
        tier=told["tier"],
        b12_points=told.get("front_minus_second_points"),
        net_n=told.get("net_vega_n"),
        low_n=told.get("low_n"),
        high_n=told.get("high_n"),
        condors=bool(told.get("condors_usd_per_vix_point")) or bool(told.get("unknown")),
        unknown=told.get("unknown", ""),
    )


def _said(body: Json) -> Iterator[Said]:
    for row in body.get("decisions", ()):
        if row["rule"].startswith(HEDGE_RULES) or row["rule"] in ("T-REG-1", "T-TIER-1"):
            at = datetime.fromisoformat(row["at"])
            yield Said(at, row["rule"], row["subject"], row["verdict"], row["text"], row["inputs"])


def _asked(at: datetime, intent: Json, walks: dict[str, Walk], by_ref: dict[str, Walk]) -> None:
    walk = walks.get(intent["chain_ref"])
    if walk is None:
        slots = tuple(dict.fromkeys(leg["slot"] for leg in intent["legs"] if leg["slot"] is not None))
        walk = walks[intent["chain_ref"]] = Walk(
            chain=intent["chain_ref"],
            owner=intent["owner"],
            rule=intent["rule"],
            purpose=intent["purpose"],
            slots=slots,
            text=intent["text"],
            asked_at=at,
            quantity=intent["quantity"],
        )
    walk.sent += 1
    walk.refs.add(intent["ref"])
    by_ref[intent["ref"]] = walk


def _book(journal: Path, by_ref: dict[str, Walk]) -> None:
    """Executions, each once, a correction in place of what it corrects."""
    fills: dict[str, Fill] = {}
    for envelope in reader.read_facts(journal, ev.Filled):
        if isinstance(envelope.event, ev.Filled):
            fill = envelope.event.fill
            known = fills.get(fill.base_id)
            if known is None or fill.revision > known.revision:
                fills[fill.base_id] = fill
    for fill in fills.values():
        walk = by_ref.get(fill.ref or "")
        if walk is not None:
            walk.filled_contracts += fill.quantity
            walk.cash_usd += fill.cash_usd
            walk.filled_at = fill.at if walk.filled_at is None else max(walk.filled_at, fill.at)
