"""The vocabulary between the simulated gateway's parts, as plain values; `bot.sim.ports` says who offers what.

Prices are index points per share; cash is US dollars; times are aware datetimes in America/New_York."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bot.sim.order_terms import Liquidity, OcaType, OrderStatus, OrderType, Patience, TimeInForce, TriggerMethod

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
"""Places in a sequence, by moment or by contract."""


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
    """One listed contract. `last_trade_at` is the last moment it trades; `expiry` the day it settles. `exchanges` are
    the valid ones, none meaning `exchange`; `delivers_shares` tells an option that is exercised into its underlying."""

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
    exchanges: tuple[str, ...] = ()
    primary_exchange: str = ""
    stock_type: str = ""
    isin: str = ""
    delivers_shares: bool = False

    @property
    def last_trade_day(self) -> date | None:
        """The day under which the protocol files a contract: of an AM-settled option the day before it settles."""
        at = self.last_trade_at if self.sec_type is SecType.OPTION else None
        return self.expiry if at is None else at.date()


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
    """A daily or intraday bar, `at` its start. `volume` in contracts or shares, `average` their price and `count` the
    trades behind them: 0 where nothing is counted, -1 where the protocol says that there is none (quotes)."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    average: float = 0.0
    count: int = 0


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
class OptionValues:
    """One option at somebody's own terms: volatility a year as a fraction, price and underlying in points, greeks per
    share as in `Marks`, delta and gamma against the underlying."""

    volatility: float
    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    under: float


@dataclass(frozen=True, slots=True)
class LevelPath:
    """An index, stock or future over moments, arrays of their length: NaN where nothing was printed or quoted; sizes
    in contracts or shares."""

    last: Floats
    bid: Floats
    ask: Floats
    bid_size: int = 0
    ask_size: int = 0


@dataclass(frozen=True, slots=True)
class WorldEvent:
    """Something a world asks of its gateway: a row as a fault script has them (verb, its arguments, `when`), and where
    it is written, for error texts."""

    where: str
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of an order: a single contract has one leg of ratio 1."""

    spec: ContractSpec
    ratio: int
    side: Side


@dataclass(slots=True)
class OrderTicket:
    """An order as the client asked for it. For a BAG, `limit` is the net price per unit in points
    for the order's action (BUY at a negative limit = collect a credit).

    `aux` is the protocol's auxPrice in points: the price that triggers a stop or a touch, the amount a trailing stop
    follows by, the offset of a relative order. `trail_stop` is where a trailing stop begins, `trail_percent` its
    distance in percent, `limit_offset` how far its limit lies from its stop. `oca_type` counts where there is an
    `oca_group`; `min_quantity` is the least that the first fill must bring; `patience` makes an Adaptive order.
    `raw` holds every field as sent, for the echo in openOrder.
    """

    client_id: int
    order_id: int
    account: str
    side: Side
    quantity: int
    order_type: OrderType
    limit: float | None
    tif: TimeInForce
    legs: tuple[Leg, ...]
    is_bag: bool
    order_ref: str = ""
    outside_rth: bool = False
    transmit: bool = True
    what_if: bool = False
    parent_id: int = 0
    per_leg_prices: bool = False
    non_guaranteed: bool = False
    aux: float | None = None
    trail_stop: float | None = None
    trail_percent: float | None = None
    limit_offset: float | None = None
    trigger_method: TriggerMethod = TriggerMethod.DEFAULT
    oca_group: str = ""
    oca_type: OcaType = OcaType.REDUCE_WITHOUT_BLOCK
    all_or_none: bool = False
    min_quantity: int = 0
    good_after: datetime | None = None
    good_till: datetime | None = None
    patience: Patience | None = None
    raw: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The words and numbers of the protocol may be given as they are. Raises ValueError for one that is none."""
        self.order_type = OrderType(self.order_type)
        self.tif = TimeInForce(self.tif)
        self.trigger_method = TriggerMethod(self.trigger_method)
        self.oca_type = OcaType(self.oca_type)


@dataclass(slots=True)
class VenueOrder:
    """The venue's truth about an order. `why_held` says why it does not work yet (orderStatus' field, reasons parted by
    commas); `commission_usd` is what its executions were charged so far, None before the first charge; `oca_group` the
    group it belongs to, its parent's for a child; `trail_stop` where a trailing stop stands now."""

    ticket: OrderTicket
    perm_id: int
    status: OrderStatus
    filled: int = 0
    remaining: int = 0
    average_price: float = 0.0
    last_fill_price: float = 0.0
    why_held: str = ""
    completed_at: datetime | None = None
    completed_status: str = ""
    commission_usd: float | None = None
    oca_group: str = ""
    trail_stop: float | None = None


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
    liquidity: Liquidity = Liquidity.REMOVED


@dataclass(frozen=True, slots=True)
class Commission:
    """Commission of one execution; `realized_pnl_usd` is None for an opening trade."""

    exec_id: str
    amount_usd: float
    realized_pnl_usd: float | None


@dataclass(frozen=True, slots=True)
class PositionLine:
    """A position of one account; `average_cost_usd` is per contract, price x multiplier and commission, IB's
    convention; `realized_usd` what it brought since midnight."""

    account: str
    spec: ContractSpec
    quantity: int
    average_cost_usd: float
    realized_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account's figures in dollars. `realized_pnl` counts from the first day, `realized_today` from midnight;
    `buying_power` is what shares could be bought for."""

    account: str
    net_liquidation: float
    cash: float
    initial_margin: float
    maintenance_margin: float
    excess_liquidity: float
    unrealized_pnl: float
    realized_pnl: float
    realized_today: float = 0.0
    buying_power: float = 0.0


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
    final_status: OrderStatus | None = None
