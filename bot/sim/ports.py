"""The sockets between the simulated gateway's parts: what a world, a venue and its listener offer.

Direction of knowledge: the wire knows `Venue`; the venue knows `World`; the world knows only option maths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from bot.sim.past_types import DaySoFar, MarketTape, Statistics
from bot.sim.types import (
    AccountState,
    Bar,
    Commission,
    ContractSpec,
    Execution,
    Floats,
    IndexLevel,
    Leg,
    LevelPath,
    MarginImpact,
    Marks,
    OptionValues,
    OrderTicket,
    Places,
    PositionLine,
    Reject,
    TradingDay,
    VenueOrder,
    WorldEvent,
)


class World(Protocol):
    """A market: where prices come from. Deterministic by seed; time only moves forward."""

    @property
    def name(self) -> str:
        """Scenario name or history range."""
        ...

    @property
    def days(self) -> Sequence[TradingDay]:
        """Every exchange day the world covers, in order. History holes appear as missing days and end a segment."""
        ...

    @property
    def events(self) -> Sequence[WorldEvent]:
        """What the scenario asks of the gateway, in order of time; empty for history."""
        ...

    def advance(self, at: datetime) -> None:
        """Moves the market to `at` (never backwards; times outside sessions leave it at the last state)."""
        ...

    def live_overnight(self) -> None:
        """From now on the market moves between a close and the next open as well."""
        ...

    @property
    def symbols(self) -> frozenset[str]:
        """The indices, funds and counts that `index` answers for."""
        ...

    def index(self, symbol: str) -> IndexLevel:
        """An index, fund (dollars) or breadth count. Raises KeyError for a symbol the world does not have."""
        ...

    def future_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the VX monthly contracts listed on that day."""
        ...

    def weekly_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the VX weekly contracts listed on that day."""
        ...

    def future(self, expiry: date) -> IndexLevel:
        """The VX future settling that day; `last` None where the world has no value (a hole is a hole)."""
        ...

    def equity_future(self, expiry: date) -> IndexLevel:
        """The ES (and MES) future settling that day."""
        ...

    def marks(self, specs: Sequence[ContractSpec]) -> Marks:
        """Vectorised quotes and greeks of SPX/SPXW/VIX/VIXW options at the current instant."""
        ...

    def daily_bars(self, symbol: str, until: date, count: int) -> Sequence[Bar]:
        """Up to `count` daily bars of an index ending the day before `until`; scenarios invent a seeded past."""
        ...

    def future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of one VX contract (settlement as close)."""
        ...

    def equity_future_daily_bars(self, expiry: date, until: date, count: int) -> Sequence[Bar]:
        """Daily bars of one ES contract."""
        ...

    @property
    def past_days(self) -> Sequence[TradingDay]:
        """Every day with prices, oldest first: those before the first session included."""
        ...

    def level_path(self, symbol: str, at_s: Floats) -> LevelPath:
        """An index or stock at moments (epoch seconds, rising) up to now, on its price grid: what `index` said or would
        have said. NaN outside sessions and for moments to come; KeyError for an unknown symbol."""
        ...

    def future_path(self, expiry: date, at_s: Floats) -> LevelPath:
        """A VX future at such moments, as `future` said or would have said."""
        ...

    def equity_future_path(self, expiry: date, at_s: Floats) -> LevelPath:
        """An ES future at such moments."""
        ...

    def option_path(self, spec: ContractSpec, at_s: Floats) -> Marks:
        """One option at such moments, as `marks` said or would have said; KeyError for an unknown underlying."""
        ...

    def option_points(self, specs: Sequence[ContractSpec], which: Places, at_s: Floats) -> Marks:
        """The same of many options, each at its own moments: `which` is the place in `specs` of each moment's."""
        ...

    @property
    def rate(self) -> float:
        """Rate at which today's options are discounted, continuous, a year."""
        ...

    def settlement_price(self, spec: ContractSpec) -> float | None:
        """Final settlement value of the underlying for this expiry (PM close, or SOQ/VRO), `None` until published."""
        ...

    def notes(self) -> Sequence[str]:
        """Substitutions and derivations this world made, one sentence each, for the run's report."""
        ...


class Trades(Protocol):
    """The trades of one session, told one after another."""

    @property
    def opened_at(self) -> datetime:
        """When the session opened."""
        ...

    def until(self, at_s: float) -> Sequence[tuple[float, int, int]]:
        """Trades not yet told up to a moment: (epoch seconds, contracts or shares, side as in `Prints`)."""
        ...

    def recent(self, at_s: float, seconds: float) -> tuple[int, int]:
        """(trades, volume) of the last `seconds`, of what has been told."""
        ...


