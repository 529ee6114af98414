"""Cash settlement of expired positions: they vanish without an execution and their value becomes cash.

Rules: PM-settled series settle after the close of their last day at the index close; AM-settled ones and futures on
the morning of their settlement day, as soon as the world publishes the opening value, and not before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.sim.ports import World
from bot.sim.types import ContractSpec, Right, SecType, Settlement
from bot.sim.venue.accounts import Account, Position
from bot.sim.venue.announce import Announcer
from bot.sim.venue.sessions import Sessions


class Settlements:
    """Ends expired positions; asks the world for values only while something is expired."""

    def __init__(self, world: World, sessions: Sessions, announcer: Announcer) -> None:
        self._world = world
        self._sessions = sessions
        self._announce = announcer

    def run(self, accounts: Iterable[Account], at: datetime) -> set[str]:
        """Settles whatever is due and published; returns the accounts it touched."""
        touched: set[str] = set()
        for account in accounts:
            for position in [held for held in account.positions.values() if self._is_due(held.spec, at)]:
                value = self._world.settlement_price(position.spec)
                if value is not None:
                    self._settle(account, position, value)
                    touched.add(account.name)
        return touched

    def _is_due(self, spec: ContractSpec, at: datetime) -> bool:
        if spec.expiry is None or at.date() < spec.expiry:
            return False
        if spec.settlement is not Settlement.PM or at.date() > spec.expiry:
            return True
        session = self._sessions.on(spec.expiry)
        return session is None or at >= session.close_at

    def _settle(self, account: Account, position: Position, value: float) -> None:
        spec, quantity = position.spec, position.quantity
        price_cents = round(100 * worth(spec, value))
        booked = account.settle(spec.con_id, price_cents)
        self._announce.settled(
            account.name,
            spec,
            quantity=quantity,
            price=price_cents / 100,
            underlying=value,
            cash_cents=booked.cash_cents,
        )
        self._announce.cash(
            account.name, booked.cash_cents, f"settlement {spec.local_symbol.strip()}", account.cash_cents
        )
        self._announce.position(account.line(spec))


def worth(spec: ContractSpec, value: float) -> float:
    """What one share of the contract is worth at the underlying's settlement value, in points."""
    if spec.sec_type is not SecType.OPTION or spec.strike is None:
        return value
    return max(0.0, value - spec.strike if spec.right is Right.CALL else spec.strike - value)
