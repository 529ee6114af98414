"""The report over a journal written by hand: every figure is one that can be worked out on paper."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Move, Outcome
from bot.journal import Journal
from bot.report.build import NoSuchSession, build
from bot.report.replayed import note_replay
from bot.report.text import render
from bot.report.why import explain
from bot.report.words import closing_words, verdict
from risk.gate import CheckResult, Verdict
from risk.result import Consequence
from risk.utilisation import Use
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Fill, Settled
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.events import (
    AccountReported,
    AnyEvent,
    BrokerSnapshot,
    CommissionReported,
    Envelope,
    FaultNoted,
    Filled,
    InstrumentsLoaded,
    LinkChanged,
    OperatorCommanded,
    QuotesUpdated,
    RunStarted,
    TimerFired,
    TimerMissed,
)
from strategies.domain.instruments import Index, Option, Right, SettlementStyle
from strategies.domain.known import Known
from strategies.domain.market import Quote
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.domain.session import session_date

MONDAY = datetime(2018, 10, 15, 14, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
EXPIRY = date(2018, 11, 16)
SPX, VIX = 1, 2
LEGS = {101: (2500.0, Right.PUT, Action.BUY), 102: (2550.0, Right.PUT, Action.SELL),
        103: (2850.0, Right.CALL, Action.SELL), 104: (2900.0, Right.CALL, Action.BUY)}  # fmt: skip
PRICES = {101: 9.0, 102: 14.0, 103: 8.0, 104: 3.0}
"""Sold for 14 + 8 - 9 - 3 = 10 points a unit."""


class Story:
    """Writes facts and outcomes into a journal, as a runner would."""

    def __init__(self, state: Path) -> None:
        state.mkdir(mode=0o700, exist_ok=True)
        self.journal = Journal.open(state / "journal.sqlite3", clock_session=session_date)
        self.at = MONDAY

    def tell(self, event: AnyEvent, **outcome: Any) -> None:
        seq = self.journal.next_seq
        self.journal.append_event(Envelope(seq, self.at, event))
        if outcome:
            self.journal.append_outcome(seq, self.at, Outcome(**outcome))
        self.at += timedelta(seconds=1)

    def pulse(self, **outcome: Any) -> None:
        self.tell(TimerFired(name="pulse", due_at=self.at), **outcome)

    def end(self) -> None:
        self.journal.commit(durable=True)
        self.journal.close()

    # what happens on a day --------------------------------------------------------------------
    def begin(self) -> None:
        self.tell(RunStarted(run_id="r1", config_hash="abcdef", parameters="{}", code_version="0"))
        last = datetime(2018, 11, 16, 21, tzinfo=UTC)
        options = tuple(
            Option(n, "SPX", "SPXW", "SMART", 100, EXPIRY, strike, right, SettlementStyle.PM, last, ())
            for n, (strike, right, _) in LEGS.items()
        )
        self.tell(
            InstrumentsLoaded(wanted="x", instruments=(*options, Index(SPX, "SPX", "CBOE"), Index(VIX, "VIX", "X")))
        )

    def levels(self, spx: float, vix: float) -> None:
        self.tell(QuotesUpdated(quotes=(self._level(SPX, spx), self._level(VIX, vix))))

    def mids(self, prices: dict[int, float]) -> None:
        self.tell(QuotesUpdated(quotes=tuple(
            Quote(n, p - 0.1, p + 0.1, 10, 10, None, None, self.at, 1) for n, p in prices.items()
        )))  # fmt: skip

    def _level(self, con_id: int, level: float) -> Quote:
        return Quote(con_id, None, None, None, None, level, None, self.at, 1)

    def nlv(self, usd: float | None) -> None:
        self.tell(AccountReported(snapshot=AccountSnapshot("DU1234567", self.at, net_liquidation_usd=usd)))

    def order(self, purpose: Purpose, ref: str, quantity: int, rule: str, mid: float, natural: float) -> None:
        legs = tuple(
            LegIntent(n, 1, side if purpose is Purpose.ENTRY else side.opposite) for n, (_, _, side) in LEGS.items()
        )
        intent = PlaceIntent(ref, ref, 1, purpose, "ic-1", rule, legs, quantity, mid, mid, natural, self.at)
        self.pulse(actions=({"type": "submit", "seq": self.journal.next_seq, "intent": msgspec.to_builtins(intent)},))

    def fill(self, exec_id: str, con_id: int, ref: str, quantity: int, price: float, side: Action) -> Fill:
        return Fill(exec_id, ref, con_id, side, quantity, price, 100, self.at)

    def bought_or_sold(self, ref: str, quantity: int, prices: dict[int, float], *, closing: bool = False) -> None:
        for n, price in prices.items():
            side = LEGS[n][2].opposite if closing else LEGS[n][2]
            self.tell(Filled(fill=self.fill(f"{ref}.{n}.01", n, ref, quantity, price, side)))
            self.tell(CommissionReported(exec_id=f"{ref}.{n}.01", commission_usd=1.5))

    def moved(self, before: str, after: str, text: str = "") -> None:
        self.pulse(moves=(Move("condor", "ic-1", before, after, text),))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def sold(state: Path, quantity: int = 2) -> Story:
    """Monday: a two-lot condor sold at 10 points a unit."""
    story = Story(state)
    story.begin()
    story.nlv(500_000.0)
    story.levels(2750.0, 21.0)
    story.levels(2740.0, 22.0)
    story.levels(2760.0, 20.5)
    story.order(Purpose.ENTRY, "ic-1.e1", quantity, "C-ENTRY-4", mid=-10.2, natural=-9.2)
    story.moved("-", "entering")
    story.bought_or_sold("ic-1.e1", quantity, PRICES)
    story.moved("entering", "open")
    return story


def closed(state: Path) -> Path:
    """Tuesday: bought back for 5 points a unit."""
    story = sold(state)
    story.at = TUESDAY
    story.nlv(500_800.0)
    story.order(Purpose.EXIT, "ic-1.x1", 2, "C-EXIT-1", mid=4.9, natural=5.4)
    story.bought_or_sold("ic-1.x1", 2, {101: 4.0, 102: 7.0, 103: 4.0, 104: 2.0}, closing=True)
    story.moved("open", "closed", "profit target")
    for _ in range(5):
        story.pulse()
    story.end()
    return state


# money --------------------------------------------------------------------------------------------
def test_a_condor_sold_and_bought_back(state: Path) -> None:
    """Credit, worst loss, profit after commissions, and the rule that ended it."""
    (condor,) = build(closed(state), "all")["condors"]
    assert condor["quantity"] == 2
    assert condor["credit_points"] == 10.0
    assert condor["max_loss_usd"] == (50 - 10) * 100 * 2
    assert condor["commission_usd"] == 12.0
    assert condor["pnl_usd"] == (10 - 5) * 100 * 2 - 12.0
    assert (condor["state"], condor["exit_rule"], condor["open_contracts"]) == ("closed", "C-EXIT-1", {})
    assert condor["expiry"] == "2018-11-16"
    assert condor["legs"][0].startswith("BUY ")
    assert "2500" in condor["legs"][0]
    assert [s["state"] for s in condor["states"]] == ["entering", "open", "closed"]


def test_an_open_condor_is_worth_its_mids_and_unknown_without_them(state: Path) -> None:
    """A leg without a quote makes the value unknown, never zero."""
    story = sold(state)
    story.mids({101: 8.0, 102: 12.0, 103: 7.0})
    story.journal.commit(durable=True)
    report = build(state, "all")
    assert report["condors"][0]["pnl_usd"] is None
    assert any("unknown: an open leg has no quote" in line for line in verdict(report))
    story.mids({104: 3.0})
    story.end()
    report = build(state, "all")
    assert report["condors"][0]["pnl_usd"] == pytest.approx((10 - (12 + 7 - 8 - 3)) * 200 - 6.0)
    assert report["due"] == ["ic-1: open, expires 2018-11-16"]


def test_a_correction_replaces_an_execution_and_repetitions_count_once(state: Path) -> None:
    """Executions and commissions come again at every reconnect; a higher revision replaces the price."""
    story = sold(state)
    again = story.fill("ic-1.e1.102.01", 102, "ic-1.e1", 2, 14.0, Action.SELL)
    nothing: Known[Any] = Known(())
    story.tell(BrokerSnapshot(
        reason="round", epoch=1, started_at=story.at, positions=Known({}), open_orders=nothing,
        completed_orders=nothing, executions=Known((again,)),
    ))  # fmt: skip
    story.tell(CommissionReported(exec_id="ic-1.e1.102.01", commission_usd=1.5))
    story.tell(Filled(fill=story.fill("ic-1.e1.102.02", 102, "ic-1.e1", 2, 13.0, Action.SELL)))
    story.tell(CommissionReported(exec_id="ic-1.e1.102.02", commission_usd=1.75))
    story.end()
    report = build(state, "all")
    (condor,) = report["condors"]
    assert condor["credit_points"] == 9.0
    assert condor["commission_usd"] == 6.25
    assert len(report["fills"]) == 4
    assert [f["price_points"] for f in report["fills"] if f["con_id"] == 102] == [13.0]


def test_a_commission_told_before_its_execution_is_not_lost(state: Path) -> None:
    """The order of the two messages does not matter."""
    story = sold(state, quantity=1)
    story.order(Purpose.EXIT, "ic-1.x1", 1, "C-EXIT-3", mid=4.9, natural=5.4)
    story.tell(CommissionReported(exec_id="x.1.01", commission_usd=2.0))
    story.tell(Filled(fill=story.fill("x.1.01", 102, "ic-1.x1", 1, 7.0, Action.BUY)))
    story.end()
    assert build(state, "all")["condors"][0]["commission_usd"] == 8.0


def test_a_partial_fill_is_counted_by_what_was_filled(state: Path) -> None:
    """One of two units: quantity, credit and worst loss are those of one unit."""
    story = Story(state)
    story.begin()
    story.order(Purpose.ENTRY, "ic-1.e1", 2, "C-ENTRY-4", mid=-10.2, natural=-9.2)
    story.moved("-", "entering")
    story.bought_or_sold("ic-1.e1", 1, PRICES)
    story.end()
    report = build(state, "all")
    (condor,) = report["condors"]
    assert (condor["quantity"], condor["credit_points"], condor["max_loss_usd"]) == (1, 10.0, 4000.0)
    assert report["orders"][0]["filled_units"] == 1


def test_an_expired_condor_is_settled_at_its_payoff_and_no_longer_due(state: Path) -> None:
    """At 2860 the short call of 2850 pays ten points against the ten points of credit."""
    story = sold(state)
    story.at = datetime(2018, 11, 16, 20, 59, tzinfo=UTC)
    story.levels(2860.0, 15.0)
    story.at = datetime(2018, 11, 19, 14, 31, tzinfo=UTC)
    story.levels(2700.0, 15.0)
    held = {101: 2, 102: -2, 103: -2, 104: 2}
    story.pulse(settled=tuple(
        Settled(n, held[n], 10.0 if n == 103 else 0.0, 100, story.at, owner="ic-1") for n in held
    ))  # fmt: skip
    story.moved("open", "settled")
    story.end()
    report = build(state, "all")
    assert report["condors"][0]["pnl_usd"] == pytest.approx((10 - 10) * 200 - 6.0)
    assert (report["condors"][0]["open_contracts"], report["due"]) == ({}, [])
    assert verdict(report)[0] == "1 condor sold, 1 ended (1 by settlement), 0 still open."


# orders -------------------------------------------------------------------------------------------
def test_slippage_is_the_fill_against_the_mid_when_decided(state: Path) -> None:
    """Sold at 10.0 with the mid at 10.2, bought at 5.0 with the mid at 4.9; shares of the half-spread."""
    report = build(closed(state), "all")
    entry, exit_ = report["orders"]
    assert (entry["fill_points"], entry["slippage_points"]) == (-10.0, pytest.approx(0.2))
    assert (exit_["fill_points"], exit_["slippage_points"]) == (5.0, pytest.approx(0.1))
    assert report["slippage"] == {
        "filled_orders": 2, "points": 0.6, "half_spread_points": 3.0, "share_of_half_spread_pct": 20.0,
    }  # fmt: skip


def test_order_states_follow_the_moves_and_what_still_works_is_due(state: Path) -> None:
    """The last state of each order, with its time; a working order is on the table for tomorrow."""
    story = sold(state)
    story.order(Purpose.EXIT, "ic-1.x1", 2, "C-EXIT-1", mid=4.9, natural=5.4)
    story.pulse(moves=(Move("order", "ic-1.x1", "approved", "sent"), Move("order", "ic-1.x1", "sent", "working")))
    story.end()
    report = build(state, "all")
    assert [s["state"] for s in report["orders"][1]["states"]] == ["approved", "sent", "working"]
    assert report["orders"][1]["slippage_points"] is None
    assert "order ic-1.x1 is still working" in report["due"]


# sessions -----------------------------------------------------------------------------------------
def test_a_session_has_its_range_money_and_counts(state: Path) -> None:
    """Monday is Monday's: levels, net liquidation, orders and fills of that day only."""
    closed(state)
    (monday,) = build(state, "2018-10-15")["sessions"]
    assert monday["spx"] == {"first": 2750.0, "last": 2760.0, "low": 2740.0, "high": 2760.0}
    assert monday["vix"] == {"first": 21.0, "last": 20.5, "low": 20.5, "high": 22.0}
    assert (monday["orders"], monday["fills"], monday["config"]) == (1, 4, "abcdef")
    assert (monday["nlv_start_usd"], monday["nlv_end_usd"], monday["change_usd"]) == (500_000.0, 500_000.0, 0.0)
    (last,) = build(state, "last")["sessions"]
    assert (last["session"], last["orders"]) == ("2018-10-16", 1)
    assert len(build(state, "all")["sessions"]) == 2


