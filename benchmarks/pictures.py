"""Pictures of dashboard and report: three simulated stories are lived and looked at in chromium.

`python -m benchmarks.pictures [STATES]` writes the pictures of README and docs to docs/pictures, and to var/pictures
every page of every story in light and dark, at a desk and on a phone, for somebody to look through. With STATES the
stories were lived there before, in the folders `calm`, `flip` and `faults`. The dashboard is served as it stood at a
moment of the story, from the journal.
"""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.engine.step import step
from bot.journal import reader
from bot.recover import decode_state
from bot.report.build import build
from bot.report.files import rendered
from bot.web.gathered import Gathered
from bot.web.server import Dashboard
from strategies.domain import events as ev
from strategies.domain.session import session_date

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
GALLERY = ROOT / "var" / "pictures"
SCENARIOS = ROOT / "bot" / "sim" / "world" / "scenarios"


class Story(NamedTuple):
    """A scenario, how many of its days are lived, and the moment of a session at which the dashboard is looked at."""

    scenario: Path
    days: int | None
    look_at: datetime


STORIES = {
    "calm": Story(SCENARIOS / "calm.toml", 4, datetime(2026, 3, 5, 18, 30, tzinfo=UTC)),
    "flip": Story(SCENARIOS / "flip.toml", None, datetime(2026, 3, 11, 16, 41, tzinfo=UTC)),
    "faults": Story(ROOT / "benchmarks" / "faults.toml", None, datetime(2026, 3, 4, 20, 12, tzinfo=UTC)),
}
"""A quiet day with condors and hedge, the day the market turns, and one on which much goes wrong around the bot."""

PATIENCE_S, BEAT_S, LINES_IN_USE = 400.0, 0.5, 38
DESK, PHONE = (1366, 768), (390, 844)
PAPER, SLICE = 1100, 1300
"""Width of a report in pixels, and how high one picture of it is."""


class Sight(NamedTuple):
    """A picture of the docs: story, anchor of the report ("" is its top), size, whether dark."""

    story: str
    anchor: str
    width: int
    height: int
    dark: bool = False


REPORTS = {
    "report": Sight("flip", "", PAPER, 1290),
    "report-dark": Sight("flip", "", PAPER, 1290, dark=True),
    "report-phone": Sight("flip", "", *PHONE),
    "report-faults": Sight("faults", "", PAPER, 1390),
    "report-condors": Sight("calm", "condors", PAPER, 900),
    "report-together": Sight("calm", "together", PAPER, 640),
    "report-hedge": Sight("flip", "hedge", PAPER, 620),
    "report-money": Sight("flip", "money", PAPER, 760),
}


