"""The processes of the crash tests: a parent that forks gateways and bots, and a bot that kills itself at a point.

The bot is the product's own `Life`. A fuse wraps functions at its seams from outside and, at the n-th hit of one named
point, sends SIGKILL to its own process: no handler, no finally, no flush runs. Without a fuse nothing is wrapped.
One job per line of JSON on standard input, one answer per line on standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import bot.life
import bot.recover
import bot.runner
from bot import actions, latch
from bot.calendar import ExchangeCalendar
from bot.engine.state import State
from bot.ibkr.broker import IbkrBroker
from bot.ibkr.gateway import Wire
from bot.inbox import Inbox
from bot.journal.store import Journal
from bot.life import Life
from bot.settings.load import load
from bot.sim.gateway import SimulatedGateway
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.sim import SimVenue
from bot.sim.world.load import load_scenario
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.orders import OrderState
from tests.oracle import ledger as truth

ACCOUNT = "DU1234567"
DAY = date(2026, 3, 2)
LIFETIME_S = 60
"""Real seconds after which a process that hangs is ended, so that a test fails instead of waiting."""

AGREED, NEVER_AGREED = 0, 9
_WORDS = {"Submitted": "ack", "PreSubmitted": "ack", "Cancelled": "cancel_claim", "Filled": "filled_status"}


class Fuse:
    """Kills this process at the `nth` time a point is reached after it was woken."""

    def __init__(self, point: str, nth: int, *, awake: bool) -> None:
        self.awake = awake
        self._point = point
        self._left = nth
        self._wanted: dict[str, int] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._uncommitted: list[str] = []
        self._doubt = False

    def reach(self, point: str) -> None:
        if self.awake and point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    # names ---------------------------------------------------------------------------------------
    def name(self, event: ev.AnyEvent) -> str:
        """A fact in an order's words: `entry.ack`, `exit.fill`, `proof` for a snapshot while something is in doubt."""
        match event:
            case ev.OrderSent(ref=ref):
                return f"{_purpose(ref)}.sent"
            case ev.OrderStatusReported(ref=ref, status=status):
                return f"{_purpose(ref)}.{_WORDS.get(status.value, 'status')}"
            case ev.Filled(fill=fill) if fill.ref:
                key = (fill.ref, fill.con_id)
                whole = self._seen.get(key, 0) + fill.quantity >= self._wanted.get(fill.ref, 0)
                return f"{_purpose(fill.ref)}.{'fill' if whole else 'partial'}"
            case ev.BrokerSnapshot():
                return "proof" if self._doubt else "snapshot"
        return type(event).__name__

    def heed(self, envelope: ev.Envelope, result: Any) -> None:
        """What a step decided."""
        state: State = result.state
        self._doubt = bool(state.book.doubtful())
        if isinstance(envelope.event, ev.Filled) and envelope.event.fill.ref:
            fill = envelope.event.fill
            self._seen[(fill.ref, fill.con_id)] = self._seen.get((fill.ref, fill.con_id), 0) + fill.quantity  # type: ignore[index]
        for action in result.actions:
            for name in _decided(action):
                self.reach(f"{name}.decided")
            if isinstance(action, actions.Submit):
                self._wanted[action.approved.intent.ref] = action.approved.intent.quantity

    # seams ---------------------------------------------------------------------------------------
    def fit(self) -> None:
        """Wraps the seams."""
        self._fit_engine()
        self._fit_journal()
        self._fit_broker()

    def _fit_engine(self) -> None:
        step, recover, fold = bot.runner.step, bot.life.recover, bot.recover.step
        post, engage = Inbox.post, latch.engage

        def stepped(state: State, envelope: ev.Envelope) -> Any:
            self.reach(f"{self.name(envelope.event)}.appended")
            result = step(state, envelope)
            self.heed(envelope, result)
            return result

        def recovered(*args: Any) -> State:
            self.reach("recovery.begin")
            state = recover(*args)
            self.reach("recovery.end")
            return state

        def folded(state: State, envelope: ev.Envelope) -> Any:
            self.reach("recovery.fold")
            return fold(state, envelope)

        def posted(inbox: Inbox, event: ev.AnyEvent) -> None:
            self.reach(f"{self.name(event)}.received")
            post(inbox, event)

        def engaged(*args: Any, **rest: Any) -> Any:
            self.reach("latch.before")
            found = engage(*args, **rest)
            self.reach("latch.written")
            return found

        bot.runner.step, bot.life.recover, bot.recover.step = stepped, recovered, folded
        Inbox.post, latch.engage = posted, engaged  # type: ignore[method-assign]

    def _fit_journal(self) -> None:
        event, outcome, checkpoint, commit = (
            Journal.append_event,
            Journal.append_outcome,
            Journal.append_checkpoint,
            Journal.commit,
        )

        def append_event(journal: Journal, envelope: ev.Envelope) -> ev.Envelope:
            self._uncommitted.append(self.name(envelope.event))
            return event(journal, envelope)

        def append_outcome(journal: Journal, cause_seq: int, at: datetime, body: Any) -> int:
            seq = outcome(journal, cause_seq, at, body)
            for action in body.actions:
                if action["type"] == "submit":
                    self._uncommitted.append(f"{_purpose(action['intent']['ref'])}.outcome")
                    self.reach(f"{_purpose(action['intent']['ref'])}.outcome.appended")
            return seq

        def append_checkpoint(journal: Journal, at: datetime, state: bytes) -> int:
            self.reach("checkpoint.before")
            seq = checkpoint(journal, at, state)
            self._uncommitted.append("checkpoint")
            self.reach("checkpoint.appended")
            return seq

        def committed(journal: Journal, durable: bool) -> None:
            names, self._uncommitted = self._uncommitted, []
            for name in names:
                self.reach(f"{name}.before_commit")
            commit(journal, durable)
            for name in names:
                self.reach(f"{name}.committed")

        Journal.append_event, Journal.append_outcome = append_event, append_outcome  # type: ignore[method-assign]
        Journal.append_checkpoint, Journal.commit = append_checkpoint, committed  # type: ignore[method-assign]

    def _fit_broker(self) -> None:
        submit, cancel, cancel_all = IbkrBroker.submit, IbkrBroker.cancel, IbkrBroker.cancel_all
        place, wire_cancel = Wire.place, Wire.cancel

        def submitted(broker: IbkrBroker, approved: Any) -> None:
            self.reach(f"{_purpose(approved.intent.ref)}.submit")
            submit(broker, approved)

        def cancelled(broker: IbkrBroker, ref: str) -> None:
            self.reach(f"{_purpose(ref)}.cancel")
            cancel(broker, ref)

        def all_cancelled(broker: IbkrBroker) -> None:
            self.reach("cancel_all.before")
            cancel_all(broker)
            self.reach("cancel_all.written")

        def placed(wire: Wire, order_id: int, outbound: Any, **rest: Any) -> None:
            name = "what_if" if rest.get("what_if") else _purpose(outbound.order["orderRef"])
            self.reach(f"{name}.write")
            with self._halved(wire, f"{name}.half_written"):
                place(wire, order_id, outbound, **rest)
            self.reach(f"{name}.written")

        def cancel_written(wire: Wire, order_id: int) -> None:
            self.reach("cancel.write")
            wire_cancel(wire, order_id)
            self.reach("cancel.written")

        IbkrBroker.submit, IbkrBroker.cancel, IbkrBroker.cancel_all = submitted, cancelled, all_cancelled  # type: ignore[method-assign]
        Wire.place, Wire.cancel = placed, cancel_written  # type: ignore[method-assign]

    @contextlib.contextmanager
    def _halved(self, wire: Wire, point: str) -> Any:
        """While the fuse is set here, half of the message's bytes leave before the end."""
        if self._point != point:
            yield
            return
        connection = wire._client.conn
        whole = connection.sendMsg

        def half(message: bytes) -> None:
            if self._left == 1:
                connection.transport.write(message[: len(message) // 2])
            else:
                whole(message)
            self.reach(point)

        connection.sendMsg = half
        try:
            yield
        finally:
            connection.sendMsg = whole


def _purpose(ref: str) -> str:
    return ref.rsplit(".", 2)[-2]


def _decided(action: actions.Action) -> list[str]:
    match action:
        case actions.Submit(approved=approved):
            return [_purpose(approved.intent.ref)]
        case actions.Cancel(ref=ref):
            return [f"{_purpose(ref)}.cancel"]
        case actions.CancelAll():
            return ["cancel_all"]
        case actions.AskMargin():
            return ["what_if"]
    return []


class Agreement:
    """Watches a bot from inside its loop until it and the ledger say the same.

    With a fuse, that wakes it; without one the process ends when both agree again some market time later.
    """

    def __init__(self, ledger: Path, result: Path, fuse: Fuse | None, live_on_s: float, patience_s: float) -> None:
        self._ledger = ledger
        self._result = result
        self._fuse = fuse
        self._live_on_s = live_on_s
        self._patience_s = patience_s
        self._looking = False
        self._began: datetime | None = None
        self._agreed_at: datetime | None = None
        self._state = State()
        self._run_id = ""

    def __call__(self, envelope: ev.Envelope, state: State, outcome: Any) -> None:
        if isinstance(envelope.event, ev.RunStarted):
            self._run_id = state.run_id
        self._state = state
        if self._run_id and not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look, envelope.at)

    def _look(self, at: datetime) -> None:
        """Runs when the facts in hand are handled and committed."""
        self._looking = False
        if self._fuse is not None and self._fuse.awake:
            return
        self._began = self._began or at
        if (at - self._began).total_seconds() > self._patience_s:
            self._end(NEVER_AGREED, disagreements(self._state, truth.read(self._ledger)), at)
        if self._agreed_at is not None and (at - self._agreed_at).total_seconds() < self._live_on_s:
            return
        state = self._state
        if state.link.state is not LinkState.UP or state.link.synced_epoch != state.link.epoch:
            return
        if state.book.doubtful() or state.mismatch_since is not None:
            return
        if disagreements(state, truth.read(self._ledger)):
            return
        if self._fuse is not None:
            self._fuse.awake = True
            return
        if self._agreed_at is None:
            self._agreed_at = at
            return
        self._end(AGREED, [], at)

    def _end(self, code: int, texts: list[str], at: datetime) -> None:
        """The process ends as it stands: the next one has to get along with what is on disk."""
        assert self._began is not None
        after_s = ((self._agreed_at or at) - self._began).total_seconds()
        self._result.write_text(json.dumps({"texts": texts, "agreed_after_s": after_s}))
        os._exit(code)


def disagreements(state: State, true: truth.Truth) -> list[str]:
    """Where a journal's state and the venue's truth differ, in words; empty when they say the same."""
    book = state.book
    found: list[str] = []
    ours, theirs = book.positions(), true.positions()
    if ours != theirs:
        found.append(f"positions: journal {ours}, ledger {theirs}")
    live = {record.ref: record.intent.quantity - record.filled_units for record in book.live_orders()}
    working = {order.order_ref: order.remaining for order in true.live()}
    if live != working:
        found.append(f"live orders: journal {live}, ledger {working}")
    fills = {
        fill.exec_id: (fill.ref, fill.con_id, fill.side.value, fill.quantity, fill.price_points)
        for fill in book.fills.values()
    }
    executed = {e.exec_id: (e.order_ref, e.con_id, e.side, e.quantity, e.price) for e in true.executions.values()}
    if fills != executed:
        found.append(
            f"fills: only in journal {fills.keys() - executed.keys()}, only in ledger "
            f"{executed.keys() - fills.keys()}, different {[k for k in fills if fills[k] != executed.get(k)]}"
        )
    if book.commissions_usd != true.commissions:
        found.append(f"commissions: journal {book.commissions_usd}, ledger {true.commissions}")
    return found


# jobs -----------------------------------------------------------------------------------------------
def play_gateway(job: dict[str, Any], say: Callable[[str], None]) -> int:
    """A gateway over TCP with a ledger, its market held while no bot follows."""

    async def serve() -> None:
        world = load_scenario(job["world"], job["seed"])
        keeper = Ledger(job["ledger"])
        model = FillModel(**job["fills"])
        venue = SimVenue(world, accounts={ACCOUNT: 500_000.0}, ledger=keeper, seed=job["seed"], fills=model)
        gateway = SimulatedGateway(
            venue,
            world,
            speed=job["speed"],
            tick_s=job["tick_s"],
            begin=datetime.fromisoformat(job["begin"]),
            control_port=0,
        )
        await gateway.start()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.control.port)  # type: ignore[union-attr]
        writer.write(b'{"verb": "hold"}\n')
        await reader.readline()
        say(json.dumps(gateway.ready_line()))
        await stop.wait()
        writer.close()
        await gateway.stop()
        keeper.close()

    asyncio.run(serve())
    return 0


