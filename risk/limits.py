"""Every cap of the gate, with its unit in its name, none of them optional and none of them unlimited."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from risk.bound import Bound
from risk.guards import Guards, loosened_guards, paper_guards
from strategies.domain.account import PAPER_PREFIX


class LimitsRefused(ValueError):
    """The caps cannot be used; the message lists every fault with the value, what is allowed and what to do."""


class Use(StrEnum):
    """Who may trade a listing."""

    CONDOR = "condor"
    HEDGE = "hedge"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One class of options or futures the bot may trade, and for what; a contract matches in every field or is
    refused."""

    symbol: str
    trading_class: str
    currency: str
    multiplier: int
    exchanges: tuple[str, ...]
    uses: tuple[Use, ...] = (Use.CONDOR,)


_PCT_CAP = Bound(0.01, 100.0, "lower")
_PCT_FLOOR = Bound(0.01, 100.0, "higher")
_COUNT = Bound(1, 1000, "lower")

BOUNDS: dict[str, Bound] = {
    "condor_loss_soft_pct": _PCT_CAP,
    "condor_loss_hard_pct": _PCT_CAP,
    "order_loss_pct": _PCT_CAP,
    "all_condors_loss_soft_pct": _PCT_CAP,
    "all_condors_loss_hard_pct": _PCT_CAP,
    "stress_loss_pct": _PCT_CAP,
    "crash_loss_pct": _PCT_CAP,
    "crash_spot_pct": Bound(-99.0, -0.1, None),
    "crash_vix_points": Bound(0.1, 200.0, None),
    "dry_powder_pct": _PCT_FLOOR,
    "excess_liquidity_warn_pct": _PCT_FLOOR,
    "excess_liquidity_reduce_pct": _PCT_FLOOR,
    "excess_liquidity_kill_pct": _PCT_FLOOR,
    "margin_utilisation_pct": _PCT_CAP,
    "margin_cross_check_pct": _PCT_CAP,
    "daily_loss_warn_pct": _PCT_CAP,
    "daily_loss_halt_pct": _PCT_CAP,
    "daily_loss_latch_pct": _PCT_CAP,
    "weekly_loss_pct": _PCT_CAP,
    "drawdown_reduce_pct": _PCT_CAP,
    "drawdown_latch_pct": _PCT_CAP,
    "order_quantity_condors": _COUNT,
    "order_quantity_hedge": _COUNT,
    "hedge_orders_per_minute": _COUNT,
    "hedge_orders_per_day": _COUNT,
    "open_condors": _COUNT,
    "condors_per_expiry": _COUNT,
    "orders_per_second": _COUNT,
    "orders_per_minute": _COUNT,
    "orders_per_day": _COUNT,
    "reducing_orders_per_minute": _COUNT,
    "reducing_orders_per_day": _COUNT,
    "reprices_per_order": _COUNT,
    "duplicate_window_s": Bound(1.0, 86400.0, "higher"),
    "duplicate_ticks": Bound(0, 1000, "higher"),
    "quote_age_open_s": Bound(0.1, 600.0, "lower"),
    "quote_age_close_s": Bound(0.1, 600.0, "lower"),
    "index_age_s": Bound(0.1, 3600.0, "lower"),
    "account_age_s": Bound(1.0, 3600.0, "lower"),
    "spread_points": Bound(0.01, 100.0, "lower"),
    "spread_pct_of_mid": _PCT_CAP,
    "collar_open_low_pct_of_mid": Bound(1.0, 100.0, "higher"),
    "collar_open_high_pct_of_mid": Bound(100.0, 200.0, "lower"),
    "collar_close_points": Bound(0.01, 100.0, "lower"),
    "collar_close_pct_of_mid": _PCT_CAP,
    "combo_tick_points": Bound(0.01, 1.0, None),
    "vix_combo_tick_points": Bound(0.01, 1.0, None),
    "no_open_first_min": Bound(0, 390, "higher"),
    "no_open_last_min": Bound(0, 390, "higher"),
    "hedge_layer_loss_pct": _PCT_CAP,
    "hedge_total_loss_pct": _PCT_CAP,
    "hedge_spend_month_pct": _PCT_CAP,
    "hedge_carry_year_pct": _PCT_CAP,
    "hedge_future_drop_pct": Bound(1.0, 100.0, "higher"),
    "hedge_stress_tolerance_pct": Bound(0.0, 25.0, "lower"),
    "hedge_spread_points": Bound(0.01, 10.0, "lower"),
    "hedge_spread_pct_of_mid": _PCT_CAP,
    "vega_over_short": Bound(0.01, 5.0, "lower"),
    "vega_over_long": Bound(0.01, 5.0, "lower"),
    "hedge_beta_haircut": Bound(0.05, 1.0, "lower"),
    "fee_usd_per_contract": Bound(0.01, 100.0, "higher"),
    "reconcile_settle_s": Bound(1.0, 600.0, "lower"),
    "reconcile_latch_s": Bound(1.0, 3600.0, "lower"),
}
"""Range of every number, low and high included."""

