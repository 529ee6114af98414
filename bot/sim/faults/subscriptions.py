"""Faults of market data rights: line limits, competing sessions, subscriptions that the login does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.sim.desk.line import Line
from bot.sim.desk.rights import DataRights
from bot.sim.faults.arguments import Argument, Arguments, flag, whole, word
from bot.sim.faults.effects import Changing, of_types
from bot.sim.faults.filter import Letter, Turn
from bot.sim.faults.messages import arm
from bot.sim.faults.shared import FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.wire.decode import request_id_of
from bot.sim.wire.limits import Limits

_REFUSALS = {
    354: "Requested market data is not subscribed. Check API status by selecting the Account menu then under "
    "Management choose Market Data Subscription Manager and/or availability of delayed data.",
    10089: "Requested market data requires additional subscription for API. See link in 'Market Data Connections' "
    "dialog for more details.",
    10090: "Part of requested market data is not subscribed. Subscription-independent ticks are still active.",
    10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
    10186: "Requested market data is not subscribed. Delayed market data is not enabled.",
}
_COMPETING = "No market data during competing live session"


@dataclass(frozen=True, slots=True, eq=False)
class CompetingSession:
    """Another login has the market data: every line is told so and falls silent."""

    def concerns(self, line: Line) -> bool:
        """See Blockade."""
        return True

    def silenced(self, line: Line) -> None:
        """See Blockade."""
        line.client.error(line.request_id, 10197, _COMPETING)


def _competing_session(stage: Stage, given: Arguments) -> Mapping[str, object]:
    competing, returns = CompetingSession(), given.flag("data_returns")
    lines = stage.desk.quotes.block(competing)

    def end() -> None:
        stage.desk.quotes.unblock(competing, revive=returns)

    return {"fault": stage.lasting.begin("competing_session", end, given.maybe_number("for_s")), "lines": lines}


def _market_data_rights(stage: Stage, given: Arguments) -> Mapping[str, object]:
    quotes, rights, running = stage.desk.quotes, DataRights(given.text("rights")), given.flag("running")
    before = quotes.rights
    lines = quotes.use_rights(rights, running=running)

    def restore() -> None:
        quotes.use_rights(before, running=running)

    number = stage.lasting.begin(f"market_data_rights {rights}", restore, given.maybe_number("for_s"))
    return {"fault": number, "lines": lines}


def _line_limit(stage: Stage, given: Arguments) -> Mapping[str, object]:
    quotes = stage.desk.quotes
    before, quotes.max_lines = quotes.max_lines, given.whole("lines")

    def restore() -> None:
        quotes.max_lines = before

    number = stage.lasting.begin(f"line_limit {quotes.max_lines}", restore, given.maybe_number("for_s"))
    return {"fault": number, "in_use": quotes.in_use}


def _no_market_data(stage: Stage, given: Arguments) -> Mapping[str, object]:
    code = int(given.text("code"))
    words = _REFUSALS[code]
    lines = 0
    if given.flag("running"):
        for line in stage.desk.quotes.lines():
            line.client.error(line.request_id, code, words)
        lines = stage.desk.quotes.forget(lambda line: True)

    def refuse(letter: Letter) -> Iterable[Letter]:
        letter.link.client.error(request_id_of(letter.number, letter.fields[1:]), code, words)
        return ()

    rule = Changing(of_types("reqMktData"), Turn(times=given.whole("times") or None), refuse)
    return arm(stage, f"no_market_data {code}", rule, given.maybe_number("for_s")) | {"lines": lines}


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.DESK, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("competing_session", "another login takes the market data: 10197 for every line, also new ones, and silence",
          _competing_session,
          flag("data_returns", "whether lines go on at the end; false: only those requested anew", default=True), FOR),
    _verb("line_limit", "so many market data lines are allowed from now on (101); open ones stay",
          _line_limit, whole("lines", "how many", default=Limits().market_data_lines, unit="lines"), FOR),
    _verb("market_data_rights", "the login may see live data, delayed data only (10167 and the quotes of fifteen "
          "minutes ago for whoever asked for type 3 or 4, 354 or 10089 for the others), delayed data whatever "
          "was asked, or none",
          _market_data_rights,
          word("rights", "which", [rights.value for rights in DataRights], default="delayed"),
          flag("running", "whether open lines change at once as well", default=True), FOR),
    _verb("no_market_data", "market data requests are refused for want of a subscription",
          _no_market_data,
          word("code", "with which error", [str(code) for code in _REFUSALS], default="354"),
          flag("running", "whether open lines are told so as well, and end"),
          whole("times", "how many requests; 0 means all", default=0), FOR),
)  # fmt: skip
