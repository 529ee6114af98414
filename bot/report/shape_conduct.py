"""Shape of what is made of the rows: prices got, the gate and its caps, rules, what needs you, the next session."""

from __future__ import annotations

from bot.report.shape_rows import Row, Scalar


class Slippage(Row):
    """All filled orders against their mid when decided."""

    filled_orders: int
    points: float
    half_spread_points: float
    share_of_half_spread_pct: float | None


class Week(Row):
    """One week beside others: equity, condors, and what filled orders cost against the mid when decided."""

    monday: str
    sessions: int
    change_usd: float | None
    fees_usd: float
    condors_sold: int
    condors_ended: int
    filled_orders: int
    slippage_usd: float
    slippage_usd_per_order: float | None
    slippage_pct_of_half_spread: float | None


class Walk(Row):
    """A row of orders with the same legs: prices, slippage (positive is worse than mid) and how long it took."""

    chain: str
    owner: str
    purpose: str
    rule: str
    text: str
    quantity: int
    filled_units: int
    attempts: int
    limits_points: list[float]
    mid_decided_points: float
    mid_at_send_points: float | None
    half_spread_points: float | None
    fill_points: float | None
    slippage_points: float | None
    slippage_usd: float | None
    slippage_pct_of_half_spread: float | None
    sent_at: str | None
    filled_at: str | None
    seconds_to_fill: float | None
    commission_usd: float
    state: str
    at: str


class Refusal(Row):
    """One check that refused orders: how often, for how many walks, the last time in numbers."""

    code: str
    name: str
    count: int
    orders: int
    first_at: str
    last_at: str
    last_ref: str
    text: str
    asked: Scalar
    allowed: Scalar
    unit: str


class Governance(Row):
    """How often people held back, approved and declined, and the orders that were refused for it (G-GOV-4)."""

    overrides: int
    held_back: int
    approvals: int
    declines: int
    orders_refused: int


class Gate(Row):
    """The gate in a session; `binding` is the cap that was fullest."""

    approved: int
    refused: int
    refusals: list[Refusal]
    binding: str | None


class Told(Row):
    """A decision in short."""

    at: str
    subject: str
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None
    intent_ref: str | None


class Act(Told, kw_only=True):
    """Like acts about one subject: the numbers of the first, how many, when the last was."""

    count: int
    last_at: str


class LastWord(Row):
    """What a rule said last."""

    at: str
    subject: str
    verdict: str
    text: str


class Count(Row):
    """A text and how often."""

    text: str
    count: int


class Rule(Row):
    """A rule over the sessions: its title in the catalogue, counts, acts, moments it nearly acted."""

    rule: str
    title: str
    acted: int
    held: int
    declined: int
    last: LastWord
    acts: list[Act]
    near_misses: list[Told]
    declines: list[Count]


class Need(Row):
    """What a person has to look at: since when, and the command that shows or ends it."""

    text: str
    since: str
    key: str
    act: str


class Ended(Row):
    """What needed a person and ended since."""

    text: str
    since: str
    key: str
    ended: str


class Release(Row):
    """A scheduled release."""

    at: str
    kind: str


class Expiring(Row):
    """A held contract that stops trading soon."""

    contract: str
    quantity: int
    last_trade_at: str


class Asked(Row):
    """A rule's answer in the dry run."""

    rule: str
    subject: str
    verdict: str
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None


class Wanted(Row):
    """An order that the dry run would take to the gate."""

    owner: str
    purpose: str
    rule: str
    quantity: int
    limit_points: float
    text: str
    legs: list[str]


class Left(Row):
    """What is left under a cap."""

    code: str
    name: str
    left: float
    unit: str


class BookCase(Row):
    """The book so many days ahead: VIX with the index (null) or so many points higher; dollars over the levels."""

    days: float
    vix_points: float | None
    condors_usd: list[float]
    whole_usd: list[float]


class BookAhead(Row):
    """What all condors, alone and with the hedge, gain from now on, and what both stand at since they were opened,
    commissions apart; `unknown` says why there is no case."""

    unknown: str
    spot_points: float | None
    levels_points: list[float]
    condors_now_usd: float | None
    hedge_now_usd: float | None
    cases: list[BookCase]


class Tomorrow(Row):
    """The next session; `missing` says why the rest is empty."""

    session: str | None
    open_at: str | None
    close_at: str | None
    early_close: bool | None
    releases: list[Release]
    releases_until: str | None
    expiring: list[Expiring]
    asked_at: str | None
    decisions: list[Asked]
    would_send: list[Wanted]
    capacity: list[Left]
    book: BookAhead
    missing: str
