"""Turns the house's typed errors into one clear message and a stable exit code; a traceback means a bug."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from bot.cli import exits
from bot.masking import mask


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


def shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """A traceback as people may see it: places and words, no values of variables, no account ids."""
    return "\n".join(mask(line) for part in traceback.format_exception(kind, error, trace) for line in part.split("\n"))


def mask_tracebacks() -> None:
    """An error nobody expected is shown masked, too; this output is often kept in a system log."""
    sys.excepthook = lambda kind, error, trace: _stderr(shown(kind, error, trace).rstrip())


def _stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
