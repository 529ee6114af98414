"""What a run did, out of a journal written by hand: executions once, owners by orders, commissions, the account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.engine.outcome import Outcome
from bot.journal import Journal
from bot.twins.record import TwinsError, read
from strategies.alvh.params import AlvhParams, SizeParams
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Fill
from strategies.domain.events import (
    AccountReported,
    AnyEvent,
    BrokerSnapshot,
    CommissionReported,
    Envelope,
    Filled,
    RunStarted,
    TimerFired,
)
from strategies.domain.known import Known, Unknown
from strategies.domain.orders import Action, LegIntent, PlaceIntent, Purpose
from strategies.domain.session import session_date

START = datetime(2018, 2, 6, 15, 0, tzinfo=UTC)


class Diary:
    """A journal, one fact a second."""

    def __init__(self, state: Path) -> None:
        state.mkdir(mode=0o700, exist_ok=True)
        self.state, self.at = state, START
        self.journal = Journal.open(state / "journal.sqlite3", clock_session=session_date)

    def tell(self, event: AnyEvent, **outcome: Any) -> None:
        self.at += timedelta(seconds=1)
        seq = self.journal.next_seq
        self.journal.append_event(Envelope(seq, self.at, event))
        if outcome:
            self.journal.append_outcome(seq, self.at, Outcome(**outcome))

    def begin(self, params: AlvhParams) -> None:
        settings = json.dumps({"alvh": msgspec.to_builtins(params)})
        self.tell(RunStarted(run_id="r", config_hash="c", parameters=settings, code_version="v"))

    def worth(self, usd: float | None) -> None:
        self.tell(AccountReported(snapshot=AccountSnapshot("DU1", self.at, net_liquidation_usd=usd)))

    def order(self, ref: str, owner: str) -> None:
        legs = (LegIntent(7, 1, Action.BUY, 1 if owner == "alvh" else None),)
        intent = PlaceIntent(ref, ref, 1, Purpose.HEDGE, owner, "r", legs, 1, 1.0, 1.0, 1.1, self.at)
        action = {"type": "submit", "seq": self.journal.next_seq, "intent": msgspec.to_builtins(intent)}
        self.tell(TimerFired(name="pulse", due_at=self.at), actions=(action,))

    def fill(self, exec_id: str, ref: str | None, quantity: int, price: float, side: Action = Action.BUY) -> Fill:
        return Fill(exec_id, ref, 7, side, quantity, price, 100, self.at)

    def close(self) -> Path:
        self.journal.commit(durable=True)
        self.journal.close()
        return self.state


def snapshot(diary: Diary, *fills: Fill) -> BrokerSnapshot:
    """The broker's answer with these executions."""
    return BrokerSnapshot(reason="r", epoch=1, started_at=diary.at, positions=Unknown("x"), open_orders=Unknown("x"),
                          completed_orders=Unknown("x"), executions=Known(fills))  # fmt: skip


def test_each_execution_counts_once_and_its_correction_instead(tmp_path: Path) -> None:
    """Told, told again by a snapshot, corrected: one deal at the corrected price; commissions follow the execution."""
    diary = Diary(tmp_path / "state")
    diary.begin(AlvhParams())
    diary.order("ic-1.entry.1", "ic-1")
    diary.order("alvh-s01.open.1", "alvh")
    first, hedge = diary.fill("a.1.01", "ic-1.entry.1", 2, 3.0), diary.fill("b.1.01", "alvh-s01.open.1", 1, 1.5)
    diary.tell(Filled(fill=first))
    diary.tell(snapshot(diary, first, hedge, diary.fill("c.1.01", None, 5, 9.0, Action.SELL)))
    diary.tell(Filled(fill=diary.fill("a.1.02", "ic-1.entry.1", 2, 2.9)))
    diary.tell(CommissionReported(exec_id="a.1.01", commission_usd=2.2))
    record = read(diary.close())
    assert [(d.owner, d.quantity, d.price_points, d.commission_usd) for d in record.deals] == [
        ("alvh", 1, 1.5, 0.0), ("ic-1", 2, 2.9, 2.2)
    ]  # fmt: skip
    assert [d.of_hedge for d in record.deals] == [True, False]
    assert record.strange == 1, "an execution nobody here asked for is counted and left out"


def test_settings_and_the_accounts_change_are_the_runs_own(tmp_path: Path) -> None:
    """The static hedge gets the share the run was made with; what the account was worth is told first and last."""
    diary = Diary(tmp_path / "state")
    diary.begin(AlvhParams(size=SizeParams(offset_base=0.3)))
    for usd in (500_000.0, None, 501_250.0):
        diary.worth(usd)
    record = read(diary.close())
    assert record.alvh.size.offset_base == 0.3
    assert (record.funds_usd, record.account_change_usd) == (500_000.0, 1_250.0)
    assert record.first_at < record.last_at == diary.at


def test_a_journal_without_a_run_is_refused(tmp_path: Path) -> None:
    """Facts, but no run: nothing to compare."""
    diary = Diary(tmp_path / "state")
    diary.worth(1.0)
    with pytest.raises(TwinsError, match="records no run"):
        read(diary.close())
