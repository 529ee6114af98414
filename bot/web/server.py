"""The dashboard's thread: uvicorn on its own loop, so that whatever happens there costs the trading loop nothing.

The thread is owned by the run: it is started and stopped there, and its end, by whatever cause, becomes a fault that
people are told. Nothing waits for it. It is a daemon thread: one that hangs keeps no process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from bot.web.app import Site
from bot.web.credentials import LINK_FILE, Credentials, credentials, leave_link
from bot.web.gathered import Gathered
from bot.web.kept import last_drill
from bot.web.metrics import Metrics
from bot.web.parts import Parts
from bot.web.source import Source, plain
from bot.web.stream import Hub, event
from strategies.domain import events as ev

BEAT_EVERY_S = 2.0
WEDGED_S = 15.0
STOP_DEADLINE_S = 3.0
CONNECTIONS_AT_ONCE = 64
UNREAD_DEADLINE_MS = 20_000
SWITCH_S = 0.0005
"""How long a thread keeps the interpreter while another waits for it. The default of 5 ms is what a view would make the
trading loop wait; half a millisecond costs the view's thread a little, and nobody else anything."""

BACKLOG = 64


class DashboardRefused(Exception):
    """The dashboard cannot be served; the text says why. The bot trades without it."""


class _Server(uvicorn.Server):
    """Signals are the bot's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class Dashboard:
    """One thread, one server. `post` must hand a fact to the trading loop from any thread, and never raise."""

    def __init__(
        self,
        *,
        gathered: Gathered,
        state_dir: Path,
        host: str,
        port: int,
        refresh_s: float,
        post: Callable[[ev.AnyEvent], None],
        parts_command: Sequence[str] | None = None,
    ) -> None:
        """`parts_command` tells the result by part; None asks the report of the state directory."""
        self._parts_command = parts_command
        self._gathered, self._state_dir = gathered, state_dir
        self._host, self._port, self._refresh_s = host, port, refresh_s
        self._post = post
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: _Server | None = None
        self._hub = Hub()
        self._stopping = False
        self._told: set[str] = set()
        self._beat_s = time.monotonic()

    # the owner's side -----------------------------------------------------------------------------
    def start(self) -> str:
        """Binds and serves; returns the address. Raises DashboardRefused or TokenRefused, nothing runs then."""
        keys = credentials(self._state_dir)
        listener = self._bind()
        self._port = listener.getsockname()[1]
        try:
            leave_link(self._state_dir, f"{self.address}enter?token={keys.token}")
        except OSError as reason:
            listener.close()
            raise DashboardRefused(f"{self._state_dir / LINK_FILE} cannot be written: {reason.strerror}") from reason
        sys.setswitchinterval(min(SWITCH_S, sys.getswitchinterval()))
        self._thread = threading.Thread(target=self._run, args=(listener, keys), name="dashboard", daemon=True)
        self._thread.start()
        return self.address

    @property
    def address(self) -> str:
        """Where it is served, without the token."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    def stop(self, last_words: str = "") -> None:
        """Says goodbye to the browsers and ends the thread; waits STOP_DEADLINE_S at most."""
        self._stopping = True
        thread, loop = self._thread, self._loop
        if thread is None:
            return
        with contextlib.suppress(RuntimeError, OSError):  # the loop has ended already; the link file is gone
            (self._state_dir / LINK_FILE).unlink()
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end, last_words)
        thread.join(STOP_DEADLINE_S)

    def check(self) -> None:
        """Called now and then by the owner: a thread that hangs is told, once."""
        silent_s = time.monotonic() - self._beat_s
        if self._thread is not None and self._thread.is_alive() and silent_s > WEDGED_S:
            self._trouble("the dashboard hangs; trading goes on, `condor status` and `condor kill` work")

    # the thread's side ----------------------------------------------------------------------------
    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: a peer that reads nothing is given up by the kernel
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_DEADLINE_MS)
            listener.bind((self._host, self._port))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except OSError as reason:
            listener.close()
            raise DashboardRefused(
                f"the dashboard cannot listen on {self._host}:{self._port}: {reason.strerror}; choose another web.port "
                "(0 takes any), or web.enabled = false"
            ) from reason
        return listener

    def _run(self, listener: socket.socket, keys: Credentials) -> None:
        why = "it ended by itself"
        try:
            asyncio.run(self._serve(listener, keys))
        except BaseException as reason:  # noqa: BLE001 - whatever ends the thread is told; there is nobody to raise to
            why = f"{type(reason).__name__}: {reason}"
        finally:
            listener.close()
        if not self._stopping:
            self._trouble(f"the dashboard has ended ({why}); trading goes on, `condor status` and `condor kill` work")

    async def _serve(self, listener: socket.socket, keys: Credentials) -> None:
        self._loop = asyncio.get_running_loop()
        source = Source(
            self._gathered, self._trouble, lambda: {"parts": parts.told, "drill": last_drill(self._state_dir)}
        )
        parts = Parts(self._state_dir, lambda: len(self._hub) > 0 or source.fetched_lately, self._parts_command)
        metrics = Metrics(self._gathered, source.values, lambda: self._hub.dropped)
        site = Site(
            source=source,
            hub=self._hub,
            credentials=keys,
            port=self._port,
            state_dir=self._state_dir,
            post=self._post,
            exposition=metrics.exposition,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            site.application(),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_AT_ONCE,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16_384,
        )
        self._server = _Server(config)
        if self._stopping:
            return
        serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="dashboard server")
        pulse = asyncio.create_task(self._pulse(source), name="dashboard pulse")
        asking = asyncio.create_task(parts.run(), name="dashboard result by part")
        try:
            done, _ = await asyncio.wait({serving, pulse, asking}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._server.should_exit = True
            pulse.cancel()
            asking.cancel()
            await asyncio.gather(pulse, asking, serving, return_exceptions=True)

    async def _pulse(self, source: Source) -> None:
        """Publishes news at every refresh while somebody listens; a sign of life at least every BEAT_EVERY_S."""
        told_s, steps = 0.0, -1
        while True:
            await asyncio.sleep(self._refresh_s)
            now_s = self._beat_s = time.monotonic()
            if not len(self._hub):
                source.skip()
                continue
            look = self._gathered.look()
            if look is not None and look.steps != steps:
                steps, told_s = look.steps, now_s
                self._hub.publish(source.news())
            elif now_s - told_s >= BEAT_EVERY_S:
                told_s = now_s
                self._hub.publish(source.news())

    def _end(self, last_words: str) -> None:
        self._hub.publish(event("bye", plain({"text": last_words})))
        self._hub.publish(None)
        if self._server is not None:
            self._server.should_exit = True

    def _trouble(self, text: str) -> None:
        if text not in self._told and len(self._told) < 100:
            self._told.add(text)
            self._post(ev.FaultNoted(code="WEB", text=text))
