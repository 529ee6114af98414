"""Faults of the connection: sockets that fall, ports that refuse."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sim.faults.arguments import Arguments, FaultError, seconds, whole
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.server import ClientLink

CLIENT = whole("client", "only the connection of this client id; all where absent", high=2**31 - 1, default=None)


def links(stage: Stage, given: Arguments) -> list[ClientLink]:
    """The connections that `client` means. Raises FaultError for a client that is not connected."""
    client_id = given.maybe_whole("client")
    found = stage.server.links_of(client_id)
    if client_id is not None and not found:
        connected = ", ".join(map(str, stage.desk.client_ids())) or "none"
        raise FaultError(f"client {client_id} is not connected; connected are: {connected}")
    return found


def _drop(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = links(stage, given)
    for link in found:
        link.close("connection dropped")
    return {"connections": len(found)}


def _reset(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = links(stage, given)
    for link in found:
        link.reset("connection reset")
    return {"connections": len(found)}


def _refuse(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.server.refuse_for(given.number("for_s") / stage.clock.speed)
    return {}


def _restart(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.desk.id_rollback = given.whole("rollback_ids")
    stage.server.refuse_for(given.number("refuse_s") / stage.clock.speed)
    found = stage.server.links_of(None)
    for link in found:
        link.reset("gateway restart")
    return {"connections": len(found)}


VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "drop",
        Layer.TRANSPORT,
        "ends connections in order (FIN) after what is queued has been written; new ones are taken at once",
        _drop,
        (CLIENT,),
    ),
    Verb(
        "reset",
        Layer.TRANSPORT,
        "resets connections (RST): unread bytes are lost on both sides; new ones are taken at once",
        _reset,
        (CLIENT,),
    ),
    Verb(
        "refuse",
        Layer.TRANSPORT,
        "closes the port for a while; open connections stay",
        _refuse,
        (seconds("for_s", "how long", default=60.0),),
    ),
    Verb(
        "restart",
        Layer.TRANSPORT,
        "what the nightly restart does: resets every connection and refuses new ones; orders and positions stay",
        _restart,
        (
            seconds("refuse_s", "how long connections are refused", default=60.0),
            whole("rollback_ids", "how much lower the next valid order ids are afterwards", default=0),
        ),
    ),
)
