"""Stretches of real history with the hedge on: plays one, judges it by journal, twins, ledger and replay, tells it.

`python -m benchmarks.history WINDOW --data DIR` plays a window with `condor sim --speed max` and writes three files
beside its journal: `history.json` (everything), `history.md` (tables), `history-details.md` (every adjustment and every
excursion from the band). `--tell` only judges a run that is there; `--page STATE...` sets the windows side by side.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.history_tables import details, page, tables  # noqa: E402
from bot.journal import reader  # noqa: E402
from bot.method.build import build  # noqa: E402
from bot.recover import code_version  # noqa: E402
from bot.replay import replay  # noqa: E402
from bot.sim.world import load_history  # noqa: E402
from bot.twins.carried import carry  # noqa: E402
from bot.twins.compare import compare  # noqa: E402
from bot.twins.market import TwinMarket  # noqa: E402
from bot.twins.record import TwinsError, read  # noqa: E402
from strategies.domain.session import session_date  # noqa: E402

Json = dict[str, Any]


class Window(NamedTuple):
    """First and last day, and the list of releases where the folder's own does not reach back so far."""

    first: date
    last: date
    events: str = ""


WINDOWS = {
    "2008": Window(date(2008, 9, 2), date(2009, 3, 31), "config/events-2008.toml"),
    "2011": Window(date(2011, 7, 1), date(2011, 10, 31), "config/events-2011.toml"),
    "2018": Window(date(2018, 1, 2), date(2018, 3, 29)),
    "2020": Window(date(2020, 2, 3), date(2020, 4, 30)),
    "2025": Window(date(2025, 3, 3), date(2025, 5, 30)),
    "calm": Window(date(2019, 1, 2), date(2019, 12, 31)),
}


class Seen(NamedTuple):
    """What a journal says beside the method: per cap its highest use, condors sold, why a session sold none, orders
    the gate refused by check, and how long the run took the market."""

    caps: list[Json]
    sold: list[Json]
    declined: dict[str, dict[str, int]]
    unsold_sessions: list[str]
    refused: dict[str, int]
    started: Json


def play(window: Window, args: argparse.Namespace) -> None:
    """The run, as a user makes it. Raises CalledProcessError where it fails."""
    command = [
        sys.executable, "-m", "bot", "sim", "--history", str(args.data), "--start", f"{window.first}",
        "--end", f"{window.last}", "--speed", "max", "--tick", f"{args.tick:g}", "--seed", f"{args.seed}",
        "--state", str(args.state), "--ledger", str(_ledger(args.state)), "--fresh", "--quiet",
    ]  # fmt: skip
    for assignment in args.set:
        command += ["--set", assignment]
    if window.events:
        command += ["--set", f'macro.events="{window.events}"']
    subprocess.run(command, cwd=ROOT, check=True)


def _ledger(state: Path) -> Path:
    return state.with_suffix(".jsonl")


def judge(window: Window, state: Path, data: Path, seed: int, *, again: bool) -> Json:
    """Everything about a run that is there. `again` makes every decision once more (a replay)."""
    seen = look(state / "journal.sqlite3")
    method = build(state)
    world = load_history(data, window.first, window.last, seed=seed)
    try:
        record = read(state)
        twins = msgspec.to_builtins(compare(record, carry(record, TwinMarket(world)))) if record.deals else None
    except TwinsError as reason:
        twins = {"cannot_tell": str(reason)}
    return {
        "window": {"first": method.days[0].day, "last": method.days[-1].day, "sessions": len(method.days),
                   "asked_first": window.first.isoformat(), "asked_last": window.last.isoformat(),
                   "events": window.events, "seed": seed},
        "code": seen.started.get("code_version", ""),
        "now": code_version(),
        "method": msgspec.to_builtins(method),
        "twins": twins,
        "seen": {"caps": seen.caps, "sold": seen.sold, "declined": seen.declined,
                 "unsold_sessions": seen.unsold_sessions, "refused": seen.refused},
        "ledger": checked(_ledger(state)),
        "replay": replay(state).as_dict() if again else None,
        "notes": list(world.notes()),
    }  # fmt: skip


