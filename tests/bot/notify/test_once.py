"""The killer tells people what a hung or dead bot cannot, once, and whatever happens it goes on cancelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot import instance
from bot.ibkr.settings import BrokerSettings
from bot.killer import process
from bot.killer.absence import GONE_S, Absence
from bot.killer.duty import Order, Patience, Sight
from bot.killer.process import Killer, Spec
from bot.killer.told import told
from bot.notify.once import tell_once
from bot.settings.load import load


def channels(place: Path) -> Path:
    path = place / "channels.toml"
    path.write_text('[channels]\nphone = "json://s3cr3t"\n')
    path.chmod(0o600)
    return path


def test_the_address_goes_by_standard_input_only(tmp_path: Path) -> None:
    """Not on the command line, where every user of the machine reads it; the account is masked."""
    begun: list[tuple[list[str], dict[str, Any]]] = []

    def start(command: list[str], given: bytes) -> None:
        begun.append((command, json.loads(given)))

    assert tell_once(str(channels(tmp_path)), "title", "of DU1234567", 20.0, start) == ""
    command, order = begun[0]
    assert "s3cr3t" not in " ".join(command)
    assert order["channels"] == [{"name": "phone", "url": "json://s3cr3t"}]
    assert (order["urgent"], order["body"]) == (True, "of DU***567")


def test_what_cannot_be_told_is_said_and_raises_nothing(tmp_path: Path) -> None:
    """No file, one that is gone, one that others read, a process that does not start: the duty goes on."""

    def fails(command: list[str], given: bytes) -> None:
        raise OSError("no processes left")

    assert "empty" in tell_once("", "t", "b", 1.0)
    assert "No such file" in tell_once(str(tmp_path / "gone"), "t", "b", 1.0)
    assert "no processes left" in tell_once(str(channels(tmp_path)), "t", "b", 1.0, fails)
    channels(tmp_path).chmod(0o644)
    assert "chmod" in tell_once(str(tmp_path / "channels.toml"), "t", "b", 1.0)


def test_a_bot_that_is_gone_is_told_once_and_a_quick_restart_never() -> None:
    """Before the bot was ever seen nothing is missing; after one comes back its loss is news again."""
    absence = Absence()
    assert not any(absence.begun(s, lives=False) for s in range(100))
    assert not absence.begun(100.0, lives=True)
    quick = [absence.begun(100.0 + 0.1 * n, lives=n == 30) for n in range(60)]
    assert not any(quick), "a new bot within five seconds tells of the crash itself"
    assert not absence.begun(199.9, lives=True)
    late = [absence.begun(200.0 + 0.1 * n, lives=False) for n in range(200)]
    assert late.count(True) == 1
    assert late.index(True) >= 10 * GONE_S - 1
    assert not absence.begun(300.0, lives=True)
    assert any(absence.begun(301.0 + n, lives=False) for n in range(10))


def test_the_killer_tells_when_it_halts_a_hung_bot(tmp_path: Path, monkeypatch: Any) -> None:
    """With the latch already written: telling is second. Its settings carry the file of the bot that started it."""
    said: list[tuple[str, str, str]] = []

    def tell(file: str, title: str, body: str, deadline_s: float) -> str:
        said.append((file, title, body))
        return ""

    monkeypatch.setattr(process, "tell_once", tell)
    file = channels(tmp_path)
    settings = load(profile="paper", assignments=(f'notify.file="{file}"',), environ={}).settings
    assert told(settings, tmp_path).spec().notify_file == str(file)
    killer = Killer(Spec(tmp_path, BrokerSettings(), 17, Patience(), notify_file=str(file)))
    killer._carry_out(Order.ENGAGE, Sight(0.0, 0, None, None, 0, 0, 31.0))
    assert (tmp_path / "KILL").exists()
    assert said[0][0] == str(file)
    assert "the bot hangs" in said[0][1]
    assert "has not moved for 31 s; the killer cancels everything" in said[0][2]
    assert instance.holder(tmp_path) is None
