"""Dates and times as the protocol writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from bot.sim.wire.fields import MalformedRequest

EASTERN = ZoneInfo("America/New_York")
ZONE_NAME = "US/Eastern"
TIME_ZONE_SUFFIX_VERSION = 174


def moment(at: datetime, version: int) -> str:
    """Execution and order times: exchange local time, with the zone's name from version 174 on."""
    local = at.astimezone(EASTERN)
    if version >= TIME_ZONE_SUFFIX_VERSION:
        return f"{local:%Y%m%d %H:%M:%S} {ZONE_NAME}"
    return f"{local:%Y%m%d  %H:%M:%S}"


def day(on: date | None) -> str:
    """YYYYMMDD, empty for none."""
    return f"{on:%Y%m%d}" if on else ""


def read_moment(name: str, text: str, fallback_zone: ZoneInfo = EASTERN) -> datetime | None:
    """A client's time: 'YYYYMMDD HH:MM:SS [zone]', 'YYYYMMDD-HH:MM:SS' (UTC), or a day alone; None where empty."""
    if not text:
        return None
    head, _, zone_text = text.replace("  ", " ").partition(" ")
    clock, _, zone_text = zone_text.partition(" ")
    zone: ZoneInfo | None = fallback_zone
    if "-" in head and not clock:
        head, _, clock = head.partition("-")
        zone = None
    try:
        if zone_text:
            zone = ZoneInfo(_ALIASES.get(zone_text, zone_text))
        at = datetime.strptime(f"{head} {clock or '00:00:00'}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 - zone set below
    except (ValueError, KeyError):
        raise MalformedRequest(
            f"field '{name}' must be 'YYYYMMDD HH:MM:SS zone' or 'YYYYMMDD-HH:MM:SS' in UTC, got {text!r}"
        ) from None
    return at.replace(tzinfo=zone or UTC)


_ALIASES = {"EST": ZONE_NAME, "EDT": ZONE_NAME, "ET": ZONE_NAME, "CST": "US/Central", "CDT": "US/Central"}
