"""The report's drawings from its plain values: timeline, curve, payoff, lattice, caps, attribution, week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.report import svg
from bot.report.facts import Json
from bot.report.svg import Scale
from strategies.domain.session import NEW_YORK

WIDTH = 980.0
_LEFT, _RIGHT = 74.0, 14.0

SIGNS = {
    "order": ("up", "c1", "order sent"),
    "fill": ("circle", "c3", "filled"),
    "layer": ("diamond", "c5", "hedge slot moved"),
    "denied": ("cross", "c2", "refused by the gate"),
    "fault": ("square", "c2", "fault"),
    "alert": ("down", "c2", "needed a person"),
    "operator": ("square", "c1", "operator"),
    "release": ("bar", "c6", "release"),
}
"""How each kind of event is drawn: shape and colour differ, so that neither alone carries the meaning."""

_LANES = ("order", "fill", "layer", "denied", "fault", "alert", "operator", "release")

STATE_NAMES = ("dormant", "armed", "opening", "active", "rolling", "rotating", "harvesting", "resting", "blocked")


def clock(at: datetime | str) -> str:
    """New York time of day."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(NEW_YORK):%H:%M}"


_GAP_MIN = 45
"""A line that ends so many minutes before the session does says why."""


# timeline -----------------------------------------------------------------------------------------
def timeline(told: Json) -> str:
    """Six panels over one clock, a lane for each kind of event, blind stretches shaded."""
    if told["from"] is None:
        return ""
    start = datetime.fromisoformat(told["from"])
    count = len(told["spx_points"])
    end = start + timedelta(minutes=max(1, count - 1))
    x = Scale(start.timestamp(), end.timestamp(), _LEFT, WIDTH - _RIGHT)
    panels = [
        ("SPX, points", ["spx_points"], 84.0, 1.0),
        ("VIX, points", ["vix_points"], 64.0, 0.4),
        ("VX front minus second, points", ["front_minus_second_points"], 64.0, 0.2),
        ("net vega, normalised, and its band", ["net_vega_n", "low_n", "high_n"], 84.0, 0.05),
        ("net delta of SPX options, dollars per 1 % of SPX", ["net_delta_usd_per_pct"], 50.0, 50.0),
        ("equity, dollars", ["equity_usd"], 74.0, 20.0),
    ]
    parts: list[str] = []
    y = 8.0
    for title, names, height, least in panels:
        parts += _panel(told, title, names, x, start, (y + 15.0, y + 15.0 + height), least)
        y += height + 26.0
    shown = {m["kind"] for m in told["markers"] if x.inside(datetime.fromisoformat(m["at"]).timestamp())}
    used = [kind for kind in _LANES if kind in shown]
    lanes_top = y + 4.0
    bottom = lanes_top + 15.0 * max(1, len(used)) + 4.0
    parts += _lanes(told["markers"], used, x, lanes_top)
    if not used:
        parts.append(svg.text(_LEFT, lanes_top + 11.0, "no orders, refusals or faults in this session"))
    under = [*(_shade(stretch, x, bottom) for stretch in told["blind"]), *_hours(x, start, end, bottom)]
    label = f"Timeline of the session from {clock(start)} to {clock(end)} New York time"
    return svg.chart(WIDTH, bottom + 22.0, [*under, *parts], label)


