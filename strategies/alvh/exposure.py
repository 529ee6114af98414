"""What the hedge and the condors are exposed to now: every holding valued on its own future, net vega in one unit.

Rules
- A VIX option is priced by Black-76 on the future that settles with it; between two listed months on the line through
  them; never on spot VIX. Before the first listed month, and where the line cannot be right, a call's own price tells
  its future at a common volatility: its delta is then right within a tenth.
- A condor leg without a mark, or a hedge without a forward, leaves the net vega unknown: no sizing rests on a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

import msgspec

from strategies.alvh.forwards import Forwards
from strategies.alvh.lattice import Held
from strategies.domain.instruments import Future, Option, Tradable
from strategies.domain.market import Market
from strategies.domain.marks import Mark
from strategies.pricing import black76
from strategies.pricing.net_vega import NetVega, SpxLeg, VixFutureLeg, VixOptionLeg, Wings, net_vega
from strategies.pricing.single import OptionGreeks, analyse_one, call_worth
from strategies.pricing.vix_beta import BetaScales, vix_beta

YEAR_S = 365.0 * 86_400.0
DAY_S = 86_400.0
VIX = "VIX"
COMMON_VIX_VOL = 0.85
"""Volatility of VIX futures assumed where a price cannot be read otherwise; so deep in the money it hardly matters."""


class Sold(NamedTuple):
    """A condor as the hedge sees it: signed contracts per unit, units, wing in index points, worst loss in dollars."""

    id: str
    legs: tuple[tuple[int, int], ...]
    units: int
    width_points: float
    loss_usd: float


class Line(NamedTuple):
    """One holding of the hedge, valued. Points per share; dollars for the whole holding; None where unknown.

    `days` to the end of trading, `beta_days` whole days to settlement; `delta` is on its own future,
    `usd_per_vix_point` its weighted vega, `carry_usd_per_day` theta and roll together.
    """

    held: Held
    contract: Tradable
    days: float
    beta_days: float
    mid_points: float | None
    mark: Mark | None
    delta: float | None
    vega_points: float | None
    theta_points: float | None
    usd_per_vix_point: float | None
    carry_usd_per_day: float | None

    @property
    def value_usd(self) -> float | None:
        """What it is worth at mid."""
        if self.mid_points is None:
            return None
        return self.held.quantity * self.mid_points * self.contract.multiplier

    @property
    def cost_usd(self) -> float:
        """What was paid for what is still held."""
        return self.held.quantity * self.held.price_points * self.contract.multiplier

    @property
    def multiple(self) -> float | None:
        """Value over cost."""
        if self.mid_points is None or self.held.price_points <= 0.0:
            return None
        return self.mid_points / self.held.price_points


class _Greeks(NamedTuple):
    """Of one contract: points per point, per volatility point and per calendar day."""

    delta: float
    vega: float
    theta: float


class Valuer:
    """Values VIX products and SPX options at one moment."""

    def __init__(
        self,
        market: Market,
        now: datetime,
        forwards: Forwards,
        scales: BetaScales,
        *,
        rate: float,
        spot_points: float | None,
        carry_rate: float,
        max_age_s: float,
    ) -> None:
        self.market, self.now, self.forwards, self.scales = market, now, forwards, scales
        self.spot_points = spot_points
        self._rate, self._carry_rate, self._max_age_s = rate, carry_rate, max_age_s
        self._marks: dict[int, Mark | None] = {}
        self._greeks: dict[int, _Greeks] = {}

    def mid(self, con_id: int) -> float | None:
        """Midpoint of a fresh two-sided quote; half the offer where nobody bids but somebody offers."""
        quote = self.market.fresh(con_id, self.now, self._max_age_s)
        if quote is None:
            return None
        if quote.mid is None and quote.bid is None and quote.ask is not None and quote.ask > 0.0:
            return 0.5 * quote.ask
        return quote.mid

    def line(self, held: Held) -> Line | None:
        """One holding; None for a contract without loaded details."""
        contract = self.market.tradable(held.con_id)
        if contract is None:
            return None
        days = max(0.0, (contract.last_trade_at - self.now).total_seconds() / DAY_S)
        mid = self.mid(held.con_id)
        if isinstance(contract, Future):
            return self._future(held, contract, days, mid)
        return self._option(held, contract, days, mid)

    def read(self, con_ids: Iterable[int], beside: Sequence[tuple[Option, Mark]] = ()) -> list[_Greeks]:
        """Values options together, which costs little more than one alone: what is asked of them later is known. Those
        with their marks `beside` them are valued in the same go and only returned."""
        fresh = [self.market.option(con_id) for con_id in dict.fromkeys(con_ids) if con_id not in self._greeks]
        rows = [(option, mark) for option in fresh if option is not None and (mark := self.mark(option)) is not None]
        if not rows and not beside:
            return []
        told = _together([*rows, *beside])
        columns = zip(told.delta.tolist(), told.vega.tolist(), told.theta.tolist(), strict=True)
        found = [_Greeks(*figures) for figures in columns]
        self._greeks |= {option.con_id: greeks for (option, _), greeks in zip(rows, found, strict=False)}
        return found[len(rows) :]

    def delta(self, option: Option) -> float | None:
        """On the option's own future or on the index; None without a mark."""
        known = self._known(option)
        return None if known is None else known.delta

    def _known(self, option: Option) -> _Greeks | None:
        if option.con_id not in self._greeks:
            self.read((option.con_id,))
        return self._greeks.get(option.con_id)

    def mark(self, option: Option) -> Mark | None:
        """The option's mark at its mid, with its future's beta and roll where it is a VIX option."""
        if option.con_id not in self._marks:
            self._marks[option.con_id] = self._marked(option)
        return self._marks[option.con_id]

    def _marked(self, option: Option) -> Mark | None:
        tau = (option.last_trade_at - self.now).total_seconds() / YEAR_S
        forward, mid = self.forward(option, tau), self.mid(option.con_id)
        if mid is None or tau <= 0.0 or mid <= 0.0:
            return None
        discount = math.exp(-self._rate * tau)
        if forward is None and option.symbol == VIX and option.is_call and self.forwards.before_first(option.expiry):
            forward = _own_future(mid / discount, option.strike, tau)
        if forward is None:
            return None
        greeks = analyse_one(mid, forward, option.strike, tau, option.is_call, discount)
        if greeks is None:
            greeks = self._at_the_edge(option, forward, tau, discount)
        if greeks is None and option.symbol == VIX and option.is_call and mid < discount * (forward - option.strike):
            forward = _own_future(mid / discount, option.strike, tau)
            greeks = analyse_one(mid, forward, option.strike, tau, True, discount)
        if greeks is None:
            return None
        if option.symbol != VIX:
            return Mark(greeks.sigma, forward, tau, discount)
        slope = self.forwards.slope(option.expiry)
        beta = vix_beta(self._days_to(option.expiry), self.scales)
        return Mark(greeks.sigma, forward, tau, discount, beta, None if slope is None else -slope)

    def _at_the_edge(self, option: Option, forward: float, tau: float, discount: float) -> OptionGreeks | None:
        """Deep in the money the mid may lie at or below what exercise is worth, which has no volatility: the value is
        then taken from the part of the quote above that. None where even the offer is below it: the future it settles
        with stands elsewhere than the line between the months, as a week's does in a storm."""
        quote = self.market.fresh(option.con_id, self.now, self._max_age_s)
        least = discount * max(0.0, forward - option.strike if option.is_call else option.strike - forward)
        if quote is None or quote.ask is None or least <= 0.0 or quote.ask <= least:
            return None
        return analyse_one(0.5 * (least + quote.ask), forward, option.strike, tau, option.is_call, discount)

    def forward(self, option: Option, tau: float) -> float | None:
        """The forward an option is priced on."""
        if option.symbol == VIX:
            return self.forwards.at(option.expiry)
        return None if self.spot_points is None else self.spot_points * math.exp(self._carry_rate * tau)

    def _days_to(self, expiry: date) -> float:
        return max(0.0, float((expiry - self.now.date()).days))

    def _future(self, held: Held, future: Future, days: float, mid: float | None) -> Line:
        size = held.quantity * future.multiplier
        slope = self.forwards.slope(future.expiry)
        beta = vix_beta(self._days_to(future.expiry), self.scales)
        mark = (
            None
            if mid is None
            else Mark(1.0, mid, max(days / 365.0, 1e-6), 1.0, beta, None if slope is None else -slope)
        )
        return Line(
            held,
            future,
            days,
            self._days_to(future.expiry),
            mid,
            mark,
            1.0,
            0.0,
            0.0,
            size * beta,
            None if slope is None else -slope * size,
        )

    def _option(self, held: Held, option: Option, days: float, mid: float | None) -> Line:
        greeks, mark = self._known(option), self.mark(option)
        if mark is None or greeks is None:
            return Line(held, option, days, self._days_to(option.expiry), mid, None, None, None, None, None, None)
        delta, vega, theta = greeks
        size = held.quantity * option.multiplier
        if option.symbol == VIX:
            usd = size * delta * (mark.vix_beta or 0.0)
        else:
            usd = size * vega * math.sqrt(30.0 / max(days, 7.0))
        roll = mark.roll_points_per_day
        carry = None if option.symbol == VIX and roll is None else size * (theta + delta * (roll or 0.0))
        return Line(held, option, days, self._days_to(option.expiry), mid, mark, delta, vega, theta, usd, carry)


