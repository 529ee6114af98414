"""Opens worlds by name: `load_scenario` for shipped or own TOML files, `load_history` for folders of daily CSVs."""

from __future__ import annotations

from datetime import date
from importlib import resources
from pathlib import Path

from bot.sim.world import scenario
from bot.sim.world.errors import ScenarioError
from bot.sim.world.history_folder import open_history
from bot.sim.world.market import MarketWorld


def scenario_names() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    folder = resources.files("bot.sim.world") / "scenarios"
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def load_scenario(name_or_path: str | Path, seed: int, start: date | None = None) -> MarketWorld:
    """A scenario world. `name_or_path` is a shipped name or a path to a .toml file; raises ScenarioError.

    `start` moves the story: its first day is then the first trading day at or after that date.
    """
    text_name = str(name_or_path)
    if text_name in scenario_names():
        file = f"{text_name}.toml"
        text = (resources.files("bot.sim.world") / "scenarios" / file).read_text(encoding="utf-8")
        return MarketWorld(scenario.load(text, file, seed, start))
    path = Path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        known = ", ".join(scenario_names())
        reason = f"is neither a shipped scenario ({known}) nor a readable TOML file ({problem})"
        raise ScenarioError(text_name, "scenario", reason) from problem
    return MarketWorld(scenario.load(text, str(path), seed, start))


def load_history(folder: str | Path, start: date, end: date, seed: int) -> MarketWorld:
    """A world over the real days from `start` to `end` (both included) in that folder; raises WorldDataError."""
    return MarketWorld(open_history(Path(folder), start, end, seed))
