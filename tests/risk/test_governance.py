"""Which orders people are asked about: never one that reduces risk, and what is allowed to be configured."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.governance import (
    GOES_UNANSWERED,
    SUSPENDABLE,
    ActionClass,
    Approval,
    GovernanceParams,
    Mode,
    action_class,
)  # fmt: skip
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from tests.bot.engine.builders import make_intent


def hedge(chain: str, *legs: tuple[int, Action], rule: str = "A-SIZE-1") -> PlaceIntent:
    rows = tuple(LegIntent(100 + slot, 1, side, slot) for slot, side in legs)
    return msgspec.structs.replace(
        make_intent(), purpose=Purpose.HEDGE, owner="alvh", chain_ref=chain, legs=rows, rule=rule
    )


B, S = Action.BUY, Action.SELL


@pytest.mark.parametrize(
    ("intent", "wanted"),
    [
        (make_intent(), ActionClass.ENTRY),
        (msgspec.structs.replace(make_intent(), purpose=Purpose.EXIT), ActionClass.REDUCE),
        (msgspec.structs.replace(make_intent(), purpose=Purpose.ADJUST), ActionClass.DEFEND),
        (hedge("alvh-s02.open/1", (2, B)), ActionClass.PROTECT),
        (hedge("alvh-s02.harvest/1", (2, S)), ActionClass.REDUCE),
        (hedge("alvh-s09.harvest/1", (9, S), (9, B)), ActionClass.REDUCE),
        (hedge("alvh-s04.rotate/1", (4, S), (5, B)), ActionClass.PROTECT),
        (hedge("alvh-s09.open/1", (9, B)), ActionClass.DISCRETIONARY),
        (hedge("alvh-s09.open/1", (9, B), (9, S)), ActionClass.DISCRETIONARY),
        (hedge("alvh-s09.roll/1", (9, S), (9, B)), ActionClass.PROTECT),
    ],
)
def test_the_class_of_an_order(intent: PlaceIntent, wanted: ActionClass) -> None:
    """By purpose; of the hedge, sales reduce, deep purchases are discretionary, everything else protects."""
    assert action_class(intent) is wanted


@given(
    st.sampled_from(list(Approval)), st.sampled_from([Approval.OFF, Approval.ADVISE]), st.sampled_from(list(Approval))
)
def test_nothing_that_reduces_is_ever_asked_about(entry: Approval, defend: Approval, rest: Approval) -> None:
    """Whatever is configured; and what protects or defends goes when nobody answers, what adds risk does not."""
    params = GovernanceParams(entry=entry, defend=defend, protect=rest, discretionary=rest)
    assert params.asks(ActionClass.REDUCE) is Approval.OFF
    assert {ActionClass.REDUCE, ActionClass.DEFEND, ActionClass.PROTECT} == GOES_UNANSWERED
    assert set(SUSPENDABLE) & GOES_UNANSWERED == set()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"defend": Approval.REQUIRE}, "defend may be off or advise"),
        ({"limit_s": 5.0}, "allowed is 30 to 900"),
        ({"limit_s": float("nan")}, "limit_s"),
        ({"rearm_approvals": 0}, "allowed is 1 or 2"),
        ({"rearm_approvals": 3}, "allowed is 1 or 2"),
        ({"rearm_delay_min": 1.0}, "allowed is 10"),
        ({"rearm_limit_min": 10.0}, "must exceed"),
    ],
)
def test_what_would_undo_governance_is_refused(changes: dict[str, object], says: str) -> None:
    """A defence that waits, no approval at all, no delay, a question that ends before it may be granted."""
    with pytest.raises(ValueError, match=says):
        GovernanceParams(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "low", "high", "beside"),
    [
        ("limit_s", 30.0, 900.0, {}),
        ("rearm_delay_min", 10.0, 1440.0, {"rearm_limit_min": 10080.0}),
        ("rearm_limit_min", 10.0, 10080.0, {}),
        ("override_longest_h", 1.0, 168.0, {}),
    ],
)
def test_each_time_is_allowed_to_the_ends_of_its_range(
    name: str, low: float, high: float, beside: dict[str, float]
) -> None:
    """Both ends and what lies just within; a hundredth beyond is refused with the range."""
    for value in (low, low + 0.01, high - 0.01, high):
        if (name, value) != ("rearm_limit_min", low):  # as long as the shortest delay: nothing could be granted
            assert getattr(GovernanceParams(**{name: value, **beside}), name) == value  # type: ignore[arg-type]
    for value in (low - 0.01, high + 0.01):
        with pytest.raises(ValueError, match=f"{name} is {value:g}; allowed is {low:g} to {high:g}"):
            GovernanceParams(**{name: value, **beside})  # type: ignore[arg-type]


def test_a_request_has_to_outlast_its_delay() -> None:
    """As long is too short, a little longer is enough; one approval or two, both are possible."""
    with pytest.raises(ValueError, match="must exceed"):
        GovernanceParams(rearm_delay_min=60.0, rearm_limit_min=60.0)
    assert GovernanceParams(rearm_delay_min=60.0, rearm_limit_min=60.01, rearm_approvals=2).rearm_approvals == 2
    assert GovernanceParams(rearm_approvals=1).rearm_approvals == 1


def test_what_holds_where_nothing_is_configured() -> None:
    """Nobody is asked; discretionary purchases are told; five minutes to answer; one approval, ten minutes after the
    request, for two hours; an override of a week at most."""
    params = GovernanceParams()
    assert {action: params.asks(action) for action in ActionClass} == {
        ActionClass.REDUCE: Approval.OFF, ActionClass.ENTRY: Approval.OFF, ActionClass.DEFEND: Approval.OFF,
        ActionClass.PROTECT: Approval.OFF, ActionClass.DISCRETIONARY: Approval.ADVISE,
    }  # fmt: skip
    assert (params.mode, params.limit_s, params.rearm_approvals) == (Mode.STEWARD, 300.0, 1)
    assert (params.rearm_delay_min, params.rearm_limit_min, params.override_longest_h) == (10.0, 120.0, 168.0)
    assert set(SUSPENDABLE) == {ActionClass.ENTRY, ActionClass.DISCRETIONARY}
    other = GovernanceParams(
        entry=Approval.REQUIRE, defend=Approval.ADVISE, protect=Approval.REQUIRE, discretionary=Approval.OFF
    )
    assert [other.asks(action) for action in ActionClass] == [
        Approval.OFF, Approval.REQUIRE, Approval.ADVISE, Approval.REQUIRE, Approval.OFF,
    ]  # fmt: skip


def test_a_setting_that_is_none_of_governances_is_refused() -> None:
    """A name with a slip in it would leave the documented value in force unseen."""
    assert msgspec.convert({"limit_s": 60.0, "entry": "require"}, GovernanceParams).entry is Approval.REQUIRE
    with pytest.raises(msgspec.ValidationError, match="limits_s"):
        msgspec.convert({"limits_s": 60.0}, GovernanceParams)
