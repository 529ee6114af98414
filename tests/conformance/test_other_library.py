"""The same suite with the other client library, where its virtualenv has been made."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conformance import library
from tests.conformance.process import ROOT

OTHER = ROOT / ".venv-ib-async" / "bin" / "python"


@pytest.mark.skipif(library.NAME == "ib_async", reason="this is the other library")
def test_ib_async_passes_the_same_suite() -> None:
    """Every test of this folder, at the newest protocol version, by an interpreter that has ib_async instead."""
    if not OTHER.exists():
        pytest.skip(f"{OTHER.relative_to(ROOT)} is not there: `make conformance` makes it and runs all versions")
    told = {"CONFORMANCE_VERSIONS": "176", "CONDOR_PYTHON": sys.executable}
    own = "tests/conformance"  # what the fixtures above it need is not installed there
    command = [str(OTHER), "-m", "pytest", "--confcutdir", own, own, "--deselect", f"{own}/test_other_library.py"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
