"""The message rate of one client."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.wire.limits import Limits, RateLimit, Verdict


def test_fifty_messages_a_second_pass_and_the_next_one_does_not() -> None:
    """The limit is on a sliding second: it clears when the first message is a second old."""
    rate = RateLimit(Limits())
    assert [rate.admit(10.0) for _ in range(50)] == [Verdict.OK] * 50
    assert rate.admit(10.99) is Verdict.EXCEEDED
    assert rate.admit(11.0) is Verdict.OK


def test_a_burst_is_one_violation_and_the_third_second_with_one_closes() -> None:
    """Errors repeat within a second but only seconds count towards the end."""
    rate = RateLimit(Limits(messages_per_s=2))
    verdicts = [rate.admit(second + step / 100) for second in (0.0, 2.0, 4.0) for step in range(5)]
    ok, late = Verdict.OK, Verdict.EXCEEDED
    assert verdicts == [ok, ok, late, late, late, ok, ok, late, late, late, ok, ok, *[Verdict.CLOSE] * 3]


@settings(deadline=None)
@given(times=st.lists(st.floats(0.0, 20.0), max_size=200))
def test_no_second_admits_more_than_the_limit(times: list[float]) -> None:
    """Whatever the arrival times, any second holds at most the allowed number of admitted messages."""
    rate = RateLimit(Limits(messages_per_s=5, rate_violations=10**6))
    admitted = [moment for moment in sorted(times) if rate.admit(moment) is Verdict.OK]
    for first in admitted:
        assert sum(first <= moment < first + 1.0 for moment in admitted) <= 5 or first + 1.0 == first
