"""Tick bytes in, order bytes out: the whole bot against a bare client that keeps the same promise.

Both talk to a stub gateway in a process of its own over loopback TCP; it sends the bytes of one tick and stops the
clock when the order's bytes have arrived whole. The bare client is ib_insync with one handler that writes the same
number of bytes as the bot into SQLite (WAL, synchronous FULL) and places the order. The bot is inbox, runner, journal,
engine, desk, gate, durable commit and adapter; it holds a condor whose profit target the tick crosses. Rounds of both
alternate. A second table says how fast an order or a kill leaves while 500 subscriptions wait for the message budget.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ib_insync import IB, ComboLeg, Contract, LimitOrder  # noqa: E402, TID251 - the peer

from benchmarks import held_condor as held  # noqa: E402
from benchmarks.journal import Bare  # noqa: E402
from benchmarks.stub_gateway import GLOBAL_CANCEL, PLACE_ORDER, frame  # noqa: E402
from benchmarks.table import Row, render  # noqa: E402
from bot import latch  # noqa: E402
from bot.actions import Submit  # noqa: E402
from bot.clock import FixedClock  # noqa: E402
from bot.engine.state import State  # noqa: E402
from bot.engine.step import step  # noqa: E402
from bot.ibkr.broker import IbkrBroker  # noqa: E402
from bot.ibkr.settings import BrokerSettings  # noqa: E402
from bot.inbox import Inbox  # noqa: E402
from bot.journal import Journal  # noqa: E402
from bot.logs import Chronicle, SessionFile, make_logger  # noqa: E402
from bot.quiet import QuietCollector  # noqa: E402
from bot.runner import Runner  # noqa: E402
from strategies.domain import events as ev  # noqa: E402
from strategies.domain.control import LinkState  # noqa: E402
from strategies.domain.instruments import Instrument, Right  # noqa: E402
from strategies.domain.session import session_date  # noqa: E402

ROUNDS, PAUSE_S = 300, 0.045  # below the message budget of either client
PENDING, TRIALS = 500, 12
ASK, BID = 2, 1


class Stub:
    """The stub gateway's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0

    @classmethod
    async def start(cls) -> Stub:
        path = str(Path(__file__).with_name("stub_gateway.py"))
        pipe = asyncio.subprocess.PIPE
        stub = cls(await asyncio.create_subprocess_exec(sys.executable, path, stdin=pipe, stdout=pipe))
        stub.port = (await stub.answer())["port"]
        return stub

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(20.0):
            line = await self.process.stdout.readline()
        if not line:
            raise SystemExit("the stub gateway ended: its client closed the connection")
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, **command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.answer()

    async def line_of(self, con_id: int) -> str:
        """Request id under which a contract is watched."""
        for _ in range(200):
            lines: dict[str, str] = (await self.ask(what="lines"))["lines"]
            if str(con_id) in lines:
                return lines[str(con_id)]
            await asyncio.sleep(0.02)
        raise SystemExit(f"contract {con_id} was never requested")

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def _client() -> Any:
    """The library, which knows no types."""
    return cast(Any, IB)()


def tick(line: str, kind: int, price: float) -> bytes:
    return frame(1, 6, line, kind, round(price, 2), 20, 1)


def target_tick(line: str, *, crossed: bool) -> str:
    """The ask of the short put, before or beyond the profit target."""
    ask = held.prices()[held.SHORT_PUT][1] - (held.STEP_POINTS if crossed else 0.0)
    return tick(line, ASK, ask).hex()