def _together(rows: Sequence[tuple[Option, Mark]]) -> black76.Greeks:
    return black76.greeks(
        [mark.forward_points for _, mark in rows],
        [option.strike for option, _ in rows],
        [mark.iv for _, mark in rows],
        [mark.tau_years for _, mark in rows],
        [option.is_call for option, _ in rows],
        [mark.discount for _, mark in rows],
    )


def _own_future(undiscounted: float, strike: float, tau: float) -> float:
    """The future at which a call is worth its price at a common volatility of VIX: what the price itself says where the
    line between the listed months cannot be right. Points, to a thousandth."""
    low, high = 0.2 * strike, strike + undiscounted
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        worth = call_worth(middle, strike, COMMON_VIX_VOL, tau)
        low, high = (middle, high) if worth < undiscounted else (low, middle)
    return 0.5 * (low + high)


class Exposure(msgspec.Struct, frozen=True, dict=True):
    """The whole book. `vega` is None while a part of it cannot be valued, `unknown` says which.

    `condor_theta_usd` is dollars a day the condors earn, `carry_usd` what the hedge costs (negative) or earns.
    `condor_loss_usd` is the condors' worst loss at expiry, a planned one included.
    """

    lines: tuple[Line, ...]
    vega: NetVega | None
    unknown: str
    condor_theta_usd: float | None
    carry_usd: float | None
    condor_loss_usd: float
    planned: bool

    @cached_property
    def _by_slot(self) -> dict[int, tuple[Line, ...]]:
        found: dict[int, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.held.slot, []).append(line)
        return {slot: tuple(lines) for slot, lines in found.items()}

    def of_slot(self, slot: int) -> tuple[Line, ...]:
        """The lines of one slot."""
        return self._by_slot.get(slot, ())

    def held_in(self, slots: Iterable[int]) -> int:
        """Contracts bought that some slots hold."""
        return sum(max(0, line.held.quantity) for slot in slots for line in self.of_slot(slot))

    def slot_usd(self, slot: int) -> float:
        """Weighted vega of one slot in dollars per VIX point; what cannot be valued counts as none."""
        return sum(line.usd_per_vix_point or 0.0 for line in self.of_slot(slot))


