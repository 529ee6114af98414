"""Whether a condor may be sold at all just now, before any option is looked at: C-ENTRY-5, 6, 7 and the counts.

Every filter leaves its verdict, so that "did nothing" always names its reasons.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from strategies.condor.context import Agenda, Context, distance
from strategies.condor.machine import Condor, CondorState
from strategies.condor.params import CoverageGap
from strategies.domain.account import AccountSnapshot
from strategies.domain.control import LinkState, TradingState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.known import Known, Unknown
from strategies.domain.same import Same
from strategies.domain.session import NEW_YORK, Calendar
from strategies.signals.press import press
from strategies.signals.tiers import Tier
from strategies.signals.volatility import rank_pct, realised_vol_points

HOLD, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.DECLINE
ENTRY = "entry"
FEWER = "A-VEGA-2"
"""The rule of a condor that leaves because band and budgets cannot both hold."""


class RollPermit(NamedTuple):
    """A condor closed by C-ADJ-3 that may be sold again: what closing cost per unit, in points, and how many."""

    condor_id: str
    expiry: date
    cost_points: float
    quantity: int
    rolls_used: int


class EntryTerms(NamedTuple):
    """On what terms a condor may be sold: the account's value, whether at reduced size and delta, and a roll's due.

    `only_roll`: the day's entries are used up, so that only the second half of a roll may still be sold.
    """

    nlv_usd: float
    reduced: bool
    roll: RollPermit | None = None
    only_roll: bool = False


def slot_start(ctx: Context) -> datetime | None:
    """Start of the evaluation slot whose scan is running; None outside the window and between scans."""
    entry = ctx.params.entry
    first = ctx.local.replace(hour=entry.window_from.hour, minute=entry.window_from.minute, second=0, microsecond=0)
    last = ctx.local.replace(hour=entry.window_until.hour, minute=entry.window_until.minute, second=0, microsecond=0)
    if not first <= ctx.local < last or not ctx.can_trade:
        return None
    slot = (ctx.local - first) // timedelta(minutes=entry.every_min)
    start = first + slot * timedelta(minutes=entry.every_min)
    return start if ctx.local - start < timedelta(minutes=entry.scan_min) else None


def may_enter(agenda: Agenda, account: Known[AccountSnapshot] | Unknown) -> EntryTerms | None:
    """The terms of an entry when every filter passes, else None; each filter notes its verdict."""
    controls = _controls(agenda)
    blackout = _blackout(agenda)
    volatility = _volatility(agenda)
    counts = _counts(agenda)
    if not isinstance(account, Known) or account.value.net_liquidation_usd is None:
        agenda.note("K-SIZE-1", ENTRY, DECLINE, "net liquidation value is not known")
        return None
    if not (controls and blackout and volatility and counts):
        return None
    vix = agenda.ctx.vix_points
    reduced = vix is not None and vix >= agenda.ctx.params.entry.reduced_from_vix_points
    reduced = reduced and not _pressed(agenda)
    permits = roll_permits(agenda.ctx)
    only_roll = entries_today(agenda.ctx) >= agenda.ctx.params.entry.entries_per_day
    return EntryTerms(account.value.net_liquidation_usd, reduced, permits[0] if permits else None, only_roll)


def _pressed(agenda: Agenda) -> bool:
    """C-PRESS-1: normal size one tier earlier, on the way down only: tier 1 after a front at tier 2's level."""
    ctx = agenda.ctx
    if ctx.outlook is None:
        agenda.note("C-PRESS-1", ENTRY, HOLD, "no signals yet: reduced size")
        return False
    seen = press(ctx.outlook.measures, hedged=ctx.hedge.active, rsi_high=ctx.hedge.rsi_high)
    high, level = ctx.outlook.measures.front_high_20_points, ctx.params.tiers.stress_from_points
    down = ctx.outlook.tier is Tier.WATCH and high is not None and high >= level
    holds = seen.holds and down
    text = "cash press on the way down: normal size" if holds else "no cash press on the way down: reduced size"
    agenda.note("C-PRESS-1", ENTRY, HOLD, text,
                inputs={**seen.inputs, "tier": int(ctx.outlook.tier), "front_high_20_points": high},
                thresholds={**seen.thresholds, "stress_from_points": level})  # fmt: skip
    return holds


