"""C-ENTRY-9: a condor is sold only while net vega with it stays inside the hedge's band."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from strategies.alvh.exposure import Exposure
from strategies.alvh.targets import Band
from strategies.alvh.view import HedgeOutcome
from strategies.condor.context import Agenda
from strategies.condor.machine import Condor
from strategies.condor.structure import Leg, Legs
from strategies.domain.book import Book
from strategies.domain.decision import DecisionVerdict
from strategies.hedging import admit, withdraw
from strategies.pricing.net_vega import NetVega

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@dataclass
class Moment:
    """What an agenda needs of the context to write decisions down."""

    now: datetime = NOW
    book: Book = field(default_factory=Book)


def condor() -> Condor:
    legs = Legs(Leg(1, 5120.0), Leg(2, 5170.0), Leg(3, 5780.0), Leg(4, 5830.0))
    return Condor(
        id="ic-1", trading_class="SPXW", expiry=date(2026, 4, 16), legs=legs, quantity_wanted=2, proposed_at=NOW,
        state_since=NOW,
    )  # fmt: skip


def outcome(net_n: float | None, low_n: float | None) -> HedgeOutcome:
    """A look of the hedge with 10 wing units (two condors, 50 wide): -250 $/pt of condors and the rest hedge."""
    vega = None if net_n is None else NetVega(-300.0, -250.0, 1000.0 * net_n + 250.0, 0.0, 0.0, 10.0)
    exposure = Exposure((), vega, "ic-1 has a leg without a mark", None, None, 0.0, planned=True)
    return HedgeOutcome((), (), (), {}, None, (), (), (), {}, exposure, Band(low_n, low_n, 0.25), None)


def asked(outcome_: HedgeOutcome | None, *, enabled: bool = True) -> tuple[bool, Agenda]:
    agenda = Agenda(Moment(), {}, {}, {})
    return admit(agenda, outcome_, condor(), enabled=enabled), agenda


@pytest.mark.parametrize(("net_n", "allowed"), [(-0.19, True), (-0.20, True), (-0.201, False)])
def test_a_condor_waits_for_its_hedge(net_n: float, allowed: bool) -> None:
    """At the floor it may be sold, below it the hedge goes first; the decision says by how much."""
    admitted, agenda = asked(outcome(net_n, -0.20))
    (told,) = agenda.decisions
    assert admitted is allowed
    assert told.verdict is (DecisionVerdict.HOLD if allowed else DecisionVerdict.DECLINE)
    assert told.inputs["net_vega_after_n"] == pytest.approx(net_n)
    assert told.thresholds == {"low_n": -0.20}
    assert told.near == pytest.approx(abs(net_n + 0.20) / 0.20)


@pytest.mark.parametrize("unknown", [None, outcome(None, -0.2), outcome(-0.1, None)])
def test_an_unknown_net_vega_sells_nothing(unknown: HedgeOutcome | None) -> None:
    """Without signals, without a mark, or without a band the entry is declined."""
    admitted, agenda = asked(unknown)
    assert not admitted
    assert agenda.decisions[0].verdict is DecisionVerdict.DECLINE


def test_without_the_hedge_the_rule_is_silent() -> None:
    """With the hedge switched off condors are sold by their own rules."""
    admitted, agenda = asked(None, enabled=False)
    assert admitted
    assert agenda.decisions == []


def test_a_proposal_taken_back_leaves_nothing_behind() -> None:
    """After a refusal neither order, proposal, walk nor number of it stays, so that its name can be used again."""
    agenda = Agenda(Moment(), {"ic-1": object()}, {}, {"ic-1.entry": 1})
    agenda.proposals.append(condor())
    withdraw(agenda, condor())
    assert (agenda.proposals, agenda.places, agenda.walks, agenda.counts) == ([], [], {}, {})
