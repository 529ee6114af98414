"""Whether the bot this killer belongs to is gone without an orderly end, which would have ended the killer first."""

from __future__ import annotations

GONE_S = 5.0
"""A service manager that starts a new bot within this is quicker than any person; the new bot tells of the crash."""


class Absence:
    """Asked at each look; says once that the bot is gone, and again only after one has been there."""

    def __init__(self) -> None:
        self._seen = self._told = False
        self._since_s: float | None = None

    def begun(self, now_s: float, *, lives: bool) -> bool:
        """Whether this look is the one to tell it. `lives`: somebody holds the bot's lock."""
        if lives:
            self._seen, self._told, self._since_s = True, False, None
            return False
        if not self._seen or self._told:
            return False
        self._since_s = now_s if self._since_s is None else self._since_s
        self._told = now_s - self._since_s >= GONE_S
        return self._told
