"""calculateImpliedVolatility and calculateOptionPrice."""

from __future__ import annotations

from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, OptionValues, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests_data as data

_CUSTOM = 53
"""Tick type of an option computation that answers a calculation."""


class CalculationDesk:
    """Answers each calculation once; there is nothing that a cancel could end."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def implied_volatility(self, client: DeskClient, request: data.ImpliedVolatility) -> None:
        """calculateImpliedVolatility: volatility and greeks at a price, -1 and -2 where no volatility gives it."""
        spec = self._option(request, ("option price", request.option_price))
        if isinstance(spec, Reject):
            return client.error(request.request_id, spec.code, spec.text)
        found = self._venue.values_at_price(spec, request.option_price, request.under_price)
        return _answer(client, request.request_id, found)

    def option_price(self, client: DeskClient, request: data.OptionPrice) -> None:
        """calculateOptionPrice: price and greeks at a volatility."""
        spec = self._option(request, ("volatility", request.volatility))
        if isinstance(spec, Reject):
            return client.error(request.request_id, spec.code, spec.text)
        found = self._venue.values_at_volatility(spec, request.volatility, request.under_price)
        return _answer(client, request.request_id, found)

    def _option(
        self, request: data.ImpliedVolatility | data.OptionPrice, given: tuple[str, float]
    ) -> ContractSpec | Reject:
        for name, number in (given, ("price of the underlying", request.under_price)):
            if number <= 0.0:
                return _invalid(f"The {name} must be positive, got {number:g}")
        spec = find_one(self._venue, request.contract)
        if isinstance(spec, ContractSpec) and spec.sec_type is not SecType.OPTION:
            return _invalid(f"Calculations are for options, {spec.symbol} is {spec.sec_type}")
        return spec


def _answer(client: DeskClient, request_id: int, found: OptionValues | None) -> None:
    values = encode_data.Computation()
    if found is not None:
        values = encode_data.Computation(
            found.volatility, found.delta, found.price, found.gamma, found.vega, found.theta, found.under
        )
    client.send(encode_data.option_computation(request_id, _CUSTOM, values))


def _invalid(cause: str) -> Reject:
    return Reject(321, f"Error validating request.-'bO' : cause - {cause}")
