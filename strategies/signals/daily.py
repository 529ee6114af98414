"""Everything remembered of finished sessions, as one immutable fold over their closes.

Rules
- `add_session` is the only way forward: warming up from history and living through the days are the same calls, so they
  end in the same state. A session in progress is added to a copy that is thrown away.
- What a session does not say leaves its series where it was; whoever reads them sees by their day that they are behind.
- After a hole in the sessions everything starts anew. The size is bounded by the windows of `blank`.
"""

from __future__ import annotations

import math
from datetime import date
from enum import StrEnum
from functools import lru_cache

import msgspec

from strategies.domain.series import SECTOR_SERIES
from strategies.pricing.vix_beta import (
    BETA_WINDOW_SESSIONS,
    BetaScales,
    root_time_beta,
    shrunk_scale,
    tenor_of,
)
from strategies.signals.closes import BadHistory, SessionCloses
from strategies.signals.diagnostic_params import Basis, DiagnosticParams
from strategies.signals.indicators import Macd, Rsi, Window, bandwidth, mean, realised_vol_of, slope
from strategies.signals.lines import Line, Pair, hole
from strategies.signals.term_structure import Strip, measure, month_of, strip_of_closes

RV_SESSIONS = 20
BANDWIDTH_SESSIONS = 20
SECTOR_MEAN_SESSIONS = 20
CONCENTRATION_SESSIONS = 60
YEAR_SESSIONS = 252
SCORE_SESSIONS = 60
"""Sessions of every z score."""


class Series(StrEnum):
    """Series made here out of closes; the others bear the symbol they are quoted under."""

    FRONT = "front"
    BASIS = "basis"
    CONSTANT = "constant_30d"
    BANDWIDTH = "vix_bandwidth"
    REALISED = "spx_rv20"
    PREMIUM = "vix_less_rv20"
    SECTORS = "sectors_above_mean"
    SECTORS_UP = "sectors_up_less_down"
    ADVANCE_DECLINE = "advance_decline"
    ADVANCING = "advancing_less_declining"
    SKEW = "skew_25_delta"
    CREDIT = "ln_hyg_lqd"
    EQUAL_WEIGHT = "ln_rsp_spy"
    CONCENTRATION = "rsp_spy_slope"


class Together(StrEnum):
    """Pairs of series kept in step."""

    REIT = "xlre_spy"
    TECH = "qqq_rsp"
    SECTORS = "spx_sectors"
    SECTORS_MACD = "spx_sectors_macd"
    ADVANCE_DECLINE = "spx_advance_decline"
    ADVANCE_DECLINE_MACD = "spx_advance_decline_macd"


_BETA = Pair.of(BETA_WINDOW_SESSIONS)


class Daily(msgspec.Struct, frozen=True):
    """State after the session of `day`; `futures` are that session's monthly settlements by expiry.

    `betas` hold, per tenor of vix_beta, each session's products and squares of the regression of dF on beta(tau) dVIX.
    """

    day: date | None
    lines: dict[str, Line]
    pairs: dict[str, Pair]
    futures: dict[date, float] = {}
    betas: tuple[Pair, Pair, Pair] = (_BETA, _BETA, _BETA)

    def line(self, name: str) -> Line:
        """A series by symbol or `Series`."""
        return self.lines[name]


