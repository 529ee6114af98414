"""The diagnostics D-*: each a typed reading of the daily series, or unknown with the reason.

Rules
- D-RSI-1 RSI(14) of VIX (evidence from 60 on and rising) and of SPX. D-MACD-1 MACD(10,30,9) of the basis, D-MACD-2
  MACD(12,26,9) of the 30-day future: evidence while the histogram expands above zero.
- D-AD-1 SPX ranks high while breadth ranks low on 3 of 5 sessions, or SPX rises over 10 sessions while breadth falls.
  D-MACD-3 the same with the MACD line of breadth. Breadth is the advance-decline line where it is fed and warm, else
  the share of sector funds above their 20-day mean, which is marked as a proxy.
- D-COMP-1 Bollinger bandwidth of VIX in the lowest quarter of 120 sessions. D-SKEW-1 skew two deviations above its 60
  sessions. D-CORR-1 20-session correlation of rate-sensitive or large growth shares with the market above .85 and .10
  above its 60-session value. D-RVIV-1 realised over implied volatility above 0.9.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from strategies.domain.same import Same
from strategies.signals.daily import SCORE_SESSIONS, Series, Together
from strategies.signals.diagnostic_params import DiagnosticParams
from strategies.signals.indicators import correlation, mean, percentile_rank, slope, z_score
from strategies.signals.lines import Line, Pair
from strategies.signals.look import Found, Look
from strategies.signals.readings import Family, Reading, Source, Verdict

_SHORT, _LONG = 20, 60  # sessions of D-CORR-1


def diagnose(look: Look, params: DiagnosticParams) -> tuple[Reading, ...]:
    """Every diagnostic of the daily series, once."""
    breadth = breadth_source(look, params)
    return (
        vix_rsi(look, params),
        spx_rsi(look, params),
        macd("D-MACD-1", "VIX basis", Series.BASIS, Family.MOMENTUM, look),
        macd("D-MACD-2", "30-day VIX future", Series.CONSTANT, Family.MOMENTUM, look),
        macd("T-TIER-2", "VIX", "VIX", None, look),
        divergence("D-AD-1", breadth, False, look, params),
        divergence("D-MACD-3", breadth, True, look, params),
        strong_bid(breadth, look, params),
        compression(look, params),
        skew(look, params),
        correlated("XLRE with SPY", Together.REIT, look, params),
        correlated("QQQ with RSP", Together.TECH, look, params),
        realised_over_implied(look, params),
    )


def vix_rsi(look: Look, params: DiagnosticParams) -> Reading:
    """D-RSI-1 on VIX: evidence when at 60 or above and above the value one session earlier."""
    thresholds = {"rsi_evidence": params.rsi_evidence}
    found = look.lines("VIX")
    if isinstance(found, str):
        return _unknown("D-RSI-1", "VIX", found, Family.VOL_RSI, thresholds)
    now, before = _rsi(found.what[0])
    if now is None or before is None:
        return _unknown("D-RSI-1", "VIX", _too_few("VIX"), Family.VOL_RSI, thresholds)
    verdict = Verdict.of(now >= params.rsi_evidence and now > before)
    return _reading("D-RSI-1", "VIX", verdict, found, Family.VOL_RSI, {"rsi": now, "rsi_before": before}, thresholds)


def spx_rsi(look: Look, params: DiagnosticParams) -> Reading:
    """D-RSI-1 on SPX: whether above 65 (C-DEC-1 row 4); no evidence."""
    thresholds = {"rsi_spx_high": params.rsi_spx_high}
    found = look.lines("SPX")
    if isinstance(found, str):
        return _unknown("D-RSI-1", "SPX", found, None, thresholds)
    now, before = _rsi(found.what[0])
    if now is None or before is None:
        return _unknown("D-RSI-1", "SPX", _too_few("SPX"), None, thresholds)
    verdict = Verdict.of(now > params.rsi_spx_high)
    return _reading("D-RSI-1", "SPX", verdict, found, None, {"rsi": now, "rsi_before": before}, thresholds)


def macd(rule: str, subject: str, series: str, family: Family | None, look: Look) -> Reading:
    """Whether the histogram of a series expands above zero: three rises in a row."""
    found = look.lines(series)
    if isinstance(found, str):
        return _unknown(rule, subject, found, family)
    state = found.what[0].macd
    value = None if state is None else state.value
    if state is None or value is None or state.expanding is None:
        return _unknown(rule, subject, _too_few(subject), family)
    values = {"line": value.line, "signal": value.signal, "histogram": value.histogram}
    return _reading(rule, subject, Verdict.of(state.expanding), found, family, values, {"histogram": 0.0})


def breadth_source(look: Look, params: DiagnosticParams) -> Source:
    """EXACT when the advance-decline line is fed, current and warm enough for a divergence; else PROXY."""
    found = look.pair(Together.ADVANCE_DECLINE)
    shown = params.divergence_sessions + params.divergence_of_last - 1
    return Source.PROXY if isinstance(found, str) or found.what.last(shown) is None else Source.EXACT


def divergence(rule: str, source: Source, of_macd: bool, look: Look, params: DiagnosticParams) -> Reading:
    """D-AD-1 and D-MACD-3: SPX strong while breadth (or its MACD line) is weak."""
    exact = source is Source.EXACT
    if of_macd:
        name = Together.ADVANCE_DECLINE_MACD if exact else Together.SECTORS_MACD
    else:
        name = Together.ADVANCE_DECLINE if exact else Together.SECTORS
    subject = "advance-decline line" if exact else "sector funds"
    thresholds = {"spx_rank": params.divergence_spx_rank, "breadth_rank": params.divergence_line_rank,
                  "sessions": float(params.divergence_at_least)}  # fmt: skip
    found = look.pair(name)
    if isinstance(found, str):
        return _unknown(rule, subject, found, Family.BREADTH, thresholds, source)
    if found.what.last(params.divergence_sessions + params.divergence_of_last - 1) is None:
        return _unknown(rule, subject, _too_few(subject), Family.BREADTH, thresholds, source)
    apart, spx_slope, line_slope = _apart(Same(found.what), Same(params))
    verdict = Verdict.of(apart >= params.divergence_at_least or (spx_slope > 0.0 and line_slope < 0.0))
    values = {"sessions_apart": float(apart), "spx_slope_points": spx_slope, "breadth_slope": line_slope}
    return _reading(rule, subject, verdict, found, Family.BREADTH, values, thresholds, source)


# Of series that nothing streams, every look of a session asks the same closes.
@lru_cache(maxsize=16)
def _apart(pair: Same[Pair], seen: Same[DiagnosticParams]) -> tuple[int, float, float]:
    """Sessions on which SPX ranks high and breadth low, and the slopes of both; the pair is long enough."""
    params = seen.value
    span, of_last, ten = params.divergence_sessions, params.divergence_of_last, params.divergence_slope_sessions
    both_series = pair.value.last(span + of_last - 1)
    assert both_series is not None
    spx, line = both_series
    apart = 0
    for end in range(span, span + of_last):
        rank = percentile_rank(spx[end - span : end])
        if rank is not None and rank >= params.divergence_spx_rank:
            below = percentile_rank(line[end - span : end])
            apart += below is not None and below <= params.divergence_line_rank
    return apart, slope(spx[-ten:]), slope(line[-ten:])


def strong_bid(source: Source, look: Look, params: DiagnosticParams) -> Reading:
    """T-TIER-3: SPX above its 50-day mean, breadth above its 20-day mean, more up than down on 3 of 5 sessions."""
    exact = source is Source.EXACT
    names = (Series.ADVANCE_DECLINE, Series.ADVANCING) if exact else (Series.SECTORS, Series.SECTORS_UP)
    thresholds = {"advancing_sessions": float(params.bid_advancing_sessions)}
    found = look.lines("SPX", *names)
    if isinstance(found, str):
        return _unknown("T-TIER-3", "strong bid", found, None, thresholds, source)
    spx, breadth, up = (line.window for line in found.what)
    fifty, twenty, five = spx.last(50), breadth.last(20), up.last(5)
    if fifty is None or twenty is None or five is None:
        return _unknown("T-TIER-3", "strong bid", _too_few("breadth or SPX"), None, thresholds, source)
    values = {
        "spx_points": fifty[-1], "spx_mean_50": mean(fifty), "breadth": twenty[-1], "breadth_mean_20": mean(twenty),
        "advancing_sessions": float(sum([net > 0.0 for net in five])),
    }  # fmt: skip
    holds = (
        values["spx_points"] > values["spx_mean_50"]
        and values["breadth"] > values["breadth_mean_20"]
        and values["advancing_sessions"] >= params.bid_advancing_sessions
    )
    return _reading("T-TIER-3", "strong bid", Verdict.of(holds), found, None, values, thresholds, source)


def compression(look: Look, params: DiagnosticParams) -> Reading:
    """D-COMP-1: the bandwidth of VIX ranks at or below a quarter of its last 120 sessions."""
    thresholds = {"rank": params.compress_rank}
    found = look.lines(Series.BANDWIDTH)
    if isinstance(found, str):
        return _unknown("D-COMP-1", "VIX bandwidth", found, None, thresholds)
    widths = found.what[0].window.last(params.compress_sessions)
    rank = None if widths is None else percentile_rank(widths)
    if widths is None or rank is None:
        return _unknown("D-COMP-1", "VIX bandwidth", _too_few("the bandwidth of VIX"), None, thresholds)
    verdict = Verdict.of(rank <= params.compress_rank)
    return _reading("D-COMP-1", "VIX bandwidth", verdict, found, None, {"width": widths[-1], "rank": rank}, thresholds)


def skew(look: Look, params: DiagnosticParams) -> Reading:
    """D-SKEW-1: 25-delta put less call volatility at 30 days, in deviations of its last 60 sessions; where nothing
    feeds it, the exchange's SKEW index stands in, in deviations of its own."""
    thresholds, source, unit = {"z": params.skew_z}, Source.EXACT, "skew_vol_points"
    found = look.lines(Series.SKEW)
    if isinstance(found, str):
        found, source, unit = look.lines("SKEW"), Source.PROXY, "skew_index_points"
    if isinstance(found, str):
        return _unknown("D-SKEW-1", "30-day skew", found, Family.SKEW, thresholds, source)
    levels = found.what[0].window.last(SCORE_SESSIONS)
    score = None if levels is None else z_score(levels)
    if levels is None or score is None:
        return _unknown("D-SKEW-1", "30-day skew", _too_few("the skew"), Family.SKEW, thresholds, source)
    verdict, values = Verdict.of(score > params.skew_z), {unit: levels[-1], "z": score}
    return _reading("D-SKEW-1", "30-day skew", verdict, found, Family.SKEW, values, thresholds, source)


