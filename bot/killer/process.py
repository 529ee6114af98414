"""The killer's process: keeps a connection, looks at the latch many times a second, does its duty, tells how it stands.

Everything here is real time: the killer has no market clock. It ends with SIGTERM, or when its state directory is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import instance, latch
from bot.heartbeat import NAME as HEARTBEAT
from bot.heartbeat import HeartbeatWatch
from bot.ibkr.accounts import account_problem
from bot.ibkr.gateway import DialFailed, NotWritten, Wire
from bot.ibkr.settings import BrokerSettings
from bot.killer import said
from bot.killer.absence import Absence
from bot.killer.duty import Duty, Order, Patience, Phase, Sight, act
from bot.killer.ear import Ear
from bot.masking import mask
from bot.notify.once import tell_once

STATUS = "killer.json"
LOCK = "killer.lock"
SETTLE_S = 0.2
_GONE = "it ended without an orderly stop: nothing watches stops and exits, working orders stay until the close"
_HELP = "Next: condor status; TWS shows positions; condor kill cancels through the killer; start the bot again"


@dataclass(frozen=True, slots=True)
class Spec:
    """What the killer is told: where the gateway is, which account may be stopped, whose orders are the bot's."""

    state_dir: Path
    broker: BrokerSettings
    bot_client_id: int
    patience: Patience
    poll_s: float = 0.1
    notify_file: str = ""
    notify_deadline_s: float = 20.0


