"""The listed contracts that never expire: indices and funds, with IB's own ids where they are publicly known.

Ids from 26000001 on are this gateway's own. Of IB's, SPX, VIX, VIX3M, SPY, QQQ, IWM, XLE, XLF, XLK, HYG, LQD, TLT and
GLD were seen in public next to their symbol; those of the other sector funds of 1998 are read off the same series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.sim.types import ContractSpec, SecType

STOCK_RULE = 26
"""A cent at every price."""

_ARCA, _NASDAQ, _BATS = "ARCA", "NASDAQ", "BATS"


def _index(con_id: int, symbol: str, long_name: str, exchange: str = "CBOE") -> ContractSpec:
    return ContractSpec(
        con_id, SecType.INDEX, symbol, symbol, exchange, 1, symbol, STOCK_RULE, 0.01, long_name, exchanges=(exchange,)
    )


SPX_INDEX = _index(416904, "SPX", "S&P 500 Stock Index")
VIX_INDEX = _index(13455763, "VIX", "CBOE Volatility Index")
INDICES: Sequence[ContractSpec] = (
    SPX_INDEX,
    VIX_INDEX,
    _index(26000001, "VIX9D", "CBOE S&P 500 9-Day Volatility Index"),
    _index(47511905, "VIX3M", "CBOE S&P 500 3-Month Volatility Index"),
    _index(26000003, "VVIX", "CBOE VIX Volatility Index"),
    _index(26000004, "SKEW", "CBOE SKEW Index"),
    _index(26000005, "AD-NYSE", "NYSE Advancing less Declining Issues", "NYSE"),
)


@dataclass(frozen=True, slots=True)
class Fund:
    """A fund and the day from which it is listed."""

    spec: ContractSpec
    since: date


_CUSIPS = {
    "SPY": "78462F1030", "QQQ": "46090E1038", "IWM": "4642876555", "RSP": "46137V3574", "XLB": "81369Y1001",
    "XLC": "81369Y8527", "XLE": "81369Y5069", "XLF": "81369Y6059", "XLI": "81369Y7040", "XLK": "81369Y8030",
    "XLP": "81369Y3080", "XLRE": "81369Y8600", "XLU": "81369Y8865", "XLV": "81369Y2090", "XLY": "81369Y4070",
    "VNQ": "9229085538", "HYG": "4642885135", "LQD": "4642872422", "TLT": "4642874329", "GLD": "78463V1070",
    "UUP": "46141D2036", "VIXM": "74347W3381",
}  # fmt: skip
"""The funds' CUSIPs with the check digit of the ISIN behind them; some programs refuse a stock without an ISIN."""


def _fund(con_id: int, symbol: str, primary: str, since: date, long_name: str, stock_type: str = "ETF") -> Fund:
    cusip = _CUSIPS.get(symbol, "")
    spec = ContractSpec(
        con_id,
        SecType.STOCK,
        symbol,
        symbol,
        "SMART",
        1,
        symbol,
        STOCK_RULE,
        0.01,
        long_name,
        exchanges=("SMART", "AMEX", "NYSE", "ARCA", "NASDAQ", "ISLAND", "BATS", "IEX"),
        primary_exchange=primary,
        stock_type=stock_type,
        isin=f"US{cusip}" if cusip else "",
    )
    return Fund(spec, since)


_SECTORS_SINCE = date(1998, 12, 22)
SPY_STOCK = _fund(756733, "SPY", _ARCA, date(1993, 1, 29), "SPDR S&P 500 ETF TRUST")
FUNDS: Sequence[Fund] = (
    SPY_STOCK,
    _fund(320227571, "QQQ", _NASDAQ, date(1999, 3, 10), "INVESCO QQQ TRUST SERIES 1"),
    _fund(9579970, "IWM", _ARCA, date(2000, 5, 26), "ISHARES RUSSELL 2000 ETF"),
    _fund(26000011, "RSP", _ARCA, date(2003, 5, 1), "INVESCO S&P 500 EQUAL WEIGHT"),
    _fund(4215200, "XLB", _ARCA, _SECTORS_SINCE, "MATERIALS SELECT SECTOR SPDR"),
    _fund(26000012, "XLC", _ARCA, date(2018, 6, 19), "COMM SERV SELECT SECTOR SPDR"),
    _fund(4215217, "XLE", _ARCA, _SECTORS_SINCE, "ENERGY SELECT SECTOR SPDR"),
    _fund(4215220, "XLF", _ARCA, _SECTORS_SINCE, "FINANCIAL SELECT SECTOR SPDR"),
    _fund(4215227, "XLI", _ARCA, _SECTORS_SINCE, "INDUSTRIAL SELECT SECT SPDR"),
    _fund(4215230, "XLK", _ARCA, _SECTORS_SINCE, "TECHNOLOGY SELECT SECT SPDR"),
    _fund(4215210, "XLP", _ARCA, _SECTORS_SINCE, "CONSUMER STAPLES SPDR"),
    _fund(26000013, "XLRE", _ARCA, date(2015, 10, 8), "REAL ESTATE SELECT SECT SPDR"),
    _fund(4215235, "XLU", _ARCA, _SECTORS_SINCE, "UTILITIES SELECT SECTOR SPDR"),
    _fund(4215205, "XLV", _ARCA, _SECTORS_SINCE, "HEALTH CARE SELECT SECTOR"),
    _fund(4215215, "XLY", _ARCA, _SECTORS_SINCE, "CONSUMER DISCRETIONARY SELT"),
    _fund(26000014, "VNQ", _ARCA, date(2004, 9, 29), "VANGUARD REAL ESTATE ETF"),
    _fund(43652089, "HYG", _ARCA, date(2007, 4, 11), "ISHARES IBOXX HIGH YLD CORP"),
    _fund(15547816, "LQD", _ARCA, date(2002, 7, 26), "ISHARES IBOXX INVESTMENT GRA"),
    _fund(15547841, "TLT", _NASDAQ, date(2002, 7, 26), "ISHARES 20+ YEAR TREASURY BD"),
    _fund(51529211, "GLD", _ARCA, date(2004, 11, 18), "SPDR GOLD SHARES"),
    _fund(26000015, "UUP", _ARCA, date(2007, 2, 26), "INVESCO DB US DOLLAR INDEX B"),
    _fund(26000016, "VXX", _BATS, date(2009, 1, 30), "IPATH SERIES B S&P 500 VIX", "ETN"),
    _fund(26000017, "VIXM", _BATS, date(2011, 1, 4), "PROSHARES VIX MID-TERM FUT"),
)
UNDERLYINGS: Sequence[ContractSpec] = (*INDICES, *(fund.spec for fund in FUNDS))
OPTION_UNDERLYINGS: Sequence[ContractSpec] = (SPX_INDEX, VIX_INDEX, SPY_STOCK.spec)
"""What options are listed on."""
