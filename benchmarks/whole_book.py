"""A bot with five condors and ten hedge slots, and a look at which everything is due at once.

Five expiries of four legs each, ten VIX calls over three months, 320 sessions of every daily history. The look comes a
minute after the last: signals, regime and tier, the lattice's rules, the decision table of every condor, projection and
break-evens. The gate's review of a sixth condor, with stress grid and crash over all positions, is measured beside it.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import msgspec
import numpy as np

from benchmarks import held_condor as held
from bot.engine.state import EngineParams, Parameters, State
from bot.engine.step import step
from risk.limits import paper_limits
from strategies.alvh.lattice import SlotState, fresh_lattice
from strategies.alvh.params import AlvhParams
from strategies.condor.machine import Condor, CondorState, Lot, Tally
from strategies.condor.params import CondorParams
from strategies.condor.structure import Leg, Legs
from strategies.domain import events as ev
from strategies.domain.book import Book, Fill
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Future, Option, Right, SettlementStyle, TickBand
from strategies.domain.market import DailyBar, Quote
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.series import future_series
from strategies.domain.session import NEW_YORK
from strategies.pricing import black76
from strategies.signals.closes import HISTORY_SYMBOLS

CONDORS, SESSIONS = 5, 320
CENT = (TickBand(0.0, 0.01),)
MONTHS = (date(2026, 5, 20), date(2026, 6, 17), date(2026, 7, 22), date(2026, 8, 19), date(2026, 9, 16))
STRIP = (17.5, 18.5, 19.4, 20.0, 20.4)
SLOTS = ((1, 1, 18.0), (2, 1, 19.0), (3, 1, 20.0), (4, 1, 21.0), (5, 2, 19.0), (6, 2, 20.0), (7, 2, 21.0),
         (8, 2, 22.0), (9, 4, 24.0), (10, 4, 26.0))  # fmt: skip
"""Slot, month of the strip, strike of the call it holds."""


def parameters() -> Parameters:
    return Parameters(
        condor=CondorParams(), limits=paper_limits(), engine=EngineParams(), alvh=AlvhParams(enabled=True)
    )


def futures() -> tuple[Future, ...]:
    return tuple(
        Future(800_000_001 + i, "VIX", "VX", "CFE", 1000, day, datetime(*day.timetuple()[:3], 9, tzinfo=NEW_YORK), CENT)
        for i, day in enumerate(MONTHS)
    )


def calls() -> tuple[Option, ...]:
    """The hedge's calls, slot by slot."""
    found = []
    for slot, month, strike in SLOTS:
        day = MONTHS[month]
        last = datetime(*(day - timedelta(days=1)).timetuple()[:3], 16, 15, tzinfo=NEW_YORK)
        found.append(
            Option(
                810_000_000 + slot, "VIX", "VIX", "SMART", 100, day, strike, Right.CALL, SettlementStyle.AM, last, CENT
            )
        )
    return tuple(found)


def worth(option: Option, now: datetime) -> float:
    """Model price of a VIX call."""
    tau = (option.last_trade_at - now).total_seconds() / (365.0 * 86400.0)
    return float(black76.price(STRIP[MONTHS.index(option.expiry)], option.strike, 0.8, tau, True))


def legs_of(number: int) -> tuple[Option, ...]:
    """The legs of the number-th condor, each on an expiry of its own."""
    expiry = held.EXPIRY - timedelta(days=2 * number)
    last = datetime(expiry.year, expiry.month, expiry.day, 16, 0, tzinfo=NEW_YORK)
    return tuple(
        msgspec.structs.replace(option, con_id=option.con_id + 1000 * number, expiry=expiry, last_trade_at=last)
        for option in held.options()
    )


def quotes(now: datetime, epoch: int, shift: float = 0.0) -> tuple[Quote, ...]:
    """Everything held and looked at, quoted at its worth."""
    spot = held.SPOT + shift
    rows = [
        Quote(held.SPX.con_id, None, None, None, None, spot, None, now, epoch),
        Quote(held.VIX.con_id, None, None, None, None, 17.0, None, now, epoch),
    ]
    rows += [
        Quote(f.con_id, p - 0.025, p + 0.025, 20, 20, p, None, now, epoch)
        for f, p in zip(futures(), STRIP, strict=True)
    ]
    for number in range(CONDORS):
        options = legs_of(number)
        tau = (options[0].last_trade_at - now).total_seconds() / (365.0 * 86400.0)
        strikes = np.array([o.strike for o in options])
        mids = black76.price(spot, strikes, held.VOL, tau, np.array([o.is_call for o in options]))
        rows += [
            Quote(o.con_id, round(m, 2) - 0.2, round(m, 2) + 0.2, 20, 20, None, None, now, epoch)
            for o, m in zip(options, mids.tolist(), strict=True)
        ]
    for option in calls():
        mid = round(worth(option, now), 2)
        rows.append(Quote(option.con_id, mid - 0.03, mid + 0.03, 50, 50, None, None, now, epoch))
    return tuple(rows)


