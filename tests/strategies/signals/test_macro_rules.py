"""What told macro data say (M-MAC-1 to M-MAC-7), and that what is stale or untold can never relax anything."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.alvh.joint import BandName, Stance
from strategies.alvh.params import BandParams
from strategies.alvh.targets import Mood, band_of
from strategies.domain.macro import MACRO_KINDS, MacroInput
from strategies.signals.evidence import score
from strategies.signals.macro import MacroWord, assess
from strategies.signals.readings import Family, Reading, Verdict
from tests.strategies.macro_samples import (
    TODAY,
    P,
    bars,
    benign_inputs,
    calendar,
    seen,
    told,
    weekdays,
    word,
)  # fmt: skip


def reading(of: MacroWord, rule: str) -> Reading:
    return next(r for r in of.readings if r.rule == rule)


# M-MAC-3 ------------------------------------------------------------------------------------------
def test_a_surprise_confirms_only_while_vix_is_up_on_its_day() -> None:
    """A tenth of a point is enough; less, or a VIX that falls, or a VIX nobody knows, confirms nothing."""
    surprise = told("cpi_surprise_pp", 0.1)
    assert word(surprise, vix_points=16.5).confirmed
    assert not word(surprise, vix_points=15.5).confirmed
    assert not word(surprise, vix_points=None).confirmed
    assert not word(told("cpi_surprise_pp", 0.09), vix_points=16.5).confirmed
    assert word(told("ppi_surprise_pp", 0.1), vix_points=16.5).confirmed


def test_a_spike_of_rates_confirms_a_surprise_without_vix() -> None:
    """M-MAC-2 stands in for the rise of VIX."""
    assert word(told("cpi_surprise_pp", 0.2), told("bill_sofr_z60", -2.4), vix_points=15.0).confirmed


def test_a_confirmation_lasts_five_sessions_and_survives_a_calmer_vix() -> None:
    """The release's own session is the first; VIX of later days does not matter, nor does the input's end."""
    surprise = told("cpi_surprise_pp", 0.2, ttl_days=1)
    now = word(surprise, vix_points=17.0)
    for number, day in enumerate(weekdays(TODAY, 7)):
        now = assess(now, (surprise,), seen(today=day, vix_points=12.0), P)
        assert now.confirmed == (number < 5), day


def test_a_release_told_late_is_judged_by_its_own_day() -> None:
    """Told two sessions later: that day's closes count, today's level does not."""
    monday = TODAY - timedelta(days=2)
    late = told("cpi_surprise_pp", 0.2, monday, entered_on=TODAY)
    assert word(late, vix_bars=bars(16.0, 17.0, 16.5), vix_points=10.0).confirmed
    assert not word(late, vix_bars=bars(16.0, 15.0, 16.5), vix_points=30.0).confirmed


def test_a_corrected_release_takes_its_confirmation_back() -> None:
    """A mistyped surprise must not double the hedge for a week."""
    before = word(told("cpi_surprise_pp", 0.9), vix_points=17.0)
    assert before.confirmed
    assert not word(told("cpi_surprise_pp", 0.0), before=before, vix_points=17.0).confirmed
    assert not word(before=before, vix_points=17.0).confirmed


# M-MAC-4 ------------------------------------------------------------------------------------------
def test_benign_needs_every_part() -> None:
    """All five inputs and a calendar clear of the FOMC; each one missing, stale or beyond its threshold forbids it."""
    whole = benign_inputs()
    assert word(*whole).benign
    for place, row in enumerate(whole):
        rest = (*whole[:place], *whole[place + 1 :])
        assert not word(*rest).benign, row.key
        assert not word(*rest, msgspec.structs.replace(row, as_of=TODAY - timedelta(days=60))).benign, row.key
    for key, value in (("cpi_surprise_pp", 0.05), ("ppi_surprise_pp", 0.01), ("bill_sofr_z60", 1.0),
                       ("ust_2y_sofr_z60", -1.2), ("gdp_nowcast_pct", 1.4)):  # fmt: skip
        rest = tuple(row for row in whole if row.key != key)
        assert not word(*rest, told(key, value)).benign, key


@pytest.mark.parametrize(("days", "benign"), [(-6, True), (-5, False), (0, False), (5, False), (6, True)])
def test_an_fomc_within_five_days_is_not_benign(days: int, benign: bool) -> None:
    """Before and after it."""
    fomc = TODAY + timedelta(days=days)
    assert word(*benign_inputs(), calendar=calendar(fomc=fomc)).benign is benign


def test_a_calendar_that_ends_is_not_benign() -> None:
    """Where the list of events does not reach, an FOMC may be near."""
    assert not word(*benign_inputs(), calendar=calendar(until=TODAY + timedelta(days=4))).benign
    assert not word(*benign_inputs(), calendar=calendar(until=None)).benign


def test_benign_widens_the_calm_floor_by_a_twentieth_and_an_alarm_makes_the_soft_floor_hard() -> None:
    """A-VEGA-2: -0.25 while benign, -0.20 when nothing is told, -0.15 under an alarm, whatever else is said."""
    calm, params = Stance(BandName.CALM, True, False, False, True, ""), BandParams()

    def floor(of: MacroWord) -> float | None:
        return band_of(calm, Mood(False, of.benign, of.alarm), params).low

    assert floor(word(*benign_inputs())) == pytest.approx(-0.25)
    assert floor(word()) == pytest.approx(-0.20)
    assert floor(word(told("cpi_surprise_pp", 0.3))) == pytest.approx(-0.15)
    assert floor(word(*benign_inputs()[:2], told("bill_sofr_z60", 3.0))) == pytest.approx(-0.15)


# the others ---------------------------------------------------------------------------------------
def test_elevated_inflation_is_a_surprise_or_a_sharp_rise_of_the_yearly_rate() -> None:
    """A-VEGA-3's condition; a rise alone is not yet elevated, but it is what T-REG-4 asks for."""
    assert word(told("ppi_surprise_pp", 0.1)).elevated
    assert word(told("cpi_yoy_change_pp", 0.3)).elevated
    rising = word(told("cpi_yoy_change_pp", 0.1))
    assert not rising.elevated
    assert rising.inflation_rising is Verdict.TRUE
    assert word(told("cpi_yoy_change_pp", -0.1)).inflation_rising is Verdict.UNKNOWN
    both_fall = word(told("cpi_yoy_change_pp", -0.1), told("ppi_yoy_change_pp", 0.0))
    assert both_fall.inflation_rising is Verdict.FALSE


