"""Whether `condor why` answers: every order, and every half hour and every look of the hedge that sent none.

`python -m benchmarks.explained STATE` over a state directory that `condor sim` or `condor run` left. An answer is what
`condor why` prints about one subject. It must name rule and sources, what was seen and how old that was, what it was
compared with, how far it was from the other answer, the verdict, and what would have changed it. For an order these may
come from the rule that asked, the order's own record and the gate; for a half hour from all that was said of entries;
for a look of the hedge, about once a minute, from the last word of each of its rules (`condor why hedge --at TIME`), of
which one must be of the last half hour.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.journal import reader
from bot.report.why import Json, Submitted, asking, enrich, every, of_hedge, standing, submitted
from strategies.domain import events as ev
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.session import NEW_YORK, SessionDay, session_date

FIRST, LAST = (10, 0), (15, 30)
"""Entry slots of a session, New York."""

EVERY = timedelta(minutes=30)
WITHIN = timedelta(minutes=2)
"""A slot's word is said at the slot or within so long."""
LOOK = timedelta(minutes=1)

PARTS = ("rule", "sources", "seen", "ages", "against", "distance", "verdict", "turn")


def parts_of(row: Json) -> set[str]:
    """Which parts of an answer a row has."""
    decision = row["kind"] == "decision"
    has = {
        "rule": row["rule"] or not decision,
        "sources": row["sources"],
        "seen": row.get("inputs") if decision else row["checks"],
        "ages": row["ages"],
        "against": row.get("thresholds") if decision else row["checks"],
        "distance": row["stands"] or row.get("near") is not None,
        "verdict": row["verdict"] if decision else row["text"],
        "turn": row["would_change"],
    }
    return {name for name, value in has.items() if value}


def lacking(rows: Iterable[Json]) -> list[str]:
    """The parts that no row of an answer has."""
    found = set().union(*(parts_of(row) for row in rows))
    return [name for name in PARTS if name not in found]


def orders(rows: Sequence[Json], sent: dict[str, Submitted]) -> dict[str, list[str]]:
    """Each order's reference with what its answer lacks."""
    about: dict[str, list[Json]] = {}
    for row in rows:
        for name in {row["subject"], row.get("intent_ref")}:
            about.setdefault(name or "", []).append(row)
    answers = {}
    for ref, order in sent.items():
        asked = asking(rows, order)
        answers[ref] = lacking([*about.get(ref, []), *([asked] if asked is not None else [])])
    return answers


def slots(sessions: Iterable[SessionDay], lived: set[str]) -> list[datetime]:
    """Every entry slot of the sessions that were lived."""
    found = []
    for day in sessions:
        if day.day.isoformat() not in lived:
            continue
        at = day.open_at.astimezone(NEW_YORK).replace(hour=FIRST[0], minute=FIRST[1])
        while at < day.index_close_at and (at.hour, at.minute) <= LAST:
            found.append(at)
            at += EVERY
    return found


def silent(
    rows: Sequence[Json], sent: dict[str, Submitted], at_slots: Sequence[datetime], moments: dict[int, datetime]
) -> dict[str, list[str]]:
    """Each slot in which no condor was asked for, with what the answer of that moment lacks."""
    entries = [moments[o.seq] for o in sent.values() if o.intent["purpose"] == "entry"]
    told = [row for row in rows if row["kind"] == "decision" and row["subject"] == "entry"]
    when = [datetime.fromisoformat(row["at"]) for row in told]
    answers = {}
    for slot in at_slots:
        if any(slot <= at < slot + EVERY for at in entries):
            continue
        until = bisect_right(when, slot + WITHIN)
        last = {
            row["rule"]: row
            for row, at in zip(told[:until], when[:until], strict=True)
            if session_date(at) == session_date(slot)
        }
        declined = any(row["verdict"] == "decline" for row in last.values())
        answers[f"{slot:%Y-%m-%d %H:%M}"] = lacking(last.values()) if declined else ["a refusal"]
    return answers


def idle(rows: Sequence[Json], sent: Iterable[datetime], looks: Sequence[datetime]) -> dict[str, list[str]]:
    """Each look of the hedge after which no order of it went out for a minute, with what the answer then lacks."""
    orders = sorted(sent)
    by_day: dict[str, list[Json]] = {}
    for row in rows:
        if of_hedge(row):
            by_day.setdefault(session_date(datetime.fromisoformat(row["at"])), []).append(row)
    answers = {}
    for look in looks:
        at = bisect_left(orders, look)
        if at < len(orders) and orders[at] < look + LOOK:
            continue
        mine = by_day.get(session_date(look), [])
        told = standing(mine[: bisect_right(mine, look, key=lambda row: datetime.fromisoformat(row["at"]))], look)
        lack = lacking(told)
        if not any(look - datetime.fromisoformat(row["at"]) <= EVERY + WITHIN for row in told):
            lack.append("a word of the last half hour")
        if all(row.get("verdict") == "act" for row in told):
            lack.append("a refusal")
        answers[f"{look.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"] = lack
    return answers


def main() -> int:
    """Prints both counts and whatever lacks something; 1 if anything does."""
    path = Path(sys.argv[1]) / "journal.sqlite3"
    outcomes = list(reader.read_outcomes(path))
    moments = {outcome.cause_seq: outcome.at for outcome in outcomes}
    rows = every(outcomes)
    enrich(path, rows, outcomes)
    sent = submitted(outcomes)
    calendars = [e.event for e in reader.read_facts(path, ev.CalendarLoaded)]
    days: dict[date, SessionDay] = {
        day.day: day for told in calendars if isinstance(told, ev.CalendarLoaded) for day in told.sessions
    }
    lived = {session_date(datetime.fromisoformat(row["at"])) for row in rows}
    asked = orders(rows, sent)
    quiet = silent(rows, sent, slots([days[d] for d in sorted(days)], lived), moments)
    hedges = [moments[o.seq] for o in sent.values() if o.intent["owner"] == HEDGE_OWNER]
    still = idle(rows, hedges, [outcome.at for outcome in outcomes if outcome.body.get("sample")])
    verdicts = sum(1 for row in rows if row["kind"] == "verdict")
    print(f"{len(rows) - verdicts} decisions and {verdicts} verdicts of {len(lived)} sessions explained")
    failed = 0
    for name, answers in (
        ("orders", asked),
        ("half hours without an entry", quiet),
        ("looks of the hedge without an order", still),
    ):
        full = sum(1 for lack in answers.values() if not lack)
        failed += len(answers) - full
        print(f"{name}: {full} of {len(answers)} answered in full")
        for what, count in Counter(tuple(lack) for lack in answers.values() if lack).most_common():
            first = next(key for key, lack in answers.items() if tuple(lack) == what)
            print(f"  {count} lack {', '.join(what)}; the first is {first}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
