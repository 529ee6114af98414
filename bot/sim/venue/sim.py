"""The simulated venue: one object that is exchange and broker to everything above it.

Rules: time moves only through `advance` and never backwards; one step reports due commissions, works the live orders,
settles what has expired, then refreshes the accounts each open market minute and after every booking. Opens and closes
that fall between two steps are stepped through on the way. The ledger gets every fact from here (states, rejects,
fills, commissions, cash, positions, settlements, accounts); messages received, connections and faults are recorded by
whoever sees them, through `record`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.sim.ports import PastMarket, VenueListener, World
from bot.sim.types import (
    AccountState,
    Commission,
    ContractSpec,
    Execution,
    IndexLevel,
    Leg,
    MarginImpact,
    Marks,
    OptionValues,
    OrderTicket,
    PositionLine,
    Reject,
    VenueOrder,
)
from bot.sim.venue.accounts import Account
from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.calculator import Calculator
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.parts import make_books, make_floor, make_market, make_office
from bot.sim.venue.past import Past
from bot.sim.venue.products import MARKET_RULES
from bot.sim.venue.quotes import net_market
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.universe import Universe

_PAPER_ACCOUNT: Mapping[str, float] = {"DU1234567": 500_000.0}
_BEFORE_OPEN = timedelta(minutes=15)


class SimVenue:
    """Implements `bot.sim.types.Venue` over a world.

    `accounts` maps account ids to opening deposits in dollars; without a `ledger` no line is kept. `fills` sets the
    chances of a fill, `seed` the luck, `rules` what the broker allows. `start` is the venue time before the first
    `advance`, by default 15 minutes before the world's first open. Raises ValueError for a world without days or
    without accounts.
    """

    def __init__(
        self,
        world: World,
        *,
        accounts: Mapping[str, float] = _PAPER_ACCOUNT,
        ledger: Ledger | None = None,
        seed: int = 7,
        fills: FillModel | None = None,
        rules: BrokerRules | None = None,
        start: datetime | None = None,
    ) -> None:
        if not accounts:
            raise ValueError("the venue needs at least one account: give an id and its deposit in dollars")
        model, rules = fills or FillModel(), rules or BrokerRules()
        self._world = world
        market = make_market(world)
        self._now = start or world.days[0].open_at - _BEFORE_OPEN
        books = make_books(accounts, ledger=ledger, market=market, model=model, now=lambda: self._now, rules=rules)
        floor = make_floor(market, books, model=model, rules=rules, seed=seed)
        office = make_office(world, market, books, rules=rules)
        self._sessions, self._quotes = market.sessions, market.quotes
        self.oddities, self.halts = market.oddities, market.halts
        self._accounts, self._book, self._valuation = books.accounts, books.orders, books.valuation
        self._agenda, self._announce = books.agenda, books.announcer
        self.booking, self.hazards = books.booking, books.hazards
        self._dealing, self._intake, self._ambush = floor.dealing, floor.intake, floor.ambush
        self.interventions = floor.interventions
        self.back_office, self.settlements = office.back_office, office.settlements
        self._broker_day = office.broker_day
        self._universe = Universe(world, self._sessions)
        self._past = Past(world, self._sessions, self._quotes, lambda: self._now, self._universe.spec, seed)
        self._calculator = Calculator(world, lambda: self._now)
        self._day: date | None = None
        self._levels_day: date | None = None
        self._minute = -1
        self._instants = self._sessions.instants(self._now)
        self._next_instant = next(self._instants, None)
        world.advance(self._now)
        for account in self._accounts.values():
            self._announce.cash(account.name, account.cash_cents, "deposit", account.cash_cents)
        self._new_day()

    # time --------------------------------------------------------------------------------------
    def live_overnight(self) -> None:
        """Overnight and curb sessions are open from now on, between the run's first open and its last close."""
        self._sessions.overnight = True
        self._world.live_overnight()
        self._instants = self._sessions.instants(self._now)
        self._next_instant = next(self._instants, None)

    @property
    def now(self) -> datetime:
        """Venue time."""
        return self._now

    def advance(self, at: datetime) -> None:
        """Moves time to `at`. Raises ValueError for a time before `now`."""
        if at < self._now:
            raise ValueError(f"venue time cannot run backwards: now {self._now.isoformat()}, asked {at.isoformat()}")
        while (instant := self._next_stop()) is not None and instant < at:
            self._step(max(instant, self._now))
        self._step(at)

    def _next_stop(self) -> datetime | None:
        """The next open, close or promised moment, at which time halts on its way."""
        while self._next_instant is not None and self._next_instant <= self._now:
            self._next_instant = next(self._instants, None)
        stops = [moment for moment in (self._next_instant, self._agenda.next_due) if moment is not None]
        return min(stops, default=None)

    def _step(self, at: datetime) -> None:
        self._world.advance(at)
        self._now = at
        if at.date() != self._day:
            self._new_day()
        if self._levels_day != self._day:
            self._list_strikes()
        self._agenda.run(at)
        self.booking.report_commissions(at)
        self._dealing.work(at)
        minute = 60 * at.hour + at.minute
        if minute != self._minute:
            self._minute = minute
            self._broker_day.every_minute(at)
        if self.booking.touched:
            self._broker_day.report(at)

    def _new_day(self) -> None:
        self._day = self._now.date()
        self._minute = -1
        self.booking.forget_day()
        for account in self._accounts.values():
            account.forget_flat()
        self._book.forget_done()
        self._universe.new_day(self._day)
        self._list_strikes()

    def _list_strikes(self) -> None:
        """Lists the day's strikes around the previous close, or around the first print where there was none."""
        levels = self._valuation.levels()
        if "SPX" in levels and "VIX" in levels:
            self._universe.list_strikes(levels)
            self._levels_day = self._day

    # contracts ---------------------------------------------------------------------------------
    def find(self, query: Mapping[str, object]) -> Sequence[ContractSpec]:
        """Contracts still tradable that match the query."""
        return self._universe.find(query, self._now)

    def spec(self, con_id: int) -> ContractSpec | None:
        """The contract with this id, listed or expired."""
        return self._universe.spec(con_id)

    def option_chains(self, symbol: str) -> Sequence[tuple[str, int, str, int, Sequence[date], Sequence[float]]]:
        """(exchange, underlying id, trading class, multiplier, expiries, strikes) per exchange and class."""
        return self._universe.chains(symbol, self._now)

    def market_rule(self, rule_id: int) -> Sequence[tuple[float, float]] | None:
        """Price increments of a market rule, None if unknown."""
        return MARKET_RULES.get(rule_id)

    def hours(self, spec: ContractSpec) -> tuple[str, str, str]:
        """(timeZoneId, tradingHours, liquidHours) for a week from today."""
        return self._sessions.hours(spec, self._now)

    # market ------------------------------------------------------------------------------------
    def is_open(self, spec: ContractSpec) -> bool:
        """Whether the contract is quoted right now."""
        return self._sessions.is_open(spec, self._now)

    def index_level(self, spec: ContractSpec) -> IndexLevel:
        """Level of an index, future or stock as clients are told of it."""
        level = self._quotes.shown_level(spec, self._now)
        return self.oddities.told_level(spec, level) if self.oddities else level

    def option_marks(self, specs: Sequence[ContractSpec]) -> Marks:
        """Tick-rounded quotes and greeks of options as clients are told of them."""
        marks = self._quotes.option_marks(specs, self._now)
        return self.oddities.told_marks(specs, marks) if self.oddities else marks

    def bag_quote(self, legs: Sequence[Leg]) -> tuple[float | None, float | None]:
        """Natural net bid and ask of a combination for action BUY, points per unit, as clients are told of its legs."""
        markets = self._quotes.markets([leg.spec for leg in legs], self._now)
        if self.oddities:
            markets = {leg.spec.con_id: self.oddities.told_market(leg.spec, markets[leg.spec.con_id]) for leg in legs}
        net = net_market(legs, markets)
        return net.bid, net.ask

    def mark_prices(self, specs: Sequence[ContractSpec]) -> Mapping[int, float]:
        """What accounts are valued at, points by contract id."""
        return self._valuation.marks(specs)

    def values_at_price(self, spec: ContractSpec, price: float, under: float) -> OptionValues | None:
        """An option at a price of its own and one of its underlying, points."""
        return self._calculator.at_price(spec, price, under)

    def values_at_volatility(self, spec: ContractSpec, volatility: float, under: float) -> OptionValues | None:
        """An option at a volatility and a price of its underlying in points."""
        return self._calculator.at_volatility(spec, volatility, under)

    def halt_kind(self, spec: ContractSpec) -> int:
        """The contract's halt as tick 49 says it."""
        return self.halts.kind(spec)

    @property
    def halt_changes(self) -> int:
        """Grows whenever halts begin or end."""
        return self.halts.changes

    @property
    def past(self) -> PastMarket:
        """What happened in the markets."""
        return self._past

    def close_early(self, at: datetime, *, told: bool) -> datetime:
        """Ends today's session at `at`, now or later, for day orders too; `told` says whether trading hours show it.
        Returns the moment. Raises VenueRefusal where the session is not still to end after that."""
        session = self._sessions.on(self._now.date())
        if session is None or not session.open_at < at < session.close_at or at < self._now:
            hours = "none" if session is None else f"{session.open_at:%H:%M} to {session.close_at:%H:%M}"
            raise VenueRefusal(
                f"a session can end early at a time from now ({self._now:%H:%M:%S}) on, within itself; today's: {hours}"
            )
        self._sessions.close_early(at, told=told)
        for working in self._book:
            if at < working.expires_at <= session.close_at:
                working.expires_at = at
        self._agenda.plan(at, lambda _: None)  # time halts there, as at the other closes
        return at

    # orders ------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket) -> VenueOrder | Reject | None:
        """New order or modification. The acknowledgement also comes through `on_order` before this returns; fills come
        with the next `advance`. None where a fault keeps the answer back. Raises ValueError for a what-if: that is
        another method."""
        if ticket.what_if:
            raise ValueError("a what-if order is asked with what_if(), it is never placed")
        return self._ambush.place(ticket, self._now)

    def what_if(self, ticket: OrderTicket) -> MarginImpact | Reject:
        """Margin impact of the order; nothing is placed."""
        return self._intake.what_if(ticket, self._now)

    def cancel(self, client_id: int, order_id: int) -> Reject | None:
        """Cancels the client's own working order."""
        return self._intake.cancel(client_id, order_id, self._now)

    def cancel_all(self, client_id: int) -> None:
        """Global cancel: every working order of every client, whoever asks."""
        self._intake.cancel_all(self._now)

    def open_orders(self, client_id: int | None = None) -> Sequence[VenueOrder]:
        """Working orders of one client, or of all, oldest first."""
        return [w.order for w in self._book if client_id is None or w.ticket.client_id == client_id]

    def place_manual(self, ticket: OrderTicket) -> VenueOrder | Reject:
        """An order made in TWS itself: whatever ids the ticket has, it is client 0's and has no order id."""
        return self._intake.place(replace(ticket, client_id=0, order_id=0), self._now, manual=True)

    def bind_manual_orders(self) -> Sequence[VenueOrder]:
        """Gives the working orders made in TWS order ids of client 0."""
        return [working.order for working in self._book.bind_manual()]

    def completed_orders(self) -> Sequence[VenueOrder]:
        """Orders that ended today."""
        return self._book.done()

    def executions(self) -> Sequence[tuple[Execution, Commission | None]]:
        """Today's executions with their commissions where reported."""
        return [(item.execution, item.commission) for item in self.booking.executed]

    def next_order_id(self, client_id: int) -> int:
        """Next valid order id of this client."""
        return self._book.next_order_id(client_id)

    # accounts ----------------------------------------------------------------------------------
    @property
    def accounts(self) -> Sequence[str]:
        """Account ids."""
        return tuple(self._accounts)

    def position(self, account: str, spec: ContractSpec) -> PositionLine:
        """The position in one contract, quantity 0 where there is none, with what it brought since midnight."""
        return self._accounts[account].line(spec)

    def positions(self) -> Sequence[PositionLine]:
        """All positions that are not flat, by account; settled ones while they linger."""
        held = [line for account in self._accounts.values() for line in account.lines()]
        return [*held, *self.settlements.lingering]

    def settle_now(
        self, account: Account, meant: Callable[[ContractSpec], bool], value_of: Callable[[ContractSpec], float]
    ) -> Sequence[ContractSpec]:
        """Settles the positions meant at once, at `value_of` their underlying in points; orders in them end."""
        settled = self.settlements.settle_now(account, meant, value_of, self._now)
        gone = {spec.con_id for spec in settled}
        for working in self._book:
            if any(spec.con_id in gone for spec in working.specs):
                self._dealing.cancel(working, self._now, "its contract has settled")
        if settled:
            self.booking.touched.add(account.name)
        return settled

    def account(self, account: str) -> AccountState:
        """Current figures of an account; KeyError for an unknown one."""
        return self._valuation.state(account)

    # audience ----------------------------------------------------------------------------------
    def subscribe(self, listener: VenueListener) -> None:
        """Registers a listener."""
        self._announce.subscribe(listener)

    def note_client(self, client_id: int, *, connected: bool, reason: str) -> None:
        """A client has come or gone, says the wire; the ledger gets its line."""
        self._announce.record("connect" if connected else "disconnect", client=client_id, reason=reason)
        if not connected:
            self.interventions.owner_left(client_id, self._now)

    def record(self, kind: str, **facts: object) -> None:
        """Writes a line to the independent ledger."""
        self._announce.record(kind, **facts)
