"""Whole days judged from the venue's ledger alone: at every instant, over every subset of fills, within the hard caps.

The oracle knows the ledger's fields and the payoff of an option; it shares no code with the gate, the bot or the venue.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.engine.state import State
from bot.journal import reader
from bot.replay import replay
from bot.sim.venue.matching import FillModel
from strategies.condor.machine import CondorState
from tests.flow.virtual_life import BUSY, Stage, Story, tell
from tests.oracle import check_ledger
from tests.oracle import ledger as truth
from tests.oracle.check_ledger import Caps, check

HERE = Path(__file__).parent
QUIET, SHOCK = str(HERE / "crash_days.toml"), str(HERE / "shock_days.toml")
PARTS = FillModel(mid_per_minute=6.0, partial_probability=0.7)
EAGER = FillModel(mid_per_minute=6.0)
MORNING = "2026-03-02T10:28:30-05:00"

HUNGRY = (
    "alvh.enabled=false",
    "condor.entry.dte_max_days=60",
    "condor.entry.entries_per_day=20",
    "condor.entry.every_min=5",
    "condor.entry.scan_min=5",
    "condor.entry.max_open=9",
    "condor.entry.risk_per_condor_pct_nlv=3.0",
    "condor.curve.samples=1",
    "condor.curve.sample_every_s=30.0",
    "risk.condor_loss_soft_pct=3.0",
    "risk.open_condors=9",
    "risk.all_condors_loss_soft_pct=15.0",
    "risk.stress_loss_pct=60.0",
    "risk.crash_loss_pct=60.0",
    "risk.margin_utilisation_pct=90.0",
    "engine.prove_again_s=15.0",
)
"""Every entry as large as K-SIZE-1 lets it be, one after the other, until K-SIZE-3 is what says no."""


async def to_the_end(stage: Stage) -> None:
    """Lives until the world ends."""
    stopped = await stage.begin()
    assert stopped.code == 0, stopped.text


def lived(condition: Callable[[State], bool], what: str, within_min: float) -> Story:
    """Lives until something is so, and ten market minutes more."""

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(condition, what, within_min)
        await stage.live_on(10.0)

    return story


def condors(state: State, *wanted: CondorState) -> int:
    """How many condors are in one of these states."""
    return sum(1 for condor in state.condors.values() if condor.state in wanted)


def judged(stage: Stage, caps: Caps) -> check_ledger.Judgement:
    """No violation anywhere, and every decision can be made again."""
    found = check(truth.lines(stage.ledger), caps)
    assert found.violations == []
    assert found.reached["naked_shorts"] == 0
    replayed = replay(stage.state_dir)
    assert replayed.divergence is None, str(replayed.divergence)
    assert replayed.events > 100
    return found


@pytest.mark.slow
def test_busy_hours_filling_in_parts_stay_within_every_cap(tmp_path: Path) -> None:
    """Entries and exits of several condors working side by side and filling in parts: never beyond a cap."""
    story = lived(lambda state: len(state.book.orders) >= 12, "twelve orders", 180.0)
    found = judged(tell(story, tmp_path, QUIET, fills=PARTS, begin=MORNING, tick_s=30.0), Caps())
    assert found.orders >= 10
    assert found.reached["order_quantity"] >= 2
    assert found.reached["open_condors"] >= 2


def test_a_hungry_desk_is_stopped_at_the_cap_of_all_condors(tmp_path: Path) -> None:
    """With the desk asking for as much as it may, the worst case comes near both caps and crosses neither."""
    denied: list[str] = []

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: condors(state, CondorState.OPEN) >= 5, "five condors are open", 240.0)
        await stage.live_on(20.0)
        for outcome in reader.read_outcomes(stage.state_dir / "journal.sqlite3"):
            denied.extend(v["text"] for v in outcome.body["verdicts"] if not v["approved"])

    stage = tell(story, tmp_path, QUIET, fills=EAGER, begin=MORNING, settings=HUNGRY, tick_s=30.0)
    found = judged(stage, Caps(open_condors=9))
    assert 2.0 < found.reached["condor_loss_pct"] <= 3.0
    assert 12.0 < found.reached["all_condors_loss_pct"] <= 15.0
    assert any("C07" in text for text in denied), sorted(set(denied))


def test_a_desk_gone_mad_gets_nothing_past_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that forgets its own sizing is refused by each loss cap on its own, and no order reaches the venue."""
    monkeypatch.setattr("strategies.condor.search.quantity", lambda *args, **rest: 5)
    failed: set[str] = set()

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: bool(state.market.instruments), "contracts are loaded")
        await stage.live_on(20.0)
        for outcome in reader.read_outcomes(stage.state_dir / "journal.sqlite3"):
            for verdict in outcome.body["verdicts"]:
                assert not verdict["approved"]
                failed.update(check["code"] for check in verdict["checks"] if not check["passed"])

    stage = tell(story, tmp_path, QUIET, begin=MORNING, tick_s=30.0)
    assert {"C04", "C06"} <= failed
    assert stage.truth().orders == []


