"""Settlement of expired positions: they vanish without an execution; their value becomes cash, or shares at the strike.

Rules: PM-settled series settle after the close of their last day at the index close; AM-settled ones and futures on
the morning of their settlement day, as soon as the world publishes the opening value, and not before. A value can be
withheld, settlement delayed or forced, and a settled position be shown for a while longer. Options that deliver shares
are exercised, or assigned, when they are worth a cent or more at the close; nobody exercises early or declines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from bot.sim.ports import World
from bot.sim.types import ContractSpec, PositionLine, Right, SecType, Settlement
from bot.sim.venue.accounts import Account, Position
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.announce import Announcer
from bot.sim.venue.directory import FUNDS
from bot.sim.venue.sessions import Sessions

_SHARES = {fund.spec.con_id: fund.spec for fund in FUNDS}


class Settlements:
    """Ends expired positions; asks the world for values only while something is expired.

    `delays` are how long settlement waits after it could happen, `lingers` how long a settled position is still shown
    (the longest counts), `withheld` the settlement days whose values are not published.
    """

    def __init__(self, world: World, sessions: Sessions, announcer: Announcer, agenda: Agenda) -> None:
        self._world = world
        self._sessions = sessions
        self._announce = announcer
        self._agenda = agenda
        self._ready_since: dict[tuple[str, int], datetime] = {}
        self.delays: list[timedelta] = []
        self.lingers: list[timedelta] = []
        self.withheld: set[date] = set()
        self.lingering: list[PositionLine] = []

    def run(self, accounts: Iterable[Account], at: datetime) -> set[str]:
        """Settles whatever is due and published; returns the accounts it touched."""
        touched: set[str] = set()
        for account in accounts:
            for position in [held for held in account.positions.values() if self._is_due(held.spec, at)]:
                value = self._published(position.spec)
                if value is not None and self._has_waited(account, position.spec, at):
                    self._settle(account, position, value, at)
                    touched.add(account.name)
        return touched

    def settle_now(
        self,
        account: Account,
        meant: Callable[[ContractSpec], bool],
        value_of: Callable[[ContractSpec], float],
        at: datetime,
    ) -> list[ContractSpec]:
        """Settles the positions meant at once, expired or not, at `value_of` their underlying in points."""
        positions = [held for held in account.positions.values() if meant(held.spec)]
        values = [value_of(held.spec) for held in positions]
        for position, value in zip(positions, values, strict=True):
            self._settle(account, position, value, at)
        return [position.spec for position in positions]

    def _is_due(self, spec: ContractSpec, at: datetime) -> bool:
        if spec.expiry is None or at.date() < spec.expiry:
            return False
        if spec.settlement is not Settlement.PM or at.date() > spec.expiry:
            return True
        session = self._sessions.on(spec.expiry)
        return session is None or at >= session.close_at

    def _published(self, spec: ContractSpec) -> float | None:
        return None if spec.expiry in self.withheld else self._world.settlement_price(spec)

    def _has_waited(self, account: Account, spec: ContractSpec, at: datetime) -> bool:
        if not self.delays:
            return True
        return at >= self._ready_since.setdefault((account.name, spec.con_id), at) + max(self.delays)

    def _settle(self, account: Account, position: Position, value: float, at: datetime) -> None:
        spec, quantity, line = position.spec, position.quantity, account.line(position.spec)
        price_cents = round(100 * worth(spec, value))
        self._ready_since.pop((account.name, spec.con_id), None)
        if spec.delivers_shares and price_cents > 0:
            self._deliver(account, position, _SHARES[spec.under_con_id], value)
            return
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
        if self.lingers:
            self.lingering.append(line)
            self._agenda.plan(at + max(self.lingers), lambda then: self._stop_showing(account, line))
        else:
            self._announce.position(account.line(spec))

    def _deliver(self, account: Account, position: Position, share: ContractSpec, value: float) -> None:
        """The option goes, its shares come or go at the strike."""
        spec = position.spec
        delivered = account.exercise(spec.con_id, share, round(100 * (spec.strike or 0.0)))
        self._announce.exercised(
            account.name,
            spec,
            share,
            quantity=position.quantity,
            shares=delivered.shares,
            underlying=value,
            cash_cents=delivered.cash_cents,
        )
        self._announce.cash(
            account.name, delivered.cash_cents, f"exercise {spec.local_symbol.strip()}", account.cash_cents
        )
        for changed in (spec, share):
            self._announce.position(account.line(changed))

    def _stop_showing(self, account: Account, line: PositionLine) -> None:
        self.lingering.remove(line)
        self._announce.position(account.line(line.spec))


def worth(spec: ContractSpec, value: float) -> float:
    """What one share of the contract is worth at the underlying's settlement value, in points."""
    if spec.sec_type is not SecType.OPTION or spec.strike is None:
        return value
    return max(0.0, value - spec.strike if spec.right is Right.CALL else spec.strike - value)
