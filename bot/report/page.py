"""The report as one HTML file: no script, no network, light, dark and print; every text escaped by the templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.report import chart_bars, chart_book, charts
from bot.report.beta import beta_words
from bot.report.conduct import governance_words
from bot.report.facts import Json
from bot.report.glossary import GLOSSARY
from bot.report.tables import tables
from strategies.domain.session import NEW_YORK

UNKNOWN = "unknown"
_LAYERS = {"L1": "hedge, short layer", "L2": "hedge, middle layer", "L3": "hedge, deep layer", "other": "not ours"}

_PAIRS = 6
"""Values shown of a decision; the JSON has them all."""

_UNITS = {"usd": "dollars", "pct": "%", "em": "expected moves"}
_UNIT = re.compile(r"(?P<name>.+?)_(?P<unit>points|usd|pct|s|min|days|em|contracts)(?P<rest>(?:_(?:per|of)_[a-z_]+)?)$")
"""A value's name that ends with its unit, as `theta_points_per_day` and `max_pct_of_credit` do."""

_INITIALS = re.compile(r"\b(?:vix|spx|nlv|dte|rsi|iv|mes)\b")

SECTIONS = (
    ("timeline", "Timeline"),
    ("curve", "Term structure"),
    ("condors", "Condors"),
    ("hedge", "Hedge lattice"),
    ("decisions", "Decisions"),
    ("gate", "Risk gate"),
    ("execution", "Execution"),
    ("money", "Profit and loss"),
    ("reconciliation", "Reconciliation"),
    ("faults", "Faults"),
    ("tomorrow", "Next session"),
    ("appendix", "Appendix"),
)


def render(report: Json) -> str:
    """The whole page; its input is what `build` made."""
    days: Sequence[Json] = report["days"]
    drawn = [_drawn(day, session) for day, session in zip(days, report["sessions"], strict=True)]
    several = len(days) > 1
    changes = [(day_words(s["session"]), s["change_usd"] or 0.0) for s in report["sessions"]]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            title=title(report),
            sections=((("sessions", "Sessions"),) if several else ()) + SECTIONS,
            drawn=drawn,
            book_chart=_framed(chart_book.book(report["tomorrow"]["book"])),
            book_table=chart_book.table(report["tomorrow"]["book"]),
            files=tables(report),
            glossary=GLOSSARY,
            week_chart=_framed(chart_bars.days(changes)) if several else "",
        )
    )


def title(report: Json) -> str:
    """What the page is called."""
    rows = report["sessions"]
    if report["kind"] == "session":
        return f"Session report, {day_words(rows[0]['session'])}"
    span = f"{day_words(rows[0]['session'])} to {day_words(rows[-1]['session'])}"
    return f"{'Week' if report['kind'] == 'week' else 'All sessions'}, {span}"


def _drawn(day: Json, session: Json) -> Json:
    """The drawings of one session; they come from `charts`, which escapes every text it draws."""
    shares = day["attribution"]
    drawings: Json = {
        "timeline": charts.timeline(day["timeline"]),
        "curve": charts.curve(day["curves"]),
        "lattice": charts.lattice(day["lattice"], session),
        "shares": chart_bars.shares(shares) if shares and shares["rows"] else "",
    }
    found: Json = {name: _framed(svg) for name, svg in drawings.items()}
    found["payoffs"] = [_framed(charts.payoff(condor)) for condor in day["condors"]]
    return found


def _framed(svg: str) -> Markup:
    """A drawing that a narrow page can push sideways, by finger or by key, instead of shrinking its words away."""
    return Markup(f'<div class="draw" tabindex="0">{svg}</div>' if svg else "")  # drawn by us, texts escaped


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bot.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "usd": usd, "signed": signed, "points": points, "percent": percent, "share": share, "duration": duration,
        "clock": clock, "moment": moment, "day": day_words, "pairs": pairs, "plain": plain, "words": words,
        "ladder": ladder, "holder": holder, "badge": badge, "moved": moved, "month": month, "held_by": held_by,
        "beta_words": beta_words,
        "compared": compared, "grouped": grouped, "merged": merged, "inwords": in_words, "said": governance_words,
        "minuses": minuses, "digits": digits, "dated": dated, "returns": returns, "strikes": strikes,
        "fullest": fullest, "bar": bar,
    }  # fmt: skip
    return made