def test_a_shock_with_stops_stays_within_every_cap(tmp_path: Path) -> None:
    """A condor sold in calm and closed at a loss in falling prices: exits respect the caps as well."""
    settings = (*(s for s in BUSY if "exit." not in s), "condor.exit.stop_loss_multiple_of_credit=0.2")
    story = lived(lambda state: condors(state, CondorState.CLOSED) > 0, "a condor is closed", 24.0 * 60.0)
    stage = tell(story, tmp_path, SHOCK, fills=EAGER, begin="2026-03-02T15:04:00-05:00", settings=settings)
    judged(stage, Caps())
    rules = {condor.exit_rule for condor in stage.state.condors.values() if condor.state is CondorState.CLOSED}
    assert rules <= {"C-EXIT-3", "C-EXIT-4", "C-DEC-1"}, rules


def test_hedged_hours_stay_within_every_cap(tmp_path: Path) -> None:
    """Calls bought before and beside condors: layers, condors and the whole within their caps at every instant."""
    settings = (*BUSY, "alvh.enabled=true")
    story = lived(lambda state: condors(state, CondorState.OPEN) > 0, "a condor is open behind its hedge", 240.0)
    found = judged(tell(story, tmp_path, QUIET, fills=PARTS, begin=MORNING, settings=settings, tick_s=30.0), Caps())
    assert found.reached["hedge_quantity"] >= 1
    assert 0.0 < found.reached["hedge_loss_pct"] <= 6.0


@pytest.mark.slow
def test_a_shock_with_the_hedge_on_stays_within_every_cap(tmp_path: Path) -> None:
    """Two days of falling prices and an inverting curve: protection moves out or is harvested, every cap holds."""
    settings = (*(s for s in BUSY if "exit." not in s), "alvh.enabled=true")
    third: Callable[[State], bool] = lambda state: state.now is not None and (state.now.day, state.now.hour) >= (4, 20)  # noqa: E731
    story = lived(third, "the third day is nearly over", 4320.0)
    stage = tell(story, tmp_path, SHOCK, fills=EAGER, begin="2026-03-02T12:04:00-05:00", settings=settings, tick_s=30.0)
    found = judged(stage, Caps())
    assert found.reached["hedge_loss_pct"] > 0.0
    rules = {order.intent.rule for order in stage.state.book.orders.values() if order.filled_units}
    assert rules & {"A-ROT-1", "A-ROT-2", "A-HARV-1", "A-HARV-3"}, rules


def test_the_oracle_sees_what_it_is_there_for(tmp_path: Path) -> None:
    """Ledgers with one thing wrong each: too large, doubled, naked, out of ratio, cash that does not add up."""
    sound = ledger_of(quantity=5)
    assert check(sound).violations == []
    assert "could lose" in told(ledger_of(quantity=5, nlv=100_000.0))
    assert "cap 5" in told(ledger_of(quantity=6))
    assert "sent twice" in told([*sound, *renumbered(sound[2:4], len(sound), order_id=99, perm_id=8)])
    naked = ledger_of(quantity=1, legs=((5200.0, "P", "SELL"), (5800.0, "C", "SELL"), (5850.0, "C", "BUY")))
    assert "without a long" in told(naked)
    assert "out of ratio" in told(ledger_of(quantity=2, filled=1, fill_legs=3))
    assert "its parts say" in told(ledger_of(quantity=1, filled=1, cash_error=0.01))
    file = tmp_path / "ledger.jsonl"
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in ledger_of(quantity=6)))
    assert check_ledger.main([str(file)]) == 1
    assert check_ledger.main([str(file), "--quantity", "6", "--nlv", "2000000"]) == 0


