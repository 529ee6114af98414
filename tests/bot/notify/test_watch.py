"""What people are told of a day: every stop at once, the rest gathered, two signs of life, and who did not answer."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from bot.engine.state import State
from bot.engine.step import step
from bot.notify.answers import read
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb, TradingState
from strategies.domain.session import NEW_YORK
from tests.bot.engine.builders import ACCOUNT, account_reported, command, link
from tests.bot.notify.desk import Desk

QUIET = {"levels": {"life": "off", "condor": "off", "fill": "off", "link": "off", "trouble": "off"}}
"""Nothing but what is urgent."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path, **QUIET)
    made.start()
    assert made.messages == []
    return made


def acked(subject: str) -> ev.OperatorCommanded:
    return ev.OperatorCommanded(verb=OperatorVerb.ACK, who="tester", reason="seen", subject=subject)


# stops ----------------------------------------------------------------------------------------------
def test_a_kill_is_told_in_the_same_step_with_what_stopped_and_what_helps(desk: Desk) -> None:
    """The golden text of the message that matters most."""
    desk.feed(command(OperatorVerb.KILL))
    at, message = desk.messages[0]
    assert at == desk.now
    assert message.urgent
    assert message.title == "[SIM] HALTED KILLED"
    asked = read(desk.place).open[0].id
    assert message.body == (
        "! HALTED by tester: because\n\n"
        "Stopped: every order; working ones are cancelled. Runs: watching, comparing with the broker. "
        "Open: 0 condors, 0 working orders.\n"
        "Next: condor status; then condor arm -m WHY\n"
        f"Seen it: condor ack {asked}"
    )


def test_every_stop_of_a_long_quarrel_is_told_once_within_five_seconds(desk: Desk) -> None:
    """I18: kill, loss, foreign execution, each its own key: one message each, never twice a minute for one key."""
    stops = {}
    for make in (
        lambda: command(OperatorVerb.REDUCE),
        lambda: account_reported(desk.now, 400_000.0),
        lambda: ev.FaultNoted(code="EGRESS", text="bytes were not those approved"),
        lambda: command(OperatorVerb.KILL),
        lambda: ev.LatchFound(who="file", reason="again"),
    ):
        known = len(desk.steps)
        desk.feed(make())
        for made in desk.steps[known:]:
            stops |= {a.text: desk.now for a in made.outcome.alerts if a.key.startswith("latch.")}
        desk.pulses(0.25)
    assert len(stops) >= 4
    for text, at in stops.items():
        told = [moment for moment, message in desk.messages if text in message.body]
        assert len(told) == 1, text
        assert told[0] - at <= timedelta(seconds=5)


def test_no_message_has_the_account_or_a_line_of_somebody_elses(desk: Desk) -> None:
    """The canary: a reason with the account, a line end and a reordering mark comes out masked, in one line."""
    desk.feed(ev.FaultNoted(code="C45", text=f"answers for {ACCOUNT}\nSeen it: condor arm\u202e"))
    desk.feed(ev.LatchFound(who="file", reason=f"from {ACCOUNT}"))
    desk.timer("premarket")
    desk.notifier.end(3, f"for {ACCOUNT}")
    said = desk.said()
    assert ACCOUNT not in said
    assert "DU***321" in said
    assert "\nSeen it: condor arm" not in said
    assert "\u202e" not in said


# the link ---------------------------------------------------------------------------------------------
def test_a_link_that_stays_away_in_a_session_is_blindness_then_a_login(desk: Desk) -> None:
    """Told after a minute and after ten, once each; when it is back one summary, not one message per attempt."""
    desk.settings["levels"] = {**QUIET["levels"], "link": "normal"}
    desk.notifier = desk.watcher()
    desk.feed(link(LinkState.DOWN, 1), after_s=5.0)
    desk.pulses(0.9)
    assert desk.messages == []
    desk.pulses(0.2)
    assert "BLIND: the broker link is down for 60 s" in desk.messages[0][1].body
    assert "nothing can be sent or cancelled" in desk.messages[0][1].body
    for _ in range(7):
        desk.feed(link(LinkState.CONNECTING, 1), link(LinkState.DOWN, 1))
        desk.pulses(1.5)
    assert [m.title for m in desk.urgent()] == ["[SIM] ACTIVE blind", "[SIM] ACTIVE the gateway needs you"]


def test_a_short_outage_is_one_summary(desk: Desk) -> None:
    """Seventeen seconds and three attempts are one sentence."""
    desk.settings["levels"] = {**QUIET["levels"], "link": "normal"}
    desk.notifier = desk.watcher()
    desk.feed(link(LinkState.UP, 1))
    desk.feed(link(LinkState.DOWN, 1), after_s=5.0)
    for _ in range(3):
        desk.feed(link(LinkState.CONNECTING, 1), after_s=5.0)
    desk.feed(link(LinkState.SYNCING, 2), link(LinkState.UP, 2), after_s=2.0)
    assert [m.body.split("\n")[0] for _, m in desk.messages] == [
        "- link back after 17 s, 3 attempts; positions, orders and executions compared"
    ]


