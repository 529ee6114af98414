"""The dashboard beside a run: begun before the first fact, looked after while the run lives, ended with it.

Nothing here can end the run: a page that cannot be served, crashes or hangs is a fault that people are told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bot.settings.models import WebSection
from bot.web.credentials import TokenRefused
from bot.web.gathered import Gathered
from bot.web.server import Dashboard, DashboardRefused
from strategies.domain import events as ev

CHECK_EVERY_S = 30.0


@contextlib.asynccontextmanager
async def beside(
    section: WebSection,
    gathered: Gathered,
    state_dir: Path,
    post: Callable[[ev.AnyEvent], None],
    tell_address: Callable[[str], None],
    last_words: Callable[[], str],
) -> AsyncIterator[None]:
    """Serves the page while the body runs, if it is wanted. `post` is called in this loop only."""
    dashboard = _begin(section, gathered, state_dir, post)
    if dashboard is None:
        yield
        return
    tell_address(dashboard.address)
    check = asyncio.create_task(_check(dashboard, post), name="dashboard check")
    try:
        yield
    finally:
        check.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await check
        dashboard.stop(last_words())


def _begin(
    section: WebSection, gathered: Gathered, state_dir: Path, post: Callable[[ev.AnyEvent], None]
) -> Dashboard | None:
    loop = asyncio.get_running_loop()
    if not section.enabled:
        return None

    def from_its_thread(event: ev.AnyEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody trades and nobody listens
            loop.call_soon_threadsafe(post, event)

    dashboard = Dashboard(
        gathered=gathered,
        state_dir=state_dir,
        host=section.host,
        port=section.port,
        refresh_s=section.refresh_ms / 1000.0,
        post=from_its_thread,
    )
    try:
        dashboard.start()
    except (DashboardRefused, TokenRefused) as reason:
        post(ev.FaultNoted(code="WEB", text=str(reason)))
        return None
    except Exception as reason:  # noqa: BLE001 - whatever it is, the bot trades without a page
        post(ev.FaultNoted(code="WEB", text=f"the dashboard could not be started: {reason!r}"))
        return None
    return dashboard


async def _check(dashboard: Dashboard, post: Callable[[ev.AnyEvent], None]) -> None:
    """Asks now and then whether the page still lives; it answers by a fault when it does not."""
    try:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            dashboard.check()
    except Exception as reason:  # noqa: BLE001 - the page must never be why the run ends
        post(ev.FaultNoted(code="WEB", text=f"nobody looks after the dashboard any more: {reason!r}"))
