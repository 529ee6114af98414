"""Fault scripts: what is refused before anything starts, and when each row happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ib_insync import IB, Index, LimitOrder, Option  # noqa: TID251 - the client under test

from bot.sim.faults.script import ScriptError, read_file, read_rows
from bot.sim.gateway import SimulatedGateway
from bot.sim.types import WorldEvent
from tests.sim.fakes.fake_market import EXPIRY, FakeWorld
from tests.sim.faults.raw import HELLO, PING, Raw, fault_lines, play, said

DROP = {"verb": "drop"}


def rows(*written: dict[str, Any]) -> list[Any]:
    world = FakeWorld()
    events = [WorldEvent(f"f.toml: fault[{number}]", row) for number, row in enumerate(written, start=1)]
    return read_rows(events, world.days, world.days[0].open_at)


@pytest.mark.parametrize(
    ("row", "said_"),
    [
        ({"when": {"after_s": 1}}, "fault[1]: verb is missing"),
        (DROP, "fault[1]: when is missing"),
        ({"verb": "dorp", "when": {}}, "unknown verb 'dorp' (did you mean 'drop'?)"),
        ({"verb": 7, "when": {}}, "unknown verb 7"),
        ({"verb": "drop", "clint": 1, "when": {}}, "drop: unknown argument 'clint' (did you mean 'client'?)"),
        (DROP | {"when": "10:30"}, "when: must be a table such as"),
        (DROP | {"when": {}}, "when: says no moment: give day and time, after_s, or on"),
        (DROP | {"when": {"day": 1}}, "when: day and time belong together"),
        (DROP | {"when": {"day": 3, "time": "10:00"}}, "when: day is 3; this world has days 1 to 2"),
        (DROP | {"when": {"day": 0, "time": "10:00"}}, "day must be a whole number of at least 1"),
        (DROP | {"when": {"day": 1, "time": "18:00"}}, "on day 1 market time runs from 09:15 to 16:30"),
        (DROP | {"when": {"day": 1, "time": "9:20"}}, "time must be a New York time such as 10:30:00, got '9:20'"),
        (DROP | {"when": {"day": 1, "time": "09:20"}}, "lies before market time starts (2018-10-01 09:30)"),
        (DROP | {"when": {"day": 1, "time": "10:00", "after_s": 3}}, "after_s and day with time exclude each other"),
        (DROP | {"when": {"after_s": -1}}, "after_s must be a number from 0 to"),
        (DROP | {"when": {"after_s": 1e6}}, "after_s is 1e+06; this world lasts 52200 market s"),
        (DROP | {"when": {"after_s": 1, "nth": 2}}, "nth counts something: say what with on"),
        (DROP | {"when": {"after_s": 1, "times": 2}}, "times needs every_s"),
        (DROP | {"when": {"on": "fil"}}, "when: on: 'fil' is no message type"),
        (DROP | {"when": {"on": "fill", "nth": 0}}, "nth must be a whole number of at least 1"),
        (DROP | {"when": {"on": "fill", "every_s": 2}}, "every_s belongs to a moment in time; with on write every"),
        (DROP | {"when": {"on": "fill", "before": True}}, "before is for messages of clients; fill can only be"),
        (DROP | {"when": {"on": "orderStatus", "before": True}}, "before is for messages of clients; orderStatus"),
        (DROP | {"when": {"on": "connect", "client": 3}}, "a connection has no client id yet; count startApi"),
        (DROP | {"when": {"onn": "fill"}}, "unknown argument 'onn' (did you mean 'on'?)"),
    ],
)
def test_a_row_that_cannot_happen_is_refused_with_file_row_and_key(row: dict[str, Any], said_: str) -> None:
    """Unknown verbs, arguments and triggers, contradictions and impossible times are named with what is allowed."""
    with pytest.raises(ScriptError) as refused:
        rows(row)
    assert str(refused.value).startswith("f.toml: fault[1]: ")
    assert said_ in str(refused.value)


def test_a_row_may_happen_at_night_where_nights_are_lived() -> None:
    """18:00 of the first day is a moment then, and the world lasts longer; before its first open there is none."""
    world = FakeWorld()
    night = [
        WorldEvent("f.toml: fault[1]", DROP | {"when": {"day": 1, "time": "18:00"}}),
        WorldEvent("f.toml: fault[2]", DROP | {"when": {"after_s": 80_000}}),
    ]
    first, second = read_rows(night, world.days, None, overnight=True)
    assert str(first.when) == "at 2018-10-01 18:00:00"
    assert second.when.after_s == 80_000
    early = [WorldEvent("f.toml: fault[1]", DROP | {"when": {"day": 1, "time": "08:00"}})]
    with pytest.raises(ScriptError, match="on day 1 market time runs from 09:15 to 2018-10-02 16:30"):
        read_rows(early, world.days, None, overnight=True)


@pytest.mark.parametrize(
    ("name", "content", "said_"),
    [
        ("f.toml", "[[fault]]\nverb = drop", "f.toml: is not TOML"),
        ("f.toml", "[[falt]]\nverb = 'drop'", "unknown key 'falt' (did you mean 'fault'?)"),
        ("f.toml", "fault = 3", "must be written as [[fault]] tables"),
        ("f.toml", "fault = [3]", "must be written as [[fault]] tables"),
        ("f.jsonl", '{"verb": "drop"}\n{"verb"', "f.jsonl: line 2: is not one JSON object"),
        ("f.jsonl", "[1]", "f.jsonl: line 1: must be one JSON object"),
    ],
)
def test_a_file_that_is_no_script_is_refused(tmp_path: Path, name: str, content: str, said_: str) -> None:
    """Broken syntax and foreign keys are named with file and place."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ScriptError) as refused:
        read_file(path)
    assert said_ in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Missing, or no text."""
    with pytest.raises(ScriptError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_file(tmp_path / "nowhere.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScriptError, match="it is not UTF-8 text"):
        read_file(tmp_path / "b.toml")


def test_toml_and_json_lines_say_the_same(tmp_path: Path) -> None:
    """A row reads the same from either form; empty lines and an empty file are fine."""
    (tmp_path / "a.toml").write_text(
        "[[fault]]\nverb = 'restart'\nrefuse_s = 5\nwhen = { day = 2, time = 10:30:00, on = 'placeOrder', nth = 2 }\n"
    )
    (tmp_path / "b.jsonl").write_text(
        '\n{"verb": "restart", "refuse_s": 5, "when": {"day": 2, "time": "10:30", "on": "placeOrder", "nth": 2}}\n\n'
    )
    world = FakeWorld()
    (a,) = read_rows(read_file(tmp_path / "a.toml"), world.days, None)
    (b,) = read_rows(read_file(tmp_path / "b.jsonl"), world.days, None)
    assert a.when == b.when
    assert a.call.arguments.given() == b.call.arguments.given()
    assert str(b.when) == "on placeOrder number 2 from 2018-10-02 10:30:00"
    (tmp_path / "c.toml").write_text("")
    assert read_file(tmp_path / "c.toml") == []


def error_row(code: int, **when: Any) -> dict[str, Any]:
    return {"verb": "error", "code": code, "when": when}


def codes(raw: Raw) -> list[str]:
    return [fields[3] for fields in raw.of(4)]


def test_rows_happen_at_market_times_and_again_as_often_as_said() -> None:
    """By day and time, by seconds after the start, and repeated every so many seconds."""
    seen: list[tuple[float, str]] = []

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        for _ in range(120):
            await asyncio.sleep(1.0)
            seen.extend((gateway.clock.elapsed_s - 900.0, code) for code in codes(raw))
            raw.messages.clear()

    play(
        story,
        faults=[
            error_row(1, day=1, time="09:31:00"),
            error_row(2, after_s=30),
            error_row(3, after_s=40, every_s=10, times=3),
            error_row(4, after_s=110, every_s=5, delay_s=2),
        ],
    )
    assert [(round(at), code) for at, code in seen] == [
        (30, "2"), (40, "3"), (50, "3"), (60, "1"), (60, "3"), (112, "4"), (117, "4"),
    ]  # fmt: skip


def test_rows_count_connections_messages_and_clients() -> None:
    """The n-th connection, the n-th start of one client, every other request, from a time on, with a delay."""

    async def story(gateway: SimulatedGateway) -> None:
        first, second = await Raw.joined(gateway, 1), await Raw.joined(gateway, 2)
        for raw in (first, second):
            for _ in range(6):
                raw.ask(*PING)
        await asyncio.sleep(10.0)
        assert codes(first) == ["10", "20", "20", "30"]
        assert codes(second) == ["20", "20", "30"]
        second.ask(8, 1, 1)
        await asyncio.sleep(2.9)
        assert codes(second)[3:] == []
        await asyncio.sleep(0.2)
        assert codes(second)[3:] == ["40"]
        third = await Raw.joined(gateway, 1, settle_s=0.0)
        await asyncio.sleep(0.1)
        assert third.ended == "fin"

    ended = play(
        story,
        faults=[
            {"verb": "error", "code": 10, "client": 1, "when": {"on": "startApi", "client": 2}},
            error_row(20, on="reqCurrentTime", nth=2, every=4, client=2),
            error_row(30, on="currentTime", nth=12),
            error_row(40, on="reqIds", delay_s=3),
            error_row(50, on="connect", nth=9),
            error_row(60, on="disconnect", client=9),
            error_row(70, on="in:any", after_s=5, nth=2, times=5),
        ],
    )
    assert [line["done"] for line in ended.script.listed()] == [1, 2, 1, 1, 0, 0, 1]
    assert ended.script.complaints() == [
        "test: fault[5] (error on connect number 9) never happened",
        "test: fault[6] (error on disconnect number 1 of client 9) never happened",
    ]


def test_a_fault_before_a_message_takes_its_connection_with_it_unprocessed() -> None:
    """`before` acts before the message is processed, without it the message is done first."""

    async def lines_after(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway)
        raw.ask(8, 1, 1)
        raw.ask(*PING)
        await asyncio.sleep(0.1)
        outcome.append((raw.ended, raw.numbers()))

    outcome: list[tuple[str, list[str]]] = []
    for before in (True, False):
        play(lines_after, faults=[{"verb": "drop", "when": {"on": "reqIds", "before": before}}])
    assert outcome == [("fin", []), ("fin", ["9", "49"])]


def test_a_row_does_not_trigger_itself() -> None:
    """An error on every error happens for each error of others, once."""

    async def story(gateway: SimulatedGateway) -> None:
        raw = await Raw.joined(gateway, settle_s=2.0)
        gateway.cause("error", code=1)
        await asyncio.sleep(1.0)
        assert codes(raw) == ["1", "99"]

    play(story, faults=[error_row(99, on="error", after_s=0.1, every=1)])


def test_what_cannot_be_done_when_its_time_comes_is_told_and_stops_nothing() -> None:
    """The reason stands in the status and in the ledger; market time and later rows go on."""

    async def story(gateway: SimulatedGateway) -> None:
        await asyncio.sleep(10.0)
        assert [line.get("refused") for line in gateway.script.listed()] == [
            "drop: client 5 is not connected; connected are: none",
            None,
        ]
        assert gateway.status()["script"] == gateway.script.listed()
        assert gateway.clock.elapsed_s > 900.0

    ended = play(
        story,
        faults=[{"verb": "drop", "client": 5, "when": {"after_s": 2}}, {"verb": "drop", "when": {"after_s": 4}}],
    )
    assert fault_lines(ended) == ["drop", "drop", "drop"]
    (complaint,) = ended.script.complaints()
    assert complaint.endswith("could not be done: drop: client 5 is not connected; connected are: none")


async def with_client(gateway: SimulatedGateway, client_id: int = 7) -> IB:
    ib = IB()
    ib.RequestTimeout = 20
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=client_id)
    return ib


PUT = Option("SPX", f"{EXPIRY:%Y%m%d}", 2700, "P", "SMART", tradingClass="SPXW")


def test_a_row_waits_for_an_order_that_works() -> None:
    """Its time alone is not enough; the sockets fall at the first moment at which an order works."""

    async def story(gateway: SimulatedGateway) -> None:
        ib = await with_client(gateway)
        await asyncio.sleep(60.0)
        assert ib.isConnected()
        ib.placeOrder(PUT, LimitOrder("BUY", 1, 0.05))
        await asyncio.sleep(0.5)
        assert not ib.isConnected()
        assert gateway.server.refusing
        await asyncio.sleep(45.0)
        assert not gateway.server.refusing

    row = {"verb": "restart", "refuse_s": 45, "when": {"day": 1, "time": "09:30:30", "on": "order_working"}}
    assert fault_lines(play(story, faults=[row])) == ["restart"]


def test_a_row_counts_fills_by_leg() -> None:
    """The second fill of client 7 drops it, after the venue has told all of it."""

    async def story(gateway: SimulatedGateway) -> None:
        ib = await with_client(gateway)
        await ib.qualifyContractsAsync(PUT, Index("SPX", "CBOE"))
        ib.placeOrder(PUT, LimitOrder("BUY", 1, 900.0))
        await asyncio.sleep(1.0)
        assert ib.isConnected()
        ib.placeOrder(PUT, LimitOrder("BUY", 1, 900.0))
        await asyncio.sleep(1.0)
        assert not ib.isConnected()
        assert len(gateway.venue.executions()) == 2

    play(story, faults=[{"verb": "reset", "when": {"on": "fill", "nth": 2, "client": 7}}])


def test_a_gateway_flaps_as_often_as_told() -> None:
    """Two hundred drops, one a second, each visible to the client that comes back at once."""
    drops = 0

    async def story(gateway: SimulatedGateway) -> None:
        nonlocal drops
        for _ in range(300):
            raw = await Raw.to(gateway)
            raw.writer.write(HELLO + said(71, 2, 1, ""))
            for _ in range(10):
                if not raw.ended:
                    await raw.next_bytes() if gateway.script.entries[0].done < 200 else await asyncio.sleep(0.1)
            drops += raw.ended == "fin"
            if gateway.script.entries[0].done == 200:
                return

    play(story, faults=[{"verb": "drop", "when": {"after_s": 5, "every_s": 1, "times": 200}}])
    assert drops >= 195
