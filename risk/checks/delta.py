"""The outer band of the condors' delta: no new condor may leave it, or take the book further outside (C17)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from risk.case import Case
from risk.exposure import Stake
from risk.result import Finding, finding, unknown
from strategies.domain.instruments import Option, Tradable
from strategies.domain.marks import Mark
from strategies.pricing.single import delta

UNIT = "points per point and condor"


class _Delta(NamedTuple):
    """Points that the condors gain per point of the index, and how many condors they are."""

    points: float
    condors: float

    @property
    def each(self) -> float:
        return self.points / self.condors if self.condors else 0.0


def net_delta(case: Case) -> Finding:
    """C17: net delta of what condors hold and have working, per condor, with this order filled. Beyond the band only an
    order passes that leads back. The hedge is not in it: its delta is what it is held for."""
    cap = case.limits.guards.delta_per_condor
    found = delta_of(case.contracts, case.view.marks)
    before = _book((*case.others, case.own), found)
    after = _book((*case.others, case.own_after), found)
    if isinstance(before, str) or isinstance(after, str):
        return unknown(cap, UNIT, before if isinstance(before, str) else str(after))
    text = f"net delta would be {after.each:+.3f} per condor, {before.each:+.3f} now"
    passed = abs(after.each) <= cap or abs(after.points) < abs(before.points)
    return finding(passed, round(after.each, 4), cap, UNIT, text)


def delta_of(contracts: Mapping[int, Tradable], marks: Mapping[int, Mark]) -> dict[int, float]:
    """Points per point of its own forward of one share of each option whose mark can be priced."""
    found = {}
    for con_id, option in contracts.items():
        mark = marks.get(con_id)
        if mark is None or not isinstance(option, Option):
            continue
        moves = delta(mark.forward_points, option.strike, mark.iv, mark.tau_years, option.is_call, mark.discount)
        if moves is not None and math.isfinite(moves):
            found[con_id] = moves
    return found


def _book(groups: Iterable[Stake], found: Mapping[int, float]) -> _Delta | str:
    """Condors with everything working filled, or which contract cannot be valued."""
    points = shorts = 0.0
    for group in groups:
        if group.hedge:
            continue
        if group.unknown:
            return group.unknown
        held = dict(group.held)
        for unit in group.units:
            for con_id, ratio in unit.legs:
                held[con_id] = held.get(con_id, 0) + ratio * unit.quantity
        for con_id, quantity in held.items():
            if not quantity:
                continue
            if con_id not in found:
                return f"contract {con_id} has no mark to reckon its delta by"
            points += quantity * found[con_id]
            shorts += max(0, -quantity)
    return _Delta(points, shorts / 2.0)
