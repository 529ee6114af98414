"""IB's own Python client against a gateway, self-checking: `python ibapi_check.py HOST PORT`.

One text for ibapi 9.81 (protocol 157), 10.19 and 10.46 (both 176). Every check prints a line when it fails; the last
line is "N passed, M failed", and the exit code says the same.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ibapi import wrapper as wrapper_module
from ibapi.client import EClient
from ibapi.contract import ComboLeg, Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.server_versions import MAX_CLIENT_VER

DEADLINE_S = 20.0
ACCOUNT_TAGS = "NetLiquidation,InitMarginReq,ExcessLiquidity"


class Client(wrapper_module.EWrapper, EClient):
    """Notes every callback as (name, arguments)."""

    def __init__(self) -> None:
        wrapper_module.EWrapper.__init__(self)
        EClient.__init__(self, wrapper=self)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def of(self, name: str, *start: Any) -> list[tuple[Any, ...]]:
        """Arguments of every call of that name that begins with these arguments."""
        return [args for called, args in list(self.calls) if called == name and args[: len(start)] == start]

    def codes(self, request_id: int) -> list[int]:
        """Error codes heard for a request; the newest client puts the error's time before the code."""
        place = 2 if MAX_CLIENT_VER > 176 else 1
        return [args[place] for args in self.of("error", request_id)]


def _noting(name: str) -> Callable[..., None]:
    def note(self: Client, *args: Any, **named: Any) -> None:
        self.calls.append((name, (*args, *named.values())))

    return note


for _name in dir(wrapper_module.EWrapper):
    if not _name.startswith("_") and callable(getattr(wrapper_module.EWrapper, _name)) and _name != "logAnswer":
        setattr(Client, _name, _noting(_name))


