"""Small true macro inputs, a calendar of weekdays and days of VIX for the tests of macro rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from strategies.domain.macro import KIND_OF, MacroInput
from strategies.domain.market import DailyBar
from strategies.domain.session import NEW_YORK, Calendar, MacroEvent, SessionDay
from strategies.signals.macro import MacroSeen, MacroWord, assess
from strategies.signals.macro_params import MacroParams

TODAY = date(2026, 3, 11)
P = MacroParams()


def told(key: str, value: float | str, as_of: date = TODAY, **changes: Any) -> MacroInput:
    kind = KIND_OF.get(key)
    base: dict[str, Any] = {
        "key": key, "value": value, "unit": "pp" if kind is None else kind.unit.value, "source": "the release",
        "as_of": as_of, "ttl_days": 5 if kind is None else kind.ttl_days, "entered_on": as_of,
    }  # fmt: skip
    return MacroInput(**{**base, **changes})


def session(day: date) -> SessionDay:
    opens = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK)
    closes = opens.replace(hour=16, minute=0)
    return SessionDay(day, opens, closes, closes + timedelta(minutes=15))


def weekdays(first: date, count: int) -> tuple[date, ...]:
    days = [first + timedelta(days=i) for i in range(2 * count + 7)]
    return tuple(d for d in days if d.weekday() < 5)[:count]


def calendar(today: date = TODAY, *, fomc: date | None = None, until: date | None = date(2026, 12, 31)) -> Calendar:
    events = () if fomc is None else (MacroEvent(datetime(fomc.year, fomc.month, fomc.day, 19, tzinfo=UTC), "FOMC"),)
    return Calendar(tuple(session(d) for d in weekdays(today - timedelta(days=7), 40)), events, until)


def bars(*closes: float, last: date = TODAY) -> tuple[DailyBar, ...]:
    """Closes of consecutive weekdays that end the session before `last`."""
    days = [last - timedelta(days=i) for i in range(1, 60)]
    days = [d for d in days if d.weekday() < 5][: len(closes)][::-1]
    return tuple(DailyBar(d, c, c, c, c) for d, c in zip(days, closes, strict=True))


def seen(today: date = TODAY, **changes: Any) -> MacroSeen:
    base: dict[str, Any] = {"vix_bars": bars(16.0, 16.0, last=today), "vix_points": 16.0, "premium_z60": 0.0}
    return MacroSeen(**{"today": today, "calendar": calendar(today), **base, **changes})


def word(*inputs: MacroInput, before: MacroWord | None = None, **changes: Any) -> MacroWord:
    return assess(before or MacroWord(), inputs, seen(**changes), P)


def benign_inputs(as_of: date = TODAY) -> tuple[MacroInput, ...]:
    """The smallest set that is benign."""
    return (
        told("cpi_surprise_pp", -0.1, as_of), told("ppi_surprise_pp", 0.0, as_of), told("bill_sofr_z60", 0.4, as_of),
        told("ust_2y_sofr_z60", -0.9, as_of), told("gdp_nowcast_pct", 2.1, as_of),
    )  # fmt: skip