def bars() -> dict[str, tuple[DailyBar, ...]]:
    """Histories of every series that the signals ask for: quiet waves, no two alike."""
    days = [
        held.DAY - timedelta(days=i) for i in range(1, SESSIONS * 2) if (held.DAY - timedelta(days=i)).weekday() < 5
    ]
    days = list(reversed(days[:SESSIONS]))

    def wave(level: float, place: int) -> tuple[DailyBar, ...]:
        closes = [
            level * (1.0 + 0.03 * math.sin(0.37 * i + place) + 0.01 * math.sin(1.9 * i)) for i in range(len(days))
        ]
        return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))

    levels = {"SPX": held.SPOT, "VIX": 16.0, "VVIX": 92.0, "VIX9D": 15.0, "VIX3M": 18.0}
    found = {name: wave(levels.get(name, 80.0), i) for i, name in enumerate(HISTORY_SYMBOLS)}
    return found | {future_series(day): wave(p, 40 + i) for i, (day, p) in enumerate(zip(MONTHS, STRIP, strict=True))}


def _filled(ref: str, owner: str, purpose: Purpose, legs: tuple[LegIntent, ...], paid: list[float], units: int,
            number: int, at: datetime) -> tuple[OrderRecord, dict[str, Fill]]:  # fmt: skip
    net = sum(leg.action.sign * price for leg, price in zip(legs, paid, strict=True))
    intent = PlaceIntent(
        ref=ref, chain_ref=ref.rpartition(".")[0] + "/1", attempt=1, purpose=purpose, owner=owner, rule="C-ENTRY-4",
        legs=legs, quantity=units, limit_points=net, mid_points=net, natural_points=net + 0.1, decided_at=at,
    )  # fmt: skip
    by_leg = {leg.con_id: leg.action.sign * units for leg in legs}
    record = OrderRecord(intent, OrderState.FILLED, at, at, at, 9000 + number, number, by_leg)
    fills = {
        f"e{number}-{i}": Fill(f"e{number}-{i}.01", ref, leg.con_id, leg.action, units, price, 100, at, 9000 + number)
        for i, (leg, price) in enumerate(zip(legs, paid, strict=True))
    }
    return record, fills


def graft(state: State) -> State:
    """Five condors, ten slots, their book and histories put into the state of a bot that is in step."""
    epoch, at = state.link.epoch, held.NOW - timedelta(days=2)
    orders: dict[str, OrderRecord] = {}
    fills: dict[str, Fill] = {}
    condors: dict[str, Condor] = {}
    for number in range(CONDORS):
        options = legs_of(number)
        legs = Legs(*(Leg(o.con_id, o.strike) for o in options))
        condor_id = f"ic-2026050{number + 1}-1"
        ref = f"{condor_id}.entry.1"
        record, mine = _filled(ref, condor_id, Purpose.ENTRY, legs.opening(), [10.0, 19.0, 16.0, 9.0], held.UNITS,
                               number, at)  # fmt: skip
        orders[ref], fills = record, fills | mine
        tally = Tally(Purpose.ENTRY, record.intent.chain_ref, held.UNITS, -16.0 * held.UNITS, legs)
        condors[condor_id] = Condor(
            id=condor_id, trading_class="SPXW", expiry=options[0].expiry, legs=legs, quantity_wanted=held.UNITS,
            proposed_at=at, state=CondorState.OPEN, state_since=at, quantity=held.UNITS, credit_points=16.0,
            spot_points=held.SPOT, opened_at=at, tallies={ref: tally}, lots=(Lot(legs, held.UNITS),),
        )  # fmt: skip
    slots = fresh_lattice()
    for (slot, _, _), option in zip(SLOTS, calls(), strict=True):
        ref = f"alvh-s{slot:02d}.open.20260502.1"
        leg = LegIntent(option.con_id, 1, Action.BUY, slot)
        paid = round(worth(option, held.NOW), 2)
        orders[ref], mine = _filled(ref, HEDGE_OWNER, Purpose.HEDGE, (leg,), [paid], 2, 100 + slot, at)
        fills |= mine
        slots[slot] = msgspec.structs.replace(slots[slot], state=SlotState.ACTIVE)
    known = (held.SPX, held.VIX, *futures(), *calls(), *(o for n in range(CONDORS) for o in legs_of(n)))
    market = msgspec.structs.replace(
        state.market, instruments={i.con_id: i for i in known}, bars=bars(), epoch=epoch,
        quotes={q.con_id: q for q in quotes(held.NOW, epoch)},
    )  # fmt: skip
    positions: dict[int, int] = {}
    for fill in fills.values():
        positions[fill.con_id] = positions.get(fill.con_id, 0) + fill.signed_quantity
    base = held.graft(state)
    return msgspec.structs.replace(
        base, market=market, book=Book(orders=orders, fills=fills, broker_positions=positions), condors=condors,
        slots=slots, parameters=parameters(), desk=type(base.desk)(), marks={}, decided={}, decided_at={},
    )  # fmt: skip


def due(state: State) -> tuple[State, ev.Envelope]:
    """The state after its first look, and the look a minute later at which everything is due again."""
    epoch = state.link.epoch
    at = held.NOW
    for wait_s in (305, 305, 305, 61):  # the regime is official after three samples
        state = step(state, ev.Envelope(state.seq + 1, at, ev.QuotesUpdated(quotes=quotes(at, epoch)))).state
        at += timedelta(seconds=wait_s)
    return state, ev.Envelope(state.seq + 1, at, ev.QuotesUpdated(quotes=quotes(at, epoch, 1.0)))
