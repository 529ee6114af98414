"""The house rules that no reviewer should have to check by eye."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("bot", "strategies", "risk")


def sources(*floors: str) -> list[Path]:
    return sorted(p for floor in floors for p in (ROOT / floor).rglob("*.py"))


def test_import_contracts_hold() -> None:
    """Imports run one way: bot over risk over strategies, the core pure, the simulator apart."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_there_is_one_door_for_orders() -> None:
    """placeOrder is named once outside the simulator, in the gateway."""
    doors = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources("bot", "strategies", "risk")
        if "sim" not in path.relative_to(ROOT).parts
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "placeOrder" in line
    ]
    assert len(doors) == 1, doors
    assert doors[0].startswith("bot/ibkr/gateway.py"), doors


def test_only_the_gateway_imports_the_client_library() -> None:
    """ib_insync is imported by one module."""
    importers = {
        str(path.relative_to(ROOT))
        for path in sources(*FLOORS)
        if "ib_insync" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "ib_insync" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ib_insync")
    }
    assert importers == {"bot/ibkr/gateway.py"}


def test_nothing_waits_for_the_broker_without_a_deadline() -> None:
    """In the adapter every await of a bare future stands under asyncio.timeout, every asyncio.wait has a timeout, and
    every question (`.ask`) hands over its deadline."""
    bare = []
    for path in sorted((ROOT / "bot/ibkr").glob("*.py")):
        tree = ast.parse(path.read_text())
        guarded = {
            id(inner)
            for block in ast.walk(tree)
            if isinstance(block, ast.AsyncWith) and any("timeout" in ast.dump(i.context_expr) for i in block.items)
            for inner in ast.walk(block)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Await) or id(node) in guarded:
                continue
            waited = node.value
            text = ast.unparse(waited)
            unbounded_wait = text.startswith("asyncio.wait(") and "timeout=" not in text
            question = ".ask(" in text and "deadline" not in text and "timeout_s" not in text
            if isinstance(waited, ast.Name | ast.Attribute) or unbounded_wait or question:
                bare.append(f"{path.name}:{node.lineno} {text[:60]}")
    assert not bare, bare


def test_no_swallowed_exceptions() -> None:
    """No `except ...: pass` in the three floors: an error is handled, reported or raised."""
    silent = [
        f"{path.relative_to(ROOT)}:{handler.lineno}"
        for path in sources(*FLOORS)
        if re.search(r"\bpass\b", text := path.read_text())
        for handler in ast.walk(ast.parse(text))
        if isinstance(handler, ast.ExceptHandler) and all(isinstance(s, ast.Pass) for s in handler.body)
    ]
    assert not silent, silent


def test_the_core_reads_no_clock_and_no_chance() -> None:
    """strategies, risk, the engine and reconcile never call a clock or a random source."""
    banned = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "random", "uuid4", "urandom"}
    paths = [*sources("strategies", "risk"), *sorted((ROOT / "bot/engine").rglob("*.py")), ROOT / "bot/reconcile.py"]
    calls = []
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in banned:
                owner = ast.unparse(node.func.value)
                if owner in {"datetime", "date", "time", "random", "uuid", "os"}:
                    calls.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not calls, calls


def test_files_stay_readable() -> None:
    """No source file of the three floors grows past 400 lines."""
    long = {str(p.relative_to(ROOT)): n for p in sources(*FLOORS) if (n := len(p.read_text().splitlines())) > 400}
    assert not long, long


def test_every_module_states_its_duty() -> None:
    """Each module starts with a docstring, in its first line."""
    mute = [str(p.relative_to(ROOT)) for p in sources(*FLOORS) if not re.match(r'"""\S', p.read_text())]
    assert not mute, mute
