"""What accounts are worth and what an order would change: marks, levels, account figures, margin impact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.sim.types import AccountState, ContractSpec, Leg, MarginImpact, OrderTicket, Side
from bot.sim.venue.accounts import Account
from bot.sim.venue.fees import per_contract_usd
from bot.sim.venue.orders import legs_of
from bot.sim.venue.products import SPX_INDEX, VIX_INDEX
from bot.sim.venue.quotes import Quotes


class Valuation:
    """Marks positions at the world's mids; a contract the world cannot value keeps its last mark."""

    def __init__(self, accounts: Mapping[str, Account], quotes: Quotes) -> None:
        self._accounts = accounts
        self._quotes = quotes
        self._last: dict[int, float] = {}

    def marks(self, specs: Sequence[ContractSpec]) -> dict[int, float]:
        """Marks in points by contract id."""
        fresh = self._quotes.mids(specs) if specs else {}
        self._last.update(fresh)
        return {spec.con_id: self._last[spec.con_id] for spec in specs if spec.con_id in self._last}

    def levels(self) -> dict[str, float]:
        """Levels of the underlyings in points, by symbol."""
        found: dict[str, float] = {}
        for spec in (SPX_INDEX, VIX_INDEX):
            shown = self._quotes.level(spec)
            level = shown.last if shown.last is not None else shown.previous_close
            if level is not None:
                found[spec.symbol] = level
        return found

    def state(self, name: str) -> AccountState:
        """The account's figures now."""
        account = self._accounts[name]
        if not account.positions:
            return account.state({}, {})
        return account.state(self.marks([held.spec for held in account.positions.values()]), self.levels())

    def impact(self, ticket: OrderTicket, natural: float | None) -> MarginImpact:
        """Margin and equity before and after the order fills whole, at its limit or else at the natural net.

        Positions after the fill are carried at their marks, so the equity falls by slippage and commission.
        """
        account = self._accounts[ticket.account]
        legs = legs_of(ticket)
        specs = [held.spec for held in account.positions.values()] + [leg.spec for leg in legs]
        marks, levels = self.marks(list(dict.fromkeys(specs))), self.levels()
        before = account.state(marks, levels)
        change = [(leg.spec, ticket.side.sign * leg.side.sign * leg.ratio * ticket.quantity) for leg in legs]
        after = account.margin(marks, levels, change)
        commission = sum(
            abs(contracts) * per_contract_usd(spec, marks.get(spec.con_id, 0.0)) for spec, contracts in change
        )
        slippage = self._slippage_usd(ticket, legs, marks, natural)
        return MarginImpact(
            initial_before=before.initial_margin,
            maintenance_before=before.maintenance_margin,
            equity_before=before.net_liquidation,
            initial_after=after.initial,
            maintenance_after=after.maintenance,
            equity_after=round(before.net_liquidation - slippage - commission, 2),
            commission=round(commission, 2),
        )

    @staticmethod
    def _slippage_usd(
        ticket: OrderTicket, legs: Sequence[Leg], marks: Mapping[int, float], natural: float | None
    ) -> float:
        price = ticket.limit if ticket.order_type == "LMT" else natural
        if price is None:
            return 0.0
        fair = sum(leg.side.sign * leg.ratio * marks.get(leg.spec.con_id, 0.0) for leg in legs)
        worse_points = price - fair if ticket.side is Side.BUY else fair - price
        return max(0.0, worse_points) * ticket.quantity * legs[0].spec.multiplier
