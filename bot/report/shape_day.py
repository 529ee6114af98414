"""Shape of one session drawn and tabled: timeline, curve, condors, lattice, money, attribution, reconciliation."""

from __future__ import annotations

import msgspec

from bot.report.shape_rows import Row, Scalar, State


class Marker(Row):
    """An event on the time axis; `count` like ones in a row."""

    at: str
    kind: str
    text: str
    ref: str
    count: int


class Blind(Row):
    """A stretch without a link."""

    since: str = msgspec.field(name="from")
    until: str
    reason: str
    orders_in_flight: int


class Timeline(Row):
    """Series of one value a minute from `from` on; the net delta is that of the SPX options held, in dollars for one
    per cent of the index."""

    since: str | None = msgspec.field(name="from")
    spx_points: list[float | None]
    vix_points: list[float | None]
    front_minus_second_points: list[float | None]
    net_vega_n: list[float | None]
    low_n: list[float | None]
    high_n: list[float | None]
    net_delta_usd_per_pct: list[float | None]
    equity_usd: list[float | None]
    net_vega_unknown: str
    markers: list[Marker]
    blind: list[Blind]


class Month(Row):
    """One VIX future."""

    expiry: str
    days: int
    points: float


class Curve(Row):
    """The VIX futures curve at one moment."""

    label: str
    at: str
    vix_points: float | None
    months: list[Month]
    front_minus_second_points: float | None


class BreakEven(Row):
    """A break-even's distance from the index: points, per cent, expected moves."""

    points: float
    distance_points: float
    distance_pct: float
    distance_moves: float | None


class Payoff(Row):
    """Dollars of profit over index levels, at expiry and at the end of the session; commissions are in it."""

    levels_points: list[float]
    expiry_usd: list[float]
    now_usd: list[float] | None
    expected_move_points: float | None
    break_evens: list[BreakEven]
    max_profit_usd: float
    max_loss_usd: float


class Extreme(Row):
    """The best or worst minute."""

    usd: float
    at: str


class RuleWord(Row):
    """The last word of an exit rule on a condor."""

    at: str
    rule: str
    verdict: str
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None


class Standing(Row):
    """One condor in one session."""

    id: str
    closed: bool
    spot_points: float | None
    strikes_points: list[float]
    short_strikes_points: list[float]
    expiry: str
    days_left: int
    payoff: Payoff | None
    pnl_end_usd: float | None
    pnl_high: Extreme | None
    pnl_low: Extreme | None
    rules: list[RuleWord]
    states: list[State]


class Span(Row):
    """A stretch of one state; open ends are null."""

    state: str
    since: str | None = msgspec.field(name="from")
    until: str | None


class SlotHolding(Row):
    """What a slot holds at the end."""

    contract: str
    quantity: int
    mark_points: float | None
    value_usd: float | None
    cost_usd: float | None


class Slot(Row):
    """One slot of the hedge over a session."""

    slot: int
    name: str
    layer: str
    spans: list[Span]
    held: list[SlotHolding]


class SlotMove(Row):
    """A walk of hedge orders, or a settlement: slots it touched, its rule, dollars after commissions, net vega, and the
    book's decay on the condors' margin in per cent a year without and with it (J-LOG-2)."""

    at: str
    until: str | None
    slots: list[int]
    action: str
    rule: str | None
    text: str
    chain: str | None
    quantity: int
    filled: bool
    cash_usd: float | None
    net_vega_before_n: float | None
    net_vega_after_n: float | None
    net_vega_before_usd_per_vix_point: float | None
    net_vega_after_usd_per_vix_point: float | None
    return_before_pct_year: float | None
    return_after_pct_year: float | None


class Lattice(Row):
    """The ten slots."""

    slots: list[Slot]
    moves: list[SlotMove]


class Position(Row):
    """What is held at the end of the session."""

    holder: str
    slot: int | None
    con_id: int
    contract: str
    quantity: int
    mark_points: float | None
    value_usd: float | None
    cost_usd: float | None
    is_future: bool


class Money(Row):
    """Cash, fees, profit taken; `other_cash_usd` is what our books do not explain of the broker's cash."""

    equity_before_usd: float | None
    equity_end_usd: float | None
    change_usd: float | None
    cash_before_usd: float | None
    cash_end_usd: float | None
    traded_usd: float | None
    settled_usd: float | None
    fees_usd: float | None
    other_cash_usd: float | None
    realised_usd: float | None
    has_futures: bool
    positions: list[Position]


class Share(Row):
    """One holder's change in worth by part; the parts add up to the total."""

    holder: str
    delta_usd: float
    gamma_usd: float
    vega_usd: float
    theta_usd: float
    cross_usd: float
    trading_usd: float
    settlement_usd: float
    fees_usd: float
    residual_usd: float
    overnight_usd: float
    total_usd: float


class Beta(Row):
    """How condors and hedge moved with the index (J-RPT-5): dollars per percent of SPX, and correlations."""

    intervals: int
    condors_usd_per_pct: float | None
    condors_correlation: float | None
    hedge_usd_per_pct: float | None
    hedge_correlation: float | None


class Attribution(Row):
    """The session's profit and loss by greek; `from` is the end of the session before."""

    rows: list[Share]
    total_usd: float
    residual_usd: float
    residual_pct_of_total: float | None
    gross_usd: float
    beta: Beta | None
    since: str | None = msgspec.field(name="from")
    until: str


class Snapshot(Row):
    """One full answer of the broker; `differences` are broker minus ours by contract id, null where not compared."""

    at: str
    reason: str
    complete: bool
    open_orders: int | None
    differences: dict[str, int] | None


class Reconciliation(Row):
    """How the broker's answers compared with our books."""

    snapshots: int
    incomplete: int
    compared: int
    unequal: int
    first: Snapshot | None
    last: Snapshot | None
    rows_unequal: list[Snapshot]


class Day(Row):
    """Everything about one session that is drawn or tabled."""

    session: str
    timeline: Timeline
    curves: list[Curve]
    condors: list[Standing]
    lattice: Lattice
    money: Money
    attribution: Attribution | None
    difference_usd: float | None
    reconciliation: Reconciliation