def test_an_account_figure_nobody_gave_is_unknown(state: Path) -> None:
    """No net liquidation reported: null, not zero."""
    story = Story(state)
    story.begin()
    story.nlv(None)
    story.end()
    (session,) = build(state, "all")["sessions"]
    assert (session["nlv_start_usd"], session["change_usd"]) == (None, None)


def test_a_session_that_is_not_there_lists_those_that_are(state: Path) -> None:
    """A wrong date is answered with the journal's range; an empty journal says that it is one."""
    Story(state).end()
    with pytest.raises(NoSuchSession, match="the journal is empty"):
        build(state, "last")
    closed(state)
    with pytest.raises(NoSuchSession, match="no session 2018-10-14; the journal has 2018-10-15 to 2018-10-16"):
        build(state, "2018-10-14")


# trouble ------------------------------------------------------------------------------------------
def link(state: LinkState, reason: str = "x") -> LinkChanged:
    return LinkChanged(state=state, epoch=1, reason=reason)


def test_time_without_a_link_is_counted_and_its_reasons_kept(state: Path) -> None:
    """Ninety seconds down are ninety seconds blind; a degraded link counts as none."""
    story = Story(state)
    story.begin()
    story.tell(link(LinkState.UP))
    story.tell(link(LinkState.DEGRADED, "farm lost"))
    story.at += timedelta(seconds=29)
    story.tell(link(LinkState.DOWN, "socket reset"))
    story.at += timedelta(seconds=59)
    story.tell(link(LinkState.UP))
    story.end()
    report = build(state, "all")
    (session,) = report["sessions"]
    assert (session["blind_s"], session["reconnects"]) == (90.0, 1)
    assert [(f["code"], f["text"]) for f in report["faults"]] == [
        ("LINK-DEGRADED", "farm lost"), ("LINK-DOWN", "socket reset"),
    ]  # fmt: skip
    assert "1 reconnect, 90 s of market time without a link." in verdict(report)


