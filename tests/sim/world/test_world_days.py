"""A day is one story: its tape, its daily bars and its previous closes tell the same prices, played or past."""

from datetime import date
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bot.sim.types import Bar
from bot.sim.world import scenario
from bot.sim.world.history_folder import open_history
from bot.sim.world.load import scenario_names
from bot.sim.world.tape import SYMBOLS, DayTape, Source, on_vx_grid


def shipped(name: str, seed: int) -> scenario.ScenarioSource:
    file = resources.files("bot.sim.world") / "scenarios" / f"{name}.toml"
    return scenario.load(file.read_text(encoding="utf-8"), name, seed)


def lived(tape: DayTape, column: int) -> tuple[float, ...]:
    prices = tape.levels[:, column]
    return tuple(round(float(p), 2) for p in (prices[0], prices.max(), prices.min(), prices[-1]))


def told(bar: Bar) -> tuple[float, ...]:
    return tuple(round(p, 2) for p in (bar.open, bar.high, bar.low, bar.close))


def agrees(source: Source, day: date, bars: dict[str, dict[date, Bar]]) -> None:
    tape = source.tape_on(day)
    assert tape.session.day == day
    for column, symbol in enumerate(SYMBOLS):
        if day in bars[symbol]:
            assert lived(tape, column) == told(bars[symbol][day]), symbol
    for i, expiry in enumerate(tape.futures.listed):
        bar = source.future_bars(expiry, date.fromordinal(day.toordinal() + 1), 1)[0]
        path = tape.future_levels[:, i]
        assert bar.at.date() == day
        assert (on_vx_grid(path[0]), on_vx_grid(path.max()), on_vx_grid(path.min())) == pytest.approx(
            (on_vx_grid(bar.open), on_vx_grid(bar.high), on_vx_grid(bar.low))
        )
        assert path[-1] == pytest.approx(bar.close)


def days_and_bars(source: Source) -> tuple[list[date], dict[str, dict[date, Bar]]]:
    end = date.fromordinal(source.sessions[-1].day.toordinal() + 1)
    bars = {symbol: {bar.at.date(): bar for bar in source.bars(symbol, end, 400)} for symbol in SYMBOLS}
    return sorted(bars["SPX"]), bars


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_lives_every_day_as_its_bars_say(name: str) -> None:
    """Open, high, low and close of every index and VX contract, in the story and in the past before it."""
    source = shipped(name, 3)
    days, bars = days_and_bars(source)
    for day in [*days[:3], *days[40:320:70], *days[318:]]:
        agrees(source, day, bars)


def test_a_day_of_the_past_ends_where_the_next_begins() -> None:
    """The previous closes of a tape are the bars of the day before it; the first known day has none."""
    source = shipped("calm", 3)
    days, bars = days_and_bars(source)
    for before, day in pairwise(days[100:105]):
        tape = source.tape_on(day)
        assert [round(float(p), 2) for p in tape.previous] == [bars[s][before].close for s in SYMBOLS]
    assert np.isnan(source.tape_on(days[0]).previous).all()
    with pytest.raises(KeyError):
        source.tape_on(date(1999, 1, 4))


def test_a_tape_made_again_is_the_same() -> None:
    """However many days were looked at in between."""
    source = shipped("flip", 3)
    days, _ = days_and_bars(source)
    first = source.tape_on(days[310]).levels
    for day in days[240:300]:
        source.tape_on(day)
    again = source.tape_on(days[310])
    assert again.levels is not first
    np.testing.assert_array_equal(again.levels, first)


def test_a_history_folder_lives_every_day_as_its_bars_say(history_folder: Path) -> None:
    """Also the days before the range, which are known only as bars, and contracts of which only settlements are."""
    source = open_history(history_folder, date(2017, 2, 6), date(2017, 2, 17), 5)
    days, bars = days_and_bars(source)
    assert days[0] < date(2017, 1, 6)
    for day in days:
        agrees(source, day, bars)


@pytest.mark.history
@pytest.mark.parametrize(
    ("start", "end"), [(date(2018, 10, 11), date(2018, 10, 17)), (date(2008, 10, 20), date(2008, 10, 22))]
)
def test_real_days_are_lived_as_the_files_say(real_data: Path, start: date, end: date) -> None:
    """Real days, some before the range, of a year with every index and of one that lacks most of them."""
    source = open_history(real_data, start, end, 5)
    days, bars = days_and_bars(source)
    for day in [*days[:2], *days[150:152], *days[-4:]]:
        agrees(source, day, bars)