@lru_cache(maxsize=8)
def blank(params: DiagnosticParams) -> Daily:
    """Nothing seen yet; what is kept of each series is written here."""
    rsi, macd = Rsi(params.rsi_sessions), Macd.of(*params.macd)
    shown = params.divergence_sessions + params.divergence_of_last - 1
    lines = {
        "SPX": Line(Window(51), rsi=rsi),
        "VIX": Line(Window(YEAR_SESSIONS), rsi=rsi, macd=macd),
        "VVIX": Line(Window(1), rsi=rsi),
        "SKEW": Line(Window(SCORE_SESSIONS)),
        "VIX3M": Line(Window(1)),
        **{symbol: Line(Window(1)) for symbol in ("SPY", "QQQ", "RSP", "HYG", "LQD")},
        **{symbol: Line(Window(SECTOR_MEAN_SESSIONS)) for symbol in SECTOR_SERIES},
        Series.FRONT: Line(Window(20)),
        Series.BASIS: Line(Window(1), macd=Macd.of(*params.macd_basis)),
        Series.CONSTANT: Line(Window(1), macd=macd),
        Series.BANDWIDTH: Line(Window(params.compress_sessions)),
        Series.REALISED: Line(Window(1)),
        Series.PREMIUM: Line(Window(SCORE_SESSIONS)),
        Series.SECTORS: Line(Window(20), macd=macd),
        Series.SECTORS_UP: Line(Window(5)),
        Series.ADVANCE_DECLINE: Line(Window(20), macd=macd),
        Series.ADVANCING: Line(Window(5)),
        Series.SKEW: Line(Window(SCORE_SESSIONS)),
        Series.CREDIT: Line(Window(SCORE_SESSIONS)),
        Series.EQUAL_WEIGHT: Line(Window(CONCENTRATION_SESSIONS)),
        Series.CONCENTRATION: Line(Window(SCORE_SESSIONS)),
    }
    pairs = {
        Together.REIT: Pair.of(61),
        Together.TECH: Pair.of(61),
        **dict.fromkeys((Together.SECTORS, Together.SECTORS_MACD), Pair.of(shown)),
        **dict.fromkeys((Together.ADVANCE_DECLINE, Together.ADVANCE_DECLINE_MACD), Pair.of(shown)),
    }
    return Daily(None, {str(k): v for k, v in lines.items()}, {str(k): v for k, v in pairs.items()})


def add_session(
    daily: Daily, session: SessionCloses, params: DiagnosticParams, skip_front_days: int, *, finished: bool = True
) -> Daily:
    """The state with one more session. Raises BadHistory for one that is not later, or holds what is no number.

    Betas are of closes alone: a session that is not finished adds nothing to them.
    """
    session.checked()
    if daily.day is not None and session.day <= daily.day:
        raise BadHistory(f"session {session.day} cannot follow {daily.day}; sessions must rise by day, each day once")
    start = blank(params)
    if hole(daily.day, session.day):
        daily = start
    fold = _Fold(daily, session, start)
    for symbol, value in session.closes.items():
        if symbol in start.lines:
            fold.line(symbol, value)
    try:
        strip = strip_of_closes(session.futures, session.day, skip_front_days, 2)
    except ValueError as reason:
        raise BadHistory(str(reason)) from reason
    _add_curve(fold, strip, params)
    _add_levels(fold)
    _add_breadth(fold, params)
    monthly = {expiry: price for expiry, price in session.futures.items() if month_of(expiry) is not None}
    betas = _betas(daily, fold, monthly, skip_front_days) if finished else daily.betas
    return Daily(session.day, fold.lines, fold.pairs, monthly, betas)


def beta_scales(daily: Daily) -> BetaScales:
    """Seen betas over the formula's, shrunk towards it (vix_beta)."""
    near, middle, far = [_scale(pair) for pair in daily.betas]
    return BetaScales(near, middle, far)


def _scale(pair: Pair) -> float:
    products, squares = pair.first.values, pair.second.values
    whole = sum(squares)
    return shrunk_scale(sum(products) / whole if whole > 0.0 else None, len(squares) - squares.count(0.0))


class _Fold:
    """The scratch pad of one session: copies of the series, replaced as values come."""

    def __init__(self, daily: Daily, session: SessionCloses, start: Daily) -> None:
        self.lines, self.pairs = dict(daily.lines), dict(daily.pairs)
        self.session, self.day, self._start, self._before = session, session.day, start, daily.day

    def line(self, name: str, value: float | None) -> Line | None:
        """One more value of a series, on a fresh one after a hole; None when there is no value."""
        if value is None:
            return None
        line = self.lines[name]
        if line.day is not self._before and hole(line.day, self.day):  # the whole was asked already
            line = self._start.lines[name]
        self.lines[name] = line = line.update(self.day, value)
        return line

    def pair(self, name: str, first: float | None, second: float | None) -> None:
        """One more value of both series, if both are there."""
        if first is None or second is None:
            return
        pair = self.pairs[name]
        if pair.day is not self._before and hole(pair.day, self.day):
            pair = self._start.pairs[name]
        self.pairs[name] = pair.update(self.day, first, second)

    def log(self, symbol: str) -> float | None:
        """Logarithm of today's close."""
        close = self.session.closes.get(symbol)
        return None if close is None else math.log(close)

    def log_ratio(self, symbol: str, to: str) -> float | None:
        """Logarithm of one close over another."""
        first, second = self.log(symbol), self.log(to)
        return None if first is None or second is None else first - second


