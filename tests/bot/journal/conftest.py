"""An empty place for a journal, and how to open it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.journal import Journal
from tests.bot.journal.facts import trade_date


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def opened(path: Path) -> Callable[[], Journal]:
    return lambda: Journal.open(path, clock_session=trade_date)
