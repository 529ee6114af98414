"""The account of the method over a journal written by hand: what is counted, timed and called right or wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bot.cli.method import method
from bot.engine.outcome import Move, Outcome
from bot.journal import Journal
from bot.method.build import Method, build
from bot.method.text import render
from risk.gate import CheckResult, Verdict
from risk.result import Consequence
from strategies.domain.book import Fill
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.desk_sample import DeskSample
from strategies.domain.events import AnyEvent, Envelope, Filled, TimerFired
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.domain.session import session_date

TEN = datetime(2018, 2, 6, 15, 0, tzinfo=UTC)
"""Ten in the morning in New York."""
HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE
STANDS = "front minus second has not stood above 3 points"


class Diary:
    """Writes what a hedged run would have written, minute by minute."""

    def __init__(self, state: Path) -> None:
        state.mkdir(mode=0o700, exist_ok=True)
        self.state, self.at = state, TEN
        self.journal = Journal.open(state / "journal.sqlite3", clock_session=session_date)

    def tell(self, event: AnyEvent | None = None, *, after_s: float = 0.0, **outcome: Any) -> None:
        self.at += timedelta(seconds=after_s)
        seq = self.journal.next_seq
        self.journal.append_event(Envelope(seq, self.at, event or TimerFired(name="pulse", due_at=self.at)))
        if outcome:
            self.journal.append_outcome(seq, self.at, Outcome(**outcome))

    def look(self, b12: float, *, official: str = "flat", net: float | None = None, low: float = -0.10,
             tier: int = 0, unknown: str = "", minutes: int = 1) -> None:  # fmt: skip
        """Samples a minute apart; T-REG-1 tells the official regime with the first."""
        for number in range(minutes):
            sample = DeskSample(regime=official, tier=tier, front_minus_second_points=b12, net_vega_n=net, low_n=low,
                                high_n=0.15, condors_usd_per_vix_point=-300.0 if net is not None else 0.0,
                                unknown=unknown)  # fmt: skip
            said = [self.said("T-REG-1", "market", HOLD, f"the curve is flat, officially {official}")] * (number == 0)
            self.tell(after_s=60.0, sample=sample, decisions=tuple(said))

    def said(self, rule: str, subject: str, verdict: DecisionVerdict, text: str) -> Decision:
        return Decision(self.at, rule, subject, verdict, text)

    def say(self, rule: str, subject: str, verdict: DecisionVerdict, text: str) -> None:
        self.tell(decisions=(self.said(rule, subject, verdict, text),))

    def order(
        self, ref: str, rule: str, slots: tuple[int, int], *, working_after_s: float, filled: bool = True
    ) -> None:
        """A calendar order between two slots, at work after some seconds and maybe filled a minute later."""
        legs = (LegIntent(1, 1, Action.SELL, slots[0]), LegIntent(2, 2, Action.BUY, slots[1]))
        intent = PlaceIntent(ref, f"{ref}/chain", 1, Purpose.HEDGE, "alvh", rule, legs, 1, 1.0, 1.0, 1.1, self.at,
                             "slot to slot")  # fmt: skip
        self.tell(actions=({"type": "submit", "seq": self.journal.next_seq, "intent": msgspec.to_builtins(intent)},))
        self.tell(after_s=working_after_s, moves=(Move("order", ref, "sent", "working"),))
        if filled:
            self.at += timedelta(seconds=60)
            for con_id, side, quantity in ((1, Action.SELL, 1), (2, Action.BUY, 2)):
                fill = Fill(f"{ref}.{con_id}.01", ref, con_id, side, quantity, 2.0, 100, self.at)
                self.tell(Filled(fill=fill))

    def refuse(self, ref: str, code: str) -> None:
        check = CheckResult(code, "carry", False, Consequence.DENY, 1.0, 0.5, "USD", "too much")
        self.tell(verdicts=(Verdict(ref=ref, approved=False, code=code, text="denied", checks=(check,)),))

    def next_day(self) -> None:
        self.at = (self.at + timedelta(days=1)).replace(hour=15, minute=0, second=0)

    def read(self) -> Method:
        self.journal.commit(durable=True)
        self.journal.close()
        return build(self.state)


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    """An empty one."""
    return Diary(tmp_path / "state")


# the band -------------------------------------------------------------------------------------------
def test_the_band_is_counted_where_a_condor_is_open_and_where_it_is_required(diary: Diary) -> None:
    """30 looks in calm of which 10 are below the floor, 20 in a flat curve of which 5 are: 70 and 75 percent inside;
    looks without a condor and looks with an unread curve count nowhere."""
    diary.look(-0.5, official="contango", net=None, minutes=7)
    diary.look(-0.5, official="contango", net=-0.15, low=-0.20, minutes=20)
    diary.look(-0.5, official="contango", net=-0.25, low=-0.20, minutes=10)
    diary.next_day()
    diary.look(0.2, official="flat", net=-0.05, minutes=15)
    diary.look(0.2, official="flat", net=-0.14, minutes=5)
    band = diary.read().band
    assert (band.samples, band.inside, band.required, band.required_inside) == (50, 35, 20, 15)
    assert (band.pct, band.required_pct) == (70.0, 75.0)
    assert [(e.samples, e.required, e.side) for e in band.excursions] == [
        (10, False, "below the floor"), (5, True, "below the floor")
    ]  # fmt: skip


def test_the_edges_are_inside_and_a_net_vega_nobody_knows_is_not(diary: Diary) -> None:
    """Exactly at the floor is in the band; unknown is never taken as inside, and the reason is told."""
    diary.look(0.2, net=-0.10, minutes=3)
    diary.look(0.2, net=None, unknown="contract 7 of slot 1 has no mark", minutes=2)
    band = diary.read().band
    assert (band.samples, band.inside, band.unknown) == (5, 3, 2)
    (one,) = band.excursions
    assert one.side == "unknown"
    assert one.because[0] == "net vega was not known: contract 7 of slot 1 has no mark"


def test_an_excursion_says_what_kept_it_open(diary: Diary) -> None:
    """Refusals of the gate and a budget that binds, recorded then, are its explanation; a return of some minutes does
    not end it, one longer than the dwell time does."""
    diary.look(0.2, net=-0.12, minutes=5)
    diary.refuse("alvh-s05.open.20180206.1", "A-BUD-2")
    diary.say("A-BUD-1", "layer L2", DECLINE, "the budget A-BUD-1 has no room for another contract")
    diary.look(0.2, net=-0.09, minutes=10)
    diary.look(0.2, net=-0.13, minutes=5)
    diary.look(0.2, net=-0.09, minutes=25)
    diary.look(0.2, net=0.20, minutes=2)
    first, second = diary.read().band.excursions
    assert (first.samples, first.farthest_n, first.edge_n) == (10, -0.13, -0.10)
    assert "the gate refused 1 hedge order by A-BUD-2" in first.because
    assert "A-BUD-1: the budget A-BUD-1 has no room for another contract" in first.because
    assert (second.side, second.edge_n) == ("above the cap", 0.15)


# slot 4 and the answer in time ------------------------------------------------------------------------
def deep(diary: Diary, b12: float = 3.2, minutes: int = 12) -> None:
    """The front over 3 points, officially deep."""
    diary.look(b12, official="deep_backwardation", tier=3, low=-0.05, minutes=minutes)


def moves(diary: Diary, *, working_after_s: float = 15.0, filled: bool = True) -> None:
    """Slot 4's order."""
    diary.say("A-ROT-2", "alvh-s04", ACT, "slot 4 moves to slot 5")
    ref = f"alvh-s04.rotate.{diary.at:%d%H%M}"
    diary.order(ref, "A-ROT-2", (4, 5), working_after_s=working_after_s, filled=filled)


