"""The examples of docs/gateway.md, run as they stand there but for the port."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import library
from tests.conformance.process import ROOT, start_gateway
from tests.conformance.test_other_clients import CLIENTS, INSTALLED, MADE_BY

PAGE = (ROOT / "docs/gateway.md").read_text()
BLOCKS = re.findall(r"```(python|js)\n(.*?)```", PAGE, re.DOTALL)


def example(word: str, language: str) -> str:
    """The only block of that language with that word in it."""
    (found,) = [text for kind, text in BLOCKS if kind == language and word in text]
    return found


def output_of(program: Path | str, file: Path, text: str, **environment: str) -> str:
    """What the example prints against a gateway of its own; it must end by itself, and well."""
    served = start_gateway(176)
    try:
        file.write_text(text.replace("4002", str(served.port)))
        done = subprocess.run(
            [str(program), str(file)], env={**os.environ, **environment}, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
    finally:
        complaints = served.stop()
    assert (done.returncode, complaints) == (0, ""), done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(library.NAME == "ib_async", reason="runs once, with the project's own interpreter")
def test_the_first_example_buys_a_put(tmp_path: Path) -> None:
    """Quote, greeks, a filled order and the position, in the page's own words."""
    said = output_of(sys.executable, tmp_path / "example.py", example("IB, Index", "python"))
    assert "OptionComputation(" in said
    assert "Filled" in said
    assert "Position(" in said


@pytest.mark.skipif(library.NAME == "ib_async", reason="runs once, with the project's own interpreter")
@pytest.mark.parametrize("name", [name for name in CLIENTS if name.startswith("ibapi")])
def test_the_second_example_buys_shares(name: str, tmp_path: Path) -> None:
    """IB's own client, in each of its ages."""
    program = CLIENTS[name].program
    if program is None or not program.exists():
        pytest.skip(f"{name} is not installed: {MADE_BY}")
    said = output_of(program, tmp_path / "example.py", example("EWrapper", "python"))
    assert "order Filled 10" in said
    assert "tick 1 " in said


@pytest.mark.skipif(library.NAME == "ib_async", reason="runs once, with the project's own interpreter")
def test_the_third_example_buys_shares(tmp_path: Path) -> None:
    """The Node client."""
    name = next(name for name in CLIENTS if name.startswith("@stoqey"))
    program = CLIENTS[name].program
    if program is None or not (INSTALLED / "node/node_modules/@stoqey/ib").exists():
        pytest.skip(f"{name} is not installed: {MADE_BY}")
    text = example("IBApi", "js")
    said = output_of(program, tmp_path / "example.cjs", text, NODE_PATH=str(INSTALLED / "node/node_modules"))
    assert "order Filled 10" in said
    assert "tick 1 " in said


@pytest.mark.skipif(library.NAME == "ib_async", reason="runs once, with the project's own interpreter")
def test_the_fixture_of_the_page_works(tmp_path: Path) -> None:
    """The page's own test, collected and passed by pytest in a folder of its own."""
    (tmp_path / "test_example.py").write_text(example("running_gateway", "python"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