def test_a_link_that_never_came_back_was_blind_to_the_end(state: Path) -> None:
    """A bot without a gateway all day does not report a day without trouble."""
    story = Story(state)
    story.begin()
    story.tell(link(LinkState.DOWN, "no gateway"))
    story.at += timedelta(seconds=599)
    story.pulse()
    story.end()
    report = build(state, "all")
    assert report["sessions"][0]["blind_s"] == 600.0
    assert "0 reconnects, 600 s of market time without a link." in verdict(report)


def test_faults_missed_moments_and_commands_are_listed(state: Path) -> None:
    """What went wrong and who intervened, with time and words."""
    story = Story(state)
    story.begin()
    story.tell(FaultNoted(code="LEDGER", text="x"))
    story.tell(TimerMissed(name="close_check", due_at=MONDAY))
    story.tell(OperatorCommanded(verb=OperatorVerb.KILL, who="joe", reason="drill"))
    story.pulse(alerts=(Alert(AlertLevel.CRITICAL, "k", "HALTED by joe: drill"), Alert(AlertLevel.INFO, "i", "fine")))
    story.end()
    report = build(state, "all")
    assert [(f["code"], f["text"]) for f in report["faults"]] == [("LEDGER", "x"), ("TIMER", "missed close_check")]
    assert [(o["verb"], o["who"], o["reason"]) for o in report["operator"]] == [("kill", "joe", "drill")]
    assert [row["text"] for row in report["needs_you"]] == ["HALTED by joe: drill"]
    assert verdict(report)[-1] == "Needs you: HALTED by joe: drill"


