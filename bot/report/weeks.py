"""This week beside the weeks before it: equity, condors, fees, and what fills cost against the mid.

Orders and executions of earlier weeks come from the books that the reading began with; equity at a week's ends from the
states written down at the close. A week whose states are not there has an unknown change, never a zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.journal import reader
from bot.recover import decode_state
from bot.report.books import ENDED, Books
from bot.report.facts import CondorFacts, Json, Trade
from strategies.domain.known import Known
from strategies.domain.session import session_date

WEEKS = 4
"""This one and so many before it as make four."""


def monday_of(day: str) -> date:
    """The Monday of a session's week."""
    found = date.fromisoformat(day)
    return found - timedelta(days=found.weekday())


def weeks(
    journal: Path,
    books: Books,
    trades: Sequence[Trade],
    orders: Sequence[Json],
    equity_usd: tuple[float | None, float | None],
) -> list[Json]:
    """Rows of the last weeks with a session, the oldest first; `orders` are priced rows, `equity_usd` that of the last
    week's beginning and end as its sessions tell it.

    Raises JournalError.
    """
    days = reader.sessions(journal)
    if not days:
        return []
    mondays = sorted({monday_of(day) for day in days})[-WEEKS:]
    equity = [_equity(journal, monday) for monday in mondays] + [equity_usd[1]]
    equity[-2] = equity_usd[0] if equity[-2] is None else equity[-2]
    found = []
    for number, monday in enumerate(mondays):
        mine = [day for day in days if monday_of(day) == monday]
        before, after = equity[number], equity[number + 1]
        found.append({
            "monday": monday.isoformat(),
            "sessions": len(mine),
            "change_usd": None if before is None or after is None else round(after - before, 2),
            "fees_usd": round(sum(t.commission_usd for t in trades if session_date(t.at) in mine), 2),
            "condors_sold": sum(1 for c in books.condors.values() if _when(c, ("open",)) in mine),
            "condors_ended": sum(1 for c in books.condors.values() if c.entry_units and _when(c, ENDED) in mine),
            **_prices([o for o in orders if session_date(datetime.fromisoformat(o["at"])) in mine], books),
        })  # fmt: skip
    return found


def _equity(journal: Path, monday: date) -> float | None:
    """What the broker had last told when the week before was over."""
    kept = reader.last_checkpoint(journal, before=monday.isoformat())
    state = None if kept is None else decode_state(kept.body)
    if state is None or not isinstance(state.account, Known):
        return None
    return state.account.value.net_liquidation_usd


def _when(condor: CondorFacts, states: tuple[str, ...]) -> str | None:
    """The session in which a condor first came to one of these states."""
    at = next((row["at"] for row in condor.states if row["state"] in states), None)
    return None if at is None else session_date(datetime.fromisoformat(at))


def _prices(orders: Sequence[Json], books: Books) -> Json:
    """What filled orders cost against the mid when decided: dollars, and per cent of the half-spread."""
    filled = [o for o in orders if o["slippage_points"] is not None]
    cost = half = usd = 0.0
    for order in filled:
        contract = books.instruments.get(order["legs"][0]["con_id"])
        units = order["filled_units"]
        cost += order["slippage_points"] * units
        half += (order["natural_points"] - order["mid_points"]) * units
        usd += order["slippage_points"] * units * getattr(contract, "multiplier", 100)
    return {
        "filled_orders": len(filled),
        "slippage_usd": round(usd, 2),
        "slippage_usd_per_order": round(usd / len(filled), 2) if filled else None,
        "slippage_pct_of_half_spread": round(100.0 * cost / half, 1) if half > 0 else None,
    }