def _panel(
    told: Json,
    title: str,
    names: Sequence[str],
    x: Scale,
    start: datetime,
    y_range: tuple[float, float],
    least: float,
) -> list[str]:
    top, bottom = y_range
    values = told[names[0]]
    parts = [svg.text(_LEFT, top - 5.0, title, "cap")]
    wide = svg.spread([v for name in names for v in told[name]], least=least)
    parts.append(svg.line(_LEFT, bottom, WIDTH - _RIGHT, bottom, "axis"))
    flat = names[0] == "net_delta_usd_per_pct" and not any(values)
    if wide is None or flat or all(v is None for v in values):
        why = told["net_vega_unknown"] if names[0] == "net_vega_n" else "not recorded"
        why = "no SPX option was held" if flat and 0.0 in values else why
        parts.append(svg.text((_LEFT + WIDTH) / 2, 0.5 * (top + bottom) + 4, why, "lab", "middle"))
        return parts
    y = Scale(wide[0], wide[1], bottom, top)
    marks = next((found for about in (3, 4, 5) if len(found := svg.ticks(*wide, about)) > 1), svg.ticks(*wide, 6))
    for tick, label in zip(marks, svg.numbers(marks), strict=True):
        parts.append(svg.line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "grid"))
        parts.append(svg.text(_LEFT - 6.0, y(tick) + 3.5, label, "lab", "end"))
    if wide[0] < 0.0 < wide[1]:
        parts.append(svg.line(_LEFT, y(0.0), WIDTH - _RIGHT, y(0.0), "zero"))
    times = [start.timestamp() + 60.0 * i for i in range(len(values))]
    if len(names) == 3:
        parts += _band(times, told[names[1]], told[names[2]], x, y)
    parts.append(svg.path([None if v is None else (x(t), y(v)) for t, v in zip(times, values, strict=True)], "ln c1"))
    where = max(i for i, v in enumerate(values) if v is not None)
    if names[0] == "net_vega_n" and len(values) - where > _GAP_MIN and told["net_vega_unknown"]:
        parts.append(svg.text(x(times[where]) + 24.0, top + 10.0, f"then {told['net_vega_unknown']}", "lab"))
    last = values[where]
    if last is not None:
        digits = 0 if abs(last) >= 10_000 or names[0] == "net_delta_usd_per_pct" else 2
        words = f"{last:,.{digits}f}".replace("-", "\u2212")
        parts.append(svg.text(WIDTH - _RIGHT, top - 5.0, f"last {words}", "lab", "end"))
    return parts


def _band(
    times: Sequence[float], low: Sequence[float | None], high: Sequence[float | None], x: Scale, y: Scale
) -> list[str]:
    """The band, and its edges."""
    parts: list[str] = []
    run: list[tuple[float, float, float]] = []

    def close() -> None:
        if len(run) > 1:
            parts.append(svg.area([(x(t), y(h)) for t, _, h in run], [(x(t), y(lo)) for t, lo, _ in run], "band"))
            parts.append(svg.path([(x(t), y(h)) for t, _, h in run], "edge"))
            parts.append(svg.path([(x(t), y(lo)) for t, lo, _ in run], "edge"))
        run.clear()

    for t, lo, hi in zip(times, low, high, strict=True):
        if lo is None or hi is None:
            close()
        else:
            run.append((t, lo, hi))
    close()
    return parts


def _lanes(markers: Sequence[Json], used: Sequence[str], x: Scale, top: float) -> list[str]:
    parts: list[str] = []
    for row, kind in enumerate(used):
        shape, css, name = SIGNS[kind]
        y = top + 15.0 * row + 8.0
        mine = [m for m in markers if m["kind"] == kind]
        parts.append(svg.text(_LEFT - 6.0, y + 3.5, _lane_name(kind), "lab", "end"))
        parts.append(svg.line(_LEFT, y, WIDTH - _RIGHT, y, "grid"))
        for marker in mine:
            at = datetime.fromisoformat(marker["at"]).timestamp()
            if not x.inside(at):
                continue
            times = f" ({marker['count']} times)" if marker["count"] > 1 else ""
            told = f"{clock(marker['at'])} {marker['text']}{times}"
            parts.append(svg.glyph(shape, x(at), y, 4.4, f"sg {css}", told or name))
    return parts


def _lane_name(kind: str) -> str:
    return {"order": "orders", "fill": "fills", "layer": "hedge", "denied": "refused", "fault": "faults",
            "alert": "alerts", "operator": "operator", "release": "releases"}[kind]  # fmt: skip


