"""Start is recovery is replay: the journal alone gives the state back, wherever the process died."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from bot import recover
from bot.engine.state import State
from bot.journal import Journal, JournalDamaged, JournalError
from bot.recover import code_version, encode_state
from bot.replay import replay
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb
from strategies.domain.orders import OrderState
from strategies.domain.session import session_date
from tests.bot.engine.builders import command, run_started
from tests.bot.engine.live_bench import LiveBench

S = OrderState


def journal(folder: Path) -> Path:
    return folder / "journal.sqlite3"


def next_life(dead: LiveBench) -> LiveBench:
    """A new process on the same folder: state from the journal, the broker as the old one left it."""
    dead.journal._db.close()
    found = recover.recover(journal(dead.folder))
    life = LiveBench(dead.folder, state=found)
    life.now = dead.now
    life.broker.orders = dead.broker.orders
    life.broker.executions = dead.broker.executions
    life.broker.positions = dead.broker.positions
    life.world.options = dead.world.options
    life.feed(run_started(run_id="run-2"))
    return life


def test_an_empty_journal_is_an_empty_state(tmp_path: Path) -> None:
    """Nothing recorded, nothing known."""
    with LiveBench(tmp_path):
        assert recover.recover(journal(tmp_path)) == State()


def test_the_state_is_the_fold_of_the_journal(tmp_path: Path) -> None:
    """After a morning with a condor and a kill, what recovery gives equals what the process held."""
    with LiveBench(tmp_path) as live:
        live.start().open_condor()
        live.pulse(4.0)
        live.feed(command(OperatorVerb.KILL))
        assert recover.recover(journal(tmp_path)) == live.state
        assert recover.recover(journal(tmp_path)) == live.state, "a second recovery finds the same"


def test_a_run_whose_settings_are_unknown_here_refuses_the_start_in_words(tmp_path: Path) -> None:
    """After an upgrade that dropped a setting: who wrote the record, which setting, and what to do."""
    told = msgspec.json.decode(run_started().parameters)
    told["alvh"]["rotation"]["long_gone"] = 3
    fact = msgspec.structs.replace(
        run_started(code_version="0.0.9+feed"), parameters=msgspec.json.encode(told).decode()
    )
    kept = Journal.open(journal(tmp_path), clock_session=session_date)
    kept.append_event(ev.Envelope(kept.next_seq, datetime(2026, 5, 4, 14, tzinfo=UTC), fact))
    kept.commit(durable=True)
    kept.close()
    for again in (lambda: recover.recover(journal(tmp_path)), lambda: replay(tmp_path)):
        with pytest.raises(JournalError, match=r"record 1 is of a run by 0\.0\.9\+feed.*long_gone.*--state"):
            again()


@pytest.mark.parametrize("code", ["test", "another version"])
def test_a_checkpoint_shortens_the_start(tmp_path: Path, code: str) -> None:
    """It stands for the records before it, whichever code wrote it: those are not decided again by other code."""
    with LiveBench(tmp_path) as live:
        live.start().propose()
        marked = msgspec.structs.replace(live.state, config_hash="from the checkpoint", code_version=code)
        live.journal.append_checkpoint(live.now, encode_state(marked))
        live.pulse(1.0)
        found = recover.recover(journal(tmp_path))
        assert found.config_hash == "from the checkpoint"
        said = {"config_hash": live.state.config_hash, "code_version": live.state.code_version}
        assert msgspec.structs.replace(found, **said) == live.state


def test_a_checkpoint_of_a_bot_that_knew_fewer_guards_is_used(tmp_path: Path) -> None:
    """An upgrade that brings a guard does not decide the past again: the guard has its documented value."""
    with LiveBench(tmp_path) as live:
        live.start().propose()
        marked = msgspec.structs.replace(live.state, config_hash="from the checkpoint")
        raw = msgspec.json.decode(encode_state(marked))
        for name in ("uneven_legs_s", "silent_sessions", "shown_size_pct", "model_vega_pct"):
            del raw["parameters"]["limits"]["guards"][name]
        live.journal.append_checkpoint(live.now, msgspec.json.encode(raw))
        live.pulse(1.0)
        found = recover.recover(journal(tmp_path))
        assert found.config_hash == "from the checkpoint"
        assert found.parameters == live.state.parameters


def test_a_checkpoint_of_another_shape_is_not_used(tmp_path: Path) -> None:
    """What cannot be read as a state is no state: everything is folded again from the facts."""
    with LiveBench(tmp_path) as live:
        live.start().propose()
        live.journal.append_checkpoint(live.now, b'{"seq": "of another shape"}')
        live.pulse(1.0)
        assert recover.recover(journal(tmp_path)) == live.state


def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    """Deciding on altered facts would be worse than not starting."""
    with LiveBench(tmp_path) as live:
        live.start()
    path = journal(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"DU7654321", b"DU7654329"))
    with pytest.raises(JournalDamaged, match="does not match its hash"):
        recover.recover(journal(tmp_path))


class Dead(BaseException):
    """The process is gone in the middle of a call."""


@pytest.mark.parametrize("moment", ["before the commit", "after the commit", "after the send", "after the ack"])
def test_wherever_the_process_dies_around_a_send_the_order_is_neither_lost_nor_doubled(
    tmp_path: Path, moment: str
) -> None:
    """Uncommitted: no trace. Committed and not sent: proven absent. Sent: found by its reference. Never sent twice."""
    dead = LiveBench(tmp_path).start()
    assert isinstance(dead, LiveBench)
    submit, commit = dead.broker.submit, dead.journal.commit

    def dying_submit(approved: object) -> None:
        if moment in ("after the send", "after the ack"):
            submit(approved)  # type: ignore[arg-type]
        if moment == "after the ack":
            dead.runner._handle_waiting()
            commit(durable=False)
        raise Dead

    def dying_commit(durable: bool) -> None:
        if durable and moment == "before the commit":
            raise Dead
        commit(durable)

    dead.broker.submit = dying_submit  # type: ignore[method-assign]
    dead.journal.commit = dying_commit  # type: ignore[method-assign]
    with pytest.raises(Dead):
        dead.propose()
    sent = list(dead.broker.orders)
    life = next_life(dead)
    with life:
        states = {record.state for record in life.state.book.orders.values()}
        expected = {"before the commit": set(), "after the ack": {S.WORKING}}.get(moment, {S.UNKNOWN})
        assert states == expected
        life.connect()
        for _ in range(4):
            life.pulse(4.0)
        ends = {ref: record.state for ref, record in life.state.book.orders.items()}
        assert [ref for ref, state in ends.items() if state is S.WORKING] == sent
        assert set(ends.values()) <= {S.WORKING, S.ABSENT}
        assert life.broker.said("submit") == []


def test_a_fill_the_dead_process_never_wrote_comes_back_from_the_broker(tmp_path: Path) -> None:
    """Filled while nobody listened: the next life books it once, from the executions."""
    dead = LiveBench(tmp_path).start()
    assert isinstance(dead, LiveBench)
    ref = dead.propose().ref
    dead.broker.fill(ref, tell=False)
    with next_life(dead) as life:
        life.connect()
        assert life.order(ref).state is S.FILLED
        assert life.state.book.positions() == life.broker.positions
        life.feed(life.broker.snapshot())
        assert len(life.state.book.fills) == 4


def test_dying_during_recovery_changes_nothing(tmp_path: Path) -> None:
    """A third life after a second one that died at its start finds the same orders and positions."""
    dead = LiveBench(tmp_path).start()
    assert isinstance(dead, LiveBench)
    ref = dead.propose().ref
    second = next_life(dead)
    with next_life(second) as third:
        third.connect()
        assert third.order(ref).state is S.WORKING
        assert third.broker.said("submit") == []


def test_the_code_version_changes_with_any_file_that_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strategies, risk, engine and reconcile count; what only reports does not."""
    for name in ("strategies/a.py", "risk/b.py", "bot/engine/c.py", "bot/reconcile.py", "bot/report/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one = 1\n")
    monkeypatch.setattr(recover, "ROOT", tmp_path)
    seen = {code_version()}
    for count, name in enumerate(("strategies/a.py", "risk/b.py", "bot/engine/c.py", "bot/reconcile.py"), start=2):
        (tmp_path / name).write_text("one = 2\n")
        seen.add(code_version())
        assert len(seen) == count
    (tmp_path / "bot/report/d.py").write_text("one = 2\n")
    assert code_version() in seen
