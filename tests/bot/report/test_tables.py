"""What the report carries beside its words: raw tables as files, weeks beside each other, moves told apart."""

from __future__ import annotations

import base64
import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.report import charts, page, svg, timeline
from bot.report.build import build
from bot.report.facts import Json, Marks, SessionFacts
from bot.report.lattice import lattice
from bot.report.tables import tables
from bot.report.tomorrow import held_still
from strategies.domain.market import Market, Quote
from strategies.domain.orders import Purpose
from tests.bot.report.test_report import TUESDAY, closed, sold, with_decisions

OPEN = datetime(2026, 3, 11, 13, 30, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def rows_of(link: str) -> list[dict[str, str]]:
    text = base64.b64decode(link.partition(";base64,")[2]).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_holds_the_same_figures_as_the_json(state: Path) -> None:
    """Orders read back from the link are the report's orders, prices and all; a table without rows has no file."""
    report = build(with_decisions(state), "last")
    found = {table.name: table for table in tables(report)}
    orders = rows_of(found["2018-10-15-orders.csv"].link)
    assert [(row["ref"], float(row["limit_points"])) for row in orders] == [
        (order["ref"], order["limit_points"]) for order in report["orders"]
    ]
    assert len(rows_of(found["2018-10-15-decisions.csv"].link)) == len(report["decisions"])
    assert "2018-10-15-refusals.csv" not in found or report["gate"]["refused"]


def test_a_text_that_a_spreadsheet_would_run_is_quoted(state: Path) -> None:
    """A reason that begins as a formula does is a text in the file; a negative number stays a number."""
    report = build(closed(state), "last")
    report["orders"][0] |= {"text": "=HYPERLINK(1)", "limit_points": -2.5}
    (orders,) = [rows_of(table.link) for table in tables(report) if table.name.endswith("orders.csv")]
    assert orders[0]["text"] == "'=HYPERLINK(1)"
    assert float(orders[0]["limit_points"]) == -2.5


def test_a_week_stands_beside_the_week_before(state: Path) -> None:
    """Sold in one week at 0.20 worse than mid, bought back in the next at 0.10: each week has its own slippage."""
    story = sold(state)
    for _ in range(12):
        story.pulse()
    story.at = TUESDAY + timedelta(days=7)
    story.nlv(500_800.0)
    story.order(Purpose.EXIT, "ic-1.x1", 2, "C-EXIT-1", mid=4.9, natural=5.4)
    story.bought_or_sold("ic-1.x1", 2, {101: 4.0, 102: 7.0, 103: 4.0, 104: 2.0}, closing=True)
    story.moved("open", "closed", "profit target")
    for _ in range(12):
        story.pulse()
    story.end()
    before, now = build(state, "week")["weeks"]
    assert (before["monday"], before["condors_sold"], before["condors_ended"]) == ("2018-10-15", 1, 0)
    assert (before["slippage_usd"], before["slippage_pct_of_half_spread"]) == (pytest.approx(40.0), 20.0)
    assert (now["monday"], now["condors_sold"], now["condors_ended"]) == ("2018-10-22", 0, 1)
    assert (now["filled_orders"], now["slippage_usd"], now["fees_usd"]) == (1, pytest.approx(20.0), 6.0)
    assert before["change_usd"] is None
    assert now["change_usd"] == 800.0
    assert build(state, "last")["weeks"] == []


def _move(minute: int, slots: list[int]) -> Json:
    at = (OPEN + timedelta(minutes=minute)).isoformat()
    return {"filled": True, "until": at, "slots": slots}


def test_numbers_of_moves_in_one_slot_never_lie_on_each_other() -> None:
    """Two moves of slot 5 within three minutes are `1, 2`; a later one stands apart; one at the close stays inside."""
    slots = [{"slot": n, "layer": "L1", "spans": []} for n in (4, 5)]
    moves = [_move(194, [5]), _move(197, [5]), _move(260, [4, 5]), _move(404, [5])]
    hours = {"open_at": OPEN.isoformat(), "close_at": (OPEN + timedelta(minutes=405)).isoformat()}
    drawn = charts.lattice({"slots": slots, "moves": moves}, hours)
    told = re.findall(r'<text x="([\d.]+)" y="[\d.]+" class="num" text-anchor="start">([^<]+)<', drawn)
    assert [words for _, words in told] == ["3", "1, 2", "3", "4"]
    assert all(float(x) + 6.5 * len(words) <= charts.WIDTH for x, words in told)


def test_a_slots_state_is_written_where_it_is_long_enough_and_clear_of_numbers() -> None:
    """Colour alone need not be told apart: `active` stands beside the number of the move in its span, not under it, and
    a span of minutes has no room for its word."""
    close = (OPEN + timedelta(minutes=405)).isoformat()
    moved, opened = ((OPEN + timedelta(minutes=n)).isoformat() for n in (5, 2))
    spans = [{"from": None, "until": opened, "state": "dormant"}, {"from": opened, "until": moved, "state": "opening"},
             {"from": moved, "until": None, "state": "active"}]  # fmt: skip
    slots = [{"slot": 4, "layer": "L1", "spans": spans}]
    drawn = charts.lattice({"slots": slots, "moves": [_move(5, [4])]}, {"open_at": OPEN.isoformat(), "close_at": close})
    told = re.findall(r'<text x="([\d.]+)" y="[\d.]+" class="num( state on-active)?"[^>]*>([^<]+)<', drawn)
    assert [(kind, word) for _, kind, word in told] == [(" state on-active", "active"), ("", "1")]
    assert float(told[0][0]) >= float(told[1][0]) + 6.5


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (90.0, "90 s"), (210.0, "3.5 min"), (240.0, "4 min"), (3600.0, "60 min")]
)
def test_a_duration_agrees_with_its_seconds(seconds: float | None, words: str) -> None:
    """210 seconds are not four minutes."""
    assert page.duration(seconds) == words


