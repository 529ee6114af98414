"""What the gateway writes is read back by ib_insync's own decoder, at every protocol version."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_insync import CommissionReport, Contract, ContractDetails, Order, OrderState  # noqa: TID251 - the reader
from ib_insync.decoder import Decoder  # noqa: TID251
from ib_insync.util import UNSET_DOUBLE  # noqa: TID251

from bot.sim.types import (
    AccountState,
    Bar,
    Commission,
    Execution,
    Leg,
    MarginImpact,
    OrderTicket,
    PositionLine,
    Right,
    SecType,
    Side,
    VenueOrder,
)
from bot.sim.wire import encode, encode_data, encode_order
from bot.sim.wire.encode_contract import contract_details
from bot.sim.wire.fields import money
from bot.sim.wire.framing import split_fields
from tests.sim.fakes.fake_market import NEW_YORK, SPX, VX, option
from tests.sim.wire.recorder import VERSIONS, Heard

AT = datetime(2018, 10, 1, 10, 30, 5, tzinfo=NEW_YORK)
PUT = option(2700.0, Right.PUT)


def read(payload: bytes, version: int) -> tuple[Any, ...]:
    """The arguments of the one callback the message causes."""
    heard = Heard()
    Decoder(heard, version).interpret(split_fields(payload))  # type: ignore[arg-type]
    ((_, arguments),) = heard.calls
    return arguments


@pytest.fixture(autouse=True)
def _the_decoder_never_stumbles(caplog: pytest.LogCaptureFixture) -> Any:
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        yield
    assert [record.getMessage() for record in caplog.records] == []


def ticket(**changes: Any) -> OrderTicket:
    legs = (Leg(PUT, 1, Side.SELL), Leg(option(2675.0, Right.PUT), 1, Side.BUY))
    basis = OrderTicket(3, 41, "DU1234567", Side.BUY, 2, "LMT", -4.35, "DAY", legs, True, order_ref="c1/open")
    return replace(basis, **changes)


def order(**changes: Any) -> VenueOrder:
    return VenueOrder(ticket(**changes), 900_001, "Submitted", remaining=2)


@pytest.mark.parametrize("version", VERSIONS)
def test_open_order_of_a_combo(version: int) -> None:
    """A BAG carries the template's identity, its legs and no numbers that are not known."""
    order_id, contract, seen, state = read(encode_order.open_order(order(), version), version)
    assert isinstance(contract, Contract)
    assert isinstance(seen, Order)
    assert isinstance(state, OrderState)
    assert (order_id, seen.clientId, seen.permId, seen.orderRef) == (41, 3, 900_001, "c1/open")
    assert (contract.conId, contract.secType, contract.right, contract.tradingClass) == (28812380, "BAG", "?", "COMB")
    assert contract.comboLegsDescrip == f"{PUT.con_id}|-1,26752|1"
    assert [(leg.conId, leg.ratio, leg.action) for leg in contract.comboLegs] == [
        (PUT.con_id, 1, "SELL"),
        (26752, 1, "BUY"),
    ]
    assert (seen.action, seen.totalQuantity, seen.lmtPrice, seen.tif) == ("BUY", 2.0, -4.35, "DAY")
    assert seen.deltaNeutralOrderType == "None"
    assert (seen.conditions, seen.whatIf, state.status) == ([], False, "Submitted")
    assert state.commission == UNSET_DOUBLE


RAW = st.fixed_dictionaries(
    {},
    optional={
        "goodTillDate": st.sampled_from(["", "20181001 15:00:00"]),
        "auxPrice": st.sampled_from(["", "1.5"]),
        "algoStrategy": st.sampled_from(["", "Adaptive"]),
        "algoParams": st.sampled_from(["", "adaptivePriority=Patient"]),
        "condition1": st.sampled_from(["1|a|1|10.0|4|CBOE|0", "3|a|1|20181001 10:00:00"]),
        "condition2": st.just("5|o|OPT|CBOE|SPX"),
        "hidden": st.sampled_from(["", "0", "1"]),
        "trailingPercent": st.sampled_from(["", "2.5"]),
        "duration": st.sampled_from(["", "30"]),
        "usePriceMgmtAlgo": st.sampled_from(["", "0", "1"]),
        "minQty": st.sampled_from(["", "1"]),
        "referenceContractId": st.just("5"),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=RAW,
    version=st.sampled_from(VERSIONS),
    order_type=st.sampled_from(["LMT", "MKT", "TRAIL LIMIT"]),
    is_bag=st.booleans(),
    group=st.sampled_from(["", "oca1"]),
    ref=st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=12),
)
def test_every_order_encodes_and_decodes(
    raw: dict[str, str], version: int, order_type: str, is_bag: bool, group: str, ref: str
) -> None:
    """Whatever a client set, openOrder and completedOrder are read to their last field."""
    told = order(raw=raw, order_type=order_type, is_bag=is_bag, order_ref=ref)
    told.completed_at, told.oca_group, told.trail_stop = AT, group, 2.5
    _, _, live, _ = read(encode_order.open_order(told, version), version)
    assert (live.ocaGroup, live.trailStopPrice) == (group, 2.5)
    assert len(live.conditions) == sum(name in raw for name in ("condition1", "condition2"))
    if version >= 159:
        assert live.duration == int(raw.get("duration", "") or 2147483647)
    _, done, state = read(encode_order.completed_order(told, version), version)
    assert (done.permId, done.totalQuantity, state.status) == (900_001, 2.0, "Submitted")
    assert done.algoStrategy == raw.get("algoStrategy", "")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_if_margins(version: int) -> None:
    """Before, change and after as text to the cent; without an impact they are the unset marker."""
    impact = MarginImpact(1000.0, 800.0, 500_000.0, 6000.126, 4800.5, 499_998.9, 4.4, "careful")
    asked = ticket(what_if=True)
    _, _, seen, state = read(encode_order.what_if_order(asked, impact, version), version)
    assert seen.whatIf is True
    assert (state.initMarginChange, state.initMarginAfter, state.equityWithLoanChange) == ("5000.13", "6000.13", "-1.1")
    assert (state.commission, state.warningText) == (4.4, "careful")
    _, _, _, unset = read(encode_order.what_if_order(asked, None, version), version)
    assert unset.initMarginChange == "1.7976931348623157E308"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("spec", [SPX, PUT, VX], ids=lambda spec: spec.sec_type.value)