def measure(
    valuer: Valuer, holdings: Iterable[Held], condors: Sequence[Sold], marks: Mapping[int, Mark], planned: bool = False
) -> Exposure:
    """The exposure of what is held and sold; `planned` says that one of the condors is only about to be."""
    holdings = tuple(holdings)
    sold, unknown = _condor_legs(condors, valuer, marks)
    greeks = valuer.read((held.con_id for held in holdings), [(option, mark) for _, option, mark in sold])
    spx, earned = _vega_and_theta(sold, greeks)
    theta = None if unknown else earned
    valued = [(held, valuer.line(held)) for held in holdings]
    lines = tuple(line for _, line in valued if line is not None)
    nameless = [held for held, line in valued if line is None]
    if nameless and not unknown:
        unknown = f"contract {nameless[0].con_id} of slot {nameless[0].slot} is not described yet"
    faults = [line for line in lines if line.usd_per_vix_point is None and not _worthless(line)]
    if faults and not unknown:
        unknown = f"contract {faults[0].held.con_id} of slot {faults[0].held.slot} has no mark"
    carries = [line.carry_usd_per_day for line in lines if not _worthless(line)]
    return Exposure(
        lines=lines,
        vega=None if unknown else _net(spx, condors, lines, valuer.scales),
        unknown=unknown,
        condor_theta_usd=theta,
        carry_usd=None if None in carries else sum(c for c in carries if c is not None),
        condor_loss_usd=sum(condor.loss_usd for condor in condors),
        planned=planned,
    )


