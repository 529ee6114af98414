"""What others did to a condor's legs, a hand in TWS or the broker itself: seen, told, and ended by a person's word.

Rules
- What is left of a condor is what the broker holds of its contracts less what its other owners hold. Where executions
  that no order of ours explains have taken from it, no rule may touch it any more: after a moment in which a person may
  be half-way it is put into quarantine, new risk stops, and people are told what is left and what of it is uncovered.
  Nothing is bought back: whoever traded may be trading still.
- A difference that no execution explains is C30's business and proves nothing here: Unknown is never flat.
- A condor is booked as closed only on a person's word, and only where two complete snapshots of this connection, both
  begun after the last of its executions was booked and some time apart, show nothing of it, no order of ours on its
  contracts may still trade, and the executions of others are exactly its legs, reversed. They are its closing then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bot.actions import AlertLevel, Cancel
from bot.engine import orders
from bot.engine.holdings import holdings
from bot.engine.state import Outside
from bot.engine.stopping import cancel_everything
from bot.engine.work import Work
from strategies.condor.machine import Condor, CondorState, prove_flat, quarantine
from strategies.domain import events as ev
from strategies.domain.book import Book, Fill, ref_by_hand
from strategies.domain.control import LIMIT_CAUSE, LinkState, TradingState
from strategies.domain.instruments import Option, describe
from strategies.domain.market import Market
from strategies.domain.orders import OrderState, OrderTrigger

TELL_AGAIN_S = 600.0


class _Legs(NamedTuple):
    """Signed contracts per con id: ours by our executions, left at the broker, and the executions of others."""

    own: dict[int, int]
    left: dict[int, int]
    taken: tuple[Fill, ...]
    revisions: int

    @property
    def explained(self) -> bool:
        """Whether our executions and those of others add up to what is left, contract by contract."""
        return all(self.left[c] - self.own.get(c, 0) == sum(_of(self.taken, c)) for c in self.left)

    @property
    def nothing_left(self) -> bool:
        """Whether the broker shows none of it."""
        return not any(self.left.values())

    @property
    def reduced(self) -> bool:
        """Whether some leg was traded against."""
        return any(own * (self.left[c] - own) < 0 for c, own in self.own.items())


def look(work: Work, snapshot: ev.BrokerSnapshot) -> None:
    """After a complete snapshot was folded: what it shows of each condor that is not as our orders left it."""
    rows: dict[str, Outside] = {}
    for condor in work.state.condors.values():
        legs = _legs(condor, work.state.book)
        if not condor.active or legs is None or not (legs.reduced or condor.state is CondorState.QUARANTINE):
            continue
        rows[condor.id] = _seen(work.state.outside.get(condor.id), legs, snapshot.started_at, work.at)
    if rows != work.state.outside:
        work.set(outside=rows)


def _seen(before: Outside | None, legs: _Legs, started_at: datetime, at: datetime) -> Outside:
    if before is None or before.left != legs.left or before.revisions != legs.revisions:
        return Outside(left=legs.left, revisions=legs.revisions, noted_at=at)
    if started_at <= before.noted_at:
        return before
    return msgspec.structs.replace(before, first_at=before.first_at or started_at, last_at=started_at)


def connected_anew(work: Work) -> None:
    """What was shown on an earlier connection proves nothing on the next: both looks are needed again."""
    rows = {k: msgspec.structs.replace(v, first_at=None, last_at=None) for k, v in work.state.outside.items()}
    if rows != work.state.outside:
        work.set(outside=rows)


def watch(work: Work) -> None:
    """At each pulse: condors that others have traded against for longer than a moment (C32)."""
    grace = timedelta(seconds=work.parameters.limits.guards.uneven_legs_s)
    for condor_id, seen in work.state.outside.items():
        condor = work.state.condors[condor_id]
        legs = _legs(condor, work.state.book)
        if legs is None or not legs.explained:
            continue
        if legs.reduced:
            _withdraw(work, condor)
        if work.at - seen.noted_at < grace:
            continue
        if condor.state is not CondorState.QUARANTINE:
            _quarantine(work, condor, legs)
        elif legs.nothing_left:
            _tell(work, f"closed.{condor.id}", AlertLevel.WARNING, _flat_text(condor))
        elif legs.reduced:
            _tell(work, f"quarantine.{condor.id}", AlertLevel.CRITICAL, _left_text(work, condor, legs))


def _withdraw(work: Work, condor: Condor) -> None:
    """What works for it was meant for what it no longer holds: a closing order would turn it round."""
    for record in work.state.book.live_orders():
        if record.intent.owner == condor.id and record.state not in (OrderState.APPROVED, OrderState.CANCELING):
            work.take(orders.move(work.state.book, record.ref, OrderTrigger.CANCEL, work.at))
            work.act(Cancel(ref=record.ref, reason=f"others traded against {condor.id}"))


def _quarantine(work: Work, condor: Condor, legs: _Legs) -> None:
    text = _flat_text(condor) if legs.nothing_left else _left_text(work, condor, legs)
    work.put_condor(quarantine(condor, text, work.at), text)
    work.latch("C32", TradingState.REDUCING, "reconcile", text)
    _tell(work, f"quarantine.{condor.id}", AlertLevel.CRITICAL, text)


def _tell(work: Work, key: str, level: AlertLevel, text: str) -> None:
    last = work.state.told_at.get(key)
    if last is None or work.at - last >= timedelta(seconds=TELL_AGAIN_S):
        work.set(told_at={**work.state.told_at, key: work.at})
        work.alert(level, key, text)


def _flat_text(condor: Condor) -> str:
    return (
        f"{condor.id} was closed by others: the broker shows none of its legs. When that is what was meant, "
        f"`condor closed {condor.id} -m WHY` books it"
    )


def _left_text(work: Work, condor: Condor, legs: _Legs) -> str:
    """What is left, and which shorts of it no long covers."""
    rows = ", ".join(f"{n:+d} {_name(work.state.market, c)}" for c, n in sorted(legs.left.items()) if n)
    bare = uncovered(legs.left, work.state.market)
    words = f"; WITHOUT COVER: {bare}, buy it back in TWS first" if bare else ""
    return f"others traded against {condor.id}: left of it {rows}{words}; no rule touches it, close the rest in TWS"


def uncovered(left: dict[int, int], market: Market) -> str:
    """Rights of which more is short than long, in words; empty where every short has a long. An option whose contract
    is not loaded counts as uncovered where it is short."""
    net: dict[str, int] = {}
    for con_id, quantity in left.items():
        option = market.option(con_id)
        key = "contracts unknown to this run" if option is None else f"{option.right.name.lower()}s"
        net[key] = net.get(key, 0) + (min(quantity, 0) if option is None else quantity)
    return ", ".join(f"{-n} {key}" for key, n in sorted(net.items()) if n < 0)


def _name(market: Market, con_id: int) -> str:
    contract = market.tradable(con_id)
    return f"contract {con_id}" if not isinstance(contract, Option) else describe(contract)


def lost(work: Work, refs: tuple[str, ...]) -> None:
    """Orders of ours that this journal does not know: it is older than what the broker has seen. No name of theirs is
    given again, and a person has to look."""
    known = work.state.book.lost_refs
    new = tuple(ref for ref in refs if ref not in known)
    if not new:
        return
    work.set(book=msgspec.structs.replace(work.state.book, lost_refs=(*known, *new)))
    text = f"the broker knows orders of ours that this journal has lost, a backup?: {', '.join(new)}"
    work.latch("C31", TradingState.REDUCING, "reconcile", text)


def awaited(work: Work, con_ids: tuple[int, ...]) -> None:
    """Said once a day: the broker took them away on their settlement day, the books hold them until the value is known,
    and until then nothing new is sold (C30)."""
    last = work.state.told_at.get("settling")
    if not con_ids or (last is not None and work.at - last < timedelta(hours=20)):
        return
    work.set(told_at={**work.state.told_at, "settling": work.at})
    names = ", ".join(_name(work.state.market, con_id) for con_id in con_ids)
    work.alert(AlertLevel.WARNING, "settling", f"{names}: settled, the value is not known yet; no new risk until it is")


def liquidated(work: Work, fill: Fill) -> None:
    """The broker sells what it chooses, without notice: nothing of ours may stand in its way or be closed twice (C20).
    What is proven to reduce risk may still leave."""
    what = f"{fill.signed_quantity:+d} {_name(work.state.market, fill.con_id)}"
    text = f"the broker liquidates: execution {fill.exec_id}, {what}"
    if work.latch(LIMIT_CAUSE + "C20", TradingState.HALTED, "broker", text):
        cancel_everything(work, text)


# a person's word ----------------------------------------------------------------------------------
def closed(work: Work, event: ev.OperatorCommanded) -> None:
    """A person says that a condor was closed by others; booked if the broker's evidence says so too, else refused."""
    condor = work.state.condors.get(event.subject)
    legs = None if condor is None else _legs(condor, work.state.book)
    refusal = "not confirmed" if not event.confirmed else _refusal(work, condor, legs)
    if refusal or condor is None or legs is None:
        text = f"{event.subject} is not booked as closed: {refusal}"
        work.alert(AlertLevel.CRITICAL, "closed.refused", text)
        return
    ref = ref_by_hand(condor.id)
    fills = tuple(msgspec.structs.replace(fill, ref=ref) for fill in legs.taken)
    book = msgspec.structs.replace(work.state.book, fills={**work.state.book.fills, **{f.base_id: f for f in fills}})
    work.adopted = (*work.adopted, *fills)
    work.set(book=book, outside={k: v for k, v in work.state.outside.items() if k != condor.id})
    if condor.state is not CondorState.QUARANTINE:
        condor = quarantine(condor, _flat_text(condor), work.at)
        work.put_condor(condor, "closed by others")
    work.put_condor(prove_flat(condor, work.at, event.who, fills), f"flat, by {event.who}: {event.reason}")
    text = f"{condor.id} is booked as closed by others, {len(fills)} executions are its own now ({event.who})"
    work.alert(AlertLevel.WARNING, f"closed.{condor.id}", text)


