"""The front desk: routes requests to the part that answers them and venue events to the clients they concern."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bot.sim.clock import MarketClock
from bot.sim.desk.account import AccountDesk
from bot.sim.desk.account_book import AccountBook, Alteration
from bot.sim.desk.calculations import CalculationDesk
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import ContractDesk
from bot.sim.desk.depth import DepthDesk
from bot.sim.desk.history import HistoryDesk
from bot.sim.desk.orders import OrderDesk
from bot.sim.desk.past_ticks import PastTicks
from bot.sim.desk.profits import ProfitDesk
from bot.sim.desk.quotes import QuoteDesk
from bot.sim.desk.rights import DataRights
from bot.sim.desk.small_lists import SmallLists
from bot.sim.desk.summaries import SummaryDesk
from bot.sim.desk.tick_by_tick import TickStreams
from bot.sim.ports import Venue
from bot.sim.types import AccountState, Commission, Execution, PositionLine, VenueOrder
from bot.sim.wire import encode
from bot.sim.wire import requests as ask
from bot.sim.wire import requests_data as data
from bot.sim.wire.decode import UnknownRequest, decode, request_id_of
from bot.sim.wire.fields import MalformedRequest
from bot.sim.wire.limits import Limits, RateLimit, Verdict
from bot.sim.wire.message_names import REQUEST_NAMES
from bot.sim.wire.session import Broken, ClientSession, Incoming, SessionEvent, Started

_FARMS = (
    (2104, "Market data farm connection is OK:usopt"),
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
_BAD_REQUEST = 320
_ORDER_MESSAGES = frozenset({3, 4})
"""placeOrder and cancelOrder."""
_UNKNOWN_REQUEST = 505


class Desk:
    """Serves every connected client from one venue; implements the venue's listener.

    Owns no sockets: the shell hands in what sessions read and takes what they want to write.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        limits: Limits,
        master_client_id: int | None = None,
        rights: DataRights = DataRights.LIVE,
    ) -> None:
        self._venue = venue
        self._limits = limits
        self._master = master_client_id
        self._clients: dict[int, DeskClient] = {}
        self._clock: MarketClock | None = None
        self._unknown: Counter[str] = Counter()
        self.id_rollback = 0
        self._book = AccountBook(venue)
        self._accounts = AccountDesk(venue, self._book)
        self._summaries = SummaryDesk(venue, self._book)
        self._profits = ProfitDesk(venue, self._book)
        self._contracts = ContractDesk(venue)
        self._history = HistoryDesk(venue, limits.history)
        self._ticks = PastTicks(venue, self._history.admits)
        self._orders = OrderDesk(venue)
        self._quotes = QuoteDesk(venue, limits.market_data_lines, rights)
        self._streams = TickStreams(venue, limits.tick_by_tick_streams, lambda: self._quotes.rights)
        self._depth = DepthDesk(venue, limits.depth_books, lambda: self._quotes.rights)
        self._calculations = CalculationDesk(venue)
        self._lists = SmallLists()
        self._routes = self._make_routes()
        venue.subscribe(self)

    def _make_routes(self) -> dict[type, Callable[[DeskClient, Any], None]]:
        return {
            ask.MarketData: self._quotes.open_line,
            ask.CancelMarketData: self._quotes.close_line,
            ask.MarketDataType: self._market_data_type,
            ask.PlaceOrder: self._orders.place,
            ask.CancelOrder: self._orders.cancel,
            ask.GlobalCancel: self._orders.global_cancel,
            ask.OpenOrders: self._orders.open_orders,
            ask.AllOpenOrders: self._orders.all_open_orders,
            ask.AutoOpenOrders: self._orders.auto_open_orders,
            ask.CompletedOrders: self._orders.completed_orders,
            ask.Executions: self._orders.executions,
            ask.AccountUpdates: self._accounts.updates,
            ask.AccountUpdatesMulti: self._accounts.updates_multi,
            ask.CancelAccountUpdatesMulti: self._accounts.cancel_updates_multi,
            ask.AccountSummary: self._summaries.open,
            ask.CancelAccountSummary: self._summaries.close,
            ask.Positions: self._accounts.positions,
            ask.CancelPositions: self._accounts.cancel_positions,
            ask.ProfitAndLoss: self._profits.account,
            ask.CancelProfitAndLoss: self._profits.cancel_account,
            data.PositionsMulti: self._accounts.positions_multi,
            data.CancelPositionsMulti: self._accounts.cancel_positions_multi,
            data.ProfitAndLossSingle: self._profits.position,
            data.CancelProfitAndLossSingle: self._profits.cancel_position,
            ask.Ids: self._ids,
            ask.ManagedAccounts: self._managed_accounts,
            ask.CurrentTime: self._current_time,
            ask.ServerLogLevel: _ignore,
            ask.ContractDetails: self._contracts.details,
            ask.OptionParameters: self._contracts.option_parameters,
            ask.MarketRule: self._contracts.market_rule,
            ask.MatchingSymbols: self._contracts.matching_symbols,
            ask.HistoricalData: self._history.bars,
            ask.CancelHistoricalData: self._history.cancel,
            data.HeadTimestamp: self._ticks.head_timestamp,
            data.CancelHeadTimestamp: _ignore,
            data.HistoricalTicks: self._ticks.ticks,
            data.Histogram: self._ticks.histogram,
            data.CancelHistogram: _ignore,
            data.RealTimeBars: self._history.live.open,
            data.CancelRealTimeBars: self._history.live.close,
            data.TickByTick: self._streams.open,
            data.CancelTickByTick: self._streams.close,
            data.MarketDepth: self._depth.open,
            data.CancelMarketDepth: self._depth.close,
            data.ImpliedVolatility: self._calculations.implied_volatility,
            data.OptionPrice: self._calculations.option_price,
            data.CancelCalculation: _ignore,
            data.MarketDepthExchanges: self._lists.depth_exchanges,
            data.SmartComponents: self._lists.smart_components,
            data.NewsProviders: self._lists.news_providers,
            data.NewsBulletins: self._lists.news_bulletins,
            data.CancelNewsBulletins: self._lists.news_bulletins,
            data.FamilyCodes: self._lists.family_codes,
            data.SoftDollarTiers: self._lists.soft_dollar_tiers,
            data.AdvisorConfiguration: self._lists.advisor,
            data.ReplaceAdvisorConfiguration: self._lists.replace_advisor,
            data.DisplayGroups: self._lists.display_groups,
            data.DisplayGroupEvents: self._lists.display_group_events,
            data.UserInfo: self._lists.user_info,
        }

    # facts ---------------------------------------------------------------------------------------
    def use_clock(self, clock: MarketClock) -> None:
        """Market time for rates, greeks and the client's time requests."""
        self._clock = clock
        self._quotes.use_clock(clock)
        self._history.use_clock(clock)

    @property
    def clock(self) -> MarketClock:
        """Market time. Raises RuntimeError before the gateway has started."""
        if self._clock is None:
            raise RuntimeError("the desk has no clock yet")
        return self._clock

    @property
    def account_alterations(self) -> list[Alteration]:
        """Faults that change the account figures told."""
        return self._book.alterations

    def client_ids(self) -> list[int]:
        """Ids of the connected clients."""
        return sorted(self._clients)

    def lines_in_use(self) -> int:
        """Open market data lines."""
        return self._quotes.in_use

    @property
    def quotes(self) -> QuoteDesk:
        """Who feeds market data lines."""
        return self._quotes

    def unknown_requests(self) -> dict[str, int]:
        """Requests that were not served, by name, with their count."""
        return dict(sorted(self._unknown.items()))

    # clients -------------------------------------------------------------------------------------
    def welcome(self, session: ClientSession, hang_up: Callable[[str], None]) -> DeskClient:
        """Takes a new connection; `hang_up(reason)` is how the desk ends it."""
        return DeskClient(session, RateLimit(self._limits), hang_up)

    def handle(self, client: DeskClient, event: SessionEvent) -> None:
        """One event of the client's session."""
        if isinstance(event, Incoming):
            self._incoming(client, event)
        elif isinstance(event, Started):
            self._start(client, event.client_id)
        elif isinstance(event, Broken):
            client.hang_up(event.reason)

    def settle(self) -> None:
        """After a batch of requests: what is answered together, such as first quotes."""
        self._quotes.serve_new()

    def goodbye(self, client: DeskClient, reason: str) -> None:
        """The connection is gone: subscriptions end, orders and account stay in the venue."""
        client.session.close()
        self._quotes.close_all(client)
        self._summaries.close_all(client)
        self.forget_streams(client)
        if self._clients.get(client.client_id) is client:
            del self._clients[client.client_id]
            self._venue.note_client(client.client_id, connected=False, reason=reason)

    def tick(self) -> None:
        """Market time has moved: quotes and the base of the daily P&L."""
        self._book.turn_day()
        self._quotes.tick()
        self._history.live.tick()
        self._streams.tick()
        self._depth.tick()

    def forget_streams(self, client: DeskClient | None) -> None:
        """Live bars, tick-by-tick streams and books end without a word, of one client or (None) of all."""
        self._history.live.close_all(client)
        self._streams.close_all(client)
        self._depth.close_all(client)

    def _start(self, client: DeskClient, client_id: int) -> None:
        if client_id in self._clients:
            text = "Unable to connect as the client id is already in use. Retry with a unique client id."
            client.error(-1, 326, text)
            client.hang_up("duplicate client id")
            return
        client.client_id = client_id
        self._clients[client_id] = client
        self._venue.note_client(client_id, connected=True, reason=f"protocol version {client.version}")
        self._managed_accounts(client, ask.ManagedAccounts())
        self._ids(client, ask.Ids())
        for code, text in _FARMS:
            client.error(-1, code, text)

    def _incoming(self, client: DeskClient, event: Incoming) -> None:
        verdict = client.rate.admit(self.clock.pacing_s)
        if verdict is not Verdict.OK:
            most = self._limits.messages_per_s
            text = f"Max rate of messages per second has been exceeded:max={most} rec={most + 1} "
            client.error(-1, 100, f"{text}({client.rate.violations})")
            if verdict is Verdict.CLOSE:
                client.hang_up("message rate exceeded repeatedly")
            return
        try:
            request = decode(event.message_id, event.fields, client.version)
            self._routes[type(request)](client, request)
        except UnknownRequest as error:
            self._unknown[error.name or f"message {error.message_id}"] += 1
            client.error(error.request_id, _UNKNOWN_REQUEST, str(error))
        except MalformedRequest as error:
            request_id = request_id_of(event.message_id, event.fields)
            text = f"Server error when reading an API client request: {error}"
            client.error(request_id, _BAD_REQUEST, text)
            if event.message_id in _ORDER_MESSAGES:
                self._orders.note_unreadable(client, request_id, _BAD_REQUEST, text)
        except Exception as error:  # noqa: BLE001 - one request must not end the session of its sender unexplained
            self._failed(client, event, error)

    def _failed(self, client: DeskClient, event: Incoming, error: Exception) -> None:
        """A bug of this gateway: an answer for the client, a line for the ledger, the traceback for who runs it."""
        name = REQUEST_NAMES.get(event.message_id, f"message {event.message_id}")
        self._venue.record("gateway_error", client=client.client_id, request=name, error=repr(error))
        text = f"Server error when processing an API client request: {name} failed in this gateway ({error!r})"
        client.error(request_id_of(event.message_id, event.fields), _BAD_REQUEST, text)
        context = {"message": f"{name} failed in this gateway", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)

    # small requests ------------------------------------------------------------------------------
    def _ids(self, client: DeskClient, request: ask.Ids) -> None:
        client.send(encode.next_valid_id(max(self._venue.next_order_id(client.client_id) - self.id_rollback, 1)))

    def _managed_accounts(self, client: DeskClient, request: ask.ManagedAccounts) -> None:
        client.send(encode.managed_accounts(self._venue.accounts))

    def _current_time(self, client: DeskClient, request: ask.CurrentTime) -> None:
        client.send(encode.current_time(self.clock.now))

    def _market_data_type(self, client: DeskClient, request: ask.MarketDataType) -> None:
        if request.kind not in (1, 2, 3, 4):
            client.error(-1, 321, f"Error validating request: market data type must be 1 to 4, got {request.kind}")
            return
        client.market_data_kind = request.kind

    # the venue's listener ------------------------------------------------------------------------
    def on_order(self, order: VenueOrder) -> None:
        """openOrder and orderStatus to the owner (and the master client); one made in TWS is bound first, if client 0
        has asked for that, and is nobody's otherwise."""
        zero = self._clients.get(0)
        if order.ticket.order_id == 0 and zero is not None and zero.auto_bind:
            self._orders.bind(zero)
        if order.ticket.order_id == 0:
            self._orders.report_order(self._master_only(), order)
            return
        self._orders.report_order(self._concerned(order.ticket.client_id), order)

    def on_execution(self, execution: Execution) -> None:
        """execDetails to the owner."""
        self._orders.report_execution(self._concerned(execution.client_id), execution)

    def on_commission(self, commission: Commission, execution: Execution) -> None:
        """commissionReport to the owner."""
        self._orders.report_commission(self._concerned(execution.client_id), commission)

    def on_error(self, client_id: int, request_id: int, code: int, text: str) -> None:
        """An error or notice for one client, lost if it is not connected."""
        client = self._clients.get(client_id)
        if client is not None:
            client.error(request_id, code, text)

    def on_position(self, position: PositionLine) -> None:
        """To every client that subscribed to positions."""
        self._accounts.position_changed(self._clients.values(), position)

    def on_account(self, state: AccountState) -> None:
        """To every client that subscribed to the account."""
        view, clients = self._book.note(state), [*self._clients.values()]
        self._profits.changed(clients, view)
        if self._accounts.account_changed(clients, view):
            self._summaries.tell()

    def _master_only(self) -> Sequence[DeskClient]:
        return [self._clients[self._master]] if self._master is not None and self._master in self._clients else []

    def _concerned(self, owner_id: int) -> Sequence[DeskClient]:
        ids = (owner_id,) if self._master in (None, owner_id) else (owner_id, self._master)
        return [self._clients[one] for one in ids if one in self._clients]


def _ignore(client: DeskClient, request: object) -> None:
    """Requests without an answer."""
