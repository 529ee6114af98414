"""A bot with five condors and a hedge in ten slots, its broker, and a judge of every order that reckons for itself."""

from __future__ import annotations

import math
from datetime import datetime
from functools import cache

import msgspec

from benchmarks import decisions, whole_book
from benchmarks import held_condor as held
from bot.actions import Submit
from bot.engine.outcome import Step
from bot.engine.state import State
from strategies.alvh.lattice import SlotState, fresh_lattice
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.account import AccountSnapshot
from strategies.domain.control import LinkState
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.market import Quote
from strategies.domain.orders import OrderState, PlaceIntent
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import account_reported, link, seconds
from tests.bot.engine.fakes import VenueOrder

OPEN_NOON = held.NOW
SPOTS_PCT = (-20.0, -15.0, -10.0, -5.0, -3.0, 0.0, 3.0, 5.0, 10.0)
VOLS_PCT = (-30.0, 0.0, 30.0, 60.0, 100.0)


class HeldWorld:
    """Quotes of everything held at its worth, the index moved by `shift` points."""

    def __init__(self) -> None:
        self.shift = 0.0

    def quotes(self, con_ids: tuple[int, ...], at: datetime, epoch: int) -> tuple[Quote, ...]:
        return whole_book.quotes(at, epoch, self.shift)


class FlatBench(Bench):
    """Starts with everything held and a link up; `sent` are the orders of the run, each judged as it leaves."""

    def __init__(self, condors: int = whole_book.CONDORS, *, opening: bool = False) -> None:
        """`opening`: the last condor and the last slot are only being opened, their orders work."""
        super().__init__()
        self.now = held.NOW
        self.state = shrunk(everything_held(), condors)
        if opening:
            for owner in (max(self.state.condors), HEDGE_OWNER):
                self._unfilled(owner)
        self.parameters = whole_book.parameters()
        self.broker.world = HeldWorld()  # type: ignore[assignment]
        self.world = self.broker.world
        self.broker.mute |= {"reference", "chain", "options", "bars"}
        self.broker.positions = dict(self.state.book.broker_positions or {})
        self._seq = self.state.seq
        self.sent: list[PlaceIntent] = []
        self.silent: set[int] = set()
        self.judging = True
        self.short_of_cash: AccountSnapshot | None = None

    def _unfilled(self, owner: str) -> None:
        """Takes the executions of an owner's last opening order back: it works and nothing of it has filled."""
        state = self.state
        ref = max(ref for ref, order in state.book.orders.items() if order.intent.owner == owner)
        record = state.book.orders[ref]
        if owner == HEDGE_OWNER:
            intent = msgspec.structs.replace(record.intent, chain_ref=f"{ref.split('.')[0]}.open/20260502-1")
            record = msgspec.structs.replace(record, intent=intent)
        order = VenueOrder(record.intent, record.perm_id or 0, record.order_id or 0)
        self.broker.orders[ref] = order
        fills = {key: fill for key, fill in state.book.fills.items() if fill.ref != ref}
        positions: dict[int, int] = {}
        for fill in fills.values():
            positions[fill.con_id] = positions.get(fill.con_id, 0) + fill.signed_quantity
        works = msgspec.structs.replace(record, state=OrderState.WORKING, filled_by_leg={})
        orders = {**state.book.orders, ref: works}
        book = msgspec.structs.replace(state.book, orders=orders, fills=fills, broker_positions=positions)
        if owner == HEDGE_OWNER:
            number = record.intent.legs[0].slot or 0
            slot = msgspec.structs.replace(state.slots[number], state=SlotState.OPENING)
            self.state = msgspec.structs.replace(state, book=book, slots={**state.slots, number: slot})
            return
        condor = msgspec.structs.replace(
            state.condors[owner], state=CondorState.ENTRY_WORKING, quantity=0, credit_points=None, opened_at=None,
            tallies={}, lots=(),
        )  # fmt: skip
        self.state = msgspec.structs.replace(state, book=book, condors={**state.condors, owner: condor})

    def _step(self, event: ev.AnyEvent) -> None:
        super()._step(event)
        for action in self.steps[-1].actions:
            if isinstance(action, Submit):
                self.sent.append(action.approved.intent)
                if self.judging:
                    judge(action.approved.intent, self.state, self.broker.positions)

    def tick(self, after_s: float = 0.0) -> list[Step]:
        """Everything that is not silent is quoted anew."""
        rows = self.world.quotes((), self.now + seconds(after_s), self.broker.epoch)
        seen = tuple(quote for quote in rows if quote.con_id not in self.silent)
        return self.feed(ev.QuotesUpdated(quotes=seen), after_s=after_s)

    def look(self, after_s: float = 2.0) -> list[Step]:
        """Time passes and everything is quoted; account and pulse as they would come."""
        self.tick(after_s)
        self.feed(ev.AccountReported(snapshot=self.account()))
        return self.pulse()

    def account(self) -> AccountSnapshot:
        """The account's figures now."""
        if self.short_of_cash is not None:
            return msgspec.structs.replace(self.short_of_cash, at=self.now)
        return account_reported(self.now).snapshot

    def strangers_contract(self) -> int:
        """A listed option that nobody here holds."""
        option = whole_book.legs_of(whole_book.CONDORS - 1)[0]
        assert option.con_id not in (self.state.book.broker_positions or {})
        return option.con_id

    def away(self) -> None:
        """The gateway goes."""
        self.feed(link(LinkState.DOWN, self.broker.epoch))

    def back(self) -> None:
        """The gateway is back, on a new connection."""
        self.broker.epoch += 1
        self.connect()

    def fill_all(self, units: int | None = None) -> None:
        """Whatever works is executed."""
        for order in list(self.broker.orders.values()):
            if order.open:
                left = order.intent.quantity - order.filled
                self.broker.fill(order.intent.ref, left if units is None else min(left, units))
        self.feed()


