"""Where condors and hedge meet: what the hedge is shown of the condors, and what an entry must wait for (C-ENTRY-9)."""

from __future__ import annotations

import msgspec

from strategies.alvh.exposure import Sold
from strategies.alvh.joint import stance
from strategies.alvh.lattice import Held, Slot, fresh_lattice
from strategies.alvh.memory import AlvhMemory
from strategies.alvh.params import AlvhParams
from strategies.alvh.plan import look
from strategies.alvh.spending import RULE as SPENDING
from strategies.alvh.view import HedgeMacro, HedgeOutcome, HedgeView
from strategies.condor.context import Agenda, Context
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor
from strategies.domain.account import AccountSnapshot
from strategies.domain.control import LinkState
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.desk_sample import DeskSample
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import Purpose
from strategies.domain.settling import awaited, doubted
from strategies.pricing.vix_beta import vix_beta
from strategies.signals.live import Feed

DECLINE, HOLD = DecisionVerdict.DECLINE, DecisionVerdict.HOLD
CLOSE_MINUTES = 15.0
DISCRETIONARY = "discretionary"


class HedgeSeen(msgspec.Struct, frozen=True):
    """The hedge as the engine hands it over: slots by number, what each holds, the macro inputs' word."""

    slots: dict[int, Slot] = msgspec.field(default_factory=fresh_lattice)
    holdings: tuple[Held, ...] = ()
    macro: HedgeMacro = HedgeMacro()


def sold(condor: Condor) -> list[Sold]:
    """A condor as the hedge sees it, one row for each set of legs it holds; the wanted units before any fill."""
    kept = (condor.credit_points or 0.0) + condor.adjust_points
    rows = []
    for lot in condor.held:
        legs = tuple((leg.con_id, sign) for leg, sign in zip(lot.legs.all(), (1, -1, -1, 1), strict=True))
        loss = max(0.0, lot.legs.width_points - kept) * lot.units * 100.0
        rows.append(Sold(condor.id, legs, lot.units, lot.legs.width_points, loss))
    return rows


def protect(
    ctx: Context,
    agenda: Agenda,
    seen: HedgeSeen,
    feed: Feed,
    memory: AlvhMemory,
    params: AlvhParams,
    account: Known[AccountSnapshot] | Unknown,
    planned: Condor | None,
    *,
    judged: bool = False,
) -> HedgeOutcome | None:
    """One look of the hedge, `judged` when an entry waits for its word; None without signals or a session."""
    outlook = feed.signals.outlook if feed.signals is not None else None
    if not params.enabled or outlook is None or ctx.session is None or feed.signals is None:
        return None
    condors = [row for c in ctx.condors.values() if c.active and c.quantity > 0 for row in sold(c)]
    if planned is not None:
        condors += sold(planned)
    may_trade = ctx.can_trade and not ctx.halted and ctx.link is LinkState.UP
    late = ctx.minutes_to_close() <= max(CLOSE_MINUTES, params.orders.no_orders_before_close_min)
    nlv = account.value.net_liquidation_usd if isinstance(account, Known) else None
    carry = next((c.carry_rate for c in ctx.condors.values() if c.active), 0.0)
    return look(
        HedgeView(
            now=ctx.now,
            today=ctx.today,
            market=ctx.market,
            book=ctx.book,
            futures=ctx.futures,
            slots=seen.slots,
            holdings=seen.holdings,
            condors=condors,
            planned=planned is not None,
            marks=agenda.marks,
            outlook=outlook,
            official=feed.signals.regime.official,
            macro=seen.macro,
            nlv_usd=nlv,
            spot_points=ctx.spot_points,
            vix_points=ctx.vix_points,
            rate=ctx.params.exit.risk_free_pct / 100.0,
            carry_rate=planned.carry_rate if planned is not None and not carry else carry,
            params=params,
            memory=memory,
            may_trade=may_trade,
            may_open=may_trade and not late,
            at_close=late,
            pending_refs=ctx.pending_refs,
            judged=judged,
            held_back=ctx.control.suspended.get(DISCRETIONARY, ""),
            demands=tuple(agenda.demands),
        )
    )


