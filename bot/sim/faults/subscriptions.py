"""Faults of market data rights: line limits, competing sessions, subscriptions that the login does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.sim.desk.quotes import Line
from bot.sim.faults.arguments import Argument, Arguments, flag, whole, word
from bot.sim.faults.effects import Changing, of_client, of_types
from bot.sim.faults.filter import Letter, Turn
from bot.sim.faults.messages import arm
from bot.sim.faults.shared import CLIENT, FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.wire import encode
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


# delayed ---------------------------------------------------------------------------------------------
_DELAYED = {
    "1": {"1": "66", "2": "67", "4": "68", "6": "72", "7": "73", "9": "75", "14": "76"},
    "2": {"0": "69", "3": "70", "5": "71", "8": "74"},
    "21": {"10": "80", "11": "81", "12": "82", "13": "83"},
    "46": {"45": "88"},
}
"""Tick types of prices, sizes, computations and times, live to delayed, under the number of their message."""
_TICKS = of_types("tickPrice", "tickSize", "tickOptionComputation", "tickString", "marketDataType")
_SHOWN = "Requested market data is not subscribed. Displaying delayed market data."


def _as_delayed(letter: Letter) -> Iterable[Letter]:
    """The message as it is for delayed data; a line that opens is told 10167 first."""
    fields = list(letter.fields)
    if fields[0] == "58":
        letter.link.client.error(int(fields[2]), 10167, _SHOWN)
        fields[3] = "3"
        return (letter.with_fields(fields),)
    place = 2 if fields[0] == "21" else 3
    fields[place] = _DELAYED[fields[0]].get(fields[place], fields[place])
    return (letter.with_fields(fields),)


def _delayed_data(stage: Stage, given: Arguments) -> Mapping[str, object]:
    client = given.maybe_whole("client")

    def announce() -> int:
        concerned = [line for line in stage.desk.quotes.lines() if client in (None, line.client.client_id)]
        for line in concerned:
            line.client.send(encode.market_data_type(line.request_id, 1))
        return len(concerned)

    rule = Changing(of_client(client, _TICKS), Turn(times=None), _as_delayed)
    remove = stage.filter.add(rule, lambda: None, reads=True)
    lines = announce()

    def end() -> None:
        remove()
        announce()

    return {"fault": stage.lasting.begin("delayed_data", end, given.maybe_number("for_s")), "lines": lines}


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.DESK, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("competing_session", "another login takes the market data: 10197 for every line, also new ones, and silence",
          _competing_session,
          flag("data_returns", "whether lines go on at the end; false: only those requested anew", default=True), FOR),
    _verb("line_limit", "so many market data lines are allowed from now on (101); open ones stay",
          _line_limit, whole("lines", "how many", default=Limits().market_data_lines, unit="lines"), FOR),
    _verb("delayed_data", "quotes of open and new lines come as delayed ones: 10167, market data type 3, tick types "
          "66 to 88; the prices themselves are today's, not a quarter of an hour old",
          _delayed_data, CLIENT, FOR),
    _verb("no_market_data", "market data requests are refused for want of a subscription",
          _no_market_data,
          word("code", "with which error", [str(code) for code in _REFUSALS], default="354"),
          flag("running", "whether open lines are told so as well, and end"),
          whole("times", "how many requests; 0 means all", default=0), FOR),
)  # fmt: skip
