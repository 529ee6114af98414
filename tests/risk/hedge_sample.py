"""VIX calls, a mini future and hedge orders in the gate's small true world."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from risk.view import Holding, Mark
from strategies.domain.book import Fill
from strategies.domain.hedge import HEDGE_OWNER, slot_name
from strategies.domain.instruments import Future, Instrument, Option, Right, SettlementStyle, TickBand
from strategies.domain.market import Quote
from strategies.domain.orders import Action, LegIntent, OrderRecord, PlaceIntent, Purpose
from strategies.pricing import black76
from tests.risk.sample import EPOCH, EXPIRIES, NEW_YORK, NOW, WINGS, World, condor_legs, record

FRONT, SECOND = date(2026, 4, 15), date(2026, 5, 20)
FUTURES = {FRONT: 18.0, SECOND: 19.0}
BETA = {FRONT: 0.41, SECOND: 0.28}
VOL = {FRONT: 0.95, SECOND: 0.75}
TICKS = (TickBand(0.0, 0.01), TickBand(3.0, 0.05))
VXM_ID = 7001


def call(expiry: date, strike: float, right: Right = Right.CALL) -> Option:
    """A VIX option."""
    number = 700_000 + list(FUTURES).index(expiry) * 10_000 + int(strike * 10) * 2 + (right is Right.PUT)
    last = datetime.combine(expiry - timedelta(days=1), time(16, 15), NEW_YORK)
    return Option(number, "VIX", "VIX", "SMART", 100, expiry, strike, right, SettlementStyle.AM, last, TICKS)


CALLS = [call(expiry, strike) for expiry in FUTURES for strike in (16.0, 18.0, 20.0, 25.0, 35.0)]
LAST_TRADE = datetime(2026, 4, 15, 9, 0, tzinfo=NEW_YORK)
MINI = Future(VXM_ID, "VXM", "VXM", "CFE", 100, FRONT, LAST_TRADE, (TickBand(0.0, 0.01),))


def mark_of(option: Option) -> Mark:
    """Black-76 on the future of the same expiry."""
    tau = (option.last_trade_at - NOW) / timedelta(days=365)
    forward = FUTURES[option.expiry]
    return Mark(VOL[option.expiry], forward, tau, 0.995, BETA[option.expiry], -0.02)


def worth(option: Option) -> float:
    """Model value in points, on the cent."""
    m = mark_of(option)
    return round(
        float(black76.price(m.forward_points, option.strike, m.iv, m.tau_years, option.is_call, m.discount)), 2
    )


def quote_of(option: Option, **changes: Any) -> Quote:
    """A narrow market around the model value."""
    mid = max(0.05, worth(option))
    row = Quote(option.con_id, mid - 0.02, mid + 0.02, 90, 90, mid, mid, NOW - timedelta(seconds=1), EPOCH)
    return msgspec.structs.replace(row, **changes)


def hedge_world(*, condor: bool = True, **changes: Any) -> World:
    """The good morning with VIX contracts, by default with a condor to protect."""
    world = World(**changes)
    quotes = {**world.quotes, **{o.con_id: quote_of(o) for o in CALLS}}
    quotes[VXM_ID] = Quote(VXM_ID, 17.99, 18.01, 40, 40, 18.0, 18.0, NOW - timedelta(seconds=1), EPOCH)
    marks = {**world.marks, **{o.con_id: mark_of(o) for o in CALLS}, VXM_ID: Mark(1.0, 18.0, 0.08, 1.0, 0.41, -0.02)}
    contracts: dict[int, Instrument] = {**{o.con_id: o for o in CALLS}, VXM_ID: MINI}
    market = msgspec.structs.replace(
        world.view().market, instruments={**world.view().market.instruments, **contracts}, quotes=quotes
    )
    world = replace(world, quotes=quotes, marks=marks).with_(market=market, marks=marks)
    return world.having("ic-9", condor_legs(EXPIRIES[1], WINGS), 1, -12.0) if condor else world


def owning(world: World, option: Option, slot: int, quantity: int, price: float, days_ago: float = 2.0) -> World:
    """The same with a hedge bought earlier."""
    ref = f"{slot_name(slot)}.old.{len(world.fills)}"
    name = f"{ref}.01"
    at = NOW - timedelta(days=days_ago)
    side = Action.BUY if quantity > 0 else Action.SELL
    fill = Fill(name, ref, option.con_id, side, abs(quantity), price, 100, at)
    old = record(buy(option, slot, abs(quantity), ref=ref, chain_ref=ref), ago_s=days_ago * 86400.0)
    done = msgspec.structs.replace(old, state="filled")
    row = Holding(HEDGE_OWNER, option.con_id, quantity, price, slot)
    return replace(
        world,
        fills={**world.fills, fill.base_id: fill},
        holdings=(*world.holdings, row),
        orders=(*world.orders, msgspec.convert(msgspec.to_builtins(done), OrderRecord)),
    )


def buy(option: Option, slot: int, quantity: int = 2, **changes: Any) -> PlaceIntent:
    """A purchase for one slot at the offer."""
    leg = LegIntent(option.con_id, 1, Action.BUY, slot)
    return hedge_intent((leg,), quantity, round(max(0.05, worth(option)) + 0.02, 2), f"{slot_name(slot)}.open", changes)


def sell(option: Option, slot: int, quantity: int = 1, **changes: Any) -> PlaceIntent:
    """A sale out of one slot at the bid."""
    leg = LegIntent(option.con_id, 1, Action.SELL, slot)
    return hedge_intent((leg,), quantity, -round(worth(option) - 0.02, 2), f"{slot_name(slot)}.harvest", changes)


def spread(near: Option, far: Option, slot: int, **changes: Any) -> PlaceIntent:
    """A vertical: buys the first, sells the second."""
    legs = (LegIntent(near.con_id, 1, Action.BUY, slot), LegIntent(far.con_id, 1, Action.SELL, slot))
    return hedge_intent(legs, 1, round(worth(near) - worth(far) + 0.02, 2), f"{slot_name(slot)}.open", changes)


def rotate(front: Option, back: Option, **changes: Any) -> PlaceIntent:
    """Slot 4 into slot 5 as one calendar."""
    legs = (LegIntent(front.con_id, 1, Action.SELL, 4), LegIntent(back.con_id, 1, Action.BUY, 5))
    return hedge_intent(legs, 1, round(worth(back) - worth(front) + 0.02, 2), f"{slot_name(4)}.rotate", changes)


def hedge_intent(
    legs: tuple[LegIntent, ...], quantity: int, limit: float, chain: str, changes: dict[str, Any]
) -> PlaceIntent:
    """An order of the hedge."""
    base = PlaceIntent(
        f"{chain}.1", chain, 1, Purpose.HEDGE, HEDGE_OWNER, "A-SIZE-3", legs, quantity, limit, limit, limit, NOW
    )
    return msgspec.structs.replace(base, **changes)
