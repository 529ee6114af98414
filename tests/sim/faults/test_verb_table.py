"""The table of verbs: what may be asked for, how bad arguments are refused, what the ledger says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sim.control import documentation
from bot.sim.faults import arguments as arg
from bot.sim.faults.arguments import Arguments, FaultError, read_arguments
from bot.sim.faults.table import FAULTS, read_call
from bot.sim.faults.verb import Layer, Verb, by_name
from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from tests.sim.fakes.fake_market import FakeVenue, FakeWorld

DECLARED = (
    arg.whole("count", "how many", low=1, high=9),
    arg.number("price", "a price", low=-5.0, high=5.0, unit="points", default=None),
    arg.flag("late", "whether it comes late"),
    arg.word("side", "which side", ("BUY", "SELL"), default="BUY"),
    arg.texts("fields", "the fields", default=()),
)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "count is missing: how many; it must be a whole number from 1 to 9"),
        ({"count": 0}, "count must be a whole number from 1 to 9, got 0"),
        ({"count": True}, "got True"),
        ({"count": 2.0}, "a whole number"),
        ({"count": "2"}, "got '2'"),
        ({"count": 2, "price": float("nan")}, "price must be a number from -5 to 5 (points), got nan"),
        ({"count": 2, "price": float("inf")}, "got inf"),
        ({"count": 2, "price": 10**400}, "a number from -5 to 5"),
        ({"count": 2, "late": 1}, "late must be true or false, got 1"),
        ({"count": 2, "side": "buy"}, "side must be one of BUY, SELL, got 'buy'"),
        ({"count": 2, "fields": "abc"}, "a list of texts"),
        ({"count": 2, "fields": ["a", 1]}, "a list of texts"),
        ({"count": 2, "prise": 1.0}, "unknown argument 'prise' (did you mean 'price'?); known are count, price"),
    ],
)
def test_bad_arguments_are_refused_with_what_is_allowed(values: dict[str, object], said: str) -> None:
    """Missing, unknown, mistyped and unbounded values are refused whole, naming the argument and the range."""
    with pytest.raises(FaultError) as refused:
        read_arguments(DECLARED, values)
    assert said in str(refused.value)


def test_good_arguments_have_their_types_and_defaults() -> None:
    """A whole number serves as a number; an absent optional one stays absent and out of the ledger."""
    given = read_arguments(DECLARED, {"count": 3, "price": 2})
    assert (given.whole("count"), given.number("price"), given.flag("late"), given.text("side")) == (
        3,
        2.0,
        False,
        "BUY",
    )
    absent = read_arguments(DECLARED, {"count": 3})
    assert absent.maybe_number("price") is None
    assert absent.given() == {"count": 3, "late": False, "side": "BUY", "fields": ()}


def test_a_name_can_be_declared_once_only() -> None:
    """Two verbs of one name, or two arguments of one name, are a mistake of the table."""
    row: Verb[Any] = Verb("twice", Layer.DESK, "does nothing", lambda _, __: {})
    with pytest.raises(ValueError, match="declared twice"):
        by_name([row, row])
    with pytest.raises(ValueError, match="declared twice"):
        by_name([Verb("once", Layer.DESK, "does nothing", lambda _, __: {}, (DECLARED[0], DECLARED[0]))])


def test_every_row_is_documented_and_its_defaults_are_allowed() -> None:
    """Each verb has a sentence, each argument a meaning, and what is left out is something that could be given."""
    for name, facts in documentation().items():
        assert facts["text"], name
    for verb in FAULTS.values():
        for argument in verb.arguments:
            assert argument.text, (verb.name, argument.name)
            if argument.default not in (None, arg.Need.REQUIRED):
                assert argument.read(argument.default) == argument.default


def test_an_unknown_verb_is_answered_with_the_nearest() -> None:
    """A slip of the pen is met with the right word."""
    with pytest.raises(FaultError, match=r"unknown verb 'restrat' \(did you mean 'restart'\?\); known are"):
        read_call("restrat", {})
    with pytest.raises(FaultError, match="restart: refuse_s must be"):
        read_call("restart", {"refuse_s": "long"})


def test_the_ledger_tells_of_every_fault_and_of_what_could_not_be_done() -> None:
    """One line per fault with its arguments, and a second with the reason where it came to nothing."""

    async def main() -> None:
        world = FakeWorld()
        venue = FakeVenue(world)
        gateway = SimulatedGateway(venue, world, begin=world.days[0].open_at)
        await gateway.start()
        assert gateway.cause("drop") == {"connections": 0}
        with pytest.raises(FaultError, match="drop: client 7 is not connected; connected are: none"):
            gateway.cause("drop", client=7)
        gateway.cause("refuse", for_s=5)
        assert gateway.server.refusing
        await asyncio.sleep(6)
        assert not gateway.server.refusing
        told = [facts for kind, facts in venue.lines if kind == "fault"]
        assert [(line["verb"], line["arguments"], "refused" in line) for line in told] == [
            ("drop", {}, False),
            ("drop", {"client": 7}, False),
            ("drop", {"client": 7}, True),
            ("refuse", {"for_s": 5.0}, False),
        ]
        await gateway.stop()

    run_virtual(main)


def test_a_lasting_fault_ends_once_by_time_or_by_hand() -> None:
    """Undone exactly once, whether its time is over, it is ended, or everything is; market ones end on a tick."""
    undone: list[str] = []

    async def main() -> None:
        world = FakeWorld()
        gateway = SimulatedGateway(FakeVenue(world), world, begin=world.days[0].open_at, tick_s=10.0)
        await gateway.start()
        lasting = gateway.stage.lasting
        lasting.begin("wire", lambda: undone.append("wire"), 3.0)
        lasting.begin("market", lambda: undone.append("market"), 3.0, market=True)
        by_hand = lasting.begin("by hand", lambda: undone.append("by hand"), 500.0)
        lasting.begin("for ever", lambda: undone.append("for ever"))
        await asyncio.sleep(5)
        assert undone == ["wire"]
        await asyncio.sleep(10)
        assert undone == ["wire", "market"]
        assert [one["text"] for one in lasting.listed()] == ["by hand", "for ever"]
        lasting.end(by_hand)
        with pytest.raises(FaultError, match=f"no fault of number {by_hand}"):
            lasting.end(by_hand)
        assert lasting.end_all() == 1
        await asyncio.sleep(1000)
        assert undone == ["wire", "market", "by hand", "for ever"]
        await gateway.stop()

    run_virtual(main)


def test_arguments_cannot_be_read_as_something_else() -> None:
    """A verb that reads a text where it declared a number fails at once, not later on the wire."""
    with pytest.raises(AssertionError):
        Arguments({"count": "3"}).whole("count")


def test_a_code_among_words_may_be_a_number() -> None:
    """Who writes an error code writes a number; it is the word that looks the same."""
    declared = (arg.word("code", "which", ("2103", "2104")),)
    assert read_arguments(declared, {"code": 2103}).text("code") == "2103"
    with pytest.raises(FaultError, match="one of 2103, 2104, got 2105"):
        read_arguments(declared, {"code": 2105})
