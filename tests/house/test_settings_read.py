"""Every setting of the rules, the gate and the engine is read by something that is not its own definition."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from bot.engine.state import Parameters
from tests.house.trees import children

ROOT = Path(__file__).parents[2]
DEFINED = {"params.py", "diagnostic_params.py", "tiers.py", "limits.py", "macro_params.py"}
"""Files in which settings are declared and checked: their names in texts there decide nothing."""


def fields(kind: Any, path: str = "") -> dict[str, str]:
    """The last name of every setting, with its whole name."""
    found: dict[str, str] = {}
    for name, hint in get_type_hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            found |= fields(hint, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = name
    return found


def names_read() -> set[str]:
    """Every attribute that some module of the core or the engine reads, and every name it fetches by text."""
    read: set[str] = set()
    for folder in ("strategies", "risk", "bot/engine", "bot/report"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            nodes: list[ast.AST] = [ast.parse(path.read_text())]
            for node in nodes:  # grows as it is gone through
                if isinstance(node, ast.FunctionDef) and node.name == "__post_init__":
                    continue
                nodes += children(node)
                if isinstance(node, ast.Attribute):
                    read.add(node.attr)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and path.name not in DEFINED:
                    read.add(node.value)
    return read


def test_every_setting_is_read() -> None:
    """A setting that only its own check reads is a promise that nothing keeps."""
    read, found = names_read(), fields(Parameters)
    assert len(found) > 300
    assert sorted(key for key, name in found.items() if name not in read) == []
