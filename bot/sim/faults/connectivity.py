"""Faults between gateway and broker: the upstream connection, the farms, and the port the gateway listens on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.sim.desk.line import Line
from bot.sim.faults.arguments import Argument, Arguments, flag, text, whole, word
from bot.sim.faults.effects import Changing, Withholding, of_types, swallowed
from bot.sim.faults.filter import Turn
from bot.sim.faults.shared import CLIENT, FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Act, Layer, Verb
from bot.sim.types import SecType

_STREAMS = of_types(
    "realTimeBar", "tickByTick", "marketDepth", "marketDepthL2", "historicalDataUpdate", "pnl", "pnlSingle"
)
_ACCOUNT_NEWS = of_types(
    "openOrder", "orderStatus", "execDetails", "commissionReport", "position", "portfolioValue", "accountValue",
    "accountTime", "completedOrder", "openOrderEnd", "completedOrdersEnd", "execDetailsEnd", "positionEnd",
    "accountDownloadEnd",
)  # fmt: skip
"""Told late as a whole: a list whose end comes without its entries would look like an empty one."""

_LOST = "Connectivity between IBKR and Trader Workstation has been lost."
_RESTORED = {
    "lost": (1101, "Connectivity between IBKR and Trader Workstation has been restored - data lost."),
    "kept": (
        1102,
        "Connectivity between IBKR and Trader Workstation has been restored - data maintained. All data farms are "
        "connected: usopt; usfarm; ushmds; secdefil.",
    ),
}
_FARM_OF = {
    SecType.OPTION: "usopt",
    SecType.BAG: "usopt",
    SecType.FUTURE: "usfuture",
    SecType.INDEX: "usfarm",
    SecType.STOCK: "usfarm",
}
FARMS = ("usopt", "usfuture", "usfarm")
"""Market data farms: options, futures, indices and stocks."""

_NOTICES = {
    2103: "Market data farm connection is broken:{}",
    2104: "Market data farm connection is OK:{}",
    2105: "HMDS data farm connection is broken:{}",
    2106: "HMDS data farm connection is OK:{}",
    2107: "HMDS data farm connection is inactive but should be available upon demand.{}",
    2108: "Market data farm connection is inactive but should be available upon demand.{}",
    2110: "Connectivity between Trader Workstation and server is broken. It will be restored automatically.",
    2157: "Sec-def data farm connection is broken:{}",
    2158: "Sec-def data farm connection is OK:{}",
}
_SERVICES: Mapping[str, tuple[str, int, int, tuple[str, ...]]] = {
    "history": (
        "ushmds",
        2105,
        2106,
        ("reqHistoricalData", "reqHistoricalTicks", "reqHeadTimestamp", "reqHistogramData", "historicalDataUpdate"),
    ),
    "contracts": ("secdefil", 2157, 2158, ("reqContractDetails", "reqSecDefOptParams", "reqMatchingSymbols")),
}
"""Farm, code when broken, code when well, and the requests that it answers (and bars that it keeps up to date)."""


def tell(stage: Stage, code: int, words: str, client: int | None = None) -> int:
    """A notice to the clients meant; returns how many there are."""
    found = stage.clients(client)
    for one in found:
        one.error(-1, code, words)
    return len(found)


@dataclass(frozen=True, slots=True, eq=False)
class Outage:
    """Market data lines of some farms (None: all) are not fed, and nobody is told by the line."""

    farm: str | None

    def concerns(self, line: Line) -> bool:
        """See Blockade."""
        kind = line.spec.sec_type if line.spec is not None else SecType.BAG
        return self.farm is None or _FARM_OF[kind] == self.farm

    def silenced(self, line: Line) -> None:
        """See Blockade: silence is all there is."""


# upstream --------------------------------------------------------------------------------------------
def _upstream_lost(stage: Stage, given: Arguments) -> Mapping[str, object]:
    quiet = Outage(None)
    undo: list[Callable[[], None]] = []
    tell(stage, 1100, _LOST)
    if given.flag("mute"):
        stage.desk.quotes.block(quiet)
        undo.append(stage.filter.add(Changing(_STREAMS, Turn(times=None), swallowed), _nothing))
    if given.flag("hold_orders"):
        undo.append(stage.filter.add(Withholding(_ACCOUNT_NEWS), _nothing))
    then = given.text("then")

    def restore() -> None:
        if then == "lost":
            stage.desk.quotes.forget(lambda line: True)
            stage.desk.forget_streams(None)
        if then != "nothing":
            tell(stage, *_RESTORED[then])
        if given.flag("mute"):
            stage.desk.quotes.unblock(quiet, revive=then == "kept")
        for one in undo:
            one()

    return {"fault": stage.lasting.begin(f"upstream_lost, then {then}", restore, given.maybe_number("for_s"))}


def _data_lost(stage: Stage, given: Arguments) -> Mapping[str, object]:
    lines = stage.desk.quotes.forget(lambda line: True)
    stage.desk.forget_streams(None)
    return {"clients": tell(stage, *_RESTORED["lost"]), "lines": lines}


def _data_kept(stage: Stage, given: Arguments) -> Mapping[str, object]:
    return {"clients": tell(stage, *_RESTORED["kept"])}


def _port_change(stage: Stage, given: Arguments) -> Mapping[str, object]:
    port = given.whole("port")
    words = "TWS socket port has been reset and this connection is being dropped. Please reconnect on the new port"
    tell(stage, 1300, f"{words} - {port or 'any'}")
    found = stage.links(None)
    for link in found:
        link.close("port changed")
    stage.server.move_to(port)
    return {"connections": len(found)}


# farms -----------------------------------------------------------------------------------------------
def _farm_notice(stage: Stage, given: Arguments) -> Mapping[str, object]:
    code = int(given.text("code"))
    return {"clients": tell(stage, code, _NOTICES[code].format(given.text("farm")), given.maybe_whole("client"))}


def _farm_broken(stage: Stage, given: Arguments) -> Mapping[str, object]:
    farm, returns = given.text("farm"), given.flag("data_returns")
    outage = Outage(None if farm == "all" else farm)
    names = FARMS if farm == "all" else (farm,)
    for name in names:
        tell(stage, 2103, _NOTICES[2103].format(name))
    lines = stage.desk.quotes.block(outage)

    def restore() -> None:
        for name in names:
            tell(stage, 2104, _NOTICES[2104].format(name))
        stage.desk.quotes.unblock(outage, revive=returns)

    number = stage.lasting.begin(f"farm_broken {farm}", restore, given.maybe_number("for_s"))
    return {"fault": number, "lines": lines}


def _service_broken(stage: Stage, given: Arguments) -> Mapping[str, object]:
    service = given.text("service")
    farm, broken, well, requests = _SERVICES[service]
    tell(stage, broken, _NOTICES[broken].format(farm))
    remove = stage.filter.add(Changing(of_types(*requests), Turn(times=None), swallowed), _nothing)

    def restore() -> None:
        remove()
        tell(stage, well, _NOTICES[well].format(farm))

    return {"fault": stage.lasting.begin(f"service_broken {service}", restore, given.maybe_number("for_s"))}


def _lost_subscriptions(stage: Stage, given: Arguments) -> Mapping[str, object]:
    client = given.maybe_whole("client")
    if client is not None:
        stage.links(client)
    return {"lines": stage.desk.quotes.forget(lambda line: client in (None, line.client.client_id))}


def _nothing() -> None:
    """An endless rule is never over by itself."""


def _verb(name: str, meaning: str, act: Act[Stage], *arguments: Argument) -> Verb[Stage]:
    return Verb(name, Layer.SESSION, meaning, act, arguments)


VERBS: tuple[Verb[Stage], ...] = (
    _verb("upstream_lost", "the gateway loses its broker (1100), sockets stay; at the end it is back (1102 or 1101)",
          _upstream_lost,
          flag("mute", "whether market data stands still meanwhile", default=True),
          flag("hold_orders", "whether what concerns orders and the account, answers too, is told only afterwards",
               default=True),
          word("then", "at the end: 1102 and data goes on, 1101 and every subscription is forgotten, or no word and "
               "market data stays silent until requested again", ("kept", "lost", "nothing"), default="kept"),
          FOR),
    _verb("data_lost", "1101 without an 1100 before it: every market data subscription is forgotten", _data_lost),
    _verb("data_kept", "1102 without an 1100 before it", _data_kept),
    _verb("port_change", "the gateway moves to another port (1300): connections are dropped, the old port refuses",
          _port_change, whole("port", "the new port, 0 for a free one that `status` names", high=65_535, default=0)),
    _verb("farm_notice", "the text of a farm notice, without any effect",
          _farm_notice, word("code", "which", [str(code) for code in _NOTICES]),
          text("farm", "the farm it names", default="usopt"), CLIENT),
    _verb("farm_broken", "quotes of a market data farm stop (2103); at the end it is well again (2104)",
          _farm_broken,
          word("farm", "options, futures, indices and stocks, or all", (*FARMS, "all"), default="usopt"),
          flag("data_returns", "whether quotes come back with 2104; false: only for lines requested anew",
               default=True),
          FOR),
    _verb("service_broken", "history (2105, then 2106) or contract requests (2157, then 2158) are not answered",
          _service_broken, word("service", "which", tuple(_SERVICES), default="history"), FOR),
    _verb("lost_subscriptions", "market data lines are forgotten without a word", _lost_subscriptions, CLIENT),
)  # fmt: skip
