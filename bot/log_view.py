"""Lines of the log found again: which session, which events, which condor, since when, how loud; told to people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bot import log_lines
from bot.journal import reader
from bot.masking import mask
from bot.web.earlier import Told
from strategies.domain import events as ev
from strategies.domain.session import NEW_YORK, session_date

FOLDER = "log"
Json = dict[str, Any]
_ABOUT = ("subject", "ref", "key", "text")


class Wanted(NamedTuple):
    """The filter. `event` is a pattern of `log_lines.topic` or of its first word; `about` a condor, slot or order."""

    event: str = "*"
    about: str = ""
    since: datetime | None = None
    until: datetime | None = None
    level: str = "debug"

    def takes(self, line: Json) -> bool:
        """Whether a line is wanted; one that is none of ours is not."""
        try:
            at, level = datetime.fromisoformat(line["at"]), log_lines.LEVELS.index(line["level"])
        except (KeyError, TypeError, ValueError):
            return False
        if level < log_lines.LEVELS.index(self.level):
            return False
        if (self.since is not None and at < self.since) or (self.until is not None and at > self.until):
            return False
        topic = log_lines.topic(line)
        if not (fnmatchcase(topic, self.event) or fnmatchcase(topic.partition(".")[0], self.event)):
            return False
        return not self.about or _speaks_of(line, self.about.lower())


def _speaks_of(line: Json, name: str) -> bool:
    """Whether a line names it: as its subject, its order, or as a whole word of its key or text."""
    for field in _ABOUT:
        value = str(line.get(field) or "").lower()
        at = value.find(name)
        while at >= 0:
            after = value[at + len(name) : at + len(name) + 1]
            if not after.isalnum() and after != "-" and not value[:at][-1:].isalnum():
                return True
            at = value.find(name, at + 1)
    return False


def sessions(state_dir: Path) -> list[str]:
    """Sessions that have a log, oldest first."""
    return sorted(path.stem for path in (state_dir / FOLDER).glob("????-??-??.jsonl"))


def from_files(state_dir: Path, chosen: list[str]) -> Iterator[Json]:
    """Lines of the log files; one that is torn (the bot died while writing) is left out."""
    for session in chosen:
        with (state_dir / FOLDER / f"{session}.jsonl").open("rb") as file:
            for raw in file:
                if (line := parsed(raw)) is not None:
                    yield line


def parsed(raw: bytes) -> Json | None:
    """A line of a file, None where it is none."""
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def from_journal(path: Path, session: str | None) -> Iterator[Json]:
    """The same lines made from the journal, facts of every kind but quotes and timers included. Raises JournalError."""
    config = ""
    outcomes = iter(reader.read_outcomes(path, session=session))
    waiting = next(outcomes, None)
    for envelope in reader.read_events(path, session=session):
        while waiting is not None and waiting.cause_seq < envelope.seq:
            yield from _of_outcome(waiting, config)
            waiting = next(outcomes, None)
        if isinstance(envelope.event, ev.RunStarted):
            config = envelope.event.config_hash
        for line in log_lines.of_event(envelope.event):
            yield _whole(line, envelope.at, envelope.seq, config)
    while waiting is not None:
        yield from _of_outcome(waiting, config)
        waiting = next(outcomes, None)


def _of_outcome(outcome: Any, config: str) -> Iterator[Json]:
    told = msgspec.convert(outcome.body, Told)
    lines = [
        *map(log_lines.of_decision, told.decisions),
        *map(log_lines.of_verdict, told.verdicts),
        *map(log_lines.of_move, told.moves),
        *map(log_lines.of_alert, told.alerts),
    ]
    for line in lines:
        yield _whole(line, outcome.at, outcome.cause_seq, config)


def _whole(line: log_lines.Line, at: datetime, seq: int, config: str) -> Json:
    common = {"at": at.isoformat(), "seq": seq, "session": session_date(at), "config": config}
    plain: Json = json.loads(mask(json.dumps({**common, **line.fields, "event": line.event, "level": line.level})))
    return plain


def words(line: Json) -> str:
    """A line for people; times are New York's."""
    at = datetime.fromisoformat(line["at"]).astimezone(NEW_YORK)
    tell: Callable[[Json], str] = _WORDS.get(str(line.get("event")), json.dumps)
    loud = {"warning": "! ", "critical": "!!"}.get(str(line.get("level")), "  ")
    return f"{at:%H:%M:%S} {loud} {line.get('event', '?'):<8} {tell(line)}"


def _decision(row: Json) -> str:
    near = f"  (near: {row['near']:.1%})" if isinstance(row.get("near"), float) and abs(row["near"]) <= 0.1 else ""
    return f"{row.get('rule')} {row.get('subject')} {row.get('verdict')}: {row.get('text')}{near}"


def _move(row: Json) -> str:
    why = f"  ({row['text']})" if row.get("text") else ""
    return f"{row.get('what')} {row.get('subject')}: {row.get('before')} to {row.get('after')}{why}"


_WORDS: dict[str, Callable[[Json], str]] = {
    "decision": _decision,
    "verdict": lambda row: f"{row.get('ref')} {row.get('text')}",
    "move": _move,
    "alert": lambda row: str(row.get("text")),
    "fact": lambda row: str(row.get("fact")),
    "fill": lambda row: (
        f"{row.get('ref') or 'not ours'} {row.get('side')} {row.get('quantity')} of {row.get('con_id')} "
        f"at {row.get('price_points')}"
    ),
}


def moment(text: str, day: date) -> datetime:
    """`HH:MM` or `HH:MM:SS` of a day in New York, or an ISO moment. Raises ValueError."""
    if len(text) <= 8 and ":" in text:
        return datetime.combine(day, time.fromisoformat(text), NEW_YORK)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=NEW_YORK)
