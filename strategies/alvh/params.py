"""The numbers the hedge is sized and moved by, with their units, the rules they belong to and what is allowed."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from strategies.domain.hedge import Layer


class HedgeKind(StrEnum):
    """What a layer is bought in."""

    VIX_CALL = "vix_call"
    VIX_CALL_SPREAD = "vix_call_spread"
    SPX_PUT_SPREAD = "spx_put_spread"
    VXM = "vxm"


class LayerParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One layer: tenor in calendar days to settlement, delta of what is bought on its own future (A-LAT-2 to 4).

    New contracts settle in `dte_min_days`..`dte_max_days`, nearest to `dte_target_days`; a contract is rolled at
    `roll_dte_days`. `far_delta` is the short leg's where the kind is a spread.
    """

    kind: HedgeKind = HedgeKind.VIX_CALL
    dte_min_days: int
    dte_target_days: int
    dte_max_days: int
    roll_dte_days: int
    delta: float
    far_delta: float = 0.12

    def __post_init__(self) -> None:
        days = (self.roll_dte_days, self.dte_min_days, self.dte_target_days, self.dte_max_days)
        if not (0 <= days[0] < days[1] <= days[2] <= days[3]):
            raise ValueError(
                f"layer: roll_dte_days {days[0]}, dte_min_days {days[1]}, dte_target_days {days[2]} and dte_max_days "
                f"{days[3]} must rise, or a contract would be due for its roll the day it is bought"
            )
        if not 0.0 < self.far_delta < self.delta < 1.0:
            raise ValueError(
                f"layer: delta {self.delta:g} lies between 0 and 1, and far_delta {self.far_delta:g} below it"
            )


class LatticeParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The three layers (R4) and which of the deep slots stay on (R30)."""

    short: LayerParams = LayerParams(dte_min_days=18, dte_target_days=30, dte_max_days=45, roll_dte_days=10, delta=0.50)
    intermediate: LayerParams = LayerParams(
        dte_min_days=45, dte_target_days=60, dte_max_days=90, roll_dte_days=30, delta=0.45
    )
    deep: LayerParams = LayerParams(
        dte_min_days=100, dte_target_days=120, dte_max_days=200, roll_dte_days=90, delta=0.30
    )
    always_on: bool = False
    """Deep slots hold their share at every tier, not only when the second engine runs."""
    monthly_bonus_days: int = 6
    """How much nearer to the target a weekly expiry must be before it is preferred to a monthly one."""

    def layer(self, layer: Layer) -> LayerParams:
        """The parameters of a layer."""
        return {Layer.SHORT: self.short, Layer.INTERMEDIATE: self.intermediate, Layer.DEEP: self.deep}[layer]


class BandParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bands of normalised net vega (R1, A-VEGA-2, R3): points per share per VIX point, per condor and 10 of wing."""

    calm_soft_low: float = -0.15
    calm_hard_low: float = -0.20
    calm_high: float = 0.25
    calm_high_falling: float = 0.10
    flat_low: float = -0.10
    flat_high: float = 0.15
    flip_low: float = -0.05
    flip_high: float = 0.10
    margin: float = 0.02
    dwell_min: float = 20.0
    benign_widen: float = 0.05
    alarm: float = 0.40
    alarm_inflation: float = 0.30

    def __post_init__(self) -> None:
        rows = ((self.calm_hard_low, self.calm_high), (self.flat_low, self.flat_high), (self.flip_low, self.flip_high))
        for low, high in rows:
            if not (math.isfinite(low) and math.isfinite(high) and low < 0.0 < high):
                raise ValueError(f"band: {low:g} to {high:g}: low must lie below zero and high above it")
        if not self.calm_hard_low <= self.calm_soft_low <= self.flat_low <= self.flip_low:
            raise ValueError("band: the floors must rise from calm to flip: hard <= soft <= flat <= flip")
        if not 0.0 < self.alarm_inflation <= self.alarm or not 0.0 <= self.margin < 0.1:
            raise ValueError("band: alarm_inflation must lie between 0 and alarm, margin between 0 and 0.1")


class SizeParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is bought (A-SIZE, A-BUD). Shares of the condors' weighted vega, percents as named."""

    offset_base: float = 0.25
    offset_confirmed: float = 0.40
    premium_pct_of_condor_loss: float = 15.0
    """Premium of L1 and L2 against the worst loss of all condors (A-SIZE-2)."""
    outright_below_vix_points: float = 25.0
    """L1 calls are opened outright only below this VIX (S1-10)."""
    layer_risk_pct_nlv: float = 2.0
    carry_warn_pct_of_theta: float = 35.0
    carry_max_pct_of_theta: float = 50.0
    carry_max_pct_nlv_year: float = 7.5
    """A year of the whole hedge's carry (A-BUD-2); under the gate's own cap, which would refuse order after order."""
    spend_month_pct_nlv: float = 2.8
    """Net cash spent on the hedge in thirty days; under the gate's own cap (C08-30D), which would refuse order after
    order."""
    reinvest_pct: float = 25.0
    """Part of a harvest's gain that is put aside for deep protection (A-BUD-3)."""
    reserve_below_vix_points: float = 15.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.offset_base <= self.offset_confirmed <= 1.0:
            raise ValueError(
                f"size: offset_base {self.offset_base:g} and offset_confirmed {self.offset_confirmed:g} are shares of "
                f"the condors' vega between 0 and 1, the confirmed one not below the base"
            )
        if not self.carry_warn_pct_of_theta <= self.carry_max_pct_of_theta:
            raise ValueError("size: carry_warn_pct_of_theta must not exceed carry_max_pct_of_theta")
        if not 0.0 < self.carry_max_pct_nlv_year <= 100.0:
            raise ValueError(f"size: carry_max_pct_nlv_year is {self.carry_max_pct_nlv_year:g}; it is above 0, to 100")
        if not 0.0 < self.spend_month_pct_nlv <= 100.0:
            raise ValueError(f"size: spend_month_pct_nlv is {self.spend_month_pct_nlv:g}; it is above 0, to 100")
        if not 0.0 < self.layer_risk_pct_nlv <= 3.0:
            raise ValueError(f"size: layer_risk_pct_nlv is {self.layer_risk_pct_nlv:g}; K-SIZE-2 allows up to 3")
        if not 0.0 <= self.reinvest_pct <= 100.0:
            raise ValueError(f"size: reinvest_pct is {self.reinvest_pct:g}; it is a part of a gain, 0 to 100")


class RotationParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the hedge moves out along the curve (A-ROT-0 to 4). Points are front minus second VX."""

    slot4_above_points: float = 3.0
    slot4_rearm_below_points: float = 1.5
    confirm_min: float = 60.0
    confirm_closes: int = 2
    share_low_pct: float = 40.0
    share_high_pct: float = 60.0
    share_full_at_points: float = 6.0
    preemptive_pct: float = 20.0
    addon_pct: float = 25.0
    clips: int = 2
    clip_pause_min: float = 15.0
    abort_worse_pct: float = 10.0
    unwind_closes: int = 3
    unwind_sessions: int = 3
    retries: int = 1
    retry_pause_min: float = 30.0

    def __post_init__(self) -> None:
        if not self.slot4_rearm_below_points < self.slot4_above_points:
            raise ValueError(
                "rotation: slot4_rearm_below_points must lie below slot4_above_points, or it never re-arms"
            )
        if not 0.0 <= self.preemptive_pct <= self.share_low_pct <= self.share_high_pct <= 100.0:
            raise ValueError("rotation: preemptive_pct, share_low_pct and share_high_pct must rise within 0 to 100")
        if min(self.clips, self.confirm_closes, self.unwind_closes, self.unwind_sessions) < 1:
            raise ValueError("rotation: clips, closes and sessions are counts of at least 1")
        if self.retries < 0 or self.retry_pause_min < 0.0:
            raise ValueError("rotation: retries and retry_pause_min are at least 0")


class HarvestParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When protection is sold again (A-HARV-1 to 3) and how long its slot rests."""

    half_at_multiple: float = 2.0
    most_at_multiple: float = 4.0
    most_leaves_pct: float = 25.0
    rsi_down_through: float = 70.0
    front_fall_pct: float = 15.0
    rest_rsi_below: float = 60.0
    leftover_below_points: float = 0.10
    """A contract worth less is not worth an order; it is left to expire."""

    def __post_init__(self) -> None:
        if not 1.0 < self.half_at_multiple < self.most_at_multiple:
            raise ValueError("harvest: half_at_multiple must lie above 1 and below most_at_multiple")


class EngineParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The second engine of slots 9 and 10 (A-ENG-1 to 4)."""

    rsi_low: float = 30.0
    rsi_high: float = 70.0
    evidence_min: int = 2
    """Families of evidence that wake the deep slots under stress (A-ENG-3)."""
    convexity_delta: float = 0.75
    convexity_to_delta: float = 0.40
    stress_kind: HedgeKind = HedgeKind.VIX_CALL_SPREAD
    """What is bought when convexity is dear: a spread of VIX calls or of SPX puts."""

    def __post_init__(self) -> None:
        if not 0.0 < self.rsi_low < self.rsi_high < 100.0:
            raise ValueError("second engine: rsi_low and rsi_high must rise between 0 and 100")
        if self.evidence_min < 1:
            raise ValueError("second engine: evidence_min is a count of families, at least 1")
        if self.stress_kind not in (HedgeKind.VIX_CALL_SPREAD, HedgeKind.SPX_PUT_SPREAD):
            raise ValueError("second engine: stress_kind is a spread: vix_call_spread or spx_put_spread")


class WaccParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights of slots 5 to 8 by what their protection costs (A-WACC-1)."""

    sensitivity: float = 0.5
    slot_limit_pct: float = 25.0
    floor: float = 0.7
    rsi_from: float = 45.0
    rsi_span: float = 15.0


class HedgeOrderParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a hedge order's price walks (X-EXEC), and its rhythm. Shares of the half-spread."""

    step_s: float = 20.0
    reprices: int = 3
    concession_pct: float = 40.0
    crisis_concession_pct: float = 80.0
    denied_pause_s: float = 60.0
    same_opens_per_day: int = 3
    """How often a slot may buy the same legs in a session: as the gate allows, whose refusal would latch (C26)."""
    denied_pause_max_s: float = 600.0
    """What came to nothing is asked for again after a pause that doubles each time, up to this."""
    give_up_s: float = 180.0
    """A walk that cannot ask again for this long, for want of quotes, ends: its slots must not wait for ever."""
    cooldown_min: float = 10.0
    quote_max_age_s: float = 3.0
    mark_max_age_s: float = 300.0
    """A far VIX option may stand unchanged for minutes; the broker tells changes only."""
    forward_max_age_s: float = 60.0
    orders_at_once: int = 3
    same_legs_pause_s: float = 60.0
    """Between orders of two slots in the same legs and size: as long as the gate takes them for one (C27)."""
    no_orders_before_close_min: float = 5.0
    tick_points: float = 0.01
    strikes_around: int = 6
    max_quantity: int = 20

    def __post_init__(self) -> None:
        least = (self.orders_at_once, self.strikes_around, self.max_quantity, self.same_opens_per_day)
        if self.reprices < 0 or min(least) < 1:
            raise ValueError(
                "hedge orders: reprices is at least 0; orders_at_once, strikes_around, max_quantity and "
                "same_opens_per_day at least 1"
            )
        if not 0.0 <= self.same_legs_pause_s <= 3600.0:
            raise ValueError("hedge orders: same_legs_pause_s is 0 to 3600, as long as the gate takes two for one")
        if not 0.0 <= self.denied_pause_s <= self.denied_pause_max_s:
            raise ValueError("hedge orders: denied_pause_s is at least 0 and at most denied_pause_max_s")
        for name in ("concession_pct", "crisis_concession_pct"):
            if not 0.0 <= float(getattr(self, name)) <= 100.0:
                raise ValueError(f"hedge orders: {name} is a share of the half-spread, 0 to 100")


class AlvhParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the hedge decides with. `enabled` false runs the condors alone."""

    enabled: bool = False
    evaluate_every_s: float = 60.0
    lattice: LatticeParams = LatticeParams()
    band: BandParams = BandParams()
    size: SizeParams = SizeParams()
    rotation: RotationParams = RotationParams()
    harvest: HarvestParams = HarvestParams()
    second_engine: EngineParams = EngineParams()
    wacc: WaccParams = WaccParams()
    orders: HedgeOrderParams = HedgeOrderParams()

    def __post_init__(self) -> None:
        lattice = self.lattice
        if not (lattice.short.dte_target_days < lattice.intermediate.dte_target_days < lattice.deep.dte_target_days):
            raise ValueError("alvh: the layers' dte_target_days must rise from short to intermediate to deep")
        if lattice.short.kind in (HedgeKind.SPX_PUT_SPREAD, HedgeKind.VIX_CALL_SPREAD):
            raise ValueError("alvh: the short layer answers spikes at once: vix_call or vxm, no spread")
