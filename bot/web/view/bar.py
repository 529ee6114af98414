"""The state bar: who may trade, what stopped it, link, session and what is due next."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.consent_view import describe
from bot.consent_view import lines as consent_lines
from bot.engine.state import State
from bot.masking import mask
from bot.open_view import describe as describe_open
from bot.open_view import flatten_line
from bot.status import halt_proved
from bot.web.gathered import Look
from bot.web.view.numbers import Json, clock, rounded, stamp
from strategies.domain.control import LinkState, TradingState
from strategies.domain.session import NEW_YORK, SessionDay

GOES_ON = {
    TradingState.ACTIVE: "all rules run",
    TradingState.REDUCING: "no new risk; exits go on",
    TradingState.FLATTENING: "everything is being closed; nothing else is sent",
    TradingState.HALTED: "cancels only, no exits",
}
PAUSED_GOES_ON = "no new condors; exits and hedge go on"


def bar(look: Look) -> Json:
    """`state` active|reducing|flattening|halted, `blind` without a usable link, `goes_on` what still runs, in words,
    `people` the flattening they ordered, what is asked of them and what they hold back."""
    state, now = look.state, look.at
    trading = state.control.state
    blind = state.link.state is not LinkState.UP
    paused = state.control.paused and trading is TradingState.ACTIVE
    return {
        "state": trading.value,
        "blind": blind,
        "paused": state.control.paused,
        "goes_on": PAUSED_GOES_ON if paused else GOES_ON[trading],
        "latches": [
            {"cause": x.cause, "state": x.state.value, "at": stamp(x.at), "who": x.who, "reason": x.reason}
            for x in state.control.latches
        ],
        "people": [*flatten_line(describe_open(state)["flatten"]), *consent_lines(describe(state))],
        "kill_file": state.kill_file,
        "account": mask(state.expected_account) or None,
        "simulated": state.simulated,
        "config": state.config_hash[:8],
        "run": state.run_id,
        "time": stamp(now),
        "day": now.astimezone(NEW_YORK).strftime("%a %d %b %Y"),
        "link": {
            "state": state.link.state.value,
            "reason": state.link.reason,
            "since": stamp(state.link.since),
            "reconciled": state.link.synced_epoch == state.link.epoch,
        },
        "lines": look.lines_in_use,
        "session": session(state, now),
        "next": due(state, now),
        "spx_age_s": _spx_age_s(state, now),
        "proof": proof(state),
    }


def proof(state: State) -> str | None:
    """Whether a halt is proven to have left no order; None while not halted."""
    if state.control.state is not TradingState.HALTED:
        return None
    if halt_proved(state) and state.link.state is LinkState.UP:
        return "VERIFIED: no working orders"
    if state.link.state is not LinkState.UP:
        return f"UNVERIFIED: the link is {state.link.state.value}, the broker could not be asked. Look in TWS"
    working = len(state.book.live_orders())
    if working:
        return f"UNVERIFIED: {working} orders not yet proven cancelled"
    return "UNVERIFIED: the broker has not yet shown that it holds no open order"


def session(state: State, now: datetime) -> Json:
    """`phase` open|before|after|closed with a sentence; minutes to the next edge."""
    local = now.astimezone(NEW_YORK)
    day = state.calendar.session_on(local.date())
    if day is None:
        following = state.calendar.sessions_after(local.date())
        text = f"closed; next session {following[0].open_at:%a %d %b}" if following else "closed; no session is known"
        return {"phase": "closed", "text": text, "minutes": None, "early": False}
    phase, edge, word = _phase(day, now)
    minutes = None if edge is None else (edge - now).total_seconds() / 60.0
    left = "" if minutes is None else f" {word} {clock(edge, seconds=False)} in {_span(minutes)}"
    early = " (early close)" if day.early_close else ""
    text = f"{phase}{left}{early}"
    return {"phase": phase, "text": text, "minutes": rounded(minutes, 1), "early": day.early_close}


def _phase(day: SessionDay, now: datetime) -> tuple[str, datetime | None, str]:
    if now < day.open_at:
        return "before", day.open_at, "opens"
    if now < day.close_at:
        return "open", day.close_at, "closes"
    return "after", None, ""


def _span(minutes: float) -> str:
    whole = max(0, int(minutes))
    return f"{whole // 60}h{whole % 60:02d}" if whole >= 60 else f"{whole} min"


def due(state: State, now: datetime) -> list[Json]:
    """The next moments that change what the bot may do, at most three; outside a session when the next one opens."""
    day, parameters = state.calendar.session_on(now.astimezone(NEW_YORK).date()), state.parameters
    if day is None or parameters is None or now >= day.close_at:
        later = state.calendar.sessions_after(now.astimezone(NEW_YORK).date())
        return [{"at": f"{later[0].open_at.astimezone(NEW_YORK):%a %H:%M}", "text": "options open"}] if later else []
    closes = day.index_close_at
    orders = parameters.condor.orders
    rows: list[tuple[datetime, str]] = [
        (day.open_at, "options open"),
        (closes - timedelta(minutes=parameters.limits.no_open_last_min), "last openings"),
        (closes - timedelta(minutes=orders.no_orders_before_close_min), "last condor orders"),
        (closes, "index closes"),
        (day.close_at, "options close"),
    ]
    slot = now.astimezone(NEW_YORK).replace(second=0, microsecond=0)
    slot += timedelta(minutes=30 - slot.minute % 30)
    if day.open_at + timedelta(minutes=30) <= slot < closes:
        rows.append((slot, "entry slot"))
    rows += [(event.at, event.kind) for event in state.calendar.events if event.at < day.close_at]
    coming = sorted((at, text) for at, text in rows if at > now)
    return [{"at": clock(at, seconds=False), "text": text} for at, text in coming[:3]]


def _spx_age_s(state: State, now: datetime) -> float | None:
    quote = state.market.level("SPX")
    return None if quote is None else rounded(max(0.0, quote.age_s(now)), 1)