def _worthless(line: Line) -> bool:
    """A long that nobody bids for: it is worth next to nothing and moves as little."""
    return line.mark is None and line.held.quantity > 0 and line.mid_points is not None and line.mid_points <= 0.10


def _condor_legs(
    condors: Sequence[Sold], valuer: Valuer, marks: Mapping[int, Mark]
) -> tuple[list[tuple[int, Option, Mark]], str]:
    """Signed contracts, option and mark of every leg; none of them and the reason where one has no mark."""
    rows: list[tuple[int, Option, Mark]] = []
    for condor in condors:
        for con_id, sign in condor.legs:
            option = valuer.market.option(con_id)
            mark = marks.get(con_id) or (None if option is None else valuer.mark(option))
            if option is None or mark is None:
                return [], f"{condor.id} has a leg without a mark"
            rows.append((sign * condor.units, option, mark))
    return rows, ""


def _vega_and_theta(rows: Sequence[tuple[int, Option, Mark]], greeks: Sequence[_Greeks]) -> tuple[list[SpxLeg], float]:
    """Vega legs of the condors and their theta in dollars a day."""
    found: list[SpxLeg] = []
    theta_usd = 0.0
    for (units, option, mark), told in zip(rows, greeks, strict=True):
        found.append(SpxLeg(units, told.vega, mark.tau_years * 365.0))
        theta_usd += units * option.multiplier * told.theta
    return found, theta_usd


def _net(spx: Sequence[SpxLeg], condors: Sequence[Sold], lines: Sequence[Line], scales: BetaScales) -> NetVega:
    options, futures, puts = [], [], []
    for line in lines:
        quantity, contract = float(line.held.quantity), line.contract
        if isinstance(contract, Future):
            futures.append(VixFutureLeg(quantity, line.beta_days, contract.multiplier))
        elif line.delta is not None and line.vega_points is not None:
            if contract.symbol == VIX:
                options.append(
                    VixOptionLeg(quantity, line.delta, line.vega_points, line.beta_days, contract.multiplier)
                )
            else:
                puts.append(SpxLeg(quantity, line.vega_points, line.days))
    wings = [Wings(condor.units, condor.width_points) for condor in condors]
    return net_vega(spx, wings, hedge_spx_legs=puts, vix_options=options, vix_futures=futures, scales=scales)
