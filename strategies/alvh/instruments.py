"""Which contract a slot would be bought in: expiry by tenor, strike by delta on its own future (A-LAT-2 to A-LAT-4).

Rules
- Expiries come from the listed VIX chains (monthly and weekly) or the SPX chain; within the layer's range the one
  nearest to the target, a weekly only if it is much nearer than a monthly one.
- Strikes are looked at around a guess, quoted one by one, and the one whose delta at mid is nearest to the wanted is
  taken. Contracts, quotes or a forward that are missing are asked for, never assumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from strategies.alvh.context import HedgeAgenda, HedgeContext
from strategies.alvh.lattice import Held
from strategies.alvh.params import HedgeKind, LayerParams
from strategies.domain.instruments import Future, Option, Right
from strategies.domain.market import Board
from strategies.domain.orders import Action, LegIntent
from strategies.pricing.vix_beta import vix_beta

GUESS_VOL = {HedgeKind.VIX_CALL: 0.85, HedgeKind.VIX_CALL_SPREAD: 0.85, HedgeKind.SPX_PUT_SPREAD: 0.20}
REACH = 2.6
"""A board is asked for from the future divided by this to the future times this; of SPX, within 35 % of spot."""
DELTA_TOLERANCE = 0.15
FUTURE_RISK = 0.25
"""K-SIZE-2: what a future is taken to lose at most, as a share of its price."""
VXM_CLASS = "VXM"
MONTHLY_CLASSES = ("SPX", "VIX")


class Candidate(NamedTuple):
    """What one unit of protection is: legs without a slot, its delta, dollars per VIX point, price and carry.

    `premium_points` is the net mid per share; `risk_usd` what one unit can lose by K-SIZE-2.
    """

    legs: tuple[tuple[int, Action], ...]
    symbol: str
    expiry: date
    delta: float
    usd_per_vix_point: float
    premium_points: float
    risk_usd: float
    carry_usd_per_day: float | None
    text: str

    def leg_intents(self, slot: int) -> tuple[LegIntent, ...]:
        """The legs of an opening order for a slot."""
        return tuple(LegIntent(con_id, 1, action, slot) for con_id, action in self.legs)


def find(kind: HedgeKind, layer: LayerParams, delta: float, agenda: HedgeAgenda) -> Candidate | str:
    """The candidate of a layer, or why there is none yet; what is missing is put on the agenda's wants."""
    if kind is HedgeKind.VXM:
        return _future(layer, agenda)
    expiry = _expiry(kind, layer, agenda)
    if isinstance(expiry, str):
        return expiry
    trading_class, day = expiry
    options = _board(kind, trading_class, day, agenda)
    if isinstance(options, str):
        return options
    near = _by_delta(options, delta, kind, agenda)
    if isinstance(near, str):
        return near
    if kind is HedgeKind.VIX_CALL:
        return _single(near, agenda.ctx)
    beyond = [o for o in options if (o.strike > near.strike) is near.is_call and o.strike != near.strike]
    far = _by_delta(beyond, layer.far_delta, kind, agenda)
    return far if isinstance(far, str) else _spread(near, far, agenda.ctx)


def _expiry(kind: HedgeKind, layer: LayerParams, agenda: HedgeAgenda) -> tuple[str, date] | str:
    """Trading class and settlement day, or what is missing."""
    ctx = agenda.ctx
    symbol, classes = ("SPX", ("SPX",)) if kind is HedgeKind.SPX_PUT_SPREAD else ("VIX", ("VIX", "VIXW"))
    found: list[tuple[float, str, date]] = []
    for trading_class in classes:
        chain = ctx.market.chains.get(trading_class)
        if chain is None:
            agenda.chains.append((symbol, trading_class))
            continue
        for day in chain.expiries:
            dte = (day - ctx.today).days
            if layer.dte_min_days <= dte <= layer.dte_max_days:
                monthly = trading_class in MONTHLY_CLASSES
                away = abs(dte - layer.dte_target_days) + (0 if monthly else ctx.params.lattice.monthly_bonus_days)
                found.append((away, trading_class, day))
    if not found:
        missing = not any(c in ctx.market.chains for c in classes)
        span = f"{layer.dte_min_days} to {layer.dte_max_days} days"
        return "waiting for the chain of VIX options" if missing else f"no expiry {span} out is listed"
    _, trading_class, day = min(found)
    return trading_class, day


def _board(kind: HedgeKind, trading_class: str, day: date, agenda: HedgeAgenda) -> Sequence[Option] | str:
    """The options of the expiry and right, by strike."""
    ctx = agenda.ctx
    right = Right.PUT if kind is HedgeKind.SPX_PUT_SPREAD else Right.CALL
    options = [o for o in ctx.market.options(trading_class, day) if o.right is right]
    if options:
        return options
    if kind is HedgeKind.SPX_PUT_SPREAD:
        spot = ctx.valuer.spot_points
        if spot is None:
            return "SPX is not known"
        agenda.boards.append(Board("SPX", trading_class, day, 0.65 * spot, 1.02 * spot))
    else:
        forward = ctx.valuer.forwards.at(day) or ctx.valuer.forwards.at(day + timedelta(days=1))  # listed by last trade
        if forward is None:
            return f"no VIX futures enclose {day.isoformat()}"
        agenda.boards.append(Board("VIX", trading_class, day, forward / REACH, REACH * forward))
    return f"waiting for the contracts of {trading_class} {day.isoformat()}"


