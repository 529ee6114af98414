"""Errors and notices said to clients: any code, and those that end a connection."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sim.faults.arguments import Arguments, flag, text, whole
from bot.sim.faults.shared import CLIENT
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb


def _error(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = stage.clients(given.maybe_whole("client"))
    for client in found:
        client.error(given.whole("id"), given.whole("code"), given.text("text"))
    return {"clients": len(found)}


def _pacing_violation(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = stage.clients(given.maybe_whole("client"))
    for client in found:
        client.error(-1, 100, "Max rate of messages per second has been exceeded:max=50 rec=51 (1)")
        if given.flag("disconnect"):
            client.hang_up("message rate exceeded")
    return {"clients": len(found)}


VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "error",
        Layer.SESSION,
        "an error or notice with any code",
        _error,
        (
            whole("code", "its code"),
            text("text", "its text", default="a fault on command"),
            whole("id", "request or order id it speaks of, -1 for none", low=None, default=-1),
            CLIENT,
        ),
    ),
    Verb(
        "pacing_violation",
        Layer.SESSION,
        "error 100 as if too many messages had come (the real limit stays at work besides)",
        _pacing_violation,
        (flag("disconnect", "whether the connection ends after it"), CLIENT),
    ),
)
