"""What the service manager hears (sd_notify) and what a hang leaves behind (a dump of all stacks).

Both follow the decision task: it is called with every heartbeat. Without NOTIFY_SOCKET nothing is told; a socket that
does not take the message stops nothing, because a manager that hears nothing acts by itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bot.engine.state import State
from bot.masking import mask

STACKS = "stacks.txt"
STATUS_EVERY_S = 5.0


class ServiceManager:
    """The manager's socket as its environment names it; `tell` does nothing where there is none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def tell(self, *lines: str) -> None:
        """Sends `KEY=value` lines as one message; never waits and never raises."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)


class Pulse:
    """Called with each heartbeat of a run: tells the manager, and winds up the dump that a hang would leave."""

    def __init__(self, manager: ServiceManager, stacks: Path, dump_after_s: float | None) -> None:
        """`dump_after_s` None leaves hangs to others: followed market time may stand still for as long as it likes."""
        self._manager = manager
        self._dump_after_s = dump_after_s
        self._file: IO[str] | None = None
        self._told_at_s = float("-inf")
        if dump_after_s is not None:
            with contextlib.suppress(OSError):  # a dump is a help for people, not a condition of trading
                self._file = stacks.open("w", encoding="utf-8")

    def ready(self) -> None:
        """The process has its state; whether it may trade is in the status, not in this word."""
        self._manager.tell("READY=1", f"MAINPID={os.getpid()}", "STATUS=started, waiting for the gateway")

    def beat(self, state: State, now_s: float) -> None:
        """The decision task has moved."""
        if self._file is not None and self._dump_after_s is not None:
            faulthandler.dump_traceback_later(self._dump_after_s, file=self._file)
        lines = ["WATCHDOG=1"]
        if now_s - self._told_at_s >= STATUS_EVERY_S:
            self._told_at_s = now_s
            lines.append(f"STATUS={describe(state)}")
        self._manager.tell(*lines)

    def end(self, text: str) -> None:
        """The run is over, in order or not."""
        self._manager.tell("STOPPING=1", f"STATUS={_one_line(text)}")
        if self._file is not None:
            faulthandler.cancel_dump_traceback_later()
            self._file.close()
            self._file = None


def describe(state: State) -> str:
    """One line for `systemctl status`: never called healthy while the link is not up and compared."""
    link = state.link
    if link.state.value != "up":
        health = f"link {link.state.value} ({_one_line(link.reason)})"
    elif link.synced_epoch != link.epoch:
        health = "link up, not compared yet"
    else:
        health = "connected"
    orders, condors = len(state.book.live_orders()), sum(c.active for c in state.condors.values())
    return f"{state.control.state.value}, {health}, {condors} condors, {orders} orders working"


def _one_line(text: str) -> str:
    return " ".join(mask(text).split())[:200]
