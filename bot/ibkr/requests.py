"""Questions to the broker, each with a deadline: rows are collected until their end marker, an error or time ends them.

An answer without its end marker is no answer. Whoever asks gets all rows, RequestRefused or RequestExpired.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.ibkr.outbox import Outbox
from bot.ibkr.pacing import Lane


class RequestRefused(Exception):
    """The broker answered with an error, or the connection is gone."""


class RequestExpired(Exception):
    """No complete answer before the deadline."""


@dataclass(slots=True)
class _Pending:
    future: asyncio.Future[list[Any]]
    rows: list[Any] = field(default_factory=list)


class Requests:
    """Open questions of one connection by key (request id, or a name where the protocol has no id)."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._pending: dict[int | str, _Pending] = {}

    async def ask(
        self, key: int | str, write: Callable[[], None], deadline_s: float, lane: Lane = Lane.QUERY
    ) -> list[Any]:
        """Writes the question in its lane and returns the rows of the complete answer."""
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[key] = pending

        def written() -> None:
            try:
                write()
            except Exception as error:  # noqa: BLE001 - it becomes the answer
                self.fail(key, f"{type(error).__name__}: {error}")

        ticket = self._outbox.send(lane, written)
        try:
            async with asyncio.timeout(deadline_s):
                return await pending.future
        except TimeoutError:
            raise RequestExpired(f"no complete answer within {deadline_s:g} s") from None
        finally:
            self._outbox.withdraw(ticket)
            if self._pending.get(key) is pending:
                del self._pending[key]

    def waiting(self, key: int | str) -> bool:
        """Whether somebody waits for this answer."""
        return key in self._pending

    def row(self, key: int | str, row: object) -> None:
        """A row arrived; rows nobody waits for are ignored."""
        pending = self._pending.get(key)
        if pending is not None:
            pending.rows.append(row)

    def end(self, key: int | str) -> None:
        """The answer is complete."""
        pending = self._pending.get(key)
        if pending is not None and not pending.future.done():
            pending.future.set_result(pending.rows)

    def fail(self, key: int | str, reason: str) -> None:
        """The answer will not come."""
        pending = self._pending.get(key)
        if pending is not None and not pending.future.done():
            pending.future.set_exception(RequestRefused(reason))

    def fail_one_of(self, prefix: str, reason: str) -> bool:
        """An error that names no request: it answers the question of this kind, if one is open."""
        key = next((key for key in self._pending if isinstance(key, str) and key.startswith(prefix)), None)
        if key is not None:
            self.fail(key, reason)
        return key is not None

    def fail_all(self, reason: str) -> None:
        """The connection is gone."""
        for key in tuple(self._pending):
            self.fail(key, reason)
