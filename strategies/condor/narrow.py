"""C-ADJ-1: correlations tighten at tier 1, so net short vega is cut: both shorts move out, or the hedge takes as much.

Rules
- Narrowing is one order of four legs: both shorts are bought back and sold 15 to 25 points further out, the longs stay.
  Each wing keeps at least half its width. It takes about two fifths of the vega and of the credit.
- The alternative is a small VIX future's worth of protection with the same weighted vega, asked of the hedge.
- The cheaper of the two is done. Cost to the time exit: narrowing gives up theta and pays half the spread, the future
  pays its roll and half its spread. Narrowing must also leave both break-evens outside the expected move (P-BE-1) and
  improve the worst of the projection by more than it costs (P-PROJ-1). Once in a condor's life.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np

from strategies.condor.change import begin, legs_to_trade, trading_cost_usd
from strategies.condor.context import Agenda
from strategies.condor.forecast import WORD_MAX_AGE_S, Change, improves
from strategies.condor.lots import Adjustment
from strategies.condor.machine import Condor
from strategies.condor.marks import mark_options
from strategies.condor.standing import Standing, fresh_quotes
from strategies.condor.structure import MULTIPLIER, Leg, Legs, Net, net_price
from strategies.condor.verdicts import read
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.hedge import Ask, Demand
from strategies.domain.instruments import Option
from strategies.domain.market import Board
from strategies.pricing import black76
from strategies.signals.tiers import Tier

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
RULE = "C-ADJ-1"


class Costs(NamedTuple):
    """What each way costs until the time exit, in dollars, and the weighted vega it takes, dollars per VIX point.
    `hedge_usd` is None where the hedge cannot do it; `trade_usd` is the part of narrowing that is half-spread."""

    narrow_usd: float
    hedge_usd: float | None
    vega_usd: float
    trade_usd: float


def narrow(condor: Condor, stand: Standing, agenda: Agenda) -> bool:
    """Judges C-ADJ-1 for an open condor; true when an order or a demand follows from it."""
    ctx = agenda.ctx
    tightened = read(agenda, ("D-CORR-1",))
    tier = None if ctx.outlook is None else ctx.outlook.tier
    inputs: dict[str, Scalar] = {"correlation": tightened.value, "tier": None if tier is None else int(tier)}
    if tier is not Tier.WATCH or not tightened.holds:
        agenda.remember(condor.id, narrow_usd=None)
        agenda.note(RULE, condor.id, HOLD, "correlations do not tighten under watch", inputs=inputs)
        return False
    asked = agenda.watch(condor.id).narrow_usd
    if asked is not None:
        _ask(agenda, asked)
        agenda.note(RULE, condor.id, HOLD, "the hedge takes the vega: asked for while the reason lasts",
                    inputs={**inputs, "asked_usd_per_vix_point": round(asked, 2)})  # fmt: skip
        return True
    found = _found(condor, stand, agenda)
    if isinstance(found, str):
        agenda.note(RULE, condor.id, HOLD if found.startswith("waiting") else DECLINE, found, inputs=inputs)
        return False
    legs, net = found
    costs = _costs(condor, stand, legs, net, agenda)
    if costs is None:
        agenda.note(RULE, condor.id, DECLINE, "the two ways cannot be priced: greeks are missing", inputs=inputs)
        return False
    return _choose(condor, stand, legs, net, costs, inputs, agenda)


def _choose(
    condor: Condor, stand: Standing, legs: Legs, net: Net, costs: Costs, inputs: dict[str, Scalar], agenda: Agenda
) -> bool:
    """The cheaper way; narrowing only where P-BE-1 and P-PROJ-1 let it."""
    word = agenda.ctx.hedge
    inputs |= {
        "narrow_cost_usd": round(costs.narrow_usd, 2),
        "hedge_cost_usd": None if costs.hedge_usd is None else round(costs.hedge_usd, 2),
        "vega_usd_per_vix_point": round(costs.vega_usd, 2),
        "debit_points": round(net.mid_points, 4),
    }
    if costs.hedge_usd is not None and costs.hedge_usd <= costs.narrow_usd and word.hedges_usd is not None:
        wanted = word.hedges_usd + costs.vega_usd
        agenda.remember(condor.id, narrow_usd=wanted)
        _ask(agenda, wanted)
        agenda.note(RULE, condor.id, HOLD, "the hedge is the cheaper way: it is asked for the vega", inputs=inputs)
        return True
    refused = _breaks_even(condor, stand, legs, net, agenda) or improves(
        condor.id, Change(RULE, condor.legs, legs, condor.quantity, costs.trade_usd), stand.em_points, stand.dte_days,
        agenda,
    )  # fmt: skip
    if refused:
        agenda.note(RULE, condor.id, DECLINE, refused, inputs=inputs)
        return False
    agenda.note(RULE, condor.id, ACT, "narrowing is the cheaper way: both shorts move out", inputs=inputs)
    begin(condor, Adjustment(None, legs, condor.quantity, condor.legs, RULE), net, agenda)
    return True


def _ask(agenda: Agenda, usd: float) -> None:
    demand = Demand(RULE, Ask.USD, "correlations tighten: the hedge takes the vega", None, usd)
    if demand not in agenda.demands:
        agenda.demands.append(demand)


def _found(condor: Condor, stand: Standing, agenda: Agenda) -> tuple[Legs, Net] | str:
    """The legs afterwards with the order's price, or why there are none (stable words; `waiting`: they may come)."""
    ctx, adjust = agenda.ctx, agenda.ctx.params.adjust
    if not adjust.narrow:
        return "narrowing is switched off"
    if stand.dte_days <= ctx.params.exit.time_exit_dte_days:
        return "too close to the time exit"
    if any(a.rule == RULE for a in condor.adjustments.values()) or agenda.watch(condor.id).narrow_refused:
        return "this condor has been narrowed, or that was tried in vain"
    if len(condor.held) > 1 or condor.adjustments_done() >= adjust.max_per_life:
        return "this condor has been adjusted as often as allowed"
    legs = _legs_afterwards(condor, agenda)
    if legs is None:
        low, high = condor.legs.put_long.strike_points, condor.legs.call_long.strike_points
        agenda.option_wants.append(Board(ctx.params.symbol, condor.trading_class, condor.expiry, low, high))
        half = 0.5 * condor.legs.width_points
        return "waiting for strikes further out" if adjust.narrow_min_points <= half else "the wings are too narrow"
    agenda.line_wants.extend(c for c in legs.con_ids() if c not in agenda.line_wants)
    order = legs_to_trade(condor.legs, legs)
    ids = tuple(leg.con_id for leg in order)
    net = net_price(order, fresh_quotes(ids, ctx, ctx.params.orders.close_quote_max_age_s))
    if net is None:
        return "waiting for quotes of the strikes further out"
    mark_options(agenda, [(con_id, condor.carry_rate) for con_id in ids if con_id not in agenda.marks])
    return legs, net


