"""Looks of a played morning: what the dashboard was given while condors and hedges were bought on the flip scenario."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.engine.state import State
from bot.sim.venue.matching import FillModel
from bot.web.gathered import Gathered, Look
from strategies.domain.control import LinkState
from strategies.domain.orders import OrderState, Purpose
from tests.flow.virtual_life import Stage, tell

BEGIN = "2026-03-02T09:58:00-05:00"
SETTINGS = ("alvh.enabled=true", "condor.curve.samples=1", "condor.curve.sample_every_s=30.0")
AT_ONCE = FillModel(mid_per_minute=20.0, improvement_probability=0.0)


def works(state: State) -> bool:
    return any(o.state is OrderState.WORKING and o.intent.purpose is Purpose.ENTRY for o in state.book.live_orders())


def holds(state: State) -> bool:
    condors = any(condor.quantity for condor in state.condors.values())
    return condors and any(slot.state.value == "active" for slot in state.slots.values())


@cache
def morning() -> dict[str, Look]:
    """Looks by what was going on: `working` an entry works, `held` a condor and hedges are held, `blind` the gateway is
    away, `killed` the latch was found."""
    looks: dict[str, Look] = {}
    gathered = Gathered(lambda: 42)

    async def story(stage: Stage) -> None:
        watch = stage._watch

        def keep(name: str) -> None:
            look = gathered.look()
            assert look is not None
            looks[name] = look

        def both(envelope: Any, state: Any, outcome: Any) -> None:
            watch(envelope, state, outcome)
            gathered.observe(envelope, state, outcome)
            if "working" not in looks and works(state):
                keep("working")

        stage._watch = both  # type: ignore[method-assign]
        stage.begin()
        await stage.until(holds, "a condor and a hedge are held", 180.0)
        await stage.live_on(2.0)
        keep("held")
        stage.gateway.cause("restart", refuse_s=150.0)
        await stage.until(lambda s: s.link.state is not LinkState.UP, "the link is seen down", 5.0)
        await stage.live_on(1.5)
        keep("blind")
        await stage.until(lambda s: s.link.state is LinkState.UP, "the link is back", 30.0)
        (stage.state_dir / "KILL").touch()
        await stage.until(lambda s: s.kill_file, "the kill is seen", 5.0)
        keep("killed")

    with TemporaryDirectory() as place:
        tell(story, Path(place), "flip", begin=BEGIN, settings=SETTINGS, fills=AT_ONCE)
    return looks