def _by_delta(options: Sequence[Option], delta: float, kind: HedgeKind, agenda: HedgeAgenda) -> Option | str:
    """The quoted option whose delta is nearest to the wanted; asks for lines around the guess."""
    ctx = agenda.ctx
    if not options:
        return "no strike is listed far enough out"
    guess = _guess_strike(options[0], delta, kind, ctx)
    if guess is None:
        return "the forward of the expiry is not known"
    around = sorted(options, key=lambda o: abs(o.strike - guess))[: ctx.params.orders.strikes_around]
    agenda.lines.extend(option.con_id for option in around)
    ctx.valuer.read(option.con_id for option in around)
    best: tuple[float, Option] | None = None
    for option in around:
        seen = ctx.valuer.delta(option)
        if seen is not None and (best is None or abs(abs(seen) - delta) < best[0]):
            best = abs(abs(seen) - delta), option
    if best is None:
        return f"waiting for quotes around {guess:g} of {around[0].trading_class} {around[0].expiry.isoformat()}"
    if best[0] > DELTA_TOLERANCE:
        return f"no quoted strike has a delta near {delta:g}"
    return best[1]


def _guess_strike(like: Option, delta: float, kind: HedgeKind, ctx: HedgeContext) -> float | None:
    tau = max((like.last_trade_at - ctx.now).total_seconds() / (365.0 * 86400.0), 1e-4)
    forward = ctx.valuer.forward(like, tau)
    if forward is None:
        return None
    s = GUESS_VOL[kind] * math.sqrt(tau)
    out = _normal_quantile(1.0 - delta)
    return forward * math.exp((out if like.is_call else -out) * s + 0.5 * s * s)


def _normal_quantile(p: float) -> float:
    """Rough inverse of the normal distribution (error under .003), enough to know where to look."""
    t = math.sqrt(-2.0 * math.log(min(p, 1.0 - p)))
    x = t - (2.30753 + 0.27061 * t) / (1.0 + 0.99229 * t + 0.04481 * t * t)
    return x if p > 0.5 else -x


class _Leg(NamedTuple):
    delta: float
    vix_usd: float
    mid: float
    carry_usd: float | None


def _leg(option: Option, ctx: HedgeContext) -> _Leg | None:
    """One contract bought: its figures for the whole contract but the price."""
    line = ctx.valuer.line(Held(0, option.con_id, 1, 0.0))
    if line is None or line.mid_points is None or line.delta is None or line.usd_per_vix_point is None:
        return None
    return _Leg(line.delta, line.usd_per_vix_point, line.mid_points, line.carry_usd_per_day)


def _single(option: Option, ctx: HedgeContext) -> Candidate | str:
    leg = _leg(option, ctx)
    if leg is None or leg.vix_usd <= 0.0:
        return f"{option.trading_class} {option.strike:g} cannot be valued"
    return Candidate(
        legs=((option.con_id, Action.BUY),),
        symbol=option.symbol,
        expiry=option.expiry,
        delta=leg.delta,
        usd_per_vix_point=leg.vix_usd,
        premium_points=leg.mid,
        risk_usd=leg.mid * option.multiplier,
        carry_usd_per_day=leg.carry_usd,
        text=f"{option.trading_class} {option.expiry.isoformat()} {option.strike:g}C at delta {leg.delta:.2f}",
    )


def _spread(near: Option, far: Option, ctx: HedgeContext) -> Candidate | str:
    bought, sold = _leg(near, ctx), _leg(far, ctx)
    if bought is None or sold is None or bought.mid <= sold.mid or bought.vix_usd <= sold.vix_usd:
        return f"the spread {near.strike:g}/{far.strike:g} cannot be valued"
    debit = bought.mid - sold.mid
    known = bought.carry_usd is not None and sold.carry_usd is not None
    return Candidate(
        legs=((near.con_id, Action.BUY), (far.con_id, Action.SELL)),
        symbol=near.symbol,
        expiry=near.expiry,
        delta=bought.delta - sold.delta,
        usd_per_vix_point=bought.vix_usd - sold.vix_usd,
        premium_points=debit,
        risk_usd=debit * near.multiplier,
        carry_usd_per_day=(bought.carry_usd or 0.0) - (sold.carry_usd or 0.0) if known else None,
        text=f"{near.trading_class} {near.expiry.isoformat()} {near.strike:g}/{far.strike:g}{near.right.value} spread",
    )


def _future(layer: LayerParams, agenda: HedgeAgenda) -> Candidate | str:
    """The mini future whose settlement is nearest to the layer's target."""
    ctx = agenda.ctx
    listed: list[tuple[int, Future]] = []
    for future in ctx.market.futures(VXM_CLASS):
        dte = (future.expiry - ctx.today).days
        if layer.dte_min_days <= dte <= layer.dte_max_days:
            listed.append((abs(dte - layer.dte_target_days), future))
    if not listed:
        return f"no VXM future settles {layer.dte_min_days} to {layer.dte_max_days} days out"
    future = min(listed, key=lambda row: (row[0], row[1].expiry))[1]
    agenda.lines.append(future.con_id)
    mid = ctx.valuer.mid(future.con_id)
    if mid is None:
        return f"waiting for the quote of VXM {future.expiry.isoformat()}"
    usd = future.multiplier * vix_beta(float((future.expiry - ctx.today).days), ctx.valuer.scales)
    slope = ctx.valuer.forwards.slope(future.expiry)
    return Candidate(
        legs=((future.con_id, Action.BUY),),
        symbol=future.symbol,
        expiry=future.expiry,
        delta=1.0,
        usd_per_vix_point=usd,
        premium_points=mid,
        risk_usd=FUTURE_RISK * mid * future.multiplier,
        carry_usd_per_day=None if slope is None else -slope * future.multiplier,
        text=f"VXM {future.expiry.isoformat()} at {mid:.2f}",
    )