def checked(ledger: Path) -> Json | None:
    """The independent checker's verdict on the venue's own record; None where it was not kept."""
    if not ledger.exists():
        return None
    command = [sys.executable, str(ROOT / "tests/oracle/check_ledger.py"), str(ledger)]
    found: Json = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return found


def look(journal: Path) -> Seen:
    """One pass through the outcomes."""
    caps: dict[str, Json] = {}
    sold: list[Json] = []
    said: dict[str, Counter[str]] = {}
    days: list[str] = []
    sellers: set[str] = set()
    refused: Counter[str] = Counter()
    for outcome in reader.read_outcomes(journal):
        day, body = session_date(outcome.at), outcome.body
        if not days or days[-1] != day:
            days.append(day)
        for use in body.get("caps", ()):
            _keep(caps, use, outcome.at)
        for row in body.get("decisions", ()):
            if row["subject"] == "entry" and row["verdict"] == "decline":
                said.setdefault(day, Counter())[f"{row['rule']}: {row['text']}"] += 1
        for move in body.get("moves", ()):
            if move["what"] == "condor" and move["before"] == "entry_working" and move["after"] == "open":
                sold.append({"at": outcome.at.isoformat(), "condor": move["subject"]})
                sellers.add(day)
        for verdict in body.get("verdicts", ()):
            if not verdict["approved"]:
                refused[verdict["code"] or "?"] += 1
    started = next((row.event for row in reader.read_facts(journal, _run_started())), None)
    return Seen(
        sorted(caps.values(), key=lambda row: -row["share_pct"]),
        sold,
        {day: dict(counts) for day, counts in said.items()},
        [day for day in days if day not in sellers],
        dict(refused.most_common()),
        {} if started is None else {"code_version": started.code_version},
    )


def _run_started() -> Any:
    from strategies.domain.events import RunStarted

    return RunStarted


def _keep(caps: dict[str, Json], use: Json, at: datetime) -> None:
    """The highest use of each cap as a share of it; of a floor how much of it the lowest value leaves unused."""
    used, cap = use.get("used"), use["cap"]
    if used is None or not cap:
        return
    share = 100.0 * (cap / used if use.get("floor") and used > 0.0 else used / cap)
    key = f"{use['code']} {use['name']}"
    if key not in caps or share > caps[key]["share_pct"]:
        caps[key] = {**use, "share_pct": round(share, 2), "at": at.isoformat()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("window", nargs="?", choices=sorted(WINDOWS))
    parser.add_argument("--data", type=Path, help="folder of daily market data (docs/simulated-worlds.md)")
    parser.add_argument("--state", type=Path, help="where the run lies or is to lie; default var/history/WINDOW")
    parser.add_argument("--start", type=date.fromisoformat, help="another first day")
    parser.add_argument("--end", type=date.fromisoformat, help="another last day")
    parser.add_argument("--tick", type=float, default=30.0, help="market seconds between two looks; at most 30")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the run")
    parser.add_argument("--tell", action="store_true", help="judge the run that is there; play nothing")
    parser.add_argument("--no-replay", action="store_true", help="leave the replay out (code of another day)")
    parser.add_argument("--page", type=Path, nargs="+", metavar="STATE", help="tables of several judged runs")
    args = parser.parse_args()
    if args.page:
        print(page([json.loads((state / "history.json").read_text()) for state in args.page]))
        return
    if args.window is None or args.data is None:
        parser.error("name a window and --data, or --page with the runs to set side by side")
    known = WINDOWS[args.window]
    window = Window(args.start or known.first, args.end or known.last, known.events)
    args.state = args.state or Path("var/history") / args.window
    if not args.tell:
        play(window, args)
    told = judge(window, args.state, args.data, args.seed, again=not args.no_replay)
    told["window"] |= {"name": args.window, "tick_s": args.tick}
    (args.state / "history.json").write_text(json.dumps(told, indent=1))
    (args.state / "history.md").write_text(tables(told))
    (args.state / "history-details.md").write_text(details(told))
    print(tables(told))


if __name__ == "__main__":
    main()
