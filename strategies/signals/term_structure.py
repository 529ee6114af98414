"""The strip of monthly VIX futures by slot, and the measures taken of it (T-REG-1, T-REG-2, T-CARRY-2).

Rules
- A slot is a month, not a place in a list: F1 is the first monthly contract that settles later than the skipped days,
  F2 the month after it. A month that is not listed or not usable is None, and no later month takes its place.
- A monthly contract settles on the Wednesday 30 days before the third Friday of the next month, on the Tuesday when
  either day is a holiday (Cboe contract specification). Any other expiry is a weekly and no part of the strip.
- Prices are sums of ticks in binary: 32.20 - 29.20 is a hair above 3. A price exceeds a threshold only by more than
  `PRICE_NOISE_POINTS`, far below the finest tick (0.005 for a mid of VXM) and far above rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strategies.signals.readings import Verdict, either

STRIP_MONTHS = 8
PRICE_NOISE_POINTS = 1e-6
CONSTANT_MATURITY_DAYS = 30


class VxMonth(NamedTuple):
    """A contract month; `VxMonth(2026, 5)` settles in May 2026."""

    year: int
    month: int

    def next(self) -> VxMonth:
        """The month after it."""
        return VxMonth(self.year + 1, 1) if self.month == 12 else VxMonth(self.year, self.month + 1)

    def before(self) -> VxMonth:
        """The month before it."""
        return VxMonth(self.year - 1, 12) if self.month == 1 else VxMonth(self.year, self.month - 1)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"


@lru_cache(maxsize=1024)
def settlement_rule(month: VxMonth) -> date:
    """The Wednesday on which that month settles when no holiday is in the way."""
    first = date(*month.next(), 1)
    third_friday = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
    return third_friday - timedelta(days=30)


@lru_cache(maxsize=1024)
def month_of(expiry: date) -> VxMonth | None:
    """The month a contract with that expiry stands for, None for a weekly one."""
    month = VxMonth(expiry.year, expiry.month)
    return month if (settlement_rule(month) - expiry).days in (0, 1) else None


class Slot(msgspec.Struct, frozen=True):
    """One month of the strip. `days` are calendar days to settlement; price in points, None with the reason why;
    `spread_points` is the quote's ask less bid where the price is a mid."""

    month: VxMonth
    expiry: date
    days: int
    price_points: float | None = None
    reason: str = ""
    spread_points: float | None = None


class Strip(msgspec.Struct, frozen=True):
    """Consecutive months from F1 on, as of a day."""

    day: date
    slots: tuple[Slot, ...] = ()

    def price(self, number: int) -> float | None:
        """Price of F<number> in points, None where it is missing."""
        return self.slots[number - 1].price_points if 0 < number <= len(self.slots) else None

    def missing(self, count: int) -> str:
        """Why the first `count` slots do not all have a price; empty when they do."""
        for number in range(1, count + 1):
            if self.price(number) is None:
                slot = self.slots[number - 1] if number <= len(self.slots) else None
                return f"F{number} is missing" if slot is None else f"F{number} ({slot.month}) {slot.reason}"
        return ""


def months_from(expiries: Iterable[date], today: date, skip_days: int, count: int) -> tuple[tuple[VxMonth, date], ...]:
    """The strip's months with their settlement days: the listed expiry where there is one, else the rule's Wednesday.

    The first month is the first to settle more than `skip_days` calendar days from today.
    """
    return _months_from(tuple(expiries), today, skip_days, count)


@lru_cache(maxsize=256)
def _months_from(
    expiries: tuple[date, ...], today: date, skip_days: int, count: int
) -> tuple[tuple[VxMonth, date], ...]:
    """Every look asks, and the listing changes once a month."""
    listed = {month: expiry for expiry in expiries if (month := month_of(expiry)) is not None}
    horizon = today + timedelta(days=skip_days)
    month = VxMonth(today.year, today.month)
    while listed.get(month, settlement_rule(month)) <= horizon:
        month = month.next()
    found = []
    for _ in range(count):
        found.append((month, listed.get(month, settlement_rule(month))))
        month = month.next()
    return tuple(found)


