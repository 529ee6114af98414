"""The condor table is total: every state and trigger is either a row or listed here as impossible, with the reason."""

from __future__ import annotations

import itertools

import pytest

from strategies.condor.lifecycle import CONDOR_TABLE, FINISHED_STATES, CondorState, CondorTrigger
from strategies.domain.transitions import IllegalMove, ImpossibleEvent

S, T = CondorState, CondorTrigger
ALL = set(S)
BEFORE = {S.CANDIDATE, S.GATED, S.ENTRY_WORKING}
HELD = {S.OPEN, S.ADJUST_WORKING, S.EXIT_WORKING}

IMPOSSIBLE: dict[CondorTrigger, set[CondorState]] = {
    # quarantine listens to nothing but settlement and a person
    T.ENTRY_APPROVED: {S.ADJUST_WORKING, S.QUARANTINE},
    T.ENTRY_WORKS: {S.QUARANTINE},
    T.ENTRY_ENDED: {S.QUARANTINE},
    # units that appear while others change their legs, or after cash settlement, fit nowhere
    T.ENTRY_PARTLY_FILLED: {S.ADJUST_WORKING, S.SETTLED, S.QUARANTINE},
    T.ENTRY_FILLED: {S.ADJUST_WORKING, S.SETTLED, S.QUARANTINE},
    T.ENTRY_GIVEN_UP: ALL - BEFORE,
    T.ENTRY_KEPT: ALL - {S.ENTRY_WORKING},
    # nothing that was never open can be closed; a change of legs is ended before a close begins
    T.EXIT_WORKS: BEFORE | {S.ADJUST_WORKING, S.ABANDONED, S.QUARANTINE},
    T.EXIT_PARTLY_FILLED: ALL - {S.OPEN, S.EXIT_WORKING},
    T.EXIT_FILLED: ALL - {S.OPEN, S.EXIT_WORKING},
    T.EXIT_ENDED: BEFORE | {S.ABANDONED, S.QUARANTINE},
    T.EXIT_RELEASED: ALL - {S.EXIT_WORKING},
    T.ADJUST_WORKS: BEFORE | {S.ABANDONED, S.QUARANTINE},
    T.ADJUST_PARTLY_FILLED: ALL - {S.OPEN, S.ADJUST_WORKING},
    T.ADJUST_FILLED: ALL - {S.OPEN, S.ADJUST_WORKING},
    T.ADJUST_ENDED: BEFORE | {S.ABANDONED, S.QUARANTINE},
    T.ADJUST_GIVEN_UP: ALL - {S.ADJUST_WORKING},
    T.ADJUST_STOPPED: ALL - {S.ADJUST_WORKING},
    T.SETTLED_PARTLY: {S.CANDIDATE, S.GATED} | set(FINISHED_STATES),
    T.SETTLED_WHOLLY: {S.CANDIDATE, S.GATED} | set(FINISHED_STATES),
    T.CONTRADICTED: set(),
    T.FLAT_PROVED: ALL - {S.QUARANTINE},
}


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(S, T)))
def test_every_pair_is_a_row_or_a_known_impossibility(state, trigger):
    """No pair is undecided, and none is both."""
    assert CONDOR_TABLE.allows(state, trigger) is (state not in IMPOSSIBLE[trigger])


def test_whose_fault_an_impossible_move_is():
    """A move of our own that the table lacks is our bug; one the world reports is a contradiction."""
    with pytest.raises(IllegalMove):
        CONDOR_TABLE.move(S.CLOSED, T.EXIT_RELEASED)
    with pytest.raises(ImpossibleEvent):
        CONDOR_TABLE.move(S.ABANDONED, T.EXIT_FILLED)


def test_every_state_can_be_reached_and_every_row_has_a_reason():
    """The diagram has no islands."""
    reached = {S.CANDIDATE} | {row.then for row in CONDOR_TABLE.rows}
    assert reached == ALL
    assert all(row.why for row in CONDOR_TABLE.rows)
