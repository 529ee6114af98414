"""What the killer does, as one pure function of what it sees: times are seconds of its own monotonic clock.

Rules
- A latch that was not acted on begins a kill: a global cancel as the first thing written, on the present connection or
  the moment there is one. It is repeated until the gateway, asked after the last cancel, shows no order of the bot.
- Then the kill is VERIFIED. Orders that hands or other programs place afterwards are left alone: a person closes
  positions after a kill. An order of the bot that turns up under a latch begins the kill anew.
- A bot that lives and whose decision task has not moved for `hung_s` is a kill by the watchdog.
- Without a latch: a bot that is gone, or whose link has been down for `cut_after_s`, leaves no opening behind. If the
  gateway, asked then, shows one, everything is cancelled, again until none is left (C40).
- A gateway that serves another account is told nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    """Where the killer stands. KILLING is unverified until the gateway has shown that nothing of the bot works."""

    WATCHING = "watching"
    KILLING = "killing"
    VERIFIED = "verified"


class Order(StrEnum):
    """What is to be done now."""

    CANCEL_ALL = "cancel_all"
    ASK_OPEN = "ask_open"
    ENGAGE = "engage"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a cancel is repeated, how often the gateway is asked, and when a silent bot is taken for hung."""

    again_s: float = 2.0
    ask_s: float = 1.0
    look_s: float = 10.0
    hung_s: float = 30.0
    cut_after_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at one look.

    `latch_ms` is the latch's time stamp, 0 without one; `epoch` counts connections, None while there is none that may
    be used; `answered_at_s` and the counts are of the last complete answer on this connection; `silent_s` is how long
    ago the bot's decision task moved, None where no bot lives or none has ever moved; `cut_s` how long the bot has been
    gone or without its link, None while it has it.
    """

    now_s: float
    latch_ms: int
    epoch: int | None
    answered_at_s: float | None = None
    bot_orders: int = 0
    other_orders: int = 0
    silent_s: float | None = None
    cut_s: float | None = None
    bot_openings: int = 0


@dataclass(frozen=True, slots=True)
class Duty:
    """The killer's memory. `latch_ms` is the latch being acted on."""

    phase: Phase = Phase.WATCHING
    latch_ms: int = 0
    epoch: int | None = None
    cancelled_at_s: float | None = None
    asked_at_s: float | None = None
    verified_at_s: float | None = None


def act(duty: Duty, sight: Sight, patience: Patience) -> tuple[Duty, tuple[Order, ...]]:
    """The memory after one look, and what is to be done, in this order."""
    if sight.latch_ms == 0:
        if sight.silent_s is not None and sight.silent_s >= patience.hung_s:
            return Duty(epoch=sight.epoch), (Order.ENGAGE,)
        return _withdraw(duty, sight, patience)
    if sight.latch_ms != duty.latch_ms:
        duty = Duty(Phase.KILLING, sight.latch_ms, None)
    if sight.epoch is None:
        return replace(duty, epoch=None), ()
    if sight.epoch != duty.epoch:  # nothing is known of what an earlier connection wrote
        duty = replace(duty, epoch=sight.epoch, cancelled_at_s=None, asked_at_s=None)
        if duty.phase is Phase.KILLING:
            return _cancel(duty, sight)
        return _ask(duty, sight, ())
    fresh = _answer_counts(duty, sight)
    if duty.phase is Phase.VERIFIED:
        if fresh and sight.bot_orders:
            return _cancel(replace(duty, phase=Phase.KILLING, verified_at_s=None), sight)
        return _ask(duty, sight, ()) if _due(duty.asked_at_s, sight, patience.look_s) else (duty, ())
    if fresh and sight.bot_orders == 0:
        return replace(duty, phase=Phase.VERIFIED, verified_at_s=sight.now_s), ()
    if _due(duty.cancelled_at_s, sight, patience.again_s):
        return _cancel(duty, sight)
    return _ask(duty, sight, ()) if _due(duty.asked_at_s, sight, patience.ask_s) else (duty, ())


def _withdraw(duty: Duty, sight: Sight, patience: Patience) -> tuple[Duty, tuple[Order, ...]]:
    """Openings of a bot that cannot take them back itself."""
    if sight.epoch is None or sight.cut_s is None or sight.cut_s < patience.cut_after_s:
        return Duty(epoch=sight.epoch), ()
    if duty.epoch != sight.epoch or duty.latch_ms:
        duty = Duty(epoch=sight.epoch)
    found = sight.bot_openings > 0 and _answer_counts(duty, sight)
    if found and _due(duty.cancelled_at_s, sight, patience.again_s):
        return _cancel(duty, sight)
    pause_s = patience.ask_s if duty.cancelled_at_s is not None and sight.bot_openings else patience.look_s
    return _ask(duty, sight, ()) if _due(duty.asked_at_s, sight, pause_s) else (duty, ())


def _answer_counts(duty: Duty, sight: Sight) -> bool:
    """Whether the last answer was asked for after the last cancel."""
    if sight.answered_at_s is None or duty.asked_at_s is None:
        return False
    return sight.answered_at_s >= duty.asked_at_s >= (duty.cancelled_at_s or duty.asked_at_s)


def _cancel(duty: Duty, sight: Sight) -> tuple[Duty, tuple[Order, ...]]:
    return _ask(replace(duty, cancelled_at_s=sight.now_s), sight, (Order.CANCEL_ALL,))


def _ask(duty: Duty, sight: Sight, before: tuple[Order, ...]) -> tuple[Duty, tuple[Order, ...]]:
    return replace(duty, asked_at_s=sight.now_s), (*before, Order.ASK_OPEN)


def _due(last_s: float | None, sight: Sight, every_s: float) -> bool:
    return last_s is None or sight.now_s - last_s >= every_s