def correlated(subject: str, name: str, look: Look, params: DiagnosticParams) -> Reading:
    """D-CORR-1 of one pair, on daily log returns."""
    thresholds = {"correlation": params.correlation, "rise": params.correlation_rise}
    found = look.pair(name)
    if isinstance(found, str):
        return _unknown("D-CORR-1", subject, found, Family.CORRELATION, thresholds)
    if found.what.last(_LONG + 1) is None:
        return _unknown("D-CORR-1", subject, _too_few(subject), Family.CORRELATION, thresholds)
    short, long = _correlations(Same(found.what))
    if short is None or long is None:
        return _unknown("D-CORR-1", subject, "one of the two does not move", Family.CORRELATION, thresholds)
    verdict = Verdict.of(short > params.correlation and short > long + params.correlation_rise)
    values = {"correlation_20": short, "correlation_60": long}
    return _reading("D-CORR-1", subject, verdict, found, Family.CORRELATION, values, thresholds)


@lru_cache(maxsize=16)
def _correlations(pair: Same[Pair]) -> tuple[float | None, float | None]:
    """Of the daily log returns over the short and the long stretch; the pair is long enough."""
    logs = pair.value.last(_LONG + 1)
    assert logs is not None
    first, second = ([b - a for a, b in pairwise(series)] for series in logs)
    return correlation(first[-_SHORT:], second[-_SHORT:]), correlation(first, second)


