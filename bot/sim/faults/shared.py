"""Arguments that many verbs take alike, declared once so that they mean the same everywhere."""

from __future__ import annotations

from bot.sim.faults.arguments import seconds, whole

CLIENT = whole("client", "only what concerns this client id; all where absent", default=None)
FOR = seconds("for_s", "how long; until it is ended where absent", default=None)
TIMES = whole("times", "how often it happens; 0 means always", default=1)
SEED = whole("seed", "chance, in one number", default=7)
