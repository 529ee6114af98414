"""The one table of faults: what control channel, fault scripts and scenarios can ask for, and how it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.sim.faults import (
    accounts,
    connectivity,
    hours,
    identity,
    market,
    messages,
    notices,
    ongoing,
    orders,
    quotes,
    reports,
    subscriptions,
    transport,
)
from bot.sim.faults.arguments import Arguments, FaultError
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Verb, by_name, find

FAULTS: Mapping[str, Verb[Stage]] = by_name(
    [
        *ongoing.VERBS,
        *transport.VERBS,
        *messages.VERBS,
        *notices.VERBS,
        *connectivity.VERBS,
        *identity.VERBS,
        *subscriptions.VERBS,
        *reports.VERBS,
        *orders.VERBS,
        *accounts.VERBS,
        *market.VERBS,
        *quotes.VERBS,
        *hours.VERBS,
    ]
)
"""Every fault under its name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A fault with its arguments, checked."""

    verb: Verb[Stage]
    arguments: Arguments


def read_call(name: object, values: Mapping[str, object]) -> Call:
    """Checks a fault asked for. Raises FaultError saying what is wrong and what is allowed."""
    verb = find(FAULTS, name)
    return Call(verb, verb.read(values))


def execute(stage: Stage, call: Call) -> dict[str, object]:
    """Does it, after the ledger's line about it; returns what the verb tells.

    Raises FaultError where it cannot be done now; the ledger then has a second line with the reason in `refused`."""
    facts = {"verb": call.verb.name, "arguments": call.arguments.given()}
    stage.venue.record("fault", **facts)
    try:
        told = dict(call.verb.act(stage, call.arguments))
    except FaultError as error:
        stage.venue.record("fault", **facts, refused=str(error))
        raise FaultError(f"{call.verb.name}: {error}") from None
    stage.settle()
    return told
