"""Plays one seed: begins a bot, strikes by lot, lets it calm down, judges what is left, and says what was seen."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bot import mailbox
from bot.sim.faults.arguments import FaultError
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from tests.campaign.arena import Arena
from tests.campaign.at_rest import AtRest
from tests.campaign.found import Found
from tests.campaign.host import HostFaults
from tests.campaign.menu import Dish
from tests.campaign.plan import Plan, draw, facts
from tests.flow.crash_child import disagreements

LIVENESS_S = 60.0
CALM_S = 900.0
"""Market seconds after the last fault within which bot and venue must say the same, where they can."""
UNSETTLED_S = 90.0
"""Within these a difference has been seen: two rounds of asking and what a position is given to settle."""
UNSETTLING = frozenset({
    "manual_trade", "liquidate", "lose_position", "adopt_position", "fill_leg_only", "settle_now", "expired_lingers",
    "settlement_delay", "disk: stale backup", "correct_execution", "accounts_told",
})  # fmt: skip
"""After these people have to look: the bot must have stopped opening, but need not agree with the venue."""
FEES_UNTOLD = frozenset({"late_commission", "shorten"})
MOST_ENDINGS = 8
"""A bot that has ended so often by itself is not started again."""
WRITES = frozenset({"submit", "cancel"})


class Storm:
    """The faults of one seed, at moments by lot and, in some seeds, in the very turn in which an order is written."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.plan = arena.plan
        self.chance = np.random.default_rng([arena.plan.seed, 99])
        self.host = HostFaults(arena, self.chance)
        self.struck: list[str] = []
        self._due: Dish | None = None
        self._over = False
        arena.watchers.append(self._at_a_write)

    def _at_a_write(self, envelope: Any, state: Any, outcome: Any) -> None:
        """What was written has not left this turn of the loop yet."""
        if self._over or not WRITES & {action["type"] for action in outcome.actions}:
            return
        if self._due is not None:
            dish, self._due = self._due, None
            self.host.at_a_write(dish)
        elif self.chance.random() < self.plan.at_writes and self.plan.family != "host":
            self.cause("reset", {}, ("F18", "F12"), "at a write")

    async def blow(self) -> None:
        """Strikes until the minutes are over."""
        arena = self.arena
        end_s = 60.0 * self.plan.minutes
        began, loop = arena.now, asyncio.get_running_loop()
        last = loop.time() + 3.0 * end_s + 900.0
        while (arena.now - began).total_seconds() < end_s and loop.time() < last:
            await asyncio.sleep(float(min(self.chance.exponential(self.plan.gap_s), 4.0 * self.plan.gap_s)))
            if arena.ended:
                if len(arena.endings) >= MOST_ENDINGS:
                    return
                await self.host.again()
                continue
            if not arena.state.run_id:
                continue
            await self._people()
            await self._strike(self._pick())

    def end(self) -> None:
        """Nothing strikes any more, and what lasts is over."""
        self._over, self._due = True, None
        self.arena.gateway.cause("clear")

    def _pick(self) -> Dish:
        weights = np.array([dish.weight for dish in self.plan.dishes])
        return self.plan.dishes[int(self.chance.choice(len(weights), p=weights / weights.sum()))]

    async def _strike(self, dish: Dish) -> None:
        book = self.arena.state.book
        if dish.moment == "order" and not await self.arena.until(
            lambda: bool(self.arena.state.book.live_orders()), 120.0
        ):
            return
        if dish.moment == "held" and not book.positions():
            return
        if ":" in dish.verb:
            if dish.verb.endswith("at a write"):
                self._due = dish
                return
            self._note(dish.verb, dish.faults, "")
            await self.host.do(dish)
            return
        self.cause(dish.verb, self._terms(dish), dish.faults)

    def _terms(self, dish: Dish) -> dict[str, Any]:
        terms = dish.terms(self.chance)
        if dish.verb in ("manual_trade", "lose_position", "adopt_position"):
            held = sorted(self.arena.ledger_judge.truth.positions())
            if held:
                terms["con_id"] = held[int(self.chance.integers(len(held)))]
        return terms

    def cause(self, verb: str, terms: dict[str, Any], faults: tuple[str, ...], when: str = "") -> None:
        """One fault, counted when the gateway did it."""
        try:
            self.arena.gateway.cause(verb, **terms)
        except FaultError as reason:
            self.arena.found.refused[verb] += 1
            self.struck.append(f"{self.arena.now:%H:%M:%S} {verb} {terms}: refused, {reason}")
            return
        self._note(verb, faults, f"{terms} {when}".strip())

    def _note(self, verb: str, faults: tuple[str, ...], more: str) -> None:
        self.arena.found.faults[verb] += 1
        for fault in faults:
            self.arena.found.classes[fault] += 1
        self.struck.append(f"{self.arena.now:%H:%M:%S} {verb} {more}".rstrip())

    async def _people(self) -> None:
        """Somebody looks now and then and arms again, so that a seed does not stand idle after its first latch."""
        state = self.arena.state
        if state.control.latches and self.chance.random() < 0.5:
            self.arena.found.events["armed again"] += 1
            mailbox.leave(
                self.arena.state_dir, OperatorVerb.ARM, "campaign", "looked at it", confirmed=True,
                number=time.time_ns() // 1_000_000,
            )  # fmt: skip
            await asyncio.sleep(2.0 * self.plan.tick_s)


