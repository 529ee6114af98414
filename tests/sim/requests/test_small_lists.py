"""Requests that a paper login without further rights may make, and that every request decoded is answered."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sim.wire.decode import decode
from bot.sim.wire.fields import MalformedRequest
from tests.sim.requests.served import VERSIONS, Desk, play


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_are_as_a_plain_paper_login_sees_them(version: int) -> None:
    """Exchanges with books, letters of the exchanges, no news, no families, no tiers, no groups."""
    heard: dict[str, Any] = {}

    async def story(desk: Desk) -> None:
        ib, client, wrapper = desk.ib, desk.ib.client, desk.ib.wrapper
        exchanges = await ib.reqMktDepthExchangesAsync()
        assert ("CFE", "FUT") in [(e.exchange, e.secType) for e in exchanges]
        (first, *_) = await ib.reqSmartComponentsAsync("9c0001")
        assert (first.exchange, first.exchangeLetter) == ("AMEX", "A")
        assert await ib.reqNewsProvidersAsync() == []
        for name in ("familyCodes", "softDollarTiers", "displayGroupList", "userInfo"):
            setattr(wrapper, name, lambda *values, name=name: heard.__setitem__(name, values))
        client.reqFamilyCodes()
        client.reqSoftDollarTiers(91)
        client.queryDisplayGroups(92)
        client.reqUserInfo(93)
        client.reqNewsBulletins(True)
        client.cancelNewsBulletins()
        await desk.pause(1)
        assert [(code.accountID, code.familyCodeStr) for code in heard["familyCodes"][0]] == [("*", "")]
        assert heard["softDollarTiers"] == (91, [])
        assert heard["displayGroupList"] == (92, "")
        assert heard["userInfo"] == (93, "")
        assert desk.codes() == []
        client.requestFA(1)
        client.replaceFA(94, 1, "<xml/>")
        client.subscribeToGroupEvents(95, 1)
        client.reqSmartComponents(96, "ffff")
        await desk.pause(1)
        assert [(number, code) for number, code, _ in desk.errors] == [
            (2147483647, 321), (94, 321), (95, 321), (96, 321),
        ]  # fmt: skip

    play(story, version=version)


def test_every_request_that_is_decoded_has_an_answer() -> None:
    """No message number leads to a request that the desk does not route."""

    async def story(desk: Desk) -> None:
        for number in range(1, 120):
            for fields in (["1"] * 40, ["0", "7", *[""] * 40]):
                try:
                    request = decode(number, fields, 176)
                except (MalformedRequest, ValueError):
                    continue
                assert type(request) in desk.gateway.desk._routes, request

    play(story)
