"""Faults of single messages, both ways; and that nothing changes where none is armed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.sim.faults.arguments import FaultError
from bot.sim.faults.filter import Letter
from bot.sim.gateway import SimulatedGateway
from bot.sim.wire.answer_names import ANSWER_NAMES, Direction, MessageType, message_type
from bot.sim.wire.framing import frame
from bot.sim.wire.message_names import REQUEST_NAMES
from tests.sim.fakes.fake_market import OPTIONS, SPX
from tests.sim.faults.raw import HELLO, PING, Raw, fault_lines, play, said


def watch(raw: Raw, request_id: int, con_id: int) -> None:
    raw.ask(1, 11, request_id, con_id, "", "", "", "0.0", "", "", "SMART", "", "", "", "", 0, "", 0, 0, "")


def ids(raw: Raw, count: int) -> None:
    """Asks for the next valid id so many times, each followed by a time request."""
    for _ in range(count):
        raw.ask(8, 1, 1)
        raw.ask(*PING)


@pytest.mark.parametrize(
    ("verb", "arguments", "expected"),
    [
        ("swallow", {"message": "nextValidId"}, "T N T N T N T"),
        ("swallow", {"message": "nextValidId", "nth": 2, "times": 2}, "N T T T N T"),
        ("swallow", {"message": "nextValidId", "every": 2, "times": 2}, "T N T T N T"),
        ("swallow", {"message": "nextValidId", "times": 0}, "T T T T"),
        ("swallow", {"message": "out:any", "times": 5}, "T N T"),
        ("swallow", {"message": "out:9", "having": "nothing has this"}, "N T N T N T N T"),
        ("swallow", {"message": "nextValidId", "client": 8}, "N T N T N T N T"),
        ("swallow", {"message": "reqIds", "nth": 3}, "N T N T T N T"),
        ("swallow", {"message": "in:49", "times": 0}, "N N N N"),
        ("duplicate", {"message": "nextValidId", "copies": 2}, "N N N T N T N T N T"),
        ("duplicate", {"message": "reqIds"}, "N N T N T N T N T"),
        ("reorder", {"message": "out:any"}, "T N N T N T N T"),
        ("hold_back", {"message": "nextValidId", "behind": 3}, "T N T N N T N T"),
        ("hold_back", {"message": "in:8", "behind": 1}, "T N N T N T N T"),
    ],
)
def test_messages_are_lost_repeated_and_moved(verb: str, arguments: dict[str, Any], expected: str) -> None:
    """Of four ids (N) and four times (T) asked for by turns, what arrives is what the rule lets through."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause(verb, **arguments)
        ids(raw, 4)
        await asyncio.sleep(0.5)
        assert " ".join({"9": "N", "49": "T"}[number] for number in raw.numbers()) == expected

    assert fault_lines(play(story)) == [verb]


def test_a_message_swaps_with_the_next_of_its_type_only() -> None:
    """The second id overtakes the first; what is between them stays."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause("reorder", message="error")
        gateway.cause("error", code=111, text="first")
        ids(raw, 1)
        await asyncio.sleep(0.1)
        gateway.cause("error", code=222, text="second")
        await asyncio.sleep(0.1)
        assert [fields[3] if fields[0] == "4" else fields[0] for fields in raw.messages] == ["9", "49", "222", "111"]

    play(story)


def test_a_type_of_message_comes_late() -> None:
    """Only the ids are late, by market seconds, in either direction."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause("delay_message", message="nextValidId", delay_s=30, times=0)
        gateway.cause("delay_message", message="reqCurrentTime", delay_s=10, times=0)
        ids(raw, 2)
        await asyncio.sleep(0.5)
        assert raw.numbers() == []
        await asyncio.sleep(1.0)
        assert raw.numbers() == ["49", "49"]
        await asyncio.sleep(2.0)
        assert raw.numbers() == ["49", "49", "9", "9"]

    play(story, speed=10.0)


