"""Tells people what went wrong outside, once per connection and sentence, so that a storm of errors stays readable."""

from __future__ import annotations

from bot.ports import PostFact
from strategies.domain.events import FaultNoted

MOST_KINDS = 200
"""Different sentences per connection; beyond them one last fault says that more is kept back."""


class Faults:
    """Posts FaultNoted facts."""

    def __init__(self, post_fact: PostFact) -> None:
        self._post_fact = post_fact
        self._told: set[tuple[str, str]] = set()

    def note(self, code: str, text: str) -> None:
        """Tells it unless it was told on this connection."""
        if (code, text) in self._told or len(self._told) > MOST_KINDS:
            return
        self._told.add((code, text))
        if len(self._told) > MOST_KINDS:
            text = f"{text}; further faults of this connection are not told one by one"
        self._post_fact(FaultNoted(code=code, text=text))

    def begin(self) -> None:
        """A new connection: everything may be told again."""
        self._told.clear()
