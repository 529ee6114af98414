"""The slow controls against the simulated gateway: a shock, a desk that churns, a maintenance window."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engine.state import State
from bot.journal import reader
from bot.sim.venue.matching import FillModel
from strategies.domain.control import TradingState
from tests.flow.virtual_life import BUSY, Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
EAGER = FillModel(mid_per_minute=6.0)


def denials(stage: Stage) -> dict[str, int]:
    """How often each control refused an order."""
    found: dict[str, int] = {}
    for outcome in reader.read_outcomes(stage.state_dir / "journal.sqlite3"):
        for verdict in outcome.body["verdicts"]:
            for check in verdict["checks"]:
                if not check["passed"]:
                    found[check["code"]] = found.get(check["code"], 0) + 1
    return found


def filled(state: State) -> int:
    """Entries of which anything was executed."""
    return sum(r.intent.purpose == "entry" and any(r.filled_by_leg.values()) for r in state.book.orders.values())


def test_a_shock_of_the_market_stops_new_condors(tmp_path: Path) -> None:
    """VIX rises by a point, here a shock, while the strategy would still sell: nothing new is sold any more."""
    mild = (*BUSY, "risk.guards.shock_vix_pct=4.0")

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: filled(state) >= 1, "a condor is sold")
        stage.gateway.cause("vix_spike", level=15.4)
        await stage.until(lambda state: state.watch.shocked_at is not None, "the shock is seen", 10.0)
        seq = max(line["seq"] for line in stage.lines("place"))
        await stage.live_on(20.0)
        after = stage.orders_after(seq)
        assert not [ref for ref in after if ".entry." in ref], after
        assert denials(stage).get("C37", 0) > 0
        assert any("C37" in text for text in stage.alerts)

    tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=mild, tick_s=30.0)


@pytest.mark.slow
def test_a_desk_that_opens_and_closes_again_and_again_is_latched(tmp_path: Path) -> None:
    """With the caps as shipped the busiest desk is stopped after three round trips, until a person arms."""
    caps = tuple(text for text in BUSY if not text.startswith("risk.guards."))

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: bool(state.control.latches), "the desk is stopped", 110.0)
        latch = stage.state.control.latches[0]
        assert (latch.cause, latch.state) == ("limit:C26", TradingState.REDUCING)
        sold = filled(stage.state)
        await stage.live_on(10.0)
        assert filled(stage.state) == sold >= 3

    tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=caps, tick_s=30.0)


@pytest.mark.slow
def test_nothing_is_sent_in_a_maintenance_window(tmp_path: Path) -> None:
    """From ten minutes before the window to its end no order leaves; after the next comparison they do again."""
    windows = 'risk.guards.maintenance_windows=["MON 10:38-10:43"]'

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: bool(state.market.instruments), "contracts are loaded")
        await stage.live_on(11.0)
        assert not stage.orders_after(-1)
        assert denials(stage).get("C39", 0) > 0
        await stage.until(lambda state: bool(state.book.orders), "an order after the window", 30.0)

    tell(story, tmp_path, WORLD, fills=EAGER, begin=MORNING, settings=(*BUSY, windows), tick_s=30.0)
