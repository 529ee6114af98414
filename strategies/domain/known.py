"""Known or Unknown: the type of everything the broker has to tell us, so that silence can never be read as zero."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Known(msgspec.Struct, Generic[T], frozen=True, tag="known"):
    """The broker answered completely."""

    value: T


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """No complete answer; `reason` says why. Unknown is never flat, never zero, never empty."""

    reason: str
