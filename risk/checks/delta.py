"""The outer band of the condors' delta: no new condor may leave it, or take the book further outside (C17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from risk.case import Case
from risk.exposure import Stake
from risk.result import Finding, finding, unknown
from strategies.domain.instruments import Option, Tradable
from strategies.domain.marks import Mark
from strategies.pricing import black76

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
    """Points per point of its own forward of one share of each option that has a mark."""
    rows = [(option, marks[c]) for c, option in contracts.items() if isinstance(option, Option) and c in marks]
    rows = [(option, mark) for option, mark in rows if mark.tau_years > 0.0 and mark.iv > 0.0]
    if not rows:
        return {}
    greeks = black76.greeks(
        np.array([mark.forward_points for _, mark in rows]),
        np.array([option.strike for option, _ in rows]),
        np.array([mark.iv for _, mark in rows]),
        np.array([mark.tau_years for _, mark in rows]),
        np.array([option.is_call for option, _ in rows]),
        np.array([mark.discount for _, mark in rows]),
    )
    return {option.con_id: float(delta) for (option, _), delta in zip(rows, np.atleast_1d(greeks.delta), strict=True)}


def _book(groups: Iterable[Stake], delta: Mapping[int, float]) -> _Delta | str:
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
            if con_id not in delta or not np.isfinite(delta[con_id]):
                return f"contract {con_id} has no mark to reckon its delta by"
            points += quantity * delta[con_id]
            shorts += max(0, -quantity)
    return _Delta(points, shorts / 2.0)
