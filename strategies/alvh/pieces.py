"""What a slot can sell as one order: a long contract, together with the short that caps it where it is a spread.

Rules
- A slot may hold several contracts after a rotation; each is a piece of its own and goes in its own time.
- A long is never sold from under its short: a short is given to longs of its own expiry and right that lie nearer to
  the money, the nearest strike first, and the two are one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from strategies.alvh.exposure import Line
from strategies.domain.instruments import Option, pays_above
from strategies.domain.orders import Action, LegIntent


class Piece(NamedTuple):
    """Units of a long, each with one of its shorts if `short` is given. Figures are those of one unit."""

    long: Line
    short: Line | None
    quantity: int

    @property
    def slot(self) -> int:
        """The slot that holds it."""
        return self.long.held.slot

    @property
    def usd_per_vix_point(self) -> float | None:
        """Weighted vega of one unit; None where a leg cannot be valued."""
        return _net(self, "usd_per_vix_point")

    @property
    def carry_usd_per_day(self) -> float | None:
        """Theta and roll of one unit; None where unknown."""
        return _net(self, "carry_usd_per_day")

    @property
    def mid_points(self) -> float | None:
        """What one unit is worth at mid, points per share."""
        if self.short is None or self.long.mid_points is None or self.short.mid_points is None:
            return self.long.mid_points if self.short is None else None
        return self.long.mid_points - self.short.mid_points

    @property
    def multiple(self) -> float | None:
        """Worth over cost."""
        cost = self.long.held.price_points - (0.0 if self.short is None else self.short.held.price_points)
        return None if self.mid_points is None or cost <= 0.0 else self.mid_points / cost

    def legs(self) -> tuple[LegIntent, ...]:
        """The legs of its sale."""
        sold = LegIntent(self.long.held.con_id, 1, Action.SELL, self.slot)
        return (sold,) if self.short is None else (sold, LegIntent(self.short.held.con_id, 1, Action.BUY, self.slot))


def _net(piece: Piece, figure: str) -> float | None:
    """A figure of one long less that of one short; a line's own is that of its whole signed holding."""
    total = 0.0
    for line, sign in ((piece.long, 1.0), (piece.short, -1.0)):
        if line is not None:
            value = getattr(line, figure)
            if value is None:
                return None
            total += sign * value / line.held.quantity
    return total


def pieces_of(lines: Sequence[Line]) -> list[Piece]:
    """The pieces of one slot's lines. A short that nothing here covers is in none of them: the gate lets none arise."""
    longs = sorted((line for line in lines if line.held.quantity > 0), key=_strike)
    left = [long.held.quantity for long in longs]
    found: list[Piece] = []
    for short in sorted((line for line in lines if line.held.quantity < 0), key=_strike):
        open_units = -short.held.quantity
        nearest = sorted((abs(_strike(one) - _strike(short)), n) for n, one in enumerate(longs) if _caps(one, short))
        for _, number in nearest:
            units = min(open_units, left[number])
            if units > 0:
                found.append(Piece(longs[number], short, units))
                left[number] -= units
                open_units -= units
    return found + [Piece(long, None, units) for long, units in zip(longs, left, strict=True) if units > 0]


def _strike(line: Line) -> float:
    return line.contract.strike if isinstance(line.contract, Option) else 0.0


def _caps(long: Line, short: Line) -> bool:
    near, far = long.contract, short.contract
    if not (isinstance(near, Option) and isinstance(far, Option)):
        return False
    alike = (near.trading_class, near.expiry, near.right) == (far.trading_class, far.expiry, far.right)
    return alike and (near.strike < far.strike if pays_above(far) else near.strike > far.strike)
