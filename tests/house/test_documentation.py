"""What the docs must say, checked against the code."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from bot import docs
from bot.cli.root import VERBS
from bot.settings.layers import read_toml
from bot.settings.models import known_keys
from bot.sim.control import CHANNEL
from bot.sim.faults.script import read_rows
from bot.sim.faults.table import read_call
from bot.sim.types import WorldEvent
from bot.sim.wire.decode import SERVED
from bot.sim.wire.message_names import REQUEST_NAMES
from bot.sim.world import load_scenario
from strategies.domain import events

ROOT = Path(__file__).resolve().parents[2]
_made = functools.cache(docs.pages)


@pytest.mark.parametrize(
    "page",
    [
        "machines.md",
        "configuration.md",
        "events.md",
        "risk-checks.md",
        "rulebook.md",
        "controls.md",
        "gateway-faults.md",
        "gateway-ledger.md",
        "gateway-ledger.schema.json",
        "report.schema.json",
        "journal.schema.json",
        "log.schema.json",
    ],
)
def test_generated_pages_are_fresh(page: str) -> None:
    """Diagrams, settings and facts in docs/ are those of the code (run `make docs` when this fails)."""
    assert (ROOT / "docs" / page).read_text() == _made()[page]


def test_every_setting_has_a_default_and_a_sentence() -> None:
    """config/default.toml lists every setting there is, with a comment that explains it."""
    layer = read_toml(ROOT / "config/default.toml")
    silent = sorted(key for key in known_keys() - {"profile", "schema_version"} if not layer.comments.get(key))
    assert not silent, silent


def test_every_command_is_documented() -> None:
    """docs/commands.md has a section for each verb."""
    text = (ROOT / "docs/commands.md").read_text()
    assert [verb for verb in VERBS if f"## condor {verb}" not in text] == []


def test_the_index_names_every_page() -> None:
    """docs/index.md links to each page beside it."""
    index = (ROOT / "docs/index.md").read_text()
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index]
    assert missing in ([], ["index.md"]), missing


def test_links_between_pages_lead_somewhere() -> None:
    """A link from one page to another file names a file that exists."""
    broken = [
        f"{page.name}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken, broken


def test_every_fault_written_on_the_page_can_be_asked_for() -> None:
    """Requests and scripts in docs/gateway-faults.md are good ones, and the catalogue names each class of faults."""
    page = (ROOT / "docs/gateway-faults.md").read_text()
    requests = [json.loads(text) for text in re.findall(r"`(\{\"verb\".*?\})`", page)]
    assert len(requests) > 80
    world = load_scenario("calm", 1)
    for request in requests:
        verb = request.pop("verb")
        if verb not in CHANNEL:
            read_call(verb, request)
    for script in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        rows = [WorldEvent("page", row) for row in tomllib.loads(script)["fault"]]
        assert read_rows(rows, world.days, None)
    named = {
        int(a) + n for a, b in re.findall(r"\| F(\d\d)(?:-F(\d\d))? \|", page) for n in range(int(b or a) - int(a) + 1)
    }
    assert named == set(range(1, 76))


def test_requests_that_are_not_served_are_on_the_page() -> None:
    """docs/gateway.md names each request of the protocol that the gateway does not know, and none that it does."""
    page = (ROOT / "docs/gateway.md").read_text()
    table = page[page.index("## What is not") : page.index("Refused with their own text")]
    told = {name for row in re.findall(r"^\| ([a-zA-Z, ]+) \| ", table, re.MULTILINE) for name in row.split(", ")}
    unserved = {name for number, name in REQUEST_NAMES.items() if number not in SERVED and name != "startApi"}
    assert told - {"request"} == unserved


def test_every_fact_has_a_docstring() -> None:
    """Each fact says what it means."""
    assert all((kind.__doc__ or "").strip() for kind in get_args(events.AnyEvent))


def test_docs_stand_alone() -> None:
    """Nothing shipped refers to places outside the repository."""
    outside = [
        str(path.relative_to(ROOT))
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        if "../shared" in path.read_text() or "/work/" in path.read_text()
    ]
    assert not outside, outside
