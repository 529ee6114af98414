"""Rules about all condors and the hedge together: projection and break-evens, decay against margin, delta.

Rules
- P-PROJ-1: the book on seven scenarios five and ten days ahead. P-BE-2, P-BE-3: where it breaks even then, with and
  without the hedge, with VIX coupled to the index and with VIX five and eight points higher.
- C-THETA-1 to 3: at the close, net decay of condors and hedge on total margin; two closes below what is asked sell the
  hedge's dearest holding, and if nothing can be spared the most decayed condor leaves.
- A-VEGA-2: fewer condors where band and budgets cannot both hold (`fewer.py`).
- C-DELTA-1: told only. No index future is on the whitelist, so it refuses to act and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
import numpy as np

from strategies import fewer
from strategies.alvh.exposure import VIX, Line
from strategies.alvh.params import AlvhParams
from strategies.alvh.view import HedgeOutcome
from strategies.condor.context import Agenda
from strategies.condor.forecast import Leg, book_of, legs_of, smile_of_expiry
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor
from strategies.condor.standing import Standing, expected_move, standing
from strategies.condor.structure import MULTIPLIER, Legs
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.hedge import Ask, Demand
from strategies.domain.instruments import Option
from strategies.hedging import word as hedge_word
from strategies.pricing import projection
from strategies.pricing.normal import FloatArray
from strategies.pricing.projection import Interval, Shift, Smile, VixProducts
from strategies.pricing.single import OptionGreeks
from strategies.signals.tiers import Tier

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
BOOK = "book"
CASES: tuple[tuple[float, float | None], ...] = ((5.0, None), (10.0, None), (10.0, 5.0), (10.0, 8.0))
"""Days ahead and the rise of VIX in points (None: with the index) for which break-evens are told."""


GRID = projection.timed(
    projection.joined([projection.TODAY, projection.scenario_shocks(), *(projection.spot_grid(d, v) for d, v in CASES)])
)
"""Today, the scenarios of P-PROJ-1, then the levels of each case."""

MES_USD_PER_POINT, LEAST_CONTRACTS = 5.0, 0.5
"""Of the micro future C-DELTA-1 would use; half a contract rounds to one."""


class WholeMemory(msgspec.Struct, frozen=True):
    """`theta_day` is the last session whose close was judged, `breaches` how many in a row failed, `asked_day` the
    session from which the hedge's dearest holding is asked to go, when the hedge held `asked_held` contracts, `met`
    that it has since held less."""

    projected_at: datetime | None = None
    theta_day: date | None = None
    breaches: int = 0
    asked_day: date | None = None
    asked_held: int = 0
    met: bool = False


def look_at_whole(
    agenda: Agenda,
    active: Sequence[Condor],
    greeks: dict[int, OptionGreeks],
    seen: Mapping[str, Standing],
    hedge: HedgeOutcome | None,
    alvh: AlvhParams,
    nlv_usd: float | None,
    memory: WholeMemory,
) -> tuple[HedgeWord, WholeMemory]:
    """What the hedge says now and the book's rules with it; the rules look once a minute while condors are held. `seen`
    is where condors stand, as far as this look has valued them."""
    ctx = agenda.ctx
    said = hedge_word(ctx.hedge, hedge, ctx, alvh)
    memory = answered(memory, said)
    held = [c for c in active if c.quantity > 0]
    lines = hedge.exposure.lines if hedge is not None and hedge.exposure is not None else None
    if not held or ctx.session is None or ctx.spot_points is None or not ctx.can_trade:
        return said, memory
    if alvh.enabled and lines is None:
        return said, memory
    last = memory.projected_at
    if last is not None and (ctx.now - last).total_seconds() < ctx.params.book.project_every_s:
        return said, memory
    memory = msgspec.structs.replace(memory, projected_at=ctx.now)
    stands = {c.id: seen.get(c.id) or standing(c, ctx, greeks) for c in held}
    said = _project(agenda, held, stands, greeks, lines or (), said)
    _flatten(agenda, held, greeks, nlv_usd)
    fewer.reduce(agenda, held, stands, said)
    return said, _decay(agenda, held, stands, said, memory)


# projection and break-evens --------------------------------------------------------------------------
def _groups(
    agenda: Agenda, held: Sequence[Condor], greeks: dict[int, OptionGreeks], swap: tuple[Legs, Legs] | None = None
) -> list[tuple[Sequence[Leg], Smile]] | str:
    """Each set of legs on its smile, or which condor cannot be valued; `swap` takes other legs of the same expiry."""
    ctx = agenda.ctx
    groups: list[tuple[Sequence[Leg], Smile]] = []
    spot = ctx.spot_points or 0.0
    for condor in held:
        dte = (condor.expiry - ctx.today).days
        for lot in condor.held:
            legs = legs_of(lot.legs, lot.units, agenda)
            em = expected_move(lot.legs, condor.smile_gap, ctx, greeks, dte)
            smile = None if legs is None else smile_of_expiry(legs, em, dte, spot)
            if swap is not None and lot.legs == swap[0]:
                legs = legs_of(swap[1], lot.units, agenda)
            if legs is None or smile is None:
                return f"{condor.id} has a leg without a mark"
            groups.append((legs, smile))
    return groups


def vix_products(lines: Sequence[Line]) -> VixProducts | str:
    """The hedge's VIX products, or which of them cannot be valued; a long that nobody bids for is worth nothing."""
    rows = []
    for line in lines:
        mark, contract = line.mark, line.contract
        if contract.symbol != VIX and isinstance(contract, Option):
            continue
        if mark is None:
            if line.held.quantity > 0 and line.mid_points is not None and line.mid_points <= 0.10:
                continue
            return f"contract {line.held.con_id} of slot {line.held.slot} has no mark"
        if mark.vix_beta is None or mark.roll_points_per_day is None:
            return f"contract {line.held.con_id} of slot {line.held.slot} has no beta or roll"
        option = isinstance(contract, Option)
        rows.append((
            float(line.held.quantity * contract.multiplier), contract.strike if isinstance(contract, Option) else 1.0,
            isinstance(contract, Option) and contract.is_call, option, mark.forward_points, mark.iv, mark.tau_years,
            mark.discount, mark.vix_beta, mark.roll_points_per_day,
        ))  # fmt: skip
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    return VixProducts(*(np.array(c, dtype=bool if i in (2, 3) else np.float64) for i, c in enumerate(columns)))


