"""The whole account of the method over a journal, as plain values: days, adjustments, band, answers, slot 4."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from statistics import median

import msgspec

from bot.method.band import BandShare, share
from bot.method.facts import Facts, Walk, gather
from bot.method.response import LAYER, SLOT_FOUR, Answer, DeepDay, answers, deep_days


class Day(msgspec.Struct, frozen=True):
    """One session: percent of its samples by regime, the changes of the official regime, tiers, the front over the
    second, adjustments made and tried."""

    day: str
    regimes_pct: dict[str, float]
    official: tuple[str, ...]
    tiers: tuple[int, ...]
    highest_b12_points: float | None
    net_first_n: float | None
    net_last_n: float | None
    adjustments: int
    unfilled: int


class Adjustment(msgspec.Struct, frozen=True):
    """One walk of orders with its reason: `wanted` units, contracts filled over all legs, dollars received."""

    at: datetime
    who: str
    rule: str
    purpose: str
    text: str
    wanted: int
    orders: int
    filled_contracts: int
    filled_at: datetime | None
    cash_usd: float


class Slo(msgspec.Struct, frozen=True):
    """J-SLO-1 for one rule: triggers, of these answered in the same session, seconds to the working order."""

    rule: str
    triggers: int
    same_session: int
    median_s: float | None
    worst_s: float | None


class Method(msgspec.Struct, frozen=True):
    """Everything."""

    days: tuple[Day, ...]
    adjustments: tuple[Adjustment, ...]
    band: BandShare
    answers: tuple[Answer, ...]
    slo: tuple[Slo, ...]
    slot4: tuple[DeepDay, ...]


def build(state_dir: Path) -> Method:
    """The account of a state directory. Raises JournalError."""
    facts = gather(state_dir / "journal.sqlite3")
    told = answers(facts)
    return Method(
        days=tuple(_day(facts, day) for day in facts.days),
        adjustments=tuple(_adjustment(walk) for walk in facts.walks),
        band=share(facts),
        answers=tuple(told),
        slo=tuple(_slo(rule, told) for rule in (SLOT_FOUR, LAYER)),
        slot4=tuple(deep_days(facts)),
    )


def _day(facts: Facts, day: str) -> Day:
    rows = [one for one in facts.samples if one.day == day]
    counts = Counter(one.regime for one in rows)
    known = [one.net_n for one in rows if one.net_n is not None]
    b12 = [one.b12_points for one in rows if one.b12_points is not None]
    walks = [walk for walk in facts.walks if walk.asked_at.date().isoformat() == day]
    return Day(
        day=day,
        regimes_pct={name: round(100.0 * n / len(rows), 1) for name, n in counts.most_common()},
        official=_changes([one.official for one in rows]),
        tiers=tuple(int(tier) for tier in _changes([str(one.tier) for one in rows])),
        highest_b12_points=max(b12) if b12 else None,
        net_first_n=known[0] if known else None,
        net_last_n=known[-1] if known else None,
        adjustments=sum(walk.filled_contracts > 0 for walk in walks),
        unfilled=sum(walk.filled_contracts == 0 for walk in walks),
    )


def _changes(names: list[str]) -> tuple[str, ...]:
    """Each name where it differs from the one before."""
    return tuple(name for i, name in enumerate(names) if i == 0 or name != names[i - 1])


def _adjustment(walk: Walk) -> Adjustment:
    slots = ">".join(f"{slot}" for slot in walk.slots)
    return Adjustment(
        at=walk.asked_at,
        who=f"slot {slots}" if slots else walk.owner,
        rule=walk.rule,
        purpose=walk.purpose,
        text=walk.text,
        wanted=walk.quantity,
        orders=walk.sent,
        filled_contracts=walk.filled_contracts,
        filled_at=walk.filled_at,
        cash_usd=round(walk.cash_usd, 2),
    )


def _slo(rule: str, told: list[Answer]) -> Slo:
    mine = [one for one in told if one.rule == rule]
    seconds = [one.seconds for one in mine if one.seconds is not None]
    return Slo(
        rule=rule,
        triggers=len(mine),
        same_session=sum(one.same_session for one in mine),
        median_s=median(seconds) if seconds else None,
        worst_s=max(seconds) if seconds else None,
    )