def barred(ctx: Context) -> str:
    """What bars any entry just now beside controls and counts (C-ENTRY-5, C-ENTRY-6); empty when nothing does."""
    if not covered(ctx.calendar, ctx.today, ctx.params.entry.coverage_sessions) and (
        ctx.params.entry.coverage_gap is CoverageGap.BLOCK
    ):
        return "the events calendar ends before the coming sessions"
    return _blackout_reason(ctx) or _refused_by_volatility(ctx, *_rv_and_rank(ctx))[0]


def still_wanted(ctx: Context) -> str:
    """Why an entry already under way should stop; empty while it should not. Cheap, asked at every look."""
    entry = ctx.params.entry
    if ctx.control.state is not TradingState.ACTIVE or ctx.control.paused:
        return "entries are stopped"
    if ENTRY in ctx.control.suspended:
        return f"entries are held back: {ctx.control.suspended[ENTRY]}"
    if ctx.link is not LinkState.UP:
        return "the link is not up"
    if not ctx.can_trade or ctx.local.time() >= entry.window_until:
        return "the entry window is over"
    if ctx.vix_points is not None and ctx.vix_points >= entry.blocked_from_vix_points:
        return "VIX has risen above the entry limit"
    return ""


def _controls(agenda: Agenda) -> bool:
    """C-DEC-1 row 0: kill, pause, link or an order in doubt leave no room for new risk."""
    ctx = agenda.ctx
    text = ""
    if ctx.control.state is not TradingState.ACTIVE:
        text = "trading is not active"
    elif ctx.control.paused:
        text = "entries are paused"
    elif ENTRY in ctx.control.suspended:
        text = f"entries are held back: {ctx.control.suspended[ENTRY]}"
    elif ctx.link is not LinkState.UP:
        text = "the link is not up"
    elif any(agenda.doubtful(condor_id) for condor_id in agenda.live):
        text = "the fate of an order is unproven"
    inputs = {"trading_state": ctx.control.state.value, "paused": ctx.control.paused, "link": ctx.link.value}
    agenda.note("C-DEC-1", ENTRY, DECLINE if text else HOLD, f"row 0: {text}" if text else "controls allow an entry",
                inputs=inputs)  # fmt: skip
    return not text


def _counts(agenda: Agenda) -> bool:
    """Few condors, one a day: all of them are one bet (K-SIZE-3)."""
    ctx, entry = agenda.ctx, agenda.ctx.params.entry
    open_now = sum(1 for c in ctx.condors.values() if c.active)
    today = entries_today(ctx)
    text = ""
    if open_now >= entry.max_open:
        text = "as many condors open as allowed"
    elif today >= entry.entries_per_day and not roll_permits(ctx):
        text = "as many entries today as allowed"
    elif reduced_today(ctx):
        text = "a condor left today because band and budgets could not both hold (A-VEGA-2)"
    agenda.note(
        "K-SIZE-3",
        ENTRY,
        DECLINE if text else HOLD,
        text or "room for another condor",
        inputs={"open": open_now, "entries_today": today},
        thresholds={"max_open": entry.max_open, "entries_per_day": entry.entries_per_day},
    )
    return not text


def reduced_today(ctx: Context) -> bool:
    """Whether A-VEGA-2 made a condor leave today, or makes one leave now: none is sold in its place this session."""
    return any(
        c.exit_rule == FEWER
        and (c.active or (c.closed_at is not None and c.closed_at.astimezone(NEW_YORK).date() == ctx.today))
        for c in ctx.condors.values()
    )


