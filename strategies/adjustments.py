"""The record of an adjustment (J-LOG-1): the market, the evidence, and the book before and after the order fills.

One decision for each first order that changes a condor or the hedge, naming the rule that asked for it. The book is
valued with the marks of this very look; nothing is asked of anybody. What cannot be valued is None. The sources of the
rule and the run's configuration are found by the rule's ID and the record's run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from strategies.alvh.exposure import Exposure, Sold, Valuer, measure
from strategies.alvh.forwards import Forwards
from strategies.alvh.lattice import Held
from strategies.alvh.params import AlvhParams
from strategies.condor.context import Agenda
from strategies.condor.lots import Adjustment
from strategies.condor.machine import Condor
from strategies.condor.standing import standing
from strategies.condor.structure import Legs
from strategies.domain.decision import Decision, DecisionVerdict, Scalar
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.macro import MacroInput, Told
from strategies.domain.marks import Mark
from strategies.domain.orders import PlaceIntent, Purpose
from strategies.hedging import sold
from strategies.pricing import black76
from strategies.pricing.single import OptionGreeks
from strategies.pricing.vix_beta import BetaScales
from strategies.signals.signals import Outlook
from strategies.whole import coupled

PREMIUM_KEYS = ("erp_pct", "erp_z60")
"""Macro inputs that every record is marked with."""

ROLLED_OUT = "C-ADJ-3"
"""The one closing of a condor that is an adjustment: its first half."""


class Valuation(NamedTuple):
    """What the look valued the book with: condors held, their legs' greeks and marks, the valuer of the hedge."""

    held: tuple[Condor, ...]
    greeks: dict[int, OptionGreeks]
    marks: Mapping[int, Mark]
    valuer: Valuer


class Book(msgspec.Struct, frozen=True):
    """Condors by id, as rows of legs, and what the hedge's slots hold."""

    condors: dict[str, tuple[Sold, ...]]
    holdings: tuple[Held, ...]


def is_adjustment(intent: PlaceIntent) -> bool:
    """Whether an order begins to change what is held, rather than opening or closing a condor."""
    if intent.attempt != 1:
        return False
    rolls = intent.purpose is Purpose.EXIT and intent.rule == ROLLED_OUT
    return intent.owner == HEDGE_OWNER or intent.purpose is Purpose.ADJUST or rolls


def record(
    agenda: Agenda,
    places: Iterable[PlaceIntent],
    holdings: tuple[Held, ...],
    hedge_marks: Mapping[int, Mark],
    greeks: dict[int, OptionGreeks],
    outlook: Outlook | None,
    macro: tuple[MacroInput, ...],
    params: AlvhParams,
) -> list[Decision]:
    """A decision for each adjustment among the orders of this look; none is made where there is none."""
    adjusting = [intent for intent in places if is_adjustment(intent)]
    if not adjusting:
        return []
    ctx = agenda.ctx
    carry = next((condor.carry_rate for condor in ctx.condors.values() if condor.active), 0.0)
    valuer = Valuer(
        ctx.market,
        ctx.now,
        Forwards(ctx.market, ctx.futures, ctx.now, params.orders.forward_max_age_s),
        BetaScales() if outlook is None else outlook.measures.scales,
        rate=ctx.params.exit.risk_free_pct / 100.0,
        spot_points=ctx.spot_points,
        carry_rate=carry,
        max_age_s=params.orders.mark_max_age_s,
    )
    held = tuple(condor for condor in ctx.condors.values() if condor.active and condor.quantity > 0)
    before = Book({condor.id: tuple(sold(condor)) for condor in held}, holdings)
    seen = Valuation(held, greeks, {**agenda.marks, **hedge_marks}, valuer)
    market = _market(agenda, outlook) | _premium(Told(macro), ctx.today)
    return [_decision(agenda, intent, before, seen, market) for intent in adjusting]


