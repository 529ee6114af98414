"""Orders, fills, the account and the day's result."""

from __future__ import annotations

from datetime import date, datetime

from bot.engine.holdings import holdings
from bot.engine.state import State
from bot.web.gathered import Look
from bot.web.view.numbers import Json, clock, rounded, stamp
from strategies.domain.book import Fill
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import describe
from strategies.domain.known import Known
from strategies.domain.orders import OrderRecord
from strategies.domain.session import NEW_YORK

ORDERS_SHOWN = 20
FILLS_SHOWN = 40


def orders(look: Look) -> list[Json]:
    """Live orders first, then today's ended ones, newest first. Prices as the order's: paid positive, collected
    negative, points per share."""
    state, today = look.state, _day(look.at)
    live = state.book.live_orders()
    ended = [o for o in state.book.orders.values() if not o.live and _day(o.approved_at) == today]
    ended.sort(key=lambda order: order.changed_at, reverse=True)
    return [_order(order, look.at) for order in (*reversed(live), *ended)][:ORDERS_SHOWN]


def _order(order: OrderRecord, now: datetime) -> Json:
    intent = order.intent
    return {
        "ref": order.ref,
        "state": order.state.value,
        "live": order.live,
        "purpose": intent.purpose.value,
        "rule": intent.rule,
        "quantity": intent.quantity,
        "filled": order.filled_units,
        "limit_points": rounded(intent.limit_points),
        "mid_points": rounded(intent.mid_points),
        "natural_points": rounded(intent.natural_points),
        "attempt": intent.attempt,
        "at": clock(order.approved_at),
        "age_s": rounded((now - order.approved_at).total_seconds(), 0),
        "text": order.last_text or intent.text,
    }


def fills(look: Look) -> list[Json]:
    """Today's executions, newest first."""
    state, today = look.state, _day(look.at)
    rows = sorted((f for f in state.book.fills.values() if _day(f.at) == today), key=lambda f: f.at, reverse=True)
    return [_fill(fill, state) for fill in rows[:FILLS_SHOWN]]


def _fill(fill: Fill, state: State) -> Json:
    contract = state.market.instruments.get(fill.con_id)
    return {
        "at": clock(fill.at),
        "ref": fill.ref or "not ours",
        "side": fill.side.value,
        "quantity": fill.quantity,
        "contract": describe(contract) if contract is not None else f"contract {fill.con_id}",
        "price_points": rounded(fill.price_points),
        "commission_usd": rounded(state.book.commissions_usd.get(fill.base_id)),
    }


def money(look: Look) -> Json:
    """Account and result in dollars. `day_change_usd` is net liquidation less the day's start, with its course in
    `samples`; open results are at mid, None while a leg has no usable quote."""
    state = look.state
    account = state.account.value if isinstance(state.account, Known) else None
    nlv = None if account is None else account.net_liquidation_usd
    start, week, high = (
        state.baselines.day_start_usd,
        state.baselines.week_start_usd,
        state.baselines.high_water_usd,
    )
    today = _day(look.at)
    paid = [
        state.book.commissions_usd.get(base, 0.0) for base, fill in state.book.fills.items() if _day(fill.at) == today
    ]
    return {
        "net_liquidation_usd": rounded(nlv, 0),
        "excess_liquidity_usd": rounded(None if account is None else account.excess_liquidity_usd, 0),
        "initial_margin_usd": rounded(None if account is None else account.initial_margin_usd, 0),
        "reported": None if account is None else stamp(account.at),
        "day_change_usd": _less(nlv, start),
        "day_change_pct": None if nlv is None or not start else rounded(100.0 * (nlv - start) / start),
        "week_change_usd": _less(nlv, week),
        "below_high_water_usd": _less(nlv, high),
        "condors_open_usd": _open_usd(state, hedge=False),
        "hedge_open_usd": _open_usd(state, hedge=True),
        "commissions_today_usd": rounded(sum(paid)),
        "samples": [
            {"at": clock(sample.at, seconds=False), "usd": rounded(sample.day_change_usd, 0)}
            for sample in look.samples
            if _day(sample.at) == today
        ],
    }


def _less(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else rounded(value - base, 0)


def _open_usd(state: State, *, hedge: bool) -> float | None:
    """Value at mid less what was paid for what is held; None while a part has no price."""
    total = 0.0
    for held in holdings(state.book):
        if not held.quantity or held.owner is None or (held.owner == HEDGE_OWNER) is not hedge:
            continue
        contract = state.market.tradable(held.con_id)
        quote = state.market.quotes.get(held.con_id)
        mid = None if quote is None else quote.mid
        if contract is None or mid is None or held.average_price_points is None:
            return None
        total += held.quantity * (mid - held.average_price_points) * contract.multiplier
    return rounded(total, 0)


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
