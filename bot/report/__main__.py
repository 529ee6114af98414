"""`python -m bot.report SESSION STATE FORMAT...`: writes one session's report, then its replay's badge into it.

What the bot starts at the end of a session: a process of its own, so that neither its work nor its failure can touch
trading. It steps behind everything else that wants the processor.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.replay import replay
from bot.report.build import build
from bot.report.files import FOLDER, file_name, rendered, write


def main(session: str, state_dir: Path, formats: list[str]) -> None:
    """Writes the files twice: at once, and again when every decision of the session has been made again."""
    os.nice(10)
    _write(session, state_dir, formats)
    replay(state_dir, session)
    _write(session, state_dir, formats)


def _write(session: str, state_dir: Path, formats: list[str]) -> None:
    report = build(state_dir, session)
    for kind in formats:
        write(state_dir / FOLDER / file_name(report, kind), rendered(report, kind))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
