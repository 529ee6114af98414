"""The step as a function: same facts, same states, actions and outcomes; any prefix, any pause, through JSON or not."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.actions import Alert, Submit
from bot.engine.outcome import Step
from bot.engine.state import State
from bot.engine.step import step
from bot.journal import codec
from bot.recover import decode_state, encode_state
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.book import Fill
from strategies.domain.control import LinkState, OperatorVerb
from strategies.domain.decision import DecisionVerdict
from tests.bot.engine.bench import Bench
from tests.bot.engine.builders import TEN, command, link, make_fill, make_snapshot, run_started, seconds


@pytest.fixture(scope="module")
def morning() -> Bench:
    """A recorded morning: entry filled, second order in doubt, an external trade, a kill, a restart, an arm."""
    bench = Bench().start()
    bench.open_condor()
    for _ in range(4):
        bench.pulse(4.0)
        bench.tick()
    bench.feed(command(OperatorVerb.PAUSE), ev.Filled(fill=make_fill("m1.01", quantity=1, ref=None)))
    bench.broker.positions[101] = 1
    bench.feed(link(LinkState.DEGRADED), ev.FaultNoted(code="X", text="noted"), link(LinkState.UP))
    bench.pulse(31.0)
    bench.feed(command(OperatorVerb.KILL))
    bench.restart().connect()
    bench.feed(command(OperatorVerb.ARM))
    bench.tick(1.0)
    bench.feed(ev.TimerFired(name="regime", due_at=bench.now))
    return bench


def again(envelopes: list[ev.Envelope], state: State | None = None) -> list[Step]:
    steps, state = [], state or State()
    for envelope in envelopes:
        steps.append(step(state, envelope))
        state = steps[-1].state
    return steps


def written(made: Step) -> bytes:
    return codec.encode_outcome(made.outcome)


def test_the_same_facts_make_the_same_states_and_outcomes(morning: Bench) -> None:
    """Stepping twice over the same envelopes gives equal states and the same bytes of outcome, step by step."""
    for live, remade in zip(morning.steps, again(morning.envelopes), strict=True):
        assert remade.state == live.state
        assert written(remade) == written(live)


def test_every_prefix_of_the_facts_leads_to_the_state_of_its_moment(morning: Bench) -> None:
    """The state after n facts depends on those n facts alone; what follows cannot change it."""
    for end in range(0, len(morning.envelopes), 7):
        steps = again(morning.envelopes[:end])
        assert [s.state for s in steps] == [s.state for s in morning.steps[:end]]


def test_facts_read_back_from_their_json_make_the_same_outcomes(morning: Bench) -> None:
    """A replay sees facts as the journal gives them back; nothing the engine decides depends on the difference."""
    state = State()
    for live, envelope in zip(morning.steps, morning.envelopes, strict=True):
        body, _ = codec.encode_event(envelope.event)
        made = step(state, msgspec.structs.replace(envelope, event=codec.decode_event(body)))
        state = made.state
        assert written(made) == written(live)
    assert state == morning.state


def test_a_rich_state_comes_back_equal_from_its_checkpoint(morning: Bench) -> None:
    """Every state of the morning survives encode and decode; going on from there makes the same outcomes."""
    for place, made in enumerate(morning.steps):
        kept = decode_state(encode_state(made.state))
        assert kept == made.state
        if place % 11 == 0:
            rest = again(morning.envelopes[place + 1 :], kept)
            assert [written(s) for s in rest] == [written(s) for s in morning.steps[place + 1 :]]


def test_a_checkpoint_of_another_shape_is_not_used() -> None:
    """Code that knew other fields wrote it: it is set aside, not half understood."""
    assert decode_state(b'{"seq": "one"}') is None
    assert decode_state(b'{"book": {"orders": 3}}') is None


def test_the_recorded_morning_is_rich(morning: Bench) -> None:
    """The determinism above was shown on something: an open condor, fills, verdicts, latches, marks, caps."""
    state = morning.state
    assert {c.state for c in state.condors.values()} == {CondorState.OPEN}
    assert state.book.fills
    assert state.marks
    assert any(s.outcome.caps for s in morning.steps)
    assert any(isinstance(a, Submit) for s in morning.steps for a in s.actions)
    assert {m.what for s in morning.steps for m in s.outcome.moves} == {"order", "condor"}


def test_time_never_runs_backwards(morning: Bench) -> None:
    """A record stamped before the one ahead of it is a broken journal; the same moment twice is not."""
    state = morning.state
    assert state.now is not None
    fact = ev.TimerFired(name="pulse", due_at=state.now)
    step(state, ev.Envelope(state.seq + 1, state.now, fact))
    with pytest.raises(ValueError, match="time runs backwards"):
        step(state, ev.Envelope(state.seq + 1, state.now - timedelta(microseconds=1), fact))


def test_the_engine_changes_nothing_it_was_given(morning: Bench) -> None:
    """Dicts inside a state are replaced, never mutated: an old state stays what it was."""
    kept = [(s.state, encode_state(s.state)) for s in morning.steps[::5]]
    again(morning.envelopes)
    assert all(encode_state(state) == body for state, body in kept)


def test_facts_before_the_first_run_decide_nothing() -> None:
    """Without parameters there is no desk and no gate; a fact that needs them is a broken journal."""
    made = step(State(), ev.Envelope(1, TEN, ev.TimerFired(name="pulse", due_at=TEN)))
    assert made.outcome.empty
    assert made.actions == ()


def test_an_unreadable_parameter_record_is_refused_whole() -> None:
    """A RunStarted whose numbers break their bounds stops the run instead of deciding with them."""
    bad = msgspec.structs.replace(run_started(), parameters='{"condor": {}, "limits": {}}')
    with pytest.raises(msgspec.ValidationError, match="limits"):
        step(State(), ev.Envelope(1, TEN, bad))


def test_a_standing_decision_is_written_once_and_again_as_a_sign_of_life() -> None:
    """Only what acts or changed is kept; the same verdict is repeated after half an hour."""
    bench = Bench().start()
    bench.now = TEN.replace(hour=20, minute=30)  # after the close
    bench.pulse()
    kept = [len(bench.pulse(60.0)[0].outcome.decisions) for _ in range(20)]
    assert sum(kept) == 0
    bench = Bench().start()
    bench.feed(command(OperatorVerb.PAUSE))
    bench.now = TEN
    first = [d.rule for s in bench.tick() for d in s.outcome.decisions]
    assert "C-DEC-1" in first
    for _ in range(8):
        repeated = [d.rule for s in bench.tick(60.0) for d in s.outcome.decisions]
        assert "C-DEC-1" not in repeated
    bench.now = TEN + timedelta(minutes=30)
    assert "C-DEC-1" in [d.rule for s in bench.tick() for d in s.outcome.decisions]


def test_a_decision_that_acts_names_its_order() -> None:
    """The verdict ACT is followed by the intent it names."""
    bench = Bench().start()
    ref = bench.propose().ref
    acts = [d for s in bench.steps for d in s.outcome.decisions if d.verdict is DecisionVerdict.ACT]
    assert [d.intent_ref for d in acts] == [ref]


def test_alerts_are_told_and_written_but_are_no_request_to_the_world(morning: Bench) -> None:
    """An alert appears among the alerts of the outcome, never among its actions."""
    for made in morning.steps:
        assert [a for a in made.actions if isinstance(a, Alert)] == list(made.outcome.alerts)
        assert all(a["type"] != "alert" for a in made.outcome.actions)


ORDER_WORDS = st.sampled_from(list(ev.BrokerOrderStatus))
CHAOS = st.lists(
    st.one_of(
        st.builds(lambda w: ("status", w), ORDER_WORDS),
        st.builds(lambda m: ("error", m), st.sampled_from(list(ev.ErrorMeaning))),
        st.builds(lambda n: ("fill", n), st.integers(0, 7)),
        st.sampled_from(
            [("kill", 0), ("arm", 0), ("down", 0), ("up", 0), ("restart", 0), ("empty", 0), ("open", 0), ("part", 0)]
        ),
        st.builds(lambda s: ("wait", s), st.integers(1, 40)),
    ),
    max_size=25,
)


@settings(max_examples=10, deadline=None)
@given(CHAOS)
def test_no_order_of_facts_breaks_the_engine_or_its_books(words: list[tuple[str, int]]) -> None:
    """Whatever is told, when and how often: no exception, fills once, positions conserved, state survives JSON."""
    bench = Bench(PARAMETERS).start()
    bench.broker.mute |= {"ack", "snapshot", "cancel"}
    intent = bench.propose()
    told: dict[str, Fill] = {}
    for kind, value in words:
        bench.now += seconds(1)
        bench.feed(*facts(bench, intent.ref, kind, value, told))
        book = bench.state.book
        assert set(book.fills) == set(told)
        expected: dict[int, int] = {}
        for fill in told.values():
            expected[fill.con_id] = expected.get(fill.con_id, 0) + fill.signed_quantity
        assert book.positions() == {c: q for c, q in expected.items() if q}
        assert decode_state(encode_state(bench.state)) == bench.state
    assert [written(s) for s in again(bench.envelopes)] == [written(s) for s in bench.steps]


PARAMETERS = Bench().parameters


def facts(bench: Bench, ref: str, kind: str, value: object, told: dict[str, Fill]) -> list[ev.AnyEvent]:
    """The fact a word of the chaos stands for."""
    order = bench.broker.orders[ref]
    match kind:
        case "status":
            assert isinstance(value, ev.BrokerOrderStatus)
            return [ev.OrderStatusReported(ref=ref, perm_id=9, status=value, filled=0.0, remaining=1.0)]
        case "error":
            assert isinstance(value, ev.ErrorMeaning)
            return [ev.OrderErrored(ref=ref, code=1, text="?", meaning=value)]
        case "fill":
            assert isinstance(value, int)
            leg = order.intent.legs[value % 4]
            fill = make_fill(f"c{value}.01", ref=ref, con_id=leg.con_id, side=leg.action, at=TEN)
            told[fill.base_id] = fill
            return [ev.Filled(fill=fill)]
        case "kill" | "arm":
            return [command(OperatorVerb(kind))]
        case "down":
            return [link(LinkState.DOWN)]
        case "up":
            return [link(LinkState.UP)]
        case "restart":
            return [run_started(PARAMETERS)]
        case "empty":
            return [make_snapshot(bench.now, executions=tuple(told.values()), positions=bench.state.book.positions())]
        case "open":
            return [bench.broker.snapshot(executions=tuple(told.values()), positions=bench.state.book.positions())]
        case "part":
            return [make_snapshot(bench.now, executions="late")]
        case _:
            assert isinstance(value, int)
            bench.now += seconds(value)
            return [ev.TimerFired(name="pulse", due_at=bench.now)]
