"""What ib_insync writes on the wire is read back field by field, at every protocol version."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_insync import (  # noqa: TID251 - the client whose bytes are read
    Contract,
    DeltaNeutralContract,
    ExecutionFilter,
    Order,
    PriceCondition,
    TagValue,
    TimeCondition,
)
from ib_insync.order import ExecutionCondition, MarginCondition, OrderComboLeg  # noqa: TID251

from bot.sim.wire import requests as ask
from bot.sim.wire import requests_data as data
from bot.sim.wire.decode import UnknownRequest, decode
from bot.sim.wire.fields import FieldReader, MalformedRequest
from bot.sim.wire.framing import split_fields
from bot.sim.wire.message_names import REQUEST_NAMES
from tests.sim.wire.recorder import VERSIONS, Recorder, bag, every_request, written

ORDERS = {
    "plain": Order(action="BUY", totalQuantity=3, orderType="LMT", lmtPrice=-4.35, tif="DAY", orderRef="c1/open"),
    "what-if": Order(action="SELL", totalQuantity=1, orderType="MKT", whatIf=True, account="DU1"),
    "scale": Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=1.0, scalePriceIncrement=0.5),
    "hedge": Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=1.0, hedgeType="D", hedgeParam="2"),
    "algo": Order(
        action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=1.0, algoStrategy="Adaptive",
        algoParams=[TagValue("adaptivePriority", "Patient")],
    ),
    "delta neutral": Order(action="BUY", totalQuantity=1, orderType="VOL", deltaNeutralOrderType="MKT"),
    "pegged": Order(action="BUY", totalQuantity=1, orderType="PEG BENCH", referenceContractId=5),
    "best": Order(action="BUY", totalQuantity=1, orderType="PEG BEST", competeAgainstBestOffset=math.inf),
    "mid": Order(action="BUY", totalQuantity=1, orderType="PEG MID", midOffsetAtWhole=0.1),
    "conditions": Order(
        action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=1.0,
        conditions=[PriceCondition(price=10.0, conId=4), TimeCondition(time="20181001 10:00:00"), MarginCondition(),
                    ExecutionCondition(symbol="SPX")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", sorted(ORDERS))
def test_every_order_layout_is_read_to_its_last_field(kind: str, version: int) -> None:
    """Conditional blocks and versioned tails line up: a strict reader leaves no field over and misses none."""
    client = Recorder(version)
    for contract in (bag(), Contract(conId=9, symbol="SPX", secType="OPT", exchange="IBKRATS", currency="USD")):
        client.placeOrder(17, contract, ORDERS[kind])
        request = client.last()
        assert isinstance(request, ask.PlaceOrder)
        assert (request.order_id, request.raw["action"]) == (17, ORDERS[kind].action)
        assert request.raw["orderRef"] == ORDERS[kind].orderRef
        assert request.raw["whatIf"] == ("1" if ORDERS[kind].whatIf else "0")
        assert [leg.con_id for leg in request.legs] == [leg.conId for leg in contract.comboLegs or []]


def test_combo_details_are_read() -> None:
    """Legs with ratios and actions, prices per leg, routing parameters and a delta-neutral contract."""
    client = Recorder(176)
    contract = bag(2)
    contract.deltaNeutralContract = DeltaNeutralContract(5, 0.5, 10.0)
    order = Order(
        action="BUY",
        totalQuantity=1,
        orderType="LMT",
        lmtPrice=1.0,
        orderComboLegs=[OrderComboLeg(1.5), OrderComboLeg()],
        smartComboRoutingParams=[TagValue("NonGuaranteed", "1")],
    )
    client.placeOrder(17, contract, order)
    request = client.last()
    assert isinstance(request, ask.PlaceOrder)
    assert request.legs == (ask.ComboLegQuery(100, 1, "SELL", "CBOE"), ask.ComboLegQuery(101, 2, "BUY", "CBOE"))
    assert request.leg_prices == (1.5, None)
    assert request.combo_params == (("NonGuaranteed", "1"),)
    assert request.raw["deltaNeutralContractConId"] == "5"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_other_requests_are_read(version: int) -> None:
    """Market data, contracts, executions, history, accounts, cancels."""
    client = Recorder(version)
    option = Contract(
        symbol="SPX", secType="OPT", lastTradeDateOrContractMonth="20181031", strike=2700.0, right="P", exchange="SMART"
    )
    client.reqMktData(5, bag(2), "100,101", False, False, [])
    assert client.last() == ask.MarketData(
        5,
        ask.ContractQuery(symbol="SPX", sec_type="BAG", exchange="SMART", currency="USD"),
        (ask.ComboLegQuery(100, 1, "SELL", "CBOE"), ask.ComboLegQuery(101, 2, "BUY", "CBOE")),
        "100,101",
        False,
    )
    client.reqContractDetails(6, option)
    request = client.last()
    assert isinstance(request, ask.ContractDetails)
    assert request.contract.fields == {
        "symbol": "SPX", "sec_type": "OPT", "expiry": "20181031", "strike": 2700.0, "right": "P",
    }  # fmt: skip
    client.reqExecutions(7, ExecutionFilter(clientId=3, symbol="SPX", time="20181001 09:31:00", side="BUY"))
    request = client.last()
    assert isinstance(request, ask.Executions)
    assert request.since is not None
    assert (request.client_id, request.symbol, request.side, request.since.hour) == (3, "SPX", "BUY", 9)
    client.reqHistoricalData(8, option, "20181001-20:00:00", "1 Y", "1 day", "TRADES", True, 1, False, [])
    request = client.last()
    assert isinstance(request, ask.HistoricalData)
    assert (request.duration, request.bar_size, request.regular_hours) == ("1 Y", "1 day", True)
    client.reqAccountUpdatesMulti(9, "DU1", "", True)
    assert client.last() == ask.AccountUpdatesMulti(9, "DU1", "", money_only=True)
    client.reqAccountSummary(10, "All", "NetLiquidation,BuyingPower")
    assert client.last() == ask.AccountSummary(10, "All", ("NetLiquidation", "BuyingPower"))
    client.cancelOrder(11)
    assert client.last() == ask.CancelOrder(11)
    client.reqSecDefOptParams(12, "SPX", "", "IND", 416904)
    assert client.last() == ask.OptionParameters(12, "SPX", "", "IND", 416904)
    client.reqPnL(13, "DU1", "")
    assert client.last() == ask.ProfitAndLoss(13, "DU1")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_of_the_client_is_read_or_named(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that ib_insync can send: a request read to its last field, or an error with the protocol's own name."""
    readers: list[FieldReader] = []

    class Watched(FieldReader):
        def __init__(self, values: list[str]) -> None:
            super().__init__(values)
            readers.append(self)

    monkeypatch.setattr("bot.sim.wire.decode.FieldReader", Watched)
    seen: set[type] = set()
    misnamed: list[str] = []
    for name in every_request():
        number, *fields = split_fields(written(name, version).encode())
        if name == "startApi":
            continue  # the session's, not a request
        try:
            seen.add(type(decode(int(number), fields, version)))
        except UnknownRequest as unknown:
            misnamed += [name] if unknown.name != REQUEST_NAMES[int(number)] else []
            continue
        unread = readers[-1].remaining
        assert unread in (0, len(fields)), f"{name}: {unread} fields unread (all may be, where none of them matters)"
    assert misnamed == []
    parts = {ask.ContractQuery, ask.ComboLegQuery}
    known = {one for module in (ask, data) for one in vars(module).values() if dataclasses.is_dataclass(one)} - parts
    missing = known - seen
    assert {one.__name__ for one in missing} == set(), "requests that no message of the client leads to"


