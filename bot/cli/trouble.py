"""Turns the house's typed errors into one clear message and a stable exit code; a traceback means a bug."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.cli import exits


@contextmanager
def told(tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Runs the body; known errors end the process with their text and code."""
    from bot.calendar import CalendarError
    from bot.clock import FollowError
    from bot.instance import AlreadyRunning, StateDirRefused
    from bot.journal.schema import JournalError
    from bot.notify.channels import ChannelsRefused
    from bot.settings.layers import ConfigError
    from bot.sim.faults.arguments import FaultError
    from bot.sim.world.errors import ScenarioError, WorldDataError

    codes: list[tuple[type[Exception], int]] = [
        (ConfigError, exits.CONFIG),
        (CalendarError, exits.CONFIG),
        (ChannelsRefused, exits.CONFIG),
        (WorldDataError, exits.CONFIG),
        (ScenarioError, exits.CONFIG),
        (FaultError, exits.CONFIG),
        (AlreadyRunning, exits.ALREADY_RUNNING),
        (StateDirRefused, exits.BROKEN_STATE),
        (JournalError, exits.BROKEN_STATE),
        (FollowError, exits.FAILED),
    ]
    try:
        yield
    except tuple(kind for kind, _ in codes) as error:
        (tell or _stderr)(str(error))
        raise SystemExit(next(code for kind, code in codes if isinstance(error, kind))) from None


def _stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
