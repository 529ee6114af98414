"""What the bot would do now: the desk asked once on a state, each wish shown to the gate, nothing sent, nothing kept.

The same calls as in a step of the engine, on the same state; only the broker's what-if (C19) is not asked, so an order
that adds risk "would be asked about" where a step would ask the broker.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bot.engine import orders
from bot.engine.looking import desk_view
from bot.engine.permit import risk_view
from bot.engine.state import State
from bot.report.conduct import fullness
from risk import gate
from risk.utilisation import Use, utilisation
from strategies.desk import DeskOutcome, decide
from strategies.domain.instruments import describe
from strategies.domain.known import Unknown
from strategies.domain.orders import CancelIntent, PlaceIntent

Json = dict[str, Any]
FULLEST = 3
_NOT_ASKED = Unknown("a plan asks the broker nothing")


class NothingToPlan(ValueError):
    """The state has no parameters or no moment yet: no bot has run on it."""


def plan(state: State) -> Json:
    """The answer as plain values; moments are ISO in UTC, prices points per share, shares per cent. Raises
    NothingToPlan."""
    if state.parameters is None or state.now is None:
        raise NothingToPlan("the journal has no run yet: start the bot first")
    outcome = decide(desk_view(state, state.now))
    asked = msgspec.structs.replace(state, desk=outcome.desk_state, marks={**state.marks, **outcome.marks})
    return {
        "as_of": state.now.isoformat(),
        "code": state.code_version,
        "trading_state": state.control.state.value,
        "paused": state.control.paused,
        "link": state.link.state.value,
        "stops": [f"{x.cause}: {x.reason}" for x in state.control.latches],
        "orders": [_order(asked, i, state.now) for i in outcome.intents if isinstance(i, PlaceIntent)],
        "cancels": [
            {"ref": i.ref, "rule": i.rule, "text": i.text} for i in outcome.intents if isinstance(i, CancelIntent)
        ],
        "working": [o.ref for o in state.book.live_orders()],
        "decisions": _decisions(outcome),
        "caps": _fullest(_used(asked)),
    }


def _order(state: State, intent: PlaceIntent, at: datetime) -> Json:
    """One order the desk wants, the gate's word on it, and which cap would then be fullest."""
    assert state.parameters is not None
    limits = state.parameters.limits
    view = risk_view(state, _NOT_ASKED)
    reduces = gate.reduces(intent, view, limits)
    verdict = gate.preview(intent, view, limits)
    after = msgspec.structs.replace(state, book=orders.approve(state.book, intent, at))
    market = state.market
    named = {leg.con_id: market.tradable(leg.con_id) for leg in intent.legs}
    return {
        "ref": intent.ref,
        "purpose": intent.purpose.value,
        "owner": intent.owner,
        "rule": intent.rule,
        "quantity": intent.quantity,
        "limit_points": intent.limit_points,
        "legs": [
            f"{leg.action.value} {leg.ratio} {describe(c) if (c := named[leg.con_id]) is not None else leg.con_id}"
            for leg in intent.legs
        ],
        "text": intent.text,
        "permitted": verdict.approved,
        "reduces_risk": reduces,
        "asks_broker_first": verdict.approved and not reduces,
        "refused_by": verdict.code,
        "gate": verdict.text,
        "caps_after": _fullest(_used(after)),
    }


def _used(state: State) -> tuple[Use, ...]:
    assert state.parameters is not None
    return utilisation(risk_view(state, _NOT_ASKED), state.parameters.limits)


def _fullest(uses: tuple[Use, ...]) -> list[Json]:
    """The caps that bind first, fullest first; a cap whose use is unknown is not among them."""
    rows: list[Json] = []
    for use in uses:
        share = fullness({"cap": use.cap, "floor": use.floor}, use.used)
        if share is not None and use.used is not None and share > 0.0:
            rows.append(
                {"code": use.code, "name": use.name, "used": round(use.used, 4), "cap": use.cap, "unit": use.unit,
                 "full_pct": round(share, 1)}
            )  # fmt: skip
    return sorted(rows, key=lambda row: -float(row["full_pct"]))[:FULLEST]


def _decisions(outcome: DeskOutcome) -> list[Json]:
    keys = ("rule", "subject", "verdict", "text", "inputs", "thresholds", "near")
    return [{key: row[key] for key in keys} for row in (msgspec.to_builtins(d) for d in outcome.decisions)]


def lines(found: Json) -> list[str]:
    """The plan for people."""
    head = f"{found['trading_state'].upper()}{' PAUSED' if found['paused'] else ''}, link {found['link']}"
    told = [f"as of {found['as_of'][:19]}Z   {head}   nothing is sent by this command"]
    told += [f"stop    {stop}" for stop in found["stops"]]
    for order in found["orders"]:
        told += _order_lines(order)
    told += [f"cancel  {row['ref']} by {row['rule']}: {row['text']}" for row in found["cancels"]]
    if not found["orders"] and not found["cancels"]:
        told.append("send    nothing")
    told += [f"working {ref}" for ref in found["working"]]
    acting = {order["rule"] for order in found["orders"]}
    declined = [d for d in found["decisions"] if d["verdict"] == "decline"]
    held = [d for d in found["decisions"] if d["verdict"] == "hold"]
    told += [f"no      {d['rule']} {d['subject']}: {d['text']}" for d in declined if d["rule"] not in acting]
    told += [f"hold    {d['rule']} {d['subject']}: {d['text']}" for d in held]
    told += [f"cap     {_cap(row)}" for row in found["caps"]]
    return told


def _order_lines(order: Json) -> list[str]:
    price = order["limit_points"]
    money = f"pay {price:.2f}" if price > 0 else f"collect {-price:.2f}"
    word = "send   " if order["permitted"] else "refused"
    rows = [f"{word} {order['purpose']} {order['ref']} x{order['quantity']}, {money} points, by {order['rule']}"]
    rows += [f"          {leg}" for leg in order["legs"]]
    rows.append(
        f"        {order['gate']}" + ("; the broker's margin is asked first" if order["asks_broker_first"] else "")
    )
    if order["permitted"]:
        rows += [f"        fullest cap then: {_cap(row)}" for row in order["caps_after"][:1]]
    return rows


def _cap(row: Json) -> str:
    return f"{row['code']} {row['name']} {row['used']:g} of {row['cap']:g} {row['unit']} ({row['full_pct']:g} %)"
