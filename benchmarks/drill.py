"""The drill: presses every kill trigger and FLATTEN against a simulated gateway with an order working, and times it.

Real processes: a gateway, a bot, its killer. Times run from the press to when a look at the gateway's ledger, every two
milliseconds, shows the line: upper bounds. The bot lives, hangs or is stopped (SIGSTOP), or is gone (SIGKILL). The row
of the watchdog begins when the bot stops moving, a full disk and a limit when they strike; nobody presses anything.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bot.clock import SystemClock

ROOT = Path(__file__).parent.parent
WORLD = ROOT / "tests" / "flow" / "crash_days.toml"
PATIENCE_S = 180.0
KILLER_CLIENT = 917
QUICK = (
    "alvh.enabled=false", "condor.entry.every_min=5", "condor.entry.scan_min=5", "condor.curve.samples=1",
    "condor.curve.sample_every_s=30.0", "killer.enabled=true", "web.enabled=true", "web.port=0",
)  # fmt: skip
RESTING = (*QUICK, "condor.orders.step_s=86400.0")
PATIENT, QUICK_DOG = ("killer.hung_s=180.0",), ("run.pulse_s=20.0", "killer.hung_s=60.0")
AWAY_S = 3000.0
"""Market seconds of a gateway's absence: five of the clock at this speed."""
WEDGES = 200


class Drill(NamedTuple):
    """One row: how the bot is, what strikes or how the kill is pressed."""

    bot: str
    trigger: str


DRILLS = (
    Drill("alive", "file"), Drill("alive", "command"), Drill("alive", "SIGUSR1"), Drill("alive", "HTTP"),
    Drill("stopped", "file"), Drill("stopped", "command"), Drill("dead", "file"), Drill("dead", "command"),
    Drill("hangs", "watchdog"), Drill("alive", "limit C20"), Drill("alive", "full disk"),
    Drill("alive", "web wedged"), Drill("alive", "gw away"),
)  # fmt: skip
FLATTENINGS = ("alive", "killed -9")


class Measured(NamedTuple):
    """Milliseconds after the press to the first cancel at the gateway, to the order's end and to the proof; whose the
    first cancel was, and what the command said."""

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


def positions(ledger: Path) -> dict[int, int]:
    """Signed contracts by con id, from the ledger's executions."""
    held: dict[int, int] = {}
    for line in lines(ledger):
        if line["kind"] == "execution":
            con_id = line["contract"]["con_id"]
            held[con_id] = held.get(con_id, 0) + line["quantity"] * (1 if line["side"] == "BUY" else -1)
    return {con_id: quantity for con_id, quantity in held.items() if quantity}


def told(state: Path, name: str = "killer.json") -> dict[str, Any]:
    """A status file, empty while there is none."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((state / name).read_text())
    return found


def until(found: Callable[[], Any], what: str) -> Any:
    """Looks until something is there. Raises TimeoutError naming it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"never came: {what}")
        time.sleep(0.002)
    return answer


@dataclass
class Scene:
    """Gateway and bot on it, and what is held open meanwhile."""

    state: Path
    ledger: Path
    settings: tuple[str, ...]
    ready: dict[str, Any] = field(default_factory=dict)
    bots: list[subprocess.Popen[str]] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def bot(self) -> subprocess.Popen[str]:
        """The bot that was started last."""
        return self.bots[-1]

    def start_bot(self) -> None:
        """Another life on the same state."""
        ends = (f"broker.port={self.ready['port']}", f'clock.follow="{self.ready["control"]}"')
        words = [word for setting in (*ends, *self.settings) for word in ("--set", setting)]
        command = [sys.executable, "-m", "bot", "run", "--profile", "sim", "--state", str(self.state), *words]
        silent = subprocess.DEVNULL
        self.bots.append(subprocess.Popen(command, stdout=silent, stderr=silent, text=True, cwd=ROOT))

    def cause(self, verb: str, **arguments: Any) -> None:
        """A fault of the gateway's, by its control channel."""
        host, _, port = str(self.ready["control"]).rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as channel:
            channel.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            answer = channel.makefile().readline()
        if "error" in answer:
            raise SystemExit(f"the gateway refused {verb}: {answer}")

    def page(self) -> tuple[str, str]:
        """Address and token of the dashboard."""
        link = until(lambda: (self.state / "web.url").exists() and (self.state / "web.url").read_text(), "the page")
        where, _, token = link.strip().partition("/enter?token=")
        return where.removeprefix("http://"), token


