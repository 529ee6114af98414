"""The only place that chooses the ends: which broker adapter and which clock a configuration means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.clock import FollowedClock, SystemClock
from bot.ibkr.broker import IbkrBroker
from bot.ibkr.settings import BrokerSettings
from bot.inbox import Inbox
from bot.settings.models import Settings


@dataclass(frozen=True, slots=True)
class Ends:
    """A broker and the clock it lives by."""

    broker: IbkrBroker
    clock: SystemClock | FollowedClock


def make_ends(settings: Settings, inbox: Inbox, latch_present: Callable[[], bool]) -> Ends:
    """Paper and simulated runs differ in host, port and clock only; the client that speaks is the same."""
    clock: SystemClock | FollowedClock = SystemClock()
    if settings.clock.follow:
        host, _, port = settings.clock.follow.rpartition(":")
        clock = FollowedClock(host, int(port), ahead=settings.clock.ahead)
    section = settings.broker
    broker_settings = BrokerSettings(
        host=section.host,
        port=section.port,
        client_id=section.client_id,
        account=settings.account.id,
        connect_timeout_s=section.connect_timeout_s,
        request_timeout_s=section.request_timeout_s,
        history_timeout_s=section.history_timeout_s,
        margin_timeout_s=section.margin_timeout_s,
        heartbeat_s=section.heartbeat_s,
        half_open_s=section.half_open_s,
        reconnect_initial_s=section.reconnect_initial_s,
        reconnect_max_s=section.reconnect_max_s,
        max_lines=section.max_market_data_lines,
        messages_per_s=section.messages_per_s,
    )
    broker = IbkrBroker(broker_settings, clock, inbox.post, inbox.post_quote, latch_present)
    return Ends(broker, clock)
