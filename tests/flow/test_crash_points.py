"""kill -9 of the bot at named points of an order's life: after a restart journal and broker agree, nothing doubled.

The gateway is another process over TCP and stays up; its market stands still while no bot follows. The bot that is
restarted is untouched. The judge is the gateway's own ledger, read by code that shares nothing with the bot.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot import latch
from bot.journal import reader
from bot.recover import recover
from bot.replay import replay
from strategies.domain.control import TradingState
from strategies.domain.orders import OrderState
from tests.flow.crash_child import AGREED, disagreements
from tests.flow.virtual_life import BUSY
from tests.oracle import ledger as truth
from tests.oracle.check_ledger import check

ROOT = Path(__file__).resolve().parents[2]
WORLD = ROOT / "tests" / "flow" / "crash_days.toml"
BOOT = (  # an installed library calls its own package `tests`
    "import sys, types; tests = types.ModuleType('tests'); tests.__path__ = [sys.argv[1]]; "
    "sys.modules['tests'] = tests; from tests.flow.crash_child import main; main()"
)

ONE_EXPIRY = (
    "condor.entry.dte_min_days=39",
    "condor.entry.dte_max_days=39",
    "condor.entry.dte_target_days=39",
    "condor.entry.window_until=15:58:00",
)
"""One board of contracts to load, one condor at a time, until shortly before the close."""

QUICK = {"mid_per_minute": 6.0}
SELDOM = {"mid_per_minute": 2.0}
PARTS = {"mid_per_minute": 6.0, "partial_probability": 1.0}
NEVER = {"mid_per_minute": 0.0, "improvement_probability": 0.0}
LATE_FEES = {"mid_per_minute": 6.0, "commission_delay_s": 45.0}

MORNING, CLOSE = "2026-03-02T10:28:30-05:00", "2026-03-02T15:33:30-05:00"


class Point(NamedTuple):
    """Where the fuse blows and how often it is passed before.

    The fuse sleeps until the life has agreed with the ledger, except `early` ones: they strike during recovery.
    `press` presses the kill switch as soon as an order works. `deep` ones are left to the long campaign: a neighbour in
    the same story tells the same in `make test`.
    """

    name: str
    nth: int = 1
    early: bool = False
    press: bool = False
    deep: bool = False


class Story(NamedTuple):
    """Lives of one bot against one gateway: each ends at a point, the last one is untouched and ends in agreement."""

    name: str
    fills: dict[str, float]
    points: tuple[Point, ...]
    begin: str = MORNING
    hedged: bool = False


class Zygote:
    """The process that has everything imported and forks gateways and bots on request."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", BOOT, str(ROOT / "tests")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def ask(self, **job: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    yield found
    found.close()


class Lab:
    """One gateway and the lives of one bot against it."""

    def __init__(self, zygote: Zygote, place: Path, fills: dict[str, float], begin: str, *, hedged: bool) -> None:
        self._zygote = zygote
        self.state = place / "state"
        self.state.mkdir()
        self.ledger = place / "ledger.jsonl"
        self.out = place / "bot.out"
        self._gateway = zygote.ask(
            play="gateway",
            world=str(WORLD),
            seed=7,
            ledger=str(self.ledger),
            fills=fills,
            speed=2000.0,
            tick_s=15.0,
            begin=begin,
            out=str(place / "gateway.out"),
        )
        self.ready = self._gateway["ready"]
        assert self.ready, (place / "gateway.out").read_text()
        ends = (f"broker.port={self.ready['port']}", f'clock.follow="{self.ready["control"]}"')
        self.settings = [*ends, *BUSY, *ONE_EXPIRY, "run.pulse_s=15.0", f"alvh.enabled={str(hedged).lower()}"]

    def live(self, **how: Any) -> int:
        """One life of the bot to its end; the exit code, negative for a signal."""
        job = {"state": str(self.state), "ledger": str(self.ledger), "out": str(self.out), "set": self.settings}
        pid = self._zygote.ask(play="bot", **job, **how)["pid"]
        code: int = self._zygote.ask(pid=pid)["code"]
        return code

    def crash(self, point: Point, *, first: bool) -> None:
        asleep = not (first or point.early)
        agree = {"live_on_s": 0.0, "patience_s": 1200.0} if asleep else None
        code = self.live(fuse=[point.name, point.nth], agree=agree, press=point.press)
        assert code == -signal.SIGKILL, f"{point} was not reached: exit {code}, {self.answer()}\n{self.words()}"

    def restart(self) -> None:
        """An untouched bot, until it agrees with the ledger and again five market minutes later."""
        code = self.live(agree={"live_on_s": 300.0, "patience_s": 1200.0})
        assert code == AGREED, f"exit {code}, {self.answer()}\n{self.words()}"

    def answer(self) -> str:
        """What the last life said about its agreement with the ledger."""
        path = self.state / "agreement.json"
        return path.read_text() if path.exists() else "no answer"

    def market_runs_on(self, minutes: float) -> None:
        """Market time passes although nobody follows it."""
        host, _, port = self.ready["control"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection, connection.makefile("rw") as lines:

            def ask(**command: Any) -> dict[str, Any]:
                lines.write(json.dumps(command) + "\n")
                lines.flush()
                answer: dict[str, Any] = json.loads(lines.readline())
                return answer

            until = datetime.fromisoformat(ask(verb="clock")["at"]) + timedelta(minutes=minutes)
            ask(verb="hold", on=False)
            while datetime.fromisoformat(ask(verb="clock")["at"]) < until:
                pass
            ask(verb="hold")

    def words(self) -> str:
        return self.out.read_text()[-3000:]

    def close(self) -> None:
        self._zygote.ask(pid=self._gateway["pid"], signal=signal.SIGTERM)


@pytest.fixture
def lab_of(zygote: Zygote, tmp_path: Path) -> Iterator[Any]:
    labs: list[Lab] = []

    def make(fills: dict[str, float], begin: str = MORNING, *, hedged: bool = False) -> Lab:
        labs.append(Lab(zygote, tmp_path, fills, begin, hedged=hedged))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


STORIES = (
    Story(
        "before the wire",
        QUICK,
        (
            Point("what_if.decided", deep=True),
            Point("what_if.written"),
            Point("MarginAnswered.received", deep=True),
            Point("entry.decided"),
            Point("entry.outcome.appended", deep=True),
            Point("entry.outcome.before_commit"),
            Point("entry.outcome.committed"),
            Point("entry.write"),
            Point("entry.half_written"),
        ),
    ),
    Story(
        "from the wire to the acknowledgement, in and out",
        QUICK,
        (
            Point("entry.written"),
            Point("exit.outcome.committed"),
            Point("entry.sent.received"),
            Point("exit.written"),
            Point("entry.sent.committed", deep=True),
            Point("exit.ack.received", deep=True),
            Point("entry.ack.received"),
            Point("exit.decided", deep=True),
            Point("entry.ack.appended", deep=True),
            Point("entry.ack.committed"),
        ),
    ),
    Story(
        "fills and commissions",
        LATE_FEES,
        (
            Point("entry.fill.received"),
            Point("exit.fill.received", nth=2),
            Point("entry.fill.received", nth=3, deep=True),
            Point("exit.fill.committed", nth=4, deep=True),
            Point("entry.fill.appended", nth=2, deep=True),
            Point("entry.fill.committed", nth=4),
            Point("CommissionReported.received", nth=2, deep=True),
            Point("CommissionReported.committed"),
        ),
    ),
    Story(
        "partial fills",
        PARTS,
        (
            Point("entry.partial.received", nth=2, deep=True),
            Point("entry.partial.committed", nth=4, deep=True),
            Point("exit.partial.received", deep=True),
            Point("exit.partial.committed", nth=4, deep=True),
        ),
    ),
    Story(
        "cancels and their proof",
        NEVER,
        (
            Point("entry.cancel.decided"),
            Point("entry.cancel", deep=True),
            Point("cancel.write", deep=True),
            Point("cancel.written"),
            Point("entry.cancel_claim.received", deep=True),
            Point("entry.cancel_claim.committed"),
            Point("proof.received", deep=True),
            Point("proof.committed"),
        ),
    ),
    Story(
        "recovery itself",
        QUICK,
        (
            Point("entry.written"),
            Point("recovery.fold", nth=20, early=True),
            Point("RunStarted.before_commit", early=True),
            Point("snapshot.received", early=True),
            Point("snapshot.committed", early=True),
            Point("entry.fill.received", nth=2),
            Point("recovery.end", early=True),
            Point("snapshot.appended", early=True),
        ),
    ),
    Story(
        "the hedge's way out and in",
        QUICK,
        (
            Point("open.decided"),
            Point("open.outcome.committed", deep=True),
            Point("open.write", deep=True),
            Point("open.half_written"),
            Point("open.written"),
            Point("open.sent.received", deep=True),
            Point("open.ack.received"),
            Point("open.ack.committed", deep=True),
            Point("open.fill.received"),
            Point("open.fill.committed", deep=True),
        ),
        hedged=True,
    ),
    Story(
        "the hedge's cancels",
        NEVER,
        (
            Point("open.cancel.decided", deep=True),
            Point("open.cancel", deep=True),
            Point("cancel.written", deep=True),
            Point("open.cancel_claim.received", deep=True),
            Point("open.cancel_claim.committed", deep=True),
        ),
        hedged=True,
    ),
    Story("end of day, before the checkpoint", QUICK, (Point("checkpoint.before", deep=True),), CLOSE),
    Story("end of day, checkpoint in memory", QUICK, (Point("checkpoint.appended", deep=True),), CLOSE),
    Story("end of day, checkpoint on disk", QUICK, (Point("checkpoint.committed"),), CLOSE),
    Story("kill, latch on disk", NEVER, (Point("latch.written", press=True),)),
    Story("kill, cancels on the wire", NEVER, (Point("cancel_all.written", press=True),)),
)


def named(story: Story) -> str:
    return story.name.replace(",", "").replace("'", "").replace(" ", "-")


SHORT = [story._replace(points=points) for story in STORIES if (points := tuple(p for p in story.points if not p.deep))]


@pytest.mark.parametrize("story", SHORT, ids=named)
def test_after_kill_nine_journal_and_broker_agree(story: Story, lab_of: Any) -> None:
    """Whatever the moment of death, the next life finds the truth, sends nothing twice and loses nothing."""
    play(story, lab_of)


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=named)
def test_after_kill_nine_at_every_named_point_journal_and_broker_agree(story: Story, lab_of: Any) -> None:
    """The same at every point there is a name for."""
    play(story, lab_of)


def test_twenty_points_of_an_orders_life_are_covered() -> None:
    """The short run alone dies at more than twenty different points."""
    points = [point for story in SHORT for point in story.points]
    assert len({(point.name, point.nth) for point in points}) >= 20


def test_what_filled_while_the_bot_was_dead_is_found(lab_of: Any) -> None:
    """The order of a dead bot goes on working: its fills and fees are in the next life's journal, once."""
    lab = lab_of(SELDOM)
    lab.crash(Point("entry.ack.committed"), first=True)
    assert truth.read(lab.ledger).executions == {}
    lab.market_runs_on(60.0)
    assert len(truth.read(lab.ledger).executions) == 4
    lab.restart()
    judge(lab)


def test_the_command_itself_recovers_and_stops_in_order(lab_of: Any) -> None:
    """`condor run` on the state of a killed bot: it reconciles, leaves cleanly on SIGTERM, and the truth is kept."""
    lab = lab_of(NEVER)
    lab.crash(Point("entry.sent.received"), first=True)
    settings = [word for setting in lab.settings for word in ("--set", setting)]
    command = [sys.executable, "-W", "ignore", "-m", "bot", "run", "--profile", "sim", "--state", str(lab.state)]
    with subprocess.Popen([*command, *settings], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert any("link up" in line for line in process.stdout), "the link never came up"
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 0
    assert truth.read(lab.ledger).live() == [], "an orderly stop withdraws resting entries"
    lab.restart()
    judge(lab)


def play(story: Story, lab_of: Any) -> None:
    """Dies at each point in turn, then lives on untouched and is judged."""
    lab = lab_of(story.fills, story.begin, hedged=story.hedged)
    for place, point in enumerate(story.points):
        lab.crash(point, first=place == 0)
    lab.restart()
    judge(lab)
    if story.begin == CLOSE:
        assert truth.read(lab.ledger).executions, "a checkpoint of an empty book proves nothing"
    if any(point.press for point in story.points):
        judge_kill(lab)


def judge_kill(lab: Lab) -> None:
    """A kill that began before the crash stands: latched, everything cancelled, nothing sent by a later life."""
    assert latch.present(lab.state / "KILL")
    assert recover(lab.state / "journal.sqlite3").control.state is TradingState.HALTED
    true = truth.read(lab.ledger)
    assert true.live() == []
    assert [line["kind"] for line in true.cancels][-1] == "global_cancel"
    assert max(order.seq for order in true.orders) < min(line["seq"] for line in true.cancels)


def judge(lab: Lab) -> None:
    """What two independent records say of the whole story."""
    true = truth.read(lab.ledger)
    journal = lab.state / "journal.sqlite3"
    state = recover(journal)
    assert disagreements(state, true) == []
    assert check(truth.lines(lab.ledger)).violations == []
    refs = [order.order_ref for order in true.orders]
    assert len(refs) == len(set(refs)), "an intent reached the wire twice"
    assert true.doubled == []
    ours = submitted(journal)
    assert set(refs) <= ours.keys(), "an order was sent that the journal does not hold"
    for order in true.orders:
        intent = ours[order.order_ref]
        sign = {"BUY": 1, "SELL": -1}
        legs = {leg["con_id"]: sign[leg["action"]] * leg["ratio"] for leg in intent["legs"]}
        assert (order.unit, order.quantity, order.pays_points) == (legs, intent["quantity"], intent["limit_points"])
    assert not [o for o in state.book.orders.values() if o.state in (OrderState.APPROVED, OrderState.UNKNOWN)]
    assert not [c for c in state.condors.values() if c.quarantine_reason]
    assert reader.verify(journal).sound
    replayed = replay(lab.state)
    assert replayed.divergence is None, str(replayed.divergence)


def submitted(journal: Path) -> dict[str, Any]:
    """Intents that the journal holds as submitted, by ref."""
    found: dict[str, Any] = {}
    for outcome in reader.read_outcomes(journal):
        for action in outcome.body["actions"]:
            if action["type"] == "submit":
                assert action["intent"]["ref"] not in found, "an intent was submitted twice"
                found[action["intent"]["ref"]] = action["intent"]
    return found
