"""Where an open condor stands now: what closing costs, its profit, its deltas and the distance of its break-evens."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from strategies.condor.context import Context
from strategies.condor.machine import Condor, Side
from strategies.condor.structure import Legs, Net, net_price
from strategies.domain.market import Quote
from strategies.pricing.single import OptionGreeks


class Standing(NamedTuple):
    """Points per share of one unit. None where the quotes cannot say.

    `close` is the net price of closing (mid, natural) with a worthless wing priced at zero; `sampled` says that all
    four legs are quoted on both sides, as a stop demands. `em_points` is one expected move from now to expiry.
    """

    dte_days: int
    close: Net | None
    sampled: bool
    profit_points: float | None
    put_delta: float | None
    call_delta: float | None
    theta_points: float | None
    em_points: float | None
    put_room_points: float | None
    call_room_points: float | None


def fresh_quotes(con_ids: tuple[int, ...], ctx: Context, max_age_s: float) -> dict[int, Quote]:
    """Quotes of this connection, live and young enough; others are absent."""
    found = {}
    for con_id in con_ids:
        quote = ctx.market.fresh(con_id, ctx.now, max_age_s)
        if quote is not None:
            found[con_id] = quote
    return found


def standing(condor: Condor, ctx: Context, greeks: dict[int, OptionGreeks]) -> Standing:
    """Reads the market for one open condor.

    With two sets of legs held, prices, profit and theta are averages per unit, deltas and rooms those of the set that
    is nearer to trouble: a stop and a threat see the whole.
    """
    lots = condor.held
    found = [_standing(condor, lot.legs, ctx, greeks) for lot in lots]
    if len(found) == 1:
        return found[0]
    units = [lot.units for lot in lots]
    mids = _average([None if s.close is None else s.close.mid_points for s in found], units)
    naturals = _average([None if s.close is None else s.close.natural_points for s in found], units)
    return Standing(
        dte_days=found[0].dte_days,
        close=None if mids is None or naturals is None else Net(mids, naturals),
        sampled=all(s.sampled for s in found),
        profit_points=_average([s.profit_points for s in found], units),
        put_delta=_worst([s.put_delta for s in found], max),
        call_delta=_worst([s.call_delta for s in found], max),
        theta_points=_average([s.theta_points for s in found], units),
        em_points=found[0].em_points,
        put_room_points=_worst([s.put_room_points for s in found], min),
        call_room_points=_worst([s.call_room_points for s in found], min),
    )


def _average(values: list[float | None], units: list[int]) -> float | None:
    """Weighted by units; None when one is unknown."""
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    return sum(v * n for v, n in zip(known, units, strict=True)) / sum(units)


def _worst(values: list[float | None], pick: Callable[[list[float]], float]) -> float | None:
    known = [v for v in values if v is not None]
    return pick(known) if len(known) == len(values) else None


def _standing(condor: Condor, held: Legs, ctx: Context, greeks: dict[int, OptionGreeks]) -> Standing:
    """One set of legs."""
    quotes = fresh_quotes(held.con_ids(), ctx, ctx.params.orders.mark_quote_max_age_s)
    legs = held.closing()
    strict = net_price(legs, quotes)
    close = strict or net_price(legs, quotes, ctx.params.orders.worthless_ask_points)
    kept = (condor.credit_points or 0.0) + condor.adjust_points
    dte = (condor.expiry - ctx.today).days
    put_long, put_short, call_short, call_long = (greeks.get(con_id) for con_id in held.con_ids())
    theta = None
    if put_long is not None and put_short is not None and call_short is not None and call_long is not None:
        theta = put_long.theta + call_long.theta - put_short.theta - call_short.theta
    spot = ctx.spot_points
    return Standing(
        dte_days=dte,
        close=close,
        sampled=strict is not None,
        profit_points=None if close is None else kept - close.mid_points,
        put_delta=None if put_short is None else abs(put_short.delta),
        call_delta=None if call_short is None else abs(call_short.delta),
        theta_points=theta,
        em_points=expected_move(held, condor.smile_gap, ctx, greeks, dte),
        put_room_points=None if spot is None else spot - (held.put_short.strike_points - kept),
        call_room_points=None if spot is None else held.call_short.strike_points + kept - spot,
    )


def smile_gap(spot_points: float, legs: Legs, put_iv: float, call_iv: float, atm_iv: float) -> float:
    """How far the at-the-money volatility lies below the straight line between the shorts, as a share of that line.

    Scaled to the middle between the two strikes, where the line is farthest from a convex smile.
    """
    share = _share(spot_points, legs)
    bend = 4.0 * share * (1.0 - share)
    line = put_iv + share * (call_iv - put_iv)
    return (1.0 - atm_iv / line) / bend if bend > 0.1 else 0.0


def _share(spot_points: float, legs: Legs) -> float:
    low, high = legs.put_short.strike_points, legs.call_short.strike_points
    return min(1.0, max(0.0, (spot_points - low) / (high - low)))


def expected_move(legs: Legs, gap: float, ctx: Context, greeks: dict[int, OptionGreeks], dte_days: int) -> float | None:
    """One standard deviation of the index until expiry in points, at the volatility at the money.

    That option is not held: its volatility is read off the straight line between the short strikes, less the sag of
    the smile seen at entry (`gap`), which vanishes as spot nears either strike.
    """
    put, call = greeks.get(legs.put_short.con_id), greeks.get(legs.call_short.con_id)
    if put is None or call is None or ctx.spot_points is None or dte_days <= 0:
        return None
    share = _share(ctx.spot_points, legs)
    line = put.sigma + share * (call.sigma - put.sigma)
    vol = line * (1.0 - gap * 4.0 * share * (1.0 - share))
    return ctx.spot_points * vol * math.sqrt(dte_days / 365.0)


def tested_side(stand: Standing) -> Side | None:
    """The side whose short has the greater delta; None while unknown."""
    if stand.put_delta is None or stand.call_delta is None:
        return None
    return Side.PUT if stand.put_delta >= stand.call_delta else Side.CALL