@pytest.mark.parametrize(
    ("at_close", "told"),
    [(1.95, ["open", "close"]), (1.75, ["open", "close"]), (1.2, ["open", "front highest", "close"])],
)
def test_the_front_is_highest_only_where_nothing_stands_higher(at_close: float, told: list[str]) -> None:
    """Samples end a quarter of an hour before the session: a close above them is the highest."""
    spreads = (("open", -1.5), ("front highest", 1.75), ("close", at_close))
    rows = [{"label": label, "front_minus_second_points": spread} for label, spread in spreads]
    assert [row["label"] for row in timeline._without_lesser(rows)] == told


def test_labels_of_an_axis_have_the_same_decimals() -> None:
    """14 between 14.2 and 14.4 is 14.0; a negative has a minus sign."""
    assert svg.numbers([14.0, 14.2, 14.4]) == ["14.0", "14.2", "14.4"]
    assert svg.numbers([-1000.0, 0.0]) == ["\u22121,000", "0"]
    assert svg.numbers([]) == []


def test_values_have_their_units_behind_them() -> None:
    """As a person writes it; what is no number and what has no unit stays as it is."""
    told = {"stop_loss_points": 19.9, "confirm_s": 60, "theta_points_per_day": 0.25, "vega_n": 0.1, "days": None}
    assert (
        page.pairs(told) == "stop loss 19.9 points, confirm 60 s, theta 0.25 points per day, vega n 0.1, days unknown"
    )
    rest = {
        "theta_pct_of_margin_day": 0.3,
        "hurdle_pct": None,
        "wanted_usd": 1200.0,
        "distance_em": 1.2,
        "dte_days": 43,
    }
    assert page.pairs(rest) == (
        "theta 0.3 % of margin day, hurdle pct unknown, wanted 1,200 dollars, distance 1.2 expected moves, DTE 43 days"
    )


def test_a_move_of_the_hedge_tells_its_return() -> None:
    """J-LOG-2: decay on margin of .02 % a day is 7.3 % a year without the move; what could not be valued is unknown."""
    leg = {"con_id": 7, "ratio": 1, "action": "BUY", "slot": 5}
    order = {"condor": "alvh", "chain": "alvh-s05.open/1", "ref": "r1", "at": OPEN.isoformat(), "rule": "A-SIZE-1",
             "text": "", "quantity": 1, "legs": [leg]}  # fmt: skip
    figures = {"theta_pct_of_margin_day_before": 0.02, "theta_pct_of_margin_day_after": None}
    record = {"rule": "J-LOG-1", "intent_ref": "r1", "inputs": figures}
    session = SessionFacts("2026-03-11", 1, Marks({}, None), orders=[order], decisions=[record])
    (move,) = lattice(session, [], [])["moves"]
    assert (move["return_before_pct_year"], move["return_after_pct_year"]) == (7.3, None)


def test_tomorrow_is_asked_on_the_bids_and_offers_of_the_close() -> None:
    """The state is written down when the broker has taken both sides away: the session's last offer stands in; a quote
    that still has a side is left alone."""
    silent, alive = (Quote(n, bid, bid, None, None, 1.0, None, OPEN, 1) for n, bid in ((101, None), (102, 2.0)))
    market = Market(quotes={101: silent, 102: alive}, epoch=3)
    told = {n: Quote(n, 4.0, 4.2, 1, 1, None, None, OPEN, 1) for n in (101, 102, 103)}
    session = SessionFacts("2026-03-11", 1, Marks({}, None), closing=told)
    later = OPEN + timedelta(days=1)
    found = held_still(market, session, later).quotes
    assert [(found[n].bid, found[n].at, found[n].epoch) for n in (101, 102, 103)] == [
        (4.0, later, 3), (2.0, later, 3), (4.0, later, 3),
    ]  # fmt: skip
