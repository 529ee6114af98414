"""What clients ask for, decoded: one frozen dataclass per request that the gateway answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """A contract as a client describes it; empty or zero fields are open."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    expiry: str = ""
    strike: float = 0.0
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    include_expired: bool = False
    sec_id_type: str = ""
    sec_id: str = ""

    @property
    def fields(self) -> Mapping[str, object]:
        """The given fields under the venue's names, the open ones left out."""
        given: dict[str, object] = {
            "con_id": self.con_id,
            "symbol": self.symbol,
            "sec_type": self.sec_type,
            "expiry": self.expiry,
            "strike": self.strike,
            "right": {"CALL": "C", "PUT": "P", "?": "", "0": ""}.get(self.right, self.right),
            "multiplier": self.multiplier,
            "exchange": "" if self.exchange in ("SMART", "BEST") else self.exchange,
            "trading_class": self.trading_class,
            "local_symbol": self.local_symbol,
            "include_expired": self.include_expired,
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class ComboLegQuery:
    """One leg of a BAG as the client describes it."""

    con_id: int
    ratio: int
    action: str
    exchange: str


@dataclass(frozen=True, slots=True)
class MarketData:
    """reqMktData (1)."""

    request_id: int
    contract: ContractQuery
    legs: tuple[ComboLegQuery, ...]
    generic_ticks: str
    snapshot: bool
    regulatory: bool = False


@dataclass(frozen=True, slots=True)
class CancelMarketData:
    """cancelMktData (2)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class MarketDataType:
    """reqMarketDataType (59): 1 live, 2 frozen, 3 delayed, 4 delayed frozen."""

    kind: int


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """placeOrder (3). `raw` holds every order field under its protocol name, as text, already checked for its type."""

    order_id: int
    contract: ContractQuery
    legs: tuple[ComboLegQuery, ...]
    leg_prices: tuple[float | None, ...]
    combo_params: tuple[tuple[str, str], ...]
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """cancelOrder (4)."""

    order_id: int


@dataclass(frozen=True, slots=True)
class GlobalCancel:
    """reqGlobalCancel (58)."""


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """reqOpenOrders (5)."""


@dataclass(frozen=True, slots=True)
class AllOpenOrders:
    """reqAllOpenOrders (16)."""


@dataclass(frozen=True, slots=True)
class AutoOpenOrders:
    """reqAutoOpenOrders (15)."""

    bind: bool


@dataclass(frozen=True, slots=True)
class CompletedOrders:
    """reqCompletedOrders (99)."""

    api_only: bool


@dataclass(frozen=True, slots=True)
class AccountUpdates:
    """reqAccountUpdates (6)."""

    subscribe: bool
    account: str


@dataclass(frozen=True, slots=True)
class AccountUpdatesMulti:
    """reqAccountUpdatesMulti (76); `money_only` leaves out all but the ledger (ledgerAndNLV)."""

    request_id: int
    account: str
    model: str
    money_only: bool


@dataclass(frozen=True, slots=True)
class CancelAccountUpdatesMulti:
    """cancelAccountUpdatesMulti (77)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """reqAccountSummary (62)."""

    request_id: int
    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CancelAccountSummary:
    """cancelAccountSummary (63)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Positions:
    """reqPositions (61)."""


@dataclass(frozen=True, slots=True)
class CancelPositions:
    """cancelPositions (64)."""


@dataclass(frozen=True, slots=True)
class ProfitAndLoss:
    """reqPnL (92)."""

    request_id: int
    account: str


@dataclass(frozen=True, slots=True)
class CancelProfitAndLoss:
    """cancelPnL (93)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Executions:
    """reqExecutions (7); empty and zero fields match all."""

    request_id: int
    client_id: int
    account: str
    since: datetime | None
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class Ids:
    """reqIds (8)."""


@dataclass(frozen=True, slots=True)
class ManagedAccounts:
    """reqManagedAccts (17)."""


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """reqCurrentTime (49)."""


@dataclass(frozen=True, slots=True)
class ServerLogLevel:
    """setServerLogLevel (14)."""

    level: int


@dataclass(frozen=True, slots=True)
class ContractDetails:
    """reqContractDetails (9)."""

    request_id: int
    contract: ContractQuery


@dataclass(frozen=True, slots=True)
class OptionParameters:
    """reqSecDefOptParams (78)."""

    request_id: int
    symbol: str
    exchange: str
    under_sec_type: str
    under_con_id: int


@dataclass(frozen=True, slots=True)
class MarketRule:
    """reqMarketRule (91)."""

    rule_id: int


@dataclass(frozen=True, slots=True)
class MatchingSymbols:
    """reqMatchingSymbols (81)."""

    request_id: int
    pattern: str


@dataclass(frozen=True, slots=True)
class HistoricalData:
    """reqHistoricalData (20)."""

    request_id: int
    contract: ContractQuery
    end: str
    bar_size: str
    duration: str
    regular_hours: bool
    what: str
    date_format: int
    keep_up_to_date: bool


@dataclass(frozen=True, slots=True)
class CancelHistoricalData:
    """cancelHistoricalData (25)."""

    request_id: int