def _decision(
    agenda: Agenda,
    intent: PlaceIntent,
    before: Book,
    seen: Valuation,
    market: dict[str, Scalar],
) -> Decision:
    change = _change_of(agenda, intent)
    after = _after(before, intent, change, agenda.ctx.condors.get(intent.owner))
    inputs: dict[str, Scalar] = {"rule": intent.rule, **market}
    for name, book in (("before", before), ("after", after)):
        figures = {} if book is None else _figures(book, seen.valuer, seen.marks)
        if book is not None:
            figures |= _coupled(agenda, book, before, seen, change if name == "after" else None)
        inputs |= {f"{figure}_{name}": value for figure, value in figures.items()}
    inputs |= _break_evens(agenda, intent, change)
    inputs |= _cost(intent, seen.valuer)
    slot = intent.legs[0].slot
    return Decision(
        at=agenda.ctx.now,
        rule="J-LOG-1",
        subject=intent.owner if slot is None else slot_name(slot),
        verdict=DecisionVerdict.HOLD,
        text=f"the book before and after {intent.ref}",
        inputs=inputs,
        intent_ref=intent.ref,
    )


def _change_of(agenda: Agenda, intent: PlaceIntent) -> Adjustment | None:
    """The change of legs an order carries out, from the condor as it is proposed with it."""
    for condor in (*agenda.proposals, *agenda.ctx.condors.values()):
        if condor.id == intent.owner and intent.chain_ref in condor.adjustments:
            return condor.adjustments[intent.chain_ref]
    return None


def _after(before: Book, intent: PlaceIntent, change: Adjustment | None, condor: Condor | None) -> Book | None:
    """The book once the whole order has filled at mid; None where the order's meaning is not known."""
    if intent.owner == HEDGE_OWNER:
        return msgspec.structs.replace(before, holdings=_filled(before.holdings, intent))
    if intent.purpose is Purpose.EXIT:
        rest = {key: rows for key, rows in before.condors.items() if key != intent.owner}
        return msgspec.structs.replace(before, condors=rest)
    if change is None or condor is None:
        return None
    kept = (condor.credit_points or 0.0) + condor.adjust_points - intent.mid_points
    rows = []
    for lot in condor.held:
        legs = change.legs if lot.legs == change.before else lot.legs
        rows.append(_row(condor.id, legs, lot.units, kept))
    return msgspec.structs.replace(before, condors={**before.condors, condor.id: tuple(rows)})


def _row(condor_id: str, legs: Legs, units: int, kept_points: float) -> Sold:
    signed = tuple((leg.con_id, sign) for leg, sign in zip(legs.all(), (1, -1, -1, 1), strict=True))
    loss = max(0.0, legs.width_points - kept_points) * units * 100.0
    return Sold(condor_id, signed, units, legs.width_points, loss)


def _filled(holdings: Sequence[Held], intent: PlaceIntent) -> tuple[Held, ...]:
    """Holdings with an order of the hedge filled; what is bought costs mid, as far as the record is concerned."""
    rows = {(held.slot, held.con_id): held for held in holdings}
    for leg in intent.legs:
        key = (leg.slot or 0, leg.con_id)
        held = rows.get(key, Held(*key, 0, 0.0))
        rows[key] = held._replace(quantity=held.quantity + leg.action.sign * leg.ratio * intent.quantity)
    return tuple(held for held in rows.values() if held.quantity)


# figures ---------------------------------------------------------------------------------------------
def _figures(book: Book, valuer: Valuer, marks: Mapping[int, Mark]) -> dict[str, Scalar]:
    """Net vega in both units, decay and margin, delta of the condors; None where a part cannot be valued, and where
    without a condor there is no wing or margin to measure it on."""
    rows = [row for rows in book.condors.values() for row in rows]
    exposure = measure(valuer, book.holdings, rows, marks)
    vega = exposure.vega
    theta, margin = _theta_usd(exposure), exposure.condor_loss_usd
    share = None if theta is None or margin <= 0.0 else 100.0 * theta / margin
    return {
        "condors": len(book.condors),
        "vega_n": None if vega is None else _round(vega.net_n, 4),
        "usd_per_vix_point": None if vega is None else _round(vega.net_usd_per_vix_point, 2),
        "theta_usd_per_day": _round(theta, 2),
        "margin_usd": _round(margin, 2),
        "theta_pct_of_margin_day": _round(share, 4),
        "carry_usd_per_day": _round(exposure.carry_usd, 2),
        "condors_delta_usd_per_point": _round(_delta_usd(rows, valuer, marks), 2),
    }