def test_slot_four_moves_once_in_an_inversion_and_again_in_the_next(diary: Diary) -> None:
    """Deep on three days: it moves on the first, has moved on the second, and after the front has been below 1.5
    points moves again on the fourth; each of that is right."""
    deep(diary)
    moves(diary)
    diary.next_day()
    deep(diary)
    diary.next_day()
    diary.look(1.2)
    diary.next_day()
    deep(diary)
    moves(diary)
    told = diary.read()
    assert [(d.slot4, d.right) for d in told.slot4] == [
        ("moved to slot 5", True), ("had moved in this inversion", True), ("moved to slot 5", True)
    ]  # fmt: skip
    slo = told.slo[0]
    assert (slo.triggers, slo.same_session, slo.median_s, slo.worst_s) == (2, 2, 15.0, 15.0)


def test_exactly_three_points_is_no_reason_and_a_move_on_it_is_wrong(diary: Diary) -> None:
    """3.000 points as binary floats hold them: staying is right, moving would be called wrong."""
    diary.look(32.20 - 29.20, official="deep_backwardation", minutes=12)
    diary.say("A-ROT-2", "alvh-s04", HOLD, STANDS)
    diary.next_day()
    diary.look(3.0, official="deep_backwardation", minutes=12)
    moves(diary)
    stayed, moved = diary.read().slot4
    assert (stayed.slot4, stayed.right, stayed.deep) == ("stayed", True, False)
    assert (moved.slot4, moved.right) == ("moved to slot 5", False)


