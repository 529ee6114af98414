"""The engine's bench with the alerts' watcher at its side: every step is heard, every message kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.engine.outcome import Step
from bot.notify.notice import Message
from bot.notify.postman import Report
from bot.notify.watch import Notifier, ReportPlan
from bot.settings.models import NotifySection
from strategies.domain import events as ev
from tests.bot.engine.bench import Bench


class Carrier:
    """Keeps what it is given; `channels` is what it says became of it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.pings = 0
        self.channels: dict[str, str] = {}
        self.pushed_out = 0

    def put(self, message: Message) -> None:
        self.messages.append(message)

    def ping(self) -> None:
        self.pings += 1

    def report(self) -> Report:
        return Report(self.channels, 0, self.pushed_out)

    def close(self, within_s: float) -> int:
        return 0


class Desk(Bench):
    """`messages` are those with the moment they were handed over; facts that the watcher posts are fed back."""

    def __init__(self, place: Path, *, crashed: bool = False, report: bool = False, **settings: Any) -> None:
        super().__init__()
        self.place = place
        self.carrier = Carrier()
        self.seconds = 0.0
        self.settings = settings
        self.report = report
        self.notifier = self.watcher(crashed=crashed)
        self.messages: list[tuple[Any, Message]] = []

    def watcher(self, *, crashed: bool = False, missing: str = "") -> Notifier:
        """A watcher as a life begins with."""
        return Notifier(
            NotifySection.model_validate({"file": "channels.toml", **self.settings}), self.place, self.carrier,
            self.queue.append, ReportPlan(self.place / "reports", self.report, 960.0), crashed=crashed, missing=missing,
            clock=lambda: self.seconds,
        )  # fmt: skip

    def _step(self, event: ev.AnyEvent) -> None:
        super()._step(event)
        made: Step = self.steps[-1]
        before = len(self.carrier.messages)
        self.notifier.observe(self.envelopes[-1], self.state, made.outcome)
        self.messages += [(self.now, m) for m in self.carrier.messages[before:]]

    def timer(self, name: str, after_s: float = 0.0) -> None:
        """A moment of the timetable."""
        self.feed(ev.TimerFired(name=name, due_at=self.now), after_s=after_s)

    def pulses(self, minutes: float, every_s: float = 5.0) -> None:
        """Time passes as it does when nothing else happens."""
        for _ in range(int(minutes * 60.0 / every_s)):
            self.seconds += every_s
            self.pulse(every_s)

    def urgent(self) -> list[Message]:
        return [m for _, m in self.messages if m.urgent]

    def said(self) -> str:
        """Everything that left, as one text."""
        return "\n".join(f"{m.title}\n{m.body}" for m in self.carrier.messages)