def _add_curve(fold: _Fold, strip: Strip, params: DiagnosticParams) -> None:
    """Front future, 30-day future and the basis of D-MACD-1."""
    vix = fold.session.closes.get("VIX")
    term = measure(strip, vix, None)
    fold.line(Series.FRONT, term.f1_points)
    fold.line(Series.CONSTANT, term.constant_30d_points)
    if params.basis is Basis.FRONT_LESS_SECOND:
        fold.line(Series.BASIS, term.front_minus_second_points)
    elif vix is not None and term.f1_points is not None:
        fold.line(Series.BASIS, vix - term.f1_points)


def _add_levels(fold: _Fold) -> None:
    """Bandwidth of VIX, VIX over realised volatility, skew, credit, concentration, and the correlated pairs."""
    vix, spx = fold.lines["VIX"], fold.lines["SPX"]
    if vix.day == fold.day and (levels := vix.window.last(BANDWIDTH_SESSIONS)) is not None:
        fold.line(Series.BANDWIDTH, bandwidth(levels))
    if spx.day == fold.day and (closes := spx.window.last(RV_SESSIONS + 1)) is not None:
        realised = realised_vol_of(closes)
        fold.line(Series.REALISED, realised)
        fold.line(Series.PREMIUM, None if vix.day != fold.day or vix.last is None else vix.last - realised)
    fold.line(Series.SKEW, fold.session.skew_vol_points)
    fold.line(Series.CREDIT, fold.log_ratio("HYG", "LQD"))
    weight = fold.line(Series.EQUAL_WEIGHT, fold.log_ratio("RSP", "SPY"))
    if weight is not None and (ratios := weight.window.last(CONCENTRATION_SESSIONS)) is not None:
        fold.line(Series.CONCENTRATION, slope(ratios))
    fold.pair(Together.REIT, fold.log("XLRE"), fold.log("SPY"))
    fold.pair(Together.TECH, fold.log("QQQ"), fold.log("RSP"))


def _add_breadth(fold: _Fold, params: DiagnosticParams) -> None:
    """The advance-decline line where it is fed, and its stand-in from the sector funds in any case."""
    spx = fold.session.closes.get("SPX")
    counted = fold.session.breadth
    if counted is not None:
        net = float(counted.advancing - counted.declining)
        before = fold.lines[Series.ADVANCE_DECLINE]
        start = 0.0 if before.last is None or hole(before.day, fold.day) else before.last
        fold.line(Series.ADVANCING, net)
        line = fold.line(Series.ADVANCE_DECLINE, start + net)
        fold.pair(Together.ADVANCE_DECLINE, spx, start + net)
        fold.pair(Together.ADVANCE_DECLINE_MACD, spx, _macd_line(line))
    above, up = [], []
    for symbol in SECTOR_SERIES:
        window = fold.lines[symbol].window
        if fold.lines[symbol].day == fold.day and (closes := window.last(SECTOR_MEAN_SESSIONS)) is not None:
            above.append(closes[-1] > mean(closes))
            up.append((closes[-1] > closes[-2]) - (closes[-1] < closes[-2]))
    if len(above) < params.sectors_fewest:
        return
    share = sum(above) / len(above)
    fold.line(Series.SECTORS_UP, float(sum(up)))
    line = fold.line(Series.SECTORS, share)
    fold.pair(Together.SECTORS, spx, share)
    fold.pair(Together.SECTORS_MACD, spx, _macd_line(line))


def _macd_line(line: Line | None) -> float | None:
    return None if line is None or line.macd is None else line.macd.line


def _betas(daily: Daily, fold: _Fold, monthly: dict[date, float], skip_days: int) -> tuple[Pair, Pair, Pair]:
    """With what this session's moves say about betas; as before without two consecutive sessions of VIX."""
    before, now = daily.lines["VIX"], fold.lines["VIX"]
    if before.day is None or before.day != daily.day or now.day != fold.day or before.last is None or now.last is None:
        return daily.betas
    move = now.last - before.last
    products, squares = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for expiry, price in monthly.items():
        days = (expiry - fold.day).days
        if expiry not in daily.futures or days <= skip_days:
            continue
        expected, tenor = root_time_beta(days) * move, tenor_of(days)
        products[tenor] += expected * (price - daily.futures[expiry])
        squares[tenor] += expected * expected
    near, middle, far = [
        pair.update(fold.day, product, square)
        for pair, product, square in zip(daily.betas, products, squares, strict=True)
    ]
    return near, middle, far
