"""`python -m bot.report.sofar STATE [SESSION SEQ]`: why the running session's profit is what it is, as a line of JSON.

What the dashboard shows as result by part. The same arithmetic as the report's, in a process of its own that steps
behind everything else, so that it costs the trading loop nothing.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bot.journal import JournalError, reader
from bot.report.attribution import PARTS, attribute
from bot.report.collect import Json, collect
from bot.report.money import money

JOURNAL = "journal.sqlite3"
HOLDERS = ("condors", "L1", "L2", "L3", "other")


def sofar(state_dir: Path, session_day: str | None = None, to_seq: int | None = None) -> Json:
    """`session`, `until`, and `rows` of dollars by part, those of all condors as one; the broker's change beside it.

    Of an earlier session, or up to a record of it, where one is named. Without quotes `rows` is empty. Raises
    JournalError.
    """
    journal = state_dir / JOURNAL
    days = reader.sessions(journal)
    if not days:
        return {"session": None, "until": None, "rows": [], "change_usd": None, "difference_usd": None}
    day = session_day or days[-1]
    found = collect(journal, [day], to_seq)
    session, trades = found.sessions[day], found.books.trades()
    shares = attribute(session, found.books, trades, found.index("SPX"), found.risk_free_pct() / 100.0)
    change = money(session, found.books, trades)["change_usd"]
    rows: dict[str, Json] = {}
    for row in [] if shares is None else shares["rows"]:
        holder = row["holder"] if row["holder"] in HOLDERS else "condors"
        kept = rows.setdefault(holder, {"holder": holder, **dict.fromkeys((*PARTS, "total"), 0.0)})
        for part in (*PARTS, "total"):
            kept[part] = round(kept[part] + row[f"{part}_usd"], 2)
    total = None if shares is None else shares["total_usd"]
    return {
        "session": day,
        "until": None if shares is None else shares["until"],
        "rows": [rows[name] for name in HOLDERS if name in rows],
        "change_usd": change,
        "difference_usd": None if change is None or total is None else round(change - total, 2),
    }


def main(state_dir: Path, session_day: str | None = None, to_seq: str | None = None) -> int:
    """Prints it; 1 with the reason on stderr when the journal cannot be read."""
    os.nice(10)
    try:
        sys.stdout.write(json.dumps(sofar(state_dir, session_day, None if to_seq is None else int(to_seq))) + "\n")
    except JournalError as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:4]))