def test_unknown_requests_are_named_and_carry_their_id() -> None:
    """The error about a request that is not served can be addressed to it."""
    client = Recorder(176)
    client.reqFundamentalData(21, Contract(symbol="SPX"), "ReportSnapshot", [])
    with pytest.raises(UnknownRequest, match="reqFundamentalData") as caught:
        client.last()
    assert caught.value.request_id == 21


@settings(deadline=None)
@given(cut=st.integers(0, 120), noise=st.text(alphabet="x1-.\x00", max_size=6))
def test_a_damaged_order_is_malformed_and_never_half_read(cut: int, noise: str) -> None:
    """Cutting fields off or adding some is noticed, with the message named."""
    client = Recorder(176)
    client.placeOrder(17, bag(), ORDERS["plain"])
    _, *fields = split_fields(client.messages[-1].encode())
    damaged = fields[: min(cut, len(fields) - 1)] if cut % 2 else [*fields, noise]
    with pytest.raises(MalformedRequest, match="placeOrder"):
        decode(3, damaged, 176)


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf])
def test_prices_that_are_no_numbers_are_malformed(price: float) -> None:
    """NaN and infinities reach the wire from a careless client and stop there."""
    client = Recorder(176)
    client.placeOrder(17, bag(), Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=price))
    with pytest.raises(MalformedRequest, match="lmtPrice"):
        client.last()


def test_random_fields_end_in_a_request_or_a_named_error() -> None:
    """Thousands of random messages of every number: each is read, malformed or unknown, nothing else."""
    rng = np.random.default_rng(5)
    words = ["", "0", "1", "-1", "7", "2.5", "BAG", "BUY", "LMT", "nan", "1e400", "9" * 20, "SPX", "x"]
    for _ in range(8000):
        fields = [words[int(n)] for n in rng.integers(0, len(words), int(rng.integers(0, 130)))]
        with contextlib.suppress(MalformedRequest, UnknownRequest):
            decode(int(rng.integers(0, 110)), fields, 176)
