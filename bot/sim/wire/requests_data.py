"""Requests about market data, history and small reference lists, decoded: one frozen dataclass each."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sim.wire.requests import ContractQuery


@dataclass(frozen=True, slots=True)
class MarketDepthExchanges:
    """reqMktDepthExchanges (82)."""


@dataclass(frozen=True, slots=True)
class RealTimeBars:
    """reqRealTimeBars (50)."""

    request_id: int
    contract: ContractQuery
    bar_size: int
    what: str
    regular_hours: bool


@dataclass(frozen=True, slots=True)
class CancelRealTimeBars:
    """cancelRealTimeBars (51)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class SmartComponents:
    """reqSmartComponents (83)."""

    request_id: int
    exchange_map: str


@dataclass(frozen=True, slots=True)
class HeadTimestamp:
    """reqHeadTimestamp (87)."""

    request_id: int
    contract: ContractQuery
    what: str
    regular_hours: bool
    date_format: int


@dataclass(frozen=True, slots=True)
class CancelHeadTimestamp:
    """cancelHeadTimestamp (90)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """reqHistogramData (88)."""

    request_id: int
    contract: ContractQuery
    regular_hours: bool
    period: str


@dataclass(frozen=True, slots=True)
class CancelHistogram:
    """cancelHistogramData (89)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class HistoricalTicks:
    """reqHistoricalTicks (96): one of start and end is given."""

    request_id: int
    contract: ContractQuery
    start: str
    end: str
    count: int
    what: str
    regular_hours: bool
    ignore_size: bool


@dataclass(frozen=True, slots=True)
class NewsProviders:
    """reqNewsProviders (85)."""


@dataclass(frozen=True, slots=True)
class NewsBulletins:
    """reqNewsBulletins (12)."""


@dataclass(frozen=True, slots=True)
class CancelNewsBulletins:
    """cancelNewsBulletins (13)."""


@dataclass(frozen=True, slots=True)
class FamilyCodes:
    """reqFamilyCodes (80)."""


@dataclass(frozen=True, slots=True)
class SoftDollarTiers:
    """reqSoftDollarTiers (79)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class AdvisorConfiguration:
    """requestFA (18)."""

    kind: int


@dataclass(frozen=True, slots=True)
class ReplaceAdvisorConfiguration:
    """replaceFA (19)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class DisplayGroups:
    """queryDisplayGroups (67)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class DisplayGroupEvents:
    """subscribeToGroupEvents (68), updateDisplayGroup (69) and unsubscribeFromGroupEvents (70)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class UserInfo:
    """reqUserInfo (104)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class MarketDepth:
    """reqMktDepth (10)."""

    request_id: int
    contract: ContractQuery
    rows: int
    smart: bool


@dataclass(frozen=True, slots=True)
class CancelMarketDepth:
    """cancelMktDepth (11)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class TickByTick:
    """reqTickByTickData (97); `ticks` is how many past ones come first."""

    request_id: int
    contract: ContractQuery
    kind: str
    ticks: int
    ignore_size: bool


@dataclass(frozen=True, slots=True)
class CancelTickByTick:
    """cancelTickByTickData (98)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class ImpliedVolatility:
    """calculateImpliedVolatility (54): prices in points per share."""

    request_id: int
    contract: ContractQuery
    option_price: float
    under_price: float


@dataclass(frozen=True, slots=True)
class OptionPrice:
    """calculateOptionPrice (55): volatility a year as a fraction, underlying in points."""

    request_id: int
    contract: ContractQuery
    volatility: float
    under_price: float


@dataclass(frozen=True, slots=True)
class CancelCalculation:
    """cancelCalculateImpliedVolatility (56) and cancelCalculateOptionPrice (57)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class PositionsMulti:
    """reqPositionsMulti (74)."""

    request_id: int
    account: str
    model: str


@dataclass(frozen=True, slots=True)
class CancelPositionsMulti:
    """cancelPositionsMulti (75)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class ProfitAndLossSingle:
    """reqPnLSingle (94)."""

    request_id: int
    account: str
    con_id: int


@dataclass(frozen=True, slots=True)
class CancelProfitAndLossSingle:
    """cancelPnLSingle (95)."""

    request_id: int
