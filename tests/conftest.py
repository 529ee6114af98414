"""What tests of every floor share: where real market data lie, if they are here."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):  # the environment of the other client library has no hypothesis and needs none
    from hypothesis import settings

    settings.register_profile("steady", deadline=None)  # a busy machine is no failure: no test judges wall-clock time
    settings.load_profile("steady")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data; skips, saying so, where it is absent."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("MARKET_DATA", beside))
    if not (folder / "spx_daily.csv").exists():
        pytest.skip(f"no real market data at {folder}; set MARKET_DATA to its folder")
    return folder
