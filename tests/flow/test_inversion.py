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

DAY = "2026-03-05"
THREE_UNTIL, FIVE_FROM = "2026-03-05T15:20", "2026-03-05T15:40"
"""When (UTC) the front no longer stands three points over the second, and from when on five."""


async def to_the_end(stage: Stage) -> None:
    stopped = await stage.begin()
    assert stopped.code == 0, stopped.text


def test_slot_four_moves_on_five_points_and_not_on_three(tmp_path: Path) -> None:
    """While the rule sees 3.000 points in the front, for three samples, nothing is sent. At five its order goes out
    within a minute of the third sample; one order sells slot 4 and buys slot 5, once, in the same session."""
    stage = tell(to_the_end, tmp_path, "inversion", settings=("alvh.enabled=true",))
    journal = stage.state_dir / "journal.sqlite3"
    told = [(o.at, d["inputs"]) for o in read_outcomes(journal, session=DAY) for d in o.body.get("decisions", ())
            if d["rule"] == "A-ROT-2"]  # fmt: skip
    moves = [r for r in stage.state.book.orders.values() if r.intent.rule == "A-ROT-2"]
    early = {row["front_minus_second_points"] for at, row in told if at.isoformat() < THREE_UNTIL}
    assert 3.0 in early
    assert min(r.intent.decided_at.isoformat() for r in moves) >= FIVE_FROM
    (filled,) = [r for r in moves if r.state is OrderState.FILLED]
    assert {leg.slot for leg in filled.intent.legs} == {4, 5}
    assert {session_date(r.intent.decided_at) for r in moves} == {DAY}
    deep = min(at for at, row in told if row["official"] == "deep_backwardation")
    first = min(r.sent_at for r in moves if r.sent_at is not None)
    assert first - deep <= timedelta(seconds=60)
    assert {leg.slot for r in moves for leg in r.intent.legs} & set(SLOTS_OF[Layer.SHORT]) == {4}