def _hours(x: Scale, start: datetime, end: datetime, bottom: float) -> list[str]:
    """Vertical hours, and their names below."""
    parts: list[str] = []
    local = start.astimezone(NEW_YORK)
    hour = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour <= end:
        at = x(hour.timestamp())
        parts.append(svg.line(at, 10.0, at, bottom, "grid"))
        parts.append(svg.text(at, bottom + 13.0, clock(hour), "lab", "middle"))
        hour += timedelta(hours=1)
    parts.append(svg.text(_LEFT - 6.0, bottom + 13.0, "New York", "lab", "end"))
    return parts


def _shade(stretch: Json, x: Scale, bottom: float) -> str:
    since, until = (datetime.fromisoformat(stretch[key]).timestamp() for key in ("from", "until"))
    left, right = max(since, x.low), min(until, x.high)
    if right <= left:
        return ""
    told = f"blind {clock(stretch['from'])} to {clock(stretch['until'])}: {stretch['reason']}"
    return svg.rect(x(left), 6.0, max(2.0, x(right) - x(left)), bottom - 6.0, "blind", told)


# curve --------------------------------------------------------------------------------------------
_CURVE_CSS = {"close before": "ln c4 dot", "open": "ln c3 dash", "front highest": "ln c2 dashdot", "close": "ln c1"}
_CURVE_SIGN = {"close before": "square", "open": "diamond", "front highest": "up", "close": "circle"}


def curve(curves: Sequence[Json]) -> str:
    """VIX futures by days to settlement, several moments of the session over each other."""
    if not curves:
        return ""
    height, top, bottom = 250.0, 30.0, 206.0
    days = [m["days"] for c in curves for m in c["months"]]
    wide = svg.spread([m["points"] for c in curves for m in c["months"]] + [c["vix_points"] for c in curves], least=1.0)
    assert wide is not None
    x = Scale(-0.02 * max(days), max(days) * 1.03, _LEFT, WIDTH - _RIGHT)
    y = Scale(wide[0], wide[1], bottom, top)
    parts = [svg.text(_LEFT, 14.0, "VIX and VIX futures, points", "cap")]
    for tick in svg.ticks(*wide, 5):
        parts.append(svg.line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "grid"))
        parts.append(svg.text(_LEFT - 6.0, y(tick) + 3.5, svg.number(tick), "lab", "end"))
    for tick in svg.ticks(0.0, x.high, 8):
        parts.append(svg.text(x(tick), bottom + 15.0, svg.number(tick), "lab", "middle"))
    parts.append(
        svg.text((_LEFT + WIDTH) / 2, bottom + 31.0, "days to settlement (0 is the index itself)", "lab", "middle")
    )
    entries = []
    for told in curves:
        css, sign = _CURVE_CSS[told["label"]], _CURVE_SIGN[told["label"]]
        colour = css.split()[1]
        points = [(x(m["days"]), y(m["points"])) for m in told["months"]]
        parts.append(svg.path(points, css))
        for (px, py), month in zip(points, told["months"], strict=True):
            parts.append(svg.glyph(sign, px, py, 3.2, f"sg {colour}", f"{month['expiry']} {month['points']:.2f}"))
        if told["vix_points"] is not None:
            parts.append(svg.glyph(sign, x(0.0), y(told["vix_points"]), 4.6, f"sg {colour} hollow",
                                   f"VIX {told['label']} {told['vix_points']:.2f}"))  # fmt: skip
        when = "" if told["label"] == "close before" else f" {clock(told['at'])}"
        entries.append((svg.path([(-9, 0), (9, 0)], css) + svg.glyph(sign, 0, 0, 3.2, f"sg {colour}"),
                        f"{told['label']}{when}"))  # fmt: skip
    parts += svg.legend([(drawn, f"  {name}") for drawn, name in entries], _LEFT + 220.0, 14.0)
    return svg.chart(WIDTH, height, parts, "VIX futures curve at several moments of the session")