def test_the_cost_of_capital_rises_by_yield_and_premium_together() -> None:
    """More than 25 bp over four weeks; both parts of both days must have been told."""
    then = TODAY - timedelta(days=28)
    rows = (told("ust_10y_pct", 4.00, then), told("erp_pct", 4.0, then), told("erp_pct", 4.1, TODAY))
    assert reading(word(*rows, told("ust_10y_pct", 4.20)), "M-MAC-1").verdict is Verdict.TRUE
    assert reading(word(*rows, told("ust_10y_pct", 4.14)), "M-MAC-1").verdict is Verdict.UNKNOWN  # the FOMC is untold
    calm = word(*rows, told("ust_10y_pct", 4.14), told("fomc_stance", "neutral"))
    assert reading(calm, "M-MAC-1").verdict is Verdict.FALSE
    assert reading(word(*rows[1:], told("ust_10y_pct", 4.20)), "M-MAC-1").verdict is Verdict.UNKNOWN
    assert reading(word(told("fomc_stance", "hawkish")), "M-MAC-1").verdict is Verdict.TRUE


def test_a_differential_is_scored_from_sixty_told_days() -> None:
    """Sixty common days of bill and SOFR, the last far off; with fifty-nine there is no score."""
    days = [TODAY - timedelta(days=i) for i in range(60)][::-1]
    sofr = [told("sofr_pct", 4.30, day) for day in days]
    bill = [told("bill_3m_pct", 4.20 + 0.01 * (i % 2) - (0.5 if day == TODAY else 0.0), day)
            for i, day in enumerate(days)]  # fmt: skip
    assert reading(word(*sofr, *bill), "M-MAC-2").verdict is Verdict.TRUE
    assert reading(word(*sofr, *bill[1:]), "M-MAC-2").verdict is Verdict.UNKNOWN


def test_complacency_is_dear_shares_and_a_low_vix() -> None:
    """M-MAC-5; a cash flow that deteriorates is said beside it."""
    dear = told("pe_percentile", 85.0)
    assert word(dear, vix_points=16.0).complacent
    assert not word(dear, vix_points=17.0).complacent
    assert not word(told("pe_percentile", 80.0)).complacent
    assert "deteriorates" in reading(word(dear, told("pcf_state", "deteriorating")), "M-MAC-5").reason


def test_pe_rises_when_the_newest_percentile_is_above_the_one_before() -> None:
    """One observation tells no direction."""
    old = told("pe_percentile", 70.0, TODAY - timedelta(days=30))
    assert word(told("pe_percentile", 75.0)).pe_rising is Verdict.UNKNOWN
    assert word(old, told("pe_percentile", 75.0)).pe_rising is Verdict.TRUE
    assert word(old, told("pe_percentile", 70.0)).pe_rising is Verdict.FALSE