def _refusal(work: Work, condor: Condor | None, legs: _Legs | None) -> str:
    """Why it may not be booked now, and what to do; empty if it may."""
    state = work.state
    if condor is None or not condor.active:
        names = ", ".join(sorted(c.id for c in state.condors.values() if c.active)) or "none"
        return f"no open condor has this name; open: {names}"
    if state.link.state is not LinkState.UP or state.link.synced_epoch != state.link.epoch or legs is None:
        return "the broker's positions are unknown; wait for the link and the comparison"
    if _may_trade(work, condor, legs):
        return "an order of ours on its contracts may still trade; wait until its end is proven"
    if not legs.nothing_left:
        rows = ", ".join(f"{n:+d} {_name(state.market, c)}" for c, n in sorted(legs.left.items()) if n)
        return f"the broker still holds of it: {rows}"
    if not legs.explained:
        return "no executions explain where its legs went; wait for them, or look in TWS what became of it"
    return _unproven(work, condor, legs)


def _unproven(work: Work, condor: Condor, legs: _Legs) -> str:
    """Whether two complete snapshots after the last thing that happened to it agree that it is gone."""
    state, seen = work.state, work.state.outside.get(condor.id)
    settle_s = work.parameters.limits.reconcile_settle_s
    again = (
        f"the broker has not yet shown twice, {settle_s:g} s apart, that nothing of it is held; it is asked every "
        f"{work.parameters.engine.snapshot_every_s:g} s"
    )
    if seen is None or seen.first_at is None or seen.last_at is None:
        return again
    changes = [r.changed_at for r in state.book.orders.values() if r.intent.owner == condor.id]
    same = seen.left == legs.left and seen.revisions == legs.revisions and seen.last_at == state.snapshot_at
    apart = (seen.last_at - seen.first_at).total_seconds() >= settle_s
    return "" if same and apart and all(at < seen.first_at for at in changes) else again