def play_bot(job: dict[str, Any], say: Callable[[str], None]) -> int:
    """A life of the bot, with a fuse or until it agrees with the ledger."""
    state_dir = Path(job["state"])
    result = state_dir / "agreement.json"
    result.unlink(missing_ok=True)
    watchers: tuple[Any, ...] = ()
    fuse: Fuse | None = None
    if job.get("fuse"):
        fuse = Fuse(*job["fuse"], awake=not job.get("agree"))
        fuse.fit()
    if job.get("agree"):
        watchers = (Agreement(Path(job["ledger"]), result, fuse, **job["agree"]),)
    if job.get("press"):
        watchers = (*watchers, _Presser())
    say("{}")
    life = Life(
        loaded=load(profile="sim", assignments=job["set"]),
        state_dir=state_dir,
        tell=lambda at, level, text: print(at, level, text, flush=True),
        watchers=watchers,
    )
    return asyncio.run(life.run()).code


class _Presser:
    """Presses the kill switch by signal once an order works."""

    def __init__(self) -> None:
        self._pressed = False

    def __call__(self, envelope: ev.Envelope, state: State, outcome: Any) -> None:
        if not self._pressed and any(o.state is OrderState.WORKING for o in state.book.live_orders()):
            self._pressed = True
            os.kill(os.getpid(), signal.SIGUSR1)


PLAYS = {"gateway": play_gateway, "bot": play_bot}


def _child(job: dict[str, Any], ready: int) -> None:
    """The forked process; never returns."""
    code = 70
    try:
        os.setsid()
        signal.alarm(LIFETIME_S)
        out = os.open(job["out"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

        def say(text: str) -> None:
            os.write(ready, text.encode() + b"\n")
            os.close(ready)

        code = PLAYS[job["play"]](job, say)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Takes jobs until standard input ends; everything it started is ended with it.

    The exchange calendar of the world's days is loaded once: each bot builds the same one, the library keeps it.
    """
    ExchangeCalendar(DAY - timedelta(days=10), DAY + timedelta(days=420))
    started: dict[int, str] = {}
    for text in sys.stdin:
        job = json.loads(text)
        answer: dict[str, Any]
        if "play" in job:
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                _child(job, writing)
            os.close(writing)
            started[pid] = job["play"]
            with os.fdopen(reading) as pipe:
                answer = {"pid": pid, "ready": json.loads(pipe.readline() or "null")}
        else:
            if "signal" in job:
                os.kill(job["pid"], job["signal"])
            _, status = os.waitpid(job["pid"], 0)
            started.pop(job["pid"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
