"""The client library under test: ib_async where it is installed, else ib_insync. One suite, two libraries.

They share an API. What differs is said here, so that no test has to know which of them it runs with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any

try:
    import ib_async as library

    NAME = "ib_async"
except ImportError:
    import ib_insync as library  # type: ignore[no-redef]  # noqa: TID251 - the client under test

    NAME = "ib_insync"

VERSION = version(NAME)
LOST_LINK = ("API connection failed", "Peer closed", "Make sure API port", "[Errno 104]", "[Errno 32]", "Disconnected")
"""How the libraries log a connection that ends; a test that ends one expects these."""
DEADLINE_S = 20.0
"""For anything a gateway answers; nothing waits that long when all is well."""

IB = library.IB
ComboLeg, Contract, Future, Index = library.ComboLeg, library.Contract, library.Future, library.Index
Option, Stock = library.Option, library.Stock
ExecutionFilter, LimitOrder, MarketOrder, Order, Trade = (
    library.ExecutionFilter,
    library.LimitOrder,
    library.MarketOrder,
    library.Order,
    library.Trade,
)


async def soon(answer: Awaitable[Any]) -> Any:
    """The answer, or TimeoutError."""
    return await asyncio.wait_for(answer, DEADLINE_S)


async def refused(answer: Awaitable[Any]) -> Any:
    """What a request resolves to when the gateway answers it with an error.

    ib_insync resolves it to nothing. ib_async takes 321 for a warning and waits for ever: that is given up here.
    """
    try:
        return await asyncio.wait_for(answer, 0.5 if NAME == "ib_async" else DEADLINE_S)
    except TimeoutError:
        assert NAME == "ib_async", "only ib_async waits on after an error"
        return None


def fresh_library() -> Any:
    """A client without its own message budget: the gateway's is the one that is tested."""
    ib = IB()
    ib.RequestTimeout = DEADLINE_S
    ib.client.MaxRequests = 0
    return ib


def cancel_number(ib: Any, order_id: int) -> None:
    """cancelOrder by number, past the library's own books. (ib_async's takes the time of a manual cancel as well.)"""
    ib.client.cancelOrder(order_id, *([""] if NAME == "ib_async" else []))
