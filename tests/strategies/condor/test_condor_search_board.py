"""The search asks for an expiry's contracts again when all it has of them are the legs an earlier condor left."""

from __future__ import annotations

from typing import Any


def test_left_over_legs_are_not_taken_for_the_board_of_an_expiry(bench: Any) -> None:
    """A closed condor's four contracts stay known; the next search of that expiry still loads its strikes and sells."""
    bench.warm()
    legs = bench.sell().legs
    kept = {leg.con_id: bench.options[leg.con_id] for leg in legs}
    bench.condors.clear()
    bench.book = type(bench.book)()
    bench.state = type(bench.state)()
    bench.options = dict(kept)
    bench.warm()
    bench.sell()
    assert len(bench.options) > 50
