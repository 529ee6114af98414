"""Judges each message of the bot the moment it leaves: I1, I4, I9, I11, I12.

What it knows: the bytes both ways (wire.py), the latch file, and what the journal holds committed at that moment, read
through a connection of its own. What the bot says of itself (active, reducing, paused) is taken at its word.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.sim.wire.requests import PlaceOrder
from tests.campaign.found import Found
from tests.campaign.wire import CANCEL, GLOBAL_CANCEL, PLACE, START_API, Sent, Told

NEW_YORK = ZoneInfo("America/New_York")
MOST_PER_S = 40
"""Messages in any second (C24); the gateway itself drops a client above 50."""
TICK_HANDED_S = 0.05
OPENS = ("entry", "open")
"""Purposes of orders that add risk, as the reference spells them."""


def purpose(ref: str) -> str:
    """Of `ic-20260302-1.entry.2` entry, of `alvh-s05.open.20260302.3` open."""
    parts = ref.split(".")
    return parts[1] if len(parts) > 1 else ""


class WireJudge:
    """Hears every message of the bot before the gateway can read it."""

    def __init__(
        self, found: Found, state_dir: Path, account: str, *, now: Callable[[], datetime], says: Callable[[], Any],
        tick_s: float, quote_age_s: float
    ) -> None:  # fmt: skip
        """`says` gives the bot's own last state, `now` market time; `tick_s` is how far the bot's clock may lag."""
        self._found = found
        self._journal = state_dir / "journal.sqlite3"
        self._latch = state_dir / "KILL"
        self._account = account
        self._now, self._says = now, says
        self._tick_s, self._quote_age_s = tick_s, quote_age_s
        self._window: deque[float] = deque()
        self._market_s, self._ticked_at = 0.0, 0.0
        self._refs: dict[str, float] = {}
        self.orders = 0
        self.cancels: list[tuple[float, int]] = []
        self.global_cancels: list[float] = []

    def new_life(self) -> None:
        """Another process has a budget of its own, and the broker counts by connection."""
        self._window.clear()

    def hear(self, sent: Sent) -> None:
        if sent.number != START_API:  # the library greets by itself, once a connection
            self._rate(sent.at, sent.market_s)
        if sent.number == CANCEL:
            self.cancels.append((sent.at, int(sent.fields[1])))
        elif sent.number == GLOBAL_CANCEL:
            self.global_cancels.append(sent.at)
        elif sent.number == PLACE:
            self._place(sent)

    # rate ----------------------------------------------------------------------------------------
    def _rate(self, at: float, market_s: float) -> None:
        """I11: no second holds more than the cap. The bot's budget runs on market and loop time, whichever goes faster,
        so only what is sent between two ticks can be judged by the loop's clock; the moment in which a tick
        is on its way belongs to none."""
        if market_s != self._market_s:
            self._market_s, self._ticked_at = market_s, at
            self._window.clear()
        if at - self._ticked_at < TICK_HANDED_S:
            return
        self._window.append(at)
        while self._window[0] <= at - 1.0:
            self._window.popleft()
        self._found.look("I11", len(self._window) <= MOST_PER_S, f"{len(self._window)} messages within a second")

    # orders --------------------------------------------------------------------------------------
    def _place(self, sent: Sent) -> None:
        order: PlaceOrder = sent.order()
        if order.raw["whatIf"] == "1":
            return
        ref, look = order.raw["orderRef"], self._found.look
        self.orders += 1
        look("I12", ref not in self._refs, f"{ref} left twice")
        self._refs[ref] = sent.at
        look("I4", not self._latch.exists(), f"{ref} left while the kill latch stood")
        self._journaled(ref, order)
        self._allowed(ref, order, sent)

    def _journaled(self, ref: str, order: PlaceOrder) -> None:
        """I1: the journal on disk holds one approval of exactly this order before it leaves."""
        intents = committed_intents(self._journal, ref)
        self._found.look("I1", len(intents) == 1, f"{ref}: {len(intents)} committed submits")
        if len(intents) != 1:
            return
        intent = intents[0]
        sign = 1 if order.raw["action"] == "BUY" else -1
        legs = {leg.con_id: sign * leg.ratio * (1 if leg.action == "BUY" else -1) for leg in order.legs}
        legs = legs or {order.contract.con_id: sign}
        meant = {leg["con_id"]: leg["ratio"] * (1 if leg["action"] == "BUY" else -1) for leg in intent["legs"]}
        pays = sign * float(order.raw["lmtPrice"])
        same = (
            legs == meant
            and float(order.raw["totalQuantity"]) == intent["quantity"]
            and abs(pays - intent["limit_points"]) < 1e-9
            and order.raw["orderType"] == "LMT"
            and order.raw["tif"] == "DAY"
        )
        self._found.look("I1", same, f"{ref}: wire {legs} x {order.raw['totalQuantity']} at {pays}, journal {intent}")

    def _allowed(self, ref: str, order: PlaceOrder, sent: Sent) -> None:
        """I9: no order into what is not known or not open; what only closes is spared some."""
        look, line = self._found.look, sent.line
        opening = purpose(ref) in OPENS
        look("I9", line.upstream, f"{ref} left between 1100 and 1101/1102")
        look("I9", line.accounts == (self._account,), f"{ref} left on a connection of accounts {line.accounts}")
        named = order.raw["account"]
        look("I9", named in ("", self._account), f"{ref} names account {named}")
        clock = self._now().astimezone(NEW_YORK)
        look("I9", clock.weekday() < 5 and time(9, 30) <= clock.time() <= time(16, 15), f"{ref} left at {clock}")
        state = self._says()
        look("I9", state.control.state.value != "halted" or not opening, f"{ref} left while the bot says halted")
        if not opening:
            return
        look("I9", time(9, 35) <= clock.time() <= time(15, 46), f"{ref} opens at {clock}")
        look("I9", state.control.state.value == "active" and not state.control.paused,
             f"{ref} opens while the bot says {state.control.state.value}, paused {state.control.paused}")  # fmt: skip
        look("I9", state.link.state.value == "up" and state.link.synced_epoch == state.link.epoch,
             f"{ref} opens while the bot says link {state.link.state.value}, epoch {state.link.epoch}, compared "
             f"{state.link.synced_epoch}")  # fmt: skip
        for con_id in [leg.con_id for leg in order.legs] or [order.contract.con_id]:
            self._quoted(ref, con_id, line.of(con_id), sent.market_s)

    def _quoted(self, ref: str, con_id: int, told: Told | None, at: float) -> None:
        if told is None:
            self._found.look("I9", False, f"{ref}: leg {con_id} has no quotes on this connection")
            return
        age_s = at - told.at
        sound = told.bid is not None and told.ask is not None and 0.0 < told.bid <= told.ask
        self._found.look("I9", sound, f"{ref}: leg {con_id} was last told {told.bid} / {told.ask}")
        # Venue time stands still while the bot works, but its clock and the wire may be a tick apart.
        fresh = age_s <= self._quote_age_s + self._tick_s
        self._found.look("I9", fresh, f"{ref}: leg {con_id} was last told {age_s:.1f} s ago")
        self._found.look("I9", told.data_type == 1, f"{ref}: leg {con_id} is told as data type {told.data_type}")


def committed_intents(journal: Path, ref: str) -> list[dict[str, Any]]:
    """Intents of submit actions under that reference which another reader of the file sees now."""
    with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT CAST(body AS TEXT) FROM records WHERE kind = 'outcome' AND instr(CAST(body AS TEXT), ?) > 0",
            (f'"ref":"{ref}"',),
        ).fetchall()
    actions = [action for (body,) in rows for action in json.loads(body).get("actions", ())]
    return [a["intent"] for a in actions if a["type"] == "submit" and a["intent"]["ref"] == ref]
