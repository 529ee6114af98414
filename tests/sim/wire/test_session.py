"""The protocol state of one client: handshake, versions, start, and what breaks it."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.wire.framing import frame
from bot.sim.wire.session import Broken, ClientSession, Incoming, SessionState, Started

AT = datetime(2018, 10, 1, 9, 30, tzinfo=ZoneInfo("America/New_York"))
START = frame(b"71\x002\x007\x00\x00")


def hello(text: bytes) -> bytes:
    return b"API\0" + frame(text)


def greeted(text: bytes = b"v157..176", **options: int) -> ClientSession:
    session = ClientSession(connected_at=AT, **options)
    assert list(session.receive(hello(text))) == []
    return session


@pytest.mark.parametrize(
    ("offered", "own", "spoken"),
    [
        (b"v157..176", 176, 176),
        (b"v100..157", 176, 157),
        (b"v100..225", 176, 176),
        (b"v157..176 +PACEAPI", 170, 170),
        (b"v163", 176, 163),
        (b"v157..158", 176, 157),
        (b"v157..157", 176, 157),
        (b"v100..176 +PACEAPI;other=1", 176, 176),
        (b"v157..178", 163, 163),
        (b"v157..176\0", 176, 176),
    ],
)
def test_the_highest_common_version_is_spoken(offered: bytes, own: int, spoken: int) -> None:
    """min(own, client's maximum); 158 is never spoken because clients disagree about it."""
    session = greeted(offered, server_version=own)
    assert session.version == spoken
    assert session.take(1000) == frame(f"{spoken}\x0020181001 09:30:00 EDT\x00".encode())


def test_an_old_client_is_told_why_before_the_connection_ends() -> None:
    """Below 157 the client gets an error message with the versions spoken, then the session is over."""
    session = ClientSession(connected_at=AT)
    (event,) = session.receive(hello(b"v100..151") + START)
    assert isinstance(event, Broken)
    assert "157..176" in event.reason
    assert "100..151" in event.reason
    assert session.take(1000)[4:].startswith(b"4\x002\x00-1\x00506\x00Unsupported version")
    assert session.state is SessionState.CLOSED


def test_start_may_come_right_behind_the_handshake_and_requests_behind_it() -> None:
    """Several frames in one read are events in order."""
    session = ClientSession(connected_at=AT)
    events = list(session.receive(hello(b"v157..176") + START + frame(b"49\x001\x00") + frame(b"61\x001\x00")))
    assert events == [Started(7), Incoming(49, ["1"]), Incoming(61, ["1"])]


def test_byte_by_byte_is_the_same_as_at_once() -> None:
    """The worst segmentation changes nothing."""
    session, events = ClientSession(connected_at=AT), []
    for byte in hello(b"v157..176") + START + frame(b"49\x001\x00"):
        events += list(session.receive(bytes([byte])))
    assert events == [Started(7), Incoming(49, ["1"])]


STREAM = hello(b"v157..176") + START + b"".join(
    frame(f"{number}\x001\x00{'x' * number}\x00".encode()) for number in (49, 61, 5, 99, 3, 300)
)  # fmt: skip


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_any_segmentation_gives_the_same_events(cuts: list[int]) -> None:
    """However TCP cuts a client's bytes, in the handshake or in a frame, the events are those of one piece."""
    places = [0, *sorted(cuts), len(STREAM)]
    session = ClientSession(connected_at=AT)
    events = [event for start, end in pairwise(places) for event in session.receive(STREAM[start:end])]
    assert events == list(ClientSession(connected_at=AT).receive(STREAM))
    assert len(events) == 7


@pytest.mark.parametrize("capabilities", [b"", b"\x00", b"+CAP;OTHER\x00"])
def test_optional_capabilities_may_be_there_or_not(capabilities: bytes) -> None:
    """startApi with and without its last field, in the same packet as the handshake."""
    session = ClientSession(connected_at=AT)
    assert list(session.receive(hello(b"v157..176") + frame(b"71\x002\x007\x00" + capabilities))) == [Started(7)]


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"API\0" + b"\xff\xff\xff\xff",
        hello(b"hello"),
        hello(b"v1..999999"),
        hello(b"v157..176") + frame(b"49\x001\x00"),
        hello(b"v157..176") + frame(b"71\x002\x00-5\x00\x00"),
        hello(b"v157..176") + frame(b"71\x002\x00seven\x00\x00"),
        hello(b"v157..176") + START + frame(b"hello\x00"),
        hello(b"v157..176") + START + frame(b"49"),
        hello(b"v157..176") + START + b"\x00\x00\x00\x00",
        hello(b"v157..176") + START + frame(b"-1\x00"),
    ],
)
def test_what_cannot_be_the_protocol_breaks_the_session(stream: bytes) -> None:
    """The last event says why; afterwards nothing more is read or queued."""
    session = ClientSession(connected_at=AT)
    events = list(session.receive(stream))
    assert isinstance(events[-1], Broken)
    assert events[-1].reason
    assert list(session.receive(START)) == []
    pending = session.pending_bytes
    session.send(b"49\x001\x00")
    assert session.pending_bytes == pending


@pytest.mark.parametrize("version", [156, 158, 177])
def test_a_version_that_cannot_be_spoken_is_refused(version: int) -> None:
    """The gateway's own version lies in 157..176 and is not 158."""
    with pytest.raises(ValueError, match=str(version)):
        ClientSession(server_version=version, connected_at=AT)


def test_random_bytes_never_raise() -> None:
    """Thousands of random streams, raw, framed and behind a good start, end in events and never in an exception."""
    rng = np.random.default_rng(11)
    for turn in range(6000):
        noise = rng.bytes(int(rng.integers(1, 80)))
        session = ClientSession(connected_at=AT)
        good = hello(b"v157..176") + START
        stream = (noise, b"API\0" + noise, good + noise, good + frame(noise), good + frame(b"3\0" + noise + b"\0"))
        for event in session.receive(stream[turn % 5]):
            assert isinstance(event, (Started, Incoming, Broken))


def test_output_is_taken_in_bounded_pieces() -> None:
    """A burst never exceeds what the shell asks for, and nothing is lost between bursts."""
    session = greeted()
    session.take(1000)
    payloads = [f"49\x001\x00{number}\x00".encode() for number in range(100)]
    for payload in payloads:
        session.send(payload)
    pieces = []
    while session.pending_bytes:
        pieces.append(session.take(64))
    assert max(map(len, pieces)) <= 64
    assert b"".join(pieces) == b"".join(frame(payload) for payload in payloads)
