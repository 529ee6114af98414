"""A folder made again as it was: for names, for contents, for files that are open, for the lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.flow import standing_folder

pytestmark = pytest.mark.skipif(
    not standing_folder.OPEN_FILES.is_dir(), reason="the system does not tell open files: nothing is forked"
)


def test_a_folder_stands_again_for_whoever_has_its_files_open(tmp_path: Path) -> None:
    """Written on, cut, deleted, replaced: afterwards every name and every open file has what it had."""
    place, beside = tmp_path / "place", tmp_path / "beside"
    (place / "deep").mkdir(parents=True)
    beside.mkdir()
    (place / "deep" / "journal").write_bytes(b"first")
    (place / "ledger").write_bytes(b"one\n")
    with (place / "deep" / "journal").open("r+b", buffering=0) as journal:
        folder = standing_folder.StandingFolder(place, beside)
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
        folder = standing_folder.StandingFolder(place, beside)
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
