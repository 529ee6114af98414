"""An hour in virtual time with each profile of the method: it warms up, decides and buys without a fault."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.settings.layers import flatten
from bot.settings.load import CONFIG_DIR
from bot.settings.models import known_keys
from strategies.domain.control import TradingState
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.signals.readings import Verdict
from tests.flow.virtual_life import Stage, tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TERMS = {"seeds": (45, 90), "book_30_110_220": (80, 150), "always_on": (45, 90)}
"""Days to settlement of what the intermediate layer may buy."""


def settings(name: str) -> tuple[str, ...]:
    """A profile's file as single settings, and no waiting for the regime's samples."""
    told = flatten(tomllib.loads((CONFIG_DIR / f"{name}.toml").read_text()), known_keys())
    rows = [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in told.items()]
    return (*rows, "condor.curve.samples=1", "condor.curve.sample_every_s=30.0")


async def an_hour(stage: Stage) -> None:
    stage.begin()
    await stage.until(lambda state: bool(state.book.fills), "the first fill")
    await stage.live_on(60.0)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_an_hour(name: str, tmp_path: Path) -> None:
    """Trading stays active, no slot is blocked, and what the intermediate layer bought has the profile's term. On a
    fresh install: the months that have settled were asked for, so that what the past strip says is known."""
    stage = tell(an_hour, tmp_path, "calm", begin="2026-01-05T09:58:00-05:00", settings=settings(name))
    state = stage.state
    assert state.control.state is TradingState.ACTIVE
    assert not [slot for slot in state.slots.values() if slot.blocked_reason]
    bought = [leg for record in state.book.orders.values() for leg in record.intent.legs if leg.slot is not None]
    assert bought
    low, high = TERMS[name]
    for leg in bought:
        option = state.market.option(leg.con_id)
        if leg.slot in SLOTS_OF[Layer.INTERMEDIATE] and option is not None and state.now is not None:
            assert low <= (option.expiry - state.now.date()).days <= high
    signals = state.desk.feed.signals
    assert signals is not None
    read = {reading.rule for reading in signals.outlook.readings if reading.verdict is not Verdict.UNKNOWN}
    assert {"D-MACD-1", "D-MACD-2", "D-COMP-1"} <= read
    deep = {leg.slot for leg in bought} & set(SLOTS_OF[Layer.DEEP])
    assert bool(deep) is (name == "always_on")
