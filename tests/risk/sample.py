"""A small true world for the gate's tests: one good morning, one good condor, and ways to spoil a single thing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from risk.limits import Limits, paper_limits
from risk.view import Holding, Mark, RiskView
from risk.watch import Levels, Watch
from strategies.domain.account import AccountSnapshot, MarginImpact
from strategies.domain.book import Book, Fill
from strategies.domain.control import Control, LinkState
from strategies.domain.host import HostReading
from strategies.domain.instruments import Index, Instrument, Option, Right, SettlementStyle, TickBand
from strategies.domain.known import Known
from strategies.domain.market import Market, Quote
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose
from strategies.domain.session import Calendar, SessionDay
from strategies.pricing import black76

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 2, 11, 0, tzinfo=NEW_YORK)
ACCOUNT = "DU1234567"
NLV = 400_000.0
EXPIRIES = (date(2026, 4, 10), date(2026, 4, 15), date(2026, 4, 17))
TICKS = (TickBand(0.0, 0.05), TickBand(3.0, 0.10))
SPX, VIX = 1, 2
FORWARD, IV, EPOCH = 5500.0, 0.16, 4


GOOD_HOST = HostReading(
    at=NOW - timedelta(seconds=8), clock_step_ms=3.0, broker_clock_ms=400.0, disk_free_mib=50_000.0, commit_ms=2.0,
    memory_mib=220.0, descriptors=40, tasks=20, facts_waiting=0, loop_lag_s=0.02,
)  # fmt: skip


def session(day: date, **changes: Any) -> SessionDay:
    """A full day."""

    def at(hour: int, minute: int) -> datetime:
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)

    return msgspec.structs.replace(SessionDay(day, at(9, 30), at(16, 0), at(16, 15)), **changes)


def con_id(expiry: date, strike: float, right: Right) -> int:
    """Contract ids that a test can compute."""
    return EXPIRIES.index(expiry) * 100_000 + int(strike) * 10 + (1 if right is Right.CALL else 0) + 1000


def option(expiry: date, strike: float, right: Right) -> Option:
    """An SPXW option."""
    last = datetime(expiry.year, expiry.month, expiry.day, 16, 0, tzinfo=NEW_YORK)
    number = con_id(expiry, strike, right)
    return Option(number, "SPX", "SPXW", "SMART", 100, expiry, strike, right, SettlementStyle.PM, last, TICKS)


STRIKES = tuple(float(k) for k in range(4900, 6150, 25))
ALL_OPTIONS = tuple(option(e, k, r) for e in EXPIRIES for k in STRIKES for r in (Right.PUT, Right.CALL))


def mark(of: Option) -> Mark:
    """Flat smile marks at NOW."""
    tau = (of.last_trade_at - NOW) / timedelta(days=365)
    return Mark(iv=IV, forward_points=FORWARD, tau_years=tau, discount=0.995)


def quote(of: Option, **changes: Any) -> Quote:
    """A tight live market around the model value."""
    m = mark(of)
    worth = float(black76.price(m.forward_points, of.strike, m.iv, m.tau_years, of.is_call, m.discount))
    mid = max(0.1, round(worth * 20) / 20)
    row = Quote(of.con_id, mid - 0.05, mid + 0.05, 50, 50, mid, mid, NOW - timedelta(seconds=1), EPOCH)
    return msgspec.structs.replace(row, **changes)


def level(number: int, value: float, **changes: Any) -> Quote:
    """An index level."""
    row = Quote(number, None, None, None, None, value, value, NOW - timedelta(seconds=2), EPOCH)
    return msgspec.structs.replace(row, **changes)


_INSTRUMENTS: dict[int, Instrument] = {
    SPX: Index(SPX, "SPX", "CBOE"),
    VIX: Index(VIX, "VIX", "CBOE"),
    **{o.con_id: o for o in ALL_OPTIONS},
}
_QUOTES = {SPX: level(SPX, 5500.0), VIX: level(VIX, 16.5), **{o.con_id: quote(o) for o in ALL_OPTIONS}}
_MARKS = {o.con_id: mark(o) for o in ALL_OPTIONS}


def condor_legs(expiry: date, strikes: tuple[float, float, float, float], close: bool = False) -> tuple[LegIntent, ...]:
    """+P1 -P2 -C3 +C4, or the reverse."""
    rights = (Right.PUT, Right.PUT, Right.CALL, Right.CALL)
    actions = (Action.BUY, Action.SELL, Action.SELL, Action.BUY)
    return tuple(
        LegIntent(con_id(expiry, k, r), 1, a.opposite if close else a)
        for k, r, a in zip(strikes, rights, actions, strict=True)
    )


WINGS = (5100.0, 5150.0, 5750.0, 5800.0)


def net_mid(legs: tuple[LegIntent, ...]) -> float:
    """Net mid in points, positive = pays."""
    return sum(leg.action.sign * leg.ratio * (_QUOTES[leg.con_id].mid or 0.0) for leg in legs)


def on_grid(points: float) -> float:
    """The nearest combo price."""
    return round(points * 20) / 20


def entry(condor: str = "ic-1", expiry: date = EXPIRIES[1], wings: Any = WINGS, **changes: Any) -> PlaceIntent:
    """A good opening order."""
    return _intent(f"{condor}/entry", condor, condor_legs(expiry, wings), Purpose.ENTRY, changes)


def close(condor: str = "ic-1", expiry: date = EXPIRIES[1], wings: Any = WINGS, **changes: Any) -> PlaceIntent:
    """A good closing order."""
    return _intent(f"{condor}/exit", condor, condor_legs(expiry, wings, close=True), Purpose.EXIT, changes)


def _intent(
    chain: str, condor: str, legs: tuple[LegIntent, ...], purpose: Purpose, changes: dict[str, Any]
) -> PlaceIntent:
    mid = net_mid(legs)
    base = PlaceIntent(f"{chain}/1", chain, 1, purpose, condor, "C-TEST", legs, 1, on_grid(mid), mid, mid + 0.2, NOW)
    return msgspec.structs.replace(base, **changes)


def record(
    intent: PlaceIntent, state: OrderState = OrderState.WORKING, ago_s: float = 300.0, **more: Any
) -> OrderRecord:
    """An order in the book."""
    at = NOW - timedelta(seconds=ago_s)
    return OrderRecord(intent, state, at, at, **more)


@dataclass(frozen=True)
class World:
    """A view in the making; every field has the value of a good morning."""

    limits: Limits = field(default_factory=paper_limits)
    holdings: tuple[Holding, ...] = ()
    fills: dict[str, Fill] = field(default_factory=dict)
    orders: tuple[OrderRecord, ...] = ()
    quotes: dict[int, Quote] = field(default_factory=lambda: dict(_QUOTES))
    marks: dict[int, Mark] = field(default_factory=lambda: dict(_MARKS))
    account: dict[str, Any] = field(default_factory=dict)
    broker: Any = "as journal"
    sessions: tuple[SessionDay, ...] = (session(NOW.date()),)
    impact: MarginImpact | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def having(self, condor: str, legs: tuple[LegIntent, ...], units: int, paid_points: float) -> World:
        """The same with a filled combo: `paid_points` net per unit (a credit is negative)."""
        fills, rows = dict(self.fills), list(self.holdings)
        for place, leg in enumerate(legs):
            price = (_QUOTES[leg.con_id].mid or 0.0) + (paid_points - net_mid(legs) if place == 0 else 0.0)
            price = (
                price if place else (_QUOTES[leg.con_id].mid or 0.0) + leg.action.sign * (paid_points - net_mid(legs))
            )
            name = f"{condor}.{len(fills)}.01"
            fills[name.rpartition(".")[0]] = Fill(
                name, f"{condor}/old/1", leg.con_id, leg.action, units * leg.ratio, price, 100, NOW - timedelta(days=2)
            )
            rows.append(Holding(condor, leg.con_id, leg.action.sign * units * leg.ratio, price))
        return replace(self, fills=fills, holdings=tuple(rows))

    def with_(self, **changes: Any) -> World:
        """The same with view fields changed."""
        return replace(self, changes={**self.changes, **changes})

    def view(self) -> RiskView:
        """What the gate sees."""
        journal = Book(orders={o.ref: o for o in self.orders}, fills=self.fills)
        broker = journal.positions() if self.broker == "as journal" else self.broker
        figures = {
            "net_liquidation_usd": NLV,
            "initial_margin_usd": 4000.0,
            "maintenance_margin_usd": 4000.0,
            "excess_liquidity_usd": 0.9 * NLV,
            **self.account,
        }
        at = figures.pop("at", NOW - timedelta(seconds=20))
        view = RiskView(
            now=NOW,
            market=Market(instruments=_INSTRUMENTS, quotes=self.quotes, epoch=EPOCH),
            calendar=Calendar(sessions=self.sessions),
            book=msgspec.structs.replace(journal, broker_positions=broker),
            holdings=self.holdings,
            account=Known(AccountSnapshot(ACCOUNT, at, **figures)),
            day_start_nlv_usd=NLV,
            week_start_nlv_usd=NLV,
            high_water_usd=NLV,
            link=LinkState.UP,
            snapshot_epoch=EPOCH,
            control=Control(),
            expected_account=ACCOUNT,
            accounts=(ACCOUNT,),
            margin=Known(self.impact or MarginImpact(9000.0, 9000.0, NLV, 4600.0)),
            marks=self.marks,
            snapshot_at=NOW - timedelta(seconds=20),
            watch=Watch(
                levels=(Levels(NOW - timedelta(seconds=5), 5500.0, 16.5, -1.0),),
                host=GOOD_HOST,
                heard_at=NOW - timedelta(hours=1),
            ),
        )
        return msgspec.structs.replace(view, **self.changes)
