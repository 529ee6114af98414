"""Contracts, chains, history and what-if margins: each question is one task with deadlines and one answering fact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from math import ceil
from typing import Any

from bot.actions import AskBars, AskChain, AskMargin, AskOptions, BarSource
from bot.ibkr import contracts, fields, inbound, outbound
from bot.ibkr.faults import Faults
from bot.ibkr.gateway import NotWritten, Wire
from bot.ibkr.inbox import market_rule_key
from bot.ibkr.requests import RequestExpired, RequestRefused, Requests
from bot.ibkr.settings import BrokerSettings
from bot.ports import PostFact
from strategies.domain.account import MarginImpact
from strategies.domain.events import BarsLoaded, ChainListed, InstrumentsLoaded, MarginAnswered, RequestFailed
from strategies.domain.instruments import Future, Index, Instrument, Option, SettlementStyle, TickBand
from strategies.domain.known import Known, Unknown
from strategies.domain.marks import BrokerModel
from strategies.domain.series import INDEX_SERIES, VOLATILITY_SERIES, future_expiry

FUTURES = (("VIX", "VX"), ("VXM", "VXM"))
"""IB's symbols and trading classes of the VIX futures; without the first nothing is decided."""
FRONT_MONTHS = 9
_LONGEST_IN_DAYS = 365
_SESSIONS_PER_YEAR = 252
_UNANSWERED = (RequestExpired, RequestRefused, NotWritten, ValueError)