@pytest.mark.parametrize(
    ("verb", "arguments", "expected"),
    [
        ("corrupt", {"field": 2, "text": "seven"}, ["4", "2", "seven", "399", "held", ""]),
        ("corrupt", {"field": 0, "text": "99999"}, ["99999", "2", "7", "399", "held", ""]),
        ("corrupt", {"field": -2, "text": ""}, ["4", "2", "7", "399", "", ""]),
        ("corrupt", {"field": 40, "text": "x"}, ["4", "2", "7", "399", "held", ""]),
        ("replace_text", {"old": "el", "new": "i"}, ["4", "2", "7", "399", "hid", ""]),
        ("shorten", {"fields": 2}, ["4", "2", "7", "399"]),
        ("shorten", {"fields": 99}, ["4"]),
    ],
)
def test_a_message_is_changed(verb: str, arguments: dict[str, Any], expected: list[str]) -> None:
    """One field, one text or the end of the message differs; the next message is whole."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause(verb, message="error", **arguments)
        for _ in range(2):
            gateway.cause("error", code=399, id=7, text="held")
        await asyncio.sleep(0.1)
        assert raw.messages == [expected, ["4", "2", "7", "399", "held", ""]]

    play(story)


def test_a_request_is_changed_before_it_is_read() -> None:
    """A corrupted request is answered as such; a request turned into another is answered as that."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause("corrupt", message="reqMarketDataType", field=2, text="x")
        gateway.cause("corrupt", message="reqIds", field=0, text="49")
        raw.ask(59, 1, 3)
        raw.ask(8, 1, 1)
        await asyncio.sleep(0.1)
        assert [(fields[0], fields[3]) for fields in raw.of(4)] == [("4", "320")]
        assert raw.numbers() == ["4", "49"]

    play(story)


@pytest.mark.parametrize(("ending", "ended"), [("drop", "fin"), ("reset", "rst")])
def test_a_connection_ends_inside_a_message(ending: str, ended: str) -> None:
    """Exactly the bytes asked for are written, then the connection is gone; the client may come back."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        have = len(raw.bytes)
        gateway.cause("cut_off", message="currentTime", ending=ending, bytes=3)
        raw.ask(*PING)
        raw.ask(8, 1, 1)
        await asyncio.sleep(0.2)
        assert raw.ended == ended
        assert raw.bytes[have:] == (b"\0\0\0" if ending == "drop" else b"")
        again = await Raw.joined(gateway)
        again.ask(*PING)
        await asyncio.sleep(0.1)
        assert again.numbers() == ["49"]

    play(story)


def test_a_request_is_lost_with_its_connection() -> None:
    """Cut off inside a message of the client: the request is never processed."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause("cut_off", message="reqMktData")
        watch(raw, 1, SPX.con_id)
        await asyncio.sleep(0.1)
        assert (raw.ended, gateway.desk.lines_in_use()) == ("rst", 0)

    play(story)


def test_a_false_length_prefix_precedes_the_message() -> None:
    """Two thousand million bytes are announced, the message follows as it is."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        have = len(raw.bytes)
        gateway.cause("false_length", message="currentTime")
        raw.ask(*PING)
        await asyncio.sleep(0.1)
        assert raw.bytes[have : have + 4] == (2_000_000_000).to_bytes(4, "big")
        assert raw.bytes[have + 4 :].startswith(b"49\x001\x00")

    play(story)


def test_messages_are_invented_both_ways() -> None:
    """A message with a number nobody knows reaches the client; one put into a client's mouth is answered to it."""

    async def story(gateway: SimulatedGateway) -> None:
        first, second = await Raw.joined(gateway, 1), await Raw.joined(gateway, 2)
        assert gateway.cause("inject", fields=["99999", "1", "x"], client=1) == {"connections": 1}
        assert gateway.cause("inject", fields=["49", "1"], direction="in", client=2) == {"connections": 1}
        gateway.cause("inject", fields=["no number"], direction="in", client=2)
        await asyncio.sleep(0.1)
        assert first.messages == [["99999", "1", "x"]]
        assert second.numbers() == ["49", "4"]
        with pytest.raises(FaultError, match="fields is empty"):
            gateway.cause("inject", fields=[])

    play(story)


def test_a_client_whose_start_was_lost_is_answered_nothing() -> None:
    """The handshake succeeds, startApi vanishes: no ids, no answers, not even later; a second try works."""

    async def story(gateway: SimulatedGateway) -> None:
        gateway.cause("swallow", message="startApi")
        raw = await Raw.to(gateway)
        raw.writer.write(HELLO + said(71, 2, 7, ""))
        raw.ask(*PING)
        await asyncio.sleep(1.0)
        raw.ask(*PING)
        await asyncio.sleep(1.0)
        assert (raw.greeted, raw.messages, raw.ended) == (True, [], "")
        assert gateway.desk.client_ids() == []
        assert gateway.server.tap is None
        again = await Raw.joined(gateway, 7)
        again.ask(*PING)
        await asyncio.sleep(0.1)
        assert again.numbers() == ["49"]

    play(story)


