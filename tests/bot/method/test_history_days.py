"""What a day was by its closes: the count of days on which a window could sell at all."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from benchmarks.history import Window
from benchmarks.history_days import Folder
from strategies.condor.params import CondorParams
from strategies.signals.curve import Regime

FIRST = date(2018, 1, 1)


def test_a_day_is_told_by_its_closes_and_the_filter_that_refuses_it(tmp_path: Path) -> None:
    """Contango and a VIX well ranked over a quiet index could sell; a VIX of 26 could not, whatever the curve; a curve
    without its second month is unknown and calm for nobody; a front month about to settle is not looked at."""
    days = [FIRST + timedelta(days=n) for n in range(150)]
    vix = [12.0 + 0.05 * n for n in range(147)] + [19.0, 26.0, 19.0]
    spx = [2700.0 + (n % 2) for n in range(150)]
    near, front, second = days[-1] + timedelta(days=2), days[-1] + timedelta(days=20), days[-1] + timedelta(days=48)
    (tmp_path / "vol_indices_daily.csv").write_text(
        "date,vix_close\n" + "".join(f"{d},{v}\n" for d, v in zip(days, vix, strict=True)) + "2018-07-01,\n"
    )
    (tmp_path / "spx_daily.csv").write_text(
        "date,close\n" + "".join(f"{d},{s}\n" for d, s in zip(days, spx, strict=True))
    )
    rows = [f"{d},M,{near},30,\n{d},M,{front},18,\n" for d in days]
    rows += [f"{d},M,{second},,19\n" for d in days[:-1]]
    (tmp_path / "vx_futures_daily.csv").write_text("date,kind,expiry,settle,close\n" + "".join(rows))

    calm, high, torn = Folder(tmp_path).days(Window(days[-3], days[-1]), CondorParams())

    assert (calm.regime, calm.front_minus_second, calm.refused) == (Regime.CONTANGO, -1.0, "")
    assert high.refused == "VIX 25 or more"
    assert (torn.regime, torn.refused) == (Regime.UNKNOWN, "curve inverted")
