"""The venue's refusal of what is asked by other hands than a client's: the back office, the exchange, a fault."""

from __future__ import annotations


class VenueRefusal(ValueError):
    """It cannot be done: the text says why and what could be. Nothing has changed."""