def hedge_puts(lines: Sequence[Line]) -> list[tuple[Sequence[Leg], Smile]] | str:
    """SPX options the hedge holds, each on a flat smile of its own volatility."""
    groups: list[tuple[Sequence[Leg], Smile]] = []
    for line in lines:
        contract, mark = line.contract, line.mark
        if contract.symbol == VIX or not isinstance(contract, Option):
            continue
        if mark is None:
            return f"contract {line.held.con_id} of slot {line.held.slot} has no mark"
        leg = Leg(float(line.held.quantity * contract.multiplier), contract.strike, contract.is_call, mark)
        flat = projection.smile_of((contract.strike,), (mark.iv,), mark.iv, mark.forward_points, mark.tau_years)
        groups.append(((leg,), flat))
    return groups


def _project(
    agenda: Agenda,
    held: Sequence[Condor],
    stands: dict[str, Standing],
    greeks: dict[int, OptionGreeks],
    lines: Sequence[Line],
    said: HedgeWord,
) -> HedgeWord:
    """P-PROJ-1, P-BE-2, P-BE-3, noted; the word with the book's grid."""
    ctx = agenda.ctx
    groups, vix, puts = _groups(agenda, held, greeks), vix_products(lines), hedge_puts(lines)
    for part in (groups, vix, puts):
        if isinstance(part, str):
            agenda.note("P-PROJ-1", BOOK, HOLD, f"the book cannot be projected: {part}")
            return said
    assert not isinstance(groups, str)
    assert not isinstance(vix, str)
    assert not isinstance(puts, str)
    book = book_of([*groups, *puts], held[0].carry_rate, vix)
    own = sum(len(legs) for legs, _ in groups)
    alone, whole = projection.gains_with_and_without(book, own, GRID)
    cells = len(projection.SCENARIOS) * len(projection.HORIZONS_DAYS)
    usd: list[float] = whole[:cells].tolist()
    worst, where = projection.worst_usd(usd)
    half = len(projection.SCENARIOS)
    inputs: dict[str, Scalar] = {"worst_usd": round(worst, 2), "scenario": where}
    for i, (name, _, _) in enumerate(projection.SCENARIOS):
        inputs[f"{name}_5d_usd"], inputs[f"{name}_10d_usd"] = round(usd[i], 2), round(usd[half + i], 2)
    agenda.note("P-PROJ-1", BOOK, HOLD, "the book five and ten days ahead", inputs=inputs)
    profits = [(c, stands[c.id].profit_points) for c in held]
    if all(p is not None for _, p in profits):
        earned = sum((p or 0.0) * c.quantity * MULTIPLIER for c, p in profits)
        hedge = sum((line.value_usd or 0.0) - line.cost_usd for line in lines)
        _break_evens(agenda, alone[cells:] + earned, whole[cells:] + earned + hedge)
    return msgspec.structs.replace(said, gains_usd=tuple(usd), gains_at=ctx.now)


