"""The report's raw tables as files that the page carries inside itself: CSV in data links, for any spreadsheet."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.report.facts import Json

MOST_ROWS = 2_000
"""A table with more is cut, and says so in its name: the page must stay small enough for a mail."""

MINUTES = (
    "spx_points", "vix_points", "front_minus_second_points", "net_vega_n", "low_n", "high_n", "net_delta_usd_per_pct",
    "equity_usd",
)  # fmt: skip


class Table(NamedTuple):
    """A file name, how many rows it has, and the link that holds it."""

    name: str
    rows: int
    link: str


def tables(report: Json) -> list[Table]:
    """Minutes, orders, executions, decisions, refusals, caps, attribution; moments UTC, units in the names."""
    shares = [
        {"session": d["session"], **row} for d in report["days"] if d["attribution"] for row in d["attribution"]["rows"]
    ]
    single = report["kind"] == "session"  # of several sessions the two long tables would make the page too big to mail
    plain = [
        ("minutes", list(_minutes(report["days"])) if single else []),
        ("orders", report["orders"]),
        ("executions", report["fills"]),
        ("decisions", report["decisions"] if single else []),
        ("refusals", [v for v in report["verdicts"] if not v["approved"]]),
        ("caps", report["caps"]),
        ("attribution", shares),
    ]
    stem = report["sessions"][-1]["session"] if report["kind"] == "session" else report["kind"]
    return [_table(f"{stem}-{name}", rows) for name, rows in plain if rows]


def _minutes(days: Iterable[Json]) -> Iterable[Json]:
    """One row a minute of every session."""
    for day in days:
        told = day["timeline"]
        if told["from"] is None:
            continue
        start = datetime.fromisoformat(told["from"])
        for i in range(len(told["spx_points"])):
            yield {"at": (start + timedelta(minutes=i)).isoformat(), **{name: told[name][i] for name in MINUTES}}


def _table(name: str, rows: Sequence[Json]) -> Table:
    """The last rows as CSV; the columns are those of the first that has them, nested values are written as they are."""
    kept = rows[-MOST_ROWS:]
    columns = list(dict.fromkeys(key for row in kept for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(key)) for key in columns] for row in kept)
    cut = "" if len(kept) == len(rows) else f"-last-{len(kept)}"
    body = base64.b64encode(text.getvalue().encode()).decode()
    return Table(f"{name}{cut}.csv", len(kept), f"data:text/csv;charset=utf-8;base64,{body}")


def _cell(value: object) -> str:
    """A value as a spreadsheet may read it: a text that it would take for a formula is quoted first."""
    if value is None:
        return ""
    if isinstance(value, dict):
        value = "; ".join(f"{key} {one}" for key, one in value.items())
    elif isinstance(value, list):
        value = "; ".join(str(one) for one in value)
    if isinstance(value, str) and value[:1] in "=+-@\t\r":
        return f"'{value}"
    return str(value)
