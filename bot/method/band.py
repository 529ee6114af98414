"""Net vega against its band: how much of the time it was inside, and why not where it was not.

Rules
- Counted are the desk's samples with a condor open. A sample whose net vega is not known is not inside.
- The band is required wherever it outranks the budgets (A-VEGA-2): everywhere but in calm. Both shares are told.
- An excursion is a row of samples outside within one session; as long inside as the band's dwell time ends it. Its
  explanation is what was recorded then: refusals of the gate, budgets that bound, orders under way, missing quotes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from bot.method.facts import Facts, Sample
from strategies.alvh.joint import stance
from strategies.domain.hedge import HEDGE_OWNER
from strategies.signals.curve import Regime
from strategies.signals.tiers import Tier

DWELL = timedelta(minutes=20)
"""How long net vega may stand outside before it is acted on above the cap; shorter returns are the same excursion."""
STALE = timedelta(minutes=31)
"""Standing decisions are written down again every half hour."""
QUIET = frozenset({"A-VEGA-1", "A-ROT-0", "X-EXEC"})


class Excursion(msgspec.Struct, frozen=True):
    """One stretch outside the band: its samples outside, the farthest net vega and the edge it missed there (None where
    net vega was not known), whether the band was required at any of them, and what was recorded about it."""

    first_at: datetime
    last_at: datetime
    samples: int
    side: str
    farthest_n: float | None
    edge_n: float | None
    required: bool
    because: tuple[str, ...]


class BandShare(msgspec.Struct, frozen=True):
    """Samples with a condor open, of these inside the band; the same where the band is required."""

    samples: int
    inside: int
    required: int
    required_inside: int
    unknown: int
    excursions: tuple[Excursion, ...]

    @property
    def pct(self) -> float | None:
        """Percent of all samples inside."""
        return 100.0 * self.inside / self.samples if self.samples else None

    @property
    def required_pct(self) -> float | None:
        """Percent inside of those where the band is required."""
        return 100.0 * self.required_inside / self.required if self.required else None


def required(sample: Sample) -> bool:
    """Whether the band outranks the budgets in this regime and tier."""
    return not stance(Regime(sample.regime), Tier(sample.tier)).budget_first


def inside(sample: Sample) -> bool | None:
    """Whether net vega stood inside its band, the edges included; None where no band holds (unread curve)."""
    if sample.low_n is None or sample.high_n is None:
        return None
    return sample.net_n is not None and sample.low_n <= sample.net_n <= sample.high_n


def share(facts: Facts) -> BandShare:
    """The whole journal."""
    counted = [(one, ok) for one in facts.samples if one.condors and (ok := inside(one)) is not None]
    needed = [ok for one, ok in counted if required(one)]
    return BandShare(
        samples=len(counted),
        inside=sum(ok for _, ok in counted),
        required=len(needed),
        required_inside=sum(needed),
        unknown=sum(one.net_n is None for one, _ in counted),
        excursions=tuple(_excursions(counted, facts)),
    )


def _excursions(counted: Sequence[tuple[Sample, bool]], facts: Facts) -> list[Excursion]:
    found: list[Excursion] = []
    run: list[Sample] = []
    for one, ok in counted:
        if run and (one.day != run[-1].day or one.at - run[-1].at > DWELL):
            found.append(_excursion(run, facts))
            run = []
        if not ok:
            run.append(one)
    if run:
        found.append(_excursion(run, facts))
    return found


def _excursion(run: Sequence[Sample], facts: Facts) -> Excursion:
    known = [(_beyond(one), one) for one in run if one.net_n is not None]
    farthest = max(known, key=lambda row: row[0])[1] if known else None
    below = farthest is not None and farthest.net_n is not None and farthest.net_n < (farthest.low_n or 0.0)
    side = "unknown" if farthest is None else "below the floor" if below else "above the cap"
    return Excursion(
        first_at=run[0].at,
        last_at=run[-1].at,
        samples=len(run),
        side=side,
        farthest_n=None if farthest is None else farthest.net_n,
        edge_n=None if farthest is None else farthest.low_n if below else farthest.high_n,
        required=any(required(one) for one in run),
        because=_because(run, facts),
    )


def _beyond(sample: Sample) -> float:
    net = sample.net_n or 0.0
    return max((sample.low_n or 0.0) - net, net - (sample.high_n or 0.0))


def _because(run: Sequence[Sample], facts: Facts) -> tuple[str, ...]:
    """What was recorded about a stretch, the most telling first."""
    first, last = run[0].at, run[-1].at
    told: list[str] = []
    missing = Counter(one.unknown for one in run if one.net_n is None and one.unknown)
    told += [f"net vega was not known: {text}" for text, _ in missing.most_common(1)]
    codes = Counter(one.code for one in facts.denied if first <= one.at <= last)
    told += [f"the gate refused {n} hedge order{'s' if n > 1 else ''} by {code}" for code, n in codes.most_common(3)]
    said = [one for one in facts.said if first - STALE <= one.at <= last and one.rule not in QUIET]
    latest = {(one.rule, one.subject): one for one in said if one.subject.startswith(("layer", "hedge"))}
    told += list(dict.fromkeys(f"{d.rule}: {d.text}" for d in latest.values() if d.verdict == "decline"))[:3]
    walks = [w for w in facts.walks if w.owner == HEDGE_OWNER and first <= w.asked_at <= last]
    if walks:
        filled = sum(w.filled_contracts > 0 for w in walks)
        told.append(f"{len(walks)} hedge orders were worked, {filled} of them filled")
    if len(told) < 2:
        waiting = [d for d in latest.values() if d.verdict == "hold" and d.rule in ("A-VEGA-2", "A-SIZE-1", "A-HARV-3")]
        told += [f"{d.rule}, {d.subject}: {d.text}" for d in waiting[-2:]]
    return tuple(told) or ("nothing was recorded about it",)
