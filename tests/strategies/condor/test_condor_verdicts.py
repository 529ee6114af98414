"""C-DEC-1 rows 3 to 7: what asks the hedge, what rolls, what is left to the harvest, and what holds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from strategies.condor.context import Earned, Watch
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.verdicts import DECISION_TABLE, decay_share, hedge_rows, hold
from strategies.domain.hedge import Ask
from strategies.signals.macro import MacroWord
from strategies.signals.measures import Measures
from strategies.signals.readings import Verdict
from tests.strategies.condor.moments import moment, says

CHEAP = says("D-AD-1", "D-COMP-1")
STRETCHED = Measures(rsi_spx=68.0)
DEAR = MacroWord(pe_rising=Verdict.TRUE)


def yes(condor, stand, agenda) -> str:
    """A roll is possible."""
    return ""


def no(condor, stand, agenda) -> str:
    """A roll is not possible."""
    return "no later expiry"


@pytest.fixture
def opened(bench):
    bench.open_condor()
    bench.look(60.0)
    return bench


def asked(at):
    return [(d.row, d.ask) for d in at.agenda.demands]


def test_table_has_every_row_in_order():
    """First match wins, so the order is the rule: rows 0 to 7, HOLD last."""
    assert [row.number for row in DECISION_TABLE] == list(range(8))
    assert DECISION_TABLE[-1].then == "HOLD"


def test_nothing_matches_is_row_seven(opened):
    """Inside its band with quiet signals no row matches; HOLD is a verdict with its row."""
    at = moment(opened)
    assert hedge_rows(at.condor, at.stand, at.agenda, no) is None
    hold(at.condor, at.agenda)
    assert at.said("C-DEC-1").inputs == {"row": 7, "answer": "hold"}
    assert at.agenda.demands == []


def test_hedge_off_says_that_rows_are_not_judged(opened):
    """With alvh.enabled = false rows 3 to 6 fall through, however loud the signals, and row 7 says so."""
    at = moment(opened, CHEAP, hedge=HedgeWord())
    assert hedge_rows(at.condor, at.stand, at.agenda, yes) is None
    hold(at.condor, at.agenda)
    assert at.said("C-DEC-1").inputs["rows_3_to_6"] == "not judged: the hedge is off"
    assert at.agenda.demands == []


def test_cheap_volatility_asks_the_hedge(opened):
    """Row 3: with time left protection is asked for, not a roll."""
    at = moment(opened, CHEAP)
    answer = hedge_rows(at.condor, at.stand, at.agenda, yes)
    assert (answer.row, answer.word, answer.roll) == (3, "hedge", False)
    assert asked(at) == [(3, Ask.SHARE)]


@pytest.mark.parametrize(("can_roll", "word"), [(yes, "roll_out"), (no, "hedge")])
def test_cheap_volatility_late_in_life_rolls_if_it_can(opened, can_roll, word):
    """Row 3: at 25 days or less the condor is rolled out; where it cannot be, the hedge is asked after all."""
    at = moment(opened, CHEAP)
    late = at.stand._replace(dte_days=25)
    answer = hedge_rows(at.condor, late, at.agenda, can_roll)
    assert (answer.row, answer.word, answer.roll) == (3, word, word == "roll_out")
    assert bool(at.agenda.demands) is (word == "hedge")


def test_half_of_row_three_is_none_of_it(opened):
    """Breadth alone, or compression alone, or a reading that is unknown, matches nothing."""
    for readings in (says("D-AD-1"), says("D-COMP-1"), ()):
        at = moment(opened, readings)
        assert hedge_rows(at.condor, at.stand, at.agenda, yes) is None


def slow(at, gained: float, days: int = 5) -> None:
    """Closes of some sessions: a theta of 0.3 points a day was due and so much was gained in all."""
    first = date(2026, 4, 27)
    rows = [Earned(first + timedelta(days=i), 1.0 + gained * i / days, 0.3) for i in range(days + 1)]
    at.agenda.watches[at.condor.id] = Watch(closes=tuple(rows))


@pytest.mark.parametrize(("gained", "matches"), [(1.19, True), (1.20, False)])
def test_slow_decay_cuts_short_vega_once(opened, gained, matches):
    """Row 4: below 80 % of 1.5 points due; 35 % of the net short vega on top of what is held, until a day."""
    at = moment(opened, measures=STRETCHED, macro=DEAR, net_usd=-200.0, hedges_usd=100.0)
    slow(at, gained)
    answer = hedge_rows(at.condor, at.stand, at.agenda, yes)
    assert (answer is not None and answer.row == 4) is matches
    if matches:
        (demand,) = at.agenda.demands
        assert (demand.ask, demand.usd_per_vix_point) == (Ask.USD, pytest.approx(170.0))
        assert at.agenda.watch(at.condor.id).cut_until == at.ctx.today + timedelta(days=7)


def test_cut_is_not_asked_anew_as_the_hedge_grows(opened):
    """Row 4 is one cut: a look later, with more held, the same amount is asked for."""
    at = moment(opened, measures=STRETCHED, macro=DEAR, net_usd=-200.0, hedges_usd=100.0)
    slow(at, 0.5)
    hedge_rows(at.condor, at.stand, at.agenda, yes)
    later = moment(opened, measures=STRETCHED, macro=DEAR, net_usd=-140.0, hedges_usd=160.0)
    later.agenda.watches.update(at.agenda.watches)
    hedge_rows(later.condor, later.stand, later.agenda, yes)
    assert [d.usd_per_vix_point for d in later.agenda.demands] == [pytest.approx(170.0)]


@pytest.mark.parametrize(
    ("measures", "macro"),
    [(Measures(rsi_spx=65.0), DEAR), (Measures(), DEAR), (STRETCHED, MacroWord()),
     (STRETCHED, MacroWord(pe_rising=Verdict.FALSE))],
)  # fmt: skip
def test_row_four_needs_all_three(opened, measures, macro):
    """RSI of SPX at 65 is not above it, and what nobody told about P/E counts as no."""
    at = moment(opened, measures=measures, macro=macro)
    slow(at, 0.1)
    assert hedge_rows(at.condor, at.stand, at.agenda, yes) is None


def test_decay_needs_enough_closes(opened):
    """Five sessions have six closes; with five nothing is said."""
    at = moment(opened)
    slow(at, 0.5, days=4)
    assert decay_share(at.condor, at.agenda) is None


@pytest.mark.parametrize(("net_n", "matches"), [(-0.201, True), (-0.20, False)])
def test_below_the_floor_asks_the_hedge(opened, net_n, matches):
    """Row 5: the hedge brings net vega back, from the intermediate layer first."""
    at = moment(opened, net_n=net_n)
    answer = hedge_rows(at.condor, at.stand, at.agenda, yes)
    assert (answer is not None and (answer.row, answer.word) == (5, "hedge")) is matches
    assert asked(at) == ([(5, Ask.FLOOR)] if matches else [])


def test_without_a_band_the_alarm_is_the_floor(opened):
    """Row 5: an unreadable curve has no band; -0.30 is too short while inflation is elevated, not otherwise."""
    calm = moment(opened, net_n=-0.31, low_n=None, high_n=None)
    assert hedge_rows(calm.condor, calm.stand, calm.agenda, yes) is None
    hot = moment(opened, net_n=-0.31, low_n=None, high_n=None, alarm_n=0.30)
    assert hedge_rows(hot.condor, hot.stand, hot.agenda, yes).row == 5


@pytest.mark.parametrize(("can_roll", "word"), [(yes, "roll_out"), (no, "hedge")])
def test_no_room_in_the_budgets_rolls_out(opened, can_roll, word):
    """Row 5: with the carry budget used up the condor is rolled; where it cannot be, the demand stands."""
    long_ago = opened.now - timedelta(minutes=20)
    at = moment(opened, net_n=-0.25, no_room="A-BUD-1", short_since=long_ago)
    answer = hedge_rows(at.condor, at.stand, at.agenda, can_roll)
    assert (answer.row, answer.word) == (5, word)
    assert at.said("C-DEC-1").inputs["no_room"] == "A-BUD-1"


def test_a_short_dip_below_the_floor_rolls_nothing(opened):
    """R1: the breach must last; until then the hedge is asked, room or not."""
    since = opened.now - timedelta(minutes=19)
    at = moment(opened, net_n=-0.25, no_room="A-BUD-1", short_since=since)
    assert hedge_rows(at.condor, at.stand, at.agenda, yes).word == "hedge"
    assert asked(at) == [(5, Ask.FLOOR)]


def test_above_the_cap_is_left_to_the_harvest(opened):
    """Row 6: the hedge's own rules sell; the condor asks for nothing."""
    at = moment(opened, net_n=0.26)
    answer = hedge_rows(at.condor, at.stand, at.agenda, yes)
    assert (answer.row, answer.word) == (6, "harvest")
    assert at.agenda.demands == []


@pytest.mark.parametrize("stale", [{"at": None}, {"net_n": None}])
def test_what_the_hedge_did_not_say_matches_nothing(opened, stale):
    """Rows 5 and 6: an old or missing word is unknown, and unknown asks for nothing."""
    for net_n in (-0.5, 0.5):
        at = moment(opened, **{"net_n": net_n, **stale})
        assert hedge_rows(at.condor, at.stand, at.agenda, yes) is None


def test_first_match_wins(opened):
    """Cheap volatility stands before a broken floor: one verdict, one demand."""
    at = moment(opened, CHEAP, net_n=-0.5)
    assert hedge_rows(at.condor, at.stand, at.agenda, yes).row == 3
    assert asked(at) == [(3, Ask.SHARE)]