def test_a_quarantined_condor_needs_a_person(state: Path) -> None:
    """It stays on the list until it leaves quarantine."""
    story = sold(state)
    story.moved("open", "quarantine")
    story.end()
    assert [row["text"] for row in build(state, "all")["needs_you"]] == ["condor ic-1 is in quarantine"]


# decisions and caps -------------------------------------------------------------------------------
def decided(at: datetime, rule: str, subject: str, how: DecisionVerdict, text: str) -> Decision:
    return Decision(at=at, rule=rule, subject=subject, verdict=how, text=text, inputs={"vix_points": 27.125},
                    thresholds={"blocked_from_points": 25.0}, near=0.085)  # fmt: skip


def refused() -> Verdict:
    check = CheckResult("C07", "all condors", False, 16.0, 15.0, "pct", "16 above 15", Consequence.DENY)
    passed = CheckResult("C06", "one condor", True, 2.0, 3.0, "pct", "fine", Consequence.DENY)
    return Verdict("ic-1.e2", False, (passed, check), "C07", "denied by C07 all condors: 16 above 15")


def with_decisions(state: Path) -> Path:
    story = sold(state)
    for _ in range(3):
        story.pulse(decisions=(decided(story.at, "C-ENTRY-5", "entry", DecisionVerdict.DECLINE, "VIX is too high"),))
    story.pulse(decisions=(decided(story.at, "C-EXIT-3", "ic-1", DecisionVerdict.HOLD, "no loss"),))
    story.pulse(verdicts=(refused(),))
    for used, floor in ((9.0, 60.0), (14.0, 45.0), (None, 50.0)):
        story.pulse(caps=(Use("C07", "all condors", used, 15.0, "pct"), Use("C20", "excess", floor, 40.0, "pct", True)))
    story.end()
    return state


