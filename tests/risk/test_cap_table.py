"""The caps written down a second time: what the configuration says, which range each has and which of two is lower."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from risk.bound import Bound
from risk.guards import GUARD_BOUNDS, INTEGERS, paper_guards
from risk.limits import BOUNDS, LimitsRefused, Listing, Use, loosened, paper_limits

DEFAULT = Path(__file__).resolve().parents[2] / "config" / "default.toml"

CAPS: dict[tuple[float, float, str | None], str] = {
    (0.01, 100.0, "lower"): (
        "condor_loss_soft_pct condor_loss_hard_pct order_loss_pct all_condors_loss_soft_pct "
        "all_condors_loss_hard_pct stress_loss_pct crash_loss_pct margin_utilisation_pct "
        "margin_cross_check_pct daily_loss_warn_pct daily_loss_halt_pct daily_loss_latch_pct weekly_loss_pct "
        "drawdown_reduce_pct drawdown_latch_pct spread_points spread_pct_of_mid collar_close_points "
        "collar_close_pct_of_mid hedge_layer_loss_pct hedge_total_loss_pct hedge_spend_month_pct "
        "hedge_carry_year_pct hedge_spread_pct_of_mid"
    ),
    (-99.0, -0.1, None): "crash_spot_pct",
    (0.1, 200.0, None): "crash_vix_points",
    (0.01, 100.0, "higher"): (
        "dry_powder_pct excess_liquidity_warn_pct excess_liquidity_reduce_pct excess_liquidity_kill_pct "
        "fee_usd_per_contract"
    ),
    (1, 1000, "lower"): (
        "order_quantity_condors order_quantity_hedge hedge_orders_per_minute hedge_orders_per_day "
        "open_condors condors_per_expiry orders_per_second orders_per_minute orders_per_day "
        "reducing_orders_per_minute reducing_orders_per_day reprices_per_order"
    ),
    (1.0, 86400.0, "higher"): "duplicate_window_s",
    (0, 1000, "higher"): "duplicate_ticks",
    (0.1, 600.0, "lower"): "quote_age_open_s quote_age_close_s",
    (0.1, 3600.0, "lower"): "index_age_s",
    (1.0, 3600.0, "lower"): "account_age_s reconcile_latch_s",
    (1.0, 100.0, "higher"): "collar_open_low_pct_of_mid hedge_future_drop_pct",
    (100.0, 200.0, "lower"): "collar_open_high_pct_of_mid",
    (0.01, 1.0, None): "combo_tick_points vix_combo_tick_points",
    (0, 390, "higher"): "no_open_first_min no_open_last_min",
    (0.0, 25.0, "lower"): "hedge_stress_tolerance_pct",
    (0.01, 10.0, "lower"): "hedge_spread_points",
    (0.01, 5.0, "lower"): "vega_over_short vega_over_long",
    (0.05, 1.0, "lower"): "hedge_beta_haircut",
    (1.0, 600.0, "lower"): "reconcile_settle_s",
}
SLOW: dict[tuple[float, float, str | None], str] = {
    (1, 100, "lower"): "stop_outs",
    (1, 60, "higher"): ("stop_out_window_sessions stop_out_pause_sessions shock_vix_window_min shock_spx_window_min"),
    (1, 1000, "lower"): (
        "identical_opens_per_day round_trips_per_hour duplicates_before_latch refused_quotes_per_min shown_size_pct"
        " model_vega_pct"
    ),
    (1.0, 600.0, "lower"): "uneven_legs_s",
    (3.0, 100.0, "lower"): "index_jump_sigmas",
    (0.1, 10.0, "lower"): "forward_gap_pct",
    (0.02, 1.0, "lower"): "delta_per_condor",
    (1.0, 200.0, "lower"): "shock_vix_pct",
    (0.1, 20.0, "lower"): "shock_spx_pct",
    (0.1, 50.0, "lower"): "shock_flip_points",
    (1.0, 390.0, "higher"): "shock_pause_min",
    (0.0, 120.0, "higher"): "maintenance_before_min",
    (10.0, 60000.0, "lower"): "clock_warn_ms commit_halt_ms",
    (100.0, 60000.0, "lower"): "clock_halt_ms",
    (5.0, 600.0, "lower"): "host_age_s",
    (1.0, 1000000.0, "higher"): "disk_warn_mib disk_halt_mib",
    (1.0, 10000.0, "lower"): "commit_warn_ms",
    (64.0, 1000000.0, "lower"): "memory_warn_mib",
    (128.0, 1000000.0, "lower"): "memory_halt_mib",
    (32, 100000, "lower"): "descriptors",
    (16, 10000, "lower"): "tasks",
    (10, 100000, "lower"): "facts_waiting",
    (0.1, 60.0, "lower"): "loop_lag_warn_s",
    (0.5, 60.0, "lower"): "loop_lag_halt_s",
    (1, 60, "lower"): "silent_sessions",
    (0.01, 100000.0, "lower"): "result_difference_usd cash_difference_usd",
}
NOT_ABOVE = (
    "condor_loss_soft_pct condor_loss_hard_pct", "all_condors_loss_soft_pct all_condors_loss_hard_pct",
    "condor_loss_hard_pct all_condors_loss_hard_pct", "daily_loss_warn_pct daily_loss_halt_pct",
    "daily_loss_halt_pct daily_loss_latch_pct", "drawdown_reduce_pct drawdown_latch_pct",
    "excess_liquidity_reduce_pct excess_liquidity_warn_pct", "excess_liquidity_kill_pct excess_liquidity_reduce_pct",
    "orders_per_minute reducing_orders_per_minute", "orders_per_day reducing_orders_per_day",
    "condors_per_expiry open_condors", "quote_age_open_s quote_age_close_s", "reconcile_settle_s reconcile_latch_s",
)  # fmt: skip
SLOW_NOT_ABOVE = (
    "clock_warn_ms clock_halt_ms", "disk_halt_mib disk_warn_mib", "commit_warn_ms commit_halt_ms",
    "memory_warn_mib memory_halt_mib", "loop_lag_warn_s loop_lag_halt_s",
)  # fmt: skip


def test_the_documented_caps_are_those_of_the_configuration() -> None:
    """What the gate's tests take for the paper caps is what is traded with; account and whitelist are no settings."""
    told = tomllib.loads(DEFAULT.read_text())["risk"]
    mine = msgspec.json.decode(msgspec.json.encode(paper_limits()))
    assert told == {name: value for name, value in mine.items() if name not in ("account_prefix", "whitelist")}