def sampled(ctx: Context, feed: Feed, outcome: HedgeOutcome | None, *, enabled: bool) -> DeskSample | None:
    """The look in a few numbers; None between two evaluations of the hedge and outside a session.

    Without the hedge nobody values the condors' vega: the sample then tells levels and curve only.
    """
    outlook = None if feed.signals is None else feed.signals.outlook
    if outlook is None or ctx.session is None:
        return None
    sample = DeskSample(
        regime=outlook.regime.value,
        tier=int(outlook.tier),
        spx_points=ctx.spot_points,
        vix_points=ctx.vix_points,
        front_minus_second_points=_round(ctx.curve.front_minus_second_points, 4),
        unknown="the hedge is switched off",
    )
    if not enabled:
        return sample
    if outcome is None or outcome.held is None:
        return None
    exposure, vega, band = outcome.held, outcome.held.vega, outcome.band
    return msgspec.structs.replace(
        sample,
        net_vega_n=None if vega is None else _round(vega.net_n, 4),
        low_n=None if band is None else band.low,
        high_n=None if band is None else band.high,
        condors_usd_per_vix_point=None if vega is None else round(vega.condors_usd_per_vix_point, 2),
        hedge_usd_per_vix_point=None if vega is None else round(vega.hedges_usd_per_vix_point, 2),
        condor_theta_usd_per_day=_round(exposure.condor_theta_usd, 2),
        hedge_carry_usd_per_day=_round(exposure.carry_usd, 2),
        unknown=exposure.unknown,
    )


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


NO_ROOM = ("A-BUD-1", "A-BUD-2", "A-SIZE-2", "K-SIZE-2", SPENDING)
"""Budgets that may let no further contract in."""


def word(before: HedgeWord, outcome: HedgeOutcome | None, ctx: Context, params: AlvhParams) -> HedgeWord:
    """What the hedge says after this look; a look that only waited changes nothing."""
    if not params.enabled:
        return HedgeWord(gains_usd=before.gains_usd, gains_at=before.gains_at)
    if outcome is None or outcome.exposure is None or outcome.exposure.planned:
        return msgspec.structs.replace(before, enabled=True)
    exposure, band = outcome.exposure, outcome.band
    vega = exposure.vega
    # Budgets speak in evaluations only: a look that minds orders in between leaves what they said.
    full = before.no_room if outcome.target is None else next(
        (d.rule for d in outcome.decisions if d.verdict is DECLINE and d.rule in NO_ROOM), ""
    )  # fmt: skip
    carry, spread = _small_future(ctx)
    net = None if vega is None else vega.net_n
    low = None if band is None else band.low
    alarm = params.band.alarm_inflation if ctx.macro.elevated else params.band.alarm
    short = net is not None and net < (-alarm if low is None else max(low, -alarm)) - 1e-9
    values = [line.value_usd for line in exposure.lines]
    return msgspec.structs.replace(
        before,
        at=ctx.now,
        enabled=True,
        unknown=exposure.unknown,
        net_n=net,
        low_n=low,
        high_n=None if band is None else band.high,
        alarm_n=alarm,
        short_since=(before.short_since or ctx.now) if short else None,
        dwell_min=params.band.dwell_min,
        net_usd=None if vega is None else vega.net_usd_per_vix_point,
        hedges_usd=None if vega is None else vega.hedges_usd_per_vix_point,
        theta_usd=exposure.condor_theta_usd,
        carry_usd=exposure.carry_usd,
        value_usd=sum(value for value in values if value is not None),
        no_room=full,
        band_first=_band_first(ctx),
        margin_n=params.band.margin,
        active=any(line.held.quantity > 0 for line in exposure.lines),
        contracts=sum(max(0, line.held.quantity) for line in exposure.lines),
        rsi_high=params.second_engine.rsi_high,
        carry_usd_per_day_per_usd=carry,
        half_spread_usd_per_usd=spread,
    )


