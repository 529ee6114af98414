"""This machine: interpreter, packages, the two client libraries, disk, clock."""

from __future__ import annotations

import ctypes
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path

from bot.doctor.row import Row, fail, good, warn

PYTHON_FROM, PYTHON_BELOW = (3, 11), (3, 14)
DISK_FAIL_BYTES, DISK_WARN_BYTES = 500 << 20, 5 << 30
"""A busy session writes some hundred megabytes of journal and log."""
CLIENTS = ("ib-insync", "ib-async")
EVENTKITS = ("eventkit", "aeventkit")
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(;)?")
_TIME_ERROR = 5
"""What adjtimex answers while the kernel's clock is not synchronised."""

Installed = Mapping[str, str]
"""Versions by normalised distribution name."""


def installed() -> dict[str, str]:
    """What this interpreter finds."""
    return {_plain(d.metadata["Name"] or ""): d.version for d in metadata.distributions()}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def python(version: tuple[int, int] = sys.version_info[:2]) -> Row:
    """The client library asks for an event loop at import, which Python 3.14 refuses."""
    told = f"{version[0]}.{version[1]}"
    if PYTHON_FROM <= version < PYTHON_BELOW:
        return good("python", f"Python {told}")
    return fail("python", f"Python {told} is not supported", "use Python 3.11, 3.12 or 3.13 (`make` sets one up)")


def packages(found: Installed, pins: str | None) -> Row:
    """Against the pinned list that the tests ran with; `pins` is its text, None where it is not at hand."""
    if pins is None:
        return warn(
            "packages", "requirements.txt is not here: nothing to compare with", "run from the project's folder"
        )
    wanted = {_plain(m[1]): m[2] for line in pins.splitlines() if (m := _PIN.match(line)) and not m[3]}
    missing = sorted(set(wanted) - set(found))
    other = sorted(f"{n} {found[n]} (tested {v})" for n, v in wanted.items() if n in found and found[n] != v)
    remedy = "install the pinned ones: make venv, or pip install --require-hashes -r requirements.txt"
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", remedy)
    if other:
        return warn("packages", f"other versions than tested: {', '.join(other[:6])}", remedy)
    return good("packages", f"{len(wanted)} packages as pinned")


def clients(found: Installed) -> Row:
    """Both libraries bring a package called eventkit; together each breaks the other."""
    both = [name for name in CLIENTS if name in found]
    kits = [name for name in EVENTKITS if name in found]
    remedy = (
        "remove one set from this environment: pip uninstall ib_async aeventkit, then pip install --force-reinstall"
    )
    if len(both) > 1 or len(kits) > 1:
        names = ", ".join((*both, *kits))
        return fail(
            "client library", f"{names} are installed together: they share eventkit", f"{remedy} eventkit ib_insync"
        )
    if both != ["ib-insync"]:
        return fail("client library", "ib_insync is not installed", "pip install --require-hashes -r requirements.txt")
    return good("client library", f"ib_insync {found['ib-insync']}, no other beside it")


def disk(state_dir: Path, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> Row:
    """A journal that cannot be written ends trading."""
    there = next((path for path in (state_dir, *state_dir.absolute().parents) if path.exists()), Path("/"))
    try:
        free = free_bytes(there)
    except OSError as reason:
        return fail("disk", f"{there} cannot be examined: {reason.strerror}", "mount or repair it")
    text = f"{free / (1 << 30):.1f} GiB free at {there}"
    if free < DISK_FAIL_BYTES:
        return fail("disk", text, "make room: without it the journal fails and the bot cancels everything and stops")
    if free < DISK_WARN_BYTES:
        return warn("disk", text, "make room soon: old journals, logs and reports may go elsewhere")
    return good("disk", text)


def kernel_synchronised() -> bool | None:
    """Whether the kernel says that its clock follows a reference; None where it cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        answer = libc.adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR


def clock(now: datetime, last_at: datetime | None, synchronised: bool | None) -> Row:
    """`last_at` is the journal's last record of a real gateway: time must not lie before it."""
    if last_at is not None and (last_at - now).total_seconds() > 2.0:
        text = f"the clock says {now:%Y-%m-%d %H:%M:%S}Z, the journal's last record is of {last_at:%Y-%m-%d %H:%M:%S}Z"
        return fail("clock", text, "set the clock: until it has caught up nothing is traded (timedatectl)")
    if synchronised is False:
        return warn(
            "clock", "the kernel's clock follows no reference", "turn on time synchronisation: timedatectl set-ntp true"
        )
    how = "synchronised" if synchronised else "not known to be synchronised, nothing against it"
    return good("clock", f"{now:%Y-%m-%d %H:%M:%S}Z, {how}")