def told(lines: list[truth.Line]) -> str:
    """All violations in one text."""
    return "; ".join(check(lines).violations)


CONDOR = ((5150.0, "P", "BUY"), (5200.0, "P", "SELL"), (5800.0, "C", "SELL"), (5850.0, "C", "BUY"))


def ledger_of(
    *,
    quantity: int,
    nlv: float = 1_000_000.0,
    legs: tuple[tuple[float, str, str], ...] = CONDOR,
    filled: int = 0,
    fill_legs: int = 4,
    cash_error: float = 0.0,
) -> list[truth.Line]:
    """A small ledger by hand: deposit, one condor sent at a credit of 10 points, acknowledged, partly filled."""
    contracts = [
        {"con_id": place + 1, "symbol": "SPX", "trading_class": "SPXW", "sec_type": "OPT", "expiry": "2026-04-16",
         "strike": strike, "right": right, "multiplier": 100}
        for place, (strike, right, _) in enumerate(legs)
    ]  # fmt: skip
    made = [{**facts, "ratio": 1, "action": leg[2]} for facts, leg in zip(contracts, legs, strict=True)]
    order = {"client": 1, "order_id": 1, "perm_id": 0, "order_ref": "ic-1.entry.1", "what_if": False, "action": "BUY",
             "quantity": quantity, "order_type": "LMT", "limit": -10.0, "legs": made}  # fmt: skip
    named = {"client": 1, "order_id": 1, "perm_id": 7, "order_ref": "ic-1.entry.1"}
    rows: list[truth.Line] = [
        {"kind": "cash", "account": "DU1", "amount": nlv, "reason": "deposit", "balance": nlv},
        {"kind": "account", "account": "DU1", "nlv": nlv},
        {"kind": "place", "account": "DU1", **order},
        {"kind": "state", **named, "status": "Submitted", "filled": 0, "remaining": quantity},
    ]
    prices = {"BUY": 5.0, "SELL": 10.0}
    for place, leg in enumerate(legs[:fill_legs] if filled else ()):
        price, sign = prices[leg[2]], 1 if leg[2] == "SELL" else -1
        exec_id = f"e.{place}.01"
        rows.append({"kind": "fill", **named, "exec_id": exec_id, "contract": contracts[place], "side": leg[2],
                     "quantity": filled, "price": price})  # fmt: skip
        rows.append({"kind": "cash", "account": "DU1", "amount": sign * price * 100 * filled + cash_error,
                     "reason": f"fill {exec_id}"})  # fmt: skip
        rows.append({"kind": "commission", "account": "DU1", "exec_id": exec_id, "amount": 0.0})
        rows.append({"kind": "position", "contract": contracts[place], "quantity": -sign * filled})
    if filled:
        rows.append({"kind": "state", **named, "status": "Submitted", "filled": filled, "remaining": quantity - filled})
    return renumbered(rows, 0)


def renumbered(rows: list[truth.Line], start: int, **changes: int) -> list[truth.Line]:
    """Lines with running numbers, and some fields changed where they have them."""
    return [
        {**row, **{k: v for k, v in changes.items() if k in row}, "seq": start + place, "at": "t", "mono": 0.0}
        for place, row in enumerate(rows)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["calm", "flip"])
def test_the_shipped_scenarios_stay_within_every_cap(scenario: str, tmp_path: Path) -> None:
    """Three weeks of the story as shipped, with the shipped settings."""
    judged(tell(to_the_end, tmp_path, scenario, settings=()), Caps())
