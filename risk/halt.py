"""Which controls reach beyond one order: their consequences, and the breaches watched without any order at hand."""

from __future__ import annotations

import math

import msgspec

from risk.limits import Limits
from risk.measures import approvals_today, approvals_within, fallen_pct
from risk.result import Consequence, Verdict
from risk.view import RiskView
from strategies.domain.account import AccountSnapshot
from strategies.domain.control import LIMIT_CAUSE, LinkState, TradingState
from strategies.domain.known import Known

CONSEQUENCES: dict[str, Consequence] = {
    "C15-J": Consequence.HALT,
    "C15-N": Consequence.HALT,
    "C16": Consequence.HALT,
    "C17-D": Consequence.REDUCE,
    "C18": Consequence.REDUCE,
    "C20": Consequence.REDUCE,
    "C21": Consequence.LATCH,
    "C22": Consequence.LATCH,
    "C23": Consequence.HALT,
    "C25": Consequence.HALT,
    "C26": Consequence.LATCH,
    "C29": Consequence.HALT,
    "C30": Consequence.HALT,
    "C35": Consequence.REDUCE,
    "C36": Consequence.HALT,
    "C37": Consequence.REDUCE,
    "C38": Consequence.HALT,
    "C39": Consequence.HALT,
    "C41": Consequence.LATCH,
    "C44": Consequence.HALT,
    "C45": Consequence.LATCH,
    "C49": Consequence.HALT,
    "C50": Consequence.HALT,
    "C53": Consequence.HALT,
    "C54": Consequence.REDUCE,
    "K-SIZE-6": Consequence.HALT,
}
"""The latch table. A control that is not listed refuses its order and nothing more."""


def consequence_of(code: str) -> Consequence:
    """What a failure of this control demands."""
    return CONSEQUENCES.get(code, Consequence.DENY)


class Breach(msgspec.Struct, frozen=True):
    """A limit that is broken now. `latching` stops stand until a person arms again, others end with their cause.

    `cause` is what the latch is named by; see LIMIT_CAUSE.
    """

    code: str
    state: TradingState
    cause: str
    text: str
    latching: bool


def breaches(view: RiskView, limits: Limits) -> tuple[Breach, ...]:
    """Every limit broken at this moment; cheap enough to ask after every fact."""
    return (*_account(view, limits), *_losses(view, limits), *_positions(view, limits), *_identity(view, limits))


def warnings(view: RiskView, limits: Limits) -> tuple[tuple[str, str], ...]:
    """What comes near a limit without breaking one: (control, sentence). Unknown figures are the breaches' business."""
    account = _known(view)
    if account is None or account.net_liquidation_usd is None or account.net_liquidation_usd <= 0.0:
        return ()
    found = []
    excess = account.excess_liquidity_usd
    if excess is not None:
        share = 100.0 * excess / account.net_liquidation_usd
        if share < limits.excess_liquidity_warn_pct:
            cap = limits.excess_liquidity_warn_pct
            found.append(("C20", f"excess liquidity is {share:.1f} % of NLV, the warning is at {cap:g} %"))
    fall = fallen_pct(account.net_liquidation_usd, view.day_start_nlv_usd)
    if fall is not None and fall >= limits.daily_loss_warn_pct:
        found.append(
            (
                "C21",
                f"net liquidation is {fall:.2f} % below today's start, the warning is at "
                f"{limits.daily_loss_warn_pct:g} %",
            )
        )
    return tuple(found)


def denied(verdict: Verdict, duplicates: int, limits: Limits) -> tuple[Breach, ...]:
    """What a refused order shows about who asks: repeats (C26) latch at once, a further duplicate (C27) too.

    `duplicates` refused this session, with this one; 0 if this one is none.
    """
    failed = {result.code: result.text for result in verdict.checks if not result.passed}
    found = []
    if "C26" in failed:
        found.append(_reducing("C26", f"{verdict.ref}: {failed['C26']}", latching=True))
    if duplicates >= limits.guards.duplicates_before_latch:
        text = f"{duplicates} duplicate orders were refused this session: {failed.get('C27', verdict.text)}"
        found.append(_reducing("C27", text, latching=True))
    return tuple(found)


def _reducing(code: str, text: str, latching: bool = False) -> Breach:
    return Breach(code, TradingState.REDUCING, LIMIT_CAUSE + code, text, latching)


def _halted(code: str, cause: str, text: str) -> Breach:
    return Breach(code, TradingState.HALTED, cause, text, latching=True)


