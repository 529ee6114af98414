"""Faults of quotes: crossed, one-sided, wide, frozen, silent, sentinel or spiking, and of the greeks with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.sim.desk.line import Line
from bot.sim.faults.arguments import Arguments, FaultError, number, whole, word
from bot.sim.faults.reach import CONTRACT, going_on, on_venue, scope
from bot.sim.faults.shared import FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.venue.oddities import Oddity, OddQuote, Scope
from bot.sim.venue.sim import SimVenue

_Facts = Mapping[str, object]
_PRICES = (
    Oddity.CROSSED,
    Oddity.LOCKED,
    Oddity.NO_BID,
    Oddity.NO_ASK,
    Oddity.NO_QUOTE,
    Oddity.WIDE,
    Oddity.ZERO_SIZE,
    Oddity.ZERO_PRICE,
    Oddity.UNSET_PRICE,
)
_GREEKS = {"absent": Oddity.NO_GREEKS, "not_yet": Oddity.GREEKS_NOT_YET, "unset": Oddity.GREEKS_UNSET}


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """Lines of some contracts are not fed, and nobody says so; a combination is silent with any of its legs."""

    scope: Scope

    def concerns(self, line: Line) -> bool:
        """See Blockade."""
        specs = [leg.spec for leg in line.legs] if line.spec is None else [line.spec]
        return any(self.scope.covers(spec) for spec in specs)

    def silenced(self, line: Line) -> None:
        """See Blockade: a silent feed says nothing of itself."""


def _begin(venue: SimVenue, stage: Stage, given: Arguments, text: str, odd: OddQuote) -> _Facts:
    venue.oddities.begin(odd)
    return going_on(stage, given, _what(text, odd), lambda: venue.oddities.end(odd))


def _what(text: str, odd: OddQuote) -> str:
    return f"{text}: {odd.oddity} ({odd.scope.text})"


def _odd_quotes(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    odd = OddQuote(Oddity(given.text("how")), scope(given), given.number("factor"))
    return _begin(venue, stage, given, "odd_quotes", odd)


def _odd_greeks(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    odd = OddQuote(_GREEKS[given.text("how")], scope(given))
    return _begin(venue, stage, given, "odd_greeks", odd)


def _quote_freeze(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    if given.text("how") == "frozen":
        return _begin(venue, stage, given, "quote_freeze", OddQuote(Oddity.FROZEN, scope(given)))
    silence = Silence(scope(given))
    stage.desk.quotes.block(silence)
    what = f"quote_freeze: silent ({silence.scope.text})"
    return going_on(stage, given, what, lambda: stage.desk.quotes.unblock(silence, revive=True))


def _quote_spike(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    if given.number("factor") == 1.0:
        raise FaultError("nothing would change: give a factor other than 1")
    clock = stage.clock
    # Ended half a tick after the last tick at which it shows: whenever it begins, it shows at just so many.
    ends_s = clock.tick.elapsed_s + (given.whole("ticks") + 0.5) * clock.tick_s
    odd = OddQuote(Oddity.SPIKE, scope(given), given.number("factor"))
    venue.oddities.begin(odd)
    what, for_s = _what("quote_spike", odd), ends_s - clock.elapsed_s
    return {"fault": stage.lasting.begin(what, lambda: venue.oddities.end(odd), for_s, market=True)}


VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "odd_quotes",
        Layer.MARKET,
        "quotes are odd; orders meet the crossed, locked, one-sided, absent and wide, the others are told only",
        on_venue(_odd_quotes),
        (
            word("how", "what is odd about them", [oddity.value for oddity in _PRICES]),
            *CONTRACT,
            number("factor", "how many times as wide, for wide", low=1.0, high=1000.0, default=5.0),
            FOR,
        ),
    ),
    Verb(
        "odd_greeks",
        Layer.MARKET,
        "option computations are not sent, or sent as not computed yet (-1 and -2), or as unset doubles",
        on_venue(_odd_greeks),
        (word("how", "what is sent", tuple(_GREEKS)), *CONTRACT, FOR),
    ),
    Verb(
        "quote_freeze",
        Layer.MARKET,
        "what is told of contracts stands still, or stops coming; the market goes on, and orders trade in it",
        on_venue(_quote_freeze),
        (
            word("how", "frozen repeats the last quote, silent sends nothing", ("frozen", "silent"), default="frozen"),
            *CONTRACT,
            FOR,
        ),
    ),
    Verb(
        "quote_spike",
        Layer.MARKET,
        "for a tick the prices told are far off, then back; orders trade in the true market",
        on_venue(_quote_spike),
        (
            number("factor", "times every price", low=0.01, high=100.0),
            *CONTRACT,
            whole("ticks", "at how many ticks it shows", low=1, high=10_000, default=1),
        ),
    ),
)