@contextlib.contextmanager
def running(settings: tuple[str, ...]) -> Iterator[Scene]:
    """Everything started; ended afterwards whatever happened."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        scene = Scene(place / "state", place / "ledger.jsonl", settings)
        options = [
            "--scenario",
            str(WORLD),
            "--port",
            "0",
            "--speed",
            "600",
            "--ledger",
            str(scene.ledger),
            "--seed",
            "7",
        ]
        gateway = subprocess.Popen(
            [sys.executable, "-m", "bot", "gateway", *options], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert gateway.stdout is not None
        scene.ready = json.loads(gateway.stdout.readline())
        scene.start_bot()
        try:
            yield scene
        finally:
            for each in scene.sockets:
                each.close()
            for bot in scene.bots:
                for number in (signal.SIGCONT, signal.SIGKILL):
                    with contextlib.suppress(ProcessLookupError):
                        bot.send_signal(number)
                bot.wait()
            with contextlib.suppress(OSError, KeyError):
                os.kill(told(scene.state)["pid"], signal.SIGKILL)
            gateway.kill()
            gateway.wait()


def press(trigger: str, scene: Scene) -> subprocess.Popen[str] | None:
    """Presses once, or lets the thing strike; the command where it is one, still running."""
    if trigger in ("file", "gw away"):
        (scene.state / "KILL").touch()
    elif trigger == "SIGUSR1":
        scene.bot.send_signal(signal.SIGUSR1)
    elif trigger == "HTTP":
        where, token = scene.page()
        connection = http.client.HTTPConnection(where, timeout=10)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/api/kill", json.dumps({"reason": "drill"}), headers)
        connection.getresponse().read()
    elif trigger == "watchdog":
        scene.bot.send_signal(signal.SIGSTOP)
    elif trigger == "limit C20":
        scene.cause("house_margin", extra_usd=470_000.0)
    elif trigger == "full disk":
        resource.prlimit(scene.bot.pid, resource.RLIMIT_FSIZE, (0, 0))
    else:
        run = [sys.executable, "-m", "bot", "kill", "-m", "drill", "--state", str(scene.state)]
        return subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return None


def prepare(drill: Drill, scene: Scene) -> None:
    """What is wrong before the press."""
    if drill.bot in ("stopped", "dead"):
        scene.bot.send_signal(signal.SIGSTOP if drill.bot == "stopped" else signal.SIGKILL)
    if drill.bot == "dead":
        scene.bot.wait()
    if drill.trigger == "web wedged":
        host, _, port = scene.page()[0].rpartition(":")
        for _ in range(WEDGES):
            one = socket.create_connection((host, int(port)), timeout=10)
            one.sendall(b"POST /api/kill HTTP/1.1\r\nHost: half a request")
            scene.sockets.append(one)
    if drill.trigger == "gw away":
        scene.cause("restart", refuse_s=AWAY_S)
        until(lambda: told(scene.state).get("link") != "up", "the killer sees the gateway go")


def measure(drill: Drill) -> Measured:
    """One drill from a fresh state to the end of every order and the proof of it."""
    with running((*RESTING, *(QUICK_DOG if drill.trigger == "watchdog" else PATIENT))) as scene:
        until(lambda: working(scene.ledger), "an order")
        until(lambda: told(scene.state).get("link") == "up", "the killer's link")
        prepare(drill, scene)
        pressed_s = time.monotonic()

        def passed_ms() -> float:
            return 1000.0 * (time.monotonic() - pressed_s)

        command = press(drill.trigger, scene)
        first = until(lambda: [x for x in lines(scene.ledger) if x["kind"] == "global_cancel"], "a cancel")[0]
        first_ms = passed_ms()
        until(lambda: not working(scene.ledger), "the order's end")
        over_ms = passed_ms()
        until(lambda: proven(drill, scene.state), "the proof")
        proof_ms = passed_ms()
        said = command.communicate()[0].strip() if command is not None else ""
        late = [x for x in lines(scene.ledger) if x["kind"] == "place" and x["seq"] > first["seq"] and not x["what_if"]]
        if late:
            raise TimeoutError(f"an order came after the first cancel: {late[0]['order_ref']}")
        return Measured(first_ms, "killer" if first["client"] == KILLER_CLIENT else "bot", over_ms, proof_ms, said)


def proven(drill: Drill, state: Path) -> bool:
    """The killer's proof; a limit halts without the file, so there it is the bot's."""
    if drill.trigger == "limit C20":
        return told(state, "status.json").get("halt_proved") is True
    return told(state).get("phase") == "verified"


class Flattened(NamedTuple):
    """Milliseconds from the command to the first closing order at the gateway, and to nothing held by its ledger; from
    there to the bot's own word."""

    first_ms: float
    zero_ms: float
    said_ms: float


