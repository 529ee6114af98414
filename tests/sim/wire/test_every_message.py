"""Every kind of message that the gateway can send, at every protocol version, through ib_insync's own decoder."""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest
from ib_insync.decoder import Decoder  # noqa: TID251 - the reader

import bot.sim.wire
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
from bot.sim.wire import encode, encode_contract, encode_data, encode_order
from bot.sim.wire.framing import split_fields
from tests.sim.fakes.fake_market import NEW_YORK, SPX, VX, option
from tests.sim.wire.recorder import VERSIONS, Heard

AT = datetime(2018, 10, 1, 10, 30, 5, tzinfo=NEW_YORK)
PUT = option(2700.0, Right.PUT)
LINE = PositionLine("DU1234567", PUT, -2, 435.0)
STATE = AccountState("DU1234567", 500_010.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
TICKET = OrderTicket(3, 41, "DU1234567", Side.BUY, 2, "LMT", -4.35, "DAY", (Leg(PUT, 1, Side.SELL),), True)
ORDER = VenueOrder(TICKET, 900_001, "Submitted", remaining=2, completed_at=AT)
FILL = Execution("0000e1.01", AT, 900_001, 3, 41, "c1", "DU1234567", PUT, Side.SELL, 2, 4.35, 2, 4.35)
BAG_FILL = replace(FILL, spec=replace(PUT, con_id=0, sec_type=SecType.BAG))
BAR = Bar(AT, 1.0, 2.0, 0.5, 1.5, 9.0)
HOURS = ("US/Eastern", "20181001:0930-20181001:1615", "20181001:0930-20181001:1615")
FIGURE = ("NetLiquidation", "500000.00", "USD")

MESSAGES: dict[str, tuple[Callable[[int], bytes], str]] = {
    "error": (lambda v: encode.error(7, 201, "no", v), "error"),
    "managed_accounts": (lambda v: encode.managed_accounts(["DU1", "DU2"]), "managedAccounts"),
    "next_valid_id": (lambda v: encode.next_valid_id(7), "nextValidId"),
    "current_time": (lambda v: encode.current_time(AT), "currentTime"),
    "tick_req_params": (lambda v: encode.tick_req_params(5, 0.05, "9c0001"), "tickReqParams"),
    "market_data_type": (lambda v: encode.market_data_type(5, 1), "marketDataType"),
    "tick_price": (lambda v: encode.tick_price(5, 1, 4.35, 7, 1), "priceSizeTick"),
    "tick_size": (lambda v: encode.tick_size(5, 0, 7), "tickSize"),
    "tick_generic": (lambda v: encode.tick_generic(5, 49, 0.0), "tickGeneric"),
    "tick_string": (lambda v: encode.tick_string(5, 45, "1538404205"), "tickString"),
    "tick_snapshot_end": (lambda v: encode.tick_snapshot_end(5), "tickSnapshotEnd"),
    "historical_data": (lambda v: encode_data.historical_data(5, "a", "b", [("20181001", BAR)]), "historicalData"),
    "historical_data_update": (
        lambda v: encode_data.historical_data_update(5, "20181001", BAR), "historicalDataUpdate",
    ),
    "real_time_bar": (lambda v: encode_data.real_time_bar(5, 1538404205, BAR), "realtimeBar"),
    "historical_schedule": (
        lambda v: encode_data.historical_schedule(5, "a", "b", "US/Central", [("a", "b", "20181001")]),
        "historicalSchedule",
    ),
    "head_timestamp": (lambda v: encode_data.head_timestamp(5, "20181001-13:30:00"), "headTimestamp"),
    "histogram": (lambda v: encode_data.histogram(5, [(4.35, 7)]), "histogramData"),
    "historical_midpoints": (lambda v: encode_data.historical_midpoints(5, [(1538404205, 4.3)]), "historicalTicks"),
    "historical_quotes": (
        lambda v: encode_data.historical_quotes(5, [(1538404205, 4.3, 4.4, 7, 9)]), "historicalTicksBidAsk",
    ),
    "historical_trades": (
        lambda v: encode_data.historical_trades(5, "CBOE", [(1538404205, 4.3, 7)]), "historicalTicksLast",
    ),
    "tick_by_tick_trade": (
        lambda v: encode_data.tick_by_tick_trade(5, 1, 1538404205, 4.3, 7, "CFE"), "tickByTickAllLast",
    ),
    "tick_by_tick_quote": (
        lambda v: encode_data.tick_by_tick_quote(5, 1538404205, (4.3, 4.4, 7, 9), 0), "tickByTickBidAsk",
    ),
    "tick_by_tick_midpoint": (lambda v: encode_data.tick_by_tick_midpoint(5, 1538404205, 4.35), "tickByTickMidPoint"),
    "option_computation": (
        lambda v: encode_data.option_computation(5, 13, encode_data.Computation(0.2, -0.3, 4.35)),
        "tickOptionComputation",
    ),
    "depth": (lambda v: encode_data.depth(5, 0, 0, 1, 4.3, 7), "updateMktDepth"),
    "smart_depth": (lambda v: encode_data.smart_depth(5, 0, "ARCA", 0, 1, 4.3, 7), "updateMktDepthL2"),
    "depth_exchanges": (
        lambda v: encode_data.depth_exchanges([("CFE", "FUT", "", "Deep")]), "mktDepthExchanges",
    ),
    "smart_components": (lambda v: encode_data.smart_components(5, [(1, "CBOE", "C")]), "smartComponents"),
    "news_providers": (lambda v: encode_data.news_providers(), "newsProviders"),
    "family_codes": (lambda v: encode_data.family_codes(["*"]), "familyCodes"),
    "soft_dollar_tiers": (lambda v: encode_data.soft_dollar_tiers(5), "softDollarTiers"),
    "display_groups": (lambda v: encode_data.display_groups(5), "displayGroupList"),
    "user_info": (lambda v: encode_data.user_info(5), "userInfo"),
    "position_multi": (lambda v: encode_data.position_multi(5, LINE), "positionMulti"),
    "pnl_single": (
        lambda v: encode_data.pnl_single(5, 2, encode_data.PositionFigures(1.0, 2.0, 3.0, 4.0)),
        "pnlSingle",
    ),
    "option_parameters": (
        lambda v: encode.option_parameters(
            5, exchange="CBOE", under_con_id=1, trading_class="SPXW", multiplier=100, expiries=[date(2018, 10, 31)],
            strikes=[2700.0],
        ),
        "securityDefinitionOptionParameter",
    ),
    "option_parameters_end": (lambda v: encode.option_parameters_end(5), "securityDefinitionOptionParameterEnd"),
    "market_rule": (lambda v: encode.market_rule(109, [(0.0, 0.05), (3.0, 0.1)]), "marketRule"),
    "symbol_samples": (lambda v: encode.symbol_samples(5, [(SPX, ["OPT"])], v), "symbolSamples"),
    "contract_details": (lambda v: encode_contract.contract_details(5, PUT, HOURS, SPX, v), "contractDetails"),
    "contract_details of an index": (
        lambda v: encode_contract.contract_details(5, SPX, HOURS, None, v), "contractDetails",
    ),
    "contract_details of a future": (
        lambda v: encode_contract.contract_details(5, VX, HOURS, SPX, v), "contractDetails",
    ),
    "execution_details": (lambda v: encode.execution_details(-1, FILL, v), "execDetails"),
    "execution_details of a BAG": (lambda v: encode.execution_details(5, BAG_FILL, v), "execDetails"),
    "execution_details_end": (lambda v: encode.execution_details_end(5), "execDetailsEnd"),
    "commission_report": (lambda v: encode.commission_report(Commission("0000e1.01", 1.3, 2.0)), "commissionReport"),
    "position": (lambda v: encode.position(LINE), "position"),
    "account_value": (lambda v: encode.account_value(*FIGURE, "DU1"), "updateAccountValue"),
    "account_time": (lambda v: encode.account_time(AT), "updateAccountTime"),
    "account_download_end": (lambda v: encode.account_download_end("DU1"), "accountDownloadEnd"),
    "account_update_multi": (lambda v: encode.account_update_multi(5, "DU1", FIGURE), "accountUpdateMulti"),
    "account_summary": (lambda v: encode.account_summary(5, "DU1", *FIGURE), "accountSummary"),
    "portfolio_value": (lambda v: encode.portfolio_value(LINE, 4.0, 0.0), "updatePortfolio"),
    "pnl": (lambda v: encode.pnl(5, 10.0, STATE), "pnl"),
    "ending of open orders": (lambda v: encode.ending(53), "openOrderEnd"),
    "ending of positions": (lambda v: encode.ending(62), "positionEnd"),
    "ending of completed orders": (lambda v: encode.ending(102), "completedOrdersEnd"),
    "ending of contract details": (lambda v: encode.ending(52, 5), "contractDetailsEnd"),
    "ending of a summary": (lambda v: encode.ending(64, 5), "accountSummaryEnd"),
    "ending of multi updates": (lambda v: encode.ending(74, 5), "accountUpdateMultiEnd"),
    "order_status": (lambda v: encode_order.order_status(ORDER), "orderStatus"),
    "rejected_status": (lambda v: encode_order.rejected_status(41, "Inactive", 2, 3), "orderStatus"),
    "open_order": (lambda v: encode_order.open_order(ORDER, v), "openOrder"),
    "what_if_order": (
        lambda v: encode_order.what_if_order(TICKET, MarginImpact(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), v), "openOrder",
    ),
    "order_bound": (lambda v: encode_order.order_bound(ORDER), "orderBound"),
    "completed_order": (lambda v: encode_order.completed_order(ORDER, v), "completedOrder"),
}  # fmt: skip
"""Name (the function's, then what it is about), the message for a version, the client's callback it leads to."""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_leads_to_its_callback(version: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each message is read without a complaint and reaches the callback that clients wait for."""
    heard = Heard()
    decoder = Decoder(heard, version)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR, logger="ib_insync"):
        for name, (make, callback) in MESSAGES.items():
            heard.calls.clear()
            decoder.interpret(split_fields(make(version)))
            assert callback in [called for called, _ in heard.calls], f"{name}: heard {heard.calls}"
    assert [record.getMessage() for record in caplog.records] == []


def test_no_kind_of_message_is_left_out() -> None:
    """Every public function of the encoding modules that makes a message has its row above."""
    makers = {
        name
        for module in pkgutil.iter_modules(bot.sim.wire.__path__)
        if module.name.startswith("encode")
        for name, function in vars(importlib.import_module(f"bot.sim.wire.{module.name}")).items()
        if inspect.isfunction(function) and not name.startswith("_")
        and function.__module__ == f"bot.sim.wire.{module.name}" and function.__annotations__.get("return") == "bytes"
    }  # fmt: skip
    assert makers - {name.split(" of ")[0] for name in MESSAGES} == set()
