"""Makes the mutants of one module with cosmic-ray's operators and prints them as JSON.

Runs in an environment of its own (`make mutate` sets it up): cosmic-ray and what it needs have no place beside the
bot. One mutant is one small wrong change: a comparison turned, a number moved by one, `and` for `or`, a loop never
entered. Mutants that differ in annotations or docstrings only are left out: nothing of them runs.

    .venv-mutation/bin/python tests/mutation/mutants.py risk/gate.py
"""

from __future__ import annotations

import ast
import itertools
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator

COMPARISONS = {
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
"""The boundary and the opposite. The other pairs of cosmic-ray are dead at the first test and only make a figure
look better."""

BINARY = (
    "Add_Sub",
    "Sub_Add",
    "Mul_Div",
    "Div_Mul",
    "FloorDiv_Mul",
    "Mod_Mul",
    "Pow_Mul",
    "BitOr_BitAnd",
    "BitAnd_BitOr",
)

OPERATORS = (
    *(f"ReplaceComparisonOperator_{one}_{other}" for one, others in COMPARISONS.items() for other in others),
    *(f"ReplaceBinaryOperator_{pair}" for pair in BINARY),
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "AddNot",
    "NumberReplacer",
    "ZeroIterationForLoop",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
)
"""RemoveDecorator is left out: a property that became a method is dead at the first test, like a syntax error."""


class _Bare(ast.NodeTransformer):
    """The program without what decides nothing: annotations, docstrings, `strict=True`, which is an assertion, and how
    many results a cache keeps."""

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.generic_visit(node)
        return ast.keyword(node.arg, ast.Constant(None)) if node.arg in ("strict", "maxsize") else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        node.annotation = ast.Constant(None)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        """How arguments are passed is the type checker's business."""
        self.generic_visit(node)
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults = [*node.defaults, *(each for each in node.kw_defaults if each is not None)]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """`not a is b` is `a is not b`: one mutant, not two."""
        self.generic_visit(node)
        turned = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
                  ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
        inner = node.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            other = turned.get(type(inner.ops[0]))
            if other is not None:
                return ast.Compare(inner.left, [other()], inner.comparators)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)


def _bare(code: str) -> str:
    return ast.dump(_Bare().visit(ast.parse(code)))


class Mutant(NamedTuple):
    """One wrong change: where, what stood there, what stands there now, and the whole module with it."""

    line: int
    operator: str
    before: str
    after: str
    source: str


def _changed(name: str, old: str, new: str) -> Mutant:
    for number, (before, after) in enumerate(zip(old.splitlines(), new.splitlines(), strict=False), start=1):
        if before != after:
            return Mutant(number, name, before.strip(), after.strip(), new)
    raise ValueError("no line differs")


def _without_calls(source: str) -> Iterator[Mutant]:
    """One statement that is nothing but a call left out: an operator of our own, for what a state forgets."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            text = "".join([*lines[:first], " " * node.col_offset, "pass\n", *lines[last + 1 :]])
            yield Mutant(node.lineno, "DropCall", ast.unparse(node), "(left out)", text)


def _without_elements(source: str) -> Iterator[Mutant]:
    """One entry of a list, set, dictionary or module-level tuple left out: an operator of our own, for tables."""
    tree = ast.parse(source)
    tuples = {id(part) for node in tree.body for part in ast.walk(node) if not isinstance(node, _BODIES)}
    tuples -= {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}  # types
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict) and len(node.keys) > 1:
            for i, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
                less = ast.Dict(node.keys[:i] + node.keys[i + 1 :], node.values[:i] + node.values[i + 1 :])
                told = f"{'**' if key is None else ast.unparse(key)}: {ast.unparse(value)}"
                yield Mutant(value.lineno, "DropElement", told, "(left out)", _replaced(source, node, less))
        elif isinstance(node, ast.List | ast.Set) or (isinstance(node, ast.Tuple) and id(node) in tuples):
            if len(node.elts) < 2 or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                continue
            for i, part in enumerate(node.elts):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and not isinstance(node, ast.Set):
                    continue  # __all__, __slots__ and words
                rest = node.elts[:i] + node.elts[i + 1 :]
                less = ast.Set(rest) if isinstance(node, ast.Set) else type(node)(rest, ast.Load())
                text = _replaced(source, node, less)
                yield Mutant(part.lineno, "DropElement", ast.unparse(part), "(left out)", text)


_BODIES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _replaced(source: str, node: ast.expr, other: ast.expr) -> str:
    """The source with the text of one expression replaced; offsets of the syntax tree count bytes."""
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: (node.end_lineno or node.lineno) - 1])) + (node.end_col_offset or 0)
    whole = source.encode()
    return (whole[:start] + ast.unparse(other).encode() + whole[end:]).decode()


def _variants(source: str) -> Iterator[Mutant]:
    parsed = pickle.dumps(get_ast(source))  # read again for each change: four times as quick as to parse again
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        for occurrence in itertools.count():
            visitor = MutationVisitor(occurrence, operator)
            changed = visitor.walk(pickle.loads(parsed))
            if not visitor.mutation_applied:
                break
            yield _changed(name, source, changed.get_code())
    yield from _without_calls(source)
    yield from _without_elements(source)


def mutants(path: Path) -> list[Mutant]:
    """Every mutant of a file, each once; what does not compile is none."""
    source = path.read_text()
    seen = {_bare(source)}
    found = []
    for mutant in _variants(source):
        try:
            program = _bare(mutant.source)
        except SyntaxError:  # cosmic-ray takes the stars of an unpacking for a power
            continue
        if program not in seen:
            seen.add(program)
            found.append(mutant)
    return sorted(found, key=lambda one: (one.line, one.operator, one.after, one.before))


if __name__ == "__main__":
    json.dump([one._asdict() for one in mutants(Path(sys.argv[1]))], sys.stdout)
