"""What a dashboard with twenty browsers costs the loop that trades: `python -m benchmarks.dashboard`.

A loop asks to be woken every 10 ms and notes how late it is; at each turn it hands a new step to the page. Rounds
without and with browsers alternate. The browsers are sockets of another process that read the stream; the state holds
a condor. Also told: what one step costs the loop, and what one view costs the page's own thread.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import held_condor as held  # noqa: E402
from benchmarks.table import Row  # noqa: E402
from bot.engine.outcome import Outcome  # noqa: E402
from bot.engine.state import State  # noqa: E402
from bot.engine.step import step  # noqa: E402
from bot.web.gathered import Gathered  # noqa: E402
from bot.web.server import Dashboard  # noqa: E402
from bot.web.view.view import view_of  # noqa: E402
from strategies.domain import events as ev  # noqa: E402
from strategies.domain.control import LinkState  # noqa: E402

BROWSERS, ROUNDS, ROUND_S, TURN_S, OBSERVED = 20, 4, 8.0, 0.01, 100_000
READER = """
import select, socket, sys
host, port, token, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
ask = f"GET /stream HTTP/1.1\\r\\nHost: {host}:{port}\\r\\nAuthorization: Bearer {token}\\r\\n\\r\\n".encode()
sockets = [socket.create_connection((host, port)) for _ in range(count)]
for each in sockets:
    each.sendall(ask)
while True:
    for each in select.select(sockets, [], [])[0]:
        each.recv(1 << 20)
"""


def state_with_a_condor() -> State:
    """A bot that is up, in step, and holds one condor."""
    state = State()
    up = ev.LinkChanged(state=LinkState.UP, epoch=1, reason="bench", accounts=(held.ACCOUNT,))
    for number, fact in enumerate((held.run_started(), held.calendar(), up), start=1):
        state = step(state, ev.Envelope(number, held.NOW, fact)).state
    return held.graft(state)


async def lateness_ms(gathered: Gathered, state: State) -> list[float]:
    """How late each turn was, sorted."""
    loop, rows = asyncio.get_running_loop(), []
    envelope, nothing = ev.Envelope(state.seq, held.NOW, ev.QuotesUpdated(quotes=())), Outcome()
    end = loop.time() + ROUND_S
    while loop.time() < end:
        due = loop.time() + TURN_S
        await asyncio.sleep(TURN_S)
        rows.append(1000.0 * (loop.time() - due))
        gathered.observe(envelope, state, nothing)
    return sorted(rows)


def told(name: str, rows: list[float]) -> str:
    at = [rows[int(len(rows) * share)] for share in (0.5, 0.9, 0.99)]
    return f"{name:<14}{at[0]:8.2f}{at[1]:8.2f}{at[2]:8.2f}{rows[-1]:8.2f}"


def main() -> None:
    """Prints the table."""
    state, gathered = state_with_a_condor(), Gathered(lambda: 40)
    envelope, nothing = ev.Envelope(state.seq, held.NOW, ev.QuotesUpdated(quotes=())), Outcome()
    start = time.perf_counter()
    for _ in range(OBSERVED):
        gathered.observe(envelope, state, nothing)
    print(f"a step costs the loop {1e6 * (time.perf_counter() - start) / OBSERVED:.1f} us")
    look = gathered.look()
    assert look is not None
    start = time.perf_counter()
    for _ in range(20):
        view_of(look)
    print(f"a view costs the page's thread {1e3 * (time.perf_counter() - start) / 20:.1f} ms, at most twice a second")
    print(f"load {os.getloadavg()[0]:.1f}\n{'late by, ms':<14}{'median':>8}{'90 %':>8}{'99 %':>8}{'most':>8}")
    for alone, listened in rounds(gathered, state, ROUNDS):
        print(told("no browser", alone))
        print(told(f"{BROWSERS} browsers", listened), flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


def rounds(gathered: Gathered, state: State, count: int) -> Iterator[tuple[list[float], list[float]]]:
    """How late the loop was without a browser and with all of them, in turn."""
    with tempfile.TemporaryDirectory() as name:
        page = Dashboard(
            gathered=gathered, state_dir=Path(name), host="127.0.0.1", port=0, refresh_s=0.5, post=lambda event: None
        )
        port = page.start().rstrip("/").rpartition(":")[2]
        token = (Path(name) / "web.token").read_text().strip()
        for _ in range(count):
            alone = asyncio.run(lateness_ms(gathered, state))
            command = [sys.executable, "-c", READER, "127.0.0.1", port, token, str(BROWSERS)]
            with subprocess.Popen(command) as readers:
                time.sleep(2.0)
                listened = asyncio.run(lateness_ms(gathered, state))
                readers.kill()
            yield alone, listened
            time.sleep(1.5)
        page.stop()


def measure() -> list[Row]:
    """The row of `make bench`: the mean of what the browsers add to the 99th percentile, over alternating rounds."""
    state, gathered = state_with_a_condor(), Gathered(lambda: 40)
    gathered.observe(ev.Envelope(state.seq, held.NOW, ev.QuotesUpdated(quotes=())), state, Outcome())
    late = [tuple(rows[int(len(rows) * 0.99)] for rows in pair) for pair in rounds(gathered, state, ROUNDS)]
    alone, listened = (statistics.mean(pair[side] for pair in late) for side in (0, 1))
    name, added = f"loop's lateness, p99, with {BROWSERS} browsers against none", listened - alone
    return [Row(name, f"{alone:.2f} ms", f"{listened:.2f} ms", None, "<= 1 ms more", added <= 1.0)]


if __name__ == "__main__":
    main()
