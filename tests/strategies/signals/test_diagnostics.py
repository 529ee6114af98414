"""The diagnostics against their definitions computed at once with numpy, their warm-up, and their silence."""

from __future__ import annotations

import math
from datetime import date

import msgspec
import numpy as np
import pytest

from strategies.domain.series import SECTOR_SERIES
from strategies.pricing.vix_beta import BetaScales, root_time_beta
from strategies.signals.closes import AdvanceDecline, SessionCloses
from strategies.signals.curve import Regime
from strategies.signals.daily import Daily, Series, add_session, beta_scales, blank
from strategies.signals.diagnostic_params import Basis, DiagnosticParams
from strategies.signals.diagnostics import breadth_source, diagnose
from strategies.signals.evidence import compounding, curve_reading, early, score, strong_bid
from strategies.signals.look import Look
from strategies.signals.measures import take_measures
from strategies.signals.readings import Family, Reading, Source, Verdict, both, either

P = DiagnosticParams()
YES, NO, UNKNOWN = Verdict.TRUE, Verdict.FALSE, Verdict.UNKNOWN


def fold(sessions, params: DiagnosticParams = P) -> Daily:
    daily = blank(params)
    for session in sessions:
        daily = add_session(daily, session, params, 5)
    return daily


def readings(daily: Daily, params: DiagnosticParams = P, **look) -> dict[tuple[str, str], Reading]:
    return {(r.rule, r.subject): r for r in diagnose(Look(daily, **look), params)}


def column(sessions, symbol: str) -> np.ndarray:
    return np.array([session.closes[symbol] for session in sessions])


# definitions at once ------------------------------------------------------------------------------
def ema(values: np.ndarray, span: int) -> np.ndarray:
    out = np.full(len(values), np.nan)
    out[span - 1] = values[:span].mean()
    for n in range(span, len(values)):
        out[n] = out[n - 1] + (values[n] - out[n - 1]) * 2.0 / (span + 1.0)
    return out


def macd_at_once(values: np.ndarray, fast: int, slow: int, signal: int) -> tuple[np.ndarray, np.ndarray]:
    line = ema(values, fast) - ema(values, slow)
    warm = line[slow - 1 :]
    return warm, warm - ema(warm, signal)


def rsi_at_once(values: np.ndarray, length: int = 14) -> float:
    moves = np.diff(values)
    up, down = np.clip(moves, 0, None), np.clip(-moves, 0, None)
    rise, drop = up[:length].mean(), down[:length].mean()
    for a, b in zip(up[length:], down[length:], strict=True):
        rise, drop = (rise * (length - 1) + a) / length, (drop * (length - 1) + b) / length
    return 100.0 * rise / (rise + drop)


def rank(values: np.ndarray) -> float:
    return ((values[:-1] < values[-1]).sum() + 0.5 * (values[:-1] == values[-1]).sum()) / (len(values) - 1)


def diverges(spx: np.ndarray, line: np.ndarray) -> bool:
    apart = [rank(spx[n - 20 : n or None]) >= 0.8 and rank(line[n - 20 : n or None]) <= 0.5 for n in range(-4, 1)]
    steps = np.arange(10)
    return sum(apart) >= 3 or (np.polyfit(steps, spx[-10:], 1)[0] > 0 > np.polyfit(steps, line[-10:], 1)[0])


def sector_share(sessions) -> np.ndarray:
    closes = np.array([[session.closes[s] for s in SECTOR_SERIES] for session in sessions])
    means = np.array([closes[n - 19 : n + 1].mean(axis=0) for n in range(19, len(closes))])
    return (closes[19:] > means).mean(axis=1)


def basis(sessions) -> np.ndarray:
    fronts = []
    for session in sessions:
        first = min(expiry for expiry in session.futures if (expiry - session.day).days > 5)
        fronts.append(session.closes["VIX"] - session.futures[first])
    return np.array(fronts)


