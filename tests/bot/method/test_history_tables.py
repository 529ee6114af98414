"""The tool that tells a run over real history: caps by their fullest moment, excursions by a state, gaps as gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.history import _keep
from benchmarks.history_tables import explained, page, tables

AT = datetime(2018, 2, 2, 15, 0, tzinfo=UTC)


def test_a_cap_is_told_by_its_fullest_moment_and_a_floor_by_its_emptiest() -> None:
    """The highest use counts; of a floor the lowest value, which is over 100 % once it is broken; unknown is no use."""
    caps: dict[str, Any] = {}
    for used in (2.0, 4.0, None, 3.0):
        _keep(caps, {"code": "C04", "name": "order", "used": used, "cap": 5.0, "unit": "%"}, AT)
    for used in (60.0, 30.0, 50.0):
        _keep(caps, {"code": "K-SIZE-4", "name": "powder", "used": used, "cap": 40.0, "unit": "%", "floor": True}, AT)
    assert caps["C04 order"]["share_pct"] == 80.0
    assert caps["K-SIZE-4 powder"]["share_pct"] == pytest.approx(133.33)


@pytest.mark.parametrize(
    ("because", "why"),
    [
        (
            ("the gate refused 3 hedge orders by C29", "A-BUD-2: no room"),
            "the gate refused an order of the hedge (C29)",
        ),
        (("A-BUD-2: a year of carry has no room",), "a carry or premium budget had no room"),
        (("nothing was recorded about it",), "nothing was recorded about it"),
    ],
)
def test_an_excursion_is_explained_by_the_first_word_recorded(because: tuple[str, ...], why: str) -> None:
    """The account lists the most telling word first; none recorded stays visible as none."""
    assert explained({"because": because}) == why


def run(**changes: Any) -> dict[str, Any]:
    """A run of one session without a trade."""
    day = {"day": "2008-10-10", "regimes_pct": {"deep_backwardation": 100.0}, "official": [], "tiers": [3],
           "highest_b12_points": 12.5, "net_first_n": None, "net_last_n": None, "adjustments": 0,
           "unfilled": 0}  # fmt: skip
    band = {"samples": 0, "inside": 0, "required": 0, "required_inside": 0, "unknown": 0, "excursions": []}
    slo = [{"rule": rule, "triggers": 0, "same_session": 0, "median_s": None, "worst_s": None}
           for rule in ("A-ROT-2", "A-ROT-1")]  # fmt: skip
    return {
        "window": {"first": "2008-10-10", "last": "2008-10-10", "sessions": 1, "asked_first": "2008-10-10",
                   "asked_last": "2009-03-31", "tick_s": 30.0, "seed": 7},
        "code": "0.1.0+abc", "now": "", "twins": None, "ledger": None, "replay": None, "notes": [],
        "method": {"days": [day], "adjustments": [], "band": band, "answers": [], "slo": slo, "slot4": []},
        "seen": {"caps": [], "sold": [], "refused": {}, "unsold_sessions": ["2008-10-10"],
                 "declined": {"2008-10-10": {"C-ENTRY-5: VIX is above the entry limit": 3}}},
    } | changes  # fmt: skip


def test_a_run_that_sold_nothing_says_why_and_claims_nothing() -> None:
    """No figure is made of what was not traded, a run cut short says so, and the filter that declined is named."""
    text = tables(run())
    assert "of a window to 2009-03-31" in text
    assert "C-ENTRY-5: VIX is above the entry limit | 1" in text
    assert "No comparison: nothing was traded" in text
    assert "deep | 3 | 12.50" in text
    assert "| with ALVH | - |" in page([run()])
