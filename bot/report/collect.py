"""Folds the journal's stream into what a report tells: sessions, condors, orders, fills, decisions, caps, faults.

Reads facts and recorded outcomes only and decides nothing. A reading may begin at a checkpoint, which tells what was
so before it; without one it begins with the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from bot.engine.state import State
from bot.journal import reader
from bot.recover import decode_state
from bot.report.books import Books, iso
from bot.report.changes import changed_settings
from bot.report.facts import CondorFacts, Json, Marks, SessionFacts, worth
from strategies.domain import events as ev
from strategies.domain.book import Fill, Settled
from strategies.domain.control import LinkState
from strategies.domain.hedge import SLOTS, slot_name
from strategies.domain.instruments import Index, Instrument
from strategies.domain.known import Known
from strategies.domain.market import Quote
from strategies.domain.session import MacroEvent, SessionDay, session_date

__all__ = ["Collected", "Json", "SessionFacts", "collect"]

_MINUTE_S = 60.0


class Collected:
    """The journal, or its end from a checkpoint on, folded once."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionFacts] = {}
        self.books = Books()
        self.worths: dict[int, float] = {}
        self.parameters: str = ""
        self.account: str = ""
        self.simulated = False
        self.last_at: datetime | None = None
        self.latches: dict[str, Json] = {}
        self.calendar: tuple[SessionDay, ...] = ()
        self.releases: tuple[MacroEvent, ...] = ()
        self._wanted: set[str] | None = None
        self._symbols: dict[int, str] = {}
        self._config = self._code = ""
        self._slots: dict[str, str] = {slot_name(n): "dormant" for n in SLOTS}
        self._nlv: float | None = None
        self._cash: float | None = None
        self._quoted_at: datetime | None = None
        self._down: tuple[datetime, str] | None = None
        self._compare: Json | None = None

    # beginning ----------------------------------------------------------------------------------
    def begin(self, state: State) -> None:
        """What a checkpoint says was so."""
        self.books.begin(state.book, state.condors.values(), state.market.instruments)
        self._learn(tuple(state.market.instruments.values()))
        for con_id, quote in state.market.quotes.items():
            self._note_worth(con_id, quote)
        self._slots = {slot.name: slot.state.value for slot in state.slots.values()}
        if isinstance(state.account, Known):
            self._nlv = state.account.value.net_liquidation_usd
            self._cash = state.account.value.cash_usd
        for latch in state.control.latches:
            self.latches[latch.cause] = {"at": iso(latch.at), "text": f"{latch.state.value.upper()} by {latch.who}: "
                                         f"{latch.reason}"}  # fmt: skip
        self.parameters = msgspec.json.encode(state.parameters).decode() if state.parameters is not None else ""
        self.account, self.simulated = state.expected_account, state.simulated
        self._config, self._code = state.config_hash, state.code_version
        self.calendar, self.releases = state.calendar.sessions, state.calendar.events
        if state.link.state in (LinkState.DOWN, LinkState.DEGRADED) and state.link.since is not None:
            self._down = (state.link.since, state.link.reason)

    def look_back(self, events: Iterable[ev.Envelope]) -> None:
        """The last word of an earlier session on what nobody quoted any more when it ended."""
        known = dict(self.worths)
        for envelope in events:
            if isinstance(envelope.event, ev.QuotesUpdated):
                for quote in envelope.event.quotes:
                    if quote.con_id not in known:
                        self._note_worth(quote.con_id, quote)

    def want(self, days: set[str] | None) -> None:
        """Marks by minute are kept for these sessions only; None means for all."""
        self._wanted = days

    # reading ------------------------------------------------------------------------------------
    def event(self, day: str, envelope: ev.Envelope) -> None:
        """Takes one fact."""
        session = self.sessions.get(day) or self._open(day, envelope)
        session.last_seq, session.last_at = envelope.seq, envelope.at
        session.events += 1
        self.last_at = envelope.at
        self._compare_positions()
        match envelope.event:
            case ev.QuotesUpdated(quotes=quotes):
                self._quotes(session, envelope.at, quotes)
            case ev.AccountReported() as told:
                self._account(session, envelope.at, told)
            case ev.InstrumentsLoaded(instruments=instruments):
                self.books.instruments.update({i.con_id: i for i in instruments})
                self._learn(instruments)
            case ev.Filled(fill=fill):
                self._add(session, self.books.fill(fill))
            case ev.BrokerSnapshot() as snapshot:
                self._snapshot(session, envelope.at, snapshot)
            case ev.CommissionReported(exec_id=exec_id, commission_usd=usd):
                self.books.commission(exec_id, usd)
            case ev.OrderSent(ref=ref):
                self._sent(ref, envelope.at)
            case ev.LinkChanged() as change:
                self._link(session, envelope.at, change)
            case ev.CalendarLoaded(sessions=sessions, events=releases):
                self.calendar, self.releases = sessions, releases
                self._hours(session)
            case ev.RunStarted() as started:
                self._started(session, started)
            case other:
                _trouble(session, envelope.at, other)

    def outcome(self, day: str, at: datetime, body: Json) -> None:
        """Takes what a step produced."""
        session = self.sessions[day]
        session.decisions.extend(body.get("decisions", ()))
        for verdict in body.get("verdicts", ()):
            failed = [check for check in verdict["checks"] if not check["passed"]]
            session.verdicts.append({"at": iso(at), **verdict, "checks": failed})
        for use in body.get("caps", ()):
            _cap(session, at, use)
        for move in body.get("moves", ()):
            self._move(session, at, move)
        for action in body.get("actions", ()):
            if action["type"] == "submit":
                session.orders.append(self.books.order(at, action["intent"]))
        for row in body.get("adopted", ()):
            self.books.adopt(msgspec.convert(row, Fill))
        for settled in body.get("settled", ()):
            self.books.settle(msgspec.convert(settled, Settled))
        for alert in body.get("alerts", ()):
            self._alert(session, at, alert)
        if body.get("sample"):
            session.samples.append({"at": iso(at), **body["sample"]})

    def finish(self) -> None:
        """A link that never came back was down until the last fact."""
        self._compare_positions()
        if self._down is not None and self.last_at is not None and self.sessions:
            self._blind(self.sessions[max(self.sessions)], self.last_at)

    # sessions -----------------------------------------------------------------------------------
    def _open(self, day: str, envelope: ev.Envelope) -> SessionFacts:
        marks = Marks(dict(self.worths), self._quoted_at)
        session = SessionFacts(day, envelope.seq, marks, first_at=envelope.at)
        session.config_hash, session.code_version = self._config, self._code
        session.nlv_before_usd, session.cash_before_usd = self._nlv, self._cash
        session.slots_before = dict(self._slots)
        self.sessions[day] = session
        self._hours(session)
        return session

    def _hours(self, session: SessionFacts) -> None:
        found = next((row for row in self.calendar if row.day.isoformat() == session.day), None)
        if found is not None:
            session.hours = found
        session.releases = tuple(r for r in self.releases if session_date(r.at) == session.day)

    def _started(self, session: SessionFacts, started: ev.RunStarted) -> None:
        if self.parameters and started.parameters != self.parameters:
            session.config_changes = changed_settings(self.parameters, started.parameters)
        self._config, self._code = started.config_hash, started.code_version
        session.config_hash, session.code_version = self._config, self._code
        self.parameters = started.parameters
        self.account, self.simulated = started.expected_account or self.account, started.simulated

    def _learn(self, instruments: tuple[Instrument, ...]) -> None:
        self._symbols.update({i.con_id: i.symbol for i in instruments if isinstance(i, Index)})

    def index(self, symbol: str) -> int | None:
        """The contract id of an index."""
        return next((con_id for con_id, name in self._symbols.items() if name == symbol), None)

    def risk_free_pct(self) -> float:
        """The rate the run was configured with, per cent a year."""
        told = json.loads(self.parameters) if self.parameters else {}
        return float(told.get("condor", {}).get("exit", {}).get("risk_free_pct", 4.0))

    # market -------------------------------------------------------------------------------------
    def _note_worth(self, con_id: int, quote: Quote) -> float | None:
        value = worth(quote, self.books.instruments.get(con_id))
        if value is not None:
            self.worths[con_id] = value
            self._quoted_at = quote.at if self._quoted_at is None else max(self._quoted_at, quote.at)
        return value

    def _quotes(self, session: SessionFacts, at: datetime, quotes: tuple[Quote, ...]) -> None:
        keep = self._wanted is None or session.day in self._wanted
        minute = int(at.timestamp() // _MINUTE_S)
        for quote in quotes:
            con_id = quote.con_id
            value = self._note_worth(con_id, quote)
            if value is None:
                continue
            if keep:
                session.marks.put(minute, con_id, value)
                if quote.ask is not None:
                    session.closing[con_id] = quote
            symbol = self._symbols.get(con_id)
            if symbol in ("SPX", "VIX"):
                _track(session.spx if symbol == "SPX" else session.vix, value)

    def _account(self, session: SessionFacts, at: datetime, told: ev.AccountReported) -> None:
        snapshot = told.snapshot
        if snapshot.cash_usd is not None:
            if session.cash_before_usd is None:
                session.cash_before_usd = snapshot.cash_usd
            self._cash = session.cash_end_usd = snapshot.cash_usd
        if snapshot.net_liquidation_usd is None:
            return
        self._nlv = session.nlv_end_usd = snapshot.net_liquidation_usd
        if session.nlv_start_usd is None:
            session.nlv_start_usd = snapshot.net_liquidation_usd
        session.equity.append((at, snapshot.net_liquidation_usd))

    # link and broker ----------------------------------------------------------------------------
    def _link(self, session: SessionFacts, at: datetime, change: ev.LinkChanged) -> None:
        if len(change.accounts) == 1:
            self.account = change.accounts[0]
        if change.state is LinkState.UP:
            if self._down is not None:
                session.reconnects += 1
                self._blind(session, at)
        elif change.state in (LinkState.DOWN, LinkState.DEGRADED):
            if self._down is None:
                self._down = (at, change.reason)
            code = f"LINK-{change.state.value.upper()}"
            session.faults.append({"at": iso(at), "code": code, "text": change.reason})

    def _blind(self, session: SessionFacts, until: datetime) -> None:
        assert self._down is not None
        since, reason = self._down
        session.blind_s += (until - since).total_seconds()
        flying = sum(1 for o in session.orders if o["state"] in ("sent", "working", "canceling", "unknown"))
        session.blind.append({"from": iso(since), "until": iso(until), "reason": reason, "orders_in_flight": flying})
        self._down = None

    def _snapshot(self, session: SessionFacts, at: datetime, snapshot: ev.BrokerSnapshot) -> None:
        if isinstance(snapshot.executions, Known):
            for fill in snapshot.executions.value:
                self._add(session, self.books.fill(fill))
        parts = (snapshot.positions, snapshot.open_orders, snapshot.completed_orders, snapshot.executions)
        row = {
            "at": iso(at),
            "reason": snapshot.reason,
            "complete": all(isinstance(part, Known) for part in parts),
            "open_orders": len(snapshot.open_orders.value) if isinstance(snapshot.open_orders, Known) else None,
            "differences": None,
        }
        session.snapshots.append(row)
        if isinstance(snapshot.positions, Known):
            self._compare = {"row": row, "broker": snapshot.positions.value}

    def _compare_positions(self) -> None:
        """The broker's positions against ours, once the step has booked what settled."""
        if self._compare is None:
            return
        broker, ours = self._compare["broker"], self.books.positions()
        found = {c: broker.get(c, 0) - ours.get(c, 0) for c in sorted(broker.keys() | ours.keys())}
        self._compare["row"]["differences"] = {str(c): d for c, d in found.items() if d}
        self._compare = None

    @staticmethod
    def _add(session: SessionFacts, row: Json | None) -> None:
        if row is not None:
            session.fills.append(row)

    # what the step concluded --------------------------------------------------------------------
    def _sent(self, ref: str, at: datetime) -> None:
        """The net mid at the moment of sending, from the last word on each leg."""
        order = self.books.orders.get(ref)
        if order is None:
            return
        order["sent_at"] = iso(at)
        mids = [self.worths.get(leg["con_id"]) for leg in order["legs"]]
        if None not in mids:
            signs = [leg["ratio"] * (1 if leg["action"] == "BUY" else -1) for leg in order["legs"]]
            net = sum(sign * mid for sign, mid in zip(signs, mids, strict=True) if mid is not None)
            order["mid_at_send_points"] = round(net, 4)

    def _move(self, session: SessionFacts, at: datetime, move: Json) -> None:
        if move["what"] == "condor":
            condor = self.books.condors.setdefault(move["subject"], CondorFacts(move["subject"]))
            condor.states.append({"state": move["after"], "at": iso(at)})
        elif move["what"] == "slot":
            self._slots[move["subject"]] = move["after"]
            session.slot_moves.append({"at": iso(at), "slot": move["subject"], "before": move["before"],
                                       "after": move["after"], "text": move["text"]})  # fmt: skip
        elif move["what"] == "order" and move["subject"] in self.books.orders:
            order = self.books.orders[move["subject"]]
            order["states"].append({"state": move["after"], "at": iso(at)})
            order["state"] = move["after"]
            if move["after"] == "rejected":
                told = f"{move['subject']}: {move['text'] or 'no reason was told'}"
                session.faults.append({"at": iso(at), "code": "REJECTED", "text": told})

    def _alert(self, session: SessionFacts, at: datetime, alert: Json) -> None:
        session.alerts.append({"at": iso(at), **{k: alert[k] for k in ("level", "key", "text")}})
        key = alert["key"]
        if key.startswith("latch."):
            self.latches[key.removeprefix("latch.")] = {"at": iso(at), "text": alert["text"]}
        elif key == "arm":
            self.latches.clear()


def _trouble(session: SessionFacts, at: datetime, event: ev.AnyEvent) -> None:
    """Faults and people, as rows."""
    match event:
        case ev.FaultNoted(code=code, text=text):
            session.faults.append({"at": iso(at), "code": code, "text": text})
        case ev.RequestFailed(wanted=wanted, reason=reason):
            session.faults.append({"at": iso(at), "code": "REQUEST", "text": f"{wanted}: {reason}"})
        case ev.TimerMissed(name=name):
            session.faults.append({"at": iso(at), "code": "TIMER", "text": f"missed {name}"})
        case ev.OperatorCommanded() as said:
            about, person = f"{said.subject} {said.reason}".strip(), said.approver or said.who
            session.operator.append({"at": iso(at), "verb": said.verb.value, "who": person, "reason": about})
        case ev.MacroTold(inputs=inputs, origin=origin):
            keys = ", ".join(dict.fromkeys(row.key for row in inputs)) or "none"
            session.operator.append({"at": iso(at), "verb": "macro inputs", "who": origin, "reason": keys})
        case ev.LatchFound(who=who, reason=reason):
            session.operator.append({"at": iso(at), "verb": "latch found", "who": who, "reason": reason})
        case _:
            pass


def _track(track: Json, value: float) -> None:
    track.setdefault("first", value)
    track["last"] = value
    track["low"] = min(track.get("low", value), value)
    track["high"] = max(track.get("high", value), value)


def _cap(session: SessionFacts, at: datetime, use: Json) -> None:
    """Every sample of a cap, and the moment it was nearest to being broken; unknown is counted, not guessed."""
    key = f"{use['code']} {use['name']}"
    kept = session.caps.setdefault(key, {**use, "worst": None, "at": None, "unknown": 0, "samples": []})
    used = use["used"]
    kept["last"] = used
    if used is None:
        kept["unknown"] += 1
        return
    kept["samples"].append(used)
    best = kept["worst"]
    if best is None or (used < best if use.get("floor") else used > best):
        kept.update(worst=used, at=iso(at), cap=use["cap"])


def collect(journal: Path, days: Sequence[str] = (), to_seq: int | None = None) -> Collected:
    """Folds a journal, from the checkpoint before the first of the days (none: all) to the end of the last, or to a
    record before that.

    Raises JournalError.
    """
    found = Collected()
    found.want(set(days) if days else None)
    start = 1
    if days:
        kept = reader.last_checkpoint(journal, before=days[0])
        state = None if kept is None else decode_state(kept.body)
        if kept is not None and state is not None:
            found.begin(state)
            if any(con_id not in found.worths for con_id in state.book.positions()):
                found.look_back(reader.read_events(journal, session=session_date(kept.at), to_seq=kept.seq))
            start = kept.seq + 1
    outcomes = reader.read_outcomes(journal, from_seq=start)
    waiting = next(outcomes, None)
    for envelope in reader.read_events(journal, from_seq=start, to_seq=to_seq):
        day = session_date(envelope.at)
        if days and day > days[-1]:
            break
        found.event(day, envelope)
        while waiting is not None and waiting.cause_seq <= envelope.seq:
            found.outcome(day, waiting.at, waiting.body)
            waiting = next(outcomes, None)
    found.finish()
    return found
