"""Client messages to requests, for every protocol version from 157 to 176."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.sim.wire import requests as ask
from bot.sim.wire.decode_data import DECODERS
from bot.sim.wire.decode_order import place_order
from bot.sim.wire.fields import FieldReader, MalformedRequest
from bot.sim.wire.message_names import REQUEST_ID_PLACE, REQUEST_NAMES
from bot.sim.wire.shared_fields import contract
from bot.sim.wire.times import read_moment


class UnknownRequest(ValueError):
    """A message number that this gateway does not answer; `name` is the protocol's name where it has one."""

    def __init__(self, message_id: int, fields: list[str]) -> None:
        self.message_id = message_id
        self.name = REQUEST_NAMES.get(message_id, "")
        self.request_id = request_id_of(message_id, fields)
        named = f"{self.name} (message {message_id})" if self.name else f"message {message_id}"
        super().__init__(f"The request {named} is not served by this gateway")


def decode(message_id: int, fields: list[str], version: int) -> object:
    """The request in a message. Raises UnknownRequest for a number not served and MalformedRequest for bad fields."""
    decoder = _DECODERS.get(message_id)
    if decoder is None:
        raise UnknownRequest(message_id, fields)
    reader = FieldReader(fields)
    try:
        return decoder(reader, version)
    except MalformedRequest as error:
        raise MalformedRequest(f"{REQUEST_NAMES[message_id]}: {error}") from None


def request_id_of(message_id: int, fields: list[str]) -> int:
    """The id that an error about this message should carry, -1 where it has none that can be read."""
    place = REQUEST_ID_PLACE.get(message_id)
    if place is None or place >= len(fields):
        return -1
    text = fields[place]
    return int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 12 else -1


def _executions(read: FieldReader, version: int) -> object:
    read.integer("version")
    return ask.Executions(
        request_id=read.integer("reqId"),
        client_id=read.integer("clientId"),
        account=read.text("acctCode"),
        since=read_moment("time", read.text("time")),
        symbol=read.text("symbol"),
        sec_type=read.text("secType"),
        exchange=read.text("exchange"),
        side=read.text("side"),
    )


def _contract_details(read: FieldReader, version: int) -> object:
    read.integer("version")
    request_id = read.integer("reqId")
    wanted = replace(contract(read), include_expired=read.flag("includeExpired"))
    wanted = replace(wanted, sec_id_type=read.text("secIdType"), sec_id=read.text("secId"))
    if version >= 176:
        read.text("issuerId")
    return ask.ContractDetails(request_id, wanted)


def _account_summary(read: FieldReader, version: int) -> object:
    read.integer("version")
    request_id, group = read.integer("reqId"), read.text("group")
    tags = tuple(tag.strip() for tag in read.text("tags").split(",") if tag.strip())
    return ask.AccountSummary(request_id, group, tags)


def _account_updates_multi(read: FieldReader, version: int) -> object:
    read.integer("version")
    request_id, account, model = read.integer("reqId"), read.text("account"), read.text("modelCode")
    return ask.AccountUpdatesMulti(request_id, account, model, read.flag("ledgerAndNLV"))


def _option_parameters(read: FieldReader, version: int) -> object:
    return ask.OptionParameters(
        read.integer("reqId"),
        read.text("underlyingSymbol"),
        read.text("futFopExchange"),
        read.text("underlyingSecType"),
        read.integer("underlyingConId"),
    )


def _cancel_order(read: FieldReader, version: int) -> object:
    read.integer("version")
    order_id = read.integer("orderId")
    if version >= 169:
        read.text("manualCancelOrderTime")
    return ask.CancelOrder(order_id)


def _plain(make: Callable[[], object]) -> Callable[[FieldReader, int], object]:
    """Requests that carry a version at most."""
    return lambda read, version: make()


def _numbered(make: Callable[[int], object]) -> Callable[[FieldReader, int], object]:
    """Requests of a version and one number."""

    def decoder(read: FieldReader, version: int) -> object:
        read.integer("version")
        return make(read.integer("id"))

    return decoder


def _updates(read: FieldReader, version: int) -> object:
    read.integer("version")
    return ask.AccountUpdates(read.flag("subscribe"), read.text("acctCode"))


def _pnl(read: FieldReader, version: int) -> object:
    wanted = ask.ProfitAndLoss(read.integer("reqId"), read.text("account"))
    read.text("modelCode")
    return wanted


def _auto_open_orders(read: FieldReader, version: int) -> object:
    read.integer("version")
    return ask.AutoOpenOrders(read.flag("autoBind"))


_DECODERS: dict[int, Callable[[FieldReader, int], object]] = {
    2: _numbered(ask.CancelMarketData),
    3: place_order,
    4: _cancel_order,
    5: _plain(ask.OpenOrders),
    6: _updates,
    7: _executions,
    8: _plain(ask.Ids),
    9: _contract_details,
    14: _numbered(ask.ServerLogLevel),
    15: _auto_open_orders,
    16: _plain(ask.AllOpenOrders),
    17: _plain(ask.ManagedAccounts),
    25: _numbered(ask.CancelHistoricalData),
    49: _plain(ask.CurrentTime),
    58: _plain(ask.GlobalCancel),
    59: _numbered(ask.MarketDataType),
    61: _plain(ask.Positions),
    62: _account_summary,
    63: _numbered(ask.CancelAccountSummary),
    64: _plain(ask.CancelPositions),
    76: _account_updates_multi,
    77: _numbered(ask.CancelAccountUpdatesMulti),
    78: _option_parameters,
    81: lambda read, version: ask.MatchingSymbols(read.integer("reqId"), read.text("pattern")),
    91: lambda read, version: ask.MarketRule(read.integer("marketRuleId")),
    92: _pnl,
    93: lambda read, version: ask.CancelProfitAndLoss(read.integer("reqId")),
    99: lambda read, version: ask.CompletedOrders(read.flag("apiOnly")),
    **DECODERS,
}

SERVED = frozenset(_DECODERS)
"""Numbers of the messages that are understood, but for the handshake's."""
