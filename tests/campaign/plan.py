"""One seed's plan: everything about it that is drawn by lot before anything runs, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bot.sim.venue.matching import FillModel
from tests.campaign.menu import FAMILIES, MENU, Dish
from tests.campaign.twists import AFTER_A_DEATH, AFTER_THE_CLOSE, NO_TWIST, TWISTS, Twist
from tests.flow.virtual_life import BUSY

WORLDS = (
    ("tests/flow/crash_days.toml", "2026-03-02"),
    ("tests/flow/shock_days.toml", "2026-03-02"),
)
"""Worlds and the day that is lived. Few worlds and few world seeds: their past is reckoned once per process."""
WORLD_SEEDS = (7, 8)

QUICK = {"mid_per_minute": 6.0, "partial_probability": 0.3}
FILLS: tuple[tuple[str, dict[str, float]], ...] = (
    ("quick", QUICK),
    ("slow", {"mid_per_minute": 4.0, "partial_probability": 0.7, "cancel_delay_s": 20.0, "commission_delay_s": 45.0}),
    ("stubborn", {"mid_per_minute": 0.3, "natural_per_minute": 2.0, "improvement_probability": 0.0,
                  "cancel_delay_s": 10.0}),
    ("never", {"mid_per_minute": 0.0, "improvement_probability": 0.0}),
    ("parts", {"mid_per_minute": 6.0, "partial_probability": 1.0}),
)  # fmt: skip
FILL_SHARES = (0.3, 0.2, 0.2, 0.1, 0.2)

ONE_EXPIRY = (
    "condor.entry.dte_min_days=39",
    "condor.entry.dte_max_days=39",
    "condor.entry.dte_target_days=39",
    "condor.entry.window_until=15:58:00",
)
"""One board of contracts to load: a seed is about orders, not about boards."""

OFTEN = (
    "condor.entry.every_min=1",
    "condor.entry.scan_min=1",
    "condor.search.refit_s=30",
    "engine.snapshot_every_s=30.0",
)
"""An entry is looked for every minute, one condor after the other; the broker is asked as often as on a real account.
"""

LIVENESS_SHARE = 0.2

MINUTES = (2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
MINUTES_SHARES = (0.35, 0.3, 0.2, 0.09, 0.04, 0.02)
"""Market minutes under faults: many short seeds meet more different beginnings for the same time than few long ones,
and some things only happen late."""

BEGINS = ("10:29:00", "11:45:00", "14:10:00", "15:25:00")
BEGIN_SHARES = (0.5, 0.2, 0.2, 0.1)
EVENING, EVENING_MINUTES = "15:42:00", 36.0
EVENING_SHARE = 0.03
"""Few seeds live through the close and what the bot attests after it."""
AFTER_A_DEATH_SHARE = 0.2

COLD_SHARE = 0.06
"""Seeds whose faults begin with the bot's own start; in the others it has been at work for a while."""
LIVED_S = (40.0, 80.0, 140.0)
"""Market seconds that a bot has lived when the faults begin: connected and quoted, an order out, a condor held."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed does. `minutes` of market time under faults, one about every `gap_s` seconds, drawn from `dishes`.
    In a liveness seed the faults end and the bot must be of one mind within a minute. Before the first fault the bot
    lives `lived_s` market seconds in peace."""

    family: str
    seed: int
    world: str
    world_seed: int
    begin: str
    minutes: float
    tick_s: float
    fills: str
    fill_terms: dict[str, float]
    hedged: bool
    gap_s: float
    at_writes: float
    dishes: tuple[Dish, ...]
    liveness: bool
    twist: Twist = NO_TWIST
    lived_s: float = 0.0

    @property
    def beginning(self) -> tuple[object, ...]:
        """What all that happens before the first fault follows from: seeds that share it can share that time."""
        return (self.world, self.world_seed, self.begin, self.tick_s, self.hedged, self.twist.first, self.lived_s)

    def settings(self, life: int = 1) -> tuple[str, ...]:
        """Assignments for the bot's configuration in its first, second, ... life."""
        return (*BUSY, *ONE_EXPIRY, *OFTEN, "run.pulse_s=15.0", f"alvh.enabled={str(self.hedged).lower()}",
                f"risk.quote_age_open_s={self.quote_age_s}", *self.twist.first,
                *(self.twist.later if life > 1 else ()))  # fmt: skip

    @property
    def quote_age_s(self) -> float:
        """The oldest quote an opening order may stand on: quotes come with ticks, so not less than one."""
        return min(self.tick_s + 1.0, 46.0)

    @property
    def model(self) -> FillModel:
        """How orders fill."""
        return FillModel(**self.fill_terms)  # type: ignore[arg-type]

    def lines(self) -> list[str]:
        """The plan for people."""
        verbs = ", ".join(sorted({dish.verb for dish in self.dishes}))
        return [
            f"seed {self.seed} of family {self.family}: {self.minutes:g} market minutes from {self.begin} "
            f"in {self.world} ({self.world_seed}), a tick is {self.tick_s:g} s",
            f"{self.lived_s:.0f} s in peace, then fills {self.fills}, hedge {'on' if self.hedged else 'off'}, "
            f"a fault about every {self.gap_s:.0f} s, "
            f"{'liveness' if self.liveness else 'calm at the end'}, settings: {self.twist.name}",
            f"verbs: {verbs}",
        ]


