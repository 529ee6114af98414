"""Contract requests: finding what a client describes, details, option parameters, market rules, symbol search."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Leg, Reject, SecType, Side
from bot.sim.wire import encode
from bot.sim.wire import requests as ask
from bot.sim.wire.encode_contract import contract_details

_MOST_SAMPLES = 16
FUTURES_ON = frozenset({"VIX"})
"""Symbols of indices that futures go by; ES and MES have symbols of their own."""
NOT_FOUND = "No security definition has been found for the request"


def find_all(venue: Venue, query: ask.ContractQuery) -> Sequence[ContractSpec]:
    """Every contract that fits; a contract id that contradicts symbol, type or currency fits nothing."""
    if query.currency not in ("", "USD"):
        return ()
    if query.con_id:
        spec = venue.spec(query.con_id)
        agrees = spec is not None and query.symbol in ("", spec.symbol) and query.sec_type in ("", spec.sec_type.value)
        return (spec,) if spec is not None and agrees else ()
    if query.sec_id:
        return [spec for spec in venue.find({"sec_type": SecType.STOCK.value}) if _has_id(spec, query)]
    if not query.symbol and not query.local_symbol:
        return ()
    return [spec for spec in venue.find(query.fields) if _listed_first(spec, query.primary_exchange)]


def _listed_first(spec: ContractSpec, exchange: str) -> bool:
    """Whether the primary exchange asked for can mean this stock. It tells listings of one symbol apart: any exchange
    where the stock is traded is taken, for programs are known to send ISLAND with every symbol."""
    traded = (spec.primary_exchange, *spec.exchanges)
    return not exchange or spec.sec_type is not SecType.STOCK or exchange in traded


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
    past = spec.expiry is not None and spec.expiry < venue.now.date()
    if past and not (query.include_expired and spec.sec_type is SecType.FUTURE):
        return Reject(200, f"{NOT_FOUND}: {spec.local_symbol} expired on {spec.expiry}")
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
        """reqMatchingSymbols: indices and stocks whose symbol begins with the pattern or whose name has a word that
        does; exact symbols first, with the types of their derivatives."""
        pattern = request.pattern.strip().upper()
        known = [
            spec
            for sec_type in (SecType.INDEX, SecType.STOCK)
            for spec in (self._venue.find({"sec_type": sec_type.value}) if pattern else ())
            if spec.symbol.startswith(pattern) or f" {pattern}" in f" {spec.long_name.upper()}"
        ]
        known.sort(key=lambda spec: (spec.symbol != pattern, not spec.symbol.startswith(pattern), spec.symbol))
        found = [(spec, self._derivatives(spec)) for spec in known[:_MOST_SAMPLES]]
        client.send(encode.symbol_samples(request.request_id, found, client.version))

    def _derivatives(self, spec: ContractSpec) -> Sequence[str]:
        options = [SecType.OPTION.value] if self._venue.option_chains(spec.symbol) else []
        futures = [SecType.FUTURE.value] if spec.symbol in FUTURES_ON else []
        return [*options, *futures, *([SecType.BAG.value] if options else [])]
