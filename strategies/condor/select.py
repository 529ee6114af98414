"""Which condor to sell from one expiry's smile and listed strikes, or the rule that says there is none.

Deltas are the fitted smile's own, at each strike's volatility held. A 16/14-delta condor of equal wings is net short
delta (about -0.025 per share, twice that with the smile moving); with `neutral_delta` the call is chosen, within its
range, so that the structure's delta comes nearest to zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from strategies.condor.params import EntryParams
from strategies.condor.structure import Leg, Legs, Net
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.instruments import Option, Right
from strategies.domain.same import Same
from strategies.pricing.smile import Smile

HOLD, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.DECLINE


class Check(NamedTuple):
    """One rule's verdict on a structure: `text` is empty-handed of numbers, they are in `inputs`."""

    rule: str
    ok: bool
    text: str
    inputs: dict[str, Scalar]
    thresholds: dict[str, Scalar]
    near: float | None = None


class Targets(NamedTuple):
    """Absolute deltas wanted, the range allowed around them, and the wing width in points."""

    put: float
    call: float
    low: float
    high: float
    width_points: float


class Model(NamedTuple):
    """What the smile says about one unit sold: credit and sensitivities in points per share (short legs negative)."""

    credit_points: float
    delta: float
    vega: float
    theta: float
    put_delta: float
    call_delta: float
    ivs: tuple[float, float, float, float]


class Market(NamedTuple):
    """Where the structure is placed: spot, at-the-money volatility and calendar days left."""

    spot_points: float
    atm_iv: float
    dte_days: int

    @property
    def em_points(self) -> float:
        """One expected move to expiry (P-BE-1)."""
        return self.spot_points * self.atm_iv * math.sqrt(self.dte_days / 365.0)


def targets(params: EntryParams, width_points: float, *, reduced: bool, roll: bool) -> Targets:
    """Deltas for the present terms: lower and tighter at reduced size (R24), the tested short re-centred in a roll."""
    if reduced:
        at, spread = params.reduced_delta, params.reduced_delta_tolerance
        return Targets(at, at, at - spread, at + spread, width_points)
    put = min(params.delta_put, params.delta_call) if roll else params.delta_put
    return Targets(put, params.delta_call, params.delta_min, params.delta_max, width_points)


def choose_expiry(expiries: Sequence[date], today: date, taken: set[date], params: EntryParams) -> date | None:
    """C-ENTRY-1: the listed expiry nearest to the target days, within the range, that holds no condor yet.

    Of two equally near the later one.
    """
    fits = [e for e in expiries if params.dte_min_days <= (e - today).days <= params.dte_max_days and e not in taken]
    return min(fits, key=lambda e: (abs((e - today).days - params.dte_target_days), -e.toordinal()), default=None)


def choose_legs(
    smile: Smile,
    options: tuple[Option, ...],
    market: Market,
    want: Targets,
    params: EntryParams,
    *,
    keep: frozenset[int] = frozenset(),
) -> Legs | Check:
    """Four listed strikes by the smile's delta, wings exactly the width away; or the rule nothing fulfils.

    A short already looked at (`keep`) is preferred while its delta stays in range, so that drifting quotes do not
    send the search after ever new contracts.
    """
    listed = _listed(Same(options))
    puts = _shorts(smile, options, Right.PUT, want, keep)
    calls = _shorts(smile, options, Right.CALL, want, keep)
    if not puts or not calls:
        side = "put" if not puts else "call"
        return Check(
            "C-ENTRY-2",
            False,
            f"no listed {side} with its wing lies in the delta range",
            {"puts_in_range": len(puts), "calls_in_range": len(calls)},
            {"delta_min": want.low, "delta_max": want.high, "width_points": want.width_points},
        )
    put = puts[0]
    fitting = []
    for call in calls:
        legs = _legs(listed, put, call, want.width_points)
        model = evaluate(smile, legs)
        if break_even(legs, model.credit_points, market, params).ok:
            fitting.append((abs(model.delta), legs))
            if not params.neutral_delta:
                break
    if not fitting:
        legs = _legs(listed, put, calls[0], want.width_points)
        return break_even(legs, evaluate(smile, legs).credit_points, market, params)
    return min(fitting, key=lambda pair: pair[0])[1] if params.neutral_delta else fitting[0][1]


@lru_cache(maxsize=16)
def _listed(seen: Same[tuple[Option, ...]]) -> dict[tuple[float, Right], int]:
    """Contract ids by strike and right. Every look asks; contracts are loaded a few times a day."""
    return {(o.strike, o.right): o.con_id for o in seen.value}


@lru_cache(maxsize=64)
def _winged(seen: Same[tuple[Option, ...]], right: Right, step: float) -> tuple[float, ...]:
    """Listed strikes of one side, rising, whose wing is listed a step away."""
    listed = _listed(seen)
    return tuple(sorted(k for k, r in listed if r is right and (k + step, right) in listed))