def draw(family: str, seed: int) -> Plan:
    """The plan of a seed. Raises ValueError for a family that is none."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    chance = np.random.default_rng([FAMILIES.index(family), seed])
    world, day = WORLDS[int(chance.integers(len(WORLDS)))]
    at = BEGINS[int(chance.choice(len(BEGINS), p=BEGIN_SHARES))]
    minutes = float(chance.choice(MINUTES, p=MINUTES_SHARES))
    if chance.random() < EVENING_SHARE:
        at, minutes = EVENING, EVENING_MINUTES
    name, terms = FILLS[int(chance.choice(len(FILLS), p=FILL_SHARES))]
    menu = [dish for dish in MENU if dish.family == family]
    twist = _twist(chance, family, at)
    if twist.fills:
        name, terms = next(row for row in FILLS if row[0] == twist.fills)
    rate = float(chance.uniform(0.1, 0.6))
    chosen = [dish for dish in menu if chance.random() < rate * min(dish.weight, 1.0)]
    others = [dish for dish in MENU if dish.family not in {family, "host"}]
    if chance.random() < 0.3:
        chosen.append(others[int(chance.integers(len(others)))])
    if not chosen:
        chosen.append(menu[int(chance.integers(len(menu)))])
    plan = Plan(
        family=family,
        seed=seed,
        world=world,
        world_seed=WORLD_SEEDS[int(chance.integers(len(WORLD_SEEDS)))],
        begin=f"{day}T{at}-05:00",
        minutes=minutes,
        tick_s=float(chance.choice([5.0, 15.0, 15.0, 15.0, 15.0])),
        fills=name,
        fill_terms=dict(terms),
        hedged=bool(chance.random() < 0.2),
        gap_s=float(np.exp(chance.uniform(np.log(8.0), np.log(60.0)))),
        at_writes=float(chance.choice([0.0, 0.0, 0.15, 0.4])),
        dishes=tuple(chosen),
        liveness=bool(chance.random() < LIVENESS_SHARE),
        twist=twist,
    )
    pace = float(np.exp(chance.uniform(np.log(0.5), np.log(2.0))))
    paced = {name: value * (pace if name.endswith("per_minute") else 1.0) for name, value in terms.items()}
    plan = replace(plan, fill_terms=paced)
    return plan if chance.random() < COLD_SHARE else _lived(plan, chance)


def _lived(plan: Plan, chance: np.random.Generator) -> Plan:
    """The plan with time in peace before its faults. Those with a twist begin in few ways each, so that some begin
    alike."""
    if plan.twist is NO_TWIST or plan.begin.endswith(f"{EVENING}-05:00"):
        return replace(plan, lived_s=LIVED_S[sum(plan.begin.encode() + plan.world.encode()) % len(LIVED_S)])
    kind = sum(plan.twist.name.encode()) + int(chance.integers(2))
    begin = f"{plan.begin[:11]}{BEGINS[kind % len(BEGINS)]}-05:00"
    seed, lived_s = WORLD_SEEDS[kind % len(WORLD_SEEDS)], LIVED_S[kind % len(LIVED_S)]
    return replace(plan, begin=begin, tick_s=15.0, hedged=kind % 4 == 0, world_seed=seed, lived_s=lived_s)


def _twist(chance: np.random.Generator, family: str, at: str) -> Twist:
    """Half of all seeds run with the usual settings."""
    some = chance.random() < 0.5
    choice = AFTER_THE_CLOSE if at == EVENING else TWISTS
    if family == "host" and chance.random() < AFTER_A_DEATH_SHARE:
        choice = AFTER_A_DEATH
    return choice[int(chance.integers(len(choice)))] if some else NO_TWIST


def facts(plan: Plan) -> dict[str, Any]:
    """What the file of results keeps of a plan."""
    return {
        "family": plan.family,
        "seed": plan.seed,
        "liveness": plan.liveness,
        "fills": plan.fills,
        "hedged": plan.hedged,
        "twist": plan.twist.name,
    }
