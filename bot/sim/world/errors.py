"""The typed refusals of the worlds: data that cannot be trusted and scenarios that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(eq=False)
class WorldDataError(Exception):
    """A history folder cannot serve the range asked for; nothing was built.

    `file`, `column` and `day` name the place as far as it is known, `reason` says what is wrong and what to do.
    """

    reason: str
    file: str | None = None
    column: str | None = None
    day: date | None = None

    def __str__(self) -> str:
        where = [
            part
            for part in (
                f"file {self.file}" if self.file else "",
                f"column {self.column}" if self.column else "",
                f"date {self.day.isoformat()}" if self.day else "",
            )
            if part
        ]
        return f"{', '.join(where)}: {self.reason}" if where else self.reason


@dataclass(eq=False)
class ScenarioError(Exception):
    """A scenario file cannot be read as written; nothing was built."""

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.reason}"