def _known(view: RiskView) -> AccountSnapshot | None:
    return view.account.value if isinstance(view.account, Known) else None


def _account(view: RiskView, limits: Limits) -> list[Breach]:
    """C20: excess liquidity; an unknown account halts new risk."""
    account = _known(view)
    if account is None or account.net_liquidation_usd is None or account.excess_liquidity_usd is None:
        return [_reducing("C20", "net liquidation or excess liquidity is unknown: no new risk")]
    nlv, excess = account.net_liquidation_usd, account.excess_liquidity_usd
    if not math.isfinite(nlv) or not math.isfinite(excess) or nlv <= 0.0:
        return [_reducing("C20", "net liquidation or excess liquidity is no usable number: no new risk")]
    share = 100.0 * excess / nlv
    if share < limits.excess_liquidity_kill_pct:
        cap = limits.excess_liquidity_kill_pct
        text = f"excess liquidity is {share:.1f} % of NLV, below {cap:g} %: forced liquidation is near"
        return [_halted("C20", LIMIT_CAUSE + "C20", text)]
    if share < limits.excess_liquidity_reduce_pct:
        text = f"excess liquidity is {share:.1f} % of NLV, below {limits.excess_liquidity_reduce_pct:g} %"
        return [_reducing("C20", text)]
    return []


def _losses(view: RiskView, limits: Limits) -> list[Breach]:
    """C21, K-SIZE-6, C22."""
    account = _known(view)
    now = None if account is None else account.net_liquidation_usd
    rows = (
        ("C21", view.day_start_nlv_usd, limits.daily_loss_halt_pct, limits.daily_loss_latch_pct, "today's start"),
        ("K-SIZE-6", view.week_start_nlv_usd, limits.weekly_loss_pct, math.inf, "the week's start"),
        ("C22", view.high_water_usd, limits.drawdown_reduce_pct, limits.drawdown_latch_pct, "its high"),
    )
    found = []
    for code, base, reduce_pct, latch_pct, since in rows:
        fall = fallen_pct(now, base)
        if fall is None:
            found.append(_reducing(code, f"net liquidation now or at {since} is unknown: no new risk"))
        elif fall >= reduce_pct:
            latching = fall >= latch_pct
            cap = latch_pct if latching else reduce_pct
            text = f"net liquidation is {fall:.2f} % below {since}, the limit is {cap:g} %"
            found.append(_reducing(code, text, latching))
    return found


def _positions(view: RiskView, limits: Limits) -> list[Breach]:
    """C30 and C31: broker and journal differ, or something is held that no order of ours explains."""
    found = []
    broker, journal = view.book.broker_positions, view.book.positions()
    if broker is not None:
        wrong = sorted(c for c in {*broker, *journal} if broker.get(c, 0) != journal.get(c, 0))
        age_s = 0.0 if view.mismatch_since is None else (view.now - view.mismatch_since).total_seconds()
        settling = view.mismatch_since is not None and age_s < limits.reconcile_settle_s
        if wrong and not settling:
            parts = [f"contract {c}: broker {broker.get(c, 0):+d}, journal {journal.get(c, 0):+d}" for c in wrong]
            latching = age_s >= limits.reconcile_latch_s
            found.append(_reducing("C30", f"positions differ for {age_s:.0f} s: {'; '.join(parts)}", latching))
    foreign = sorted({h.con_id for h in view.holdings if h.owner is None and h.quantity})
    if foreign:
        names = ", ".join(str(c) for c in foreign)
        found.append(_reducing("C31", f"held without an order of ours: contracts {names}"))
    return found


def _identity(view: RiskView, limits: Limits) -> list[Breach]:
    """C45 and C25: another account, or more orders than the gate could have approved."""
    found = []
    if view.link is LinkState.UP and view.accounts and view.accounts != (view.expected_account,):
        text = f"the broker answers for {len(view.accounts)} account(s), not for the expected one alone"
        found.append(_halted("C45", "C45", text))
    allowances = (
        ("condor", limits.reducing_orders_per_minute, limits.reducing_orders_per_day),
        ("hedge", limits.hedge_orders_per_minute, limits.hedge_orders_per_day),
    )
    for kind, per_minute, per_day in allowances:
        hedge = kind == "hedge"
        minute, day = approvals_within(view, 60.0, hedge=hedge), approvals_today(view, hedge=hedge)
        if minute > per_minute or day > per_day:
            text = f"{minute} {kind} orders in a minute and {day} today are more than the gate can have approved"
            found.append(_halted("C25", "C25", text))
    return found
