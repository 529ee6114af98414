"""Clients of other makers check themselves against the gateway, each in its own interpreter, where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance import library
from tests.conformance.process import ROOT, start_gateway

SCRIPTS = Path(__file__).with_name("clients")
INSTALLED = ROOT / ".venv-clients"
MADE_BY = "`make clients` installs it and runs this"


class Client(NamedTuple):
    """Another maker's client: what runs it, its script, how many checks the script makes."""

    program: Path | None
    script: str
    checks: int


NODE = shutil.which("node")
CLIENTS = {
    "ibapi 9.81.1 (protocol 157)": Client(INSTALLED / "ibapi-9.81/bin/python", "ibapi_check.py", 49),
    "ibapi 10.19.4": Client(INSTALLED / "ibapi-10.19/bin/python", "ibapi_check.py", 49),
    "ibapi 10.46.1": Client(INSTALLED / "ibapi-10.46/bin/python", "ibapi_check.py", 49),
    "@stoqey/ib 1.6.10": Client(Path(NODE) if NODE else None, "stoqey_check.cjs", 49),
}


@pytest.mark.skipif(library.NAME == "ib_async", reason="runs once, with the project's own interpreter")
@pytest.mark.parametrize("name", CLIENTS)
def test_another_makers_client_passes_its_checks(name: str) -> None:
    """Connect, contracts, chain, quotes with greeks, what-if, an order's life, refusals, account, history."""
    client = CLIENTS[name]
    modules = INSTALLED / "node/node_modules"
    wanted = modules / "@stoqey/ib" if client.script.endswith("cjs") else client.program
    if client.program is None or wanted is None or not wanted.exists():
        pytest.skip(f"{name} is not installed: {MADE_BY}")
    served = start_gateway(176, "--speed", "60")
    try:
        done = subprocess.run(
            [str(client.program), str(SCRIPTS / client.script), "127.0.0.1", str(served.port)],
            env={**os.environ, "NODE_PATH": str(modules)}, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
    finally:
        complaints = served.stop()
    said = done.stdout + done.stderr
    assert re.search(rf"^{client.checks} passed, 0 failed$", done.stdout, re.MULTILINE), said[-4000:]
    assert (done.returncode, complaints) == (0, ""), said[-2000:]
