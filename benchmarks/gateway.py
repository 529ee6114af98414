"""The simulated gateway under load: ticks a second into ib_insync, round trips, connects, memory over a month.

The gateway is a process of its own. The client follows market time on the control channel and lets it run a few ticks
ahead, so that the slower of the two sets the pace and nothing is lost. The reference is what the same client takes in
when a replay server writes it the same recorded bytes without computing anything. Rounds of both alternate.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ib_insync import IB, Contract, Option  # noqa: E402, TID251 - the client that listens

from benchmarks.table import Row, render  # noqa: E402

LINES, GROUP, GROUPS_AHEAD = 100, 25, 8
ROUNDS, WARM_S, ROUND_S = 3, 1.0, 3.0
TRIPS, CONNECTS = 2000, 30
MONTH_DAYS, MONTH_LINES = 21, 30
CURRENT_TIME = 49
_CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass
class Process:
    """A server of its own: its ports, its share of a core, its memory."""

    popen: subprocess.Popen[str]
    ready: dict[str, Any]

    @classmethod
    def start(cls, *words: str) -> Process:
        popen = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert popen.stdout is not None
        return cls(popen, json.loads(popen.stdout.readline()))

    @classmethod
    def gateway(cls, scenario: str, *words: str) -> Process:
        return cls.start("-m", "bot", "gateway", "--port", "0", "--limits", "off", "--scenario", scenario, *words)

    @classmethod
    def held(cls, scenario: str, *words: str) -> Process:
        """A gateway whose market time moves only while somebody follows it, and then as fast as it can."""
        served = cls.gateway(scenario, "--speed", "max", *words)
        with socket.create_connection(("127.0.0.1", served.control)) as control:
            control.sendall(b'{"verb": "hold"}\n')
            control.makefile().readline()
        return served

    @property
    def port(self) -> int:
        return int(self.ready["port"])

    @property
    def control(self) -> int:
        return int(self.ready["control"].rpartition(":")[2])

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK

    def rss_mb(self) -> float:
        text = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait()


class Follower:
    """Lets market time run as far as its clients have read: a question put into a client's stream is answered behind
    all that was written before it, and the answers acknowledge a group of ticks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listeners: Listeners) -> None:
        self.ticks = 0
        self.ended = False
        self._reader, self._writer, self._clients = reader, writer, listeners.clients
        self._asked: deque[int] = deque()
        for place, ib in enumerate(self._clients):
            ib.client.decoder.handlers[CURRENT_TIME] = functools.partial(self._answered, place)
        self._answers = [0] * len(self._clients)
        self._acked = 0
        self._task = asyncio.create_task(self._run())

    @classmethod
    async def join(cls, port: int, listeners: Listeners) -> Follower:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(json.dumps({"verb": "follow", "ahead": GROUPS_AHEAD * GROUP}).encode() + b"\n")
        await reader.readline()
        return cls(reader, writer, listeners)

    async def _run(self) -> None:
        while line := await self._reader.readline():
            tick = json.loads(line)
            self.ticks += 1
            self.ended = self.ended or tick["phase"] == "end"
            if self.ticks % GROUP == 1 or self.ended:
                self._asked.append(tick["n"])
                for ib in self._clients:
                    ib.client.reqCurrentTime()

    def _answered(self, place: int, fields: list[str]) -> None:
        self._answers[place] += 1
        while self._asked and min(self._answers) > self._acked:
            self._acked += 1
            self._writer.write(b'{"ack": %d}\n' % self._asked.popleft())

    def leave(self) -> None:
        self._task.cancel()
        self._writer.close()