# answers ----------------------------------------------------------------------------------------------
def unanswered(desk: Desk) -> str:
    """Urgent news that stops nothing by itself; the id it is told with."""
    desk.feed(ev.FaultNoted(code="KILLER", text="the killer process ended"))
    return read(desk.place).open[0].id


def test_urgent_news_that_nobody_takes_reduces_through_a_fact(desk: Desk) -> None:
    """After the set time, not before; once; and a replay of the facts alone ends in the same state."""
    name = unanswered(desk)
    desk.now += timedelta(minutes=719)
    assert unanswered(desk) == name, "the same news again is the same question"
    assert len(read(desk.place).open) == 1
    desk.pulse(30.0)
    assert desk.state.control.state is TradingState.ACTIVE
    desk.pulse(60.0)
    assert desk.causes() == {"unanswered"}
    assert desk.state.control.state is TradingState.REDUCING
    told = [e.event for e in desk.envelopes if isinstance(e.event, ev.AlertUnanswered)]
    assert [fact.id for fact in told] == [name]
    assert read(desk.place).open[0].overdue
    assert "nobody acknowledged alert" in desk.urgent()[-1].body
    desk.pulses(5)
    assert len([e for e in desk.envelopes if isinstance(e.event, ev.AlertUnanswered)]) == 1
    again = State()
    for envelope, made in zip(desk.envelopes, desk.steps, strict=True):
        result = step(again, envelope)
        again = result.state
        assert result.outcome == made.outcome
    assert again == desk.state


@pytest.mark.parametrize("answer", ["id", "all", "arm"])
def test_an_answer_ends_the_waiting(desk: Desk, answer: str) -> None:
    """By its id, with all others, or by arming again; then time may pass."""
    name = unanswered(desk)
    if answer == "arm":
        desk.feed(command(OperatorVerb.REDUCE))
        desk.feed(account_reported(desk.now), command(OperatorVerb.ARM))
        assert desk.state.control.state is TradingState.ACTIVE
    else:
        desk.feed(acked(name if answer == "id" else "all"))
    assert read(desk.place).open == ()
    desk.now += timedelta(hours=20)
    desk.pulse(5.0)
    assert desk.state.control.state is TradingState.ACTIVE


def test_a_restart_forgets_no_question_and_an_ack_of_another_closes_none(desk: Desk) -> None:
    """The next life goes on counting from when it was told."""
    name = unanswered(desk)
    desk.feed(acked("a999999"))
    desk.now += timedelta(minutes=700)
    desk.notifier = desk.watcher()
    desk.pulse(5.0)
    assert [q.id for q in read(desk.place).open] == [name]
    desk.now += timedelta(minutes=30)
    desk.pulse(5.0)
    assert desk.causes() == {"unanswered"}


def test_without_a_time_nobody_has_to_answer(tmp_path: Path) -> None:
    """As in simulations: 0 waits for ever."""
    desk = Desk(tmp_path, ack_within_min=0.0, **QUIET)
    desk.start()
    unanswered(desk)
    desk.now += timedelta(days=3)
    desk.pulse(5.0)
    assert desk.causes() == set()


# the day ----------------------------------------------------------------------------------------------
def test_before_the_open_people_read_what_is_armed_and_planned(desk: Desk) -> None:
    """The golden text of a morning."""
    desk.timer("premarket")
    _, message = desk.messages[-1]
    assert message.title == "[SIM] ACTIVE ready for Mon 04 May"
    assert message.body == (
        "Armed, linked and reconciled.\n"
        "No stop is set: entries, exits and hedge run as far as the gate lets them. "
        "Open: 0 condors, 0 working orders.\n\n"
        "Session 09:30 to 16:15 New York.\n"
        "Plan: at most 1 new, looked for every 30 min from 10:00 to 15:30.\n"
        "Hedge: no slot in use."
    )


def test_a_morning_that_is_not_ready_says_so_and_asks_for_a_login(desk: Desk) -> None:
    """No link five minutes before the open is urgent; the plan is told all the same."""
    desk.feed(link(LinkState.DOWN, 1), command(OperatorVerb.REDUCE))
    desk.timer("premarket", 120.0)
    titles = [m.title for _, m in desk.messages]
    assert "[SIM] REDUCING NOT ready for Mon 04 May" in titles
    assert "the gateway needs you" in desk.urgent()[-1].title


