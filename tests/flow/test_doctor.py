"""`condor doctor --broker` against a simulated gateway: account, contracts, live quotes, and each of them refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.doctor import gateway as gateway_rows
from bot.doctor.gateway import look
from bot.doctor.row import Grade, Row
from bot.settings.load import load
from bot.sim.gateway import SimulatedGateway
from bot.sim.virtual_time import run_virtual
from tests.flow.test_adapter import GatewayClock
from tests.sim.fakes.fake_market import FakeVenue, FakeWorld


def looked(*verbs: dict[str, Any], expected: str = "", port: int = 0) -> dict[str, Row]:
    """The rows of one look, by name; `verbs` are told to the gateway first."""
    found: list[Row] = []

    async def whole() -> None:
        world = FakeWorld()
        gateway = SimulatedGateway(FakeVenue(world), world, begin=world.days[0].open_at, control_port=0)  # type: ignore[arg-type]
        await gateway.start()
        assert gateway.control is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.control.port)
        for verb in verbs:
            writer.write(json.dumps(verb).encode() + b"\n")
            assert json.loads(await reader.readline())["ok"], verb
        settings = load(
            profile="paper",
            assignments=(f"broker.port={port or gateway.port}", f'account.id="{expected}"'),
            environ={},
        ).settings
        found.extend(await look(settings, GatewayClock(gateway), 918, 15.0))
        writer.close()
        await gateway.stop()

    run_virtual(whole)
    return {row.name: row for row in found}


def test_a_gateway_that_serves_everything_passes() -> None:
    """Account masked, both indices, the future and an option live with a price."""
    rows = looked()
    assert [name for name, row in rows.items() if row.grade is not Grade.PASS] == []
    assert set(rows) == {"account", "data SPX", "data VIX", "data VX future", "data SPXW option"}
    assert "***" in rows["account"].text


@pytest.mark.parametrize("code", ["354", "10089"])
def test_a_login_without_the_right_to_data_fails_each_line(code: str) -> None:
    """The broker's own words, and which subscriptions help."""
    rows = looked({"verb": "no_market_data", "code": code})
    for name in ("data SPX", "data VIX", "data VX future", "data SPXW option"):
        assert rows[name].grade is Grade.FAIL, name
        assert code in rows[name].text
        assert "subscriptions" in rows[name].remedy


def test_another_account_than_configured_fails() -> None:
    """Nothing is asked of it; the account is not written out."""
    rows = looked(expected="DU9999999")
    assert [row.grade for row in rows.values()] == [Grade.FAIL]
    assert "DU9999999" not in rows["account"].text


def test_a_port_where_nobody_speaks_fails_with_what_to_start() -> None:
    """The look ends in time."""
    rows = looked(port=9)
    assert rows["broker link"].grade is Grade.FAIL
    assert "IB Gateway" in rows["broker link"].remedy


def test_the_look_can_send_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its adapter is told that the kill file is there, whatever the state directory holds: the door stays shut."""
    asked: list[bool] = []
    real = gateway_rows.IbkrBroker

    def watched(*words: Any, **more: Any) -> Any:
        asked.append(words[4]())
        return real(*words, **more)

    monkeypatch.setattr(gateway_rows, "IbkrBroker", watched)
    assert looked()["account"].grade is Grade.PASS
    assert asked == [True]
