"""Executions and what they move: numbers them, books them into their account, owes and reports their commissions.

Rules: an execution's id never changes and is used once; a correction has the same id but for its last part, one higher,
and replaces what it corrects; a commission is charged when it is due, whether or not anybody is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.sim.order_terms import OrderStatus
from bot.sim.types import Commission, Execution, SecType, VenueOrder
from bot.sim.venue.accounts import Account, Booked, opening_share
from bot.sim.venue.announce import Announcer
from bot.sim.venue.fees import commission_cents
from bot.sim.venue.hazards import Hazard, Hazards, Identity
from bot.sim.venue.matching import FillModel
from bot.sim.venue.refusal import VenueRefusal

_EXEC_SESSION = 0x5A000000


@dataclass(slots=True)
class Executed:
    """An execution of the day and its commission once reported; `corrected_by` is the id of what replaced it,
    `order` is whose it is (None for a summary), `order_contracts` what that asked for over all legs."""

    execution: Execution
    commission: Commission | None = None
    charged_cents: int = 0
    corrected_by: str = ""
    order: VenueOrder | None = None
    order_contracts: int = 1


@dataclass(frozen=True, slots=True)
class _Owed:
    """A commission not yet charged: cents in all, of which `before_cents` were charged for what it corrects."""

    due: datetime
    executed: Executed
    fee_cents: int
    before_cents: int
    booked: Booked
    told: bool


class Booking:
    """The day's executions, their bookings and commissions. `touched` collects accounts whose figures have changed."""

    def __init__(
        self, *, accounts: Mapping[str, Account], announcer: Announcer, hazards: Hazards, model: FillModel
    ) -> None:
        self._accounts = accounts
        self._announce = announcer
        self._hazards = hazards
        self._model = model
        self._fills = 0
        self._owed: list[_Owed] = []
        self.executed: list[Executed] = []
        self.touched: set[str] = set()

    # executions --------------------------------------------------------------------------------
    def new_fill(self) -> None:
        """The executions reported from now on belong to one more fill: they share the middle of their ids."""
        self._fills += 1

    def exec_id(self, part: int) -> str:
        """IB's form: session, fill, part of the fill (01 the combination itself), correction number."""
        return f"0000e0d5.{_EXEC_SESSION + self._fills:08x}.{part:02d}.01"

    def report(self, execution: Execution) -> None:
        """Tells an execution and keeps it for the day; moves nothing."""
        self.executed.append(Executed(execution))
        self._announce.execution(execution)

    def book(
        self, execution: Execution, at: datetime, *, order: VenueOrder | None = None, order_contracts: int = 0
    ) -> None:
        """One leg: booked, reported, its commission owed. An order, where there is one, asked for so many contracts
        over all its legs; without one the execution is all there is."""
        account = self._accounts[execution.account]
        booked = account.trade(execution)
        executed = Executed(execution, order=order, order_contracts=order_contracts or execution.quantity)
        self.executed.append(executed)
        self._announce.execution(execution, cash_cents=booked.cash_cents)
        self._announce.cash(account.name, booked.cash_cents, f"fill {execution.exec_id}", account.cash_cents)
        self._owe(executed, booked, at)
        self.touched.add(account.name)

    def correct(self, exec_id: str, *, quantity: int, price: float, at: datetime) -> Execution:
        """Replaces one of today's leg executions: other quantity (0 busts it) or price in points.

        Cash, position and average cost become what they would be had it executed so in the first place; the commission
        is reported anew and its difference charged. Raises VenueRefusal, saying why, with nothing changed.
        """
        executed = self._correctable(exec_id)
        old = executed.execution
        whole_cents = 0.0 <= price < 1e6 and abs(price * 100 - round(price * 100)) < 1e-6
        if quantity < 0 or not whole_cents or (quantity, price) == (old.quantity, old.price):
            raise VenueRefusal(
                f"a correction needs a quantity of at least 0 and a price of at least 0 in whole cents, one of them "
                f"new: {old.exec_id} is {old.quantity} at {old.price}"
            )
        new = _corrected(old, quantity, price)
        account = self._accounts[old.account]
        try:
            booked = account.correct(old, new)
        except LookupError:
            what = old.spec.local_symbol.strip()
            raise VenueRefusal(f"{what} has been settled: {exec_id} stays as it is") from None
        executed.corrected_by = new.exec_id
        replacing = replace(executed, execution=new, commission=None, corrected_by="")
        self.executed.append(replacing)
        self._announce.execution(new, corrects=old.exec_id, cash_cents=booked.cash_cents)
        self._announce.cash(account.name, booked.cash_cents, f"correction {new.exec_id}", account.cash_cents)
        self._owed = [owed for owed in self._owed if owed.executed is not executed]
        self._owe(replacing, booked, at, before_cents=executed.charged_cents)
        self._announce.position(account.line(old.spec))
        self.touched.add(account.name)
        return new

    def _correctable(self, exec_id: str) -> Executed:
        for executed in self.executed:
            if executed.execution.exec_id == exec_id:
                if executed.corrected_by:
                    raise VenueRefusal(f"{exec_id} has been replaced by {executed.corrected_by}: correct that one")
                if executed.execution.spec.sec_type is SecType.BAG:
                    raise VenueRefusal(f"{exec_id} is a combination's summary: correct the executions of its legs")
                return executed
        raise VenueRefusal(f"there is no execution {exec_id!r} today")

    # commissions -------------------------------------------------------------------------------
    def _owe(self, executed: Executed, booked: Booked, at: datetime, *, before_cents: int = 0) -> None:
        execution = executed.execution
        fee = commission_cents(
            execution.spec, execution.quantity, execution.price, order_contracts=executed.order_contracts
        )
        order = Identity(execution.client_id, execution.order_id, execution.perm_id, execution.order_ref)
        late = self._hazards.spring(Hazard.COMMISSION_LATE, order)
        told = self._hazards.spring(Hazard.COMMISSION_UNTOLD, order) is None
        due = at + timedelta(seconds=self._model.commission_delay_s if late is None else late.delay_s)
        self._owed.append(_Owed(due, executed, fee, before_cents, booked, told))

    def report_commissions(self, at: datetime) -> None:
        """Charges and reports the commissions that are due."""
        if not self._owed:
            return
        due, self._owed = [o for o in self._owed if o.due <= at], [o for o in self._owed if o.due > at]
        self._tell_orders(due)
        for owed in due:
            self._charge(owed)

    def _tell_orders(self, due: Sequence[_Owed]) -> None:
        """An order that has filled is shown once more with what it cost, before the reports of its executions."""
        orders: dict[int, VenueOrder] = {}
        for owed in due:
            order = owed.executed.order
            if order is not None and owed.told:
                cost_usd = (owed.fee_cents - owed.before_cents) / 100
                order.commission_usd = round((order.commission_usd or 0.0) + cost_usd, 2)
                orders[order.perm_id] = order
        for order in orders.values():
            if order.status is OrderStatus.FILLED:
                self._announce.order_again(order)

    def _charge(self, owed: _Owed) -> None:
        executed, execution = owed.executed, owed.executed.execution
        account = self._accounts[execution.account]
        charge, booked = owed.fee_cents - owed.before_cents, owed.booked
        account.charge(execution.spec, charge, opened=booked.opened, contracts=execution.quantity)
        executed.charged_cents = owed.fee_cents
        realized: float | None = None
        if booked.realized_cents is not None:
            of_closing = owed.fee_cents - opening_share(owed.fee_cents, booked.opened, execution.quantity)
            realized = (booked.realized_cents - of_closing) / 100
        commission = Commission(execution.exec_id, owed.fee_cents / 100, realized)
        self._announce.cash(account.name, -charge, f"commission {execution.exec_id}", account.cash_cents)
        if owed.told:
            executed.commission = commission
        self._announce.commission(commission, execution, told=owed.told)
        self.touched.add(account.name)

    # days --------------------------------------------------------------------------------------
    def forget_day(self) -> None:
        """Midnight: yesterday's executions are no longer replayed nor corrected."""
        self.executed.clear()


def _corrected(old: Execution, quantity: int, price: float) -> Execution:
    """The execution that replaces another: cumulative figures changed by the difference."""
    stem, _, number = old.exec_id.rpartition(".")
    cumulative = old.cumulative_quantity - old.quantity + quantity
    value = old.average_price * old.cumulative_quantity - old.price * old.quantity + price * quantity
    return replace(
        old,
        exec_id=f"{stem}.{int(number) + 1:02d}",
        quantity=quantity,
        price=price,
        cumulative_quantity=cumulative,
        average_price=round(value / cumulative, 6) if cumulative else 0.0,
    )
