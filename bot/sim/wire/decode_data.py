"""Client messages about market data, history and account details to requests, for versions 157 to 176."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.sim.wire import requests as ask
from bot.sim.wire import requests_data as data
from bot.sim.wire.fields import FieldReader
from bot.sim.wire.shared_fields import combo_legs, contract

Decoder = Callable[[FieldReader, int], object]


def market_data(read: FieldReader, version: int) -> ask.MarketData:
    """reqMktData."""
    read.integer("version")
    request_id = read.integer("reqId")
    wanted = contract(read)
    legs = combo_legs(read) if wanted.sec_type == "BAG" else ()
    if read.flag("deltaNeutralContract"):
        read.integer("deltaNeutral conId")
        read.number("deltaNeutral delta")
        read.number("deltaNeutral price")
    generic_ticks = read.text("genericTickList")
    snapshot = read.flag("snapshot")
    regulatory = read.flag("regulatorySnapshot")
    read.text("mktDataOptions")
    return ask.MarketData(request_id, wanted, legs, generic_ticks, snapshot, regulatory)


def historical_data(read: FieldReader, version: int) -> ask.HistoricalData:
    """reqHistoricalData."""
    request_id = read.integer("reqId")
    wanted = contract(read)
    wanted = replace(wanted, include_expired=read.flag("includeExpired"))
    end, bar_size, duration = read.text("endDateTime"), read.text("barSizeSetting"), read.text("durationStr")
    regular_hours = bool(read.integer("useRTH"))
    what, date_format = read.text("whatToShow"), read.integer("formatDate", 1)
    if wanted.sec_type == "BAG":
        combo_legs(read)
    keep_up_to_date = read.flag("keepUpToDate")
    read.text("chartOptions")
    return ask.HistoricalData(
        request_id, wanted, end, bar_size, duration, regular_hours, what, date_format, keep_up_to_date
    )


def _real_time_bars(read: FieldReader, version: int) -> data.RealTimeBars:
    read.integer("version")
    request_id, wanted, size = read.integer("reqId"), contract(read), read.integer("barSize", 5)
    asked = data.RealTimeBars(request_id, wanted, size, read.text("whatToShow"), read.flag("useRTH"))
    read.text("realTimeBarsOptions")
    return asked


def _group_events(read: FieldReader, version: int) -> data.DisplayGroupEvents:
    read.integer("version")
    asked = data.DisplayGroupEvents(read.integer("reqId"))
    read.text("group")
    return asked


def _head_timestamp(read: FieldReader, version: int) -> data.HeadTimestamp:
    request_id, wanted = read.integer("reqId"), contract(read)
    wanted = replace(wanted, include_expired=read.flag("includeExpired"))
    regular_hours, what = read.flag("useRTH"), read.text("whatToShow")
    return data.HeadTimestamp(request_id, wanted, what, regular_hours, read.integer("formatDate", 1))


def _histogram(read: FieldReader, version: int) -> data.Histogram:
    request_id, wanted = read.integer("tickerId"), contract(read)
    wanted = replace(wanted, include_expired=read.flag("includeExpired"))
    return data.Histogram(request_id, wanted, read.flag("useRTH"), read.text("timePeriod"))


def _historical_ticks(read: FieldReader, version: int) -> data.HistoricalTicks:
    request_id, wanted = read.integer("reqId"), contract(read)
    wanted = replace(wanted, include_expired=read.flag("includeExpired"))
    start, end, count = read.text("startDateTime"), read.text("endDateTime"), read.integer("numberOfTicks")
    what, regular_hours = read.text("whatToShow"), bool(read.integer("useRth"))
    asked = data.HistoricalTicks(request_id, wanted, start, end, count, what, regular_hours, read.flag("ignoreSize"))
    read.text("miscOptions")
    return asked


def _advisor(read: FieldReader, version: int) -> data.AdvisorConfiguration:
    read.integer("version")
    return data.AdvisorConfiguration(read.integer("faDataType"))


def _replace_advisor(read: FieldReader, version: int) -> data.ReplaceAdvisorConfiguration:
    read.integer("version")
    read.integer("faDataType")
    read.text("xml")
    return data.ReplaceAdvisorConfiguration(read.integer("reqId"))


def _smart_components(read: FieldReader, version: int) -> data.SmartComponents:
    return data.SmartComponents(read.integer("reqId"), read.text("bboExchange"))


def _depth(read: FieldReader, version: int) -> data.MarketDepth:
    read.integer("version")
    request_id, wanted = read.integer("reqId"), contract(read)
    asked = data.MarketDepth(request_id, wanted, read.integer("numRows"), read.flag("isSmartDepth"))
    read.text("mktDepthOptions")
    return asked


def _cancel_depth(read: FieldReader, version: int) -> data.CancelMarketDepth:
    read.integer("version")
    cancelled = data.CancelMarketDepth(read.integer("reqId"))
    read.flag("isSmartDepth")
    return cancelled


def _tick_by_tick(read: FieldReader, version: int) -> data.TickByTick:
    request_id, wanted, kind = read.integer("reqId"), contract(read), read.text("tickType")
    return data.TickByTick(request_id, wanted, kind, read.integer("numberOfTicks"), read.flag("ignoreSize"))


def _implied_volatility(read: FieldReader, version: int) -> data.ImpliedVolatility:
    read.integer("version")
    request_id, wanted = read.integer("reqId"), contract(read)
    asked = data.ImpliedVolatility(request_id, wanted, read.number("optionPrice"), read.number("underPrice"))
    _options(read)
    return asked


def _option_price(read: FieldReader, version: int) -> data.OptionPrice:
    read.integer("version")
    request_id, wanted = read.integer("reqId"), contract(read)
    asked = data.OptionPrice(request_id, wanted, read.number("volatility"), read.number("underPrice"))
    _options(read)
    return asked


def _options(read: FieldReader) -> None:
    """The count and the text of options that nobody uses."""
    read.integer("number of options")
    read.text("options")


def _positions_multi(read: FieldReader, version: int) -> data.PositionsMulti:
    read.integer("version")
    return data.PositionsMulti(read.integer("reqId"), read.text("account"), read.text("modelCode"))


def _pnl_single(read: FieldReader, version: int) -> data.ProfitAndLossSingle:
    request_id, account = read.integer("reqId"), read.text("account")
    read.text("modelCode")
    return data.ProfitAndLossSingle(request_id, account, read.integer("conId"))


def _versioned(make: Callable[[int], object]) -> Decoder:
    """Requests of a version and an id; more fields may follow."""

    def decoder(read: FieldReader, version: int) -> object:
        read.integer("version")
        return make(read.integer("reqId"))

    return decoder


def _numbered(make: Callable[[int], object]) -> Decoder:
    """Requests of an id alone."""
    return lambda read, version: make(read.integer("reqId"))


def _plain(make: Callable[[], object]) -> Decoder:
    """Requests without fields that matter."""
    return lambda read, version: make()


DECODERS: dict[int, Decoder] = {
    1: market_data,
    10: _depth,
    11: _cancel_depth,
    12: _plain(data.NewsBulletins),
    13: _plain(data.CancelNewsBulletins),
    18: _advisor,
    19: _replace_advisor,
    20: historical_data,
    50: _real_time_bars,
    51: _versioned(data.CancelRealTimeBars),
    54: _implied_volatility,
    55: _option_price,
    56: _versioned(data.CancelCalculation),
    57: _versioned(data.CancelCalculation),
    67: _versioned(data.DisplayGroups),
    68: _group_events,
    69: _group_events,
    70: _versioned(data.DisplayGroupEvents),
    74: _positions_multi,
    75: _versioned(data.CancelPositionsMulti),
    79: _numbered(data.SoftDollarTiers),
    80: _plain(data.FamilyCodes),
    82: _plain(data.MarketDepthExchanges),
    83: _smart_components,
    85: _plain(data.NewsProviders),
    87: _head_timestamp,
    88: _histogram,
    89: _numbered(data.CancelHistogram),
    90: _numbered(data.CancelHeadTimestamp),
    94: _pnl_single,
    95: _numbered(data.CancelProfitAndLossSingle),
    96: _historical_ticks,
    97: _tick_by_tick,
    98: _numbered(data.CancelTickByTick),
    104: _numbered(data.UserInfo),
}
