"""The kill drill: presses every trigger against a simulated gateway with an order working, and times what follows.

Real processes: a gateway, a bot, its killer. Times run from the press to when a look at the gateway's ledger, every two
milliseconds, shows the line: upper bounds. The bot lives, is stopped (SIGSTOP) or is gone (SIGKILL).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bot.clock import SystemClock

ROOT = Path(__file__).parent.parent
WORLD = ROOT / "tests" / "flow" / "crash_days.toml"
PATIENCE_S = 90.0
KILLER_CLIENT = 917
BUSY = (
    "alvh.enabled=false",
    "condor.entry.every_min=5", "condor.entry.scan_min=5", "condor.curve.samples=1",
    "condor.curve.sample_every_s=30.0", "condor.orders.step_s=86400.0", "killer.enabled=true", "killer.hung_s=180.0",
)  # fmt: skip


class Drill(NamedTuple):
    """One row: how the bot is, how the kill is pressed."""

    bot: str
    trigger: str


DRILLS = (
    Drill("alive", "file"), Drill("alive", "command"), Drill("alive", "SIGUSR1"),
    Drill("stopped", "file"), Drill("stopped", "command"), Drill("dead", "file"), Drill("dead", "command"),
)  # fmt: skip


class Measured(NamedTuple):
    """Milliseconds after the press to the first cancel at the gateway, to the order's end and to the killer's proof;
    whose the first cancel was, and what the command said."""

    first_cancel_ms: float
    by: str
    over_ms: float
    proof_ms: float
    said: str


def lines(path: Path) -> list[dict[str, Any]]:
    """The ledger so far; an unfinished last line is left out."""
    with contextlib.suppress(OSError):
        return [json.loads(text) for text in path.read_text().splitlines(keepends=True) if text.endswith("\n")]
    return []


def working(ledger: Path) -> bool:
    """Whether an order works by the ledger's last word on it."""
    last: dict[int, str] = {}
    for line in lines(ledger):
        if line["kind"] == "state":
            last[line["perm_id"]] = line["status"]
    return "Submitted" in last.values()


def told(state: Path) -> dict[str, Any]:
    """The killer's status file, empty while there is none."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((state / "killer.json").read_text())
    return found


def until(found: Callable[[], Any], what: str) -> Any:
    """Looks until something is there. Raises TimeoutError naming it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"never came: {what}")
        time.sleep(0.002)
    return answer


@contextlib.contextmanager
def running(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path, Path]]:
    """Gateway and bot on it; the bot, its state and the ledger."""
    state, ledger = place / "state", place / "ledger.jsonl"
    command = [sys.executable, "-m", "bot"]
    options = ["--scenario", str(WORLD), "--port", "0", "--speed", "600", "--ledger", str(ledger), "--seed", "7"]
    gateway = subprocess.Popen([*command, "gateway", *options], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert gateway.stdout is not None
    ready = json.loads(gateway.stdout.readline())
    ends = (f"broker.port={ready['port']}", f'clock.follow="{ready["control"]}"')
    settings = [word for setting in (*ends, *BUSY) for word in ("--set", setting)]
    bot = subprocess.Popen(
        [*command, "run", "--profile", "sim", "--state", str(state), *settings],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        yield bot, state, ledger
    finally:
        for number in (signal.SIGCONT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                bot.send_signal(number)
        bot.wait()
        with contextlib.suppress(OSError, KeyError):
            os.kill(told(state)["pid"], signal.SIGKILL)
        gateway.kill()
        gateway.wait()


def press(drill: Drill, bot: subprocess.Popen[str], state: Path) -> subprocess.Popen[str] | None:
    """Presses once; the command where it is one, still running."""
    if drill.trigger == "file":
        (state / "KILL").touch()
    elif drill.trigger == "SIGUSR1":
        bot.send_signal(signal.SIGUSR1)
    else:
        run = [sys.executable, "-m", "bot", "kill", "-m", "drill", "--state", str(state)]
        return subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return None


def measure(drill: Drill) -> Measured:
    """One drill from a fresh state to the end of every order and the killer's proof of it."""
    with tempfile.TemporaryDirectory() as place, running(Path(place)) as (bot, state, ledger):
        until(lambda: working(ledger), "an order")
        until(lambda: told(state).get("link") == "up", "the killer's link")
        if drill.bot != "alive":
            bot.send_signal(signal.SIGSTOP if drill.bot == "stopped" else signal.SIGKILL)
        if drill.bot == "dead":
            bot.wait()
        pressed_s = time.monotonic()

        def passed_ms() -> float:
            return 1000.0 * (time.monotonic() - pressed_s)

        command = press(drill, bot, state)
        first = until(lambda: [x for x in lines(ledger) if x["kind"] == "global_cancel"], "a cancel")[0]
        first_ms = passed_ms()
        until(lambda: not working(ledger), "the order's end")
        over_ms = passed_ms()
        until(lambda: told(state).get("phase") == "verified", "the killer's proof")
        proof_ms = passed_ms()
        said = command.communicate()[0].strip() if command is not None else ""
        return Measured(first_ms, "killer" if first["client"] == KILLER_CLIENT else "bot", over_ms, proof_ms, said)


def record(state: Path, slowest: list[float], failed: int) -> None:
    """Leaves the result where the dashboard of that state directory finds it (bot/web/kept.py)."""
    told = {
        "at": SystemClock().now().isoformat(),
        "triggers": len(DRILLS),
        "failed": failed,
        "slowest_ms": round(max(slowest), 1) if slowest else None,
    }
    (state / "drill.json").write_text(json.dumps(told) + "\n")


def main() -> int:
    """Prints the table, and leaves the result in a state directory that is named; 1 if a drill did not end."""
    state = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    over: list[float] = []
    sys.stdout.write("bot      trigger    first cancel   by      orders over      proof   the command said\n")
    failed = 0
    for drill in DRILLS:
        row = f"{drill.bot:<8} {drill.trigger:<8}"
        try:
            m = measure(drill)
        except TimeoutError as reason:
            sys.stdout.write(f"{row} FAILED: {reason}\n")
            failed += 1
            continue
        over.append(m.over_ms)
        said = next((word for word in ("UNVERIFIED", "VERIFIED") if word in m.said), "")
        times = f"{m.first_cancel_ms:>12.0f} ms   {m.by:<7} {m.over_ms:>8.0f} ms {m.proof_ms:>7.0f} ms"
        sys.stdout.write(f"{row} {times}   {said}\n")
        sys.stdout.flush()
    if state is not None and state.is_dir():
        record(state, over, failed)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
