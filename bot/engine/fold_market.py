"""How facts about the market change the state: contracts, chains, quotes and histories."""

from __future__ import annotations

from datetime import datetime

import msgspec

from bot.actions import AlertLevel
from bot.engine import watching
from bot.engine.histories import REFINING_SERIES, merged
from bot.engine.work import Work
from strategies.domain import events as ev
from strategies.domain.instruments import Option
from strategies.domain.series import future_expiry


def instruments(work: Work, event: ev.InstrumentsLoaded) -> None:
    """Adds contracts. A class keeps the board asked for last and what is used; VIX boards are small and stay until they
    expire, because the layers of the hedge look at several at once."""
    market = work.state.market
    used = _used_con_ids(work)
    fresh = {i.con_id: i for i in event.instruments}
    classes = {i.trading_class for i in event.instruments if isinstance(i, Option)}
    kept = {
        con_id: i
        for con_id, i in market.instruments.items()
        if not isinstance(i, Option) or con_id in used or not _outdated(i, classes, work.at)
    }
    instruments = {**kept, **fresh}
    quotes = {con_id: q for con_id, q in market.quotes.items() if con_id in instruments}
    _answered(work, event.wanted)
    work.set(market=msgspec.structs.replace(market, instruments=instruments, quotes=quotes))


def _outdated(option: Option, classes: set[str], at: datetime) -> bool:
    if option.symbol == "VIX":
        return option.last_trade_at <= at
    return option.trading_class in classes


def _used_con_ids(work: Work) -> set[int]:
    book = work.state.book
    used = set(book.positions()) | set(book.broker_positions or {})
    for record in book.live_orders():
        used.update(leg.con_id for leg in record.intent.legs)
    for pending in work.state.pending_margin.values():
        used.update(leg.con_id for leg in pending.intent.legs)
    return used


def _answered(work: Work, wanted: str) -> None:
    work.set(asked={k: v for k, v in work.state.asked.items() if k != wanted})


def chain(work: Work, event: ev.ChainListed) -> None:
    """Expiries and strikes of a class replace what was known."""
    market = work.state.market
    _answered(work, f"chain:{event.chain.trading_class}")
    chains = {**market.chains, event.chain.trading_class: event.chain}
    work.set(market=msgspec.structs.replace(market, chains=chains))


def quotes(work: Work, event: ev.QuotesUpdated) -> None:
    """The latest quote of each known contract; one of another connection is no quote."""
    market = work.state.market
    latest = dict(market.quotes)
    for quote in event.quotes:
        if quote.con_id in market.instruments and quote.epoch == market.epoch:
            latest[quote.con_id] = quote
    work.set(market=msgspec.structs.replace(market, quotes=latest))
    watching.levels(work)


def bars(work: Work, event: ev.BarsLoaded) -> None:
    """Sessions told are joined with those known."""
    market, count = work.state.market, work.parameters.engine.bars_count
    joined = merged(market.bars.get(event.symbol, ()), event.bars, count)
    work.set(market=msgspec.structs.replace(market, bars={**market.bars, event.symbol: joined}))


def request_failed(work: Work, event: ev.RequestFailed) -> None:
    """A person hears of it; the request is made again when it is due. A history that only refines is worth a note."""
    _, _, series = event.wanted.partition("bars:")
    # A future listed today has no session behind it; the front's own history is asked for again within the hour.
    refines = series in REFINING_SERIES or future_expiry(series) is not None
    level = AlertLevel.INFO if refines else AlertLevel.WARNING
    work.alert(level, f"request.{event.wanted}", f"request {event.wanted} failed: {event.reason}")
