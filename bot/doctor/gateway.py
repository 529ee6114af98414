"""The gateway: whether its port answers, and with `--broker` what it serves: account, contracts, live quotes.

The look uses the bot's own adapter with a client id of its own. It can send no order: the door in the adapter asks
whether the kill file is present, and here the answer is always yes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from bot.actions import AskChain, AskOptions, AskReference
from bot.doctor.row import Row, fail, good, warn
from bot.ibkr.broker import IbkrBroker
from bot.ibkr.settings import BrokerSettings
from bot.masking import mask
from bot.ports import Clock
from bot.settings.models import Settings
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.instruments import Future, Index, Instrument, Option, describe
from strategies.domain.market import Chain, DataType, Quote
from strategies.domain.session import NEW_YORK

START_REMEDY = (
    "start IB Gateway or TWS and log in; API settings: enable socket clients, read-only off, trusted 127.0.0.1; "
    "ports: 4002 Gateway paper, 7497 TWS paper"
)
DATA_REMEDY = (
    "market data subscriptions of the live user, shared with paper (SPX and VIX index, OPRA, CFE); no other login of "
    "the same user; docs/paper-account.md"
)
EXPIRY_DAYS = 7
"""The option that is looked at expires this far away at least."""


def port(host: str, number: int, deadline_s: float = 3.0) -> Row:
    """Whether anybody listens; a bot that runs is connected there too, which is no trouble."""
    try:
        with socket.create_connection((host, number), timeout=deadline_s):
            return good("port", f"{host}:{number} answers")
    except OSError as reason:
        return fail("port", f"{host}:{number}: {reason.strerror or 'no answer'}", START_REMEDY)


def web_port(host: str, number: int, *, enabled: bool, bot_runs: bool) -> Row:
    """Whether the dashboard will find its port."""
    if not enabled or number == 0 or bot_runs:
        return good("dashboard port", "served by the running bot" if enabled and bot_runs else "any, or no dashboard")
    try:
        with socket.create_server((host, number)):
            return good("dashboard port", f"{host}:{number} is free")
    except OSError as reason:
        text = f"{host}:{number}: {reason.strerror}"
        return warn("dashboard port", text, "end what uses it, or set web.port (0: any free one)")


@dataclass(slots=True)
class Seen:
    """What the broker told during the look."""

    link: LinkState = LinkState.DOWN
    reason: str = "not connected"
    accounts: tuple[str, ...] = ()
    loaded: dict[str, tuple[Instrument, ...]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    chain: Chain | None = None
    quotes: dict[int, Quote] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def fact(self, event: ev.AnyEvent) -> None:
        """Takes note of a fact."""
        match event:
            case ev.LinkChanged():
                self.link, self.reason = event.state, event.reason
                self.accounts = event.accounts or self.accounts
            case ev.InstrumentsLoaded():
                self.loaded[event.wanted] = event.instruments
            case ev.ChainListed():
                self.chain = event.chain
            case ev.RequestFailed():
                self.failed[event.wanted] = event.reason
            case ev.FaultNoted():
                self.faults.append((event.code, event.text))
            case _:
                pass
        self.changed.set()

    def quote(self, quote: Quote) -> None:
        """Takes note of a quote."""
        self.quotes[quote.con_id] = quote
        self.changed.set()


async def look(settings: Settings, clock: Clock, client_id: int, patience_s: float) -> list[Row]:
    """Connects, asks, and goes; `patience_s` is for each stage."""
    seen = Seen()
    section = settings.broker
    broker = IbkrBroker(
        BrokerSettings(
            host=section.host, port=section.port, client_id=client_id, account=settings.account.id,
            connect_timeout_s=section.connect_timeout_s, request_timeout_s=section.request_timeout_s,
            heartbeat_s=section.heartbeat_s, half_open_s=section.half_open_s,
        ),
        clock, seen.fact, seen.quote, lambda: True,
    )  # fmt: skip
    await broker.start()
    try:
        return await _looked(broker, seen, clock, patience_s)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10.0):
                await broker.stop()


async def _looked(broker: IbkrBroker, seen: Seen, clock: Clock, patience_s: float) -> list[Row]:
    if not await _until(seen, lambda: seen.link is LinkState.UP, patience_s):
        return [_refused(seen)]
    rows = [good("account", f"paper account {mask(', '.join(seen.accounts))}")]
    broker.ask_reference(AskReference())
    broker.ask_chain(AskChain(symbol="SPX", trading_class="SPXW"))

    def told() -> bool:
        answered = {*seen.loaded, *seen.failed}
        return answered >= {"indices", "futures"} and (seen.chain is not None or _no_chain(seen) != "")

    await _until(seen, told, patience_s)
    lines: list[tuple[str, Instrument | None, str]] = [
        (symbol, _index(seen, symbol), seen.failed.get("indices", "no such contract was told"))
        for symbol in ("SPX", "VIX")
    ]
    lines.append(("VX future", _front(seen, clock), seen.failed.get("futures", "no contract was told")))
    broker.subscribe(tuple(found for _, found, _ in lines if found is not None))
    await _until(seen, lambda: all(i is None or i.con_id in seen.quotes for _, i, _ in lines), patience_s)
    option, why = await _option(broker, seen, clock, patience_s)
    lines.append(("SPXW option", option, why))
    broker.subscribe(tuple(found for _, found, _ in lines if found is not None))
    await _until(seen, lambda: all(_served(seen, i) or _complaint(seen, i) for _, i, _ in lines if i), patience_s)
    return rows + [_line(seen, name, instrument, why) for name, instrument, why in lines]


async def _option(broker: IbkrBroker, seen: Seen, clock: Clock, patience_s: float) -> tuple[Option | None, str]:
    """An option a week away or more near the index; why there is none."""
    chain, spx = seen.chain, _index(seen, "SPX")
    if chain is None or spx is None:
        return None, _no_chain(seen) or "no chain was told"
    quote = seen.quotes.get(spx.con_id)
    level = None if quote is None else quote.level if quote.level is not None else quote.close
    centre = level if level is not None else chain.strikes[len(chain.strikes) // 2] if chain.strikes else None
    first = clock.now().astimezone(NEW_YORK).date() + timedelta(days=EXPIRY_DAYS)
    expiry = next((day for day in sorted(chain.expiries) if day >= first), None)
    if expiry is None or centre is None:
        return None, f"the chain lists no expiry {EXPIRY_DAYS} days away"
    near = min(chain.strikes, key=lambda strike: abs(strike - centre))
    ask = AskOptions("SPX", "SPXW", expiry, near - 30.0, near + 30.0)
    broker.ask_options(ask)
    await _until(seen, lambda: ask.wanted in seen.loaded or ask.wanted in seen.failed, patience_s)
    options = [i for i in seen.loaded.get(ask.wanted, ()) if isinstance(i, Option)]
    if not options:
        return None, seen.failed.get(ask.wanted, f"no contract of {expiry} near {near:g} was told")
    return min(options, key=lambda option: abs(option.strike - near)), ""


async def _until(seen: Seen, true: Callable[[], bool], within_s: float) -> bool:
    """Waits for a condition over what was seen; whether it came in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not true():
                seen.changed.clear()
                await seen.changed.wait()
    return true()


