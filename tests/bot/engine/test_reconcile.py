"""What a broker snapshot proves about orders and positions, and all that it does not."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from bot import reconcile
from strategies.domain.book import Book
from strategies.domain.events import BrokerOrderStatus, BrokerSnapshot
from strategies.domain.instruments import Index, Option, Right, SettlementStyle
from strategies.domain.market import DailyBar, Market, Quote
from strategies.domain.orders import LIVE_STATES, OrderRecord, OrderState, OrderTrigger
from tests.bot.engine.builders import (
    EXPIRY,
    SPX_ID,
    TEN,
    book_with,
    broker_order,
    make_fill,
    make_intent,
    make_option,
    make_record,
    make_snapshot,
    seconds,
)

S, T = OrderState, OrderTrigger
REF = make_intent().ref
AFTER = TEN + seconds(1)
PARTS = ("positions", "open_orders", "completed_orders", "executions")


def findings(record: OrderRecord, snapshot: BrokerSnapshot) -> reconcile.Findings:
    return reconcile.examine(snapshot, book_with(record), our_prefixes=("ic-",))


def proved(record: OrderRecord, snapshot: BrokerSnapshot) -> OrderTrigger | None:
    found = findings(record, snapshot).proofs
    return found[0].trigger if found else None


# orders -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "word", "proof"),
    [
        (S.CANCEL_CLAIMED, BrokerOrderStatus.CANCELLED, T.PROVED_CANCELED),
        (S.WORKING, BrokerOrderStatus.API_CANCELLED, T.PROVED_CANCELED),
        (S.UNKNOWN, BrokerOrderStatus.CANCELLED, T.PROVED_CANCELED),
        (S.REJECT_CLAIMED, BrokerOrderStatus.INACTIVE, T.PROVED_REJECTED),
        (S.WORKING, BrokerOrderStatus.FILLED, None),
    ],
)
def test_what_a_completed_order_proves(state: OrderState, word: BrokerOrderStatus, proof: OrderTrigger | None) -> None:
    """Completed as cancelled or inactive ends it; completed as filled waits for the executions."""
    snapshot = make_snapshot(AFTER, completed_orders=(broker_order(REF, word),))
    assert proved(make_record(state), snapshot) is proof
    assert findings(make_record(state), snapshot).absent == ()


@pytest.mark.parametrize(
    ("state", "proof"), [(S.CANCEL_CLAIMED, T.PROVED_CANCELED), (S.REJECT_CLAIMED, T.PROVED_REJECTED)]
)
def test_a_claim_is_proven_by_an_order_gone_from_a_later_complete_snapshot(
    state: OrderState, proof: OrderTrigger
) -> None:
    """Neither open nor completed nor executed, asked after the claim: the claim was true."""
    assert proved(make_record(state), make_snapshot(AFTER)) is proof


@pytest.mark.parametrize("state", [S.CANCEL_CLAIMED, S.REJECT_CLAIMED, S.UNKNOWN, S.SENT])
@pytest.mark.parametrize("started_s", [-1.0, 0.0])
def test_a_snapshot_begun_before_the_last_touch_proves_no_absence(state: OrderState, started_s: float) -> None:
    """What was asked before the order was last heard of says nothing about it now."""
    found = findings(make_record(state), make_snapshot(TEN + seconds(started_s)))
    assert (found.proofs, found.absent) == ((), ())


@pytest.mark.parametrize("state", [S.CANCEL_CLAIMED, S.REJECT_CLAIMED])
def test_a_reject_or_cancel_is_disproven_by_an_open_order(state: OrderState) -> None:
    """The snapshot, begun after the claim, shows it open: it works, under its perm id."""
    snapshot = make_snapshot(AFTER, open_orders=(broker_order(REF, perm_id=77),))
    assert findings(make_record(state), snapshot).proofs == (reconcile.Proof(REF, T.PROVED_WORKING, 77),)


@pytest.mark.parametrize("state", [S.CANCEL_CLAIMED, S.REJECT_CLAIMED, S.CANCELED, S.REJECTED, S.ABSENT])
def test_an_open_order_seen_before_a_claim_does_not_disprove_it(state: OrderState) -> None:
    """The list of open orders may be older than the cancel; only a later one outweighs it."""
    assert proved(make_record(state), make_snapshot(TEN - seconds(1), open_orders=(broker_order(REF),))) is None


@pytest.mark.parametrize("state", [S.UNKNOWN, S.SENT, S.WORKING, S.CANCELING])
def test_a_lost_order_is_found_by_its_reference(state: OrderState) -> None:
    """An open order with our reference resolves the doubt whenever the snapshot began."""
    snapshot = make_snapshot(TEN - seconds(1), open_orders=(broker_order(REF),))
    assert proved(make_record(state), snapshot) is T.PROVED_WORKING


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("state", sorted(LIVE_STATES))
def test_absence_from_an_incomplete_snapshot_proves_nothing(state: OrderState, part: str) -> None:
    """With any part Unknown nothing is counted absent and no claim is proven."""
    found = findings(make_record(state), make_snapshot(AFTER, **{part: "no answer in time"}))
    assert (found.proofs, found.absent, found.orphans) == ((), (), ())


def test_a_completed_order_proves_nothing_while_its_executions_are_unknown() -> None:
    """Cancelled with an unknown part filled: the end is not believed before the executions are."""
    done = (broker_order(REF, BrokerOrderStatus.CANCELLED),)
    assert proved(make_record(S.CANCEL_CLAIMED), make_snapshot(AFTER, completed_orders=done, executions="late")) is None


def test_a_sent_or_lost_order_nobody_shows_is_counted_absent() -> None:
    """Absence is counted for the caller to add up, never concluded from one look."""
    for state in (S.SENT, S.UNKNOWN, S.WORKING):
        found = findings(make_record(state), make_snapshot(AFTER))
        assert (found.proofs, found.absent) == ((), (REF,))


@pytest.mark.parametrize("state", sorted({S.APPROVED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED, S.ABSENT}))
def test_orders_not_sent_or_over_are_left_alone(state: OrderState) -> None:
    """An approved order is not at the broker yet; what is over needs no absence."""
    found = findings(make_record(state, sent_at=None), make_snapshot(AFTER))
    assert (found.proofs, found.absent) == ((), ())


def test_an_open_order_of_ours_that_the_journal_lacks_is_an_orphan() -> None:
    """Only references with our prefix count as ours; other people's orders are their own."""
    strangers = (broker_order("ic-9.entry.1"), broker_order(""), broker_order("somebody"))
    found = findings(make_record(S.FILLED), make_snapshot(AFTER, open_orders=strangers))
    assert [o.ref for o in found.orphans] == ["ic-9.entry.1"]


