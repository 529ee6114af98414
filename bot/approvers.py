"""People who may approve: STATE/approvers/NAME.json with a salt and the hash of a token that is shown once.

Rules
- The token itself is never written: neither here, nor into a command, nor into the journal. A command carries a proof,
  a keyed hash of what is approved.
- This guards against haste and mistakes. Whoever owns the state directory can add an approver.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path

FOLDER = "approvers"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")


class ApproverRefused(ValueError):
    """The name cannot be used; the text says what is allowed."""


def names(state_dir: Path) -> list[str]:
    """Approvers of this state directory, in order of their names."""
    try:
        found = sorted(path.stem for path in (state_dir / FOLDER).iterdir() if path.suffix == ".json")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in found if _NAME.fullmatch(name)]


def add(state_dir: Path, name: str) -> str:
    """Makes an approver and returns the token, which is not kept. Raises ApproverRefused, OSError."""
    if not _NAME.fullmatch(name):
        raise ApproverRefused(f"{name!r}: a name has 2 to 32 small letters, digits or dashes and begins with a letter")
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    token, salt = secrets.token_urlsafe(18), secrets.token_hex(16)
    body = json.dumps({"name": name, "salt": salt, "hash": _key(token, salt).hex()}).encode()
    try:
        handle = os.open(folder / f"{name}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ApproverRefused(
            f"{name} exists; a token is never shown again: remove the approver, then add it"
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(body)
    return token


def remove(state_dir: Path, name: str) -> None:
    """Takes an approver away. Raises ApproverRefused for one that is not there, OSError."""
    if name not in names(state_dir):
        raise ApproverRefused(f"no approver {name!r}; there are {', '.join(names(state_dir)) or 'none'}")
    (state_dir / FOLDER / f"{name}.json").unlink()


def proof(state_dir: Path, name: str, token: str, message: str) -> str:
    """What shows that a person holding the token meant this message. Raises ApproverRefused for a wrong token."""
    known = _known(state_dir, name)
    if known is None:
        raise ApproverRefused(f"no approver {name!r}; there are {', '.join(names(state_dir)) or 'none'}")
    salt, kept = known
    key = _key(token, salt)
    if not hmac.compare_digest(key, kept):
        raise ApproverRefused(f"that is not {name}'s token")
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def proven(state_dir: Path, name: str, message: str, shown: str) -> bool:
    """Whether the proof is of this approver and of this message."""
    known = _known(state_dir, name)
    if known is None:
        return False
    wanted = hmac.new(known[1], message.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, shown)


def _known(state_dir: Path, name: str) -> tuple[str, bytes] | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        row = json.loads((state_dir / FOLDER / f"{name}.json").read_bytes())
        return str(row["salt"]), bytes.fromhex(row["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(token: str, salt: str) -> bytes:
    return hashlib.sha256(f"{salt}:{token}".encode()).digest()
