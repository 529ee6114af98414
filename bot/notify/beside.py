"""The alerts of one life: begun before the first fact, ended with it; nothing where no channels file is named."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from bot.engine.state import State
from bot.notify import channels
from bot.notify.postman import Postman
from bot.notify.watch import Notifier, ReportPlan
from bot.report.files import FOLDER
from bot.settings.models import Settings
from strategies.domain import events as ev

MISSING = "alerts cannot be sent: apprise is not installed (pip install 'condor-desk[notify]'); trading goes on"
GRACE_S = 60.0
"""The digest waits so much longer than a report may take, real seconds."""


def begin(settings: Settings, state_dir: Path, before: State, post: Callable[[ev.AnyEvent], None]) -> Notifier | None:
    """The watcher, or None where nobody is to be told. `before` is the state that the last life left. Raises
    ChannelsRefused when the file is named and not good: a person is there at a start, later nobody is."""
    section = settings.notify
    if not section.file:
        return None
    addresses = channels.read(Path(section.file))
    missing = MISSING if addresses.channels and importlib.util.find_spec("apprise") is None else ""
    postman = Postman(addresses, deadline_s=section.deadline_s, queue_most=section.queue_most)
    plan = ReportPlan(state_dir / FOLDER, settings.report.each_session, settings.report.deadline_s + GRACE_S)
    crashed = bool(before.run_id) and not before.stopping
    return Notifier(section, state_dir, postman, post, plan, crashed=crashed, missing=missing)


def finish(notifier: Notifier | None, code: int, text: str) -> None:
    """The last message of a life, and a bounded wait for what is on its way."""
    if notifier is None:
        return
    left = notifier.end(code, text)
    if left:
        sys.stderr.write(f"{left} alerts could not be sent before the end\n")
