"""What the curve's regime and the stress tier mean together: which band holds, what outranks what, what may be done.

Every pair has a row. Calm: the carry and premium budgets outrank the soft floor. Anything else: the band outranks the
budgets (A-VEGA-2). UNKNOWN data permits nothing but what reduces the hedge's own risk (T-REG-3).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from strategies.signals.curve import Regime
from strategies.signals.tiers import Tier


class BandName(StrEnum):
    """Which band of net vega holds (R1)."""

    CALM = "calm"
    FLAT = "flat"
    FLIP = "flip"
    NONE = "none"


class Stance(NamedTuple):
    """What a pair of regime and tier asks for.

    `budget_first`: carry and premium budgets outrank the band's floor. `rotate`: protection moves out along the curve.
    `deep`: the second engine may run. `open_short`: new protection may be bought in the short layer.
    """

    band: BandName
    budget_first: bool
    rotate: bool
    deep: bool
    open_short: bool
    why: str


_R, _T = Regime, Tier
_CALM = Stance(
    BandName.CALM, True, False, False, True, "calm: short vega is what one is paid for, within the soft floor"
)
_TENSE = Stance(BandName.FLIP, False, False, True, True, "stress without inversion: the tight band, deep slots awake")
_FLAT = Stance(BandName.FLAT, False, False, False, True, "the curve is flat: the band outranks the budgets")
_TURN = Stance(BandName.FLIP, False, True, False, False, "inverted before the level rose: move out along the curve")
_STORM = Stance(BandName.FLIP, False, True, True, False, "inverted under stress: move out, deep slots awake")
_BLIND = Stance(BandName.NONE, True, False, False, False, "the curve cannot be read: nothing is bought or rotated")

JOINT: dict[tuple[Regime, Tier], Stance] = {
    (_R.CONTANGO, _T.CALM): _CALM,
    (_R.CONTANGO, _T.WATCH): _CALM,
    (_R.CONTANGO, _T.STRESS): _TENSE,
    (_R.CONTANGO, _T.CRISIS): _TENSE,
    (_R.FLAT, _T.CALM): _FLAT,
    (_R.FLAT, _T.WATCH): _FLAT,
    (_R.FLAT, _T.STRESS): _TENSE,
    (_R.FLAT, _T.CRISIS): _TENSE,
    (_R.BACKWARDATION, _T.CALM): _TURN,
    (_R.BACKWARDATION, _T.WATCH): _TURN,
    (_R.BACKWARDATION, _T.STRESS): _STORM,
    (_R.BACKWARDATION, _T.CRISIS): _STORM,
    (_R.DEEP_BACKWARDATION, _T.CALM): _TURN,
    (_R.DEEP_BACKWARDATION, _T.WATCH): _TURN,
    (_R.DEEP_BACKWARDATION, _T.STRESS): _STORM,
    (_R.DEEP_BACKWARDATION, _T.CRISIS): _STORM,
    (_R.UNKNOWN, _T.CALM): _BLIND,
    (_R.UNKNOWN, _T.WATCH): _BLIND,
    (_R.UNKNOWN, _T.STRESS): _BLIND,
    (_R.UNKNOWN, _T.CRISIS): _BLIND,
}


def stance(regime: Regime, tier: Tier) -> Stance:
    """The row of this pair."""
    return JOINT[regime, tier]


def joint_markdown() -> str:
    """The table as Markdown rows, for the docs."""
    lines = ["| regime | tier | band | first | rotate | deep | open L1 | why |", "|---|---|---|---|---|---|---|---|"]
    for (regime, tier), row in JOINT.items():
        first = "budget" if row.budget_first else "band"
        flags = " | ".join("yes" if flag else "-" for flag in (row.rotate, row.deep, row.open_short))
        lines.append(f"| {regime.value} | {tier.value} | {row.band.value} | {first} | {flags} | {row.why} |")
    return "\n".join(lines)
