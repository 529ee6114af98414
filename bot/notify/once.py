"""One message without a bot: for the killer, which has news exactly when the bot cannot tell it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bot.masking import mask
from bot.notify.channels import ChannelsRefused, read
from bot.notify.notice import Message
from bot.notify.postman import order_of

Start = Callable[[list[str], bytes], None]


def started(command: list[str], given: bytes) -> None:
    """Starts a process, gives it its input and does not wait for it. Raises OSError."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(given)  # a few hundred bytes: a pipe takes them at once


def tell_once(file: str, title: str, body: str, deadline_s: float, start: Start = started) -> str:
    """Sends an urgent message through every channel of the file; "" or why it could not be begun. Never raises for a
    file or a process that fails: whoever calls has something more urgent to do."""
    if not file:
        return "nobody is told: notify.file is empty"
    try:
        channels = read(Path(file))
        message = Message(mask(title), mask(body), urgent=True)
        names = tuple(c.name for c in channels.channels)
        if not names:
            return "nobody is told: the channels file names no channel"
        start([sys.executable, "-m", "bot.notify"], order_of(message, channels, names, deadline_s).encode())
    except (ChannelsRefused, OSError) as reason:
        return f"nobody is told: {reason}"
    return ""
