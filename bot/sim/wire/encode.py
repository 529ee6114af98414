"""Messages of the gateway: one function per message, each giving the payload for the client's version.

Field order and counts: TWS socket protocol, server versions 157 to 176. Prices in index points, cash in dollars.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime

from bot.sim.types import AccountState, Commission, ContractSpec, Execution, PositionLine, SecType, Side
from bot.sim.wire.fields import UNSET_DOUBLE, message, plain, write
from bot.sim.wire.times import EASTERN, day, moment

BAG_CON_ID = 28812380
"""IB's template contract for a combination in US dollars."""


def contract_fields(spec: ContractSpec) -> list[object]:
    """The eleven contract fields shared by orders, executions and positions. A BAG has the template's identity."""
    if spec.sec_type is SecType.BAG:
        template = str(spec.con_id or BAG_CON_ID)
        return [template, spec.symbol, "BAG", "", 0.0, "?", "", spec.exchange, spec.currency, template, "COMB"]
    return [
        spec.con_id,
        spec.symbol,
        spec.sec_type.value,
        day(spec.last_trade_day),
        spec.strike or 0.0,
        spec.right.value if spec.right else "",
        spec.multiplier if spec.sec_type in (SecType.OPTION, SecType.FUTURE) else "",
        spec.exchange,
        spec.currency,
        spec.local_symbol,
        spec.trading_class,
    ]


# connection ------------------------------------------------------------------------------------------
def error(request_id: int, code: int, text: str, version: int) -> bytes:
    """Error or notice; `request_id` -1 when it belongs to no request."""
    fields: list[object] = [4, 2, request_id, code, plain(text)]
    if version >= 166:
        fields.append("")
    return message(fields)


def managed_accounts(accounts: Sequence[str]) -> bytes:
    """Account ids of this login."""
    return message([15, 1, "".join(f"{account}," for account in accounts)])


def next_valid_id(order_id: int) -> bytes:
    """The lowest order id that the client may use."""
    return message([9, 1, order_id])


def current_time(at: datetime) -> bytes:
    """Gateway time in whole seconds since the epoch."""
    return message([49, 1, int(at.timestamp())])


# market data -----------------------------------------------------------------------------------------
def tick_req_params(request_id: int, min_tick: float, bbo_exchange: str, snapshot_permissions: int = 3) -> bytes:
    """Sent once when a market data line opens."""
    return message([81, request_id, min_tick, bbo_exchange, snapshot_permissions])


def market_data_type(request_id: int, kind: int) -> bytes:
    """1 live, 2 frozen, 3 delayed, 4 delayed frozen."""
    return message([58, 1, request_id, kind])


def tick_price(request_id: int, tick_type: int, price: float, size: int, attributes: int = 0) -> bytes:
    """A price with its size; -1 with size 0 means that nobody quotes."""
    return f"1\x006\x00{request_id}\x00{tick_type}\x00{write(price)}\x00{write(size)}\x00{attributes}\x00".encode()


def tick_size(request_id: int, tick_type: int, size: int) -> bytes:
    """A size alone."""
    return f"2\x006\x00{request_id}\x00{tick_type}\x00{write(size)}\x00".encode()


def tick_generic(request_id: int, tick_type: int, value: float) -> bytes:
    """A generic tick, such as 49 (halted)."""
    return message([45, 6, request_id, tick_type, value])


def tick_string(request_id: int, tick_type: int, text: str) -> bytes:
    """A text tick, such as 45 (time of the last trade, epoch seconds)."""
    return message([46, 6, request_id, tick_type, plain(text)])


def tick_snapshot_end(request_id: int) -> bytes:
    """The snapshot is complete."""
    return message([57, 1, request_id])


# contracts -------------------------------------------------------------------------------------------
def option_parameters(
    request_id: int,
    *,
    exchange: str,
    under_con_id: int,
    trading_class: str,
    multiplier: int,
    expiries: Sequence[date],
    strikes: Sequence[float],
) -> bytes:
    """Expiries and strikes of one exchange and trading class."""
    fields: list[object] = [75, request_id, exchange, under_con_id, trading_class, multiplier, len(expiries)]
    fields += [day(expiry) for expiry in expiries]
    fields.append(len(strikes))
    fields += list(strikes)
    return message(fields)


def option_parameters_end(request_id: int) -> bytes:
    """No more classes."""
    return message([76, request_id])


