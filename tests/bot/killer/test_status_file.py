"""The killer's status file: written when it has something new to say, and never in the way of the duty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.ibkr.settings import BrokerSettings
from bot.killer.duty import Patience
from bot.killer.process import STATUS, Killer, Spec


def killer(place: Path) -> Killer:
    """A killer that looks at a folder and is connected to nothing."""
    return Killer(Spec(place, BrokerSettings(), bot_client_id=17, patience=Patience()))


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    """The same words leave the file alone, other words replace it, and a file that somebody removed comes back."""
    one, path = killer(tmp_path), tmp_path / STATUS
    one._write_status()
    first = path.stat().st_ino
    one._write_status()
    assert path.stat().st_ino == first
    one._link = "down: said by the test"
    one._write_status()
    assert json.loads(path.read_text())["link"] == "down: said by the test"
    path.unlink()
    one._write_status()
    assert path.exists()


def test_a_folder_that_cannot_be_looked_into_does_not_stop_the_duty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither writing nor looking whether the file is there raises into the look."""
    one = killer(tmp_path)
    one._write_status()

    def refused(path: Path) -> bool:
        raise PermissionError(13, "permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    one._write_status()
