"""A market priced by Black-76 on a skewed smile, and a broker that answers at once and truthfully unless muted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from bot.actions import (
    AskBars,
    AskChain,
    AskMargin,
    AskOptions,
    AskReference,
    AskSnapshot,
)
from risk.approval import Approved
from strategies.domain import events as ev
from strategies.domain.account import MarginImpact
from strategies.domain.book import Fill
from strategies.domain.events import BrokerOrder, BrokerOrderStatus, BrokerSnapshot
from strategies.domain.instruments import Future, Index, Instrument, Option, Right, TickBand
from strategies.domain.known import Known, Unknown
from strategies.domain.market import Chain, Quote
from strategies.domain.orders import PlaceIntent
from strategies.pricing import black76
from tests.bot.engine.builders import (
    DAY,
    EXPIRY,
    NLV_USD,
    SPX_ID,
    VIX_ID,
    VX_IDS,
    calm_spx,
    make_bars,
    make_option,
    make_snapshot,
)


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
            bars = calm_spx() if ask.symbol == "SPX" else make_bars(17.0, 12.0, 25.0)
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
