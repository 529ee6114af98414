"""The vocabulary between the simulated gateway's parts: wire above, venue in the middle, world below.

Direction of knowledge: `wire` knows `Venue`; the venue knows `World`; the world knows only option maths.
Prices are index points per share; cash is US dollars; times are aware datetimes in America/New_York.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class SecType(StrEnum):
    """Security types of the protocol that the simulator lists."""

    INDEX = "IND"
    OPTION = "OPT"
    FUTURE = "FUT"
    STOCK = "STK"
    BAG = "BAG"


class Right(StrEnum):
    """Option right as written on the wire."""

    CALL = "C"
    PUT = "P"


class Settlement(StrEnum):
    """When the settlement value is struck: the morning's special opening quotation, or the close."""

    AM = "AM"
    PM = "PM"


class Side(StrEnum):
    """Order action on the wire; executions are reported as BOT and SLD."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """One listed contract. `last_trade_at` is the last moment it trades; `expiry` the day it settles."""

    con_id: int
    sec_type: SecType
    symbol: str
    trading_class: str
    exchange: str
    multiplier: int
    local_symbol: str
    market_rule_id: int
    min_tick: float
    long_name: str = ""
    currency: str = "USD"
    expiry: date | None = None
    strike: float | None = None
    right: Right | None = None
    settlement: Settlement | None = None
    last_trade_at: datetime | None = None
    under_con_id: int = 0


@dataclass(frozen=True, slots=True)
class TradingDay:
    """One exchange day of a world. Index options trade from `open_at` to `close_at` (16:15, or 13:15 on early days);
    `index_close_at` is when the index and expiring PM-settled options stop (16:00 or 13:00)."""

    day: date
    open_at: datetime
    index_close_at: datetime
    close_at: datetime
    early_close: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A daily or intraday bar; `volume` is 0 where the source has none."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexLevel:
    """An index or future as last published; `None` before the first print of a day."""

    last: float | None
    open: float | None
    high: float | None
    low: float | None
    previous_close: float | None
    bid: float | None = None
    ask: float | None = None
    bid_size: int = 0
    ask_size: int = 0


@dataclass(frozen=True, slots=True)
class Marks:
    """Arrays over the specs asked for, all of one length. `bid` and `ask` are NaN where nobody quotes;
    mids are model values off the tick grid; greeks per share: vega per vol point, theta per calendar day."""

    mid: Floats
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    iv: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats
    forward: Floats


@dataclass(frozen=True, slots=True)
class WorldEvent:
    """Something a world asks of its gateway, such as `restart`: due at `at`, or at the first moment after it at which
    `condition` holds ("order_working"); afterwards connections are refused for `seconds` of market time."""

    at: datetime
    verb: str
    seconds: float
    condition: str | None = None


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

    def index(self, symbol: str) -> IndexLevel:
        """SPX, VIX, VIX9D, VIX3M, VVIX, SKEW (and SPY where modelled). Raises KeyError for others."""
        ...

    def future_expiries(self, on: date) -> Sequence[date]:
        """Settlement days of the VX monthly contracts listed on that day (weeklies too where the world has them)."""
        ...

    def future(self, expiry: date) -> IndexLevel:
        """The VX future settling that day; `last` None where the world has no value (a hole is a hole)."""
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

    def settlement_price(self, spec: ContractSpec) -> float | None:
        """Final settlement value of the underlying for this expiry (PM close, or SOQ/VRO), `None` until published."""
        ...

    def notes(self) -> Sequence[str]:
        """Substitutions and derivations this world made, one sentence each, for the run's report."""
        ...


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of an order: a single contract has one leg of ratio 1."""

    spec: ContractSpec
    ratio: int
    side: Side


@dataclass(slots=True)
class OrderTicket:
    """An order as the client asked for it. For a BAG, `limit` is the net price per unit in points
    for the order's action (BUY at a negative limit = collect a credit)."""

    client_id: int
    order_id: int
    account: str
    side: Side
    quantity: int
    order_type: str
    limit: float | None
    tif: str
    legs: tuple[Leg, ...]
    is_bag: bool
    order_ref: str = ""
    outside_rth: bool = False
    transmit: bool = True
    what_if: bool = False
    parent_id: int = 0
    per_leg_prices: bool = False
    non_guaranteed: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class VenueOrder:
    """The venue's truth about an order. `status` uses the protocol's words
    (PreSubmitted, Submitted, PendingCancel, Cancelled, Filled, Inactive)."""

    ticket: OrderTicket
    perm_id: int
    status: str
    filled: int = 0
    remaining: int = 0
    average_price: float = 0.0
    last_fill_price: float = 0.0
    why_held: str = ""
    completed_at: datetime | None = None
    completed_status: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution: of a leg, or (`spec.sec_type` BAG) the summary of the combo at its net price."""

    exec_id: str
    at: datetime
    perm_id: int
    client_id: int
    order_id: int
    order_ref: str
    account: str
    spec: ContractSpec
    side: Side
    quantity: int
    price: float
    cumulative_quantity: int
    average_price: float
    liquidation: int = 0


@dataclass(frozen=True, slots=True)
class Commission:
    """Commission of one execution; `realized_pnl_usd` is None for an opening trade."""

    exec_id: str
    amount_usd: float
    realized_pnl_usd: float | None


@dataclass(frozen=True, slots=True)
class PositionLine:
    """A position of one account; `average_cost_usd` is per contract (price x multiplier), IB's convention."""

    account: str
    spec: ContractSpec
    quantity: int
    average_cost_usd: float


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's figures in dollars."""

    account: str
    net_liquidation: float
    cash: float
    initial_margin: float
    maintenance_margin: float
    excess_liquidity: float
    unrealized_pnl: float
    realized_pnl: float


