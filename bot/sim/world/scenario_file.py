"""The scenario file format: TOML in, a checked story out; unknown keys, wrong types and bad numbers are refused."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from bot.sim.exchange.holidays import is_business_day
from bot.sim.types import WorldEvent
from bot.sim.world.errors import ScenarioError


@dataclass(frozen=True, slots=True)
class VolState:
    """Volatility at a close, index points. `long_run` and `decay_days` shape the VX curve; `vix9d`, `vix3m`, `vvix`
    None means: follow from VIX and the curve."""

    vix: float
    long_run: float
    decay_days: float
    skew: float
    vix9d: float | None = None
    vix3m: float | None = None
    vvix: float | None = None


@dataclass(frozen=True, slots=True)
class ToldDay:
    """One day of the story: SPX's return over the previous close in percent, the share of it taken by the opening
    gap, and the volatility at its close."""

    spx_return_pct: float
    gap_share: float
    state: VolState


@dataclass(frozen=True, slots=True)
class ScenarioText:
    """A scenario as written, checked."""

    name: str
    description: str
    start: date
    rate_pct: float
    dividend_pct: float
    spx_close: float
    vix_low: float
    vix_high: float
    past: VolState
    days: tuple[ToldDay, ...]
    events: tuple[WorldEvent, ...]


class _Table:
    """Reads one TOML table, remembering which keys were asked for."""

    def __init__(self, file: str, where: str, values: Mapping[str, object]) -> None:
        self.file, self.where, self.values = file, where, values
        self.asked: list[str] = []

    def key(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def refuse(self, name: str, reason: str) -> ScenarioError:
        return ScenarioError(self.file, self.key(name), reason)

    def take(self, name: str, kind: type[object], default: object = ...) -> object:
        self.asked.append(name)
        if name not in self.values:
            if default is ...:
                raise self.refuse(name, "is missing; add it")
            return default
        value = self.values[name]
        wrong = isinstance(value, bool) or not isinstance(value, kind)
        if wrong or (kind is date and isinstance(value, datetime)):
            raise self.refuse(name, f"must be a {kind.__name__}, not {value!r}")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        return str(self.take(name, str, ... if default is None else default))

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        self.asked.append(name)
        if name not in self.values:
            if default is None:
                raise self.refuse(name, "is missing; add it")
            return default
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(name, f"must be a number, not {value!r}")
        if not math.isfinite(value) or not low <= value <= high:
            raise self.refuse(name, f"is {value!r}; allowed are {low:g} to {high:g}")
        return float(value)

    def maybe(self, name: str, low: float, high: float) -> float | None:
        if name not in self.values:
            self.asked.append(name)
            return None
        return self.number(name, low, high)

    def tables(self, name: str) -> list[Mapping[str, object]]:
        found = self.take(name, list, [])
        assert isinstance(found, list)
        if not all(isinstance(item, dict) for item in found):
            raise self.refuse(name, f"must be written as [[{name}]] tables")
        return found

    def done(self) -> None:
        for name in self.values:
            if name not in self.asked:
                near = difflib.get_close_matches(name, self.asked, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise self.refuse(name, f"unknown key; {hint}known here: {', '.join(sorted(self.asked))}")


def _state(table: _Table, before: VolState | None) -> VolState:
    """A day's volatility; curve and skew carry over from the day before where not given."""
    return VolState(
        vix=table.number("vix", 5.0, 150.0),
        long_run=table.number("long_run", 5.0, 100.0, before.long_run if before else None),
        decay_days=table.number("decay_days", 5.0, 400.0, before.decay_days if before else None),
        skew=table.number("skew", 100.0, 180.0, before.skew if before else 131.0),
        vix9d=table.maybe("vix9d", 5.0, 200.0),
        vix3m=table.maybe("vix3m", 5.0, 120.0),
        vvix=table.maybe("vvix", 50.0, 250.0),
    )


def parse_scenario(text: str, file: str) -> ScenarioText:
    """The story in that TOML text. Raises ScenarioError naming `file` and the key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ScenarioError(file, "syntax", str(problem)) from problem
    top = _Table(file, "", raw)
    name, description = top.text("name"), top.text("description")
    start = top.take("start", date)
    assert isinstance(start, date)
    if not is_business_day(start):
        raise top.refuse("start", f"is {start}, which is no trading day; choose one")
    rate, dividend = top.number("rate_pct", -2.0, 25.0), top.number("dividend_pct", 0.0, 10.0)
    given_past = top.take("past", dict)
    assert isinstance(given_past, dict)
    past = _Table(file, "past", given_past)
    spx_close = past.number("spx_close", 100.0, 100000.0)
    vix_low, vix_high = past.number("vix_low", 5.0, 100.0), past.number("vix_high", 5.0, 150.0)
    before = past_state = _state(past, None)
    past.done()
    if not vix_low <= past_state.vix <= vix_high or vix_low >= vix_high:
        raise past.refuse(
            "vix", f"is {past_state.vix}; it must lie between vix_low and vix_high, vix_low below vix_high"
        )
    days: list[ToldDay] = []
    for position, values in enumerate(top.tables("day"), start=1):
        table = _Table(file, f"day[{position}]", values)
        told = ToldDay(
            table.number("spx_return_pct", -25.0, 25.0),
            table.number("gap_share", -1.0, 1.0, 0.25),
            _state(table, before),
        )
        table.done()
        days.append(told)
        before = told.state
    if not days:
        raise top.refuse("day", "is missing; a scenario needs at least one [[day]]")
    events = [WorldEvent(f"{file}: event[{i}]", row) for i, row in enumerate(top.tables("event"), start=1)]
    top.done()
    return ScenarioText(
        name, description, start, rate, dividend, spx_close, vix_low, vix_high, past_state, tuple(days), tuple(events)
    )
