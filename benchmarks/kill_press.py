"""How fast a kill is on the wire and proven, with twenty working orders and five hundred subscriptions queued.

Real processes: a simulated gateway, a tap before it that notes when a global cancel arrives, a loaded bot, a killer. In
process: the kill is posted as a signal handler posts it, a hundred times. Stopped: the bot is stopped by SIGSTOP, the
file is touched, and the killer's own connection does it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.loaded_bot import CLIENT, QUEUED  # noqa: E402
from bot.killer.told import Told  # noqa: E402

PRESSES, STOPS, AT_ONCE = 100, 10, 10
"""A bot and its gateway make ten presses: with two hundred orders of a day behind them, more than any bot has."""
KILLER = 917
PATIENCE_S = 120.0


class Talk:
    """A child process that answers JSON lines to words."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended")
        return json.loads(line)

    def ask(self, word: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        for number in (signal.SIGCONT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
        self.process.wait()


@contextlib.contextmanager
def running(place: Path) -> Iterator[tuple[Talk, Talk, Path, int]]:
    """Tap, loaded bot, its state directory, and the tap's port."""
    gateway = Talk(sys.executable, "-m", "bot", "gateway", "--port", "0", "--speed", "1")
    tap = Talk(sys.executable, str(ROOT / "benchmarks" / "wire_tap.py"), str(gateway.hear()["port"]))
    port = tap.hear()["port"]
    bot = Talk(sys.executable, "-m", "benchmarks.loaded_bot", str(port), str(place / "state"))
    try:
        bot.hear()
        yield tap, bot, place / "state", port
    finally:
        for child in (bot, tap, gateway):
            child.end()


def in_process(tap: Talk, bot: Talk, presses: int) -> list[tuple[float, float]]:
    """Milliseconds from the post to the first cancel at the tap, and to the bot's proof."""
    found = []
    for _ in range(presses):
        loaded = bot.ask("load")
        assert loaded["working"] >= 20, loaded
        tap.ask("forget")
        pressed = bot.ask("press")
        assert pressed["queued"] >= QUEUED, pressed
        (client, at), *_ = tap.ask("cancels")
        assert client == CLIENT
        found.append((1000.0 * (at - pressed["at"]), pressed["verified_ms"]))
        bot.ask("arm")
    return found


def stopped(tap: Talk, bot: Talk, state: Path, port: int, presses: int) -> list[tuple[float, float]]:
    """The same with the bot stopped: to the killer's first cancel, and to its proof."""
    told = Told(
        state_dir=str(state), host="127.0.0.1", port=port, client_id=KILLER, bot_client_id=CLIENT, account="",
        connect_timeout_s=4.0, heartbeat_s=5.0, half_open_s=10.0, reconnect_initial_s=0.5, reconnect_max_s=10.0,
        poll_s=0.1, hung_s=600.0,
    )  # fmt: skip
    found = []
    command = (sys.executable, "-m", "bot.killer", msgspec.json.encode(told).decode())
    killer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(presses):
            bot.ask("load")
            until(lambda: standing(state).get("link") == "up" and standing(state).get("phase") == "watching", "killer")
            tap.ask("forget")
            bot.process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            (state / "KILL").touch()
            until(lambda: standing(state).get("phase") == "verified", "the killer's proof")
            verified_ms = 1000.0 * (time.monotonic() - began)
            (client, at), *_ = tap.ask("cancels")
            assert client == KILLER
            found.append((1000.0 * (at - began), verified_ms))
            bot.process.send_signal(signal.SIGCONT)
            bot.ask("arm")
    finally:
        killer.terminate()
        killer.wait()
    return found


def standing(state: Path) -> dict[str, Any]:
    """The killer's status file."""
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((state / "killer.json").read_text())
        return found
    return {}


def until(found: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        if time.monotonic() > deadline:
            raise SystemExit(f"never came: {what}")
        time.sleep(0.002)


def line(name: str, figures: list[float], limit_ms: float) -> str:
    """Quantiles of one figure against what is asked of it."""
    ranked = sorted(figures)
    p50, p99 = (ranked[max(0, math.ceil(share * len(ranked)) - 1)] for share in (0.5, 0.99))
    met = "met" if p99 <= limit_ms else "MISSED"
    return f"{name:<46} {p50:>8.1f} {p99:>8.1f} {ranked[-1]:>8.1f}   <= {limit_ms:g} ms p99: {met}\n"


def main() -> int:
    """Prints the table with the load of the machine."""
    presses = int(sys.argv[1]) if len(sys.argv) > 1 else PRESSES
    stops = min(STOPS, presses)
    load = os.getloadavg()[0]
    fast: list[tuple[float, float]] = []
    slow: list[tuple[float, float]] = []
    while len(fast) < presses:
        with tempfile.TemporaryDirectory() as place, running(Path(place)) as (tap, bot, state, port):
            fast += in_process(tap, bot, min(AT_ONCE, presses - len(fast)))
            if len(slow) < stops:
                slow += stopped(tap, bot, state, port, min(2, stops - len(slow)))
    sys.stdout.write(
        f"kill with 20 working orders and 500 subscriptions queued; {presses} presses, {stops} with the bot stopped; "
        f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores\n"
        f"{'milliseconds from the press':<46} {'p50':>8} {'p99':>8} {'max':>8}\n"
        + line("in process: first cancel on the wire", [row[0] for row in fast], 50.0)
        + line("in process: verified by the bot", [row[1] for row in fast], 2000.0)
        + line("bot stopped (SIGSTOP): first cancel, killer", [row[0] for row in slow], 2000.0)
        + line("bot stopped (SIGSTOP): verified by the killer", [row[1] for row in slow], 5000.0)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