@dataclass
class WholeBot:
    """Everything of the bot but its start and its timers."""

    stub: Stub
    inbox: Inbox
    journal: Journal
    broker: IbkrBroker
    runner: Runner
    task: asyncio.Task[Any] | None = None
    template: State | None = None
    line: str = ""

    @classmethod
    async def start(cls, folder: Path, **settings: Any) -> WholeBot:
        stub, inbox, clock = await Stub.start(), Inbox(), FixedClock(held.NOW)
        path = str(folder / "KILL")
        fixed = BrokerSettings(
            port=stub.port, heartbeat_s=500.0, half_open_s=900.0, request_timeout_s=300.0, **settings
        )
        broker = IbkrBroker(fixed, clock, inbox.post, inbox.post_quote, lambda: latch.present(path))
        journal = Journal.open(folder / "journal.sqlite3", clock_session=session_date)
        files = SessionFile(folder / "log")
        runner = Runner(
            state=State(), journal=journal, broker=broker, clock=clock, inbox=inbox, latch_path=folder / "KILL",
            observe=Chronicle(make_logger(files, "info"), files).observe, refresh_calendar=held.calendar,
            cadence_s=0.0,
        )  # fmt: skip
        inbox.post(held.run_started())
        inbox.post(held.calendar())
        bot = cls(stub, inbox, journal, broker, runner)
        bot.task = asyncio.create_task(runner.run())
        await broker.start()
        for _ in range(1000):
            if runner.state.link.state is LinkState.UP:
                return bot
            await asyncio.sleep(0.02)
        raise SystemExit(f"the bot did not come up: {runner.state.link.reason}")

    async def hold(self) -> None:
        """Puts the condor in, watches its legs and feeds them their first quotes."""
        self.template = held.graft(self.runner.state)
        legs = held.options()
        self.broker.subscribe((held.SPX, held.VIX, *legs))
        self.reset()
        for option, (bid, ask) in zip(legs, held.prices(), strict=True):
            line = await self.stub.line_of(option.con_id)
            await self.stub.ask(send=(tick(line, BID, bid) + tick(line, ASK, ask)).hex())
        self.line = await self.stub.line_of(legs[held.SHORT_PUT].con_id)
        await asyncio.sleep(0.1)
        self.reset()

    def reset(self) -> None:
        """Back to the moment before the tick."""
        assert self.template is not None
        self.runner.state = self.template

    async def fire(self) -> float:
        """Microseconds from tick to order."""
        took = await self.stub.ask(fire=target_tick(self.line, crossed=True))
        await asyncio.sleep(PAUSE_S / 3)
        await self.stub.ask(send=target_tick(self.line, crossed=False))
        await asyncio.sleep(PAUSE_S / 3)
        self.reset()
        return float(took["ns"]) / 1000.0

    def bytes_an_order(self) -> int:
        """Bytes of the last durable write: the tick's fact and the outcome with the order."""
        rows = sqlite3.connect(self.journal.path).execute(
            "SELECT SUM(length(CAST(o.body AS BLOB))) + SUM(length(CAST(e.body AS BLOB))) FROM records o "
            "JOIN records e ON e.seq = o.cause_seq WHERE o.seq = "
            "(SELECT MAX(seq) FROM records WHERE kind = 'outcome' AND body LIKE '%\"approved\":true%')"
        )
        return int(rows.fetchone()[0])

    async def stop(self) -> None:
        self.runner.stop(0, "measured")
        if self.task is not None:
            await self.task
        await self.broker.stop()
        self.journal.close()
        await self.stub.stop()


@dataclass
class BareClient:
    """The library as it comes, one handler, one durable write."""

    stub: Stub
    ib: Any
    bare: Bare
    line: str = ""
    body: bytes = b""

    @classmethod
    async def start(cls, folder: Path, size: int) -> BareClient:
        stub = await Stub.start()
        ib = _client()
        await ib.connectAsync("127.0.0.1", stub.port, clientId=1, timeout=10)
        client = cls(stub, ib, Bare(folder / "bare.sqlite3", "FULL"), body=bytes(size))
        legs = held.options()
        watched = Contract(conId=legs[held.SHORT_PUT].con_id, secType="OPT", exchange="SMART")
        combo = Contract(
            symbol="SPX", secType="BAG", exchange="SMART", currency="USD",
            comboLegs=[ComboLeg(conId=leg.con_id, ratio=1, action="BUY", exchange="SMART") for leg in legs],
        )  # fmt: skip
        crossed = round(held.prices()[held.SHORT_PUT][1] - held.STEP_POINTS, 2)

        def on_tick(ticker: Any) -> None:
            if ticker.ask == crossed:
                client.bare.commit(client.body)
                ib.placeOrder(combo, LimitOrder("BUY", held.UNITS, 16.55, tif="DAY", transmit=True))

        ib.reqMktData(watched).updateEvent += on_tick
        client.line = await stub.line_of(watched.conId)
        return client

    async def fire(self) -> float:
        took = await self.stub.ask(fire=target_tick(self.line, crossed=True))
        await asyncio.sleep(PAUSE_S / 3)
        await self.stub.ask(send=target_tick(self.line, crossed=False))
        await asyncio.sleep(PAUSE_S / 3)
        return float(took["ns"]) / 1000.0

    async def stop(self) -> None:
        self.ib.disconnect()
        self.bare.db.close()
        await self.stub.stop()


