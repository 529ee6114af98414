"""Which connections a disturbance concerns: those there are, and those still to come while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.sim.faults.path import Impairment, LinkPath
from bot.sim.server import ClientLink, WireServer


@dataclass(slots=True, eq=False)
class Disturbance:
    """An impairment of every connection of one client (None: of all), or only of those accepted after it began."""

    impairment: Impairment
    client: int | None
    new_only: bool


class Connections:
    """Puts disturbances on connections as they come and lifts them; hears of connections from the server."""

    def __init__(self, server: WireServer) -> None:
        self._server = server
        self._disturbances: list[Disturbance] = []
        self._paths: dict[ClientLink, LinkPath] = {}

    def disturb(self, disturbance: Disturbance) -> Callable[[], None]:
        """Begins it. Returns what ends it."""
        self._disturbances.append(disturbance)
        if not disturbance.new_only:
            for link in self._server.links_of(disturbance.client):
                self._path(link).impair(disturbance.impairment)

        def lift() -> None:
            self._disturbances.remove(disturbance)
            for link, path in list(self._paths.items()):
                path.relieve(disturbance.impairment)
                if link.path is not path:
                    del self._paths[link]

        return lift

    def _path(self, link: ClientLink) -> LinkPath:
        path = self._paths.get(link)
        if path is None or link.path is not path:
            path = self._paths[link] = LinkPath(link, self._server.queue_bytes)
        return path

    # the server's observer -----------------------------------------------------------------------
    def opened(self, link: ClientLink) -> None:
        """Disturbances of all clients begin with the first byte."""
        for one in self._disturbances:
            if one.client is None:
                self._path(link).impair(one.impairment)

    def started(self, link: ClientLink) -> None:
        """Those of one client begin when it has said who it is, before it is answered."""
        for one in self._disturbances:
            if one.client == link.client_id:
                self._path(link).impair(one.impairment)

    def closed(self, link: ClientLink) -> None:
        """Nothing is kept for a connection that is gone."""
        path = self._paths.pop(link, None)
        if path is not None:
            path.abandon()
