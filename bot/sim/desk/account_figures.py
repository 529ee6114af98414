"""The figures of an account as a gateway tells them: which keys, in which segments and currencies, with which values.

Rules: everything lies in the securities segment (keys ending in -S), the commodities segment (-C) is empty. Ledger keys
come once in dollars and once as BASE; the account's base currency is the dollar. What the accounts here do not have
(funds, bonds, dividends, interest accrued) is zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.sim.types import AccountState, PositionLine, SecType

Figure = tuple[str, str, str]
"""Key, value and currency of an account figure, as told."""

BASE, USD = "BASE", "USD"
_NOTHING_IN_LEDGER = (
    "AccruedCash", "CorporateBondValue", "FundValue", "FutureOptionValue", "FxCashBalance", "IssuerOptionValue",
    "MoneyMarketFundValue", "MutualFundValue", "NetDividend", "TBillValue", "TBondValue", "WarrantValue",
)  # fmt: skip
_AMOUNTS_IN_LEDGER = (
    "CashBalance", "FuturesPNL", "NetLiquidationByCurrency", "OptionMarketValue", "RealizedPnL", "StockMarketValue",
    "TotalCashBalance", "UnrealizedPnL",
)  # fmt: skip
LEDGER_KEYS = frozenset(
    ("AccountOrGroup", "Currency", "ExchangeRate", "RealCurrency", *_AMOUNTS_IN_LEDGER, *_NOTHING_IN_LEDGER)
)
"""Keys about money by currency."""
_NOTHING_IN_SEGMENTS = (
    "AccruedCash", "AccruedDividend", "Billable", "Guarantee", "IndianStockHaircut", "PASharesValue",
    "PhysicalCertificateValue", "PostExpirationExcess", "PostExpirationMargin", "TotalDebitCardPendingCharges",
)  # fmt: skip
_WORDS: Sequence[Figure] = (
    ("AccountReady", "true", ""),
    ("AccountType", "INDIVIDUAL", ""),
    ("DayTradesRemaining", "-1", ""),
    *((f"DayTradesRemainingT+{days}", "-1", "") for days in range(1, 5)),
    ("LookAheadNextChange", "0", ""),
    ("NLVAndMarginInReview", "false", ""),
    ("SegmentTitle-C", "US Commodities", ""),
    ("SegmentTitle-S", "US Securities", ""),
    ("TradingType-S", "STKNOPT", ""),
    ("WhatIfPMEnabled", "true", ""),
)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds, dollars: market values of stocks and options, their absolute sum, and what futures have
    gained since they were last marked to cash."""

    stocks_usd: float = 0.0
    options_usd: float = 0.0
    gross_usd: float = 0.0
    futures_usd: float = 0.0


def holdings_of(state: AccountState, lines: Iterable[PositionLine], marks: Mapping[int, float]) -> Holdings:
    """Values an account's positions at marks in points by contract id; without one a position is carried at its
    cost."""
    stocks = options = gross = 0.0
    for line in lines:
        value = market_value(line, marks.get(line.spec.con_id))
        if line.spec.sec_type is SecType.STOCK:
            stocks += value
        elif line.spec.sec_type is SecType.OPTION:
            options += value
        else:
            continue
        gross += abs(value)
    return Holdings(stocks, options, gross, state.net_liquidation - state.cash - stocks - options)


def market_value(line: PositionLine, mark: float | None) -> float:
    """Dollars that a position is worth at a mark in points, its cost without one."""
    if mark is None:
        return line.quantity * line.average_cost_usd
    return line.quantity * mark * line.spec.multiplier


def account_figures(state: AccountState, held: Holdings, equity_before: float) -> list[Figure]:
    """Every figure of an account, amounts in dollars to the cent, by key; `equity_before` is the last evening's."""
    net = state.net_liquidation
    cushion = state.excess_liquidity / net if net > 0.0 else 0.0
    leverage = f"{held.gross_usd / net if net > 0.0 else 0.0:.2f}"
    figures = [
        *_WORDS,
        ("AccountCode", state.account, ""),
        ("Cushion", f"{cushion:.6f}", ""),
        ("Leverage-S", leverage, ""),
        ("BuyingPower", _usd(state.buying_power), USD),
        ("NetLiquidationUncertainty", _usd(0.0), USD),
        ("SettledCash", _usd(state.cash), USD),
    ]
    for key, amount in _segmented(state, held, equity_before):
        figures += [(key, _usd(amount), USD), (f"{key}-C", _usd(0.0), USD), (f"{key}-S", _usd(amount), USD)]
    figures += [("RegTEquity", _usd(net), USD), ("RegTEquity-S", _usd(net), USD)]
    figures += [("RegTMargin", _usd(held.stocks_usd / 2.0), USD), ("RegTMargin-S", _usd(held.stocks_usd / 2.0), USD)]
    spare = net - held.stocks_usd / 2.0
    figures += [("SMA", _usd(spare), USD), ("SMA-S", _usd(spare), USD)]
    figures += [figure for currency in (BASE, USD) for figure in ledger(state, held, currency)]
    return sorted(set(figures))


def _segmented(state: AccountState, held: Holdings, equity_before: float) -> Iterable[tuple[str, float]]:
    """Amounts that come for the whole account and for each segment."""
    net, initial, maintenance = state.net_liquidation, state.initial_margin, state.maintenance_margin
    for prefix in ("", "Full", "LookAhead"):
        yield f"{prefix}AvailableFunds", net - initial
        yield f"{prefix}ExcessLiquidity", state.excess_liquidity
        yield f"{prefix}InitMarginReq", initial
        yield f"{prefix}MaintMarginReq", maintenance
    yield "EquityWithLoanValue", net
    yield "GrossPositionValue", held.gross_usd
    yield "NetLiquidation", net
    yield "PreviousDayEquityWithLoanValue", equity_before
    yield "TotalCashValue", state.cash
    for key in _NOTHING_IN_SEGMENTS:
        yield key, 0.0


def ledger(state: AccountState, held: Holdings, currency: str, owner: str = "") -> list[Figure]:
    """The money of an account in one currency, or (BASE) in all; the two are alike where there are only dollars.
    `owner` is the account, or the group that it stands for."""
    amounts = (
        state.cash, held.futures_usd, state.net_liquidation, held.options_usd, state.realized_today, held.stocks_usd,
        state.cash, state.unrealized_pnl,
    )  # fmt: skip
    return sorted(
        [
            ("AccountOrGroup", owner or state.account, currency),
            ("Currency", currency, currency),
            ("ExchangeRate", "1.00", currency),
            ("RealCurrency", currency, currency),
            *((key, _usd(amount), currency) for key, amount in zip(_AMOUNTS_IN_LEDGER, amounts, strict=True)),
            *((key, _usd(0.0), currency) for key in _NOTHING_IN_LEDGER),
        ]
    )


def _usd(amount: float) -> str:
    return f"{amount + 0.0:.2f}"
