"""C-DEC-1 as a table: hedge a threat of volatility, roll one of price, close what neither restores, else hold.

The first row whose condition holds gives the verdict. Rows 0 to 2 are about the condor alone. Rows 3 to 6 are about the
book with its hedge: they ask the hedge (a `Demand`, met by its own rules and budgets), roll the condor out, or leave
the surplus to the hedge's harvest. With the hedge off they say so and fall through; what is unknown matches no row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from strategies.condor.context import Agenda, Earned, distance
from strategies.condor.machine import Condor, CondorState
from strategies.condor.standing import Standing
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.hedge import Ask, Demand
from strategies.signals.readings import Verdict as Holds
from strategies.signals.readings import both, either

HOLD = DecisionVerdict.HOLD
RULE = "C-DEC-1"
WORD_MAX_AGE_S = 180.0
BREADTH, COMPRESSION = ("D-AD-1", "D-MACD-3"), ("D-COMP-1",)

CanRoll = Callable[[Condor, Standing, Agenda], str]
"""Why a condor cannot be rolled out now; empty when it can."""


class Row(NamedTuple):
    """One row for the reader: number, condition, verdict."""

    number: int
    when: str
    then: str


DECISION_TABLE: tuple[Row, ...] = (
    Row(0, "kill, link down, an order in doubt, quarantine, quotes missing", "nothing discretionary"),
    Row(1, "tier 3 lasts, the stop, expiry near", "CLOSE; the hedge stays until the condor is flat"),
    Row(2, "short delta >= 0.30 or spot within 0.5 EM of a short", "WIDEN the tested side, else ROLL_OUT, else CLOSE"),
    Row(3, "breadth diverges and VIX bandwidth compresses", "HEDGE: the confirmed share; ROLL_OUT at 25 days or less"),
    Row(4, "decay < 80 % of projected over 5 sessions, RSI of SPX > 65, P/E rising", "HEDGE: cut net short vega 35 %"),
    Row(5, "net vega below the band's floor, or at the short alarm", "HEDGE from L2, then L3; no room: ROLL_OUT"),
    Row(6, "net vega above the band's cap", "HARVEST"),
    Row(7, "otherwise", "HOLD"),
)


class Answer(NamedTuple):
    """What a row says: its number, the word, and the rule text. `roll` asks to roll this condor out."""

    row: int
    word: str
    text: str
    roll: bool = False


def hedge_rows(condor: Condor, stand: Standing, agenda: Agenda, can_roll: CanRoll) -> Answer | None:
    """Rows 3 to 6 for one open condor: the first that matches, noted with its inputs; None when none does."""
    if not agenda.ctx.hedge.enabled:
        return None
    for row in (_cheap, _slow_decay, _too_short, _too_long):
        answer = row(condor, stand, agenda, can_roll)
        if answer is not None:
            return answer
    return None


def hold(condor: Condor, agenda: Agenda) -> None:
    """Row 7; with the hedge off it says that rows 3 to 6 were not judged."""
    inputs: dict[str, Scalar] = {"row": 7, "answer": "hold"}
    if not agenda.ctx.hedge.enabled:
        inputs["rows_3_to_6"] = "not judged: the hedge is off"
    agenda.note(RULE, condor.id, HOLD, "row 7: no rule asks for anything", inputs=inputs)


def _note(agenda: Agenda, condor: Condor, answer: Answer, inputs: dict[str, Scalar],
          thresholds: dict[str, Scalar], near: float | None = None) -> Answer:  # fmt: skip
    agenda.note(RULE, condor.id, HOLD, f"row {answer.row}: {answer.word}: {answer.text}",
                inputs={"row": answer.row, "answer": answer.word, **inputs},
                thresholds=thresholds, near=near)  # fmt: skip
    return answer


def _ask(agenda: Agenda, row: int, ask: Ask, text: str, usd: float = 0.0) -> None:
    demand = Demand(RULE, ask, text, row, usd)
    if demand not in agenda.demands:
        agenda.demands.append(demand)


def read(agenda: Agenda, rules: tuple[str, ...]) -> Holds:
    """Whether one of some diagnostics holds; UNKNOWN while none can be read."""
    outlook = agenda.ctx.outlook
    found = [] if outlook is None else [r.verdict for r in outlook.readings if r.rule in rules]
    return either(*found) if found else Holds.UNKNOWN


def _cheap(condor: Condor, stand: Standing, agenda: Agenda, can_roll: CanRoll) -> Answer | None:
    """Row 3: shares narrow while volatility sleeps: protection is cheap."""
    within = agenda.ctx.params.adjust.roll_within_dte_days
    breadth, compressed = read(agenda, BREADTH), read(agenda, COMPRESSION)
    if not both(breadth, compressed).holds:
        return None
    inputs: dict[str, Scalar] = {"breadth": breadth.value, "compression": compressed.value, "dte_days": stand.dte_days}
    limits: dict[str, Scalar] = {"roll_within_dte_days": within}
    if stand.dte_days <= within:
        refused = can_roll(condor, stand, agenda)
        if not refused:
            return _note(agenda, condor, Answer(3, "roll_out", "volatility is cheap and little time is left", True),
                         inputs, limits)  # fmt: skip
        inputs["roll_refused"] = refused
    _ask(agenda, 3, Ask.SHARE, "breadth diverges while volatility is compressed: protection is cheap")
    return _note(agenda, condor, Answer(3, "hedge", "volatility is cheap: the confirmed share is asked for"), inputs,
                 limits)  # fmt: skip


def _slow_decay(condor: Condor, stand: Standing, agenda: Agenda, can_roll: CanRoll) -> Answer | None:
    """Row 4: decay lags in a stretched market. One cut: it is asked for until its day, not anew at every look."""
    ctx, params, watch = agenda.ctx, agenda.ctx.params.book, agenda.watch(condor.id)
    share, thresholds = decay_share(condor, agenda), {
        "decay_min_pct": params.decay_min_pct, "rsi_spx": params.rsi_spx_above, "cut_pct": params.short_vega_cut_pct,
    }  # fmt: skip
    rsi = None if ctx.outlook is None else ctx.outlook.measures.rsi_spx
    slow = Holds.of(None if share is None else 100.0 * share < params.decay_min_pct)
    stretched = Holds.of(None if rsi is None else rsi > params.rsi_spx_above)
    holds = both(slow, stretched, ctx.macro.pe_rising).holds
    if watch.cut_until is not None and ctx.today > watch.cut_until:
        agenda.remember(condor.id, cut_usd=None, cut_until=None)
        watch = agenda.watch(condor.id)
    word = ctx.hedge
    if watch.cut_usd is None:
        known = word.net_usd is not None and word.hedges_usd is not None and word.young(ctx.now, WORD_MAX_AGE_S)
        taken = any(w.cut_usd is not None for w in agenda.watches.values())
        if not holds or not known or taken or word.net_usd is None or word.hedges_usd is None:
            return None
        usd = word.hedges_usd + params.short_vega_cut_pct / 100.0 * max(0.0, -word.net_usd)
        agenda.remember(condor.id, cut_usd=usd, cut_until=ctx.today + timedelta(days=params.cut_lasts_days))
        watch = agenda.watch(condor.id)
    usd = watch.cut_usd or 0.0
    _ask(agenda, 4, Ask.USD, "decay lags in a stretched market: net short vega is cut once", usd)
    if not holds:  # asked for on an earlier day; the rows below may still have their say
        return None
    inputs: dict[str, Scalar] = {
        "decay_pct_of_projected": None if share is None else round(100.0 * share, 2),
        "rsi_spx": rsi,
        "pe_rising": ctx.macro.pe_rising.value,
        "asked_usd_per_vix_point": round(usd, 2),
    }
    return _note(agenda, condor, Answer(4, "hedge", "net short vega is cut once, not rolled"), inputs, dict(thresholds))


def decay_share(condor: Condor, agenda: Agenda) -> float | None:
    """Profit at mid made over the last sessions as a share of the theta that was due; None before there are enough."""
    params, closes = agenda.ctx.params.book, agenda.watch(condor.id).closes
    if len(closes) <= params.decay_sessions:
        return None
    rows = closes[-params.decay_sessions - 1 :]
    days = [(later.day - earlier.day).days for earlier, later in pairwise(rows)]
    projected = sum(n * row.theta_points for n, row in zip(days, rows, strict=False))
    return (rows[-1].profit_points - rows[0].profit_points) / projected if projected > 0.0 else None


def _too_short(condor: Condor, stand: Standing, agenda: Agenda, can_roll: CanRoll) -> Answer | None:
    """Row 5: the book is too short of volatility. The nearest expiry is rolled first, one condor at a time."""
    ctx, word = agenda.ctx, agenda.ctx.hedge
    if word.net_n is None or not word.young(ctx.now, WORD_MAX_AGE_S):
        return None
    limit = word.least_n
    if word.net_n >= limit - 1e-9:
        return None
    inputs: dict[str, Scalar] = {"net_vega_n": round(word.net_n, 4), "inflation_elevated": ctx.macro.elevated}
    limits: dict[str, Scalar] = {"low_n": word.low_n, "alarm_n": -word.alarm_n}
    since = word.short_since
    lasts = since is not None and (ctx.now - since).total_seconds() >= 60.0 * word.dwell_min
    limits["dwell_min"] = word.dwell_min
    if word.no_room and lasts:
        inputs["no_room"] = word.no_room
        refused = can_roll(condor, stand, agenda) if _first(condor, agenda) else "another condor goes first"
        if not refused:
            return _note(agenda, condor, Answer(5, "roll_out", "the hedge has no room left", True), inputs, limits)
        inputs["roll_refused"] = refused
    _ask(agenda, 5, Ask.FLOOR, "net vega is below its floor")
    return _note(agenda, condor, Answer(5, "hedge", "net vega is below its floor"), inputs, limits,
                 distance(word.net_n, limit))  # fmt: skip


def _first(condor: Condor, agenda: Agenda) -> bool:
    """Whether it is the open condor that expires first, and none is being closed."""
    active = [c for c in agenda.ctx.condors.values() if c.active and c.quantity > 0]
    if any(c.state is CondorState.EXIT_WORKING for c in active) or any(
        p.owner != condor.id and p.purpose.value == "exit" for p in agenda.places
    ):
        return False
    return min(active, key=lambda c: (c.expiry, c.id)).id == condor.id if active else False


def _too_long(condor: Condor, stand: Standing, agenda: Agenda, can_roll: CanRoll) -> Answer | None:
    """Row 6: more protection than the band allows; the hedge's own harvest sells it (A-VEGA-2, A-HARV-3)."""
    ctx, word = agenda.ctx, agenda.ctx.hedge
    high = word.high_n
    if word.net_n is None or high is None or not word.young(ctx.now, WORD_MAX_AGE_S) or word.net_n <= high:
        return None
    return _note(agenda, condor, Answer(6, "harvest", "net vega is above its cap"),
                 {"net_vega_n": round(word.net_n, 4)}, {"high_n": high}, distance(word.net_n, high))  # fmt: skip


def remember_close(condor: Condor, stand: Standing, agenda: Agenda) -> None:
    """Keeps one session's profit and theta in its last minutes, for row 4."""
    ctx, params = agenda.ctx, agenda.ctx.params.book
    closes = agenda.watch(condor.id).closes
    if ctx.minutes_to_close() > params.close_within_min or (closes and closes[-1].day == ctx.today):
        return
    if stand.profit_points is None or stand.theta_points is None:
        return
    kept = (*closes, Earned(ctx.today, stand.profit_points, stand.theta_points))
    agenda.remember(condor.id, closes=kept[-params.decay_sessions - 1 :])


def decision_markdown() -> str:
    """The table as Markdown rows, for the docs."""
    rows = ["| row | when | then |", "|---|---|---|"]
    return "\n".join([*rows, *(f"| {row.number} | {row.when} | {row.then} |" for row in DECISION_TABLE)])
