"""Judges what a seed leaves on disk and in words: I6, I13, I14, I15, I16, I18, I19, I20, I21.

The journal is read as SQLite and JSON; only the replay (I6) is the bot's own, because that is what it promises.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.replay import replay
from tests.campaign.arena import ACCOUNT, Arena

TERMINAL = frozenset({"filled", "cancelled", "rejected", "expired", "absent"})
REPLAY_EVERY = 8
"""One seed in so many is replayed whole: it costs as much as the bot's own thinking."""
MOST_ALERTS, MOST_LINK_ALERTS = 20, 60
"""Alerts of one key (information apart) within a minute of the market; of the link within one of the loop, for the
market's clock stands still while nobody follows it, and simulated links dial again at once."""


class Record(NamedTuple):
    """One record of the journal as the file has it."""

    seq: int
    at: str
    kind: str
    cause: int | None
    body: dict[str, Any]


class AtRest:
    """Looks at an arena whose bot has ended."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._found = arena.found
        self._path = arena.state_dir / "journal.sqlite3"

    def judge(self) -> None:
        """Everything that is left."""
        if not self._path.exists():
            return
        records = self._chain()
        self._moves(records)
        self._controls(records)
        self._alerts(records)
        self._secrets()
        self._cash()
        self._layers()
        if self._arena.plan.seed % REPLAY_EVERY == 0:
            answer = replay(self._arena.state_dir)
            self._found.look("I6", answer.divergence is None, f"replay differs: {answer.divergence}")

    # the file ------------------------------------------------------------------------------------
    def _chain(self) -> list[Record]:
        """I16: no gap, every link right, time never back."""
        records: list[Record] = []
        previous, last_at = bytes(32), ""
        broken, read_at, checkpoint_at = "", 0, 0
        with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT seq, at, kind, session, cause_seq, CAST(body AS BLOB), chain FROM records ORDER BY seq"
            )
            for number, (seq, at, kind, session, cause, body, chain) in enumerate(rows, start=1):
                head = f"{seq}|{at}|{kind}|{session}|{'' if cause is None else cause}|".encode()
                previous = hashlib.sha256(previous + head + body).digest()
                if not broken and (seq != number or previous != chain or at < last_at):
                    broken = f"record {seq} at {at}: place {number}, link {previous == chain}, after {last_at}"
                    read_at = seq if kind == "event" else 0
                last_at, previous = at, chain
                checkpoint_at = seq if kind == "checkpoint" else checkpoint_at
                if kind != "checkpoint":
                    records.append(Record(seq, at, kind, cause, json.loads(body)))
        # A start reads the facts after the last checkpoint: a bit that flipped elsewhere waits for its reader.
        unread = "disk: bit flipped" in self._found.faults and read_at <= checkpoint_at
        self._found.look("I16", not broken or unread, broken)
        return records

    # machines ------------------------------------------------------------------------------------
    def _moves(self, records: list[Record]) -> None:
        """I13, I14: each move begins where the last one ended; an order that is over stays so, but for a late fill."""
        where: dict[tuple[str, str], str] = {}
        alerts_by_seq: dict[int, list[str]] = {}
        for record in records:
            if record.kind != "outcome":
                continue
            alerts_by_seq[record.seq] = [alert["text"] for alert in record.body.get("alerts", ())]
            counted = record.seq >= self._arena.from_seq
            for move in record.body.get("moves", ()):
                key = (move["what"], move["subject"])
                before = where.get(key, move["before"])
                if not counted:
                    where[key] = move["after"]
                    continue
                self._found.look("I14", before == move["before"], f"{key} was {before}, moves from {move['before']}")
                where[key] = move["after"]
                if move["what"] == "order" and move["before"] in TERMINAL:
                    late = any(move["subject"] in text for text in alerts_by_seq[record.seq])
                    self._found.look("I13", late, f"{key}: {move['before']} -> {move['after']} ({move['text']})")
                elif move["what"] == "order":
                    self._found.look("I13", True)

    def _controls(self, records: list[Record]) -> None:
        """Which controls denied an order, stopped, or were told."""
        controls = self._found.controls
        for record in records:
            if record.kind != "outcome" or record.seq < self._arena.from_seq:
                continue
            for verdict in record.body.get("verdicts", ()):
                controls["approved" if verdict["approved"] else "denied"] += 1
                for check in verdict["checks"]:
                    controls["checks made"] += 1
                    if not check["passed"]:
                        controls[f"denied by {check['code']}"] += 1
            for alert in record.body.get("alerts", ()):
                controls[f"told as {_short(alert['key'])}"] += 1

    # words ---------------------------------------------------------------------------------------
    def _alerts(self, records: list[Record]) -> None:
        """I18: a latch is told in the step that sets it; no key is told more than once a minute, link steps apart."""
        told: dict[str, list[datetime]] = defaultdict(list)
        causes: set[str] = set()
        for record in records:
            if record.kind != "outcome" or record.seq < self._arena.from_seq:
                continue
            for alert in record.body.get("alerts", ()):
                if alert["level"] == "info":
                    continue
                told[alert["key"]].append(datetime.fromisoformat(alert["at"]) if "at" in alert else _at(record.at))
                if alert["key"].startswith("latch"):
                    causes.add(alert["key"])
        self._found.events["alerts"] += sum(map(len, told.values()))
        for key, moments in told.items():
            worst = Counter(moment.replace(second=0, microsecond=0) for moment in moments).most_common(1)[0][1]
            if not key.startswith(("link", "fault.LINK")):
                self._found.look("I18", worst <= MOST_ALERTS, f"{key} was told {worst} times in a minute")
        worst = max(Counter(int(at // 60.0) for at in self._arena.link_told_at).values(), default=0)
        self._found.look("I18", worst <= MOST_LINK_ALERTS, f"the link was told of {worst} times in a minute")
        for latch in self._arena.state.control.latches:
            near = [text for at, _, text in self._arena.alerts if abs(at - latch.at) <= timedelta(seconds=5)]
            self._found.look("I18", bool(near), f"latch {latch.cause} at {latch.at} was told to nobody")

    def _secrets(self) -> None:
        """I19: the account's whole name stands in no alert and no log."""
        texts = [text for _, _, text in self._arena.alerts]
        for folder in (self._arena.state_dir / "log",):
            texts += [path.read_text(errors="replace") for path in folder.glob("*")] if folder.is_dir() else []
        texts += [p.read_text(errors="replace") for p in (self._arena.state_dir / "status.json",) if p.exists()]
        seen = [m.group(0) for text in texts for m in [re.search(rf".{{0,60}}{ACCOUNT}.{{0,60}}", text)] if m]
        self._found.look("I19", not seen, f"the whole account id is told: {seen[:1]}")

    # money ---------------------------------------------------------------------------------------
    def _cash(self) -> None:
        """I21: cash moved by what fills, fees and settlements explain, to the cent."""
        truth = self._arena.ledger_judge.truth
        cash, explained = truth.cash(), truth.cash_explained()
        owed = len(truth.executions) - len(truth.commissions)
        corrected = "correct_execution" in self._found.faults
        if owed == 0 and not corrected:
            self._found.look("I21", cash == explained, f"cash {cash}, explained {explained}")

    def _layers(self) -> None:
        """I15: no slot of the hedge is short or above its layer's units, by the executions."""
        held: Counter[str] = Counter()
        for execution in self._arena.ledger_judge.truth.executions.values():
            if execution.order_ref.startswith("alvh-s"):
                held[execution.order_ref.split(".")[0]] += execution.signed
        if {"correct_execution", "fill_leg_only"} & set(self._found.faults):
            return
        for slot, units in held.items():
            self._found.look("I15", 0 <= units <= 20, f"{slot} holds {units} contracts")


def _short(key: str) -> str:
    """An alert's key without the order, condor or fault that it is about."""
    head, _, rest = key.partition(".")
    if head == "latch":
        return f"latch {rest.removeprefix('limit:')}"
    return f"{head} {rest}" if head in ("warn", "fault", "arm", "flatten") else head


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
