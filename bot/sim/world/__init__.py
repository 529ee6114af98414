"""Markets for the simulated gateway: seeded scenarios and real history, both as `World`."""

from bot.sim.world.errors import ScenarioError, WorldDataError
from bot.sim.world.load import load_history, load_scenario, scenario_names

__all__ = ["ScenarioError", "WorldDataError", "load_history", "load_scenario", "scenario_names"]
