"""`condor calendar`: sessions, early closes and releases ahead, and whether the list of releases still reaches."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told


@click.command()
@click.argument("what", type=click.Choice(["check", "show"]))
@common
@click.option("--profile", default="paper", show_default=True, help="config/PROFILE.toml")
@click.option("--on", "day", metavar="DATE", help="the day to look from (YYYY-MM-DD); default today in New York")
@click.option(
    "--sessions", "count", default=15, show_default=True, type=click.IntRange(1, 260), help="how many to show"
)
def calendar(
    what: str,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    profile: str,
    day: str | None,
    count: int,
) -> None:
    """Check whether entries would be blocked by the calendar, or show what lies ahead.

    `check` exits 0 when every listed kind reaches over the coming sessions, 1 with MACRO_CALENDAR_STALE.
    """
    from bot.settings.load import load
    from strategies.domain.session import NEW_YORK

    today = datetime.now(NEW_YORK).date() if day is None else _day(day)  # noqa: TID251 - a person's clock
    with told():
        loaded = load(profile=profile, config=config_file, assignments=assignments)
        found = _look(loaded, today, count)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(_lines(found, everything=what == "show")))
    if what == "check" and found["verdict"] != "ok":
        sys.exit(exits.FAILED)


def _look(loaded: Any, today: date, count: int) -> dict[str, Any]:
    """The calendar as the bot would load it on a day, judged by C-ENTRY-6's own measure."""
    from bot.calendar import ExchangeCalendar, calendar_fact, load_events
    from strategies.condor.filters import covered
    from strategies.domain.session import NEW_YORK, Calendar
    from strategies.macro import STALE

    macro, entry = loaded.settings.macro, loaded.parameters.condor.entry
    events, until = load_events(macro.events, macro.kinds)
    exchange = ExchangeCalendar(today - timedelta(days=10), today + timedelta(days=420))
    fact = calendar_fact(exchange, today, None, events=events, events_until=until, horizon_days=max(75, 2 * count))
    known = Calendar(fact.sessions, fact.events, fact.events_until)
    coming = [s for s in known.sessions if s.day >= today][:count]
    ahead = [e for e in known.events if e.at >= datetime.combine(today, datetime.min.time(), NEW_YORK).astimezone(UTC)]
    last = known.sessions_after(today)[: entry.coverage_sessions]
    asked = {*entry.blackout_kinds, *entry.blackout_hours}
    return {
        "today": today.isoformat(),
        "verdict": "ok" if covered(known, today, entry.coverage_sessions) else STALE,
        "events_until": None if fact.events_until is None else fact.events_until.isoformat(),
        "needed_until": last[-1].day.isoformat() if last else None,
        "kinds": list(macro.kinds),
        "not_listed": sorted(asked - set(macro.kinds)),
        "gap": entry.coverage_gap.value,
        "sessions": [
            {"day": s.day.isoformat(), "open": s.open_at.isoformat(), "close": s.close_at.isoformat(),
             "early_close": s.early_close}
            for s in coming
        ],
        "events": [{"at": e.at.astimezone(NEW_YORK).isoformat(), "kind": e.kind, "source": e.source} for e in ahead],
    }  # fmt: skip


def _lines(found: dict[str, Any], *, everything: bool) -> list[str]:
    lines = [
        f"{found['verdict']}: {' and '.join(found['kinds'])} are listed until {found['events_until'] or 'nowhere'}; "
        f"entries on {found['today']} need the list until {found['needed_until'] or 'an unknown day'}"
    ]
    if found["verdict"] != "ok":
        what = "entries are refused" if found["gap"] == "block" else "entries go on with a warning"
        lines.append(f"{what} (condor.entry.coverage_gap); extend the events file and its [coverage], then start again")
    if found["not_listed"]:
        kinds = ", ".join(found["not_listed"])
        lines.append(f"not in macro.kinds, so nothing watches that they are listed: {kinds}")
    early = [s["day"] for s in found["sessions"] if s["early_close"]]
    lines.append(f"early closes in the next {len(found['sessions'])} sessions: {', '.join(early) or 'none'}")
    if everything:
        lines += [
            f"{s['day']}  {s['open'][11:16]} to {s['close'][11:16]}{'  early close' if s['early_close'] else ''}"
            + "".join(f"  {e['kind']} {e['at'][11:16]}" for e in found["events"] if e["at"][:10] == s["day"])
            for s in found["sessions"]
        ]
    following = [e for e in found["events"] if not everything or e["at"][:10] > found["sessions"][-1]["day"]][:6]
    lines += [f"next    {e['at'][:10]} {e['at'][11:16]} {e['kind']}   ({e['source']})" for e in following]
    return lines


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no date; write YYYY-MM-DD") from None
