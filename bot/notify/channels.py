"""The channels file: where messages go. Its addresses are secrets, so they are in no setting, log or command line.

TOML, readable by its owner alone:

    [channels]
    phone = "ntfys://my-secret-topic"
    mail = { url = "mailtos://user:password@example.org", urgent_only = true }

    [dead_man]
    url = "https://example.org/ping/my-secret-id"
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}")
CHANNELS_MOST = 10


class ChannelsRefused(ValueError):
    """The channels file is not taken; the text says why and what is allowed, and repeats no address."""


class Channel(NamedTuple):
    """A way to a person. `url` is a secret; `name` is what logs and messages call it."""

    name: str
    url: str
    urgent_only: bool = False


class Channels(NamedTuple):
    """All of the file. `dead_man_url` is asked for regularly while the bot lives, None where none is set."""

    channels: tuple[Channel, ...] = ()
    dead_man_url: str | None = None

    def for_message(self, *, urgent: bool) -> tuple[Channel, ...]:
        """Who gets a message of this urgency."""
        return tuple(c for c in self.channels if urgent or not c.urgent_only)


def read(path: Path) -> Channels:
    """The file's content. Raises ChannelsRefused for whatever is not exactly as described."""
    try:
        mode = os.stat(path).st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        told = reason.strerror if isinstance(reason, OSError) else "is not UTF-8"
        raise ChannelsRefused(f"notify.file {path}: {told}; see docs/alerts.md") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ChannelsRefused(
            f"notify.file {path} holds secrets and others on this machine can read or write it "
            f"(mode {stat.S_IMODE(mode):o}): chmod 600 {path}"
        )
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        where = re.search(r"\(at [^)]*\)", str(reason))
        raise ChannelsRefused(f"notify.file {path} is no TOML {where.group() if where else ''}".rstrip()) from None
    return _checked(path, raw)


def _checked(path: Path, raw: dict[str, Any]) -> Channels:
    unknown = sorted(set(raw) - {"channels", "dead_man"})
    if unknown:
        raise ChannelsRefused(f"notify.file {path}: unknown {', '.join(unknown)}; allowed are [channels], [dead_man]")
    named, dead = raw.get("channels", {}), raw.get("dead_man", {})
    if not isinstance(named, dict) or not isinstance(dead, dict) or set(dead) - {"url"}:
        raise ChannelsRefused(f"notify.file {path}: [channels] has one line per channel, [dead_man] only url")
    if len(named) > CHANNELS_MOST:
        raise ChannelsRefused(f"notify.file {path}: {len(named)} channels, at most {CHANNELS_MOST} are allowed")
    channels = tuple(_channel(path, name, value) for name, value in named.items())
    url = dead.get("url")
    if url is not None and not (isinstance(url, str) and url.startswith(("https://", "http://"))):
        raise ChannelsRefused(f"notify.file {path}: dead_man.url must begin with https:// or http://")
    if not channels and url is None:
        raise ChannelsRefused(f"notify.file {path} names no channel; leave notify.file empty for no alerts")
    return Channels(channels, url)


def _channel(path: Path, name: str, value: Any) -> Channel:
    where = f"notify.file {path}: channels.{name}"
    if not _NAME.fullmatch(name):
        raise ChannelsRefused(f"{where}: a name has letters, digits, - and _, at most 30")
    row = {"url": value} if isinstance(value, str) else value
    if not isinstance(row, dict) or set(row) - {"url", "urgent_only"}:
        raise ChannelsRefused(f'{where} must be "ADDRESS" or {{ url = "ADDRESS", urgent_only = true }}')
    url, only = row.get("url"), row.get("urgent_only", False)
    if not isinstance(url, str) or not re.match(r"[a-z][a-z0-9+.-]*://", url) or not isinstance(only, bool):
        raise ChannelsRefused(f"{where}: url must look like scheme://...; urgent_only is true or false")
    return Channel(name, url, only)