def test_the_quote_pump_s_messages_pass_the_filter_too() -> None:
    """Bid prices of an option vanish, all else of its quote comes; when the rule is ended they are back."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        number = gateway.cause("swallow", message="tickOptionComputation", times=0)["fault"]
        watch(raw, 1, OPTIONS[20].con_id)
        await asyncio.sleep(30)
        assert raw.of(21) == []
        assert len(raw.of(1)) + len(raw.of(2)) > 30
        gateway.cause("end", fault=number)
        await asyncio.sleep(3)
        assert len(raw.of(21)) >= 3

    play(story)


def test_a_rule_that_has_done_its_work_leaves_no_trace() -> None:
    """The filter steps out of the way, and the list of what goes on is empty."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        gateway.cause("swallow", message="currentTime")
        gateway.cause("hold_back", message="nextValidId", behind=1)
        assert gateway.server.tap is not None
        assert [one["text"] for one in gateway.stage.lasting.listed()] == [
            "swallow of currentTime",
            "hold_back of nextValidId",
        ]
        ids(raw, 2)
        await asyncio.sleep(0.1)
        assert gateway.server.tap is None
        assert all(link.session.divert is None for link in gateway.server.links_of(None))
        assert gateway.stage.lasting.listed() == []

    play(story)


def test_an_idle_filter_changes_no_byte() -> None:
    """With a rule that never matches, and with the filter gone again, every byte is what it is without one."""

    def written(prepare: Callable[[SimulatedGateway], object]) -> bytes:
        found: list[bytes] = []

        async def story(gateway: SimulatedGateway) -> None:
            prepare(gateway)
            raw = await Raw.joined(gateway)
            for number, spec in enumerate([SPX, *OPTIONS[:30]], start=1):
                watch(raw, number, spec.con_id)
            raw.ask(61, 1)
            raw.ask(6, 2, 1, "DU1234567")
            raw.ask(17, 1)
            await asyncio.sleep(40)
            found.append(raw.bytes)

        play(story)
        return found[0]

    def armed(gateway: SimulatedGateway) -> None:
        gateway.cause("swallow", message="out:any", client=99, times=0)
        gateway.cause("hold_back", message="in:any", client=99, times=0)

    def armed_and_cleared(gateway: SimulatedGateway) -> None:
        armed(gateway)
        gateway.cause("clear")

    plain = written(lambda _: None)
    assert len(plain) > 50_000
    assert written(armed) == plain
    assert written(armed_and_cleared) == plain


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("placeOrder", MessageType(Direction.IN, 3)),
        ("orderStatus", MessageType(Direction.OUT, 3)),
        ("in:3", MessageType(Direction.IN, 3)),
        ("out:99999", MessageType(Direction.OUT, 99_999)),
        ("in:any", MessageType(Direction.IN, None)),
    ],
)
def test_message_types_are_written_by_name_or_number(words: str, meant: MessageType) -> None:
    """Each way of writing means one type, and its text reads back as the same."""
    assert message_type(words) == meant
    assert message_type(str(meant)) == meant


def test_message_names_are_unambiguous_and_slips_are_met() -> None:
    """No name is used in both directions; a misspelt one is answered with the nearest."""
    assert not set(ANSWER_NAMES.values()) & set(REQUEST_NAMES.values())
    with pytest.raises(ValueError, match=r"'placeOder' is no message type \(did you mean 'placeOrder'"):
        message_type("placeOder")
    for bad in ("in:", "up:3", "out:-1", "in:٣", ""):
        with pytest.raises(ValueError, match="is no message type"):
            message_type(bad)


def test_a_letter_keeps_its_bytes() -> None:
    """What is read from a payload and written again is the same; the number is read without the rest."""
    payload = b"4\x002\x00-1\x002104\x00Market data farm connection is OK:usfarm\x00\x00"
    letter = Letter(None, Direction.OUT, payload, None)  # type: ignore[arg-type]  # no connection is needed to read it
    assert (letter.number, letter.payload) == (4, payload)
    assert frame(letter.with_fields(letter.fields).payload) == frame(payload)
