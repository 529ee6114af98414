"""What the broker says, as facts: executions, margins, commissions, orders, bars, contracts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from types import SimpleNamespace as Raw
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.ibkr import contracts, inbound
from bot.ibkr.accounts import account_problem
from bot.ibkr.inbox import ChainRow
from strategies.domain.account import MarginImpact
from strategies.domain.events import BrokerOrderStatus
from strategies.domain.instruments import Right, SettlementStyle, TickBand
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import Action

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2018, 10, 15, 15, 0, tzinfo=UTC)
UNSET = "1.7976931348623157E308"


def row(**changes: str) -> list[str]:
    """An execDetails message of one sold put."""
    said = {
        "type": "11", "request_id": "-1", "order_id": "12", "con_id": "26502", "symbol": "SPX", "sec_type": "OPT",
        "last_trade": "20181031", "strike": "2650", "right": "P", "multiplier": "100", "exchange": "CBOE",
        "currency": "USD", "local": "SPXW", "class": "SPXW", "exec_id": "0000e1a7.5bd1.01.01",
        "time": "20181015 10:59:59 US/Eastern", "account": "DU1", "venue": "CBOE", "side": "SLD", "shares": "2",
        "price": "5.15", "perm_id": "900002", "client_id": "1", "liquidation": "0", "cum": "2", "avg": "5.15",
        "ref": "ic-1-a1", "ev_rule": "", "ev_mult": "", "model": "", "last_liquidity": "2",
    }  # fmt: skip
    said.update(changes)
    return list(said.values())


def fill_of(**changes: str) -> Any:
    raw, complaint = inbound.execution(row(**changes), NEW_YORK, NOW)
    assert complaint == ""
    return raw.fill


def test_a_leg_execution_is_a_fill() -> None:
    """Side, quantity, price, multiplier, UTC time and our ref."""
    fill = fill_of()
    assert (fill.ref, fill.con_id, fill.side, fill.quantity) == ("ic-1-a1", 26502, Action.SELL, 2)
    assert (fill.price_points, fill.multiplier, fill.perm_id, fill.liquidation) == (5.15, 100, 900002, False)
    assert fill.at == datetime(2018, 10, 15, 14, 59, 59, tzinfo=UTC)


def test_the_summary_of_a_combination_is_no_position() -> None:
    """A BAG execution names its order but fills nothing."""
    raw, _ = inbound.execution(row(sec_type="BAG", con_id="28812380", multiplier=""), NEW_YORK, NOW)
    assert raw.fill is None
    assert raw.ref == "ic-1-a1"


def test_an_execution_without_ref_is_external() -> None:
    """A manual trade or a liquidation has no ref of ours; the unset order id of a manual order is no id."""
    raw, _ = inbound.execution(row(ref="", liquidation="1", order_id="2147483647"), NEW_YORK, NOW)
    assert raw.order_id == 0
    assert raw.fill is not None
    assert raw.fill.ref is None
    assert raw.fill.liquidation


def test_corrections_and_busts_keep_their_revision() -> None:
    """A correction has the same base id and a higher revision; a bust has quantity zero."""
    first, second = fill_of(), fill_of(exec_id="0000e1a7.5bd1.01.02", shares="0")
    assert first.base_id == second.base_id
    assert (second.revision, second.quantity) == (2, 0)


def test_an_unreadable_time_does_not_lose_the_execution() -> None:
    """The arrival time stands in and somebody is told."""
    raw, complaint = inbound.execution(row(time="20181015 10:59:59 Moon/Base"), NEW_YORK, NOW)
    assert raw.fill is not None
    assert raw.fill.at == NOW
    assert "Moon/Base" in complaint


@pytest.mark.parametrize(
    "bad", [{"side": "???"}, {"shares": "1.5"}, {"shares": "-1"}, {"price": UNSET}, {"con_id": ""}]
)
def test_executions_that_make_no_sense_are_refused(bad: dict[str, str]) -> None:
    """Refused whole, so that a fresh snapshot is asked."""
    with pytest.raises(ValueError, match=r".+"):
        inbound.execution(row(**bad), NEW_YORK, NOW)
    with pytest.raises(ValueError, match="31 fields"):
        inbound.execution(row()[:20], NEW_YORK, NOW)


def margins(**changes: object) -> Raw:
    said: dict[str, object] = {
        "initMarginAfter": "6000.0", "maintMarginAfter": "4800.5", "equityWithLoanAfter": "499998.9",
        "initMarginChange": "5000.0", "commission": 4.4, "maxCommission": 1.7976931348623157e308,
    }  # fmt: skip
    said.update(changes)
    return Raw(**said)


def test_a_what_if_is_known_only_if_every_margin_is() -> None:
    """Texts become dollars; one unset, empty or odd figure makes the answer Unknown."""
    assert inbound.margin(margins()) == Known(MarginImpact(6000.0, 4800.5, 499998.9, 5000.0, 4.4))
    for odd in (UNSET, "", "nan", "n/a"):
        for name in ("initMarginAfter", "maintMarginAfter", "equityWithLoanAfter", "initMarginChange"):
            assert isinstance(inbound.margin(margins(**{name: odd})), Unknown)
    assert isinstance(inbound.margin([]), Unknown)


def test_a_commission_not_given_is_not_zero() -> None:
    """Unset commission of a what-if is None; the pending marks of a report are no report."""
    known = inbound.margin(margins(commission=1.7976931348623157e308))
    assert isinstance(known, Known)
    assert known.value.commission_usd is None
    assert inbound.commission("x", 1.7976931348623157e308, "USD") is None
    assert inbound.commission("x", -1.0, "USD") is None
    found = inbound.commission("x", -0.25, "USD")
    assert found is not None
    assert found.commission_usd == -0.25
    with pytest.raises(ValueError, match="EUR"):
        inbound.commission("x", 1.0, "EUR")


def test_status_words_nobody_knows_are_other() -> None:
    """A new word of the broker stops nothing."""
    assert inbound.status("Submitted") is BrokerOrderStatus.SUBMITTED
    assert inbound.status("Teleported") is BrokerOrderStatus.OTHER


def test_history_ends_before_today_with_each_day_once() -> None:
    """The running day's bar is not history; a bar without a price refuses the whole answer."""
    bars = [inbound.daily_bar(Raw(date=f"201810{d}", open=1.0, high=2.0, low=0.5, close=1.5)) for d in (15, 11, 12, 12)]
    assert [b.day.day for b in inbound.bars_before(bars, date(2018, 10, 15), 5)] == [11, 12]
    assert [b.day.day for b in inbound.bars_before(bars, date(2018, 10, 15), 1)] == [12]
    with pytest.raises(ValueError, match="lacks a price"):
        inbound.daily_bar(Raw(date="20181015", open=1.0, high=2.0, low=-1.0, close=1.5))


