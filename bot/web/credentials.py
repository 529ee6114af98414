"""The dashboard's token: made at the first start, kept in the state directory, readable by its owner alone.

Rules
- The token is never sent to a browser: the browser keeps a value derived from it, forms carry another.
- A token file that others can read, or that holds too little, is refused, not repaired: delete it to have a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final, NamedTuple

TOKEN_FILE: Final = "web.token"
LINK_FILE: Final = "web.url"
LEAST_CHARACTERS: Final = 32


class TokenRefused(Exception):
    """The token file cannot be used; the text says why and what to do."""


class Credentials(NamedTuple):
    """What is compared with what a request brings."""

    token: str

    @property
    def cookie(self) -> str:
        """The value a browser keeps."""
        return self._derived(b"cookie")

    @property
    def form(self) -> str:
        """The hidden value in every form of the page."""
        return self._derived(b"form")

    def _derived(self, purpose: bytes) -> str:
        return hmac.new(self.token.encode(), purpose, hashlib.sha256).hexdigest()


def same(told: str, expected: str) -> bool:
    """Equality in constant time, whatever characters were sent."""
    return hmac.compare_digest(told.encode("utf-8", "replace"), expected.encode())


def credentials(state_dir: Path) -> Credentials:
    """The credentials of this state directory, made if there are none. Raises TokenRefused."""
    path = state_dir / TOKEN_FILE
    try:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            return Credentials(_read(path))
        token = secrets.token_urlsafe(32)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
    except OSError as reason:
        raise TokenRefused(f"{path}: {reason.strerror}; the dashboard needs a token file there") from reason
    return Credentials(token)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor) as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
            raise TokenRefused(
                f"{path}: mode {stat.S_IMODE(about.st_mode):04o}; others could read it. Delete it: the next start "
                "makes a new one"
            )
        try:
            token = file.read(4096).strip()
        except ValueError:
            token = ""
    if len(token) < LEAST_CHARACTERS or not token.isascii():
        raise TokenRefused(
            f"{path}: holds fewer than {LEAST_CHARACTERS} plain characters. Delete it: the next start makes a new one"
        )
    return token


def leave_link(state_dir: Path, link: str) -> None:
    """Writes the link with the token beside the token; its owner's alone. Raises OSError."""
    path = state_dir / LINK_FILE
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(link + "\n")
    draft.replace(path)
