"""What the bot tells the killer at its start: one flat JSON object, so that the killer reads no configuration."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bot.ibkr.settings import BrokerSettings
from bot.killer.duty import Patience
from bot.killer.process import Spec
from bot.settings.models import Settings


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway is, whose orders are the bot's, which account may be stopped; seconds of real time."""

    state_dir: str
    host: str
    port: int
    client_id: int
    bot_client_id: int
    account: str
    connect_timeout_s: float
    heartbeat_s: float
    half_open_s: float
    reconnect_initial_s: float
    reconnect_max_s: float
    poll_s: float
    hung_s: float
    cut_after_s: float
    notify_file: str = ""
    notify_deadline_s: float = 20.0

    def spec(self) -> Spec:
        """The killer's own form. Raises ValueError for what cannot be."""
        broker = BrokerSettings(
            host=self.host,
            port=self.port,
            client_id=self.client_id,
            account=self.account,
            connect_timeout_s=self.connect_timeout_s,
            heartbeat_s=self.heartbeat_s,
            half_open_s=self.half_open_s,
            reconnect_initial_s=self.reconnect_initial_s,
            reconnect_max_s=self.reconnect_max_s,
        )
        patience = Patience(hung_s=self.hung_s, cut_after_s=self.cut_after_s)
        return Spec(
            Path(self.state_dir), broker, self.bot_client_id, patience, self.poll_s, self.notify_file,
            self.notify_deadline_s,
        )  # fmt: skip


def told(settings: Settings, state_dir: Path) -> Told:
    """From the effective configuration."""
    broker, killer = settings.broker, settings.killer
    return Told(
        state_dir=str(state_dir.resolve()),
        host=broker.host,
        port=broker.port,
        client_id=killer.client_id,
        bot_client_id=broker.client_id,
        account=settings.account.id,
        connect_timeout_s=broker.connect_timeout_s,
        heartbeat_s=broker.heartbeat_s,
        half_open_s=broker.half_open_s,
        reconnect_initial_s=broker.reconnect_initial_s,
        reconnect_max_s=min(10.0, broker.reconnect_max_s),
        poll_s=killer.poll_ms / 1000.0,
        hung_s=killer.hung_s,
        notify_file=str(Path(settings.notify.file).resolve()) if settings.notify.file else "",
        notify_deadline_s=settings.notify.deadline_s,
        cut_after_s=killer.cancel_opens_after_s,
    )
