"""The simulated IB Gateway as one object: world, venue, front desk, wire server and clock put together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.sim.clock import MarketClock, Tick, default_tick_s
from bot.sim.control import ControlServer
from bot.sim.desk.desk import Desk
from bot.sim.ports import Venue, World
from bot.sim.scripted import ScriptedEvents
from bot.sim.server import WireServer
from bot.sim.wire.limits import Limits
from bot.sim.wire.session import MAX_VERSION


class SimulatedGateway:
    """A gateway that clients connect to over TCP, or in memory when it runs on a VirtualLoop.

    `speed` is market seconds per loop second, `tick_s` market seconds between two looks at the market,
    `begin` where market time starts (None: fifteen minutes before the first open).
    `control_port` None means no control channel, 0 takes a free port.
    """

    def __init__(
        self,
        venue: Venue,
        world: World,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float = 1.0,
        tick_s: float | None = None,
        begin: datetime | None = None,
        server_version: int = MAX_VERSION,
        control_port: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Raises ValueError for a speed, tick or version out of range; opens nothing yet."""
        self.venue = venue
        self.world = world
        self.host = host
        self._speed = speed
        self._tick_s = default_tick_s(speed) if tick_s is None else tick_s
        self._begin = begin
        self._control_port = control_port
        self._clock: MarketClock | None = None
        self._driver: asyncio.Task[None] | None = None
        bounds = limits or Limits()
        self.desk = Desk(venue, limits=bounds)
        self.server = WireServer(self.desk, host, port, server_version=server_version, queue_bytes=bounds.queue_bytes)
        self.control: ControlServer | None = None
        self._script = ScriptedEvents(world.events)

    # life ----------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Opens the ports and lets market time run. Raises OSError with a plain text when a port is taken."""
        loop = asyncio.get_running_loop()
        self._clock = MarketClock(
            self.world.days, loop_time=loop.time, speed=self._speed, tick_s=self._tick_s, begin=self._begin
        )
        self.desk.use_clock(self._clock)
        self.desk.after_order = self._plan_script
        await self.server.start()
        if self._control_port is not None:
            self.control = ControlServer(self, self.host, self._control_port)
            try:
                await self.control.start()
            except OSError:
                await self.server.stop()
                raise
        self._driver = asyncio.create_task(self._drive(self._clock), name="market-clock")
        self._driver.add_done_callback(_say_if_stopped)

    async def stop(self) -> None:
        """Stops market time, closes every connection and the ports."""
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
            self._driver = None
        if self.control is not None:
            await self.control.stop()
        await self.server.stop()

    async def wait_end(self) -> None:
        """Returns when market time has come to the end of the world; raises what stopped it before that."""
        if self._driver is None:
            raise RuntimeError("the gateway has not been started")
        await asyncio.shield(self._driver)

    # facts ---------------------------------------------------------------------------------------
    @property
    def clock(self) -> MarketClock:
        """Market time. Raises RuntimeError before start."""
        if self._clock is None:
            raise RuntimeError("the gateway has no clock before start()")
        return self._clock

    @property
    def port(self) -> int:
        """Port that clients connect to."""
        return self.server.port

    @property
    def accounts(self) -> Sequence[str]:
        """Account ids served."""
        return self.venue.accounts

    def ready_line(self) -> dict[str, object]:
        """What a starter needs to know, as printed in one JSON line when the gateway is ready."""
        control = f"{self.host}:{self.control.port}" if self.control is not None else None
        return {"host": self.host, "port": self.port, "account": self.venue.accounts[0], "control": control}

    def status(self) -> dict[str, object]:
        """Figures for the control channel and for tests."""
        return {
            "at": self.clock.now.isoformat(),
            "phase": self.clock.phase.value,
            "tick": self.clock.tick.number,
            "clients": self.desk.client_ids(),
            "lines": self.desk.lines_in_use(),
            "unknown_requests": self.desk.unknown_requests(),
            "dropped_slow": self.server.dropped_slow,
            "refusing": self.server.refusing,
        }

    # faults --------------------------------------------------------------------------------------
    def restart(self, refuse_s: float = 60.0, rollback_ids: int = 0) -> None:
        """What the nightly restart does: resets every socket and refuses connections for `refuse_s` market seconds.

        Orders, positions and executions stay in the venue; `rollback_ids` lowers the next valid order ids."""
        self.venue.record("fault", verb="restart", arguments={"refuse_s": refuse_s, "rollback_ids": rollback_ids})
        self.desk.id_rollback = rollback_ids
        self.server.refuse_for(refuse_s / self._speed)
        self.server.reset_all("gateway restart")

    def drop(self) -> None:
        """Resets every client socket; connections are taken again at once."""
        self.venue.record("fault", verb="drop", arguments={})
        self.server.reset_all("connection dropped")

    # market time ---------------------------------------------------------------------------------
    async def _drive(self, clock: MarketClock) -> None:
        loop = asyncio.get_running_loop()
        for tick in clock.schedule():
            await asyncio.sleep(max(clock.due_s(tick) - loop.time(), 0.0))
            clock.apply(tick)
            self._live(tick)
            if self.control is not None:
                await self.control.publish(tick)

    def _live(self, tick: Tick) -> None:
        if tick.at > self.venue.now:
            self.venue.advance(tick.at)
        self.desk.tick()
        self.server.flush_all()
        self._run_script()

    def _plan_script(self) -> None:
        if self._script.waiting_for_order(self.clock.now):
            asyncio.get_running_loop().call_soon(self._run_script)

    def _run_script(self) -> None:
        for event in self._script.due(self.clock.now, lambda: bool(self.venue.open_orders())):
            if event.verb == "restart":
                self.restart(event.seconds)
            elif event.verb == "drop":
                self.drop()


def _say_if_stopped(driver: asyncio.Task[None]) -> None:
    """Market time that stops by an error must not look like a quiet market: the loop's handler reports it at once."""
    if not driver.cancelled() and (error := driver.exception()) is not None:
        context = {"message": "market time has stopped by an error", "exception": error, "task": driver}
        driver.get_loop().call_exception_handler(context)
