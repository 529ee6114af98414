"""Wire text and numbers into values: the place where NaN, -1, -2 and 1.79e308 die.

Every function returns None for what the broker did not say and raises ValueError for what it said wrongly.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UNSET_FROM = 1e300
"""The protocol writes `unset` as the largest double; nothing in a market is that large."""

UNSET_COUNT = 2147483647

_ALIASES = {
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "ET": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "CT": "America/Chicago",
    "GMT": "UTC",
}
"""Short names mean the place with its summer time, not the fixed offset that the zone database gives them."""


def number(value: object) -> float | None:
    """A finite number from text or a number; None for empty, NaN, infinite and unset."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, got {value!r}")
    found = float(value)
    return found if isfinite(found) and abs(found) < UNSET_FROM else None


def price(value: float) -> float | None:
    """A quoted price in points; None for nobody (-1 and any negative), NaN and unset."""
    return value if 0.0 <= value < UNSET_FROM else None  # NaN compares false


def positive(value: float) -> float | None:
    """A level that cannot be zero (last, close, ask): None for zero as well."""
    return value if 0.0 < value < UNSET_FROM else None


def count(value: float) -> int | None:
    """A size in contracts; None for negative, NaN and unset."""
    return int(value) if 0.0 <= value < UNSET_COUNT else None


def whole(value: object, name: str) -> int:
    """A signed whole number that must be there. Raises ValueError with the field's name."""
    found = number(value)
    if found is None or found != int(found):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(found)


def zone(name: str) -> ZoneInfo:
    """A time zone by the broker's name. Raises ValueError for a name nobody knows."""
    try:
        return ZoneInfo(_ALIASES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} is not in the zone database") from None


def moment(text: str, naive_zone: ZoneInfo) -> datetime:
    """An execution time as aware UTC.

    Forms: `YYYYMMDD HH:MM:SS Zone/Name`, `YYYYMMDD-HH:MM:SS` (UTC), `YYYYMMDD  HH:MM:SS` (`naive_zone`).
    The machine's own zone never takes part. Raises ValueError for any other form.
    """
    words = text.split()
    place: ZoneInfo | None = naive_zone
    if len(words) == 1 and "-" in words[0]:
        words = words[0].split("-")
        place = None
    elif len(words) == 3:
        place = zone(words[2])
    if len(words) not in (2, 3):
        raise ValueError(f"expected 'YYYYMMDD HH:MM:SS zone' or 'YYYYMMDD-HH:MM:SS', got {text!r}")
    found = datetime.strptime(f"{words[0]} {words[1]}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 - the zone follows
    return found.replace(tzinfo=place or UTC).astimezone(UTC)


def day(text: str) -> date | None:
    """A day from `YYYYMMDD`, alone or followed by a time; None where empty or only a month."""
    head = text.replace("-", " ").split(" ")[0] if text else ""
    if len(head) != 8:
        return None
    return date(int(head[:4]), int(head[4:6]), int(head[6:]))


def clock_time(text: str) -> time | None:
    """A time of day from `HH:MM` or `HH:MM:SS`; None where empty."""
    if not text:
        return None
    pattern = "%H:%M" if text.count(":") == 1 else "%H:%M:%S"
    return datetime.strptime(text, pattern).time()  # noqa: DTZ007 - the zone stands in another field


Hours = dict[date, tuple[datetime, datetime] | None]
"""Open and close (aware) per calendar day; None for a day the broker calls closed."""


def hours(text: str, place: ZoneInfo) -> Hours:
    """Trading or liquid hours, `YYYYMMDD:HHMM-YYYYMMDD:HHMM;YYYYMMDD:CLOSED`.

    Several stretches of one day become its earliest open and latest close; the old form `YYYYMMDD:HHMM-HHMM` is read
    too. A day is the one on which its stretch closes.
    """
    found: Hours = {}
    for entry in filter(None, text.replace(",", ";").split(";")):
        head, _, rest = entry.strip().partition(":")
        if rest == "CLOSED":
            closed = day(head)
            if closed is not None:
                found.setdefault(closed, None)
            continue
        begins, _, ends = entry.strip().partition("-")
        if ":" not in ends:
            ends = f"{head}:{ends}"
        opened, shut = _minute(begins, place), _minute(ends, place)
        if shut <= opened:
            raise ValueError(f"hours {entry!r} close before they open")
        known = found.get(shut.date())
        found[shut.date()] = (min(opened, known[0]), max(shut, known[1])) if known else (opened, shut)
    return found


def _minute(text: str, place: ZoneInfo) -> datetime:
    return datetime.strptime(text, "%Y%m%d:%H%M").replace(tzinfo=place)


def weekday_before(on: date) -> date:
    """The last Monday-to-Friday day before a date; holidays are not known here."""
    earlier = on - timedelta(days=1)
    while earlier.weekday() >= 5:
        earlier -= timedelta(days=1)
    return earlier
