"""Faults of who is who: order ids, client ids, accounts and the protocol version, as a client meets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.sim.faults.arguments import Argument, Arguments, texts, whole
from bot.sim.faults.effects import Changing
from bot.sim.faults.filter import Letter, Match, Turn
from bot.sim.faults.messages import arm
from bot.sim.faults.shared import CLIENT, TIMES
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.wire.answer_names import message_type

IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."


def _rollback_ids(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.desk.id_rollback += given.whole("by")
    return {}


def _jump_ids(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.desk.id_rollback -= given.whole("by")
    return {}


def _client_id_in_use(stage: Stage, given: Arguments) -> Mapping[str, object]:
    def refuse(letter: Letter) -> Iterable[Letter]:
        letter.link.client.error(-1, 326, IN_USE)
        letter.link.close("client id in use, by a fault")
        return ()

    match = Match(message_type("startApi"), given.maybe_whole("client"))
    return arm(stage, "client_id_in_use", Changing(match, _turn(given), refuse))


def _accounts_told(stage: Stage, given: Arguments) -> Mapping[str, object]:
    told = "".join(f"{account}," for account in given.texts("accounts"))

    def change(letter: Letter) -> Iterable[Letter]:
        return (letter.with_fields([*letter.fields[:2], told]),)

    match = Match(message_type("managedAccounts"), given.maybe_whole("client"))
    return arm(stage, f"accounts_told {told or 'none'}", Changing(match, _turn(given), change), reads=True)


def _server_version(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.server.announce_version(given.whole("version"), given.whole("times"))
    return {}


def _turn(given: Arguments) -> Turn:
    return Turn(times=given.whole("times") or None)


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.SESSION, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("rollback_ids", "the next valid order ids are lower than before: told at the next connect or request for ids",
          _rollback_ids, whole("by", "how much", low=1, high=1_000_000)),
    _verb("jump_ids", "the next valid order ids are higher than before, as after orders of another login",
          _jump_ids, whole("by", "how much", low=1, high=1_000_000)),
    _verb("client_id_in_use", "the next client to start is told that its id is in use (326) and loses its connection",
          _client_id_in_use, CLIENT, TIMES),
    _verb("accounts_told", "clients that connect or ask are told other accounts than those that are served",
          _accounts_told, texts("accounts", "their ids; none for an empty list"), CLIENT, TIMES),
    _verb("server_version", "the next connections are told another protocol version than the one that is spoken",
          _server_version, whole("version", "which", high=100_000),
          whole("times", "how many connections", low=1, default=1)),
)  # fmt: skip
