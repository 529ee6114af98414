"""The money and positions of one account, in whole cents.

Rules: cash = deposits and other movements + fills - fees + variation + settlements, always; a position is what its
entries add up to, trades and transfers, so that correcting one entry gives what would have been. A commission belongs
to what it bought: it raises the cost of what an execution opened and lowers the profit of what it closed, as IB's
average cost and realised P&L do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.sim.types import AccountState, ContractSpec, Execution, PositionLine, Right, SecType, Side
from bot.sim.venue.margin import Holding, Requirement, requirement

DAY_LEVERAGE = 4.0
"""How many times its available funds a margin account may buy shares for during the day."""


def cents(usd: float) -> int:
    """Whole cents of a dollar amount."""
    return round(usd * 100)


@dataclass(slots=True)
class Position:
    """Signed contracts and the cents they cost, commissions included (a short has a negative cost: what it brought).

    `basis_cents` is what of a future's value cash has seen: its trades, then each day's mark."""

    spec: ContractSpec
    quantity: int = 0
    cost_cents: int = 0
    basis_cents: int = 0

    @property
    def average_cost_usd(self) -> float:
        """Dollars per contract, price times multiplier; 0 when flat."""
        return self.cost_cents / self.quantity / 100 if self.quantity else 0.0


@dataclass(frozen=True, slots=True)
class Booked:
    """What a trade or settlement did: cents of cash moved, and of profit taken (None for a pure opening); of its
    contracts so many were opened, signed."""

    cash_cents: int
    realized_cents: int | None
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """What exercising a position brought: signed shares and the cents of cash paid or received for them."""

    shares: int
    cash_cents: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a position: signed contracts at cents per share. `exec_id` names the execution behind it; a
    transfer has none, moves no cash and takes no profit. The daily mark of a future brings no contracts: from then on
    cash has seen the value at its price."""

    contracts: int
    price_cents: int
    exec_id: str = ""
    is_mark: bool = False

    @property
    def is_transfer(self) -> bool:
        """Whether contracts came or went without a trade."""
        return not self.exec_id and not self.is_mark


@dataclass(frozen=True, slots=True)
class HouseMargin:
    """One demand of the house on top of the rules: a factor on every requirement, then dollars."""

    factor: float = 1.0
    extra_usd: float = 0.0

    def over(self, rules: Requirement) -> Requirement:
        """The requirement as the house demands it."""
        return Requirement(
            round(rules.initial * self.factor + self.extra_usd, 2),
            round(rules.maintenance * self.factor + self.extra_usd, 2),
        )


