"""Regimes, tiers and evidence on real closes of 2007 to 2025; docs/alvh-signals.md quotes these numbers."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest

from strategies.signals.closes import SessionCloses
from strategies.signals.curve import CurveParams, Regime, curve_of
from strategies.signals.daily import add_session, blank
from strategies.signals.diagnostic_params import DiagnosticParams
from strategies.signals.diagnostics import diagnose
from strategies.signals.evidence import curve_reading, score
from strategies.signals.look import Look
from strategies.signals.readings import Family, Verdict
from strategies.signals.term_structure import exceeds, measure, strip_of_closes
from strategies.signals.tier_machine import TierInputs, TierState, advance_tier
from strategies.signals.tiers import TierParams, tier_by_level, tier_levels

pytestmark = pytest.mark.history

CURVE, TIERS = CurveParams(), TierParams()


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / name).open() as file:
        yield from csv.DictReader(file)


@lru_cache(maxsize=1)
def sessions(folder: Path) -> tuple[SessionCloses, ...]:
    """Every session of the folder with SPX, VIX, its sisters and the monthly futures."""
    spx = {row["date"]: row["close"] for row in _rows(folder, "spx_daily.csv")}
    vol = {row["date"]: row for row in _rows(folder, "vol_indices_daily.csv")}
    found = []
    for row in _rows(folder, "vx_term_structure_daily.csv"):
        day, indices = row["date"], vol.get(row["date"], {})
        named = {"SPX": spx.get(day), "VIX": indices.get("vix_close"), "VIX3M": indices.get("vix3m_close"),
                 "VVIX": indices.get("vvix")}  # fmt: skip
        futures = {
            date.fromisoformat(row[f"m{n}_expiry"]): float(row[f"m{n}_settle"])
            for n in range(1, 10)
            if row[f"m{n}_settle"]
        }
        closes = {symbol: float(close) for symbol, close in named.items() if close}
        found.append(SessionCloses(date.fromisoformat(day), closes, futures))
    return tuple(found)


def between(folder: Path, first: int, last: int) -> list[SessionCloses]:
    return [s for s in sessions(folder) if first <= s.day.year <= last and "VIX" in s.closes]


def regime_on(session: SessionCloses, skip_days: int = 5) -> Regime:
    return curve_of(strip_of_closes(session.futures, session.day, skip_days, 2), CURVE).regime


def test_regimes_of_nineteen_years(real_data: Path) -> None:
    """Shares of days by settlement prices, F1 being the front month that is more than five days from settlement."""
    counts = Counter(regime_on(session) for session in between(real_data, 2007, 2025))
    unknown = counts.pop(Regime.UNKNOWN)
    shares = {regime: round(count / counts.total(), 3) for regime, count in counts.items()}
    assert unknown == 4
    told = {Regime.CONTANGO: 0.647, Regime.FLAT: 0.218, Regime.BACKWARDATION: 0.114, Regime.DEEP_BACKWARDATION: 0.021}
    assert shares == pytest.approx(told, abs=0.0011)


def test_tiers_of_nineteen_years(real_data: Path) -> None:
    """Shares of days by the higher of VIX and F1 at the close, without memory, and with the machine's when each close
    has lasted an hour with evidence: leaving a tier takes two closes a point below, so the higher ones last longer."""
    alone: Counter[int] = Counter()
    lasting: Counter[int] = Counter()
    state, levels, before = TierState(), tier_levels((), TIERS), None
    for session in between(real_data, 2007, 2025):
        vix, front = session.closes["VIX"], strip_of_closes(session.futures, session.day, 5, 1).price(1)
        alone[tier_by_level(vix, front, before, TIERS)] += 1
        at = datetime(session.day.year, session.day.month, session.day.day, 19, 0, tzinfo=UTC)
        change = None if before is None else vix - before
        for minute in range(0, 65, 15):
            seen = TierInputs(
                at=at + timedelta(minutes=minute), day=session.day, vix_points=vix, front_points=front, evidence=2,
                vix_change_points=change, early=Verdict.FALSE, at_close=minute == 60,
            )  # fmt: skip
            state = advance_tier(state, seen, levels, TIERS)
        lasting[state.phase.tier] += 1
        before = vix
    for counts, told in ((alone, (0.391, 0.358, 0.147, 0.104)), (lasting, (0.316, 0.392, 0.165, 0.126))):
        assert [counts[tier] / counts.total() for tier in range(4)] == pytest.approx(told, abs=0.0011)


def test_days_of_more_than_three_points(real_data: Path) -> None:
    """M1 - M2 exceeds 3 on 116 days since 2004; F1 - F2, without the settlement week, on 101 of them and no others."""
    front, skipped = set(), set()
    for session in sessions(real_data):
        for skip, days in ((0, front), (5, skipped)):
            b12 = measure(strip_of_closes(session.futures, session.day, skip, 2), None, None).front_minus_second_points
            if b12 is not None and exceeds(b12, CURVE.deep_above_points):
                days.add(session.day)
    assert len(front) == 116
    assert (len(front & skipped), len(skipped - front)) == (101, 0)


@pytest.mark.parametrize(
    ("day", "regime", "confirmed"),
    [
        (date(2020, 3, 16), Regime.DEEP_BACKWARDATION, Verdict.TRUE),
        (date(2018, 2, 5), Regime.DEEP_BACKWARDATION, Verdict.TRUE),
        (date(2017, 11, 3), Regime.CONTANGO, Verdict.FALSE),
    ],
)
def test_days_of_record(real_data: Path, day: date, regime: Regime, confirmed: Verdict) -> None:
    """The crash, the volatility shock and the calm."""
    session = next(s for s in sessions(real_data) if s.day == day)
    assert regime_on(session) is regime
    strip = strip_of_closes(session.futures, day, 5, 3)
    assert measure(strip, session.closes["VIX"], session.closes["VIX3M"]).confirmed is confirmed


@pytest.mark.slow
def test_evidence_comes_with_the_storms(real_data: Path) -> None:
    """2010 to 2025 folded session by session, without breadth, skew and correlation (the folder has none): the share of
    days with two families of evidence rises with the tier."""
    params = DiagnosticParams()
    daily, before = blank(params), None
    days: dict[int, list[bool]] = {tier: [] for tier in range(4)}
    for session in between(real_data, 2009, 2025):
        daily = add_session(daily, session, params, CURVE.skip_front_within_days)
        vix, front = session.closes["VIX"], strip_of_closes(session.futures, session.day, 5, 1).price(1)
        found = score((*diagnose(Look(daily), params), curve_reading(regime_on(session), None)))
        assert {Family.BREADTH, Family.SKEW, Family.CORRELATION} <= set(found.unknown)
        if session.day.year >= 2010:
            days[tier_by_level(vix, front, before, TIERS)].append(found.points >= TIERS.evidence_min)
        before = vix
    shares = [sum(rows) / len(rows) for rows in days.values()]
    assert shares == pytest.approx([0.092, 0.245, 0.365, 0.685], abs=0.0006)
