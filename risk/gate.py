"""The gate: every intent passes all its checks or is refused, and only here an approval is sealed.

Rules
- The form checks come first and bear any input. If the order is malformed or of unknown instruments, nothing further
  can be computed and they alone are recorded; otherwise every applicable check is made and recorded, passed or not.
- Whether an order reduces risk is proven from positions and working orders, never taken from its purpose. A proven
  reducer is spared the checks that limit new risk; nothing is spared under a kill.
- Unknown fails. There is no bypass.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from risk.approval import _SEAL, Approved
from risk.case import Case
from risk.checks import CHECKS, FORM, Check
from risk.limits import Limits, Use
from risk.result import CheckResult, Verdict
from risk.view import RiskView
from strategies.domain.control import TradingState
from strategies.domain.orders import PlaceIntent
from strategies.domain.same import Same

__all__ = ["CheckResult", "Reviewed", "Verdict", "preview", "reduces", "review"]

_NEEDED = frozenset(("C01", "C13", "C02"))


class Reviewed(NamedTuple):
    """The verdict, and the sealed approval if there is one."""

    approved: Approved | None
    verdict: Verdict


def review(intent: PlaceIntent, view: RiskView, limits: Limits, seq: int) -> Reviewed:
    """All checks; `seq` is the journal position the approval is bound to. Never raises for what an intent holds."""
    verdict = _judge(intent, view, limits, skip=frozenset())
    return Reviewed(Approved(intent, seq, seal=_SEAL) if verdict.approved else None, verdict)


def preview(intent: PlaceIntent, view: RiskView, limits: Limits) -> Verdict:
    """The same without the what-if (C19) and without an approval: asked before the broker is."""
    return _judge(intent, view, limits, skip=frozenset(("C19",)))


def reduces(intent: PlaceIntent, view: RiskView, limits: Limits) -> bool:
    """Whether a well-formed order is proven to add no risk: it needs no what-if and may go to `review` at once."""
    case = Case(intent, view, limits)
    return all(check.run(case).passed for check in FORM) and case.reducing


def _judge(intent: PlaceIntent, view: RiskView, limits: Limits, skip: frozenset[str]) -> Verdict:
    case = Case(intent, view, limits)
    results = [check.run(case) for check in FORM]
    if any(not r.passed and r.code in _NEEDED for r in results):
        return _verdict(intent, results, reducing=False)
    reducing = case.reducing
    due = _due(Same(CHECKS), Use.HEDGE if case.hedge else Use.CONDOR, view.control.state, reducing)
    results += [check.run(case) for check in due if check.code not in skip]
    return _verdict(intent, results, reducing)


@lru_cache(maxsize=32)
def _due(seen: Same[tuple[Check, ...]], use: Use, state: TradingState, reducing: bool) -> tuple[Check, ...]:
    """The checks behind those of form that are made of this kind of order in this state."""
    return tuple(c for c in seen.value[len(FORM) :] if c.concerns(use, state) and (c.always or not reducing))


def _verdict(intent: PlaceIntent, results: list[CheckResult], reducing: bool) -> Verdict:
    failed = next((r for r in results if not r.passed), None)
    if failed is None:
        what = "reduces risk" if reducing else "adds risk within every cap"
        text = f"approved: {what}; {len(results)} checks passed"
    else:
        text = f"denied by {failed.code} {failed.name}: {failed.text}"
    code = None if failed is None else failed.code
    return Verdict(str(intent.ref), failed is None, tuple(results), code, text, reducing)
