"""Account requests: positions and account updates, single and multi, and their live continuation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.sim.desk.account_book import AccountBook, AccountView, account_asked
from bot.sim.desk.account_figures import LEDGER_KEYS, Figure
from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import PositionLine
from bot.sim.wire import encode, encode_data
from bot.sim.wire import requests as ask
from bot.sim.wire import requests_data as data

_FIGURES_EVERY = timedelta(minutes=3)


class AccountDesk:
    """Answers account requests and keeps subscribers up to date: after a booking at once, else every three minutes,
    with the figures that changed and the market prices of all positions."""

    def __init__(self, venue: Venue, book: AccountBook) -> None:
        self._venue = venue
        self._book = book
        self._sent: dict[str, dict[tuple[str, str], str]] = {}
        self._told: dict[str, tuple[float | None, datetime]] = {}  # cash and time of the figures sent last

    # positions -----------------------------------------------------------------------------------
    def positions(self, client: DeskClient, request: ask.Positions) -> None:
        """reqPositions: every position, the end, then changes as they happen."""
        client.positions = True
        for line in self._venue.positions():
            client.send(encode.position(line))
        client.send(encode.ending(62))

    def cancel_positions(self, client: DeskClient, request: ask.CancelPositions) -> None:
        """cancelPositions."""
        client.positions = False

    def positions_multi(self, client: DeskClient, request: data.PositionsMulti) -> None:
        """reqPositionsMulti: positions of one account, the end, then changes; no model holds any."""
        account = account_asked(self._venue, client, request.request_id, request.account)
        if account is None:
            return
        if not request.model:
            client.positions_multi[request.request_id] = account
            for line in self._book.view(account).lines:
                client.send(encode_data.position_multi(request.request_id, line))
        client.send(encode.ending(72, request.request_id))

    def cancel_positions_multi(self, client: DeskClient, request: data.CancelPositionsMulti) -> None:
        """cancelPositionsMulti; an id not in use is no error, as models are never subscribed."""
        client.positions_multi.pop(request.request_id, None)

    def position_changed(self, clients: Iterable[DeskClient], line: PositionLine) -> None:
        """Tells the subscribers of positions and of the account's portfolio."""
        for client in clients:
            if client.positions:
                client.send(encode.position(line))
            for request_id, account in client.positions_multi.items():
                if account == line.account:
                    client.send(encode_data.position_multi(request_id, line))
            if client.account_updates == line.account:
                _portfolio(client, [line], self._book.marks([line]))

    # account updates -----------------------------------------------------------------------------
    def updates(self, client: DeskClient, request: ask.AccountUpdates) -> None:
        """reqAccountUpdates: figures, portfolio and the end, then changes; 321 for an account not served."""
        account = account_asked(self._venue, client, -1, request.account)
        if account is None:
            return
        client.account_updates = account if request.subscribe else ""
        if not request.subscribe:
            return
        view = self._book.view(account)
        for key, value, currency in self._book.figures(view):
            client.send(encode.account_value(key, value, currency, account))
        _portfolio(client, view.lines, view.marks)
        client.send(encode.account_time(self._venue.now))
        client.send(encode.account_download_end(account))

    def updates_multi(self, client: DeskClient, request: ask.AccountUpdatesMulti) -> None:
        """reqAccountUpdatesMulti: figures of one account under a request id, or its money alone, then changes."""
        account = account_asked(self._venue, client, request.request_id, request.account)
        if account is None:
            return
        client.account_multi[request.request_id] = (account, request.money_only)
        for figure in self._book.figures(self._book.view(account)):
            if figure[0] in LEDGER_KEYS or not request.money_only:
                client.send(encode.account_update_multi(request.request_id, account, figure, request.model))
        client.send(encode.ending(74, request.request_id))

    def cancel_updates_multi(self, client: DeskClient, request: ask.CancelAccountUpdatesMulti) -> None:
        """cancelAccountUpdatesMulti, 300 for an id not in use."""
        if client.account_multi.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    # live ----------------------------------------------------------------------------------------
    def account_changed(self, clients: Sequence[DeskClient], view: AccountView) -> bool:
        """The account has moved; whether it was time to tell the subscribers."""
        state, account, now = view.state, view.state.account, self._venue.now
        cash, at = self._told.get(account, (None, now))
        if cash == state.cash and now - at < _FIGURES_EVERY:
            return False
        self._told[account] = state.cash, now
        last = self._sent.setdefault(account, {})
        changed = [figure for figure in self._book.figures(view) if last.get((figure[0], figure[2])) != figure[1]]
        last.update({(key, currency): value for key, value, currency in changed})
        for client in clients:
            self._send_changes(client, view, changed)
        return True

    def _send_changes(self, client: DeskClient, view: AccountView, changed: Sequence[Figure]) -> None:
        account = view.state.account
        if client.account_updates == account:
            for key, value, currency in changed:
                client.send(encode.account_value(key, value, currency, account))
            _portfolio(client, view.lines, view.marks)
            client.send(encode.account_time(self._venue.now))
        for request_id, (watched, money_only) in client.account_multi.items():
            for figure in changed if watched == account else ():
                if figure[0] in LEDGER_KEYS or not money_only:
                    client.send(encode.account_update_multi(request_id, account, figure))


def _portfolio(client: DeskClient, lines: Sequence[PositionLine], marks: Mapping[int, float]) -> None:
    for line in lines:
        client.send(encode.portfolio_value(line, marks.get(line.spec.con_id), line.realized_usd))
