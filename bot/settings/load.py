"""Loads the configuration and turns every error into a sentence with file, line, bound and a suggestion."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from bot.calendar import CalendarError, load_events
from bot.engine.state import EngineParams, Parameters
from bot.settings.layers import (
    ConfigError,
    Layer,
    Problem,
    closest,
    flatten,
    from_assignments,
    from_environment,
    merged,
    put,
    read_toml,
)
from bot.settings.models import FIXED_LIMITS, MacroSection, Settings, known_keys
from risk.governance import GovernanceParams
from risk.limits import Limits, paper_limits
from strategies.alvh.params import AlvhParams
from strategies.condor.params import CondorParams
from strategies.signals.signals import SignalParams

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
    files = _files(config_dir, profile, config)
    variables, problems = from_environment(os.environ if environ is None else environ, known_keys())
    assigned, wrong = from_assignments(assignments)
    layers = (*_read(files), variables, assigned)
    problems += wrong + _unknown_keys(layers)
    values = {"profile": profile, **merged([variables.values, assigned.values])}
    try:
        settings = _validated([path for path, _ in files], values)
    except ValidationError as error:
        already = {problem.what for problem in problems}
        rows = [
            row
            for row in error.errors(include_url=False)
            if row["type"] != "extra_forbidden" and _dotted(row) not in already
        ]
        problems += [_problem(row, layers) for row in rows]
        told = [_dotted(row) for row in rows]
        _, wrong = _parameters(_without(layers, told), layers)
        raise ConfigError(problems + wrong + _events_problems(layers, told)) from None
    parameters, wrong = _parameters(settings.model_dump(), layers)
    problems += wrong + _events_problems(layers, ())
    if problems or parameters is None:
        raise ConfigError(problems)
    return Loaded(settings, parameters, _hash(settings), layers)


def _files(config_dir: Path, profile: str, config: Path | None) -> list[tuple[Path, str]]:
    chosen = config_dir / f"{profile}.toml"
    known = sorted(p.stem for p in config_dir.glob("*.toml") if p.stem not in ("default", "local", "events"))
    if profile not in known:
        raise ConfigError([Problem("--profile", profile, f"no such profile; there are {', '.join(known)}")])
    files = [config_dir / "default.toml", chosen]
    if (config_dir / "local.toml").exists():
        files.append(config_dir / "local.toml")
    shown = [(path, f"config/{path.name}") for path in files]
    return [*shown, (config, str(config))] if config is not None else shown


def _read(files: Sequence[tuple[Path, str]]) -> list[Layer]:
    layers: list[Layer] = []
    problems: list[Problem] = []
    for path, name in files:
        try:
            layers.append(read_toml(path, name))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return layers


def _unknown_keys(layers: Sequence[Layer]) -> list[Problem]:
    """Mistyped keys, each with its line and the nearest real name."""
    known = known_keys()
    sections = {key.rpartition(".")[0] for key in known}
    problems = []
    for layer in layers:
        for dotted, value in flatten(layer.values, known).items():
            if dotted in known or (value == {} and dotted in sections):
                continue
            if dotted in sections:
                text = f"is a section, not a value. Write its keys under [{dotted}]."
            else:
                hint = closest(dotted, known)
                text = f"unknown key. Did you mean {hint}?" if hint else "unknown key."
            problems.append(Problem(layer.origin(dotted), dotted, text))
    return problems


def _validated(files: Sequence[Path], values: dict[str, Any]) -> Settings:
    config = SettingsConfigDict(**{**Settings.model_config, "toml_file": list(files)})
    effective = type("EffectiveSettings", (Settings,), {"model_config": config, "__doc__": Settings.__doc__})
    settings: Settings = effective(**values)
    return settings


def _dotted(row: Any) -> str:
    """The setting that a validation error is about; places inside its value are left out."""
    parts = [str(part) for part in row["loc"]]
    names = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next((name for name in names if name in known_keys()), ".".join(parts))


def _problem(row: Any, layers: Sequence[Layer]) -> Problem:
    """One validation error in the field's terms; the value is shown only as the file shows it."""
    dotted = _dotted(row)
    where, value = _found(dotted, layers)
    text = str(row["msg"]).removeprefix("Value error, ")
    return Problem(where, f"{dotted}{value}", text[0].lower() + text[1:] if text else "is not valid")


def _found(dotted: str, layers: Sequence[Layer]) -> tuple[str, str]:
    for layer in reversed(layers):
        if layer.has(dotted):
            return layer.origin(dotted), layer.shown(dotted)
    return "built in", ""


