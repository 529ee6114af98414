"""May this bot trade at all right now: kill, trading state, account, link, doubts and reconciliation."""

from __future__ import annotations

from risk.case import Case
from risk.result import Finding, finding
from strategies.domain.control import LinkState, TradingState, stops_everything
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import describe
from strategies.domain.market import Market


def killed(case: Case) -> Finding:
    """C41: under a kill nothing but cancels is sent."""
    if case.view.kill_file:
        return finding(False, "kill", "not killed", "state", "the kill switch is on; only `condor arm` lifts it")
    for latch in case.view.control.latches:
        if stops_everything(latch):
            text = f"halted by {latch.who} ({latch.cause}: {latch.reason}); only `condor arm` lifts it"
            return finding(False, latch.cause, "not killed", "state", text)
    return finding(True, "not killed", "not killed", "state", "no kill in force")


def trading_state(case: Case) -> Finding:
    """C42: new risk only while ACTIVE and not paused. A hedge that lowers the stress loss is no new risk: it is bought
    while REDUCING, and a pause of entries does not stop it."""
    control = case.view.control
    state = control.state
    if case.hedge and (state is TradingState.ACTIVE or (state is TradingState.REDUCING and case.protective)):
        return finding(True, state.value, "active", "state", f"trading is {state.value}; the hedge goes on")
    if state is not TradingState.ACTIVE:
        causes = ", ".join(latch.cause for latch in control.latches)
        text = f"trading is {state.value} ({causes}): only orders proven to reduce risk pass"
        return finding(False, state.value, "active", "state", text)
    if control.paused:
        text = "new risk is paused; only orders proven to reduce risk pass"
        return finding(False, "paused", "active", "state", text)
    return finding(True, "active", "active", "state", "trading is active")


def closes_only(case: Case) -> Finding:
    """C42 while FLATTENING: each leg takes from what its owner holds, the orders working included, the owner's worst
    grid cell does not grow, and the hedge is not sold from over a condor.

    Where a leg has no volatility the grid says nothing; that no loss at expiry is added is proven in any case.
    """
    working: dict[int, int] = {}
    for unit in case.own.units:
        for con_id, ratio in unit.legs:
            working[con_id] = working.get(con_id, 0) + ratio * unit.quantity
    for leg, contract in case.legs:
        held = case.own.held.get(leg.con_id, 0)
        traded = leg.action.sign * leg.ratio * case.intent.quantity + working.get(leg.con_id, 0)
        if not (held * leg.action.sign < 0 and abs(traded) <= abs(held)):
            text = f"{describe(contract)}: {held:+d} are held, with this order {traded:+d} would be traded"
            return finding(False, traded, -held, "contracts", f"{text}; a flattening only closes")
    if not case.reducing:
        return finding(False, "not proven", "reducing", "proof", "it is not proven that this order adds no loss")
    over = sorted(owner for owner, stake in case.stakes.items() if owner not in (None, HEDGE_OWNER) and stake.con_ids)
    if case.hedge and over:
        text = f"the hedge is sold after the last condor; {', '.join(map(str, over))} is still held or working"
        return finding(False, len(over), 0, "condors", text)
    before, after = case.own_stress(case.own), case.own_stress(case.own_filled)
    if before is not None and after is not None and after > before + _grown_usd(case):
        text = f"its worst grid cell would cost {after:,.0f} USD after this order, {before:,.0f} before"
        return finding(False, after, before, "USD", text)
    return finding(True, after, before, "USD", "it only takes from what is held")


def _grown_usd(case: Case) -> float:
    """Noise of a revaluation in dollars."""
    return 1.0 * case.intent.quantity


def account(case: Case) -> Finding:
    """C45: exactly the expected paper account, by the broker's own answer on this connection."""
    view, prefix = case.view, case.limits.account_prefix
    seen = ", ".join(_masked(a) for a in view.accounts) or "none"
    expected = _masked(view.expected_account)
    if not view.expected_account.startswith(prefix):
        text = f"the expected account {expected!r} is not a paper account ({prefix}...)"
        return finding(False, expected, prefix, "account", text)
    if view.accounts != (view.expected_account,):
        text = f"the broker manages {seen}; exactly {expected} is allowed"
        return finding(False, seen, expected, "account", text)
    return finding(True, seen, expected, "account", f"connected to {expected} alone")


def _masked(account_id: str) -> str:
    return f"{account_id[:2]}***{account_id[-2:]}" if len(account_id) > 4 else account_id


def link(case: Case) -> Finding:
    """C38: the link is up and broker and journal were compared on this very connection."""
    view = case.view
    if view.link is not LinkState.UP:
        return finding(False, view.link.value, "up", "link", f"the broker link is {view.link.value}, not up")
    if view.snapshot_epoch != view.market.epoch:
        text = f"connection {view.market.epoch} is not reconciled yet (last was {view.snapshot_epoch})"
        return finding(False, view.snapshot_epoch, view.market.epoch, "connection", text)
    text = f"link up, reconciled on connection {view.market.epoch}"
    return finding(True, view.snapshot_epoch, view.market.epoch, "connection", text)


def doubtful(case: Case) -> Finding:
    """C29: no order whose fate is unproven, none whose leg executions are still arriving."""
    doubts = [f"{o.ref} is {o.state.value}" for o in case.view.book.doubtful()]
    doubts += [f"{o.ref} has uneven legs" for o in case.view.book.live_orders() if not o.balanced]
    text = f"{'; '.join(doubts)}: new risk waits for proof" if doubts else "the fate of every order is known"
    return finding(not doubts, len(doubts), 0, "orders in doubt", text)


def reconciled(case: Case) -> Finding:
    """C30: the broker's positions are known and equal the journal's; a reducing order needs this for its own legs.

    What somebody else traded against the condor on a leg closed that leg already: closing it again would reverse it.
    """
    view = case.view
    broker = view.book.broker_positions
    if broker is None:
        return finding(False, None, 0, "contracts", "the broker's positions are unknown")
    journal = view.book.positions()
    held: dict[int, int] = {}
    foreign: dict[int, int] = {}
    for holding in view.holdings:
        held[holding.con_id] = held.get(holding.con_id, 0) + holding.quantity
        if holding.owner is None:
            foreign[holding.con_id] = foreign.get(holding.con_id, 0) + holding.quantity
    con_ids = {leg.con_id for leg in case.intent.legs} if case.reducing else {*broker, *journal, *held}
    for con_id in sorted(con_ids):
        theirs, ours, shown = broker.get(con_id, 0), journal.get(con_id, 0), held.get(con_id, 0)
        if not theirs == ours == shown:
            name = _name(view.market, con_id)
            text = f"{name}: broker holds {theirs:+d}, journal explains {ours:+d}, condors account for {shown:+d}"
            return finding(False, theirs - ours or theirs - shown, 0, "contracts", text)
    for con_id, own in case.own.held.items():
        if own * foreign.get(con_id, 0) < 0:
            name, against = _name(view.market, con_id), foreign[con_id]
            text = f"{name}: somebody else traded {against:+d} against {own:+d} of ours"
            return finding(False, against, 0, "contracts", text)
    return finding(True, 0, 0, "contracts", f"broker and journal agree on {len(con_ids)} contracts")


def _name(market: Market, con_id: int) -> str:
    contract = market.tradable(con_id)
    return f"contract {con_id}" if contract is None else describe(contract)
