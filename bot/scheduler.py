"""The timetable: APScheduler triggers that only ever post TimerFired, on real time or on followed market time.

Live, APScheduler's AsyncIOScheduler fires the jobs. Under followed time the same trigger objects are asked for their
next moment as time advances, so a simulated day fires exactly what a real one does. All times are New York.
No job lies between 01:00 and 03:00, where daylight saving repeats and skips an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from strategies.domain.events import FaultNoted, TimerFired, TimerMissed
from strategies.domain.session import NEW_YORK

MISFIRE_GRACE_S = 60
_EPOCH = datetime(1990, 1, 1, tzinfo=UTC)
"""Where intervals are counted from: without it APScheduler would count from now on the wall clock."""
PostTimer = Callable[[TimerFired | TimerMissed | FaultNoted], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """A named moment of the trading day."""

    name: str
    trigger: Any
    why: str


def timetable(pulse_s: float) -> tuple[Moment, ...]:
    """The bot's moments. `pulse_s` is how often the engine looks at the time when nothing else happens."""

    def at(hour: int, minute: int) -> CronTrigger:
        return CronTrigger(day_of_week="mon-fri", hour=hour, minute=minute, timezone=NEW_YORK)

    every5 = CronTrigger(day_of_week="mon-fri", hour="9-16", minute="*/5", timezone=NEW_YORK)
    return (
        Moment("premarket", at(9, 25), "calendar and history for the day; the sign of life before the open"),
        Moment("regime", every5, "five-minute regime sample (T-REG-1)"),
        Moment(
            "entry_slot",
            CronTrigger(day_of_week="mon-fri", hour="10-15", minute="0,30", timezone=NEW_YORK),
            "entry evaluation slots (C-ENTRY-7)",
        ),
        Moment("close_check", at(15, 45), "official daily values and the last look before the close"),
        Moment("end_of_day", at(16, 20), "after the close: day orders proven ended, checkpoint"),
        Moment("report", at(16, 25), "the session's report"),
        Moment("pulse", IntervalTrigger(seconds=pulse_s, start_date=_EPOCH, timezone=UTC), "deadlines, doubts, limits"),
    )


class LiveTimetable:
    """Fires the timetable on real time; a moment that could not fire in time becomes TimerMissed, never silence."""

    def __init__(self, moments: tuple[Moment, ...], post: PostTimer, now: Callable[[], datetime]) -> None:
        self._scheduler: Any = AsyncIOScheduler(timezone=NEW_YORK)
        self._post = post
        self._now = now
        for moment in moments:
            self._scheduler.add_job(
                self._fire,
                moment.trigger,
                args=(moment.name,),
                id=moment.name,
                misfire_grace_time=MISFIRE_GRACE_S,
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.add_listener(self._trouble, EVENT_JOB_MISSED | EVENT_JOB_ERROR)

    async def _fire(self, name: str) -> None:
        self._post(TimerFired(name=name, due_at=self._now()))

    def _trouble(self, event: Any) -> None:
        due = event.scheduled_run_time.astimezone(UTC)
        if event.code == EVENT_JOB_MISSED:
            self._post(TimerMissed(name=event.job_id, due_at=due))
        else:
            self._post(FaultNoted(code="TIMER", text=f"job {event.job_id} failed: {event.exception!r}"))

    def start(self) -> None:
        """Starts firing; needs a running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stops firing."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class FollowedTimetable:
    """Fires the same triggers as market time passes them."""

    def __init__(self, moments: tuple[Moment, ...], post: PostTimer) -> None:
        self._moments = moments
        self._post = post
        self._next: dict[str, datetime] = {}

    def advance(self, now: datetime) -> None:
        """Posts every moment due by `now`, once per name however far time jumped, in order of their due times."""
        due: list[tuple[datetime, str]] = []
        for moment in self._moments:
            following = self._next.get(moment.name)
            if following is None:
                following = moment.trigger.get_next_fire_time(None, now)
            if following is not None and following <= now:
                due.append((following, moment.name))
                following = moment.trigger.get_next_fire_time(now, now)
                if following is not None and following <= now:
                    following = moment.trigger.get_next_fire_time(following, now)
            if following is not None:
                self._next[moment.name] = following
        for at, name in sorted(due):
            self._post(TimerFired(name=name, due_at=at.astimezone(UTC)))
