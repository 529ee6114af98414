"""Frames of the TWS protocol: a 32-bit big-endian length, then fields that each end with NUL."""

from __future__ import annotations

import struct
from collections.abc import Iterator

LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 1 << 20
"""No client sends a message near this size; a longer length prefix means that the stream is not the protocol."""


class BrokenFrame(ValueError):
    """The byte stream cannot be the protocol; nothing after it can be trusted."""


class FrameBuffer:
    """Collects bytes as they come, in any segmentation, and gives back whole payloads."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._bytes = bytearray()
        self._max = max_frame_bytes

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Appends received bytes."""
        self._bytes += data

    def take_prefix(self, prefix: bytes) -> bool:
        """Removes the prefix if the buffer starts with it. Raises BrokenFrame as soon as it cannot."""
        have = bytes(self._bytes[: len(prefix)])
        if not prefix.startswith(have):
            raise BrokenFrame(f"expected {prefix!r} first, got {have!r}")
        if len(have) < len(prefix):
            return False
        del self._bytes[: len(prefix)]
        return True

    def frames(self) -> Iterator[bytes]:
        """Whole payloads in order. Raises BrokenFrame for a length that no message has."""
        while (payload := self.next_frame()) is not None:
            yield payload

    def next_frame(self) -> bytes | None:
        """The next whole payload, or None until more bytes come."""
        if len(self._bytes) < 4:
            return None
        (length,) = LENGTH.unpack_from(self._bytes)
        if not 0 < length <= self._max:
            raise BrokenFrame(f"frame of {length} bytes; allowed are 1 to {self._max}")
        end = 4 + length
        if len(self._bytes) < end:
            return None
        payload = bytes(self._bytes[4:end])
        del self._bytes[:end]
        return payload


def frame(payload: bytes) -> bytes:
    """Length prefix and payload."""
    return LENGTH.pack(len(payload)) + payload


def split_fields(payload: bytes) -> list[str]:
    """Fields of a payload. Raises BrokenFrame if the last one is not ended by NUL."""
    if not payload.endswith(b"\0"):
        raise BrokenFrame("a message must end with NUL")
    return payload[:-1].decode("utf-8", errors="backslashreplace").split("\0")
