"""Where an open condor stands now: what closing costs, its profit, its deltas and the distance of its break-evens."""

from __future__ import annotations

import math
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
    """Reads the market for one open condor."""
    quotes = fresh_quotes(condor.legs.con_ids(), ctx, ctx.params.orders.mark_quote_max_age_s)
    legs = condor.legs.closing()
    strict = net_price(legs, quotes)
    close = strict or net_price(legs, quotes, ctx.params.orders.worthless_ask_points)
    kept = (condor.credit_points or 0.0) + condor.adjust_points
    dte = (condor.expiry - ctx.today).days
    rows = [greeks.get(con_id) for con_id in condor.legs.con_ids()]
    put_long, put_short, call_short, call_long = rows
    theta = None
    if put_long is not None and put_short is not None and call_short is not None and call_long is not None:
        theta = put_long.theta + call_long.theta - put_short.theta - call_short.theta
    em = expected_move(condor, ctx, greeks, dte)
    spot = ctx.spot_points
    return Standing(
        dte_days=dte,
        close=close,
        sampled=strict is not None,
        profit_points=None if close is None else kept - close.mid_points,
        put_delta=None if put_short is None else abs(put_short.delta),
        call_delta=None if call_short is None else abs(call_short.delta),
        theta_points=theta,
        em_points=em,
        put_room_points=None if spot is None else spot - (condor.legs.put_short.strike_points - kept),
        call_room_points=None if spot is None else condor.legs.call_short.strike_points + kept - spot,
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


def expected_move(condor: Condor, ctx: Context, greeks: dict[int, OptionGreeks], dte_days: int) -> float | None:
    """One standard deviation of the index until expiry in points, at the volatility at the money.

    That option is not held: its volatility is read off the straight line between the short strikes, less the sag of
    the smile seen at entry (`smile_gap`), which vanishes as spot nears either strike.
    """
    put, call = greeks.get(condor.legs.put_short.con_id), greeks.get(condor.legs.call_short.con_id)
    if put is None or call is None or ctx.spot_points is None or dte_days <= 0:
        return None
    share = _share(ctx.spot_points, condor.legs)
    line = put.sigma + share * (call.sigma - put.sigma)
    vol = line * (1.0 - condor.smile_gap * 4.0 * share * (1.0 - share))
    return ctx.spot_points * vol * math.sqrt(dte_days / 365.0)


def tested_side(stand: Standing) -> Side | None:
    """The side whose short has the greater delta; None while unknown."""
    if stand.put_delta is None or stand.call_delta is None:
        return None
    return Side.PUT if stand.put_delta >= stand.call_delta else Side.CALL
