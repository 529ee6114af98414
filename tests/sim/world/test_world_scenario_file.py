"""The scenario file: what is refused, and that the refusal names file and key."""

import pytest

from bot.sim.world import ScenarioError, load_scenario
from bot.sim.world.scenario_file import parse_scenario

GOOD = """
name = "small"
description = "two days"
start = 2026-03-02
rate_pct = 4.0
dividend_pct = 1.3
[past]
spx_close = 5500.0
vix = 16.0
vix_low = 11.0
vix_high = 30.0
long_run = 20.0
decay_days = 60.0
[[day]]
spx_return_pct = 0.1
vix = 15.5
[[day]]
spx_return_pct = -0.2
vix = 16.5
[[event]]
verb = "restart"
refuse_s = 60
when = { day = 1, time = 11:00:00 }
"""


def test_a_good_file_is_read() -> None:
    """The sample parses, and curve and skew carry over from day to day."""
    text = parse_scenario(GOOD, "small.toml")
    assert (len(text.days), text.days[1].state.long_run, text.events[0].where) == (
        2,
        20.0,
        "small.toml: event[1]",
    )


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("vix = 15.5", "vix = 15.5\nvixx = 3", "day[1].vixx", "did you mean 'vix'"),
        ("rate_pct = 4.0", "rate_pct = 4.0\nspeed = 2", "speed", "unknown key"),
        ("spx_close = 5500.0", "spx_close = 5500.0\nspy = 1", "past.spy", "unknown key"),
        ("vix = 15.5", "vix = nan", "day[1].vix", "allowed are 5 to 150"),
        ("vix = 15.5", 'vix = "15"', "day[1].vix", "must be a number"),
        ("spx_return_pct = 0.1", "spx_return_pct = -60", "day[1].spx_return_pct", "allowed are -25 to 25"),
        ("start = 2026-03-02", "start = 2026-03-01", "start", "no trading day"),
        ("vix = 16.0", "vix = 40.0", "past.vix", "between vix_low and vix_high"),
        ('name = "small"', "", "name", "is missing"),
        ("[past]", "[past", "syntax", ""),
    ],
)
def test_what_it_does_not_understand_is_refused_by_name(old: str, new: str, key: str, said: str) -> None:
    """Each refusal names the file, the key in question, and what is allowed."""
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(GOOD.replace(old, new, 1), "small.toml")
    assert refused.value.file == "small.toml"
    assert refused.value.key == key
    assert said in str(refused.value)


def test_an_unknown_scenario_lists_the_shipped_ones() -> None:
    """A name that is neither shipped nor a file is answered with the names there are."""
    with pytest.raises(ScenarioError, match="calm, crash, flip, inversion, melt_up"):
        load_scenario("flop", 1)
