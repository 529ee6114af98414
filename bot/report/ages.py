"""How old the data were that a decision looked at: from the journal's own facts, source by source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.journal import reader
from bot.rules.catalogue import catalogue
from strategies.domain import events as ev
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Future, Index, Instrument

Json = dict[str, Any]
LOOK_BACK_FACTS = 400
"""Facts before a decision that are searched for its data; what is not among them is told as older than the first."""
FRONT_MONTHS = 2


class Ages:
    """Follows the facts and answers, at the moment of a decision, how old each kind of its data was."""

    def __init__(self, journal: Path, last_seq: int, legs: dict[str, set[int]]) -> None:
        self._journal = journal
        self._legs = legs
        loaded = reader.read_facts(journal, ev.InstrumentsLoaded, to_seq=last_seq)
        known: dict[int, Instrument] = {}
        for envelope in loaded:
            if isinstance(envelope.event, ev.InstrumentsLoaded):
                known |= {instrument.con_id: instrument for instrument in envelope.event.instruments}
        self._index = {one.symbol: one.con_id for one in known.values() if isinstance(one, Index)}
        self._futures = [one for one in known.values() if isinstance(one, Future)]
        self._bars = [
            (envelope.seq, envelope.event)
            for envelope in reader.read_facts(journal, ev.BarsLoaded, to_seq=last_seq)
            if isinstance(envelope.event, ev.BarsLoaded) and envelope.event.bars
        ]
        self._fills = [
            (envelope.seq, envelope.event.fill)
            for envelope in reader.read_facts(journal, ev.Filled, to_seq=last_seq)
            if isinstance(envelope.event, ev.Filled)
        ]
        self._calendars = [(e.at, e.seq) for e in reader.read_facts(journal, ev.CalendarLoaded, to_seq=last_seq)]
        self._quoted: dict[int, datetime] = {}
        self._account: datetime | None = None
        self._seen = 0

    def at(self, row: Json) -> dict[str, str]:
        """Age of each source that the row's rule looks at, in words. Rows are asked for in the order of their seq."""
        seq, rule = row["seq"], catalogue().rules.get(row["rule"])
        if rule is None:
            return {}
        self._read(seq)
        moment = datetime.fromisoformat(row["at"])
        told = {source: self._age(source, row, moment) for source in rule.sees}
        return {source: age for source, age in told.items() if age}

    def _read(self, seq: int) -> None:
        first = max(self._seen + 1, seq - LOOK_BACK_FACTS)
        if first > self._seen + 1:
            self._quoted, self._account = {}, None
        for envelope in reader.read_events(self._journal, from_seq=first, to_seq=seq):
            match envelope.event:
                case ev.QuotesUpdated(quotes=quotes):
                    self._quoted |= {quote.con_id: quote.at for quote in quotes}
                case ev.AccountReported():
                    self._account = envelope.at
                case _:
                    pass
        self._seen = max(self._seen, seq)

    def _age(self, source: str, row: Json, moment: datetime) -> str:
        match source:
            case "spx" | "vix":
                return self._of([self._index[source.upper()]] if source.upper() in self._index else [], moment)
            case "curve":
                coming = sorted(
                    (one for one in self._futures if one.last_trade_at > moment), key=lambda one: one.expiry
                )
                monthly = [one for one in coming if one.trading_class == "VX"]
                return self._of([one.con_id for one in monthly[:FRONT_MONTHS]], moment)
            case "legs" | "hedge" if (mine := self._legs.get(row.get("intent_ref") or "")) is not None:
                return self._of(mine, moment)
            case "events":
                loaded = [at for at, seq in self._calendars if seq <= row["seq"]]
                return f"list loaded {_seconds((moment - loaded[-1]).total_seconds())} before" if loaded else ""
            case "legs":
                return self._of(self._held(self._legs.get(row["subject"], set()), row["seq"]), moment)
            case "hedge":
                own = self._legs.get(row["subject"]) or self._legs.get(HEDGE_OWNER, set())
                return self._of(self._held(own, row["seq"]), moment)
            case "account":
                return "" if self._account is None else _seconds((moment - self._account).total_seconds())
            case "history":
                days = [bars.bars[-1].day for at, bars in self._bars if at <= row["seq"] and bars.symbol == "SPX"]
                return f"closes to {days[-1].isoformat()}" if days else "none loaded"
            case _:
                return ""

    def _held(self, con_ids: set[int], seq: int) -> list[int]:
        """Of these contracts the ones that executions had left open by then."""
        held = dict.fromkeys(con_ids, 0)
        seen: set[str] = set()
        for at, fill in self._fills:
            if at <= seq and fill.con_id in held and fill.base_id not in seen:
                seen.add(fill.base_id)
                held[fill.con_id] += fill.signed_quantity
        return [con_id for con_id, quantity in held.items() if quantity]

    def _of(self, con_ids: Iterable[int], moment: datetime) -> str:
        """The youngest and the oldest of these quotes; some may not have been told lately."""
        wanted = list(con_ids)
        known = [
            max(0.0, (moment - self._quoted[con_id]).total_seconds()) for con_id in wanted if con_id in self._quoted
        ]
        if not wanted:
            return ""
        if not known:
            return "no quote lately"
        silent = f", {len(wanted) - len(known)} of {len(wanted)} not told lately" if len(known) < len(wanted) else ""
        low, high = _seconds(min(known)), _seconds(max(known))
        return (low if low == high else f"{low} to {high}") + silent


def _seconds(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


def ordered_legs(outcomes: Iterable[reader.Outcome]) -> dict[str, set[int]]:
    """Contracts that orders were made in: by order, by condor, by hedge slot, and of the hedge as a whole."""
    found: dict[str, set[int]] = {}
    for outcome in outcomes:
        for action in outcome.body.get("actions", ()):
            if action["type"] == "submit":
                intent = action["intent"]
                for leg in intent["legs"]:
                    slot = leg.get("slot")
                    name = intent["owner"] if slot is None else f"{intent['owner']}-s{slot:02d}"
                    found.setdefault(name, set()).add(leg["con_id"])
                    found.setdefault(intent["ref"], set()).add(leg["con_id"])
                    found.setdefault(intent["owner"], set()).add(leg["con_id"])
    return found
