"""The simulated venue: one object that is exchange and broker to everything above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.sim.types import VenueListener, World
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel


class SimVenue:
    """Implements `bot.sim.types.Venue` over a world. Being filled in: signature is final."""

    def __init__(
        self,
        world: World,
        *,
        accounts: Mapping[str, float] = {"DU1234567": 500_000.0},
        ledger: Ledger | None = None,
        seed: int = 7,
        fills: FillModel | None = None,
        start: datetime | None = None,
    ) -> None:
        self._world = world
        self._accounts = dict(accounts)
        self._ledger = ledger or Ledger()
        self._now = start or world.days[0].open_at
        self._listeners: list[VenueListener] = []

    @property
    def now(self) -> datetime:
        """Venue time."""
        return self._now

    @property
    def accounts(self) -> Sequence[str]:
        """Account ids."""
        return tuple(self._accounts)

    def subscribe(self, listener: VenueListener) -> None:
        """Registers the listener."""
        self._listeners.append(listener)
