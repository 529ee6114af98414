"""One condor that is not finished: first what forbids touching it, then what its state and the rules ask for."""

from __future__ import annotations

from strategies.condor.adjust import cannot_roll, defend
from strategies.condor.change import run_adjust
from strategies.condor.context import Agenda
from strategies.condor.entries import run_entry
from strategies.condor.exits import run_exit, start_exit
from strategies.condor.machine import Condor, CondorState
from strategies.condor.manage import Verdict, Wish, judge
from strategies.condor.narrow import narrow
from strategies.condor.standing import Standing, standing
from strategies.condor.verdicts import hedge_rows, hold, remember_close
from strategies.condor.walk import Urgency
from strategies.domain.control import LinkState
from strategies.domain.decision import DecisionVerdict
from strategies.domain.flatten import RULE as FLATTEN
from strategies.domain.flatten import not_closing
from strategies.pricing.single import OptionGreeks

HOLD = DecisionVerdict.HOLD


def attend(condor: Condor, greeks: dict[int, OptionGreeks], agenda: Agenda) -> Standing | None:
    """Minds one condor in one look; where it stands, if it was valued."""
    reason = _hands_off(condor, agenda)
    if reason:
        agenda.note("C-DEC-1", condor.id, HOLD, f"row 0: {reason}", inputs={"row": 0, "state": condor.state.value})
        return None
    if agenda.ctx.flattening and (alive := not_closing(agenda.ctx.book)):
        text = "orders that do not close are alive: their cancels are proven first"
        agenda.note(FLATTEN, condor.id, HOLD, text, inputs={"orders": len(alive)})
        return None
    if condor.state in (CondorState.CANDIDATE, CondorState.GATED, CondorState.ENTRY_WORKING):
        run_entry(condor, agenda)
        return None
    stand = standing(condor, agenda.ctx, greeks)
    if condor.state is CondorState.EXIT_WORKING:
        run_exit(condor, stand, agenda)
    elif condor.state is CondorState.ADJUST_WORKING:
        run_adjust(condor, stand, agenda)
    elif agenda.ctx.can_trade:
        _decide(condor, stand, agenda)
    return stand


def _decide(condor: Condor, stand: Standing, agenda: Agenda) -> None:
    """An open condor: the exits, then C-DEC-1 from row 2 on, the first that wants something."""
    remember_close(condor, stand, agenda)
    verdict = judge(condor, stand, agenda)
    if verdict.wish is Wish.CLOSE:
        start_exit(condor, verdict, agenda)
    elif verdict.wish is Wish.DEFEND and verdict.side is not None:
        defend(condor, stand, verdict.side, agenda)
    else:
        answer = hedge_rows(condor, stand, agenda, cannot_roll)
        if answer is not None and answer.roll:
            start_exit(condor, Verdict(Wish.CLOSE, "C-ADJ-3", Urgency.PATIENT), agenda)
        elif answer is None and not narrow(condor, stand, agenda):
            hold(condor, agenda)


def _hands_off(condor: Condor, agenda: Agenda) -> str:
    """C-DEC-1 row 0: why nothing may be done with this condor now; empty when something may."""
    ctx = agenda.ctx
    if condor.state is CondorState.QUARANTINE:
        return "in quarantine"
    if agenda.doubtful(condor.id):
        return "the fate of an order is unproven"
    if ctx.halted:
        return "trading is halted"
    if ctx.link in (LinkState.DOWN, LinkState.CONNECTING, LinkState.SYNCING):
        return "the link is not up"
    if condor.state is CondorState.OPEN and agenda.live.get(condor.id):
        return "an order of it that was believed over is alive"
    return ""
