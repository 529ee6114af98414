"""What accounts are worth and what an order would change: marks, levels, account figures, margin impact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.sim.types import AccountState, ContractSpec, Leg, MarginImpact, OrderTicket, Side
from bot.sim.venue.accounts import Account
from bot.sim.venue.directory import OPTION_UNDERLYINGS, UNDERLYINGS
from bot.sim.venue.fees import commission_cents
from bot.sim.venue.orders import legs_of
from bot.sim.venue.quotes import Quotes


class Valuation:
    """Marks positions at the world's mids; a contract the world cannot value keeps its last mark."""

    def __init__(self, accounts: Mapping[str, Account], quotes: Quotes, now: Callable[[], datetime]) -> None:
        self._accounts = accounts
        self._quotes = quotes
        self._now = now
        self._last: dict[int, float] = {}

    def marks(self, specs: Sequence[ContractSpec]) -> dict[int, float]:
        """Marks in points by contract id."""
        fresh = self._quotes.mids(specs) if specs else {}
        self._last.update(fresh)
        return {spec.con_id: self._last[spec.con_id] for spec in specs if spec.con_id in self._last}

    def levels(self, underlyings: Sequence[ContractSpec] = OPTION_UNDERLYINGS) -> dict[str, float]:
        """Levels of underlyings in points, by symbol."""
        found: dict[str, float] = {}
        for spec in underlyings:
            shown = self._quotes.level(spec)
            level = shown.last if shown.last is not None else shown.previous_close
            if level is not None:
                found[spec.symbol] = level
        return found

    def _levels_under(self, specs: Sequence[ContractSpec]) -> dict[str, float]:
        symbols = {spec.symbol for spec in specs}
        return self.levels([spec for spec in UNDERLYINGS if spec.symbol in symbols])

    def state(self, name: str) -> AccountState:
        """The account's figures now."""
        account = self._accounts[name]
        if not account.positions:
            return account.state({}, {})
        specs = [held.spec for held in account.positions.values()]
        return account.state(self.marks(specs), self._levels_under(specs), self._now().date())

    def impact(self, ticket: OrderTicket, natural: float | None) -> MarginImpact:
        """Margin and equity before and after the order fills whole: at the natural net, or at its limit if that is
        better or nobody quotes.

        Positions after the fill are carried at their marks, so the equity changes by slippage and commission.
        """
        account, today = self._accounts[ticket.account], self._now().date()
        legs = legs_of(ticket)
        specs = [held.spec for held in account.positions.values()] + [leg.spec for leg in legs]
        marks, levels = self.marks(list(dict.fromkeys(specs))), self._levels_under(specs)
        before = account.state(marks, levels, today)
        change = [(leg.spec, ticket.side.sign * leg.side.sign * leg.ratio * ticket.quantity) for leg in legs]
        after = account.margin(marks, levels, change, on=today)
        contracts = sum(abs(quantity) for _, quantity in change)
        fees = sum(
            commission_cents(spec, abs(quantity), marks.get(spec.con_id, 0.0), order_contracts=contracts)
            for spec, quantity in change
        )
        slippage = _slippage_usd(ticket, legs, marks, natural)
        return MarginImpact(
            initial_before=before.initial_margin,
            maintenance_before=before.maintenance_margin,
            equity_before=before.net_liquidation,
            initial_after=after.initial,
            maintenance_after=after.maintenance,
            equity_after=round(before.net_liquidation - slippage - fees / 100, 2),
            commission=fees / 100,
        )

    def excess_after(self, name: str, trades: Sequence[tuple[ContractSpec, Side, int, float]]) -> float:
        """Excess liquidity in dollars if the account traded these: (contract, side, contracts, points per share)."""
        account, today = self._accounts[name], self._now().date()
        specs = [held.spec for held in account.positions.values()] + [trade[0] for trade in trades]
        marks, levels = self.marks(list(dict.fromkeys(specs))), self._levels_under(specs)
        before = account.state(marks, levels, today)
        after = account.margin(
            marks, levels, [(spec, side.sign * quantity) for spec, side, quantity, _ in trades], on=today
        )
        cost = 0.0
        for spec, side, quantity, price in trades:
            cost += side.sign * (price - marks.get(spec.con_id, price)) * quantity * spec.multiplier
            cost += commission_cents(spec, quantity, price, order_contracts=quantity) / 100
        return before.net_liquidation - cost - after.maintenance


def _slippage_usd(ticket: OrderTicket, legs: Sequence[Leg], marks: Mapping[int, float], natural: float | None) -> float:
    """Dollars that the fill costs against the marks; negative where it is better than they are."""
    known = [price for price in (ticket.limit, natural) if price is not None]
    if not known:
        return 0.0
    price = min(known) if ticket.side is Side.BUY else max(known)
    fair = sum(leg.side.sign * leg.ratio * marks.get(leg.spec.con_id, 0.0) for leg in legs)
    worse_points = price - fair if ticket.side is Side.BUY else fair - price
    return worse_points * ticket.quantity * legs[0].spec.multiplier
