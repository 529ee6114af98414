"""Faults of single messages, either way: swallow, repeat, swap, hold, delay, change, cut short, invent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.sim.faults import effects
from bot.sim.faults.arguments import Argument, Arguments, FaultError, message, seconds, text, texts, whole, word
from bot.sim.faults.effects import Change, Changing, Holding
from bot.sim.faults.filter import Letter, Match, Rule, Turn
from bot.sim.faults.shared import CLIENT, TIMES
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.wire.answer_names import Direction

SELECTION = (
    message("message", "which messages, by name or number, either direction"),
    whole("nth", "the first one that counts, from now on; 1 is the next", low=1, default=1),
    whole("every", "after that, every so many", low=1, default=1),
    TIMES,
    text("having", "only messages of which a field is exactly this text", default=None),
    CLIENT,
)
"""The arguments that say which messages a rule is about."""


def selected(given: Arguments) -> tuple[Match, Turn]:
    """What SELECTION says."""
    match = Match(given.message("message"), given.maybe_whole("client"), given.maybe_text("having"))
    return match, Turn(given.whole("nth"), given.whole("every"), given.whole("times") or None)


def arm(stage: Stage, what: str, rule: Rule, for_s: float | None = None, *, reads: bool = False) -> dict[str, object]:
    """Puts a rule to work until it has done all it will do, its time is over, or it is ended; `reads` as the filter
    has it."""
    remove = stage.filter.add(rule, lambda: stage.lasting.over(number), reads=reads)
    number = stage.lasting.begin(what, remove, for_s)
    return {"fault": number}


def _changing(name: str, make: Callable[[Stage, Arguments], Change]) -> Act[Stage]:
    def act(stage: Stage, given: Arguments) -> Mapping[str, object]:
        match, turn = selected(given)
        return arm(stage, f"{name} of {match.type}", Changing(match, turn, make(stage, given)))

    return act


def _holding(name: str, *, same: bool) -> Act[Stage]:
    def act(stage: Stage, given: Arguments) -> Mapping[str, object]:
        match, turn = selected(given)
        behind = 1 if same else given.whole("behind")
        return arm(stage, f"{name} of {match.type}", Holding(match, turn, behind, same))

    return act


def _inject(stage: Stage, given: Arguments) -> Mapping[str, object]:
    if not given.texts("fields"):
        raise FaultError("fields is empty: a message has at least its number")
    found = [link for link in stage.links(given.maybe_whole("client")) if link.client_id >= 0]
    for link in found:
        Letter(link, Direction(given.text("direction")), None, list(given.texts("fields"))).go()
    return {"connections": len(found)}


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.MESSAGES, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("swallow", "messages are lost",
          _changing("swallow", lambda _, __: effects.swallowed), *SELECTION),
    _verb("duplicate", "messages come more than once",
          _changing("duplicate", lambda _, given: effects.repeated(given.whole("copies"))), *SELECTION,
          whole("copies", "how many more", low=1, high=10_000, default=1)),
    _verb("reorder", "a message changes places with the next of its type",
          _holding("reorder", same=True), *SELECTION),
    _verb("hold_back", "a message waits until so many others of its connection and direction have gone by",
          _holding("hold_back", same=False), *SELECTION,
          whole("behind", "how many others go first", low=1, high=1_000_000, default=1)),
    _verb("delay_message", "messages come later than those around them",
          _changing("delay_message", lambda stage, given: effects.delayed(stage.timers, given.number("delay_s"))),
          *SELECTION, seconds("delay_s", "how much later")),
    _verb("corrupt", "one field of a message has another text",
          _changing("corrupt", lambda _, given: effects.with_field(given.whole("field"), given.text("text"))),
          *SELECTION,
          whole("field", "which: 0 is the message's number, -1 the last", low=-100_000, high=100_000),
          text("text", "what stands there instead")),
    _verb("replace_text", "a text is replaced wherever it stands in a message",
          _changing("replace_text", lambda _, given: effects.with_text(given.text("old"), given.text("new"))),
          *SELECTION, text("old", "what is replaced"), text("new", "what stands there instead")),
    _verb("shorten", "the last fields of a message are missing",
          _changing("shorten", lambda _, given: effects.shortened(given.whole("fields"))), *SELECTION,
          whole("fields", "how many", low=1, high=100_000, default=1)),
    _verb("false_length", "a message to the client stands under a false length prefix (of a client: is lost)",
          _changing("false_length", lambda _, given: effects.with_length(given.whole("length"))), *SELECTION,
          whole("length", "what the prefix says", high=2**32 - 1, default=2_000_000_000, unit="bytes")),
    _verb("cut_off", "the connection ends inside a message (of a client: before it is processed)",
          _changing("cut_off", lambda _, given: effects.cut_off(
              given.text("ending") == "reset", given.maybe_whole("bytes"))), *SELECTION,
          word("ending", "how the connection ends: FIN or RST", ("drop", "reset"), default="reset"),
          whole("bytes", "how many bytes of the message are written, its length prefix included; half where absent",
                default=None, unit="bytes")),
    _verb("inject", "a message that nobody sent",
          _inject,
          texts("fields", "its fields as texts, the message's number first"),
          word("direction", "to clients, or as if they had sent it", ("out", "in"), default="out"), CLIENT),
)  # fmt: skip