def _band_first(ctx: Context) -> bool:
    """Whether the band outranks the budgets by the regime in force and by the curve as it stands now: the official one
    calms down only at a close, and no condor leaves for an inversion that has gone."""
    if ctx.outlook is None:
        return False
    regimes, tier = (ctx.outlook.regime, ctx.curve.regime), ctx.outlook.tier
    return all(not stance(regime, tier).budget_first for regime in regimes)


def _small_future(ctx: Context) -> tuple[float | None, float | None]:
    """What a front VIX future costs a day, and to trade, per dollar of weighted vega; None while it is unread."""
    quoted = []
    for future in ctx.futures[:2]:
        quote = ctx.market.fresh(future.con_id, ctx.now, ctx.params.orders.mark_quote_max_age_s)
        if quote is None or quote.mid is None or quote.bid is None or quote.ask is None:
            return None, None
        quoted.append((float((future.expiry - ctx.today).days), quote.mid, 0.5 * (quote.ask - quote.bid)))
    if len(quoted) < 2 or quoted[1][0] <= quoted[0][0] or ctx.outlook is None or quoted[0][0] < 0.0:
        return None, None
    (days, front, half), (later, second, _) = quoted
    beta = vix_beta(days, ctx.outlook.measures.scales)
    return -(second - front) / (later - days) / beta, half / beta


def admit(agenda: Agenda, outcome: HedgeOutcome | None, condor: Condor, *, enabled: bool) -> bool:
    """C-ENTRY-9: whether the proposed condor may be sold now, the hedge being what it is and all of it known."""
    waits = awaited(agenda.ctx.book, agenda.ctx.market) or doubted(agenda.ctx.book)
    if waits:
        _note(agenda, condor, DECLINE, waits, {}, {})
        return False
    if not enabled:
        return True
    if outcome is None or outcome.exposure is None or outcome.band is None:
        _note(agenda, condor, DECLINE, "the hedge cannot be judged: no signals yet", {}, {})
        return False
    vega, low = outcome.exposure.vega, outcome.band.low
    if vega is None or vega.net_n is None or low is None:
        reason = outcome.exposure.unknown or "no band holds while the curve cannot be read"
        _note(agenda, condor, DECLINE, f"net vega after the trade is unknown: {reason}", {}, {})
        return False
    inputs = {
        "net_vega_after_n": round(vega.net_n, 4),
        "hedge_usd_per_vix_point": round(vega.hedges_usd_per_vix_point, 2),
        "condors_usd_per_vix_point": round(vega.condors_usd_per_vix_point, 2),
    }
    inside = vega.net_n >= low - 1e-9
    text = "net vega stays inside the band" if inside else "the hedge goes first: net vega would leave the band"
    _note(agenda, condor, HOLD if inside else DECLINE, text, inputs, {"low_n": low})
    return inside


def _note(
    agenda: Agenda,
    condor: Condor,
    verdict: DecisionVerdict,
    text: str,
    inputs: dict[str, float],
    thresholds: dict[str, float],
) -> None:
    near = None
    if inputs and thresholds and thresholds["low_n"]:
        near = abs(inputs["net_vega_after_n"] - thresholds["low_n"]) / abs(thresholds["low_n"])
    agenda.note(
        "C-ENTRY-9", "entry", verdict, text, inputs={"condor": condor.id, **inputs}, thresholds=thresholds, near=near
    )


def withdraw(agenda: Agenda, condor: Condor) -> None:
    """Takes a proposal of this look back: nothing of it goes to the gate, and its names stay unused. What the search
    said of its order stays as a reason to hold: no order follows."""
    refs = {place.ref for place in agenda.places if place.owner == condor.id}
    agenda.proposals[:] = [c for c in agenda.proposals if c.id != condor.id]
    agenda.places[:] = [p for p in agenda.places if p.owner != condor.id]
    agenda.walks.pop(condor.id, None)
    agenda.counts.pop(f"{condor.id}.{Purpose.ENTRY.value}", None)
    kept: list[Decision] = [d for d in agenda.decisions if d.subject != condor.id]
    agenda.decisions[:] = [
        msgspec.structs.replace(row, verdict=HOLD, intent_ref=None, text=f"{row.text}; it waits for its hedge")
        if row.intent_ref in refs
        else row
        for row in kept
    ]
