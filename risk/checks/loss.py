"""What the order can cost: worst cases over every fill subset, cover, structure, stress and crash."""

from __future__ import annotations

import itertools
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from risk.case import Case
from risk.exposure import Exposure
from risk.result import Finding, finding, unknown
from risk.stress import Stress
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Option, Right, Tradable, describe
from strategies.domain.same import Same


def order_loss(case: Case) -> Finding:
    """C04: worst case of the order alone, fees included; of a hedge order, what it adds to the hedge's worst case (a
    roll sells what is held, so alone it would look uncovered)."""
    if case.hedge:
        added = max(0.0, case.own_loss_usd - max(0.0, case.own.worst_loss_usd))
        return _share(case, added, case.limits.order_loss_pct, "what this order adds to the hedge")
    alone = case.own_after.alone(case.unit).worst_loss_usd
    return _share(case, alone, case.limits.order_loss_pct, "this order alone")


def condor_loss(case: Case) -> Finding:
    """C06, K-SIZE-1: worst case of the condor. More than one unit of a new condor has to stay within the soft cap."""
    limits = case.limits
    if case.own.unknown:
        return unknown(limits.condor_loss_hard_pct, "% of NLV", case.own.unknown)
    sizeable = not case.own.held and case.intent.quantity > 1
    cap = limits.condor_loss_soft_pct if sizeable else limits.condor_loss_hard_pct
    what = "soft cap, take fewer units" if sizeable else "hard cap"
    return _share(case, case.own_loss_usd, cap, f"condor {case.intent.owner} ({what})")


def all_condors_loss(case: Case) -> Finding:
    """C07, K-SIZE-3: worst cases of all condors and orders together; a new condor has to stay within the soft cap."""
    limits = case.limits
    new = not case.own.held
    cap = limits.all_condors_loss_soft_pct if new else limits.all_condors_loss_hard_pct
    for stake in (*case.others, case.own):
        if stake.unknown:
            return unknown(cap, "% of NLV", stake.unknown)
    total = case.others_loss_usd + max(0.0, case.own_loss_usd)
    return _share(case, total, cap, f"all condors with every order filled ({'soft' if new else 'hard'} cap)")


def _share(case: Case, loss_usd: float, cap_pct: float, what: str) -> Finding:
    if isinstance(case.nlv_usd, str):
        return unknown(cap_pct, "% of NLV", case.nlv_usd)
    share = 100.0 * loss_usd / case.nlv_usd
    text = f"{what}: worst case {loss_usd:,.0f} USD is {share:.2f} % of {case.nlv_usd:,.0f} USD, allowed {cap_pct:g} %"
    return finding(share <= cap_pct, share, cap_pct, "% of NLV", text)


def open_condors(case: Case) -> Finding:
    """C05: condors held or working, in total and per expiry."""
    limits, mine = case.limits, case.intent.owner
    expiries: dict[str, set[date]] = {mine: {option.expiry for _, option in case.legs}}
    for owner, stake in case.stakes.items():
        if owner is not None and owner != HEDGE_OWNER:
            expiries.setdefault(owner, set()).update(case.contracts[c].expiry for c in stake.con_ids)
    if len(expiries) > limits.open_condors:
        text = f"{len(expiries)} condors would be open or working, allowed are {limits.open_condors}"
        return finding(False, len(expiries), limits.open_condors, "condors", text)
    for day in sorted(expiries[mine]):
        count = sum(day in days for days in expiries.values())
        if count > limits.condors_per_expiry:
            text = f"{count} condors would share expiry {day.isoformat()}, allowed are {limits.condors_per_expiry}"
            return finding(False, count, limits.condors_per_expiry, "condors per expiry", text)
    text = f"{len(expiries)} condors with this one, allowed are {limits.open_condors}"
    return finding(True, len(expiries), limits.open_condors, "condors", text)


def covered(case: Case) -> Finding:
    """C09, K-DEF-1: every short option has a long of the same series and right in every fill subset."""
    short = sum(case.own_after.uncovered().values())
    what = f"{short} short contracts would be uncovered" if short else "every short is covered"
    return finding(short == 0, short, 0, "contracts", f"{what}, over every fill subset of the condor's orders")


