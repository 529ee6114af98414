"""Reports as files: one name for each, written beside the journal and whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bot.report.facts import Json

FOLDER = "reports"
ENDINGS = {"text": "txt", "md": "md", "json": "json", "html": "html"}


def rendered(report: Json, kind: str) -> str:
    """The report in one of the formats `text`, `md`, `json`, `html`."""
    if kind == "html":
        from bot.report.page import render as page

        return page(report)
    if kind == "md":
        from bot.report.markdown import render as markdown

        return markdown(report)
    if kind == "json":
        return json.dumps(report)
    from bot.report.text import render as text

    return text(report)


def file_name(report: Json, kind: str) -> str:
    """`2026-03-12.html`, `week-2026-03-13.html` by its last session, `all.html`."""
    last = report["sessions"][-1]["session"]
    names = {"session": last, "week": f"week-{last}", "all": "all"}
    return f"{names[report['kind']]}.{ENDINGS[kind]}"


def write(path: Path, body: str) -> None:
    """Puts a file in place whole: a reader never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(body, encoding="utf-8")
    os.replace(draft, path)
