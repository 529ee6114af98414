"""The Interactive Brokers adapter: one object behind the broker port, made of one connection and a few desks.

Handlers of the wire only take notes and post facts. A message that is lost, or a handler that fails, becomes a fault
and forces a fresh snapshot; nothing is swallowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from bot.actions import AskBars, AskChain, AskMargin, AskOptions, AskReference, AskSnapshot
from bot.ibkr import fields
from bot.ibkr.accounts import AccountFigures
from bot.ibkr.connection import LinkKeeper
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import Wire
from bot.ibkr.inbox import CURRENT_TIME
from bot.ibkr.inflow import Inflow
from bot.ibkr.marketdata import MarketData
from bot.ibkr.orders import Orders
from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane, PaceClock, Pacer
from bot.ibkr.reference import Reference
from bot.ibkr.requests import RequestExpired, RequestRefused, Requests
from bot.ibkr.settings import BrokerSettings
from bot.ibkr.snapshot import Snapshots, complete, nothing_known
from bot.ports import Clock, PostFact, PostQuote
from risk.approval import Approved
from strategies.domain.control import LinkState
from strategies.domain.events import BrokerSnapshot
from strategies.domain.instruments import Instrument

FORCED_SNAPSHOT_EVERY_S = 5.0
MOST_INCOMPLETE = 2
"""Incomplete snapshots in a row after which the connection itself is replaced."""


class IbkrBroker:
    """Implements `bot.ports.Broker` over the TWS API.

    `post_fact` and `post_quote` must not block. `kill_file_present` is asked before every order. `pacing` gives
    seconds of market time for the message budget; by default the clock's, or the loop's where that is held.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        post_fact: PostFact,
        post_quote: PostQuote,
        kill_file_present: Callable[[], bool],
        *,
        pacing: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        self._kill_file_present = kill_file_present
        self._clock = clock
        self._post_fact = post_fact
        self._tasks: set[asyncio.Task[None]] = set()
        self._wire: Wire | None = None
        self._account = ""
        self._snapshots: Snapshots | None = None
        self._requests: Requests | None = None
        self._snapshot_reasons: list[str] = []
        self._snapshots_running = False
        self._incomplete = 0
        self._forced_at = float("-inf")
        self._instruments: dict[int, Instrument] = {}
        self._faults = Faults(post_fact)
        self._pace = PaceClock()
        pacer: Pacer[Callable[[], None]] = Pacer(
            settings.messages_per_s,
            cancel_reserve=min(settings.cancel_reserve_per_s, settings.messages_per_s // 4),
            order_reserve=min(settings.order_reserve_per_s, settings.messages_per_s // 4),
            opens_per_s=settings.opens_per_s,
        )
        self._outbox = Outbox(pacer, pacing or self._market_seconds, self._handler_failed)
        self._orders = Orders(
            settings,
            outbox=self._outbox,
            faults=self._faults,
            instruments=self._instruments,
            post_fact=post_fact,
            kill_file_present=kill_file_present,
            link_up=self._link_up,
        )
        self._market = MarketData(
            settings.max_lines,
            outbox=self._outbox,
            faults=self._faults,
            instruments=self._instruments,
            post_quote=post_quote,
            now=clock.now,
        )
        self._figures = AccountFigures(self._faults, post_fact, clock.now)
        self._reference = Reference(
            settings, self._faults, self._instruments, post_fact, clock.now, self._market.models
        )
        self._inflow = Inflow(
            orders=self._orders,
            market=self._market,
            figures=self._figures,
            outbox=self._outbox,
            faults=self._faults,
            post_fact=post_fact,
            now=clock.now,
            naive_zone=fields.zone(settings.naive_zone),
            force_snapshot=self._force_snapshot,
        )
        self._keeper = LinkKeeper(
            settings, self._inflow, self, faults=self._faults, post_fact=post_fact, spawn=self._spawn
        )
        self._inflow.on_notice = self._keeper.on_notice

    # port: life ----------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begins connecting and keeps the connection alive until `stop`."""
        self._spawn(self._keeper.run(), "link")

    async def stop(self) -> None:
        """Disconnects in order; working orders stay as they are."""
        self._keeper.stop()
        self.end("stopped")
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the closed socket say goodbye

    def set_order_id_floor(self, order_id: int) -> None:
        """Order ids are given out above this one: the highest the journal ever recorded."""
        self._orders.raise_floor(order_id)

    def liquid_hours(self) -> fields.Hours | None:
        """The broker's liquid hours of SPX options by day (None: closed that day); None while nothing was told."""
        return dict(self._reference.hours) or None

    def lines_in_use(self) -> int:
        """Market data lines in use now."""
        return self._market.live

    # port: orders --------------------------------------------------------------------------------
    def submit(self, approved: Approved) -> None:
        """Redeems the ticket and writes the order; answers OrderSent or SendRefused."""
        self._orders.submit(approved)

    def cancel(self, ref: str) -> None:
        """Asks the broker to cancel our order, in the fast lane."""
        self._orders.cancel(ref)

    def cancel_all(self) -> None:
        """Global cancel, ahead of every queue, dropping our own unsent orders."""
        self._orders.cancel_all()

    # port: questions -----------------------------------------------------------------------------
    def subscribe(self, instruments: tuple[Instrument, ...]) -> None:
        """Makes the set of streaming quotes exactly this, most important first, within the line budget."""
        self._remember(instruments)
        self._market.want(instruments)

    def ask_reference(self, ask: AskReference) -> None:
        """Loads indices and VIX futures."""
        self._spawn(self._reference.indices(), "indices")
        self._spawn(self._reference.futures(), "futures")

    def ask_chain(self, ask: AskChain) -> None:
        """Loads expiries and strikes."""
        self._spawn(self._reference.chain(ask), "chain")

    def ask_options(self, ask: AskOptions) -> None:
        """Loads contracts of one expiry."""
        self._spawn(self._reference.options(ask), "options")

    def ask_bars(self, ask: AskBars) -> None:
        """Loads daily history."""
        self._spawn(self._reference.bars(ask), "bars")

    def ask_margin(self, ask: AskMargin, instruments: tuple[Instrument, ...]) -> None:
        """Asks the broker's what-if; Unknown after the deadline or a nonsense answer."""
        self._remember(instruments)
        self._spawn(self._reference.margin(ask), "margin")

    def ask_snapshot(self, ask: AskSnapshot) -> None:
        """Asks positions, open orders, completed orders and executions; requests made meanwhile become one."""
        self._snapshot_reasons.append(ask.reason)
        if not self._snapshots_running:
            self._snapshots_running = True
            self._spawn(self._snapshot_round(), "snapshot")

    # desk of the keeper --------------------------------------------------------------------------
    def begin(self, wire: Wire, epoch: int, account: str) -> None:
        """A checked connection: every desk works on it now."""
        self._wire = wire
        self._incomplete = 0
        self._requests = Requests(self._outbox)
        self._snapshots = Snapshots(
            wire,
            self._outbox,
            self._requests,
            now=self._clock.now,
            epoch=epoch,
            deadline_s=self._settings.request_timeout_s,
            urgent=self._kill_file_present,
        )
        self._inflow.begin(self._requests, self._snapshots, account)
        self._orders.begin(wire, account)
        self._reference.begin(wire, self._requests, account)
        self._figures.begin(account)
        self._market.begin(wire, epoch)
        self._account = account

    def _ask_account(self) -> None:
        """Asks for all account figures again: the stream repeats only what changed, and old figures permit nothing."""
        wire, account = self._wire, self._account
        if wire is not None:
            self._outbox.send(Lane.QUERY, lambda: wire.ask_account(account))

    def end(self, reason: str) -> None:
        """The connection is over: unsent orders are refused, open questions fail."""
        self._inflow.end()
        self._orders.end(reason)
        self._reference.end()
        self._market.end()
        self._outbox.clear()
        if self._requests is not None:
            self._requests.fail_all(reason)
        if self._snapshots is not None:
            self._snapshots.fail(reason)
        self._wire = None
        self._requests = None
        self._snapshots = None

    async def sync(self, reason: str) -> bool:
        """Takes and posts a snapshot; whether it was complete."""
        snapshots = self._snapshots
        if snapshots is None:
            self._post_fact(
                nothing_known(reason, self._keeper.link.epoch, self._clock.now(), "no connection to the gateway")
            )
            return False
        self._ask_account()
        snapshot = await snapshots.take(reason)
        self._post_fact(snapshot)
        self._count_incomplete(snapshot)
        if complete(snapshot):
            self._market.resume()
        return complete(snapshot)

    async def ping(self, deadline_s: float) -> bool:
        """Asks the gateway for the time; whether it answered."""
        wire, requests = self._wire, self._requests
        if wire is None or requests is None:
            return False
        try:
            await requests.ask(CURRENT_TIME, wire.ask_time, deadline_s)
        except (RequestExpired, RequestRefused):
            return False
        return True

    async def clock_difference_ms(self) -> float | None:
        """How far our clock is ahead of the gateway's, which is told in whole seconds; None without an answer."""
        wire, requests, deadline_s = self._wire, self._requests, self._settings.heartbeat_s
        if wire is None or requests is None or requests.waiting(CURRENT_TIME):
            return None
        try:
            told = await requests.ask(CURRENT_TIME, wire.ask_time, deadline_s)
        except (RequestExpired, RequestRefused):
            return None
        return 1000.0 * (self._clock.now().timestamp() - float(told[0]) - 0.5) if told else None

    def renew_lines(self) -> None:
        """Requests every quote again."""
        self._market.renew()

    # inside --------------------------------------------------------------------------------------
    def _market_seconds(self) -> float:
        return self._pace.read(self._clock.now().timestamp(), asyncio.get_running_loop().time())

    def _link_up(self) -> bool:
        return self._keeper.link.state is LinkState.UP

    def _remember(self, instruments: tuple[Instrument, ...]) -> None:
        self._instruments.update({instrument.con_id: instrument for instrument in instruments})

    async def _snapshot_round(self) -> None:
        """Takes snapshots until nobody asked for one meanwhile."""
        try:
            while self._snapshot_reasons:
                reason = ", ".join(dict.fromkeys(self._snapshot_reasons))
                self._snapshot_reasons = []
                await self.sync(reason)
        finally:
            self._snapshots_running = False

    def _count_incomplete(self, snapshot: BrokerSnapshot) -> None:
        self._incomplete = 0 if complete(snapshot) else self._incomplete + 1
        if self._incomplete >= MOST_INCOMPLETE and self._link_up():
            self._faults.note("LINK-SYNC", f"{self._incomplete} snapshots in a row stayed incomplete; connecting anew")
            self._keeper.drop("snapshots stayed incomplete")

    def _force_snapshot(self, reason: str) -> None:
        """At most one forced snapshot in a while: a stream of bad messages must not become a stream of questions."""
        now = asyncio.get_running_loop().time()
        if self._snapshots is not None and now - self._forced_at >= FORCED_SNAPSHOT_EVERY_S:
            self._forced_at = now
            self.ask_snapshot(AskSnapshot(reason=reason))

    def _handler_failed(self, error: Exception) -> None:
        self._faults.note("HANDLER", f"{type(error).__name__}: {error}")

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(cast(Coroutine[Any, Any, None], work))
        task.set_name(f"ibkr {name}")
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._faults.note("HANDLER", f"{task.get_name()}: {task.exception()!r}")
