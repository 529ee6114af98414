"""Rules of the message filter that are alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bot.sim.faults.effects import Withholding, of_types
from bot.sim.faults.filter import MessageFilter
from bot.sim.wire.framing import frame

POSITION = b"61\x003\x00DU1\x00"


def nothing() -> None:
    """What upstream outages do when a rule is over."""


def test_rules_that_look_alike_are_each_ended_by_themselves() -> None:
    """Two outages that withhold the same messages, the later one over first: when both are over nothing is in the way,
    and what was withheld has gone on."""
    server: Any = SimpleNamespace(tap=None)
    server.use_tap = lambda tap: setattr(server, "tap", tap)
    sent: list[bytes] = []
    link: Any = SimpleNamespace(session=SimpleNamespace(state=None, put=sent.append), client_id=1)
    messages, match = MessageFilter(server), of_types("position")
    end_first = messages.add(Withholding(match), nothing)
    end_second = messages.add(Withholding(match), nothing)
    end_second()
    messages.outgoing(link, frame(POSITION))
    assert sent == []
    end_first()
    assert sent == [frame(POSITION)]
    assert server.tap is None
