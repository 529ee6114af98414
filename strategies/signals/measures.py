"""The numbers other rules decide with, taken from the daily series once a look; None is not known."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import msgspec

from strategies.domain.same import Same
from strategies.pricing.vix_beta import BetaScales
from strategies.signals.daily import SCORE_SESSIONS, Daily, Series, beta_scales
from strategies.signals.indicators import MacdValue, mean, z_score
from strategies.signals.lines import Line
from strategies.signals.look import Look


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Levels in points, RSI 0..100, scores (`_z60`) in deviations of 60 sessions; the running session included where it
    is known. `settled_day` is the last close they rest on.

    rsi_vix_before, rsi_spx: D-RSI-1, A-ENG-2, A-HARV-3 (a cross down through 70 is before >= 70 > now).
    basis_macd, basis_crossed_up: D-MACD-1, A-ROT-1. constant_macd: D-MACD-2; its histogram above zero is the steward's
    regime (S4-4). vix_less_rv20, front_high_20: C-PRESS-1, A-HARV-3. credit_z60: X-LIQ-2. concentration_z60: C-THETA-3
    (RSP over SPY falling faster than its habit). scales: vix_beta.
    """

    settled_day: date | None = None
    vix_points: float | None = None
    vix_close_before_points: float | None = None
    vix_change_points: float | None = None
    rsi_vix: float | None = None
    rsi_vix_before: float | None = None
    rsi_vvix: float | None = None
    rsi_spx: float | None = None
    basis_macd: MacdValue | None = None
    basis_crossed_up: bool | None = None
    constant_macd: MacdValue | None = None
    vix_macd: MacdValue | None = None
    rv20_points: float | None = None
    vix_less_rv20_points: float | None = None
    vix_less_rv20_z60: float | None = None
    front_points: float | None = None
    front_high_20_points: float | None = None
    spx_return_5_pct: float | None = None
    spx_mean_20_points: float | None = None
    spx_mean_50_points: float | None = None
    credit_z60: float | None = None
    concentration_z60: float | None = None
    scales: BetaScales = BetaScales()


def take_measures(look: Look) -> Measures:
    """All of them."""
    vix, spx, vvix, front = (look.line(name) for name in ("VIX", "SPX", "VVIX", Series.FRONT))
    basis, constant, premium = (look.line(name) for name in (Series.BASIS, Series.CONSTANT, Series.PREMIUM))
    before = look.close("VIX")
    if vix is not None and vix.day == look.settled.day:
        before = vix.window.values[-2] if len(vix.window.values) > 1 else None
    level = None if vix is None else vix.last
    month = None if spx is None else spx.window.last(20)
    fifty = None if spx is None else spx.window.last(50)
    six = None if spx is None else spx.window.last(6)
    realised = look.line(Series.REALISED)
    peak = None if front is None else front.window.last(20)
    return Measures(
        settled_day=look.settled.day,
        vix_points=level,
        vix_close_before_points=before,
        vix_change_points=None if level is None or before is None else level - before,
        rsi_vix=None if vix is None or vix.rsi is None else vix.rsi.value,
        rsi_vix_before=None if vix is None else vix.rsi_before,
        rsi_vvix=None if vvix is None or vvix.rsi is None else vvix.rsi.value,
        rsi_spx=None if spx is None or spx.rsi is None else spx.rsi.value,
        basis_macd=None if basis is None or basis.macd is None else basis.macd.value,
        basis_crossed_up=None if basis is None or basis.macd is None else basis.macd.crossed_up,
        constant_macd=None if constant is None or constant.macd is None else constant.macd.value,
        vix_macd=None if vix is None or vix.macd is None else vix.macd.value,
        rv20_points=None if realised is None else realised.last,
        vix_less_rv20_points=None if premium is None else premium.last,
        vix_less_rv20_z60=_score(look, Series.PREMIUM),
        front_points=None if front is None else front.last,
        front_high_20_points=None if peak is None else max(peak),
        spx_return_5_pct=None if six is None else 100.0 * (six[-1] / six[0] - 1.0),
        spx_mean_20_points=None if month is None else mean(month),
        spx_mean_50_points=None if fifty is None else mean(fifty),
        credit_z60=_score(look, Series.CREDIT),
        concentration_z60=_score(look, Series.CONCENTRATION),
        scales=_scales_of(Same(look.settled)),
    )


def _score(look: Look, name: str) -> float | None:
    line = look.line(name)
    return None if line is None else _score_of(Same(line))


# Of series that nothing streams, and of finished sessions, every look asks the same.
@lru_cache(maxsize=16)
def _score_of(seen: Same[Line]) -> float | None:
    levels = seen.value.window.last(SCORE_SESSIONS)
    return None if levels is None else z_score(levels)


@lru_cache(maxsize=8)
def _scales_of(settled: Same[Daily]) -> BetaScales:
    return beta_scales(settled.value)
