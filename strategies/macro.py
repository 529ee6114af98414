"""Where macro inputs meet the market: what they say at this look, and the decisions that tell people so.

Nothing here acts. Signals and hedge read the word; every rule leaves its verdict with the inputs' ages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from strategies.alvh.view import HedgeMacro
from strategies.condor.context import Agenda, Context
from strategies.condor.filters import covered
from strategies.domain.decision import DecisionVerdict, Scalar
from strategies.domain.macro import KIND_OF, MacroInput, Told
from strategies.domain.session import NEW_YORK
from strategies.signals.evidence import Evidence
from strategies.signals.macro import MacroSeen, MacroWord, assess
from strategies.signals.macro_params import MacroParams
from strategies.signals.readings import Reading, Verdict
from strategies.signals.signals import Outlook

HOLD = DecisionVerdict.HOLD
SUBJECT = "macro"
LISTEN_EVERY_S = 15.0
ADVANCES = "nyse_net_advances"
STALE = "MACRO_CALENDAR_STALE"

RELEASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("M-CAL-1", ("FOMC", "FOMC_MINUTES")),
    ("M-CAL-2", ("CPI",)),
    ("M-CAL-3", ("PPI", "NFP", "GDP")),
)
"""Which rule tells of which kinds of event."""

_KEYS_OF: dict[str, tuple[str, ...]] = {
    rule: tuple(kind.key for kind in KIND_OF.values() if rule in kind.rules)
    for rule in sorted({rule for kind in KIND_OF.values() for rule in kind.rules})
}
"""The inputs each rule reads."""


class Heard(msgspec.Struct, frozen=True):
    """The word, and when it was formed; kept by the desk between looks."""

    word: MacroWord = MacroWord()
    at: datetime | None = None


def listen(before: Heard, inputs: tuple[MacroInput, ...], ctx: Context, outlook: Outlook | None,
           params: MacroParams) -> Heard:  # fmt: skip
    """The word at this look; formed anew at most every `LISTEN_EVERY_S` seconds."""
    if before.at is not None and 0.0 <= (ctx.now - before.at).total_seconds() < LISTEN_EVERY_S:
        return before
    seen = MacroSeen(
        today=ctx.today,
        calendar=ctx.calendar,
        vix_bars=ctx.market.bars.get("VIX", ()),
        vix_points=ctx.vix_points,
        premium_z60=None if outlook is None else outlook.measures.vix_less_rv20_z60,
    )
    return Heard(assess(before.word, inputs, seen, params), ctx.now)


def net_advances(inputs: tuple[MacroInput, ...], today: date) -> dict[date, float]:
    """Advancing less declining issues of finished sessions, as told; nothing once the newest holds no more."""
    rows = [row for row in inputs if row.key == ADVANCES and row.as_of < today and isinstance(row.value, float)]
    fresh = any(row.fresh(today) for row in rows)
    return {row.as_of: float(row.value) for row in rows} if fresh else {}


def for_hedge(word: MacroWord) -> HedgeMacro:
    """The word as the hedge reads it."""
    return HedgeMacro(word.confirmed, word.benign, word.alarm, word.elevated, word.addon_pct)


def tell(agenda: Agenda, heard: Heard, inputs: tuple[MacroInput, ...], outlook: Outlook | None) -> None:
    """Every macro rule's verdict, once each time the word is formed during a session."""
    ctx = agenda.ctx
    if heard.at != ctx.now or ctx.session is None:
        return
    told = Told(inputs)
    for reading in heard.word.readings:
        _tell_reading(agenda, reading, told)
    _tell_calendar(agenda)
    _tell_season(agenda, told)
    if outlook is not None:
        _tell_compounding(agenda, heard.word, told, outlook)
        _tell_evidence(agenda, outlook.evidence)


def _tell_reading(agenda: Agenda, reading: Reading, told: Told) -> None:
    keys, today = _KEYS_OF.get(reading.rule, ()), agenda.ctx.today
    text = f"{reading.subject}: {reading.verdict.value}" + (f", {reading.reason}" if reading.reason else "")
    stale = [key for key in keys if (row := told.newest(key)) is not None and not row.fresh(today)]
    if stale:
        text += f"; stale and not counted: {', '.join(stale)}"
    inputs: dict[str, Scalar] = {**reading.values, **_ages(told, keys, today)}
    agenda.note(reading.rule, SUBJECT, HOLD, text, inputs=inputs, thresholds=reading.thresholds)