class Reference:
    """Asks on one connection. What it learns (instruments, tick rules, hours) outlives the connection."""

    def __init__(
        self,
        settings: BrokerSettings,
        faults: Faults,
        instruments: dict[int, Instrument],
        post_fact: PostFact,
        now: Callable[[], datetime],
        models: Callable[[Iterable[int]], tuple[BrokerModel, ...]],
    ) -> None:
        """`models` tells what the broker's model says of contracts at this moment."""
        self._models = models
        self._settings = settings
        self._faults = faults
        self._instruments = instruments
        self._post_fact = post_fact
        self._now = now
        self._wire: Wire | None = None
        self._requests: Requests | None = None
        self._account = ""
        self._one_rule_at_a_time = asyncio.Lock()
        self._rules: dict[int, tuple[tuple[float, float], ...]] = {}
        self.hours: fields.Hours = {}

    def begin(self, wire: Wire, requests: Requests, account: str) -> None:
        """A new connection."""
        self._wire, self._requests, self._account = wire, requests, account

    def end(self) -> None:
        """The connection is gone."""
        self._wire = self._requests = None

    # questions -----------------------------------------------------------------------------------
    async def indices(self) -> None:
        """InstrumentsLoaded `indices`."""
        await self._answer("indices", self._load_indices)

    async def futures(self) -> None:
        """InstrumentsLoaded `futures`: the front monthly contracts that still trade."""
        await self._answer("futures", self._load_futures)

    async def options(self, ask: AskOptions) -> None:
        """InstrumentsLoaded of one expiry within the strikes asked for."""
        await self._answer(ask.wanted, lambda: self._load_options(ask))

    async def chain(self, ask: AskChain) -> None:
        """ChainListed."""
        await self._answer(f"chain:{ask.trading_class}", lambda: self._load_chain(ask))

    async def bars(self, ask: AskBars) -> None:
        """BarsLoaded."""
        await self._answer(f"bars:{ask.symbol}", lambda: self._load_bars(ask))

    async def margin(self, ask: AskMargin) -> None:
        """MarginAnswered, Unknown unless the broker gave every figure in time."""
        impact = await self._margin(ask)
        models = self._models(leg.con_id for leg in ask.intent.legs)
        self._post_fact(MarginAnswered(ref=ask.intent.ref, impact=impact, models=models))

    # answers -------------------------------------------------------------------------------------
    async def _answer(self, wanted: str, load: Callable[[], Awaitable[None]]) -> None:
        try:
            await load()
        except _UNANSWERED as error:
            self._post_fact(RequestFailed(wanted=wanted, reason=str(error)))

    async def _load_indices(self) -> None:
        found: list[Instrument] = [await self._index(symbol) for symbol in INDEX_SERIES]
        for symbol in VOLATILITY_SERIES:
            try:
                found.append(await self._index(symbol))
            except (RequestRefused, contracts.ContractRefused) as error:
                self._faults.note("INDEX", f"{symbol}: {error}; measures that need it stay unknown")
        self._loaded("indices", found)

    async def _index(self, symbol: str) -> Index:
        rows = await self._contracts(outbound.index_query(symbol))
        if len(rows) != 1:
            raise contracts.ContractRefused(f"expected one index {symbol}, the broker lists {len(rows)}")
        return contracts.to_index(rows[0])

    async def _load_futures(self) -> None:
        (symbol, needed), *others = FUTURES
        found = await self._front_futures(symbol, needed)
        if not found:
            raise contracts.ContractRefused(f"the broker lists no {needed} future that still trades")
        for symbol, trading_class in others:
            try:
                found += await self._front_futures(symbol, trading_class)
            except RequestRefused as error:
                self._faults.note("FUTURES", f"{trading_class}: {error}; it cannot be used as a hedge")
        self._loaded("futures", list(found))

    async def _front_futures(self, symbol: str, trading_class: str) -> list[Future]:
        """The nearest contracts of a class that still trade, by expiry."""
        now = self._now()
        found: list[Future] = []
        for details in await self._contracts(outbound.futures_query(symbol, trading_class)):
            if details.contract.tradingClass == trading_class:
                found.append(contracts.to_future(details, await self._ticks(details)))
        return sorted((f for f in found if f.last_trade_at > now), key=lambda f: f.expiry)[:FRONT_MONTHS]

    async def _load_options(self, ask: AskOptions) -> None:
        by_month = contracts.settlement(ask.trading_class) is SettlementStyle.AM
        found: list[Instrument] = []
        for details in await self._boards(
            outbound.options_queries(ask.symbol, ask.trading_class, ask.expiry, by_month=by_month)
        ):
            if not ask.low_strike <= details.contract.strike <= ask.high_strike:
                continue
            option = contracts.to_option(details, await self._ticks(details))
            # Chains date a morning-settled series by its last trading day, the caller may know its settlement day.
            if option.expires(ask.expiry) and option.trading_class == ask.trading_class:
                found.append(option)
                self._note_hours(details, option)
        if not found:
            raise contracts.ContractRefused(
                f"the broker lists no {ask.trading_class} {ask.expiry} "
                f"between {ask.low_strike:g} and {ask.high_strike:g}"
            )
        self._loaded(ask.wanted, found)

    async def _boards(self, queries: list[outbound.Fields]) -> list[Any]:
        """Rows of every query; one that lists nothing is no fault while another lists something."""
        rows: list[Any] = []
        refused: RequestRefused | None = None
        for query in queries:
            try:
                rows += await self._contracts(query)
            except RequestRefused as error:
                refused = error
        if not rows and refused is not None:
            raise refused
        return rows

    async def _load_chain(self, ask: AskChain) -> None:
        known = next((i for i in self._instruments.values() if isinstance(i, Index) and i.symbol == ask.symbol), None)
        index = known or await self._index(ask.symbol)
        wire, requests = self._connected()
        request_id = wire.next_id()
        rows = await requests.ask(
            request_id,
            lambda: wire.ask_chain(request_id, ask.symbol, index.con_id),
            self._settings.request_timeout_s,
        )
        self._post_fact(ChainListed(chain=contracts.to_chain(ask.symbol, ask.trading_class, rows)))

    async def _load_bars(self, ask: AskBars) -> None:
        query = await self._expired(ask.symbol) if ask.source is BarSource.EXPIRED else self._bars_query(ask)
        wire, requests = self._connected()
        request_id = wire.next_id()
        rows = await requests.ask(
            request_id,
            lambda: wire.ask_bars(request_id, query, _duration(ask.count + 1)),
            self._settings.history_timeout_s,
        )
        today = self._now().astimezone(contracts.NEW_YORK).date()
        bars = inbound.bars_before([inbound.daily_bar(row) for row in rows], today, ask.count)
        if not bars and ask.source is not BarSource.FUTURE:  # a future listed today has no session behind it
            raise contracts.ContractRefused(f"the broker has no daily history of {ask.symbol}")
        self._post_fact(BarsLoaded(symbol=ask.symbol, bars=bars))

    async def _expired(self, series: str) -> outbound.Fields:
        """A month of VX that has settled: found by its month, on the day named or the day before (holidays)."""
        day, (symbol, trading_class) = future_expiry(series), FUTURES[0]
        if day is None:
            raise contracts.ContractRefused(f"{series} names no future's history")
        for details in await self._contracts(outbound.expired_query(symbol, trading_class, day)):
            future = contracts.to_future(details, ())
            if future.trading_class == trading_class and 0 <= (day - future.expiry).days <= 1:
                return {**outbound.contract(future), "includeExpired": True}
        raise contracts.ContractRefused(f"the broker knows no {trading_class} future that settled on {day}")

    def _bars_query(self, ask: AskBars) -> outbound.Fields:
        if ask.source is BarSource.STOCK:
            return outbound.stock_query(ask.symbol)
        if ask.source is BarSource.INDEX:
            return outbound.index_query(ask.symbol)
        future = self._instruments.get(ask.con_id or 0)
        if not isinstance(future, Future):
            raise contracts.ContractRefused(f"{ask.symbol} is no future whose contract was loaded")
        return outbound.contract(future)

    async def _margin(self, ask: AskMargin) -> Known[MarginImpact] | Unknown:
        try:
            wire, requests = self._connected()
            order = outbound.place(ask.intent, self._instruments, self._account)
            request_id = wire.next_id()
            rows = await requests.ask(
                request_id, lambda: wire.place(request_id, order, what_if=True), self._settings.margin_timeout_s
            )
        except _UNANSWERED as error:
            return Unknown(f"what-if: {error}")
        return inbound.margin(rows[-1]) if rows else Unknown("what-if: an empty answer")

    # helpers of the answers ----------------------------------------------------------------------
    def _connected(self) -> tuple[Wire, Requests]:
        if self._wire is None or self._requests is None:
            raise NotWritten("no connection to the gateway")
        return self._wire, self._requests

    async def _contracts(self, query: outbound.Fields) -> list[Any]:
        wire, requests = self._connected()
        request_id = wire.next_id()
        return await requests.ask(
            request_id, lambda: wire.ask_contracts(request_id, query), self._settings.request_timeout_s
        )

    async def _ticks(self, details: Any) -> tuple[TickBand, ...]:
        rule_id = contracts.market_rule(details)
        if rule_id is None:
            return contracts.bands((), details.minTick)
        async with self._one_rule_at_a_time:
            if rule_id not in self._rules:
                wire, requests = self._connected()
                try:
                    key = market_rule_key(rule_id)
                    deadline_s = self._settings.request_timeout_s
                    rows = await requests.ask(key, lambda: wire.ask_market_rule(rule_id), deadline_s)
                except RequestRefused as error:
                    if self._requests is not requests:
                        raise
                    self._faults.note("TICK-RULE", f"market rule {rule_id}: {error}; the minimum tick is used")
                    rows = []
                self._rules[rule_id] = tuple(rows)
        return contracts.bands(self._rules[rule_id], details.minTick)

    def _note_hours(self, details: Any, option: Option) -> None:
        """Liquid hours of the class; an expiring series stops early on its own day, so that day is left out."""
        if option.symbol == "SPX":
            told = contracts.liquid_hours(details)
            self.hours.update({on: span for on, span in told.items() if on != option.expiry})

    def _loaded(self, wanted: str, found: list[Instrument]) -> None:
        self._instruments.update({instrument.con_id: instrument for instrument in found})
        self._post_fact(InstrumentsLoaded(wanted=wanted, instruments=tuple(found)))


def _duration(sessions: int) -> str:
    """The protocol's duration for that many daily bars; above a year it must be given in years."""
    if sessions <= _LONGEST_IN_DAYS:
        return f"{sessions} D"
    return f"{ceil(sessions / _SESSIONS_PER_YEAR)} Y"
