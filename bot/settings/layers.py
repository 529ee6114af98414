"""Where each setting was written: TOML files with line numbers and comments, environment variables, `--set`.

Order, later wins: default.toml, PROFILE.toml, local.toml, --config FILE, CONDOR_* variables, --set.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.masking import mask

ENV_PREFIX = "CONDOR_"
ENV_NESTED = "__"
NEVER_SHOWN = frozenset({"account.id"})
_ABSENT = object()
_TABLE = re.compile(r"^\s*\[([A-Za-z0-9_.\- ]+)\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+(?:\s*\.\s*[A-Za-z0-9_\-]+)*)\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration: where, what was given, what is allowed."""

    where: str
    what: str
    help: str

    def __post_init__(self) -> None:
        for name in ("where", "what", "help"):  # whatever was typed, no account id is repeated
            object.__setattr__(self, name, mask(getattr(self, name)))

    def render(self) -> str:
        """Two or three lines for a person."""
        head = f"{self.where}  {self.what}" if self.where else self.what
        return f"{head}\n    {self.help}"


class ConfigError(ValueError):
    """The configuration is refused; `problems` has all of it at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.render() for problem in problems))


@dataclass(slots=True)
class Layer:
    """One source of settings: nested values, and where each dotted key stands (line of a file, name of a variable)."""

    name: str
    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def has(self, dotted: str) -> bool:
        """Whether this layer says anything about the key."""
        return self.get(dotted, _ABSENT) is not _ABSENT

    def get(self, dotted: str, default: Any = None) -> Any:
        """The key's value in this layer, `default` where the layer is silent."""
        node: Any = self.values
        for part in dotted.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return default
            node = node[part]
        return node

    def shown(self, dotted: str) -> str:
        """The key's value as a message may show it: neither an account nor what comes from the environment."""
        return "" if dotted in self.variables or dotted in NEVER_SHOWN else f" = {self.get(dotted)!r}"

    def origin(self, dotted: str) -> str:
        """`file:line` of a key, `environment NAME`, or the layer's name."""
        if dotted in self.variables:
            return f"{self.name} {self.variables[dotted]}"
        line = self.lines.get(dotted)
        return f"{self.name}:{line}" if line is not None else self.name


def read_toml(path: Path, shown_as: str | None = None) -> Layer:
    """A TOML file as a layer. Raises ConfigError when it cannot be read or parsed."""
    name = shown_as or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as reason:
        raise ConfigError([Problem(name, "cannot be read", f"{reason.strerror}; check the path")]) from reason
    except UnicodeDecodeError as reason:
        raise ConfigError([Problem(name, "is not text in UTF-8", f"{reason.reason} at byte {reason.start}")]) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise ConfigError([Problem(name, "is not valid TOML", str(reason))]) from reason
    lines, comments = _positions(text)
    return Layer(name, values, lines, comments)


def _positions(text: str) -> tuple[dict[str, int], dict[str, str]]:
    """Line number and preceding comment block of every `key =` line, by dotted key."""
    lines: dict[str, int] = {}
    comments: dict[str, str] = {}
    table = ""
    block: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TABLE.match(line):
            table, block = found.group(1).replace(" ", "") + ".", []
            lines.setdefault(table.removesuffix("."), number)
        elif found := _KEY.match(line):
            dotted = table + re.sub(r"\s", "", found.group(1))
            lines[dotted] = number
            if block:
                comments[dotted] = " ".join(block)
            block = []
        elif line.strip().startswith("#"):
            block.append(line.strip().lstrip("#").strip())
        else:
            block = []
    return lines, comments


def from_environment(environ: Mapping[str, str], known: frozenset[str]) -> tuple[Layer, list[Problem]]:
    """CONDOR_* variables as a layer; one that names no setting is a problem (its value is never shown)."""
    layer = Layer("environment", {})
    problems = []
    for name in sorted(environ):
        if not name.upper().startswith(ENV_PREFIX):
            continue
        dotted = name[len(ENV_PREFIX) :].lower().replace(ENV_NESTED, ".")
        if dotted == "profile":
            problems.append(Problem("environment", name, "the profile is chosen with --profile"))
        elif dotted in known:
            put(layer.values, dotted, parse_value(environ[name]))
            layer.variables[dotted] = name
        else:
            hint = closest(dotted, known)
            wanted = f" Did you mean {ENV_PREFIX}{hint.upper().replace('.', ENV_NESTED)}?" if hint else ""
            problems.append(Problem("environment", name, f"no setting has this name.{wanted}"))
    return layer, problems


def from_assignments(assignments: Sequence[str]) -> tuple[Layer, list[Problem]]:
    """`section.key=value` assignments of the command line as a layer."""
    layer = Layer("--set", {})
    problems = []
    for text in assignments:
        dotted, separator, value = text.partition("=")
        if not separator or "." not in dotted:
            problems.append(Problem("--set", text, "must read section.key=value, for example risk.open_condors=2"))
            continue
        try:
            put(layer.values, dotted.strip(), parse_value(value.strip()))
        except TypeError:
            problems.append(Problem("--set", text, "another --set makes a plain value of what is a section here"))
    return layer, problems


def parse_value(text: str) -> Any:
    """A TOML value where the text is one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def put(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Sets a nested value by dotted key. Raises TypeError where a part of the key is a plain value already."""
    *parents, last = dotted.split(".")
    node = values
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise TypeError(f"{dotted}: {part} is not a section")
    node[last] = value


def merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Nested values of several layers as one, later ones winning key by key."""
    result: dict[str, Any] = {}
    for values in layers:
        for key, value in values.items():
            below = result.get(key)
            parts = [part for part in (below, value) if isinstance(part, Mapping)]
            result[key] = merged(parts) if isinstance(value, Mapping) else value
    return result


def flatten(values: Mapping[str, Any], known: frozenset[str], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys; a table that is empty or itself a setting's value stays whole."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value and f"{prefix}{key}" not in known:
            flat.update(flatten(value, known, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def closest(word: str, known: frozenset[str]) -> str | None:
    """The known key most like a mistyped one, None if nothing is near."""
    import difflib

    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    if near:
        return near[0]
    tails = {key.rpartition(".")[2]: key for key in sorted(known)}
    near = difflib.get_close_matches(word.rpartition(".")[2], sorted(tails), n=1, cutoff=0.7)
    return tails[near[0]] if near else None
