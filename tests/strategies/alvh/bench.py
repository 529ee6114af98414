"""A small market for the hedge: a VIX strip, calls priced on their own future, one condor, and a broker that obeys."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from strategies.alvh.exposure import Sold
from strategies.alvh.lattice import Held, Slot, SlotState, fresh_lattice, slots_of
from strategies.alvh.machine import block, on_order
from strategies.alvh.memory import AlvhMemory
from strategies.alvh.params import AlvhParams
from strategies.alvh.plan import look
from strategies.alvh.view import HedgeMacro, HedgeOutcome, HedgeView
from strategies.domain.book import Book, Fill
from strategies.domain.decision import Decision
from strategies.domain.hedge import HEDGE_OWNER, Demand
from strategies.domain.instruments import Future, Option, Right, SettlementStyle, TickBand
from strategies.domain.market import Chain, Market, Quote
from strategies.domain.marks import Mark
from strategies.domain.orders import LIVE_STATES, LegIntent, OrderRecord, OrderState, PlaceIntent
from strategies.domain.transitions import ImpossibleEvent
from strategies.pricing import black76
from strategies.signals.curve import CurveParams, CurveReading, Regime, classify
from strategies.signals.evidence import Evidence
from strategies.signals.measures import Measures
from strategies.signals.readings import Family, Reading, Verdict
from strategies.signals.signals import Outlook
from strategies.signals.term_structure import TermStructure, slope_pct_month
from strategies.signals.tiers import Tier

NY = ZoneInfo("America/New_York")
DAY = date(2026, 5, 4)
MONTHS = tuple(date(2026, *md) for md in ((5, 20), (6, 17), (7, 22), (8, 19), (9, 16), (10, 21)))
JUNE_WEEKLY, JULY_WEEKLY = date(2026, 6, 3), date(2026, 7, 1)
CONTANGO = (17.5, 18.5, 19.4, 20.0, 20.4, 20.7)
FLAT = (18.0, 18.2, 18.4, 18.6, 18.8, 19.0)
INVERTED = (24.0, 22.5, 21.8, 21.3, 21.0, 20.8)
DEEP = (27.5, 24.25, 22.8, 22.0, 21.5, 21.2)
TICKS = (TickBand(0.0, 0.01), TickBand(3.0, 0.05))
CONDOR_STRIKES = ((5120.0, Right.PUT, 1), (5170.0, Right.PUT, -1), (5780.0, Right.CALL, -1), (5830.0, Right.CALL, 1))
SPOT = 5500.0
CONDOR_EXPIRY = DAY + timedelta(days=45)
LIVE = LIVE_STATES


def call_id(expiry: date, strike: float) -> int:
    """The contract id of a VIX call in this world."""
    return (expiry.toordinal() % 1000) * 10_000 + int(strike * 10)


def call(expiry: date, strike: float, trading_class: str = "VIX") -> Option:
    """A VIX call that settles on a day and trades until the afternoon before."""
    last = datetime.combine(expiry - timedelta(days=1), time(16, 15), NY)
    return Option(
        call_id(expiry, strike), "VIX", trading_class, "SMART", 100, expiry, strike, Right.CALL, SettlementStyle.AM,
        last, TICKS,
    )  # fmt: skip


def condor_option(number: int) -> Option:
    """One leg of the condor."""
    strike, right, _ = CONDOR_STRIKES[number]
    last = datetime.combine(CONDOR_EXPIRY, time(16, 0), NY)
    return Option(
        101 + number, "SPX", "SPXW", "SMART", 100, CONDOR_EXPIRY, strike, right, SettlementStyle.PM, last, TICKS
    )


class HedgeBench:
    """Holds market, orders and memory; `look` decides once and applies what the engine would apply."""

    def __init__(self, params: AlvhParams | None = None, condors: int = 3) -> None:
        self.params = params or AlvhParams()
        self.now = datetime.combine(DAY, time(10, 0), NY)
        self.vx: tuple[float, ...] = CONTANGO
        self.vix, self.vvix, self.half = 17.0, 0.95, 0.04
        self.tier, self.official = Tier.CALM, None
        self.measures = Measures(rsi_vix=50.0, rsi_vix_before=50.0)
        self.families: tuple[Family, ...] = ()
        self.readings: tuple[Reading, ...] = ()
        self.macro, self.nlv = HedgeMacro(), 2_000_000.0
        self.condors = (self.condor(condors),) if condors else ()
        self.slots: dict[int, Slot] = fresh_lattice()
        self.memory = AlvhMemory()
        self.held: dict[tuple[int, int], tuple[int, float]] = {}
        self.book = Book()
        self.options = {o.con_id: o for o in map(condor_option, range(4))}
        self.chains: dict[str, tuple[date, ...]] = {"VIX": MONTHS, "VIXW": (JUNE_WEEKLY, JULY_WEEKLY)}
        self.minis: tuple[Future, ...] = ()
        self.known_chains: set[str] = set()
        self.lines: set[int] = set()
        self.silent: set[int] = set()
        self.nameless: set[int] = set()
        self.unmarked: set[int] = set()
        self.pending: frozenset[str] = frozenset()
        self.refuse = False
        self.may_trade = self.may_open = True
        self.at_close = self.judged = False
        self.held_back = ""
        self.last: HedgeOutcome | None = None

    @staticmethod
    def condor(units: int) -> Sold:
        """A condor of some units, 50 points wide."""
        legs = tuple((101 + i, row[2]) for i, row in enumerate(CONDOR_STRIKES))
        return Sold("ic-1", legs, units, 50.0, 3767.0 * units)

    # the market -------------------------------------------------------------------------------------
    @property
    def today(self) -> date:
        """The session's date."""
        return self.now.date()

    def forward(self, expiry: date) -> float:
        """The future that settles on a day, by the line between the listed months."""
        days = [m.toordinal() for m in MONTHS]
        for (left, low), (right, high) in zip(
            zip(days, self.vx, strict=True), zip(days[1:], self.vx[1:], strict=True), strict=False
        ):
            if left <= expiry.toordinal() <= right:
                return low + (high - low) * (expiry.toordinal() - left) / (right - left)
        raise AssertionError(f"{expiry} lies outside the strip")

    def vol(self, expiry: date) -> float:
        """Volatility of a VIX future, less the longer it has to go."""
        return self.vvix * (30.0 / max(7, (expiry - self.today).days)) ** 0.3

    def worth(self, option: Option) -> float:
        """Model value of a VIX call in points."""
        tau = (option.last_trade_at - self.now).total_seconds() / (365.0 * 86400.0)
        forward = self.forward(option.expiry)
        return float(black76.price(forward, option.strike, self.vol(option.expiry), tau, True, math.exp(-0.045 * tau)))

    def quote(self, con_id: int, mid: float, half: float) -> Quote:
        """A fresh two-sided quote on the cent."""
        bid, ask = max(0.0, round(mid - half, 2)), round(mid + half, 2)
        return Quote(con_id, bid, ask, 90, 90, mid, mid, self.now - timedelta(seconds=1), 1)

    def futures(self) -> tuple[Future, ...]:
        """The listed months."""
        return tuple(
            Future(11 + i, "VIX", "VX", "CFE", 1000, day, datetime.combine(day, time(9, 0), NY), TICKS)
            for i, day in enumerate(MONTHS)
        )

    def market(self) -> Market:
        """What the engine would hold now: only contracts and lines that were asked for."""
        instruments: dict = {f.con_id: f for f in (*self.futures(), *self.minis)} | dict(self.options)
        quotes = {f.con_id: self.quote(f.con_id, p, 0.02) for f, p in zip(self.futures(), self.vx, strict=True)}
        quotes |= {m.con_id: self.quote(m.con_id, self.forward(m.expiry), 0.01) for m in self.minis}
        wanted = self.lines | {con_id for _, con_id in self.held}
        for con_id in wanted & set(self.options):
            if self.options[con_id].symbol == "VIX":
                quotes[con_id] = self.quote(con_id, self.worth(self.options[con_id]), self.half)
        chains = {c: Chain("VIX", c, "SMART", 100, self.chains[c], ()) for c in self.known_chains}
        return Market(
            {k: v for k, v in instruments.items() if k not in self.nameless},
            {k: q for k, q in quotes.items() if k not in self.silent},
            {}, chains, 1,
        )  # fmt: skip

    def marks(self) -> dict[int, Mark]:
        """The condor legs' marks on a skewed smile."""
        tau, atm = 45.0 / 365.0, (self.vix - 2.0) / 100.0
        found = {}
        for number, (strike, _, _) in enumerate(CONDOR_STRIKES):
            m = math.log(strike / SPOT) / (atm * math.sqrt(tau))
            found[101 + number] = Mark(atm * max(0.55, 1.0 - 0.20 * m + 0.03 * m * m), SPOT * 1.004, tau, 0.9945)
        return {k: mark for k, mark in found.items() if k not in self.unmarked}

    def reading(self) -> CurveReading:
        """The curve as T-REG-1 reads it."""
        if not self.vx or self.vx[0] <= 0.0:
            return CurveReading(Regime.UNKNOWN, "F1 is missing")
        first, second = self.vx[:2]
        slope = slope_pct_month(first, second, (MONTHS[1] - MONTHS[0]).days)
        regime = classify(slope, first - second, CurveParams())
        return CurveReading(regime, "", slope, first, second, first - second)

    def view(self) -> HedgeView:
        """The moment as the hedge sees it."""
        curve = self.blind or self.reading()
        official = curve.regime if self.official is None else self.official
        worst = max(official, curve.regime, key=lambda regime: regime.stress)
        outlook = Outlook(
            self.now, curve, worst, TermStructure(), self.measures, self.readings, Evidence(self.families),
            Verdict.UNKNOWN, self.tier,
        )  # fmt: skip
        holdings = tuple(Held(slot, con, q, p) for (slot, con), (q, p) in sorted(self.held.items()) if q)
        return HedgeView(
            now=self.now, today=self.today, market=self.market(), book=self.book, futures=self.futures(),
            slots=self.slots, holdings=holdings, condors=self.condors, planned=False, marks=self.marks(),
            outlook=outlook, official=official, macro=self.macro, nlv_usd=self.nlv, spot_points=SPOT,
            vix_points=self.vix, rate=0.045, carry_rate=0.032, params=self.params, memory=self.memory,
            may_trade=self.may_trade, may_open=self.may_open, at_close=self.at_close, pending_refs=self.pending,
            judged=self.judged, held_back=self.held_back, demands=self.demands,
        )  # fmt: skip

    blind: CurveReading | None = None
    demands: tuple[Demand, ...] = ()

    # the engine in small ----------------------------------------------------------------------------
    def look(self, after_s: float = 0.0) -> HedgeOutcome:
        """Moves time, decides, and applies the outcome: orders work unless `refuse` is set."""
        self.now += timedelta(seconds=after_s)
        out = look(self.view())
        self.last, self.memory, self.slots = out, out.memory, dict(out.slots)
        self.known_chains |= {c for _, c in out.chains if c in self.chains}
        for board in out.boards:
            if board.symbol == "VIX":
                self._load(board.expiry, board.trading_class, board.low_strike, board.high_strike)
        self.lines |= set(out.lines)
        for cancel in out.cancels:
            self.tell(cancel.ref, OrderState.CANCELING)
        for intent in out.places:
            if not self.refuse:
                self._store(OrderRecord(intent, OrderState.WORKING, self.now, self.now, self.now))
        return out

    def _load(self, day: date, trading_class: str, low: float, high: float) -> None:
        settles = day if day in (*MONTHS, JUNE_WEEKLY, JULY_WEEKLY) else day + timedelta(days=1)
        for step in range(math.ceil(low), math.floor(high) + 1):
            option = call(settles, float(step), trading_class)
            self.options[option.con_id] = option

    def _store(self, record: OrderRecord) -> None:
        self.book = msgspec.structs.replace(self.book, orders={**self.book.orders, record.ref: record})
        holding = {slot for (slot, _), (quantity, _) in self.held.items() if quantity}
        for number in slots_of(record.intent):
            slot = self.slots[number]
            try:
                moved = on_order(slot, record, number in holding, self.now, self.today, 10.0)
            except ImpossibleEvent as reason:
                moved = block(slot, str(reason), self.now)
            self.slots[number] = moved

    def tell(self, ref: str, state: OrderState) -> None:
        """Evidence about an order."""
        self._store(msgspec.structs.replace(self.book.orders[ref], state=state, changed_at=self.now))

    def fill(self, ref: str, units: int | None = None) -> None:
        """Executes units of an order at the legs' mids."""
        record = self.book.orders[ref]
        units = record.intent.quantity - record.filled_units if units is None else units
        by_leg = dict(record.filled_by_leg)
        quotes = self.market().quotes
        for leg in record.intent.legs:
            assert leg.slot is not None
            signed = leg.action.sign * leg.ratio * units
            by_leg[leg.con_id] = by_leg.get(leg.con_id, 0) + signed
            self._book_fill(ref, leg, units, quotes[leg.con_id].mid or 0.0)
            quantity, price = self.held.get((leg.slot, leg.con_id), (0, 0.0))
            mid = quotes[leg.con_id].mid or 0.0
            grows = quantity * signed >= 0
            paid = (quantity * price + signed * mid) / (quantity + signed) if grows else price
            self.held[leg.slot, leg.con_id] = (quantity + signed, paid)
        record = msgspec.structs.replace(record, filled_by_leg=by_leg)
        done = OrderState.FILLED if record.complete else record.state
        self._store(msgspec.structs.replace(record, state=done))

    def _book_fill(self, ref: str, leg: LegIntent, units: int, price: float) -> None:
        fill = Fill(
            f"0.{len(self.book.fills)}.01", ref, leg.con_id, leg.action, leg.ratio * units, price, 100, self.now
        )
        self.book = msgspec.structs.replace(self.book, fills={**self.book.fills, fill.base_id: fill})

    def finish_cancels(self) -> None:
        """The broker proves every cancel asked for."""
        for record in tuple(self.book.orders.values()):
            if record.state is OrderState.CANCELING:
                self.tell(record.ref, OrderState.CANCELED)

    # shortcuts --------------------------------------------------------------------------------------
    def hold(self, slot: int, expiry: date, strike: float, quantity: int, price: float | None = None) -> Option:
        """Puts contracts into a slot, bought at their worth unless a price is given."""
        option = call(expiry, strike, "VIX" if expiry in MONTHS else "VIXW")
        self.options[option.con_id] = option
        self.held[slot, option.con_id] = (quantity, self.worth(option) if price is None else price)
        self.slots[slot] = msgspec.structs.replace(self.slots[slot], state=SlotState.ACTIVE)
        return option

    def ask(self) -> list[PlaceIntent]:
        """Looks until chains, boards and quotes have come and orders follow; their intents, none if nothing comes."""
        for _ in range(5):
            out = self.look(60.0)
            if out.places:
                return list(out.places)
        return []

    def settle_in(self, rounds: int = 14) -> None:
        """Looks and fills whatever is asked for until nothing more is."""
        for _ in range(rounds):
            for intent in self.look(60.0).places:
                self.fill(intent.ref)

    def work(self) -> list[OrderRecord]:
        """Orders alive."""
        return [r for r in self.book.orders.values() if r.live]

    def quantity(self, slots: Iterable[int]) -> int:
        """Contracts held in some slots."""
        wanted = set(slots)
        return sum(q for (slot, _), (q, _) in self.held.items() if slot in wanted)

    def said(self, rule: str, subject: str | None = None) -> Decision | None:
        """The last decision of a rule in the last look."""
        assert self.last is not None
        found = [d for d in self.last.decisions if d.rule == rule and subject in (None, d.subject)]
        return found[-1] if found else None

    def net_n(self) -> float:
        """Normalised net vega as the last look saw it."""
        assert self.last is not None
        assert self.last.exposure.vega is not None
        net = self.last.exposure.vega.net_n
        assert net is not None
        return net


def order(legs: tuple[LegIntent, ...], action: str, quantity: int = 1, number: int = 1) -> PlaceIntent:
    """A hedge order for the machine's tests; its chain says what it does."""
    from strategies.domain.hedge import slot_name
    from strategies.domain.orders import Purpose

    name = slot_name(legs[0].slot or 0)
    ref = f"{name}.{action}.20260504.{number}"
    at = datetime.combine(DAY, time(10, 0), NY)
    return PlaceIntent(
        ref, f"{name}.{action}/20260504-{number}", 1, Purpose.HEDGE, HEDGE_OWNER, "A-SIZE-1", legs, quantity, 1.0, 1.0,
        1.1, at,
    )  # fmt: skip
