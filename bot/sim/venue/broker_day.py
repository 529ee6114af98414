"""What the broker does by the clock: settles, marks futures, pays interest, watches margins and reports accounts.

Rules: settlements are looked for every market minute; futures are marked and interest is paid once a day, at the close;
each account is reported every open market minute (every live one where nights are lived) and after every booking, and
each report is looked at for its margin: below the warning cushion the ledger says so once, below zero the account is
liquidated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from bot.sim.types import AccountState, SecType
from bot.sim.venue.accounts import Account, Position
from bot.sim.venue.announce import Announcer
from bot.sim.venue.booking import Booking
from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.liquidation import Liquidator
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.settlement import Settlements
from bot.sim.venue.valuation import Valuation

_DAYS_PER_YEAR = 360


class BrokerDay:
    """The broker's routine over all accounts."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        announcer: Announcer,
        booking: Booking,
        liquidator: Liquidator,
        quotes: Quotes,
        rules: BrokerRules,
        sessions: Sessions,
        settlements: Settlements,
        valuation: Valuation,
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._booking = booking
        self._liquidator = liquidator
        self._quotes = quotes
        self._rules = rules
        self._sessions = sessions
        self._settlements = settlements
        self._valuation = valuation
        self._closed: date | None = None
        self._warned: set[str] = set()

    def every_minute(self, at: datetime) -> None:
        """One market minute has begun."""
        self._booking.touched |= self._settlements.run(self._accounts.values(), at)
        session = self._sessions.on(at.date())
        if session is not None and at >= session.close_at and self._closed != at.date():
            self._close_day(at)
        if self._sessions.overnight or (session is not None and session.open_at <= at <= session.close_at):
            self._booking.touched.update(self._accounts)

    def report(self, at: datetime) -> None:
        """Reports the accounts whose figures have changed, and acts on their margins."""
        names, self._booking.touched = self._booking.touched, set()
        for name in self._accounts:
            if name in names:
                state = self._valuation.state(name)
                self._announce.account(state)
                self._watch(state, at)

    # the close ---------------------------------------------------------------------------------
    def _close_day(self, at: datetime) -> None:
        days = 1 if self._closed is None else (at.date() - self._closed).days
        self._closed = at.date()
        for account in self._accounts.values():
            for position in list(account.positions.values()):
                if position.spec.sec_type is SecType.FUTURE:
                    self._mark(account, position)
            self._pay_interest(account, days)

    def _mark(self, account: Account, position: Position) -> None:
        """Daily variation of a future: its gain or loss since the last mark becomes cash."""
        spec, last = position.spec, self._quotes.level(position.spec).last
        if last is None:
            return
        moved = account.mark(spec.con_id, round(last * 100))
        self._announce.varied(account.name, spec, position.quantity, round(last, 2), moved)
        self._announce.cash(account.name, moved, f"variation {spec.local_symbol.strip()}", account.cash_cents)
        self._booking.touched.add(account.name)

    def _pay_interest(self, account: Account, days: int) -> None:
        amount = round(account.cash_cents * self._rules.interest_per_year * days / _DAYS_PER_YEAR)
        if amount:
            account.move_cash(amount)
            self._announce.cash(account.name, amount, "interest", account.cash_cents)
            self._booking.touched.add(account.name)

    # margins -----------------------------------------------------------------------------------
    def _watch(self, state: AccountState, at: datetime) -> None:
        name, excess = state.account, state.excess_liquidity
        if excess >= self._rules.warn_at_cushion * state.net_liquidation:
            self._warned.discard(name)
            return
        if name not in self._warned:
            self._warned.add(name)
            self._announce.record("margin_warning", account=name, nlv=state.net_liquidation, excess_liquidity=excess)
        if excess < 0.0 and self._rules.liquidates and self._liquidator.run(state, at):
            self._booking.touched.discard(name)
            self._announce.account(self._valuation.state(name))
