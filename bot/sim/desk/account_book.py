"""What the accounts are worth as clients are told: figures, positions and their marks, and how yesterday ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.sim.desk.account_figures import Figure, Holdings, account_figures, holdings_of, ledger, market_value
from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.types import AccountState, PositionLine

Alteration = Callable[[str, Sequence[Figure]], Sequence[Figure]]
"""A fault: gets an account (or "All") and its figures and gives what is told instead."""
ALL = "All"
"""The group of every account."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account at one moment: its state, its positions, and their marks in points by contract id."""

    state: AccountState
    lines: Sequence[PositionLine]
    marks: Mapping[int, float]


@dataclass(slots=True)
class _Worth:
    """Net liquidation by account, and what positions stood above their cost, by account and contract id, dollars."""

    net: dict[str, float]
    gains: dict[str, dict[int, float]]


class AccountBook:
    """Reads the venue's accounts; remembers of each day how the last one ended."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._day: date | None = None
        self._now = _Worth({}, {})
        self._evening = _Worth({}, {})
        self.alterations: list[Alteration] = []

    # figures -------------------------------------------------------------------------------------
    def view(self, account: str, state: AccountState | None = None) -> AccountView:
        """An account now; `state` where somebody has just computed it."""
        lines = [line for line in self._venue.positions() if line.account == account]
        return AccountView(state or self._venue.account(account), lines, self.marks(lines))

    def figures(self, view: AccountView) -> Sequence[Figure]:
        """Every figure of an account."""
        held = holdings_of(view.state, view.lines, view.marks)
        account = view.state.account
        return self._altered(account, account_figures(view.state, held, self.evening(view.state)))

    def money(self, accounts: Sequence[str], currency: str, owner: str) -> Sequence[Figure]:
        """The ledger of some accounts together in one currency, told as that of `owner`."""
        views = [self.view(account) for account in accounts]
        held = [holdings_of(view.state, view.lines, view.marks) for view in views]
        total = AccountState(
            owner,
            net_liquidation=sum(view.state.net_liquidation for view in views),
            cash=sum(view.state.cash for view in views),
            initial_margin=0.0,
            maintenance_margin=0.0,
            excess_liquidity=0.0,
            unrealized_pnl=sum(view.state.unrealized_pnl for view in views),
            realized_pnl=0.0,
            realized_today=sum(view.state.realized_today for view in views),
        )
        together = Holdings(
            stocks_usd=sum(one.stocks_usd for one in held),
            options_usd=sum(one.options_usd for one in held),
            futures_usd=sum(one.futures_usd for one in held),
        )
        return self._altered(owner, ledger(total, together, currency))

    def _altered(self, name: str, figures: Sequence[Figure]) -> Sequence[Figure]:
        for alter in self.alterations:
            figures = alter(name, figures)
        return figures

    def marks(self, lines: Sequence[PositionLine]) -> Mapping[int, float]:
        """Marks of positions in points by contract id (none of what nobody can value)."""
        return self._venue.mark_prices([line.spec for line in lines]) if lines else {}

    # days ----------------------------------------------------------------------------------------
    def turn_day(self) -> None:
        """With a new day the last state of the day before becomes its evening; the first day begins as it is."""
        today = self._venue.now.date()
        if today == self._day:
            return
        if self._day is None:
            for account in self._venue.accounts:
                self._keep(self.view(account))
        self._day = today
        self._evening = _Worth(dict(self._now.net), dict(self._now.gains))

    def note(self, state: AccountState) -> AccountView:
        """Keeps what an account is worth now, and shows it."""
        self.turn_day()
        view = self.view(state.account, state)
        self._keep(view)
        return view

    def _keep(self, view: AccountView) -> None:
        account = view.state.account
        self._now.net[account] = view.state.net_liquidation
        self._now.gains[account] = {
            line.spec.con_id: gain(line, view.marks.get(line.spec.con_id)) for line in view.lines
        }

    def evening(self, state: AccountState) -> float:
        """Net liquidation of the evening before, dollars."""
        return self._evening.net.get(state.account, state.net_liquidation)

    def evening_gain(self, account: str, con_id: int) -> float:
        """What a position stood above its cost on the evening before, dollars; nothing for one not held then."""
        return self._evening.gains.get(account, {}).get(con_id, 0.0)


def gain(line: PositionLine, mark: float | None) -> float:
    """Dollars that a position stands above its cost."""
    return market_value(line, mark) - line.quantity * line.average_cost_usd


def account_asked(venue: Venue, client: DeskClient, request_id: int, asked: str) -> str | None:
    """The account meant, the only one where none is named; None once the client has been told 321."""
    if not asked and len(venue.accounts) == 1:
        return venue.accounts[0]
    if asked in venue.accounts:
        return asked
    served = ", ".join(venue.accounts)
    client.error(request_id, 321, f"Error validating request: account {asked!r} is not served here ({served})")
    return None
