"""Frames in, frames out: any segmentation gives the same payloads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.wire.framing import MAX_FRAME_BYTES, BrokenFrame, FrameBuffer, frame, split_fields


@settings(deadline=None)
@given(payloads=st.lists(st.binary(min_size=1, max_size=60), max_size=12), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_any_segmentation_gives_back_the_payloads(payloads: list[bytes], cuts: list[int]) -> None:
    """However TCP cuts the stream, the payloads come out whole and in order."""
    stream = b"".join(frame(payload) for payload in payloads)
    buffer, found, place, turn = FrameBuffer(), [], 0, 0
    while place < len(stream):
        step = cuts[turn % len(cuts)]
        buffer.feed(stream[place : place + step])
        found += list(buffer.frames())
        place, turn = place + step, turn + 1
    assert found == payloads
    assert len(buffer) == 0


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1, 0x47455420, 0xFFFFFFFF])
def test_a_length_no_message_has_breaks_the_stream(length: int) -> None:
    """A zero or over-long length prefix is refused before any of its bytes are waited for."""
    buffer = FrameBuffer()
    buffer.feed(length.to_bytes(4, "big"))
    with pytest.raises(BrokenFrame, match=str(length)):
        buffer.next_frame()


def test_a_wrong_prefix_is_refused_at_the_first_differing_byte() -> None:
    """The handshake prefix may come byte by byte, but a stream that cannot become it is refused at once."""
    buffer = FrameBuffer()
    buffer.feed(b"AP")
    assert buffer.take_prefix(b"API\0") is False
    buffer.feed(b"X")
    with pytest.raises(BrokenFrame):
        buffer.take_prefix(b"API\0")


def test_fields_must_end_with_nul() -> None:
    """A payload whose last field is not ended is not a message."""
    assert split_fields(b"49\x001\x00") == ["49", "1"]
    assert split_fields(b"\x00") == [""]
    with pytest.raises(BrokenFrame):
        split_fields(b"49\x001")
