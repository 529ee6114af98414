"""One intent under review with everything derived from the view, each thing computed once and only when asked for."""

from __future__ import annotations

import math
from functools import cached_property

from risk.exposure import Exposure, Series, Stake, Unit, exposure_of, series_of, unit_of
from risk.limits import Limits
from risk.measures import vix_level
from risk.stress import Revaluation, Stress
from risk.view import RiskView
from strategies.domain.account import AccountSnapshot
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Tradable
from strategies.domain.known import Known
from strategies.domain.market import Quote
from strategies.domain.orders import Action, LegIntent, PlaceIntent


class Case:
    """Intent, view and limits. Anything below the form checks may rely on a well-formed intent of known contracts."""

    def __init__(self, intent: PlaceIntent, view: RiskView, limits: Limits) -> None:
        self.intent = intent
        self.view = view
        self.limits = limits
        self.hedge = intent.owner == HEDGE_OWNER
        """Whether the order belongs to the hedge and not to a condor."""

    # the order --------------------------------------------------------------------------------------
    @cached_property
    def contracts(self) -> dict[int, Tradable]:
        """Contracts with loaded details among the legs, what is held and what is working."""
        known = self.exposure.contracts
        new = {leg.con_id: self.view.market.tradable(leg.con_id) for leg in self.intent.legs if leg.con_id not in known}
        return {**known, **{con_id: contract for con_id, contract in new.items() if contract is not None}}

    @cached_property
    def legs(self) -> tuple[tuple[LegIntent, Tradable], ...]:
        """The legs with their contracts."""
        return tuple((leg, self.contracts[leg.con_id]) for leg in self.intent.legs)

    @cached_property
    def series(self) -> frozenset[Series]:
        """What the legs settle on."""
        return frozenset(series_of(contract) for _, contract in self.legs)

    @cached_property
    def unit(self) -> Unit:
        """The order as units."""
        return unit_of(self.intent, self.contracts, self.limits.fee_usd_per_contract)

    @cached_property
    def reducing(self) -> bool:
        """Whether the order is proven to add no risk in any fill subset; what it calls itself does not matter."""
        return bool(self.own.held) and self.own.is_reduced_by(self.unit)

    # exposure ---------------------------------------------------------------------------------------
    @cached_property
    def exposure(self) -> Exposure:
        """What is held and working now."""
        return exposure_of(self.view, self.limits.fee_usd_per_contract)

    @property
    def stakes(self) -> dict[str | None, Stake]:
        """The same by owner."""
        return self.exposure.stakes

    @cached_property
    def own(self) -> Stake:
        """What the intent's owner holds and has working now."""
        found = self.stakes.get(self.intent.owner)
        if found is None:
            return Stake(self.contracts, {}, 0.0, hedge=self.hedge)
        return found if len(self.contracts) == len(found.contracts) else found.knowing(self.contracts)

    @cached_property
    def own_after(self) -> Stake:
        """The same with this order working."""
        return self.own.plus(self.unit)

    @cached_property
    def own_filled(self) -> Stake:
        """The same with this order wholly filled."""
        return self.own.filled(self.unit)

    @cached_property
    def others(self) -> tuple[Stake, ...]:
        """Every other group."""
        return tuple(stake for owner, stake in self.stakes.items() if owner != self.intent.owner)

    @cached_property
    def others_loss_usd(self) -> float:
        """Worst case of the other groups together."""
        return sum(max(0.0, stake.worst_loss_usd) for stake in self.others)

    @cached_property
    def own_loss_usd(self) -> float:
        """Worst case of the owner with the order working."""
        return self.own_after.worst_loss_usd

    @cached_property
    def revaluation(self) -> Revaluation:
        """What every contract is worth under the grid and in the crash."""
        return Revaluation(self.contracts, self.view.marks, self.limits, self.vix_points)

    @cached_property
    def stress(self) -> Stress | str:
        """The book with this order working under the grid and the crash, or why it cannot be valued."""
        return self.revaluation.of((*self.others, self.own_after))

    @cached_property
    def stress_before(self) -> Stress | str:
        """The same without this order."""
        return self.revaluation.of((*self.others, self.own))

    @cached_property
    def stress_filled(self) -> Stress | str:
        """The same with this order wholly filled."""
        return self.revaluation.of((*self.others, self.own_filled))

    def own_stress(self, stake: Stake) -> float | None:
        """Worst grid cell of one owner's stake in dollars, None where it cannot be valued."""
        found = self.revaluation.of((stake,))
        return None if isinstance(found, str) else found.grid_loss_usd

    @cached_property
    def protective(self) -> bool:
        """Whether this is a purchase of the hedge that lowers the crash loss and no falling cell's worst.

        Where the book has no such loss there is nothing to protect.
        """
        if not self.hedge or self.reducing:
            return False
        before, after = self.stress_before, self.stress_filled
        if isinstance(before, str) or isinstance(after, str):
            return False
        less = after.crash_loss_usd < before.crash_loss_usd and before.crash_loss_usd > 0.0
        return less and after.falling_loss_usd <= before.falling_loss_usd

    @cached_property
    def vix_points(self) -> float | None:
        """Level of VIX on this connection, None while it is unknown or old."""
        return vix_level(self.view, self.limits)

    # account ----------------------------------------------------------------------------------------
    @cached_property
    def account(self) -> AccountSnapshot | str:
        """Account figures if the broker reported them recently, else why not."""
        answer = self.view.account
        if not isinstance(answer, Known):
            return f"the account is unknown ({answer.reason})"
        age_s = (self.view.now - answer.value.at).total_seconds()
        if age_s > self.limits.account_age_s:
            return f"the account figures are {age_s:.0f} s old, allowed are {self.limits.account_age_s:g} s"
        return answer.value

    @cached_property
    def nlv_usd(self) -> float | str:
        """Net liquidation that caps are measured on: the lower of now and the day's start, else why unknown."""
        if isinstance(self.account, str):
            return self.account
        now_usd, start_usd = self.account.net_liquidation_usd, self.view.day_start_nlv_usd
        if now_usd is None or not math.isfinite(now_usd) or now_usd <= 0.0:
            return "the broker reported no usable net liquidation"
        if start_usd is None or not math.isfinite(start_usd) or start_usd <= 0.0:
            return "net liquidation at the start of the day is unknown"
        return min(now_usd, start_usd)

    # quotes -----------------------------------------------------------------------------------------
    @cached_property
    def quotes(self) -> dict[int, Quote | None]:
        """Last quote of each leg of this connection, whatever its age."""
        epoch = self.view.market.epoch
        found = {leg.con_id: self.view.market.quotes.get(leg.con_id) for leg in self.intent.legs}
        return {c: q if q is not None and q.epoch == epoch else None for c, q in found.items()}

    @cached_property
    def leg_mids_points(self) -> dict[int, float | None]:
        """Midpoint of each leg. When reducing, a missing bid is worth nothing and a missing ask leaves the bid."""
        return {leg.con_id: self._leg_mid(leg) for leg in self.intent.legs}

    def _leg_mid(self, leg: LegIntent) -> float | None:
        quote = self.quotes[leg.con_id]
        if quote is None:
            return None
        if not self.reducing:
            return quote.mid
        bid, ask = quote.bid or 0.0, quote.ask
        if ask is None:
            return quote.bid if leg.action is Action.SELL else None
        return 0.5 * (bid + ask) if 0.0 <= bid <= ask and ask > 0.0 else None

    @cached_property
    def mid_points(self) -> float | None:
        """Net mid of one unit by the gate's own reckoning (positive: costs), None where a leg has none."""
        total = 0.0
        for leg in self.intent.legs:
            mid = self.leg_mids_points[leg.con_id]
            if mid is None or not math.isfinite(mid):
                return None
            total += leg.action.sign * leg.ratio * mid
        return total
