"""Faults of the market's course: jumps, volatility spikes, an inverted curve, halts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.sim.faults.arguments import Argument, Arguments, FaultError, number, seconds, word
from bot.sim.faults.reach import CONTRACT, going_on, on_venue, scope
from bot.sim.faults.shared import FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.venue.halts import HaltKind
from bot.sim.venue.oddities import Scope
from bot.sim.venue.sim import SimVenue
from bot.sim.world.market import MarketWorld
from bot.sim.world.shocks import VIX_POINTS_PER_PCT, Shock, curve_points

_Facts = Mapping[str, object]


# the market's course -------------------------------------------------------------------------------
def _world(stage: Stage) -> MarketWorld:
    if not isinstance(stage.world, MarketWorld):
        raise FaultError("this gateway's market is not a scenario or history: its course cannot be changed")
    return stage.world


def _shock(stage: Stage, given: Arguments, text: str, shock: Callable[[float, float], Shock]) -> _Facts:
    """Begins a shock made from (ramp_s, half_life_s); it is over when it has stood for `hold_s`, or when it is ended,
    and fades from then on."""
    world = _world(stage)
    begun = world.course.shock(shock(given.number("ramp_s"), given.number("half_life_s")))
    hold_s = given.maybe_number("hold_s")
    for_s = None if hold_s is None else given.number("ramp_s") + hold_s
    fault = stage.lasting.begin(text, lambda: (world.course.end(begun), None)[1], for_s, market=True)
    return {"fault": fault}


def _price_jump(stage: Stage, given: Arguments) -> _Facts:
    spx_pct, vix_points = given.number("spx_pct"), given.maybe_number("vix_points")
    if vix_points is None:
        vix_points = -VIX_POINTS_PER_PCT * spx_pct
    if spx_pct == 0.0 and vix_points == 0.0:
        raise FaultError("nothing would change: give spx_pct, vix_points, or both")
    factor = 1.0 + spx_pct / 100.0
    text = f"price_jump: SPX {spx_pct:+g} %, VIX {vix_points:+g} points"
    told = _shock(
        stage,
        given,
        text,
        lambda ramp_s, half_life_s: Shock(
            0.0, spx_factor=factor, vix_points=vix_points, ramp_s=ramp_s, half_life_s=half_life_s
        ),
    )
    return {**told, "vix_points": round(vix_points, 2)}


def _vix_spike(stage: Stage, given: Arguments) -> _Facts:
    level, now = given.number("level"), _world(stage).index("VIX").last
    if now is None:
        raise FaultError("VIX has not been printed yet: wait for the open")
    text = f"vix_spike: VIX from {now:g} to {level:g}"
    return _shock(
        stage,
        given,
        text,
        lambda ramp_s, half_life_s: Shock(
            0.0,
            spx_factor=1.0 + given.number("spx_pct") / 100.0,
            vix_points=level - now,
            ramp_s=ramp_s,
            half_life_s=half_life_s,
        ),
    )


def _curve_inversion(stage: Stage, given: Arguments) -> _Facts:
    world, points = _world(stage), given.number("points")
    near = curve_points(world, points)
    if near is None:
        raise FaultError("two VX months are needed, and they have no prices now: wait for the open")
    text = f"curve_inversion: front VX month {points:+g} points over the second"
    return _shock(
        stage,
        given,
        text,
        lambda ramp_s, half_life_s: Shock(0.0, curve_points=near, ramp_s=ramp_s, half_life_s=half_life_s),
    )


# halts -----------------------------------------------------------------------------------------------
def _halt(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    meant = scope(given)
    return _begin_halt(venue, stage, given, f"halt: {meant.text}", meant, index_stands=False)


def _market_halt(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    return _begin_halt(venue, stage, given, "market_halt", Scope(), index_stands=True)


def _begin_halt(
    venue: SimVenue, stage: Stage, given: Arguments, text: str, meant: Scope, *, index_stands: bool
) -> _Facts:
    kind = HaltKind.VOLATILITY if given.text("kind") == "volatility" else HaltKind.GENERAL
    halt = venue.halts.begin(meant, kind, index_stands=index_stands)
    return going_on(stage, given, text, lambda: venue.halts.end(halt))


_COURSE: tuple[Argument, ...] = (
    seconds("ramp_s", "how long it takes to come", default=0.0),
    seconds("hold_s", "how long it stands in full; until `end` or `clear` where absent", default=None),
    seconds("half_life_s", "how fast it fades afterwards, by half; 0 at once", default=0.0),
)
_KIND = word("kind", "tick 49 is 1 or 2", ("general", "volatility"), default="general")

VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "price_jump",
        Layer.MARKET,
        "the market goes on elsewhere from the next quarter of a minute on: SPX, VIX and its family, options and "
        "futures on one surface, bars and settlements with them",
        _price_jump,
        (
            number("spx_pct", "by how much SPX jumps", low=-60.0, high=60.0, default=0.0, unit="%"),
            number(
                "vix_points",
                f"by how much VIX jumps; {VIX_POINTS_PER_PCT:g} points for each percent that SPX falls where absent",
                low=-100.0,
                high=150.0,
                default=None,
                unit="points",
            ),
            *_COURSE,
        ),
    ),
    Verb(
        "vix_spike",
        Layer.MARKET,
        "VIX goes to a level, its family and its futures with it",
        _vix_spike,
        (
            number("level", "where VIX goes", low=5.0, high=200.0, unit="points"),
            number("spx_pct", "by how much SPX moves meanwhile", low=-60.0, high=60.0, default=0.0, unit="%"),
            seconds("ramp_s", "how long it takes to come", default=300.0),
            *_COURSE[1:],
        ),
    ),
    Verb(
        "curve_inversion",
        Layer.MARKET,
        "the near end of the VX curve rises over the rest, VIX options follow their futures, VIX itself stays",
        _curve_inversion,
        (
            number("points", "front month over the second", low=-50.0, high=50.0, unit="points"),
            *_COURSE,
        ),
    ),
    Verb(
        "halt",
        Layer.MARKET,
        "contracts are halted: nobody quotes them, tick 49 says so, orders in them are held until trading resumes",
        on_venue(_halt),
        (*CONTRACT, _KIND, FOR),
    ),
    Verb(
        "market_halt",
        Layer.MARKET,
        "the market-wide breaker: every contract is halted and the indices stand still",
        on_venue(_market_halt),
        (_KIND, FOR),
    ),
)
