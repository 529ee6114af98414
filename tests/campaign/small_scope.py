"""Small-scope search: every order of a few things that can happen to one condor's first order, up to a depth.

Breadth first over the pure engine and a truthful broker (tests/bot/engine/bench.py), states that look the same joined.
After each move what must always hold is looked at, and from each state the world is let calm down: then the bot's book
has to be the broker's.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from bot.actions import Submit
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import account_reported, command, link
from tests.bot.engine.fakes import FakeBroker

Move = Callable[[Bench], object]


def _first_open(bench: Bench) -> str | None:
    return next((ref for ref, order in bench.broker.orders.items() if order.open), None)


def _fill(units: int, *, tell: bool) -> Move:
    def move(bench: Bench) -> None:
        ref = _first_open(bench)
        if ref is not None:
            order = bench.broker.orders[ref]
            bench.broker.fill(ref, min(units, order.intent.quantity - order.filled), tell=tell)
        bench.feed()

    return move


def _say(status: ev.BrokerOrderStatus) -> Move:
    """A status that is not true."""

    def move(bench: Bench) -> None:
        ref = _first_open(bench)
        if ref is not None:
            order = bench.broker.orders[ref]
            bench.feed(ev.OrderStatusReported(ref=ref, perm_id=order.perm_id, status=status, filled=0.0, remaining=1.0))

    return move


def _again(bench: Bench) -> None:
    """The last execution is told again."""
    if bench.broker.executions:
        bench.feed(ev.Filled(fill=bench.broker.executions[-1]))


def _mute(kind: str) -> Move:
    def move(bench: Bench) -> None:
        bench.broker.mute ^= {kind}

    return move


def _drop(bench: Bench) -> None:
    bench.feed(link(LinkState.DOWN, bench.broker.epoch))


def _back(bench: Bench) -> None:
    bench.broker.epoch += 1
    _connected(bench)


def _connected(bench: Bench) -> None:
    epoch = bench.broker.epoch
    bench.feed(link(LinkState.SYNCING, epoch))
    if "snapshot" not in bench.broker.mute:
        bench.feed(bench.broker.snapshot(), link(LinkState.UP, epoch), account_reported(bench.now))


def _crash(bench: Bench) -> None:
    bench.restart()
    _connected(bench)


MOVES: dict[str, Move] = {
    "one unit fills": _fill(1, tell=True),
    "one unit fills, untold": _fill(1, tell=False),
    "all fills": _fill(9, tell=True),
    "an execution comes again": _again,
    "Cancelled is said, falsely": _say(ev.BrokerOrderStatus.CANCELLED),
    "Inactive is said, falsely": _say(ev.BrokerOrderStatus.INACTIVE),
    "six seconds": lambda bench: bench.pulse(6.0),
    "quotes, and forty seconds": lambda bench: (bench.tick(40.0), bench.pulse()),
    "cancels are lost, or not": _mute("cancel"),
    "snapshots fail, or not": _mute("snapshot"),
    "the link drops": _drop,
    "the link is back": _back,
    "kill -9 and a new life": _crash,
    "kill": lambda bench: bench.feed(command(OperatorVerb.KILL)),
    "arm": lambda bench: bench.feed(command(OperatorVerb.ARM)),
}


def _working(bench: Bench) -> None:
    bench.working()


def _unanswered(bench: Bench) -> None:
    """The order is at the broker, and not one word comes back."""
    bench.broker.mute |= {"ack", "snapshot"}
    bench.propose()
    bench.broker.mute.clear()


def _held(bench: Bench) -> None:
    bench.open_condor()


ROOTS: dict[str, Callable[[Bench], None]] = {
    "an entry order works": _working,
    "an entry order is unanswered": _unanswered,
    "a condor is held": _held,
}


def clone(bench: Bench) -> Bench:
    """The same moment once more; the states inside are immutable and shared."""
    twin = copy.copy(bench)
    twin.queue = []
    twin.steps, twin.envelopes = [], []
    broker = FakeBroker(twin.queue.append, lambda: twin.now, bench.world)
    old = bench.broker
    broker.mute, broker.calls = set(old.mute), list(old.calls)
    broker.orders = {ref: copy.copy(order) for ref, order in old.orders.items()}
    broker.executions, broker.positions = list(old.executions), dict(old.positions)
    broker.lines, broker.epoch, broker.margin = old.lines, old.epoch, old.margin
    twin.broker = broker
    return twin


def look(bench: Bench) -> Hashable:
    """What tells two moments apart; times and counters do not."""
    state, broker = bench.state, bench.broker
    return (
        tuple((ref, o.state, tuple(sorted(o.filled_by_leg.items()))) for ref, o in sorted(state.book.orders.items())),
        tuple((ref, o.status, o.filled) for ref, o in sorted(broker.orders.items())),
        tuple((c.id, c.state, c.quantity) for c in state.condors.values()),
        tuple(sorted((latch.cause, latch.state) for latch in state.control.latches)),
        (state.link.state, state.link.synced_epoch == state.link.epoch, frozenset(broker.mute)),
        (len(state.book.fills), len(broker.executions), len(state.pending_margin), state.mismatch_since is None),
    )


@dataclass(slots=True)
class Searched:
    """What a search saw; `wrong` are paths with what they broke."""

    states: int = 0
    edges: int = 0
    depth: int = 0
    joined: int = 0
    calms: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    order_states: set[str] = field(default_factory=set)
    condor_states: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        words = (
            f"{self.states:,} states and {self.edges:,} moves to depth {self.depth} from {len(ROOTS)} beginnings "
            f"({'; '.join(ROOTS)}): {len(MOVES)} things can happen, states that look alike are joined ({self.joined:,} "
            f"times). From {self.calms:,} states the world was let calm down, and the book had to become the broker's. "
            f"{self.seconds:.0f} s. Broken: {len(self.wrong)}. Order states seen: "
            f"{', '.join(sorted(self.order_states))}; condor states: {', '.join(sorted(self.condor_states))}."
        )
        return {"words": words, "wrong": self.wrong}


def search(depth: int, calm_every: int = 1, for_s: float = 1e9) -> Searched:
    """Breadth first from every beginning to a depth, or until so many real seconds are over."""
    found, began = Searched(), time.monotonic()
    frontier: list[tuple[tuple[str, ...], Bench]] = []
    for name, begin in ROOTS.items():
        root = Bench().start()
        begin(root)
        frontier.append(((name,), root))
    seen = {look(root) for _, root in frontier}
    while frontier and found.depth < depth:
        found.depth += 1
        following: list[tuple[tuple[str, ...], Bench]] = []
        for path, bench in frontier:
            for name, move in MOVES.items():
                if time.monotonic() - began > for_s:
                    found.states, found.seconds = len(seen), time.monotonic() - began
                    return found
                twin = clone(bench)
                _one(found, twin, move, (*path, name))
                key = look(twin)
                if key in seen:
                    found.joined += 1
                    continue
                seen.add(key)
                following.append(((*path, name), twin))
                if len(seen) % calm_every == 0:
                    _calm(found, clone(twin), (*path, name))
        frontier = following
    found.states, found.seconds = len(seen), time.monotonic() - began
    return found


def _one(found: Searched, bench: Bench, move: Move, path: tuple[str, ...]) -> None:
    """A move, and what must hold after it."""
    found.edges += 1
    halted = bench.state.control.state is TradingState.HALTED
    try:
        move(bench)
    except Exception as error:  # noqa: BLE001 - whatever the engine raises is what is looked for
        found.wrong.append(f"{' > '.join(path)}: {type(error).__name__}: {error}")
        return
    found.order_states |= {order.state.value for order in bench.state.book.orders.values()}
    found.condor_states |= {condor.state.value for condor in bench.state.condors.values()}
    sent = [action for step in bench.steps for action in step.actions if isinstance(action, Submit)]
    refs = [intent.ref for intent in bench.broker.said("submit")]
    if len(refs) != len(set(refs)):
        found.wrong.append(f"{' > '.join(path)}: a reference was sent twice: {refs}")
    if halted and sent and path[-1] != "arm":
        found.wrong.append(f"{' > '.join(path)}: sent {[a.approved.intent.ref for a in sent]} while halted")
    working: dict[str, list[str]] = {}
    for ref, order in bench.broker.orders.items():
        if order.open:
            working.setdefault(order.intent.owner, []).append(ref)
    for owner, both in working.items():
        if len(both) > 1:
            found.wrong.append(f"{' > '.join(path)}: {owner} has two orders working: {both}")


def _calm(found: Searched, bench: Bench, path: tuple[str, ...]) -> None:
    """Answers come again, the link is up: within a few looks the book is the broker's."""
    found.calms += 1
    bench.broker.mute.clear()
    try:
        bench.broker.epoch += 1
        _connected(bench)
        for _ in range(7):
            bench.pulse(6.0)
    except Exception as error:  # noqa: BLE001 - as above
        found.wrong.append(f"{' > '.join(path)} > calm: {type(error).__name__}: {error}")
        return
    book, broker = bench.state.book, bench.broker
    held = {con_id: quantity for con_id, quantity in broker.positions.items() if quantity}
    if book.positions() != held:
        found.wrong.append(f"{' > '.join(path)} > calm: book {book.positions()}, broker {held}")
    ours = {order.ref for order in book.live_orders()}
    theirs = {ref for ref, order in broker.orders.items() if order.open}
    if ours != theirs or book.doubtful():
        doubt = [order.ref for order in book.doubtful()]
        found.wrong.append(f"{' > '.join(path)} > calm: live in the book {ours}, at the broker {theirs}, doubt {doubt}")
