"""The numbers a condor is sold and managed by, with their units, the rules they belong to and what is allowed."""

from __future__ import annotations

import math
from datetime import time
from enum import StrEnum

import msgspec

from strategies.signals.curve import CurveParams
from strategies.signals.tiers import TierParams


class CoverageGap(StrEnum):
    """What entries do when the events calendar ends before the coming sessions: refuse, or go on and say so."""

    BLOCK = "block"
    WARN = "warn"


def _finite(where: str, values: msgspec.Struct) -> None:
    for name in values.__struct_fields__:
        value = getattr(values, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where}: {name} is {value}; it must be a finite number")


def _positive(where: str, values: object, *names: str) -> None:
    for name in names:
        value = float(getattr(values, name))
        if not (math.isfinite(value) and value > 0.0):
            raise ValueError(f"{where}: {name} is {value:g}; it must be a number above zero")


def _ordered(where: str, values: object, *names: str) -> None:
    numbers = [float(getattr(values, name)) for name in names]
    if not all(math.isfinite(n) for n in numbers) or numbers != sorted(numbers):
        listed = ", ".join(f"{name} {number:g}" for name, number in zip(names, numbers, strict=True))
        raise ValueError(f"{where}: {listed}: they must not fall in this order")


_ENTRY_POSITIVE = (
    "width_points", "small_width_points", "min_credit_pct_of_width", "breakeven_min_em", "risk_per_condor_pct_nlv",
    "model_tolerance_pct", "max_abs_delta", "every_min", "scan_min", "max_quantity", "entries_per_day", "max_open",
    "proposals_per_slot", "reduced_size_share", "rv_sessions", "rank_fewest_sessions",
)  # fmt: skip


class EntryParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and what to sell: C-ENTRY-1 to C-ENTRY-8, P-BE-1. Deltas are absolute, times are New York."""

    dte_min_days: int = 30
    dte_max_days: int = 45
    dte_target_days: int = 45
    delta_put: float = 0.16
    delta_call: float = 0.14
    delta_min: float = 0.12
    delta_max: float = 0.18
    reduced_delta: float = 0.12
    reduced_delta_tolerance: float = 0.02
    neutral_delta: bool = False
    """Choose the call, within its delta range, that brings the structure's delta nearest to zero (RULEBOOK 3.8)."""
    width_points: float = 50.0
    small_width_points: float = 25.0
    small_below_nlv_usd: float = 150_000.0
    min_credit_pct_of_width: float = 15.0
    """The rulebook's 20 was set on a smile that flatters condors; real chains pay 15 to 22 (docs/strategy.md)."""
    slippage_points_per_leg: float = 0.05
    breakeven_min_em: float = 1.0
    rank_min_pct: float = 15.0
    rank_window_sessions: int = 252
    rank_fewest_sessions: int = 120
    rv_sessions: int = 20
    reduced_from_vix_points: float = 20.0
    blocked_from_vix_points: float = 25.0
    reduced_size_share: float = 0.5
    risk_per_condor_pct_nlv: float = 2.0
    max_quantity: int = 5
    vega_n_min: float = 0.10
    vega_n_max: float = 0.45
    max_abs_delta: float = 0.05
    model_tolerance_pct: float = 10.0
    window_from: time = time(10, 0)
    window_until: time = time(15, 30)
    every_min: int = 30
    scan_min: int = 10
    proposals_per_slot: int = 2
    repeat_after_s: float = 60.0
    entries_per_day: int = 1
    max_open: int = 3
    blackout_kinds: tuple[str, ...] = ("FOMC", "CPI", "PPI", "NFP")
    blackout_after_min: float = 30.0
    blackout_hours: dict[str, float] = msgspec.field(default_factory=lambda: {"FOMC_MINUTES": 2.0, "GDP": 48.0})
    coverage_sessions: int = 10
    coverage_gap: CoverageGap = CoverageGap.BLOCK

    def __post_init__(self) -> None:
        _finite("entry", self)
        _ordered("entry", self, "dte_min_days", "dte_target_days", "dte_max_days")
        if not 0.0 < self.delta_min <= self.delta_max < 0.5:
            raise ValueError(
                f"entry: deltas are absolute and lie between 0 and 0.5 with delta_min <= delta_max, not "
                f"{self.delta_min:g} and {self.delta_max:g}; write 0.16 for a 16-delta option"
            )
        for name in ("delta_put", "delta_call"):
            if not self.delta_min <= (value := float(getattr(self, name))) <= self.delta_max:
                raise ValueError(
                    f"entry: {name} is {value:g}; it must lie between delta_min {self.delta_min:g} and delta_max "
                    f"{self.delta_max:g} (absolute delta, 0.16 for a 16-delta option)"
                )
        if not 0.0 < self.reduced_delta - self.reduced_delta_tolerance < self.reduced_delta < 0.5:
            raise ValueError("entry: reduced_delta less its tolerance must stay above 0, and reduced_delta below 0.5")
        _positive("entry", self, *_ENTRY_POSITIVE)
        if self.min_credit_pct_of_width >= 100.0 or self.risk_per_condor_pct_nlv > 3.0:
            raise ValueError(
                f"entry: min_credit_pct_of_width ({self.min_credit_pct_of_width:g}) must stay below 100 and "
                f"risk_per_condor_pct_nlv ({self.risk_per_condor_pct_nlv:g}) at or below 3 (K-SIZE-1)"
            )
        if self.small_width_points > self.width_points:
            raise ValueError(
                f"entry: small_width_points ({self.small_width_points:g}) is wider than width_points "
                f"({self.width_points:g}); the small account gets the narrower condor"
            )
        if not self.reduced_from_vix_points <= self.blocked_from_vix_points:
            raise ValueError("entry: reduced_from_vix_points must not exceed blocked_from_vix_points")
        if not self.vega_n_min < self.vega_n_max or not 0.0 < self.reduced_size_share <= 1.0:
            raise ValueError("entry: vega_n_min must lie below vega_n_max and reduced_size_share between 0 and 1")
        if not self.window_from < self.window_until:
            raise ValueError(f"entry: the window {self.window_from} to {self.window_until} is empty")
        if self.scan_min > self.every_min:
            raise ValueError(
                f"entry: scan_min ({self.scan_min}) is longer than every_min ({self.every_min}); searches would overlap"
            )


class ExitParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to close: C-EXIT-1 to C-EXIT-6 and the parts of C-DEC-1 that need no hedge."""

    take_profit_pct_of_credit: float = 50.0
    time_exit_dte_days: int = 21
    stop_loss_multiple_of_credit: float = 2.0
    stop_confirm_s: float = 60.0
    stop_sample_expires_s: float = 300.0
    short_delta_max: float = 0.30
    threat_within_em: float = 0.5
    threat_confirm_s: float = 60.0
    crisis_persist_s: float = 300.0
    risk_free_pct: float = 4.5
    hurdle_pct: float = 4.0
    irr_check_before_close_min: float = 30.0
    flat_before_expiry_at: time = time(15, 30)
    flat_lead_min: float = 60.0

    def __post_init__(self) -> None:
        _finite("exit", self)
        _positive("exit", self, "take_profit_pct_of_credit", "stop_loss_multiple_of_credit", "stop_confirm_s",
                  "stop_sample_expires_s", "time_exit_dte_days", "threat_within_em", "flat_lead_min")  # fmt: skip
        if self.take_profit_pct_of_credit >= 100.0:
            raise ValueError(
                f"exit: take_profit_pct_of_credit is {self.take_profit_pct_of_credit:g}; a condor can give back at "
                f"most its whole credit, so it must stay below 100"
            )
        if self.stop_sample_expires_s <= self.stop_confirm_s:
            raise ValueError("exit: stop_sample_expires_s must be longer than stop_confirm_s, or no stop could confirm")
        if not 0.0 < self.short_delta_max < 1.0:
            raise ValueError(f"exit: short_delta_max is {self.short_delta_max:g}; an absolute delta lies in 0..1")


class AdjustParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Narrowing (C-ADJ-1), widening the tested side (C-ADJ-2), rolling out (C-ADJ-3). Distances in index points."""

    widen: bool = True
    widen_points: float = 20.0
    widen_min_points: float = 15.0
    widen_max_points: float = 25.0
    widen_max_debit_pct_of_credit: float = 35.0
    widen_breakeven_min_em: float = 0.5
    """What P-BE-1 asks of the tested side after widening. The rulebook's 1.00 cannot be met there: a short at 0.30
    delta stands half an expected move away and 25 points are a tenth of one; so it must at least leave the threat."""
    max_per_side: int = 1
    max_per_life: int = 2
    widen_wait_s: float = 60.0
    narrow: bool = True
    narrow_points: float = 20.0
    narrow_min_points: float = 15.0
    narrow_max_points: float = 25.0
    roll: bool = True
    max_rolls: int = 1
    roll_sessions: int = 1
    roll_within_dte_days: int = 25

    def __post_init__(self) -> None:
        _finite("adjust", self)
        _ordered("adjust", self, "widen_min_points", "widen_points", "widen_max_points")
        _ordered("adjust", self, "narrow_min_points", "narrow_points", "narrow_max_points")
        _positive("adjust", self, "widen_min_points", "widen_max_debit_pct_of_credit", "widen_wait_s",
                  "narrow_min_points")  # fmt: skip
        if min(self.max_per_side, self.max_per_life, self.max_rolls, self.roll_sessions) < 0:
            raise ValueError("adjust: the numbers of allowed adjustments cannot be negative")


class BookParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Condors and hedge together: C-DEC-1 row 4, C-THETA-1 to 3, C-DELTA-1. Shares in percent, times in minutes."""

    decay_sessions: int = 5
    decay_min_pct: float = 80.0
    rsi_spx_above: float = 65.0
    short_vega_cut_pct: float = 35.0
    cut_lasts_days: int = 7
    close_within_min: float = 15.0
    theta_min_pct_of_margin_day: float = 0.08
    theta_breach_closes: int = 2
    theta_tighten_pct: float = 15.0
    concentration_z: float = -1.0
    flatten_delta: bool = False
    flatten_from_pct_nlv: float = 0.5
    project_every_s: float = 60.0
    fewer_rest_min: float = 60.0
    """After a condor has left for A-VEGA-2 the next may only after this long."""
    commission_usd_per_contract: float = 1.20

    def __post_init__(self) -> None:
        _finite("book", self)
        _positive("book", self, "decay_sessions", "decay_min_pct", "cut_lasts_days", "close_within_min",
                  "theta_min_pct_of_margin_day", "theta_breach_closes", "flatten_from_pct_nlv",
                  "project_every_s", "fewer_rest_min")  # fmt: skip
        if self.commission_usd_per_contract < 0.0:
            raise ValueError("book: commission_usd_per_contract cannot be negative; 0 leaves commissions out")
        if not 30.0 <= self.short_vega_cut_pct <= 40.0:
            raise ValueError(
                f"book: short_vega_cut_pct is {self.short_vega_cut_pct:g}; the rule cuts 30 to 40 percent (A-VEGA-4)"
            )
        if not 0.0 <= self.theta_tighten_pct <= 100.0:
            raise ValueError(f"book: theta_tighten_pct is {self.theta_tighten_pct:g}; a share, 0 to 100")


class OrderParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a price walks from mid, and which quotes may price an order (X-EXEC, C11, C14)."""

    tick_points: float = 0.05
    step_s: float = 20.0
    entry_reprices: int = 3
    entry_concession_pct: float = 40.0
    exit_reprices: int = 3
    patient_concession_pct: float = 40.0
    firm_concession_pct: float = 80.0
    collar_pct_of_mid: float = 10.0
    collar_min_points: float = 0.15
    patient_pause_s: float = 300.0
    firm_pause_s: float = 30.0
    denied_pause_s: float = 30.0
    candidate_expires_s: float = 60.0
    entry_quote_max_age_s: float = 3.0
    close_quote_max_age_s: float = 10.0
    mark_quote_max_age_s: float = 60.0
    index_max_age_s: float = 60.0
    worthless_ask_points: float = 0.25
    trade_from_open_min: float = 5.0
    no_orders_before_close_min: float = 5.0

    def __post_init__(self) -> None:
        _finite("orders", self)
        _positive("orders", self, "tick_points", "step_s", "denied_pause_s", "candidate_expires_s")
        _positive("orders", self, "entry_quote_max_age_s", "close_quote_max_age_s", "mark_quote_max_age_s",
                  "index_max_age_s")  # fmt: skip
        for name in ("entry_concession_pct", "patient_concession_pct", "firm_concession_pct"):
            if not 0.0 <= (value := float(getattr(self, name))) <= 100.0:
                raise ValueError(f"orders: {name} is {value:g}; it is a share of the half-spread, 0 to 100")
        if min(self.entry_reprices, self.exit_reprices) < 0:
            raise ValueError("orders: the number of reprices cannot be negative")


class SearchParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the option chain is looked through within the market data lines of the account."""

    max_lines: int = 90
    budget_lines: int = 60
    futures_lines: int = 4
    parity_strikes: int = 4
    put_reach_em: float = 2.2
    call_reach_em: float = 1.7
    refit_s: float = 5.0
    quote_max_age_s: float = 60.0
    min_quoted_share: float = 0.6

    def __post_init__(self) -> None:
        _finite("search", self)
        _positive("search", self, "put_reach_em", "call_reach_em", "refit_s", "quote_max_age_s", "parity_strikes")
        if self.budget_lines < 2 * self.parity_strikes + 12 or self.max_lines < self.budget_lines + 6:
            raise ValueError(
                f"search: {self.budget_lines} lines are too few for {self.parity_strikes} call-put pairs and a smile, "
                f"or leave no room for positions and indices within max_lines ({self.max_lines}); "
                f"use at least {2 * self.parity_strikes + 12}, and at least 6 fewer than max_lines"
            )


class CondorParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the condor rules decide with. Defaults are the rulebook's; contradictions are refused."""

    symbol: str = "SPX"
    trading_class: str = "SPXW"
    entry: EntryParams = EntryParams()
    exit: ExitParams = ExitParams()
    adjust: AdjustParams = AdjustParams()
    book: BookParams = BookParams()
    orders: OrderParams = OrderParams()
    search: SearchParams = SearchParams()
    curve: CurveParams = CurveParams()
    tiers: TierParams = TierParams()

    def __post_init__(self) -> None:
        if self.exit.time_exit_dte_days >= self.entry.dte_min_days:
            raise ValueError(
                f"time_exit_dte_days is {self.exit.time_exit_dte_days} and dte_min_days {self.entry.dte_min_days}: a "
                f"{self.entry.dte_min_days}-day condor would be closed the day it is opened; the time exit must come "
                f"later in its life"
            )
        if self.exit.short_delta_max <= self.entry.delta_max:
            raise ValueError(
                f"short_delta_max is {self.exit.short_delta_max:g} and delta_max {self.entry.delta_max:g}: a fresh "
                f"condor would be under threat at once; the defence must begin above the entry range"
            )
        if self.adjust.widen_max_points > self.entry.small_width_points * 2:
            raise ValueError("widen_max_points is more than twice the wing width; that is another condor")
