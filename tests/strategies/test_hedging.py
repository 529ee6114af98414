"""C-ENTRY-9: a condor is sold only while net vega with it stays inside the hedge's band."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from strategies.alvh.exposure import Exposure
from strategies.alvh.params import AlvhParams
from strategies.alvh.targets import Band
from strategies.alvh.view import HedgeOutcome
from strategies.condor.context import Agenda
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor
from strategies.condor.structure import Leg, Legs
from strategies.domain.book import Book
from strategies.domain.decision import DecisionVerdict
from strategies.domain.market import Market
from strategies.domain.orders import PlaceIntent, Purpose
from strategies.hedging import _band_first, admit, withdraw, word
from strategies.pricing.net_vega import NetVega
from strategies.signals.curve import CurveReading, Regime
from strategies.signals.evidence import Evidence
from strategies.signals.macro import MacroWord
from strategies.signals.measures import Measures
from strategies.signals.readings import Verdict
from strategies.signals.signals import Outlook
from strategies.signals.term_structure import TermStructure
from strategies.signals.tiers import Tier

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@dataclass
class Moment:
    """What an agenda needs of the context to write decisions down."""

    now: datetime = NOW
    book: Book = field(default_factory=Book)
    market: Market = field(default_factory=Market)


def condor() -> Condor:
    legs = Legs(Leg(1, 5120.0), Leg(2, 5170.0), Leg(3, 5780.0), Leg(4, 5830.0))
    return Condor(
        id="ic-1", trading_class="SPXW", expiry=date(2026, 4, 16), legs=legs, quantity_wanted=2, proposed_at=NOW,
        state_since=NOW,
    )  # fmt: skip


def outcome(net_n: float | None, low_n: float | None, *, planned: bool = False) -> HedgeOutcome:
    """A look of the hedge with 10 wing units (two condors, 50 wide): -250 $/pt of condors and the rest hedge."""
    vega = None if net_n is None else NetVega(-300.0, -250.0, 1000.0 * net_n + 250.0, 0.0, 0.0, 10.0)
    exposure = Exposure((), vega, "ic-1 has a leg without a mark", None, None, 0.0, planned=planned)
    return HedgeOutcome((), (), (), {}, None, (), (), (), {}, exposure, Band(low_n, low_n, 0.25), None)


def asked(outcome_: HedgeOutcome | None, *, enabled: bool = True, book: Book | None = None) -> tuple[bool, Agenda]:
    agenda = Agenda(Moment(book=book or Book()), {}, {}, {})
    return admit(agenda, outcome_, condor(), enabled=enabled), agenda


def test_a_condor_waits_while_the_broker_has_not_told_everything() -> None:
    """A position the executions told so far do not explain: the gate would refuse (C30), so nothing is proposed."""
    book = Book(broker_positions={77: 1})
    admitted, agenda = asked(outcome(-0.1, -0.20), book=book)
    (told,) = agenda.decisions
    assert admitted is False
    assert "waits for the broker's executions: of contract 77 the broker shows +1" in told.text


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


def test_an_order_taken_back_is_told_as_waiting_and_not_as_sent() -> None:
    """The search had said that its order goes out; no order follows, so the record holds and names none."""
    agenda = Agenda(Moment(), {}, {}, {})
    order = PlaceIntent(
        ref="ic-1.entry.1", chain_ref="c", attempt=1, purpose=Purpose.ENTRY, owner="ic-1", rule="C-ENTRY-4", legs=(),
        quantity=2, limit_points=-9.8, mid_points=-9.8, natural_points=-9.2, decided_at=NOW, text="",
    )  # fmt: skip
    agenda.places.append(order)
    agenda.note("X-EXEC", "entry", DecisionVerdict.ACT, "entry order: every filter passed", inputs={}, ref=order.ref)
    withdraw(agenda, condor())
    (told_,) = agenda.decisions
    assert (told_.verdict, told_.intent_ref) == (DecisionVerdict.HOLD, None)
    assert told_.text.endswith("it waits for its hedge")


@dataclass
class Now(Moment):
    """What the hedge's word needs of the context."""

    macro: MacroWord = field(default_factory=MacroWord)
    futures: tuple[()] = ()
    outlook: None = None


def told(before: HedgeWord, said: HedgeOutcome | None, *, now: datetime = NOW, **macro: bool) -> HedgeWord:
    at = Now(now=now, macro=MacroWord(**macro))
    return word(before, said, at, AlvhParams(enabled=True))


def test_the_word_tells_net_vega_its_band_and_since_when_it_is_short() -> None:
    """The clock of a breach starts when it is first seen, goes on, and ends when net vega is back."""
    first = told(HedgeWord(), outcome(-0.25, -0.20))
    assert (first.net_n, first.low_n, first.least_n) == (pytest.approx(-0.25), -0.20, -0.20)
    assert first.short_since == NOW
    later = told(first, outcome(-0.24, -0.20), now=NOW + timedelta(minutes=5))
    assert later.short_since == NOW
    assert told(later, outcome(-0.19, -0.20)).short_since is None


def test_elevated_inflation_brings_the_alarm_of_the_word_nearer() -> None:
    """Without a band the alarm is the least that is allowed: -0.40, and -0.30 while CPI or PPI is elevated."""
    assert told(HedgeWord(), outcome(-0.35, None)).short_since is None
    assert told(HedgeWord(), outcome(-0.35, None), elevated=True).short_since == NOW


def test_a_look_that_only_waited_leaves_the_word() -> None:
    """Between two evaluations what was said last still stands, with its own age; a planned condor is not the book."""
    first = told(HedgeWord(), outcome(-0.15, -0.20))
    assert told(first, None, now=NOW + timedelta(seconds=30)) == first
    planned = outcome(-0.15, -0.20, planned=True)
    assert told(first, planned, now=NOW + timedelta(seconds=30)) == first


def test_a_hedge_that_is_off_says_nothing() -> None:
    """Switched off, the word forgets what was said and keeps only the book's grid."""
    said = HedgeWord(enabled=True, net_n=-0.5, at=NOW, gains_usd=(1.0,), gains_at=NOW)
    off = word(said, None, Now(), AlvhParams(enabled=False))
    assert (off.enabled, off.net_n, off.at) == (False, None, None)
    assert off.gains_usd == (1.0,)


@pytest.mark.parametrize(
    ("official", "now", "first"),
    [
        (Regime.BACKWARDATION, Regime.BACKWARDATION, True),
        (Regime.BACKWARDATION, Regime.FLAT, True),
        (Regime.BACKWARDATION, Regime.CONTANGO, False),
        (Regime.CONTANGO, Regime.CONTANGO, False),
        (Regime.FLAT, Regime.UNKNOWN, False),
    ],
)
def test_the_band_comes_first_while_the_curve_still_says_so(official: Regime, now: Regime, first: bool) -> None:
    """The official regime calms down only at a close: an inversion that has gone makes no condor leave (A-VEGA-2), and
    neither does a curve nobody can read."""
    outlook = Outlook(NOW, CurveReading(official), official, TermStructure(), Measures(), (), Evidence(()),
                      Verdict.UNKNOWN, Tier.CALM)  # fmt: skip
    seen = SimpleNamespace(outlook=outlook, curve=CurveReading(now))
    assert _band_first(seen) is first