def constant_30d(sessions) -> np.ndarray:
    out = []
    for session in sessions:
        rows = sorted(((e - session.day).days, p) for e, p in session.futures.items() if (e - session.day).days > 5)
        (t1, f1), (t2, f2) = rows[:2]
        out.append(np.interp(30, (t1, t2), (f1, f2)) if t1 <= 30 else f1 - (f2 - f1) * (t1 - 30) / (t2 - t1))
    return np.array(out)


@pytest.mark.parametrize("seed", range(6))
def test_every_reading_is_its_definition(history, seed):
    """160 sessions folded one by one answer as numpy does over all of them at once."""
    sessions = history(160, seed)
    found = readings(fold(sessions))
    spx, vix = column(sessions, "SPX"), column(sessions, "VIX")

    vix_rsi = found["D-RSI-1", "VIX"]
    assert vix_rsi.values["rsi"] == pytest.approx(rsi_at_once(vix))
    assert vix_rsi.values["rsi_before"] == pytest.approx(rsi_at_once(vix[:-1]))
    assert vix_rsi.verdict.holds == (rsi_at_once(vix) >= 60 and rsi_at_once(vix) > rsi_at_once(vix[:-1]))
    assert found["D-RSI-1", "SPX"].values["rsi"] == pytest.approx(rsi_at_once(spx))

    for key, values, spans in [
        (("D-MACD-1", "VIX basis"), basis(sessions), (10, 30, 9)),
        (("D-MACD-2", "30-day VIX future"), constant_30d(sessions), (12, 26, 9)),
        (("T-TIER-2", "VIX"), vix, (12, 26, 9)),
    ]:
        line, bars = macd_at_once(values, *spans)
        assert found[key].values["line"] == pytest.approx(line[-1], abs=1e-9)
        assert found[key].values["histogram"] == pytest.approx(bars[-1], abs=1e-9)
        assert found[key].verdict.holds == (bars[-1] > 0 and all(np.diff(bars[-4:]) > 0))

    counted = np.cumsum([session.breadth.advancing - session.breadth.declining for session in sessions])
    assert found["D-AD-1", "advance-decline line"].verdict.holds == diverges(spx, counted)
    assert found["D-MACD-3", "advance-decline line"].verdict.holds == diverges(spx, macd_at_once(counted, 12, 26, 9)[0])
    net = np.diff(counted, prepend=0)
    bid = spx[-1] > spx[-50:].mean() and counted[-1] > counted[-20:].mean() and (net[-5:] > 0).sum() >= 3
    assert found["T-TIER-3", "strong bid"].verdict.holds == bid

    widths = np.array([4 * vix[n - 19 : n + 1].std() / vix[n - 19 : n + 1].mean() for n in range(19, len(vix))])
    assert found["D-COMP-1", "VIX bandwidth"].values["rank"] == pytest.approx(rank(widths[-120:]))
    assert found["D-COMP-1", "VIX bandwidth"].verdict.holds == (rank(widths[-120:]) <= 0.25)
    skews = np.array([session.skew_vol_points for session in sessions])[-60:]
    assert found["D-SKEW-1", "30-day skew"].values["z"] == pytest.approx((skews[-1] - skews.mean()) / skews.std(ddof=1))
    for subject, a, b in (("XLRE with SPY", "XLRE", "SPY"), ("QQQ with RSP", "QQQ", "RSP")):
        first, second = np.diff(np.log(column(sessions, a))), np.diff(np.log(column(sessions, b)))
        short, long = (np.corrcoef(first[-n:], second[-n:])[0, 1] for n in (20, 60))
        assert found["D-CORR-1", subject].values == pytest.approx({"correlation_20": short, "correlation_60": long})
        assert found["D-CORR-1", subject].verdict.holds == (short > 0.85 and short > long + 0.10)
    realised = 100 * math.sqrt(252 * np.mean(np.diff(np.log(spx[-21:])) ** 2))
    assert found["D-RVIV-1", "SPX"].values["rv_over_iv"] == pytest.approx(realised / vix[-1])
    assert found["D-RVIV-1", "SPX"].verdict.holds == (realised / vix[-1] > 0.9)
    assert all(r.as_of == sessions[-1].day and r.live_at is None for r in found.values())


