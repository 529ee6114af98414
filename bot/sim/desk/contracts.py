"""Contract requests: finding what a client describes, details, option parameters, market rules, symbol search."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Leg, Reject, SecType, Side
from bot.sim.wire import encode
from bot.sim.wire import requests as ask
from bot.sim.wire.encode_contract import contract_details

NOT_FOUND = "No security definition has been found for the request"


def find_all(venue: Venue, query: ask.ContractQuery) -> Sequence[ContractSpec]:
    """Every contract that fits; a contract id that contradicts the other fields fits nothing."""
    if query.con_id:
        spec = venue.spec(query.con_id)
        if spec is None or (query.symbol and query.symbol != spec.symbol):
            return ()
        return (spec,)
    if query.sec_id:
        return [spec for spec in venue.find({"sec_type": SecType.STOCK.value}) if _has_id(spec, query)]
    if not query.symbol and not query.local_symbol:
        return ()
    if query.currency and query.currency != "USD":
        return ()
    return venue.find(query.fields)


def _has_id(spec: ContractSpec, query: ask.ContractQuery) -> bool:
    ids = {"ISIN": spec.isin, "CUSIP": spec.isin[2:11]}
    return ids.get(query.sec_id_type.upper()) == query.sec_id and query.symbol in ("", spec.symbol)


def find_one(venue: Venue, query: ask.ContractQuery) -> ContractSpec | Reject:
    """The one contract described, or the error that a gateway answers: none, several, or expired."""
    found = find_all(venue, query)
    if not found:
        return Reject(200, NOT_FOUND)
    if len(found) > 1:
        what = query.symbol or query.local_symbol
        return Reject(200, f"The contract description specified for {what} is ambiguous: {len(found)} contracts fit.")
    spec = found[0]
    if spec.expiry is not None and spec.expiry < venue.now.date():
        return Reject(200, f"{NOT_FOUND}: {spec.local_symbol} expired on {spec.expiry:%Y%m%d}")
    return spec


def find_legs(venue: Venue, legs: Sequence[ask.ComboLegQuery]) -> tuple[Leg, ...] | Reject:
    """The legs of a BAG, or the validation error."""
    if not legs:
        return Reject(321, "Error validating request: missing combo legs: a BAG needs at least one leg")
    found = []
    for number, leg in enumerate(legs, start=1):
        spec = venue.spec(leg.con_id)
        if spec is None:
            return Reject(200, f"{NOT_FOUND}: leg {number} with conId {leg.con_id}")
        if leg.ratio < 1 or leg.action not in (Side.BUY, Side.SELL):
            return Reject(
                321,
                f"Error validating request: leg {number} needs a ratio of at least 1 and BUY or SELL, "
                f"got {leg.ratio} and {leg.action!r}",
            )
        found.append(Leg(spec, leg.ratio, Side(leg.action)))
    return tuple(found)


class ContractDesk:
    """Answers requests about contracts."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def details(self, client: DeskClient, request: ask.ContractDetails) -> None:
        """reqContractDetails: every contract that fits, then the end; 200 for none, 321 for a BAG."""
        query = request.contract
        if query.sec_type == SecType.BAG:
            client.error(request.request_id, 321, "Error validating request: contract details of a BAG do not exist")
            return
        found = find_all(self._venue, query)
        if not found:
            client.error(request.request_id, 200, NOT_FOUND)
            return
        for spec in found:
            under = self._venue.spec(spec.under_con_id) if spec.under_con_id else None
            hours = self._venue.hours(spec)
            client.send(
                contract_details(request.request_id, spec, hours, under, client.version, asked_exchange=query.exchange)
            )
        client.send(encode.ending(52, request.request_id))

    def option_parameters(self, client: DeskClient, request: ask.OptionParameters) -> None:
        """reqSecDefOptParams: one message per exchange and class, then the end."""
        for exchange, under, trading_class, multiplier, expiries, strikes in self._venue.option_chains(request.symbol):
            if request.under_con_id in (0, under):
                client.send(
                    encode.option_parameters(
                        request.request_id,
                        exchange=exchange,
                        under_con_id=under,
                        trading_class=trading_class,
                        multiplier=multiplier,
                        expiries=expiries,
                        strikes=strikes,
                    )
                )
        client.send(encode.option_parameters_end(request.request_id))

    def market_rule(self, client: DeskClient, request: ask.MarketRule) -> None:
        """reqMarketRule: the price increments, or 321."""
        increments = self._venue.market_rule(request.rule_id)
        if increments is None:
            client.error(-1, 321, f"Error validating request: market rule {request.rule_id} does not exist")
            return
        client.send(encode.market_rule(request.rule_id, increments))

    def matching_symbols(self, client: DeskClient, request: ask.MatchingSymbols) -> None:
        """reqMatchingSymbols: contracts of that symbol that are no derivatives."""
        pattern = request.pattern.strip().upper()
        found = []
        for sec_type in (SecType.INDEX, SecType.STOCK):
            for spec in self._venue.find({"symbol": pattern, "sec_type": sec_type.value}) if pattern else ():
                found.append((spec, [SecType.OPTION.value] if self._venue.option_chains(spec.symbol) else []))
        client.send(encode.symbol_samples(request.request_id, found, client.version))
