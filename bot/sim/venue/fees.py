"""Commissions: the broker's charge and the exchange's fees per contract and execution.

Figures: IB's tiered option commission of 0.65 dollars plus Cboe index-option fees by premium, and IB's CFE rates.
"""

from __future__ import annotations

from bot.sim.types import ContractSpec, SecType

_BROKER_USD = 0.65
_REGULATORY_USD = 0.02
_VIX_FEES_USD = ((0.10, 0.10), (1.0, 0.25), (2.0, 0.40))
_FUTURES_USD = {"VX": 2.38, "VXM": 0.52}


def per_contract_usd(spec: ContractSpec, price: float) -> float:
    """Dollars per contract for an execution at that premium (points per share)."""
    if spec.sec_type is SecType.FUTURE:
        return _FUTURES_USD["VXM" if spec.trading_class == "VXM" else "VX"]
    if spec.sec_type is not SecType.OPTION:
        return 0.01
    if spec.symbol == "VIX":
        exchange = next((fee for below, fee in _VIX_FEES_USD if price < below), 0.45)
    else:
        exchange = 0.57 if price < 1.0 else 0.66
        exchange += 0.13 if spec.trading_class == "SPXW" else 0.0
    return round(_BROKER_USD + exchange + _REGULATORY_USD, 2)


def commission_cents(spec: ContractSpec, quantity: int, price: float) -> int:
    """Commission of one execution in whole cents."""
    return round(per_contract_usd(spec, price) * 100) * quantity