@pytest.mark.parametrize("seed", range(6))
def test_without_a_feed_breadth_is_the_sector_share_and_says_so(history, seed):
    """The proxy's divergences and bid are those of the share of sector funds above their mean, marked PROXY."""
    sessions = history(160, seed, feeds=False)
    found = readings(fold(sessions))
    spx, share = column(sessions, "SPX"), sector_share(sessions)
    assert found["D-AD-1", "sector funds"].verdict.holds == diverges(spx, share)
    assert found["D-MACD-3", "sector funds"].verdict.holds == diverges(spx, macd_at_once(share, 12, 26, 9)[0])
    closes = np.array([[session.closes[s] for s in SECTOR_SERIES] for session in sessions])
    up = np.sign(np.diff(closes, axis=0)).sum(axis=1)
    bid = spx[-1] > spx[-50:].mean() and share[-1] > share[-20:].mean() and (up[-5:] > 0).sum() >= 3
    assert found["T-TIER-3", "strong bid"].verdict.holds == bid
    assert found["T-TIER-3", "strong bid"].values["advancing_sessions"] == (up[-5:] > 0).sum()
    skews = column(sessions, "SKEW")[-60:]
    assert found["D-SKEW-1", "30-day skew"].values["z"] == pytest.approx((skews[-1] - skews.mean()) / skews.std(ddof=1))
    for key in (("D-AD-1", "sector funds"), ("D-MACD-3", "sector funds"), ("T-TIER-3", "strong bid"),
                ("D-SKEW-1", "30-day skew")):  # fmt: skip
        assert found[key].source is Source.PROXY


def test_without_feed_and_index_the_skew_is_unknown(history):
    """A broker that does not list the index leaves the reading unknown, and no evidence."""
    bare = [msgspec.structs.replace(s, closes={k: v for k, v in s.closes.items() if k != "SKEW"})
            for s in history(160, 0, feeds=False)]  # fmt: skip
    assert readings(fold(bare))["D-SKEW-1", "30-day skew"].verdict is UNKNOWN


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_their_definitions(history, seed):
    """What other rules decide with, from the same series."""
    sessions = history(160, seed)
    found = take_measures(Look(fold(sessions)))
    spx, vix = column(sessions, "SPX"), column(sessions, "VIX")
    fronts = vix - basis(sessions)
    assert found.settled_day == sessions[-1].day
    assert (found.vix_points, found.vix_close_before_points) == (vix[-1], vix[-2])
    assert found.vix_change_points == pytest.approx(vix[-1] - vix[-2])
    assert found.front_points == pytest.approx(fronts[-1])
    assert found.front_high_20_points == pytest.approx(fronts[-20:].max())
    assert found.spx_return_5_pct == pytest.approx(100 * (spx[-1] / spx[-6] - 1))
    assert found.spx_mean_20_points == pytest.approx(spx[-20:].mean())
    assert found.spx_mean_50_points == pytest.approx(spx[-50:].mean())
    realised = np.array(
        [100 * math.sqrt(252 * np.mean(np.diff(np.log(spx[n - 20 : n + 1])) ** 2)) for n in range(20, 160)]
    )
    premium = (vix[20:] - realised)[-60:]
    assert found.vix_less_rv20_points == pytest.approx(premium[-1])
    assert found.vix_less_rv20_z60 == pytest.approx((premium[-1] - premium.mean()) / premium.std(ddof=1))
    credit = np.log(column(sessions, "HYG") / column(sessions, "LQD"))[-60:]
    assert found.credit_z60 == pytest.approx((credit[-1] - credit.mean()) / credit.std(ddof=1))
    ratio = np.log(column(sessions, "RSP") / column(sessions, "SPY"))
    slopes = np.array([np.polyfit(np.arange(60), ratio[n - 60 : n], 1)[0] for n in range(60, 161)])[-60:]
    assert found.concentration_z60 == pytest.approx((slopes[-1] - slopes.mean()) / slopes.std(ddof=1), rel=1e-6)
    assert found.rsi_vvix == pytest.approx(rsi_at_once(column(sessions, "VVIX")))
    _, bars = macd_at_once(basis(sessions), 10, 30, 9)
    assert found.basis_crossed_up == (bars[-2] <= 0 < bars[-1])


