"""Start = recovery = replay: the state is the fold of the journal, from the last usable checkpoint on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from bot import __version__
from bot.engine.caps import with_guards
from bot.engine.outcome import Step
from bot.engine.state import State
from bot.engine.step import step
from bot.journal import reader
from bot.journal.schema import JournalError
from strategies.domain.events import Envelope

ROOT = Path(__file__).resolve().parents[1]
_state = msgspec.json.Decoder(State)


def code_version() -> str:
    """Version and a hash over the code that decides: two runs with the same one make the same decisions."""
    digest = hashlib.sha256()
    for folder in ("strategies", "risk", "bot/engine"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update((ROOT / "bot/reconcile.py").read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def recover(journal_path: Path) -> State:
    """The state as of the journal's last record. Raises JournalError for a damaged journal.

    A checkpoint is used whichever code wrote it, as long as its shape is known: folding everything again would decide
    everything again, and other code decides otherwise than the code whose orders are in the market.
    """
    state, after = State(), 0
    found = reader.last_checkpoint(journal_path)
    if found is not None:
        kept = decode_state(found.body)
        if kept is not None:
            state, after = kept, found.seq
    for envelope in reader.read_events(journal_path, from_seq=after + 1):
        state = remade(state, envelope, journal_path).state
    return state


def remade(state: State, envelope: Envelope, journal_path: Path) -> Step:
    """The step of a journaled fact, made again. Raises JournalError for a run whose settings this code does not know:
    what it decided cannot be made again here, and guessing at its limits is no way to go on."""
    try:
        return step(state, envelope)
    except msgspec.ValidationError as reason:
        wrote = getattr(envelope.event, "code_version", "another version")
        raise JournalError(
            f"{journal_path}: record {envelope.seq} is of a run by {wrote}, whose settings this version "
            f"({code_version()}) does not know: {reason}. Go on with the version that wrote it until no position is "
            "open, or name a new directory with --state: positions it does not know are then external and never touched"
        ) from reason


def encode_state(state: State) -> bytes:
    """A state as the journal's checkpoint keeps it."""
    return msgspec.json.encode(state)


def decode_state(body: bytes) -> State | None:
    """The state a checkpoint holds, None if it was written by code that knew another shape. Guards that the code did
    not know yet have their documented values: for them alone nobody has to decide the past again."""
    try:
        return _state.decode(body)
    except msgspec.ValidationError:
        return _with_guards(body)


def _with_guards(body: bytes) -> State | None:
    try:
        raw = msgspec.json.decode(body)
        return _state.decode(msgspec.json.encode({**raw, "parameters": with_guards(raw["parameters"])}))
    except (msgspec.ValidationError, KeyError, TypeError):
        return None
