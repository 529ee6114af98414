"""The line budget: exactly the wanted set, never above the limit on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.ibkr.lines import Lines

wishes = st.lists(st.lists(st.integers(1, 40), max_size=30), min_size=1, max_size=8)


@given(wishes, st.integers(1, 12), st.data())
def test_lines_become_the_wanted_set_within_the_budget(sets: list[list[int]], limit: int, data: st.DataObject) -> None:
    """After any changes of mind the live lines are the first `limit` wanted contracts, and never more on the way."""
    lines, at_broker, next_id = Lines(limit), {}, 1
    for wanted in sets:
        left_out = lines.want(wanted)
        distinct = list(dict.fromkeys(wanted))
        assert list(left_out) == distinct[limit:]
        steps = 1000 if wanted is sets[-1] else data.draw(st.integers(0, 6))
        while steps and (step := lines.step()) is not None:
            steps -= 1
            if step.request_id is None:
                lines.added(step.con_id, next_id)
                at_broker[next_id] = step.con_id
                next_id += 1
            else:
                lines.dropped(step.con_id)
                assert at_broker.pop(step.request_id) == step.con_id
            assert len(at_broker) <= limit
    assert sorted(at_broker.values()) == sorted(list(dict.fromkeys(sets[-1]))[:limit])
    assert lines.step() is None


def test_renewing_replaces_every_line_once() -> None:
    """After an outage every line is dropped and requested again under a new id."""
    lines = Lines(5)
    lines.want([1, 2])
    lines.added(1, 11)
    lines.added(2, 12)
    lines.renew()
    seen = []
    for request_id in (21, 22, 23, 24):
        step = lines.step()
        assert step is not None
        seen.append((step.con_id, step.request_id))
        if step.request_id is None:
            lines.added(step.con_id, request_id)
        else:
            lines.dropped(step.con_id)
    assert [row for row in seen if row[1] is not None] == [(1, 11), (2, 12)]
    assert lines.step() is None


def test_a_contract_that_cannot_be_quoted_is_not_asked_for_again() -> None:
    """A removed contract leaves the wanted set until it is set anew."""
    lines = Lines(5)
    lines.want([1])
    lines.remove(1)
    assert lines.step() is None
    lines.want([1])
    assert lines.step() is not None