@pytest.mark.parametrize("seed", range(3))
def test_beta_scales_are_the_regression_of_sixty_sessions(history, seed):
    """Per tenor the slope of dF on beta(tau) dVIX over the last 60 sessions, at n/(n+60) of the way to it."""
    sessions = history(100, seed)
    xs, ys, days_with = ([], [], []), ([], [], []), (set(), set(), set())
    for before, now in zip(sessions[-61:-1], sessions[-60:], strict=True):
        for expiry, price in now.futures.items():
            days = (expiry - now.day).days
            if days > 5 and expiry in before.futures:
                tenor = 0 if days < 30 else 1 if days < 90 else 2
                xs[tenor].append(root_time_beta(days) * (now.closes["VIX"] - before.closes["VIX"]))
                ys[tenor].append(price - before.futures[expiry])
                days_with[tenor].update({now.day} if xs[tenor][-1] else ())
    expected = []
    for x, y, days in zip(xs, ys, days_with, strict=True):
        weight = len(days) / (len(days) + 60)
        expected.append(min(1.5, max(0.5, 1.0 + weight * (np.dot(x, y) / np.dot(x, x) - 1.0))))
    assert len(days_with[0]) < len(days_with[1])
    assert beta_scales(fold(sessions)) == pytest.approx(expected)
    assert beta_scales(fold(sessions[:1])) == BetaScales()


WARM = [  # rule, subject, sessions until it answers, with feeds
    ("D-RSI-1", "VIX", 16, True), ("D-RSI-1", "SPX", 16, True), ("D-MACD-1", "VIX basis", 41, True),
    ("D-MACD-2", "30-day VIX future", 37, True), ("T-TIER-2", "VIX", 37, True),
    ("D-AD-1", "advance-decline line", 24, True), ("D-AD-1", "sector funds", 43, False),
    ("D-MACD-3", "advance-decline line", 49, True), ("D-MACD-3", "sector funds", 68, False),
    ("T-TIER-3", "strong bid", 50, True), ("D-COMP-1", "VIX bandwidth", 139, True),
    ("D-SKEW-1", "30-day skew", 60, True),
    ("D-CORR-1", "XLRE with SPY", 61, True), ("D-CORR-1", "QQQ with RSP", 61, True), ("D-RVIV-1", "SPX", 21, True),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "subject", "needed", "feeds"), WARM)
def test_nothing_answers_before_it_is_warm(history, rule, subject, needed, feeds):
    """One session fewer than docs/alvh-signals.md says is UNKNOWN with the reason and no number."""
    sessions = history(160, 1, feeds)
    early_on = readings(fold(sessions[: needed - 1]))
    reading = early_on.get((rule, subject)) or early_on[rule, "sector funds"]
    assert reading.verdict is UNKNOWN
    assert reading.reason
    assert reading.values == {}
    assert readings(fold(sessions[:needed]))[rule, subject].verdict is not UNKNOWN


def test_the_first_session_answers_nothing_and_no_session_less(history):
    """Empty and one-session states are UNKNOWN throughout."""
    for daily in (blank(P), fold(history(1))):
        assert {r.verdict for r in readings(daily).values()} == {UNKNOWN}
    assert {r.reason for r in readings(blank(P)).values()} == {"no finished session is known"}
    assert take_measures(Look(blank(P))).vix_points is None


# silence ------------------------------------------------------------------------------------------
def test_closes_that_end_before_the_last_session_are_unknown(history):
    """Missing yesterday's bars makes every reading unknown, with both days in the reason."""
    sessions = history(160)
    found = readings(fold(sessions[:-1]), last_session=sessions[-1].day)
    assert {r.verdict for r in found.values()} == {UNKNOWN}
    assert (
        next(iter(found.values())).reason
        == f"closes end with {sessions[-2].day}, the last session was {sessions[-1].day}"
    )


