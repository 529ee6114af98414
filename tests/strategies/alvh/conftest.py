"""The hedge's bench, alone and with its parts."""

from __future__ import annotations

import pytest

from tests.strategies.alvh.bench import HedgeBench


@pytest.fixture
def bench() -> HedgeBench:
    return HedgeBench()
