"""A half-hour session written by hand, in which every section of the report has something to tell.

`GOLDEN=write pytest tests/bot/report/test_golden.py` writes the expected files anew; look at the difference.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Move
from bot.journal import reader
from bot.report.build import build
from bot.report.markdown import render as markdown
from bot.report.text import render as text
from strategies.domain.control import LinkState
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.desk_sample import DeskSample
from strategies.domain.events import (
    BrokerSnapshot,
    CalendarLoaded,
    CommissionReported,
    FaultNoted,
    Filled,
    InstrumentsLoaded,
    LinkChanged,
    OrderSent,
)
from strategies.domain.instruments import Future, Option, Right, SettlementStyle
from strategies.domain.known import Known
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.domain.session import MacroEvent, SessionDay
from tests.bot.report.test_report import MONDAY, PRICES, Story, refused

GOLDEN = Path(__file__).parent / "golden"
FRONT, SECOND, CALL = 201, 202, 301
OPEN = datetime(2018, 10, 15, 14, 0, tzinfo=UTC)
CLOSE = OPEN + timedelta(minutes=30)


def day(state: Path) -> None:
    """The session: a condor is sold, a VIX call bought, an order refused, the link lost for two minutes."""
    story = Story(state)
    story.at = MONDAY - timedelta(minutes=5)
    story.begin()
    _reference(story)
    story.tell(LinkChanged(state=LinkState.UP, epoch=1, reason="connected", accounts=("DU1234567",)))
    story.nlv(500_000.0)
    for minute in range(31):
        story.at = OPEN + timedelta(minutes=minute)
        _market(story, minute)
        _events(story, minute)
    story.at = CLOSE + timedelta(minutes=1)
    _snapshot(story, {101: 2, 102: -2, 103: -2, 104: 2, CALL: 1})
    story.nlv(500_131.5)
    story.end()


def _reference(story: Story) -> None:
    hours = SessionDay(date(2018, 10, 15), OPEN, CLOSE, CLOSE)
    following = SessionDay(
        date(2018, 10, 16), OPEN + timedelta(days=1), CLOSE + timedelta(days=1), CLOSE + timedelta(days=1)
    )
    release = MacroEvent(OPEN + timedelta(minutes=20), "CPI", "by hand")
    story.tell(CalendarLoaded(sessions=(hours, following), events=(release,), events_until=date(2018, 12, 31)))
    last = datetime(2018, 11, 20, 21, tzinfo=UTC)
    months = ((FRONT, date(2018, 10, 17)), (SECOND, date(2018, 11, 21)))
    futures = tuple(Future(n, "VIX", "VX", "CFE", 1000, expiry, last, ()) for n, expiry in months)
    call = Option(CALL, "VIX", "VIX", "CBOE", 100, date(2018, 11, 21), 25.0, Right.CALL, SettlementStyle.AM, last, ())
    story.tell(InstrumentsLoaded(wanted="hedge", instruments=(*futures, call)))


def _market(story: Story, minute: int) -> None:
    """Calm at first, then the index falls a point a minute and volatility rises."""
    fall = max(0, minute - 10)
    story.levels(2750.0 - fall, 21.0 + 0.1 * fall)
    story.mids({n: p + (0.05 if n < 103 else -0.04) * fall for n, p in PRICES.items()})
    story.mids({FRONT: 20.0 + 0.12 * fall, SECOND: 19.5 + 0.05 * fall, CALL: 1.2 + 0.02 * fall})


def _events(story: Story, minute: int) -> None:
    net = None if minute < 5 else round(-0.16 + 0.002 * minute, 4)
    sample = DeskSample(
        regime="contango", tier=1, spx_points=2750.0, vix_points=21.0, front_minus_second_points=0.5,
        net_vega_n=net, low_n=-0.2, high_n=0.25,
    )  # fmt: skip
    story.pulse(sample=sample)
    if minute == 3:
        story.pulse(decisions=(_decided(story, "C-ENTRY-4", "entry", DecisionVerdict.ACT, "sold at the first look"),))
        story.order(Purpose.ENTRY, "ic-1.e1", 2, "C-ENTRY-4", mid=-10.2, natural=-9.2)
        story.moved("-", "entry_working")
        story.tell(OrderSent(ref="ic-1.e1", order_id=7))
    elif minute == 4:
        story.bought_or_sold("ic-1.e1", 2, PRICES)
        story.moved("entry_working", "open")
        story.pulse(moves=(Move("order", "ic-1.e1", "working", "filled"),))
    elif minute == 6:
        _hedge(story)
    elif minute == 8:
        story.pulse(decisions=(_decided(story, "C-EXIT-1", "ic-1", DecisionVerdict.HOLD, "profit target not reached"),))
    elif minute == 12:
        story.tell(LinkChanged(state=LinkState.DOWN, epoch=1, reason="connection reset"))
    elif minute == 14:
        story.tell(LinkChanged(state=LinkState.UP, epoch=2, reason="connected", accounts=("DU1234567",)))
    elif minute == 16:
        story.pulse(verdicts=(refused(),))
    elif minute == 18:
        story.tell(FaultNoted(code="DATA", text="a farm was lost for a moment"))
        story.pulse(alerts=(Alert(AlertLevel.CRITICAL, "slow.ic-1", "ic-1: closing has not ended"),))
        story.moved("open", "exit_working")
        story.moved("exit_working", "open", "given up")
    elif minute % 10 == 0:
        story.nlv(500_000.0 + minute)


def _hedge(story: Story) -> None:
    ref = "alvh-s05.open.20181015.1"
    leg = LegIntent(CALL, 1, Action.BUY, slot=5)
    chain, words = "alvh-s05.open/20181015-1", "1 VIX 2018-11-21 25C"
    intent = PlaceIntent(ref, chain, 1, Purpose.HEDGE, "alvh", "A-SIZE-1", (leg,), 1, 1.2, 1.2, 1.3, story.at, words)
    story.pulse(
        actions=({"type": "submit", "seq": story.journal.next_seq, "intent": msgspec.to_builtins(intent)},),
        moves=(Move("slot", "alvh-s05", "dormant", "opening", "1 VIX 2018-11-21 25C"),),
    )
    story.tell(OrderSent(ref=ref, order_id=8))
    story.tell(Filled(fill=story.fill(f"{ref}.01", CALL, ref, 1, 1.22, Action.BUY)))
    story.tell(CommissionReported(exec_id=f"{ref}.01", commission_usd=1.0))
    story.pulse(moves=(Move("slot", "alvh-s05", "opening", "active"), Move("order", ref, "working", "filled")))


def _decided(story: Story, rule: str, subject: str, how: DecisionVerdict, words: str) -> Decision:
    return Decision(at=story.at, rule=rule, subject=subject, verdict=how, text=words,
                    inputs={"profit_points": 4.8}, thresholds={"target_points": 5.1}, near=0.0588)  # fmt: skip


def _snapshot(story: Story, positions: dict[int, int]) -> None:
    nothing: Known[tuple[()]] = Known(())
    story.tell(BrokerSnapshot(
        reason="round", epoch=2, started_at=story.at, positions=Known(positions), open_orders=nothing,
        completed_orders=nothing, executions=nothing,
    ))  # fmt: skip


def made() -> dict[str, str]:
    """File name to content. The journal's hash, which the form of any fact changes, is checked here and left out."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        day(state)
        report = build(state, "last")
        assert report["journal"]["hash"] == reader.journal_hash(state / "journal.sqlite3", "2018-10-15")
    report["journal"]["hash"] = "0" * 64
    return {
        "report.txt": text(report),
        "report.md": markdown(report),
        "report.json": json.dumps(report, indent=1) + "\n",
    }
