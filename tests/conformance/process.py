"""`condor gateway` as a stranger would start it; the suite may run with another interpreter than the gateway."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.sim.testing import RunningGateway

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("CONDOR_PYTHON", sys.executable)
"""The interpreter that has the gateway's dependencies."""


def start_gateway(version: int, *words: str) -> RunningGateway:
    """A gateway of that protocol version on the quiet scenario, inside the session."""
    fixed = ("--scenario", "calm", "--tick", "1", "--server-version", str(version))
    return RunningGateway.start(*fixed, *words, python=PYTHON, folder=ROOT)