def test_references_of_ours_that_the_journal_lacks_are_lost_however_their_orders_ended() -> None:
    """Open ones first, then completed ones, each once; strangers and what the journal knows are not among them."""
    opened = (broker_order("ic-9.entry.1"), broker_order("somebody"), broker_order(REF))
    done = (broker_order("ic-8.exit.1", BrokerOrderStatus.FILLED), broker_order("ic-9.entry.1"), broker_order(""))
    found = findings(make_record(S.WORKING), make_snapshot(AFTER, open_orders=opened, completed_orders=done))
    assert found.lost == ("ic-9.entry.1", "ic-8.exit.1")
    assert [o.ref for o in found.orphans] == ["ic-9.entry.1"]


@pytest.mark.parametrize("state", [S.CANCELED, S.REJECTED, S.EXPIRED, S.ABSENT, S.FILLED])
def test_an_end_is_disproven_by_an_order_seen_open_later(state: OrderState) -> None:
    """Only a fill of the whole is beyond doubt; at the very moment of the last touch nothing is said yet."""
    shown = (broker_order(REF),)
    later = proved(make_record(state), make_snapshot(AFTER, open_orders=shown))
    assert later is (None if state is S.FILLED else T.PROVED_WORKING)
    assert proved(make_record(state), make_snapshot(TEN, open_orders=shown)) is None


def test_an_order_was_last_touched_when_it_was_sent_or_changed_whichever_is_later() -> None:
    """And, never sent, when it was approved: a snapshot has to have begun after that to count its absence."""
    for changed, sent, approved, touched in (
        (0.0, 30.0, 0.0, 30.0), (30.0, 0.0, 0.0, 30.0), (0.0, None, 30.0, 30.0),
    ):  # fmt: skip
        sent_at = None if sent is None else TEN + seconds(sent)
        at = {"changed_at": TEN + seconds(changed), "approved_at": TEN + seconds(approved)}
        record = msgspec.structs.replace(make_record(S.UNKNOWN), sent_at=sent_at, **at)
        for started, absent in ((touched, ()), (touched + 1.0, (REF,))):
            assert findings(record, make_snapshot(TEN + seconds(started))).absent == absent


def test_an_end_with_legs_filled_unevenly_waits_for_a_later_snapshot() -> None:
    """Executions come leg by leg: only a snapshot begun after the last of them proves that no more will."""
    done = (broker_order(REF, BrokerOrderStatus.CANCELLED),)
    even, uneven = make_record(S.WORKING), make_record(S.WORKING, filled_by_leg={101: 1})
    for started, proof in ((0.0, None), (1.0, T.PROVED_CANCELED)):
        snapshot = make_snapshot(TEN + seconds(started), completed_orders=done)
        assert proved(uneven, snapshot) is proof
        assert proved(even, snapshot) is T.PROVED_CANCELED