class PastMarket(Protocol):
    """What happened in a contract's market, up to now; the regular sessions only."""

    def sessions(self, spec: ContractSpec, first: date, last: date) -> Sequence[tuple[datetime, datetime]]:
        """(open, close) of the contract's sessions with data between two dates, both included, oldest first; today's as
        scheduled."""
        ...

    def first_moment(self, spec: ContractSpec) -> datetime | None:
        """The earliest moment with data, None without any."""
        ...

    def tape(self, spec: ContractSpec, start: datetime, end: datetime, step_s: float = 15.0) -> MarketTape:
        """The market every `step_s` seconds (15 or a whole part of it) of the sessions between two moments, and at both
        of them; nothing after now."""
        ...

    def daily_bars(self, spec: ContractSpec, first: date, last: date) -> Sequence[Bar]:
        """Trade bars of whole sessions of an index, stock or future between two dates, today's once it is over."""
        ...

    def implied_volatility_path(self, spec: ContractSpec, at_s: Floats) -> Floats:
        """Thirty-day implied volatility of an underlying at moments of one session; NaN where it has none."""
        ...

    def historical_volatility(self, spec: ContractSpec, day: date) -> float | None:
        """Thirty-day realised volatility as of the evening before a day."""
        ...

    def current_session(self, spec: ContractSpec, at: datetime | None = None) -> tuple[datetime, datetime] | None:
        """The day's session once it has begun, else the last one before, at a moment (now)."""
        ...

    def option_marks(self, spec: ContractSpec, at: datetime) -> Marks:
        """Quotes and greeks of one option at a moment up to now, arrays of one; no quotes outside its session."""
        ...

    def days_so_far(self, specs: Sequence[ContractSpec]) -> Sequence[tuple[DaySoFar, Trades | None]]:
        """What each contract has traded in the current session, and its trades from now on (None for what is not
        traded), in one look."""
        ...

    def previous_close(self, spec: ContractSpec, at: datetime | None = None) -> float | None:
        """Last price of the session before the one current at a moment (now): the middle of an option's closing
        quotes."""
        ...

    def statistics(self, spec: ContractSpec) -> Statistics:
        """Figures of the slow services."""
        ...


class VenueListener(Protocol):
    """Who hears what the venue does; the wire layer implements it and addresses the right clients."""

    def on_order(self, order: VenueOrder) -> None:
        """Order state changed (openOrder + orderStatus)."""
        ...

    def on_execution(self, execution: Execution) -> None:
        """An execution happened (execDetails, reqId -1)."""
        ...

    def on_commission(self, commission: Commission, execution: Execution) -> None:
        """A commission report follows its execution."""
        ...

    def on_error(self, client_id: int, request_id: int, code: int, text: str) -> None:
        """An error or notice for one client (order id or request id, -1 for none)."""
        ...

    def on_position(self, position: PositionLine) -> None:
        """A position changed, by trade or settlement."""
        ...

    def on_account(self, state: AccountState) -> None:
        """Account figures changed (throttled by the venue)."""
        ...