@pytest.mark.parametrize(
    ("managed", "expected", "words"),
    [
        (("DU1", "DU2"), "", "2 accounts"),
        ((), "", "0 accounts"),
        (("U123",), "", "not a paper account"),
        (("U123",), "U123", "not a paper account"),
        (("DU1",), "DU2", "names DU2"),
    ],
)
def test_only_the_one_paper_account_is_traded(managed: tuple[str, ...], expected: str, words: str) -> None:
    """Control C45, by the broker's own answer."""
    assert words in (account_problem(managed, expected) or "")
    assert account_problem(("DU1",), "") is None
    assert account_problem(("DU1",), "DU1") is None


def details(**changes: Any) -> Raw:
    contract = {
        "secType": "OPT", "conId": 5, "symbol": "SPX", "tradingClass": "SPXW", "exchange": "SMART",
        "multiplier": "100", "strike": 2650.0, "right": "P", "currency": "USD",
        "lastTradeDateOrContractMonth": "20181031",
    }  # fmt: skip
    contract.update({k: v for k, v in changes.items() if k in contract})
    said = {
        "realExpirationDate": "", "lastTradeTime": "", "timeZoneId": "US/Central", "liquidHours": "",
        "marketRuleIds": "110,239", "validExchanges": "SMART,CBOE", "minTick": 0.05,
    }  # fmt: skip
    said.update({k: v for k, v in changes.items() if k in said})
    return Raw(contract=Raw(**contract), **said)


TICKS = (TickBand(0.0, 0.05),)


def ends(**changes: Any) -> datetime:
    return contracts.to_option(details(**changes), TICKS).last_trade_at.astimezone(NEW_YORK)


