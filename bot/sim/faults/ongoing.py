"""What goes on, and how it ends: verbs about faults themselves."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sim.faults.arguments import Arguments, whole
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb


def _end(stage: Stage, given: Arguments) -> Mapping[str, object]:
    stage.lasting.end(given.whole("fault"))
    return {}


def _clear(stage: Stage, given: Arguments) -> Mapping[str, object]:
    return {"ended": stage.lasting.end_all() + int(stage.server.open_again())}


VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "end",
        Layer.CONTROL,
        "ends one lasting fault",
        _end,
        (whole("fault", "its number, as the reply that began it and `status` tell", low=1),),
    ),
    Verb("clear", Layer.CONTROL, "ends every lasting fault, a closed port too, and counts them", _clear),
)