async def watched(port: int, count: int) -> list[Contract]:
    """So many puts and calls around the index, of one expiry after the other."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=99, timeout=20)
    chain = next(c for c in await ib.reqSecDefOptParamsAsync("SPX", "", "IND", 416904) if c.tradingClass == "SPXW")
    found: list[Contract] = []
    for expiry in sorted(chain.expirations)[10:]:
        asked = Option("SPX", expiry, exchange="SMART", tradingClass="SPXW", currency="USD")
        listed = [one.contract for one in await ib.reqContractDetailsAsync(asked)]
        found += [one for one in listed if one is not None and 5200.0 <= one.strike <= 5800.0]
        if len(found) >= count:
            break
    ib.disconnect()
    return found[:count]


@dataclass
class Listeners:
    """ib_insync clients in this process, all watching the same contracts."""

    clients: list[Any] = field(default_factory=list)

    @classmethod
    async def join(cls, port: int, contracts: list[Contract], count: int) -> Listeners:
        made = cls()
        for number in range(count):
            ib = IB()
            ib.client.MaxRequests = 0
            await ib.client.connectAsync("127.0.0.1", port, 1 + number, 20)
            made.clients.append(ib)
            for contract in contracts:
                ib.reqMktData(contract)
        return made

    def messages(self) -> int:
        return sum(ib.client.connectionStats().numMsgRecv for ib in self.clients)

    async def rate(self) -> tuple[float, float]:
        """Messages a second over all clients, and microseconds of this process's own work for each."""
        await asyncio.sleep(WARM_S)
        began, worked, before = time.perf_counter(), time.process_time(), self.messages()
        await asyncio.sleep(ROUND_S)
        count = max(self.messages() - before, 1)
        return count / (time.perf_counter() - began), 1e6 * (time.process_time() - worked) / count

    def leave(self) -> None:
        for ib in self.clients:
            ib.client.disconnect()


async def recorded(served: Process, contracts: list[Contract]) -> bytes:
    """A second of the gateway's stream as one client gets it, whole messages only."""
    listeners = await Listeners.join(served.port, contracts, 1)
    follower = await Follower.join(served.control, listeners)
    await asyncio.sleep(WARM_S)
    client = listeners.clients[0].client
    chunks = [client._data]  # the part of a message that has come already
    client.conn.hasData += chunks.append
    await asyncio.sleep(1.0)
    follower.leave()
    listeners.leave()
    data, place = b"".join(chunks), 0
    while place + 4 <= len(data) and (end := place + 4 + struct.unpack_from(">I", data, place)[0]) <= len(data):
        place = end
    return data[:place]


@dataclass
class Streamed:
    """By round: messages a second that one client takes in from the replay and so many together from the gateway;
    microseconds of work for each message in the client and in the gateway; the gateway's share of a core, market ticks
    a second; its memory in the end."""

    replay: list[float] = field(default_factory=list)
    gateway: list[float] = field(default_factory=list)
    client_us: list[float] = field(default_factory=list)
    gateway_us: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    rss_mb: float = 0.0


async def streaming(clients: int, rounds: int, folder: Path) -> Streamed:
    """Alternating rounds of replay and gateway."""
    found = Streamed()
    served = Process.held("calm", "--tick", "1")
    try:
        contracts = await watched(served.port, LINES)
        stream = folder / "stream.bin"
        stream.write_bytes(await recorded(served, contracts))
        for _ in range(rounds):
            replay = Process.start(str(ROOT / "benchmarks/replay_server.py"), str(stream))
            listeners = await Listeners.join(replay.port, contracts, 1)
            rate, work_us = await listeners.rate()
            found.replay.append(rate)
            found.client_us.append(work_us)
            listeners.leave()
            replay.stop()
            listeners = await Listeners.join(served.port, contracts, clients)
            follower = await Follower.join(served.control, listeners)
            cpu, ticks, count = served.cpu_s(), follower.ticks, listeners.messages()
            began = time.perf_counter()
            rate, _ = await listeners.rate()
            wall, cpu = time.perf_counter() - began, served.cpu_s() - cpu
            found.gateway.append(rate)
            found.gateway_us.append(1e6 * cpu / max(listeners.messages() - count, 1))
            found.cpu.append(cpu / wall)
            found.ticks.append((follower.ticks - ticks) / wall)
            follower.leave()
            listeners.leave()
            await asyncio.sleep(0.2)
        found.rss_mb = served.rss_mb()
    finally:
        served.stop()
    return found


