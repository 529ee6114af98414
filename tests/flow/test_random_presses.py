"""No order after the press, wherever in the loop's work it falls: a slice of the campaign of ten thousand."""

from __future__ import annotations

from pathlib import Path

from tests.flow.presses import one_life


def test_no_order_is_written_after_a_press_at_a_random_step(tmp_path: Path) -> None:
    """Five presses by file, signal and command: nothing leaves after any, all cancels are proven, arming works."""
    found = one_life(tmp_path, 1, 5)
    assert found.made == 5
    assert found.violations == ()
    assert found.orders > 0
