"""A bot that holds one condor a breath away from its profit target, for measuring what the next tick sets off."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import numpy as np

from bot.engine.state import EngineParams, Parameters, State
from bot.engine.step import step
from risk.limits import paper_limits
from strategies.condor.machine import Condor, CondorState
from strategies.condor.params import CondorParams
from strategies.condor.structure import Leg, Legs
from strategies.domain import events as ev
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Book, Fill
from strategies.domain.instruments import Index, Instrument, Option, Right, SettlementStyle, TickBand
from strategies.domain.known import Known
from strategies.domain.market import Quote
from strategies.domain.orders import OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.session import NEW_YORK, SessionDay
from strategies.pricing import black76

NOW = datetime(2026, 5, 4, 16, 30, tzinfo=UTC)
DAY = NOW.date()
EXPIRY = DAY + timedelta(days=45)
ACCOUNT = "DU7654321"
SPX, VIX = Index(416904, "SPX", "CBOE"), Index(13455763, "VIX", "CBOE")
SPOT, VOL, UNITS = 5500.0, 0.16, 2
STRIKES = ((5150.0, Right.PUT), (5200.0, Right.PUT), (5750.0, Right.CALL), (5800.0, Right.CALL))
SHORT_PUT = 1
"""Place of the leg whose tick sets the exit off."""
CLOSER_POINTS, STEP_POINTS = 0.03, 0.10
"""How far the mid of closing lies above the target, and how far the tick lowers one ask (half of it moves the mid)."""


def options(con_id: int = 700_000_001, strikes: tuple[tuple[float, Right], ...] = STRIKES) -> tuple[Option, ...]:
    """The legs by rising strike; other strikes make other contracts of the same expiry."""
    last = datetime(EXPIRY.year, EXPIRY.month, EXPIRY.day, 16, 0, tzinfo=NEW_YORK)
    ticks = (TickBand(0.0, 0.05), TickBand(3.0, 0.10))
    return tuple(
        Option(con_id + i, "SPX", "SPXW", "SMART", 100, EXPIRY, strike, right, SettlementStyle.PM, last, ticks)
        for i, (strike, right) in enumerate(strikes)
    )


def prices() -> list[tuple[float, float]]:
    """Bid and ask of each leg, on the grid of ticks."""
    strikes = np.array([strike for strike, _ in STRIKES])
    calls = np.array([right is Right.CALL for _, right in STRIKES])
    mids = black76.price(SPOT, strikes, VOL, 45 / 365, calls)
    return [(round(float(mid), 1) - 0.2, round(float(mid), 1) + 0.2) for mid in mids]


def close_mid() -> float:
    """What closing one unit costs at mid, points."""
    mids = [0.5 * (bid + ask) for bid, ask in prices()]
    return mids[1] + mids[2] - mids[0] - mids[3]


def quote(instrument: Instrument, bid: float | None, ask: float | None, epoch: int) -> Quote:
    last = None if bid is not None else SPOT if instrument is SPX else 16.0
    return Quote(instrument.con_id, bid, ask, 20 if bid else None, 20 if ask else None, last, None, NOW, epoch)


def quotes(epoch: int) -> tuple[Quote, ...]:
    """Indices and legs as they stand before the tick."""
    legs = zip(options(), prices(), strict=True)
    rows = [quote(SPX, None, None, epoch), quote(VIX, None, None, epoch)]
    return tuple(rows + [quote(option, round(bid, 2), round(ask, 2), epoch) for option, (bid, ask) in legs])


def nearer(epoch: int) -> Quote:
    """The quote that crosses the target."""
    bid, ask = prices()[SHORT_PUT]
    return quote(options()[SHORT_PUT], round(bid, 2), round(ask - STEP_POINTS, 2), epoch)


def calendar() -> ev.CalendarLoaded:
    def session(day: date) -> SessionDay:
        opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK)
        closes = opens.replace(hour=16)
        return SessionDay(day, opens, closes, closes + timedelta(minutes=15))

    days = [DAY + timedelta(days=i) for i in range(-7, 80)]
    return ev.CalendarLoaded(
        sessions=tuple(session(d) for d in days if d.weekday() < 5), events=(), events_until=DAY + timedelta(days=60)
    )


def run_started() -> ev.RunStarted:
    parameters = Parameters(condor=CondorParams(), limits=paper_limits(), engine=EngineParams())
    return ev.RunStarted(
        run_id="bench", config_hash="bench", parameters=msgspec.json.encode(parameters).decode(), code_version="bench",
        expected_account=ACCOUNT,
    )  # fmt: skip


def _book(legs: Legs, credit: float) -> tuple[Book, OrderRecord]:
    """The entry order, wholly filled two days ago, with the executions that make the credit."""
    at = NOW - timedelta(days=2)
    intent = PlaceIntent(
        ref="ic-20260502-1.entry.1", chain_ref="ic-20260502-1.entry/1", attempt=1, purpose=Purpose.ENTRY,
        owner="ic-20260502-1", rule="C-ENTRY-4", legs=legs.opening(), quantity=UNITS, limit_points=-credit,
        mid_points=-credit, natural_points=-credit + 0.4, decided_at=at,
    )  # fmt: skip
    filled = {leg.con_id: leg.action.sign * UNITS for leg in intent.legs}
    record = OrderRecord(intent, OrderState.FILLED, at, at, at, 9001, 1, filled)
    paid = {legs.put_long.con_id: 10.0, legs.put_short.con_id: 10.0 + credit, legs.call_short.con_id: 9.0,
            legs.call_long.con_id: 9.0}  # fmt: skip
    fills = {
        f"e{i}": Fill(f"e{i}.01", intent.ref, leg.con_id, leg.action, UNITS, paid[leg.con_id], 100, at, 9001)
        for i, leg in enumerate(intent.legs)
    }
    return Book(orders={intent.ref: record}, fills=fills, broker_positions=filled), record


def graft(state: State) -> State:
    """The condor, its book, quotes and account put into the state of a bot that is connected and in step."""
    held = options()
    legs = Legs(*(Leg(option.con_id, option.strike) for option in held))
    credit = round(2.0 * (close_mid() - CLOSER_POINTS), 4)
    book, _ = _book(legs, credit)
    at = NOW - timedelta(days=2)
    condor = Condor(
        id="ic-20260502-1", trading_class="SPXW", expiry=EXPIRY, legs=legs, quantity_wanted=UNITS, proposed_at=at,
        state=CondorState.OPEN, state_since=at, quantity=UNITS, credit_points=credit, spot_points=SPOT, opened_at=at,
    )  # fmt: skip
    epoch = state.link.epoch
    known: tuple[Instrument, ...] = (SPX, VIX, *held)
    instruments = {i.con_id: i for i in known}
    market = msgspec.structs.replace(
        state.market, instruments=instruments, quotes={q.con_id: q for q in quotes(epoch)}, epoch=epoch
    )
    nlv = 500_000.0
    account = AccountSnapshot(ACCOUNT, NOW, nlv, nlv, 10_000.0, 10_000.0, 0.9 * nlv)
    grafted = msgspec.structs.replace(
        state, now=NOW, market=market, book=book, condors={condor.id: condor}, account=Known(account),
        snapshot_at=NOW, asked={},
        baselines=msgspec.structs.replace(
            state.baselines, day=DAY, day_start_usd=nlv, week=(2026, 19), week_start_usd=nlv, high_water_usd=nlv
        ),
    )  # fmt: skip
    # One look without news settles what the desk remembers and wants, so that the tick itself finds a steady bot.
    return step(grafted, ev.Envelope(state.seq + 1, NOW, ev.QuotesUpdated(quotes=quotes(epoch)))).state
