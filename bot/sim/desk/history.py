"""Requests for bars and schedules: checked, paced, answered, and on request kept up to date."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.sim.clock import MarketClock
from bot.sim.desk.bar_maker import BarMaker, label, too_many
from bot.sim.desk.bar_query import SERVED, SERVICE, BarQuery, Price, Unit, checked, no_data
from bot.sim.desk.client import DeskClient
from bot.sim.desk.contracts import find_one
from bot.sim.desk.live_bars import LiveBars
from bot.sim.desk.pacing import HistoryPace
from bot.sim.ports import Venue
from bot.sim.types import ContractSpec, Reject, SecType
from bot.sim.wire import encode_data
from bot.sim.wire import requests as ask
from bot.sim.wire.limits import HistoryLimits
from bot.sim.wire.times import EASTERN, moment

PACING_TEXT = f"{SERVICE}Historical data request pacing violation"


class HistoryDesk:
    """Answers reqHistoricalData; `live` keeps bars up to date."""

    def __init__(self, venue: Venue, limits: HistoryLimits | None) -> None:
        self._venue = venue
        self._pace = None if limits is None else HistoryPace(limits)
        self._clock: MarketClock | None = None
        self._maker = BarMaker(venue)
        self.live = LiveBars(venue, self._maker)

    def use_clock(self, clock: MarketClock) -> None:
        """Time for the pace of requests."""
        self._clock = clock

    # bars ----------------------------------------------------------------------------------------
    def bars(self, client: DeskClient, request: ask.HistoricalData) -> None:
        """reqHistoricalData: all bars up to the end, oldest first, and on request what follows; or the error."""
        query = checked(request, client.version)
        if isinstance(query, Reject):
            return _refuse(client, request.request_id, query)
        if request.contract.sec_type == SecType.BAG:
            return _refuse(client, request.request_id, no_data(request.contract.symbol, "SMART", query.price.label))
        spec = find_one(self._venue, request.contract)
        if isinstance(spec, Reject):
            return _refuse(client, request.request_id, spec)
        refused = self._refused(spec, query, request.contract.exchange)
        if refused is not None:
            return _refuse(client, request.request_id, refused)
        if query.price is Price.SCHEDULE:
            return self._schedule(client, request.request_id, spec, query)
        zone = self._maker.zone(spec, client.version)
        end = min(query.end or self._venue.now, self._venue.now)
        sessions = self._maker.sessions(spec, query, end)
        if too_many(sessions, query.size.seconds):
            return _refuse(client, request.request_id, Reject(162, f"{SERVICE}Time length exceed max."))
        found = self._maker.bars(spec, query, sessions, zone)
        if not found:
            where = request.contract.exchange or spec.exchange
            return _refuse(client, request.request_id, no_data(spec.local_symbol, where, query.price.label))
        span = moment(sessions[0][0], client.version), moment(query.end or end, client.version)
        labelled = [(label(bar.at, query, zone, client.version), bar) for bar in found]
        client.send(encode_data.historical_data(request.request_id, *span, labelled))
        if request.keep_up_to_date:
            self.live.follow(client, request.request_id, spec, query, found[-1], zone)
        return None

    def cancel(self, client: DeskClient, request: ask.CancelHistoricalData) -> None:
        """cancelHistoricalData: ends live updates with IB's notice; 366 where nothing runs under the id."""
        if self.live.forget(client, request.request_id):
            text = f"{SERVICE}API historical data query cancelled: {request.request_id}"
            client.error(request.request_id, 162, text)
            return
        client.error(request.request_id, 366, f"No historical data query found for ticker id:{request.request_id}")

    def _refused(self, spec: ContractSpec, query: BarQuery, exchange: str) -> Reject | None:
        seconds = query.size.seconds
        if query.price not in SERVED[spec.sec_type]:
            return no_data(spec.local_symbol, exchange or spec.exchange, query.price.label)
        if spec.sec_type is SecType.OPTION and seconds is None and query.price is not Price.SCHEDULE:
            asked = f"'{query.duration.count} {query.duration.unit.lower()}' and '{query.size}'"
            text = "No data of type EODChart is available for the exchange 'BEST' and the security type 'Option' and"
            return Reject(162, f"{SERVICE}{text} {asked}")
        if seconds is not None and seconds < 60:
            weight = 2 if query.price is Price.BID_ASK else 1
            if not self.admits((spec.con_id, query), (spec.con_id, query.price), weight):
                return Reject(162, PACING_TEXT)
        return None

    def admits(self, request: object, contract: object, weight: int = 1) -> bool:
        """Whether the pace allows this request, which costs `weight`."""
        assert self._clock is not None, "the clock is set before clients connect"
        return self._pace is None or self._pace.admit(self._clock.pacing_s, request, contract, weight)

    def _schedule(self, client: DeskClient, request_id: int, spec: ContractSpec, query: BarQuery) -> None:
        end = query.end or self._venue.now
        zone = ZoneInfo(self._venue.hours(spec)[0])
        known = self._venue.past.sessions(spec, query.duration.before(end).date(), end.astimezone(EASTERN).date())
        chosen = known[-query.duration.count :] if query.duration.unit is Unit.DAYS else known
        if not chosen:
            return _refuse(client, request_id, no_data(spec.local_symbol, spec.exchange, query.price.label))
        text = [(_local(o, zone), _local(c, zone), f"{o.astimezone(zone):%Y%m%d}") for o, c in chosen]
        client.send(encode_data.historical_schedule(request_id, text[0][0], text[-1][1], zone.key, text))
        return None


def _refuse(client: DeskClient, request_id: int, refused: Reject) -> None:
    client.error(request_id, refused.code, refused.text)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y%m%d-%H:%M:%S}"
