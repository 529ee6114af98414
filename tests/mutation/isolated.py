"""Runs tests against one mutant in a forked process: the module is replaced as it is imported, nothing is written.

Forking is what makes this quick: pytest, numpy and the rest are imported once, and each mutant costs its tests only.
A mutant that never ends is stopped by a limit on its processor time (load of the machine does not matter).
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import pkgutil
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
THIRD_PARTY = (
    "pytest", "_pytest.assertion.rewrite", "pytest_asyncio", "pytest_timeout", "hypothesis", "hypothesis.stateful",
    "numpy", "msgspec", "orjson", "structlog", "click", "exchange_calendars", "pandas", "asyncio", "sqlite3",
)  # fmt: skip

LAYERS = ("strategies", "risk")
"""Imported before the fork, lowest first; a child forgets the layer of its mutant and those above, nothing else."""


class Ran(NamedTuple):
    """What became of a mutant: the first test that failed, or none; `how` is failed, error, time or survived."""

    how: str
    by: str
    cpu_s: float

    @property
    def killed(self) -> bool:
        """Whether some test noticed."""
        return self.how != "survived"


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another text."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        package = self.path.name == "__init__.py"
        spec = importlib.util.spec_from_loader(name, self, origin=str(self.path), is_package=package)
        if spec is not None and package:
            spec.submodule_search_locations = [str(self.path.parent)]
        return spec

    def get_code(self) -> CodeType:
        return compile(self.source, str(self.path), "exec")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(), module.__dict__)


class _First:
    """A pytest plugin: the first failure by name, and property tests that always draw the same and do not shrink."""

    def __init__(self) -> None:
        self.by = ""

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutation")

    def pytest_runtest_logreport(self, report: object) -> None:
        if getattr(report, "failed", False) and not self.by:
            self.by = str(getattr(report, "nodeid", "?"))

    def pytest_collectreport(self, report: object) -> None:
        if getattr(report, "failed", False) and not self.by:
            self.by = str(getattr(report, "nodeid", "?")) + " (import)"


def warm_up() -> None:
    """Imports what every mutant's tests need and no mutant changes."""
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    sys.dont_write_bytecode = False  # without compiled files each mutant would compile the whole bot again
    for name in THIRD_PARTY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from _pytest.config import default_plugins

    for name in default_plugins:
        importlib.import_module(f"_pytest.{name}")
    for layer in LAYERS:
        for found in pkgutil.walk_packages([str(ROOT / layer)], f"{layer}."):
            importlib.import_module(found.name)
    gc.collect()
    gc.freeze()  # a child's own collections need not look at all this


def _forget(layer: str) -> None:
    """The mutant's layer and those above are imported again, so that none of them holds a name of the original."""
    gone = LAYERS[LAYERS.index(layer) :] if layer in LAYERS else ()
    for name in [name for name in sys.modules if name.split(".")[0] in gone]:
        del sys.modules[name]


def module_name(path: str) -> str:
    """`risk/checks/__init__.py` is `risk.checks`."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def run(path: str, source: str | None, tests: Sequence[str], cpu_limit_s: int) -> Ran:
    """Runs the tests with this text of the module (None: as it stands) in a child and waits for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(path, source, tests, cpu_limit_s, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(child, 0)
    cpu_s = round(usage.ru_utime + usage.ru_stime, 2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test may have left behind
    if not told:
        return Ran("time" if os.WIFSIGNALED(status) else "error", "", cpu_s)
    code, by = json.loads(told)
    return Ran({0: "survived", 1: "failed"}.get(code, "error"), by, cpu_s)


def _child(path: str, source: str | None, tests: Sequence[str], cpu_limit_s: int, writing: int) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit_s, cpu_limit_s))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.stdout = sys.stderr = io.StringIO()
    code, by = 3, ""
    try:
        import pytest

        _forget(path.partition("/")[0])
        if source is not None:
            sys.meta_path.insert(0, _Mutated(module_name(path), ROOT / path, source))
        first = _First()
        off = [word for name in ("xdist", "anyio", "cacheprovider", "faulthandler") for word in ("-p", f"no:{name}")]
        code = int(pytest.main(["-x", "-q", "--assert=plain", *off, *tests], plugins=[first]))
        by = first.by
    except BaseException as reason:  # noqa: BLE001 - also what ends a process: the parent is told
        by = type(reason).__name__
    os.write(writing, json.dumps([code, by]).encode())
    os._exit(0)
