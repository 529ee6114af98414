"""The shape of the journal's records as a JSON schema: docs/journal.schema.json is made from it, tests hold it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bot.engine.outcome import Outcome
from strategies.domain.events import AnyEvent


class _Record(msgspec.Struct, kw_only=True, tag_field="kind"):
    """One row of the table `records` but its chain. `at` is market time, UTC; `session` the New York trade date."""

    seq: int
    at: datetime
    session: str


class EventRecord(_Record, tag="event"):
    """A fact that entered; `type` in its body names it."""

    body: AnyEvent


class OutcomeRecord(_Record, tag="outcome"):
    """What the step of fact `cause_seq` concluded."""

    cause_seq: int
    body: Outcome


class CheckpointRecord(_Record, tag="checkpoint"):
    """The state at the end of a day; its shape belongs to the code that wrote it."""

    body: dict[str, Any]


def schema() -> dict[str, Any]:
    """JSON schema of a record with its columns as keys and its body as JSON."""
    made = msgspec.json.schema(EventRecord | OutcomeRecord | CheckpointRecord)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
