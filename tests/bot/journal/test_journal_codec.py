"""Facts come back from JSON as they went in, or are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.journal import codec
from bot.journal.codec import RecordRefused
from risk.approval import _SEAL, Approved
from strategies.domain.book import Fill
from strategies.domain.events import (
    BrokerOrder,
    BrokerOrderStatus,
    BrokerSnapshot,
    CalendarLoaded,
    FaultNoted,
    Filled,
    MarginAnswered,
    QuotesUpdated,
)
from strategies.domain.known import Known, Unknown
from strategies.domain.market import DataType, Quote
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.domain.session import SessionDay

times = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1900 < at.year < 9000)
prices = st.floats(allow_nan=False, allow_infinity=False)
maybe_prices = st.none() | prices
sizes = st.none() | st.integers(0, 10**9)
words = st.text(st.characters(exclude_categories=["Cs"]))
con_ids = st.integers(1, 2**62)
quotes = st.builds(
    Quote, con_ids, maybe_prices, maybe_prices, sizes, sizes, maybe_prices, maybe_prices, times,
    st.integers(0, 1000), st.sampled_from(DataType), st.booleans(),
)  # fmt: skip
fills = st.builds(
    Fill, words, st.none() | words, con_ids, st.sampled_from(Action), st.integers(1, 1000), prices,
    st.just(100), times, st.integers(0, 2**31), words, st.booleans(),
)  # fmt: skip
orders = st.builds(
    BrokerOrder, words, st.integers(0, 2**31), st.integers(), st.integers(0, 999),
    st.sampled_from(BrokerOrderStatus), prices, prices, words,
)  # fmt: skip


def known(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.builds(Known, values) | st.builds(Unknown, words)


events = st.one_of(
    st.builds(QuotesUpdated, quotes=st.lists(quotes, max_size=5).map(tuple)),
    st.builds(Filled, fill=fills),
    st.builds(FaultNoted, code=words, text=words),
    st.builds(
        BrokerSnapshot,
        reason=words,
        epoch=st.integers(0, 99),
        positions=known(st.dictionaries(con_ids, st.integers(-99, 99), max_size=4)),
        open_orders=known(st.lists(orders, max_size=3).map(tuple)),
        completed_orders=known(st.just(())),
        executions=known(st.lists(fills, max_size=3).map(tuple)),
    ),
    st.builds(MarginAnswered, ref=words, impact=st.builds(Unknown, words)),
)


@given(events)
def test_every_fact_comes_back_equal(event: object) -> None:
    """Decoding what was encoded gives the same fact, and encoding that again the same bytes."""
    body, replayed = codec.encode_event(event)  # type: ignore[arg-type]
    assert replayed == event
    assert codec.decode_event(body) == event
    assert codec.encode_event(replayed)[0] == body


@given(times)
def test_stamps_sort_as_their_times_and_come_back(at: datetime) -> None:
    """A stamp has fixed width and gives back the very microsecond."""
    text = codec.stamp(at)
    assert codec.unstamp(text) == at
    assert len(text) == len("2026-04-17T19:45:00.000000Z")
    assert (codec.stamp(at + timedelta(microseconds=1)) > text) is True


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), float("-inf")])
def test_a_price_that_is_no_number_is_refused(nonsense: float) -> None:
    """NaN and infinity would come back as unknown, so they never enter."""
    quote = Quote(1, nonsense, 1.0, 1, 1, None, None, datetime(2018, 10, 17, tzinfo=UTC), 1)
    with pytest.raises(RecordRefused, match="QuotesUpdated would not come back equal"):
        codec.encode_event(QuotesUpdated(quotes=(quote,)))


def test_a_feed_of_nonsense_is_stopped_within_eight_looks() -> None:
    """Quote events are proven one in eight; a leak of NaN cannot last longer than that."""
    quote = Quote(1, float("nan"), 1.0, 1, 1, None, None, datetime(2018, 10, 17, tzinfo=UTC), 1)
    refused = 0
    for seq in range(1001, 1001 + codec.QUOTES_PROVEN):
        try:
            codec.encode_event(QuotesUpdated(quotes=(quote,)), seq)
        except RecordRefused:
            refused += 1
    assert refused == 1


def test_text_that_is_no_text_is_refused() -> None:
    """A lone surrogate from a broken decoder is refused by name of the fact, not with a bare Unicode error."""
    with pytest.raises(RecordRefused, match="FaultNoted cannot be journaled"):
        codec.encode_event(FaultNoted(code="a", text="\udcff"))


@pytest.mark.parametrize(
    "at",
    [
        datetime(2018, 10, 17, 9, 30),  # noqa: DTZ001 - the point of the test
        datetime(2018, 10, 17, 9, 30, tzinfo=ZoneInfo("America/New_York")),
        datetime(2018, 10, 17, 9, 30, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_time_that_is_not_utc_is_refused(at: datetime) -> None:
    """The engine would see another date or hour than the replay."""
    with pytest.raises(RecordRefused, match="in UTC"):
        codec.stamp(at)


def test_the_replayed_fact_is_what_a_reader_will_see() -> None:
    """Zones come back as offsets; the returned fact already has them, so that live and replay see the same."""
    zone = ZoneInfo("America/New_York")
    day = SessionDay(
        datetime(2018, 10, 17).date(),  # noqa: DTZ001 - a calendar day
        datetime(2018, 10, 17, 9, 30, tzinfo=zone),
        datetime(2018, 10, 17, 16, 0, tzinfo=zone),
        datetime(2018, 10, 17, 16, 15, tzinfo=zone),
    )
    body, replayed = codec.encode_event(CalendarLoaded(sessions=(day,), events=(), events_until=None))
    again = codec.decode_event(body)
    assert isinstance(again, CalendarLoaded)
    assert isinstance(replayed, CalendarLoaded)
    assert repr(replayed) == repr(again)
    assert "ZoneInfo" not in repr(replayed)


def test_outcomes_take_numpy_numbers_and_approvals() -> None:
    """A numpy scalar is a plain number and an approval is its intent and journal position."""
    leg = LegIntent(1, 1, Action.SELL)
    at = datetime(2018, 10, 17, tzinfo=UTC)
    intent = PlaceIntent("r", "c", 1, Purpose.ENTRY, "IC-1", "C-ENTRY-1", (leg,), 1, -1.5, -1.5, -1.4, at)
    written = codec.outcome_dict(
        {"vix": np.float64(17.25), "count": np.int64(3), "go": Approved(intent, 7, seal=_SEAL)}
    )
    assert written["vix"] == 17.25
    assert written["count"] == 3
    assert written["go"]["seq"] == 7
    assert written["go"]["intent"]["ref"] == "r"


@pytest.mark.parametrize("outcome", [{"what": object()}, {"when": {1, 2}, "text": "\udcff"}])
def test_an_outcome_that_is_not_json_is_refused(outcome: dict[str, object]) -> None:
    """What cannot be written is refused by name."""
    with pytest.raises(RecordRefused, match="dict cannot be journaled"):
        codec.encode_outcome(outcome)


def test_an_outcome_has_named_fields() -> None:
    """A struct that encodes as an array is not an outcome."""

    class Pair(msgspec.Struct, array_like=True):
        a: int

    with pytest.raises(RecordRefused, match="named fields"):
        codec.encode_outcome(Pair(1))


heads = st.tuples(st.integers(1), words, st.sampled_from(codec.KINDS), words, st.none() | st.integers(1))


@given(heads, heads, st.binary(max_size=20))
def test_different_records_have_different_links(
    one: tuple[int, str, str, str, int | None], two: tuple[int, str, str, str, int | None], body: bytes
) -> None:
    """Whichever column is altered, the link is another (columns hold no separator of ours)."""
    clean = [tuple(str(f).replace("|", "") if isinstance(f, str) else f for f in head) for head in (one, two)]
    links = {codec.link(codec.GENESIS, codec.payload(head, body)) for head in clean}  # type: ignore[arg-type]
    assert len(links) == len(set(clean))