# numbers ------------------------------------------------------------------------------------------
def usd(value: float | None, digits: int) -> str:
    """Dollars with separators."""
    return UNKNOWN if value is None else _minus(f"{value:,.{digits}f}")


def signed(value: float | None, digits: int) -> str:
    """A number with its sign; zero has none."""
    if value is None:
        return UNKNOWN
    text = f"{value:+,.{digits}f}"
    return text[1:] if float(text.replace(",", "")) == 0.0 else _minus(text)


def points(value: float | None, digits: int) -> str:
    """A plain number."""
    return "" if value is None else _minus(f"{value:,.{digits}f}")


def percent(value: float | None) -> str:
    """Per cent without digits."""
    return "" if value is None else _minus(f"{value:,.0f} %")


def share(near: float | None) -> str:
    """A distance to a threshold in per cent of it."""
    return "" if near is None else f"{100.0 * near:.1f} %" if near <= 2.0 else "over 200 %"


def plain(value: Any) -> str:
    """A number with few digits, or a text as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return _minus(f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}")
    return UNKNOWN if value is None else str(value)


def pairs(values: dict[str, Any]) -> str:
    """Named values in a row with their units behind them; empty texts are left out."""
    told = [_measured(name, value) for name, value in values.items() if value != ""]
    return ", ".join(told if len(told) <= _PAIRS else [*told[:_PAIRS], "…"])


def _measured(name: str, value: Any) -> str:
    """`stop_loss_points 19.9` as a person writes it: `stop loss 19.9 points`."""
    found = _UNIT.match(name)
    if found is None or isinstance(value, bool) or not isinstance(value, int | float):
        return f"{_spoken(name)} {plain(value)}"
    unit, rest = found["unit"], _spoken(found["rest"])
    return f"{_spoken(found['name'])} {plain(value)} {_UNITS.get(unit, unit)}{rest}"


def _spoken(name: str) -> str:
    return _INITIALS.sub(lambda found: found[0].upper(), words(name))


def digits(unit: str) -> int:
    """Decimals of a cap's figures: what is counted has none."""
    return 2 if unit.startswith("%") else 0


def ladder(limits: Sequence[float]) -> str:
    """The limits of a walk in their order."""
    shown = [points(v, 2) for v in limits]
    return " → ".join(shown if len(shown) <= 3 else [shown[0], f"{len(shown) - 2} more", shown[-1]])


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")


def minuses(sentence: str) -> str:
    """A sentence with its numbers' hyphens as minus signs."""
    return re.sub(r"(?<=[\s(])-(?=\d)", "\u2212", sentence)


def returns(move: Json) -> str:
    """What a move of the hedge did to the book's yearly return, in per cent."""
    before, after = move["return_before_pct_year"], move["return_after_pct_year"]
    if before is None and after is None:
        return ""
    return f"{signed(before, 1)} \u2192 {signed(after, 1)} %"


def strikes(points_of: Sequence[float]) -> str:
    """`5195/5245/5730/5780`."""
    return "/".join(f"{strike:g}" for strike in points_of)


def fullest(caps: Sequence[Json]) -> list[Json]:
    """The cap nearest to being met first."""
    return sorted(caps, key=lambda cap: -(cap["share_pct"] or 0.0))


def bar(cap: Json) -> Markup:
    """A cap in use, drawn; charts escapes what it draws."""
    return Markup(chart_bars.cap_bar(cap["share_pct"], cap["last_share_pct"]))


