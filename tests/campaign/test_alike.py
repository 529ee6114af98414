"""Seeds that begin alike are played from one beginning: what they find is what each would have found alone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.campaign import alike, worker
from tests.campaign.plan import draw

pytestmark = pytest.mark.skipif(not alike.OPEN_FILES.is_dir(), reason="the system does not tell open files: no forks")


def test_a_folder_stands_again_for_whoever_has_its_files_open(tmp_path: Path) -> None:
    """Written on, cut, deleted, replaced: afterwards every name and every open file has what it had."""
    place, beside = tmp_path / "place", tmp_path / "beside"
    (place / "deep").mkdir(parents=True)
    beside.mkdir()
    (place / "deep" / "journal").write_bytes(b"first")
    (place / "ledger").write_bytes(b"one\n")
    with (place / "deep" / "journal").open("r+b", buffering=0) as journal:
        folder = alike.StandingFolder(place, beside)
        for _ in range(2):
            journal.seek(0, os.SEEK_END)
            journal.write(b" and more")
            (place / "ledger").unlink()
            (place / "ledger").write_bytes(b"another")
            (place / "deep" / "journal").unlink()
            (place / "new").write_bytes(b"")
            folder.again()
            assert (place / "ledger").read_bytes() == b"one\n"
            assert (place / "deep" / "journal").read_bytes() == b"first"
            assert not (place / "new").exists()
            journal.seek(0)
            assert journal.read() == b"first"


def test_what_plays_on_takes_the_lock_and_its_own_place_in_each_file(tmp_path: Path) -> None:
    """A child that writes moves nobody else's place, and its bot's lock is free once it has closed it."""
    place, beside = tmp_path / "place", tmp_path / "beside"
    place.mkdir()
    beside.mkdir()
    with (place / "lock").open("wb") as lock, (place / "ledger").open("wb", buffering=0) as ledger:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ledger.write(b"one\n")
        folder = alike.StandingFolder(place, beside)
        for _ in range(2):
            child = os.fork()
            if child == 0:
                code = 2
                try:
                    folder.take()
                    ledger.write(b"two\n")
                    lock.close()
                    with (place / "lock").open("wb") as next_life:
                        fcntl.flock(next_life, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    code = int((place / "ledger").read_bytes() != b"one\ntwo\n")
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            folder.again()
        assert ledger.tell() == 4


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

    jobs = [("market", 0), ("host", 107), ("orders", 138)]
    assert len({draw(*job).beginning for job in jobs}) == 1
    rows = worker.some(jobs)
    for job, row in zip(jobs, rows, strict=True):
        alone = play(*job)
        assert {k: v for k, v in row.items() if not k.endswith("_s")} == {
            k: v for k, v in alone.items() if not k.endswith("_s")
        }
        assert sum(row["faults"].values()) > 0
