"""The inbox: facts in order and never lost, commands first, quotes latest-wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.inbox import Inbox
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb
from strategies.domain.market import Quote
from tests.bot.engine.builders import TEN, command, make_fill, seconds


def quote(con_id: int, last: float, age: float = 0.0) -> Quote:
    return Quote(con_id, None, None, None, None, last, None, TEN - seconds(age), 1)


def drained(inbox: Inbox) -> list[ev.AnyEvent]:
    facts = []
    while (fact := inbox.next_fact()) is not None:
        facts.append(fact)
    return facts


def test_facts_come_out_in_the_order_they_went_in() -> None:
    """No fill is lost, merged or reordered, however many wait."""
    inbox = Inbox()
    fills = [ev.Filled(fill=make_fill(f"e{n}.01")) for n in range(200)]
    for fill in fills:
        inbox.post(fill)
        inbox.post(fill)
    assert drained(inbox) == [fill for fill in fills for _ in range(2)]
    assert inbox.next_fact() is None


def test_a_command_overtakes_every_waiting_fact() -> None:
    """A kill, or a latch found on disk, never waits behind fills; commands keep their own order."""
    inbox = Inbox()
    fill = ev.Filled(fill=make_fill())
    found = ev.LatchFound(who="file", reason="touched")
    inbox.post(fill)
    inbox.post(command(OperatorVerb.PAUSE))
    inbox.post(fill)
    inbox.post(found)
    inbox.post(command(OperatorVerb.KILL))
    assert drained(inbox) == [command(OperatorVerb.PAUSE), found, command(OperatorVerb.KILL), fill, fill]


def test_quotes_are_conflated_and_the_latest_wins() -> None:
    """One quote per instrument, the last one posted, ordered by contract so that a replay sees the same."""
    inbox = Inbox()
    for last in (1.0, 2.0, 3.0):
        inbox.post_quote(quote(9, last))
        inbox.post_quote(quote(4, last * 10))
    assert inbox.has_quotes
    assert inbox.take_quotes() == ev.QuotesUpdated(quotes=(quote(4, 30.0), quote(9, 3.0)))
    assert not inbox.has_quotes
    assert inbox.take_quotes() is None


def test_quotes_never_wait_among_the_facts() -> None:
    """A flood of quotes leaves the queue of facts empty."""
    inbox = Inbox()
    for n in range(1000):
        inbox.post_quote(quote(n % 5, float(n)))
    assert inbox.next_fact() is None
    taken = inbox.take_quotes()
    assert taken is not None
    assert len(taken.quotes) == 5


async def test_waiting_ends_with_a_fact_a_quote_or_a_wake() -> None:
    """The consumer sleeps until there is something to look at, and a post before the wait is not missed."""
    inbox = Inbox()
    stirs: tuple[Callable[[], None], ...] = (
        lambda: inbox.post(command(OperatorVerb.KILL)),
        lambda: inbox.post_quote(quote(1, 1.0)),
        inbox.wake,
    )
    for stir in stirs:
        waiting = asyncio.create_task(inbox.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        stir()
        await waiting
    inbox.wake()
    await inbox.wait()
