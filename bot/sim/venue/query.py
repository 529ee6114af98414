"""A contract query as a client writes it, read once: which fields it gives and whether a contract meets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot.sim.types import ContractSpec


@dataclass(frozen=True, slots=True)
class Query:
    """Fields of a query; empty text and 0 match everything. Text where a number belongs matches nothing."""

    con_id: int
    symbol: str
    sec_type: str
    expiry: str
    strike: float
    right: str
    multiplier: float
    exchange: str
    trading_class: str
    local_symbol: str

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> Query:
        """Reads the fields of the Venue protocol's `find`."""
        right = _text(fields.get("right"))[:1]
        return cls(
            con_id=int(_number(fields.get("con_id"))),
            symbol=_text(fields.get("symbol")),
            sec_type=_text(fields.get("sec_type")),
            expiry=_text(fields.get("expiry"))[:8],
            strike=_number(fields.get("strike")),
            right="" if right in {"?", "0"} else right,
            multiplier=_number(fields.get("multiplier")),
            exchange=_text(fields.get("exchange")),
            trading_class=_text(fields.get("trading_class")),
            local_symbol=_text(fields.get("local_symbol")),
        )

    def fits_expiry(self, expiry: date, last_day: date) -> bool:
        """'YYYYMM' names the month; 'YYYYMMDD' the settlement day or, as IB writes it for morning settlement, the last
        trading day."""
        if not self.expiry:
            return True
        if len(self.expiry) == 6:
            return self.expiry == f"{expiry:%Y%m}"
        return self.expiry in {f"{expiry:%Y%m%d}", f"{last_day:%Y%m%d}"}

    def matches(self, spec: ContractSpec) -> bool:
        """Whether the contract meets every given field but the id."""
        symbols = {spec.symbol}
        if spec.exchange == "CFE" and self.trading_class:
            symbols.add("VIX")  # the minis are also found under the index when their own class is named
        return (
            self.sec_type in {"", spec.sec_type.value}
            and (not self.symbol or self.symbol in symbols)
            and self.trading_class in {"", spec.trading_class}
            and (not self.exchange or self.exchange in (spec.exchanges or (spec.exchange,)))
            and self.local_symbol in {"", spec.local_symbol}
            and (not self.multiplier or self.multiplier == spec.multiplier)
            and (not self.right or self.right == spec.right)
            and (not self.strike or self.strike == spec.strike)
            and (not self.expiry or self._dated(spec))
        )

    def _dated(self, spec: ContractSpec) -> bool:
        if spec.expiry is None or spec.last_trade_at is None:
            return False
        return self.fits_expiry(spec.expiry, spec.last_trade_at.date())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _number(value: object) -> float:
    try:
        return float(_text(value) or 0.0)
    except ValueError:
        return -1.0