def test_a_series_that_is_behind_is_unknown_and_the_others_speak(history):
    """Without yesterday's VIX what needs VIX names it; SPX still has its RSI."""
    *past, last = history(160)
    without = msgspec.structs.replace(last, closes={k: v for k, v in last.closes.items() if k != "VIX"})
    found = readings(fold([*past, without]))
    assert found["D-RSI-1", "VIX"].reason == f"VIX has no close of {last.day}"
    assert found["D-RVIV-1", "SPX"].verdict is UNKNOWN
    assert found["D-RSI-1", "SPX"].verdict is not UNKNOWN
    assert found["D-AD-1", "advance-decline line"].verdict is not UNKNOWN


def test_too_few_sector_funds_are_no_breadth(history):
    """Nine of eleven suffice, eight do not."""
    sessions = history(160, 1, False)

    def without(count: int):
        gone = set(SECTOR_SERIES[:count])
        return [
            msgspec.structs.replace(s, closes={k: v for k, v in s.closes.items() if k not in gone}) for s in sessions
        ]

    assert readings(fold(without(2)))["D-AD-1", "sector funds"].verdict is not UNKNOWN
    assert readings(fold(without(3)))["D-AD-1", "sector funds"].verdict is UNKNOWN


def test_a_feed_that_stops_falls_back_to_the_proxy(history):
    """The day the advance-decline feed is silent, breadth is the proxy, which was kept warm all along."""
    *past, last = history(160)
    daily = fold([*past, msgspec.structs.replace(last, breadth=None)])
    assert breadth_source(Look(daily), P) is Source.PROXY
    assert readings(daily)["D-AD-1", "sector funds"].verdict is not UNKNOWN
    assert breadth_source(Look(fold([*past, last])), P) is Source.EXACT


def test_the_start_of_the_advance_decline_line_does_not_matter(history):
    """Forty sessions counted earlier change no reading of it: ranks, slopes and MACD forget the level."""
    sessions = history(160)
    late = [msgspec.structs.replace(s, breadth=None) if n < 40 else s for n, s in enumerate(sessions)]
    found, later = readings(fold(sessions)), readings(fold(late))
    for key in (("D-AD-1", "advance-decline line"), ("T-TIER-3", "strong bid")):
        assert found[key].verdict is later[key].verdict
    assert found["D-AD-1", "advance-decline line"].values == pytest.approx(
        later["D-AD-1", "advance-decline line"].values
    )


def test_the_other_basis_rises_with_stress_too(history):
    """FRONT_LESS_SECOND: the same MACD on F1 - F2."""
    params = DiagnosticParams(basis=Basis.FRONT_LESS_SECOND)
    sessions = history(80)
    spreads = []
    for session in sessions:
        first, second = sorted(e for e in session.futures if (e - session.day).days > 5)[:2]
        spreads.append(session.futures[first] - session.futures[second])
    line, _ = macd_at_once(np.array(spreads), 10, 30, 9)
    found = readings(fold(sessions, params), params)
    assert found["D-MACD-1", "VIX basis"].values["line"] == pytest.approx(line[-1])


# evidence -----------------------------------------------------------------------------------------
def said(rule: str, verdict: Verdict, family: Family | None, source: Source = Source.EXACT, **values: float) -> Reading:
    return Reading(rule, "", verdict, family, values=values, source=source)


def test_a_family_is_one_point():
    """Three of momentum and breadth make two; unknown and readings without a family make none."""
    found = score([
        said("D-MACD-1", YES, Family.MOMENTUM), said("D-MACD-2", YES, Family.MOMENTUM),
        said("D-AD-1", YES, Family.BREADTH),
        said("D-SKEW-1", UNKNOWN, Family.SKEW), said("D-RVIV-1", NO, Family.RV_IV), said("D-COMP-1", YES, None),
    ])  # fmt: skip
    assert found.points == 2
    assert found.families == (Family.BREADTH, Family.MOMENTUM)
    assert found.unknown == (Family.SKEW,)


def test_macro_adds_one_and_never_stands_alone():
    """D-SCORE-2: two macro readings beside one family make two points, without it none."""
    macro = [said("M-MAC-1", YES, Family.MACRO), said("M-MAC-7", YES, Family.MACRO)]
    assert score(macro).points == 0
    assert score([*macro, said("D-AD-1", YES, Family.BREADTH)]).points == 2


