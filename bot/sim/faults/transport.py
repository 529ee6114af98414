"""Faults of the connection: sockets that fall, ports that refuse, bytes that come late, in pieces or not at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bot.sim.faults.arguments import Argument, Arguments, FaultError, flag, seconds, text, whole, word
from bot.sim.faults.connections import Disturbance
from bot.sim.faults.path import Impairment
from bot.sim.faults.shared import CLIENT, FOR, SEED
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb


def _drop(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = stage.links(given.maybe_whole("client"))
    for link in found:
        link.close("connection dropped")
    return {"connections": len(found)}


def _reset(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = stage.links(given.maybe_whole("client"))
    for link in found:
        link.reset("connection reset")
    return {"connections": len(found)}


def _refuse(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.server.refuse_for(given.number("for_s") / stage.clock.speed)
    return {}


def _restart(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.desk.id_rollback = given.whole("rollback_ids")
    stage.server.refuse_for(given.number("refuse_s") / stage.clock.speed)
    found = stage.links(None)
    for link in found:
        link.reset("gateway restart")
    return {"connections": len(found)}


def _disturb(
    stage: Stage, given: Arguments, what: str, impairment: Impairment, *, new_only: bool = False
) -> Mapping[str, object]:
    client = None if new_only else given.maybe_whole("client")
    whom = "every client" if client is None else f"client {client}"
    lift = stage.connections.disturb(Disturbance(impairment, client, new_only))
    return {"fault": stage.lasting.begin(f"{what} for {whom}", lift, given.maybe_number("for_s"))}


def _half_open(stage: Stage, given: Arguments) -> Mapping[str, object]:
    reads = given.flag("reads")
    what = "half_open: reads, never writes" if reads else "half_open: neither reads nor writes"
    return _disturb(stage, given, what, Impairment(mute=True, deaf=not reads))


def _silent_accept(stage: Stage, given: Arguments) -> Mapping[str, object]:
    return _disturb(stage, given, "silent_accept", Impairment(mute=True, deaf=True), new_only=True)


def _delay(stage: Stage, given: Arguments) -> Mapping[str, object]:
    speed = stage.clock.speed
    latency_s, jitter_s = given.number("latency_s") / speed, given.number("jitter_s") / speed
    way = given.text("direction")
    impairment = Impairment(
        out_s=latency_s if way in ("out", "both") else 0.0,
        in_s=latency_s if way in ("in", "both") else 0.0,
        jitter_s=jitter_s,
        seed=given.whole("seed"),
    )
    return _disturb(stage, given, f"delay of {given.number('latency_s'):g} s {way}", impairment)


def _segment(stage: Stage, given: Arguments) -> Mapping[str, object]:
    size = given.whole("bytes")
    return _disturb(stage, given, f"segments of {size} bytes", Impairment(segment=size))


def _trickle(stage: Stage, given: Arguments) -> Mapping[str, object]:
    size, every_s = given.whole("bytes"), given.number("every_s")
    impairment = Impairment(segment=size, gap_s=every_s / stage.clock.speed)
    return _disturb(stage, given, f"trickle of {size} bytes every {every_s:g} s", impairment)


def _garbage(stage: Stage, given: Arguments) -> Mapping[str, object]:
    written = given.maybe_text("hex")
    try:
        data = bytes.fromhex(written) if written is not None else b""
    except ValueError:
        raise FaultError(f"hex must be pairs of hexadecimal digits, got {written!r}") from None
    if not data:
        data = np.random.default_rng(given.whole("seed")).bytes(given.whole("bytes"))
    found = stage.links(given.maybe_whole("client"))
    for link in found:
        link.session.put(data)
    return {"connections": len(found), "bytes": len(data)}


def _size(default: int, meaning: str) -> Argument:
    return whole("bytes", meaning, low=1, high=65_536, default=default, unit="bytes")


def _verb(name: str, text: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.TRANSPORT, text, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("drop", "ends connections in order (FIN) after what is queued has been written; new ones are taken at once",
          _drop, CLIENT),
    _verb("reset", "resets connections (RST): unread bytes are lost on both sides; new ones are taken at once",
          _reset, CLIENT),
    _verb("refuse", "closes the port for a while; open connections stay",
          _refuse, seconds("for_s", "how long", default=60.0)),
    _verb("restart", "what the nightly restart does: resets every connection and refuses new ones; orders stay",
          _restart,
          seconds("refuse_s", "how long connections are refused", default=60.0),
          whole("rollback_ids", "how much lower the next valid order ids are afterwards", default=0)),
    _verb("half_open", "keeps sockets open and writes nothing: what clients send is still done, or not even read; what "
          "was to be written is written at the end, or the connection reset where it is more than 32 MiB",
          _half_open, flag("reads", "whether what clients send is read and done", default=True), CLIENT, FOR),
    _verb("silent_accept", "accepts new connections and neither reads nor writes on them; open ones stay as they are",
          _silent_accept, FOR),
    _verb("delay", "every byte comes later, in order",
          _delay,
          seconds("latency_s", "how much later", default=5.0),
          seconds("jitter_s", "up to so much more, drawn per piece", default=0.0),
          word("direction", "to the client, from it, or both ways", ("out", "in", "both"), default="both"),
          SEED, CLIENT, FOR),
    _verb("segment", "writes in pieces of so many bytes, each its own segment",
          _segment, _size(1, "bytes in a piece"), CLIENT, FOR),
    _verb("trickle", "writes so many bytes, pauses, and so on; a client whose backlog grows past 32 MiB is dropped",
          _trickle, _size(16, "bytes in a piece"),
          seconds("every_s", "the pause", default=0.1), CLIENT, FOR),
    _verb("garbage", "writes bytes between two messages that belong to none",
          _garbage,
          text("hex", "the bytes as hexadecimal digits; random ones where absent", default=None),
          _size(64, "how many random bytes"), SEED, CLIENT),
)  # fmt: skip
