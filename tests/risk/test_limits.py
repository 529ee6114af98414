"""Caps refuse what would switch a check off, say why, and know which change is a loosening."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from risk.limits import BOUNDS, Limits, LimitsRefused, Listing, loosened, paper_limits

NUMBERS = sorted(BOUNDS)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, True, "3", 1e12])
def test_no_cap_takes_a_value_that_is_no_bound(name: str, value: Any) -> None:
    """NaN, infinities, absence, truth values, words and absurd sizes are refused with the cap's name."""
    with pytest.raises(LimitsRefused, match=name):
        msgspec.structs.replace(paper_limits(), **{name: value})


@pytest.mark.parametrize("name", [n for n in NUMBERS if BOUNDS[n].low > 0])
@pytest.mark.parametrize("value", [0, -1])
def test_zero_and_negative_caps_are_refused(name: str, value: int) -> None:
    """A cap of nothing, or of less, is no cap."""
    with pytest.raises(LimitsRefused, match=name):
        msgspec.structs.replace(paper_limits(), **{name: value})


def test_nothing_may_be_left_out() -> None:
    """No cap has a default: each omission is an error."""
    plain = msgspec.to_builtins(paper_limits())
    for name in Limits.__struct_fields__:
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert({k: v for k, v in plain.items() if k != name}, Limits)


def test_round_trip() -> None:
    """Caps written into the journal come back equal, and are judged again on the way in."""
    text = msgspec.json.encode(paper_limits())
    assert msgspec.json.decode(text, type=Limits) == paper_limits()
    with pytest.raises(msgspec.ValidationError, match="crash_loss_pct"):
        msgspec.json.decode(text.replace(b'"crash_loss_pct":8.0', b'"crash_loss_pct":0.0'), type=Limits)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"condor_loss_soft_pct": 3.5}, "condor_loss_hard_pct"),
        ({"daily_loss_halt_pct": 4.0}, "daily_loss_latch_pct"),
        ({"excess_liquidity_kill_pct": 25.0}, "excess_liquidity_reduce_pct"),
        ({"order_quantity_condors": 2.0}, "whole number"),
        ({"stress_spots_pct": ()}, "stress_spots_pct"),
        ({"stress_vols_pct": (50.0,)}, "add 0"),
        ({"stress_spots_pct": (0.0, math.nan)}, "shock"),
        ({"whitelist": ()}, "whitelist"),
        ({"whitelist": (Listing(symbol="", trading_class="", currency="", multiplier=0, exchanges=()),)}, "whitelist"),
        ({"account_prefix": "U"}, "paper"),
    ],
)
def test_contradictions_are_named(change: dict[str, Any], words: str) -> None:
    """Caps that contradict each other or name nothing are refused with what to do."""
    with pytest.raises(LimitsRefused, match=words):
        msgspec.structs.replace(paper_limits(), **change)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_cap_that_is_no_finite_number_is_told_apart(value: float) -> None:
    """The message says that such a cap would switch its check off."""
    with pytest.raises(LimitsRefused, match="switch the check off"):
        msgspec.structs.replace(paper_limits(), crash_loss_pct=value)


def test_every_fault_is_told_at_once() -> None:
    """Two bad caps give one message with both."""
    with pytest.raises(LimitsRefused, match=r"condor_loss_hard_pct.*crash_loss_pct"):
        msgspec.structs.replace(paper_limits(), condor_loss_hard_pct=math.nan, crash_loss_pct=-1.0)


def test_every_number_has_a_bound() -> None:
    """No numeric field of the caps escapes its range check."""
    fields = {f.name for f in msgspec.structs.fields(Limits) if f.type in (int, float)}
    assert fields == set(BOUNDS)


def test_loosening_is_recognised() -> None:
    """Raising a cap, lowering a floor or changing the scenario is loosening; the opposite is not."""
    base = paper_limits()
    assert loosened(base, msgspec.structs.replace(base, crash_loss_pct=9.0)) == ("crash_loss_pct",)
    assert loosened(base, msgspec.structs.replace(base, dry_powder_pct=35.0)) == ("dry_powder_pct",)
    assert loosened(base, msgspec.structs.replace(base, crash_spot_pct=-5.0)) == ("crash_spot_pct",)
    assert loosened(base, msgspec.structs.replace(base, crash_loss_pct=7.0, dry_powder_pct=45.0)) == ()
    assert loosened(base, base) == ()