def test_completeness_needs_every_part() -> None:
    """A snapshot is complete when all four answers are Known."""
    assert reconcile.complete(make_snapshot(AFTER))
    assert not any(reconcile.complete(make_snapshot(AFTER, **{part: "silent"})) for part in PARTS)


def test_new_executions_are_those_unknown_or_in_a_higher_revision() -> None:
    """Diffing a snapshot gives each missing execution and correction once, and nothing twice."""
    book = book_with(make_record(), fills={"e1": make_fill("e1.01")})
    told = (make_fill("e1.01"), make_fill("e2.01", 1), make_fill("e1.02"))
    assert [f.exec_id for f in reconcile.new_fills(make_snapshot(AFTER, executions=told), book)] == ["e2.01", "e1.02"]
    assert reconcile.new_fills(make_snapshot(AFTER, executions="silent"), book) == ()


# positions ----------------------------------------------------------------------------------------
PUT = make_option(5400.0, Right.PUT)
OVER = PUT.last_trade_at + timedelta(minutes=5)


def holding(option: Option, quantity: int) -> Book:
    fill = make_fill("h1.01", quantity=quantity, con_id=option.con_id)
    return book_with(fills={"h1": msgspec.structs.replace(fill, side=make_intent().legs[0].action)})


def market(option: Option = PUT, level: float | None = None, bar: DailyBar | None = None) -> Market:
    quotes = {}
    if level is not None:
        at = option.last_trade_at - seconds(1)
        quotes[SPX_ID] = Quote(SPX_ID, None, None, None, None, level, None, at, 1)
    bars: dict[str, tuple[DailyBar, ...]] = {} if bar is None else {"SPX": (bar,)}
    return Market({option.con_id: option, SPX_ID: Index(SPX_ID, "SPX", "CBOE")}, quotes, bars)


def test_equal_positions_differ_in_nothing() -> None:
    """Broker and journal agree."""
    check = reconcile.compare_positions(holding(PUT, 2), {PUT.con_id: 2}, market(), TEN)
    assert check == reconcile.PositionCheck((), {})


def test_differences_are_broker_minus_journal_in_both_directions() -> None:
    """Missing, surplus and foreign contracts are all named."""
    broker = {PUT.con_id: 1, 999: -3}
    assert reconcile.compare_positions(holding(PUT, 2), broker, market(), TEN).differences == {PUT.con_id: -1, 999: -3}
    assert reconcile.compare_positions(holding(PUT, 2), {}, market(), TEN).differences == {PUT.con_id: -2}


def test_an_option_that_expired_in_the_money_settles_at_its_payoff() -> None:
    """Gone after its last trade with the index known: settled in cash, not lost."""
    check = reconcile.compare_positions(holding(PUT, 2), {}, market(level=5350.0), OVER)
    assert check.differences == {}
    assert [(s.quantity, s.price_points) for s in check.settled] == [(2, 50.0)]


def test_the_expiry_days_bar_outweighs_the_last_level() -> None:
    """The official close is the settlement of a PM option."""
    bar = DailyBar(EXPIRY, 5390.0, 5410.0, 5330.0, 5340.0)
    settled = reconcile.compare_positions(holding(PUT, 2), {}, market(level=5350.0, bar=bar), OVER).settled
    assert settled[0].price_points == 60.0


def test_an_am_option_settles_on_the_opening() -> None:
    """AM-settled contracts take the expiry morning's opening price."""
    option = msgspec.structs.replace(PUT, settlement=SettlementStyle.AM)
    bar = DailyBar(EXPIRY, 5390.0, 5410.0, 5330.0, 5340.0)
    settled = reconcile.compare_positions(holding(option, 2), {}, market(option, bar=bar), OVER).settled
    assert settled[0].price_points == 10.0


VIX_CALL = Option(
    7001, "VIX", "VIX", "SMART", 100, EXPIRY, 20.0, Right.CALL, SettlementStyle.AM,
    PUT.last_trade_at - timedelta(days=1), PUT.ticks,
)  # fmt: skip
"""Settles on the morning of its expiry; trades until the evening before."""


def vix_market(level: float | None = None, bar: DailyBar | None = None, at: datetime | None = None) -> Market:
    index = Index(2, "VIX", "CBOE")
    quote = None if level is None else Quote(2, None, None, None, None, level, None, at or VIX_CALL.last_trade_at, 1)
    return Market(
        instruments={7001: VIX_CALL, 2: index}, quotes={} if quote is None else {2: quote},
        bars={} if bar is None else {"VIX": (bar,)}, epoch=1,
    )  # fmt: skip


def test_volatility_options_are_never_settled_on_the_evening_before_their_settlement() -> None:
    """F70: a position that vanishes after the last trade, with VIX known to the minute: it still settles only next
    morning, so it is a difference and nothing is booked."""
    evening = VIX_CALL.last_trade_at + timedelta(minutes=5)
    check = reconcile.compare_positions(holding(VIX_CALL, 4), {}, vix_market(level=26.0), evening)
    assert check == reconcile.PositionCheck((), {7001: -4})


