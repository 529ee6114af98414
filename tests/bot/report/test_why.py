"""`condor why`: a decision with its rule's sources, the age of what it saw, its distance, and what would turn it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bot.cli.root import cli
from bot.engine.outcome import Outcome
from bot.journal import Journal, reader
from bot.report.why import answer, explain, submitted
from bot.rules.catalogue import catalogue
from risk.result import CheckResult, Consequence, Verdict
from strategies.domain import events as ev
from strategies.domain.account import AccountSnapshot
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.instruments import Index
from strategies.domain.market import DailyBar, Quote
from strategies.domain.session import session_date
from tests.bot.engine.live_bench import LiveBench

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HOLD, DECLINE, ACT = DecisionVerdict.HOLD, DecisionVerdict.DECLINE, DecisionVerdict.ACT


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def decided(minutes: float, rule: str, subject: str, how: DecisionVerdict, **more: Any) -> Outcome:
    return Outcome(decisions=(Decision(at=at(minutes), rule=rule, subject=subject, verdict=how, text="so", **more),))


def volatility(minutes: float, vix: float, how: DecisionVerdict = HOLD) -> Outcome:
    limits = {"blocked_from_vix_points": 25.0, "rank_min_pct": 15.0, "tier_max": 1}
    seen = {"vix_points": vix, "rv20_points": 10.0, "iv_rank_pct": 60.0, "tier": 1}
    return decided(minutes, "C-ENTRY-5", "entry", how, inputs=seen, thresholds=limits)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """VIX is quoted at minute 1 and told half a minute later, an account at minute 2; then decisions and a denial."""
    journal = Journal.open(tmp_path / "journal.sqlite3", clock_session=session_date)

    def fact(minutes: float, event: ev.AnyEvent) -> int:
        return journal.append_event(ev.Envelope(journal.next_seq, at(minutes), event)).seq

    fact(0, ev.RunStarted(run_id="r", config_hash="abc123", parameters="{}", code_version="v"))
    fact(0, ev.InstrumentsLoaded(wanted="indices", instruments=(Index(7, "VIX", "CBOE"),)))
    fact(0, ev.BarsLoaded(symbol="SPX", bars=(DailyBar(date(2026, 2, 27), 1.0, 1.0, 1.0, 5500.0),)))
    fact(1.5, ev.QuotesUpdated(quotes=(Quote(7, None, None, None, None, 18.0, None, at(1), 1),)))
    seq = fact(2, ev.AccountReported(snapshot=AccountSnapshot(at=at(2), account="DU1", net_liquidation_usd=1e6)))
    journal.append_outcome(seq, at(2), volatility(2, 18.0))
    seq = fact(3, ev.TimerFired(name="pulse", due_at=at(3)))
    journal.append_outcome(seq, at(3), volatility(3, 26.0, DECLINE))
    counts = {"inputs": {"open": 1, "entries_today": 1}, "thresholds": {"max_open": 3, "entries_per_day": 1}}
    journal.append_outcome(seq, at(3), decided(3, "K-SIZE-3", "entry", DECLINE, **counts))
    profit = {"inputs": {"profit_points": 3.9}, "thresholds": {"target_points": 4.0}}
    journal.append_outcome(seq, at(3), decided(3, "C-EXIT-1", "ic-1", HOLD, **profit))
    checks = (
        CheckResult("C06", "condor loss", False, 3.3, 3.0, "% of NLV", "too much", Consequence.DENY),
        CheckResult("C05", "open condors", True, 1.0, 3.0, "condors", "fine", Consequence.DENY),
    )
    denial = Verdict("ic-2.entry.1", False, checks, "C06", "denied by C06 condor loss: too much")
    journal.append_outcome(seq, at(3), Outcome(verdicts=(denial,)))
    journal.commit(durable=True)
    journal.close()
    return tmp_path


def test_a_decision_names_its_rule_and_sources(state: Path) -> None:
    """Title, the statements it honours in our words, and the configuration of its run."""
    (row,) = explain(state, "entry", "C-ENTRY-5", 1)
    assert row["title"] == "Volatility filters"
    assert [source["id"] for source in row["sources"]] == ["S3-9"]
    assert row["config_hash"] == "abc123"
    for text in ("C-ENTRY-5 Volatility filters", "DECLINE", "S3-9  High implied", "config   abc123"):
        assert text in row["words"]


def test_the_age_of_what_it_saw_comes_from_the_facts(state: Path) -> None:
    """VIX was quoted a minute before the first decision, two before the second; closes reach to Friday."""
    first, second = explain(state, "entry", "C-ENTRY-5", 2)
    assert first["ages"] == {"vix": "60.0 s", "history": "closes to 2026-02-27"}
    assert second["ages"]["vix"] == "2 min"
    assert "aged     vix 2 min, history closes to 2026-02-27" in second["words"]


def test_distance_and_what_would_have_turned_it(state: Path) -> None:
    """A refusal at VIX 26 is 4 % from allowing; a permission at 18 says what would have taken it away."""
    first, second = explain(state, "entry", "C-ENTRY-5", 2)
    assert second["stands"] == "4.0 % from allowing (vix_points)"
    assert second["would_change"] == ["to allow it it needed vix_points < 25 (was 26)"]
    assert first["would_change"] == ["it would not allow it with vix_points >= 25 (was 18)"]


def test_near_misses_are_found_and_marked(state: Path) -> None:
    """Within a tenth of its threshold and not acted: VIX 26 of 25 and a profit of 3.9 of 4, not one entry of one."""
    rows = explain(state, "near", None, 9)
    assert [row["rule"] for row in rows] == ["C-ENTRY-5", "C-EXIT-1"]
    assert all("NEAR MISS" in row["words"] for row in rows)


def test_refusals_of_the_gate_name_the_rule_behind_the_check(state: Path) -> None:
    """A denial by C06 is K-SIZE-1's, with the failed check's distance and that rule's sources; passed ones stay out."""
    (row,) = explain(state, "refused", None, 9)
    assert (row["rule"], row["subject"]) == ("K-SIZE-1", "ic-2.entry.1")
    assert "C06 condor loss: 3.3 against 3 % of NLV, 10.0 % from its cap" in row["words"]
    assert "C05" not in row["words"]
    assert "S0-28" in row["words"]