def _legs_afterwards(condor: Condor, agenda: Agenda) -> Legs | None:
    """Both shorts moved out to the listed strikes nearest to the wanted distance; None where a side has none."""
    options = agenda.ctx.market.options(condor.trading_class, condor.expiry)
    put = _further(condor.legs.put_short, condor.legs.put_long, [o for o in options if not o.is_call], agenda)
    call = _further(condor.legs.call_short, condor.legs.call_long, [o for o in options if o.is_call], agenda)
    if put is None or call is None:
        return None
    return msgspec.structs.replace(condor.legs, put_short=put, call_short=call)


def _further(short: Leg, long: Leg, options: list[Option], agenda: Agenda) -> Leg | None:
    adjust = agenda.ctx.params.adjust
    sign = math.copysign(1.0, long.strike_points - short.strike_points)
    most = min(adjust.narrow_max_points, 0.5 * abs(long.strike_points - short.strike_points))
    fits = [o for o in options if adjust.narrow_min_points <= sign * (o.strike - short.strike_points) <= most]
    best = min(fits, key=lambda o: abs(sign * (o.strike - short.strike_points) - adjust.narrow_points), default=None)
    return None if best is None else Leg(best.con_id, best.strike)


def _costs(condor: Condor, stand: Standing, legs: Legs, net: Net, agenda: Agenda) -> Costs | None:
    """Both ways priced until the time exit."""
    ctx, word = agenda.ctx, agenda.ctx.hedge
    shorts = (condor.legs.put_short, condor.legs.call_short, legs.put_short, legs.call_short)
    marks = [agenda.marks.get(leg.con_id) for leg in shorts]
    if any(mark is None for mark in marks):
        return None
    known = [mark for mark in marks if mark is not None]
    greeks = black76.greeks(
        np.array([mark.forward_points for mark in known]),
        np.array([leg.strike_points for leg in shorts]),
        np.array([mark.iv for mark in known]),
        np.array([mark.tau_years for mark in known]),
        np.array([False, True, False, True]),
        np.array([mark.discount for mark in known]),
    )
    given = np.array([1.0, 1.0, -1.0, -1.0])  # the old shorts go, the new come: what their theta and vega lose
    theta, vega = -float(greeks.theta @ given), float(greeks.vega @ given)
    size = MULTIPLIER * condor.quantity
    days = max(1, stand.dte_days - ctx.params.exit.time_exit_dte_days)
    trade_usd = trading_cost_usd(net, 4, condor.quantity, agenda)
    vega_usd = vega * size * math.sqrt(30.0 / max(stand.dte_days, 7))
    hedge_usd = None
    carry, spread = word.carry_usd_per_day_per_usd, word.half_spread_usd_per_usd
    if word.enabled and word.young(ctx.now, WORD_MAX_AGE_S) and not word.no_room and None not in (carry, spread):
        assert carry is not None
        assert spread is not None
        hedge_usd = vega_usd * (max(0.0, -carry) * days + spread)
    return Costs(trade_usd + max(0.0, theta * size * days), hedge_usd, vega_usd, trade_usd)


def _breaks_even(condor: Condor, stand: Standing, legs: Legs, net: Net, agenda: Agenda) -> str:
    """P-BE-1 after the change, hard: why it fails, empty when both break-evens stay outside the expected move."""
    ctx, needed = agenda.ctx, agenda.ctx.params.entry.breakeven_min_em
    if stand.em_points is None or ctx.spot_points is None:
        return "the expected move is not known"
    kept = (condor.credit_points or 0.0) + condor.adjust_points - net.mid_points
    put = (ctx.spot_points - legs.put_short.strike_points + kept) / stand.em_points
    call = (legs.call_short.strike_points + kept - ctx.spot_points) / stand.em_points
    fails = min(put, call) < needed - 1e-9
    text = "afterwards a break-even would lie inside the expected move" if fails else "afterwards both lie outside"
    agenda.note("P-BE-1", condor.id, DECLINE if fails else HOLD, text,
                inputs={"put_breakeven_em": round(put, 4), "call_breakeven_em": round(call, 4)},
                thresholds={"breakeven_min_em": needed})  # fmt: skip
    return "a break-even would lie inside the expected move" if fails else ""
