"""Says what happened, once, to both audiences: the listeners above and the ledger beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from bot.sim.ports import VenueListener
from bot.sim.types import (
    AccountState,
    Commission,
    ContractSpec,
    Execution,
    OrderTicket,
    PositionLine,
    Reject,
    SecType,
    VenueOrder,
)
from bot.sim.venue.ledger import Ledger, contract_facts


class Announcer:
    """Every fact goes to the ledger first, so that the witness has it even if a listener fails."""

    def __init__(self, ledger: Ledger | None, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now
        self._listeners: list[VenueListener] = []

    def subscribe(self, listener: VenueListener) -> None:
        """Adds an audience."""
        self._listeners.append(listener)

    @contextmanager
    def in_the_ledger_only(self) -> Iterator[None]:
        """What happens inside is written down and told to nobody."""
        kept, self._listeners = self._listeners, []
        try:
            yield
        finally:
            self._listeners = kept

    def record(self, kind: str, **facts: object) -> None:
        """A ledger line only; nothing without a ledger."""
        if self._ledger is not None:
            self._ledger.write(self._now(), kind, facts)

    def refused(self, ticket: OrderTicket, reject: Reject) -> None:
        """An order message that the venue answers with an error."""
        self.record(
            "reject",
            client=ticket.client_id,
            order_id=ticket.order_id,
            order_ref=ticket.order_ref,
            code=reject.code,
            text=reject.text,
        )

    # facts -------------------------------------------------------------------------------------
    def state(self, order: VenueOrder, reason: str) -> None:
        """Where an order stands, and why (ledger only)."""
        self.record(
            "state",
            client=order.ticket.client_id,
            order_id=order.ticket.order_id,
            perm_id=order.perm_id,
            order_ref=order.ticket.order_ref,
            status=order.status,
            filled=order.filled,
            remaining=order.remaining,
            why_held=order.why_held,
            reason=reason,
        )

    def order(self, order: VenueOrder, reason: str) -> None:
        """An order's state changed, and why."""
        self.state(order, reason)
        self.order_again(order)

    def order_again(self, order: VenueOrder) -> None:
        """An order's figures changed, not its state: listeners only."""
        for listener in self._listeners:
            listener.on_order(order)

    def execution(self, execution: Execution, *, cash_cents: int = 0, corrects: str | None = None) -> None:
        """An execution of a leg (`fill`), or a combination's own summary (`combo`), which moves nothing by itself.

        `corrects` is the id of the execution that this one replaces."""
        self.record(
            "combo" if execution.spec.sec_type is SecType.BAG else "fill",
            account=execution.account,
            perm_id=execution.perm_id,
            order_ref=execution.order_ref,
            exec_id=execution.exec_id,
            contract=contract_facts(execution.spec),
            side=execution.side,
            quantity=execution.quantity,
            price=execution.price,
            cash=cash_cents / 100,
            corrects=corrects,
            liquidation=execution.liquidation,
        )
        for listener in self._listeners:
            listener.on_execution(execution)

    def commission(self, commission: Commission, execution: Execution, *, told: bool = True) -> None:
        """The commission of an earlier execution; not `told`, it is in the ledger alone."""
        self.record(
            "commission",
            account=execution.account,
            exec_id=commission.exec_id,
            amount=commission.amount_usd,
            realized_pnl=commission.realized_pnl_usd,
        )
        for listener in self._listeners if told else ():
            listener.on_commission(commission, execution)

    def cash(self, account: str, amount_cents: int, reason: str, balance_cents: int) -> None:
        """Cash moved (ledger only: listeners see it in the account figures)."""
        self.record("cash", account=account, amount=amount_cents / 100, reason=reason, balance=balance_cents / 100)

    def transferred(self, account: str, spec: ContractSpec, quantity: int, price: float) -> None:
        """Signed contracts came or went without a trade, at a cost in points per share (ledger only)."""
        self.record("transfer", account=account, contract=contract_facts(spec), quantity=quantity, price=price)

    def settled(
        self, account: str, spec: ContractSpec, *, quantity: int, price: float, underlying: float, cash_cents: int
    ) -> None:
        """A position ended in cash: `price` is what each share of the contract was worth (ledger only)."""
        self.record(
            "settle",
            account=account,
            contract=contract_facts(spec),
            quantity=quantity,
            price=price,
            underlying_price=underlying,
            cash=cash_cents / 100,
        )

    def exercised(
        self,
        account: str,
        spec: ContractSpec,
        share: ContractSpec,
        *,
        quantity: int,
        shares: int,
        underlying: float,
        cash_cents: int,
    ) -> None:
        """A position of options became shares at its strike: `shares` signed, as they came or went (ledger only)."""
        self.record(
            "exercise",
            account=account,
            contract=contract_facts(spec),
            quantity=quantity,
            share=contract_facts(share),
            shares=shares,
            underlying_price=underlying,
            cash=cash_cents / 100,
        )

    def varied(self, account: str, spec: ContractSpec, quantity: int, price: float, cash_cents: int) -> None:
        """A future was marked at the day's price in points: its gain or loss became cash (ledger only)."""
        self.record(
            "variation",
            account=account,
            contract=contract_facts(spec),
            quantity=quantity,
            price=price,
            cash=cash_cents / 100,
        )

    def position(self, line: PositionLine) -> None:
        """A position changed."""
        self.record(
            "position",
            account=line.account,
            contract=contract_facts(line.spec),
            quantity=line.quantity,
            average_cost=round(line.average_cost_usd, 6),
        )
        for listener in self._listeners:
            listener.on_position(line)

    def account(self, state: AccountState) -> None:
        """An account's figures."""
        self.record(
            "account",
            account=state.account,
            nlv=state.net_liquidation,
            cash=state.cash,
            initial_margin=state.initial_margin,
            maintenance_margin=state.maintenance_margin,
            excess_liquidity=state.excess_liquidity,
            unrealized_pnl=state.unrealized_pnl,
            realized_pnl=state.realized_pnl,
            buying_power=state.buying_power,
        )
        for listener in self._listeners:
            listener.on_account(state)

    def error(self, client_id: int, request_id: int, code: int, text: str) -> None:
        """An error or notice for one client (listeners only)."""
        for listener in self._listeners:
            listener.on_error(client_id, request_id, code, text)
