"""Calls the dashboard's application as a browser would, without sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from bot.web.app import Site
from bot.web.credentials import Credentials
from bot.web.gathered import Gathered
from bot.web.metrics import Metrics
from bot.web.source import Source
from bot.web.stream import Hub
from strategies.domain import events as ev

PORT = 8787
TOKEN = "t" * 43
HOME = f"http://127.0.0.1:{PORT}"
KEYS = Credentials(TOKEN)
COOKIE = {"cookie": f"condor_{PORT}={KEYS.cookie}"}
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Desk:
    """A site over what was gathered, and the facts it posted."""

    def __init__(self, state_dir: Path, gathered: Gathered | None = None) -> None:
        self.state_dir = state_dir
        self.gathered = gathered or Gathered(lambda: 0)
        self.posted: list[ev.AnyEvent] = []
        self.troubles: list[str] = []
        self.hub = Hub()
        self.source = Source(self.gathered, self.troubles.append)
        self.metrics = Metrics(self.gathered, self.source.values, lambda: self.hub.dropped)
        site = Site(
            source=self.source,
            hub=self.hub,
            credentials=KEYS,
            port=PORT,
            state_dir=state_dir,
            post=self.posted.append,
            exposition=self.metrics.exposition,
        )
        self.app = site.application()

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", host: str | None = None
    ) -> Answer:
        """One request; Host is our own unless another is given, and `""` sends none."""
        named = {"host": f"127.0.0.1:{PORT}" if host is None else host, **(headers or {})}
        raw = [(name.lower().encode(), value.encode()) for name, value in named.items() if value]
        where, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": where, "raw_path": where.encode(), "query_string": query.encode(), "headers": raw, "root_path": "",
            "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", PORT),
        }  # fmt: skip
        sent: list[dict[str, Any]] = []
        bodies = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return bodies.pop(0) if bodies else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        start = next(m for m in sent if m["type"] == "http.response.start")
        told = {k.decode().lower(): v.decode() for k, v in start["headers"]}
        return Answer(
            start["status"], told, b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        )

    async def order(self, verb: str, headers: dict[str, str], body: bytes = b'{"reason": "enough"}') -> Answer:
        """A JSON order."""
        return await self.ask("POST", f"/api/{verb}", {"content-type": "application/json", **headers}, body)
