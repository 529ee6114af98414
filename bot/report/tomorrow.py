"""What the next session brings: its hours and releases, what expires, and the rules asked today what they would do.

The dry run takes the state written down at the end of the session, moves the clock to the first entry slot of the next
one, leaves every quote where it was and asks the desk once. Nothing is sent; the answer is what would happen if nothing
changed overnight, prices included.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from bot.engine.holdings import held_by_slots
from bot.engine.state import State
from bot.report.books import iso
from bot.report.facts import Json, SessionFacts
from bot.valued import NOTHING, ahead
from strategies.desk import DeskView, decide
from strategies.domain.control import LinkState
from strategies.domain.instruments import Index, describe
from strategies.domain.market import DailyBar, Market, Quote
from strategies.domain.orders import PlaceIntent
from strategies.domain.session import NEW_YORK, SessionDay
from strategies.hedging import HedgeSeen

_ACROSS_DAYS = 4
"""Releases and expiries up to so many days after the next session are listed."""


def tomorrow(session: SessionFacts, state: State | None, caps: list[Json], *, written: bool) -> Json:
    """The section; without a state from the end of the session (written at 16:20 New York) it says so."""
    empty: Json = {
        "session": None, "open_at": None, "close_at": None, "early_close": None, "releases": [], "releases_until": None,
        "expiring": [], "asked_at": None, "decisions": [], "would_send": [], "capacity": _capacity(caps),
        "book": NOTHING, "missing": "",
    }  # fmt: skip
    if state is None or state.parameters is None or state.now is None:
        unread = "the closing state was written by other code, whose shape this one does not know"
        open_yet = "the session is not over: its closing state is written down at 16:20 New York"
        return {**empty, "missing": unread if written else open_yet}
    later = state.calendar.sessions_after(date.fromisoformat(session.day))
    if not later:
        return {**empty, "missing": "the calendar in the journal ends with this session"}
    following = later[0]
    until = following.day + timedelta(days=_ACROSS_DAYS)
    releases = [
        {"at": iso(event.at), "kind": event.kind}
        for event in state.calendar.events
        if state.now < event.at and event.at.astimezone(NEW_YORK).date() <= until
    ]
    covered = state.calendar.events_until
    found = {
        **empty,
        "session": following.day.isoformat(),
        "open_at": iso(following.open_at),
        "close_at": iso(following.close_at),
        "early_close": following.early_close,
        "releases": releases,
        "releases_until": None if covered is None else covered.isoformat(),
        "expiring": _expiring(state, until),
    }
    return {**found, **_asked(state, session, following)}


def _expiring(state: State, until: date) -> list[Json]:
    rows = []
    for con_id, quantity in sorted(state.book.positions().items()):
        contract = state.market.tradable(con_id)
        if contract is None or contract.last_trade_at.astimezone(NEW_YORK).date() > until:
            continue
        rows.append(
            {"contract": describe(contract), "quantity": quantity, "last_trade_at": iso(contract.last_trade_at)}
        )
    return rows


def _asked(state: State, session: SessionFacts, following: SessionDay) -> Json:
    """The desk's answer at the next session's first entry slot."""
    params = state.parameters
    assert params is not None
    first = params.condor.entry.window_from
    at = following.open_at.astimezone(NEW_YORK).replace(hour=first.hour, minute=first.minute, second=15)
    now = max(at, following.open_at + timedelta(minutes=5)).astimezone(following.open_at.tzinfo)
    view = DeskView(
        now=now,
        market=held_still(state.market, session, now),
        calendar=state.calendar,
        book=state.book,
        condors=state.condors,
        account=state.account,
        control=state.control,
        link=LinkState.UP,
        params=params.condor,
        desk_state=state.desk,
        alvh=params.alvh,
        signals=params.signals,
        hedge=HedgeSeen(state.slots, held_by_slots(state.book)),
        macro_inputs=state.macro_inputs,
    )
    outcome = decide(view)
    closed = msgspec.structs.replace(state, market=view.market, marks=outcome.marks)
    keys = ("rule", "subject", "verdict", "text", "inputs", "thresholds", "near")
    decisions = [msgspec.to_builtins(d) for d in outcome.decisions]
    return {
        "book": ahead(closed, now),
        "asked_at": iso(now),
        "decisions": [{key: d[key] for key in keys} for d in decisions],
        "would_send": [
            {key: getattr(i, key) for key in ("owner", "rule", "quantity", "limit_points", "text")}
            | {"purpose": i.purpose.value, "legs": _legs(i, state.market)}
            for i in outcome.intents
            if isinstance(i, PlaceIntent)
        ],
    }


def _legs(intent: PlaceIntent, market: Market) -> list[str]:
    names = []
    for leg in intent.legs:
        contract = market.tradable(leg.con_id)
        names.append(f"{leg.action.value} {leg.con_id if contract is None else describe(contract)}")
    return names


def held_still(market: Market, session: SessionFacts, now: datetime) -> Market:
    """The market as it closed, its quotes fresh again and the session's levels as the last daily bar.

    The state is written down when the broker has taken bids and offers away; those of the session's end stand in.
    """
    told = {**market.quotes, **{c: q for c, q in session.closing.items() if _silent(market.quotes.get(c))}}
    quotes = {con_id: msgspec.structs.replace(q, at=now, epoch=market.epoch) for con_id, q in told.items()}
    day, bars = date.fromisoformat(session.day), dict(market.bars)
    for instrument in market.instruments.values():
        if not isinstance(instrument, Index):
            continue
        values, known = session.marks.told(instrument.con_id)[1], bars.get(instrument.symbol, ())
        if not values or not known or known[-1].day >= day:
            continue
        bars[instrument.symbol] = (*known, DailyBar(day, values[0], max(values), min(values), values[-1]))
    return msgspec.structs.replace(market, quotes=quotes, bars=bars)


def _silent(quote: Quote | None) -> bool:
    """Whether nobody bids or offers any more."""
    return quote is None or (quote.bid is None and quote.ask is None)


def _capacity(caps: list[Json]) -> list[Json]:
    """What is left under each cap at the end of the session."""
    rows = []
    for cap in caps:
        if cap["last"] is None:
            continue
        left = cap["last"] - cap["cap"] if cap["floor"] else cap["cap"] - cap["last"]
        rows.append({"code": cap["code"], "name": cap["name"], "left": round(left, 4), "unit": cap["unit"]})
    return rows
