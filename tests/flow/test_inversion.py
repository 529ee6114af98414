"""A whole run in which slot 4 is filled when the VX curve becomes deep: it moves at once, but not at three points."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.journal import read_outcomes
from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.domain.orders import OrderState
from strategies.domain.session import session_date
from tests.flow.virtual_life import Stage, tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

THREE, FIVE = "2026-03-05", "2026-03-06"
"""The days on which the front stands exactly three points over the second, and five."""


async def to_the_end(stage: Stage) -> None:
    stopped = await stage.begin()
    assert stopped.code == 0, stopped.text


def test_slot_four_moves_on_five_points_and_not_on_three(tmp_path: Path) -> None:
    """On the first day the rule sees 3.000 points in the front and sends nothing. On the second its order goes out
    within a minute of the third sample; one order sells slot 4 and buys slot 5, once, in the same session."""
    stage = tell(to_the_end, tmp_path, "inversion", settings=("alvh.enabled=true",))
    journal = stage.state_dir / "journal.sqlite3"
    told = [(o.at, d["inputs"]) for o in read_outcomes(journal) for d in o.body.get("decisions", ())
            if d["rule"] == "A-ROT-2"]  # fmt: skip
    moves = [r for r in stage.state.book.orders.values() if r.intent.rule == "A-ROT-2"]
    seen = {row["front_minus_second_points"] for at, row in told if session_date(at).isoformat() == THREE}
    assert 3.0 in seen
    assert max(seen) <= 3.0
    assert {session_date(r.intent.decided_at).isoformat() for r in moves} == {FIVE}
    (filled,) = [r for r in moves if r.state is OrderState.FILLED]
    assert {leg.slot for leg in filled.intent.legs} == {4, 5}
    deep = min(at for at, row in told if row["official"] == "deep_backwardation")
    first = min(r.sent_at for r in moves if r.sent_at is not None)
    assert first - deep <= timedelta(seconds=60)
    held = {leg.slot for r in moves for leg in r.intent.legs} & set(SLOTS_OF[Layer.SHORT])
    assert held == {4}
