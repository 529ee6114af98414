"""History folders: what is refused and how, and that a hole is never bridged. The folder here is invented."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bot.sim.types import Settlement
from bot.sim.world import WorldDataError, load_history
from bot.sim.world.cboe import option

START, END = date(2017, 2, 6), date(2017, 2, 17)


def without_column(column: str) -> Callable[[str], str]:
    def cut(text: str) -> str:
        lines = [line.split(",") for line in text.splitlines()]
        at = lines[0].index(column)
        return "\n".join(",".join(f for i, f in enumerate(line) if i != at) for line in lines) + "\n"

    return cut


@pytest.mark.parametrize(
    ("file", "change", "column", "day"),
    [
        ("spx_daily.csv", without_column("close"), "close", None),
        ("vol_indices_daily.csv", without_column("vix_close"), "vix_close", None),
        ("vx_futures_daily.csv", without_column("settle"), "settle", None),
        ("vx_final_settlement.csv", without_column("final_settlement"), "final_settlement", None),
        ("rates_daily.csv", without_column("dff"), "dff", None),
        ("spx_daily.csv", lambda t: t.replace("2017-02-08,23", "2017-02-08,x23"), "open", date(2017, 2, 8)),
        ("spx_daily.csv", lambda t: t.replace("2017-02-08", "2017-02-8"), "date", None),
        ("vol_indices_daily.csv", lambda t: t.replace("2017-02-08", "2001-02-08"), "vix_close", date(2017, 2, 8)),
    ],
)
def test_a_broken_file_is_refused_naming_the_place(
    history_folder: Path, file: str, change: Callable[[str], str], column: str, day: date | None
) -> None:
    """The error carries file, column and, where it is about one, the date."""
    path = history_folder / file
    path.write_text(change(path.read_text()))
    with pytest.raises(WorldDataError) as refused:
        load_history(history_folder, START, END, 1)
    assert (refused.value.file, refused.value.column, refused.value.day) == (file, column, day)
    assert file in str(refused.value)


@pytest.mark.parametrize(
    "file",
    [f"{n}.csv" for n in ("spx_daily", "vol_indices_daily", "vx_futures_daily", "vx_final_settlement", "rates_daily")],
)
def test_a_missing_file_is_refused_by_name(history_folder: Path, file: str) -> None:
    """Every file the world needs is named when it is not there."""
    (history_folder / file).unlink()
    with pytest.raises(WorldDataError, match="cannot be read") as refused:
        load_history(history_folder, START, END, 1)
    assert refused.value.file == file


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (date(2016, 12, 1), END, "out of range"),
        (START, date(2017, 6, 1), "out of range"),
        (END, START, "ends"),
        (date(2017, 2, 18), date(2017, 2, 20), "no trading day"),
        (date(2017, 3, 15), date(2017, 4, 5), "hole"),
    ],
)
def test_a_range_the_data_cannot_serve_is_refused(history_folder: Path, start: date, end: date, said: str) -> None:
    """Ranges outside the file, backwards, without a session or beginning in a hole are refused with the reason."""
    with pytest.raises(WorldDataError, match=said):
        load_history(history_folder, start, end, 1)


def test_a_run_never_crosses_a_hole(history_folder: Path) -> None:
    """A range across the hole serves the days before it and says so; one after it knows nothing from before."""
    before = load_history(history_folder, date(2017, 3, 6), date(2017, 4, 5), 1)
    assert before.days[-1].day == date(2017, 3, 10)
    assert any("hole after 2017-03-10" in note and "2017-03-27" in note for note in before.notes())
    after = load_history(history_folder, date(2017, 3, 27), date(2017, 4, 5), 1)
    assert after.daily_bars("SPX", date(2017, 3, 27), 300) == []
    after.advance(after.days[0].open_at)
    assert after.index("SPX").previous_close is None
    assert after.index("VIX").previous_close is None
    assert len(after.daily_bars("VIX", date(2017, 3, 30), 300)) == 3


def test_bars_are_the_files_own(history_folder: Path) -> None:
    """Daily bars before a date come from the file, oldest first, and stop the day before."""
    world = load_history(history_folder, START, END, 1)
    bars = world.daily_bars("SPX", START, 3)
    assert [b.at.date() for b in bars] == [date(2017, 2, 1), date(2017, 2, 2), date(2017, 2, 3)]
    assert bars[-1].close == 2300.0 + date(2017, 2, 3).toordinal() % 17


def test_the_final_settlement_is_the_published_one(history_folder: Path) -> None:
    """VRO comes from the settlement file, and only on its day."""
    world = load_history(history_folder, START, END, 1)
    spec = option(date(2017, 2, 15), Settlement.AM, 12.0, True, 1)
    vix = type(spec)(**{**{f: getattr(spec, f) for f in spec.__slots__}, "symbol": "VIX"})
    world.advance(world.days[6].close_at)
    assert world.settlement_price(vix) is None
    world.advance(world.days[7].open_at)
    assert world.settlement_price(vix) == 11.5


def test_derived_indices_are_noted(history_folder: Path) -> None:
    """Without VIX9D and VIX3M the world derives both from VIX and the curve, and says on which days."""
    path = history_folder / "vol_indices_daily.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    emptied = [lines[0], *([*line[:5], *[""] * 8, *line[13:]] for line in lines[1:])]
    path.write_text("\n".join(",".join(line) for line in emptied) + "\n")
    world = load_history(history_folder, START, END, 1)
    notes = " ".join(world.notes())
    assert "VIX9D derived from VIX and the VX curve on every day (10)" in notes
    assert "VIX3M derived" in notes
    world.advance(world.days[0].close_at)
    vix, vix3m = world.index("VIX").last, world.index("VIX3M").last
    assert vix is not None
    assert vix3m is not None
    assert 0.9 * vix < vix3m < 1.3 * vix


def test_without_listed_futures_vix_options_have_no_price(history_folder: Path) -> None:
    """A day without VX rows has no future and no VIX option value: a hole is a hole."""
    path = history_folder / "vx_futures_daily.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    world = load_history(history_folder, START, END, 1)
    world.advance(world.days[0].open_at)
    assert list(world.future_expiries(START)) == []
    spec = option(date(2017, 3, 22), Settlement.AM, 12.0, True, 1)
    vix = type(spec)(**{**{f: getattr(spec, f) for f in spec.__slots__}, "symbol": "VIX"})
    assert np.isnan(world.marks([vix]).mid).all()
    assert any("No VX future" in note for note in world.notes())
