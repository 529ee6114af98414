"""docs/determinism.md, held: what could make two runs of one journal differ is not written, or stands in the list."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.trees import children, walk

ROOT = Path(__file__).resolve().parents[2]

ALLOWED = {
    "bot/clock.py clock": "the one place where the wall clock enters a run",
    "bot/host.py clock": "wall against monotonic clock is what is measured; it enters as a fact (C44)",
    "bot/journal/store.py clock": "how long a commit took; it enters as a fact (C49)",
    "bot/killer/process.py clock": "the killer has no market clock; its latch tells when",
    "bot/cli/alerts.py clock": "a person's command waits for an answer",
    "bot/cli/arm.py clock": "a person's command waits for an answer; commands are numbered by the millisecond",
    "bot/cli/calendar.py clock": "a person's command asks what is ahead of today",
    "bot/cli/kill.py clock": "the latch tells when; the command waits for the bot's word",
    "bot/cli/macro.py clock": "a person's command asks what has expired today",
    "bot/web/commands.py clock": "commands of the page are numbered by the millisecond",
    "bot/web/gathered.py clock": "how old a picture is, for people",
    "bot/web/server.py clock": "deadlines of the page's own thread",
    "bot/web/source.py clock": "how old a picture is, for people",
    "bot/notify/postman.py clock": "pauses between tries of another thread",
    "bot/notify/watch.py clock": "an alert's age in a process of its own",
    "bot/reporting.py clock": "the deadline of the report's own process",
    "bot/approvers.py chance": "an approver's token must not be guessed",
    "bot/web/credentials.py chance": "the page's token must not be guessed",
    "bot/web/source.py chance": "the token is compared in constant time",
    "bot/life.py swallowed": "tasks that were cancelled at the end; each one's failure was heard before",
    "bot/web/parts.py clock": "how often a process for the page is begun",
    "bot/doctor/kept.py clock": "a person's command asks how old the heartbeat is",
    "strategies/domain/same.py address": "the key of caches by identity, which nobody goes through",
    "bot/web/stream.py set order": "three tasks are cancelled, in any order",
}
"""`file kind` to why it may stand there. None of these places decides about an order."""

NEVER = ("strategies/", "risk/", "bot/engine/", "bot/reconcile.py", "bot/replay.py", "bot/recover.py")
"""Where nothing is allowed but the one key of caches."""

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "gmtime"},
}
CHANCE = {
    "os": {"urandom", "getrandom"},
    "uuid": {"uuid1", "uuid3", "uuid4", "uuid5"},
    "random": None,
    "secrets": None,
}
SETS = {"set", "frozenset"}
ORDERLESS = {"sorted", "set", "frozenset", "len", "any", "all", "min", "max", "Counter"}
"""What makes of an iteration something in which its order does not show."""
ORDERED = {"list", "tuple", "next", "iter", "enumerate", "zip", "sum", "map", "reversed"}
WIDE = {"Exception", "BaseException"}
MUTE = (ast.Name, ast.expr_context, ast.Constant, ast.arg, ast.keyword, ast.operator, ast.alias)
"""Most nodes of a tree: none of them alone is a sight, what is made of them is."""


class Sight(NamedTuple):
    """One place that breaks the contract."""

    kind: str
    line: int
    text: str


def looked_at(tree: ast.AST) -> Iterator[Sight]:
    """Everything in a module that the contract forbids."""
    nodes, parents = [tree], {}
    for node in nodes:  # grows as it is gone through
        below = children(node)
        parents |= dict.fromkeys(map(id, below), node)
        nodes += below
    for node in nodes:
        if isinstance(node, MUTE):
            continue
        yield from _calls(node)
        yield from _swallowed(node)
        for iterated in _iterated(node):
            if _is_set(iterated, _function_of(node, parents)) and not _orderless(node, parents):
                yield Sight("set order", iterated.lineno, ast.unparse(iterated))


def _name(node: ast.expr) -> str:
    """An expression as written; a dotted name without the cost of writing out a tree."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ast.unparse(node)


def _calls(node: ast.AST) -> Iterator[Sight]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            if CHANCE.get(name, ()) is None:
                yield Sight("chance", node.lineno, f"import {name}")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        owner = _name(node.value).rpartition(".")[2]
        if node.attr in CLOCKS.get(owner, ()):
            yield Sight("clock", node.lineno, ast.unparse(node))
        if node.attr in (CHANCE.get(owner) or ()):
            yield Sight("chance", node.lineno, ast.unparse(node))
    if isinstance(node, ast.Call):
        called = _name(node.func)
        if called.endswith("default_rng") and not node.args:
            yield Sight("chance", node.lineno, ast.unparse(node))
        seeded = "default_rng" in called or called.endswith("Generator")
        if called.startswith(("np.random.", "numpy.random.")) and not seeded:
            yield Sight("chance", node.lineno, called)
        if called.endswith(".fromtimestamp") and len(node.args) + len(node.keywords) < 2:
            yield Sight("zone", node.lineno, ast.unparse(node))
        if called in ("hash", "id"):
            yield Sight("address", node.lineno, ast.unparse(node))


def _swallowed(node: ast.AST) -> Iterator[Sight]:
    if isinstance(node, ast.ExceptHandler):
        passed = all(isinstance(s, ast.Pass) for s in node.body)
        gone_on = all(isinstance(s, ast.Pass | ast.Continue) for s in node.body)
        wide = node.type is None or _name(node.type) in WIDE
        if passed or (wide and gone_on) or node.type is None:
            yield Sight("swallowed", node.lineno, f"except {'' if node.type is None else _name(node.type)}")
    if isinstance(node, ast.Call) and _name(node.func) in ("contextlib.suppress", "suppress"):
        wide = [argument for argument in node.args if ast.unparse(argument) in WIDE]
        yield from (Sight("swallowed", argument.lineno, ast.unparse(node)) for argument in wide)