def entries_today(ctx: Context) -> int:
    """Condors sold or being sold today, rolls apart."""
    return _entered_on(Same(ctx.condors), ctx.today)


@lru_cache(maxsize=8)
def _entered_on(seen: Same[dict[str, Condor]], day: date) -> int:
    """Every look asks about all condors of the run; they change a few times a day."""
    return sum(
        1
        for c in seen.value.values()
        if c.state is not CondorState.ABANDONED
        and c.rolled_from is None
        and c.proposed_at.astimezone(NEW_YORK).date() == day
    )


def roll_permits(ctx: Context) -> tuple[RollPermit, ...]:
    """Roll-outs whose second half is still due: closed a short while ago and not sold again yet."""
    adjust = ctx.params.adjust
    taken = {c.rolled_from for c in ctx.condors.values() if c.state is not CondorState.ABANDONED}
    past = bisect_right(ctx.calendar.days, ctx.today)
    oldest = ctx.calendar.days[past - 1 - adjust.roll_sessions] if past > adjust.roll_sessions else None
    permits = []
    for condor in ctx.condors.values():
        if condor.state is not CondorState.CLOSED or condor.exit_rule != "C-ADJ-3" or condor.id in taken:
            continue
        closed = condor.closed_at.astimezone(NEW_YORK).date() if condor.closed_at is not None else None
        if closed is None or closed > ctx.today or (oldest is not None and closed < oldest):
            continue
        if oldest is None and closed != ctx.today:
            continue
        units, cost = condor.exit_cost()
        if units > 0 and condor.rolls_used < adjust.max_rolls:
            permits.append(RollPermit(condor.id, condor.expiry, cost, units, condor.rolls_used))
    return tuple(permits)


def _volatility(agenda: Agenda) -> bool:
    """C-ENTRY-5: rank, VIX over realised, curve regime, tier and level, in one verdict."""
    ctx, entry = agenda.ctx, agenda.ctx.params.entry
    rv, rank = _rv_and_rank(ctx)
    text, near = _refused_by_volatility(ctx, rv, rank)
    agenda.note(
        "C-ENTRY-5",
        ENTRY,
        DECLINE if text else HOLD,
        text or "volatility, curve and tier allow an entry",
        inputs={
            "vix_points": ctx.vix_points,
            "rv20_points": None if rv is None else round(rv, 3),
            "iv_rank_pct": None if rank is None else round(rank, 2),
            "regime": ctx.regime.value,
            "curve_reading": ctx.curve.regime.value,
            "curve_reason": ctx.curve.reason,
            "slope_pct_month": None if ctx.curve.slope_pct_month is None else round(ctx.curve.slope_pct_month, 3),
            "tier": None if ctx.tier is None else int(ctx.tier),
        },
        thresholds={
            "rank_min_pct": entry.rank_min_pct,
            "blocked_from_vix_points": entry.blocked_from_vix_points,
            "reduced_from_vix_points": entry.reduced_from_vix_points,
            "tier_max": 1,
        },
        near=near,
    )
    return not text


def _rv_and_rank(ctx: Context) -> tuple[float | None, float | None]:
    """Realised volatility of SPX in points and the rank of VIX in percent; None while unknown."""
    entry = ctx.params.entry
    rv = realised_vol_points(ctx.market.bars.get("SPX", ()), entry.rv_sessions)
    if ctx.vix_points is None:
        return rv, None
    bars = ctx.market.bars.get("VIX", ())
    return rv, rank_pct(bars, ctx.vix_points, entry.rank_window_sessions, entry.rank_fewest_sessions)


