"""The garbage collector runs when the bot says so."""

from __future__ import annotations

import gc
import weakref
from datetime import UTC, datetime

from bot.quiet import ENOUGH_YOUNG, TOO_MANY_YOUNG, QuietCollector
from strategies.domain.events import FaultNoted, TimerFired

FACT = FaultNoted(code="X", text="something")


class Knot:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def lost_knot() -> weakref.ref[Knot]:
    return weakref.ref(Knot())


def crowd(count: int) -> list[list[int]]:
    """So many young objects that the collector would have to walk."""
    return [[] for _ in range(count + 2000)]


def test_nothing_is_collected_while_facts_wait() -> None:
    """Many young objects and a full inbox: the pause is put off until the inbox is empty."""
    with QuietCollector() as quiet:
        knot, young = lost_knot(), crowd(ENOUGH_YOUNG)
        quiet.after(FACT, idle=False)
        assert knot() is not None
        quiet.after(FACT, idle=True)
        assert knot() is None
        assert young


def test_few_young_objects_are_left_alone() -> None:
    """A quiet moment alone is no reason."""
    with QuietCollector() as quiet:
        knot = lost_knot()
        quiet.after(FACT, idle=True)
        assert knot() is not None


def test_a_storm_does_not_fill_the_memory() -> None:
    """When too many have gathered they are collected although facts wait."""
    with QuietCollector() as quiet:
        knot, young = lost_knot(), crowd(TOO_MANY_YOUNG)
        quiet.after(FACT, idle=False)
        assert knot() is None
        assert young


def test_the_end_of_the_day_collects_what_grew_old() -> None:
    """A cycle that survived younger collections is freed once a day."""
    with QuietCollector() as quiet:
        held = Knot()
        knot = weakref.ref(held)
        gc.collect(1)
        gc.collect(1)
        del held
        quiet.after(TimerFired(name="end_of_day", due_at=datetime(2026, 5, 4, 20, 20, tzinfo=UTC)), idle=False)
        assert knot() is None


def test_the_collector_is_given_back_as_it_was() -> None:
    """Off while the bot lives, as before afterwards, and nothing stays frozen."""
    before = gc.isenabled(), gc.get_freeze_count()
    with QuietCollector():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert (gc.isenabled(), gc.get_freeze_count()) == before
