"""Folds the journal's stream into what a report tells: sessions, condors, orders, fills, decisions, caps, faults.

Reads records only; knows nothing of the engine that made them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.journal import reader
from strategies.domain import events as ev
from strategies.domain.book import Fill
from strategies.domain.control import LinkState
from strategies.domain.instruments import Instrument, Option, describe
from strategies.domain.known import Known
from strategies.domain.session import session_date

Json = dict[str, Any]
_QUIET_DECISIONS = ("hold",)


@dataclass
class SessionFacts:
    """One trade date as the journal tells it. Levels in points, money in dollars, None where nothing was said."""

    day: str
    first_seq: int
    last_seq: int = 0
    config_hash: str = ""
    spx: Json = field(default_factory=dict)
    vix: Json = field(default_factory=dict)
    nlv_start_usd: float | None = None
    nlv_end_usd: float | None = None
    decisions: list[Json] = field(default_factory=list)
    verdicts: list[Json] = field(default_factory=list)
    orders: list[Json] = field(default_factory=list)
    fills: list[Json] = field(default_factory=list)
    faults: list[Json] = field(default_factory=list)
    alerts: list[Json] = field(default_factory=list)
    operator: list[Json] = field(default_factory=list)
    caps: dict[str, Json] = field(default_factory=dict)
    blind_s: float = 0.0
    reconnects: int = 0
    events: int = 0


@dataclass
class CondorFacts:
    """One condor over its whole life. `cash_usd` is what fills and settlements brought, commissions apart."""

    id: str
    states: list[Json] = field(default_factory=list)
    legs: dict[int, str] = field(default_factory=dict)
    expiry: str | None = None
    entry_units: int = 0
    entry_cash_usd: float = 0.0
    width_points: float | None = None
    multiplier: int = 100
    exit_rule: str | None = None
    cash_usd: float = 0.0
    commission_usd: float = 0.0
    held: dict[int, int] = field(default_factory=dict)


class Collected:
    """The whole journal, folded once."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionFacts] = {}
        self.condors: dict[str, CondorFacts] = {}
        self.instruments: dict[int, Instrument] = {}
        self.mids: dict[int, float] = {}
        self.orders: dict[str, Json] = {}
        self.parameters: str = ""
        self.last_at: datetime | None = None
        self._symbols: dict[int, str] = {}
        self._fills: dict[str, tuple[str, Fill]] = {}
        self._fill_rows: dict[str, Json] = {}
        self._commissions: dict[str, float] = {}
        self._down_since: datetime | None = None

    # reading --------------------------------------------------------------------------------------
    def event(self, day: str, envelope: ev.Envelope) -> None:
        """Takes one fact."""
        session = self.sessions.get(day)
        if session is None:
            session = self.sessions[day] = SessionFacts(day=day, first_seq=envelope.seq)
        session.last_seq = envelope.seq
        session.events += 1
        self.last_at = envelope.at
        match envelope.event:
            case ev.QuotesUpdated(quotes=quotes):
                for quote in quotes:
                    self._quote(session, quote.con_id, quote.level)
            case ev.AccountReported(snapshot=snapshot) if snapshot.net_liquidation_usd is not None:
                session.nlv_start_usd = session.nlv_start_usd or snapshot.net_liquidation_usd
                session.nlv_end_usd = snapshot.net_liquidation_usd
            case ev.InstrumentsLoaded(instruments=instruments):
                self.instruments.update({i.con_id: i for i in instruments})
                self._symbols.update({i.con_id: i.symbol for i in instruments if not isinstance(i, Option)})
            case ev.Filled(fill=fill):
                self._fill(session, fill)
            case ev.BrokerSnapshot(executions=Known(value=fills)):
                for fill in fills:
                    self._fill(session, fill)
            case ev.CommissionReported(exec_id=exec_id, commission_usd=usd):
                self._commission(exec_id, usd)
            case ev.LinkChanged() as change:
                self._link(session, envelope.at, change)
            case ev.FaultNoted(code=code, text=text):
                session.faults.append({"at": _iso(envelope.at), "code": code, "text": text})
            case ev.RequestFailed(wanted=wanted, reason=reason):
                session.faults.append({"at": _iso(envelope.at), "code": "REQUEST", "text": f"{wanted}: {reason}"})
            case ev.TimerMissed(name=name):
                session.faults.append({"at": _iso(envelope.at), "code": "TIMER", "text": f"missed {name}"})
            case ev.OperatorCommanded(verb=verb, who=who, reason=reason):
                session.operator.append({"at": _iso(envelope.at), "verb": verb.value, "who": who, "reason": reason})
            case ev.RunStarted(config_hash=config_hash, parameters=parameters):
                session.config_hash = config_hash
                self.parameters = parameters
            case _:
                pass

    def outcome(self, day: str, at: datetime, body: Json) -> None:
        """Takes what a step produced."""
        session = self.sessions[day]
        for decision in body.get("decisions", ()):
            session.decisions.append(decision)
        for verdict in body.get("verdicts", ()):
            session.verdicts.append({"at": _iso(at), **verdict})
        for use in body.get("caps", ()):
            self._cap(session, at, use)
        for move in body.get("moves", ()):
            self._move(session, at, move)
        for action in body.get("actions", ()):
            if action["type"] == "submit":
                self._submit(session, at, action["intent"])
        for alert in body.get("alerts", ()):
            session.alerts.append({"at": _iso(at), **alert})

    # folding --------------------------------------------------------------------------------------
    def _quote(self, session: SessionFacts, con_id: int, level: float | None) -> None:
        if level is None:
            return
        self.mids[con_id] = level
        symbol = self._symbols.get(con_id)
        track = session.spx if symbol == "SPX" else session.vix if con_id and symbol == "VIX" else None
        if track is None or (symbol == "VIX" and not _is_index(self.instruments.get(con_id))):
            return
        track.setdefault("first", level)
        track["last"] = level
        track["low"] = min(track.get("low", level), level)
        track["high"] = max(track.get("high", level), level)

    def _link(self, session: SessionFacts, at: datetime, change: ev.LinkChanged) -> None:
        if change.state is LinkState.UP:
            if self._down_since is not None:
                session.blind_s += (at - self._down_since).total_seconds()
                session.reconnects += 1
            self._down_since = None
        elif change.state in (LinkState.DOWN, LinkState.DEGRADED):
            if self._down_since is None:
                self._down_since = at
            session.faults.append({"at": _iso(at), "code": f"LINK-{change.state.value.upper()}", "text": change.reason})

    def _move(self, session: SessionFacts, at: datetime, move: Json) -> None:
        if move["what"] == "condor":
            condor = self.condors.setdefault(move["subject"], CondorFacts(move["subject"]))
            condor.states.append({"state": move["after"], "at": _iso(at), "text": move["text"]})
            if move["after"] == "settled":
                self._settle(condor)
        elif move["what"] == "order" and move["subject"] in self.orders:
            order = self.orders[move["subject"]]
            order["states"].append({"state": move["after"], "at": _iso(at)})
            order["state"] = move["after"]

    def _submit(self, session: SessionFacts, at: datetime, intent: Json) -> None:
        order = {
            "ref": intent["ref"],
            "condor": intent["owner"],
            "purpose": intent["purpose"],
            "rule": intent["rule"],
            "at": _iso(at),
            "quantity": intent["quantity"],
            "limit_points": intent["limit_points"],
            "mid_points": intent["mid_points"],
            "natural_points": intent["natural_points"],
            "attempt": intent["attempt"],
            "state": "approved",
            "states": [{"state": "approved", "at": _iso(at)}],
        }
        session.orders.append(order)
        self.orders[intent["ref"]] = order
        condor = self.condors.setdefault(intent["owner"], CondorFacts(intent["owner"]))
        if intent["purpose"] == "entry":
            self._legs(condor, intent)
        elif intent["purpose"] == "exit":
            condor.exit_rule = intent["rule"]

    def _legs(self, condor: CondorFacts, intent: Json) -> None:
        puts: list[float] = []
        for leg in intent["legs"]:
            instrument = self.instruments.get(leg["con_id"])
            name = describe(instrument) if instrument is not None else str(leg["con_id"])
            condor.legs[leg["con_id"]] = f"{leg['action']} {name}"
            if isinstance(instrument, Option):
                condor.expiry = instrument.expiry.isoformat()
                condor.multiplier = instrument.multiplier
                if not instrument.is_call:
                    puts.append(instrument.strike)
        if len(puts) == 2:
            condor.width_points = abs(puts[0] - puts[1])

    def _fill(self, session: SessionFacts, fill: Fill) -> None:
        known = self._fills.get(fill.base_id)
        if known is not None and known[1].revision >= fill.revision:
            return
        order = self.orders.get(fill.ref or "")
        condor_id = order["condor"] if order is not None else ""
        if known is not None:
            self._book(condor_id, order, known[1], -1)
        self._fills[fill.base_id] = (condor_id, fill)
        self._book(condor_id, order, fill, 1)
        instrument = self.instruments.get(fill.con_id)
        row = {
            "at": _iso(fill.at),
            "ref": fill.ref,
            "exec_id": fill.exec_id,
            "side": fill.side.value,
            "quantity": fill.quantity,
            "price_points": fill.price_points,
            "contract": describe(instrument) if instrument is not None else str(fill.con_id),
            "con_id": fill.con_id,
        }
        if known is not None:  # a correction replaces what it corrects, also in the list
            self._fill_rows[fill.base_id].update(row)
            return
        self._fill_rows[fill.base_id] = row
        session.fills.append(row)
        if condor_id in self.condors:
            self.condors[condor_id].commission_usd += self._commissions.get(fill.base_id, 0.0)

    def _book(self, condor_id: str, order: Json | None, fill: Fill, sign: int) -> None:
        condor = self.condors.get(condor_id)
        if condor is None or order is None:
            return
        condor.cash_usd += sign * fill.cash_usd
        condor.held[fill.con_id] = condor.held.get(fill.con_id, 0) + sign * fill.signed_quantity
        order["net_filled_points"] = order.get("net_filled_points", 0.0) - sign * fill.cash_usd / fill.multiplier
        order.setdefault("filled_contracts", {})
        contracts = order["filled_contracts"]
        contracts[fill.con_id] = contracts.get(fill.con_id, 0) + sign * fill.quantity
        if order["purpose"] == "entry":
            condor.entry_cash_usd += sign * fill.cash_usd
            condor.entry_units = max(abs(q) for q in condor.held.values())

    def _commission(self, exec_id: str, usd: float) -> None:
        """Commissions are told again at every reconnect, and sometimes before their execution."""
        head, _, tail = exec_id.rpartition(".")
        base = head if head and tail.isdigit() else exec_id
        before = self._commissions.get(base, 0.0)
        self._commissions[base] = usd
        condor_id = self._fills[base][0] if base in self._fills else ""
        if condor_id in self.condors:
            self.condors[condor_id].commission_usd += usd - before

    def _settle(self, condor: CondorFacts) -> None:
        """Expired legs become cash at their payoff on the last index level of the expiry's session (an estimate)."""
        session = self.sessions.get(condor.expiry or "")
        level = session.spx.get("last") if session is not None else None
        for con_id, quantity in condor.held.items():
            option = self.instruments.get(con_id)
            if level is None or not isinstance(option, Option):
                continue
            payoff = max(level - option.strike if option.is_call else option.strike - level, 0.0)
            condor.cash_usd += quantity * payoff * option.multiplier
            condor.held[con_id] = 0

    def finish(self) -> None:
        """A link that never came back was down until the last fact."""
        if self._down_since is not None and self.last_at is not None and self.sessions:
            self.sessions[max(self.sessions)].blind_s += (self.last_at - self._down_since).total_seconds()
            self._down_since = None

    @staticmethod
    def _cap(session: SessionFacts, at: datetime, use: Json) -> None:
        """Keeps the moment a cap was nearest to being broken; what is unknown is counted, not guessed."""
        worst = session.caps.setdefault(use["code"], {**use, "worst": None, "at": None, "unknown": 0})
        used = use["used"]
        if used is None:
            worst["unknown"] += 1
            return
        best = worst["worst"]
        if best is None or (used < best if use.get("floor") else used > best):
            worst.update(worst=used, at=_iso(at), cap=use["cap"])


def _is_index(instrument: Instrument | None) -> bool:
    return instrument is not None and not isinstance(instrument, Option) and not hasattr(instrument, "expiry")


def _iso(at: datetime) -> str:
    return at.isoformat()


def collect(journal: Path) -> Collected:
    """Folds every record of a journal. Raises JournalError."""
    found = Collected()
    days: dict[int, str] = {}
    outcomes = reader.read_outcomes(journal)
    waiting = next(outcomes, None)

    for envelope in reader.read_events(journal):
        day = session_date(envelope.at)
        days[envelope.seq] = day
        found.event(day, envelope)
        while waiting is not None and waiting.cause_seq <= envelope.seq:
            found.outcome(day, waiting.at, waiting.body)
            waiting = next(outcomes, None)
    found.finish()
    return found
