"""The money and positions of one account, in whole cents: cash = deposits + fills - fees + settlements, always."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.sim.types import AccountState, ContractSpec, Execution, PositionLine, SecType, Side
from bot.sim.venue.margin import Holding, Requirement, requirement


def cents(usd: float) -> int:
    """Whole cents of a dollar amount."""
    return round(usd * 100)


@dataclass(slots=True)
class Position:
    """Signed contracts and the cents they cost (received, for a short), commissions apart."""

    spec: ContractSpec
    quantity: int = 0
    cost_cents: int = 0

    @property
    def average_cost_usd(self) -> float:
        """Dollars per contract, price times multiplier; 0 when flat."""
        return self.cost_cents / self.quantity / 100 if self.quantity else 0.0


@dataclass(frozen=True, slots=True)
class Booked:
    """What a trade or settlement did: cents of cash moved, and of profit taken (None for a pure opening)."""

    cash_cents: int
    realized_cents: int | None


class Account:
    """One paper account.

    Options and stock move their full value through cash; a future only its profit or loss when it is closed or settled.
    `realized_pnl` is after every commission paid, so that equity = deposits + realised + unrealised.
    """

    def __init__(self, name: str, deposit_usd: float) -> None:
        self.name = name
        self.cash_cents = cents(deposit_usd)
        self.realized_cents = 0
        self.positions: dict[int, Position] = {}

    # bookings ----------------------------------------------------------------------------------
    def trade(self, execution: Execution) -> Booked:
        """Books one leg execution: position, cost and cash (not its commission)."""
        spec, price_cents = execution.spec, round(execution.price * 100)
        position = self.positions.setdefault(spec.con_id, Position(spec))
        change = execution.quantity if execution.side is Side.BUY else -execution.quantity
        closing = 0
        if position.quantity * change < 0:
            closing = min(abs(change), abs(position.quantity)) * (1 if change > 0 else -1)
        opening = change - closing
        realized: int | None = None
        if closing:
            share = round(position.cost_cents * -closing / position.quantity)
            realized = -closing * price_cents * spec.multiplier - share
            position.quantity += closing
            position.cost_cents -= share
            self.realized_cents += realized
        position.quantity += opening
        position.cost_cents += opening * price_cents * spec.multiplier
        if position.quantity == 0:
            del self.positions[spec.con_id]
        if spec.sec_type is SecType.FUTURE:
            moved = realized or 0
        else:
            moved = -change * price_cents * spec.multiplier
        self.cash_cents += moved
        return Booked(moved, realized)

    def charge(self, fee_cents: int) -> None:
        """Takes a commission."""
        self.cash_cents -= fee_cents
        self.realized_cents -= fee_cents

    def settle(self, con_id: int, price_cents: int) -> Booked:
        """Removes a position at its settlement price per share (cents); KeyError without such a position."""
        position = self.positions.pop(con_id)
        value = position.quantity * price_cents * position.spec.multiplier
        realized = value - position.cost_cents
        moved = realized if position.spec.sec_type is SecType.FUTURE else value
        self.cash_cents += moved
        self.realized_cents += realized
        return Booked(moved, realized)

    # views -------------------------------------------------------------------------------------
    def line(self, spec: ContractSpec) -> PositionLine:
        """The position in one contract, quantity 0 when there is none."""
        position = self.positions.get(spec.con_id) or Position(spec)
        return PositionLine(self.name, spec, position.quantity, position.average_cost_usd)

    def lines(self) -> list[PositionLine]:
        """Every position that is not flat."""
        return [self.line(position.spec) for position in self.positions.values()]

    def state(self, marks: Mapping[int, float], levels: Mapping[str, float]) -> AccountState:
        """Figures at these marks (points by contract id); a contract without a mark is carried at its cost."""
        value = unrealized = 0.0
        for position in self.positions.values():
            marked = position.quantity * _mark(position, marks) * position.spec.multiplier
            gain = marked - position.cost_cents / 100
            unrealized += gain
            value += gain if position.spec.sec_type is SecType.FUTURE else marked
        needed = self.margin(marks, levels)
        equity = round(self.cash_cents / 100 + value, 2)
        return AccountState(
            account=self.name,
            net_liquidation=equity,
            cash=self.cash_cents / 100,
            initial_margin=needed.initial,
            maintenance_margin=needed.maintenance,
            excess_liquidity=round(equity - needed.maintenance, 2),
            unrealized_pnl=round(unrealized, 2),
            realized_pnl=self.realized_cents / 100,
        )

    def margin(
        self,
        marks: Mapping[int, float],
        levels: Mapping[str, float],
        change: Sequence[tuple[ContractSpec, int]] = (),
    ) -> Requirement:
        """The requirement now, or as it would be after a change of signed contracts."""
        quantities = {con_id: position.quantity for con_id, position in self.positions.items()}
        specs = {con_id: position.spec for con_id, position in self.positions.items()}
        for spec, contracts in change:
            quantities[spec.con_id] = quantities.get(spec.con_id, 0) + contracts
            specs[spec.con_id] = spec
        return requirement(
            (
                Holding(specs[con_id], quantity, self._mark_of(con_id, marks))
                for con_id, quantity in quantities.items()
                if quantity
            ),
            levels,
        )

    def _mark_of(self, con_id: int, marks: Mapping[int, float]) -> float:
        position = self.positions.get(con_id)
        return _mark(position, marks) if position is not None else marks.get(con_id, 0.0)


def _mark(position: Position, marks: Mapping[int, float]) -> float:
    mark = marks.get(position.spec.con_id)
    return position.average_cost_usd / position.spec.multiplier if mark is None else mark