@pytest.mark.parametrize(
    ("act", "says"),
    [(lambda d: None, "stayed"), (lambda d: moves(d, filled=False), "1 orders, none filled")],
)
def test_a_deep_session_without_the_move_is_wrong(diary: Diary, act: Callable[[Diary], None], says: str) -> None:
    """Whatever the rule says about itself: nothing has moved, so it is told as wrong."""
    deep(diary)
    act(diary)
    (one,) = diary.read().slot4
    assert (one.slot4, one.right) == (says, False)


def test_an_empty_slot_moves_its_weight_at_once(diary: Diary) -> None:
    """Nothing to trade is an answer in the same second."""
    deep(diary)
    diary.say("A-ROT-2", "alvh-s04", HOLD, "slot 4 holds nothing: its weight moves to slot 5")
    told = diary.read()
    assert told.slot4[0].right
    assert told.slot4[0].slot4 == "held nothing: its weight moved"
    assert (told.answers[0].seconds, told.answers[0].same_session) == (0.0, True)


@pytest.mark.parametrize("between", [1.2, 2.9])
def test_two_inversions_in_one_session_are_two_moves(diary: Diary, between: float) -> None:
    """5 August 2011: deep, back below 1.5 points, deep again before the close. The second move is right, and the next
    day it has moved; without the way back the second move is wrong."""
    for b12 in (between, 1.2):
        deep(diary)
        diary.say("A-ROT-2", "alvh-s04", ACT, "slot 4 holds nothing: its weight moves to slot 5")
        diary.look(b12, official="deep_backwardation")
    diary.next_day()
    diary.look(1.6)
    first, _ = diary.read().slot4
    assert first.right is (between < 1.5)


def test_the_layers_answer_is_timed_from_the_first_word_that_the_inversion_lasted(diary: Diary) -> None:
    """Said at some moment, held up for five minutes by a quote, at work 20 seconds after being asked: 320 seconds.
    A second word in the same inversion is no second trigger."""
    diary.look(0.8, official="backwardation", minutes=3)
    diary.say("A-ROT-1", "hedge", HOLD, "the inversion has lasted: waiting for quotes around 19 of VIX")
    diary.at += timedelta(minutes=5)
    diary.say("A-ROT-1", "hedge", ACT, "the inversion has lasted: protection moves out")
    diary.order("alvh-s03.rotate.1", "A-ROT-1", (3, 7), working_after_s=20.0)
    slo = diary.read().slo[1]
    assert (slo.triggers, slo.same_session, slo.worst_s) == (1, 1, 320.0)


def test_a_trigger_nobody_answered_is_told_with_the_rules_last_word(diary: Diary) -> None:
    """No working order that session: not answered, and why."""
    diary.look(0.8, official="backwardation", minutes=3)
    diary.say("A-ROT-1", "hedge", HOLD, "the inversion has lasted: one of the two slots is blocked")
    told = diary.read()
    assert (told.slo[1].triggers, told.slo[1].same_session, told.slo[1].worst_s) == (1, 0, None)
    assert "blocked" in told.answers[0].why
    assert "no order: the inversion has lasted: one of the two slots is blocked" in render(told)


# the rest -------------------------------------------------------------------------------------------
def test_days_and_adjustments_are_listed_with_their_reasons(diary: Diary) -> None:
    """Regimes in percent of the day's looks, tiers as they changed, each walk once with what filled."""
    diary.look(0.2, official="flat", net=-0.05, minutes=3)
    diary.look(0.8, official="backwardation", net=0.02, tier=2, low=-0.05, minutes=1)
    moves(diary)
    told = diary.read()
    (day,) = told.days
    assert day.regimes_pct == {"flat": 75.0, "backwardation": 25.0}
    assert day.official == ("flat", "backwardation")
    assert day.tiers == (0, 2)
    assert (day.adjustments, day.unfilled) == (1, 0)
    (one,) = told.adjustments
    assert (one.who, one.rule, one.filled_contracts, one.cash_usd) == ("slot 4>5", "A-ROT-2", 3, -200.0)
    text = render(told)
    assert "2018-02-06" in text
    assert all(len(line) <= 130 for line in text.splitlines())


def test_the_command_prints_text_and_json_and_refuses_an_empty_place(diary: Diary, tmp_path: Path) -> None:
    """Two faces of the same account; no journal is said with exit code 1."""
    diary.look(0.2, net=-0.05, minutes=3)
    diary.read()
    shown = CliRunner().invoke(method, ["--state", str(diary.state)])
    assert shown.exit_code == 0
    assert "inside its band: 100.0 % of 3 looks" in shown.output
    told = CliRunner().invoke(method, ["--state", str(diary.state), "--json"])
    assert json.loads(told.output)["band"]["samples"] == 3
    empty = CliRunner().invoke(method, ["--state", str(tmp_path / "none")])
    assert empty.exit_code == 1
    assert "holds no journal" in empty.output
