"""The unmodified ib_insync client against a scenario's whole gateway on virtual time, and the venue behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from ib_insync import IB  # noqa: TID251 - the client under test

from bot.sim.gateway import SimulatedGateway
from bot.sim.types import ContractSpec
from bot.sim.venue import SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.world import load_scenario

VERSIONS = (157, 176)


class Desk:
    """One client, its gateway, and short ways to say what a test wants."""

    def __init__(self, gateway: SimulatedGateway, venue: SimVenue, ib: IB) -> None:
        self.gateway = gateway
        self.venue = venue
        self.ib = ib
        self.errors: list[tuple[int, int, str]] = []
        ib.errorEvent += lambda number, code, text, contract: self.errors.append((number, code, text))

    @property
    def now(self) -> datetime:
        return self.venue.now

    def codes(self) -> list[int]:
        """Error codes since the last call, farm notices left out."""
        found = [code for _, code, _ in self.errors if not 2100 <= code < 2200]
        self.errors.clear()
        return found

    async def until(self, moment: datetime) -> None:
        """Lives on to a market time."""
        tick_s = self.gateway.clock.tick_s
        while self.venue.now < moment:
            left_s = min((moment - self.venue.now).total_seconds(), tick_s)
            await asyncio.sleep(max(left_s / self.gateway.clock.speed, 0.001))

    async def pause(self, seconds: float) -> None:
        """Lives on for market seconds."""
        await self.until(self.venue.now + timedelta(seconds=seconds))

    def spec(self, **query: object) -> ContractSpec:
        """The one contract that fits."""
        (spec,) = self.venue.find(query)
        return spec

    def option(self, days: int = 14, away: float = 0.0, right: str = "P", symbol: str = "SPX") -> ContractSpec:
        """An option of the expiry nearest after so many days, struck so far (a share of the level) from the level."""
        chain = next(c for c in self.venue.option_chains(symbol) if c[2] == {"SPX": "SPXW", "VIX": "VIX"}[symbol])
        expiry = next(e for e in chain[4] if (e - self.now.date()).days >= days)
        level = self.venue.index_level(self.spec(symbol=symbol, sec_type="IND")).last or 0.0
        specs = self.venue.find(
            {
                "symbol": symbol,
                "sec_type": "OPT",
                "expiry": f"{expiry:%Y%m%d}",
                "right": right,
                "trading_class": chain[2],
            }
        )
        return min(specs, key=lambda spec: abs((spec.strike or 0.0) - level * (1.0 + away)))


Story = Callable[[Desk], Awaitable[Any]]


def play(
    story: Story,
    *,
    scenario: str = "flip",
    day: int = 0,
    after: timedelta = timedelta(hours=1),
    tick_s: float = 15.0,
    version: int = 176,
    accounts: Mapping[str, float] | None = None,
    **options: Any,
) -> Any:
    """Connects `after` the open of a day (0 the first), plays the story; every message must have been understood."""
    world = load_scenario(scenario, 7)
    venue = SimVenue(world, accounts=accounts or {"DU1234567": 500_000.0})
    begin = world.days[day].open_at + after

    async def whole() -> Any:
        gateway = SimulatedGateway(venue, world, tick_s=tick_s, begin=begin, server_version=version, **options)
        await gateway.start()
        ib = IB()
        ib.RequestTimeout = 600
        try:
            await ib.connectAsync("127.0.0.1", gateway.port, clientId=7)
            desk = Desk(gateway, venue, ib)
            await desk.until(begin)
            return await story(desk)
        finally:
            ib.disconnect()
            await asyncio.sleep(0)
            await gateway.stop()

    with nothing_lost():
        return run_virtual(whole)


@contextmanager
def nothing_lost() -> Iterator[None]:
    """ib_insync only logs what it cannot decode and drops it: such a line fails the test."""
    lost: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if (
                text.startswith(("Error handling fields", "Error for "))
                or "Unknown reqId" in text
                or "malformed" in text
            ):
                lost.append(text)

    listener = Listener()
    logger = logging.getLogger("ib_insync")
    logger.addHandler(listener)
    quiet, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = quiet
    assert lost == []
