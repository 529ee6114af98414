"""What the macro inputs say (M-MAC-1 to M-MAC-7, T-REG-4's third part): readings of what people told, never an action.

Rules
- An input that is stale or was not told is unknown. Unknown confirms nothing, alarms nothing and relaxes nothing: what
  may relax (M-MAC-4) needs every one of its parts known and true.
- M-MAC-3 remembers: a release that surprised upwards while VIX rose, or rates spiked, confirms for five sessions, as
  long as what was told of it stands.
- M-MAC-1 and M-MAC-7 are evidence of one family; D-SCORE-2 counts it once and never alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from strategies.domain.macro import MacroInput, Told
from strategies.domain.market import DailyBar
from strategies.domain.session import NEW_YORK, Calendar
from strategies.signals.indicators import z_score
from strategies.signals.macro_params import MacroParams
from strategies.signals.readings import Family, Reading, Verdict, both, either
from strategies.signals.signals import Macro

SURPRISES = ("cpi_surprise_pp", "ppi_surprise_pp")
YEARLY = ("cpi_yoy_change_pp", "ppi_yoy_change_pp")
DIFFERENTIALS = (("bill_sofr_z60", "bill_3m_pct"), ("ust_2y_sofr_z60", "ust_2y_pct"))
SCORE_DAYS = 60


class MacroSeen(NamedTuple):
    """The day and what the market says beside the inputs: levels in points, the scored premium of VIX over realised."""

    today: date
    calendar: Calendar
    vix_bars: tuple[DailyBar, ...] = ()
    vix_points: float | None = None
    premium_z60: float | None = None


class Confirmation(msgspec.Struct, frozen=True):
    """The release that confirmed L2 (M-MAC-3): which input, and the day it is of."""

    key: str
    day: date


class MacroWord(msgspec.Struct, frozen=True):
    """What the inputs say. The defaults are what is said when nothing was told: neutral.

    `elevated`: CPI or PPI (A-VEGA-3). `alarm`: elevated, or rates spiked: the soft floor is the hard one (A-VEGA-2).
    `confirmation` is M-MAC-3's memory, `confirmed` whether it still counts. `addon_pct` enlarges the intermediate layer
    (M-MAC-6). `pe_rising` serves C-DEC-1 row 4, `curve_flattens` (ten years less two) C-THETA-3.
    """

    readings: tuple[Reading, ...] = ()
    inflation_rising: Verdict = Verdict.UNKNOWN
    elevated: bool = False
    alarm: bool = False
    benign: bool = False
    confirmed: bool = False
    confirmation: Confirmation | None = None
    pe_rising: Verdict = Verdict.UNKNOWN
    curve_flattens: Verdict = Verdict.UNKNOWN
    complacent: bool = False
    addon_pct: float = 0.0

    @property
    def signals(self) -> Macro:
        """What the signals look at."""
        return Macro(benign=self.benign, inflation_rising=self.inflation_rising, readings=self.readings)


def assess(before: MacroWord, inputs: Iterable[MacroInput], seen: MacroSeen, params: MacroParams) -> MacroWord:
    """What these inputs say now; of `before` only the confirmation is remembered."""
    told, today = Told(inputs), seen.today
    rising = either(*(_above(told.number(key, today), 0.0) for key in YEARLY))
    elevated = either(
        *(_at_least(told.number(key, today), params.surprise_pp) for key in SURPRISES),
        *(_at_least(told.number(key, today), params.elevated_yoy_rise_pp) for key in YEARLY),
    ).holds
    rates = _rates(told, seen, params)
    confirmation, confirmed, third = _confirmed(before.confirmation, told, rates.verdict, seen, params)
    alarm = elevated or rates.verdict.holds
    fourth = _benign(told, seen, params)
    benign = fourth.verdict.holds and not alarm and not confirmed
    fifth, sixth = _valuation(told, seen, params), _imported(told, seen, params)
    fx = told.number("fx_rv_z60", today)
    readings = (_wacc(told, seen, params), rates, third, fourth, fifth, sixth, _premium(told, seen, params))
    return MacroWord(
        readings=readings,
        inflation_rising=rising,
        elevated=elevated,
        alarm=alarm,
        benign=benign,
        confirmed=confirmed,
        confirmation=confirmation,
        pe_rising=_pe_rising(told, today),
        curve_flattens=_flattens(told, today, params),
        complacent=fifth.verdict.holds,
        addon_pct=params.fx_addon_pct if fx is not None and fx > params.fx_stress_z else 0.0,
    )


def _above(value: float | None, threshold: float) -> Verdict:
    return Verdict.of(None if value is None else value > threshold)


def _at_least(value: float | None, threshold: float) -> Verdict:
    """Told values are decimals: a tenth told is a tenth reached."""
    return Verdict.of(None if value is None else value >= threshold - 1e-9)


def _reading(
    rule: str,
    subject: str,
    verdict: Verdict,
    reason: str,
    values: dict[str, float | None],
    thresholds: dict[str, float],
    family: Family | None = None,
) -> Reading:
    known = {name: round(value, 6) for name, value in values.items() if value is not None}
    return Reading(rule, subject, verdict, family, reason, known, thresholds)


def _wacc(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-1: the cost of capital, ten-year yield plus beta times the risk premium, has risen; or a hawkish FOMC."""
    today = seen.today
    now = _wacc_pct(told.number("ust_10y_pct", today), told.number("erp_pct", today), params)
    newest = told.fresh("ust_10y_pct", today)
    then = None
    if newest is not None:
        day = newest.as_of - timedelta(days=params.wacc_days)
        then = _wacc_pct(told.number_on("ust_10y_pct", day), told.number_on("erp_pct", day), params)
    rise_bp = None if now is None or then is None else 100.0 * (now - then)
    stance = told.word("fomc_stance", today)
    hawkish = Verdict.of(None if stance is None else stance == "hawkish")
    verdict = either(_above(rise_bp, params.wacc_rise_bp), hawkish)
    reason = "FOMC is hawkish" if hawkish.holds else "the cost of capital has risen" if verdict.holds else ""
    if verdict is Verdict.UNKNOWN:
        reason = "yield and premium of now and then, or the FOMC's stance, were not told"
    return _reading(
        "M-MAC-1", "cost of capital", verdict, reason, {"wacc_pct": now, "wacc_rise_bp": rise_bp},
        {"wacc_rise_bp": params.wacc_rise_bp}, Family.MACRO,
    )  # fmt: skip