# payoff -------------------------------------------------------------------------------------------
def payoff(condor: Json) -> str:
    """Profit over index levels at expiry and now, strikes, index, break-evens, one expected move."""
    told = condor["payoff"]
    if told is None:
        return ""
    height, top, bottom = 270.0, 34.0, 222.0
    levels = told["levels_points"]
    wide = svg.spread([*told["expiry_usd"], *(told["now_usd"] or []), 0.0])
    assert wide is not None
    x = Scale(levels[0], levels[-1], _LEFT, WIDTH - _RIGHT)
    y = Scale(wide[0], wide[1], bottom, top)
    spot, move = condor["spot_points"], told["expected_move_points"]
    parts: list[str] = []
    if move is not None:
        low, high = max(spot - move, x.low), min(spot + move, x.high)
        parts.append(
            svg.rect(x(low), top, x(high) - x(low), bottom - top, "move", f"one expected move, {move:.0f} points")
        )
    parts.append(svg.text(_LEFT, 14.0, "profit, dollars (commissions in it)", "cap"))
    for tick in svg.ticks(*wide, 5):
        parts.append(svg.line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "zero" if tick == 0.0 else "grid"))
        parts.append(svg.text(_LEFT - 6.0, y(tick) + 3.5, svg.number(tick), "lab", "end"))
    for tick in svg.ticks(levels[0], levels[-1], 9):
        parts.append(svg.text(x(tick), bottom + 15.0, svg.number(tick), "lab", "middle"))
    parts.append(svg.text((_LEFT + WIDTH) / 2, bottom + 44.0, "SPX, points", "lab", "middle"))
    for strike in condor["strikes_points"]:
        short = strike in condor["short_strikes_points"]
        parts.append(svg.line(x(strike), bottom, x(strike), bottom - (9.0 if short else 5.0), "axis"))
    parts.append(svg.path([(x(a), y(b)) for a, b in zip(levels, told["expiry_usd"], strict=True)], "ln c1"))
    if told["now_usd"] is not None:
        parts.append(svg.path([(x(a), y(b)) for a, b in zip(levels, told["now_usd"], strict=True)], "ln c2 dash"))
    parts.append(svg.line(x(spot), top, x(spot), bottom, "spot"))
    parts.append(svg.text(x(spot), bottom + 29.0, f"SPX {spot:,.1f}", "cap", "middle"))
    for edge in told["break_evens"]:
        parts.append(svg.glyph("diamond", x(edge["points"]), y(0.0), 4.5, "sg c3",
                               f"break-even {edge['points']:,.1f}, {edge['distance_points']:+.1f} points"))  # fmt: skip
    entries = [
        (svg.path([(-9, 0), (9, 0)], "ln c1"), "  at expiry"),
        (svg.path([(-9, 0), (9, 0)], "ln c2 dash"), "  before the exit" if condor["closed"] else "  now"),
        (svg.glyph("diamond", 0, 0, 4.5, "sg c3"), "  break-even"),
        (svg.rect(-9, -5, 18, 10, "move"), "  one expected move"),
    ]
    parts += svg.legend(entries, _LEFT + 260.0, 14.0)
    return svg.chart(WIDTH, height, parts, f"Payoff of {condor['id']}")


