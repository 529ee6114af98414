"""Account requests: positions, account updates (single and multi), summaries, P&L, and their live continuation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import AccountState, PositionLine
from bot.sim.wire import encode
from bot.sim.wire import requests as ask

_USD = "USD"
_FIGURES_EVERY = timedelta(minutes=3)


Figure = tuple[str, str, str]
"""Key, value and currency of an account figure, as told."""


def account_figures(state: AccountState) -> list[Figure]:
    """(key, value, currency) of every account figure served, amounts in dollars to the cent."""
    net, free = state.net_liquidation, state.excess_liquidity
    available = net - state.initial_margin
    amounts = (
        ("NetLiquidation", net),
        ("NetLiquidationByCurrency", net),
        ("EquityWithLoanValue", net),
        ("TotalCashValue", state.cash),
        ("TotalCashBalance", state.cash),
        ("CashBalance", state.cash),
        ("SettledCash", state.cash),
        ("InitMarginReq", state.initial_margin),
        ("MaintMarginReq", state.maintenance_margin),
        ("FullInitMarginReq", state.initial_margin),
        ("FullMaintMarginReq", state.maintenance_margin),
        ("AvailableFunds", available),
        ("FullAvailableFunds", available),
        ("ExcessLiquidity", free),
        ("FullExcessLiquidity", free),
        ("BuyingPower", state.buying_power),
        ("UnrealizedPnL", state.unrealized_pnl),
        ("RealizedPnL", state.realized_today),
    )
    cushion = free / net if net > 0.0 else 0.0
    return [
        ("AccountCode", state.account, ""),
        ("AccountType", "INDIVIDUAL", ""),
        ("AccountReady", "true", ""),
        ("Currency", _USD, _USD),
        ("Cushion", f"{cushion:.6f}", ""),
        *((key, f"{amount + 0.0:.2f}", _USD) for key, amount in amounts),
    ]


class AccountDesk:
    """Answers account requests and keeps subscribers up to date, sending changed figures only.

    `alterations` are faults: each gets an account and its figures and gives what is told instead."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._sent: dict[str, dict[str, str]] = {}
        self._told: dict[str, tuple[float | None, datetime]] = {}  # cash and time of the figures sent last
        self._day: date | None = None
        self._opening_net: dict[str, float] = {}
        self.alterations: list[Callable[[str, Sequence[Figure]], Sequence[Figure]]] = []

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

    def position_changed(self, clients: Iterable[DeskClient], line: PositionLine) -> None:
        """Tells the subscribers of positions and of the account's portfolio."""
        for client in clients:
            if client.positions:
                client.send(encode.position(line))
            if client.account_updates == line.account:
                self._portfolio(client, [line])

    # account updates -----------------------------------------------------------------------------
    def updates(self, client: DeskClient, request: ask.AccountUpdates) -> None:
        """reqAccountUpdates: figures, portfolio and the end, then changes; 321 for an account not served."""
        account = self._account(client, -1, request.account)
        if account is None:
            return
        client.account_updates = account if request.subscribe else ""
        if not request.subscribe:
            return
        for key, value, currency in self._figures(self._venue.account(account)):
            client.send(encode.account_value(key, value, currency, account))
        self._portfolio(client, [line for line in self._venue.positions() if line.account == account])
        client.send(encode.account_time(self._venue.now))
        client.send(encode.account_download_end(account))

    def updates_multi(self, client: DeskClient, request: ask.AccountUpdatesMulti) -> None:
        """reqAccountUpdatesMulti: figures of one account under a request id, then changes."""
        account = self._account(client, request.request_id, request.account)
        if account is None:
            return
        client.account_multi[request.request_id] = account
        for key, value, currency in self._figures(self._venue.account(account)):
            client.send(encode.account_update_multi(request.request_id, account, (key, value, currency), request.model))
        client.send(encode.ending(74, request.request_id))

    def cancel_updates_multi(self, client: DeskClient, request: ask.CancelAccountUpdatesMulti) -> None:
        """cancelAccountUpdatesMulti, 300 for an id not in use."""
        if client.account_multi.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    # summaries -----------------------------------------------------------------------------------
    def summary(self, client: DeskClient, request: ask.AccountSummary) -> None:
        """reqAccountSummary: the tags asked for, of every account; a duplicate id is 322."""
        if request.request_id in client.summaries:
            text = f"Error processing request: duplicate request id {request.request_id} for account summary"
            client.error(request.request_id, 322, text)
            return
        if request.group not in ("", "All"):
            text = (
                f"Error validating request: group {request.group!r} does not exist, this is no advisor account: use All"
            )
            client.error(request.request_id, 321, text)
            return
        client.summaries[request.request_id] = request.tags
        for account in self._venue.accounts:
            for key, value, currency in self._figures(self._venue.account(account)):
                if key in request.tags:
                    client.send(encode.account_summary(request.request_id, account, key, value, currency))
        client.send(encode.ending(64, request.request_id))

    def cancel_summary(self, client: DeskClient, request: ask.CancelAccountSummary) -> None:
        """cancelAccountSummary, 300 for an id not in use."""
        if client.summaries.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    # profit and loss -----------------------------------------------------------------------------
    def pnl(self, client: DeskClient, request: ask.ProfitAndLoss) -> None:
        """reqPnL: now and at every change of the account."""
        account = self._account(client, request.request_id, request.account)
        if account is not None:
            client.pnl[request.request_id] = account
            self._send_pnl(client, request.request_id, self._venue.account(account))

    def cancel_pnl(self, client: DeskClient, request: ask.CancelProfitAndLoss) -> None:
        """cancelPnL, 300 for an id not in use."""
        if client.pnl.pop(request.request_id, None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def _send_pnl(self, client: DeskClient, request_id: int, state: AccountState) -> None:
        opening = self._opening_net.get(state.account)
        daily = None if opening is None else round(state.net_liquidation - opening, 2)
        client.send(encode.pnl(request_id, daily, state))

    # live ----------------------------------------------------------------------------------------
    def tick(self) -> None:
        """Notes each account's value at the start of a day, the base of the daily P&L."""
        today = self._venue.now.date()
        if today != self._day:
            self._day = today
            for account in self._venue.accounts:
                self._opening_net[account] = self._venue.account(account).net_liquidation

    def account_changed(self, clients: Iterable[DeskClient], state: AccountState) -> None:
        """Sends the figures that changed to every subscriber: at once after a booking, else every three minutes."""
        for client in clients:
            self._send_pnls(client, state)
        cash, at = self._told.get(state.account, (None, self._venue.now))
        if cash == state.cash and self._venue.now - at < _FIGURES_EVERY:
            return
        self._told[state.account] = state.cash, self._venue.now
        figures = self._figures(state)
        last = self._sent.setdefault(state.account, {})
        changed = [(key, value, currency) for key, value, currency in figures if last.get(key) != value]
        last.update((key, value) for key, value, _ in changed)
        for client in clients:
            self._send_changes(client, state, changed)

    def _send_changes(self, client: DeskClient, state: AccountState, changed: Sequence[Figure]) -> None:
        account = state.account
        if client.account_updates == account:
            for key, value, currency in changed:
                client.send(encode.account_value(key, value, currency, account))
            client.send(encode.account_time(self._venue.now))
        for request_id, watched in client.account_multi.items():
            if watched == account:
                for key, value, currency in changed:
                    client.send(encode.account_update_multi(request_id, account, (key, value, currency)))
        for request_id, tags in client.summaries.items():
            for key, value, currency in changed:
                if key in tags:
                    client.send(encode.account_summary(request_id, account, key, value, currency))

    def _send_pnls(self, client: DeskClient, state: AccountState) -> None:
        for request_id, watched in client.pnl.items():
            if watched == state.account:
                self._send_pnl(client, request_id, state)

    def _figures(self, state: AccountState) -> Sequence[Figure]:
        figures: Sequence[Figure] = account_figures(state)
        for alter in self.alterations:
            figures = alter(state.account, figures)
        return figures

    # inside --------------------------------------------------------------------------------------
    def _account(self, client: DeskClient, request_id: int, asked: str) -> str | None:
        """The account meant: the only one where none is named."""
        accounts = self._venue.accounts
        if not asked and len(accounts) == 1:
            return accounts[0]
        if asked in accounts:
            return asked
        served = ", ".join(accounts)
        client.error(request_id, 321, f"Error validating request: account {asked!r} is not served here ({served})")
        return None

    def _portfolio(self, client: DeskClient, lines: Sequence[PositionLine]) -> None:
        marks = self._venue.mark_prices([line.spec for line in lines]) if lines else {}
        for line in lines:
            client.send(encode.portfolio_value(line, marks.get(line.spec.con_id), line.realized_usd))