def test_a_closed_day_is_told_too(desk: Desk) -> None:
    """Silence in the morning always means that something is wrong."""
    desk.now += timedelta(days=5)
    desk.timer("premarket")
    assert desk.messages[-1][1].title.endswith("closed")


def test_the_digest_waits_for_the_report_and_carries_it(tmp_path: Path) -> None:
    """The verdict's sentences and what needs a person; the page attached. Later than promised it comes without."""
    desk = Desk(tmp_path, report=True, levels={**QUIET["levels"], "alarm": "off"})
    desk.start()
    desk.now = desk.now.astimezone(NEW_YORK).replace(hour=16, minute=25)
    desk.timer("report")
    desk.pulses(1)
    assert desk.messages == []
    folder = tmp_path / "reports"
    folder.mkdir()
    verdict = {"verdict": ["One condor was opened."], "needs_you": [{"text": "look", "act": "condor why ic-1"}]}
    (folder / "2026-05-04.json").write_text(json.dumps(verdict))
    (folder / "2026-05-04.html").write_text("<p>")
    desk.notifier.report_done("2026-05-04", "")
    desk.pulses(0.1)
    _, message = desk.messages[-1]
    assert message.title == "[SIM] ACTIVE needs you of 2026-05-04"
    assert message.body.split("\n")[:2] == ["One condor was opened.", "! look (condor why ic-1)"]
    assert message.attachment == folder / "2026-05-04.html"
    desk.timer("report")
    desk.pulses(15)
    assert len(desk.messages) == 1
    desk.pulses(2)
    assert "not written in time" in desk.messages[-1][1].body
    assert desk.messages[-1][1].attachment is None


def test_fills_and_moves_of_one_step_are_one_message(tmp_path: Path) -> None:
    """A condor that opens: what was traded, for how much, and what it is now."""
    desk = Desk(tmp_path, levels={"life": "off"})
    desk.start()
    condor = desk.open_condor()
    desk.pulses(2)
    said = desk.said()
    assert f"filled: {condor.id}.entry.1, {condor.quantity} units by C-ENTRY-4, received" in said
    assert f"condor {condor.id}: entry_working to open" in said
    assert len(desk.messages) <= 3


# the channels -------------------------------------------------------------------------------------------
def test_a_failing_channel_is_told_on_the_page_once_and_again_when_it_works(desk: Desk) -> None:
    """As a fact for journal, log and dashboard, never as a message, and it stops nothing."""
    desk.carrier.channels = {"phone": "not delivered"}
    desk.pulses(10)
    desk.carrier.channels = {"phone": ""}
    desk.carrier.pushed_out = 3
    desk.pulses(1)
    faults = [e.event.text for e in desk.envelopes if isinstance(e.event, ev.FaultNoted)]
    assert len(faults) == 3
    assert faults[0].startswith("alerts through phone fail: not delivered")
    assert faults[1:] == ["alerts through phone arrive again", "3 alerts were dropped (3 since the start)"]
    assert desk.messages == []
    assert desk.state.control.state is TradingState.ACTIVE
    assert read(desk.place).dropped == 3
    desk.feed(command(OperatorVerb.KILL))
    assert "3 earlier messages were dropped" in desk.messages[0][1].body


def test_the_dead_man_hears_of_a_living_decision_task_only(desk: Desk) -> None:
    """Once a minute of real time while the engine steps over pulses; no step, no sign."""
    before = desk.carrier.pings
    desk.pulses(5)
    assert desk.carrier.pings - before == 5
    desk.seconds += 600.0
    assert desk.carrier.pings - before == 5


def test_a_start_after_a_crash_is_urgent_and_an_end_is_told(tmp_path: Path) -> None:
    """The process died without a word: the next one says so, with what it found. An end with a code is urgent news."""
    desk = Desk(tmp_path, crashed=True)
    desk.start()
    assert "ended without an orderly stop" in desk.urgent()[0].body
    desk.notifier.end(4, "latch watch failed")
    assert "the process ends (exit 4): latch watch failed" in desk.carrier.messages[-1].body
    assert desk.carrier.messages[-1].urgent


def test_nothing_to_tell_costs_next_to_nothing(desk: Desk) -> None:
    """Quotes, of which there are many, make no message and touch no file."""
    board = desk.place / "alerts.json"
    before = board.stat().st_mtime_ns if board.exists() else None
    for _ in range(50):
        desk.tick(1.0)
    assert desk.messages == []
    assert (board.stat().st_mtime_ns if board.exists() else None) == before


def test_a_board_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    """A torn file costs open questions, never the start."""
    (tmp_path / "alerts.json").write_bytes(msgspec.json.encode({"open": 1}))
    assert read(tmp_path).open == ()
