"""Keeps one connection alive: dials, checks the account, syncs, listens for silence, and dials again with patience.

Rules
- The account is checked at every connection, before anything is asked; a wrong one ends the dialling for good (C45).
- UP is reached only through a complete snapshot of this connection.
- Silence is answered by a question with a deadline; a connection that does not answer within `half_open_s` is dropped.
- Pauses between attempts double up to `reconnect_max_s` and are spread by a seeded jitter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import numpy as np

from bot.ibkr import errors
from bot.ibkr.accounts import account_problem
from bot.ibkr.errors import LinkNotice
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import DialFailed, Wire
from bot.ibkr.inbox import Inbox
from bot.ibkr.link import Link, LinkTrigger
from bot.ibkr.settings import BrokerSettings
from bot.ports import PostFact
from strategies.domain.control import LinkState
from strategies.domain.events import LinkChanged
from strategies.domain.transitions import ImpossibleEvent

_CONNECTED = frozenset({LinkState.SYNCING, LinkState.UP, LinkState.DEGRADED})
_STEADY_AFTER = 10.0
"""A connection that lasted this many first pauses was a good one: the next pause is the first again."""


class Desk(Protocol):
    """What the keeper tells the rest of the adapter."""

    def begin(self, wire: Wire, epoch: int, account: str) -> None:
        """A checked connection of the right account."""
        ...

    def end(self, reason: str) -> None:
        """That connection is over; may be told twice."""
        ...

    async def sync(self, reason: str) -> bool:
        """Takes and posts a snapshot; whether it was complete."""
        ...

    async def ping(self, deadline_s: float) -> bool:
        """Asks the gateway for the time; whether it answered."""
        ...

    def renew_lines(self) -> None:
        """Requests every quote again."""
        ...


class LinkKeeper:
    """Owner of the link state and of the wire."""

    def __init__(
        self,
        settings: BrokerSettings,
        inbox: Inbox,
        desk: Desk,
        *,
        faults: Faults,
        post_fact: PostFact,
        spawn: Callable[[Awaitable[None], str], None],
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._desk = desk
        self._faults = faults
        self._post_fact = post_fact
        self._spawn = spawn
        self._chance = np.random.default_rng(settings.seed)
        self._wire: Wire | None = None
        self._sync_number = 0
        self._overdue: asyncio.TimerHandle | None = None
        self._refused_by = ""
        self.link = Link()

    # life ----------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Dials for ever; returns only after a refused account."""
        loop = asyncio.get_running_loop()
        pause = self._settings.reconnect_initial_s
        while True:
            began = loop.time()
            if not await self._one_connection():
                return
            if loop.time() - began > _STEADY_AFTER * self._settings.reconnect_initial_s:
                pause = self._settings.reconnect_initial_s
            await asyncio.sleep(pause * (1.0 + 0.25 * float(self._chance.random())))
            pause = min(2.0 * pause, self._settings.reconnect_max_s)

    def stop(self) -> None:
        """Ends the connection in order."""
        self._cancel_overdue()
        self._fire(LinkTrigger.STOP, "stopped")
        self.drop("stopped")

    def drop(self, reason: str) -> None:
        """Gives the present connection up; `run` dials again."""
        if self._wire is not None:
            self._wire.close(reason)

    async def _one_connection(self) -> bool:
        """One attempt from dial to end; False if the account was refused."""
        settings = self._settings
        self._refused_by = ""
        self._fire(LinkTrigger.DIAL, f"dialling {settings.host}:{settings.port} as client {settings.client_id}")
        wire = self._wire = Wire(settings, self._inbox)
        try:
            try:
                await wire.dial()
            except DialFailed as error:
                self._dial_failed(error)
                return True
            return await self._live(wire)
        finally:
            wire.close("given up")
            self._wire = None
            self._cancel_overdue()

    def _dial_failed(self, error: DialFailed) -> None:
        if error.silent:
            self._faults.note("LINK-SILENT", str(error))
        self._fire(LinkTrigger.DIAL_FAILED, self._refused_by or str(error))

    async def _live(self, wire: Wire) -> bool:
        problem = account_problem(wire.accounts, self._settings.account)
        if problem is not None:
            self._faults.note("C45", problem)
            self._fire(LinkTrigger.ACCOUNT_REFUSED, f"C45: {problem}", wire)
            return False
        self._faults.begin()
        account = wire.accounts[0]
        self._fire(LinkTrigger.ACCEPTED, f"connected, account {account}", wire)
        self._desk.begin(wire, self.link.epoch, account)
        wire.closed.add_done_callback(lambda closed: self._desk.end(closed.result()))
        self._begin_sync("connected")
        trigger, reason = await self._watch(wire)
        self._desk.end(reason)
        self._fire(trigger, reason)
        return True

    async def _watch(self, wire: Wire) -> tuple[LinkTrigger, str]:
        """Returns when the connection is over or does not answer any more."""
        settings = self._settings
        heard = wire.messages_received
        while True:
            await asyncio.wait({wire.closed}, timeout=settings.heartbeat_s / 2.0)
            if wire.closed.done():
                return LinkTrigger.SOCKET_LOST, wire.closed.result()
            if wire.frame_too_long():
                return LinkTrigger.SILENT, "the gateway announced a message of impossible length"
            quiet = wire.messages_received == heard
            if quiet and not await self._desk.ping(settings.half_open_s - settings.heartbeat_s):
                if wire.closed.done():
                    return LinkTrigger.SOCKET_LOST, wire.closed.result()
                reason = f"half-open: no answer for {settings.half_open_s:g} s"
                self._faults.note("LINK-HALF-OPEN", reason)
                return LinkTrigger.SILENT, reason
            heard = wire.messages_received

    # sync ----------------------------------------------------------------------------------------
    def _begin_sync(self, reason: str) -> None:
        self._sync_number += 1
        self._spawn(self._sync(self._sync_number, reason), f"sync {self._sync_number}")

    async def _sync(self, number: int, reason: str) -> None:
        try:
            complete = await self._desk.sync(reason)
        except Exception as error:  # noqa: BLE001 - a failed snapshot must not leave the link waiting for ever
            self._faults.note("HANDLER", f"snapshot: {type(error).__name__}: {error}")
            complete = False
        syncing = self.link.state is LinkState.SYNCING
        if number != self._sync_number or not (syncing or self.link.state is LinkState.DEGRADED):
            return
        if complete:
            self._fire(LinkTrigger.SYNCED, "positions, orders and executions are known")
            return
        self._faults.note("LINK-SYNC", "the gateway did not answer a whole snapshot; connecting anew")
        self._fire(LinkTrigger.SYNC_FAILED, "the snapshot stayed incomplete")
        if syncing:
            self.drop("the snapshot stayed incomplete")

    # notices -------------------------------------------------------------------------------------
    def on_notice(self, code: int, text: str) -> bool:
        """A system code; False if it says nothing about the connection."""
        notice = errors.LINK.get(code)
        if notice is None or notice is LinkNotice.TOO_FAST:
            return False
        if notice is LinkNotice.ID_IN_USE:
            self._refused_by = f"client id {self._settings.client_id} is in use: {text}"
            self._faults.note("LINK-326", self._refused_by)
        elif notice is LinkNotice.SOCKET_MOVED:
            self._faults.note("LINK-1300", text)
            self.drop(f"1300: {text}")
        elif notice is LinkNotice.REMARK:
            if code not in errors.SILENT_REMARKS:
                self._faults.note(f"LINK-{code}", text)
        elif self.link.state in _CONNECTED or self.link.state is LinkState.CONNECTING:
            self._on_outage(notice, code, text)
        return True

    def _on_outage(self, notice: LinkNotice, code: int, text: str) -> None:
        reason = f"{code}: {text}"
        if notice is LinkNotice.UPSTREAM_LOST:
            self._fire(LinkTrigger.UPSTREAM_LOST, reason)
            if self._overdue is None:
                loop = asyncio.get_running_loop()
                self._overdue = loop.call_later(self._settings.upstream_lost_s, self._on_overdue)
        elif notice is LinkNotice.UPSTREAM_BACK:
            self._cancel_overdue()
            self._fire(LinkTrigger.UPSTREAM_BACK, reason)
            if self.link.state is LinkState.SYNCING:
                self._desk.renew_lines()
                self._begin_sync(reason)
        elif notice is LinkNotice.FARM_LOST:
            self._fire(LinkTrigger.FARM_LOST, reason, farm=errors.farm(text))
        elif notice is LinkNotice.FARM_BACK:
            was_lost = errors.farm(text) in self.link.farms_lost
            self._fire(LinkTrigger.FARM_BACK, reason, farm=errors.farm(text))
            if was_lost and self.link.state in _CONNECTED:
                self._desk.renew_lines()

    def _on_overdue(self) -> None:
        self._overdue = None
        if self.link.state is LinkState.DEGRADED and self.link.upstream_lost:
            reason = f"upstream stayed away for {self._settings.upstream_lost_s:g} s"
            self._fire(LinkTrigger.UPSTREAM_OVERDUE, reason)
            self.drop(reason)

    def _cancel_overdue(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    # state ---------------------------------------------------------------------------------------
    def _fire(self, trigger: LinkTrigger, reason: str, wire: Wire | None = None, farm: str = "") -> None:
        """Moves the link and tells of every change of state."""
        before = self.link
        try:
            self.link = before.after(trigger, farm)
        except ImpossibleEvent as error:
            self._faults.note("LINK-STATE", f"{error} ({reason})")
            return
        if self.link.state is before.state and self.link.epoch == before.epoch:
            return
        self._post_fact(
            LinkChanged(
                state=self.link.state,
                epoch=self.link.epoch,
                reason=reason,
                accounts=wire.accounts if wire is not None else (),
                server_version=wire.server_version if wire is not None else None,
            )
        )
