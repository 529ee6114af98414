"""Load: the bot trades while every second brings twice the messages of the fullest second that any seed ever saw.

The market ticks once a second, and each tick's messages come again and again until the rate is there. Virtual time
waits for whoever is slow, so that keeping up is measured in processor time: what bot, gateway and judges need together
for a second of the market has to be less than a second.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaign.arena import Arena
from tests.campaign.at_rest import AtRest
from tests.campaign.found import Found
from tests.campaign.plan import draw

WARM_S, MEASURED_S = 60.0, 20.0
"""Market seconds before the load: for the start, and at the end of them for the rate without it."""
REPEATED = ("tickPrice", "tickSize", "tickOptionComputation", "tickString", "tickGeneric", "marketDataType")
MOST_COPIES = 60


class Load:
    """One story under load; `wanted` is messages a second, twice the highest rate seen."""

    def __init__(self, wanted: int, minutes: float, place: Path) -> None:
        plan = replace(
            draw("orders", 0), begin="2026-03-02T10:29:00-05:00", tick_s=1.0, hedged=True, liveness=False, dishes=(),
            fills="quick", fill_terms={"mid_per_minute": 6.0, "partial_probability": 0.3},
        )  # fmt: skip
        self.wanted = wanted
        self.minutes = minutes
        self.found = Found()
        self.arena = Arena(plan, place, self.found)
        self.rates: list[int] = []
        self.copies = 0
        self.base = 0
        self.cpu_s = 0.0
        self.dropped_slow = 0

    def run(self) -> dict[str, Any]:
        """Plays and reports."""
        self.arena.play(self._story)
        AtRest(self.arena).judge()
        return self._report()

    async def _story(self, arena: Arena) -> None:
        arena.begin()
        await arena.until(arena.settled, 120.0)
        await self._market_s(WARM_S)
        self.base = self._rate(MEASURED_S)
        self.copies = min(max(math.ceil(self.wanted / max(self.base, 1)), 1), MOST_COPIES)
        for message in REPEATED:
            arena.gateway.cause("duplicate", message=message, copies=self.copies, times=0)
        begun_s, cpu_s = int(arena.market_s()) + 1, time.process_time()
        await self._market_s(60.0 * self.minutes)
        self.cpu_s = time.process_time() - cpu_s
        ended_s = int(arena.market_s())
        self.rates = [arena.tap.per_second[second] for second in range(begun_s, ended_s)]
        self.dropped_slow = int(str(arena.gateway.status()["dropped_slow"]))
        arena.gateway.cause("clear")
        await arena.until(arena.settled, 120.0)
        for kind in ("OPT", "IND", "FUT", "STK"):  # the market falls silent, so that what was told last is handled
            arena.gateway.cause("quote_freeze", sec_type=kind, how="silent", for_s=30.0)
        await self._market_s(10.0)
        self._quotes()

    async def _market_s(self, seconds: float) -> None:
        arena, began = self.arena, self.arena.market_s()
        while arena.market_s() - began < seconds and not arena.ended:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.25)

    def _rate(self, last_s: float) -> int:
        """The middle rate of the seconds that ended last."""
        now = int(self.arena.market_s())
        return int(np.median([self.arena.tap.per_second[s] for s in range(now - int(last_s), now)]))

    def _quotes(self) -> None:
        """What the bot holds of each of its lines is what the wire told it last: nothing was dropped on the way."""
        line = self.arena.tap.line
        quotes: Mapping[int, Any] = self.arena.state.market.quotes
        assert line is not None
        for con_id in {told.con_id for told in line.lines.values() if told.wanted}:
            told, held = line.of(con_id), quotes.get(con_id)
            if told is None or told.bid is None or told.ask is None or held is None:
                continue
            same = (held.bid, held.ask) == tuple(None if price < 0.0 else price for price in (told.bid, told.ask))
            self.found.look(
                "quotes", same, f"{told.con_id}: told {told.bid} / {told.ask}, held {held.bid} / {held.ask}"
            )

    def _report(self) -> dict[str, Any]:
        rates = np.array(self.rates or [0])
        enough = int((rates >= self.wanted).sum())
        per_s = self.cpu_s / max(len(self.rates), 1)
        orders = self.arena.wire_judge.orders
        fills = self.found.events["ledger fill"]
        lowest, middle, highest = int(rates.min()), int(np.median(rates)), int(rates.max())
        looked, broken = self.found.checked, self.found.violated
        words = (
            f"The fullest second of any seed brought {self.wanted // 2:,} messages, so {self.wanted:,} a second were "
            f"asked for. Of {len(rates)} seconds of the market under load the quietest brought {lowest:,}, the middle "
            f"one {middle:,}; {enough} had what was asked for, and without load it was {self.base:,}. {orders} orders "
            f"left and {fills} executions came; {sum(looked.values()):,} looks at invariants, broken: "
            f"{sum(broken.values())}. Bot, gateway and judges together took {per_s:.2f} s of processor time a second "
            f"of the market. Connections dropped for slowness: {self.dropped_slow}. Quotes held that are not what the "
            f"wire told last: {broken['quotes']} of {looked['quotes']}."
        )
        return {
            "words": words,
            "wanted": self.wanted,
            "rates": {"lowest": lowest, "middle": middle, "highest": highest, "seconds": len(rates), "enough": enough},
            "copies": self.copies,
            "orders": orders,
            "fills": fills,
            "cpu_per_market_s": round(per_s, 3),
            "dropped_slow": self.dropped_slow,
            "violated": dict(broken),
            "wrong": self.found.words,
        }


def load(most_per_s: int, minutes: float = 5.0) -> dict[str, Any]:
    """The load at twice the highest rate seen, for some market minutes."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        return Load(2 * most_per_s, minutes, Path(folder)).run()