def _break_evens(agenda: Agenda, alone_usd: FloatArray, whole_usd: FloatArray) -> None:
    """P-BE-2 and P-BE-3, told: profits over the grid of levels, case after case."""
    spot, levels = agenda.ctx.spot_points or 0.0, projection.SPOT_GRID_PCT
    for number, (days, spike) in enumerate(CASES):
        mine = slice(number * len(levels), (number + 1) * len(levels))
        hedged = projection.around(levels, whole_usd[mine], spot)
        alone = projection.around(levels, alone_usd[mine], spot)
        inputs = _levels(hedged, alone, projection.shift_bp(hedged, alone, spot))
        if spike is None:
            text = "no level breaks even on the coupled path" if hedged is None else "break-evens on the coupled path"
            agenda.note("P-BE-2", f"{BOOK} {days:.0f}d", HOLD, text, inputs=inputs)
        else:
            text = "no level breaks even: a breach" if hedged is None else "break-evens after a rise of VIX"
            agenda.note("P-BE-3", f"{BOOK} +{spike:.0f}", HOLD, text, inputs={"days": days, **inputs},
                        thresholds={"vix_points": spike})  # fmt: skip


def coupled(
    agenda: Agenda,
    held: Sequence[Condor],
    greeks: dict[int, OptionGreeks],
    lines: Sequence[Line],
    earned_usd: float,
    swap: tuple[Legs, Legs] | None = None,
) -> dict[str, Scalar]:
    """Levels of SPX at which this book breaks even in five and ten days on the coupled path, as J-LOG-1 records them;
    `swap` replaces one set of legs. Empty without a condor, or where a part of the book cannot be projected."""
    spot, groups = agenda.ctx.spot_points, _groups(agenda, held, greeks, swap)
    vix, puts = vix_products(lines), hedge_puts(lines)
    if spot is None or not held or isinstance(groups, str) or isinstance(vix, str) or isinstance(puts, str):
        return {}
    book = book_of([*groups, *puts], held[0].carry_rate, vix)
    found: dict[str, Scalar] = {}
    for days in projection.HORIZONS_DAYS:
        levels = projection.break_evens(book, spot, earned_usd, days)
        for side in ("low", "high"):
            level = None if levels is None else getattr(levels, f"{side}_points")
            none = "no level" if levels is None else "beyond the grid"
            found[f"coupled_{side}_points_{days:.0f}d"] = none if level is None else round(level, 2)
    return found


def _levels(hedged: Interval | None, alone: Interval | None, shift: Shift) -> dict[str, Scalar]:
    def told(value: float | None, digits: int) -> float | None:
        return None if value is None else round(value, digits)

    return {
        "low_points": told(None if hedged is None else hedged.low_points, 2),
        "high_points": told(None if hedged is None else hedged.high_points, 2),
        "unhedged_low_points": told(None if alone is None else alone.low_points, 2),
        "unhedged_high_points": told(None if alone is None else alone.high_points, 2),
        "put_shift_bp": told(shift.put_bp, 1),
        "call_shift_bp": told(shift.call_bp, 1),
    }