async def answering() -> tuple[list[float], list[float]]:
    """Milliseconds of reqCurrentTime round trips and of whole connects, at a gateway with nothing else to do."""
    served = Process.gateway("calm")
    trips, connects = [], []
    try:
        ib = IB()
        ib.client.MaxRequests = 0
        await ib.connectAsync("127.0.0.1", served.port, clientId=1, timeout=20)
        for _ in range(TRIPS):
            began = time.perf_counter()
            await ib.reqCurrentTimeAsync()
            trips.append((time.perf_counter() - began) * 1e3)
        ib.disconnect()
        for number in range(CONNECTS):
            ib = IB()
            began = time.perf_counter()
            await ib.connectAsync("127.0.0.1", served.port, clientId=2 + number, timeout=20)
            connects.append((time.perf_counter() - began) * 1e3)
            ib.disconnect()
            await asyncio.sleep(0.01)
    finally:
        served.stop()
    return trips, connects


def month(folder: Path) -> Path:
    """The quiet scenario told on for a month of sessions."""
    text = (ROOT / "bot/sim/world/scenarios/calm.toml").read_text()
    head, *days = text.partition("[[day]]")[0], *text.split("[[day]]")[1:]
    path = folder / "month.toml"
    path.write_text(head + "".join(f"[[day]]{days[number % len(days)]}" for number in range(MONTH_DAYS)))
    return path


async def living(folder: Path) -> list[float]:
    """Memory of the gateway in MB at the end of each session of a month, with lines watched throughout."""
    served = Process.held(str(month(folder)), "--tick", "15")
    sizes: list[float] = []
    try:
        contracts = await watched(served.port, MONTH_LINES)
        listeners = await Listeners.join(served.port, contracts, 1)
        follower = await Follower.join(served.control, listeners)
        per_day = 27_900 // 15
        while len(sizes) < MONTH_DAYS and served.popen.poll() is None:
            await asyncio.sleep(0.05)
            if follower.ticks >= per_day * (len(sizes) + 1) or follower.ended:
                sizes.append(served.rss_mb())
                if follower.ended:
                    break
        follower.leave()
        listeners.leave()
    finally:
        served.stop()
    return sizes


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def _stream_rows(clients: int, found: Streamed) -> list[Row]:
    middle = statistics.median
    theirs, ours = middle(found.replay), middle(found.gateway)
    theirs_us, ours_us = middle(found.client_us), middle(found.gateway_us)
    who = "one client" if clients == 1 else f"{clients} clients in one process"
    about = f"{middle(found.ticks):,.0f} ticks/s, {middle(found.cpu):.0%} of a core, {found.rss_mb:.0f} MB"
    return [
        Row(f"messages into {who}, {LINES} lines each ({about})", f"{theirs / 1e3:,.0f} k/s", f"{ours / 1e3:,.0f} k/s",
            ours / theirs, ">= 1x", ours >= theirs),
        Row(f"work for a message: client, gateway ({who})", f"{theirs_us:.2f} us", f"{ours_us:.2f} us",
            ours_us / theirs_us, "<= 1x", ours_us <= theirs_us),
    ]  # fmt: skip


def run(folder: Path, rounds: int = ROUNDS) -> list[Row]:
    """Table E."""
    table: list[Row] = []
    for clients in (1, 10):
        table += _stream_rows(clients, asyncio.run(streaming(clients, rounds, folder)))
    trips, connects = asyncio.run(answering())
    half, most = quantile(trips, 0.5), quantile(trips, 0.99)
    table.append(Row("round trip of reqCurrentTime, p50", "", f"{half:.3f} ms", None, "<= 0.2 ms", half <= 0.2))
    table.append(Row("round trip of reqCurrentTime, p99", "", f"{most:.3f} ms", None, "", None))
    middle = quantile(connects, 0.5)
    table.append(Row("connect and synchronise, p50", "", f"{middle:.1f} ms", None, "<= 10 ms", middle <= 10.0))
    sizes = asyncio.run(living(folder))
    middle = len(sizes) // 2  # until then the gateway's bounded caches fill: days looked back upon, trades drawn
    slope = (sizes[-1] - sizes[middle]) / (len(sizes) - 1 - middle)
    text = f"memory, {MONTH_LINES} lines: first, middle and last of {len(sizes)} sessions, growth of the second half"
    said = f"{sizes[0]:.0f}, {sizes[middle]:.0f}, {sizes[-1]:.0f} MB, {slope:+.2f} MB a session"
    table.append(Row(text, "", said, None, "<= 0.1 MB", slope <= 0.1))
    return table


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(render("E. the simulated gateway against a replay of its own bytes", run(Path(name))))
