"""What the broker closes when an account's excess liquidity has run out: at the market, without asking.

Rules: the account's working orders go first; then, one after the other, what helps most is closed at its natural, a
single position or all options of one class and expiry together in ratio, as many as bring the excess back to zero or
all of them; shorts are bought back before longs are sold; what nobody quotes or what is not open stays. Source: IB's
published liquidation practice; the choice of positions is ours, IB publishes none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import gcd

from bot.sim.types import AccountState, ContractSpec, PositionLine, SecType, Side
from bot.sim.venue.accounts import Account
from bot.sim.venue.back_office import BackOffice
from bot.sim.venue.endings import Endings
from bot.sim.venue.orders import OrderBook
from bot.sim.venue.quotes import LegMarket, Quotes
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.valuation import Valuation


@dataclass(frozen=True, slots=True)
class _Part:
    """One contract of a closing: what one unit trades of it, at points per share."""

    spec: ContractSpec
    side: Side
    per_unit: int
    price: float


@dataclass(frozen=True, slots=True)
class _Closing:
    """Closing so many units; the excess liquidity afterwards, in dollars."""

    parts: tuple[_Part, ...]
    units: int
    excess_usd: float

    @property
    def con_ids(self) -> tuple[int, ...]:
        """What is closed, for an order that does not depend on chance."""
        return tuple(part.spec.con_id for part in self.parts)


class Liquidator:
    """Closes positions of accounts whose excess liquidity is negative."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        back_office: BackOffice,
        book: OrderBook,
        endings: Endings,
        quotes: Quotes,
        sessions: Sessions,
        valuation: Valuation,
    ) -> None:
        self._accounts = accounts
        self._back_office = back_office
        self._book = book
        self._endings = endings
        self._quotes = quotes
        self._sessions = sessions
        self._valuation = valuation

    def run(self, state: AccountState, at: datetime) -> bool:
        """Closes what it takes; False where nothing could be closed."""
        account = self._accounts[state.account]
        if not any(self._sessions.is_open(line.spec, at) for line in account.lines()):
            return False
        for working in self._book:
            if working.ticket.account == account.name and self._book.is_live(working):
                self._endings.cancel(working, at, "cancelled by the broker: liquidation")
        closed = False
        for _ in range(len(account.positions)):
            if state.excess_liquidity >= 0.0:
                break
            choice = self._best(account, state, at)
            if choice is None:
                break
            for part in choice.parts:
                quantity = part.per_unit * choice.units
                self._back_office.trade(account, part.spec, part.side, quantity, at, price=part.price, liquidation=1)
            state, closed = self._valuation.state(account.name), True
        return closed

    def _best(self, account: Account, state: AccountState, at: datetime) -> _Closing | None:
        """What leaves the most excess when it is closed whole, cut to what is needed; None if nothing helps."""
        found = []
        for parts, units in self._closable(account, at):
            closing = self._closing(account, parts, units)
            if closing.excess_usd > state.excess_liquidity:
                found.append(closing)
        if not found:
            return None
        return self._cut(account, max(found, key=lambda closing: (closing.excess_usd, closing.con_ids)))

    def _closable(self, account: Account, at: datetime) -> Iterator[tuple[tuple[_Part, ...], int]]:
        """Each position alone, then the options of each class and expiry together: what a unit trades, and how many
        units there are."""
        lines = account.lines()
        markets = self._quotes.markets([line.spec for line in lines], at)
        sets: dict[tuple[str, date], list[PositionLine]] = defaultdict(list)
        for line in lines:
            if line.spec.sec_type is SecType.OPTION and line.spec.expiry is not None:
                sets[line.spec.trading_class, line.spec.expiry].append(line)
        for chosen in [*([line] for line in lines), *(held for held in sets.values() if len(held) > 1)]:
            units = gcd(*(line.quantity for line in chosen))
            parts = [_part(line, units, markets[line.spec.con_id]) for line in chosen]
            if None not in parts:
                known = [part for part in parts if part is not None]
                yield tuple(sorted(known, key=lambda part: part.side is Side.SELL)), units

    def _closing(self, account: Account, parts: tuple[_Part, ...], units: int) -> _Closing:
        trades = [(part.spec, part.side, part.per_unit * units, part.price) for part in parts]
        return _Closing(parts, units, self._valuation.excess_after(account.name, trades))

    def _cut(self, account: Account, closing: _Closing) -> _Closing:
        """The fewest units that bring the excess back to zero, all of them where none do."""
        low, high = 1, closing.units
        while low < high:
            middle = (low + high) // 2
            enough = self._closing(account, closing.parts, middle).excess_usd >= 0.0
            low, high = (low, middle) if enough else (middle + 1, high)
        return self._closing(account, closing.parts, low)


def _part(line: PositionLine, units: int, market: LegMarket) -> _Part | None:
    """What closing one unit trades of a position; None where nobody quotes the side it needs."""
    side, price = (Side.SELL, market.bid) if line.quantity > 0 else (Side.BUY, market.ask)
    return None if price is None else _Part(line.spec, side, abs(line.quantity) // units, price)
