"""What the tests trade: a condor a month out around the index, found the way any client would find it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.library import ComboLeg, Contract, Index, LimitOrder, Option, soon

WINGS = ((-150, "P", "BUY"), (-100, "P", "SELL"), (100, "C", "SELL"), (150, "C", "BUY"))
"""Distance from the index in points, right, action: buying the combination opens an iron condor for a credit."""


async def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Waits until the condition holds."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never happened: {what}")


@dataclass
class Trader:
    """A connected client, the index, one expiry, its put and call, and the condor."""

    ib: Any
    spx: Any
    expiry: str
    options: list[Any]
    errors: list[tuple[int, int, str]] = field(default_factory=list)

    @classmethod
    async def ready(cls, ib: Any) -> Trader:
        spx = Index("SPX", "CBOE", "USD")
        await soon(ib.qualifyContractsAsync(spx))
        chains = await soon(ib.reqSecDefOptParamsAsync("SPX", "", "IND", spx.conId))
        chain = next(one for one in chains if one.tradingClass == "SPXW")
        expiry = sorted(chain.expirations)[20]
        line = ib.reqMktData(spx)
        await until(lambda: line.last == line.last, "the index level")
        middle = round(line.last / 25) * 25
        ib.cancelMktData(spx)
        options = [
            Option("SPX", expiry, float(middle + away), right, "SMART", tradingClass="SPXW", currency="USD")
            for away, right, _ in WINGS
        ]
        found = await soon(ib.qualifyContractsAsync(*options))
        assert len(found) == len(WINGS), found
        trader = cls(ib, spx, expiry, options)
        ib.errorEvent += lambda request, code, text, contract: trader.errors.append((request, code, text))
        return trader

    def condor(self, ratio: int = 1) -> Any:
        legs = [
            ComboLeg(conId=option.conId, ratio=ratio, action=action, exchange="SMART")
            for option, (_, _, action) in zip(self.options, WINGS, strict=True)
        ]
        return Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs)

    async def quoted(self, contract: Any) -> tuple[float, float]:
        """Bid and ask of a contract or combination; the line is closed again."""
        if contract.secType != "BAG" and not contract.conId:
            await soon(self.ib.qualifyContractsAsync(contract))
        line = self.ib.reqMktData(contract)
        await until(lambda: line.bid == line.bid and line.ask == line.ask, "a quote")
        self.ib.cancelMktData(contract)
        return line.bid, line.ask

    async def buying(self, quantity: int, **fields: Any) -> Any:
        """A limit order that the market takes at once."""
        _, ask = await self.quoted(self.condor())
        return LimitOrder("BUY", quantity, round(ask + 2.0, 2), tif="DAY", **fields)

    def resting(self, quantity: int, **fields: Any) -> Any:
        """A limit order far from the market: it waits."""
        return LimitOrder("BUY", quantity, -40.0, tif="DAY", **fields)

    def place(self, contract: Any, order: Any) -> Any:
        return self.ib.placeOrder(contract, order)

    async def placed(self, contract: Any, order: Any, status: str = "Submitted") -> Any:
        """The trade, once its order has that status."""
        trade = self.place(contract, order)
        await until(lambda: trade.orderStatus.status == status, f"status {status}")
        return trade

    def codes(self, request_id: int | None = None) -> list[int]:
        """Error codes heard, of one request or of all."""
        return [code for request, code, _ in self.errors if request_id in (None, request)]

    async def heard(self, code: int, request_id: int | None = None) -> str:
        """The text of the first error with this code."""
        await until(lambda: code in self.codes(request_id), f"error {code} for request {request_id}")
        return next(text for request, found, text in self.errors if found == code and request_id in (None, request))
