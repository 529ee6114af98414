"""Log lines and journal records are as their schemas say; `condor log` finds the lines that were asked for."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot import log_view
from bot.cli import log as verb
from bot.cli.root import cli
from bot.journal.store import Journal
from bot.logs import Chronicle, SessionFile, make_logger
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.session import session_date
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import ACCOUNT, command, link
from tests.bot.json_schema import faults

ROOT = Path(__file__).resolve().parents[2]
SESSION = "2026-05-04"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of a morning: an order, its fills, a lost link, a kill; the log at its fullest, journal."""
    place = tmp_path_factory.mktemp("day")
    bench = Bench()
    bench.start()
    bench.open_condor()
    bench.feed(ev.FaultNoted(code="C45", text=f"answers for {ACCOUNT}\nand more"))
    bench.feed(link(LinkState.DOWN))
    bench.feed(command(OperatorVerb.KILL), after_s=3600.0)
    files = SessionFile(place / "log")
    chronicle = Chronicle(make_logger(files, "debug"), files)
    store = Journal.open(place / "journal.sqlite3", clock_session=session_date)
    for envelope, step in zip(bench.envelopes, bench.steps, strict=True):
        seq = store.next_seq
        store.append_event(ev.Envelope(seq, envelope.at, envelope.event))
        if not step.outcome.empty:
            store.append_outcome(seq, envelope.at, step.outcome)
        chronicle.observe(ev.Envelope(seq, envelope.at, envelope.event), step.state, step.outcome)
    store.commit(durable=False)
    store.close()
    files.close()
    return place


def lines(place: Path) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in (place / "log" / f"{SESSION}.jsonl").read_bytes().splitlines()]