# lattice ------------------------------------------------------------------------------------------
def lattice(told: Json, session: Json) -> str:
    """Ten rows over the session's clock, coloured and lettered by state, moves numbered as in the table below."""
    if session["open_at"] is None:
        return ""
    start, end = (datetime.fromisoformat(session[key]) for key in ("open_at", "close_at"))
    x = Scale(start.timestamp(), end.timestamp(), _LEFT + 30.0, WIDTH - _RIGHT)
    row_height, gap, top = 17.0, 7.0, 32.0
    parts: list[str] = []
    y, layer = top, ""
    traded = [move for move in told["moves"] if move["filled"]]
    used: list[str] = []
    for slot in told["slots"]:
        if slot["layer"] != layer:
            y += gap if layer else 0.0
            layer = slot["layer"]
            parts.append(svg.text(4.0, y + 12.0, {"L1": "short", "L2": "middle", "L3": "deep"}[layer], "cap"))
        parts.append(svg.text(x.start - 6.0, y + 12.0, f"slot {slot['slot']}", "lab", "end"))
        numbered = _numbers(traded, slot["slot"], x)
        for span in slot["spans"]:
            left = x.low if span["from"] is None else datetime.fromisoformat(span["from"]).timestamp()
            right = x.high if span["until"] is None else datetime.fromisoformat(span["until"]).timestamp()
            left, right = max(left, x.low), min(right, x.high)
            if right <= left:
                continue
            used.append(span["state"])
            words = f"slot {slot['slot']} {span['state']}"
            parts.append(
                svg.rect(x(left), y, max(1.5, x(right) - x(left)), row_height - 3.0, f"st st-{span['state']}", words)
            )
            at = _free(x(left), x(right), span["state"], numbered)
            if at is not None:
                parts.append(svg.text(at, y + 10.5, span["state"], f"num state on-{span['state']}"))
        for at, words in numbered:
            parts.append(svg.text(at, y + 10.5, words, "num"))
        y += row_height
    parts += _hours_strip(x, start, end, top - 4.0, y)
    entries = [(svg.rect(-6, -5, 12, 10, f"st st-{state}"), state) for state in STATE_NAMES if state in used]
    parts += svg.legend(entries, _LEFT + 40.0, 14.0)
    return svg.chart(WIDTH, y + 20.0, parts, "State of the ten hedge slots over the session")


def _free(left: float, right: float, word: str, numbered: Sequence[tuple[float, str]]) -> float | None:
    """Where a state's name fits into its span clear of the moves' numbers: colour alone need not be told apart."""
    at, width = left + 6.0, 6.5 * len(word)
    for place, number in sorted(numbered):
        if place < at + width + 4.0 and place + 6.5 * len(number) > at - 4.0:
            at = place + 6.5 * len(number) + 8.0
    return at if at + width + 6.0 <= right else None


def _numbers(traded: Sequence[Json], slot: int, x: Scale) -> list[tuple[float, str]]:
    """Where the numbers of a slot's moves stand; those that would lie on each other are one text, `2, 6`."""
    found: list[tuple[float, str]] = []
    moments = [(datetime.fromisoformat(move["until"]).timestamp(), str(n)) for n, move in enumerate(traded, start=1)
               if slot in move["slots"]]  # fmt: skip
    for at, number in sorted(moments):
        if not x.inside(at):
            continue
        before = found[-1] if found else None
        if before is not None and x(at) + 2.0 < before[0] + 6.5 * len(before[1]) + 3.0:
            found[-1] = (before[0], f"{before[1]}, {number}")
        else:
            found.append((x(at) + 2.0, number))
    while found and found[-1][0] + 6.5 * len(found[-1][1]) > x.end:  # the last move of a day near its end
        left = max(x.start, x.end - 6.5 * len(found[-1][1]))
        found[-1] = (left, found[-1][1])
        if left == x.start or len(found) < 2 or found[-2][0] + 6.5 * len(found[-2][1]) <= left:
            break
        found[-2:] = [(found[-2][0], f"{found[-2][1]}, {found[-1][1]}")]
    return found


def _hours_strip(x: Scale, start: datetime, end: datetime, top: float, bottom: float) -> list[str]:
    parts: list[str] = []
    hour = start.astimezone(NEW_YORK).replace(minute=0, second=0) + timedelta(hours=1)
    while hour <= end:
        at = x(hour.timestamp())
        parts.append(svg.line(at, top, at, bottom, "grid"))
        parts.append(svg.text(at, bottom + 13.0, clock(hour), "lab", "middle"))
        hour += timedelta(hours=1)
    return parts