def test_an_order_the_broker_rejected_is_told_three_times(state: Path) -> None:
    """In the verdict, among the faults with the broker's words, and as a mark on the timeline: the gate let it through,
    so nothing else would say that it never worked."""
    story = sold(state)
    story.order(Purpose.EXIT, "ic-1.x1", 2, "C-EXIT-1", mid=4.9, natural=5.4)
    story.pulse(moves=(Move("order", "ic-1.x1", "reject_claimed", "rejected", "available funds are insufficient"),))
    for _ in range(12):
        story.pulse()
    story.end()
    told = build(state, "last")
    assert "The broker rejected 1 order." in told["verdict"]
    (fault,) = [row for row in told["faults"] if row["code"] == "REJECTED"]
    assert fault["text"] == "ic-1.x1: available funds are insufficient"
    (mark,) = [m for m in told["days"][0]["timeline"]["markers"] if m["kind"] == "fault"]
    assert "ic-1.x1" in mark["text"]


def test_why_something_was_not_done(state: Path) -> None:
    """The last reasons about a subject or a rule, with what was seen and compared; refusals too."""
    with_decisions(state)
    rows = explain(state, "entry", "C-ENTRY-5", 2)
    assert [row["rule"] for row in rows] == ["C-ENTRY-5", "C-ENTRY-5"]
    assert [row["seq"] for row in explain(state, "entry", None, 2)] == [rows[-1]["seq"]]
    words = rows[-1]["words"]
    assert "C-ENTRY-5 Volatility filters\n  entry: DECLINE - VIX is too high" in words
    assert "saw      vix_points 27.125" in words
    assert "against  blocked_from_points 25" in words
    assert "8.5 % from its threshold" in words
    assert [r["rule"] for r in explain(state, "last", "C-EXIT-3", 5)] == ["C-EXIT-3"]
    (denial,) = explain(state, "ic-1.e2", None, 5)
    assert "DENIED - denied by C07" in denial["words"]
    assert "C07 all condors: 16 against 15 pct" in denial["words"]
    assert explain(state, "ic-9", None, 5) == []


