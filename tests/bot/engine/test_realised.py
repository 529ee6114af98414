"""What a day has realised, by our own executions, and its comparison with the broker's figure (C51)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest

from bot.engine.realised import realised_usd
from strategies.domain import events as ev
from strategies.domain.book import Book, Fill, Settled
from strategies.domain.orders import Action
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import DAY, NEW_YORK, NLV_USD, TEN, account_reported

TODAY, BEFORE = DAY, DAY - timedelta(days=3)


def fill(number: int, signed: int, price: float, day: date = TODAY, con_id: int = 101) -> Fill:
    at = datetime(day.year, day.month, day.day, 10, number, tzinfo=NEW_YORK)
    side = Action.BUY if signed > 0 else Action.SELL
    return Fill(f"e{number}.01", None, con_id, side, abs(signed), price, 100, at)


def book(*fills: Fill, fee: float = 1.0) -> Book:
    """With so many dollars of commission a contract."""
    return Book(
        fills={f.base_id: f for f in fills},
        commissions_usd={f.base_id: fee * abs(f.signed_quantity) for f in fills},
    )


@pytest.mark.parametrize(
    ("fills", "realised"),
    [
        ((fill(1, 2, 5.0), fill(2, -2, 6.0)), 200.0 - 4.0),  # bought and sold: both commissions count
        ((fill(1, -2, 5.0), fill(2, 2, 6.0)), -200.0 - 4.0),  # a short
        ((fill(1, 2, 5.0), fill(2, 2, 7.0), fill(3, -1, 6.0)), -2.0),  # average cost 6.01 a share, one closed
        ((fill(1, 2, 5.0, BEFORE), fill(2, -1, 6.0)), 100.0 - 2.0),  # opened on another day
        ((fill(1, 2, 5.0, BEFORE), fill(2, -2, 6.0, BEFORE)), 0.0),  # all of it on another day
        ((fill(1, 1, 5.0), fill(2, -3, 6.0), fill(3, 2, 5.0)), 100.0 - 2.0 + 200.0 - 4.0),  # turned round
        ((fill(1, 2, 5.0),), 0.0),  # nothing closed
    ],
)
def test_average_cost_with_commissions(fills: tuple[Fill, ...], realised: float) -> None:
    """As the broker counts: commissions of opening in the cost, those of closing off the profit."""
    assert realised_usd(book(*fills), TODAY) == pytest.approx(realised)


def test_what_cannot_be_compared_is_unknown_and_not_zero() -> None:
    """A commission not told yet, or a settlement of that day; those of other contracts and days do not matter."""
    traded = (fill(1, 2, 5.0), fill(2, -2, 6.0))
    whole = book(*traded)
    assert realised_usd(msgspec.structs.replace(whole, commissions_usd={"e1": 2.0}), TODAY) is None
    settled = Settled(9, 1, 3.0, 100, TEN)
    assert realised_usd(msgspec.structs.replace(whole, settlements=(settled,)), TODAY) is None
    assert realised_usd(msgspec.structs.replace(whole, settlements=(settled,)), BEFORE) == 0.0
    other = fill(3, 1, 1.0, BEFORE, con_id=102)
    unpaid = msgspec.structs.replace(whole, fills={**whole.fills, other.base_id: other})
    assert realised_usd(unpaid, TODAY) == pytest.approx(196.0)


def test_a_bust_counts_for_nothing() -> None:
    """An execution corrected to no contracts has neither price nor commission."""
    busted = msgspec.structs.replace(fill(3, 1, 9.0), quantity=0)
    made = book(fill(1, 2, 5.0), fill(2, -2, 6.0))
    assert realised_usd(msgspec.structs.replace(made, fills={**made.fills, "e3": busted}), TODAY) == pytest.approx(
        196.0
    )


@pytest.mark.parametrize(("theirs", "told"), [(0.0, False), (49.0, False), (-51.0, True), (None, False)])
def test_the_broker_and_our_executions_are_compared_at_the_sessions_end(theirs: float | None, told: bool) -> None:
    """Nothing was realised here: fifty dollars of difference are allowed, more is said once; not told is no zero."""
    bench = Bench().start()
    bench.now = datetime(2026, 5, 4, 16, 20, tzinfo=NEW_YORK)
    bench.feed(bench.broker.snapshot(), account_reported(bench.now, NLV_USD, realised_today_usd=theirs))
    bench.feed(ev.TimerFired(name="end_of_day", due_at=bench.now))
    said = [a.text for s in bench.steps for a in s.outcome.alerts if a.key == "C51"]
    assert bool(said) is told
