"""What tests of every floor share: their order, and where real market data lie, if they are here."""

from __future__ import annotations

import contextlib
import gc
import os
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):  # the environment of the other client library has no hypothesis and needs none
    from hypothesis import settings

    settings.register_profile("steady", deadline=None)  # a busy machine is no failure: no test judges wall-clock time
    settings.load_profile("steady")


LONG = ("flow", "web", "campaign")
"""Folders whose tests take seconds each: they begin, so that no worker is left alone with one of them at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; what was collected stays, so the collector of garbage need not look at it again and again."""
    here = Path(__file__).resolve().parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data; skips, saying so, where it is absent."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("MARKET_DATA", beside))
    if not (folder / "spx_daily.csv").exists():
        pytest.skip(f"no real market data at {folder}; set MARKET_DATA to its folder")
    return folder