# decay -----------------------------------------------------------------------------------------------
def _decay(
    agenda: Agenda, held: Sequence[Condor], stands: dict[str, Standing], said: HedgeWord, memory: WholeMemory
) -> WholeMemory:
    """C-THETA-1 to 3, once in a session's last minutes; what an earlier close asked for goes on until it is met."""
    ctx, book = agenda.ctx, agenda.ctx.params.book
    if memory.theta_day == ctx.today or ctx.minutes_to_close() > book.close_within_min:
        return memory
    thetas = [(c, stands[c.id].theta_points) for c in held]
    carry = said.carry_usd if said.enabled else 0.0
    margin = sum(c.max_loss_usd for c in held) + said.value_usd
    if carry is None or margin <= 0.0 or any(t is None for _, t in thetas):
        agenda.note("C-THETA-1", BOOK, HOLD, "the book's decay is not known at this close")
        return msgspec.structs.replace(memory, theta_day=ctx.today)
    net = sum((t or 0.0) * c.quantity * MULTIPLIER for c, t in thetas) + carry
    share = 100.0 * net / margin
    wanted = _wanted_pct(agenda)
    breach = share < wanted
    breaches = memory.breaches + 1 if breach else 0
    inputs: dict[str, Scalar] = {
        "net_theta_usd_per_day": round(net, 2), "margin_usd": round(margin, 2), "pct_of_margin_day": round(share, 4),
        "closes_below": breaches,
    }  # fmt: skip
    thresholds: dict[str, Scalar] = {"min_pct_of_margin_day": round(wanted, 4), "closes": book.theta_breach_closes}
    _hurdle(agenda, share)
    memory = msgspec.structs.replace(memory, theta_day=ctx.today, breaches=breaches)
    if breaches < book.theta_breach_closes:
        text = "decay below what margin asks: it must last" if breach else "decay pays for the margin"
        agenda.note("C-THETA-1", BOOK, HOLD, text, inputs=inputs, thresholds=thresholds)
        return msgspec.structs.replace(memory, asked_day=None) if not breach else memory
    return _act_on_decay(agenda, held, stands, said, inputs, thresholds, memory)


