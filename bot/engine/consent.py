"""What people were asked and what they said, as part of the state: requests, grants, refusals, overrides."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from risk.governance import ActionClass
from strategies.domain.orders import LegIntent, PlaceIntent


class RequestKind(StrEnum):
    """What is asked: an order, arming after a kill, or caps looser than the ones in force."""

    ORDER = "order"
    REARM = "rearm"
    CAPS = "caps"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One open question. `needed` approvals by different people; granted no sooner than `not_before`, ended at `until`.

    ORDER: `intent`, and `sent` when it went at once (advice). REARM: `reason` is arm's. CAPS: `wanted` is the JSON of
    the parameters that would be in force.
    """

    id: str
    kind: RequestKind
    text: str
    asked_at: datetime
    until: datetime
    needed: int = 1
    not_before: datetime | None = None
    approved_by: tuple[str, ...] = ()
    declined_by: str = ""
    action: ActionClass | None = None
    intent: PlaceIntent | None = None
    sent: bool = False
    who: str = ""
    reason: str = ""
    wanted: str = ""


class Grant(msgspec.Struct, frozen=True):
    """A row of orders that was approved, or refused: later attempts need no new answer."""

    granted: bool
    legs: tuple[LegIntent, ...]
    quantity: int
    at: datetime
    text: str


class Override(msgspec.Struct, frozen=True):
    """A class of actions held back by a person, with the reason, until a moment (G-GOV-4)."""

    action: ActionClass
    who: str
    reason: str
    at: datetime
    until: datetime


class Consent(msgspec.Struct, frozen=True):
    """All of it. `day` and `count` number the requests; `grants` are by the orders' chain."""

    requests: dict[str, Request] = {}
    grants: dict[str, Grant] = {}
    overrides: tuple[Override, ...] = ()
    day: date | None = None
    count: int = 0

    def waiting(self) -> tuple[PlaceIntent, ...]:
        """Orders that wait for an answer."""
        return tuple(r.intent for r in self.requests.values() if r.intent is not None and not r.sent)

    def suspended(self, now: datetime, *, promoter: bool) -> dict[str, str]:
        """Classes of actions that may not be begun now, each with the reason."""
        found = {o.action.value: f"an override by {o.who}" for o in self.overrides if o.until > now}
        return {ActionClass.DISCRETIONARY.value: "the promoter's mode", **found} if promoter else found

    def of_kind(self, kind: RequestKind) -> Request | None:
        """The open request of a kind, None without one."""
        return next((r for r in self.requests.values() if r.kind is kind), None)
