"""A deterministic asyncio event loop on virtual time, with in-memory connections instead of sockets.

Rules: while anything is ready to run each turn of the loop takes one microsecond; when nothing is, time jumps to the
next timer; there are no threads, no sockets and no waiting; with nothing ready and no timer left the run is stuck and
says so.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bot.sim.memory_transport import MemoryServer, connect_pair

T = TypeVar("T")
FIRST_FREE_PORT = 40_000
TURN_S = 1e-6
"""Virtual seconds of one turn of the loop: code that re-arms a timer until its time has truly passed moves on."""


class VirtualDeadlock(RuntimeError):
    """Every task waits for something that no timer and no ready callback will ever bring."""


class _JumpingSelector:
    """Stands where the selector would: instead of waiting for the operating system it moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        """Jumps over `timeout` seconds of virtual time; None means that nothing can ever happen again."""
        if timeout is None:
            raise VirtualDeadlock(
                f"virtual time stopped at {self._loop.time():.3f} s: nothing is scheduled and every task is waiting"
            )
        self._loop.jump(max(timeout, TURN_S))
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Event loop whose clock starts at 0 and jumps; `create_server` and `create_connection` meet in memory.

    Blocking work in other threads is refused: it would make the order of events depend on the machine.
    """

    def __init__(self) -> None:
        super().__init__()
        self._virtual_now = 0.0
        self._selector = _JumpingSelector(self)
        self._clock_resolution = 1e-9
        self._servers: dict[int, MemoryServer] = {}
        self._next_port = FIRST_FREE_PORT

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    def jump(self, timeout_s: float) -> None:
        """Moves the clock forward."""
        self._virtual_now += timeout_s

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from outside: there are no file descriptors to serve."""

    def _write_to_self(self) -> None:
        """Wakes nobody: the loop never sleeps (signal handlers run in the same thread between callbacks)."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Refused: threads would make the run depend on the machine."""
        raise RuntimeError("virtual time runs in one thread: run_in_executor and to_thread are not available")

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **options: object,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connects to a server of this loop; ConnectionRefusedError when nobody listens on the port."""
        _refuse_options(options)
        await asyncio.sleep(0)
        server = self._servers.get(int(port or 0))
        if server is None or not server.is_serving():
            raise ConnectionRefusedError(111, f"Connect call failed ({host!r}, {port})")
        client = protocol_factory()
        client_end = connect_pair(self, client, server)
        return client_end, client

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **options: object,
    ) -> MemoryServer:
        """Listens on a port of this loop (0 takes the next free one); OSError when it is taken."""
        _refuse_options(options)
        number = int(port or 0)
        if number == 0:
            while self._next_port in self._servers:
                self._next_port += 1
            number = self._next_port
        if number in self._servers:
            raise OSError(98, f"address ({host!r}, {number}) is already in use")
        server = MemoryServer(protocol_factory, str(host or "127.0.0.1"), number, self._servers)
        self._servers[number] = server
        return server

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Names are not looked up: every address is this loop."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


def _refuse_options(options: dict[str, object]) -> None:
    unknown = sorted(name for name, value in options.items() if value is not None and name not in {"reuse_address"})
    if unknown:
        raise ValueError(f"in-memory connections know host and port only, not {', '.join(unknown)}")


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs the coroutine made by `main` on a new VirtualLoop to its end and returns its result.

    The loop is the thread's current one meanwhile, because client libraries ask the policy and not the running task.
    """
    policy = asyncio.get_event_loop_policy()
    previous = policy._local._loop  # type: ignore[attr-defined]  # reading it through the policy would make one
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(main())
    finally:
        asyncio.set_event_loop(previous)
