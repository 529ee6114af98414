"""What the page can order: kill, pause and reduce, through the files that the command line uses.

Arming is not here: what stops is easy, what starts again is done at the terminal. There is no flatten either, because
the bot has no such level (docs/stopping.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from bot import latch, mailbox
from bot.logs import mask
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb

WHO: Final = "dashboard"
REASON_KEPT: Final = 200
VERBS: Final = {"kill": OperatorVerb.KILL, "pause": OperatorVerb.PAUSE, "reduce": OperatorVerb.REDUCE}
Post = Callable[[ev.AnyEvent], None]


class Pressed(NamedTuple):
    """What came of it: `accepted`, and a sentence for the person."""

    accepted: bool
    text: str


def press(state_dir: Path, verb: OperatorVerb, reason: str, post: Post) -> Pressed:
    """Carries out an order; `post` hands a fact to the trading loop from this thread."""
    why = " ".join(mask(reason).split())[:REASON_KEPT] or "no reason given"
    if verb is OperatorVerb.KILL:
        return _kill(state_dir, why, post)
    try:
        mailbox.leave(state_dir, verb, WHO, why, confirmed=True, number=time.time_ns() // 1_000_000)
    except OSError as trouble:
        return Pressed(False, f"NOT DONE: the command could not be left in {mailbox.FOLDER}: {trouble.strerror}")
    return Pressed(True, f"{verb.value} ordered; the state bar shows when it holds")


def _kill(state_dir: Path, why: str, post: Post) -> Pressed:
    """The file first: from then on no order leaves, whatever the loop is doing. Without it the loop is told anyway."""
    try:
        latch.engage(state_dir / latch.NAME, WHO, why, datetime.now(UTC))  # noqa: TID251 - a person's clock
    except OSError as trouble:
        post(ev.OperatorCommanded(verb=OperatorVerb.KILL, who=WHO, reason=why))
        return Pressed(
            False, f"THE LATCH COULD NOT BE WRITTEN ({trouble.strerror}); the loop was told. Check TWS, stop the bot"
        )
    post(ev.LatchFound(who=WHO, reason=why))
    return Pressed(True, "latch written: no order leaves any more. The state bar shows when the cancels are proven")
