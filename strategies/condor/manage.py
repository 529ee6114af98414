"""What to do with an open condor: the exit rules in order, first match wins, every rule looked at leaves its verdict.

Order: a person's flattening (X-FLAT), never to expiry (C-EXIT-6), stop (C-EXIT-3), crisis (C-DEC-1 row 1), time
(C-EXIT-2), profit (C-EXIT-1), the book's decay (C-THETA-1), price threat (C-EXIT-4 into C-DEC-1 row 2), forward return
(C-EXIT-5). What none of them wants goes on to rows 3 to 7 of C-DEC-1 (`verdicts`) and to C-ADJ-1 (`narrow`).
The profit target is watched here and closed by an order of its own: a resting good-till-cancelled order at the broker
would race every other exit for the same four legs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from strategies.condor.context import Agenda, distance
from strategies.condor.filters import FEWER
from strategies.condor.machine import Condor, Side
from strategies.condor.standing import Standing, tested_side
from strategies.condor.structure import MULTIPLIER
from strategies.condor.walk import Urgency
from strategies.domain.decision import DecisionVerdict
from strategies.domain.flatten import RULE as FLATTEN
from strategies.signals.tiers import Tier

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT

_NO_CALENDAR_DAYS = 3


class Wish(StrEnum):
    """What the rules want done."""

    HOLD = "hold"
    CLOSE = "close"
    DEFEND = "defend"


class Verdict(NamedTuple):
    """The wish, the rule behind it and how far its price may go; `side` is the tested one."""

    wish: Wish
    rule: str = ""
    urgency: Urgency = Urgency.PATIENT
    side: Side | None = None


KEEP = Verdict(Wish.HOLD)


def judge(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """The first rule that wants something, with a decision noted for each rule looked at."""
    for rule in (_flatten, _expiry, _stop, _crisis, _time, _profit, _for_the_book, _threat, _forward_return):
        verdict = rule(condor, stand, agenda)
        if verdict.wish is not Wish.HOLD:
            return verdict
    _ageing(condor, stand, agenda)
    return KEEP


def judge_urgent(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """Only the rules that may overrule a closing already under way."""
    for rule in (_flatten, _expiry, _stop, _crisis):
        verdict = rule(condor, stand, agenda)
        if verdict.wish is not Wish.HOLD:
            return verdict
    return KEEP


def nearest_short_points(condor: Condor, side: Side) -> float:
    """Strike of the short nearest to the middle on one side, over all sets of legs it holds."""
    if side is Side.PUT:
        return max(lot.legs.put_short.strike_points for lot in condor.held)
    return min(lot.legs.call_short.strike_points for lot in condor.held)


def profit_holds(condor: Condor, stand: Standing, agenda: Agenda) -> bool:
    """Whether C-EXIT-1 still holds at the present mid."""
    target = agenda.ctx.params.exit.take_profit_pct_of_credit / 100.0 * (condor.credit_points or 0.0)
    return stand.profit_points is not None and stand.profit_points >= target - 1e-9


def last_moment(condor: Condor, agenda: Agenda) -> datetime | None:
    """When the condor must be flat: a clock time on the last session before its expiry.

    None while the calendar does not reach the expiry, or when that session is already over.
    """
    ctx = agenda.ctx
    sessions = ctx.calendar.sessions
    if not sessions or sessions[-1].day < condor.expiry:
        return None
    last = ctx.calendar.last_before(condor.expiry)
    if last is None or last.day < ctx.today:
        return None
    at = last.index_close_at.astimezone(ctx.local.tzinfo)
    wanted = ctx.params.exit.flat_before_expiry_at
    clock = at.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    return min(clock, at - timedelta(minutes=30))


def _flatten(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """X-FLAT: a person has ordered everything to be closed; no other rule is asked."""
    if not agenda.ctx.flattening:
        return KEEP
    agenda.note(FLATTEN, condor.id, ACT, "everything is closed on a person's order: close now")
    return Verdict(Wish.CLOSE, FLATTEN, Urgency.FIRM)


def _expiry(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-6: flat before the last trading day; without a calendar that far, from the weekend before on."""
    ctx = agenda.ctx
    flat_by = last_moment(condor, agenda)
    if flat_by is None:
        due = stand.dte_days <= _NO_CALENDAR_DAYS
    else:
        due = ctx.now >= flat_by - timedelta(minutes=ctx.params.exit.flat_lead_min)
    if not due:
        agenda.note("C-EXIT-6", condor.id, HOLD, "expiry is not near", inputs={"dte_days": stand.dte_days})
        return KEEP
    agenda.note("C-EXIT-6", condor.id, ACT, "never hold to expiry: close now", inputs={"dte_days": stand.dte_days})
    return Verdict(Wish.CLOSE, "C-EXIT-6", Urgency.FIRM)