class Checks:
    """Counts what holds."""

    def __init__(self) -> None:
        self.passed, self.failed = 0, 0

    def that(self, name: str, holds: Callable[[], Any]) -> bool:
        """Waits until it holds; a failure is printed and counted."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if holds():
                self.passed += 1
                return True
            time.sleep(0.01)
        self.failed += 1
        print(f"FAILED {name}", flush=True)
        return False


def option(expiry: str, strike: float, right: str) -> Contract:
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = "SPX", "OPT", "SMART", "USD"
    made.lastTradeDateOrContractMonth, made.strike, made.right, made.tradingClass = expiry, strike, right, "SPXW"
    return made


def index(symbol: str) -> Contract:
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = symbol, "IND", "CBOE", "USD"
    return made


def condor(con_ids: list[int]) -> Contract:
    made = Contract()
    made.symbol, made.secType, made.exchange, made.currency = "SPX", "BAG", "SMART", "USD"
    made.comboLegs = []
    for con_id, action in zip(con_ids, ("BUY", "SELL", "SELL", "BUY"), strict=True):
        leg = ComboLeg()
        leg.conId, leg.ratio, leg.action, leg.exchange = con_id, 1, action, "SMART"
        made.comboLegs.append(leg)
    return made


def limit(client: Client, price: float, quantity: int = 1, *, what_if: bool = False, ref: str = "") -> Order:
    made = Order()
    made.action, made.orderType, made.lmtPrice, made.tif = "BUY", "LMT", price, "DAY"
    made.totalQuantity = Decimal(quantity) if MAX_CLIENT_VER > 163 else quantity
    made.whatIf, made.orderRef = what_if, ref
    made.eTradeOnly = made.firmQuoteOnly = False  # the old client sends 1 unless told otherwise
    return made


def cancel(client: Client, order_id: int) -> None:
    """cancelOrder, whose arguments differ in each of the three."""
    if MAX_CLIENT_VER <= 157:
        client.cancelOrder(order_id)
    elif MAX_CLIENT_VER <= 176:
        client.cancelOrder(order_id, "")
    else:
        from ibapi.order_cancel import OrderCancel

        client.cancelOrder(order_id, OrderCancel())


def statuses(client: Client, order_id: int) -> list[str]:
    return [args[1] for args in client.of("orderStatus", order_id)]


def connect(client: Client, check: Checks, host: str, port: int) -> None:
    client.connect(host, port, 21)
    threading.Thread(target=client.run, daemon=True).start()
    check.that("the newest common version", lambda: client.serverVersion() == min(176, MAX_CLIENT_VER))
    check.that("managedAccounts", lambda: client.of("managedAccounts"))
    check.that("nextValidId", lambda: client.of("nextValidId"))
    check.that("farm notices", lambda: {2104, 2106, 2158} <= set(client.codes(-1)))
    client.reqCurrentTime()
    check.that("currentTime", lambda: client.of("currentTime"))


def contracts(client: Client, check: Checks) -> list[int]:
    """Details, chain and market rule; the condor's four contract numbers."""
    client.reqContractDetails(1, index("SPX"))
    check.that(
        "contractDetails of an index", lambda: client.of("contractDetails", 1) and client.of("contractDetailsEnd", 1)
    )
    client.reqContractDetails(2, index("NOSUCH"))
    check.that("200 for an unknown contract", lambda: 200 in client.codes(2))
    client.reqSecDefOptParams(3, "SPX", "", "IND", 416904)
    check.that("option parameters", lambda: client.of("securityDefinitionOptionParameterEnd", 3))
    chain = next(a for a in client.of("securityDefinitionOptionParameter", 3) if a[3] == "SPXW")
    expiry = sorted(chain[5])[20]
    client.reqMktData(4, index("SPX"), "", False, False, [])
    check.that("the index level", lambda: [a for a in client.of("tickPrice", 4) if a[1] == 4])
    level = next(a[2] for a in client.of("tickPrice", 4) if a[1] == 4)
    client.cancelMktData(4)
    middle = round(level / 25) * 25
    con_ids = []
    for number, (away, right) in enumerate(((-150, "P"), (-100, "P"), (100, "C"), (150, "C")), start=10):
        client.reqContractDetails(number, option(expiry, float(middle + away), right))
        if check.that(
            f"contractDetails of option {number - 9}", lambda number=number: client.of("contractDetails", number)
        ):
            con_ids.append(client.of("contractDetails", number)[0][1].contract.conId)
    details = client.of("contractDetails", 10)[0][1]
    check.that(
        "class, multiplier and hours",
        lambda: (
            (details.contract.tradingClass, details.contract.multiplier) == ("SPXW", "100")
            and details.tradingHours
            and details.liquidHours
        ),
    )
    rule = int(details.marketRuleIds.split(",")[0])
    client.reqMarketRule(rule)
    check.that("the market rule", lambda: client.of("marketRule", rule))
    client.reqMatchingSymbols(5, "SPX")
    check.that("matching symbols", lambda: client.of("symbolSamples", 5) and client.of("symbolSamples", 5)[0][1])
    client.reqContractDetails(6, condor(con_ids))
    check.that("321 for details of a BAG", lambda: 321 in client.codes(6))
    return con_ids


def quotes(client: Client, check: Checks, put: Contract, bag: Contract) -> float:
    """Streams with greeks, snapshot, combination; the combination's ask."""
    client.reqMktData(30, put, "", False, False, [])
    check.that("bid and ask", lambda: {1, 2} <= {a[1] for a in client.of("tickPrice", 30)})
    check.that("model greeks", lambda: [a for a in client.of("tickOptionComputation", 30) if a[1] == 13])
    model = next(a for a in client.of("tickOptionComputation", 30) if a[1] == 13)
    start = 3 if client.serverVersion() >= 156 else 2  # after tickAttrib
    check.that("greeks are numbers", lambda: all(isinstance(v, float) for v in model[start:]) and 0 < model[start] < 1)
    check.that("tickReqParams", lambda: client.of("tickReqParams", 30))
    check.that("marketDataType", lambda: client.of("marketDataType", 30, 1))
    client.cancelMktData(30)
    client.reqMktData(31, put, "", True, False, [])
    check.that("the snapshot ends", lambda: client.of("tickSnapshotEnd", 31))
    client.reqMktData(32, bag, "", False, False, [])
    check.that("a combination is quoted", lambda: {1, 2} <= {a[1] for a in client.of("tickPrice", 32)})
    client.cancelMktData(32)
    client.cancelMktData(33)
    check.that("300 for an unknown line", lambda: 300 in client.codes(33))
    return float(next(a[2] for a in client.of("tickPrice", 32) if a[1] == 2))