def market_rule(rule_id: int, increments: Sequence[tuple[float, float]]) -> bytes:
    """Price increments: (low edge, increment)."""
    fields: list[object] = [93, rule_id, len(increments)]
    for low_edge, increment in increments:
        fields += [low_edge, increment]
    return message(fields)


def symbol_samples(request_id: int, found: Sequence[tuple[ContractSpec, Sequence[str]]], version: int) -> bytes:
    """Matching symbols: (contract, security types derived from it)."""
    fields: list[object] = [79, request_id, len(found)]
    for spec, derived in found:
        fields += [
            spec.con_id,
            spec.symbol,
            spec.sec_type.value,
            spec.primary_exchange or spec.exchange,
            spec.currency,
            len(derived),
            *derived,
        ]
        if version >= 176:
            fields += [plain(spec.long_name), ""]
    return message(fields)


# executions ------------------------------------------------------------------------------------------
def execution_details(request_id: int, execution: Execution, version: int) -> bytes:
    """One execution; `request_id` -1 when it just happened."""
    fields: list[object] = [11, request_id, execution.order_id, *contract_fields(execution.spec)]
    fields += [
        execution.exec_id,
        moment(execution.at, version),
        execution.account,
        execution.spec.exchange,
        "BOT" if execution.side is Side.BUY else "SLD",
        float(execution.quantity),
        execution.price,
        execution.perm_id,
        execution.client_id,
        execution.liquidation,
        float(execution.cumulative_quantity),
        execution.average_price,
        plain(execution.order_ref),
        "",  # evRule
        "",  # evMultiplier
        "",  # modelCode
        int(execution.liquidity),
    ]
    return message(fields)


def execution_details_end(request_id: int) -> bytes:
    """No more executions."""
    return message([55, 1, request_id])


def commission_report(commission: Commission) -> bytes:
    """Commission of one execution; an opening trade has no realised P&L."""
    realized = UNSET_DOUBLE if commission.realized_pnl_usd is None else write(commission.realized_pnl_usd)
    return message([59, 1, commission.exec_id, commission.amount_usd, "USD", realized, UNSET_DOUBLE, ""])


# account ---------------------------------------------------------------------------------------------
def position(line: PositionLine) -> bytes:
    """A position; average cost per contract in dollars."""
    return message([61, 3, line.account, *contract_fields(line.spec), line.quantity, line.average_cost_usd])


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    """One figure of an account."""
    return message([6, 2, key, value, currency, account])


def account_time(at: datetime) -> bytes:
    """Time of the account figures, HH:MM."""
    return message([8, 1, f"{at.astimezone(EASTERN):%H:%M}"])


def account_download_end(account: str) -> bytes:
    """The first set of figures is complete."""
    return message([54, 1, account])


def account_update_multi(request_id: int, account: str, figure: tuple[str, str, str], model: str = "") -> bytes:
    """One figure (key, value, currency) of an account for a numbered subscription."""
    return message([73, 1, request_id, account, model, *figure])


def account_summary(request_id: int, account: str, tag: str, value: str, currency: str) -> bytes:
    """One figure of an account summary."""
    return message([63, 1, request_id, account, tag, value, currency])


def portfolio_value(line: PositionLine, market_price: float | None, realized_usd: float) -> bytes:
    """A position with its value in dollars; without a market price it is carried at cost."""
    per_contract = line.average_cost_usd / line.spec.multiplier if line.spec.multiplier else line.average_cost_usd
    price = per_contract if market_price is None or not math.isfinite(market_price) else market_price
    value = price * line.spec.multiplier * line.quantity
    fields = contract_fields(line.spec)
    unrealized = value - line.average_cost_usd * line.quantity
    # primaryExchange stands where the other messages have exchange.
    fields += [line.quantity, round(price, 7), round(value, 2), line.average_cost_usd]
    return message([7, 8, *fields, round(unrealized, 2), realized_usd, line.account])


def pnl(request_id: int, daily: float | None, state: AccountState) -> bytes:
    """Daily, unrealised and realised P&L of an account in dollars."""
    return message(
        [94, request_id, UNSET_DOUBLE if daily is None else daily, state.unrealized_pnl, state.realized_today]
    )


def ending(message_id: int, *fields: object) -> bytes:
    """The short messages that end a list: 53, 62 and 102 alone, 52, 64 and 74 with their request id."""
    return message([message_id, *fields] if message_id == 102 else [message_id, 1, *fields])
