"""The table of a condor's life: its states, what can happen to it, and where that leads.

Rules of the machine
- A condor is created by a proposal, and moves only by evidence (orders and their executions, settlement) or by an
  explicit decision of the desk to give something up.
- Quantities follow from executions alone: whole units filled on entry orders, less units filled on exit orders, less
  units settled. An order's word about itself (cancelled, rejected) never changes a quantity.
- The world may fill late: an abandoned or closed condor that is filled after all is open again, and says so.
- Between two attempts of a price walk the condor stays in its working state. What was partly filled when the entry is
  given up is an open condor of that size.
- While a change of legs is partly done nothing else is done. It is finished in its own walk or left half done: each
  unit is a whole condor with the old legs or with the new ones, and a stop or a crisis closes both sets.
- What cannot be (more closed than open, legs out of ratio at the end of an order, an execution the state has no row
  for) raises ImpossibleEvent and changes nothing; the holder puts the condor into quarantine, and no rule touches it.
"""

from __future__ import annotations

from enum import StrEnum

from strategies.domain.transitions import Row, Table


class CondorState(StrEnum):
    """Where a condor stands."""

    CANDIDATE = "candidate"
    GATED = "gated"
    ENTRY_WORKING = "entry_working"
    OPEN = "open"
    ADJUST_WORKING = "adjust_working"
    EXIT_WORKING = "exit_working"
    CLOSED = "closed"
    SETTLED = "settled"
    ABANDONED = "abandoned"
    QUARANTINE = "quarantine"


class CondorTrigger(StrEnum):
    """What can happen to a condor."""

    ENTRY_APPROVED = "entry_approved"
    ENTRY_WORKS = "entry_works"
    ENTRY_PARTLY_FILLED = "entry_partly_filled"
    ENTRY_FILLED = "entry_filled"
    ENTRY_ENDED = "entry_ended"
    ENTRY_GIVEN_UP = "entry_given_up"
    ENTRY_KEPT = "entry_kept"
    EXIT_WORKS = "exit_works"
    EXIT_PARTLY_FILLED = "exit_partly_filled"
    EXIT_FILLED = "exit_filled"
    EXIT_ENDED = "exit_ended"
    EXIT_RELEASED = "exit_released"
    ADJUST_WORKS = "adjust_works"
    ADJUST_PARTLY_FILLED = "adjust_partly_filled"
    ADJUST_FILLED = "adjust_filled"
    ADJUST_ENDED = "adjust_ended"
    ADJUST_GIVEN_UP = "adjust_given_up"
    ADJUST_STOPPED = "adjust_stopped"
    SETTLED_PARTLY = "settled_partly"
    SETTLED_WHOLLY = "settled_wholly"
    CONTRADICTED = "contradicted"
    FLAT_PROVED = "flat_proved"


_S = CondorState
_T = CondorTrigger
_HELD = (_S.OPEN, _S.ADJUST_WORKING, _S.EXIT_WORKING)