async def paths(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Microseconds of each round, bare and bot in turn; the bot with and without its hand on the collector."""
    bot = await WholeBot.start(folder)
    await bot.hold()
    for _ in range(10):
        await bot.fire()
    bare = await BareClient.start(folder, bot.bytes_an_order())
    for _ in range(10):
        await bare.fire()
    found: dict[str, list[float]] = {"bare": [], "bot": [], "bare, collector off": [], "bot, collector off": []}
    for _ in range(rounds):
        found["bare"].append(await bare.fire())
        found["bot"].append(await bot.fire())
    quietly = ev.FaultNoted(code="BENCH", text="a quiet moment")
    with QuietCollector() as quiet:
        for _ in range(rounds):
            found["bare, collector off"].append(await bare.fire())
            found["bot, collector off"].append(await bot.fire())
            quiet.after(quietly, idle=True)
    await bot.stop()
    await bare.stop()
    return found


def many(count: int) -> tuple[Instrument, ...]:
    """So many more options to subscribe to."""
    strikes = tuple((3000.0 + 5.0 * i, Right.CALL) for i in range(count))
    return held.options(800_000_001, strikes)


async def pending(folder: Path) -> dict[str, list[float]]:
    """Milliseconds until a kill or an order is at the gateway while so many subscriptions wait; and the library's."""
    bot = await WholeBot.start(folder, max_lines=PENDING + 10)
    await bot.hold()
    assert bot.template is not None
    crossing = ev.QuotesUpdated(quotes=(held.nearer(bot.template.link.epoch),))
    found: dict[str, list[float]] = {"kill": [], "order": [], "library": []}
    lines = many(PENDING)
    for _ in range(TRIALS):
        for name, kind in (("kill", GLOBAL_CANCEL), ("order", PLACE_ORDER)):
            result = step(bot.template, ev.Envelope(bot.template.seq + 1, held.NOW, crossing))
            approved = next(action.approved for action in result.actions if isinstance(action, Submit))
            await bot.stub.ask(forget="")
            bot.broker.subscribe((*held.options(), *lines))
            await asyncio.sleep(0.05)
            began = time.perf_counter_ns()
            if name == "kill":
                bot.broker.cancel_all()
            else:
                bot.broker.submit(approved)
            found[name].append(((await bot.stub.ask(wait=kind))["at"] - began) / 1e6)
            bot.broker.subscribe(held.options())
            await asyncio.sleep(0.15)
            bot.reset()
    await bot.stop()
    found["library"].append(await _library(lines))
    return found


async def _library(lines: tuple[Instrument, ...]) -> float:
    stub, ib = await Stub.start(), _client()
    await ib.connectAsync("127.0.0.1", stub.port, clientId=1, timeout=10)
    for instrument in lines:
        ib.reqMktData(Contract(conId=instrument.con_id, secType="OPT", exchange="SMART"))
    began = time.perf_counter_ns()
    ib.placeOrder(Contract(conId=1, secType="OPT", exchange="SMART"), LimitOrder("BUY", 1, 1.0))
    at = float((await stub.ask(wait=PLACE_ORDER))["at"])
    ib.disconnect()
    await stub.stop()
    return (at - began) / 1e6


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def rows(found: dict[str, list[float]], waits: dict[str, list[float]]) -> list[Row]:
    """The figures against `tick to order p50 <= 1.3x bare, max <= 2 ms; 5 ms with 500 subscriptions pending`."""
    table = []
    for suffix, says in (("", "automatic collector"), (", collector off", "collected in quiet moments")):
        bare, bot = found[f"bare{suffix}"], found[f"bot{suffix}"]
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            theirs, ours = quantile(bare, share), quantile(bot, share)
            target, reached = "", None
            if suffix and name == "p50":
                target, reached = "<= 1.3x", ours / theirs <= 1.3
            if suffix and name == "max":
                target, reached = "<= 2 ms", ours <= 2000.0
            title = f"tick to order, {name} ({says})"
            table.append(Row(title, f"{theirs:.0f} us", f"{ours:.0f} us", ours / theirs, target, reached))
    peer = f"{waits['library'][0] / 1000.0:.1f} s"
    for name in ("order", "kill"):
        for which, took in (("p50", statistics.median(waits[name])), (f"max of {TRIALS}", max(waits[name]))):
            title = f"{name} with {PENDING} subscriptions pending, {which}"
            table.append(Row(title, peer, f"{took:.2f} ms", None, "<= 5 ms", took <= 5.0))
    return table


async def _measure(first: Path, second: Path, rounds: int) -> list[Row]:
    return rows(await paths(first, rounds), await pending(second))


def run(folder: Path, rounds: int = ROUNDS) -> list[Row]:
    """Rows of the table, measured on the disk of `folder`."""
    first, second = folder / "paths", folder / "pending"
    first.mkdir()
    second.mkdir()
    return asyncio.run(_measure(first, second, rounds))


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        print(render("C. live path over loopback TCP against bare ib_insync", run(Path(name))))


if __name__ == "__main__":
    main()
