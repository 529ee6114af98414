"""What the broker and a human in TWS do to an account: trades by hand, liquidations, transfers, cash, house margin.

Rules: a trade by hand belongs to client 0 and order 0, as TWS reports it; a liquidation is marked as one; a transfer
brings or takes contracts without a trade; cash moves by a stated amount for a stated reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from bot.sim.types import ContractSpec, Execution, SecType, Side
from bot.sim.venue.accounts import Account, HouseMargin, cents
from bot.sim.venue.announce import Announcer
from bot.sim.venue.booking import Booking
from bot.sim.venue.orders import OrderBook
from bot.sim.venue.quotes import Quotes
from bot.sim.venue.refusal import VenueRefusal


class CashReason(StrEnum):
    """Why cash moves without a trade, as the ledger writes it."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    INTEREST = "interest"
    FEE = "fee"


_SIGN: Mapping[CashReason, int] = {CashReason.DEPOSIT: 1, CashReason.WITHDRAWAL: -1, CashReason.FEE: -1}
"""Direction of an amount given as a positive number; interest is received or paid."""


class BackOffice:
    """Acts on accounts. Every method raises VenueRefusal for what cannot be done, with nothing changed."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        announcer: Announcer,
        book: OrderBook,
        booking: Booking,
        quotes: Quotes,
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._book = book
        self._booking = booking
        self._quotes = quotes

    def account(self, name: str | None) -> Account:
        """The account meant: the only one where none is named."""
        if name is None and len(self._accounts) == 1:
            return next(iter(self._accounts.values()))
        if name is None or name not in self._accounts:
            raise VenueRefusal(f"account must be one of {', '.join(self._accounts)}, got {name!r}")
        return self._accounts[name]

    # trades ------------------------------------------------------------------------------------
    def trade(
        self,
        account: Account,
        spec: ContractSpec,
        side: Side,
        quantity: int,
        at: datetime,
        *,
        price: float | None = None,
        liquidation: int = 0,
    ) -> Execution:
        """A human's trade at points per share, or at the market where no price is given."""
        if quantity < 1:
            raise VenueRefusal(f"quantity must be at least 1, got {quantity}")
        _check_holdable(spec, at)
        paid = self._quotes.tradable(spec, buys=side is Side.BUY, at=at) if price is None else _whole_cents(price)
        self._booking.new_fill()
        execution = Execution(
            exec_id=self._booking.exec_id(1),
            at=at,
            perm_id=self._book.next_perm_id(),
            client_id=0,
            order_id=0,
            order_ref="",
            account=account.name,
            spec=spec,
            side=side,
            quantity=quantity,
            price=paid,
            cumulative_quantity=quantity,
            average_price=paid,
            liquidation=liquidation,
        )
        self._booking.book(execution, at)
        self._announce.position(account.line(spec))
        return execution

    def liquidate(self, account: Account, spec: ContractSpec | None, at: datetime) -> list[Execution]:
        """The broker closes one position, or all that can still trade, at the market and without asking."""
        trading = [line for line in account.lines() if line.spec.expiry is None or line.spec.expiry >= at.date()]
        lines = [line for line in trading if spec is None or line.spec.con_id == spec.con_id]
        if not lines:
            what = "no position" if spec is None else f"no position in {spec.local_symbol.strip()}"
            held = ", ".join(f"{line.spec.con_id} ({line.spec.local_symbol.strip()})" for line in trading)
            raise VenueRefusal(f"{account.name} has {what} to liquidate; held are {held or 'none'}")
        sides = [Side.SELL if line.quantity > 0 else Side.BUY for line in lines]
        prices = [
            self._quotes.tradable(line.spec, buys=side is Side.BUY, at=at)
            for line, side in zip(lines, sides, strict=True)
        ]
        return [
            self.trade(account, line.spec, side, abs(line.quantity), at, price=price, liquidation=1)
            for line, side, price in zip(lines, sides, prices, strict=True)
        ]

    # without a trade ---------------------------------------------------------------------------
    def transfer(
        self, account: Account, spec: ContractSpec, contracts: int, at: datetime, *, price: float | None = None
    ) -> int:
        """Signed contracts come or go by transfer, at a cost in points per share (None: the market's); returns the
        position afterwards."""
        if contracts == 0:
            raise VenueRefusal("a transfer needs a quantity other than 0: positive comes, negative goes")
        _check_holdable(spec, at)
        cost = self._quotes.tradable(spec, buys=contracts > 0, at=at) if price is None else _whole_cents(price)
        return self._move(account, spec, contracts, cost)

    def vanish(self, account: Account, spec: ContractSpec) -> None:
        """A whole position leaves by transfer."""
        quantity = account.line(spec).quantity
        if quantity == 0:
            raise VenueRefusal(f"{account.name} has no position in {spec.local_symbol.strip()}")
        self._move(account, spec, -quantity, 0.0)

    def _move(self, account: Account, spec: ContractSpec, contracts: int, cost: float) -> int:
        account.transfer(spec, contracts, cents(cost))
        self._announce.transferred(account.name, spec, contracts, cost)
        line = account.line(spec)
        self._announce.position(line)
        self._booking.touched.add(account.name)
        return line.quantity

    def move_cash(self, account: Account, amount_usd: float, reason: CashReason) -> float:
        """Cash moves by dollars and cents; returns the balance. A withdrawal or a fee takes a positive amount."""
        amount = cents(amount_usd)
        sign = _SIGN.get(reason)
        if amount == 0 or (sign is not None and amount < 0):
            allowed = "other than 0" if sign is None else "above 0"
            raise VenueRefusal(f"a {reason} is an amount {allowed} in dollars, got {amount_usd}")
        amount *= sign or 1
        account.move_cash(amount)
        self._announce.cash(account.name, amount, reason, account.cash_cents)
        self._booking.touched.add(account.name)
        return account.cash_cents / 100

    def demand(self, accounts: Sequence[Account], demand: HouseMargin) -> None:
        """The house demands more than the rules from now on, and more than it did."""
        for account in accounts:
            account.house.append(demand)
            self._booking.touched.add(account.name)

    def waive(self, accounts: Sequence[Account], demand: HouseMargin) -> None:
        """Takes a demand back."""
        for account in accounts:
            account.house.remove(demand)
            self._booking.touched.add(account.name)


def _check_holdable(spec: ContractSpec, at: datetime) -> None:
    if spec.sec_type is SecType.INDEX:
        raise VenueRefusal(f"{spec.symbol} is an index: nobody can hold it")
    if spec.expiry is not None and spec.expiry < at.date():
        raise VenueRefusal(f"{spec.local_symbol.strip()} expired on {spec.expiry:%Y-%m-%d}")


def _whole_cents(price: float) -> float:
    if not 0.0 <= price < 1e6 or abs(price * 100 - round(price * 100)) > 1e-6:
        raise VenueRefusal(f"a price is in points per share, at least 0 and in whole cents; got {price}")
    return round(price, 2)
