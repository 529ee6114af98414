"""A new life takes up the order ids where the journal left them, and knows a kill from other commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot import life
from bot.clock import SystemClock
from bot.engine.state import State
from bot.life import Life
from bot.settings.load import load
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb
from tests.bot.engine.builders import book_with, command, make_intent, make_record


class Told(Exception):
    """Ends the life at the moment that is looked at."""


class OnlyIds:
    """A broker that is told the floor of order ids and nothing else."""

    def set_order_id_floor(self, order_id: int) -> None:
        raise Told(order_id)


async def test_a_life_gives_out_ids_above_all_that_the_journal_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a gateway that was reset offers: ids of orders that may still work are not given out again."""
    exit_order = make_record(intent=make_intent("ic-1.exit.1"), order_id=77)
    book = book_with(make_record(order_id=41), exit_order, make_record(intent=make_intent("ic-2.entry.1")))
    monkeypatch.setattr(life, "recover", lambda path: State(book=book))
    monkeypatch.setattr(life, "make_ends", lambda *args, **named: _Ends())
    one = Life(load(profile="paper", environ={}), tmp_path, lambda at, level, text: None, handle_signals=False)
    with pytest.raises(Told) as told:
        await one.run()
    assert told.value.args[0] > 77


class _Ends:
    broker: Any = OnlyIds()
    clock = SystemClock()


@pytest.mark.parametrize("verb", OperatorVerb)
def test_only_a_kill_ends_the_time_in_which_a_pressed_kill_waits(verb: OperatorVerb) -> None:
    """A pause that was in the inbox before the signal must not open the door to orders again."""
    assert life._is_kill(command(verb)) is (verb is OperatorVerb.KILL)
    assert life._is_kill(ev.LatchFound(who="killer", reason="test"))