def orders(client: Client, check: Checks, bag: Contract, ask: float) -> None:
    first = client.of("nextValidId")[-1][0]
    client.placeOrder(first, bag, limit(client, -5.0, what_if=True))
    check.that("what-if", lambda: client.of("openOrder", first))
    state = client.of("openOrder", first)[0][3]
    check.that("margins of the what-if", lambda: 0.0 < float(state.initMarginChange) < 10_000.0)
    client.placeOrder(first + 1, bag, limit(client, -40.0, 2, ref="rest"))
    check.that("the order works", lambda: "Submitted" in statuses(client, first + 1))
    shown = client.of("openOrder", first + 1)[-1]
    check.that("openOrder shows the legs", lambda: len(shown[1].comboLegs) == 4 and shown[2].orderRef == "rest")
    permanent = shown[2].permId
    check.that("a permanent id", lambda: permanent > 0)
    client.placeOrder(first + 1, bag, limit(client, -39.0, 2, ref="rest"))
    check.that("modified", lambda: client.of("openOrder", first + 1)[-1][2].lmtPrice == -39.0)
    check.that("under the same permanent id", lambda: client.of("openOrder", first + 1)[-1][2].permId == permanent)
    client.reqAllOpenOrders()
    check.that("openOrderEnd", lambda: client.of("openOrderEnd"))
    cancel(client, first + 1)
    check.that("cancelled", lambda: "Cancelled" in statuses(client, first + 1) and 202 in client.codes(first + 1))
    client.placeOrder(first + 2, bag, limit(client, round(ask + 2.0, 2), 2, ref="fill"))
    check.that("filled", lambda: "Filled" in statuses(client, first + 2))
    check.that(
        "five executions at least",
        lambda: len([a for a in client.of("execDetails", -1) if a[2].orderId == first + 2]) >= 5,
    )
    check.that("commissions", lambda: len(client.of("commissionReport") + client.of("commissionAndFeesReport")) >= 4)
    client.placeOrder(first + 3, bag, limit(client, -40.03))
    check.that("110 off the grid", lambda: 110 in client.codes(first + 3))
    client.placeOrder(first + 4, bag, limit(client, -40.0, 5000))
    check.that("201 too large", lambda: 201 in client.codes(first + 4))
    cancel(client, 987_654)
    check.that("10147 or 135", lambda: {10147, 135} & set(client.codes(987_654)))
    client.reqCompletedOrders(False)
    check.that("completed orders", lambda: client.of("completedOrder") and client.of("completedOrdersEnd"))


def account(client: Client, check: Checks) -> None:
    client.reqPositions()
    check.that("positions", lambda: client.of("positionEnd") and len(client.of("position")) >= 4)
    client.cancelPositions()
    client.reqAccountSummary(50, "All", ACCOUNT_TAGS)
    check.that(
        "account summary", lambda: client.of("accountSummaryEnd", 50) and len(client.of("accountSummary", 50)) >= 3
    )
    client.cancelAccountSummary(50)
    name = client.of("managedAccounts")[0][0].split(",")[0]
    client.reqAccountUpdates(True, name)
    check.that("account updates", lambda: client.of("accountDownloadEnd") and client.of("updatePortfolio"))
    client.reqAccountUpdates(False, name)
    client.reqPnL(51, name, "")
    check.that("profit and loss", lambda: client.of("pnl", 51))
    client.cancelPnL(51)
    client.reqExecutions(52, ExecutionFilter())
    check.that("executions", lambda: client.of("execDetailsEnd", 52) and len(client.of("execDetails", 52)) >= 5)
    client.reqHistoricalData(53, index("SPX"), "", "10 D", "1 day", "TRADES", 1, 1, False, [])
    check.that("daily bars", lambda: client.of("historicalDataEnd", 53) and len(client.of("historicalData", 53)) == 10)


def main() -> int:
    """Runs every check in order."""
    faults: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: faults.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    client, check = Client(), Checks()
    connect(client, check, sys.argv[1], int(sys.argv[2]))
    con_ids = contracts(client, check)
    put = Contract()
    put.conId, put.exchange = con_ids[1], "SMART"
    ask = quotes(client, check, put, condor(con_ids))
    orders(client, check, condor(con_ids), ask)
    account(client, check)
    check.that("still connected", client.isConnected)
    if faults:
        print(f"the client logged: {faults[:3]}")
    check.that("the client logged no error", lambda: not faults)
    client.disconnect()
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
