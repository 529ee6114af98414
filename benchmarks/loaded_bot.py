"""A bot with twenty working orders and five hundred subscriptions that wait for the message budget, as a process.

The real inbox, runner, journal, engine, status file and adapter against a simulated gateway. Orders and subscriptions
are put in by hand: no rule would ever have so many. Obeys words on standard input: `load` readies everything, `press`
posts the kill and tells when, `arm` starts anew; each answers with one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import held_condor as held  # noqa: E402
from bot import latch  # noqa: E402
from bot.actions import AskOptions  # noqa: E402
from bot.clock import SystemClock  # noqa: E402
from bot.engine.outcome import Outcome  # noqa: E402
from bot.engine.state import Parameters, State  # noqa: E402
from bot.heartbeat import NAME as HEARTBEAT  # noqa: E402
from bot.heartbeat import Heartbeat  # noqa: E402
from bot.ibkr.broker import IbkrBroker  # noqa: E402
from bot.ibkr.settings import BrokerSettings  # noqa: E402
from bot.inbox import Inbox  # noqa: E402
from bot.instance import acquire  # noqa: E402
from bot.journal.store import Journal  # noqa: E402
from bot.runner import Runner  # noqa: E402
from bot.status import StatusFile, halt_proved  # noqa: E402
from risk.approval import _SEAL, Approved  # noqa: E402
from risk.limits import paper_limits  # noqa: E402
from strategies.condor.params import CondorParams  # noqa: E402
from strategies.domain import events as ev  # noqa: E402
from strategies.domain.book import Book  # noqa: E402
from strategies.domain.control import Control, LinkState, OperatorVerb  # noqa: E402
from strategies.domain.instruments import Instrument, Option  # noqa: E402
from strategies.domain.orders import Action, LegIntent, OrderRecord, OrderState, PlaceIntent, Purpose  # noqa: E402
from strategies.domain.session import session_date  # noqa: E402

ORDERS, QUEUED, WANTED = 20, 500, 700
"""Of what is wanted some is written before the press; so many still wait then."""
CLIENT = 17
FAR_TOO_DEAR = -45.0
"""A credit nobody pays for a wing of fifty: the order rests."""
PATIENCE_S = 100.0


class Loaded:
    """The bot and what was put into it."""

    def __init__(self, port: int, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.inbox = Inbox()
        clock = SystemClock()
        settings = BrokerSettings(
            port=port,
            client_id=CLIENT,
            max_lines=WANTED + 10,
            heartbeat_s=20.0,
            half_open_s=40.0,
            request_timeout_s=80.0,
        )
        path = str(state_dir / latch.NAME)
        self.broker = IbkrBroker(settings, clock, self._fact, self.inbox.post_quote, lambda: latch.present(path))
        self.told: list[str] = []
        self.boards: dict[str, tuple[Instrument, ...]] = {}
        journal = Journal.open(state_dir / "journal.sqlite3", clock_session=session_date)
        status = StatusFile(state_dir / "status.json", 1.0, self.broker.lines_in_use)
        beat = Heartbeat(state_dir / HEARTBEAT, asyncio.get_running_loop().time)

        def observe(envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
            beat.beat()
            status.observe(envelope, state, outcome)
            self.told += [alert.text for alert in outcome.alerts]

        self.clock = clock
        self.runner = Runner(
            state=State(), journal=journal, broker=self.broker, clock=clock, inbox=self.inbox,
            latch_path=state_dir / latch.NAME, observe=observe, refresh_calendar=held.calendar,
        )  # fmt: skip
        self.round = 0
        self.task: asyncio.Task[Any] | None = None

    def _fact(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.InstrumentsLoaded):
            self.boards[event.wanted] = event.instruments
        self.inbox.post(event)

    async def start(self) -> None:
        """Up, reconciled, and with the contracts of several expiries."""
        roomy = msgspec.structs.replace(
            paper_limits(), orders_per_minute=900, orders_per_day=900, reducing_orders_per_minute=1000,
            reducing_orders_per_day=1000,
        )  # fmt: skip
        parameters = Parameters(condor=CondorParams(), limits=roomy)
        text = msgspec.json.encode(parameters).decode()
        started = msgspec.structs.replace(held.run_started(), expected_account="", parameters=text)
        self.inbox.post(started)
        self.task = asyncio.create_task(self.runner.run())
        await self.broker.start()
        await self.until(self.up, "the link")
        for expiry in sorted(await self.expiries())[:6]:
            ask = AskOptions("SPX", "SPXW", expiry, self.low, self.high)
            self.broker.ask_options(ask)
            await self.until(lambda ask=ask: ask.wanted in self.boards, f"the board of {expiry}")

    async def expiries(self) -> tuple[Any, ...]:
        """Listed expiries a fortnight and more ahead; the strikes to look at go with the index."""
        from bot.actions import AskChain, AskReference

        if not self.runner.state.market.chains:
            self.broker.ask_reference(AskReference())
            self.broker.ask_chain(AskChain("SPX", "SPXW"))
            await self.until(lambda: bool(self.runner.state.market.chains), "the chain")
            await self.until(lambda: self.runner.state.market.index("SPX") is not None, "the index")
            index = self.runner.state.market.index("SPX")
            assert index is not None
            self.broker.subscribe((index,))
            await self.until(lambda: self.spx() is not None, "its level")
            middle = self.spx() or 0.0
            self.low, self.high = middle - 400.0, middle + 400.0
        chain = self.runner.state.market.chains["SPXW"]
        return tuple(chain.expiries)[5:]

    def spx(self) -> float | None:
        quote = self.runner.state.market.level("SPX")
        return None if quote is None else quote.level

    def up(self) -> bool:
        link = self.runner.state.link
        return link.state is LinkState.UP and link.synced_epoch == link.epoch

    async def until(self, found: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not found():
            if time.monotonic() > deadline:
                orders = {r.state.value: r.last_text for r in self.runner.state.book.orders.values()}
                raise SystemExit(f"never came: {what}; {self.runner.state.link.reason}; {orders}; {self.told[-3:]}")
            await asyncio.sleep(0.005)

    # what it is loaded with ------------------------------------------------------------------------
    def condor(self, board: list[Option], number: int) -> tuple[LegIntent, ...]:
        """Four strikes of one expiry, each time others."""
        puts = sorted((o for o in board if not o.is_call), key=lambda o: o.strike)
        calls = sorted((o for o in board if o.is_call), key=lambda o: o.strike)
        legs = (puts[number], puts[number + 10], calls[-number - 11], calls[-number - 1])
        sides = (Action.BUY, Action.SELL, Action.SELL, Action.BUY)
        return tuple(LegIntent(leg.con_id, 1, side) for leg, side in zip(legs, sides, strict=True))

    async def load(self) -> dict[str, Any]:
        """Twenty orders at work, five hundred subscriptions waiting."""
        self.round += 1
        options = [[o for o in board if isinstance(o, Option)] for board in self.boards.values()]
        wide = [board for board in options if len(board) > 60]
        now = self.clock.now()
        records: dict[str, OrderRecord] = {}
        tickets = []
        for number in range(ORDERS):
            ref = f"ic-20990101-{self.round}.exit.{number + 1}"
            intent = PlaceIntent(
                ref=ref, chain_ref=f"{ref}/1", attempt=1, purpose=Purpose.EXIT, owner=f"ic-20990101-{self.round}",
                rule="X-EXEC", legs=self.condor(wide[number % len(wide)], number), quantity=1,
                limit_points=FAR_TOO_DEAR, mid_points=FAR_TOO_DEAR, natural_points=FAR_TOO_DEAR, decided_at=now,
            )  # fmt: skip
            records[ref] = OrderRecord(intent, OrderState.APPROVED, now, now)
            tickets.append(Approved(intent, self.runner.state.seq, seal=_SEAL))
        book = Book(orders=records, broker_positions={})
        self.runner.state = msgspec.structs.replace(self.runner.state, book=book)
        for ticket in tickets:
            self.broker.submit(ticket)
        await self.until(lambda: self.working() == ORDERS, f"{ORDERS} working orders")
        lines = [o for board in options for o in board][:WANTED]
        self.broker.subscribe(tuple(lines))
        await asyncio.sleep(0.1)  # the budget's first burst is through, the rest waits
        return {"working": self.working(), "queued": self.waiting()}

    def working(self) -> int:
        return sum(r.state is OrderState.WORKING for r in self.runner.state.book.live_orders())

    def waiting(self) -> int:
        """Subscriptions wanted and not yet written."""
        return WANTED - self.broker.lines_in_use()

    async def press(self) -> dict[str, Any]:
        """Posts the kill as a signal handler does; tells when, and when the bot had its proof."""
        queued = self.waiting()
        at = time.monotonic()
        self.inbox.post(ev.OperatorCommanded(verb=OperatorVerb.KILL, who="bench", reason="measured"))
        await self.until(lambda: halt_proved(self.runner.state), "the bot's proof")
        return {"at": at, "verified_ms": 1000.0 * (time.monotonic() - at), "queued": queued}

    async def arm(self) -> dict[str, Any]:
        """As if a person had armed; nothing is subscribed to any more."""
        self.broker.subscribe(())
        latch.clear(self.state_dir / latch.NAME)
        book = Book(broker_positions={})
        self.runner.state = msgspec.structs.replace(
            self.runner.state,
            control=Control(),
            kill_file=False,
            book=book,
            now=self.clock.now() - timedelta(seconds=1),
        )
        return {}


async def serve(port: int, state_dir: Path) -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    bot = Loaded(port, state_dir)
    await bot.start()
    _say({"ready": True})
    while line := (await reader.readline()).decode().strip():
        _say(await {"load": bot.load, "press": bot.press, "arm": bot.arm}[line]())


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """`python -m benchmarks.loaded_bot PORT STATE`."""
    port, state_dir = int(sys.argv[1]), Path(sys.argv[2])
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with acquire(state_dir):
        asyncio.run(serve(port, state_dir))


if __name__ == "__main__":
    main()
