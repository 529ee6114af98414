"""The processes of the crash tests: a parent that forks gateways and bots, and a bot that kills itself at a point.

The bot is the product's own `Life`; without a fuse nothing in it is wrapped.
One job per line of JSON on standard input, one answer per line on standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.calendar import ExchangeCalendar
from bot.engine.state import State
from bot.life import Life
from bot.settings.load import load
from bot.sim.gateway import SimulatedGateway
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.sim import SimVenue
from bot.sim.world.load import load_scenario
from strategies.domain import events as ev
from strategies.domain.book import Fill, base_of, given_by_hand
from strategies.domain.control import LinkState
from strategies.domain.orders import OrderState
from tests.flow.crash_fuse import Fuse
from tests.oracle import ledger as truth

ACCOUNT = "DU1234567"
WORLD, SEED = str(Path(__file__).with_name("crash_days.toml")), 7
DAY = date(2026, 3, 2)
LIFETIME_S = int(os.environ.get("CRASH_LIFETIME_S", "60"))
"""Real seconds after which a process that hangs is ended, so that a test fails instead of waiting."""

AGREED, NEVER_AGREED = 0, 9


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
        if self._run_id and not self._looking and isinstance(envelope.event, ev.TimerFired):
            # Timers come with a tick and before its answer: the venue stands still until then.
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
        if any(order.state is not OrderState.WORKING for order in state.book.live_orders()):
            return  # something of ours is on its way to the venue
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
        fill.exec_id: (_order_ref(fill), fill.con_id, fill.side.value, fill.quantity, fill.price_points)
        for fill in book.fills.values()
    }
    executed = {e.exec_id: (e.order_ref, e.con_id, e.side, e.quantity, e.price) for e in true.executions.values()}
    if fills != executed:
        found.append(
            f"fills: only in journal {fills.keys() - executed.keys()}, only in ledger "
            f"{executed.keys() - fills.keys()}, different {[k for k in fills if fills[k] != executed.get(k)]}"
        )
    charged = {base_of(exec_id): usd for exec_id, usd in true.commissions.items()}
    if book.commissions_usd != charged:
        found.append(f"commissions: journal {book.commissions_usd}, ledger {charged}")
    return found


def _order_ref(fill: Fill) -> str:
    """The reference of the order as the venue has it: nothing for what others did, whoever it was given to since."""
    return "" if fill.ref is None or given_by_hand(fill.ref) is not None else fill.ref


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
        tell=_tell,
        watchers=watchers,
    )
    return asyncio.run(life.run()).code


def _tell(at: datetime, level: str, text: str) -> None:
    os.write(1, f"{at} {level} {text}\n".encode())


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
    except BaseException:  # noqa: BLE001 - whatever it was, the parent reads it in the child's output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _learn_the_past() -> None:
    """Once for all processes: the libraries keep the calendar, the simulator what was traded on the days before."""
    ExchangeCalendar(DAY - timedelta(days=10), DAY + timedelta(days=420))
    venue = SimVenue(load_scenario(WORLD, SEED), accounts={ACCOUNT: 0.0}, seed=SEED)
    for asked in ({"symbol": "VIX", "sec_type": "FUT", "include_expired": True}, {"sec_type": "STK"}):
        for spec in venue.find(asked):
            venue.past.daily_bars(spec, DAY - timedelta(days=400), DAY)


def main() -> None:
    """Takes jobs until standard input ends; everything it started is ended with it."""
    _learn_the_past()
    gc.collect()
    gc.freeze()  # no child's collector walks what all of them share
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
