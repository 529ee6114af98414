"""Small true parts for engine tests: orders, executions, snapshots, and a bench that plays broker and market."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from bot.actions import (
    Action,
    AskBars,
    AskChain,
    AskMargin,
    AskOptions,
    AskReference,
    AskSnapshot,
    Cancel,
    CancelAll,
    Submit,
    Subscribe,
)
from bot.engine.outcome import Step
from bot.engine.state import EngineParams, Parameters, State
from bot.engine.step import step
from risk.approval import Approved
from risk.limits import paper_limits
from strategies.condor.machine import Condor
from strategies.condor.params import CondorParams
from strategies.domain import events as ev
from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Book, Fill
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.events import BrokerOrder, BrokerOrderStatus, BrokerSnapshot
from strategies.domain.instruments import Future, Index, Instrument, Option, Right, SettlementStyle, TickBand
from strategies.domain.known import Known, Unknown
from strategies.domain.market import Chain, DailyBar, Quote
from strategies.domain.orders import Action as Side
from strategies.domain.orders import LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.session import SessionDay
from strategies.pricing import black76
from strategies.signals.curve import CurveParams

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
        ref=ref, chain_ref="ic-1.entry/1", attempt=1, purpose=Purpose.ENTRY, condor_id="ic-1", rule="C-ENTRY-4",
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


def make_bars(last: float, low: float, high: float) -> tuple[DailyBar, ...]:
    """Three hundred sessions that wander between two levels and end at `last` the session before DAY."""
    closes = [low + (high - low) * (i % 100) / 100.0 for i in range(299)] + [last]
    days = [DAY - timedelta(days=300 - i) for i in range(300)]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


@cache
def _calm_spx() -> tuple[DailyBar, ...]:
    closes = [5500.0 * (1 + 0.003 * (1 if i % 2 else -1)) for i in range(300)]
    days = [DAY - timedelta(days=300 - i) for i in range(300)]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


@dataclass
class World:
    """A market with one expiry whose options are priced by Black-76 on a skewed smile."""

    spot: float = 5500.0
    vix: float = 17.0
    vx: tuple[float, float, float] = (18.0, 19.0, 19.6)
    premium: float = 1.0
    options: dict[int, Option] = field(default_factory=dict)

    def load(self, low: float, high: float) -> tuple[Option, ...]:
        """Options every 25 points, both rights."""
        strikes = np.arange(25.0 * math.ceil(low / 25.0), high + 0.1, 25.0)
        rows = tuple(make_option(float(k), right) for k in strikes for right in (Right.PUT, Right.CALL))
        self.options |= {o.con_id: o for o in rows}
        return rows

    def reference(self) -> tuple[ev.InstrumentsLoaded, ev.InstrumentsLoaded]:
        futures = tuple(
            Future(cid, "VIX", "VX", "CFE", 1000, date(2026, 5, 20) + timedelta(days=28 * i),
                   datetime(2026, 5, 20, 13, 0, tzinfo=UTC) + timedelta(days=28 * i), (TickBand(0.0, 0.05),))
            for i, cid in enumerate(VX_IDS)
        )  # fmt: skip
        indices = (Index(SPX_ID, "SPX", "CBOE"), Index(VIX_ID, "VIX", "CBOE"))
        return (
            ev.InstrumentsLoaded(wanted="indices", instruments=indices),
            ev.InstrumentsLoaded(wanted="futures", instruments=futures),
        )

    def quotes(self, con_ids: tuple[int, ...], at: datetime, epoch: int) -> tuple[Quote, ...]:
        rows = [
            Quote(SPX_ID, None, None, None, None, self.spot, None, at, epoch),
            Quote(VIX_ID, None, None, None, None, self.vix, None, at, epoch),
            *(
                Quote(c, p - 0.025, p + 0.025, 9, 9, None, None, at, epoch)
                for c, p in zip(VX_IDS, self.vx, strict=True)
            ),
        ]
        wanted = [self.options[c] for c in con_ids if c in self.options]
        if wanted:
            strikes = np.array([o.strike for o in wanted])
            tau = (wanted[0].last_trade_at - at).total_seconds() / (365 * 86400)
            forward = self.spot * math.exp(0.032 * tau)
            atm = 0.79 * self.vix / 100.0
            m = np.log(strikes / forward) / (atm * math.sqrt(tau))
            iv = atm * np.where(m < 0, 1.0 - 0.315 * m - 0.009 * m * m, np.maximum(1.0 - 0.37 * m + 0.14 * m * m, 0.6))
            calls = np.array([o.is_call for o in wanted])
            fair = self.premium * black76.price(forward, strikes, iv, tau, calls, math.exp(-0.045 * tau))
            for option, price in zip(wanted, fair.tolist(), strict=True):
                half = 0.05 + 0.01 * math.sqrt(price)
                bid, ask = 0.05 * math.floor((price - half) / 0.05), 0.05 * math.ceil((price + half) / 0.05)
                rows.append(Quote(option.con_id, max(0.0, round(bid, 2)), round(ask, 2), 9, 9, None, None, at, epoch))
        return tuple(rows)


# a broker -----------------------------------------------------------------------------------------
@dataclass
class VenueOrder:
    """What the broker really holds of one order."""

    intent: PlaceIntent
    perm_id: int
    order_id: int
    status: BrokerOrderStatus = BrokerOrderStatus.SUBMITTED
    filled: int = 0

    @property
    def open(self) -> bool:
        return self.status is BrokerOrderStatus.SUBMITTED

    def shown(self) -> BrokerOrder:
        rest = float(self.intent.quantity - self.filled)
        return BrokerOrder(self.intent.ref, self.perm_id, self.order_id, 7, self.status, float(self.filled), rest)


class FakeBroker:
    """A broker that answers at once and truthfully, unless a kind of answer is in `mute`.

    Kinds: margin, snapshot, ack, cancel, submit (taken, nothing ever heard), reference, options, chain, bars.
    """

    def __init__(self, post: Callable[[ev.AnyEvent], None], now: Callable[[], datetime], world: World) -> None:
        self.post, self.now, self.world = post, now, world
        self.mute: set[str] = set()
        self.calls: list[tuple[str, Any]] = []
        self.orders: dict[str, VenueOrder] = {}
        self.executions: list[Fill] = []
        self.positions: dict[int, int] = {}
        self.lines: tuple[int, ...] = ()
        self.epoch = 1
        self.margin: Known[MarginImpact] | Unknown = Known(MarginImpact(9000.0, 9000.0, NLV_USD, 9000.0))

    async def start(self) -> None:
        self.calls.append(("start", None))

    async def stop(self) -> None:
        self.calls.append(("stop", None))

    def said(self, kind: str) -> list[Any]:
        """What a kind of call was given, in order."""
        return [what for name, what in self.calls if name == kind]

    def submit(self, approved: Approved) -> None:
        intent = approved.redeem()
        self.calls.append(("submit", intent))
        order = VenueOrder(intent, 9000 + len(self.orders), 100 + len(self.orders))
        self.post(ev.OrderSent(ref=intent.ref, order_id=order.order_id))
        if "submit" in self.mute:
            return
        self.orders[intent.ref] = order
        if "ack" not in self.mute:
            self._status(order)

    def _status(self, order: VenueOrder) -> None:
        rest = float(order.intent.quantity - order.filled)
        self.post(
            ev.OrderStatusReported(
                ref=order.intent.ref, perm_id=order.perm_id, status=order.status, filled=float(order.filled),
                remaining=rest,
            )
        )  # fmt: skip

    def cancel(self, ref: str) -> None:
        self.calls.append(("cancel", ref))
        order = self.orders.get(ref)
        if order is not None and order.open and "cancel" not in self.mute:
            order.status = BrokerOrderStatus.CANCELLED
            self._status(order)

    def cancel_all(self) -> None:
        self.calls.append(("cancel_all", None))
        for order in self.orders.values():
            if order.open and "cancel" not in self.mute:
                order.status = BrokerOrderStatus.CANCELLED
                self._status(order)

    def fill(self, ref: str, units: int | None = None, *, tell: bool = True, net: float | None = None) -> list[Fill]:
        """Executes whole units leg by leg at the legs' mids, the first leg bent to the limit (or a net given)."""
        order = self.orders[ref]
        legs = order.intent.legs
        units = order.intent.quantity - order.filled if units is None else units
        quotes = {q.con_id: q for q in self.world.quotes(tuple(leg.con_id for leg in legs), self.now(), self.epoch)}
        prices = [quotes[leg.con_id].mid or 0.0 for leg in legs]
        total = sum(leg.action.sign * p for leg, p in zip(legs, prices, strict=True))
        prices[0] += legs[0].action.sign * ((order.intent.limit_points if net is None else net) - total)
        rows = []
        for leg, price in zip(legs, prices, strict=True):
            name = f"x{len(self.executions)}.01"
            fill = Fill(name, ref, leg.con_id, leg.action, units, round(price, 4), 100, self.now(), order.perm_id)
            self.executions.append(fill)
            self.positions[leg.con_id] = self.positions.get(leg.con_id, 0) + fill.signed_quantity
            rows.append(fill)
        order.filled += units
        if order.filled == order.intent.quantity:
            order.status = BrokerOrderStatus.FILLED
        if tell:
            for fill in rows:
                self.post(ev.Filled(fill=fill))
        return rows

    def subscribe(self, instruments: tuple[Instrument, ...]) -> None:
        self.lines = tuple(i.con_id for i in instruments)

    def ask_reference(self, ask: AskReference) -> None:
        if "reference" not in self.mute:
            for loaded in self.world.reference():
                self.post(loaded)

    def ask_chain(self, ask: AskChain) -> None:
        chain = Chain("SPX", "SPXW", "SMART", 100, (DAY + timedelta(days=8), EXPIRY), ())
        if "chain" not in self.mute:
            self.post(ev.ChainListed(chain=chain))

    def ask_options(self, ask: AskOptions) -> None:
        if "options" not in self.mute:
            loaded = self.world.load(ask.low_strike, ask.high_strike)
            self.post(ev.InstrumentsLoaded(wanted=ask.wanted, instruments=loaded))

    def ask_bars(self, ask: AskBars) -> None:
        if "bars" not in self.mute:
            bars = _calm_spx() if ask.symbol == "SPX" else make_bars(17.0, 12.0, 25.0)
            self.post(ev.BarsLoaded(symbol=ask.symbol, bars=bars))

    def ask_margin(self, ask: AskMargin, instruments: tuple[Instrument, ...]) -> None:
        self.calls.append(("ask_margin", ask.intent))
        if "margin" not in self.mute:
            self.post(ev.MarginAnswered(ref=ask.intent.ref, impact=self.margin))

    def ask_snapshot(self, ask: AskSnapshot) -> None:
        self.calls.append(("ask_snapshot", ask.reason))
        if "snapshot" not in self.mute:
            self.post(self.snapshot())

    def snapshot(self, **changes: Any) -> BrokerSnapshot:
        """The truth as one complete answer."""
        rows = {
            "positions": {c: q for c, q in self.positions.items() if q},
            "open_orders": tuple(o.shown() for o in self.orders.values() if o.open),
            "completed_orders": tuple(o.shown() for o in self.orders.values() if not o.open),
            "executions": tuple(self.executions),
        }
        return make_snapshot(self.now(), **{**rows, "epoch": self.epoch, **changes})


