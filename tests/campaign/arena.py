"""Where a seed is played: gateway and lives of one bot on a virtual loop, every message and every ledger line heard.

Deaths are honest: what kill -9 leaves on the disk is what had been written when it struck, not what an orderly close
would add.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.engine.state import State
from bot.journal.store import Journal
from bot.life import JOURNAL, Life
from bot.runner import Stopped
from bot.settings.load import load
from bot.sim.gateway import SimulatedGateway
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.sim import SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.world.load import load_scenario
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from tests.campaign.found import Found
from tests.campaign.judge_ledger import LedgerJudge
from tests.campaign.judge_wire import WireJudge
from tests.campaign.plan import QUICK, Plan
from tests.campaign.wire import Tap

ACCOUNT = "DU1234567"
FILES = (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm")


class Heard(Ledger):
    """A ledger that also tells each line to a judge, at once."""

    def __init__(self, path: Path, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(path)
        self._tell = tell
        self._mine = Ledger(None)

    def write(self, at: datetime, kind: str, facts: Mapping[str, object]) -> None:
        super().write(at, kind, facts)
        self._mine.write(at, kind, facts)
        self._tell(self._mine.lines.pop())


class Fills:
    """Stands where a fill model would: another one may take its place while the venue runs."""

    def __init__(self, model: FillModel) -> None:
        self.model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


class Arena:
    """One seed's world. `state` is the bot's last one, `alerts` everything people were told: (at, level, text)."""

    def __init__(self, plan: Plan, place: Path, found: Found) -> None:
        self.plan = plan
        self.found = found
        self.place = place
        self.state_dir = place / "state"
        self.state_dir.mkdir(exist_ok=True)
        self.state = State()
        self.alerts: list[tuple[datetime, str, str]] = []
        self.link_told_at: list[float] = []
        """When the bot spoke of its connection, by the loop's clock: the market's stands still while nobody follows."""
        self.handlers: dict[int, Callable[[], None]] = {}
        self.watchers: list[Callable[[ev.Envelope, State, Any], None]] = []
        self.endings: list[str] = []
        self.journal: Journal | None = None
        self.durable_wal = 0
        self.latched_at: list[float] = []
        self.fills = Fills(plan.model if not plan.lived_s else FillModel(**QUICK))
        self.lives = 0
        self.from_seq = 0
        """Journal records before this one are of the time in peace: they were looked at, and are not counted."""
        self._life: asyncio.Task[Stopped] | None = None
        self.ledger_judge = LedgerJudge(found, lambda: self.state)
        self.gateway: SimulatedGateway
        self.tap: Tap
        self.wire_judge: WireJudge

    # the world -----------------------------------------------------------------------------------
    def play(self, story: Callable[[Arena], Awaitable[None]]) -> None:
        """Plays the story in virtual time; the market stands still while no bot follows it."""
        plan = self.plan
        world: Any = load_scenario(plan.world, plan.world_seed)
        world.campaign_key = (plan.world, plan.world_seed)
        with Heard(self.place / "ledger.jsonl", self.ledger_judge.hear) as ledger:
            fills: Any = self.fills
            venue = SimVenue(world, accounts={ACCOUNT: 500_000.0}, ledger=ledger, seed=plan.world_seed, fills=fills)

            async def whole() -> None:
                await self._live(venue, world, story)

            with self._noticed():
                run_virtual(whole)

    async def _live(self, venue: SimVenue, world: Any, story: Callable[[Arena], Awaitable[None]]) -> None:
        loop: Any = asyncio.get_running_loop()
        broken: list[str] = []
        loop.set_exception_handler(lambda _, context: broken.append(_words(context)))
        begin = datetime.fromisoformat(self.plan.begin) if self.plan.begin else None
        self.gateway = SimulatedGateway(venue, world, tick_s=self.plan.tick_s, begin=begin, control_port=0)
        await self.gateway.start()
        control = self.gateway.control
        assert control is not None
        self.wire_judge = WireJudge(
            self.found, self.state_dir, ACCOUNT, now=lambda: venue.now, says=lambda: self.state,
            tick_s=self.plan.tick_s, quote_age_s=self.plan.quote_age_s,
        )  # fmt: skip
        self.tap = Tap(lambda port: port != control.port, self.wire_judge.hear, self.market_s)
        self.tap.fit(loop)
        loop.add_signal_handler = self.handlers.__setitem__
        reader, writer = await asyncio.open_connection("127.0.0.1", control.port)
        writer.write(json.dumps({"verb": "hold"}).encode() + b"\n")
        await reader.readline()
        try:
            await story(self)
        finally:
            await self.end_life()
            writer.close()
            await self.gateway.stop()
        for words in broken:
            self.found.look("loop", False, f"an error nobody handled: {words[:300]}")

    @contextlib.contextmanager
    def _noticed(self) -> Any:
        """Knows the journal of the life that runs, and how much of it a power cut would leave."""
        kept, commit = vars(Journal)["open"], Journal.commit
        opened = Journal.open

        def opening(path: Path, *, clock_session: Callable[[datetime], str]) -> Journal:
            self.journal = opened(path, clock_session=clock_session)
            return self.journal

        def committing(journal: Journal, durable: bool) -> None:
            commit(journal, durable)
            if durable:
                wal = journal.path.with_name(f"{JOURNAL}-wal")
                self.durable_wal = wal.stat().st_size if wal.exists() else 0

        Journal.open = opening  # type: ignore[method-assign,assignment]
        Journal.commit = committing  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            Journal.open, Journal.commit = kept, commit  # type: ignore[method-assign]

    # lives ---------------------------------------------------------------------------------------
    def begin(self) -> asyncio.Task[Stopped]:
        """Starts the bot."""
        assert self.gateway.control is not None
        ends = (f"broker.port={self.gateway.port}", f'clock.follow="127.0.0.1:{self.gateway.control.port}"')
        self.lives += 1
        self.wire_judge.new_life()
        self.found.events["lives"] += 1
        settings = self.plan.settings(self.lives)
        life = Life(
            loaded=load(profile="sim", assignments=(*ends, *settings), environ={}),
            state_dir=self.state_dir,
            tell=self._hear_alert,
            watchers=(self._watch,),
            status_every_s=600.0,
        )
        self.state = State()
        self.handlers.clear()
        self._life = asyncio.create_task(life.run(), name="life")
        return self._life

    @property
    def ended(self) -> bool:
        """Whether the bot has ended by itself."""
        return self._life is None or self._life.done()

    def ending(self) -> str:
        """How the last life ended, in words: an exit code with its sentence, or the error it ended with."""
        assert self._life is not None
        if self._life.cancelled():
            return "killed"
        error = self._life.exception()
        if error is not None:
            return f"{type(error).__name__}: {error}"
        stopped = self._life.result()
        return f"exit {stopped.code}: {stopped.text}"

    async def end_life(self) -> None:
        """Cancels the life where it stands; its files are as an orderly close leaves them."""
        if self._life is not None and not self._life.done():
            self._life.cancel()
            with contextlib.suppress(BaseException):  # whatever it says at its end, it is dead
                await self._life

    async def kill_nine(self, spoil: Callable[[Path], None] | None = None) -> None:
        """The process dies: nothing it still held in memory reaches the disk. `spoil` may then damage the files."""
        kept = self.place / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for name in FILES[:2]:
            if (self.state_dir / name).exists():
                shutil.copyfile(self.state_dir / name, kept / name)
        await self.end_life()
        for name in FILES:
            (self.state_dir / name).unlink(missing_ok=True)
        for name in FILES[:2]:
            if (kept / name).exists():
                shutil.copyfile(kept / name, self.state_dir / name)
        if spoil is not None:
            spoil(self.state_dir)

    def signal(self, number: signal.Signals) -> None:
        """Delivers a signal to the bot, if it listens."""
        handler = self.handlers.get(number)
        if handler is not None:
            handler()

    def _hear_alert(self, at: datetime, level: str, text: str) -> None:
        self.alerts.append((at, level, text))
        if level != "info" and text.startswith("link "):
            self.link_told_at.append(asyncio.get_running_loop().time())

    def _watch(self, envelope: ev.Envelope, state: State, outcome: Any) -> None:
        self.state = state
        self.found.events["facts"] += 1
        for watcher in self.watchers:
            watcher(envelope, state, outcome)

    def count_from_here(self) -> None:
        """What was counted so far is forgotten, what was violated is not."""
        self.found.start_over()
        self.tap.sent = self.tap.received = 0
        self.tap.per_second.clear()
        self.from_seq = self.journal.next_seq if self.journal is not None else 0

    # time ----------------------------------------------------------------------------------------
    @property
    def now(self) -> datetime:
        """Market time."""
        return self.gateway.venue.now

    def market_s(self) -> float:
        """Market time in seconds."""
        return self.now.timestamp()

    async def until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Waits in market time, no longer than so many seconds of it, nor than ten times as many of the loop's; gives
        up when the bot ends."""
        began, loop = self.now, asyncio.get_running_loop()
        deadline = loop.time() + 10.0 * within_s + 600.0
        while not condition():
            if self.ended or (self.now - began).total_seconds() >= within_s or loop.time() > deadline:
                return condition()
            await asyncio.sleep(1.0)
        return True

    def settled(self) -> bool:
        """Connected, compared, nothing in doubt, positions agreed: what the bot says of itself."""
        state, link = self.state, self.state.link
        known = bool(state.run_id) and link.state is LinkState.UP and link.synced_epoch == link.epoch
        return known and not state.book.doubtful() and state.mismatch_since is None


def _words(context: dict[str, Any]) -> str:
    """What the loop says of an error that nobody handled."""
    whose = context.get("task") or context.get("future") or ""
    return f"{context.get('message')}: {context.get('exception')!r} {whose}"
