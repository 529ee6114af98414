"""How much of every cap is in use now, working orders counted as filled where that is worse."""

from __future__ import annotations

import math

import msgspec

from risk.exposure import Stake, exposure_of
from risk.hedge import layer_risks, spent_usd
from risk.limits import Limits
from risk.measures import approvals_of_trade_date, approvals_within, fallen_pct, vix_level
from risk.stress import Revaluation, Stress
from risk.view import RiskView
from strategies.domain.account import AccountSnapshot
from strategies.domain.hedge import HEDGE_OWNER, Layer
from strategies.domain.known import Known


class Use(msgspec.Struct, frozen=True):
    """One cap and its current use; `used` None where unknown (or without bound), `floor` True where more is safer."""

    code: str
    name: str
    used: float | None
    cap: float
    unit: str
    floor: bool = False

    @property
    def exceeded(self) -> bool | None:
        """Whether the cap is broken; None where its use is unknown."""
        if self.used is None:
            return None
        return self.used < self.cap if self.floor else self.used > self.cap


def utilisation(view: RiskView, limits: Limits) -> tuple[Use, ...]:
    """Every cap in a fixed order; loss caps in percent of net liquidation, the lower of now and the day's start."""
    account = view.account.value if isinstance(view.account, Known) else None
    losses, hedge = _losses(view, limits, account), _hedge(view, limits, account)
    return (*losses, *hedge, *_money(view, limits, account), *_counts(view, limits))


def _losses(view: RiskView, limits: Limits, account: AccountSnapshot | None) -> tuple[Use, ...]:
    contracts, groups = exposure_of(view, limits.fee_usd_per_contract)
    worst = [max(0.0, stake.worst_loss_usd) for stake in groups.values()]
    base = _base_usd(view, account)
    shocked = Revaluation(contracts, view.marks, limits, vix_level(view, limits)).of(groups.values())
    grid = shocked.grid_loss_usd if isinstance(shocked, Stress) else None
    crash = shocked.crash_loss_usd if isinstance(shocked, Stress) else None
    unit = "% of NLV"
    return (
        Use("C04", "largest working order", _share(_largest_order(groups), base), limits.order_loss_pct, unit),
        Use("C06", "largest condor", _share(max(worst, default=0.0), base), limits.condor_loss_hard_pct, unit),
        Use("C07", "all condors", _share(sum(worst), base), limits.all_condors_loss_hard_pct, unit),
        Use("C18", "stress grid", _share(grid, base), limits.stress_loss_pct, unit),
        Use("K-SIZE-5", "crash", _share(crash, base), limits.crash_loss_pct, unit),
    )


def _hedge(view: RiskView, limits: Limits, account: AccountSnapshot | None) -> tuple[Use, ...]:
    """K-SIZE-2 by layer, the hedge's premium in all and a month's spending; None where a price is unknown."""
    base, unit = _base_usd(view, account), "% of NLV"
    risks = layer_risks(view, exposure_of(view, limits.fee_usd_per_contract).contracts, limits)
    layers = [None if isinstance(risks, str) else risks[layer] for layer in Layer]
    total = None if isinstance(risks, str) else sum(risks.values())
    return (
        *(
            Use("K-SIZE-2", f"hedge layer {layer.value}", _share(risk, base), limits.hedge_layer_loss_pct, unit)
            for layer, risk in zip(Layer, layers, strict=True)
        ),
        Use("C08", "hedge in all", _share(total, base), limits.hedge_total_loss_pct, unit),
        Use("C08-30D", "hedge spending, 30 days", _share(spent_usd(view), base), limits.hedge_spend_month_pct, unit),
    )


def _largest_order(groups: dict[str | None, Stake]) -> float:
    alone = (
        Stake(stake.contracts, {}, 0.0, (unit,)).worst_loss_usd for stake in groups.values() for unit in stake.units
    )
    return max((max(0.0, loss) for loss in alone), default=0.0)


def _money(view: RiskView, limits: Limits, account: AccountSnapshot | None) -> tuple[Use, ...]:
    nlv = None if account is None else account.net_liquidation_usd
    margin = None if account is None else account.initial_margin_usd
    excess = None if account is None else account.excess_liquidity_usd
    unit = "% of NLV"
    return (
        Use("C19", "initial margin", _share(margin, nlv), limits.margin_utilisation_pct, unit),
        Use("C20", "excess liquidity", _share(excess, nlv), limits.excess_liquidity_reduce_pct, unit, floor=True),
        Use("K-SIZE-4", "dry powder", _share(excess, nlv), limits.dry_powder_pct, unit, floor=True),
        Use("C21", "daily loss", fallen_pct(nlv, view.day_start_nlv_usd), limits.daily_loss_halt_pct, "%"),
        Use("K-SIZE-6", "weekly loss", fallen_pct(nlv, view.week_start_nlv_usd), limits.weekly_loss_pct, "%"),
        Use("C22", "drawdown", fallen_pct(nlv, view.high_water_usd), limits.drawdown_reduce_pct, "%"),
    )


def _counts(view: RiskView, limits: Limits) -> tuple[Use, ...]:
    live = view.book.live_orders()
    owners = {h.owner for h in view.holdings if h.owner is not None and h.quantity}
    owners |= {order.intent.owner for order in live}
    largest = max((order.intent.quantity for order in live if order.intent.owner != HEDGE_OWNER), default=0)
    minute, day = approvals_within(view, 60.0, hedge=False), approvals_of_trade_date(view, hedge=False)
    hedges = approvals_of_trade_date(view, hedge=True)
    return (
        Use("C03", "largest working quantity", float(largest), limits.order_quantity_condors, "contracts"),
        Use("C05", "open condors", float(len(owners - {HEDGE_OWNER})), limits.open_condors, "condors"),
        Use("C25", "orders in a minute", float(minute), limits.reducing_orders_per_minute, "orders"),
        Use("C25", "orders today", float(day), limits.reducing_orders_per_day, "orders"),
        Use("C25", "hedge orders today", float(hedges), limits.hedge_orders_per_day, "orders"),
    )


def _base_usd(view: RiskView, account: AccountSnapshot | None) -> float | None:
    now = None if account is None else account.net_liquidation_usd
    if now is None or view.day_start_nlv_usd is None:
        return None
    return min(now, view.day_start_nlv_usd)


def _share(amount_usd: float | None, base_usd: float | None) -> float | None:
    if amount_usd is None or base_usd is None or not math.isfinite(amount_usd) or not base_usd > 0.0:
        return None
    return 100.0 * amount_usd / base_usd
