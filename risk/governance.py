"""Which orders a person is asked about, how, and what follows when nobody answers (G-GOV-1, G-GOV-2, G-GOV-4).

Rules
- What reduces risk is never asked and can be neither delayed nor suspended: closings, cancels, sales of protection, and
  whatever the gate proves to reduce. A defence is never delayed either: the stop of its condor would wait with it.
- Nobody answered: protection goes, everything else does not.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from strategies.domain.hedge import SLOTS_OF, Layer
from strategies.domain.orders import Action, PlaceIntent, Purpose


class ActionClass(StrEnum):
    """Kinds of orders by what they do to risk. DISCRETIONARY: additions that no band and no standing share asks for."""

    REDUCE = "reduce"
    ENTRY = "entry"
    DEFEND = "defend"
    PROTECT = "protect"
    DISCRETIONARY = "discretionary"


class Approval(StrEnum):
    """OFF: nobody is asked. ADVISE: a person is told, the order goes at once, a decline takes it back. REQUIRE: it
    waits for an approval until the time limit."""

    OFF = "off"
    ADVISE = "advise"
    REQUIRE = "require"


class Mode(StrEnum):
    """STEWARD follows the rules. PROMOTER is for days of headlines: discretionary additions are off (G-GOV-1)."""

    STEWARD = "steward"
    PROMOTER = "promoter"


GOES_UNANSWERED = frozenset({ActionClass.REDUCE, ActionClass.DEFEND, ActionClass.PROTECT})
"""Classes whose orders go when the time limit passes without an answer."""

SUSPENDABLE = (ActionClass.ENTRY, ActionClass.DISCRETIONARY)
"""What an override may hold back: nothing that reduces risk or protects."""

_DEEP = frozenset(SLOTS_OF[Layer.DEEP])


class GovernanceParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people have a say. Times are market time."""

    mode: Mode = Mode.STEWARD
    entry: Approval = Approval.OFF
    defend: Approval = Approval.OFF
    protect: Approval = Approval.OFF
    discretionary: Approval = Approval.ADVISE
    limit_s: float = 300.0
    rearm_approvals: int = 1
    rearm_delay_min: float = 10.0
    rearm_limit_min: float = 120.0
    override_longest_h: float = 168.0

    def __post_init__(self) -> None:
        if self.defend is Approval.REQUIRE:
            raise ValueError(
                "governance: defend may be off or advise: a defence that waits would make the stop of its condor wait"
            )
        for name, low, high in (("limit_s", 30.0, 900.0), ("rearm_delay_min", 10.0, 1440.0),
                                ("rearm_limit_min", 10.0, 10080.0), ("override_longest_h", 1.0, 168.0)):  # fmt: skip
            value = float(getattr(self, name))
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"governance: {name} is {value:g}; allowed is {low:g} to {high:g}")
        if self.rearm_approvals not in (1, 2):
            raise ValueError(f"governance: rearm_approvals is {self.rearm_approvals}; allowed is 1 or 2")
        if self.rearm_limit_min <= self.rearm_delay_min:
            raise ValueError(
                f"governance: rearm_limit_min {self.rearm_limit_min:g} must exceed rearm_delay_min "
                f"{self.rearm_delay_min:g}, or no request could ever be granted"
            )

    def asks(self, action: ActionClass) -> Approval:
        """How a class is asked about."""
        if action is ActionClass.REDUCE:
            return Approval.OFF
        found: Approval = getattr(self, action.value)
        return found


def action_class(intent: PlaceIntent) -> ActionClass:
    """The class of an order by purpose, legs and rule."""
    if intent.purpose is Purpose.EXIT:
        return ActionClass.REDUCE
    if intent.purpose is Purpose.ENTRY:
        return ActionClass.ENTRY
    if intent.purpose is Purpose.ADJUST:
        return ActionClass.DEFEND
    if ".harvest/" in intent.chain_ref or all(leg.action is Action.SELL for leg in intent.legs):
        return ActionClass.REDUCE
    opens_deep = ".open/" in intent.chain_ref and any(leg.slot in _DEEP for leg in intent.legs)
    return ActionClass.DISCRETIONARY if opens_deep else ActionClass.PROTECT