def _refused_by_volatility(ctx: Context, rv: float | None, rank: float | None) -> tuple[str, float | None]:
    entry, vix = ctx.params.entry, ctx.vix_points
    if vix is None:
        return "VIX is not known", None
    if vix >= entry.blocked_from_vix_points:
        return "VIX is above the entry limit", distance(vix, entry.blocked_from_vix_points)
    if rank is None:
        return "too few VIX closes for a rank", None
    if rank < entry.rank_min_pct:
        return "implied volatility ranks too low", distance(rank, entry.rank_min_pct)
    if rv is None:
        return "too few SPX closes for realised volatility", None
    if vix <= rv:
        return "VIX does not exceed realised volatility", distance(vix, rv)
    if not ctx.regime.calm:
        return f"the futures curve is {ctx.regime.value}", None
    if ctx.tier is None or ctx.tier > Tier.WATCH:
        return "the stress tier is above 1", None
    return "", min(distance(vix, entry.blocked_from_vix_points) or 1.0, distance(vix, rv) or 1.0)


def _blackout(agenda: Agenda) -> bool:
    """C-ENTRY-6: no entries near releases, expiries and half-days, nor without a calendar that reaches far enough."""
    ctx = agenda.ctx
    text = _blackout_reason(ctx)
    reaches = covered(ctx.calendar, ctx.today, ctx.params.entry.coverage_sessions)
    if not text and not reaches and ctx.params.entry.coverage_gap is CoverageGap.BLOCK:
        text = "MACRO_CALENDAR_STALE: the events calendar ends before the coming sessions"
    elif not text and not reaches:
        text = "no blackout known; MACRO_CALENDAR_STALE: the events calendar ends too early (warning)"
        agenda.note("C-ENTRY-6", ENTRY, HOLD, text)
        return True
    until = ctx.calendar.events_until
    agenda.note(
        "C-ENTRY-6",
        ENTRY,
        DECLINE if text else HOLD,
        text or "no blackout",
        inputs={"events_until": None if until is None else until.isoformat()},
        thresholds={"coverage_sessions": ctx.params.entry.coverage_sessions},
    )
    return not text


def covered(calendar: Calendar, today: date, sessions: int) -> bool:
    """Whether the list of events reaches over the coming sessions; unknown sessions or no list mean it does not."""
    coming = calendar.sessions_after(today)[:sessions]
    until = calendar.events_until
    return bool(coming) and until is not None and until >= coming[-1].day


def _blackout_reason(ctx: Context) -> str:
    entry = ctx.params.entry
    if ctx.session is None or ctx.session.early_close:
        return "half-day" if ctx.session is not None else "no session"
    if _quarterly_expiry(ctx.today, Same(ctx.calendar.days)):
        return "quarterly expiry day"
    settles = any(f.expiry == ctx.today for f in ctx.futures)
    if settles and ctx.local.hour < 10:
        return "VIX settlement morning"
    after = timedelta(minutes=entry.blackout_after_min)
    for event in ctx.calendar.events:
        kind = event.kind.upper().replace(" ", "_")
        if ctx.now > event.at + after:
            continue
        day = event.at.astimezone(NEW_YORK).date()
        if kind in entry.blackout_kinds:
            last = ctx.calendar.last_before(day)
            if ctx.today >= (day - timedelta(days=1) if last is None else last.day):
                return f"{kind} is within a session"
        elif kind in entry.blackout_hours and event.at - ctx.now <= timedelta(hours=entry.blackout_hours[kind]):
            return f"{kind} is near"
    return ""


@lru_cache(maxsize=8)
def _quarterly_expiry(today: date, seen: Same[tuple[date, ...]]) -> bool:
    return quarterly_expiry(today, set(seen.value))


def quarterly_expiry(today: date, sessions: set[date]) -> bool:
    """Third Friday of March, June, September, December, or the session before it where that Friday is closed."""
    if today.month % 3 != 0:
        return False
    first = today.replace(day=1)
    friday = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
    if friday in sessions or not sessions or max(sessions) < friday:
        return today == friday
    return today == max((d for d in sessions if d < friday), default=friday)
