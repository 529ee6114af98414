"""Odd quotes on command: what is wrong with the market itself, and what is wrong only with what clients are told.

Rules: an oddity of the market is met by orders and quotes alike (a crossed, one-sided, wide or absent quote); an oddity
of the feed changes what is shown while orders trade in the true market (frozen, sentinel or spiking quotes, sizes and
greeks). Several apply in the order in which they began. Prices stay on the tick grid, except where a wrong price is the
point. Nothing is looked at while nothing is odd.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from bot.sim.ports import World
from bot.sim.types import ContractSpec, IndexLevel, Marks, Right, SecType
from bot.sim.venue.products import tick_at
from bot.sim.venue.quotes import LegMarket, Quotes
from bot.sim.venue.sessions import Sessions

UNSET = 1.7976931348623157e308
"""The largest double: how the protocol writes that there is no value."""


class Oddity(StrEnum):
    """What is odd."""

    CROSSED = "crossed"
    LOCKED = "locked"
    NO_BID = "no_bid"
    NO_ASK = "no_ask"
    NO_QUOTE = "no_quote"
    WIDE = "wide"
    FROZEN = "frozen"
    SPIKE = "spike"
    ZERO_SIZE = "zero_size"
    ZERO_PRICE = "zero_price"
    UNSET_PRICE = "unset_price"
    NO_GREEKS = "no_greeks"
    GREEKS_NOT_YET = "greeks_not_yet"
    GREEKS_UNSET = "greeks_unset"


OF_THE_MARKET = frozenset({Oddity.CROSSED, Oddity.LOCKED, Oddity.NO_BID, Oddity.NO_ASK, Oddity.NO_QUOTE, Oddity.WIDE})
"""The oddities that orders meet as well; the others are of the feed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The contracts meant: every term given must fit, none given means all."""

    con_id: int | None = None
    sec_type: SecType | None = None
    symbol: str | None = None
    trading_class: str | None = None
    expiry: date | None = None
    strike: float | None = None
    right: Right | None = None

    def covers(self, spec: ContractSpec) -> bool:
        """Whether a contract is meant."""
        return (
            self.con_id in (None, spec.con_id)
            and self.sec_type in (None, spec.sec_type)
            and self.symbol in (None, spec.symbol)
            and self.trading_class in (None, spec.trading_class)
            and self.expiry in (None, spec.expiry)
            and self.strike in (None, spec.strike)
            and self.right in (None, spec.right)
        )

    @property
    def text(self) -> str:
        """In words, for lists of what goes on."""
        terms = (self.con_id, self.sec_type, self.symbol, self.trading_class, self.expiry, self.strike, self.right)
        return " ".join(str(term) for term in terms if term is not None) or "every contract"


class Greeks(NamedTuple):
    """An option's computation as told: price and underlying in points, the rest per share."""

    iv: float
    delta: float
    gamma: float
    vega: float
    theta: float
    forward: float
    mid: float


_NO_GREEKS = Greeks(*[math.nan] * 7)
_NOT_YET = Greeks(iv=-1.0, delta=-2.0, gamma=-2.0, vega=-2.0, theta=-2.0, forward=-1.0, mid=-1.0)
_UNSET_GREEKS = Greeks(*[UNSET] * 7)


@dataclass(frozen=True, slots=True)
class Shown:
    """One contract as shown, points and contracts; None where nobody quotes or nothing was printed."""

    bid: float | None
    ask: float | None
    last: float | None = None
    bid_size: float = 0.0
    ask_size: float = 0.0
    greeks: Greeks | None = None


@dataclass(slots=True, eq=False)
class OddQuote:
    """One oddity of some contracts. `factor` multiplies the width of a wide quote or the prices of a spike; `seen` is
    what a frozen feed goes on showing, by contract id and by what was asked of it (computations, prints)."""

    oddity: Oddity
    scope: Scope = field(default_factory=Scope)
    factor: float = 1.0
    seen: dict[tuple[int, bool, bool], Shown] = field(default_factory=dict)


Bend = Callable[[Shown, ContractSpec, OddQuote], Shown]