def test_why_nothing_happened_lists_what_every_rule_had_said(state: Path) -> None:
    """By a moment: the last word of each rule about each subject, refusals last; later words do not count."""
    then = explain(state, "nothing", None, 60, until=at(2.5))
    assert [(row["rule"], row["verdict"]) for row in then] == [("C-ENTRY-5", "hold")]
    now = explain(state, "nothing", None, 60)
    assert [(row["rule"], row["verdict"]) for row in now] == [
        ("C-EXIT-1", "hold"), ("C-ENTRY-5", "decline"), ("K-SIZE-3", "decline"),
    ]  # fmt: skip
    assert "4.0 % from allowing" in now[1]["words"]


def _hedge_looked(state: Path) -> None:
    """Two looks of the hedge, at minutes 4 and 5: of three rules one declines, and the gate refuses its order."""
    journal = Journal.open(state / "journal.sqlite3", clock_session=session_date)
    for minute, days in ((4, 12.0), (5, 11.0)):
        fact = ev.Envelope(journal.next_seq, at(minute), ev.TimerFired(name="pulse", due_at=at(minute)))
        seq = journal.append_event(fact).seq
        roll = decided(minute, "A-ROLL-1", "alvh-s04", HOLD, inputs={"days_left": days}, thresholds={"days_left": 10.0})
        seen = decided(minute, "A-VEGA-2", "layer L2", DECLINE, inputs={"missing_contracts": 0.6})
        leave = decided(minute, "A-VEGA-2", "condors", HOLD, inputs={"net_vega_n": -0.1})
        check = CheckResult("C29", "quotes", False, 9.0, 5.0, "s", "too old", Consequence.DENY)
        denial = Verdict(f"alvh-s05.open.{minute}", False, (check,), "C29", "denied by C29 quotes: too old")
        journal.append_outcome(
            seq, at(minute), Outcome(decisions=roll.decisions + seen.decisions + leave.decisions, verdicts=(denial,))
        )
    journal.commit(durable=True)
    journal.close()


def test_why_the_hedge_did_nothing_is_the_last_word_of_each_of_its_rules(state: Path) -> None:
    """Slots, layers and refused orders of the hedge, nothing of the condors; what stood in the way at the end and in
    full, what merely held in two lines; an earlier moment is answered with what was said by then."""
    _hedge_looked(state)
    now = explain(state, "hedge", None, 60)
    assert [(row["rule"], row["subject"]) for row in now] == [
        ("A-ROLL-1", "alvh-s04"), ("A-VEGA-2", "condors"), ("A-VEGA-2", "layer L2"), ("C29", "alvh-s05.open.5"),
    ]  # fmt: skip
    told = answer(now, "hedge")
    assert (told.count("A-ROLL-1"), "config   abc123" in now[0]["words"]) == (1, False)
    assert "config   abc123" in now[2]["words"]
    then = explain(state, "hedge", None, 60, until=at(4.5))
    assert (then[0]["inputs"], then[3]["subject"]) == ({"days_left": 12.0}, "alvh-s05.open.4")
    by_rule = explain(state, "hedge", "A-ROLL-1", 5)
    assert [row["inputs"]["days_left"] for row in by_rule] == [12.0, 11.0]
    assert all("config   abc123" in row["words"] for row in by_rule)