@dataclass(frozen=True, slots=True)
class MarginImpact:
    """Answer to a what-if: dollars before, change and after, plus the commission estimate."""

    initial_before: float
    maintenance_before: float
    equity_before: float
    initial_after: float
    maintenance_after: float
    equity_after: float
    commission: float
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A request refused: protocol error code and text; `final_status` is the order's status afterwards, if any."""

    code: int
    text: str
    final_status: str | None = None


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

    def advance(self, at: datetime) -> None:
        """Moves time: market, matching of resting orders, day-order expiry, settlement, account refresh."""
        ...

    # contracts ---------------------------------------------------------------------------------
    def find(self, query: Mapping[str, object]) -> Sequence[ContractSpec]:
        """Contracts matching the given fields (con_id, symbol, sec_type, expiry 'YYYYMM' or 'YYYYMMDD', strike, right,
        multiplier, exchange, trading_class, local_symbol); an absent or empty field matches all."""
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

    def daily_bars(self, spec: ContractSpec, until: datetime, count: int) -> Sequence[Bar]:
        """Historical daily bars ending at or before `until`."""
        ...

    # orders ------------------------------------------------------------------------------------
    def place(self, ticket: OrderTicket) -> VenueOrder | Reject:
        """New order, or modification of the client's own working order with the same id. A reject leaves nothing
        behind; errors are returned, not sent through on_error."""
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

    def completed_orders(self) -> Sequence[VenueOrder]:
        """Orders of the day that are done (filled, cancelled, rejected)."""
        ...

    def executions(self) -> Sequence[tuple[Execution, Commission | None]]:
        """Today's executions of all clients in order, with their commissions where reported."""
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

    # ledger ------------------------------------------------------------------------------------
    def record(self, kind: str, **facts: object) -> None:
        """Writes a line to the independent ledger (connect, place, cancel, global_cancel, fault, ... from the wire)."""
        ...


class Clock(Protocol):
    """The venue's clock: maps loop time to market time, skipping closed hours."""

    @property
    def now(self) -> datetime:
        """Current market time, aware, America/New_York."""
        ...


OnTick = Callable[[datetime], None]
