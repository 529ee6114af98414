"""How far a recorded decision was from the other answer: its numbers against its thresholds, condition by condition.

A condition is `[abs] NAME OP [abs] NAME_OR_NUMBER`. The left name is one of the decision's inputs; the right one is a
threshold, else an input, else a number. A condition whose names a decision does not have is not asked of it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bot.rules.catalogue import Rule

NEAR_SHARE = 0.10
"""Within this share of a threshold a decision was a near miss, unless the condition was met."""

_CONDITION = re.compile(r"(abs )?([a-z][a-z0-9_]*) (<=|>=|<|>) (abs )?([a-z][a-z0-9_]*|-?\d+(?:\.\d+)?)")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_SLACK = 1e-9


class Condition(NamedTuple):
    """A condition taken apart."""

    name: str
    of_size: bool
    sign: str
    limit: str
    limit_of_size: bool


class Gap(NamedTuple):
    """One condition on one decision. `share` is the distance as a share of the threshold, None for a threshold of 0."""

    name: str
    value: float
    sign: str
    threshold: float
    met: bool
    share: float | None

    @property
    def text(self) -> str:
        """The condition with its numbers and how far it was from turning."""
        stands = "met" if self.met else "not met"
        if self.share is None:
            away = f"{abs(self.value - self.threshold):.4g} away"
        else:
            away = f"{abs(self.value - self.threshold):.4g} or {100.0 * self.share:.1f} % away"
        return f"{self.name} {self.value:.6g} {self.sign} {self.threshold:.6g}: {stands}, {away}"


def parsed(text: str) -> Condition:
    """Raises ValueError for what is no condition."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no condition like 'vix_points < blocked_from_vix_points'")
    return Condition(found[2], bool(found[1]), found[3], found[5], bool(found[4]))


def gaps(rule: Rule, decision: Mapping[str, Any]) -> tuple[Gap, ...]:
    """The rule's conditions as this decision met them."""
    inputs, thresholds = decision.get("inputs") or {}, decision.get("thresholds") or {}
    found = []
    for text in rule.compares:
        condition = parsed(text)
        value = _number(inputs.get(condition.name), condition.of_size)
        limit = thresholds.get(condition.limit, inputs.get(condition.limit))
        if limit is None and not condition.limit[0].isalpha():
            limit = float(condition.limit)
        threshold = _number(limit, condition.limit_of_size)
        if value is None or threshold is None:
            continue
        met = _OPERATORS[condition.sign](value, threshold)
        if abs(value - threshold) <= _SLACK and condition.sign in ("<=", ">="):
            met = True
        whole = isinstance(inputs.get(condition.name), int) and isinstance(limit, int)
        turns_at = threshold + (_beyond(condition.sign, met) if whole else 0.0)
        share = abs(value - turns_at) / abs(threshold) if threshold else None
        name = f"|{condition.name}|" if condition.of_size else condition.name
        found.append(Gap(name, value, condition.sign, threshold, met, share))
    return tuple(found)


def _beyond(sign: str, met: bool) -> float:
    """Of whole numbers: how far beyond the threshold the one lies that turns the condition."""
    if met is not (sign in ("<=", ">=")):
        return 0.0
    return 1.0 if sign in ("<=", ">") else -1.0


def _number(value: Any, of_size: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return abs(float(value)) if of_size else float(value)


def deciding(rule: Rule, decision: Mapping[str, Any]) -> tuple[Gap, bool] | None:
    """The condition that stands between this answer and the other, and whether the rule's condition as a whole is met.

    Unmet: the farthest that is needed (of `any`: the nearest that would do). Met: the nearest to failing (of `any`:
    the farthest that holds it up). None without a condition whose distance can be told as a share.
    """
    found = gaps(rule, decision)
    if not found:
        return None
    either, answered = rule.when == "any", _answered(rule, found)
    pool = [gap for gap in found if gap.met is answered and gap.share is not None]
    if not pool:
        return None
    return (max if answered == either else min)(pool, key=_share), answered


def _answered(rule: Rule, found: tuple[Gap, ...]) -> bool:
    return any(gap.met for gap in found) if rule.when == "any" else all(gap.met for gap in found)


def _share(gap: Gap) -> float:
    return gap.share or 0.0


def near_miss(rule: Rule, decision: Mapping[str, Any]) -> Gap | None:
    """The condition within NEAR_SHARE that kept the rule from its answer; None if there is none."""
    found = deciding(rule, decision)
    if found is None or found[1] or decision.get("verdict") == "act":
        return None
    return found[0] if _share(found[0]) <= NEAR_SHARE else None


def in_words(rule: Rule, decision: Mapping[str, Any]) -> str:
    """How far from acting, or from the other answer, in a few words; empty where nothing can be told."""
    found = deciding(rule, decision)
    if found is None:
        return ""
    gap, answered = found
    answer = {"acts": ("its condition is met by", "from acting"), "allows": ("allows by", "from allowing")}[rule.met]
    share = f"{100.0 * _share(gap):.1f} %"
    return f"{answer[0]} {share} ({gap.name})" if answered else f"{share} {answer[1]} ({gap.name})"


def would_change(rule: Rule, decision: Mapping[str, Any]) -> tuple[str, ...]:
    """What would have turned the answer: every unmet condition, or, all being met, the one nearest to failing; in the
    rule's own words where its numbers do not say."""
    found = gaps(rule, decision)
    if not found:
        return (rule.turns,) if rule.turns else ()
    unmet = [gap for gap in found if not gap.met]
    what = "act" if rule.met == "acts" else "allow it"
    if not _answered(rule, found):
        join = "any of" if rule.when == "any" and len(unmet) > 1 else "all of" if len(unmet) > 1 else ""
        wanted = "; ".join(_asked(gap) for gap in unmet)
        return (f"to {what} it needed {f'{join}: ' if join else ''}{wanted}",)
    told = deciding(rule, decision)
    gap = told[0] if told is not None else next(gap for gap in found if gap.met)
    return (f"it would not {what} with {gap.name} {_against(gap)} {gap.threshold:.6g} (was {gap.value:.6g})",)


def _asked(gap: Gap) -> str:
    return f"{gap.name} {gap.sign} {gap.threshold:.6g} (was {gap.value:.6g})"


def _against(gap: Gap) -> str:
    return {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}[gap.sign]