def _wacc_pct(yield_pct: float | None, premium_pct: float | None, params: MacroParams) -> float | None:
    return None if yield_pct is None or premium_pct is None else yield_pct + params.wacc_beta * premium_pct


def differential_z(told: Told, score_key: str, level_key: str, today: date) -> float | None:
    """The score of a yield less SOFR: as told, else from 60 common days that were told one by one."""
    score = told.number(score_key, today)
    if score is not None:
        return score
    if told.fresh(level_key, today) is None or told.fresh("sofr_pct", today) is None:
        return None
    sofr = {row.as_of: row.value for row in told.rows("sofr_pct") if isinstance(row.value, float)}
    spread = [
        row.value - sofr[row.as_of]
        for row in told.rows(level_key)
        if isinstance(row.value, float) and row.as_of in sofr
    ]
    return z_score(spread[-SCORE_DAYS:]) if len(spread) >= SCORE_DAYS else None


def _rates(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-2: a differential of short rates stands far from its habit, on either side."""
    scores = {score: differential_z(told, score, level, seen.today) for score, level in DIFFERENTIALS}
    verdict = either(*(_above(None if z is None else abs(z), params.spike_z) for z in scores.values()))
    reason = {Verdict.TRUE: "rates spike", Verdict.FALSE: "rates are within their habit"}.get(
        verdict, "a differential to SOFR was not told, nor enough days of its yields"
    )
    return _reading("M-MAC-2", "short rates", verdict, reason, dict(scores), {"abs_z60": params.spike_z})


def _confirmed(
    before: Confirmation | None, told: Told, spike: Verdict, seen: MacroSeen, params: MacroParams
) -> tuple[Confirmation | None, bool, Reading]:
    """M-MAC-3: memory, whether it counts now, and the reading."""
    standing = before if before is not None and _still_told(before, told, params) else None
    for key in SURPRISES:
        row = told.fresh(key, seen.today)
        if row is None or not _at_least(told.number(key, seen.today), params.surprise_pp).holds:
            continue
        change = vix_change_on(row.as_of, seen)
        newer = standing is None or row.as_of > standing.day
        if newer and _counts(row.as_of, seen, params) and either(_above(change, 0.0), spike).holds:
            standing = Confirmation(key, row.as_of)
    confirmed = standing is not None and _counts(standing.day, seen, params)
    values = {key: told.number(key, seen.today) for key in SURPRISES}
    verdict = Verdict.TRUE if confirmed else Verdict.of(None if None in values.values() else False)
    reason = (
        f"the surprise of {standing.key[:3].upper()} confirms the intermediate layer" if confirmed and standing else ""
    )
    if verdict is Verdict.UNKNOWN:
        reason = "the surprises of CPI and PPI were not both told"
    thresholds = {"surprise_pp": params.surprise_pp, "sessions": float(params.confirmed_sessions)}
    return standing, confirmed, _reading("M-MAC-3", "CPI and PPI", verdict, reason, values, thresholds)


def _still_told(memory: Confirmation, told: Told, params: MacroParams) -> bool:
    """Whether what confirmed has not been corrected since or taken back."""
    return any(
        row.as_of == memory.day and isinstance(row.value, float) and row.value >= params.surprise_pp - 1e-9
        for row in told.rows(memory.key)
    )


def _counts(day: date, seen: MacroSeen, params: MacroParams) -> bool:
    """Whether a release's day is among the last sessions, its own counted as the first."""
    if not seen.calendar.sessions or day < seen.calendar.sessions[0].day or day > seen.today:
        return False
    since = sum(1 for session in seen.calendar.sessions if day < session.day <= seen.today)
    return since < params.confirmed_sessions


def vix_change_on(day: date, seen: MacroSeen) -> float | None:
    """VIX's change on a day in points, since the close before: of today by its present level, else by its closes."""
    before = [bar.close for bar in seen.vix_bars if bar.day < day]
    level = seen.vix_points if day == seen.today else next((b.close for b in seen.vix_bars if b.day == day), None)
    return None if level is None or not before else level - before[-1]


def _benign(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-4: no surprise, no FOMC near, quiet rates, growth; every part must be known."""
    today = seen.today
    surprises = {key: told.number(key, today) for key in SURPRISES}
    scores = {score: differential_z(told, score, level, today) for score, level in DIFFERENTIALS}
    gdp = told.number("gdp_nowcast_pct", today)
    calm = [Verdict.of(None if value is None else value <= 0.0) for value in surprises.values()]
    quiet = [Verdict.of(None if z is None else abs(z) < params.benign_z) for z in scores.values()]
    # An alarm that only went stale must not set free what it held back.
    aged = [key for key in YEARLY if told.newest(key) is not None and told.fresh(key, today) is None]
    parts = {
        "a surprise of CPI or PPI": both(*calm),
        "a year-on-year rate that went stale": Verdict.UNKNOWN if aged else Verdict.TRUE,
        "a differential to SOFR": both(*quiet),
        "the GDP nowcast": _at_least(gdp, params.benign_gdp_min_pct),
        "the FOMC's calendar": _clear_of_fomc(seen, params.benign_fomc_clear_days),
    }
    verdict = both(*parts.values())
    wrong = next((name for name, part in parts.items() if part is verdict and not part.holds), "")
    reason = "benign" if verdict.holds else f"{wrong} forbids it" if verdict is Verdict.FALSE else f"{wrong} is unknown"
    return _reading(
        "M-MAC-4", "macro data", verdict, reason, {**surprises, **scores, "gdp_nowcast_pct": gdp},
        {"surprise_pp": 0.0, "abs_z60": params.benign_z, "gdp_min_pct": params.benign_gdp_min_pct,
         "fomc_clear_days": float(params.benign_fomc_clear_days)},
    )  # fmt: skip


def _clear_of_fomc(seen: MacroSeen, days: int) -> Verdict:
    """No FOMC within these days before or after; unknown where the list of events does not reach."""
    until = seen.calendar.events_until
    if until is None or until < seen.today + timedelta(days=days):
        return Verdict.UNKNOWN
    meetings = [e.at.astimezone(NEW_YORK).date() for e in seen.calendar.events if e.kind.upper() == "FOMC"]
    return Verdict.of(not any(abs((day - seen.today).days) <= days for day in meetings))


def _valuation(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-5: complacent when shares are dear and VIX low; the reason tells of deteriorating cash flow."""
    percentile, state = told.number("pe_percentile", seen.today), told.word("pcf_state", seen.today)
    low = Verdict.of(None if seen.vix_points is None else seen.vix_points < params.complacent_below_vix_points)
    verdict = both(_above(percentile, params.complacent_pe_percentile), low)
    reason = "dear shares and a low VIX: complacent" if verdict.holds else ""
    if state == "deteriorating":
        reason = f"{reason}; price to cash flow deteriorates".removeprefix("; ")
    if verdict is Verdict.UNKNOWN and not reason:
        reason = "the percentile of P/E was not told, or VIX is unknown"
    return _reading(
        "M-MAC-5", "valuation", verdict, reason, {"pe_percentile": percentile, "vix_points": seen.vix_points},
        {"pe_percentile": params.complacent_pe_percentile, "below_vix_points": params.complacent_below_vix_points},
    )  # fmt: skip


def _pe_rising(told: Told, today: date) -> Verdict:
    """Whether the newest percentile of P/E is above the one told before it."""
    rows = told.rows("pe_percentile")
    if told.fresh("pe_percentile", today) is None or len(rows) < 2:
        return Verdict.UNKNOWN
    newest, before = rows[-1].value, rows[-2].value
    return Verdict.of(newest > before if isinstance(newest, float) and isinstance(before, float) else None)


def _flattens(told: Told, today: date, params: MacroParams) -> Verdict:
    """Whether the ten-year yield less the two-year one fell by more than so many basis points in four weeks."""
    then = today - timedelta(days=params.wacc_days)
    long, short = told.number("ust_10y_pct", today), told.number("ust_2y_pct", today)
    long_then, short_then = told.number_on("ust_10y_pct", then), told.number_on("ust_2y_pct", then)
    if long is None or short is None or long_then is None or short_then is None:
        return Verdict.UNKNOWN
    return Verdict.of(100.0 * ((long_then - short_then) - (long - short)) > params.flattening_bp)


def _imported(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-6: currencies move more than their habit, or volatility came from abroad."""
    z, origin = told.number("fx_rv_z60", seen.today), told.word("vol_origin", seen.today)
    verdict = either(_above(z, params.fx_stress_z), Verdict.of(None if origin is None else origin == "imported"))
    words = [f"volatility is {origin}"] if origin is not None else []
    if z is not None:
        words.append("currencies are restless" if z > params.fx_stress_z else "currencies are quiet")
    reason = ", ".join(words) or "neither the currencies' volatility nor its origin was told"
    return _reading("M-MAC-6", "currencies", verdict, reason, {"fx_rv_z60": z}, {"fx_rv_z60": params.fx_stress_z})


def _premium(told: Told, seen: MacroSeen, params: MacroParams) -> Reading:
    """M-MAC-7: shares ask a far higher premium than options do."""
    erp = told.number("erp_z60", seen.today)
    gap = None if erp is None or seen.premium_z60 is None else erp - seen.premium_z60
    verdict = _above(gap, params.erp_divergence_z)
    reason = "the premium of shares runs ahead of the premium of volatility" if verdict.holds else ""
    if verdict is Verdict.UNKNOWN:
        reason = (
            "the score of the equity risk premium was not told"
            if erp is None
            else "VIX less realised volatility has no score"
        )
    return _reading(
        "M-MAC-7", "risk premia", verdict, reason,
        {"erp_z60": erp, "vix_less_rv20_z60": seen.premium_z60, "gap_z": gap},
        {"gap_z": params.erp_divergence_z}, Family.MACRO,
    )  # fmt: skip
