"""Loads the configuration and turns every error into a sentence with file, line, bound and a suggestion."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from bot.engine.state import EngineParams, Parameters
from bot.settings.layers import (
    ConfigError,
    Layer,
    Problem,
    closest,
    flatten,
    from_assignments,
    read_toml,
    unknown_variables,
)
from bot.settings.models import FIXED_LIMITS, Settings, known_keys
from risk.limits import Limits, paper_limits
from strategies.condor.params import CondorParams

ROOT = Path(__file__).resolve().parents[2]
CONFIG_DIR = ROOT / "config"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that passed, the parameters they mean, a hash over all of them, and where each value came from."""

    settings: Settings
    parameters: Parameters
    config_hash: str
    layers: tuple[Layer, ...]

    def origin(self, dotted: str) -> str:
        """Where the effective value of a key was written."""
        for layer in reversed(self.layers):
            if layer.has(dotted):
                return layer.origin(dotted)
        return "built in"


def load(
    *,
    profile: str,
    config: Path | None = None,
    assignments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    config_dir: Path = CONFIG_DIR,
) -> Loaded:
    """The effective configuration. Raises ConfigError with every problem found, never with half a configuration."""
    layers = [read_toml(path, name) for path, name in _files(config_dir, profile, config)]
    problems = unknown_variables(os.environ if environ is None else environ, known_keys())
    assigned, wrong = from_assignments(assignments)
    problems += wrong
    problems += _unknown_keys([*layers, assigned])
    if problems:
        raise ConfigError(problems)
    files = [path for path, _ in _files(config_dir, profile, config)]
    settings = _validated(files, {"profile": profile, **assigned.values}, [*layers, assigned])
    parameters = _parameters(settings, [*layers, assigned])
    return Loaded(settings, parameters, _hash(settings), (*layers, assigned))


def _files(config_dir: Path, profile: str, config: Path | None) -> list[tuple[Path, str]]:
    chosen = config_dir / f"{profile}.toml"
    if not chosen.exists():
        known = sorted(p.stem for p in config_dir.glob("*.toml") if p.stem not in ("default", "local", "events"))
        raise ConfigError([Problem("--profile", profile, f"no such profile; there are {', '.join(known)}")])
    files = [config_dir / "default.toml", chosen]
    if (config_dir / "local.toml").exists():
        files.append(config_dir / "local.toml")
    shown = [(path, f"config/{path.name}") for path in files]
    return [*shown, (config, str(config))] if config is not None else shown


def _unknown_keys(layers: Sequence[Layer]) -> list[Problem]:
    """Mistyped keys, each with its line and the nearest real name."""
    known = known_keys()
    problems = []
    for layer in layers:
        for dotted in flatten(layer.values):
            if dotted in known:
                continue
            hint = closest(dotted, known)
            text = f"unknown key. Did you mean {hint}?" if hint else "unknown key."
            problems.append(Problem(layer.origin(dotted), dotted, text))
    return problems


def _validated(files: Sequence[Path], values: dict[str, Any], layers: Sequence[Layer]) -> Settings:
    config = SettingsConfigDict(**{**Settings.model_config, "toml_file": list(files)})
    effective = type("EffectiveSettings", (Settings,), {"model_config": config, "__doc__": Settings.__doc__})
    try:
        settings: Settings = effective(**values)
    except ValidationError as error:
        raise ConfigError([_problem(row, layers) for row in error.errors(include_url=False)]) from None
    return settings


def _problem(row: Any, layers: Sequence[Layer]) -> Problem:
    """One validation error in the field's terms; the value is shown only as the file shows it."""
    dotted = ".".join(str(part) for part in row["loc"] if isinstance(part, str))
    where, value = _found(dotted, layers)
    text = str(row["msg"]).removeprefix("Value error, ")
    return Problem(where, f"{dotted}{value}", text[0].lower() + text[1:] if text else "is not valid")


def _found(dotted: str, layers: Sequence[Layer]) -> tuple[str, str]:
    for layer in reversed(layers):
        if layer.has(dotted):
            node: Any = layer.values
            for part in dotted.split("."):
                node = node[part]
            return layer.origin(dotted), f" = {node!r}"
    return "environment", ""


def _parameters(settings: Settings, layers: Sequence[Layer]) -> Parameters:
    """The structs judge their own values: bounds and contradictions come back as problems of their section."""
    built: dict[str, Any] = {}
    problems: list[Problem] = []
    fixed = {"risk": {name: getattr(paper_limits(), name) for name in FIXED_LIMITS}}
    for section, struct in (("condor", CondorParams), ("risk", Limits), ("engine", EngineParams)):
        values = {**getattr(settings, section).model_dump(), **fixed.get(section, {})}
        try:
            built[section] = msgspec.convert(values, struct, from_attributes=True)
        except (ValueError, msgspec.ValidationError) as reason:
            text, _, path = str(reason).partition(" - at `$")
            problems += [_judged(section, path.strip("`").strip("."), part, layers) for part in text.split("; ")]
    if problems:
        raise ConfigError(problems)
    return Parameters(condor=built["condor"], limits=built["risk"], engine=built["engine"])


def _judged(section: str, path: str, text: str, layers: Sequence[Layer]) -> Problem:
    """A sentence of a parameter struct, placed at the first setting it names."""
    table = f"{section}.{path}" if path else section
    keys = {key.rpartition(".")[2]: key for key in sorted(known_keys()) if key.startswith(f"{table}.")}
    named = next((word for word in text.replace(",", " ").replace(":", " ").split() if word in keys), None)
    if named is None:
        return Problem("", f"[{table}]", text)
    where, value = _found(keys[named], layers)
    return Problem(where if value else "built in", f"{keys[named]}{value}", text)


def _hash(settings: Settings) -> str:
    """Twelve hex digits that name the effective configuration."""
    plain = msgspec.json.encode(settings.model_dump(mode="json"), order="deterministic")
    return hashlib.sha256(plain).hexdigest()[:12]