def test_a_pm_series_trades_to_the_index_close_of_its_day() -> None:
    """16:00, or 13:00 when the broker's liquid hours show an early close, in either way of writing it."""
    assert ends() == datetime(2018, 10, 31, 16, 0, tzinfo=NEW_YORK)
    assert ends(liquidHours="20181031:0830-20181031:1515").time() == time(16, 0)
    assert ends(liquidHours="20181031:0830-20181031:1500").time() == time(16, 0)
    assert ends(liquidHours="20181031:0830-20181031:1215").time() == time(13, 0)
    assert ends(liquidHours="20181031:0830-20181031:1200").time() == time(13, 0)


def test_an_am_series_stops_the_business_day_before() -> None:
    """By its own last trading day, else the weekday before settlement, skipping days the broker calls closed."""
    am = {"tradingClass": "SPX", "realExpirationDate": "20181019"}
    assert ends(**am, lastTradeDateOrContractMonth="20181018") == datetime(2018, 10, 18, 16, 15, tzinfo=NEW_YORK)
    assert ends(**am, lastTradeDateOrContractMonth="20181019") == datetime(2018, 10, 18, 16, 15, tzinfo=NEW_YORK)
    closed = ends(**am, lastTradeDateOrContractMonth="20181019", liquidHours="20181018:CLOSED")
    assert closed.date() == date(2018, 10, 17)
    option = contracts.to_option(details(**am, lastTradeDateOrContractMonth="20181018"), TICKS)
    assert (option.expiry, option.settlement, option.right) == (date(2018, 10, 19), SettlementStyle.AM, Right.PUT)


def test_a_future_stops_at_the_told_time_in_the_told_zone() -> None:
    """08:00 in Chicago is 09:00 in New York."""
    vx = details(
        secType="FUT", symbol="VIX", tradingClass="VX", exchange="CFE", multiplier="1000",
        lastTradeDateOrContractMonth="20181121", lastTradeTime="08:00",
    )  # fmt: skip
    future = contracts.to_future(vx, TICKS)
    assert future.last_trade_at == datetime(2018, 11, 21, 14, 0, tzinfo=UTC)
    assert (future.expiry, future.multiplier) == (date(2018, 11, 21), 1000)


def test_the_tick_rule_is_the_one_of_the_contracts_exchange() -> None:
    """Rules and exchanges are parallel lists; without a rule the minimum tick is the rule."""
    assert contracts.market_rule(details()) == 110
    assert contracts.market_rule(details(exchange="CBOE")) == 239
    assert contracts.market_rule(details(marketRuleIds="")) is None
    assert contracts.bands([(3.0, 0.1), (0.0, 0.05)]) == (TickBand(0.0, 0.05), TickBand(3.0, 0.1))
    assert contracts.bands([], 0.05) == TICKS
    with pytest.raises(contracts.ContractRefused):
        contracts.bands([], 0.0)


def test_contracts_of_another_kind_are_refused() -> None:
    """An index is no option, an option without right or expiry is none either."""
    for bad in (
        {"secType": "IND"},
        {"conId": 0},
        {"right": "?"},
        {"strike": 0.0},
        {"lastTradeDateOrContractMonth": ""},
    ):
        with pytest.raises(contracts.ContractRefused):
            contracts.to_option(details(**bad), TICKS)


def test_a_chain_is_one_class_of_the_answer() -> None:
    """SMART is preferred, expiries are days, a class that is not listed is said so with what is."""
    rows = [
        ChainRow("CBOE", "SPXW", "100", ("20181031",), (2650.0,)),
        ChainRow("SMART", "SPXW", "100", ("20181031", "20181017"), (2700.0, 2650.0)),
        ChainRow("SMART", "SPX", "100", ("20181018",), (2000.0,)),
    ]
    chain = contracts.to_chain("SPX", "SPXW", rows)
    assert (chain.exchange, chain.multiplier, chain.strikes) == ("SMART", 100, (2650.0, 2700.0))
    assert chain.expiries == (date(2018, 10, 17), date(2018, 10, 31))
    with pytest.raises(contracts.ContractRefused, match="it lists SPX, SPXW"):
        contracts.to_chain("SPX", "SPXQ", rows)
