"""Shape of what the journal told, row by row: sessions, condors, decisions, verdicts, orders, fills, faults."""

from __future__ import annotations

from typing import Any

import msgspec

Scalar = float | int | str | bool | None


class Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Base: a key that is not listed is a mistake."""


class State(Row):
    """A state entered, and when."""

    state: str
    at: str


class Change(Row):
    """A setting that differs from the run before."""

    key: str
    before: Any
    after: Any


class Range(Row):
    """First, last, lowest and highest level of a session in points; absent where none was told."""

    first: float | None = None
    last: float | None = None
    low: float | None = None
    high: float | None = None


class Session(Row):
    """One trade date in a row."""

    session: str
    config: str
    config_changes: list[Change]
    code_version: str
    open_at: str | None
    close_at: str | None
    early_close: bool | None
    events: int
    journal: tuple[int, int]
    spx: Range
    vix: Range
    nlv_before_usd: float | None
    nlv_start_usd: float | None
    nlv_end_usd: float | None
    change_usd: float | None
    orders: int
    fills: int
    denied: int
    blind_s: float
    reconnects: int


class Condor(Row):
    """A condor over its life, as of the last session of the report."""

    id: str
    expiry: str | None
    legs: list[str]
    quantity: int
    credit_points: float | None
    max_loss_usd: float | None
    state: str
    states: list[State]
    exit_rule: str | None
    commission_usd: float | None
    pnl_usd: float | None
    open_contracts: dict[str, int]


class Decision(Row):
    """A recorded decision of a rule; `near` is the distance to its threshold as a share of it."""

    at: str
    rule: str
    subject: str
    verdict: str
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None
    intent_ref: str | None
    session: str


class Check(Row):
    """One check of the gate."""

    code: str
    name: str
    passed: bool
    observed: Scalar
    cap: Scalar
    unit: str
    text: str
    action: str


class Verdict(Row):
    """The gate's answer to one order; `checks` are those that failed."""

    at: str
    type: str
    ref: str
    approved: bool
    checks: list[Check]
    code: str | None
    text: str
    reducing: bool


class Leg(Row):
    """One leg of an order."""

    con_id: int
    ratio: int
    action: str
    slot: int | None


class Order(Row):
    """One order; net points per unit, negative when collected."""

    ref: str
    chain: str
    condor: str
    purpose: str
    rule: str
    text: str
    at: str
    sent_at: str | None
    filled_at: str | None
    quantity: int
    filled_units: int
    limit_points: float
    mid_points: float
    natural_points: float
    mid_at_send_points: float | None
    fill_points: float | None
    slippage_points: float | None
    attempt: int
    legs: list[Leg]
    state: str
    states: list[State]


class Fill(Row):
    """An execution of one leg."""

    at: str
    ref: str | None
    exec_id: str
    side: str
    quantity: int
    price_points: float
    contract: str
    con_id: int


class Cap(Row):
    """A cap of the gate: its fullest moment, mean and last sample; `share_pct` 100 is the cap."""

    code: str
    name: str
    cap: float
    worst: float | None
    mean: float | None
    last: float | None
    unit: str
    at: str | None
    unknown: int
    floor: bool
    share_pct: float | None
    last_share_pct: float | None


class Fault(Row):
    """Something that went wrong outside."""

    at: str
    code: str
    text: str


class Alert(Row):
    """A sentence for a person."""

    at: str
    level: str
    key: str
    text: str


class Operator(Row):
    """What a person ordered."""

    at: str
    verb: str
    who: str
    reason: str
