"""Pictures of the dashboard and the report for the README: a simulated story is lived and looked at in chromium.

`python -m benchmarks.pictures [STATE]` writes docs/pictures/*.png. With STATE the story was lived there before. The
dashboard is served as it stood at a moment of the story, from the journal.
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
from typing import Any

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
CALM = "2026-03-04"
"""A session of it in which condors and hedge are held to the close."""

DAY = "2026-03-11"
"""The session of the story `flip` in which the market turns."""

OF_CALM = ("report-condors", "report-together")

LOOK_AT = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
"""When the dashboard is looked at: condors are open and the hedge holds something."""

PATIENCE_S, BEAT_S, LINES_IN_USE = 400.0, 0.5, 38


def _chromium() -> ModuleType:
    """The driver that the page's tests use."""
    spec = importlib.util.spec_from_file_location("chromium", ROOT / "tests" / "web" / "chromium.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def _dashboard(state: Path, page: Any, place: Path) -> None:
    """The page at LOOK_AT in light and dark, and with condors and hedge drawn together."""
    with _served(state, LOOK_AT, place) as link:
        for name, dark in (("dashboard", False), ("dashboard-dark", True)):
            page.size(1366, 768, dark=dark)
            page.go(link)
            page.until("document.querySelector('.parts tr.total')", PATIENCE_S)
            page.shot(PICTURES / f"{name}.png")
        page.size(1366, 768)
        page.js("document.querySelector('[name=how][value=together]').click()")
        page.until("document.querySelector('.together svg')", PATIENCE_S)
        page.shot(PICTURES / "dashboard-together.png")


def _story(state: Path) -> None:
    """Lives the whole story as fast as the machine allows."""
    options = ("--scenario", "flip", "--speed", "max", "--quiet", "--set", "alvh.enabled=true")
    command = [sys.executable, "-m", "bot", "sim", "--fresh", "--state", str(state), *options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


def _report(state: Path, page: Any) -> None:
    """The report of the session, its top in light and dark, and what stands further down."""
    with tempfile.TemporaryDirectory() as folder:
        files = {day: Path(folder) / f"{day}.html" for day in (DAY, CALM)}
        for day, file in files.items():
            file.write_text(rendered(build(state, day), "html"), encoding="utf-8")
        for name, anchor, height, dark in (
            ("report", "", 1180, False),
            ("report-dark", "", 1180, True),
            ("report-condors", "condors", 900, False),
            ("report-together", "together", 640, False),
            ("report-hedge", "hedge", 620, False),
            ("report-money", "money", 760, False),
        ):
            page.size(1100, height, dark=dark)
            page.go(files[CALM if name in OF_CALM else DAY].as_uri())
            page.until("document.querySelector('#appendix')")
            if anchor:
                page.js(f"document.querySelector('#{anchor}').scrollIntoView()")
            page.shot(PICTURES / f"{name}.png")


def main() -> None:
    """Writes the pictures and prints their names and sizes."""
    chromium = _chromium()
    if chromium.program() is None:
        raise SystemExit("no chromium here: install chromium, chromium-browser or google-chrome")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        with chromium.browser(place / "profile") as page:
            state = Path(sys.argv[1]) if len(sys.argv) > 1 else place / "state"
            if len(sys.argv) == 1:
                _story(state)
            _dashboard(state, page, place / "served")
            _report(state, page)
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
