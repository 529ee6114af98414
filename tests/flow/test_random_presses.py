"""No order after the press, wherever in the loop's work it falls: a slice of the campaign of ten thousand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.presses import forked_life, one_life
from tests.flow.standing_folder import OPEN_FILES


def test_no_order_is_written_after_a_press_at_a_random_step(tmp_path: Path) -> None:
    """Five presses by file, signal and command: nothing leaves after any, all cancels are proven, arming works."""
    found = one_life(tmp_path, 1, 5, world_seed=7)  # the world of most stories: its past is drawn already
    assert found.made == 5
    assert found.violations == ()
    assert found.orders > 0


@pytest.mark.slow
@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="the system does not tell open files: nothing is forked")
def test_a_press_in_a_forked_process_finds_the_same_and_the_life_goes_on(tmp_path: Path) -> None:
    """Eight presses a few callbacks apart, each in a process of its own: nothing leaves, and the life trades on."""
    found = forked_life(tmp_path, 1, 8)
    assert found.made == 8
    assert found.violations == ()
    assert found.callbacks > 8
    assert found.orders > 0
