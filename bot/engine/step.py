"""The one function that turns facts into actions: `step(state, envelope) -> (state, actions, outcome)`.

Deterministic and free of input and output: the only clock is the envelope's `at`, the only memory is the state.
Order inside a step: fold the fact, supervise what time changed, resolve what-if answers, let the desk decide.
"""

from __future__ import annotations

from datetime import timedelta

from bot.actions import AskChain, AskOptions, Subscribe
from bot.engine import arming, watching
from bot.engine.fold import fold
from bot.engine.looking import desk_view
from bot.engine.outcome import Step
from bot.engine.permit import forget, permit, resolve_approvals, resolve_margin
from bot.engine.state import State
from bot.engine.supervise import due, supervise
from bot.engine.work import Work
from strategies.desk import Wants, decide
from strategies.domain import events as ev
from strategies.domain.control import LinkState
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.desk_sample import DeskSample

_SILENT = (ev.CommissionReported, ev.OrderSent, ev.TimerMissed, ev.FaultNoted, ev.HostMeasured)
"""Facts after which nobody needs to decide anything."""


def step(state: State, envelope: ev.Envelope) -> Step:
    """Folds one fact and decides. Raises only on a broken journal (facts before RunStarted, time running backwards)."""
    if state.now is not None and envelope.at < state.now:
        raise ValueError(f"record {envelope.seq}: time runs backwards, {envelope.at} after {state.now}")
    work = Work(state, envelope.at)
    work.set(now=envelope.at, seq=envelope.seq)
    fold(work, envelope.event)
    if work.state.parameters is None:
        return work.finish()
    supervise(work, envelope.event)
    if not isinstance(envelope.event, _SILENT):
        resolve_margin(work)
        if work.state.consent.requests:
            arming.resolve(work)
            resolve_approvals(work)
        _decide(work)
    watching.stop_outs(work, state.condors)
    return work.finish()


def _decide(work: Work) -> None:
    state = work.state
    outcome = decide(desk_view(state, work.at))
    # An intent that waits for an answer is revalued when it comes: its legs keep their marks until then.
    asked = (*(pending.intent for pending in state.pending_margin.values()), *state.consent.waiting())
    waiting = {leg.con_id for intent in asked for leg in intent.legs}
    kept = {con_id: mark for con_id, mark in state.marks.items() if con_id in waiting}
    work.set(desk=outcome.desk_state, marks={**kept, **outcome.marks})
    _keep_decisions(work, outcome.decisions)
    _keep_sample(work, outcome.sample)
    for condor in outcome.updates:
        work.put_condor(condor)
        if not condor.active:
            forget(work, condor.id)
    for slot in outcome.slots.values():
        work.put_slot(slot)
    if state.link.state is LinkState.UP:
        _want(work, outcome.wants)
    permit(work, outcome.intents, outcome.proposals)


def _keep_decisions(work: Work, decisions: tuple[Decision, ...]) -> None:
    """Records a decision when it acts, when it changed, or as a sign of life after a while."""
    pause = timedelta(seconds=work.parameters.engine.hold_decision_every_s)
    kept: list[Decision] = []
    decided, decided_at = work.state.decided, work.state.decided_at
    for decision in decisions:
        key, signature = f"{decision.subject}|{decision.rule}", decision.signature
        before = decided_at.get(key)
        stale = before is None or work.at - before >= pause
        if decision.verdict is DecisionVerdict.ACT or stale or decided.get(key) != signature:
            if not kept:
                decided, decided_at = dict(decided), dict(decided_at)
            kept.append(decision)
            decided[key], decided_at[key] = signature, work.at
    if kept:
        work.decisions.extend(kept)
        work.set(decided=decided, decided_at=decided_at)


def _keep_sample(work: Work, sample: DeskSample | None) -> None:
    """Records what the look measured, once in a while; the report draws it."""
    last, pause = work.state.sampled_at, timedelta(seconds=work.parameters.engine.sample_every_s)
    if sample is not None and (last is None or work.at - last >= pause):
        work.sample = sample
        work.set(sampled_at=work.at)


def _want(work: Work, wants: Wants) -> None:
    """Turns the desk's needs into requests, each at most once per patience interval."""
    again = work.parameters.engine.ask_again_s
    for symbol, trading_class in wants.chains:
        if due(work, f"chain:{trading_class}", again):
            work.act(AskChain(symbol=symbol, trading_class=trading_class))
    for board in wants.options:
        ask = AskOptions(*board)
        if due(work, ask.wanted, again):
            work.act(ask)
    lines = tuple(wants.lines)
    if lines != work.state.lines:
        work.set(lines=lines)
        work.act(Subscribe(con_ids=lines))
