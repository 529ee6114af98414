"""Each entry rule, alone, stops a sale that otherwise happens; and lets it happen at its boundary."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from strategies.condor.params import CondorParams, CoverageGap, EntryParams
from strategies.domain.account import AccountSnapshot
from strategies.domain.control import Control, Latch, LinkState, TradingState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.market import DailyBar
from strategies.domain.orders import OrderState, PlaceIntent
from strategies.domain.session import MacroEvent

DECLINE = DecisionVerdict.DECLINE


def tries(bench, looks: int = 6) -> list[PlaceIntent]:
    found = []
    for _ in range(looks):
        out = bench.look(6.0)
        found += [i for i in out.intents if isinstance(i, PlaceIntent)]
        if found:
            break
    return found


def refused(bench, rule: str, words: str) -> None:
    assert tries(bench) == []
    said = bench.said(rule, "entry")
    assert said is not None, [d.rule for d in bench.last.decisions]
    assert said.verdict is DECLINE
    assert words in said.text


def test_all_filters_passing_sell_one_condor_as_one_four_leg_order(bench):
    """The quiet day: one combo, negative limit, equal wings of 50, PM expiry nearest 45 days, two units."""
    bench.warm()
    intent = bench.sell()
    condor = bench.condors[intent.owner]
    assert intent.ref == "ic-20260504-1.entry.1"
    assert [leg.ratio for leg in intent.legs] == [1, 1, 1, 1]
    assert intent.limit_points < 0 < condor.quantity_wanted == 2
    legs = condor.legs
    assert legs.put_short.strike_points - legs.put_long.strike_points == 50.0
    assert legs.call_long.strike_points - legs.call_short.strike_points == 50.0
    assert (condor.expiry - bench.day).days == 45
    deltas = bench.said("C-ENTRY-2", "entry").inputs
    assert deltas["put_delta"] == pytest.approx(0.16, abs=0.005)
    assert deltas["call_delta"] == pytest.approx(0.14, abs=0.005)


def test_no_expiry_in_range_no_condor(bench):
    """C-ENTRY-1: 29 and 46 days are outside 30 to 45."""
    bench.expiries = tuple(bench.day + timedelta(days=d) for d in (29, 46))
    bench.warm()
    refused(bench, "C-ENTRY-1", "no free expiry")


def test_credit_too_small_for_the_width(bench):
    """C-ENTRY-4: a flatter market pays less than a fifth of the width after slippage."""
    bench.params = CondorParams(entry=EntryParams(min_credit_pct_of_width=21.6))
    bench.warm()
    refused(bench, "C-ENTRY-4", "too small")
    bench.params = CondorParams(entry=EntryParams(min_credit_pct_of_width=21.4))
    assert tries(bench)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vix": 25.0}, "above the entry limit"),
        ({"vix": 13.0}, "ranks too low"),
        ({"vix_bars": ()}, "too few VIX closes"),
        ({"spx_bars": ()}, "too few SPX closes"),
        ({"vx": (24.1, 25.5, 26.0, 26.5)}, "tier is above 1"),
        ({"vx": (19.0, 18.5, 18.0, 18.0)}, "curve is backwardation"),
    ],
)
def test_volatility_filters(bench, change, words):
    """C-ENTRY-5: level, rank, data, tier and regime each stop a sale."""
    for name, value in change.items():
        setattr(bench, name, value)
    bench.warm()
    refused(bench, "C-ENTRY-5", words)


def test_vix_must_exceed_realised_volatility(bench):
    """C-ENTRY-5: a market that moves more than it is insured for is not sold."""
    closes = [5500 * (1 + 0.012 * (i % 2)) for i in range(300)]
    bench.spx_bars = tuple(DailyBar(b.day, c, c, c, c) for b, c in zip(bench.spx_bars, closes, strict=True))
    bench.warm()
    refused(bench, "C-ENTRY-5", "does not exceed realised")


def test_rank_boundary(bench):
    """C-ENTRY-5: rank 15 passes, a hair less does not."""
    bench.vix_bars = tuple(DailyBar(b.day, c, c, c, c) for b, c in zip(bench.vix_bars, [14.0, 34.0] * 150, strict=True))
    bench.vix = 17.0
    bench.warm()
    bench.look(1.0)
    assert bench.said("C-ENTRY-5", "entry").verdict is DecisionVerdict.HOLD
    bench.vix = 16.99
    bench.look(1.0)
    assert bench.said("C-ENTRY-5", "entry").verdict is DECLINE


def test_stale_futures_are_no_calm(bench):
    """T-REG-3: a one-sided front contract stops entries with the reason in the inputs."""
    bench.warm()
    bench.one_sided = {11}
    refused(bench, "C-ENTRY-5", "curve is unknown")
    assert bench.said("C-ENTRY-5", "entry").inputs["curve_reason"] == "F1 (2026-05) is not two-sided"


def test_between_twenty_and_twentyfive_half_size_and_twelve_delta(bench):
    """R24: VIX 20 sells 12-delta shorts at half size, when the credit still pays."""
    bench.params = CondorParams(entry=EntryParams(min_credit_pct_of_width=10.0, breakeven_min_em=0.9))
    bench.vix, bench.vx, bench.nlv = 20.0, (20.5, 21.6, 22.2, 22.5), 1_000_000.0
    bench.warm()
    intent = bench.sell()
    assert intent.quantity == 2
    assert bench.said("C-ENTRY-2", "entry").inputs["put_delta"] == pytest.approx(0.12, abs=0.01)
    assert bench.said("C-ENTRY-2", "entry").inputs["call_delta"] == pytest.approx(0.12, abs=0.01)


def event(bench, kind: str, days: int, hour: int, minute: int = 0) -> MacroEvent:
    at = datetime(bench.day.year, bench.day.month, bench.day.day, hour, minute, tzinfo=bench.now.tzinfo)
    return MacroEvent(at + timedelta(days=days), kind)


@pytest.mark.parametrize(
    ("kind", "days", "hour", "blocked"),
    [
        ("FOMC", 0, 14, True),
        ("CPI", 1, 8, True),
        ("NFP", 2, 8, False),
        ("CPI", 0, 8, False),
        ("FOMC minutes", 0, 14, False),
        ("FOMC minutes", 0, 11, True),
        ("GDP", 2, 8, True),
        ("GDP", 3, 8, False),
        ("JOLTS", 0, 11, False),
    ],
)
def test_blackouts(bench, kind, days, hour, blocked):
    """C-ENTRY-6: one session ahead for the big releases, hours for the others, nothing for the rest."""
    bench.events = (event(bench, kind, days, hour),)
    bench.warm()
    if blocked:
        refused(bench, "C-ENTRY-6", kind.upper().replace(" ", "_"))
    else:
        assert tries(bench)


def test_blackout_ends_half_an_hour_after_the_release(bench):
    """C-ENTRY-6: at 30 minutes still closed, a second later open."""
    bench.events = (event(bench, "PPI", 0, 9, 30),)
    bench.warm()
    bench.now = bench.now.replace(hour=10, minute=0, second=0)
    bench.look()
    assert bench.said("C-ENTRY-6", "entry").verdict is DECLINE
    bench.look(1.0)
    assert bench.said("C-ENTRY-6", "entry").verdict is DecisionVerdict.HOLD


@pytest.mark.parametrize(
    ("until", "gap", "blocked"),
    [
        (13, CoverageGap.BLOCK, True),
        (14, CoverageGap.BLOCK, False),
        (None, CoverageGap.BLOCK, True),
        (None, CoverageGap.WARN, False),
    ],
)
def test_calendar_that_ends_too_early_is_no_all_clear(bench, until, gap, blocked):
    """C-ENTRY-6 fails safe: the list of events must reach over the next ten sessions, or a person allows the gap."""
    bench.params = CondorParams(entry=EntryParams(coverage_gap=gap))
    bench.events_until = None if until is None else bench.day + timedelta(days=until)
    bench.warm()
    if blocked:
        refused(bench, "C-ENTRY-6", "ends before")
    else:
        assert tries(bench)


def test_half_days_and_quarterly_expiries_are_not_for_entries(make_bench):
    """C-ENTRY-6: an early close and the third Friday of June."""
    half = make_bench()
    half.sessions = [msgspec.structs.replace(s, early_close=True) if s.day == half.day else s for s in half.sessions]
    half.warm()
    refused(half, "C-ENTRY-6", "half-day")
    quarter = make_bench()
    quarter.day = date(2026, 6, 19)
    quarter.now = datetime(2026, 6, 19, 10, 0, tzinfo=half.now.tzinfo)
    quarter.events_until = date(2026, 9, 1)
    quarter.warm()
    refused(quarter, "C-ENTRY-6", "quarterly")


@pytest.mark.parametrize(("hour", "minute", "inside"), [(9, 59, False), (10, 0, True), (10, 9, True), (10, 10, False),
                                                        (10, 30, True), (15, 0, True), (15, 30, False)])  # fmt: skip
def test_search_slots(bench, hour, minute, inside):
    """C-ENTRY-7: ten minutes from each half hour inside 10:00 to 15:30."""
    bench.warm()
    bench.now = bench.now.replace(hour=hour, minute=minute)
    bench.look()
    assert (bench.said("C-ENTRY-5", "entry") is not None) is inside


def test_one_condor_a_day_three_at_most_one_per_expiry(make_bench):
    """K-SIZE-3: counts stop the second of a day and the fourth at all, and no expiry is sold twice."""
    one = make_bench()
    one.open_condor()
    one.now = one.now.replace(minute=30)
    refused(one, "K-SIZE-3", "entries today")
    many = make_bench(
        CondorParams(entry=EntryParams(entries_per_day=9, max_open=3, proposals_per_slot=9, repeat_after_s=1.0))
    )
    many.open_condor()
    for _ in range(2):
        many.fill(many.sell().ref)
    assert sorted((c.expiry - many.day).days for c in many.condors.values()) == [32, 39, 45]
    refused(many, "K-SIZE-3", "as many condors open")


@pytest.mark.parametrize(
    "change",
    [
        {"control": Control(paused=True)},
        {"control": Control((Latch("x", TradingState.REDUCING, datetime(2026, 5, 4, tzinfo=UTC), "me", "why"),))},
        {"link": LinkState.DEGRADED},
        {"link": LinkState.SYNCING},
    ],
)
def test_controls_stop_entries(bench, change):
    """C-DEC-1 row 0: pause, reduced trading or a doubtful link leave no room for new risk."""
    bench.warm()
    for name, value in change.items():
        setattr(bench, name, value)
    refused(bench, "C-DEC-1", "row 0")


def test_unproven_order_anywhere_stops_entries(bench):
    """While the fate of one order is in doubt nothing new is sold."""
    bench.params = CondorParams(entry=EntryParams(entries_per_day=5))
    condor = bench.open_condor()
    bench.now = bench.now.replace(minute=30)
    ref = next(iter(bench.book.orders))
    bench.book = msgspec.structs.replace(
        bench.book, orders={ref: msgspec.structs.replace(bench.book.orders[ref], state=OrderState.UNKNOWN)}
    )
    refused(bench, "C-DEC-1", "unproven")
    assert bench.condors[condor.id].quantity == 2


@pytest.mark.parametrize(("nlv", "words"), [(None, "not known"), (20_000.0, "not even one")])
def test_account_must_be_known_and_large_enough(bench, nlv, words):
    """K-SIZE-1: no value or too small an account sells nothing."""
    bench.params = CondorParams(entry=EntryParams(min_credit_pct_of_width=15.0))
    bench.nlv = nlv
    bench.warm()
    refused(bench, "K-SIZE-1", words)


def test_sanity_bounds_stop_a_structure_whose_numbers_are_wrong(bench):
    """C-ENTRY-8: the same condor fails when its delta bound is below what it has."""
    bench.params = CondorParams(entry=EntryParams(max_abs_delta=0.02))
    bench.warm()
    refused(bench, "C-ENTRY-8", "delta is too large")


def test_break_evens_must_lie_outside_the_expected_move(bench):
    """P-BE-1: asking for more room than any call in the delta range has declines with the distances."""
    bench.params = CondorParams(entry=EntryParams(breakeven_min_em=1.2))
    bench.warm()
    refused(bench, "P-BE-1", "inside the expected move")


def test_call_moves_out_until_its_break_even_fits(bench):
    """C-ENTRY-2 with P-BE-1: a little more room than the 14-delta call has is found further out in the range."""
    bench.params = CondorParams(entry=EntryParams(breakeven_min_em=1.04, min_credit_pct_of_width=15.0))
    bench.warm()
    bench.sell()
    said = bench.said("C-ENTRY-2", "entry").inputs
    assert 0.12 <= said["call_delta"] < 0.135
    assert bench.said("P-BE-1", "entry").inputs["call_breakeven_em"] >= 1.04


def test_neutral_delta_brings_the_structure_nearer_to_zero(make_bench):
    """RULEBOOK 3.8: the option changes the call only, and the structure's delta shrinks."""
    entry = EntryParams(min_credit_pct_of_width=15.0)
    plain, neutral = make_bench(CondorParams(entry=entry)), make_bench(
        CondorParams(entry=msgspec.structs.replace(entry, neutral_delta=True))
    )  # fmt: skip
    deltas = []
    for bench in (plain, neutral):
        bench.warm()
        bench.sell()
        deltas.append(bench.said("C-ENTRY-2", "entry").inputs)
    assert abs(deltas[1]["structure_delta"]) < abs(deltas[0]["structure_delta"])
    assert deltas[1]["put_delta"] == deltas[0]["put_delta"]


def test_search_stays_within_its_lines_and_gives_them_back(bench):
    """At most 60 lines for the search and 90 in all; after the slot only indices and futures remain."""
    bench.params = CondorParams(entry=EntryParams(min_credit_pct_of_width=40.0))
    bench.warm()
    widest = 0
    for _ in range(10):
        bench.look(6.0)
        widest = max(widest, len(bench.lines))
    assert 40 < widest <= 66
    bench.now = bench.now.replace(minute=15)
    bench.look()
    assert len(bench.lines) == 6


def test_wide_quotes_of_the_legs_must_be_fresh(bench):
    """An order is priced by quotes of the last seconds only."""
    bench.warm()
    bench.age_s = 4.0
    assert tries(bench) == []
    assert bench.said("C-ENTRY-2", "entry").text == "legs chosen: waiting for their fresh quotes"
    bench.age_s = 2.0
    assert tries(bench)


def test_unknown_account_type_is_not_a_number(bench):
    """An account without a net liquidation value is unknown, not zero."""
    snapshot = AccountSnapshot("DU1", bench.now)
    assert snapshot.net_liquidation_usd is None