def test_volatility_options_wait_on_their_morning_for_the_value_and_settle_on_the_opening() -> None:
    """F70: gone on the day: neither a difference nor flat until the day's opening is known, whatever VIX says now."""
    morning = OVER - timedelta(hours=6)
    waits = reconcile.compare_positions(holding(VIX_CALL, 4), {}, vix_market(level=31.0, at=morning), morning)
    assert waits == reconcile.PositionCheck((), {}, (7001,))
    bar = DailyBar(EXPIRY, 24.5, 33.0, 23.0, 30.0)
    known = reconcile.compare_positions(holding(VIX_CALL, 4), {}, vix_market(31.0, bar, morning), OVER)
    assert [(s.quantity, s.price_points) for s in known.settled] == [(4, 4.5)]
    assert (known.differences, known.awaited) == ({}, ())


@pytest.mark.parametrize(
    ("level_after_end", "asked_after_end", "estimate"),
    [
        (timedelta(0), timedelta(0), 50.0),
        (timedelta(minutes=-15), timedelta(minutes=5), 50.0),
        (timedelta(minutes=-15, seconds=-1), timedelta(minutes=5), None),
        (timedelta(minutes=5), timedelta(minutes=5), 50.0),
        (timedelta(minutes=5, seconds=1), timedelta(minutes=5), None),  # of a later moment than is asked about
        (timedelta(hours=9), timedelta(hours=10), None),  # of the next day
    ],
)
def test_which_level_is_near_enough_to_the_end_of_trading(
    level_after_end: timedelta, asked_after_end: timedelta, estimate: float | None
) -> None:
    """From a quarter of an hour before the last trade up to now, on that day: nothing older, later or of another day
    says what the option was worth."""
    end = PUT.last_trade_at
    quote = Quote(SPX_ID, None, None, None, None, 5350.0, None, end + level_after_end, 1)
    near = msgspec.structs.replace(market(), quotes={SPX_ID: quote})
    check = reconcile.compare_positions(holding(PUT, 2), {}, near, end + asked_after_end)
    assert [s.price_points for s in check.settled] == ([] if estimate is None else [estimate])
    assert check.differences == ({PUT.con_id: -2} if estimate is None else {})


@pytest.mark.parametrize(
    ("strike", "right", "worth"),
    [(5400.0, Right.PUT, 50.0), (5300.0, Right.PUT, 0.0), (5350.0, Right.PUT, 0.0), (5300.0, Right.CALL, 50.0),
     (5400.0, Right.CALL, 0.0), (5349.5, Right.CALL, 0.5), (5350.5, Right.PUT, 0.5)],
)  # fmt: skip
def test_what_each_option_is_worth_at_its_end(strike: float, right: Right, worth: float) -> None:
    """A put below its strike, a call above it, by the points between; what is out of the money ends worth nothing,
    which is an end too."""
    option = make_option(strike, right)
    check = reconcile.compare_positions(holding(option, 2), {}, market(option, level=5350.0), OVER)
    (settled,) = check.settled
    assert (settled.con_id, settled.quantity, settled.price_points, settled.multiplier) == (
        option.con_id,
        2,
        worth,
        100,
    )
    assert (settled.at, check.differences) == (OVER, {})


def test_without_a_known_level_nothing_is_settled() -> None:
    """A vanished position whose settlement nobody knows stays a difference: unknown is never zero."""
    check = reconcile.compare_positions(holding(PUT, 2), {}, market(), OVER)
    assert check == reconcile.PositionCheck((), {PUT.con_id: -2})
    other_day = DailyBar(EXPIRY - timedelta(days=1), 1.0, 1.0, 1.0, 1.0)
    assert reconcile.compare_positions(holding(PUT, 2), {}, market(bar=other_day), OVER).settled == ()


def test_a_position_that_vanished_while_it_trades_is_a_difference() -> None:
    """Before the last trade only an execution explains a change."""
    check = reconcile.compare_positions(holding(PUT, 2), {}, market(level=5350.0), PUT.last_trade_at - seconds(1))
    assert check == reconcile.PositionCheck((), {PUT.con_id: -2})


def test_an_expired_position_still_shown_is_no_difference() -> None:
    """The broker removes expired contracts in its own time."""
    assert reconcile.compare_positions(holding(PUT, 2), {PUT.con_id: 2}, market(), OVER).differences == {}


def test_an_expired_position_shown_partly_is_a_difference() -> None:
    """Settlement takes all of it or none."""
    assert reconcile.compare_positions(holding(PUT, 2), {PUT.con_id: 1}, market(level=5350.0), OVER).differences == {
        PUT.con_id: -1
    }
