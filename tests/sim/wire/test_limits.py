"""The message rate of one client."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sim.wire.limits import Limits, RateLimit, Verdict


def test_fifty_messages_at_once_pass_and_the_next_one_does_not() -> None:
    """The budget is a second's worth; a fiftieth of a second later there is room for one more."""
    rate = RateLimit(Limits())
    assert [rate.admit(10.0) for _ in range(50)] == [Verdict.OK] * 50
    assert rate.admit(10.01) is Verdict.EXCEEDED
    assert rate.admit(10.02) is Verdict.OK
    assert rate.admit(10.02) is Verdict.EXCEEDED


@settings(deadline=None)
@given(delays=st.lists(st.floats(0.0, 0.09), min_size=2, max_size=40))
def test_a_client_that_paces_itself_is_never_refused(delays: list[float]) -> None:
    """ib_insync sends bursts of 45, a second apart; each may be slowed down on its way by up to a tenth of a second."""
    rate = RateLimit(Limits())
    for second, delay in enumerate(delays):
        assert [rate.admit(second + delay) for _ in range(45)] == [Verdict.OK] * 45


def test_a_burst_is_one_violation_and_the_third_second_with_one_closes() -> None:
    """Errors repeat within a second but only seconds count towards the end."""
    rate = RateLimit(Limits(messages_per_s=2))
    verdicts = [rate.admit(second + step / 100) for second in (0.0, 2.0, 4.0) for step in range(5)]
    ok, late = Verdict.OK, Verdict.EXCEEDED
    assert verdicts == [ok, ok, late, late, late, ok, ok, late, late, late, ok, ok, *[Verdict.CLOSE] * 3]


@settings(deadline=None)
@given(times=st.lists(st.floats(0.0, 20.0), max_size=200), span=st.floats(0.1, 10.0))
def test_no_span_admits_more_than_rate_and_burst(times: list[float], span: float) -> None:
    """Whatever the arrival times, a span of time holds at most its share of the rate and one burst."""
    rate = RateLimit(Limits(messages_per_s=5, rate_violations=10**6))
    admitted = [moment for moment in sorted(times) if rate.admit(moment) is Verdict.OK]
    for first in admitted:
        assert sum(first <= moment <= first + span for moment in admitted) <= 5 + 5 * span + 1e-6