def _may_trade(work: Work, condor: Condor, legs: _Legs) -> bool:
    """Whether an order of ours that is not proven over, or one about to be sent, has to do with it."""
    intents = [r.intent for r in work.state.book.live_orders()]
    intents += [p.intent for p in work.state.pending_margin.values()]
    return any(i.owner == condor.id or any(leg.con_id in legs.left for leg in i.legs) for i in intents)


# reckoning ----------------------------------------------------------------------------------------
def _legs(condor: Condor, book: Book) -> _Legs | None:
    """None while the broker's positions are unknown."""
    if book.broker_positions is None:
        return None
    own: dict[int, int] = {}
    others: dict[int, int] = {}
    for row in holdings(book):
        if row.owner == condor.id:
            own[row.con_id] = own.get(row.con_id, 0) + row.quantity
        elif row.owner is not None:
            others[row.con_id] = others.get(row.con_id, 0) + row.quantity
    contracts = sorted({*condor.con_ids(), *own})
    left = {c: book.broker_positions.get(c, 0) - others.get(c, 0) for c in contracts}
    mine = [fill for fill in book.fills.values() if fill.con_id in left]
    taken = tuple(f for f in mine if book.owner_of(f) is None)
    # One number that changes with every new execution and every correction.
    return _Legs(own, left, taken, sum(1 + fill.revision for fill in mine))


def _of(fills: tuple[Fill, ...], con_id: int) -> list[int]:
    return [fill.signed_quantity for fill in fills if fill.con_id == con_id]