def _refused(seen: Seen) -> Row:
    told = "; ".join(dict.fromkeys(mask(text) for _, text in seen.faults[-3:])) or mask(seen.reason)
    wrong = any(code == "C45" for code, _ in seen.faults) or "account" in told
    remedy = "log in to the paper account alone (DU...), and name it in account.id" if wrong else START_REMEDY
    return fail("account" if wrong else "broker link", f"no working link: {told}", remedy)


def _no_chain(seen: Seen) -> str:
    """Why the chain was not told; "" while nothing was said against it."""
    return next((why for wanted, why in seen.failed.items() if wanted.startswith("chain")), "")


def _index(seen: Seen, symbol: str) -> Index | None:
    rows = (i for i in seen.loaded.get("indices", ()) if isinstance(i, Index))
    return next((i for i in rows if i.symbol == symbol), None)


def _front(seen: Seen, clock: Clock) -> Future | None:
    now = clock.now()
    rows = [i for i in seen.loaded.get("futures", ()) if isinstance(i, Future) and i.last_trade_at > now]
    vx = [i for i in rows if i.trading_class == "VX"] or rows
    return min(vx, key=lambda future: future.last_trade_at, default=None)


def _served(seen: Seen, instrument: Instrument) -> bool:
    quote = seen.quotes.get(instrument.con_id)
    return quote is not None and quote.data_type is DataType.LIVE and (quote.level is not None)


def _complaints(seen: Seen, instrument: Instrument) -> Iterator[str]:
    name = describe(instrument)
    for code, text in seen.faults:
        if code.startswith("DATA-") and (name in text or code == "DATA-10197"):
            yield f"{code.removeprefix('DATA-')}: {text}"


def _complaint(seen: Seen, instrument: Instrument) -> str:
    return next(_complaints(seen, instrument), "")


def _line(seen: Seen, name: str, instrument: Instrument | None, why: str) -> Row:
    """Whether this line is served live."""
    row = f"data {name}"
    if instrument is None:
        return fail(row, mask(why), DATA_REMEDY)
    told = _complaint(seen, instrument)
    if told:
        return fail(row, mask(told), DATA_REMEDY)
    quote = seen.quotes.get(instrument.con_id)
    if quote is None:
        return warn(
            row, f"{describe(instrument)}: nothing was quoted", "look again in the session (09:30 to 16:00 New York)"
        )
    if quote.data_type is not DataType.LIVE:
        return fail(row, f"{describe(instrument)}: {quote.data_type.value} data, entries stay refused", DATA_REMEDY)
    if quote.level is None:
        return warn(row, f"{describe(instrument)}: subscribed, no price now", "look again in the session")
    return good(row, f"{describe(instrument)} live at {quote.level:g}")