def _rows() -> list[Row[CondorState, CondorTrigger]]:
    rows = [
        Row(_S.CANDIDATE, _T.ENTRY_APPROVED, _S.GATED, "the gate approved the first entry order"),
        Row(_S.CANDIDATE, _T.ENTRY_GIVEN_UP, _S.ABANDONED, "no verdict came in time"),
        Row(_S.GATED, _T.ENTRY_APPROVED, _S.GATED, "evidence repeats"),
        Row(_S.ENTRY_WORKING, _T.ENTRY_APPROVED, _S.ENTRY_WORKING, "next attempt of the entry walk"),
        Row(_S.CANDIDATE, _T.ENTRY_ENDED, _S.ENTRY_WORKING, "its first evidence is an order already over"),
        Row(_S.GATED, _T.ENTRY_ENDED, _S.ENTRY_WORKING, "the first order never traded; the walk may go on"),
        Row(_S.ENTRY_WORKING, _T.ENTRY_ENDED, _S.ENTRY_WORKING, "an attempt ended; the walk may go on"),
        Row(_S.GATED, _T.ENTRY_GIVEN_UP, _S.ABANDONED, "given up before anything traded"),
        Row(_S.ENTRY_WORKING, _T.ENTRY_GIVEN_UP, _S.ABANDONED, "walk exhausted or conditions gone, nothing filled"),
        Row(_S.ENTRY_WORKING, _T.ENTRY_KEPT, _S.OPEN, "given up with part of it filled: that part is the condor"),
        Row(_S.ABANDONED, _T.ENTRY_PARTLY_FILLED, _S.OPEN, "late fill after giving up: it is a position after all"),
        Row(_S.ABANDONED, _T.ENTRY_FILLED, _S.OPEN, "late fill after giving up: it is a position after all"),
        Row(_S.OPEN, _T.EXIT_WORKS, _S.EXIT_WORKING, "a closing order is on its way"),
        Row(_S.EXIT_WORKING, _T.EXIT_WORKS, _S.EXIT_WORKING, "evidence repeats, or the next attempt"),
        Row(_S.EXIT_WORKING, _T.EXIT_ENDED, _S.EXIT_WORKING, "an attempt ended; the walk goes on"),
        Row(_S.EXIT_WORKING, _T.EXIT_PARTLY_FILLED, _S.EXIT_WORKING, "part of it closed"),
        Row(_S.EXIT_WORKING, _T.EXIT_RELEASED, _S.OPEN, "the reason to close has gone or may wait"),
        Row(_S.OPEN, _T.EXIT_PARTLY_FILLED, _S.OPEN, "late fill of a closing order that was given up"),
        Row(_S.OPEN, _T.ADJUST_WORKS, _S.ADJUST_WORKING, "an order that changes legs is on its way"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_WORKS, _S.ADJUST_WORKING, "evidence repeats, or the next attempt"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_ENDED, _S.ADJUST_WORKING, "an attempt ended; the walk goes on"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_PARTLY_FILLED, _S.ADJUST_WORKING, "some units have the new legs; finish it"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_FILLED, _S.OPEN, "all units have the new legs"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_GIVEN_UP, _S.OPEN, "walk exhausted, nothing filled: the old legs stay"),
        Row(_S.ADJUST_WORKING, _T.ADJUST_STOPPED, _S.OPEN, "left half done: each set of legs is a whole condor"),
        Row(_S.OPEN, _T.ADJUST_PARTLY_FILLED, _S.OPEN, "late fill of a change given up: those units have new legs"),
        Row(_S.OPEN, _T.ADJUST_FILLED, _S.OPEN, "late fill of a change given up: it is done after all"),
        Row(_S.OPEN, _T.SETTLED_WHOLLY, _S.SETTLED, "expired into cash"),
        Row(_S.QUARANTINE, _T.SETTLED_WHOLLY, _S.SETTLED, "expired into cash"),
        Row(_S.QUARANTINE, _T.FLAT_PROVED, _S.CLOSED, "proven: the broker holds none of its legs, and a person agreed"),
    ]
    for state in (_S.CANDIDATE, _S.GATED, _S.ENTRY_WORKING):
        rows.append(Row(state, _T.ENTRY_WORKS, _S.ENTRY_WORKING, "the entry order is on its way"))
        rows.append(Row(state, _T.ENTRY_PARTLY_FILLED, _S.ENTRY_WORKING, "some units are open, the rest still works"))
        rows.append(Row(state, _T.ENTRY_FILLED, _S.OPEN, "all wanted units are open"))
    for state in (_S.OPEN, _S.EXIT_WORKING, _S.CLOSED):
        then = _S.OPEN if state is _S.CLOSED else state
        rows.append(Row(state, _T.ENTRY_PARTLY_FILLED, then, "late fill of an entry order that was given up"))
        rows.append(Row(state, _T.ENTRY_FILLED, then, "late fill of an entry order that was given up"))
    for state in (_S.OPEN, _S.EXIT_WORKING):
        rows.append(Row(state, _T.EXIT_FILLED, _S.CLOSED, "every unit is closed"))
    for state in (_S.ENTRY_WORKING, *_HELD, _S.QUARANTINE):
        rows.append(Row(state, _T.SETTLED_PARTLY, state, "some legs are settled, the others follow"))
    for state in (_S.ENTRY_WORKING, _S.ADJUST_WORKING, _S.EXIT_WORKING):
        rows.append(Row(state, _T.SETTLED_WHOLLY, _S.SETTLED, "expired into cash with an order out"))
    echoes = {
        _T.ENTRY_APPROVED: (_S.OPEN, _S.EXIT_WORKING, _S.CLOSED, _S.SETTLED, _S.ABANDONED),
        _T.ENTRY_WORKS: (*_HELD, _S.CLOSED, _S.SETTLED, _S.ABANDONED),
        _T.ENTRY_ENDED: (*_HELD, _S.CLOSED, _S.SETTLED, _S.ABANDONED),
        _T.EXIT_WORKS: (_S.CLOSED, _S.SETTLED),
        _T.EXIT_ENDED: (_S.OPEN, _S.ADJUST_WORKING, _S.CLOSED, _S.SETTLED),
        _T.ADJUST_WORKS: (_S.EXIT_WORKING, _S.CLOSED, _S.SETTLED),
        _T.ADJUST_ENDED: (_S.OPEN, _S.EXIT_WORKING, _S.CLOSED, _S.SETTLED),
    }
    for trigger, states in echoes.items():
        rows += [
            Row(state, trigger, state, "echo of an order believed over; the desk cancels what lives")
            for state in states
        ]
    for state in CondorState:
        rows.append(Row(state, _T.CONTRADICTED, _S.QUARANTINE, "the world contradicts the table"))
    return rows


CONDOR_TABLE: Table[CondorState, CondorTrigger] = Table(
    "condor",
    _rows(),
    ours=(_T.ENTRY_GIVEN_UP, _T.ENTRY_KEPT, _T.EXIT_RELEASED, _T.ADJUST_GIVEN_UP, _T.ADJUST_STOPPED, _T.FLAT_PROVED),
    terminal=(_S.CLOSED, _S.SETTLED, _S.ABANDONED),
)

FINISHED_STATES = frozenset((_S.CLOSED, _S.SETTLED, _S.ABANDONED))
"""Nothing is held and nothing is wanted any more."""