class Oddities:
    """The oddities that go on."""

    def __init__(self) -> None:
        self._odd: list[OddQuote] = []

    def begin(self, odd: OddQuote) -> None:
        """Makes quotes odd from the next look on."""
        self._odd.append(odd)

    def end(self, odd: OddQuote) -> None:
        """Ends an oddity."""
        self._odd.remove(odd)

    def __bool__(self) -> bool:
        return bool(self._odd)

    # the market ----------------------------------------------------------------------------------
    def market_marks(self, specs: Sequence[ContractSpec], marks: Marks) -> Marks:
        """Options as their market is."""
        return self._marks(specs, marks, in_market=True)

    def market_level(self, spec: ContractSpec, level: IndexLevel) -> IndexLevel:
        """An index, future or stock as its market is."""
        return self._level(spec, level, in_market=True)

    # what is told --------------------------------------------------------------------------------
    def told_marks(self, specs: Sequence[ContractSpec], marks: Marks) -> Marks:
        """Options as clients are told of them."""
        return self._marks(specs, marks, in_market=False)

    def told_level(self, spec: ContractSpec, level: IndexLevel) -> IndexLevel:
        """An index, future or stock as clients are told of it."""
        return self._level(spec, level, in_market=False)

    def told_market(self, spec: ContractSpec, market: LegMarket) -> LegMarket:
        """One leg's market as clients are told of it."""
        shown = self._bent(spec, Shown(market.bid, market.ask), in_market=False)
        return replace(market, bid=shown.bid, ask=shown.ask)

    # inside --------------------------------------------------------------------------------------
    def _bent(self, spec: ContractSpec, shown: Shown, *, in_market: bool) -> Shown:
        for odd in self._odd:
            if (odd.oddity in OF_THE_MARKET) is in_market and odd.scope.covers(spec):
                shown = _BENDS[odd.oddity](shown, spec, odd)
        return shown

    def _covered(self, specs: Sequence[ContractSpec], *, in_market: bool) -> list[int]:
        odd = [one for one in self._odd if (one.oddity in OF_THE_MARKET) is in_market]
        return [row for row, spec in enumerate(specs) if any(one.scope.covers(spec) for one in odd)]

    def _marks(self, specs: Sequence[ContractSpec], marks: Marks, *, in_market: bool) -> Marks:
        rows = self._covered(specs, in_market=in_market)
        if not rows:
            return marks
        names = ("bid", "ask", "bid_size", "ask_size", *Greeks._fields)
        columns = {name: np.array(column) for name, column in _columns(marks).items()}
        for row in rows:
            shown = Shown(
                _known(columns["bid"][row]),
                _known(columns["ask"][row]),
                None,
                float(columns["bid_size"][row]),
                float(columns["ask_size"][row]),
                Greeks(*(float(columns[name][row]) for name in Greeks._fields)),
            )
            bent = self._bent(specs[row], shown, in_market=in_market)
            values = (_number(bent.bid), _number(bent.ask), bent.bid_size, bent.ask_size, *(bent.greeks or _NO_GREEKS))
            for name, value in zip(names, values, strict=True):
                columns[name][row] = value
        return replace(marks, **columns)

    def _level(self, spec: ContractSpec, level: IndexLevel, *, in_market: bool) -> IndexLevel:
        if not self._covered([spec], in_market=in_market):
            return level
        shown = Shown(level.bid, level.ask, level.last, level.bid_size, level.ask_size)
        bent = self._bent(spec, shown, in_market=in_market)
        return replace(
            level,
            last=bent.last,
            bid=bent.bid,
            ask=bent.ask,
            bid_size=round(bent.bid_size),
            ask_size=round(bent.ask_size),
        )


class OddQuotes(Quotes):
    """The venue's quotes, with the oddities of the market in them."""

    def __init__(self, world: World, sessions: Sessions, oddities: Oddities) -> None:
        super().__init__(world, sessions)
        self._oddities = oddities

    def option_marks(self, specs: Sequence[ContractSpec], at: datetime) -> Marks:
        """As the plain quotes; odd where the market is."""
        marks = super().option_marks(specs, at)
        return self._oddities.market_marks(specs, marks) if self._oddities else marks

    def level(self, spec: ContractSpec) -> IndexLevel:
        """As the plain quotes; odd where the market is."""
        level = super().level(spec)
        return self._oddities.market_level(spec, level) if self._oddities else level