def realised_over_implied(look: Look, params: DiagnosticParams) -> Reading:
    """D-RVIV-1: 20-session realised volatility of SPX over VIX."""
    thresholds = {"rv_over_iv": params.rv_over_iv}
    found = look.lines("SPX", "VIX")
    if isinstance(found, str):
        return _unknown("D-RVIV-1", "SPX", found, Family.RV_IV, thresholds)
    warm = look.lines(Series.REALISED, "VIX")
    if isinstance(warm, str) or (realised := warm.what[0].last) is None or (vix := warm.what[1].last) is None:
        return _unknown("D-RVIV-1", "SPX", _too_few("SPX"), Family.RV_IV, thresholds)
    values = {"rv20_points": realised, "vix_points": vix, "rv_over_iv": realised / vix}
    verdict = Verdict.of(values["rv_over_iv"] > params.rv_over_iv)
    return _reading("D-RVIV-1", "SPX", verdict, warm, Family.RV_IV, values, thresholds)


def _rsi(line: Line) -> tuple[float | None, float | None]:
    """RSI now and one session earlier."""
    return (None if line.rsi is None else line.rsi.value), line.rsi_before


def _too_few(subject: str) -> str:
    return f"too few sessions of {subject}"


def _reading(
    rule: str,
    subject: str,
    verdict: Verdict,
    found: Found[object],
    family: Family | None,
    values: dict[str, float],
    thresholds: dict[str, float],
    source: Source = Source.EXACT,
) -> Reading:
    return Reading(
        rule, subject, verdict, family, values=values, thresholds=thresholds, source=source, as_of=found.day,
        live_at=found.live_at,
    )  # fmt: skip


def _unknown(
    rule: str,
    subject: str,
    reason: str,
    family: Family | None,
    thresholds: dict[str, float] | None = None,
    source: Source = Source.EXACT,
) -> Reading:
    return Reading(rule, subject, Verdict.UNKNOWN, family, reason, thresholds=thresholds or {}, source=source)