class Account:
    """One paper account.

    Options and stock move their full value through cash; a future only its profit or loss, each day at the close and
    when it is closed or settled. Equity = deposits and other cash movements + what was transferred in, at its price +
    realised + unrealised; commissions are in the one or the other from the moment they are charged.
    """

    def __init__(self, name: str, deposit_usd: float, *, borrows: bool = True) -> None:
        """A margin account borrows against its shares, a cash account pays for them in full."""
        self.name = name
        self.borrows = borrows
        self.cash_cents = cents(deposit_usd)
        self.realized_cents = 0
        self._realized_today: Counter[int] = Counter()
        self.house: list[HouseMargin] = []
        self.positions: dict[int, Position] = {}
        self._entries: dict[int, list[Entry]] = {}

    # bookings ----------------------------------------------------------------------------------
    def trade(self, execution: Execution) -> Booked:
        """Books one leg execution: position, cost and cash (not its commission)."""
        return self._enter(execution.spec, _entry_of(execution))

    def transfer(self, spec: ContractSpec, contracts: int, price_cents: int) -> None:
        """Signed contracts come or go without a trade: no cash, no profit; what comes costs the price per share."""
        self._enter(spec, Entry(contracts, price_cents))

    def correct(self, old: Execution, new: Execution) -> Booked:
        """Books an execution as it is corrected: the change of cash, and the profit the corrected trade takes.

        Cost and profit of later trades follow. LookupError where the trade is no longer part of a position's story.
        """
        spec = old.spec
        entries = self._entries.get(spec.con_id, [])
        place = next((i for i, entry in enumerate(entries) if entry.exec_id == old.exec_id), None)
        if place is None:
            raise LookupError(old.exec_id)
        was, _ = _replayed(spec, entries)
        entries[place] = _entry_of(new)
        now, booked = _replayed(spec, entries)
        self.cash_cents += now.cash_cents - was.cash_cents
        self._realize(spec, now.realized_cents - was.realized_cents)
        then, corrected = was.positions.get(spec.con_id, Position(spec)), now.positions.get(spec.con_id, Position(spec))
        position = self.positions.setdefault(spec.con_id, Position(spec))
        position.quantity += corrected.quantity - then.quantity
        position.cost_cents += corrected.cost_cents - then.cost_cents
        position.basis_cents += corrected.basis_cents - then.basis_cents
        self._drop_if_flat(position)
        return Booked(now.cash_cents - was.cash_cents, booked[place].realized_cents, booked[place].opened)

    def _drop_if_flat(self, position: Position) -> None:
        """A flat position is gone; commissions that its cost still held were lost with it."""
        if position.quantity == 0:
            self._realize(position.spec, -position.cost_cents)
            del self.positions[position.spec.con_id]

    def _realize(self, spec: ContractSpec, profit_cents: int) -> None:
        self.realized_cents += profit_cents
        self._realized_today[spec.con_id] += profit_cents

    def move_cash(self, amount_cents: int) -> None:
        """Cash comes (positive) or goes without a trade: deposit, withdrawal, interest, fee."""
        self.cash_cents += amount_cents

    def _enter(self, spec: ContractSpec, entry: Entry) -> Booked:
        self._entries.setdefault(spec.con_id, []).append(entry)
        return self._apply(spec, entry)

    def _apply(self, spec: ContractSpec, entry: Entry) -> Booked:
        if entry.is_mark:
            return Booked(self._remark(spec, entry.price_cents), None)
        position = self.positions.setdefault(spec.con_id, Position(spec))
        change, price_cents = entry.contracts, entry.price_cents
        closing = 0
        if position.quantity * change < 0:
            closing = min(abs(change), abs(position.quantity)) * (1 if change > 0 else -1)
        opening = change - closing
        moved, realized = 0, None
        if closing:
            moved, realized = self._close(position, entry, closing)
        position.quantity += opening
        position.cost_cents += opening * price_cents * spec.multiplier
        position.basis_cents += opening * price_cents * spec.multiplier
        if position.quantity == 0:
            del self.positions[spec.con_id]
        if entry.is_transfer:
            moved = 0
        elif spec.sec_type is not SecType.FUTURE:
            moved = -change * price_cents * spec.multiplier
        self.cash_cents += moved
        return Booked(moved, realized, opening)

    def _close(self, position: Position, entry: Entry, closing: int) -> tuple[int, int | None]:
        """Closes signed contracts: cents that a future moves, and of profit taken (None for a transfer)."""
        value = -closing * entry.price_cents * position.spec.multiplier
        cost = round(position.cost_cents * -closing / position.quantity)
        basis = round(position.basis_cents * -closing / position.quantity)
        position.quantity += closing
        position.cost_cents -= cost
        position.basis_cents -= basis
        if entry.is_transfer:
            return 0, None
        self._realize(position.spec, value - cost)
        return value - basis, value - cost

    def charge(self, spec: ContractSpec, fee_cents: int, *, opened: int, contracts: int) -> None:
        """Takes the commission of an execution of so many contracts, of which `opened` (signed) opened a position.
        Negative cents give money back."""
        self.cash_cents -= fee_cents
        position = self.positions.get(spec.con_id)
        share = opening_share(fee_cents, opened, contracts)
        if position is None or position.quantity * opened <= 0:
            share = 0  # what it opened is gone already: the whole commission is spent
        else:
            position.cost_cents += share
        self._realize(spec, share - fee_cents)

    def mark(self, con_id: int, price_cents: int) -> int:
        """Daily variation of a future at its settlement price per share: the cents that cash moves. It is part of the
        position's story: a trade corrected after it is corrected with every mark since."""
        return self._enter(self.positions[con_id].spec, Entry(0, price_cents, is_mark=True)).cash_cents

    def _remark(self, spec: ContractSpec, price_cents: int) -> int:
        position = self.positions.get(spec.con_id)
        if position is None:
            return 0  # a correction has made the position flat on that evening
        value = position.quantity * price_cents * spec.multiplier
        moved = value - position.basis_cents
        position.basis_cents = value
        self.cash_cents += moved
        return moved

    def settle(self, con_id: int, price_cents: int) -> Booked:
        """Removes a position at its settlement price per share (cents); KeyError without such a position."""
        position = self.positions.pop(con_id)
        self._entries.pop(con_id, None)
        value = position.quantity * price_cents * position.spec.multiplier
        realized = value - position.cost_cents
        moved = value - position.basis_cents if position.spec.sec_type is SecType.FUTURE else value
        self.cash_cents += moved
        self._realize(position.spec, realized)
        return Booked(moved, realized)

    def exercise(self, con_id: int, share: ContractSpec, strike_cents: int) -> Delivered:
        """Exercises or is assigned an option position: its shares come or go at the strike (cents), and what the option
        cost belongs to them from then on, as in IB's books. KeyError without such a position."""
        position = self.positions.pop(con_id)
        self._entries.pop(con_id, None)
        call = position.spec.right is Right.CALL
        shares = position.quantity * position.spec.multiplier * (1 if call else -1)
        booked = self._enter(share, Entry(shares, strike_cents, f"exercise {con_id}"))
        held = self.positions.get(share.con_id)
        carried = opening_share(position.cost_cents, booked.opened, shares)
        if held is None or not booked.opened:
            carried = 0
        else:
            held.cost_cents += carried
        self._realize(position.spec, carried - position.cost_cents)
        return Delivered(shares, booked.cash_cents)

    def forget_flat(self) -> None:
        """Midnight: the entries of positions that were closed need no correcting any more, and nothing is realised of
        the new day."""
        self._realized_today.clear()
        self._entries = {con_id: entries for con_id, entries in self._entries.items() if con_id in self.positions}

    # views -------------------------------------------------------------------------------------
    def line(self, spec: ContractSpec) -> PositionLine:
        """The position in one contract, quantity 0 when there is none."""
        position = self.positions.get(spec.con_id) or Position(spec)
        realized_usd = self._realized_today[spec.con_id] / 100
        return PositionLine(self.name, spec, position.quantity, position.average_cost_usd, realized_usd)

    def lines(self) -> list[PositionLine]:
        """Every position that is not flat."""
        return [self.line(position.spec) for position in self.positions.values()]

    def state(self, marks: Mapping[int, float], levels: Mapping[str, float], on: date | None = None) -> AccountState:
        """Figures on a day at these marks (points by contract id); a contract without a mark is carried at its cost."""
        value = unrealized = 0.0
        for position in self.positions.values():
            marked = position.quantity * _mark(position, marks) * position.spec.multiplier
            unrealized += marked - position.cost_cents / 100
            future = position.spec.sec_type is SecType.FUTURE
            value += marked - position.basis_cents / 100 if future else marked
        needed = self.margin(marks, levels, on=on)
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
            realized_today=self._realized_today.total() / 100,
            buying_power=round((DAY_LEVERAGE if self.borrows else 1.0) * max(0.0, equity - needed.initial), 2),
        )

    def margin(
        self,
        marks: Mapping[int, float],
        levels: Mapping[str, float],
        change: Sequence[tuple[ContractSpec, int]] = (),
        *,
        on: date | None = None,
    ) -> Requirement:
        """The requirement on a day, or as it would be after a change of signed contracts."""
        quantities = {con_id: position.quantity for con_id, position in self.positions.items()}
        specs = {con_id: position.spec for con_id, position in self.positions.items()}
        for spec, contracts in change:
            quantities[spec.con_id] = quantities.get(spec.con_id, 0) + contracts
            specs[spec.con_id] = spec
        rules = requirement(
            (
                Holding(specs[con_id], quantity, self._mark_of(con_id, marks))
                for con_id, quantity in quantities.items()
                if quantity
            ),
            levels,
            on,
            borrows=self.borrows,
        )
        for demand in self.house:
            rules = demand.over(rules)
        return rules

    def _mark_of(self, con_id: int, marks: Mapping[int, float]) -> float:
        position = self.positions.get(con_id)
        return _mark(position, marks) if position is not None else marks.get(con_id, 0.0)


def opening_share(fee_cents: int, opened: int, contracts: int) -> int:
    """The cents of a commission (or other cost) for so many contracts that belong to those opened."""
    return round(fee_cents * abs(opened) / abs(contracts)) if contracts else 0


def _entry_of(execution: Execution) -> Entry:
    contracts = execution.quantity if execution.side is Side.BUY else -execution.quantity
    return Entry(contracts, round(execution.price * 100), execution.exec_id)


def _replayed(spec: ContractSpec, entries: Sequence[Entry]) -> tuple[Account, list[Booked]]:
    """An account that has lived these entries of one contract and nothing else, and what each of them did."""
    account = Account("", 0.0)
    return account, [account._apply(spec, entry) for entry in entries]


def _mark(position: Position, marks: Mapping[int, float]) -> float:
    mark = marks.get(position.spec.con_id)
    return position.average_cost_usd / position.spec.multiplier if mark is None else mark
