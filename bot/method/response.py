"""How soon the hedge answered an inversion, and whether slot 4 moved when it should and only then (J-SLO-1, A-ROT-2).

Rules
- A trigger is confirmed when the journal first says so: slot 4's when the official regime is deep backwardation with
  the front more than 3.000 points over the second, the layer's when the inversion is said to have lasted.
- Answered is the first order of the rule that was at work with the broker; time runs from trigger to there.
- A new inversion begins once the front has stood less than 1.5 points over the second. Slot 4 moves once in each.
- What slot 4 should have done is judged from the samples alone, not from what the rule said about itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from bot.method.facts import Facts, Said, Sample
from strategies.domain.session import session_date
from strategies.signals.term_structure import exceeds

DEEP_POINTS = 3.0
REARM_POINTS = 1.5
BRIDGE_S = 150.0
DEEP = "deep_backwardation"
SLOT_FOUR, LAYER = "A-ROT-2", "A-ROT-1"
STANDING = "front minus second has not stood above"
LASTED = "the inversion has lasted"
EMPTY = "slot 4 holds nothing"


class Answer(msgspec.Struct, frozen=True):
    """A confirmed trigger and what came of it: seconds to the working order, None where none followed; `why` then."""

    rule: str
    confirmed_at: datetime
    working_at: datetime | None
    filled_at: datetime | None
    seconds: float | None
    same_session: bool
    why: str


class DeepDay(msgspec.Struct, frozen=True):
    """A session seen by its front over second: the highest, minutes of the longest stretch above 3.000, whether the
    regime was officially deep then, what slot 4 did, and whether that is what the rule asks."""

    day: str
    highest_points: float
    longest_min: float
    deep: bool
    slot4: str
    right: bool


def answers(facts: Facts) -> list[Answer]:
    """Every trigger of the two rules, once per inversion each."""
    found: list[Answer] = []
    for rule in (SLOT_FOUR, LAYER):
        armed = True
        rows: list[Said | Sample] = sorted(
            [*(d for d in facts.said if d.rule == rule), *facts.samples], key=lambda row: row.at
        )
        for row in rows:
            if isinstance(row, Sample):
                armed = armed or _over(row)
            elif armed and _confirms(row):
                armed = False
                found.append(_answer(row, facts))
    return sorted(found, key=lambda one: one.confirmed_at)


def _over(sample: Sample) -> bool:
    """Whether the inversion has ended, or it is far enough back for slot 4."""
    return sample.b12_points is not None and sample.b12_points < REARM_POINTS and sample.regime in ("contango", "flat")


def _confirms(row: Said) -> bool:
    if row.rule == SLOT_FOUR:
        return not row.text.startswith(STANDING)
    return row.text.startswith(LASTED)


def _answer(row: Said, facts: Facts) -> Answer:
    day = session_date(row.at)
    walks = [w for w in facts.walks if w.rule == row.rule and w.working_at is not None and w.asked_at >= row.at]
    walk = walks[0] if walks and session_date(walks[0].asked_at) == day else None
    nothing = row.text.startswith(EMPTY)
    seconds = None if walk is None or walk.working_at is None else (walk.working_at - row.at).total_seconds()
    return Answer(
        rule=row.rule,
        confirmed_at=row.at,
        working_at=None if walk is None else walk.working_at,
        filled_at=None if walk is None else walk.filled_at,
        seconds=0.0 if nothing and seconds is None else seconds,
        same_session=walk is not None or nothing,
        why="" if walk is not None else row.text if nothing else _last_word(row, day, facts),
    )


def _last_word(row: Said, day: str, facts: Facts) -> str:
    """What the rule said last that session."""
    rest = [d for d in facts.said if d.rule == row.rule and d.at >= row.at and session_date(d.at) == day]
    return rest[-1].text if rest else row.text


def deep_days(facts: Facts) -> list[DeepDay]:
    """Sessions on which the front stood more than 1.5 points over the second, and any on which slot 4 moved."""
    found = []
    spent = False  # slot 4 has moved in this inversion
    for day in facts.days:
        rows: list[Sample | _Act] = [s for s in facts.samples if s.day == day and s.b12_points is not None]
        highest = max((s.b12_points or 0.0 for s in rows if isinstance(s, Sample)), default=0.0)
        longest_min = _longest_s([s for s in rows if isinstance(s, Sample)]) / 60.0
        rows = sorted([*rows, *_acts(facts, day)], key=lambda row: row.at)
        deep = owed = wrong = had = acted = False
        b12, official = 0.0, ""
        for row in rows:
            if isinstance(row, _Act):
                if acted and spent and not row.empty:
                    continue  # what the first order left behind still goes: the same move
                wrong = wrong or spent or not (exceeds(b12, DEEP_POINTS) and official == DEEP)
                acted, spent, owed = True, True, False
                continue
            b12, official = row.b12_points or 0.0, row.official
            spent = spent and b12 >= REARM_POINTS
            if official == DEEP and exceeds(b12, DEEP_POINTS):
                deep, had = True, had or spent
                owed = owed or not spent
        if highest > REARM_POINTS or acted:
            text = _told(facts, day, acted=acted, deep=deep, had=had)
            found.append(DeepDay(day, round(highest, 3), round(longest_min, 1), deep, text, not (owed or wrong)))
    return found


class _Act(msgspec.Struct, frozen=True):
    """Slot 4's move, when it was asked: a filled order of the rule, or (`empty`) its weight where it held nothing."""

    at: datetime
    empty: bool


def _acts(facts: Facts, day: str) -> list[_Act]:
    """Every one of a session: a session can see two inversions."""
    asked = [_Act(w.asked_at, False) for w in facts.walks if w.rule == SLOT_FOUR and w.filled_contracts]
    empty = [_Act(d.at, True) for d in facts.said if d.rule == SLOT_FOUR and d.text.startswith(EMPTY)]
    return [act for act in (*asked, *empty) if session_date(act.at) == day]


def _told(facts: Facts, day: str, *, acted: bool, deep: bool, had: bool) -> str:
    """What slot 4 did, in words."""
    walks = [w for w in facts.walks if w.rule == SLOT_FOUR and session_date(w.asked_at) == day]
    if acted:
        return "moved to slot 5" if any(w.filled_contracts for w in walks) else "held nothing: its weight moved"
    if walks:
        return f"{len(walks)} orders, none filled"
    if had:
        return "had moved in this inversion"
    last = [d.text for d in facts.said if d.rule == SLOT_FOUR and session_date(d.at) == day]
    return last[-1] if deep and last else "stayed"


def _longest_s(rows: Sequence[Sample]) -> float:
    """Seconds of the longest stretch above 3.000; a gap between samples of more than some minutes ends one."""
    best, since, before = 0.0, None, None
    for row in rows:
        above = row.b12_points is not None and exceeds(row.b12_points, DEEP_POINTS)
        if before is not None and (row.at - before).total_seconds() > BRIDGE_S:
            since = None
        since = (since or row.at) if above else None
        best = best if since is None else max(best, (row.at - since).total_seconds())
        before = row.at
    return best
