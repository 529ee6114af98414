"""The options of `condor gateway` beyond the world it serves, each checked before anything opens."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bot.cli.worlds import FUNDS_USD, ServerVersion, Tick
from bot.sim.desk.rights import DataRights
from bot.sim.wire.session import MAX_VERSION

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ACCOUNT = re.compile(r"[A-Z]{1,4}\d{1,12}", re.ASCII)
_ENDPOINT = re.compile(r"\[?([^\[\]]+?)\]?:(\d{1,5})", re.ASCII)


class AccountFunds(click.ParamType[Any]):
    """An account id with its cash: DU1234567=500000, or the id alone."""

    name = "id[=usd]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """(id, dollars)."""
        if isinstance(value, tuple):
            return value
        account, equals, cash = str(value).partition("=")
        if not _ACCOUNT.fullmatch(account):
            self.fail(f"{account!r} is no account id: letters, then digits, such as DU1234567", param, ctx)
        try:
            funds_usd = float(cash) if equals else FUNDS_USD
        except ValueError:
            funds_usd = math.nan
        if not 0.0 <= funds_usd <= 1e12:
            self.fail(f"{cash!r} must be dollars from 0 to 1,000,000,000,000", param, ctx)
        return account, funds_usd


class LoopbackEndpoint(click.ParamType[Any]):
    """HOST:PORT on this machine."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """(host, port); port 0 takes a free one."""
        if isinstance(value, tuple):
            return value
        match = _ENDPOINT.fullmatch(str(value))
        if match is None or int(match[2]) > 65_535:
            self.fail(f"{value!r} must be HOST:PORT such as 127.0.0.1:4003, port 0 to 65535", param, ctx)
        if match[1] not in LOOPBACK:
            self.fail(
                f"{match[1]!r} is not loopback: whoever reaches the control channel commands the gateway", param, ctx
            )
        return match[1], int(match[2])


def gateway_options(command: Any) -> Any:
    """Where it listens, whom it serves, how it behaves."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on (loopback)"),
    click.option("--port", type=click.IntRange(0, 65535), default=4002, show_default=True, help="0 takes a free port"),
    click.option(
        "--control",
        type=LoopbackEndpoint(),
        default="127.0.0.1:0",
        show_default=True,
        help="control channel: one JSON request and reply per line; port 0 takes a free one",
    ),
    click.option(
        "--faults", type=click.Path(path_type=Path), help="script of faults, by time or by event; see `verbs`"
    ),
    click.option(
        "--account",
        "accounts",
        type=AccountFunds(),
        multiple=True,
        help="an account and its cash in dollars, once per account; one account of 500000 where absent",
    ),
    click.option(
        "--limits",
        type=click.Choice(["ib", "off"]),
        default="ib",
        show_default=True,
        help="IB's bounds on a client: 50 messages a second, 100 market data lines",
    ),
    click.option(
        "--server-version",
        type=ServerVersion(),
        default=MAX_VERSION,
        show_default=True,
        help="newest protocol version spoken, 157 to 176 without 158; a client with an older one gets its own",
    ),
    click.option(
        "--master-client-id", type=click.IntRange(0), help="this client id hears of every client's orders and fills"
    ),
    click.option(
        "--market-data",
        type=click.Choice([rights.value for rights in DataRights]),
        default=DataRights.LIVE.value,
        show_default=True,
        help="market data rights of the login: without live ones quotes are refused (354, 10089) or delayed (10167)",
    ),
    click.option("--tick", "tick_s", type=Tick(), help="market seconds between two looks at the market"),
    click.option(
        "--begin",
        type=click.Choice(["open", "premarket"]),
        default="open",
        show_default=True,
        help="where the first day starts: inside the session, or fifteen minutes before it",
    ),
    click.option("--overnight", is_flag=True, help="live the overnight and curb sessions too, not regular hours only"),
)
