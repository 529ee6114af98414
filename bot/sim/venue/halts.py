"""Trading halts: which contracts do not trade for now, and of what kind their halt is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from bot.sim.types import ContractSpec, SecType
from bot.sim.venue.oddities import Oddities, Oddity, OddQuote, Scope


class HaltKind(IntEnum):
    """The value of tick 49."""

    NONE = 0
    GENERAL = 1
    VOLATILITY = 2


@dataclass(slots=True, eq=False)
class Halt:
    """One halt, with what it does to quotes."""

    scope: Scope
    kind: HaltKind
    quotes: tuple[OddQuote, ...]


class Halts:
    """The halts in force. `changes` counts how often they changed, so that a feed can tell cheaply."""

    def __init__(self, oddities: Oddities) -> None:
        self._oddities = oddities
        self._halts: list[Halt] = []
        self.changes = 0

    def begin(self, scope: Scope, kind: HaltKind, *, index_stands: bool) -> Halt:
        """Halts contracts: nobody quotes them, orders in them wait. `index_stands` stops the indices as well, as when
        the whole market is halted."""
        odd = [OddQuote(Oddity.NO_QUOTE, scope)]
        if index_stands:
            odd.append(OddQuote(Oddity.FROZEN, Scope(sec_type=SecType.INDEX)))
        halt = Halt(scope, kind, tuple(odd))
        for quote in halt.quotes:
            self._oddities.begin(quote)
        self._halts.append(halt)
        self.changes += 1
        return halt

    def end(self, halt: Halt) -> None:
        """Trading resumes."""
        self._halts.remove(halt)
        for quote in halt.quotes:
            self._oddities.end(quote)
        self.changes += 1

    def kind(self, spec: ContractSpec) -> HaltKind:
        """The contract's halt, the newest where several are in force."""
        return next((halt.kind for halt in reversed(self._halts) if halt.scope.covers(spec)), HaltKind.NONE)

    def any(self, specs: Iterable[ContractSpec]) -> bool:
        """Whether one of the contracts is halted."""
        return bool(self._halts) and any(self.kind(spec) for spec in specs)
