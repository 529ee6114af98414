"""Whether a jump of VIX or a VIX future is real or transitory, and which quotes may speak of it (D-NOISE-1).

Rules
- A jump is a move of `jump_points` within `window_s`, or since the last sample before that. It is judged `window_s`
  after it was seen: real if the median since then kept `keep_share` of it and SPX moved the other way, transitory if
  either failed. Until then, and where SPX is not known, it is UNKNOWN. Without a jump the level simply counts (TRUE).
- The word "transitory" is said at one look; from there the level is measured afresh.
- The first minutes of a session, longer on a VIX settlement morning, say nothing; nor does a crossed quote or one wider
  than `wide_multiple` times the median of the last spreads.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import median

import msgspec

from strategies.signals.indicators import Window
from strategies.signals.readings import Reading, Verdict
from strategies.signals.term_structure import PRICE_NOISE_POINTS

SPREADS_KEPT = 20
"""Last spreads whose median a new one is compared with."""


class NoiseParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of D-NOISE-1; units in the names."""

    jump_points: float = 1.0
    window_s: float = 600.0
    keep_share: float = 0.7
    sample_every_s: float = 30.0
    quiet_open_min: float = 5.0
    quiet_settlement_min: float = 15.0
    wide_multiple: float = 3.0

    def __post_init__(self) -> None:
        for name in ("jump_points", "window_s", "sample_every_s"):
            if not (math.isfinite(value := float(getattr(self, name))) and value > 0.0):
                raise ValueError(f"noise: {name} is {value:g}; it must be a number above zero")
        if not 0.0 < self.keep_share <= 1.0 or self.sample_every_s > self.window_s / 4.0:
            raise ValueError(
                f"noise: keep_share ({self.keep_share:g}) must lie between 0 and 1, and sample_every_s "
                f"({self.sample_every_s:g}) leave at least four samples in window_s ({self.window_s:g})"
            )
        if not 1.0 <= self.wide_multiple < math.inf:
            raise ValueError(f"noise: wide_multiple is {self.wide_multiple:g}; it must be a number of 1 or more")


class Seen(msgspec.Struct, frozen=True):
    """One sample: the level in points and SPX at the same moment, None when it was not known."""

    at: datetime
    points: float
    spx_points: float | None


class Jump(msgspec.Struct, frozen=True):
    """A jump under judgement: where it came from, how large it was when seen, and the levels since."""

    base: Seen
    began_at: datetime
    size_points: float
    since: tuple[float, ...]


class JumpState(msgspec.Struct, frozen=True):
    """What one series did in the last minutes; `verdict` is the word on its last jump."""

    recent: tuple[Seen, ...] = ()
    jump: Jump | None = None
    verdict: Verdict = Verdict.TRUE
    reason: str = ""
    began_at: datetime | None = None
    """When the jump began that the verdict is about."""


def quiet(at: datetime, open_at: datetime, vix_settles_today: bool, params: NoiseParams) -> str:
    """Why a moment of the session says nothing about jumps; empty when it does."""
    minutes = (at - open_at).total_seconds() / 60.0
    if vix_settles_today and minutes < params.quiet_settlement_min:
        return "VIX settlement morning"
    return "the session has just begun" if minutes < params.quiet_open_min else ""


def usable(spreads: Window, spread_points: float | None, params: NoiseParams) -> bool:
    """Whether a quote is not crossed and not much wider than the last ones were; True where its spread is not told."""
    if spread_points is None:
        return True
    known = spreads.last(SPREADS_KEPT)
    return spread_points >= 0.0 and (
        known is None or spread_points <= params.wide_multiple * median(known) + PRICE_NOISE_POINTS
    )


def follow(
    state: JumpState, at: datetime, points: float | None, spx_points: float | None, params: NoiseParams
) -> JumpState:
    """The state after one look at a series; unknown levels and looks closer than `sample_every_s` change nothing.

    Raises ValueError for a level that is no number and a look back in time.
    """
    if points is None:
        return state
    if not math.isfinite(points):
        raise ValueError(f"a level of {points!r} points is none; leave out what is not known")
    last = state.recent[-1].at if state.recent else None
    if last is not None and at < last:
        raise ValueError(f"a look at {at} cannot follow one at {last}")
    if last is not None and at - last < timedelta(seconds=params.sample_every_s):
        return state
    now = Seen(at, points, spx_points)
    if state.jump is not None:
        return _judged(state.jump, now, params)
    oldest = at - timedelta(seconds=params.window_s)
    # The newest sample from before the window is the base: across a night or a silence too, where it is older.
    before = [seen for seen in state.recent if seen.at <= oldest]
    recent = (*before[-1:], *[seen for seen in state.recent if seen.at > oldest], now)
    moved = points - recent[0].points
    if abs(moved) >= params.jump_points - PRICE_NOISE_POINTS:
        jump = Jump(recent[0], at, moved, (points,))
        return JumpState((now,), jump, Verdict.UNKNOWN, f"a jump of {moved:+.2f} points is being watched", at)
    return JumpState(recent)


def _judged(jump: Jump, now: Seen, params: NoiseParams) -> JumpState:
    """Gathers levels until the window is over, then says the word once and starts afresh from here."""
    since = (*jump.since, now.points)
    if now.at - jump.began_at < timedelta(seconds=params.window_s):
        watched = msgspec.structs.replace(jump, since=since)
        said = f"a jump of {jump.size_points:+.2f} points is being watched"
        return JumpState((now,), watched, Verdict.UNKNOWN, said, jump.began_at)
    kept = (median(since) - jump.base.points) / jump.size_points
    opposed = None
    if now.spx_points is not None and jump.base.spx_points is not None:
        opposed = (now.spx_points - jump.base.spx_points) * jump.size_points < 0.0
    if kept < params.keep_share - 1e-9:
        verdict, reason = Verdict.FALSE, f"kept {100.0 * kept:.0f} % of {jump.size_points:+.2f} points"
    elif opposed is None:
        verdict, reason = Verdict.UNKNOWN, "SPX is not known over the jump"
    elif opposed:
        verdict, reason = Verdict.TRUE, f"kept {100.0 * kept:.0f} % of {jump.size_points:+.2f} points, SPX against it"
    else:
        verdict, reason = Verdict.FALSE, "SPX did not move the other way"
    return JumpState((now,), None, verdict, reason, jump.began_at)


def noise_reading(subject: str, state: JumpState, params: NoiseParams) -> Reading:
    """D-NOISE-1 about one series; a state that saw nothing is UNKNOWN."""
    thresholds = {"jump_points": params.jump_points, "keep_share": params.keep_share, "window_s": params.window_s}
    if not state.recent:
        return Reading("D-NOISE-1", subject, Verdict.UNKNOWN, reason="nothing seen yet", thresholds=thresholds)
    last = state.recent[-1]
    values = {"level_points": last.points}
    if state.jump is not None:
        values["jump_points"] = state.jump.size_points
    return Reading(
        "D-NOISE-1", subject, state.verdict, reason=state.reason, values=values, thresholds=thresholds,
        as_of=last.at.date(), live_at=last.at,
    )  # fmt: skip
