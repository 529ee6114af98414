"""One seed's plan: everything about it that is drawn by lot before anything runs, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
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

FILLS: tuple[tuple[str, dict[str, float]], ...] = (
    ("quick", {"mid_per_minute": 6.0, "partial_probability": 0.3}),
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

OFTEN = ("condor.entry.every_min=1", "condor.entry.scan_min=1", "engine.snapshot_every_s=30.0")
"""An entry is looked for every minute, one condor after the other; the broker is asked as often as on a real account.
"""

LIVENESS_SHARE = 0.2

MINUTES = (3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 20.0)
MINUTES_SHARES = (0.28, 0.26, 0.2, 0.12, 0.07, 0.05, 0.02)
"""Market minutes under faults: many short seeds meet more different beginnings for the same time than few long ones,
and some things only happen late."""

BEGINS = ("10:29:00", "11:45:00", "14:10:00", "15:25:00")
BEGIN_SHARES = (0.5, 0.2, 0.2, 0.1)
EVENING, EVENING_MINUTES = "15:42:00", 36.0
EVENING_SHARE = 0.03
"""Few seeds live through the close and what the bot attests after it."""
AFTER_A_DEATH_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed does. `minutes` of market time under faults, one about every `gap_s` seconds, drawn from `dishes`.
    In a liveness seed the faults end and the bot must be of one mind within a minute."""

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
            f"fills {self.fills}, hedge {'on' if self.hedged else 'off'}, a fault about every {self.gap_s:.0f} s, "
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
    return Plan(
        family=family,
        seed=seed,
        world=world,
        world_seed=WORLD_SEEDS[int(chance.integers(len(WORLD_SEEDS)))],
        begin=f"{day}T{at}-05:00",
        minutes=minutes,
        tick_s=float(chance.choice([5.0, 15.0, 15.0])),
        fills=name,
        fill_terms=dict(terms),
        hedged=bool(chance.random() < 0.3),
        gap_s=float(np.exp(chance.uniform(np.log(12.0), np.log(120.0)))),
        at_writes=float(chance.choice([0.0, 0.0, 0.15, 0.4])),
        dishes=tuple(chosen),
        liveness=bool(chance.random() < LIVENESS_SHARE),
        twist=twist,
    )


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
