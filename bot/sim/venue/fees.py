"""Commissions: the broker's fixed schedule with its minimum per order, and the exchange's and regulators' fees.

Rules: the minimum is spread over the contracts that the order asks for, so that an execution's commission does not
depend on the others and partial fills never pay the minimum twice; a share order pays at most one percent of its value.
Figures: IB's fixed pricing (options 0.65 USD a contract, at least 1 USD an order; shares 0.005 USD each, at least 1
USD, at most 1 % of the value; futures 0.85 USD a contract, minis 0.25), Cboe's customer fees with the index licence
surcharge by premium, and the futures exchanges'.
"""

from __future__ import annotations

from bot.sim.types import ContractSpec, SecType

_MINIMUM_USD = 1.0
_OPTION_USD = 0.65
_SHARE_USD, _SHARE_MOST_PART = 0.005, 0.01
_REGULATORY_USD = 0.02
_SPX_CHEAP_USD, _SPX_USD, _SPXW_SURCHARGE_USD = 0.57, 0.66, 0.13
_VIX_FEES_USD = ((0.10, 0.10), (1.0, 0.25), (2.0, 0.40))
_VIX_DEAR_USD = 0.45
_FUTURES_USD = {"VX": 2.38, "VXM": 0.52, "ES": 2.23, "MES": 0.62}
"""Dollars a contract, the broker's 0.85 (minis 0.25) included."""
_OTHER_FUTURE_USD = 2.38


def commission_cents(spec: ContractSpec, quantity: int, price: float, *, order_contracts: int) -> int:
    """Commission of one execution in whole cents: `quantity` contracts or shares at `price` points, out of an order for
    `order_contracts` of them over all its legs."""
    if spec.sec_type is SecType.FUTURE:
        return round(100 * _FUTURES_USD.get(spec.trading_class, _OTHER_FUTURE_USD)) * quantity
    if spec.sec_type is SecType.OPTION:
        each = max(_OPTION_USD, _MINIMUM_USD / order_contracts) + exchange_usd(spec, price)
        return round(100 * each * quantity)
    each = max(_SHARE_USD, _MINIMUM_USD / order_contracts)
    return round(100 * min(each, _SHARE_MOST_PART * price) * quantity)


def exchange_usd(spec: ContractSpec, price: float) -> float:
    """Exchange and regulatory fees of one option contract in dollars, at that premium in points per share."""
    if spec.symbol == "VIX":
        return _REGULATORY_USD + next((fee for below, fee in _VIX_FEES_USD if price < below), _VIX_DEAR_USD)
    if spec.symbol == "SPX":
        weekly = _SPXW_SURCHARGE_USD if spec.trading_class == "SPXW" else 0.0
        return _REGULATORY_USD + weekly + (_SPX_CHEAP_USD if price < 1.0 else _SPX_USD)
    return _REGULATORY_USD