def _shorts(
    smile: Smile, options: tuple[Option, ...], right: Right, want: Targets, keep: frozenset[int]
) -> list[float]:
    """Listed strikes of one side whose delta is in range and whose wing is listed: kept ones first, then nearest."""
    step = -want.width_points if right is Right.PUT else want.width_points
    seen = Same(options)
    strikes, listed = _winged(seen, right, step), _listed(seen)
    if not strikes:
        return []
    deltas = np.abs(smile.delta(np.array(strikes), right is Right.CALL)).tolist()
    aim = want.put if right is Right.PUT else want.call
    rows = [
        (listed[(k, right)] not in keep, abs(d - aim), k)
        for k, d in zip(strikes, deltas, strict=True)
        if want.low <= d <= want.high
    ]
    return [k for _, _, k in sorted(rows)]


def _legs(listed: Mapping[tuple[float, Right], int], put: float, call: float, width: float) -> Legs:
    def leg(strike: float, right: Right) -> Leg:
        return Leg(listed[(strike, right)], strike)

    return Legs(
        put_long=leg(put - width, Right.PUT),
        put_short=leg(put, Right.PUT),
        call_short=leg(call, Right.CALL),
        call_long=leg(call + width, Right.CALL),
    )


def evaluate(smile: Smile, legs: Legs) -> Model:
    """Credit and sensitivities of one unit sold, at the smile."""
    strikes = np.array([leg.strike_points for leg in legs.all()])
    held = np.array([1.0, -1.0, -1.0, 1.0])
    values = smile.greeks(strikes, np.array([False, False, True, True]))
    ivs = smile.iv(strikes)
    return Model(
        credit_points=-float(values.price @ held),
        delta=float(values.delta @ held),
        vega=float(values.vega @ held),
        theta=float(values.theta @ held),
        put_delta=abs(float(values.delta[1])),
        call_delta=float(values.delta[2]),
        ivs=(float(ivs[0]), float(ivs[1]), float(ivs[2]), float(ivs[3])),
    )


def break_even(legs: Legs, credit_points: float, market: Market, params: EntryParams) -> Check:
    """P-BE-1: both expiry break-evens at least the wanted number of expected moves away."""
    em = market.em_points
    put = (market.spot_points - (legs.put_short.strike_points - credit_points)) / em
    call = (legs.call_short.strike_points + credit_points - market.spot_points) / em
    ok = min(put, call) >= params.breakeven_min_em - 1e-9
    return Check(
        "P-BE-1",
        ok,
        "break-evens outside the expected move" if ok else "a break-even lies inside the expected move",
        {"put_breakeven_em": round(put, 4), "call_breakeven_em": round(call, 4), "em_points": round(em, 3)},
        {"breakeven_min_em": params.breakeven_min_em},
        abs(min(put, call) - params.breakeven_min_em) / params.breakeven_min_em,
    )


def checks(legs: Legs, model: Model, net: Net, market: Market, params: EntryParams) -> tuple[Check, ...]:
    """C-ENTRY-2, 4, 8 and P-BE-1 on the quoted structure, in this order."""
    credit, width = -net.mid_points, legs.width_points
    kept = credit - 4.0 * params.slippage_points_per_leg
    least = params.min_credit_pct_of_width / 100.0 * width
    deltas = Check(
        "C-ENTRY-2",
        True,
        "shorts chosen by the smile's delta",
        {
            "put_delta": round(model.put_delta, 4),
            "call_delta": round(model.call_delta, 4),
            "structure_delta": round(model.delta, 4),
            "neutral_delta": params.neutral_delta,
        },
        {"delta_put": params.delta_put, "delta_call": params.delta_call},
    )
    enough = kept >= least - 1e-9
    paid = Check(
        "C-ENTRY-4",
        enough,
        "credit pays for the width" if enough else "credit is too small for the width",
        {"credit_points": round(credit, 4), "after_slippage_points": round(kept, 4), "width_points": width},
        {"min_credit_points": round(least, 4)},
        abs(kept - least) / least,
    )
    return deltas, paid, sanity(model, credit, width, params), break_even(legs, credit, market, params)


def sanity(model: Model, credit_points: float, width_points: float, params: EntryParams) -> Check:
    """C-ENTRY-8: the numbers are those of an iron condor, and model and market agree on its price."""
    vega_n = abs(model.vega) / (width_points / 10.0)
    gap = 100.0 * abs(model.credit_points - credit_points) / credit_points if credit_points > 0.0 else math.inf
    text = ""
    if not 0.0 < credit_points < width_points:
        text = "the credit is not between zero and the width"
    elif not params.vega_n_min <= vega_n <= params.vega_n_max:
        text = "vega per ten points of width is out of range"
    elif abs(model.delta) > params.max_abs_delta:
        text = "the structure's delta is too large"
    elif model.theta <= 0.0:
        text = "time does not work for the seller"
    elif gap > params.model_tolerance_pct:
        text = "model and market disagree on the credit"
    return Check(
        "C-ENTRY-8",
        not text,
        text or "the structure's numbers are sane",
        {
            "vega_n": round(vega_n, 4),
            "vega_points": round(model.vega, 4),
            "delta": round(model.delta, 4),
            "theta_points_per_day": round(model.theta, 4),
            "model_credit_points": round(model.credit_points, 4),
            "model_gap_pct": None if math.isinf(gap) else round(gap, 3),
        },
        {
            "vega_n_min": params.vega_n_min,
            "vega_n_max": params.vega_n_max,
            "max_abs_delta": params.max_abs_delta,
            "model_tolerance_pct": params.model_tolerance_pct,
        },
    )