def _coupled(agenda: Agenda, book: Book, before: Book, seen: Valuation, change: Adjustment | None) -> dict[str, Scalar]:
    """P-BE-2 of a book, with what the one before has earned so far: an order at mid earns and loses nothing."""
    earned = 0.0
    for condor in seen.held:
        profit = standing(condor, agenda.ctx, seen.greeks).profit_points
        if profit is None:
            return {}
        earned += profit * condor.quantity * 100.0
    for line in filter(None, map(seen.valuer.line, before.holdings)):
        earned += (line.value_usd or 0.0) - line.cost_usd
    held = [condor for condor in seen.held if condor.id in book.condors]
    lines = [line for line in map(seen.valuer.line, book.holdings) if line is not None]
    swap = None if change is None else (change.before, change.legs)
    return coupled(agenda, held, seen.greeks, lines, earned, swap)


def _theta_usd(exposure: Exposure) -> float | None:
    """Decay of condors and hedge together, dollars a day; a worthless or unvalued holding makes it unknown."""
    own = [
        None if line.theta_points is None else line.held.quantity * line.contract.multiplier * line.theta_points
        for line in exposure.lines
    ]
    if exposure.condor_theta_usd is None or None in own:
        return None
    return exposure.condor_theta_usd + sum(usd for usd in own if usd is not None)


def _delta_usd(rows: Sequence[Sold], valuer: Valuer, marks: Mapping[int, Mark]) -> float | None:
    """Dollars the condors gain when SPX rises a point and volatility stays."""
    total = 0.0
    for row in rows:
        for con_id, sign in row.legs:
            option = valuer.market.option(con_id)
            mark = marks.get(con_id) or (None if option is None else valuer.mark(option))
            if option is None or mark is None:
                return None
            greeks = black76.greeks(
                mark.forward_points, option.strike, mark.iv, mark.tau_years, option.is_call, mark.discount
            )
            total += sign * row.units * option.multiplier * float(greeks.delta)
    return total


def _market(agenda: Agenda, outlook: Outlook | None) -> dict[str, Scalar]:
    """VIX, the three front futures, regime, tier and the evidence of this look."""
    ctx = agenda.ctx
    told: dict[str, Scalar] = {"vix_points": _round(ctx.vix_points, 4), "regime": ctx.regime.value}
    if outlook is None:
        return told
    term = outlook.term
    return {
        **told,
        "f1_points": _round(term.f1_points, 4),
        "f2_points": _round(term.f2_points, 4),
        "f3_points": _round(term.f3_points, 4),
        "tier": int(outlook.tier),
        "evidence": ", ".join(family.value for family in outlook.evidence.families) or "none",
    }


def _premium(told: Told, today: date) -> dict[str, Scalar]:
    """The equity risk premium of the time (J-LOG-3) while what was told of it holds; nothing where nobody told it."""
    found: dict[str, Scalar] = {}
    for key in PREMIUM_KEYS:
        row = told.fresh(key, today)
        if row is not None and isinstance(row.value, float):
            found |= {key: row.value, f"{key}_age_days": row.age_days(today)}
    return found


def _break_evens(agenda: Agenda, intent: PlaceIntent, change: Adjustment | None) -> dict[str, Scalar]:
    """Break-evens at expiry of a condor whose legs change; an order of the hedge moves none."""
    condor = agenda.ctx.condors.get(intent.owner)
    if condor is None:
        return {}
    kept = (condor.credit_points or 0.0) + condor.adjust_points
    told = _points("before", condor.legs, kept)
    return told if change is None else told | _points("after", change.legs, kept - intent.mid_points)


def _points(name: str, legs: Legs, kept_points: float) -> dict[str, Scalar]:
    return {
        f"put_breakeven_points_{name}": _round(legs.put_short.strike_points - kept_points, 2),
        f"call_breakeven_points_{name}": _round(legs.call_short.strike_points + kept_points, 2),
    }


def _cost(intent: PlaceIntent, valuer: Valuer) -> dict[str, Scalar]:
    """Dollars the order pays at mid (negative: collects), and what its limit and the natural price add to that."""
    contract = valuer.market.tradable(intent.legs[0].con_id)
    if contract is None:
        return {}
    size = contract.multiplier * intent.quantity
    return {
        "paid_at_mid_usd": round(size * intent.mid_points, 2),
        "conceded_at_limit_usd": round(size * (intent.limit_points - intent.mid_points), 2),
        "conceded_at_natural_usd": round(size * (intent.natural_points - intent.mid_points), 2),
    }


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
