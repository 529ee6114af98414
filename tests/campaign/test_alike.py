"""Seeds that begin alike are played from one beginning: what they find is what each would have found alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign import alike, worker
from tests.campaign.plan import draw
from tests.flow import standing_folder

pytestmark = pytest.mark.skipif(
    not standing_folder.OPEN_FILES.is_dir(), reason="the system does not tell open files: nothing is forked"
)


def test_seeds_are_grouped_by_their_beginning_and_lose_none() -> None:
    """Each group begins alike, cold seeds stand alone, no group is too long, and every seed is in one."""
    jobs = [("orders", seed) for seed in range(300)]
    groups = worker.together(jobs)
    assert sorted(job for group in groups for job in group) == jobs
    assert max(map(len, groups)) <= worker.MOST_TOGETHER
    for group in groups:
        plans = [draw(*job) for job in group]
        assert len({plan.beginning for plan in plans}) == 1
        assert len(group) == 1 or all(plan.lived_s > 0.0 for plan in plans)
    assert any(len(group) > 5 for group in groups)
    assert any(draw(*group[0]).lived_s == 0.0 for group in groups)


def test_seeds_of_different_beginnings_are_not_played_together(tmp_path: Path) -> None:
    """What was lived in peace would be another seed's."""
    jobs = [group[0] for group in worker.together([("orders", seed) for seed in range(20)])[:2]]
    with pytest.raises(ValueError, match="do not begin alike"):
        alike.Alike([draw(*job) for job in jobs], tmp_path)


@pytest.mark.slow
def test_a_seed_finds_the_same_alone_and_among_others() -> None:
    """Three seeds of one beginning, a bot's death among them, each forked and each alone: the same rows."""
    from tests.campaign.play import play

    jobs = [("market", 0), ("host", 15), ("orders", 47)]
    assert len({draw(*job).beginning for job in jobs}) == 1
    rows = alike.play_alike([draw(*job) for job in jobs])
    for job, row in zip(jobs, rows, strict=True):
        alone = play(*job)
        assert {k: v for k, v in row.items() if not k.endswith("_s")} == {
            k: v for k, v in alone.items() if not k.endswith("_s")
        }
        assert sum(row["faults"].values()) > 0
    assert rows[1]["events"]["lives"] > 0
