"""The simulated IB Gateway as one object: world, venue, front desk, wire server and clock put together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.sim.clock import MarketClock, Tick, default_tick_s
from bot.sim.control import ControlServer
from bot.sim.desk.desk import Desk
from bot.sim.desk.rights import DataRights
from bot.sim.faults.runner import ScriptRunner
from bot.sim.faults.script import read_rows
from bot.sim.faults.stage import Stage
from bot.sim.faults.table import execute, read_call
from bot.sim.ports import Venue, World
from bot.sim.server import WireServer
from bot.sim.types import WorldEvent
from bot.sim.wire.limits import Limits
from bot.sim.wire.session import MAX_VERSION


class SimulatedGateway:
    """A gateway that clients connect to over TCP, or in memory when it runs on a VirtualLoop.

    `speed` is market seconds per loop second, `tick_s` market seconds between two looks at the market,
    `begin` where market time starts (None: fifteen minutes before the first open). Market time lives around regular
    sessions; `overnight` lives whatever trades between the first open and the last close.
    `control_port` None means no control channel, 0 takes a free port; it listens on `control_host` (None: `host`).
    `faults` are the rows of a fault script. The master client hears of every client's orders. `rights` are what market
    data the login may see.
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
        overnight: bool = False,
        server_version: int = MAX_VERSION,
        control_host: str | None = None,
        control_port: int | None = None,
        limits: Limits | None = None,
        faults: Sequence[WorldEvent] = (),
        master_client_id: int | None = None,
        rights: DataRights = DataRights.LIVE,
    ) -> None:
        """Raises ValueError for a speed, tick or version out of range, ScriptError for rows of the world or of `faults`
        that cannot be used; opens nothing yet."""
        self.venue = venue
        self.world = world
        self.host = host
        self._speed = speed
        self._tick_s = default_tick_s(speed) if tick_s is None else tick_s
        self._begin = begin
        self._overnight = overnight
        self._control_host = control_host or host
        self._control_port = control_port
        self._clock: MarketClock | None = None
        self._stage: Stage | None = None
        self._driver: asyncio.Task[None] | None = None
        bounds = limits or Limits()
        self.desk = Desk(venue, limits=bounds, master_client_id=master_client_id, rights=rights)
        self.server = WireServer(self.desk, host, port, server_version=server_version, queue_bytes=bounds.queue_bytes)
        self.control: ControlServer | None = None
        story = read_rows(world.events, world.days, None, expected=False, overnight=overnight)
        self._rows = [*story, *read_rows(faults, world.days, begin, overnight=overnight)]
        if overnight:
            venue.live_overnight()
        self._script: ScriptRunner | None = None

    # life ----------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Opens the ports and lets market time run. Raises OSError with a plain text when a port is taken."""
        loop = asyncio.get_running_loop()
        self._clock = MarketClock(
            self.world.days,
            loop_time=loop.time,
            speed=self._speed,
            tick_s=self._tick_s,
            begin=self._begin,
            overnight=self._overnight,
        )
        self._stage = Stage(self.server, self.desk, self.venue, self.world, self._clock)
        self.desk.use_clock(self._clock)
        self._script = ScriptRunner(self._rows, self._stage)
        self._script.begin()
        await self.server.start()
        if self._control_port is not None:
            self.control = ControlServer(self, self._control_host, self._control_port)
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
        if self._stage is not None:
            self._stage.timers.stop()
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
        control = f"{self._control_host}:{self.control.port}" if self.control is not None else None
        return {"host": self.host, "port": self.port, "account": self.venue.accounts[0], "control": control}

    def status(self) -> dict[str, object]:
        """Figures for the control channel and for tests."""
        return {
            "at": self.clock.now.isoformat(),
            "port": self.port,
            "phase": self.clock.phase.value,
            "tick": self.clock.tick.number,
            "clients": self.desk.client_ids(),
            "lines": self.desk.lines_in_use(),
            "unknown_requests": self.desk.unknown_requests(),
            "dropped_slow": self.server.dropped_slow,
            "refusing": self.server.refusing,
            "faults": self.stage.lasting.listed(),
            "script": self.script.listed(),
        }

    # faults --------------------------------------------------------------------------------------
    @property
    def stage(self) -> Stage:
        """What faults may reach. Raises RuntimeError before start."""
        if self._stage is None:
            raise RuntimeError("the gateway has no stage before start()")
        return self._stage

    @property
    def script(self) -> ScriptRunner:
        """The rows of world and fault script and what became of them. Raises RuntimeError before start."""
        if self._script is None:
            raise RuntimeError("the gateway plays no script before start()")
        return self._script

    def cause(self, verb: str, /, **arguments: object) -> Mapping[str, object]:
        """Does the fault of that name at once; the ledger tells it. Raises FaultError for what cannot be done."""
        return execute(self.stage, read_call(verb, arguments))

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
        self.stage.timers.tick()
        if tick.at > self.venue.now:
            self.venue.advance(tick.at)
        self.desk.tick()
        self.server.flush_all()
        self.script.tick()


def _say_if_stopped(driver: asyncio.Task[None]) -> None:
    """Market time that stops by an error must not look like a quiet market: the loop's handler reports it at once."""
    if not driver.cancelled() and (error := driver.exception()) is not None:
        context = {"message": "market time has stopped by an error", "exception": error, "task": driver}
        driver.get_loop().call_exception_handler(context)
