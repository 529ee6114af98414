"""What the signals say becomes decisions: numbers and thresholds, stable words, once a look, acting on nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from strategies.condor.context import Agenda
from strategies.condor.params import CondorParams
from strategies.domain.book import Book
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.session import NEW_YORK
from strategies.outlook import tell_outlook
from strategies.signals.closes import SessionCloses
from strategies.signals.live import Feed
from strategies.signals.readings import Verdict
from strategies.signals.signals import Sample, SignalParams, Signals, observe, warm_up
from strategies.signals.term_structure import Slot, Strip, VxMonth

PARAMS = SignalParams()
TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 10, 30, tzinfo=NEW_YORK)
OPEN = NOW.replace(hour=9, minute=30)


@dataclass
class Moment:
    """What the decisions need of the context."""

    now: datetime = NOW
    session: object | None = "running"
    vix_points: float | None = 18.0
    params: CondorParams = field(default_factory=CondorParams)
    book: Book = field(default_factory=Book)


def past() -> list[SessionCloses]:
    """Two hundred sessions of VIX and SPX that move a little, and nothing else."""
    days = [TODAY - timedelta(days=n) for n in range(300, 0, -1) if (TODAY - timedelta(days=n)).weekday() < 5]
    return [
        SessionCloses(day, {"VIX": 16.0 + math.sin(n / 7.0), "SPX": 5500.0 + n + 20.0 * math.cos(n / 5.0)})
        for n, day in enumerate(days)
    ]


def strip(front: float | None, second: float | None) -> Strip:
    def slot(month: int, days: int, points: float | None) -> Slot:
        return Slot(
            VxMonth(2026, month), TODAY + timedelta(days=days), days, points, "" if points else "is stale", 0.05
        )

    return Strip(TODAY, (slot(3, 14, front), slot(4, 42, second), slot(5, 76, 21.0)))


def looked(front: float | None = 18.5, second: float | None = 19.5) -> Signals:
    levels = SessionCloses(TODAY, {"VIX": 18.0, "SPX": 5700.0})
    last = max(session.day for session in past())
    sample = Sample(at=NOW, levels=levels, strip=strip(front, second), open_at=OPEN, last_session=last)
    return observe(warm_up(past(), PARAMS), sample, PARAMS)


def told(signals: Signals, **moment: Any) -> list[Decision]:
    agenda = Agenda(Moment(**moment), {}, {}, {})
    tell_outlook(agenda, Feed(signals))
    return agenda.decisions


def row(rows: list[Decision], rule: str, subject: str = "market") -> Decision:
    return next(one for one in rows if (one.rule, one.subject) == (rule, subject))


def test_regime_and_tier_are_told_with_what_they_were_measured_against() -> None:
    """Slope, three futures and thresholds of the regime; level, evidence and thresholds of the tier."""
    rows = told(looked())
    regime, tier = row(rows, "T-REG-1"), row(rows, "T-TIER-1")
    assert regime.inputs["slope_pct_month"] == pytest.approx(100.0 * math.log(19.5 / 18.5) * 30.0 / 28.0, abs=1e-6)
    assert (regime.inputs["f1_points"], regime.inputs["f2_points"], regime.inputs["f3_points"]) == (18.5, 19.5, 21.0)
    assert regime.thresholds["backwardation_below_pct_month"] == -1.0
    assert (tier.inputs["level_points"], tier.thresholds["watch_from_points"]) == (18.5, 17.0)
    assert tier.thresholds["evidence_min"] == 2
    assert row(rows, "T-TIER-4").thresholds == {"crisis_from_points": 30.0, "crisis_jump_points": 8.0}


def test_every_diagnostic_is_told_known_or_not() -> None:
    """A reading that is unknown says so and why; a known one has its numbers and the session they rest on."""
    signals = looked()
    rows = told(signals)
    assert signals.outlook is not None
    for reading in signals.outlook.readings:
        if reading.rule == "T-REG-1":
            continue
        decision = row(rows, reading.rule, reading.subject)
        assert decision.verdict is DecisionVerdict.HOLD
        if reading.verdict is Verdict.UNKNOWN:
            assert (decision.text, decision.inputs["reason"]) == ("unknown", reading.reason)
        else:
            assert set(reading.values) <= set(decision.inputs)
    rsi = row(rows, "D-RSI-1", "VIX")
    assert (rsi.inputs["as_of"], rsi.thresholds["rsi_evidence"]) == (TODAY.isoformat(), 60.0)
    assert row(rows, "D-SKEW-1", "30-day skew").text == "unknown"


def test_a_curve_that_cannot_be_read_is_told_with_the_reason() -> None:
    """Unknown stays unknown: no number is made up for it."""
    rows = told(looked(front=None))
    regime = row(rows, "T-REG-1")
    assert regime.inputs["slope_pct_month"] is None
    assert "is stale" in str(regime.inputs["reason"])
    assert row(rows, "T-CARRY-2").text == "the curve's return is unknown"


def test_nothing_is_told_between_looks_or_outside_a_session() -> None:
    """The decisions belong to the moment of the look; a later step, or an evening, repeats nothing."""
    signals = looked()
    assert told(signals, now=NOW + timedelta(seconds=5)) == []
    assert told(signals, session=None) == []
    assert told(msgspec.structs.replace(signals, outlook=None)) == []


def test_daily_diagnostics_are_told_when_made_anew_only() -> None:
    """A second look within five minutes keeps the readings and tells regime, tier, evidence and jumps alone."""
    first = looked()
    later = NOW + timedelta(seconds=15)
    sample = Sample(
        at=later, levels=SessionCloses(TODAY, {"VIX": 18.1, "SPX": 5699.0}), strip=strip(18.5, 19.5), open_at=OPEN,
        last_session=max(session.day for session in past()),
    )  # fmt: skip
    rows = told(observe(first, sample, PARAMS), now=later)
    assert {one.rule for one in rows} == {
        "T-REG-1", "T-REG-2", "T-CARRY-2", "T-TIER-1", "T-TIER-4", "D-SCORE-1", "D-NOISE-1",
    }  # fmt: skip


def test_words_hold_no_numbers_and_no_rule_speaks_twice() -> None:
    """A decision is new when its words are: numbers in them would write a record at every look."""
    rows = told(looked())
    assert not [one for one in rows if any(sign.isdigit() for sign in one.text)]
    keys = [(one.rule, one.subject) for one in rows]
    assert len(keys) == len(set(keys))