# moments ------------------------------------------------------------------------------------------
def clock(at: str | None) -> str:
    """New York time of day."""
    return UNKNOWN if at is None else charts.clock(at)


def moment(at: str | None, seconds: bool = False) -> str:
    """Month, day and New York time; a bare date stays one."""
    if at is None:
        return ""
    if len(at) == 10:
        return day_words(at)
    local = datetime.fromisoformat(at).astimezone(NEW_YORK)
    return f"{local:%m-%d %H:%M:%S}" if seconds else f"{local:%m-%d %H:%M}"


def day_words(day: str) -> str:
    """`2026-03-12 (Thursday)`."""
    return f"{day} ({date.fromisoformat(day):%A})"


def dated(text: str) -> Markup:
    """A text whose dates are not broken at the end of a line."""
    return Markup(re.sub(r"\d{4}-\d\d-\d\d", r'<span class="whole">\g<0></span>', str(escape(text))))


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return ""
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 600.0:
        return f"{seconds / 60.0:.1f}".removesuffix(".0") + " min"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


# words --------------------------------------------------------------------------------------------
def words(state: str) -> str:
    """A state without its underscore."""
    return state.replace("_", " ")


def in_words(text: str) -> str:
    """A sentence whose moments are New York time."""
    shown = []
    for word in text.split(" "):
        try:
            shown.append(moment(word) if len(word) > 18 else word)
        except ValueError:
            shown.append(word)
    return words(" ".join(shown))


def holder(name: str) -> str:
    """Who holds a position."""
    return _LAYERS.get(name, "hedge" if name == "alvh" else name)


def badge(replay: Json) -> str:
    """The replay's result."""
    if replay["status"] == "not run":
        return "not run"
    if replay["status"] == "identical":
        return f"{replay['events']:,} facts replayed, identical decisions"
    return f"diverged, replayed with code {replay['code']}"


def moved(track: Json) -> str:
    """Change of a level since the session's first, per cent."""
    first, last = track.get("first"), track.get("last")
    return "" if not first or last is None else _minus(f"{100.0 * (last / first - 1.0):+.2f} %")


def month(months: Sequence[Json], expiry: str) -> float | None:
    """The level of one future of a curve."""
    return next((row["points"] for row in months if row["expiry"] == expiry), None)


def held_by(attribution: Json | None, whom: str) -> float | None:
    """The total of all condors, or of the hedge."""
    if attribution is None:
        return None
    hedge = ("L1", "L2", "L3")
    return float(sum(r["total_usd"] for r in attribution["rows"] if (r["holder"] in hedge) == (whom == "hedge")))


def compared(snapshot: Json | None) -> str:
    """How one answer of the broker compared."""
    if snapshot is None:
        return "none"
    told = snapshot["differences"]
    if told is None:
        return f"{moment(snapshot['at'])}: positions not told"
    return f"{moment(snapshot['at'])}: {'equal' if not told else 'differs by ' + pairs(told)}"


def grouped(faults: Sequence[Json]) -> list[Json]:
    """Like faults as one row."""
    found: dict[tuple[str, str], Json] = {}
    for fault in faults:
        row = found.setdefault((fault["code"], fault["text"]), {**fault, "first": fault["at"], "count": 0})
        row["count"] += 1
        row["last"] = fault["at"]
    return list(found.values())


def merged(decisions: Sequence[Json]) -> list[Json]:
    """Answers that differ only in their subject as one row."""
    found: dict[tuple[str, ...], Json] = {}
    for row in decisions:
        numbers = pairs(row["inputs"]) + pairs(row["thresholds"])
        key = (row["rule"], row["verdict"], row["text"], numbers)
        if key in found:
            if row["subject"] not in found[key]["subject"].split(", "):
                found[key] = {**found[key], "subject": f"{found[key]['subject']}, {row['subject']}"}
        else:
            found[key] = row
    return list(found.values())