def _without(layers: Sequence[Layer], wrong: Sequence[str]) -> dict[str, Any]:
    """The sections' raw values with the keys already told put back to their defaults: what else is wrong with them."""
    known = known_keys()
    values: dict[str, Any] = {section: {} for section in _STRUCTS}
    for layer in layers:
        for dotted, value in flatten(layer.values, known).items():
            if dotted in known and dotted not in wrong and dotted.partition(".")[0] in values:
                put(values, dotted, value)
    for dotted in wrong:
        if layers[0].has(dotted) and dotted.partition(".")[0] in values:
            put(values, dotted, layers[0].get(dotted))
    return values


_STRUCTS: dict[str, Any] = {
    "condor": CondorParams,
    "risk": Limits,
    "alvh": AlvhParams,
    "signals": SignalParams,
    "engine": EngineParams,
    "governance": GovernanceParams,
}


def _parameters(values: Mapping[str, Any], layers: Sequence[Layer]) -> tuple[Parameters | None, list[Problem]]:
    """The structs judge their own values: bounds and contradictions come back as problems of their section."""
    built: dict[str, Any] = {}
    problems: list[Problem] = []
    fixed = {"risk": {name: getattr(paper_limits(), name) for name in FIXED_LIMITS}}
    for section in _STRUCTS:
        built[section], wrong = _built(section, merged([values[section], fixed.get(section, {})]), layers)
        problems += wrong
    if problems:
        return None, problems
    condor: CondorParams = built["condor"]
    signals = msgspec.structs.replace(built["signals"], curve=condor.curve, tiers=condor.tiers)
    return Parameters(
        condor=condor,
        limits=built["risk"],
        engine=built["engine"],
        alvh=built["alvh"],
        signals=signals,
        governance=built["governance"],
    ), []


def _built(section: str, values: dict[str, Any], layers: Sequence[Layer]) -> tuple[Any, list[Problem]]:
    """A parameter struct or all that is wrong with it.

    A struct stops at its first error, so the settings named by it are put back to their defaults and it is asked again.
    """
    problems: list[Problem] = []
    told: set[str] = set()
    while True:
        try:
            struct = msgspec.convert(values, _STRUCTS[section], from_attributes=True)
        except (ValueError, msgspec.ValidationError) as reason:
            text, _, path = str(reason).partition(" - at `$")
            table = f"{section}{path.rstrip('`')}" if path else section
            fresh = set()
            for sentence in _sentences(table, text):
                named = _named(table, sentence)
                if not told or any(_chosen(key, layers) for key in named):
                    problems.append(_judged(table, sentence, named, layers))
                fresh |= {key for key in named if _chosen(key, layers)} - told
            for key in sorted(fresh):
                put(values, key.partition(".")[2], layers[0].get(key))
            told |= fresh
            if not fresh:
                return None, problems
        else:
            return (None if problems else struct), problems


def _chosen(key: str, layers: Sequence[Layer]) -> bool:
    """Whether a layer above the defaults sets the key and the defaults have a value to go back to."""
    return layers[0].has(key) and any(layer.has(key) for layer in layers[1:])


def _keys_of(table: str) -> dict[str, str]:
    """Setting names under a table by their last part; a table may also be the name of one setting."""
    return {key.rpartition(".")[2]: key for key in sorted(known_keys()) if f"{key}.".startswith(f"{table}.")}


def _sentences(table: str, text: str) -> list[str]:
    """A struct may join several faults with semicolons; a new one begins with the name of a setting."""
    return re.split(rf"; (?=(?:{'|'.join(_keys_of(table)) or '$'})\b)", text)


def _named(table: str, text: str) -> list[str]:
    """The settings that a sentence names, in its order."""
    keys = _keys_of(table)
    named = [keys[word] for word in re.findall(r"\w+", text) if word in keys]
    return list(dict.fromkeys(named or ([table] if table in known_keys() else [])))


def _judged(table: str, text: str, named: Sequence[str], layers: Sequence[Layer]) -> Problem:
    """A sentence of a parameter struct, placed at the setting it names that somebody chose, else at the first."""
    if not named:
        return Problem("", f"[{table}]", text)
    key = next((key for key in named if _chosen(key, layers)), named[0])
    where, value = _found(key, layers)
    return Problem(where, f"{key}{value}", text)


def _events_problems(layers: Sequence[Layer], told: Sequence[str]) -> list[Problem]:
    """The events file is part of the configuration: a bot must not start to find out that it cannot be read."""
    values = merged([layer.values for layer in layers]).get("macro", {})
    if any(key.startswith("macro") for key in told) or not isinstance(values, dict):
        return []
    section = MacroSection.model_validate({key: values[key] for key in ("events", "kinds") if key in values})
    try:
        load_events(section.events, section.kinds)
    except CalendarError as reason:
        where, value = _found("macro.events", layers)
        return [Problem(where, f"macro.events{value}", str(reason))]
    return []


def _hash(settings: Settings) -> str:
    """Twelve hex digits that name the effective configuration."""
    plain = msgspec.json.encode(settings.model_dump(mode="json"), order="deterministic")
    return hashlib.sha256(plain).hexdigest()[:12]
