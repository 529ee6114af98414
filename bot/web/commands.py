"""What the page can order: kill, pause, reduce and flatten, through the files that the command line uses.

Arming is not here: what stops is easy, what starts again is done at the terminal. Flattening trades, so it needs a
typed word; a kill needs none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from bot import latch, mailbox
from bot.masking import mask
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb

WHO: Final = "dashboard"
REASON_KEPT: Final = 200
VERBS: Final = {
    "kill": OperatorVerb.KILL,
    "pause": OperatorVerb.PAUSE,
    "reduce": OperatorVerb.REDUCE,
    "flatten": OperatorVerb.FLATTEN,
}
FLATTEN_WORD: Final = "FLATTEN"
"""What a person types before everything is closed."""
Post = Callable[[ev.AnyEvent], None]


class Pressed(NamedTuple):
    """What came of it: `accepted`, and a sentence for the person; `refused` where it may not be done now."""

    accepted: bool
    text: str
    refused: bool = False


def press(state_dir: Path, verb: OperatorVerb, reason: str, post: Post, word: str = "") -> Pressed:
    """Carries out an order; `post` hands a fact to the trading loop from this thread, `word` is what was typed."""
    why = " ".join(mask(reason).split())[:REASON_KEPT] or "no reason given"
    if verb is OperatorVerb.KILL:
        return _kill(state_dir, why, post)
    if verb is OperatorVerb.FLATTEN and (refusal := _no_flattening(state_dir, word)):
        return Pressed(False, f"NOT DONE: {refusal}", refused=True)
    try:
        mailbox.leave(state_dir, verb, WHO, why, confirmed=True, number=time.time_ns() // 1_000_000)
    except OSError as trouble:
        return Pressed(False, f"NOT DONE: the command could not be left in {mailbox.FOLDER}: {trouble.strerror}")
    return Pressed(True, f"{verb.value} ordered; the state bar shows when it holds")


def _no_flattening(state_dir: Path, word: str) -> str:
    """Why everything is not closed; empty if it may be asked for."""
    if word.strip() != FLATTEN_WORD:
        return f"type {FLATTEN_WORD} to confirm; nothing was changed"
    if latch.present(state_dir / latch.NAME):
        return (
            "KILL holds, nothing of ours trades under it. Close positions in TWS, or `condor arm` at the terminal and "
            "then flatten at once"
        )
    return ""


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