class Seed:
    """One seed from its plan to its verdict."""

    def __init__(self, plan: Plan, place: Path, alike: Callable[[Seed], bool] | None = None) -> None:
        """`alike` plays seeds that begin as this one does; `parted` then says that others did."""
        self.found = Found()
        self.arena = Arena(plan, place, self.found)
        self.plan = plan
        self.alike = alike
        self.parted = False
        self.storm: Storm | None = None
        self.calm_after_s: float | None = None

    def run(self) -> None:
        """Plays and judges."""
        self.arena.play(self._story)
        if not self.parted:
            AtRest(self.arena).judge()

    def take(self, plan: Plan) -> None:
        """From here on this is the seed of that plan, of the same beginning."""
        self.plan = self.arena.plan = plan
        self.arena.fills.model = plan.model
        self.arena.count_from_here()

    async def _story(self, arena: Arena) -> None:
        arena.begin()
        await arena.until(lambda: bool(arena.state.run_id), 120.0)
        if self.plan.lived_s:
            await arena.until(lambda: False, self.plan.lived_s)
            if self.alike is not None and self.alike(self):
                self.parted = True
                return
            if self.alike is None:
                self.take(self.plan)
        self.storm = storm = Storm(arena)
        await storm.blow()
        storm.end()
        if arena.ended:
            await storm.host.again()
        await (self._liveness() if self.plan.liveness else self._calm())

    def of_one_mind(self) -> bool:
        """ACTIVE or latched, connected and compared: nobody waits for anything. Where others traded, a difference that
        was seen stops new risk from that moment on, and is given some minutes before it becomes a latch. A gateway of
        another account was told as such, and is not dialled again."""
        state = self.arena.state
        others = bool(UNSETTLING & set(self.found.faults)) and state.mismatch_since is not None
        refused = state.link.state is LinkState.DOWN and state.link.reason.startswith("C45")
        return self.arena.settled() or bool(state.control.latches) or others or refused

    async def _liveness(self) -> None:
        """I17: faults have stopped; within a minute the bot is at work or says why not."""
        arena, began = self.arena, self.arena.now
        there = await arena.until(self.of_one_mind, LIVENESS_S + self.plan.tick_s)
        self.calm_after_s = (arena.now - began).total_seconds()
        state = arena.state
        told = f"{self._standing()}, {arena.ending() if arena.ended else 'alive'}"
        self.found.look("I17", there or arena.ended, f"after {LIVENESS_S:.0f} s without faults: {told}")
        if arena.ended:
            self.found.look("I17", len(arena.ending()) > 12, f"ended without a reason: {arena.ending()}")
        for latch in state.control.latches:
            self.found.look("I17", len(latch.reason) > 8, f"latch {latch.cause} has no reason: {latch.reason!r}")
        await self._calm()

    def _differences(self) -> list[str]:
        """Where book and venue differ; fees that the gateway never told are nobody's fault."""
        found = disagreements(self.arena.state, self.arena.ledger_judge.truth)
        untold = bool(FEES_UNTOLD & set(self.found.faults))
        return [words for words in found if not (untold and words.startswith("commissions"))]

    def _standing(self) -> str:
        """Where the bot stands, for the words of a violation."""
        state = self.arena.state
        doubt = [f"{order.ref} {order.state.value}" for order in state.book.doubtful()]
        return (
            f"{self._differences()}, link {state.link.state.value} ({state.link.reason}), doubt {doubt}, "
            f"mismatch {state.mismatch_since}"
        )

    async def _calm(self) -> None:
        """I3, I7, I8: once it is quiet the bot's book is the venue's."""
        arena, storm = self.arena, self.storm
        assert storm is not None
        people_needed = bool(UNSETTLING & set(arena.found.faults))
        agreed = lambda: arena.settled() and not self._differences()  # noqa: E731
        there = await arena.until(agreed, UNSETTLED_S if people_needed else CALM_S)
        state = arena.state
        stopped = state.control.state is not TradingState.ACTIVE or bool(state.control.paused)
        if arena.ended or people_needed:
            away = state.link.state is not LinkState.UP
            safe = (there or stopped or arena.ended or away or state.mismatch_since is not None
                    or bool(state.book.doubtful()))  # fmt: skip
            self.found.look("I8", safe, f"differs, and trading goes on: {self._standing()}")
            return
        words = self._standing()
        for invariant in ("I3", "I7", "I8"):
            self.found.look(invariant, there, f"{CALM_S:.0f} s after the last fault: {words}")


def play(family: str, seed: int, *, keep: Path | None = None, told: bool = False) -> dict[str, Any]:
    """Plays a seed and gives its line of results; with `keep` its journal and ledger stay there, with `told` every
    fault is in it though nothing failed."""
    plan = draw(family, seed)
    place = keep or Path(tempfile.mkdtemp(prefix="campaign-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    place.mkdir(parents=True, exist_ok=True)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    one = Seed(plan, place)
    try:
        one.run()
    except Exception as error:  # a seed that breaks the harness is a failing seed, the next one plays on
        one.found.look("harness", False, f"{type(error).__name__}: {error}")
        if os.environ.get("CAMPAIGN_RAISE"):
            raise
    finally:
        if keep is None:
            shutil.rmtree(place, ignore_errors=True)
    return row_of(one, time.perf_counter() - began_s, time.process_time() - began_cpu_s, told=told)


def row_of(one: Seed, real_s: float, cpu_s: float, *, told: bool = False) -> dict[str, Any]:
    """The line of results of a seed that is over."""
    found, tap = one.found, getattr(one.arena, "tap", None)
    if tap is not None:
        found.events["messages sent"] += tap.sent
        found.events["messages received"] += tap.received
    return {
        **facts(one.plan),
        **found.as_dict(),
        "calm_after_s": one.calm_after_s,
        "most_per_s": max(tap.per_second.values(), default=0) if tap is not None else 0,
        "real_s": round(real_s, 2),
        "cpu_s": round(cpu_s, 2),
        "struck": one.storm.struck if (found.violated or told) and one.storm else [],
        "endings": one.arena.endings[:5],
    }