@cache
def everything_held() -> State:
    """The bot with its whole book, made once: a state is never changed."""
    return whole_book.graft(decisions.steady())


def shrunk(state: State, condors: int) -> State:
    """The same with fewer condors and four slots of the hedge, so that a test need not close it all."""
    keep = set(sorted(state.condors)[:condors])
    slots = tuple(f"alvh-s{number:02d}." for number in (1, 5, 6, 10))
    orders = {r: o for r, o in state.book.orders.items() if o.intent.owner in keep or r.startswith(slots)}
    fills = {key: fill for key, fill in state.book.fills.items() if fill.ref in orders}
    positions: dict[int, int] = {}
    for fill in fills.values():
        positions[fill.con_id] = positions.get(fill.con_id, 0) + fill.signed_quantity
    book = msgspec.structs.replace(state.book, orders=orders, fills=fills, broker_positions=positions)
    empty = fresh_lattice()
    held_slots = {n: s if any(r.startswith(f"{s.name}.") for r in orders) else empty[n] for n, s in state.slots.items()}
    return msgspec.structs.replace(
        state, book=book, slots=held_slots, condors={k: c for k, c in state.condors.items() if k in keep}
    )


# the judge -------------------------------------------------------------------------------------------
def judge(intent: PlaceIntent, state: State, positions: dict[int, int]) -> None:
    """While FLATTENING: no leg makes a position larger, in any part of the fill, nor any group's worst grid cell."""
    if state.control.state.value != "flattening":
        raise AssertionError(f"{intent.ref} left while {state.control.state.value}")
    for leg in intent.legs:
        held_now = positions.get(leg.con_id, 0)
        for units in range(intent.quantity + 1):
            then = held_now + leg.action.sign * leg.ratio * units
            assert abs(then) <= abs(held_now), f"{intent.ref}: {leg.con_id} {held_now:+d} -> {then:+d}"
            assert then * held_now >= 0, f"{intent.ref}: {leg.con_id} is turned round"
    before = group(state, intent.owner)
    after = dict(before)
    for leg in intent.legs:
        after[leg.con_id] = after.get(leg.con_id, 0) + leg.action.sign * leg.ratio * intent.quantity
    was, then_usd = worst_cell_usd(state, before), worst_cell_usd(state, after)
    assert then_usd <= was + 1.0, f"{intent.ref}: worst cell {was:.0f} -> {then_usd:.0f}"


def group(state: State, owner: str) -> dict[int, int]:
    """Signed contracts of one owner by con id, from executions alone."""
    found: dict[int, int] = {}
    for fill in state.book.fills.values():
        record = state.book.orders.get(fill.ref or "")
        if record is not None and record.intent.owner == owner:
            found[fill.con_id] = found.get(fill.con_id, 0) + fill.signed_quantity
    return {con_id: quantity for con_id, quantity in found.items() if quantity}


def worst_cell_usd(state: State, positions: dict[int, int]) -> float:
    """Loss of signed contracts in the worst of 9 index by 5 volatility moves, reckoned here from scratch."""
    base = sum(q * _usd(state, c, 0.0, 0.0) for c, q in positions.items())
    grid = [(spot, vol) for spot in SPOTS_PCT for vol in VOLS_PCT]
    return max(base - sum(q * _usd(state, c, *cell) for c, q in positions.items()) for cell in grid)


def _usd(state: State, con_id: int, spot_pct: float, vol_pct: float) -> float:
    option = state.market.option(con_id)
    assert option is not None
    assert state.now is not None
    tau = max(1e-9, (option.last_trade_at - state.now).total_seconds() / (365.0 * 86400.0))
    if option.symbol == "VIX":
        future = whole_book.STRIP[whole_book.MONTHS.index(option.expiry)]
        return 100.0 * _black(future * (1.0 + vol_pct / 100.0 * 0.5), option.strike, 0.8, tau, call=True)
    sigma = held.VOL * (1.0 + vol_pct / 100.0)
    return 100.0 * _black(held.SPOT * (1.0 + spot_pct / 100.0), option.strike, sigma, tau, call=option.is_call)


def _black(forward: float, strike: float, sigma: float, tau: float, *, call: bool) -> float:
    """Black's formula with the error function of the standard library."""
    spread = sigma * math.sqrt(tau)
    d1 = math.log(forward / strike) / spread + 0.5 * spread
    above = forward * _phi(d1) - strike * _phi(d1 - spread)
    return above if call else above - forward + strike


def _phi(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))
