"""The report of simulated sessions against the venue's own ledger, to the cent, and its files at the end of the day."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.engine.realised import realised_usd
from bot.report.build import build
from bot.report.shape import held_to_shape
from bot.sim.venue.matching import FillModel
from strategies.domain.known import Known
from strategies.domain.session import session_date
from tests.flow.virtual_life import Stage, tell
from tests.oracle import ledger as truth

HERE = Path(__file__).parent
FIRST, SECOND = "2026-03-02", "2026-03-03"
AFTERNOON = f"{FIRST}T13:58:00-05:00"
pytestmark = pytest.mark.timeout(900)

LIVELY = (
    "alvh.enabled=true",
    "condor.entry.entries_per_day=3",
    "condor.exit.take_profit_pct_of_credit=3.0",
    "condor.curve.samples=1",
    "condor.curve.sample_every_s=30.0",
)
"""The hedge on, a few condors a day, closed at the first small profit."""


async def to_the_end(stage: Stage) -> None:
    """Lives until the world ends."""
    stopped = await stage.begin()
    assert stopped.code == 0, stopped.text


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """An afternoon and a day with the hedge on, condors sold and closed."""
    days = str(HERE / "crash_days.toml")
    fills = FillModel(mid_per_minute=6.0)
    place = tmp_path_factory.mktemp("two days")
    return tell(to_the_end, place, days, begin=AFTERNOON, settings=LIVELY, fills=fills, tick_s=30.0)


@pytest.fixture(scope="module")
def told(stage: Stage) -> dict[str, Any]:
    """The report's JSON as a reader gets it."""
    return dict(json.loads(json.dumps(build(stage.state_dir, "all"))))


def closings(stage: Stage) -> dict[str, dict[str, Any]]:
    """What the ledger says at the end of each day: cash, fees and profit so far, equity, positions."""
    read, found = truth.Truth(), {}
    for line in truth.lines(stage.ledger):
        read.feed(line)
        account: dict[str, Any] = next(iter(read.accounts.values()), {})
        found[session_date(datetime.fromisoformat(line["at"]))] = {
            "cash": read.cash(),
            "fees": round(sum(read.commissions.values()), 2),
            "realised": account.get("realized_pnl", 0.0),
            "equity": account.get("nlv"),
            "positions": read.positions(),
        }
    return found


def test_money_and_positions_are_the_ledgers_to_the_cent(stage: Stage, told: dict[str, Any]) -> None:
    """Cash, equity, fees and profit taken of each session, and every position by contract."""
    ledger = closings(stage)
    fees = realised = 0.0
    assert [day["session"] for day in told["days"]] == [FIRST, SECOND]
    for day in told["days"]:
        money, true = day["money"], ledger[day["session"]]
        assert money["cash_end_usd"] == true["cash"]
        assert money["equity_end_usd"] == true["equity"]
        assert money["fees_usd"] == pytest.approx(true["fees"] - fees, abs=1e-6)
        assert money["realised_usd"] == pytest.approx(true["realised"] - realised, abs=1e-6)
        assert money["other_cash_usd"] == 0.0
        held: Counter[int] = Counter()
        for row in money["positions"]:
            held[row["con_id"]] += row["quantity"]
        assert {con_id: q for con_id, q in held.items() if q} == true["positions"]
        fees, realised = true["fees"], true["realised"]
    assert fees > 0.0
    assert realised != 0.0


def test_every_execution_of_the_ledger_is_in_the_report_once(stage: Stage, told: dict[str, Any]) -> None:
    """The same ids, quantities and prices; nothing more."""
    true = {e.exec_id: (e.con_id, e.side, e.quantity, e.price) for e in stage.truth().executions.values()}
    mine = {f["exec_id"]: (f["con_id"], f["side"], f["quantity"], f["price_points"]) for f in told["fills"]}
    assert len(mine) == len(told["fills"])
    assert mine == true


def test_profit_by_greek_adds_up_and_little_is_left(told: dict[str, Any]) -> None:
    """The parts are the total; the residual is small against what moved; the broker's marks explain the difference."""
    for day in told["days"]:
        shares = day["attribution"]
        rows = shares["rows"]
        assert {row["holder"] for row in rows} & {"L1", "L2"}
        parts = ("delta", "gamma", "vega", "theta", "cross", "trading", "settlement", "fees", "residual")
        for row in rows:
            assert sum(row[f"{part}_usd"] for part in parts) == pytest.approx(row["total_usd"], abs=0.06)
        assert abs(shares["residual_usd"]) <= 0.05 * shares["gross_usd"]
        assert sum(row["fees_usd"] for row in rows) == pytest.approx(-day["money"]["fees_usd"], abs=0.01)
        assert day["difference_usd"] == pytest.approx(day["money"]["change_usd"] - shares["total_usd"], abs=0.01)
        assert abs(day["difference_usd"]) < 60.0


def test_a_report_from_the_checkpoint_is_that_of_the_whole_journal(stage: Stage, told: dict[str, Any]) -> None:
    """The second session, begun at the state written down before it, has the figures of the fold of everything."""
    alone = json.loads(json.dumps(build(stage.state_dir, SECOND)))
    whole = told["days"][1]
    for key in ("money", "attribution", "timeline", "curves", "lattice", "difference_usd", "condors"):
        assert alone["days"][0][key] == whole[key], key
    assert alone["tomorrow"]["session"] == "2026-03-04"
    assert {row["rule"] for row in alone["tomorrow"]["decisions"]} >= {"C-ENTRY-7", "A-VEGA-1"}
    held_to_shape(alone)


def test_net_vega_and_its_band_are_told_each_minute(told: dict[str, Any]) -> None:
    """The desk's own figures stand in nearly every minute of the trading day, net vega while a condor is open."""
    series = told["days"][1]["timeline"]
    assert sum(1 for n in series["front_minus_second_points"][10:385] if n is not None) > 300
    assert sum(1 for n in series["net_vega_n"] if n is not None) > 30
    assert all(low < high for low, high in zip(series["low_n"], series["high_n"], strict=True) if low is not None)


def test_the_days_realised_result_is_the_brokers(stage: Stage) -> None:
    """C51: average cost with commissions from our executions is what the venue counts as realised that day, so nobody
    was told of a difference."""
    account = stage.state.account
    assert isinstance(account, Known)
    theirs = account.value.realised_today_usd
    assert theirs
    assert realised_usd(stage.state.book, date.fromisoformat(SECOND)) == pytest.approx(theirs, abs=0.01)
    assert not [text for text in stage.alerts if text.startswith("C51")]