def test_why_no_condor_was_sold_is_the_last_word_of_each_filter(state: Path) -> None:
    """Of the volatility filter only the later answer, with the count of condors beside it."""
    told = CliRunner().invoke(cli, ["why", "entry", "--state", str(state), "--json"])
    assert [(row["rule"], row["verdict"]) for row in json.loads(told.output)] == [
        ("C-ENTRY-5", "decline"), ("K-SIZE-3", "decline"),
    ]  # fmt: skip


def test_the_command_takes_a_moment_in_new_york(state: Path) -> None:
    """--at without a zone is New York; what is no moment is refused with what is allowed; nothing found is exit 1."""
    run = CliRunner()
    told = run.invoke(cli, ["why", "nothing", "--at", "2026-03-02 10:02:30", "--state", str(state), "--json"])
    assert [row["rule"] for row in json.loads(told.output)] == ["C-ENTRY-5"]
    bad = run.invoke(cli, ["why", "nothing", "--at", "noon", "--state", str(state)])
    assert (bad.exit_code, "write 2026-03-11 10:30" in bad.output) == (2, True)
    none = run.invoke(cli, ["why", "near", "--at", "2026-03-02 09:00", "--state", str(state)])
    assert none.exit_code == 1
    assert "no decision that missed by a little until 2026-03-02 09:00" in none.output


def test_a_rule_the_catalogue_does_not_know_is_still_told(state: Path) -> None:
    """A journal of another version may name other rules: shown without title, sources and distance."""
    journal = Journal.open(state / "journal.sqlite3", clock_session=session_date)
    seq = journal.append_event(ev.Envelope(journal.next_seq, at(9), ev.TimerFired(name="pulse", due_at=at(9)))).seq
    odd = Decision(at=at(9), rule="Z-OLD-1", subject="entry", verdict=HOLD, text="as it was", near=0.05)
    journal.append_outcome(seq, at(9), Outcome(decisions=(odd, msgspec.structs.replace(odd, verdict=DECLINE))))
    journal.commit(durable=True)
    journal.close()
    rows = explain(state, "last", "Z-OLD-1", 5)
    assert [(row["title"], row["sources"], row["near_miss"]) for row in rows] == [("", [], False), ("", [], True)]
    assert "5.0 % from its threshold" in rows[0]["words"]


def test_a_real_run_is_explained_throughout(tmp_path: Path) -> None:
    """Every decision and verdict of an engine's own journal has a rule of the catalogue, a distance where its
    conditions have numbers, and words; the entry names the age of the index."""
    with LiveBench(tmp_path) as live:
        live.start().open_condor()
        for _ in range(5):
            live.pulse(4.0)
            live.tick()
    rows = explain(tmp_path, "last", None, 1000)
    assert {row["kind"] for row in rows} == {"decision", "verdict"}
    decisions = [row for row in rows if row["kind"] == "decision"]
    assert {row["rule"] for row in decisions} <= set(catalogue().rules)
    measured = {row["rule"] for row in decisions if row["conditions"]}
    assert {"C-ENTRY-4", "C-ENTRY-5", "C-ENTRY-8", "K-SIZE-1", "K-SIZE-3", "P-BE-1", "C-EXIT-1", "C-EXIT-3"} <= measured
    entry = next(row for row in decisions if row["rule"] == "C-ENTRY-5")
    assert set(entry["ages"]) >= {"vix", "curve"}
    assert all(row["words"] for row in rows)
    told = CliRunner().invoke(cli, ["rules", "--state", str(tmp_path)])
    assert told.exit_code == 0
    _orders_are_answered(tmp_path)


def _orders_are_answered(state: Path) -> None:
    """The rule that an order names comes first; sources, ages, numbers, limits, distance and what would have turned it
    are all there (`benchmarks.explained` walks a whole story so)."""
    sent = submitted(reader.read_outcomes(state / "journal.sqlite3"))
    assert sent
    for ref, order in sent.items():
        answer = explain(state, ref, None, 9)
        assert answer[0]["rule"] == order.intent["rule"]
        for part in ("sources", "ages", "inputs", "thresholds", "stands", "would_change"):
            assert any(row.get(part) for row in answer), (ref, part)
        assert answer[-1]["text"].startswith("approved")


def test_a_denial_says_what_it_needed_and_an_approval_how_near_it_came(state: Path) -> None:
    """A loss of 3.3 % under a cap of 3: a tenth away; the answer names the number that would have let it through."""
    (row,) = explain(state, "refused", None, 9)
    assert row["stands"] == "10.0 % from being let through (C06 condor loss)"
    assert row["would_change"] == ["to be let through it needed C06 condor loss at 3 % of NLV (was 3.3)"]