def strip_of_closes(closes: Mapping[date, float], day: date, skip_days: int, count: int = STRIP_MONTHS) -> Strip:
    """The strip of one session's settlement prices by expiry; weeklies are left out.

    Raises ValueError for a price that is none, and for two prices of one month.
    """
    months: dict[VxMonth, date] = {}
    for expiry, price in closes.items():
        if not (math.isfinite(price) and price > 0.0):
            raise ValueError(f"VIX future {expiry} on {day}: price {price!r} must be a number above zero")
        month = month_of(expiry)
        if month is not None and months.setdefault(month, expiry) != expiry:
            raise ValueError(f"VIX futures on {day}: {months[month]} and {expiry} both claim month {month}")
    slots = []
    for month, expiry in months_from(closes, day, skip_days, count):
        price_points = closes.get(expiry)
        reason = "" if price_points is not None else "has no price"
        slots.append(Slot(month, expiry, (expiry - day).days, price_points, reason))
    return Strip(day, tuple(slots))


class TermStructure(msgspec.Struct, frozen=True):
    """Measures of one strip; each is None where one of its inputs is missing.

    slope_12_pct_month: 100 ln(F2/F1) x 30 / (tau2 - tau1) (m of T-REG-1). slope_spot2: (F2 - VIX) / tau2 in points a
    day. front_minus_second: b12. curvature: F1 - 2 F2 + F3. roll_irr: (F1/F2)^(365/(tau2-tau1)) - 1, the yearly return
    of holding F2 until it costs what F1 costs now, below zero in contango. constant_30d: the line through F1 and F2 at
    30 days. confirmed: T-REG-2, that spot agrees with an inversion.
    """

    f1_points: float | None = None
    f2_points: float | None = None
    f3_points: float | None = None
    slope_12_pct_month: float | None = None
    slope_spot2_points_per_day: float | None = None
    front_minus_second_points: float | None = None
    curvature_points: float | None = None
    roll_irr: float | None = None
    constant_30d_points: float | None = None
    vix_over_vix3m: float | None = None
    confirmed: Verdict = Verdict.UNKNOWN


def measure(strip: Strip, vix_points: float | None, vix3m_points: float | None) -> TermStructure:
    """All measures of a strip with the indices of the same moment (None where they are not known)."""
    f1, f2, f3 = strip.price(1), strip.price(2), strip.price(3)
    slope = b12 = irr = constant = spot_slope = None
    if f1 is not None and f2 is not None:
        first, second = strip.slots[0].days, strip.slots[1].days
        apart = second - first
        slope, b12 = slope_pct_month(f1, f2, apart), f1 - f2
        irr = (f1 / f2) ** (365.0 / apart) - 1.0
        constant = f1 + (f2 - f1) * (CONSTANT_MATURITY_DAYS - first) / apart
    if f2 is not None and vix_points is not None:
        spot_slope = (f2 - vix_points) / strip.slots[1].days
    ratio = vix_points / vix3m_points if vix_points is not None and vix3m_points is not None else None
    return TermStructure(
        f1_points=f1,
        f2_points=f2,
        f3_points=f3,
        slope_12_pct_month=slope,
        slope_spot2_points_per_day=spot_slope,
        front_minus_second_points=b12,
        curvature_points=None if f1 is None or f2 is None or f3 is None else f1 - 2.0 * f2 + f3,
        roll_irr=irr,
        constant_30d_points=constant,
        vix_over_vix3m=ratio,
        confirmed=either(
            Verdict.of(None if spot_slope is None else spot_slope < -PRICE_NOISE_POINTS),
            Verdict.of(None if ratio is None else ratio > 1.0),
        ),
    )


def slope_pct_month(first_points: float, second_points: float, days_apart: int) -> float:
    """m of T-REG-1, per cent a month of 30 days. Raises ValueError unless prices and distance are above zero."""
    if not (first_points > 0.0 and second_points > 0.0 and days_apart > 0):
        raise ValueError(
            f"no slope between {first_points!r} and {second_points!r} points {days_apart} days apart: prices and the "
            f"days between their settlements must be above zero, the nearer month first"
        )
    return 100.0 * math.log(second_points / first_points) * 30.0 / days_apart


def exceeds(points: float, threshold_points: float) -> bool:
    """Whether a price difference is above a threshold by more than the rounding of prices."""
    return points > threshold_points + PRICE_NOISE_POINTS
