"""What is configured: the settings themselves, the list of releases, alerts, macro inputs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from bot import macro_file
from bot.calendar import CalendarError, ExchangeCalendar, calendar_fact, load_events
from bot.doctor.row import Row, fail, good, warn
from bot.macro_view import told_rows
from bot.notify import answers, channels
from bot.settings.layers import ConfigError
from bot.settings.load import Loaded
from strategies.condor.filters import covered
from strategies.domain.session import Calendar

SOON_DAYS = 45
"""A list of releases that ends within this is told: extending it takes a person, and official dates come late."""
HORIZON_DAYS = 400


def configuration(load: Callable[[], Loaded]) -> tuple[Row, Loaded | None]:
    """Loads it; what is wrong is told as `condor config check` does."""
    try:
        loaded = load()
    except ConfigError as reason:
        return fail("configuration", str(reason).replace("\n", " "), "condor config check"), None
    return good("configuration", f"{loaded.config_hash}, profile {loaded.settings.profile}"), loaded


def releases(loaded: Loaded, today: date) -> Row:
    """Until when entries are possible with the list of releases, judged by C-ENTRY-6's own measure."""
    macro, entry = loaded.settings.macro, loaded.parameters.condor.entry
    remedy = f"extend {macro.events} and its [coverage] from the official calendars; condor calendar check"
    try:
        events, until = load_events(macro.events, macro.kinds)
    except CalendarError as reason:
        return fail("events calendar", str(reason), remedy)
    exchange = ExchangeCalendar(today - timedelta(days=10), today + timedelta(days=HORIZON_DAYS))
    fact = calendar_fact(exchange, today, None, events=events, events_until=until, horizon_days=HORIZON_DAYS)
    known = Calendar(fact.sessions, fact.events, fact.events_until)
    days = [s.day for s in known.sessions if s.day >= today]
    coming = days[: max(1, len(days) - entry.coverage_sessions)]  # the last ones cannot be judged: no calendar beyond
    stops = next((day for day in coming if not covered(known, day, entry.coverage_sessions)), None)
    listed = f"{' and '.join(macro.kinds)} are listed until {until or 'nowhere'}"
    unlisted = sorted({*entry.blackout_kinds, *entry.blackout_hours} - set(macro.kinds))
    if unlisted:
        listed += f" (nothing watches that {', '.join(unlisted)} are: not in macro.kinds)"
    blocks = "entries are refused" if entry.coverage_gap.value == "block" else "entries go on with a warning"
    if stops is None:
        return good("events calendar", f"{listed}: entries are possible for {len(coming)} sessions and more")
    if stops == coming[0]:
        return fail("events calendar", f"{listed}: {blocks} now (MACRO_CALENDAR_STALE)", remedy)
    text = f"{listed}: from {stops:%d %b %Y} {blocks}"
    if (stops - today).days <= SOON_DAYS:
        return warn("events calendar", text, remedy)
    return good("events calendar", text)


def alerts(loaded: Loaded, state_dir: Path, library: bool | None = None) -> Row:
    """Whether anybody would be told. `library`: whether apprise is installed, looked up where None."""
    named = loaded.settings.notify.file
    if not named:
        return warn(
            "alerts", "nobody is told anything: notify.file is empty", "docs/alerts.md; then condor alerts test"
        )
    try:
        found = channels.read(Path(named))
    except channels.ChannelsRefused as reason:
        return fail("alerts", str(reason), "docs/alerts.md; condor alerts test")
    there = importlib.util.find_spec("apprise") is not None if library is None else library
    if found.channels and not there:
        return fail("alerts", "apprise is not installed: nothing can be sent", "pip install 'condor-desk[notify]'")
    board = answers.read(state_dir)
    broken = [f"{name} ({trouble})" for name, trouble in board.channels.items() if trouble]
    if broken:
        return fail("alerts", f"channels that failed last: {', '.join(broken)}", "condor alerts test")
    if board.open:
        ids = ", ".join(q.id for q in board.open[:5])
        return warn("alerts", f"{len(board.open)} urgent alerts are not acknowledged: {ids}", "condor ack")
    if not found.channels:
        return warn("alerts", "only a dead-man address is named: nobody is told why", "add a channel; docs/alerts.md")
    dead = "a dead-man address" if found.dead_man_url else "no dead-man address"
    return good("alerts", f"{len(found.channels)} channels, {dead}; condor alerts test tries them")


def macro_inputs(state_dir: Path, today: date) -> Row:
    """Inputs that people tell: stale ones count nothing, a refused file leaves the old ones."""
    path = state_dir / macro_file.NAME
    try:
        rows = told_rows(macro_file.read(path, today), today)
    except FileNotFoundError:
        return good("macro inputs", "none told; their rules are neutral")
    except macro_file.MacroRefused as reason:
        return fail("macro inputs", str(reason), "condor macro list; condor macro set")
    stale = [f"{row['key']} (until {row['until']})" for row in rows if row["stale"]]
    if stale:
        return warn(
            "macro inputs", f"stale, count nothing: {', '.join(stale)}", "condor macro set, or condor macro unset"
        )
    return good("macro inputs", f"{len(rows)} fresh")
