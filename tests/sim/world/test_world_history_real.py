"""Real days: pinned prices, real settlements, substitutions, and quotes that stand up to the real chains."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.sim.types import Settlement
from bot.sim.world import WorldDataError, load_history
from bot.sim.world.check import Knowledge, compare_day, option, vix_errors, vix_option_errors
from bot.sim.world.files import read_futures, read_spx, read_table

pytestmark = pytest.mark.history


def test_spx_reaches_the_real_prices_of_each_day(real_data: Path) -> None:
    """Over September 2018 to October 17 open, high, low and close of every day are the file's to the cent."""
    start, end = date(2018, 9, 17), date(2018, 10, 17)
    world, real = load_history(real_data, start, end, 7), read_spx(real_data)
    vol = read_table(real_data, "vol_indices_daily.csv", ("vix_open", "vix_high", "vix_low", "vix_close"), start, end)
    assert len(world.days) == 23
    for day in world.days:
        world.advance(day.close_at)
        spx, vix, told = world.index("SPX"), world.index("VIX"), real[day.day]
        assert (spx.open, spx.high, spx.low, spx.last) == (told.open, told.high, told.low, told.close)
        assert [vix.open, vix.high, vix.low, vix.last] == list(vol[day.day].values())
    assert len(world.daily_bars("SPX", start, 300)) == 300


def test_every_future_moves_from_settlement_to_settlement(real_data: Path) -> None:
    """In March 2020 each listed contract ends the day within half a tick of its real settlement."""
    start, end = date(2020, 3, 9), date(2020, 3, 20)
    world, rows = load_history(real_data, start, end, 7), read_futures(real_data, start, end)
    for day in world.days:
        world.advance(day.close_at)
        for row in rows[day.day]:
            if row.expiry > day.day:
                assert world.future(row.expiry).last == pytest.approx(row.settle, abs=0.026)
    assert any("by ratio from SPY" in note for note in world.notes())


def test_the_two_holes_end_a_world(real_data: Path) -> None:
    """A range into or across the holes of 2015 and 2024 stops before them; one that starts inside is refused."""
    assert load_history(real_data, date(2015, 8, 3), date(2015, 10, 1), 1).days[-1].day == date(2015, 8, 14)
    assert load_history(real_data, date(2024, 7, 1), date(2024, 8, 1), 1).days[-1].day == date(2024, 7, 19)
    with pytest.raises(WorldDataError, match="hole"):
        load_history(real_data, date(2015, 8, 20), date(2015, 10, 1), 1)


@pytest.mark.parametrize("day", [date(2018, 10, 15), date(2018, 10, 17)])
def test_on_chain_days_the_world_quotes_what_was_quoted(real_data: Path, day: date) -> None:
    """With the day's chain at least 98 % of real spreads hold the generated mid and the spreads are the real ones."""
    found = compare_day(real_data, day, Knowledge.ALL)
    core = (found.days >= 7) & (found.days <= 90) & (found.delta >= 0.05) & (found.delta <= 0.50)
    assert found.inside.mean() > 0.98
    assert found.inside[core].mean() > 0.98
    assert np.nanmedian(found.world_half / found.real_half) == pytest.approx(1.0, abs=0.05)


def test_without_the_chain_the_surface_is_near(real_data: Path) -> None:
    """From the indices alone the condor's strikes are priced within a point at the median, at real spreads' width."""
    found = compare_day(real_data, date(2018, 10, 17), Knowledge.NOTHING)
    core = (found.days >= 30) & (found.days <= 60) & (found.delta >= 0.08) & (found.delta <= 0.20)
    assert core.sum() > 100
    assert np.median(np.abs(found.error_points[core])) < 1.0
    assert 0.8 < np.nanmedian(found.world_half[core] / found.real_half[core]) < 1.25


@pytest.mark.parametrize(
    ("start", "end"), [(date(2018, 9, 17), date(2018, 9, 21)), (date(2020, 3, 12), date(2020, 3, 18))]
)
def test_vix_recomputed_from_the_options_is_the_days_vix(real_data: Path, start: date, end: date) -> None:
    """The Cboe method on the generated quotes gives the published VIX within 2 % (at least a quarter point)."""
    for _, published, recomputed in vix_errors(load_history(real_data, start, end, 3)):
        assert recomputed == pytest.approx(published, rel=0.02, abs=0.25)


def test_a_chain_day_moves_with_the_market(real_data: Path) -> None:
    """On a chain day the fitted smile moves with spot and VIX: at-the-money volatility follows VIX from the open."""
    world = load_history(real_data, date(2018, 10, 16), date(2018, 10, 16), 1)
    day = world.days[0]
    ratios = []
    for hours in (0, 2, 4, 6.5):
        world.advance(day.open_at + timedelta(hours=hours))
        spot, vix = world.index("SPX").last or 0.0, world.index("VIX").last or 1.0

        strike = round(spot / 5) * 5.0
        marks = world.marks([option(date(2018, 11, 16), Settlement.PM, strike, True, int(strike))])
        ratios.append(float(marks.iv[0]) * 100 / vix)
    assert max(ratios) - min(ratios) < 0.08


def test_vix_options_wear_the_real_smile(real_data: Path) -> None:
    """Against the real VIX options of July 2022 the volatilities are off by less than 8 points at the median."""
    error = vix_option_errors(real_data)
    assert len(error) > 80
    assert np.median(np.abs(error)) < 8.0
