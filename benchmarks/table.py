"""One form for every benchmark: what was measured, the peer, the project, their ratio, the target, reached or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line. `peer` and `project` are texts with their unit; `ratio` is project over peer unless the target says
    otherwise; `reached` None where no target is set."""

    name: str
    peer: str
    project: str
    ratio: float | None
    target: str
    reached: bool | None


HEAD = ("", "peer", "project", "ratio", "target", "reached")


def render(title: str, rows: Sequence[Row]) -> str:
    """The table as text, columns as wide as they must be."""
    said = {True: "yes", False: "NO", None: ""}
    lines = [HEAD] + [
        (r.name, r.peer, r.project, "" if r.ratio is None else f"{r.ratio:.2f}x", r.target, said[r.reached])
        for r in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    rule = "-" * max(len(text) for text in texts)
    return "\n".join((title, rule, texts[0], rule, *texts[1:], ""))
