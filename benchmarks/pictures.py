"""Pictures of the dashboard and the report for the README: a simulated story is lived and looked at in chromium.

`python -m benchmarks.pictures [STATE]` writes docs/pictures/*.png. With STATE, where the story was lived, it looks only
at the report.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.report.build import build
from bot.report.files import rendered

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
CALM = "2026-03-04"
"""A session of it in which condors and hedge are held to the close."""

DAY = "2026-03-11"
"""The session of the story `flip` in which the market turns."""

OF_CALM = ("report-condors", "report-together")

LOOK_AT = "2026-03-04T18:30"
"""When the dashboard is looked at: condors are open and the hedge holds something."""

PATIENCE_S = 1200.0
SETTINGS = ("--set", "alvh.enabled=true", "--set", "web.port=0")


def _chromium() -> ModuleType:
    """The driver that the page's tests use."""
    spec = importlib.util.spec_from_file_location("chromium", ROOT / "tests" / "web" / "chromium.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _wait(state: Path, moment: str, life: subprocess.Popen[bytes]) -> None:
    """Until the bot's status tells of that moment or a later one."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        told: Any = {}
        path = state / "status.json"
        if path.exists():
            told = json.loads(path.read_text())
        if str(told.get("at") or "") >= moment:
            return
        if life.poll() is not None:
            raise SystemExit(f"the story ended before {moment}")
        time.sleep(0.2)
    raise SystemExit(f"the story did not reach {moment} within {PATIENCE_S:.0f} s")


def _dashboard(state: Path, page: Any) -> None:
    """Lives the first days over TCP and looks at the page on the way."""
    options = ("--scenario", "flip", "--speed", "600", "--web", "--quiet", *SETTINGS)
    command = [sys.executable, "-m", "bot", "sim", "--fresh", "--state", str(state), *options]
    life = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait(state, LOOK_AT, life)
        for name, dark in (("dashboard", False), ("dashboard-dark", True)):
            page.size(1366, 768, dark=dark)
            page.go((state / "web.url").read_text().strip())
            page.until("document.querySelector('#caps .cap')", 60.0)
            page.until("document.querySelector('.parts tr.total')", 60.0)
            page.shot(PICTURES / f"{name}.png")
        page.size(1366, 768)
        page.js("document.querySelector('[name=how][value=together]').click()")
        page.until("document.querySelector('.together svg')", 60.0)
        page.shot(PICTURES / "dashboard-together.png")
    finally:
        life.terminate()
        life.wait(60)


def _story(state: Path) -> None:
    """Lives the whole story as fast as the machine allows."""
    options = ("--scenario", "flip", "--speed", "max", "--quiet", *SETTINGS)
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
                _dashboard(place / "lived", page)
                _story(state)
            _report(state, page)
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}  {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
