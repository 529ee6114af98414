"""Small true parts for engine tests: orders, executions, snapshots, instruments and the facts of a morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from bot.engine.state import EngineParams, Parameters
from risk.limits import paper_limits
from strategies.alvh.params import AlvhParams
from strategies.condor.params import CondorParams
from strategies.domain import events as ev
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Book, Fill
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.events import BrokerOrder, BrokerOrderStatus, BrokerSnapshot
from strategies.domain.instruments import Option, Right, SettlementStyle, TickBand
from strategies.domain.known import Known, Unknown
from strategies.domain.market import DailyBar
from strategies.domain.orders import Action as Side
from strategies.domain.orders import LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.session import SessionDay
from strategies.signals.curve import CurveParams
from strategies.signals.signals import SignalParams

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 5, 4)
EXPIRY = DAY + timedelta(days=45)
NINE_THIRTY_SIX = datetime(2026, 5, 4, 13, 36, tzinfo=UTC)
TEN = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
ACCOUNT = "DU7654321"
NLV_USD = 500_000.0
SPX_ID, VIX_ID, VX_IDS = 1, 2, (11, 12, 13)
TICKS = (TickBand(0.0, 0.05), TickBand(3.0, 0.10))


# orders alone -------------------------------------------------------------------------------------
def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def make_intent(ref: str = "ic-1.entry.1", quantity: int = 2, **changes: Any) -> PlaceIntent:
    """A four-legged entry on contracts 101 to 104."""
    sides = (Side.BUY, Side.SELL, Side.SELL, Side.BUY)
    base = PlaceIntent(
        ref=ref, chain_ref="ic-1.entry/1", attempt=1, purpose=Purpose.ENTRY, owner="ic-1", rule="C-ENTRY-4",
        legs=tuple(LegIntent(101 + i, 1, side) for i, side in enumerate(sides)), quantity=quantity, limit_points=-8.0,
        mid_points=-8.1, natural_points=-7.5, decided_at=TEN,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def make_record(state: OrderState = OrderState.WORKING, at: datetime = TEN, **changes: Any) -> OrderRecord:
    """That entry in some state, last touched at `at`."""
    order = changes.pop("intent", None) or make_intent()
    return OrderRecord(order, state, at, at, **{"sent_at": at, **changes})


def book_with(*records: OrderRecord, **changes: Any) -> Book:
    return msgspec.structs.replace(Book(orders={r.ref: r for r in records}), **changes)


def make_fill(exec_id: str = "e1.01", leg: int = 0, quantity: int = 1, **changes: Any) -> Fill:
    """An execution of one leg of that entry."""
    order = make_intent()
    base = Fill(exec_id, order.ref, order.legs[leg].con_id, order.legs[leg].action, quantity, 5.0, 100, TEN, 9001)
    return msgspec.structs.replace(base, **changes)


def broker_order(ref: str, status: BrokerOrderStatus = BrokerOrderStatus.SUBMITTED, **changes: Any) -> BrokerOrder:
    return msgspec.structs.replace(BrokerOrder(ref, 9001, 5, 7, status, 0.0, 2.0), **changes)


def make_snapshot(started_at: datetime, **parts: Any) -> BrokerSnapshot:
    """A complete snapshot of an account where nothing is held or works; a part given as a string is Unknown."""
    answers: dict[str, Any] = {"positions": {}, "open_orders": (), "completed_orders": (), "executions": ()}
    answers |= {name: parts.pop(name) for name in tuple(parts) if name in answers}
    known = {k: Unknown(v) if isinstance(v, str) else Known(v) for k, v in answers.items()}
    return BrokerSnapshot(**{"reason": "test", "epoch": 1, "started_at": started_at, **known, **parts})


# a market -----------------------------------------------------------------------------------------
def session_day(day: date) -> SessionDay:
    opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK)
    closes = opens.replace(hour=16, minute=0)
    return SessionDay(day, opens, closes, closes + timedelta(minutes=15))


def con_id(strike: float, right: Right) -> int:
    return 100_000 + int(strike) * 10 + (1 if right is Right.CALL else 2)


def make_option(strike: float, right: Right, expiry: date = EXPIRY) -> Option:
    last = datetime(expiry.year, expiry.month, expiry.day, 16, 0, tzinfo=NEW_YORK)
    number = con_id(strike, right)
    return Option(number, "SPX", "SPXW", "SMART", 100, expiry, strike, right, SettlementStyle.PM, last, TICKS)


@cache
def make_bars(last: float, low: float, high: float) -> tuple[DailyBar, ...]:
    """Three hundred sessions that wander between two levels and end at `last` the session before DAY."""
    closes = [low + (high - low) * (i % 100) / 100.0 for i in range(299)] + [last]
    days = [DAY - timedelta(days=300 - i) for i in range(300)]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


@cache
def calm_spx() -> tuple[DailyBar, ...]:
    closes = [5500.0 * (1 + 0.003 * (1 if i % 2 else -1)) for i in range(300)]
    days = [DAY - timedelta(days=300 - i) for i in range(300)]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


# facts ------------------------------------------------------------------------
def make_parameters(**changes: Any) -> Parameters:
    """The rulebook's numbers, with a regime that believes its first sample."""
    curve = CurveParams(samples=1, sample_every_s=1.0)
    base = Parameters(
        condor=CondorParams(curve=curve),
        limits=paper_limits(),
        engine=EngineParams(),
        alvh=AlvhParams(enabled=False),  # condors and engine by themselves; the hedge has its own bench
        signals=SignalParams(curve=curve),
    )
    return msgspec.structs.replace(base, **changes)


def run_started(parameters: Parameters | None = None, **changes: Any) -> ev.RunStarted:
    text = msgspec.json.encode(parameters or make_parameters()).decode()
    base = ev.RunStarted(
        run_id="run-1", config_hash="c0", parameters=text, code_version="test", expected_account="", simulated=True
    )
    return msgspec.structs.replace(base, **changes)


def calendar_loaded(first: date = DAY - timedelta(days=7), count: int = 70) -> ev.CalendarLoaded:
    days = [d for i in range(count * 2) if (d := first + timedelta(days=i)).weekday() < 5][:count]
    return ev.CalendarLoaded(
        sessions=tuple(session_day(d) for d in days), events=(), events_until=DAY + timedelta(days=60)
    )


def account_reported(at: datetime, net_liquidation_usd: float | None = NLV_USD, **changes: Any) -> ev.AccountReported:
    nlv = net_liquidation_usd
    figures: dict[str, Any] = {
        "net_liquidation_usd": nlv, "cash_usd": nlv, "initial_margin_usd": 0.0, "maintenance_margin_usd": 0.0,
        "excess_liquidity_usd": None if nlv is None else 0.9 * nlv,
    }  # fmt: skip
    return ev.AccountReported(snapshot=AccountSnapshot(account=ACCOUNT, at=at, **{**figures, **changes}))


def link(state: LinkState, epoch: int = 1, accounts: tuple[str, ...] = (ACCOUNT,)) -> ev.LinkChanged:
    return ev.LinkChanged(state=state, epoch=epoch, reason="test", accounts=accounts)


def command(verb: OperatorVerb, confirmed: bool = True, subject: str = "") -> ev.OperatorCommanded:
    return ev.OperatorCommanded(verb=verb, who="tester", reason="because", confirmed=confirmed, subject=subject)
