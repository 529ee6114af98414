"""The shape of the report's JSON: the schema in docs/report.schema.json is made from these, a test holds reports to it.

Units stand in the names. Moments are ISO 8601 in UTC, days ISO dates in New York. None (null) is what was not known.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bot.report.shape_conduct import Ended, Gate, Governance, Need, Rule, Slippage, Tomorrow, Walk, Week
from bot.report.shape_day import Day
from bot.report.shape_rows import Alert, Cap, Condor, Decision, Fault, Fill, Operator, Order, Row, Session, Verdict


class JournalPart(Row):
    """The records the report is made of; `hash` over facts and outcomes, of a single session only."""

    first_seq: int
    last_seq: int
    events: int
    hash: str | None


class Replay(Row):
    """The last replay of these sessions: identical, diverged or not run; by which code; records that came after."""

    status: str
    session: str | None
    events: int | None
    outcomes: int | None
    first_divergence: str | None
    code: str | None
    records_since: int | None


class Report(Row):
    """The whole report of a session, a week or all sessions."""

    kind: str
    account: str
    simulated: bool
    verdict: list[str]
    needs_you: list[Need]
    settled_alerts: list[Ended]
    sessions: list[Session]
    days: list[Day]
    condors: list[Condor]
    decisions: list[Decision]
    verdicts: list[Verdict]
    orders: list[Order]
    fills: list[Fill]
    execution: list[Walk]
    slippage: Slippage
    weeks: list[Week]
    gate: Gate
    caps: list[Cap]
    rules: list[Rule]
    faults: list[Fault]
    alerts: list[Alert]
    operator: list[Operator]
    governance: Governance
    due: list[str]
    tomorrow: Tomorrow
    journal: JournalPart
    replay: Replay


def held_to_shape(report: dict[str, Any]) -> Report:
    """The report as typed rows. Raises msgspec.ValidationError naming the first key that is missing or not listed."""
    return msgspec.convert(report, Report)


def schema() -> dict[str, Any]:
    """JSON schema of the report."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Report)}
