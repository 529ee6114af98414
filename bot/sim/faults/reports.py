"""Faults of what a gateway reports: what-ifs, lists without an end, executions and statuses in odd order or form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from zoneinfo import ZoneInfo

from bot.sim.desk.tickets import ticket_of
from bot.sim.faults.arguments import Argument, Arguments, text, whole, word
from bot.sim.faults.effects import Changing, of_client, of_types, swallowed
from bot.sim.faults.filter import Letter, Turn
from bot.sim.faults.messages import arm
from bot.sim.faults.shared import CLIENT, TIMES
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.server import ClientLink
from bot.sim.types import Reject
from bot.sim.wire import encode, encode_order
from bot.sim.wire.decode import decode
from bot.sim.wire.fields import MalformedRequest, read_flag
from bot.sim.wire.requests import PlaceOrder
from bot.sim.wire.times import EASTERN, read_moment

_LISTS = {
    "positions": ("reqPositions", "positionEnd"),
    "open_orders": ("reqOpenOrders", "openOrderEnd"),
    "all_open_orders": ("reqAllOpenOrders", "openOrderEnd"),
    "completed_orders": ("reqCompletedOrders", "completedOrdersEnd"),
    "executions": ("reqExecutions", "execDetailsEnd"),
    "account": ("reqAccountUpdates", "accountDownloadEnd"),
    "account_multi": ("reqAccountUpdatesMulti", "accountUpdateMultiEnd"),
    "account_summary": ("reqAccountSummary", "accountSummaryEnd"),
    "contracts": ("reqContractDetails", "contractDetailsEnd"),
    "option_parameters": ("reqSecDefOptParams", "optionParameterEnd"),
}
_EXEC_TIME, _EXEC_ID, _EXEC_ORDER = 15, 14, 2
_PERM_ID = {3: 6, 5: 25}
"""Field of the permanent id in orderStatus and openOrder, the number of the message counting as field 0."""

_TIME_FORMS: Mapping[str, Callable[..., str]] = {
    "zone": lambda at: f"{at.astimezone(EASTERN):%Y%m%d %H:%M:%S} US/Eastern",
    "utc_dash": lambda at: f"{at.astimezone(UTC):%Y%m%d-%H:%M:%S}",
    "no_zone": lambda at: f"{at.astimezone(EASTERN):%Y%m%d  %H:%M:%S}",
    "one_space": lambda at: f"{at.astimezone(EASTERN):%Y%m%d %H:%M:%S}",
    "chicago": lambda at: f"{at.astimezone(ZoneInfo('America/Chicago')):%Y%m%d %H:%M:%S} US/Central",
    "utc": lambda at: f"{at.astimezone(UTC):%Y%m%d %H:%M:%S} UTC",
    "nonsense": lambda at: "yesterday",
}


# what-if ---------------------------------------------------------------------------------------------
def _is_what_if(letter: Letter) -> bool:
    if not _PLACE(letter):
        return False
    request = _order(letter)
    return request is not None and read_flag("whatIf", request.raw["whatIf"])


_PLACE = of_types("placeOrder")


def _order(letter: Letter) -> PlaceOrder | None:
    """The order in the message, None where the desk will refuse to read it."""
    try:
        request = decode(letter.number, letter.fields[1:], letter.link.client.version)
    except MalformedRequest:
        return None
    assert isinstance(request, PlaceOrder)
    return request


def _what_if(stage: Stage, given: Arguments) -> Mapping[str, object]:
    answer, code, words = given.text("answer"), given.whole("code"), given.text("text")

    def change(letter: Letter) -> Iterable[Letter]:
        client, request = letter.link.client, _order(letter)
        assert request is not None, "only what-ifs that can be read have their turn"
        if answer == "bogus_first":
            ticket = ticket_of(stage.venue, client.client_id, request)
            if not isinstance(ticket, Reject):
                client.send(encode_order.what_if_order(ticket, None, client.version))
            return (letter,)
        if answer != "never":
            client.error(request.order_id, 399 if answer == "warning" else code, words)
        return ()

    rule = Changing(
        of_client(given.maybe_whole("client"), _is_what_if), Turn(times=given.whole("times") or None), change
    )
    return arm(stage, f"what_if {answer}", rule, reads=True)


# lists -----------------------------------------------------------------------------------------------
def _unanswered(stage: Stage, given: Arguments) -> Mapping[str, object]:
    asked, end = _LISTS[given.text("list")]
    match = of_types(asked if given.text("part") == "all" else end)
    rule = Changing(of_client(given.maybe_whole("client"), match), Turn(times=given.whole("times") or None), swallowed)
    return arm(stage, f"unanswered {given.text('list')}", rule, reads=True)


# reports ---------------------------------------------------------------------------------------------
def _execution_times(stage: Stage, given: Arguments) -> Mapping[str, object]:
    write = _TIME_FORMS[given.text("form")]

    def change(letter: Letter) -> Iterable[Letter]:
        fields = list(letter.fields)
        try:
            at = read_moment("time", fields[_EXEC_TIME])
        except MalformedRequest:  # another fault has put something there that is no time: it stays
            return (letter,)
        if at is not None:
            fields[_EXEC_TIME] = write(at)
        return (letter.with_fields(fields),)

    rule = Changing(of_types("execDetails"), Turn(times=None), change)
    return arm(stage, f"execution_times {given.text('form')}", rule, reads=True)


def _late_perm_id(stage: Stage, given: Arguments) -> Mapping[str, object]:
    told: set[tuple[int, str, int]] = set()

    def first_of_its_order(letter: Letter) -> bool:
        if not _ORDER_NEWS(letter):
            return False
        key = (letter.link.client_id, letter.fields[1], letter.number)
        known = key in told
        told.add(key)
        return not known

    def change(letter: Letter) -> Iterable[Letter]:
        fields = list(letter.fields)
        fields[_PERM_ID[letter.number]] = "0"
        return (letter.with_fields(fields),)

    rule = Changing(first_of_its_order, Turn(times=given.whole("times") or None), change)
    return arm(stage, "late_perm_id", rule, reads=True)


_ORDER_NEWS = of_types("openOrder", "orderStatus")
_LIVE_EXECUTION = of_types("execDetails")
_ORDERS_ASKED = of_types("reqOpenOrders", "reqAllOpenOrders")
_ORDERS_END = of_types("openOrderEnd")


@dataclass(slots=True)
class FillOrder:
    """Keeps one kind of report about an order until the other kind has gone by: `kept` waits for `awaited`. Both are
    functions of a message giving the order's id where it is one of that kind.

    Rows of a list that was asked for are not kept: a gateway's answer is as whole as its end says, and the order of
    reports is about what it tells by itself.
    """

    kept: Callable[[Letter], str | None]
    awaited: Callable[[Letter], str | None]
    _asked: dict[ClientLink, int] = field(default_factory=dict)
    _waiting: list[Letter] = field(default_factory=list)
    _gone_by: set[tuple[int, str]] = field(default_factory=set)

    def process(self, letter: Letter) -> Iterable[Letter]:
        """See Rule."""
        client = letter.link.client_id
        self._waiting = [one for one in self._waiting if not one.link.transport.is_closing()]
        if _ORDERS_ASKED(letter) or _ORDERS_END(letter):
            more = 1 if _ORDERS_ASKED(letter) else -1
            self._asked[letter.link] = max(0, self._asked.get(letter.link, 0) + more)
            return (letter,)
        order = self.kept(letter)
        if order is not None and not self._asked.get(letter.link) and (client, order) not in self._gone_by:
            self._waiting.append(letter)
            return ()
        order = self.awaited(letter)
        if order is None:
            return (letter,)
        self._gone_by.add((client, order))
        freed = [one for one in self._waiting if one.link is letter.link and self.kept(one) == order]
        self._waiting = [one for one in self._waiting if one not in freed]
        return (letter, *freed)

    @property
    def over(self) -> bool:
        """See Rule: never by itself."""
        return False

    def release(self) -> None:
        """See Rule."""
        waiting, self._waiting = self._waiting, []
        for letter in waiting:
            letter.go()


def _executed(letter: Letter) -> str | None:
    live = _LIVE_EXECUTION(letter) and letter.fields[1] == "-1"
    return letter.fields[_EXEC_ORDER] if live else None


def _filled(letter: Letter) -> str | None:
    return letter.fields[1] if _STATUS(letter) and letter.fields[2] == "Filled" else None


def _acknowledged(letter: Letter) -> str | None:
    return letter.fields[1] if _ORDER_NEWS(letter) else None


_STATUS = of_types("orderStatus")


def _fill_reports(stage: Stage, given: Arguments) -> Mapping[str, object]:
    order = given.text("order")
    rule = FillOrder(_executed, _filled) if order == "status_first" else FillOrder(_acknowledged, _executed)
    return arm(stage, f"fill_reports {order}", rule, reads=True)


def _resend_executions(stage: Stage, given: Arguments) -> Mapping[str, object]:
    found = stage.clients(given.maybe_whole("client"))
    executions = stage.venue.executions()
    for client in found:
        for execution, commission in executions:
            client.send(encode.execution_details(-1, execution, client.version))
            if commission is not None:
                client.send(encode.commission_report(commission))
    return {"clients": len(found), "executions": len(executions)}


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.DESK, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("what_if", "a what-if is answered never, by an error, by a warning (399) only, or first with unset margins",
          _what_if,
          word("answer", "how", ("never", "error", "warning", "bogus_first"), default="never"),
          whole("code", "of the error", default=201),
          text("text", "of the error or warning", default="Order rejected - reason: a fault on command"),
          CLIENT, TIMES),
    _verb("unanswered", "a list comes without its end, or is not answered at all",
          _unanswered, word("list", "which", tuple(_LISTS)),
          word("part", "what is missing: the end, or everything", ("end", "all"), default="end"), CLIENT, TIMES),
    _verb("execution_times", "times of executions are written in another form",
          _execution_times, word("form", "how", tuple(_TIME_FORMS))),
    _verb("late_perm_id", "the first openOrder and the first orderStatus of an order carry permanent id 0",
          _late_perm_id, whole("times", "how many messages; 0 means of every order", default=0)),
    _verb("fill_reports", "the reports of a fill come in another order",
          _fill_reports,
          word("order", "status Filled before the executions, or executions before the order was acknowledged",
               ("status_first", "executions_before_ack"))),
    _verb("resend_executions", "the day's executions and commissions come again, as if they had just happened",
          _resend_executions, CLIENT),
)  # fmt: skip
