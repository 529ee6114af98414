"""Start = recovery = replay: the state is the fold of the journal, from the last checkpoint on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.engine.state import State
from bot.engine.step import step
from bot.journal import reader

_state = msgspec.json.Decoder(State)


def recover(journal_path: Path) -> State:
    """The state as of the journal's last record. Raises JournalError for a damaged journal."""
    state = State()
    after = 0
    found = reader.last_checkpoint(journal_path)
    if found is not None:
        state, after = decode_state(found.body), found.seq
    for envelope in reader.read_events(journal_path, from_seq=after + 1):
        state = step(state, envelope).state
    return state


def encode_state(state: State) -> bytes:
    """A state as the journal's checkpoint keeps it."""
    return msgspec.json.encode(state)


def decode_state(body: bytes) -> State:
    """The state a checkpoint holds."""
    return _state.decode(body)
