"""Macro inputs that a person tells: which there are, in which unit and range, how long each holds, and what is refused.

Rules
- An input is one dated observation. The newest of a key speaks; older ones tell how it moved.
- It holds from `as_of` for `ttl_days` calendar days. Before and after that it is stale, and stale is as if not told.
- A set of inputs is taken whole or refused whole.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Unit(StrEnum):
    """What a value is counted in."""

    PP = "pp"
    PCT = "pct"
    PERCENTILE = "percentile"
    DEVIATIONS = "deviations"
    COUNT = "count"
    WORD = "word"


class MacroKind(NamedTuple):
    """One key: unit, range (ends included) or allowed words, how long a value holds unless said otherwise and at most,
    what it means, and the rules that read it."""

    key: str
    unit: Unit
    low: float
    high: float
    words: tuple[str, ...]
    ttl_days: int
    ttl_max_days: int
    meaning: str
    rules: tuple[str, ...]

    @property
    def allowed(self) -> str:
        """The range or the words, for people."""
        return ", ".join(self.words) if self.words else f"{self.low:g} to {self.high:g}"


def _number(
    key: str, unit: Unit, low: float, high: float, ttl: tuple[int, int], meaning: str, *rules: str
) -> MacroKind:
    return MacroKind(key, unit, low, high, (), *ttl, meaning, rules)


def _word(key: str, words: tuple[str, ...], ttl: tuple[int, int], meaning: str, *rules: str) -> MacroKind:
    return MacroKind(key, Unit.WORD, 0.0, 0.0, words, *ttl, meaning, rules)


_RELEASE, _DAILY, _MONTHLY = (40, 45), (5, 10), (35, 45)

MACRO_KINDS: tuple[MacroKind, ...] = (
    _number("cpi_surprise_pp", Unit.PP, -3, 3, _RELEASE, "CPI month on month, actual less consensus; as of its release",
            "M-MAC-3", "M-MAC-4", "A-VEGA-2", "A-VEGA-3"),
    _number("ppi_surprise_pp", Unit.PP, -5, 5, _RELEASE, "PPI month on month, actual less consensus; as of its release",
            "M-MAC-3", "M-MAC-4", "A-VEGA-2", "A-VEGA-3"),
    _number("cpi_yoy_change_pp", Unit.PP, -5, 5, _RELEASE, "CPI year on year less the rate of the month before",
            "T-REG-4", "A-VEGA-3"),
    _number("ppi_yoy_change_pp", Unit.PP, -10, 10, _RELEASE, "PPI year on year less the rate of the month before",
            "T-REG-4", "A-VEGA-3"),
    _number("ust_10y_pct", Unit.PCT, -2, 25, _DAILY, "ten-year Treasury yield", "M-MAC-1"),
    _number("ust_2y_pct", Unit.PCT, -2, 25, _DAILY, "two-year Treasury yield", "M-MAC-2"),
    _number("bill_3m_pct", Unit.PCT, -2, 25, _DAILY, "three-month Treasury bill yield", "M-MAC-2"),
    _number("sofr_pct", Unit.PCT, -2, 25, _DAILY, "SOFR", "M-MAC-2"),
    _number("bill_sofr_z60", Unit.DEVIATIONS, -20, 20, _DAILY,
            "three-month bill less SOFR, deviations from its 60 days", "M-MAC-2", "M-MAC-4"),
    _number("ust_2y_sofr_z60", Unit.DEVIATIONS, -20, 20, _DAILY,
            "two-year yield less SOFR, deviations from its 60 days", "M-MAC-2", "M-MAC-4"),
    _number("erp_pct", Unit.PCT, -5, 20, _MONTHLY, "equity risk premium", "M-MAC-1"),
    _number("erp_z60", Unit.DEVIATIONS, -20, 20, _DAILY, "equity risk premium, deviations from its 60 days", "M-MAC-7"),
    _word("fomc_stance", ("hawkish", "neutral", "dovish"), (50, 60), "what the last FOMC statement or minutes hint at",
          "M-MAC-1"),
    _number("gdp_nowcast_pct", Unit.PCT, -40, 40, (10, 20), "GDP nowcast, annual rate", "M-MAC-4"),
    _number("pe_percentile", Unit.PERCENTILE, 0, 100, _MONTHLY, "P/E of the index among its history",
            "M-MAC-5", "C-DEC-1"),
    _word("pcf_state", ("improving", "stable", "deteriorating"), (100, 120), "price to cash flow of the index",
          "M-MAC-5"),
    _number("fx_rv_z60", Unit.DEVIATIONS, -20, 20, _DAILY,
            "realised volatility of EURUSD and USDJPY, the higher, deviations from its 60 days", "M-MAC-6"),
    _word("vol_origin", ("domestic", "imported"), _DAILY, "where volatility began: V2TX or USDJPY led, or they did not",
          "M-MAC-6"),
    _number("nyse_net_advances", Unit.COUNT, -6000, 6000, _DAILY,
            "issues that rose less issues that fell on the NYSE in a session; as of that session",
            "D-AD-1", "D-MACD-3", "T-TIER-3", "T-REG-4"),
    _number("ipo_count", Unit.COUNT, 0, 1000, _MONTHLY, "public offerings of the coming month; a note, never a trigger",
            "M-CAL-4"),
)  # fmt: skip

KIND_OF: dict[str, MacroKind] = {kind.key: kind for kind in MACRO_KINDS}
LONGEST_SOURCE = 200


class MacroInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One observation: `value` in `unit`, from `source`, of the day `as_of`, told on `entered_on` by `by`."""

    key: str
    value: float | str
    unit: str
    source: str
    as_of: date
    ttl_days: int
    entered_on: date
    by: str = ""

    @property
    def until(self) -> date:
        """The last day it holds."""
        return self.as_of + timedelta(days=self.ttl_days)

    def age_days(self, today: date) -> int:
        """Calendar days since the day it is of."""
        return (today - self.as_of).days

    def fresh(self, today: date) -> bool:
        """Whether it holds on a day."""
        return self.as_of <= today <= self.until


