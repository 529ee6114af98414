"""All rows in one list, in the order in which a person would mend them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.doctor import configured, gateway, kept, machine
from bot.doctor.row import Row, fail
from bot.ports import Clock
from bot.settings.load import ROOT, Loaded
from strategies.domain.session import NEW_YORK

PATIENCE_S = 15.0


def examine(
    load: Callable[[], Loaded], state_dir: Path, clock: Clock, *, broker_client_id: int | None = None
) -> list[Row]:
    """Looks at everything; with `broker_client_id` also at what the gateway serves, by a connection of that id."""
    now = clock.now()
    today = now.astimezone(NEW_YORK).date()
    found = machine.installed()
    who = kept.running(state_dir)
    config, loaded = configured.configuration(load)
    journal, last_at = kept.journal(state_dir)
    rows = [
        machine.python(),
        machine.clients(found),
        machine.packages(found, _pins()),
        machine.disk(state_dir),
        machine.clock(now, last_at, machine.kernel_synchronised()),
        config,
        kept.directory(state_dir),
        kept.secrets(state_dir),
        journal,
        kept.kill_latch(state_dir),
    ]
    if loaded is None:
        return rows
    settings = loaded.settings
    rows += [
        kept.lock(state_dir, who, settings.killer.hung_s),
        kept.killer(who, enabled=settings.killer.enabled),
        configured.releases(loaded, today),
        configured.macro_inputs(state_dir, today),
        configured.alerts(loaded, state_dir),
        gateway.web_port(
            settings.web.host, settings.web.port, enabled=settings.web.enabled, bot_runs=who.bot is not None
        ),
        gateway.port(settings.broker.host, settings.broker.port),
    ]
    if broker_client_id is not None:
        rows += _broker(loaded, clock, broker_client_id)
    return rows


def _broker(loaded: Loaded, clock: Clock, client_id: int) -> list[Row]:
    settings = loaded.settings
    taken = {settings.broker.client_id: "broker.client_id", settings.killer.client_id: "killer.client_id"}
    if client_id in taken:
        text = f"client id {client_id} is {taken[client_id]}: a gateway takes only one of each"
        return [fail("broker link", text, "choose another with --client-id")]
    return asyncio.run(gateway.look(settings, clock, client_id, PATIENCE_S))


def _pins() -> str | None:
    try:
        return (ROOT / "requirements.txt").read_text()
    except OSError:
        return None
