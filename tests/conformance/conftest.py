"""The suite's fixtures: one gateway process per protocol version, one fresh client per test, and the rule that nothing
the library logs as an error passes unless the test expects that code."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bot.sim.testing import RunningGateway
from tests.conformance import library
from tests.conformance.process import start_gateway
from tests.conformance.trader import Trader

VERSIONS = [int(text) for text in os.environ.get("CONFORMANCE_VERSIONS", "176").split(",")]
_CODED = re.compile(r"(?:Error|Warning) (\d+), reqId")
_CLIENT_IDS = itertools.count(11)


def pytest_report_header() -> str:
    return f"client library under test: {library.NAME} {library.VERSION}, protocol versions {VERSIONS}"


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"v{version}")
def version(request: pytest.FixtureRequest) -> int:
    """The newest protocol version of the gateway."""
    return int(request.param)


@pytest.fixture(scope="session")
def gateway(version: int) -> Iterator[RunningGateway]:
    """A gateway of that version, a market minute to the second; it must end well and have complained about nothing."""
    served = start_gateway(version, "--speed", "60")
    yield served
    assert served.stop() == ""


@pytest.fixture
def expected() -> set[int | str]:
    """What the test means to provoke, added by it: error codes, and beginnings of lines that the library logs."""
    return set()


@pytest.fixture(autouse=True)
def _nothing_goes_wrong_unseen(caplog: pytest.LogCaptureFixture, expected: set[int | str]) -> Iterator[None]:
    """The libraries only log what they cannot decode: an error in the log that no test asked for is a failure."""
    with caplog.at_level(logging.ERROR, logger=library.NAME):
        yield
    said = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert [text for text in said if not _meant(text, expected)] == []


def _meant(text: str, expected: set[int | str]) -> bool:
    coded = _CODED.match(text)
    return (
        int(coded[1]) in expected if coded else any(isinstance(one, str) and text.startswith(one) for one in expected)
    )


@pytest.fixture
async def ib(gateway: RunningGateway) -> AsyncIterator[Any]:
    """A client with an id of its own, connected and synchronised."""
    client = library.fresh_library()
    await client.connectAsync("127.0.0.1", gateway.port, clientId=next(_CLIENT_IDS), timeout=library.DEADLINE_S)
    yield client
    client.disconnect()
    await asyncio.sleep(0)


@pytest.fixture
async def trader(ib: Any) -> Trader:
    """The client with what a trader knows: a condor of SPXW options and where it stands."""
    return await Trader.ready(ib)
