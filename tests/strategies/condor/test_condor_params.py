"""Parameters: rulebook defaults, a journal round trip, and contradictions refused in sentences."""

from __future__ import annotations

import msgspec
import pytest

from strategies.condor.params import AdjustParams, CondorParams, EntryParams, ExitParams, OrderParams, SearchParams


def test_defaults_are_the_rulebooks():
    """The numbers a stranger would look up."""
    p = CondorParams()
    assert (p.entry.dte_min_days, p.entry.dte_max_days, p.entry.delta_put, p.entry.delta_call) == (30, 45, 0.16, 0.14)
    assert (p.exit.take_profit_pct_of_credit, p.exit.stop_loss_multiple_of_credit) == (50.0, 2.0)
    assert (p.exit.time_exit_dte_days, p.adjust.max_rolls, p.entry.neutral_delta) == (21, 1, False)


def test_parameters_survive_the_journal():
    """What a run was decided with can be read back exactly."""
    p = CondorParams(entry=EntryParams(neutral_delta=True, max_open=2))
    assert msgspec.json.decode(msgspec.json.encode(p), type=CondorParams) == p


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CondorParams(exit=ExitParams(time_exit_dte_days=30)), "closed the day it is opened"),
        (lambda: CondorParams(exit=ExitParams(short_delta_max=0.18)), "under threat at once"),
        (lambda: EntryParams(delta_put=16.0), "write|lie between"),
        (lambda: EntryParams(delta_min=16.0), "absolute"),
        (lambda: EntryParams(dte_target_days=60), "must not fall"),
        (lambda: EntryParams(risk_per_condor_pct_nlv=3.5), "at or below 3"),
        (lambda: EntryParams(small_width_points=75.0), "narrower"),
        (lambda: EntryParams(scan_min=40), "overlap"),
        (lambda: EntryParams(rank_min_pct=float("nan")), "finite"),
        (lambda: EntryParams(max_open=0), "above zero"),
        (lambda: ExitParams(take_profit_pct_of_credit=100.0), "below 100"),
        (lambda: ExitParams(stop_sample_expires_s=60.0), "longer"),
        (lambda: ExitParams(stop_loss_multiple_of_credit=float("inf")), "finite"),
        (lambda: AdjustParams(widen_points=40.0), "must not fall"),
        (lambda: OrderParams(entry_concession_pct=140.0), "0 to 100"),
        (lambda: SearchParams(budget_lines=12), "too few"),
        (lambda: SearchParams(budget_lines=90), "no room"),
    ],
)
def test_contradictions_are_refused_in_words(make, words):
    """Bad numbers never become parameters."""
    with pytest.raises(ValueError, match=words):
        make()


def test_unknown_keys_are_refused():
    """A typo in a setting is not ignored."""
    with pytest.raises(msgspec.ValidationError, match="wing_widht"):
        msgspec.convert({"wing_widht": 50}, CondorParams)
