"""The kill switch against a gateway with an order working: cancels at once, no order ever after, only `arm` ends it."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import latch, mailbox
from bot.cli import exits
from bot.cli import kill as kill_command
from bot.engine.state import State
from bot.sim.venue.matching import FillModel
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.orders import OrderState
from tests.flow.virtual_life import Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
NEVER = FillModel(mid_per_minute=0.0, improvement_probability=0.0)
LATER_MS = 99_999_999_999_000
"""Commands are numbered by the millisecond: these are later than any latch."""
AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def touched_file(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    """Somebody touches the file and says nothing."""
    (stage.state_dir / "KILL").touch()


def signalled(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    """SIGUSR1, which becomes an operator's command."""
    stage.handlers[signal.SIGUSR1]()


def commanded(stage: Stage, patch: pytest.MonkeyPatch) -> None:
    """`condor kill`: the latch first, then the signal to the process that holds the lock."""
    sent: list[tuple[int, int]] = []

    def deliver(pid: int, number: int) -> None:
        sent.append((pid, number))
        stage.handlers[number]()

    patch.setattr(kill_command, "ACK_DEADLINE_S", 0.0)
    patch.setattr(os, "kill", deliver)
    code = kill_command.main(["-m", "enough", "--state", str(stage.state_dir), "--json"])
    patch.undo()
    assert sent == [(os.getpid(), signal.SIGUSR1)]
    assert code == exits.NOT_RUNNING  # nobody could answer within no time at all


@pytest.mark.parametrize("press", [touched_file, signalled, commanded])
def test_a_kill_cancels_at_once_and_nothing_is_sent_ever_after(
    press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However it is pressed: a global cancel within a tick, no live order, no order again, not even after a restart."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(working, "an order works")
        assert len(stage.truth().live()) == 1
        pressed_at = stage.truth().seq
        press(stage, monkeypatch)
        await stage.until(no_live_order, "the cancel is proved", 3.0)
        assert stage.state.control.state is TradingState.HALTED
        assert stage.truth().live() == []
        first = stage.lines("place", "cancel", "global_cancel", after=pressed_at)[0]
        assert first["kind"] == "global_cancel"
        assert latch.present(stage.state_dir / "KILL")
        await stage.live_on(16.0)
        assert stage.orders_after(pressed_at) == []
        await stage.drop_dead()
        stage.begin()
        await stage.until(reconciled, "the link is up again")
        assert stage.state.control.state is TradingState.HALTED
        await stage.live_on(16.0)
        assert stage.orders_after(pressed_at) == []

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING)


def test_a_start_with_the_latch_cancels_what_an_earlier_life_left_working(tmp_path: Path) -> None:
    """Killed while no bot ran: the next start writes a global cancel before any order and stays halted."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(working, "an order works")
        await stage.drop_dead()
        assert len(stage.truth().live()) == 1
        latch.engage(stage.state_dir / "KILL", "a person", "bot is down", AT)
        dead_at = stage.truth().seq
        stage.begin()
        await stage.until(lambda s: reconciled(s) and no_live_order(s), "the leftovers are proved cancelled", 5.0)
        assert stage.truth().live() == []
        kinds = [line["kind"] for line in stage.lines("place", "cancel", "global_cancel", after=dead_at)]
        assert kinds[0] == "global_cancel"
        assert "place" not in kinds
        assert [stop.cause for stop in stage.state.control.latches] == ["kill"]
        await stage.live_on(16.0)
        assert stage.orders_after(dead_at) == []

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING)


def test_arming_is_refused_while_anything_is_in_doubt_and_accepted_after_reconciling(tmp_path: Path) -> None:
    """No re-arm over a link that is not reconciled, or without confirmation; after it, orders flow again."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(working, "an order works")
        latch.engage(stage.state_dir / "KILL", "a person", "practice", AT)
        await stage.until(no_live_order, "the cancel is proved", 3.0)
        stage.gateway.cause("restart", refuse_s=300.0)
        await stage.until(lambda s: s.link.state is not LinkState.UP, "the link is seen down", 3.0)
        arm(stage, 1)
        await stage.until(lambda s: any("arm refused" in text for text in stage.alerts), "the refusal", 3.0)
        assert any("not up and reconciled" in text for text in stage.alerts)
        assert stage.state.control.state is TradingState.HALTED
        assert latch.present(stage.state_dir / "KILL")
        await stage.until(reconciled, "the link is up again", 15.0)
        arm(stage, 2, confirmed=False)
        await stage.until(lambda s: any("not confirmed" in text for text in stage.alerts), "the second refusal", 3.0)
        assert stage.state.control.state is TradingState.HALTED
        armed_at = stage.truth().seq
        arm(stage, 3)
        await stage.until(lambda s: s.control.state is TradingState.ACTIVE, "armed", 3.0)
        assert not latch.present(stage.state_dir / "KILL")
        await stage.until(working, "an order works again")
        assert stage.orders_after(armed_at)

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING)


def test_a_kill_while_the_gateway_is_away_cancels_the_moment_it_is_back(tmp_path: Path) -> None:
    """The latch holds meanwhile, the bot never calls it verified, and the cancel is repeated until proved."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(working, "an order works")
        stage.gateway.cause("restart", refuse_s=240.0)
        await stage.until(lambda s: s.link.state is LinkState.DOWN, "the link is seen down", 3.0)
        pressed_at = stage.truth().seq
        (stage.state_dir / "KILL").write_text("gateway away")
        await stage.until(lambda s: s.control.state is TradingState.HALTED, "halted", 3.0)
        assert stage.state.book.live_orders(), "an order that nobody could cancel must not be taken for gone"
        await stage.until(lambda s: reconciled(s) and no_live_order(s), "cancelled and proved", 20.0)
        assert stage.truth().live() == []
        assert stage.lines("global_cancel", after=pressed_at)
        assert stage.orders_after(pressed_at) == []

    tell(story, tmp_path, WORLD, fills=NEVER, begin=MORNING)


def working(state: State) -> bool:
    """An order of ours is acknowledged and nothing has cancelled it."""
    return any(order.state is OrderState.WORKING for order in state.book.live_orders())


def no_live_order(state: State) -> bool:
    """Every order's end is proved."""
    return not state.book.live_orders()


def reconciled(state: State) -> bool:
    """Link up and a complete snapshot of this connection seen."""
    return state.link.state is LinkState.UP and state.link.synced_epoch == state.link.epoch


def arm(stage: Stage, number: int, *, confirmed: bool = True) -> None:
    """What `condor arm` leaves for the bot."""
    mailbox.leave(
        stage.state_dir,
        OperatorVerb.ARM,
        "a person",
        "all is well",
        confirmed=confirmed,
        number=latch.changed_ms(stage.state_dir / "KILL") + number,
    )