def flatten(how: str) -> Flattened:
    """A condor is held, the command given; killed -9: the bot dies after its first closing order and is restarted."""
    with running((*QUICK, *PATIENT)) as scene:
        until(lambda: told(scene.state, "status.json").get("open_condors"), "an open condor")
        began, seq = time.monotonic(), lines(scene.ledger)[-1]["seq"]
        account = told(scene.state, "status.json")["account"]
        words = ["flatten", "-m", "drill", "--confirm", account[-3:], "--state", str(scene.state)]
        silent = subprocess.DEVNULL
        command = subprocess.Popen([sys.executable, "-m", "bot", *words], stdout=silent, stderr=silent, cwd=ROOT)

        def closing() -> bool:
            later = [line for line in lines(scene.ledger) if line["seq"] > seq and line["kind"] == "place"]
            return any(".exit." in line["order_ref"] for line in later)

        until(closing, "a closing order")
        first_ms = 1000.0 * (time.monotonic() - began)
        if how != "alive":
            scene.bot.send_signal(signal.SIGKILL)
            scene.bot.wait()
            scene.start_bot()
        until(lambda: not positions(scene.ledger), "nothing held")
        zero_ms = 1000.0 * (time.monotonic() - began)
        until(lambda: flat(scene.state), "the bot's word")
        said_ms = 1000.0 * (time.monotonic() - began)
        command.wait()
        return Flattened(first_ms, zero_ms, said_ms)


def flat(state: Path) -> bool:
    """Whether the bot says that nothing is held any more."""
    standing = told(state, "status.json").get("open") or {}
    return (standing.get("flatten") or {}).get("phase") == "flat"


def record(state: Path, slowest: list[float], failed: int) -> None:
    """Leaves the result where the dashboard of that state directory finds it (bot/web/kept.py)."""
    result = {
        "at": SystemClock().now().isoformat(),
        "triggers": len(DRILLS),
        "failed": failed,
        "slowest_ms": round(max(slowest), 1) if slowest else None,
    }
    (state / "drill.json").write_text(json.dumps(result) + "\n")


def main() -> int:
    """Prints the tables, and leaves the result in a state directory that is named; 1 if a drill did not end."""
    state = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    over: list[float] = []
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; milliseconds from the press\n")
    sys.stdout.write("bot      trigger      first cancel   by      orders over      proof   the command said\n")
    failed = 0
    for drill in DRILLS:
        row = f"{drill.bot:<8} {drill.trigger:<10}"
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
    sys.stdout.write("FLATTEN, market at 600 times speed: first closing order, nothing held, the bot says flat\n")
    for how in FLATTENINGS:
        try:
            f = flatten(how)
        except TimeoutError as reason:
            sys.stdout.write(f"{how:<10} FAILED: {reason}\n")
            failed += 1
            continue
        sys.stdout.write(f"{how:<10} {f.first_ms:>8.0f} ms {f.zero_ms:>8.0f} ms {f.said_ms:>8.0f} ms\n")
        sys.stdout.flush()
    if state is not None and state.is_dir():
        record(state, over, failed)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
