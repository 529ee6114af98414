"""What the gate and the core pass around are values: nobody changes them after they were made."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import msgspec
import pytest

import risk
import strategies.domain

MODULES = sorted(
    found.name
    for package in (risk, strategies.domain)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_struct_is_frozen(name: str) -> None:
    """Orders, executions, quotes, limits, verdicts and latches cannot be altered in place."""
    loose = [
        kind.__name__
        for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass)
        if issubclass(kind, msgspec.Struct) and kind.__module__ == name and not kind.__struct_config__.frozen
    ]
    assert not loose, loose