@pytest.mark.parametrize(("bounds", "wanted"), [(BOUNDS, CAPS), (GUARD_BOUNDS, SLOW)])
def test_the_range_of_every_cap(bounds: Mapping[str, Bound], wanted: dict[tuple[Any, ...], str]) -> None:
    """Low, high, and which direction is the stricter."""
    assert dict(bounds) == {name: key for key, names in wanted.items() for name in names.split()}


@pytest.mark.parametrize(("bounds", "of"), [(BOUNDS, paper_limits), (GUARD_BOUNDS, paper_guards)])
def test_both_ends_of_a_range_are_in_it(bounds: Mapping[str, Bound], of: Any) -> None:
    """The end itself is no fault of the number, a little beyond it is; a count with a fraction is none."""
    base = of()
    for name, bound in bounds.items():
        step: float = 1 if isinstance(getattr(base, name), int) else 1e-6
        kind = type(getattr(base, name))
        for value, fault in (
            (bound.low, False), (bound.high, False), (bound.low - step, True), (bound.high + step, True),
        ):  # fmt: skip
            told = refusal(base, {name: kind(value)})
            assert (f"{name} is {kind(value):g}: allowed is {bound.low:g} to {bound.high:g}" in told) is fault, told


def refusal(base: Any, changes: dict[str, Any]) -> str:
    """What is said against these caps; empty if they stand."""
    try:
        msgspec.structs.replace(base, **changes)
    except ValueError as reason:
        return str(reason)
    return ""


