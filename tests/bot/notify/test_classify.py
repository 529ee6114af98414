"""Every alert the code can raise has its class, and whatever the engine calls critical is urgent as shipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.actions import Alert, AlertLevel
from bot.notify.classify import of_alert
from bot.notify.kinds import DEFAULTS, Kind, Loudness
from bot.settings.models import NotifySection

ROOT = Path(__file__).resolve().parents[3]
_CALL = re.compile(r"alert\(\s*AlertLevel\.CRITICAL,\s*f?\"([^\"]+)\"", re.DOTALL)

TABLE = {
    "latch.kill": Kind.KILL,
    "latch.reduce": Kind.HALT,
    "latch.egress": Kind.HALT,
    "latch.C45": Kind.HALT,
    "latch.unanswered": Kind.HALT,
    "latch.limit:C21": Kind.LOSS_CAP,
    "latch.limit:C22": Kind.LOSS_CAP,
    "latch.limit:K-SIZE-6": Kind.LOSS_CAP,
    "latch.limit:C30": Kind.MISMATCH,
    "latch.C31": Kind.MISMATCH,
    "C30": Kind.MISMATCH,
    "quarantine.ic-1": Kind.MISMATCH,
    "blind.ic-1": Kind.BLIND,
    "slow.ic-1": Kind.STUCK_ORDER,
    "overdue.ic-1.entry.1": Kind.STUCK_ORDER,
    "rotation": Kind.STUCK_ORDER,
    "fault.LINK-326": Kind.LOGIN,
    "fault.KILLER": Kind.WATCHDOG,
    "fault.TASK": Kind.WATCHDOG,
    "journal": Kind.JOURNAL,
    "approval.R1": Kind.CONSENT,
}


@pytest.mark.parametrize("key", TABLE)
def test_each_alert_has_the_class_that_people_set_a_level_for(key: str) -> None:
    """The key decides, whatever the text says."""
    notice = of_alert(Alert(AlertLevel.WARNING, key, "text"))
    assert notice is not None
    assert notice.kind is TABLE[key]
    assert notice.command


def test_whatever_the_engine_calls_critical_is_urgent() -> None:
    """Every critical alert in the source, found by reading it, is urgent by default; an unknown one too."""
    sources = [p.read_text() for p in sorted((ROOT / "bot/engine").glob("*.py"))]
    keys = {found for text in sources for found in _CALL.findall(text)} | {"never.heard.of"}
    assert len(keys) > 6
    for key in keys:
        notice = of_alert(Alert(AlertLevel.CRITICAL, key, "text"))
        assert notice is not None, key
        assert DEFAULTS[notice.kind] is Loudness.URGENT, key


def test_a_channels_own_failure_is_not_sent_through_the_channels() -> None:
    """It would come back for ever; the dashboard and the log have it. Links are told by one summary."""
    assert of_alert(Alert(AlertLevel.WARNING, "fault.NOTIFY", "phone fails")) is None
    assert of_alert(Alert(AlertLevel.WARNING, "link.down", "link down")) is None


def test_the_settings_have_a_level_for_every_class_as_shipped() -> None:
    """The table in the code, the section's defaults and config/default.toml agree."""
    import tomllib

    shipped = tomllib.loads((ROOT / "config/default.toml").read_text())["notify"]["levels"]
    assert shipped == {kind.value: level.value for kind, level in DEFAULTS.items()}
    assert {k: v.value for k, v in NotifySection().levels} == shipped  # type: ignore[attr-defined]
