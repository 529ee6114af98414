"""Requests for marks bound to one day: contracts by underlying, with all that does not change within the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from bot.sim.exchange.hours import settles_at
from bot.sim.types import ContractSpec, Floats, Marks, Right, Settlement
from bot.sim.world import spreads
from bot.sim.world.lookback import slice_key
from bot.sim.world.surface import DaySurface, SpxTerms, gather

UNDERLYINGS = ("SPX", "SPY", "VIX")


@dataclass(slots=True)
class Ticket:
    """What is known of some options of one underlying without looking at the market: places and sizes' seeds."""

    at: NDArray[np.intp]
    con_ids: NDArray[np.int64]
    beat: int = -1
    wobble: tuple[Floats, Floats] | None = None

    def wobbles(self, beat: int) -> tuple[Floats, Floats]:
        """Size factors of bid and ask, redrawn every few seconds."""
        if self.wobble is None or beat != self.beat:
            self.beat, self.wobble = beat, spreads.size_wobble(self.con_ids, beat)
        return self.wobble


@dataclass(frozen=True, slots=True)
class SpxRequest:
    """Options on SPX, or on SPY by the same surface, bound to one day."""

    ticket: Ticket
    terms: SpxTerms
    spread_scale: Floats


@dataclass(frozen=True, slots=True)
class VixRequest:
    """VIX options of a request for marks."""

    ticket: Ticket
    strike: Floats
    is_call: NDArray[np.bool_]
    settles_ts: Floats
    expiries: tuple[date, ...]
    group: NDArray[np.intp]


@dataclass(slots=True)
class Request:
    """A request for marks, bound to one day; the last answer is kept for further questions at the same instant."""

    spx: SpxRequest | None
    spy: SpxRequest | None
    vix: VixRequest | None
    marks: Marks | None = None
    marked_ts: float = 0.0


def bind(specs: Sequence[ContractSpec], surface: DaySurface) -> Request:
    """Binds options to a day's surface. Raises KeyError for an underlying without options, ValueError for a contract
    that is no option."""
    unknown = [spec.symbol for spec in specs if spec.symbol not in UNDERLYINGS]
    if unknown:
        raise KeyError(f"this world quotes options on {', '.join(UNDERLYINGS)} only, not on {unknown[0]!r}")
    places = {
        name: np.array([i for i, s in enumerate(specs) if s.symbol == name], dtype=np.intp) for name in UNDERLYINGS
    }
    parts = {name: [specs[i] for i in at] for name, at in places.items()}
    return Request(
        _bind_spx(parts["SPX"], places["SPX"], surface) if parts["SPX"] else None,
        _bind_spx(parts["SPY"], places["SPY"], surface) if parts["SPY"] else None,
        _bind_vix(parts["VIX"], places["VIX"]) if parts["VIX"] else None,
    )


def _bind_spx(specs: Sequence[ContractSpec], at: NDArray[np.intp], surface: DaySurface) -> SpxRequest:
    keys = [slice_key(spec) for spec in specs]
    strikes = np.array([_strike(spec) for spec in specs])
    calls = np.array([spec.right is Right.CALL for spec in specs])
    scale = np.ones(len(specs))
    if specs[0].symbol == "SPX":
        contracts = ((*key, float(k), bool(c)) for key, k, c in zip(keys, strikes, calls, strict=True))
        scale = np.array([surface.spread_scale.get(contract, 1.0) for contract in contracts])
    ticket = Ticket(at, np.array([spec.con_id for spec in specs], dtype=np.int64))
    return SpxRequest(ticket, gather(surface, keys, strikes, calls), scale)


def _bind_vix(specs: Sequence[ContractSpec], at: NDArray[np.intp]) -> VixRequest:
    order: dict[date, int] = {}
    expiries = [slice_key(spec)[0] for spec in specs]
    group = np.array([order.setdefault(expiry, len(order)) for expiry in expiries], dtype=np.intp)
    return VixRequest(
        Ticket(at, np.array([spec.con_id for spec in specs], dtype=np.int64)),
        np.array([_strike(spec) for spec in specs]),
        np.array([spec.right is Right.CALL for spec in specs]),
        np.array([settles_at(expiry, Settlement.AM).timestamp() for expiry in expiries]),
        tuple(order),
        group,
    )


def _strike(spec: ContractSpec) -> float:
    if spec.strike is None:
        raise ValueError(f"contract {spec.con_id} has no strike: only options can be marked")
    return spec.strike