def test_contract_details(spec: Any, version: int) -> None:
    """The versioned size fields line up for an index, an option and a future."""
    hours = ("US/Eastern", "20181001:0930-20181001:1615", "20181001:0930-20181001:1615")
    request_id, details = read(contract_details(9, spec, hours, SPX, version), version)
    assert isinstance(details, ContractDetails)
    assert details.contract is not None
    assert (request_id, details.contract.conId, details.contract.symbol) == (9, spec.con_id, spec.symbol)
    assert details.contract.lastTradeDateOrContractMonth == (f"{spec.expiry:%Y%m%d}" if spec.expiry else "")
    assert details.contract.strike == (spec.strike or 0.0)
    assert (details.minTick, details.timeZoneId, details.tradingHours) == (spec.min_tick, *hours[:2])
    assert details.marketRuleIds.split(",")[0] == str(spec.market_rule_id)
    if version >= 164:
        assert (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("version", VERSIONS)
def test_executions_keep_their_moment(version: int) -> None:
    """With the zone's name from 174 on, in exchange time without it; the same instant either way."""
    execution = Execution(
        "0000e1.01", AT, 900_001, 3, 41, "c1/open", "DU1234567", PUT, Side.SELL, 2, 4.35, 2, 4.35, 0
    )  # fmt: skip
    request_id, contract, seen = read(encode.execution_details(-1, execution, version), version)
    assert (request_id, contract.conId, seen.side, seen.shares, seen.orderRef) == (
        -1,
        PUT.con_id,
        "SLD",
        2.0,
        "c1/open",
    )
    assert seen.time == AT
    bag = replace(execution, spec=replace(PUT, con_id=0, sec_type=SecType.BAG))
    _, contract, _ = read(encode.execution_details(5, bag, version), version)
    assert (contract.conId, contract.secType, contract.localSymbol) == (28812380, "BAG", "28812380")


def test_account_and_market_messages() -> None:
    """Positions, portfolio, commissions, P&L, history, rules and errors are read as meant."""
    line = PositionLine("DU1234567", PUT, -2, 435.0)
    account, contract, size, cost = read(encode.position(line), 176)
    assert (account, contract.strike, size, cost) == ("DU1234567", 2700.0, -2.0, 435.0)
    seen = read(encode.portfolio_value(line, 4.0, 0.0), 176)
    assert seen[1:] == (-2.0, 4.0, -800.0, 435.0, 70.0, 0.0, "DU1234567")
    assert read(encode.portfolio_value(line, math.nan, 0.0), 176)[2] == 4.35
    (report,) = read(encode.commission_report(Commission("0000e1.01", 1.32, None)), 176)
    assert isinstance(report, CommissionReport)
    assert (report.commission, report.realizedPNL) == (1.32, UNSET_DOUBLE)
    state = AccountState("DU1234567", 500_010.0, 1.0, 2.0, 3.0, 4.0, 5.0, 106.0, realized_today=6.0)
    assert read(encode.pnl(4, 10.0, state), 176) == (4, 10.0, 5.0, 6.0)
    assert read(encode.pnl(4, None, state), 176)[1] == UNSET_DOUBLE
    assert read(encode.error(7, 201, "no\0margin é", 176), 176) == (7, 201, "no margin \\xe9", "")
    assert read(encode.error(7, 201, "no", 157), 157) == (7, 201, "no", "")
    assert read(encode.market_rule(109, [(0.0, 0.05), (3.0, 0.1)]), 176)[0] == 109
    heard = Heard()
    bars = [("20181001", Bar(AT, 1.0, 2.0, 0.5, 1.5, 9.0))]
    Decoder(heard, 176).interpret(split_fields(encode_data.historical_data(3, "a", "b", bars)))  # type: ignore[arg-type]
    assert [name for name, _ in heard.calls] == ["historicalData", "historicalDataEnd"]
    assert split_fields(encode_data.historical_data(3, "a", "b", bars))[10] == "9", (
        "clients of 157 read whole volumes only"
    )


@pytest.mark.parametrize(
    ("dollars", "text"),
    [(0.0, "0.0"), (-0.0, "0.0"), (9110.239, "9110.24"), (2000.0, "2000.0"), (None, "1.7976931348623157E308"),
     (math.nan, "1.7976931348623157E308")],
)  # fmt: skip
def test_margins_are_written_as_ib_writes_them(dollars: float | None, text: str) -> None:
    """To the cent, one decimal at least, unknown as the unset marker and never as not-a-number."""
    assert money(dollars) == text
