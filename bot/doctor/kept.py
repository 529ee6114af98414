"""The state directory: modes, the lock, the killer, the latch, the journal, secrets."""

from __future__ import annotations

import os
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot import instance, latch
from bot.doctor.row import Row, fail, good, warn
from bot.heartbeat import NAME as HEARTBEAT
from bot.journal import reader
from bot.journal.schema import JournalError
from bot.killer.process import LOCK as KILLER_LOCK
from bot.masking import mask

JOURNAL = "journal.sqlite3"
SECRETS = ("web.token", "web.url", "killer.json", "killer.log*", "approvers", "approvers/*.json", "alerts.json")


class Running(NamedTuple):
    """Who holds the directory: pids of the bot and of the killer, None where none runs."""

    bot: int | None
    killer: int | None


def running(state_dir: Path) -> Running:
    """Asks the kernel's locks, not the pid files."""
    return Running(instance.holder(state_dir), instance.holder(state_dir, KILLER_LOCK))


def directory(state_dir: Path) -> Row:
    """Its owner alone may read or write it."""
    try:
        mode = stat.S_IMODE(os.stat(state_dir).st_mode)
    except FileNotFoundError:
        return good("state directory", f"{state_dir} is not there yet: the first run makes it")
    except OSError as reason:
        return fail("state directory", f"{state_dir}: {reason.strerror}", "choose another --state, or repair it")
    if not state_dir.is_dir() or not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        return fail("state directory", f"{state_dir} cannot be written", "chown it to the user the bot runs as")
    if mode & 0o077:
        return fail("state directory", f"{state_dir} is open to others (mode {mode:o})", f"chmod 700 {state_dir}")
    return good("state directory", f"{state_dir}, mode {mode:o}")


def secrets(state_dir: Path) -> Row:
    """Tokens and what names them: mode 600, folders 700."""
    open_ones = []
    found = [path for pattern in SECRETS for path in sorted(state_dir.glob(pattern))]
    for path in found:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # removed since it was listed
        if mode & 0o077:
            open_ones.append(f"{path.name} ({mode:o})")
    if open_ones:
        return fail("token files", f"open to others: {', '.join(open_ones)}", f"chmod -R go-rwx {state_dir}")
    return good("token files", f"{len(found)} files, their owner's alone")


def lock(state_dir: Path, who: Running, hung_s: float, now_s: float | None = None) -> Row:
    """Whether a bot runs and its decision task lives; a lock left by a crash needs nothing. `now_s`: epoch seconds."""
    if who.bot is not None:
        try:
            silent_s = (time.time() if now_s is None else now_s) - os.stat(state_dir / HEARTBEAT).st_mtime  # noqa: TID251
        except OSError:
            return warn("bot", f"process {who.bot} runs but has not begun to decide", "look again; condor status")
        if silent_s > hung_s:
            text = f"process {who.bot} has taken no step for {silent_s:.0f} s"
            return fail("bot", text, "condor kill, look in TWS, then end the process and start it again")
        return good("bot", f"process {who.bot} runs, its last step {max(0.0, silent_s):.0f} s ago")
    try:
        left = (state_dir / instance.LOCK_NAME).read_text().strip()
    except OSError:
        left = ""
    if left:
        return good(
            "bot", f"none runs; the lock file names process {left}, which died with the lock: nothing to clean up"
        )
    return good("bot", "none runs")


def killer(who: Running, *, enabled: bool) -> Row:
    """The second process that cancels when the bot cannot."""
    if not enabled:
        return warn("killer", "switched off (killer.enabled)", "without it only TWS cancels when the bot hangs")
    if who.bot is not None and who.killer is None:
        return fail(
            "killer",
            "the bot runs without its killer",
            "killer.log in the state directory has what it said; restart the bot",
        )
    if who.bot is None and who.killer is not None:
        text = f"process {who.killer} watches on after its bot ended without an orderly stop"
        return warn("killer", text, "it still obeys condor kill; the next bot replaces it")
    return good("killer", f"process {who.killer} watches" if who.killer is not None else "starts with the bot")


def kill_latch(state_dir: Path) -> Row:
    """While it stands nothing is traded."""
    found = latch.read(state_dir / latch.NAME)
    if found is None:
        return good("kill latch", "not engaged")
    when = "" if found.at is None else f" at {found.at:%Y-%m-%d %H:%M}Z"
    text = mask(" ".join(f"engaged by {found.who}{when}: {found.reason}".split()))
    return warn("kill latch", text, "when the cause is understood: condor arm -m WHY (the bot must run)")


def journal(state_dir: Path) -> tuple[Row, datetime | None]:
    """Every record against its chain; also the moment of the last one, None without any."""
    path = state_dir / JOURNAL
    if not path.exists():
        return good("journal", "none yet: the first run begins one"), None
    try:
        found = reader.verify(path)
    except JournalError as reason:
        return fail("journal", str(reason), "docs/journal.md: keep the file, start with another --state"), None
    if not found.sound:
        text = f"damaged: {found.problem}"
        return fail(
            "journal", text, "docs/journal.md: keep the file, look in TWS, start with another --state"
        ), found.last_at
    text = f"{found.records} records intact, the last of {found.last_at:%Y-%m-%d %H:%M}Z" if found.last_at else "empty"
    if found.clock_steps_back:
        return warn(
            "journal", f"{text}; the clock was set back {found.clock_steps_back} times", "see row clock"
        ), found.last_at
    return good("journal", text), found.last_at