class Killer:
    """One process's killer. `run` lives until stopped."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._latch = str(spec.state_dir / latch.NAME)
        self._beat = HeartbeatWatch(spec.state_dir / HEARTBEAT)
        self._duty = Duty()
        self._absence = Absence()
        self._written = ""
        self._wire: Wire | None = None
        self._ear: Ear | None = None
        self._epoch = 0
        self._link = "down: not dialled yet"
        self._seen_at_s: float | None = None
        self._first_cancel_ms: float | None = None
        self._verified_ms: float | None = None
        self._told = ""
        self._cut_since_s: float | None = None
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ends the watch; whatever works at the broker works on."""
        self._stop.set()

    async def run(self) -> None:
        """Two tasks, both owned: one keeps the connection, one looks. If either fails the process ends and says so."""
        tasks = [
            asyncio.create_task(self._keep_connected(), name="killer's connection"),
            asyncio.create_task(self._look(), name="killer's look"),
            asyncio.create_task(self._stop.wait(), name="killer's end"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._wire is not None:
                self._wire.close("the killer ends")

    # connection ----------------------------------------------------------------------------------
    async def _keep_connected(self) -> None:
        broker, pause_s = self._spec.broker, self._spec.broker.reconnect_initial_s
        while True:
            ear = Ear(self._now_s, self._spec.bot_client_id)
            wire = Wire(broker, ear)
            try:
                await wire.dial()
            except DialFailed as reason:
                self._link = f"down: {reason}"
                wire.close("not usable")
            else:
                problem = account_problem(wire.accounts, broker.account)
                if problem is None:
                    pause_s = broker.reconnect_initial_s
                    await self._serve(wire, ear)
                else:
                    self._link = f"refused: {mask(problem)}"
                    wire.close("another account")
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, broker.reconnect_max_s)

    async def _serve(self, wire: Wire, ear: Ear) -> None:
        """Until the connection ends or says nothing for too long although asked for the time."""
        self._wire, self._ear, self._epoch, self._link = wire, ear, self._epoch + 1, "up"
        self._do_duty()  # with a kill outstanding the cancel is the first thing written
        broker = self._spec.broker
        try:
            while not wire.closed.done():
                with contextlib.suppress(NotWritten):
                    wire.ask_time()
                await asyncio.wait({wire.closed}, timeout=broker.heartbeat_s)
                if self._now_s() - ear.heard_at_s > broker.half_open_s:
                    wire.close("the gateway has gone silent")
            self._link = f"down: {wire.closed.result()}"
        finally:
            self._wire = self._ear = None
            wire.close("over")

    # duty ----------------------------------------------------------------------------------------
    async def _look(self) -> None:
        while self._spec.state_dir.is_dir():
            self._do_duty()
            self._write_status()
            said.turn_over(self._spec.state_dir)
            if self._absence.begun(self._now_s(), lives=instance.holder(self._spec.state_dir) is not None):
                self._tell("the bot's process is gone", _GONE)
            await asyncio.sleep(self._spec.poll_s)

    def _tell(self, title: str, text: str) -> None:
        """Tells people what the bot cannot tell; a channel that fails takes nothing from the duty."""
        spec, ear = self._spec, self._ear
        orders = "unknown" if ear is None or ear.answered_at_s is None else str(ear.bot_orders)
        body = f"! {text}\n\nOrders of the bot last seen at the broker: {orders}. Link: {self._link}.\n{_HELP}"
        self._told = tell_once(spec.notify_file, f"[KILLER] {title}", body, spec.notify_deadline_s)

    def _do_duty(self) -> None:
        now_s, latch_ms = self._now_s(), self._latch_ms()
        silent_s = self._beat.silent_s(now_s)
        hung = silent_s is not None and silent_s >= self._spec.patience.hung_s
        lives = hung and instance.holder(self._spec.state_dir) is not None  # a bot that has ended is not hung
        ear = self._ear
        sight = Sight(
            now_s=now_s,
            latch_ms=latch_ms,
            epoch=self._epoch if self._wire is not None and self._wire.writable else None,
            answered_at_s=None if ear is None else ear.answered_at_s,
            bot_orders=0 if ear is None else ear.bot_orders,
            other_orders=0 if ear is None else ear.other_orders,
            silent_s=silent_s if lives else None,
            cut_s=self._cut_s(now_s, silent_s),
            bot_openings=0 if ear is None else ear.bot_openings,
        )
        if latch_ms != self._duty.latch_ms:
            self._seen_at_s, self._first_cancel_ms, self._verified_ms = now_s, None, None
        duty, orders = act(self._duty, sight, self._spec.patience)
        try:
            for order in orders:
                self._carry_out(order, sight)
        except NotWritten:
            return  # nothing left: the memory stays, the next look or connection tries again
        if duty.phase is Phase.VERIFIED and self._duty.phase is not Phase.VERIFIED:
            self._verified_ms = self._since_ms()
        self._duty = duty

    def _carry_out(self, order: Order, sight: Sight) -> None:
        if order is Order.ENGAGE:
            text = f"watchdog: the decision task has not moved for {sight.silent_s:.0f} s"
            latch.engage(self._latch, "killer", text, datetime.now(UTC))  # noqa: TID251 - outside of any market clock
            self._tell("HALTED: the bot hangs", f"{text}; the killer cancels everything, positions are kept")
        elif self._wire is None:
            raise NotWritten("no connection")
        elif order is Order.CANCEL_ALL:
            self._wire.cancel_everything()
            if self._first_cancel_ms is None:
                self._first_cancel_ms = self._since_ms()
        else:
            self._wire.ask_open_orders()

    def _cut_s(self, now_s: float, silent_s: float | None) -> float | None:
        """How long the bot has been gone or without its link; None while it has it, or where none has ever decided."""
        gone = silent_s is not None and (instance.holder(self._spec.state_dir) is None or self._beat.link_down())
        self._cut_since_s = (self._cut_since_s or now_s) if gone else None
        return None if self._cut_since_s is None else now_s - self._cut_since_s

    def _latch_ms(self) -> int:
        """The latch's time stamp; 1 where it is present and cannot be examined."""
        if not latch.present(self._latch):
            return 0
        return max(1, latch.changed_ms(self._latch))

    def _since_ms(self) -> float:
        return round(1000.0 * (self._now_s() - (self._seen_at_s or self._now_s())), 1)

    # telling -------------------------------------------------------------------------------------
    def describe(self) -> dict[str, Any]:
        """How the killer stands, as plain values; times are milliseconds after it saw the latch."""
        ear = self._ear
        return {
            "pid": os.getpid(),
            "phase": self._duty.phase.value,
            "link": self._link,
            "latch_ms": self._duty.latch_ms,
            "first_cancel_ms": self._first_cancel_ms,
            "verified_ms": self._verified_ms,
            "bot_orders": None if ear is None or ear.answered_at_s is None else ear.bot_orders,
            "other_orders": None if ear is None or ear.answered_at_s is None else ear.other_orders,
            "told": mask(self._told),
            "last_error": "" if ear is None else mask(ear.last_error),
        }

    def _write_status(self) -> None:
        told = json.dumps(self.describe())
        path = self._spec.state_dir / STATUS
        draft = path.with_suffix(".draft")
        with contextlib.suppress(OSError):  # telling must not stop the duty
            if told == self._written and path.exists():
                return  # a look ten times a second has seldom anything new to say
            descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(told)
            draft.replace(path)
            self._written = told

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


async def serve(spec: Spec) -> None:
    """Runs a killer until SIGTERM or SIGINT. Raises AlreadyRunning where another one watches this state."""
    with instance.acquire(spec.state_dir, LOCK):
        killer = Killer(spec)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, killer.stop)
        await killer.run()
