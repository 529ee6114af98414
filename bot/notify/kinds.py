"""Classes of news and how loudly each is told: one table for the settings, the watcher and the page of the docs."""

from __future__ import annotations

from enum import StrEnum


class Loudness(StrEnum):
    """off: never. quiet: with the next message, at the latest with the day's digest. normal: soon, gathered when many
    come. urgent: at once, and it asks to be acknowledged."""

    OFF = "off"
    QUIET = "quiet"
    NORMAL = "normal"
    URGENT = "urgent"


class Kind(StrEnum):
    """What happened, as a setting under [notify.levels] names it."""

    KILL = "kill"
    HALT = "halt"
    LOSS_CAP = "loss_cap"
    MISMATCH = "mismatch"
    BLIND = "blind"
    LOGIN = "login"
    STUCK_ORDER = "stuck_order"
    STOP_RULE = "stop_rule"
    WATCHDOG = "watchdog"
    JOURNAL = "journal"
    ALARM = "alarm"
    CONSENT = "consent"
    FILL = "fill"
    CONDOR = "condor"
    LAYER = "layer"
    LINK = "link"
    LIFE = "life"
    READY = "ready"
    DIGEST = "digest"
    TROUBLE = "trouble"
    REMARK = "remark"
    NEAR_MISS = "near_miss"


DEFAULTS: dict[Kind, Loudness] = {
    Kind.KILL: Loudness.URGENT,
    Kind.HALT: Loudness.URGENT,
    Kind.LOSS_CAP: Loudness.URGENT,
    Kind.MISMATCH: Loudness.URGENT,
    Kind.BLIND: Loudness.URGENT,
    Kind.LOGIN: Loudness.URGENT,
    Kind.STUCK_ORDER: Loudness.URGENT,
    Kind.STOP_RULE: Loudness.URGENT,
    Kind.WATCHDOG: Loudness.URGENT,
    Kind.JOURNAL: Loudness.URGENT,
    Kind.ALARM: Loudness.URGENT,
    Kind.CONSENT: Loudness.NORMAL,
    Kind.FILL: Loudness.NORMAL,
    Kind.CONDOR: Loudness.NORMAL,
    Kind.LAYER: Loudness.NORMAL,
    Kind.LINK: Loudness.NORMAL,
    Kind.LIFE: Loudness.NORMAL,
    Kind.READY: Loudness.NORMAL,
    Kind.DIGEST: Loudness.NORMAL,
    Kind.TROUBLE: Loudness.QUIET,
    Kind.REMARK: Loudness.OFF,
    Kind.NEAR_MISS: Loudness.OFF,
}
"""The levels as shipped; config/default.toml says what each kind is."""