def _chromium() -> ModuleType:
    """The driver that the page's tests use."""
    spec = importlib.util.spec_from_file_location("chromium", ROOT / "tests" / "web" / "chromium.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# living -------------------------------------------------------------------------------------------
def _lived(name: str, place: Path) -> Path:
    """Lives a story as fast as the machine allows; its state directory."""
    story, state = STORIES[name], place / name
    text = story.scenario.read_text(encoding="utf-8")
    if story.days is not None:  # the same days as of the whole scenario: its chance goes by name and day
        text = "[[day]]".join(text.split("[[day]]")[: story.days + 1])
    scenario = place / f"{name}.toml"
    scenario.write_text(text, encoding="utf-8")
    options = ("--scenario", str(scenario), "--speed", "max", "--quiet", "--set", "alvh.enabled=true")
    command = [sys.executable, "-m", "bot", "sim", "--fresh", "--state", str(state), *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return state


# the dashboard ------------------------------------------------------------------------------------
def _stood(state: Path, moment: datetime) -> tuple[Gathered, ev.Envelope]:
    """What the page had gathered at a moment of the story: its facts taken again, from the checkpoint before."""
    journal = state / "journal.sqlite3"
    kept = reader.last_checkpoint(journal, before=session_date(moment))
    found = None if kept is None else decode_state(kept.body)
    now, start = (found, kept.seq + 1) if kept is not None and found is not None else (State(), 1)
    gathered, last = Gathered(lambda: LINES_IN_USE), None
    for envelope in reader.read_events(journal, from_seq=start):
        if envelope.at > moment:
            break
        made = step(now, envelope)
        now, last = made.state, envelope
        gathered.observe(envelope, now, made.outcome)
    if last is None:
        raise SystemExit(f"{state} has nothing before {moment}")
    return gathered, last


@contextlib.contextmanager
def _served(state: Path, moment: datetime, place: Path) -> Iterator[str]:
    """The page as it stood then, kept fresh while it is looked at; its link."""
    gathered, last = _stood(state, moment)
    place.mkdir(mode=0o700)
    command = (sys.executable, "-m", "bot.report.sofar", str(state), session_date(moment), str(last.seq))
    page = Dashboard(
        gathered=gathered, state_dir=place, host="127.0.0.1", port=0, refresh_s=0.25, post=lambda event: None,
        parts_command=command,
    )  # fmt: skip
    page.start()
    over = threading.Event()

    def beat() -> None:
        look = gathered.look()
        while look is not None and not over.wait(BEAT_S):
            gathered.observe(ev.Envelope(last.seq, last.at, ev.FaultNoted(code="", text="")), look.state, Outcome())

    beating = threading.Thread(target=beat, daemon=True)
    beating.start()
    try:
        yield (place / "web.url").read_text().strip()
    finally:
        over.set()
        beating.join()
        page.stop()


CUT = """[...document.querySelectorAll('main *, #bar *')].filter((e) => e.clientWidth && !e.querySelector('*')
  && ((getComputedStyle(e).textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth)
  || (e.closest('.card') && e.getBoundingClientRect().right > e.closest('.card').getBoundingClientRect().right + 1)))
  .map((e) => e.textContent)"""
"""Texts of the page that end in dots, or reach out of their card."""


def _dashboard(name: str, state: Path, page: Any, place: Path) -> None:
    """The page at the story's moment; of the calm story the docs have light, dark, phone and all condors together."""
    with _served(state, STORIES[name].look_at, place) as link:
        for size, where in ((DESK, "desk"), (PHONE, "phone")):
            for dark in (False, True):
                page.size(*size, dark=dark)
                page.go(link)
                page.until("document.querySelector('.parts tr.total')", PATIENCE_S)
                _sliced(page, f"dashboard-{name}-{where}{'-dark' if dark else ''}", size[1], to_scroll=where == "phone")
            if cut := page.js(CUT):
                print(f"cut on the dashboard of {name}, {where}: {', '.join(cut)}")
        page.size(*DESK)
        if page.js("Boolean(document.querySelector('.card'))"):
            page.js("document.querySelector('[name=how][value=together]').click()")
            page.until("document.querySelector('.together svg')", PATIENCE_S)
            page.shot(GALLERY / f"dashboard-{name}-together.png")
        page.go("about:blank")  # it would call for the stream that ends here


# the report ---------------------------------------------------------------------------------------
def _report(name: str, state: Path, page: Any, place: Path) -> None:
    """The report of the story's session, piece by piece; the pictures of the docs besides."""
    file = place / f"{name}.html"
    file.write_text(rendered(build(state, session_date(STORIES[name].look_at)), "html"), encoding="utf-8")
    for width, where in ((PAPER, "desk"), (PHONE[0], "phone")):
        for dark in (False, True):
            page.size(width, SLICE, dark=dark)
            page.go(file.as_uri())
            page.until("document.querySelector('#appendix')")
            _sliced(page, f"report-{name}-{where}{'-dark' if dark else ''}", SLICE)
    for picture, sight in REPORTS.items():
        if sight.story != name:
            continue
        page.size(sight.width, sight.height, dark=sight.dark)
        page.go(file.as_uri())
        page.until("document.querySelector('#appendix')")
        if sight.anchor:
            page.js(f"document.querySelector('#{sight.anchor}').scrollIntoView()")
        page.shot(PICTURES / f"{picture}.png")


def _sliced(page: Any, name: str, height: int, *, to_scroll: bool = True) -> None:
    """A page from top to bottom, one picture for each screen of it."""
    screens = -(-int(page.js("document.documentElement.scrollHeight")) // height) if to_scroll else 1
    for n in range(screens):
        page.js(f"window.scrollTo(0, {n * height})")
        page.shot(GALLERY / (f"{name}-{n + 1:02d}.png" if screens > 1 else f"{name}.png"))


OF_GALLERY = {
    "dashboard": "dashboard-calm-desk",
    "dashboard-dark": "dashboard-calm-desk-dark",
    "dashboard-together": "dashboard-calm-together",
    "dashboard-phone": "dashboard-calm-phone-01",
    "dashboard-faults": "dashboard-faults-desk",
}
"""Pictures of the docs that are among those of the gallery."""


def main() -> None:
    """Writes the pictures and prints their names and sizes."""
    chromium = _chromium()
    if chromium.program() is None:
        raise SystemExit("no chromium here: install chromium, chromium-browser or google-chrome")
    PICTURES.mkdir(parents=True, exist_ok=True)
    GALLERY.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        with chromium.browser(place / "profile") as page:
            for name in STORIES:
                state = Path(sys.argv[1]) / name if len(sys.argv) > 1 else _lived(name, place)
                _dashboard(name, state, page, place / f"served-{name}")
                _report(name, state, page, place)
            for line in page.errors:
                print(f"the browser said: {line}")
    for picture, shown in OF_GALLERY.items():
        (PICTURES / f"{picture}.png").write_bytes((GALLERY / f"{shown}.png").read_bytes())
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size // 1024} KB")
    print(f"{len(list(GALLERY.glob('*.png')))} more to look through in {GALLERY.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