def structure(case: Case) -> Finding:
    """C10: what the condor will be once the order is filled: +P1 -P2 -C3 +C4, rising strikes, equal counts."""
    held = dict(case.own.held)
    for con_id, ratio in case.unit.legs:
        held[con_id] = held.get(con_id, 0) + ratio * case.unit.quantity
    legs: list[tuple[Option, int]] = []
    for con_id, quantity in held.items():
        contract = case.contracts[con_id]
        if quantity and not isinstance(contract, Option):
            text = f"{describe(contract)} is no option and has no place in a condor"
            return finding(False, describe(contract), "+P1 -P2 -C3 +C4", "structure", text)
        if quantity and isinstance(contract, Option):
            legs.append((contract, quantity))
    legs.sort(key=lambda row: row[0].strike)
    fault = _structure_fault(legs)
    drawn = " ".join(f"{q:+d}{option.strike:g}{option.right.value}" for option, q in legs) or "nothing"
    text = f"the order leaves {drawn}: {fault}" if fault else f"the order leaves the condor {drawn}"
    return finding(not fault, drawn, "+P1 -P2 -C3 +C4", "structure", text)


def _structure_fault(legs: list[tuple[Option, int]]) -> str:
    if len(legs) != 4:
        return f"a condor has 4 legs, not {len(legs)}"
    first, count = legs[0]
    if any((o.trading_class, o.expiry, o.settlement) != (first.trading_class, first.expiry, first.settlement)
           for o, _ in legs):  # fmt: skip
        return "the legs differ in class, expiry or settlement"
    if [o.right for o, _ in legs] != [Right.PUT, Right.PUT, Right.CALL, Right.CALL]:
        return "by strike the legs must be put, put, call, call"
    if any(a[0].strike >= b[0].strike for a, b in itertools.pairwise(legs)):
        return "the strikes must rise"
    if count <= 0 or [q for _, q in legs] != [count, -count, -count, count]:
        return "the wings must be long and the inner legs short, all in the same number"
    return ""


def synthetic(case: Case) -> Finding:
    """K-DEF-2: no call and put of one strike and expiry in opposite directions (synthetic, conversion, box)."""
    held = _sides(Same(case.exposure))
    calls, puts = dict(held.calls), dict(held.puts)
    for con_id, ratio in case.unit.legs:
        _add(calls, puts, case.contracts[con_id], ratio * case.unit.quantity)
    pairs = sorted(place for place, quantity in calls.items() if quantity * puts.get(place, 0) < 0)
    if pairs:
        text = f"call and put at {pairs[0][2]:g} would stand in opposite directions, a synthetic future"
        return finding(False, len(pairs), 0, "pairs", text)
    return finding(True, 0, 0, "pairs", "no call and put of one strike stand in opposite directions")


Place = tuple[str, date, float]
"""Underlying, expiry, strike."""


class _Sides(NamedTuple):
    """Signed contracts by place."""

    calls: dict[Place, int]
    puts: dict[Place, int]


@lru_cache(maxsize=8)
def _sides(seen: Same[Exposure]) -> _Sides:
    """The options that all groups hold together."""
    sides = _Sides({}, {})
    for stake in seen.value.stakes.values():
        for con_id, quantity in stake.held.items():
            _add(*sides, stake.contracts[con_id], quantity)
    return sides


def _add(calls: dict[Place, int], puts: dict[Place, int], contract: Tradable, quantity: int) -> None:
    if isinstance(contract, Option):
        side, place = calls if contract.is_call else puts, (contract.symbol, contract.expiry, contract.strike)
        side[place] = side.get(place, 0) + quantity


def stress_grid(case: Case) -> Finding:
    """C18: worst cell of the index and volatility grid."""
    result, cap = case.stress, case.limits.stress_loss_pct
    if not isinstance(result, Stress):
        return unknown(cap, "% of NLV", result)
    return _share(
        case, result.grid_loss_usd, cap, f"stress cell index {result.spot_pct:+g} %, volatility {result.vol_pct:+g} %"
    )


def crash(case: Case) -> Finding:
    """K-SIZE-5: full revaluation in the crash."""
    limits, result = case.limits, case.stress
    if not isinstance(result, Stress):
        return unknown(limits.crash_loss_pct, "% of NLV", result)
    what = f"crash (index {limits.crash_spot_pct:+g} %, VIX {limits.crash_vix_points:+g})"
    return _share(case, result.crash_loss_usd, limits.crash_loss_pct, what)
