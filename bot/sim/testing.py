"""`condor gateway` as a process of its own, for the tests of any program that talks to IB."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STARTS_S, _ENDS_S = 60.0, 30.0
"""Far more than a start and an end take; only a broken gateway meets them."""


class GatewayFailure(RuntimeError):
    """The gateway did not start, did not answer a command, or did not end well; the text says what it told."""


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """Where a client connects, the account it finds, and how the gateway is told what to do."""

    host: str
    port: int
    account: str
    control: tuple[str, int]
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, *words: str, python: str = sys.executable, folder: Path | None = None) -> RunningGateway:
        """Starts `python -m bot gateway` with these words behind it, on a free port, and waits until it is ready.

        `python` is an interpreter that has the gateway installed; `folder` its working directory. Raises
        GatewayFailure with what the gateway said when it does not come up.
        """
        command = [python, "-m", "bot", "gateway", "--port", "0", *words]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise GatewayFailure(f"the gateway did not start: {process.communicate(timeout=_STARTS_S)[1]}")
        ready = json.loads(line)
        host, _, port = ready["control"].rpartition(":")
        return cls(ready["host"], ready["port"], ready["account"], (host, int(port)), process)

    def tell(self, verb: str, **arguments: object) -> dict[str, object]:
        """Sends one command over the control channel and returns its reply (`condor gateway verbs` lists them).

        Raises GatewayFailure with the gateway's own sentence when it refuses the command.
        """
        with socket.create_connection(self.control, timeout=_ENDS_S) as link, link.makefile("rw") as lines:
            lines.write(json.dumps({"verb": verb, **arguments}) + "\n")
            lines.flush()
            reply: dict[str, object] = json.loads(lines.readline())
        if reply.get("ok") is not True:
            raise GatewayFailure(f"{verb}: {reply.get('error')}")
        return reply

    def stop(self) -> str:
        """Ends the gateway as a service manager does and returns what it wrote to stderr; raises GatewayFailure when
        its exit code is not 0."""
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=_ENDS_S)
        if self.process.returncode != 0:
            raise GatewayFailure(f"the gateway ended with {self.process.returncode}: {complaints}")
        return complaints


@contextlib.contextmanager
def running_gateway(*words: str, python: str = sys.executable, folder: Path | None = None) -> Iterator[RunningGateway]:
    """A gateway for the length of a `with` block; arguments as for `RunningGateway.start`."""
    gateway = RunningGateway.start(*words, python=python, folder=folder)
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.stop()
