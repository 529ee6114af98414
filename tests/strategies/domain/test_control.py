"""Latches together: which state they demand, what passes them, and when others' orders are cancelled too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from strategies.domain.control import FLATTEN_CAUSE, LIMIT_CAUSE, Control, Latch, TradingState, stops_everything

AT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
ACTIVE, REDUCING, FLATTENING, HALTED = TradingState


def latch(cause: str, state: TradingState) -> Latch:
    return Latch(cause, state, AT, "test", "why")


KILL, LIMIT = latch("kill", HALTED), latch(f"{LIMIT_CAUSE}C20", HALTED)
REDUCE, FLATTEN, FLAT = latch("C32", REDUCING), latch(FLATTEN_CAUSE, FLATTENING), latch(FLATTEN_CAUSE, HALTED)


@pytest.mark.parametrize(
    ("latches", "state", "hunts"),
    [
        ((), ACTIVE, False),
        ((latch("odd", ACTIVE),), ACTIVE, False),
        ((REDUCE,), REDUCING, False),
        ((FLATTEN,), FLATTENING, False),
        ((LIMIT,), HALTED, True),
        ((KILL,), HALTED, True),
        ((FLAT,), HALTED, False),
        ((FLAT, REDUCE), HALTED, False),
        ((FLAT, KILL), HALTED, True),
        ((REDUCE, LIMIT), HALTED, True),
        ((LIMIT, REDUCE), HALTED, True),
        ((REDUCE, FLATTEN), FLATTENING, False),
        ((LIMIT, FLATTEN), FLATTENING, False),
        ((LIMIT, FLATTEN, KILL), HALTED, True),
    ],
)
def test_the_strictest_of_several_latches(latches: tuple[Latch, ...], state: TradingState, hunts: bool) -> None:
    """Reducing gives way to a limit's halt, that to a flattening, and all to a kill, in whatever order they were set.
    Others' orders are hunted under every halt but the one that a flattening leaves."""
    assert Control(latches=latches).state is state
    assert Control(latches=latches[::-1]).state is state
    assert Control(latches=latches).hunts is hunts


def test_a_run_that_nobody_stopped_trades() -> None:
    """No latch, no pause, nothing suspended."""
    control = Control()
    assert (control.state, control.paused, control.suspended) == (ACTIVE, False, {})


def test_a_halt_by_a_limit_lets_through_what_reduces() -> None:
    """A kill and a finished flattening let nothing through; neither does a halt whose cause only names a limit."""
    for one, stops in ((KILL, True), (FLAT, True), (LIMIT, False), (REDUCE, False), (latch("my limit:", HALTED), True)):
        assert stops_everything(one) is stops
