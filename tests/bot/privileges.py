"""Directory modes bind everybody but root; tests of refusals step down for the moment that matters."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def nobody() -> Iterator[None]:
    """Within it file modes count, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def public_dir(mode: int) -> Iterator[Path]:
    """A directory that anyone can reach, with this mode."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        inner = path / "state"
        inner.mkdir()
        if os.geteuid() == 0:
            os.chown(inner, NOBODY, NOBODY)
        inner.chmod(mode)
        yield inner
        inner.chmod(0o700)
