"""Plain numbers for JSON: rounded where more digits say nothing, None for whatever is no finite number."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np

from strategies.domain.session import NEW_YORK

Json = dict[str, Any]


def rounded(value: float | None, digits: int = 2) -> float | None:
    """The number with that many decimals; None stays None, and what is not finite becomes None."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits)


def row(values: np.ndarray[Any, np.dtype[np.float64]], digits: int = 0) -> list[float | None]:
    """An array as a list of such numbers."""
    return [rounded(float(value), digits) for value in values]


def clock(at: datetime | None, *, seconds: bool = True) -> str | None:
    """New York time of day, `14:02:11`."""
    if at is None:
        return None
    return at.astimezone(NEW_YORK).strftime("%H:%M:%S" if seconds else "%H:%M")


def stamp(at: datetime | None) -> str | None:
    """New York date and time, `2026-03-02 14:02:11`."""
    return None if at is None else at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M:%S")