def test_caps_are_reported_at_their_fullest(state: Path) -> None:
    """The highest use of a cap, the lowest of a floor, when it was, and how often it was unknown."""
    caps = {c["code"]: c for c in build(with_decisions(state), "all")["caps"]}
    assert (caps["C07"]["worst"], caps["C07"]["cap"], caps["C07"]["share_pct"]) == (14.0, 15.0, 93.3)
    assert caps["C07"]["unknown"] == 1
    assert (caps["C20"]["worst"], caps["C20"]["share_pct"]) == (45.0, 88.9)
    assert caps["C07"]["at"] == caps["C20"]["at"]


def test_refusals_are_counted_in_the_verdict(state: Path) -> None:
    """How many, and by which check."""
    assert "The gate refused 1 order: 1 by C07." in verdict(build(with_decisions(state), "all"))


# shape --------------------------------------------------------------------------------------------
def test_the_report_is_json_with_the_promised_keys(state: Path) -> None:
    """Others read it: these names are fixed, and nothing in it is not JSON."""
    report = build(with_decisions(state), "all")
    assert {"sessions", "condors", "decisions", "orders", "fills", "caps", "faults", "replay"} <= set(report)
    assert {"id", "legs", "quantity", "credit_points", "max_loss_usd", "states", "exit_rule", "pnl_usd"} <= set(
        report["condors"][0]
    )
    assert {"at", "rule", "verdict", "inputs"} <= set(report["decisions"][0])
    assert {"code", "cap", "worst", "at"} <= set(report["caps"][0])
    json.dumps(report, allow_nan=False)


