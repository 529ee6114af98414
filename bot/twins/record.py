"""What a run did, out of its journal: every execution with its owner, the hedge's settings, the account's change."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bot.journal import reader
from strategies.alvh.params import AlvhParams
from strategies.domain import events as ev
from strategies.domain.book import Fill
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.known import Known


class TwinsError(ValueError):
    """A run that cannot be carried again; the text says why and what to do."""


class Deal(NamedTuple):
    """One execution of one leg: signed contracts, points per share, dollars. `owner` is a condor's id or the hedge."""

    at: datetime
    con_id: int
    quantity: int
    price_points: float
    multiplier: int
    commission_usd: float
    ref: str
    owner: str

    @property
    def of_hedge(self) -> bool:
        """Whether the hedge did it."""
        return self.owner == HEDGE_OWNER


class Record(NamedTuple):
    """A run: its deals by time, executions nobody here asked for, the hedge's settings, first and last fact, and what
    the broker's net liquidation changed by (None where it was not told)."""

    deals: tuple[Deal, ...]
    strange: int
    alvh: AlvhParams
    first_at: datetime
    last_at: datetime
    funds_usd: float | None
    account_change_usd: float | None


def read(state_dir: Path) -> Record:
    """The run in a state directory. Raises JournalError, and TwinsError where nothing was run."""
    path = state_dir / "journal.sqlite3"
    runs = reader.read_facts(path, ev.RunStarted)
    if not runs or not isinstance(runs[-1].event, ev.RunStarted):
        raise TwinsError(f"{path} records no run: there is nothing to compare")
    settings = json.loads(runs[-1].event.parameters)
    owners = _owners(path)
    commissions = _commissions(path)
    fills = _fills(path)
    deals = [
        Deal(
            fill.at,
            fill.con_id,
            fill.signed_quantity,
            fill.price_points,
            fill.multiplier,
            commissions.get(fill.base_id, 0.0),
            fill.ref or "",
            owners[fill.ref or ""],
        )
        for fill in fills
        if (fill.ref or "") in owners
    ]
    worths = [
        one.event.snapshot.net_liquidation_usd
        for one in reader.read_facts(path, ev.AccountReported)
        if isinstance(one.event, ev.AccountReported) and one.event.snapshot.net_liquidation_usd is not None
    ]
    last = reader.tail(path, 1)
    return Record(
        deals=tuple(sorted(deals, key=lambda deal: (deal.at, deal.ref, deal.con_id))),
        strange=len(fills) - len(deals),
        alvh=msgspec.convert(settings["alvh"], AlvhParams),
        first_at=runs[0].at,
        last_at=last[-1].at,
        funds_usd=worths[0] if worths else None,
        account_change_usd=worths[-1] - worths[0] if worths else None,
    )


def _owners(path: Path) -> dict[str, str]:
    """Whose each order was, by its reference."""
    return {
        action["intent"]["ref"]: action["intent"]["owner"]
        for outcome in reader.read_outcomes(path)
        for action in outcome.body.get("actions", ())
        if action["type"] == "submit"
    }


def _fills(path: Path) -> list[Fill]:
    """Executions, each once, a correction in its predecessor's place."""
    found: dict[str, Fill] = {}
    told = [one.event.fill for one in reader.read_facts(path, ev.Filled) if isinstance(one.event, ev.Filled)]
    for one in reader.read_facts(path, ev.BrokerSnapshot):
        if isinstance(one.event, ev.BrokerSnapshot) and isinstance(one.event.executions, Known):
            told.extend(one.event.executions.value)
    for fill in told:
        known = found.get(fill.base_id)
        if known is None or fill.revision > known.revision:
            found[fill.base_id] = fill
    return list(found.values())


def _commissions(path: Path) -> dict[str, float]:
    """Dollars by execution, revisions apart."""
    found: dict[str, float] = {}
    for one in reader.read_facts(path, ev.CommissionReported):
        if isinstance(one.event, ev.CommissionReported):
            head, _, tail = one.event.exec_id.rpartition(".")
            found[head if head and tail.isdigit() else one.event.exec_id] = one.event.commission_usd
    return found
