"""The process that writes a session's report: begun when the session is over, one at a time, its failure told."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.reporting import Reporter
from bot.settings.models import ReportSection
from strategies.domain import events as ev

MONDAY = datetime(2026, 3, 2, 21, 25, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 21, 25, tzinfo=UTC)


class Writer:
    """A process that ends when it is told to."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.returncode: int | None = None
        self.errors = ""
        self.killed = False

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.command, timeout or 0.0)
        return self.returncode

    def kill(self) -> None:
        self.killed, self.returncode = True, -9

    def communicate(self) -> tuple[str | None, str | None]:
        return None, self.errors


class Office:
    """A reporter with its writers, faults and clock."""

    def __init__(self, place: Path, **settings: object) -> None:
        self.writers: list[Writer] = []
        self.faults: list[str] = []
        self.now = 0.0
        self.broken = False
        self.reporter = Reporter(
            ReportSection.model_validate(settings), place, self._post, start=self._start, clock=lambda: self.now
        )

    def _post(self, event: ev.AnyEvent) -> None:
        assert isinstance(event, ev.FaultNoted)
        assert event.code == "REPORT"
        self.faults.append(event.text)

    def _start(self, command: list[str]) -> Writer:
        if self.broken:
            raise OSError("no more processes")
        self.writers.append(Writer(command))
        return self.writers[-1]

    def timer(self, name: str, at: datetime = MONDAY) -> None:
        self.reporter.observe(ev.Envelope(1, at, ev.TimerFired(name=name, due_at=at)), State(), Outcome())


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_the_report_of_the_session_is_asked_for_at_its_moment(office: Office, tmp_path: Path) -> None:
    """The timetable's moment starts one process with the session, the state directory and the formats."""
    for name in ("pulse", "end_of_day", "regime"):
        office.timer(name)
    assert office.writers == []
    office.timer("report")
    (writer,) = office.writers
    assert writer.command[1:] == ["-m", "bot.report", "2026-03-02", str(tmp_path), "html", "json"]


def test_reports_are_written_one_after_another(office: Office) -> None:
    """A second session waits until the first report is done, and is begun by the next pulse."""
    office.timer("report")
    office.timer("report", TUESDAY)
    assert len(office.writers) == 1
    office.writers[0].returncode = 0
    office.timer("pulse", TUESDAY)
    assert [w.command[3] for w in office.writers] == ["2026-03-02", "2026-03-03"]
    assert office.faults == []


def test_a_report_that_failed_is_a_fault_with_its_last_words(office: Office) -> None:
    """The process's last line of errors is told; the next report is written all the same."""
    office.timer("report")
    office.writers[0].returncode, office.writers[0].errors = 1, "Traceback\nJournalDamaged: record 7 is missing\n"
    office.timer("pulse")
    assert office.faults == [
        "the report of 2026-03-02 was not written: JournalDamaged: record 7 is missing; see condor report"
    ]
    office.timer("report", TUESDAY)
    assert len(office.writers) == 2


def test_a_report_that_takes_too_long_is_ended_and_told(office: Office) -> None:
    """At the deadline the process is killed: it must not pile up behind the next one."""
    office.timer("report")
    office.now = 900.0
    office.timer("pulse")
    assert (office.writers[0].killed, office.faults) == (False, [])
    office.now = 900.5
    office.timer("pulse")
    assert office.writers[0].killed
    assert office.faults == ["the report of 2026-03-02 was not written within 900 s; see condor report"]


def test_a_process_that_cannot_be_started_is_a_fault(office: Office) -> None:
    """Trading goes on without a report; a person hears of it."""
    office.broken = True
    office.timer("report")
    assert office.faults == ["the report of 2026-03-02 cannot be started: no more processes; see condor report"]


def test_no_process_outlives_the_run(office: Office) -> None:
    """The end of the run waits a little for a report and then ends it."""
    with office.reporter:
        office.timer("report")
    assert office.writers[0].killed


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    """Nothing is started."""
    office = Office(tmp_path, each_session=False)
    office.timer("report")
    assert office.writers == []
