"""docs/rulebook.md: each statement with its rules, tests and state, then each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.rules.catalogue import CHAPTERS, Catalogue, Rule, State, catalogue, worst
from bot.rules.view import standing

TEXTS = {
    "S0": "When the curve flips from contango into backwardation",
    "S1": "When rate differentials spike",
    "S2": "Four short, four intermediate, two deep against a static hedge",
    "S3": "Act at VIX 17 to 22, or wait",
    "S4": "Roll or hedge",
}
HEAD = """The strategy comes from five texts. Their {statements} statements stand here in our words, each with the rules
that honour it, the tests of those rules, and whether it runs with the settings as shipped. Then follow the {rules}
rules: what each says, its settings, where it is decided, what proves it. `condor rules` prints the same with the
effective settings and, with `--state DIR`, with what each rule saw last; `condor why` explains one decision.

A state is one of: **runs**; **off by default** (built and tested, its switch is off as shipped); **needs input**
(built, waits for data from outside the market or for a history); **not built**; **not meaningful**. A statement is
**in part** when some of its rules run. The texts contradict each other and are wrong in places; notes say how that is
resolved.

Rules by state: {counts}. Statements: {statement_counts}.
"""


def rulebook(values: Mapping[str, Any]) -> str:
    """The page below its title, with states as these settings (the shipped ones) make them."""
    book = catalogue()
    states = {key: standing(rule, values) for key, rule in book.rules.items()}
    told = {key: _statement_state(row.rules, states) for key, row in book.statements.items()}
    parts = [
        HEAD.format(
            statements=len(book.statements),
            rules=len(book.rules),
            counts=_counts(Counter(state.value for state in states.values())),
            statement_counts=_counts(Counter(told.values())),
        )
    ]
    for name, title in TEXTS.items():
        parts.append(
            f"\n## {name}. {title}\n\n| statement | in our words | rules and their tests | state |\n|---|---|---|---|\n"
        )
        parts += [_statement(key, book, states, told[key]) for key in book.statements if key.startswith(f"{name}-")]
    for letter, title in CHAPTERS.items():
        parts.append(f"\n## {title}\n")
        parts += [_rule(key, rule, book, states[key]) for key, rule in book.rules.items() if key.startswith(letter)]
    return "".join(parts)


def _statement_state(rules: tuple[str, ...], states: Mapping[str, State]) -> str:
    return worst([states[rule] for rule in rules]) if rules else "no rule"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _statement(key: str, book: Catalogue, states: Mapping[str, State], state: str) -> str:
    row = book.statements[key]
    text = row.says + (f" *{row.note}*" if row.note else "")
    told = "<br>".join(_with_tests(rule, book.rules[rule], states[rule]) for rule in row.rules) or row.because
    return f"| {key} | {text} | {told} | {state} |\n"


def _with_tests(key: str, rule: Rule, state: State) -> str:
    tests = ", ".join(f"`{test.partition('::')[2]}`" for test in rule.tests)
    return f"[{key}](#{key.lower()}) {tests or f'({state.value})'}"


def _rule(key: str, rule: Rule, book: Catalogue, state: State) -> str:
    because = rule.because or (f"`{rule.switch}` is false" if state is State.OFF else "")
    lines = [
        f"\n### {key}\n\n**{rule.title}.** {rule.says}\n",
        f"\n- state: {state.value}{f', because: {because}' if because else ''}\n",
    ]
    honours = ", ".join(book.honoured_by(key))
    condition = (" or " if rule.when == "any" else " and ").join(f"`{text}`" for text in rule.compares)
    for label, text in (
        ("differs from the texts", rule.differs),
        ("honours", honours),
        ("settings", ", ".join(f"`{name}`" for name in rule.keys)),
        (f"{rule.met} when", condition),
        ("turned by", rule.turns),
        ("checks of the gate", ", ".join(rule.checks)),
        ("decided in", ", ".join(f"`{name}`" for name in rule.decided)),
        ("tests", ", ".join(f"`{name}`" for name in rule.tests)),
    ):
        if text:
            lines.append(f"- {label}: {text}\n")
    return "".join(lines)