class Told:
    """The inputs by key, each key's observations by rising day."""

    def __init__(self, inputs: Iterable[MacroInput]) -> None:
        self._rows: dict[str, list[MacroInput]] = {}
        for row in sorted(inputs, key=lambda row: row.as_of):
            self._rows.setdefault(row.key, []).append(row)

    def rows(self, key: str) -> Sequence[MacroInput]:
        """All observations of a key, oldest first."""
        return self._rows.get(key, ())

    def newest(self, key: str) -> MacroInput | None:
        """The newest observation of a key, fresh or not."""
        rows = self._rows.get(key)
        return rows[-1] if rows else None

    def fresh(self, key: str, today: date) -> MacroInput | None:
        """The newest observation of a key while it holds; None is not told."""
        row = self.newest(key)
        return row if row is not None and row.fresh(today) else None

    def number(self, key: str, today: date) -> float | None:
        """Its value as a number."""
        row = self.fresh(key, today)
        return row.value if row is not None and isinstance(row.value, float) else None

    def word(self, key: str, today: date) -> str | None:
        """Its value as a word."""
        row = self.fresh(key, today)
        return row.value if row is not None and isinstance(row.value, str) else None

    def number_on(self, key: str, day: date) -> float | None:
        """What held on an earlier day, as far as it had been observed by then."""
        rows = [row for row in self._rows.get(key, ()) if row.fresh(day)]
        return rows[-1].value if rows and isinstance(rows[-1].value, float) else None


class Fault(NamedTuple):
    """What is wrong with one input (its place in the set), in words."""

    place: int
    text: str


def faults(inputs: Sequence[MacroInput], today: date) -> list[Fault]:
    """Everything that is wrong with a set of inputs on a day; empty when it may be taken."""
    found = [Fault(place, text) for place, row in enumerate(inputs) for text in _faults_of(row, today)]
    seen: dict[tuple[str, date], int] = {}
    for place, row in enumerate(inputs):
        first = seen.setdefault((row.key, row.as_of), place)
        if first != place:
            text = f"{row.key} as of {row.as_of} is told twice ({inputs[first].value} and {row.value}): keep one"
            found.append(Fault(place, text))
    return found


def _faults_of(row: MacroInput, today: date) -> Iterable[str]:
    kind = KIND_OF.get(row.key)
    if kind is None:
        near = difflib.get_close_matches(row.key, KIND_OF, n=1, cutoff=0.4)
        yield f"unknown key {row.key!r}" + (
            f"; did you mean {near[0]}?" if near else f"; there are {', '.join(KIND_OF)}"
        )
        return
    if row.unit != kind.unit:
        yield f"{row.key} is in {kind.unit.value}, not in {row.unit!r}"
    yield from _wrong_value(row, kind)
    if not row.source.strip() or len(row.source) > LONGEST_SOURCE:
        yield f"{row.key} needs a source: 1 to {LONGEST_SOURCE} characters that say where the value comes from"
    if not 1 <= row.ttl_days <= kind.ttl_max_days:
        yield f"{row.key} holds {row.ttl_days} days; allowed is 1 to {kind.ttl_max_days} (usual is {kind.ttl_days})"
    if row.as_of > today:
        yield f"{row.key} is as of {row.as_of}, which is after today ({today})"
    if row.entered_on > today:
        yield f"{row.key} was entered on {row.entered_on}, which is after today ({today})"
    if row.as_of > row.entered_on:
        yield f"{row.key} is as of {row.as_of} and was entered before, on {row.entered_on}: one of the dates is wrong"
    elif row.ttl_days >= 1 and row.until < row.entered_on:
        yield f"{row.key} as of {row.as_of} held until {row.until}: it was stale when entered on {row.entered_on}"


def _wrong_value(row: MacroInput, kind: MacroKind) -> Iterable[str]:
    if kind.unit is Unit.WORD:
        if row.value not in kind.words:
            yield f"{row.key} is {row.value!r}; allowed are {kind.allowed}"
    elif not isinstance(row.value, float) or not math.isfinite(row.value):
        yield f"{row.key} is {row.value!r}; allowed is a number from {kind.allowed}"
    elif not kind.low <= row.value <= kind.high:
        yield f"{row.key} is {row.value:g} {kind.unit.value}; allowed is {kind.allowed}"
