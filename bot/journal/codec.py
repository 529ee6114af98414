"""Between facts and bytes: events and outcomes as JSON, timestamps as fixed-width UTC text, records as a hash chain."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec

from bot.journal.schema import JournalError
from risk.approval import Approved
from strategies.domain.events import AnyEvent, QuotesUpdated

EVENT: Final = "event"
OUTCOME: Final = "outcome"
CHECKPOINT: Final = "checkpoint"
KINDS: Final = (EVENT, OUTCOME, CHECKPOINT)

GENESIS: Final = bytes(32)
"""The link before the first record."""

QUOTES_PROVEN: Final = 8
"""One in so many quote events is read back before it is written."""

_ZERO: Final = timedelta(0)


class RecordRefused(JournalError):
    """A value that the journal could not give back as it was: a bug of the caller, nothing was written."""


def _plain(value: object) -> object:
    if isinstance(value, Approved):
        return {"intent": value.intent, "seq": value.seq}
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place in a journal record")


_event_encoder: Final = msgspec.json.Encoder()
_outcome_encoder: Final = msgspec.json.Encoder(enc_hook=_plain)
_event_decoder: Final = msgspec.json.Decoder(AnyEvent)
_dict_decoder: Final = msgspec.json.Decoder(dict[str, Any])


def encode_event(event: AnyEvent, seq: int = 0) -> tuple[bytes, AnyEvent]:
    """The event's JSON and the event as a replay will read it, proven equal. Raises RecordRefused otherwise.

    JSON has no NaN: it would come back as unknown or not at all, and the replay would decide otherwise than the bot.
    Quotes come by the thousand out of one place, so that one event in eight (by `seq`) is proof enough; the others are
    returned as given.
    """
    try:
        body = _event_encoder.encode(event)
        if seq % QUOTES_PROVEN and type(event) is QuotesUpdated:
            return body, event
        replayed = cast(AnyEvent, _event_decoder.decode(body))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise RecordRefused(f"{type(event).__name__} cannot be journaled: {error}") from error
    if replayed != event:
        raise RecordRefused(f"{type(event).__name__} would not come back equal from the journal (NaN?): {event!r:.300}")
    return body, replayed


def decode_event(body: bytes) -> AnyEvent:
    """The event of a record. Raises msgspec.MsgspecError."""
    return cast(AnyEvent, _event_decoder.decode(body))


def encode_outcome(outcome: msgspec.Struct | Mapping[str, object]) -> bytes:
    """An outcome's JSON; numpy scalars become plain numbers, NaN becomes null. Raises RecordRefused."""
    try:
        body = _outcome_encoder.encode(outcome)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise RecordRefused(f"{type(outcome).__name__} cannot be journaled: {error}") from error
    if not body.startswith(b"{"):
        raise RecordRefused(f"{type(outcome).__name__} is not a JSON object; an outcome has named fields")
    return body


def decode_outcome(body: bytes) -> dict[str, Any]:
    """The outcome of a record as plain JSON values. Raises msgspec.MsgspecError."""
    return _dict_decoder.decode(body)


def outcome_dict(outcome: msgspec.Struct | Mapping[str, object]) -> dict[str, Any]:
    """An outcome as the journal would give it back: what a replay compares with `read_outcomes`."""
    return decode_outcome(encode_outcome(outcome))


def stamp(at: datetime) -> str:
    """`2026-04-17T19:45:00.000000Z`: fixed width, so that text order is time order. Raises RecordRefused if not UTC."""
    # Not converted: the engine would have seen another date or hour than the replay.
    if at.utcoffset() != _ZERO:
        raise RecordRefused(f"a journal time must be aware and in UTC, got {at.isoformat()}")
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def unstamp(text: str) -> datetime:
    """The aware UTC time of a stamp. Raises ValueError."""
    return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)


def payload(head: tuple[int, str, str, str, int | None], body: bytes) -> bytes:
    """A record as the one unambiguous run of bytes that is hashed; `head` is seq, at, kind, session, cause_seq."""
    seq, at, kind, session, cause_seq = head
    return f"{seq}|{at}|{kind}|{session}|{'' if cause_seq is None else cause_seq}|".encode() + body


def link(previous: bytes, record: bytes) -> bytes:
    """SHA-256 over the previous link (32 bytes) and the record's payload."""
    return hashlib.sha256(previous + record).digest()