# the engine and its broker ------------------------------------------------------------------------
def make_parameters(**changes: Any) -> Parameters:
    """The rulebook's numbers, with a regime that believes its first sample."""
    base = Parameters(
        condor=CondorParams(curve=CurveParams(samples=1, sample_every_s=1.0)),
        limits=paper_limits(),
        engine=EngineParams(),
    )
    return msgspec.structs.replace(base, **changes)


def run_started(parameters: Parameters | None = None, **changes: Any) -> ev.RunStarted:
    text = msgspec.json.encode(parameters or make_parameters()).decode()
    base = ev.RunStarted(run_id="run-1", config_hash="c0", parameters=text, code_version="test", expected_account="")
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


def command(verb: OperatorVerb, confirmed: bool = True) -> ev.OperatorCommanded:
    return ev.OperatorCommanded(verb=verb, who="tester", reason="because", confirmed=confirmed)


class Bench:
    """Steps the engine over facts and lets the broker answer its actions; remembers every envelope and step."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or make_parameters()
        self.now = NINE_THIRTY_SIX
        self.state = State()
        self.world = World()
        self.queue: list[ev.AnyEvent] = []
        self.broker = FakeBroker(self.queue.append, lambda: self.now, self.world)
        self.envelopes: list[ev.Envelope] = []
        self.steps: list[Step] = []
        self._seq = 0

    # facts ------------------------------------------------------------------------------------------
    def feed(self, *events: ev.AnyEvent, after_s: float = 0.0) -> list[Step]:
        """Time passes, the facts happen, and everything the broker answers to them."""
        self.now += seconds(after_s)
        before = len(self.steps)
        self.queue.extend(events)
        for _ in range(400):
            if not self.queue:
                return self.steps[before:]
            self._step(self.queue.pop(0))
        raise AssertionError("the engine and the broker answer each other without end")

    def _step(self, event: ev.AnyEvent) -> None:
        self._seq += 1
        envelope = ev.Envelope(self._seq, self.now, event)
        result = step(self.state, envelope)
        self.envelopes.append(envelope)
        self.steps.append(result)
        self.state = result.state
        for action in result.actions:
            self._perform(action)

    def _perform(self, action: Action) -> None:
        broker = self.broker
        instruments = self.state.market.instruments
        match action:
            case Submit(approved=approved):
                broker.submit(approved)
            case Cancel(ref=ref):
                broker.cancel(ref)
            case CancelAll():
                broker.cancel_all()
            case Subscribe(con_ids=con_ids):
                broker.subscribe(tuple(instruments[c] for c in con_ids if c in instruments))
            case AskMargin():
                broker.ask_margin(action, ())
            case AskSnapshot():
                broker.ask_snapshot(action)
            case AskOptions():
                broker.ask_options(action)
            case AskChain():
                broker.ask_chain(action)
            case AskReference():
                broker.ask_reference(action)
            case AskBars():
                broker.ask_bars(action)
            case _:
                pass

    def pulse(self, after_s: float = 0.0) -> list[Step]:
        """A timer fires."""
        return self.feed(ev.TimerFired(name="pulse", due_at=self.now + seconds(after_s)), after_s=after_s)

    def tick(self, after_s: float = 0.0) -> list[Step]:
        """Every subscribed line is quoted anew; the account is reported when its figures grow old."""
        at = self.now + seconds(after_s)
        quotes = self.world.quotes(self.broker.lines, at, self.broker.epoch)
        return self.feed(ev.QuotesUpdated(quotes=quotes), after_s=after_s)

    # a day ------------------------------------------------------------------------------------------
    def start(self) -> Bench:
        """A process begins on an empty account: calendar, link, first snapshot, account, reference data."""
        self.feed(run_started(self.parameters), calendar_loaded())
        return self.connect()

    def connect(self) -> Bench:
        self.feed(link(LinkState.CONNECTING, self.broker.epoch - 1))
        self.feed(link(LinkState.SYNCING, self.broker.epoch))
        self.feed(self.broker.snapshot(), link(LinkState.UP, self.broker.epoch), account_reported(self.now))
        self.pulse()
        return self

    def restart(self) -> Bench:
        """The process dies and a new one reads its journal; its broker counts connections from one again."""
        self.queue.clear()
        self.broker.epoch = 1
        self.broker.lines = ()
        self.feed(run_started(self.parameters, run_id="run-2"), calendar_loaded())
        return self

    def propose(self) -> PlaceIntent:
        """Runs the morning until the desk's first order is asked for; returns its intent."""
        self.tick(60.0)
        self.now = max(self.now, TEN)
        self.feed(account_reported(self.now))
        for _ in range(12):
            for made in self.tick(2.0):
                for action in made.actions:
                    if isinstance(action, Submit):
                        return action.approved.intent
                    if isinstance(action, AskMargin) and "margin" in self.broker.mute:
                        return action.intent
        last = [d for s in self.steps[-3:] for d in s.outcome.decisions] + [
            v.text for s in self.steps[-8:] for v in s.outcome.verdicts
        ]
        raise AssertionError(f"no order: {last}")

    def open_condor(self) -> Condor:
        """An entry order that fills."""
        intent = self.propose()
        self.broker.fill(intent.ref)
        self.feed()
        return self.state.condors[intent.condor_id]

    # what was seen ------------------------------------------------------------------------------------
    def actions(self, kind: type) -> list[Any]:
        return [a for s in self.steps for a in s.actions if isinstance(a, kind)]

    def order(self, ref: str) -> OrderRecord:
        return self.state.book.orders[ref]

    def causes(self) -> set[str]:
        """Causes of the latches in force."""
        return {latch.cause for latch in self.state.control.latches}
