"""A tiny invented history folder for the tests of the world."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.sim.exchange.holidays import is_business_day
from bot.sim.world.sessions import vx_expiries_after

HOLE = (date(2017, 3, 13), date(2017, 3, 24))
_PARTS = [f"{n}_{p}" for n in ("vix", "vix9d", "vix3m") for p in ("open", "high", "low", "close")]
_HEADERS = {
    "spx_daily.csv": "date,open,high,low,close,volume,source",
    "vol_indices_daily.csv": ",".join(["date", *_PARTS, "vvix", "skew"]),
    "vx_futures_daily.csv": (
        "date,contract,kind,expiry,dte,open,high,low,close,settle,change,volume,efp,open_interest,source"
    ),
    "vx_final_settlement.csv": "contract_month,expiry,final_settlement,final_settlement_published,source",
    "rates_daily.csv": "date,dff,dtb3,dgs10",
}


@pytest.fixture
def history_folder(tmp_path: Path) -> Path:
    """Daily files 2017-01-03..2017-04-28 with a two-week hole in March; every level a simple function of the day."""
    lines: dict[str, list[str]] = {name: [header] for name, header in _HEADERS.items()}
    day = date(2017, 1, 3)
    while day <= date(2017, 4, 28):
        lines["rates_daily.csv"].append(f"{day},0.75,0.70,2.4")
        if is_business_day(day) and not HOLE[0] <= day <= HOLE[1]:
            close, vix = 2300.0 + day.toordinal() % 17, 12.0 + day.toordinal() % 5
            lines["spx_daily.csv"].append(f"{day},{close - 3},{close + 5},{close - 7},{close},1000,fake")
            bars = ",".join(f"{vix + d + 0.2},{vix + d + 1},{vix + d - 1},{vix + d}" for d in (0, -1, 2))
            lines["vol_indices_daily.csv"].append(f"{day},{bars},{80 + vix},130")
            for i, expiry in enumerate(vx_expiries_after(day, 5)):
                row = f"{day},VX{i},M,{expiry},{(expiry - day).days},,,,,{vix + 1 + i * 0.5},,10,,,fake"
                lines["vx_futures_daily.csv"].append(row)
        day += timedelta(days=1)
    lines["vx_final_settlement.csv"].append("2017-02,2017-02-15,11.5,11.5,fake")
    for name, content in lines.items():
        (tmp_path / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return tmp_path