_NOT_ABOVE = (
    ("condor_loss_soft_pct", "condor_loss_hard_pct"),
    ("all_condors_loss_soft_pct", "all_condors_loss_hard_pct"),
    ("condor_loss_hard_pct", "all_condors_loss_hard_pct"),
    ("daily_loss_warn_pct", "daily_loss_halt_pct"),
    ("daily_loss_halt_pct", "daily_loss_latch_pct"),
    ("drawdown_reduce_pct", "drawdown_latch_pct"),
    ("excess_liquidity_reduce_pct", "excess_liquidity_warn_pct"),
    ("excess_liquidity_kill_pct", "excess_liquidity_reduce_pct"),
    ("orders_per_minute", "reducing_orders_per_minute"),
    ("orders_per_day", "reducing_orders_per_day"),
    ("condors_per_expiry", "open_condors"),
    ("quote_age_open_s", "quote_age_close_s"),
    ("reconcile_settle_s", "reconcile_latch_s"),
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The caps in force. `_pct` is percent of net liquidation unless the name says of what; no field has a default.

    Raises LimitsRefused for a value that is not a finite number within its bound, or for caps that contradict.
    """

    # losses: worst case at expiry, stress and crash revaluation (K-SIZE-1, K-SIZE-3, K-SIZE-5; C04, C06, C07, C18)
    condor_loss_soft_pct: float
    condor_loss_hard_pct: float
    order_loss_pct: float
    all_condors_loss_soft_pct: float
    all_condors_loss_hard_pct: float
    stress_loss_pct: float
    stress_spots_pct: tuple[float, ...]
    stress_vols_pct: tuple[float, ...]
    crash_loss_pct: float
    crash_spot_pct: float
    crash_vix_points: float
    fee_usd_per_contract: float
    # the hedge: risk per layer and in all, spending, carry, stress, vega (K-SIZE-2, A-BUD-2; C08, C17, C56, X-LIQ-1)
    hedge_layer_loss_pct: float
    hedge_total_loss_pct: float
    hedge_spend_month_pct: float
    hedge_carry_year_pct: float
    hedge_future_drop_pct: float
    hedge_stress_tolerance_pct: float
    hedge_beta_haircut: float
    hedge_spread_points: float
    hedge_spread_pct_of_mid: float
    vega_over_short: float
    vega_over_long: float
    # account (K-SIZE-4, K-SIZE-6; C19-C22)
    dry_powder_pct: float
    excess_liquidity_warn_pct: float
    excess_liquidity_reduce_pct: float
    excess_liquidity_kill_pct: float
    margin_utilisation_pct: float
    margin_cross_check_pct: float
    daily_loss_warn_pct: float
    daily_loss_halt_pct: float
    daily_loss_latch_pct: float
    weekly_loss_pct: float
    drawdown_reduce_pct: float
    drawdown_latch_pct: float
    account_age_s: float
    account_prefix: str
    # counts and pace (C03, C05, C24, C25, C27)
    order_quantity_condors: int
    order_quantity_hedge: int
    hedge_orders_per_minute: int
    hedge_orders_per_day: int
    open_condors: int
    condors_per_expiry: int
    orders_per_second: int
    orders_per_minute: int
    orders_per_day: int
    reducing_orders_per_minute: int
    reducing_orders_per_day: int
    reprices_per_order: int
    duplicate_window_s: float
    duplicate_ticks: int
    # quotes and prices (C11, C12, C14, C15, C36)
    quote_age_open_s: float
    quote_age_close_s: float
    index_age_s: float
    spread_points: float
    spread_pct_of_mid: float
    collar_open_low_pct_of_mid: float
    collar_open_high_pct_of_mid: float
    collar_close_points: float
    collar_close_pct_of_mid: float
    combo_tick_points: float
    vix_combo_tick_points: float
    # what and when (C02, C30, C33)
    whitelist: tuple[Listing, ...]
    no_open_first_min: float
    no_open_last_min: float
    reconcile_settle_s: float
    reconcile_latch_s: float
    # the slow controls, a struct of their own
    guards: Guards

    def __post_init__(self) -> None:
        faults = [fault for name in BOUNDS if (fault := _number_fault(name, getattr(self, name)))]
        if not faults:
            faults += _order_faults(self)
        faults += _grid_faults("stress_spots_pct", self.stress_spots_pct)
        faults += _grid_faults("stress_vols_pct", self.stress_vols_pct)
        faults += _listing_faults(self.whitelist)
        if not str(self.account_prefix).startswith("D"):
            faults.append(f"account_prefix is {self.account_prefix!r}: paper accounts begin with D, such as DU; use DU")
        if faults:
            raise LimitsRefused("; ".join(faults))


_INTEGERS = frozenset(
    [
        "order_quantity_condors",
        "order_quantity_hedge",
        "hedge_orders_per_minute",
        "hedge_orders_per_day",
        "open_condors",
        "condors_per_expiry",
        "orders_per_second",
        "orders_per_minute",
        "orders_per_day",
        "reducing_orders_per_minute",
        "reducing_orders_per_day",
        "reprices_per_order",
        "duplicate_ticks",
    ]
)


def _number_fault(name: str, value: object) -> str | None:
    bound = BOUNDS[name]
    allowed = f"allowed is {bound.low:g} to {bound.high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name} is {value!r}: a cap is a number and is never left out; {allowed}"
    if not math.isfinite(value):
        return f"{name} is {value!r}: a cap that is not a finite number would switch the check off; {allowed}"
    if name in _INTEGERS and not isinstance(value, int):
        return f"{name} is {value!r}: it counts something, so it is a whole number; {allowed}"
    if not bound.low <= value <= bound.high:
        return f"{name} is {value:g}: {allowed}"
    return None


def _order_faults(limits: Limits) -> list[str]:
    return [
        f"{low} is {getattr(limits, low):g}, above {high} with {getattr(limits, high):g}: lower the first or raise the "
        "second"
        for low, high in _NOT_ABOVE
        if getattr(limits, low) > getattr(limits, high)
    ]


def _grid_faults(name: str, grid: object) -> list[str]:
    if not isinstance(grid, tuple) or not grid:
        return [f"{name} is {grid!r}: give at least one shock in percent"]
    bad = [v for v in grid if isinstance(v, bool) or not isinstance(v, int | float) or not -95.0 <= v <= 1000.0]
    if bad:
        return [f"{name} holds {bad[0]!r}: a shock is a number of percent between -95 and 1000"]
    if 0.0 not in grid:
        return [f"{name} lacks 0: the unshocked row belongs to the grid; add 0"]
    return []


def _listing_faults(whitelist: object) -> list[str]:
    if not isinstance(whitelist, tuple) or not whitelist:
        return [f"whitelist is {whitelist!r}: name at least one class the bot may trade"]
    return [
        f"whitelist row {row!r}: symbol, trading class, currency, exchanges, uses and a positive multiplier are needed"
        for row in whitelist
        if not (row.symbol and row.trading_class and row.currency and row.exchanges and row.uses and row.multiplier > 0)
    ]


def loosened(old: Limits, new: Limits) -> tuple[str, ...]:
    """Names of the caps that `new` sets less strictly than `old`; a change of scenario counts as loosening."""
    names = []
    for name in old.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        bound = BOUNDS.get(name)
        if before == after:
            continue
        if isinstance(before, Guards):
            names += [f"{name}.{inner}" for inner in loosened_guards(before, after)]
            continue
        if bound is None or bound.tighter is None or (after > before) == (bound.tighter == "lower"):
            names.append(name)
    return tuple(names)


_BOTH = (Use.CONDOR, Use.HEDGE)
_CBOE = ("SMART", "CBOE")
SPXW = Listing(symbol="SPX", trading_class="SPXW", currency="USD", multiplier=100, exchanges=_CBOE, uses=_BOTH)
SPX = Listing(symbol="SPX", trading_class="SPX", currency="USD", multiplier=100, exchanges=_CBOE, uses=_BOTH)
_HEDGE = (Use.HEDGE,)
VIX = Listing(symbol="VIX", trading_class="VIX", currency="USD", multiplier=100, exchanges=_CBOE, uses=_HEDGE)
VIXW = Listing(symbol="VIX", trading_class="VIXW", currency="USD", multiplier=100, exchanges=_CBOE, uses=_HEDGE)
VXM = Listing(symbol="VXM", trading_class="VXM", currency="USD", multiplier=100, exchanges=("CFE",), uses=_HEDGE)


def paper_limits() -> Limits:
    """The documented caps for a paper account trading SPX condors."""
    return Limits(
        condor_loss_soft_pct=2.0,
        condor_loss_hard_pct=3.0,
        order_loss_pct=3.0,
        all_condors_loss_soft_pct=12.0,
        all_condors_loss_hard_pct=15.0,
        stress_loss_pct=12.0,
        stress_spots_pct=(-20.0, -12.0, -8.0, -5.0, -3.0, 0.0, 3.0, 5.0, 8.0),
        stress_vols_pct=(-30.0, 0.0, 50.0, 100.0, 200.0),
        crash_loss_pct=8.0,
        crash_spot_pct=-10.0,
        crash_vix_points=25.0,
        fee_usd_per_contract=2.0,
        hedge_layer_loss_pct=3.0,
        hedge_total_loss_pct=6.0,
        hedge_spend_month_pct=3.0,
        hedge_carry_year_pct=8.0,
        hedge_future_drop_pct=25.0,
        hedge_stress_tolerance_pct=2.0,
        hedge_beta_haircut=0.7,
        hedge_spread_points=0.10,
        hedge_spread_pct_of_mid=12.0,
        vega_over_short=0.40,
        vega_over_long=0.40,
        dry_powder_pct=40.0,
        excess_liquidity_warn_pct=30.0,
        excess_liquidity_reduce_pct=20.0,
        excess_liquidity_kill_pct=10.0,
        margin_utilisation_pct=50.0,
        margin_cross_check_pct=10.0,
        daily_loss_warn_pct=1.5,
        daily_loss_halt_pct=2.0,
        daily_loss_latch_pct=3.0,
        weekly_loss_pct=4.0,
        drawdown_reduce_pct=6.0,
        drawdown_latch_pct=10.0,
        account_age_s=600.0,
        account_prefix=PAPER_PREFIX,
        order_quantity_condors=5,
        order_quantity_hedge=20,
        hedge_orders_per_minute=12,
        hedge_orders_per_day=80,
        open_condors=3,
        condors_per_expiry=1,
        orders_per_second=2,
        orders_per_minute=6,
        orders_per_day=60,
        reducing_orders_per_minute=12,
        reducing_orders_per_day=120,
        reprices_per_order=8,
        duplicate_window_s=60.0,
        duplicate_ticks=2,
        quote_age_open_s=3.0,
        quote_age_close_s=10.0,
        index_age_s=120.0,
        spread_points=1.0,
        spread_pct_of_mid=25.0,
        collar_open_low_pct_of_mid=85.0,
        collar_open_high_pct_of_mid=105.0,
        collar_close_points=0.15,
        collar_close_pct_of_mid=10.0,
        combo_tick_points=0.05,
        vix_combo_tick_points=0.01,
        whitelist=(SPXW, SPX, VIX, VIXW, VXM),
        no_open_first_min=5.0,
        no_open_last_min=15.0,
        reconcile_settle_s=10.0,
        reconcile_latch_s=60.0,
        guards=paper_guards(),
    )
