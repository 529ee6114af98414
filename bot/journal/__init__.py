"""The append-only record every decision can be re-made from."""

from bot.journal.codec import RecordRefused, outcome_dict
from bot.journal.divergence import Divergence, FieldDiff, first_divergence
from bot.journal.reader import (
    Checkpoint,
    Integrity,
    Outcome,
    Record,
    journal_hash,
    last_checkpoint,
    read_events,
    read_outcomes,
    sessions,
    tail,
    verify,
)
from bot.journal.schema import JournalDamaged, JournalError
from bot.journal.store import Journal, JournalWriteFailed

__all__ = [
    "Checkpoint",
    "Divergence",
    "FieldDiff",
    "Integrity",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalWriteFailed",
    "Outcome",
    "Record",
    "RecordRefused",
    "first_divergence",
    "journal_hash",
    "last_checkpoint",
    "outcome_dict",
    "read_events",
    "read_outcomes",
    "sessions",
    "tail",
    "verify",
]