def asked(place: Path, *words: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(verb.log, ["--state", str(place), "--json", *words])
    assert done.exit_code == 0, done.output
    return [json.loads(row) for row in done.output.splitlines()]


# shapes ---------------------------------------------------------------------------------------------
def test_every_log_line_is_as_the_schema_says(day: Path) -> None:
    """All kinds of lines occur and none has a fault; a line with a wrong field has one."""
    schema = json.loads((ROOT / "docs/log.schema.json").read_text())
    rows = lines(day)
    assert {row["event"] for row in rows} == {"fact", "fill", "decision", "verdict", "move", "alert"}
    assert [f for row in rows for f in faults(row, schema, schema)] == []
    assert faults({**rows[0], "colour": "red"}, schema, schema)
    assert faults({**rows[0], "seq": "one"}, schema, schema)


def test_every_journal_record_is_as_the_schema_says(day: Path) -> None:
    """Read as anybody would, with SQLite; bodies are JSON."""
    schema = json.loads((ROOT / "docs/journal.schema.json").read_text())
    seen = set()
    with sqlite3.connect(day / "journal.sqlite3") as db:
        for seq, at, kind, session, cause, body in db.execute(
            "select seq, at, kind, session, cause_seq, body from records order by seq"
        ):
            record = {"seq": seq, "at": at, "kind": kind, "session": session, "body": json.loads(body)}
            record |= {"cause_seq": cause} if kind == "outcome" else {}
            assert faults(record, schema, schema) == [], (kind, body[:80])
            seen.add(record["body"].get("type", kind))
    db.close()
    assert seen >= {"run_started", "quotes_updated", "filled", "broker_snapshot", "outcome"}


def test_an_alert_is_as_loud_in_the_log_as_it_was(day: Path) -> None:
    """A stop is critical and a connection that comes up is information; not everything a warning."""
    level = {row["key"]: row["level"] for row in lines(day) if row["event"] == "alert"}
    assert level["latch.kill"] == "critical"
    assert level["link.up"] == "info"
    assert level["link.down"] == "warning"


# finding ---------------------------------------------------------------------------------------------
def test_the_journal_gives_the_very_lines_of_the_log(day: Path) -> None:
    """Whoever lost the log has lost nothing: same lines, same order, accounts masked."""
    made = list(log_view.from_journal(day / "journal.sqlite3", SESSION))
    kept = list(log_view.from_files(day, [SESSION]))
    drop = lambda row: {k: v for k, v in row.items() if k not in ("config", "at")}  # noqa: E731
    assert [drop(row) for row in made] == [drop(row) for row in kept]
    assert ACCOUNT not in json.dumps(made)


@pytest.mark.parametrize("source", [(), ("--journal",)])
def test_lines_are_found_by_what_they_are(day: Path, source: tuple[str, ...]) -> None:
    """By rule, by first word, by loudness, by condor, by time; each compared with a filter written here."""
    rows = lines(day)

    def those(true: Any) -> list[int]:
        return [row["seq"] for row in rows if true(row)]

    def found(*words: str) -> list[int]:
        return [row["seq"] for row in asked(day, *source, *words)]

    assert found("--event", "decision.C-ENTRY-*") == those(
        lambda r: r["event"] == "decision" and r["rule"].startswith("C-ENTRY-")
    )
    assert found("--event", "move") == those(lambda r: r["event"] == "move")
    assert found("--event", "alert.latch.*") == those(lambda r: str(r.get("key", "")).startswith("latch."))
    assert found("--level", "critical") == those(lambda r: r["level"] == "critical")
    assert found("--since", "10:30") == those(lambda r: r["at"] >= "2026-05-04T14:30")
    assert found("--until", "2026-05-04T14:00:30+00:00") == those(lambda r: r["at"][:19] <= "2026-05-04T14:00:30")
    condor = next(r["subject"] for r in rows if r["event"] == "move" and r["what"] == "condor")
    about = those(lambda r: any(condor in str(r.get(k) or "") for k in ("subject", "ref", "key", "text")))
    assert about
    assert found("--condor", condor.upper()) == about


def test_a_condor_is_not_mistaken_for_its_neighbour() -> None:
    """ic-20260504-1 is not ic-20260504-11, and not a part of another word."""
    wanted = log_view.Wanted(about="ic-20260504-1")
    base = {"at": "2026-05-04T14:30:00+00:00", "level": "info", "event": "move"}
    assert wanted.takes({**base, "subject": "ic-20260504-1"})
    assert wanted.takes({**base, "subject": "ic-20260504-1.entry.2"})
    assert wanted.takes({**base, "text": "condor ic-20260504-1: look"})
    assert not wanted.takes({**base, "subject": "ic-20260504-11"})
    assert not wanted.takes({**base, "subject": "xic-20260504-1"})


def test_people_read_times_of_new_york(day: Path) -> None:
    """A kill at 11:00 there is loud and one line, whatever its text held."""
    done = CliRunner().invoke(verb.log, ["--state", str(day), "--event", "alert.latch.kill"])
    assert len(done.output.splitlines()) == 1
    assert "!! alert    HALTED by tester: because" in done.output
    assert not done.output.startswith("15:")


def test_follow_tells_what_is_added_and_goes_on_to_the_next_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn line waits for its end; a new file is taken when the old one is read."""
    folder = tmp_path / "log"
    folder.mkdir()
    first, second = folder / "2026-05-04.jsonl", folder / "2026-05-05.jsonl"
    row = {"at": "2026-05-04T14:30:00+00:00", "level": "info", "event": "fact", "fact": "one"}
    first.write_text(json.dumps(row) + "\n")
    half = json.dumps({**row, "fact": "two"})

    def events() -> Iterator[None]:
        with first.open("a") as file:
            file.write(half[:20])
        yield
        with first.open("a") as file:
            file.write(half[20:] + "\n")
        yield
        second.write_text(json.dumps({**row, "fact": "three"}) + "\n")
        yield
        raise KeyboardInterrupt

    story = events()
    monkeypatch.setattr(verb.time, "sleep", lambda seconds: next(story))
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        told.extend(line["fact"] for line in verb._followed(tmp_path))
    assert told == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "soon"), "HH:MM"),
        (("--session", "2026-05-09"), "no log of 2026-05-09"),
        (("--follow", "--journal"), "neither"),
    ],
)
def test_what_cannot_be_asked_is_refused(day: Path, words: tuple[str, ...], told: str) -> None:
    """With what is allowed; where nothing ran the command says so and fails."""
    done = CliRunner().invoke(verb.log, ["--state", str(day), *words])
    assert done.exit_code == 2
    assert told in done.output


def test_where_nothing_ran_there_is_no_log(tmp_path: Path) -> None:
    """Exit 1 with words, for log and journal alike."""
    for words in ((), ("--journal",)):
        assert CliRunner().invoke(verb.log, ["--state", str(tmp_path), *words]).exit_code == 1


# recipes ---------------------------------------------------------------------------------------------
RECIPES = (ROOT / "docs/recipes.md").read_text()
SHELL = [block for block in re.findall(r"```sh\n(.*?)```", RECIPES, re.DOTALL) if "jq" in block]


def properties(name: str) -> set[str]:
    """Every field name of a schema's definitions."""
    schema = json.loads((ROOT / "docs" / name).read_text())
    return {key for made in schema["$defs"].values() for key in made.get("properties", {})}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("recipe", SHELL, ids=[block.strip()[:40] for block in SHELL])
def test_each_recipe_with_jq_runs_and_finds_something(day: Path, recipe: str) -> None:
    """As printed, on the morning's log in another directory."""
    text, given = recipe.replace("var", str(day)), None
    if text.startswith("condor "):  # in this process: a start of its own takes a second
        ours, _, text = text.partition(" | ")
        made = CliRunner().invoke(cli, shlex.split(ours)[1:])
        assert made.exit_code == 0, made.output
        given = made.stdout
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", text], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    nothing_to_find = ("condor plan", "approved | not")  # this morning had no denial, and plans nothing when halted
    assert done.stdout.strip() or any(words in recipe for words in nothing_to_find), "nothing was found"


def test_recipes_name_fields_that_exist() -> None:
    """Columns of the DuckDB view, and every field that a jq recipe picks from a line."""
    fields = properties("log.schema.json")
    view = re.search(r"columns = \{(.*?)\}", RECIPES, re.DOTALL)
    assert view is not None
    columns = {name.strip('"') for name in re.findall(r'("?\w+"?): \'', view[1])}
    assert len(columns) > 15
    assert columns <= fields
    picked = {name for block in SHELL if "plan" not in block for name in re.findall(r"(?<![\w\]])\.([a-z_]+)", block)}
    assert picked - {"jsonl"} <= fields, picked - fields