def _iterated(node: ast.AST) -> Iterator[ast.expr]:
    """What a node goes through in order."""
    if isinstance(node, ast.For | ast.AsyncFor):
        yield node.iter
    elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        yield from (part.iter for part in node.generators)
    elif isinstance(node, ast.List | ast.Tuple):
        yield from (part.value for part in node.elts if isinstance(part, ast.Starred))
    elif isinstance(node, ast.Call):
        joins = isinstance(node.func, ast.Attribute) and node.func.attr == "join"
        if joins or _name(node.func) in ORDERED:
            yield from node.args


def _is_set(node: ast.expr, function: ast.AST | None) -> bool:
    """Whether an expression is a set: by its form, or because the function calls that name one."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in SETS
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left, function) or _is_set(node.right, function)
    if isinstance(node, ast.Name) and function is not None:
        return node.id in _named_sets(function)
    return False


@functools.lru_cache(maxsize=64)  # a function's names are asked for once per loop in it
def _named_sets(function: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in walk(function):
        if isinstance(node, ast.arg) and node.annotation is not None and _says_set(node.annotation):
            names.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _says_set(node.annotation):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign) and _is_set(node.value, None):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def _says_set(annotation: ast.expr) -> bool:
    return _name(annotation).partition("[")[0] in {"set", "frozenset", "Set", "AbstractSet"}


def _orderless(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    """Whether the iteration ends in something that has no order."""
    above = parents.get(id(node))
    if not isinstance(above, ast.Call):
        return False
    if isinstance(node, ast.GeneratorExp) and isinstance(node.elt, ast.Constant):
        return True  # it counts
    return _name(above.func).rpartition(".")[2] in ORDERLESS


def _function_of(node: ast.AST, parents: dict[int, ast.AST]) -> ast.AST | None:
    while (above := parents.get(id(node))) is not None:
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
            return above
        node = above
    return None


@functools.cache
def found() -> dict[str, list[Sight]]:
    """What stands in the three floors, by file and kind."""
    rows: dict[str, list[Sight]] = {}
    for floor in ("strategies", "risk", "bot"):
        for path in sorted((ROOT / floor).rglob("*.py")):
            for sight in looked_at(ast.parse(path.read_text(encoding="utf-8"))):
                rows.setdefault(f"{path.relative_to(ROOT)} {sight.kind}", []).append(sight)
    return rows


def test_nothing_that_decides_depends_on_clock_chance_or_order() -> None:
    """Wall clock, chance, addresses, order of sets and swallowed errors stand only where the list says why."""
    broken = {key: sights for key, sights in found().items() if key not in ALLOWED}
    told = [f"{key}: line {sight.line} {sight.text[:80]}" for key, sights in broken.items() for sight in sights]
    assert not told, told


def test_the_list_of_exceptions_is_as_short_as_it_can_be() -> None:
    """Each exception is still needed, has a reason, and none is in what decides."""
    assert set(ALLOWED) <= set(found())
    assert all(len(reason) > 20 for reason in ALLOWED.values())
    assert [key for key in ALLOWED if key.startswith(NEVER)] == ["strategies/domain/same.py address"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("from datetime import datetime\nnow = datetime.now(UTC)", "clock"),
        ("import time\nx = time.monotonic()", "clock"),
        ("at = datetime.fromtimestamp(5)", "zone"),
        ("import random", "chance"),
        ("from random import choice", "chance"),
        ("import uuid\nref = uuid.uuid4()", "chance"),
        ("x = np.random.default_rng()", "chance"),
        ("x = np.random.normal()", "chance"),
        ("x = os.urandom(4)", "chance"),
        ("x = hash('a')", "address"),
        ("for x in {1, 2}:\n    go(x)", "set order"),
        ("rows = [f(x) for x in set(names)]", "set order"),
        ("def f(names: set[str]) -> list[str]:\n    return list(names)", "set order"),
        ("def f():\n    left = set(a) | set(b)\n    for x in left:\n        go(x)", "set order"),
        ("text = ', '.join({a, b})", "set order"),
        ("rows = [*{1, 2}]", "set order"),
        ("try:\n    go()\nexcept ValueError:\n    pass", "swallowed"),
        ("try:\n    go()\nexcept:\n    stop()", "swallowed"),
        ("for x in y:\n    try:\n        go()\n    except Exception:\n        continue", "swallowed"),
        ("with contextlib.suppress(Exception):\n    go()", "swallowed"),
    ],
)
def test_each_kind_is_seen(code: str, kind: str) -> None:
    """The look sees what it is there for."""
    assert kind in [sight.kind for sight in looked_at(ast.parse(code))]


@pytest.mark.parametrize(
    "code",
    [
        "rows = sorted({1, 2})",
        "found = any(x > 1 for x in {1, 2})",
        "count = len({a for a in b})",
        "at = datetime.fromtimestamp(5, UTC)",
        "x = np.random.default_rng(seed)",
        "for x in dict.fromkeys(names):\n    go(x)",
        "rows = sorted(name for name in set(a) - set(b))",
        "with contextlib.suppress(OSError):\n    go()",
    ],
)
def test_what_is_well_written_is_not_seen(code: str) -> None:
    """Sorted sets, counts, seeds and zones are fine."""
    assert list(looked_at(ast.parse(code))) == []