# bends -----------------------------------------------------------------------------------------------
def _crossed(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    """Bid over ask by as much as it was below."""
    if shown.bid is None or shown.ask is None:
        return shown
    return replace(shown, bid=_on_tick(shown.ask, spec, up=False), ask=_on_tick(shown.bid, spec, up=True))


def _locked(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    """Ask at the bid."""
    return shown if shown.bid is None or shown.ask is None else replace(shown, ask=shown.bid)


def _no_bid(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    return replace(shown, bid=None, bid_size=0.0)


def _no_ask(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    return replace(shown, ask=None, ask_size=0.0)


def _no_quote(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    return replace(shown, bid=None, ask=None, bid_size=0.0, ask_size=0.0)


def _wide(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    """`factor` times as wide around the same middle, rounded outwards; a bid below one tick is none."""
    if shown.bid is None or shown.ask is None:
        return shown
    middle, half = (shown.bid + shown.ask) / 2, (shown.ask - shown.bid) / 2 * odd.factor
    bid = _on_tick(middle - half, spec, up=False) if middle > half else 0.0
    wide = replace(shown, bid=bid, ask=_on_tick(middle + half, spec, up=True))
    return wide if bid > 0.0 else _no_bid(wide, spec, odd)


def _frozen(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    return odd.seen.setdefault((spec.con_id, shown.greeks is None, shown.last is None), shown)


def _spike(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    """All prices times `factor`."""

    def moved(price: float | None, *, up: bool) -> float | None:
        return None if price is None else _on_tick(price * odd.factor, spec, up=up)

    return replace(
        shown, bid=moved(shown.bid, up=False), ask=moved(shown.ask, up=True), last=moved(shown.last, up=True)
    )


def _zero_size(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
    return replace(shown, bid_size=0.0, ask_size=0.0)


def _price(value: float) -> Bend:
    """Every price is that value, with size 0; the last of an index too."""

    def bend(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
        if spec.sec_type is SecType.INDEX:
            return replace(shown, last=value)
        return replace(shown, bid=value, ask=value, bid_size=0.0, ask_size=0.0)

    return bend


def _greeks(values: Greeks) -> Bend:
    def bend(shown: Shown, spec: ContractSpec, odd: OddQuote) -> Shown:
        return shown if shown.greeks is None else replace(shown, greeks=values)

    return bend


_BENDS: Mapping[Oddity, Bend] = {
    Oddity.CROSSED: _crossed,
    Oddity.LOCKED: _locked,
    Oddity.NO_BID: _no_bid,
    Oddity.NO_ASK: _no_ask,
    Oddity.NO_QUOTE: _no_quote,
    Oddity.WIDE: _wide,
    Oddity.FROZEN: _frozen,
    Oddity.SPIKE: _spike,
    Oddity.ZERO_SIZE: _zero_size,
    Oddity.ZERO_PRICE: _price(0.0),
    Oddity.UNSET_PRICE: _price(UNSET),
    Oddity.NO_GREEKS: _greeks(_NO_GREEKS),
    Oddity.GREEKS_NOT_YET: _greeks(_NOT_YET),
    Oddity.GREEKS_UNSET: _greeks(_UNSET_GREEKS),
}


def _on_tick(price: float, spec: ContractSpec, *, up: bool) -> float:
    tick = tick_at(spec.market_rule_id, price)
    ticks = math.ceil(price / tick - 1e-6) if up else math.floor(price / tick + 1e-6)
    return round(ticks * tick, 2)


def _columns(marks: Marks) -> dict[str, object]:
    return {
        "bid": marks.bid, "ask": marks.ask, "bid_size": marks.bid_size, "ask_size": marks.ask_size, "iv": marks.iv,
        "delta": marks.delta, "gamma": marks.gamma, "vega": marks.vega, "theta": marks.theta, "forward": marks.forward,
        "mid": marks.mid,
    }  # fmt: skip


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