def test_the_replay_is_reported_as_it_ended(state: Path) -> None:
    """Not run until it was run; then what it found."""
    closed(state)
    assert build(state, "all")["replay"]["status"] == "not run"
    note_replay(state, {"status": "identical", "session": "all", "events": 40, "outcomes": 9, "to_seq": 39})
    badge = build(state, "all")["replay"]
    assert (badge["status"], badge["events"], badge["outcomes"]) == ("identical", 40, 9)
    note_replay(state, {"status": "diverged", "session": "2018-10-16", "to_seq": 50, "code": "0"})
    report = build(state, "2018-10-16")
    assert (report["replay"]["status"], report["replay"]["session"]) == ("diverged", "2018-10-16")
    assert report["needs_you"][0]["text"].startswith("the replay of this session made other decisions")
    (state / "replay.json").write_text('{"status": "ident')
    assert build(state, "all")["replay"]["status"] == "not run"


def test_the_text_has_every_part_and_fits_a_terminal(state: Path) -> None:
    """Verdict first, then tables; no line is wider than 120 columns except a condor's legs."""
    text = render(build(with_decisions(state), "all"))
    for part in ("1 condor sold", "2018-10-15", "ic-1", "Orders", "Refused by the gate", "Not done, because", "Caps",
                 "Due next", "Replay: not run", "no financial advice"):  # fmt: skip
        assert part in text, part
    assert "   3 x C-ENTRY-5: VIX is too high" in text
    assert max(len(line) for line in text.splitlines() if "SPX" not in line) <= 120


def test_the_closing_words_save_the_report_and_the_worlds_substitutions(state: Path) -> None:
    """What a simulation says last: the verdict, where the report is, what the world made up."""
    words = closing_words(closed(state), ("2018-10-15: VIX9D derived",))
    assert words.lines[0] == "1 condor sold, 1 ended (1 by C-EXIT-1), 0 still open."
    assert "+988 dollars" in words.lines[1]
    assert (state / "reports/all.txt").read_text().startswith("1 condor sold")
    assert (state / "reports/world-notes.txt").read_text() == "2018-10-15: VIX9D derived\n"
    assert str(state / "reports/all.txt") in words.render()


def test_a_journal_with_nothing_but_a_start_makes_a_report(state: Path) -> None:
    """A bot that was started and stopped has a report that says so."""
    story = Story(state)
    story.begin()
    story.end()
    report = build(state, "last")
    assert render(report).startswith("0 condors sold, 0 ended, 0 still open.")
    assert report["condors"] == []


def test_overrides_and_answers_are_counted(state: Path) -> None:
    """G-GOV-4: how often people held back, approved and declined, and the orders it cost; silent where nobody did."""
    story = sold(state)
    story.end()
    assert build(state, "all")["governance"] == dict.fromkeys(
        ("overrides", "approvals", "declines", "orders_refused", "held_back"), 0
    )
    assert "Governance" not in render(build(state, "all"))
    story = Story(state)
    story.at = MONDAY + timedelta(hours=3)

    def said(rule: str, text: str) -> Decision:
        return Decision(story.at, rule, "entry", DecisionVerdict.DECLINE, text)

    def told(verb: OperatorVerb, approver: str = "") -> OperatorCommanded:
        return OperatorCommanded(verb=verb, who="joe", reason="why", subject="ap-1", approver=approver)

    story.tell(told(OperatorVerb.OVERRIDE), decisions=(said("G-GOV-4", "held back by an override"),))
    story.pulse(decisions=(said("C-DEC-1", "row 0: entries are held back: an override by joe"),))
    refused = Verdict("ic-2.entry.1", False, (), "G-GOV-2", "denied by G-GOV-2: declined by anna")
    story.tell(told(OperatorVerb.DECLINE, "anna"), verdicts=(refused,))
    story.tell(told(OperatorVerb.APPROVE, "anna"))
    story.end()
    built = build(state, "all")
    assert built["governance"] == {
        "overrides": 1, "approvals": 1, "declines": 1, "orders_refused": 1, "held_back": 1,
    }  # fmt: skip
    assert "1 overrides, 1 times something was held back" in render(built)
    assert ("decline", "anna", "ap-1 why") in [(o["verb"], o["who"], o["reason"]) for o in built["operator"]]
