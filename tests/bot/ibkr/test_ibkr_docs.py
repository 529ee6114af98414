"""The adapter's page tells the truth about codes and faults."""

from __future__ import annotations

import re
from pathlib import Path

from bot.ibkr import errors

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/adapter.md").read_text(encoding="utf-8")


def test_the_code_table_in_the_docs_is_the_one_in_force() -> None:
    """docs/adapter.md holds the table as errors.markdown() prints it."""
    assert errors.markdown() in PAGE


def test_every_fault_code_is_documented() -> None:
    """Each code the adapter can note stands in the page; families by their prefix."""
    noted: set[str] = set()
    for path in (ROOT / "bot/ibkr").glob("*.py"):
        noted |= set(re.findall(r"\.note\(\s*f?\"([A-Z][A-Z0-9-]*)", path.read_text(encoding="utf-8")))
    assert {"C45", "WIRE-DECODE", "BROKER-"} <= noted
    missing = [code for code in noted if f"`{code}" not in PAGE]
    assert missing == []


def test_every_module_of_the_adapter_is_documented() -> None:
    """The table of parts names them all."""
    modules = {path.stem for path in (ROOT / "bot/ibkr").glob("*.py")} - {"__init__", "settings", "inbox"}
    assert [name for name in sorted(modules) if f"`{name}`" not in PAGE] == []
