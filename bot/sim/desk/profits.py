"""Profit and loss requests: of an account, and of one position, now and at every change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.sim.desk.account_book import AccountBook, AccountView, account_asked, gain
from bot.sim.desk.account_figures import market_value
from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import AccountState
from bot.sim.wire import encode, encode_data
from bot.sim.wire import requests as ask
from bot.sim.wire import requests_data as data


class ProfitDesk:
    """Counts a day's profit from the evening before: what was realised since midnight, and how unrealised profit has
    changed."""

    def __init__(self, venue: Venue, book: AccountBook) -> None:
        self._venue = venue
        self._book = book

    def account(self, client: DeskClient, request: ask.ProfitAndLoss) -> None:
        """reqPnL: now and at every change; 321 for an account not served."""
        account = account_asked(self._venue, client, request.request_id, request.account)
        if account is not None:
            client.pnl[request.request_id] = account
            self._send(client, request.request_id, self._venue.account(account))

    def cancel_account(self, client: DeskClient, request: ask.CancelProfitAndLoss) -> None:
        """cancelPnL, 300 for an id not in use."""
        if client.pnl.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def position(self, client: DeskClient, request: data.ProfitAndLossSingle) -> None:
        """reqPnLSingle: now and at every change; 321 for an account not served, 200 for no contract."""
        account = account_asked(self._venue, client, request.request_id, request.account)
        if account is None:
            return
        if self._venue.spec(request.con_id) is None:
            client.error(request.request_id, 200, f"No security definition has been found for conId {request.con_id}")
            return
        client.pnl_single[request.request_id] = (account, request.con_id)
        self._send_single(client, request.request_id, account, request.con_id, {})

    def cancel_position(self, client: DeskClient, request: data.CancelProfitAndLossSingle) -> None:
        """cancelPnLSingle, 300 for an id not in use."""
        if client.pnl_single.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def changed(self, clients: Iterable[DeskClient], view: AccountView) -> None:
        """The account's figures have moved."""
        state = view.state
        for client in clients:
            for request_id, watched in client.pnl.items():
                if watched == state.account:
                    self._send(client, request_id, state)
            for request_id, (account, con_id) in client.pnl_single.items():
                if account == state.account:
                    self._send_single(client, request_id, account, con_id, view.marks)

    def _send(self, client: DeskClient, request_id: int, state: AccountState) -> None:
        daily = round(state.net_liquidation - self._book.evening(state), 2)
        client.send(encode.pnl(request_id, daily, state))

    def _send_single(
        self, client: DeskClient, request_id: int, account: str, con_id: int, marks: Mapping[int, float]
    ) -> None:
        spec = self._venue.spec(con_id)
        assert spec is not None, "only contracts that exist are watched"
        line = self._venue.position(account, spec)
        mark = marks[con_id] if con_id in marks else self._book.marks([line]).get(con_id)
        unrealized = gain(line, mark)
        daily = line.realized_usd + unrealized - self._book.evening_gain(account, con_id)
        figures = encode_data.PositionFigures(
            round(daily, 2), round(unrealized, 2), round(line.realized_usd, 2), round(market_value(line, mark), 2)
        )
        client.send(encode_data.pnl_single(request_id, line.quantity, figures))
