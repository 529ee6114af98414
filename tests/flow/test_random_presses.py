"""No order after the press, wherever in the loop's work it falls: a slice of the campaign of ten thousand."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.flow.presses import one_life

WHOLE = int(os.environ.get("PRESSES", "10000"))


def test_no_order_is_written_after_a_press_at_a_random_step(tmp_path: Path) -> None:
    """Five presses by file, signal and command: nothing leaves after any, all cancels are proven, arming works."""
    found = one_life(tmp_path, 1, 5)
    assert found.made == 5
    assert found.violations == ()
    assert found.orders > 0


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_the_whole_campaign_of_presses() -> None:
    """PRESSES of them (10,000), life after life with another seed; prints what was done."""
    made = hot = callbacks = orders = in_flight = 0
    violations: list[str] = []
    began, seed = time.monotonic(), 100
    while made < WHOLE:
        with TemporaryDirectory() as place:
            found = one_life(Path(place), seed, min(80, WHOLE - made))
        assert found.made > 0, f"seed {seed}: no press was made"
        made, callbacks, orders = made + found.made, callbacks + found.callbacks, orders + found.orders
        hot += found.hot
        in_flight += found.in_flight
        violations += [f"seed {seed}: {text}" for text in found.violations]
        seed += 1
        line = f"{made} presses, {hot} with an order alive or about to be, {callbacks:,} callbacks, {orders} orders, "
        line += f"{in_flight} in flight, {len(violations)} violations, {time.monotonic() - began:.0f} s"
        sys.stderr.write(f"{line}\n")
    assert not violations, violations