def test_restless_currencies_enlarge_the_intermediate_layer() -> None:
    """M-MAC-6: a tenth more, and the origin is only told."""
    assert word(told("fx_rv_z60", 2.1)).addon_pct == 10.0
    assert word(told("fx_rv_z60", 2.0)).addon_pct == 0.0
    imported = word(told("vol_origin", "imported"))
    assert imported.addon_pct == 0.0
    assert "imported" in reading(imported, "M-MAC-6").reason


def test_premia_that_part_are_evidence() -> None:
    """M-MAC-7: the score of the equity premium less that of VIX over realised volatility, above 1.5."""
    assert reading(word(told("erp_z60", 1.0), premium_z60=-0.6), "M-MAC-7").verdict is Verdict.TRUE
    assert reading(word(told("erp_z60", 1.0), premium_z60=-0.5), "M-MAC-7").verdict is Verdict.FALSE
    assert reading(word(told("erp_z60", 1.0), premium_z60=None), "M-MAC-7").verdict is Verdict.UNKNOWN


def test_all_macro_evidence_together_is_one_point_and_none_alone() -> None:
    """D-SCORE-2, on the readings as the rules make them."""
    loud = word(told("fomc_stance", "hawkish"), told("erp_z60", 4.0)).readings
    assert sum(r.family is Family.MACRO and r.verdict.holds for r in loud) == 2
    assert score(loud).points == 0
    market = Reading("D-RSI-1", "VIX", Verdict.TRUE, Family.VOL_RSI)
    assert score((market, *loud)).points == score((market,)).points + 1


# stale never relaxes ------------------------------------------------------------------------------
NUMBERS = {k.key: (k.low, k.high) for k in MACRO_KINDS if not k.words}
WORDS = {k.key: k.words for k in MACRO_KINDS if k.words}


@st.composite
def observations(draw: st.DrawFn) -> tuple[MacroInput, ...]:
    rows: dict[tuple[str, date], MacroInput] = {}
    base = benign_inputs() if draw(st.booleans()) else ()
    for row in base:
        rows[row.key, row.as_of] = row
    for key in draw(st.lists(st.sampled_from([k.key for k in MACRO_KINDS]), max_size=14)):
        day = TODAY - timedelta(days=draw(st.integers(0, 60)))
        value = draw(st.sampled_from(WORDS[key])) if key in WORDS else draw(st.floats(*NUMBERS[key]).map(float))
        rows[key, day] = told(key, value, day)
    return tuple(rows.values())


@given(observations(), st.sampled_from([k.key for k in MACRO_KINDS]), st.floats(10.0, 40.0))
def test_an_input_that_goes_stale_never_relaxes(rows: tuple[MacroInput, ...], key: str, vix: float) -> None:
    """Whatever was told: when any one key grows old, nothing becomes benign that was not, and no evidence appears."""

    def aged(row: MacroInput) -> MacroInput:
        back = row.as_of - timedelta(days=400)
        return msgspec.structs.replace(row, as_of=back) if row.key == key else row

    fresh, stale = word(*rows, vix_points=vix), word(*(aged(row) for row in rows), vix_points=vix)
    assert stale.benign <= fresh.benign
    assert stale.addon_pct <= fresh.addon_pct
    for before, after in zip(fresh.readings, stale.readings, strict=True):
        assert not after.verdict.holds or before.verdict.holds, before.rule


def test_an_alarm_that_went_stale_does_not_set_free_what_it_held_back() -> None:
    """A sharp rise of the yearly rate forbids benign; grown old it forbids it still, taken back it does not."""
    rate = told("cpi_yoy_change_pp", 0.5)
    old = msgspec.structs.replace(rate, as_of=TODAY - timedelta(days=50))
    assert not word(*benign_inputs(), rate).benign
    assert not word(*benign_inputs(), old).benign
    assert word(*benign_inputs()).benign


@given(observations(), st.integers(70, 2000))
def test_when_everything_is_stale_the_word_is_neutral(rows: tuple[MacroInput, ...], later: int) -> None:
    """As if nobody had ever told anything: no flag, no evidence, no confirmation without its memory."""
    day = TODAY + timedelta(days=later)
    neutral = MacroWord()
    old = assess(neutral, rows, seen(today=day), P)
    assert not any(r.verdict.holds for r in old.readings)
    assert msgspec.structs.replace(old, readings=()) == neutral


def test_nothing_told_is_neutral() -> None:
    """The default of every flag, and every reading unknown."""
    silent = word()
    assert msgspec.structs.replace(silent, readings=()) == MacroWord()
    assert {r.verdict for r in silent.readings} == {Verdict.UNKNOWN}