@pytest.mark.parametrize(("pairs", "of"), [(NOT_ABOVE, paper_limits), (SLOW_NOT_ABOVE, paper_guards)])
def test_the_lower_of_two_may_be_equal_and_not_above(pairs: tuple[str, ...], of: Any) -> None:
    """Each pair by itself: equal stands as far as the pair goes, one step above is named with both."""
    base = of()
    for pair in pairs:
        low, high = pair.split()
        top = getattr(base, high)
        step: float = 1 if isinstance(top, int) else 0.001
        words = f"{low} is {top + step:g}, above {high} with {top:g}"
        assert f"above {high} with" not in refusal(base, {low: top})
        assert words in refusal(base, {low: top + step})


def test_counts_are_whole_numbers() -> None:
    """Of the caps and of the slow ones."""
    for base, bounds in ((paper_limits(), BOUNDS), (paper_guards(), GUARD_BOUNDS)):
        for name in bounds:
            now = getattr(base, name)
            assert ("whole number" in refusal(base, {name: float(now)})) is isinstance(now, int)
    assert {name for name in GUARD_BOUNDS if isinstance(getattr(paper_guards(), name), int)} == INTEGERS


@pytest.mark.parametrize("name", ["stress_spots_pct", "stress_vols_pct"])
def test_the_shocks_of_a_grid(name: str) -> None:
    """From -95 to 1000 percent, numbers, with nothing among them."""
    for grid, stands in (
        ((0.0,), True), ((-95.0, 0.0, 1000.0), True), ((-95.001, 0.0), False),
        ((0.0, 1000.001), False), ((1.0,), False),
        ((0.0, True), False), ((0.0, "3"), False), ((0, 3), True), ([0.0], False), ((), False),
    ):  # fmt: skip
        assert bool(refusal(paper_limits(), {name: grid})) is not stands, grid


def test_each_field_of_a_listing_is_needed() -> None:
    """Nothing of a row of the whitelist may be empty, and a multiplier is one at least."""
    row = paper_limits().whitelist[0]
    assert refusal(paper_limits(), {"whitelist": (msgspec.structs.replace(row, multiplier=1),)}) == ""
    for field, value in (
        ("symbol", ""), ("trading_class", ""), ("currency", ""), ("exchanges", ()), ("uses", ()), ("multiplier", 0),
    ):  # fmt: skip
        odd: Listing = msgspec.structs.replace(row, **{field: value})
        assert "whitelist row" in refusal(paper_limits(), {"whitelist": (row, odd)})
    assert "whitelist" in refusal(paper_limits(), {"whitelist": [row]})
    assert {r.trading_class: r.uses for r in paper_limits().whitelist} == {
        "SPXW": (Use.CONDOR, Use.HEDGE), "SPX": (Use.CONDOR, Use.HEDGE), "VIX": (Use.HEDGE,), "VIXW": (Use.HEDGE,),
        "VXM": (Use.HEDGE,),
    }  # fmt: skip


def test_the_contracts_that_may_be_traded() -> None:
    """A hundred dollars a point in each of them; options on CBOE or by its router, the small VIX future on CFE."""
    routed = ("SMART", "CBOE")
    assert {(r.symbol, r.trading_class): (r.currency, r.multiplier, r.exchanges) for r in paper_limits().whitelist} == {
        ("SPX", "SPXW"): ("USD", 100, routed), ("SPX", "SPX"): ("USD", 100, routed),
        ("VIX", "VIX"): ("USD", 100, routed), ("VIX", "VIXW"): ("USD", 100, routed),
        ("VXM", "VXM"): ("USD", 100, ("CFE",)),
    }  # fmt: skip


def test_looser_is_told_in_the_direction_of_each_cap() -> None:
    """Up where lower is stricter, down where higher is; a scenario either way; equal never."""
    base = paper_limits()
    for (name, bound), up in itertools.product(BOUNDS.items(), (True, False)):
        now = getattr(base, name)
        value = now + (1 if up else -1) if isinstance(now, int) else now * (1.001 if up else 0.999)
        if isinstance(now, float) and now < 0.0:
            value = now * (0.999 if up else 1.001)
        try:
            other = msgspec.structs.replace(base, **{name: value})
        except LimitsRefused:
            continue
        looser = bound.tighter is None or up == (bound.tighter == "lower")
        assert loosened(base, other) == ((name,) if looser else ())
    assert loosened(base, msgspec.structs.replace(base, stress_spots_pct=(0.0,))) == ("stress_spots_pct",)