def _ages(told: Told, keys: Sequence[str], today: date) -> dict[str, Scalar]:
    """The newest value of each key with its age in calendar days; one that holds no more is marked."""
    found: dict[str, Scalar] = {}
    for key in keys:
        row = told.newest(key)
        if row is not None:
            found[key] = row.value
            found[f"{key}_age_days"] = row.age_days(today)
            if not row.fresh(today):
                found[f"{key}_stale"] = True
    return found


def _tell_calendar(agenda: Agenda) -> None:
    """M-CAL-1 to M-CAL-3: the next release of each kind, and whether the list of events still reaches ahead."""
    ctx = agenda.ctx
    until = ctx.calendar.events_until
    stale = not covered(ctx.calendar, ctx.today, ctx.params.entry.coverage_sessions)
    for rule, kinds in RELEASES:
        coming = min((e for e in ctx.calendar.events if e.kind.upper() in kinds and e.at >= ctx.now),
                     key=lambda e: e.at, default=None)  # fmt: skip
        inputs: dict[str, Scalar] = {"events_until": None if until is None else until.isoformat()}
        if coming is not None:
            day = coming.at.astimezone(NEW_YORK).date()
            text = f"{coming.kind.upper()} comes next"
            inputs |= {"day": day.isoformat(), "days_ahead": (day - ctx.today).days}
        else:
            text = f"no {' or '.join(kinds)} is listed ahead"
        agenda.note(rule, SUBJECT, HOLD, f"{STALE}: {text}" if stale else text, inputs=inputs)


def _tell_season(agenda: Agenda, told: Told) -> None:
    """M-CAL-4, a count of offerings that is only noted, and M-CAL-5, the weeks in which companies report."""
    offerings = told.number("ipo_count", agenda.ctx.today)
    if offerings is not None:
        agenda.note("M-CAL-4", SUBJECT, HOLD, "public offerings are noted, they move nothing",
                    inputs=_ages(told, ["ipo_count"], agenda.ctx.today))  # fmt: skip
    text = "companies report in these weeks" if earnings_weeks(agenda.ctx.today) else "outside the earnings weeks"
    agenda.note("M-CAL-5", SUBJECT, HOLD, text)


def earnings_weeks(today: date) -> bool:
    """Whether most companies of the index report now: from the second week after a quarter's end to the seventh."""
    quarter_end = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    return 7 <= (today - quarter_end).days < 49


def _tell_compounding(agenda: Agenda, word: MacroWord, told: Told, outlook: Outlook) -> None:
    """T-REG-4: inversion, falling breadth and rising inflation together lift the tier by one."""
    slopes = [r.values["breadth_slope"] for r in outlook.readings if r.rule == "D-AD-1" and "breadth_slope" in r.values]
    holds = outlook.compounding is Verdict.TRUE
    inputs: dict[str, Scalar] = {
        "regime": outlook.regime.value,
        "breadth_slope": round(slopes[0], 6) if slopes else None,
        "inflation_rising": word.inflation_rising.value,
        "tier": int(outlook.tier),
        **_ages(told, ["cpi_yoy_change_pp", "ppi_yoy_change_pp"], agenda.ctx.today),
    }
    text = "compounding: the tier is one higher" if holds else f"compounding: {outlook.compounding.value}"
    agenda.note("T-REG-4", "market", HOLD, text, inputs=inputs, thresholds={"breadth_slope": 0.0})


def _tell_evidence(agenda: Agenda, evidence: Evidence) -> None:
    """D-SCORE-2: what macro readings add to the score."""
    families = [family.value for family in evidence.families]
    alone = families == ["macro"]
    text = (
        "macro alone counts nothing" if alone else "macro adds one point" if "macro" in families else "no macro point"
    )
    agenda.note("D-SCORE-2", "market", HOLD, text, inputs={"points": evidence.points, "families": ", ".join(families)},
                thresholds={"macro_points_max": 1})  # fmt: skip