def _stop(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-3: loss at mid beyond the multiple in two samples apart; a one-sided quote is no sample."""
    params = agenda.ctx.params.exit
    watch, now = agenda.watch(condor.id), agenda.ctx.now
    credit = condor.credit_points or 0.0
    stop = params.stop_loss_multiple_of_credit * credit
    if not stand.sampled or stand.profit_points is None:
        agenda.note("C-EXIT-3", condor.id, HOLD, "a leg has no fresh two-sided quote: no sample")
        return KEEP
    loss = -stand.profit_points
    inputs = {"loss_points": round(loss, 4), "credit_points": round(credit, 4)}
    thresholds = {"stop_loss_points": round(stop, 4), "confirm_s": params.stop_confirm_s}
    near = distance(loss, stop)
    if loss < stop - 1e-9:
        agenda.remember(condor.id, stop_at=None)
        agenda.note("C-EXIT-3", condor.id, HOLD, "loss below the stop", inputs=inputs, thresholds=thresholds, near=near)
        return KEEP
    first = watch.stop_at
    if first is None or now - first > timedelta(seconds=params.stop_sample_expires_s):
        agenda.remember(condor.id, stop_at=now)
        first = now
    if now - first < timedelta(seconds=params.stop_confirm_s):
        text = "loss beyond the stop: waiting for the second sample"
        agenda.note("C-EXIT-3", condor.id, HOLD, text, inputs=inputs, thresholds=thresholds, near=near)
        return KEEP
    text = "loss beyond the stop in two samples: close"
    agenda.note("C-EXIT-3", condor.id, ACT, text, inputs=inputs, thresholds=thresholds, near=near)
    return Verdict(Wish.CLOSE, "C-EXIT-3", Urgency.FIRM)


def _crisis(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-DEC-1 row 1: tier 3 that lasts closes condors."""
    ctx = agenda.ctx
    since, persist = ctx.crisis_since, ctx.params.exit.crisis_persist_s
    if ctx.tier is not Tier.CRISIS or since is None or ctx.now - since < timedelta(seconds=persist):
        return KEEP
    agenda.note(
        "C-DEC-1",
        condor.id,
        ACT,
        "row 1: tier 3 lasts: close",
        inputs={"row": 1, "tier": 3, "vix_points": ctx.vix_points, "front_points": ctx.curve.front_points},
        thresholds={"crisis_from_points": ctx.params.tiers.crisis_from_points, "persist_s": persist},
    )
    return Verdict(Wish.CLOSE, "C-DEC-1", Urgency.FIRM)


def _time(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-2: enough of the life has passed; gamma grows from here."""
    limit = agenda.ctx.params.exit.time_exit_dte_days
    inputs, thresholds = {"dte_days": stand.dte_days}, {"time_exit_dte_days": limit}
    near = distance(stand.dte_days, limit)
    if stand.dte_days > limit:
        agenda.note(
            "C-EXIT-2", condor.id, HOLD, "time exit not reached", inputs=inputs, thresholds=thresholds, near=near
        )
        return KEEP
    agenda.note("C-EXIT-2", condor.id, ACT, "time exit: close", inputs=inputs, thresholds=thresholds, near=near)
    return Verdict(Wish.CLOSE, "C-EXIT-2", Urgency.PATIENT)


def _profit(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-1: half the credit is earned at mid."""
    if stand.profit_points is None:
        agenda.note("C-EXIT-1", condor.id, HOLD, "quotes cannot say what closing costs")
        return KEEP
    credit = condor.credit_points or 0.0
    target = agenda.ctx.params.exit.take_profit_pct_of_credit / 100.0 * credit
    inputs = {"profit_points": round(stand.profit_points, 4), "credit_points": round(credit, 4)}
    thresholds, near = {"target_points": round(target, 4)}, distance(stand.profit_points, target)
    hit = profit_holds(condor, stand, agenda)
    text = "profit target reached: close" if hit else "profit target not reached"
    agenda.note("C-EXIT-1", condor.id, ACT if hit else HOLD, text, inputs=inputs, thresholds=thresholds, near=near)
    return Verdict(Wish.CLOSE, "C-EXIT-1", Urgency.PATIENT) if hit else KEEP


def _for_the_book(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-THETA-1: the book's decay does not pay for its margin and this condor has the least left to earn. A-VEGA-2:
    band and budgets cannot both hold and this one frees the most net vega for what it loses."""
    rule = agenda.watch(condor.id).leave_rule
    if not rule:
        return KEEP
    why = "the most decayed condor leaves: the book's decay does not pay for its margin"
    if rule == FEWER:
        why = "it leaves: net vega is below its floor and no budget has room for more hedge"
    agenda.note(rule, condor.id, ACT, why)
    return Verdict(Wish.CLOSE, rule, Urgency.PATIENT)


def _threat(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-4: a short's delta, or spot within half an expected move of it, confirmed; C-DEC-1 row 2 answers."""
    ctx, params = agenda.ctx, agenda.ctx.params.exit
    side = tested_side(stand)
    if side is None or ctx.spot_points is None or stand.put_delta is None or stand.call_delta is None:
        agenda.note("C-EXIT-4", condor.id, HOLD, "a short leg has no fresh two-sided quote: delta unknown")
        return KEEP
    delta = max(stand.put_delta, stand.call_delta)
    short_points = nearest_short_points(condor, side)
    gap = ctx.spot_points - short_points if side is Side.PUT else short_points - ctx.spot_points
    share = gap / stand.em_points if stand.em_points else None
    threat = delta >= params.short_delta_max or (share is not None and share <= params.threat_within_em)
    inputs = {
        "side": side.value,
        "short_delta": round(delta, 4),
        "distance_em": None if share is None else round(share, 4),
    }
    thresholds = {"short_delta_max": params.short_delta_max, "within_em": params.threat_within_em}
    near = distance(delta, params.short_delta_max)
    if not threat:
        agenda.remember(condor.id, threat_at=None, widen_since=None)
        agenda.note("C-EXIT-4", condor.id, HOLD, "no short is tested", inputs=inputs, thresholds=thresholds, near=near)
        return KEEP
    watch = agenda.watch(condor.id)
    first = watch.threat_at if watch.threat_strike == short_points else None
    if first is None:
        agenda.remember(condor.id, threat_at=ctx.now, threat_strike=short_points)
    if first is None or ctx.now - first < timedelta(seconds=params.threat_confirm_s):
        text = "a short is tested: waiting for the second sample"
        agenda.note("C-EXIT-4", condor.id, HOLD, text, inputs=inputs, thresholds=thresholds, near=near)
        return KEEP
    agenda.note(
        "C-EXIT-4", condor.id, ACT, "a short is tested: defend", inputs=inputs, thresholds=thresholds, near=near
    )
    return Verdict(Wish.DEFEND, "C-EXIT-4", Urgency.FIRM, side)


def _forward_return(condor: Condor, stand: Standing, agenda: Agenda) -> Verdict:
    """C-EXIT-5: what is left to earn no longer pays for the margin; judged before the close, one instant is noise."""
    ctx, params = agenda.ctx, agenda.ctx.params.exit
    if ctx.minutes_to_close() > params.irr_check_before_close_min or stand.theta_points is None:
        return KEEP
    margin = condor.max_loss_usd / (MULTIPLIER * condor.quantity) if condor.quantity > 0 else 0.0
    if margin <= 0.0:
        return KEEP
    annual = 100.0 * 365.0 * stand.theta_points / margin
    hurdle = params.risk_free_pct + params.hurdle_pct
    inputs = {"forward_return_pct": round(annual, 3), "theta_points_per_day": round(stand.theta_points, 4)}
    thresholds, near = {"hurdle_pct": hurdle}, distance(annual, hurdle)
    low = annual < hurdle
    text = "remaining theta does not pay for the margin: close" if low else "remaining theta pays for the margin"
    agenda.note("C-EXIT-5", condor.id, ACT if low else HOLD, text, inputs=inputs, thresholds=thresholds, near=near)
    return Verdict(Wish.CLOSE, "C-EXIT-5", Urgency.PATIENT) if low else KEEP


def _ageing(condor: Condor, stand: Standing, agenda: Agenda) -> None:
    """P-BE-1 while ageing warns only: the expected move shrinks with time."""
    if stand.em_points is None or stand.put_room_points is None or stand.call_room_points is None:
        return
    room = min(stand.put_room_points, stand.call_room_points) / stand.em_points
    needed = agenda.ctx.params.entry.breakeven_min_em
    text = "break-evens outside the expected move" if room >= needed else "a break-even is inside the expected move"
    agenda.note(
        "P-BE-1",
        condor.id,
        HOLD,
        text,
        inputs={"nearest_breakeven_em": round(room, 4)},
        thresholds={"breakeven_min_em": needed},
        near=distance(room, needed),
    )
