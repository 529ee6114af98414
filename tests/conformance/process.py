"""`condor gateway` as a process of its own, as a stranger would start it: a ready line, a port, a control channel."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("CONDOR_PYTHON", sys.executable)
"""The interpreter that has the gateway's dependencies; the suite may run in another one."""
ENDS_S = 30.0


@dataclass
class GatewayProcess:
    """A running gateway: where it listens and how it is told what to do."""

    process: subprocess.Popen[str]
    port: int
    control: tuple[str, int]
    account: str
    version: int

    @classmethod
    def start(cls, version: int = 176, *words: str) -> GatewayProcess:
        """Starts it on a quiet scenario, inside the session, and reads its ready line."""
        command = [PYTHON, "-m", "bot", "gateway", "--scenario", "calm", "--port", "0", "--tick", "1"]
        command += ["--server-version", str(version), *words]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the gateway did not start: {process.communicate()[1]}")
        ready = json.loads(line)
        host, _, port = ready["control"].rpartition(":")
        return cls(process, ready["port"], (host, int(port)), ready["account"], version)

    async def tell(self, verb: str, **arguments: object) -> dict[str, Any]:
        """One command on the control channel and its reply; the reply must be ok."""
        reader, writer = await asyncio.open_connection(*self.control)
        try:
            writer.write(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
            reply: dict[str, Any] = json.loads(await asyncio.wait_for(reader.readline(), ENDS_S))
        finally:
            writer.close()
        assert reply["ok"], reply
        return reply

    def end(self) -> tuple[int, str]:
        """SIGTERM; the exit code and what it wrote to stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=ENDS_S)
        return self.process.returncode, errors