class Venue(Protocol):
    """Exchange and broker in one: contracts, orders, matching, accounts. Synchronous; time arrives through `advance`.

    Order of callbacks for a combo fill: on_order(Submitted...) -> on_execution per leg and the BAG's own ->
    on_order(Filled or partial) -> on_position per leg -> on_commission per leg (later) -> on_account.
    """

    @property
    def now(self) -> datetime:
        """Venue time."""
        ...

    @property
    def accounts(self) -> Sequence[str]:
        """Account ids (DU...)."""
        ...

    def subscribe(self, listener: VenueListener) -> None:
        """Registers the listener (one wire layer, or a test)."""
        ...

    def live_overnight(self) -> None:
        """From now on overnight and curb sessions are open."""
        ...

    def advance(self, at: datetime) -> None:
        """Moves time: market, matching of resting orders, day-order expiry, settlement, account refresh."""
        ...

    # contracts ---------------------------------------------------------------------------------
    def find(self, query: Mapping[str, object]) -> Sequence[ContractSpec]:
        """Contracts matching the given fields (con_id, symbol, sec_type, expiry 'YYYYMM' or 'YYYYMMDD', strike, right,
        multiplier, exchange, trading_class, local_symbol); an absent or empty field matches all. `include_expired`
        adds futures that have settled."""
        ...

    def spec(self, con_id: int) -> ContractSpec | None:
        """The contract with this id, listed or expired."""
        ...

    def option_chains(self, symbol: str) -> Sequence[tuple[str, int, str, int, Sequence[date], Sequence[float]]]:
        """(exchange, underlying con_id, trading class, multiplier, expiries, strikes) per class."""
        ...

    def market_rule(self, rule_id: int) -> Sequence[tuple[float, float]] | None:
        """Price increments (low edge, increment) of a market rule; None if unknown."""
        ...

    def hours(self, spec: ContractSpec) -> tuple[str, str, str]:
        """(timeZoneId, tradingHours, liquidHours) in the protocol's text form, from today over the next sessions."""
        ...

    # market ------------------------------------------------------------------------------------
    def is_open(self, spec: ContractSpec) -> bool:
        """Whether the contract is quoted right now."""
        ...

    def index_level(self, spec: ContractSpec) -> IndexLevel:
        """Level of an index, future or stock."""
        ...

    def option_marks(self, specs: Sequence[ContractSpec]) -> Marks:
        """Tick-rounded bids and asks (NaN none), sizes and model greeks of options."""
        ...

    def bag_quote(self, legs: Sequence[Leg]) -> tuple[float | None, float | None]:
        """Natural net bid and ask of a combo in points for action BUY; None where a leg has no quote."""
        ...

    def mark_prices(self, specs: Sequence[ContractSpec]) -> Mapping[int, float]:
        """What accounts are valued at, points by contract id; contracts without a value are left out."""
        ...

    def values_at_price(self, spec: ContractSpec, price: float, under: float) -> OptionValues | None:
        """An option at a price of its own and one of its underlying (VIX options: of their future), points; None where
        no volatility gives it."""
        ...

    def values_at_volatility(self, spec: ContractSpec, volatility: float, under: float) -> OptionValues | None:
        """An option at a volatility, a year as a fraction, and a price of its underlying in points."""
        ...

    def halt_kind(self, spec: ContractSpec) -> int:
        """0 where the contract trades, 1 for a general halt, 2 for a volatility halt (tick 49)."""
        ...

    @property
    def halt_changes(self) -> int:
        """Grows whenever halts begin or end."""
        ...

    @property
    def past(self) -> PastMarket:
        """What happened in the markets."""
        ...

    # orders ------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket) -> VenueOrder | Reject | None:
        """New order, or modification of the client's own working order with the same id. A reject leaves nothing
        behind; errors are returned, not sent through on_error. None: the client is to hear nothing."""
        ...

    def what_if(self, ticket: OrderTicket) -> MarginImpact | Reject:
        """Margin impact of the order; nothing is placed."""
        ...

    def cancel(self, client_id: int, order_id: int) -> Reject | None:
        """Cancels a working order of that client; the confirmation comes through on_order and on_error 202."""
        ...

    def cancel_all(self, client_id: int) -> None:
        """Global cancel: every working order of every client."""
        ...

    def open_orders(self, client_id: int | None = None) -> Sequence[VenueOrder]:
        """Working orders of one client, or of all."""
        ...

    def bind_manual_orders(self) -> Sequence[VenueOrder]:
        """Gives the working orders made in TWS order ids of client 0; returns those that had none."""
        ...

    def completed_orders(self) -> Sequence[VenueOrder]:
        """Orders of the day that are done (filled, cancelled, rejected)."""
        ...

    def executions(self) -> Sequence[tuple[Execution, Commission | None]]:
        """Today's executions of all clients in order, with their commissions where reported."""
        ...

    def position(self, account: str, spec: ContractSpec) -> PositionLine:
        """The position in one contract, quantity 0 where there is none, with what it brought since midnight."""
        ...

    def positions(self) -> Sequence[PositionLine]:
        """All non-zero positions."""
        ...

    def account(self, account: str) -> AccountState:
        """Current figures of an account."""
        ...

    def next_order_id(self, client_id: int) -> int:
        """Next valid order id of this client id; survives reconnects."""
        ...

    # connections -------------------------------------------------------------------------------
    def note_client(self, client_id: int, *, connected: bool, reason: str) -> None:
        """A client has started the API or its connection has ended; written to the ledger."""
        ...

    # ledger ------------------------------------------------------------------------------------
    def record(self, kind: str, **facts: object) -> None:
        """Writes a line to the independent ledger (connect, place, cancel, global_cancel, fault, ... from the wire)."""
        ...
