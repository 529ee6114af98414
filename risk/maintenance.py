"""The broker's maintenance windows, as configuration tells them: `FRI 23:00-03:00`, `SUN-FRI 00:15-01:45` (New York).

A window whose end is not after its start ends on the following day. Windows are regional and have moved before, so
they are settings and not constants.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from strategies.domain.session import NEW_YORK

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_SHAPE = re.compile(r"([A-Z]{3})(?:-([A-Z]{3}))? (\d\d:\d\d)-(\d\d:\d\d)")


def window_fault(text: str) -> str:
    """What is wrong with a window's text, empty if nothing."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return "write days and hours of New York like SUN-FRI 00:15-01:45"
    unknown = [day for day in found.group(1, 2) if day is not None and day not in DAYS]
    if unknown:
        return f"{unknown[0]} is no day; the days are {', '.join(DAYS)}"
    try:
        _hours(found)
    except ValueError:
        return "hours go from 00:00 to 23:59"
    return ""


def _hours(found: re.Match[str]) -> tuple[time, time]:
    return time.fromisoformat(found.group(3)), time.fromisoformat(found.group(4))


def _weekdays(found: re.Match[str]) -> tuple[int, ...]:
    first = DAYS.index(found.group(1))
    last = DAYS.index(found.group(2) or found.group(1))
    return tuple((first + step) % 7 for step in range((last - first) % 7 + 1))


def span(text: str, now: datetime, before_min: float) -> tuple[datetime, datetime, datetime] | None:
    """The last window of this text that has begun to count: (counts from, begins, ends), None if none within two days.

    It counts from `before_min` minutes before it begins.
    """
    near = _near(text, now.astimezone(NEW_YORK).date(), before_min)
    return next((window for window in near if window[0] <= now), None)


@lru_cache(maxsize=64)
def _near(text: str, today: date, before_min: float) -> tuple[tuple[datetime, datetime, datetime], ...]:
    """The windows from tomorrow back to two days ago, the latest first; the same all day long."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return ()
    start, end = _hours(found)
    windows = []
    for back in (-1, 0, 1, 2):
        day = today - timedelta(days=back)
        if day.weekday() in _weekdays(found):
            begins = datetime.combine(day, start, NEW_YORK)
            ends = datetime.combine(day if end > start else day + timedelta(days=1), end, NEW_YORK)
            windows.append((begins - timedelta(minutes=before_min), begins, ends))
    return tuple(windows)


def hindrance(windows: tuple[str, ...], before_min: float, now: datetime, reconciled_at: datetime | None) -> str:
    """Why no order may be sent: a window is near or open, or is over and nothing was compared since; else empty."""
    for text in windows:
        found = span(text, now, before_min)
        if found is None:
            continue
        _, begins, ends = found
        if now < begins:
            return (
                f"the broker's maintenance ({text} New York) begins in {(begins - now).total_seconds() / 60.0:.0f} min"
            )
        if now < ends:
            return f"the broker's maintenance ({text} New York) lasts until {ends:%H:%M}"
        if reconciled_at is None or reconciled_at < ends:
            return f"nothing was compared with the broker since its maintenance ({text} New York) ended at {ends:%H:%M}"
    return ""
