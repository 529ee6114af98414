"""What the slow controls remember between facts: levels of the last minutes, stop-outs, host, a day's end."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from strategies.domain.host import HostReading


class Levels(msgspec.Struct, frozen=True):
    """SPX and VIX at one moment, in points; `flip_points` is the first VIX future above the second, None unknown."""

    at: datetime
    spx: float
    vix: float
    flip_points: float | None = None


class Cash(msgspec.Struct, frozen=True):
    """The account's cash when it was first told on a day, and the cash that our executions explained by then."""

    day: date
    account_usd: float
    explained_usd: float


class Attestation(msgspec.Struct, frozen=True):
    """What the end of a session left: nothing to object, or the faults in words."""

    day: date
    at: datetime
    faults: tuple[str, ...] = ()


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The memory as a part of the state.

    `levels` reach back as far as the longest window of C37, oldest first; `shocked_at` is when a shock was last seen.
    `stop_outs` are the sessions in which condors were closed by their stop, `duplicates` when C27 denied (C23, C27).
    `refused_quotes` are the orders of the last minute that C15 denied. `heard_at` is when a person last ordered
    anything, or when the very first run began (C54). `armed_code` is the version of the code that ran when a person
    last armed, or at the very first start (C48).
    """

    levels: tuple[Levels, ...] = ()
    shocked_at: datetime | None = None
    shock_text: str = ""
    stop_outs: tuple[date, ...] = ()
    duplicates: tuple[datetime, ...] = ()
    refused_quotes: tuple[datetime, ...] = ()
    heard_at: datetime | None = None
    armed_at: datetime | None = None
    armed_code: str = ""
    host: HostReading | None = None
    cash: Cash | None = None
    attestation: Attestation | None = None