def _act_on_decay(
    agenda: Agenda,
    held: Sequence[Condor],
    stands: dict[str, Standing],
    said: HedgeWord,
    inputs: dict[str, Scalar],
    thresholds: dict[str, Scalar],
    memory: WholeMemory,
) -> WholeMemory:
    """The hedge's dearest holding is asked to go first; at a later close the most decayed condor leaves."""
    ctx = agenda.ctx
    if said.enabled and said.active and memory.asked_day is None:
        agenda.note("C-THETA-1", BOOK, HOLD, "decay below what margin asks: the hedge's dearest holding is asked to go",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip
        return msgspec.structs.replace(memory, asked_day=ctx.today, asked_held=said.contracts, met=False)
    known = [(stands[c.id].profit_points or 0.0) / c.credit_points for c in held if c.credit_points]
    if len(known) < len(held):
        return memory
    most = max(held, key=lambda c: ((stands[c.id].profit_points or 0.0) / (c.credit_points or 1.0), c.id))
    agenda.remember(most.id, leave_rule="C-THETA-1")
    agenda.note("C-THETA-1", BOOK, HOLD, "decay below what margin asks: the most decayed condor leaves",
                inputs={**inputs, "condor": most.id}, thresholds=thresholds)  # fmt: skip
    return msgspec.structs.replace(memory, breaches=0, asked_day=None)


def answered(memory: WholeMemory, said: HedgeWord) -> WholeMemory:
    """A demand that was met once stays met: what the hedge buys for the next condor must not be sold for the last."""
    if memory.asked_day is None or memory.met or said.contracts >= memory.asked_held:
        return memory
    return msgspec.structs.replace(memory, met=True)


def demand_of(memory: WholeMemory, said: HedgeWord) -> Demand | None:
    """What the book's decay still asks of the hedge: one holding, until the hedge holds less than when it was asked."""
    if memory.asked_day is None or answered(memory, said).met:
        return None
    return Demand("C-THETA-1", Ask.SELL_DEAREST, "decay does not pay for the margin")


def _wanted_pct(agenda: Agenda) -> float:
    """Percent of margin a day; C-THETA-3 asks more while few shares lead. A curve that is not told tightens nothing."""
    ctx, book = agenda.ctx, agenda.ctx.params.book
    z = None if ctx.outlook is None else ctx.outlook.measures.concentration_z60
    flatter = ctx.macro.curve_flattens
    tight = z is not None and z < book.concentration_z and flatter.holds
    text = "few shares lead: more decay is asked" if tight else "the usual decay is asked"
    inputs: dict[str, Scalar] = {"concentration_z60": z, "curve_flattens": flatter.value}
    limits: dict[str, Scalar] = {"concentration_z": book.concentration_z, "tighten_pct": book.theta_tighten_pct}
    agenda.note("C-THETA-3", BOOK, HOLD, text, inputs=inputs, thresholds=limits)
    return book.theta_min_pct_of_margin_day * (1.0 + book.theta_tighten_pct / 100.0 if tight else 1.0)


def _hurdle(agenda: Agenda, pct_day: float) -> None:
    """C-THETA-2, told: the floor of C-THETA-1 lies above it at any usual rate, so it adds no act of its own."""
    params, annual = agenda.ctx.params.exit, 365.0 * pct_day
    hurdle = params.risk_free_pct + params.hurdle_pct
    text = "annual decay above the hurdle" if annual >= hurdle else "annual decay below the hurdle"
    agenda.note("C-THETA-2", BOOK, HOLD, text, inputs={"annual_pct": round(annual, 3)},
                thresholds={"hurdle_pct": hurdle})  # fmt: skip


# delta -----------------------------------------------------------------------------------------------
def _flatten(agenda: Agenda, held: Sequence[Condor], greeks: dict[int, OptionGreeks], nlv_usd: float | None) -> None:
    """C-DELTA-1: dollars the condors gain for one percent of the index, against net liquidation; it never acts."""
    ctx, book = agenda.ctx, agenda.ctx.params.book
    total = 0.0
    for condor in held:
        for lot in condor.held:
            for leg, sign in zip(lot.legs.all(), (1, -1, -1, 1), strict=True):
                found = greeks.get(leg.con_id)
                if found is None:
                    agenda.note("C-DELTA-1", BOOK, HOLD, "the book's delta is not known")
                    return
                total += sign * lot.units * MULTIPLIER * found.delta
    if ctx.spot_points is None:
        agenda.note("C-DELTA-1", BOOK, HOLD, "the level of SPX is not known, so neither is delta in dollars")
        return
    usd = total * ctx.spot_points * 0.01
    share = None if not nlv_usd else 100.0 * abs(usd) / nlv_usd
    contracts = -total / MES_USD_PER_POINT
    large = share is not None and share > book.flatten_from_pct_nlv
    due = abs(contracts) >= LEAST_CONTRACTS and (large or ctx.tier is Tier.CRISIS)
    inputs: dict[str, Scalar] = {
        "delta_usd_per_pct": round(usd, 2), "pct_of_nlv": None if share is None else round(share, 4),
        "tier": None if ctx.tier is None else int(ctx.tier), "mes_contracts": round(contracts, 2),
    }  # fmt: skip
    thresholds: dict[str, Scalar] = {"pct_of_nlv": book.flatten_from_pct_nlv, "tier": 3}
    if not due:
        agenda.note("C-DELTA-1", BOOK, HOLD, "delta is small enough", inputs=inputs, thresholds=thresholds)
    elif not book.flatten_delta:
        agenda.note("C-DELTA-1", BOOK, HOLD, "delta would be flattened, which is switched off", inputs=inputs,
                    thresholds=thresholds)  # fmt: skip
    else:
        agenda.note("C-DELTA-1", BOOK, DECLINE, "delta should be flattened, but no index future may be traded",
                    inputs=inputs, thresholds=thresholds)  # fmt: skip
