"""The page, the Markdown and the shape of the JSON over the hand-written journal."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Move
from bot.report.build import build
from bot.report.markdown import render as markdown
from bot.report.page import render as page
from bot.report.shape import held_to_shape
from tests.bot.report.test_report import TUESDAY, closed, sold, with_decisions

VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


class _Tags(HTMLParser):
    """Collects tags and addresses, and whether every tag that was opened was closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> _Tags:
    tags = _Tags()
    tags.feed(text)
    return tags


def test_the_page_needs_no_network_and_no_script(state: Path) -> None:
    """Nothing is loaded from anywhere: every address stays inside the page, no script, no import, no font."""
    text = page(build(with_decisions(state), "all"))
    tags = read(text)
    assert tags.open == []
    assert not tags.seen & {"script", "iframe", "img", "link", "object", "embed", "form"}
    assert all(address.startswith(("#", "data:text/csv;")) for address in tags.addresses)
    assert not re.search(r"url\(|@import|@font-face", text)
    assert len(text) < 1_000_000


def test_the_page_has_its_sections_in_order(state: Path) -> None:
    """Verdict first, then the sections in the order of the contents list, each with its heading."""
    text = page(build(closed(state), "2018-10-16"))
    order = ["Needs you", "timeline", "curve", "condors", "hedge", "decisions", "gate", "execution", "money",
             "reconciliation", "faults", "tomorrow", "appendix"]  # fmt: skip
    places = [text.index('class="box')] + [text.index(f'<section id="{name}">') for name in order[1:]]
    assert places == sorted(places)
    assert "Nothing needs you" in text


def test_a_text_from_outside_cannot_become_markup(state: Path) -> None:
    """What the broker or a person wrote stands in the page as text, in tables and in drawings."""
    story = sold(state)
    story.pulse(alerts=(Alert(AlertLevel.CRITICAL, "x", "<script>alert('1')</script> & \"more\""),))
    story.end()
    text = page(build(state, "all"))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert any("<script>" in words for words in read(text).words)


def test_an_empty_day_says_so_instead_of_drawing_nothing(state: Path) -> None:
    """A session with a start and no quotes has a page whose sections say what is missing."""
    story = sold(state)
    story.at = TUESDAY
    for _ in range(12):
        story.pulse()
    story.end()
    text = page(build(state, "2018-10-16"))
    for words in ("holds no quotes", "No VIX futures were quoted", "No slot traded", "Nothing was refused", "No faults",
                  "No orders"):  # fmt: skip
        assert words in text, words


def test_the_json_has_the_documented_shape(state: Path) -> None:
    """Every key of the report is listed in the shape that the schema is made from, and none is missing."""
    report = build(with_decisions(state), "all")
    held_to_shape(report)
    report["days"][0]["money"]["surplus"] = 1
    with pytest.raises(msgspec.ValidationError, match="unknown field `surplus`"):
        held_to_shape(report)


def test_an_alert_whose_exit_ended_later_no_longer_needs_anybody(state: Path) -> None:
    """A slow exit needs a person while it works; once the condor is closed it is told among what has ended."""
    story = sold(state)
    slow = Alert(AlertLevel.CRITICAL, "slow.ic-1", "ic-1: closing by C-EXIT-1 has not ended since 11:00 New York")
    story.moved("open", "exit_working")
    story.at += timedelta(minutes=10)
    story.pulse(alerts=(slow,))
    story.journal.commit(durable=True)
    (need,) = build(state, "all")["needs_you"]
    assert (need["text"], need["act"]) == (slow.text, "condor why ic-1")
    story.moved("exit_working", "closed")
    story.end()
    report = build(state, "all")
    assert report["needs_you"] == []
    (ended,) = report["settled_alerts"]
    assert ended["ended"].startswith("closed at 2018-10-15T14:1")
    assert report["verdict"][-1] == "Nothing needs you."


def test_a_stop_needs_a_person_until_somebody_arms(state: Path) -> None:
    """A latch of an earlier session still stands in a later report; `arm` ends it and what it caused."""
    story = sold(state)
    story.pulse(alerts=(Alert(AlertLevel.CRITICAL, "latch.C21", "HALTED by gate: the day's loss"),))
    story.at = TUESDAY
    for _ in range(12):
        story.pulse()
    story.journal.commit(durable=True)
    (need,) = build(state, "2018-10-16")["needs_you"]
    assert need["text"] == "HALTED by gate: the day's loss"
    story.pulse(alerts=(Alert(AlertLevel.WARNING, "arm", "armed by joe"),))
    story.end()
    assert build(state, "2018-10-16")["needs_you"] == []
    assert len(build(state, "all")["settled_alerts"]) == 1


def test_what_nothing_asks_for_any_more_needs_nobody(state: Path) -> None:
    """A rotation that found nobody needs a person while it is tried; an hour later without a try it does not. A blocked
    slot needs one until it is released, an unexplained end of the session until it is explained."""
    story = sold(state)
    told = {"rotation": "condor why hedge", "blocked.alvh-s04": "condor why alvh-s04; condor arm releases the slot",
            "C53": "compare with TWS; condor arm -m WHY when it is understood"}  # fmt: skip
    story.pulse(alerts=tuple(Alert(AlertLevel.CRITICAL, key, key) for key in told))
    story.journal.commit(durable=True)
    assert {need["key"]: need["act"] for need in build(state, "all")["needs_you"]} == told
    story.at += timedelta(minutes=61)
    story.pulse(moves=(Move("slot", "alvh-s04", "blocked", "active", "armed"),))
    story.pulse(alerts=(Alert(AlertLevel.INFO, "C53", "the session ended with every dollar explained"),))
    story.end()
    report = build(state, "all")
    assert report["needs_you"] == []
    assert [row["ended"].split(" at ")[0].split(" since ")[0] for row in report["settled_alerts"]] == [
        "not asked for", "active", "explained",
    ]  # fmt: skip


def test_the_markdown_is_made_of_tables_that_hold_together(state: Path) -> None:
    """Every row of a table has as many cells as its head."""
    text = markdown(build(with_decisions(state), "all"))
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.strip().splitlines()}
        assert len(widths) == 1, table
    for heading in ("## Sessions", "## Condors", "## Caps", "## Next session"):
        assert heading in text
