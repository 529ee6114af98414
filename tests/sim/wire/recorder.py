"""The real client's two ends: what ib_insync would put on the wire, and what its decoder makes of what it reads."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ib_insync import (  # noqa: TID251 - the client whose bytes are read
    ComboLeg,
    Contract,
    ExecutionFilter,
    Order,
    ScannerSubscription,
    WshEventData,
)
from ib_insync.client import Client  # noqa: TID251

from bot.sim.wire import requests as ask
from bot.sim.wire.decode import decode
from bot.sim.wire.framing import split_fields

VERSIONS = [157, 159, 160, 162, 163, 164, 166, 169, 170, 174, 176]
"""Every protocol version at which a layout changes."""


class Heard:
    """A wrapper that notes every call of the real client's decoder."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.ib = self
        self.TimezoneTWS = "US/Eastern"

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, args))


class Recorder(Client):
    """The real client, with its messages caught instead of sent."""

    def __init__(self, version: int) -> None:
        super().__init__(object())
        self._serverVersion = version
        self.connState = Client.CONNECTED
        self.messages: list[str] = []

    def sendMsg(self, msg: str) -> None:
        self.messages.append(msg)

    def last(self) -> ask.Request:
        number, *fields = split_fields(self.messages[-1].encode())
        return decode(int(number), fields, self._serverVersion)


def bag(legs: int = 4) -> Contract:
    combo = [
        ComboLeg(conId=100 + n, ratio=1 + n % 2, action="BUY" if n % 2 else "SELL", exchange="CBOE")
        for n in range(legs)
    ]
    return Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=combo)


OPTION = Contract(
    conId=9, symbol="SPX", secType="OPT", lastTradeDateOrContractMonth="20181031", strike=2700.0, right="P",
    multiplier="100", exchange="SMART", currency="USD", tradingClass="SPXW",
)  # fmt: skip
_SAMPLES: dict[str, Any] = {
    "reqId": 5, "tickerId": 5, "orderId": 17, "numIds": 1, "contract": OPTION, "conid": 9, "conId": 9,
    "order": Order(action="BUY", totalQuantity=3, orderType="LMT", lmtPrice=-4.35, tif="DAY", orderRef="c1/open"),
    "execFilter": ExecutionFilter(clientId=3, symbol="SPX"), "subscription": ScannerSubscription(),
    "data": WshEventData(), "account": "DU1", "acctCode": "DU1", "modelCode": "", "groupName": "All",
    "tags": "NetLiquidation,BuyingPower", "genericTickList": "100,101", "marketDataType": 3, "marketRuleId": 109,
    "underlyingSymbol": "SPX", "futFopExchange": "", "underlyingSecType": "IND", "underlyingConId": 416904,
    "pattern": "SP", "endDateTime": "", "startDateTime": "", "durationStr": "2 D", "barSizeSetting": "1 min",
    "whatToShow": "TRADES", "useRTH": True, "formatDate": 1, "keepUpToDate": False, "barSize": 5, "tickType": "Last",
    "numberOfTicks": 0, "ignoreSize": False, "ignoreSizeint": False, "numRows": 5, "isSmartDepth": False,
    "bAutoBind": True, "apiOnly": False, "subscribe": True, "ledgerAndNLV": False, "snapshot": False,
    "regulatorySnapshot": False, "logLevel": 2, "optionPrice": 10.0, "underPrice": 2700.0, "volatility": 0.2,
    "exerciseAction": 1, "exerciseQuantity": 1, "override": 0, "timePeriod": "3 days", "bboExchange": "9c0001",
    "numberOfTicksint": 10, "miscOptions": [],
}  # fmt: skip
"""An argument for every parameter name of the client; those not named are texts or lists of options."""


def _sample(parameter: inspect.Parameter) -> Any:
    if parameter.name in _SAMPLES:
        return _SAMPLES[parameter.name]
    return [] if "ptions" in parameter.name else "1"


@functools.cache
def every_request() -> list[str]:
    """Names of the client's methods that put a message on the wire."""
    return [
        name
        for name, method in sorted(vars(Client).items())
        if inspect.isfunction(method) and name != "sendMsg" and "self.send(" in inspect.getsource(method)
    ]


def written(name: str, version: int) -> str:
    """The message that this method sends at that version."""
    client = Recorder(version)
    method = getattr(client, name)
    method(*(_sample(parameter) for parameter in inspect.signature(method).parameters.values()))
    return client.messages[-1]
