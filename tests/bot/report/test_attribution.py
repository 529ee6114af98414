"""Profit by greek on prices made by the model itself: one thing moves, one column tells it."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.report.attribution import PARTS, Attributed, attributed
from bot.report.books import Books
from bot.report.facts import Marks, SessionFacts, Trade
from strategies.domain.instruments import Index, Option, Right, SettlementStyle
from strategies.domain.session import SessionDay
from strategies.pricing import black76

OPEN = datetime(2026, 3, 3, 14, 30, tzinfo=UTC)
DAY = date(2026, 3, 3)
SPX, PUT = 1, 2
EXPIRES = datetime(2026, 4, 17, 20, tzinfo=UTC)
OPTION = Option(PUT, "SPX", "SPXW", "SMART", 100, date(2026, 4, 17), 5400.0, Right.PUT, SettlementStyle.PM, EXPIRES, ())
Curve = Callable[[int], float]


def told(spot: Curve, sigma: Curve, minutes: int = 120, held: int = -2) -> dict[str, float]:
    """One holder's row of a session in which only these move; the option was sold the day before."""
    (row,) = lived(spot, sigma, minutes, held).table["rows"]
    return {part: row[f"{part}_usd"] for part in (*PARTS, "total")}


def lived(
    spot: Curve, sigma: Curve, minutes: int = 120, held: int = -2, sold_at: timedelta = timedelta(days=-1),
    spx: int | None = SPX,
) -> Attributed:  # fmt: skip
    """The session, with an option sold so long after its open."""
    marks = Marks({}, None)
    first = int(OPEN.timestamp() // 60)
    for minute in range(minutes + 1):
        tau = (EXPIRES.timestamp() / 60 - first - minute) / (365 * 1440)
        price = black76.price(spot(minute), OPTION.strike, sigma(minute), tau, False, math.exp(-0.04 * tau))
        marks.put(first + minute, SPX, spot(minute))
        marks.put(first + minute, PUT, float(price))
    close = OPEN + timedelta(minutes=minutes)
    session = SessionFacts("2026-03-03", 1, marks, first_at=OPEN, last_at=close)
    session.hours = SessionDay(DAY, OPEN, close, close)
    books = Books()
    books.instruments = {SPX: Index(SPX, "SPX", "CBOE"), PUT: OPTION}
    sold = Trade(OPEN + sold_at, PUT, held, 60.0, 100, 0.0, "ic-1", None, "ic-1.e1")
    found = attributed(session, books, [sold], spx)
    assert found is not None
    return found


def still(value: float) -> Curve:
    """Nothing moves."""
    return lambda minute: value


def test_time_alone_is_theta() -> None:
    """Two hours of a short option bring a twelfth of a day's theta, and nothing else has a share in it."""
    row = told(still(5500.0), still(0.18))
    assert row["theta"] > 0.0
    assert row["total"] == pytest.approx(row["theta"], abs=0.5)
    assert max(abs(row[part]) for part in ("delta", "gamma", "vega", "cross", "residual")) < 0.5


def test_a_fall_of_the_index_is_delta_and_gamma() -> None:
    """Sixty points down at the same volatility: delta first, gamma against the seller, next to no residual."""
    row = told(lambda minute: 5500.0 - 0.5 * minute, still(0.18))
    assert row["delta"] < -1500.0
    assert -40.0 < row["gamma"] < 0.0
    assert abs(row["vega"]) < 1.0
    assert abs(row["residual"]) < 0.005 * abs(row["total"])


def test_a_rise_of_volatility_is_vega() -> None:
    """Three volatility points more cost the seller; the index and its gamma have no share in it."""
    row = told(still(5500.0), lambda minute: 0.18 + 0.03 * minute / 120)
    assert row["vega"] < -3000.0
    assert (row["delta"], row["gamma"]) == (0.0, 0.0)
    assert abs(row["residual"]) < 0.002 * abs(row["total"])


def test_the_parts_are_the_total_when_everything_moves() -> None:
    """A fall with rising volatility: all columns add up to what the position lost, to the cent of rounding."""
    row = told(lambda minute: 5500.0 - minute, lambda minute: 0.18 + 0.06 * minute / 120)
    assert sum(row[part] for part in PARTS) == pytest.approx(row["total"], abs=0.06)
    assert row["cross"] != 0.0
    assert abs(row["residual"]) < 0.01 * abs(row["total"])


def test_an_option_without_time_value_moves_as_its_forward() -> None:
    """Marked at its worth if exercised now, a put has no volatility: it moves as its forward does, with no vega."""
    row = told(lambda minute: 5000.0 if minute < 60 else 4990.0, still(0.001))
    assert row["vega"] == 0.0
    assert row["delta"] == pytest.approx(-2 * 100 * 10.0, rel=0.02)


def test_net_delta_is_dollars_for_a_per_cent_of_the_index_from_the_trade_on() -> None:
    """Two short puts gain 100 x delta x 55 points each; before their sale an hour after the open there is none."""
    tau = (EXPIRES - OPEN - timedelta(hours=1)) / timedelta(days=365)
    one = black76.greeks(5500.0, OPTION.strike, 0.18, tau, False, math.exp(-0.04 * tau)).delta
    seen = lived(still(5500.0), still(0.18), sold_at=timedelta(hours=1)).net_delta_usd_per_pct
    assert (len(seen), seen[59]) == (121, 0.0)
    assert seen[60] == pytest.approx(-2 * 100 * float(one) * 55.0, rel=1e-3)
    assert seen[60] > 0.0


def test_net_delta_is_unknown_without_the_index() -> None:
    """Held options whose forward nobody quoted have no delta, not a zero; nothing held has none to know."""
    seen = lived(still(5500.0), still(0.18), sold_at=timedelta(hours=1), spx=None).net_delta_usd_per_pct
    assert seen[59] == 0.0
    assert math.isnan(seen[60])