def test_what_rests_on_a_stand_in_is_marked():
    """A family is proxy only when no exact reading of it holds."""
    proxy = said("D-AD-1", YES, Family.BREADTH, Source.PROXY)
    assert score([proxy]).proxy == (Family.BREADTH,)
    assert score([proxy, said("D-MACD-3", YES, Family.BREADTH)]).proxy == ()


def test_the_curve_is_evidence_unless_contango_or_unknown():
    """FLAT, backwardation and deep are; UNKNOWN is no evidence."""
    assert {regime: curve_reading(regime, None).verdict for regime in Regime} == {
        Regime.UNKNOWN: UNKNOWN, Regime.CONTANGO: NO, Regime.FLAT: YES, Regime.BACKWARDATION: YES,
        Regime.DEEP_BACKWARDATION: YES,
    }  # fmt: skip


def test_early_needs_momentum_and_divergence_known():
    """T-TIER-2: both TRUE; a FALSE decides, else what is missing makes it UNKNOWN."""
    for momentum, breadth, then in [(YES, YES, YES), (YES, NO, NO), (NO, UNKNOWN, NO), (YES, UNKNOWN, UNKNOWN)]:
        found = [said("T-TIER-2", momentum, None), said("D-AD-1", breadth, Family.BREADTH)]
        assert early(found) is then
    assert early([]) is UNKNOWN
    assert strong_bid([]) is UNKNOWN
    assert strong_bid([said("T-TIER-3", YES, None)]) is YES


@pytest.mark.parametrize(
    ("regime", "slope", "inflation", "then"),
    [
        (Regime.BACKWARDATION, -1.0, YES, YES), (Regime.DEEP_BACKWARDATION, -1.0, YES, YES),
        (Regime.FLAT, -1.0, YES, NO),
        (Regime.BACKWARDATION, 1.0, YES, NO), (Regime.BACKWARDATION, -1.0, NO, NO),
        (Regime.BACKWARDATION, -1.0, UNKNOWN, UNKNOWN), (Regime.BACKWARDATION, None, YES, UNKNOWN),
        (Regime.UNKNOWN, -1.0, YES, UNKNOWN),
    ],
)  # fmt: skip
def test_compounding_needs_all_three(regime, slope, inflation, then):
    """T-REG-4: inverted curve, falling breadth, rising inflation; unknown is not TRUE."""
    found = [said("D-AD-1", NO, Family.BREADTH, **({} if slope is None else {"breadth_slope": slope}))]
    assert compounding(regime, found, inflation) is then


def test_verdicts_combine_as_three_valued_logic():
    """Kleene's tables for `both` and `either`."""
    order = [NO, UNKNOWN, YES]
    for a in order:
        for b in order:
            assert both(a, b) is order[min(order.index(a), order.index(b))]
            assert either(a, b) is order[max(order.index(a), order.index(b))]
    assert [Verdict.of(x) for x in (True, False, None)] == [YES, NO, UNKNOWN]


@pytest.mark.parametrize(
    "changes",
    [
        {"rsi_evidence": 0.0}, {"rsi_evidence": 100.0}, {"correlation": 1.0}, {"skew_z": math.nan},
        {"macd": (26, 12, 9)},
        {"divergence_at_least": 6}, {"divergence_slope_sessions": 25}, {"sectors_fewest": 12}, {"rsi_sessions": 1},
    ],
)  # fmt: skip
def test_contradicting_parameters_are_refused(changes):
    """Each is named."""
    with pytest.raises(ValueError, match="diagnostics: "):
        DiagnosticParams(**changes)


def test_counts_below_nothing_are_refused():
    """A breadth of minus one issue is no count."""
    with pytest.raises(ValueError, match="fewer than no issues"):
        SessionCloses(date(2026, 5, 4), {"SPX": 5500.0}, breadth=AdvanceDecline(-1, 5)).checked()


def test_series_names_are_the_keys_of_the_state():
    """Every series has a place in the blank state."""
    assert set(Series) <= set(blank(P).lines)
