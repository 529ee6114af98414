"""What the desk sees of a state: one place for the engine's step and for whoever asks what it would do."""

from __future__ import annotations

from datetime import datetime

from bot.engine.holdings import held_by_slots
from bot.engine.state import State
from strategies.desk import DeskView
from strategies.hedging import HedgeSeen


def desk_view(state: State, at: datetime) -> DeskView:
    """The view at a moment. Raises ValueError before the first RunStarted, whose parameters it needs."""
    params = state.parameters
    if params is None:
        raise ValueError("the journal has facts before its first RunStarted record")
    return DeskView(
        now=at,
        market=state.market,
        calendar=state.calendar,
        book=state.book,
        condors=state.condors,
        account=state.account,
        control=state.in_force,
        link=state.link.state,
        params=params.condor,
        desk_state=state.desk,
        pending_refs=frozenset(state.pending_margin).union(intent.ref for intent in state.consent.waiting()),
        alvh=params.alvh,
        signals=params.signals,
        hedge=HedgeSeen(state.slots, held_by_slots(state.book)),
        macro_inputs=state.macro_inputs,
    )
