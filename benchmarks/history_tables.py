"""The words and tables of `benchmarks.history`, as Markdown: one run alone, its details, and runs side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
NEW_YORK = ZoneInfo("America/New_York")
NAMES = {"deep_backwardation": "deep", "backwardation": "inverted"}
EXPLAINED = (
    ("net vega was not known", "net vega was not known"),
    ("the gate refused", "the gate refused an order of the hedge"),
    ("A-SIZE-2", "a premium budget had no room"),
    ("A-BUD", "a carry or premium budget had no room"),
    ("A-SIZE-1", "no condor is left to protect, or it waits its sessions"),
    ("A-VEGA-2", "the rule was waiting its dwell time"),
    ("A-HARV", "a harvest was waiting or resting"),
    ("A-ROT", "a rotation was under way"),
    ("hedge orders were worked", "orders were being worked"),
)
"""How a recorded word about an excursion is counted; the first that fits the first word."""


def tables(told: Json) -> str:
    """One run: what it was, timeline, adjustments, band, caps, answers, slot 4, twins, checks."""
    parts = [_head(told), _timeline(told), _adjustments(told), _band(told), _caps(told), _answers(told),
             _slot4(told), _twins(told), _unsold(told), _checks(told)]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def details(told: Json) -> str:
    """Every adjustment with its reason, every excursion with what was recorded, every answer."""
    method = told["method"]
    out = [f"# {_span(told)}, everything", "", "## Adjustments", "",
           _rows(("New York", "who", "rule", "filled", "dollars", "reason"), (
               (_clock(a["at"]), a["who"], a["rule"], a["filled_contracts"] or "not", f"{a['cash_usd']:,.0f}",
                _cell(a["text"] or a["purpose"])) for a in method["adjustments"])),
           "", "## Excursions from the band", ""]  # fmt: skip
    for one in method["band"]["excursions"]:
        far = "not known" if one["farthest_n"] is None else f"{one['farthest_n']:.3f} against {one['edge_n']:.3f}"
        must = "required" if one["required"] else "calm, not required"
        span = f"{_clock(one['first_at'])} to {_clock(one['last_at'])[11:]}"
        out.append(f"- {span}, {one['samples']} looks, {one['side']}, {far} ({must}):")
        out += [f"  - {text}" for text in one["because"]]
    out += ["", "## Slot 4 by session", ""]
    out += [f"- {d['day']}: highest {d['highest_points']:.3f}, above 3.000 for {d['longest_min']:.0f} min: {d['slot4']}"
            f"{'' if d['right'] else ' (WRONG)'}" for d in method["slot4"]]  # fmt: skip
    return "\n".join(out) + "\n"


def page(runs: Sequence[Json]) -> str:
    """Runs side by side: money, falls, break-evens, method, caps and checks."""
    names = ["", *(_title(run) for run in runs)]

    def table(rows: Sequence[tuple[str, Callable[[Json], Any]]]) -> str:
        return _rows(names, ((word, *(_text(tell(run)) for run in runs)) for word, tell in rows))

    def money(level: int) -> list[tuple[str, Callable[[Json], Any]]]:
        def of(run: Json, key: str, book: str) -> Any:
            return None if not _twin(run) else run["twins"]["costs"][level][key][book]

        return [
            ("unhedged", lambda r: of(r, "profit_usd", "unhedged")),
            ("with ALVH", lambda r: of(r, "profit_usd", "alvh")),
            ("static 4/4/2", lambda r: of(r, "profit_usd", "static")),
            ("same book, smaller (size)", _smaller(level)),
        ]

    def fall(book: str) -> Callable[[Json], Any]:
        return lambda r: None if not _twin(r) else r["twins"]["costs"][1]["open_fall_usd"][book]

    blocks = [
        "What was run:\n\n" + table([
            ("sessions", lambda r: r["window"]["sessions"]),
            ("looks every", lambda r: f"{r['window']['tick_s']:g} s"),
            ("condors sold", lambda r: len(r["seen"]["sold"])),
            ("code", lambda r: r["code"][:12]),
        ])]  # fmt: skip
    for level, name in enumerate(("mid", "40 % of the half-spread", "the full half-spread")):
        blocks.append(f"Dollars, each leg traded at {name}, commissions included:\n\n{table(money(level))}")
    blocks += [
        "Worst fall on days with a condor, dollars at 40 % of the half-spread:\n\n" + table([
            ("unhedged", fall("unhedged")), ("with ALVH", fall("alvh")), ("static 4/4/2", fall("static")),
            ("ALVH less than unhedged by", lambda r: None if not _twin(r) else
             _pct(r["twins"]["costs"][1]["open_cut_pct"]["alvh"])),
            ("hedge's carry of the condors' theta", lambda r: None if not _twin(r) else
             _pct(r["twins"]["carry_pct_of_theta"]["alvh"])),
            ("hedge gain over condor loss, days of VIX +3", lambda r: None if not _twin(r) else
             _pct(r["twins"]["costs"][1]["stress_gain_pct"]["alvh"])),
            ("hedge on days without a condor", lambda r: None if not _twin(r) else
             r["twins"]["costs"][1]["hedge_idle_usd"]["alvh"]),
            ("rally weeks: unhedged / with ALVH", _rally),
        ]),
        "Break-evens, basis points of SPX by which a hedge moves them outward, median over closes of days of sale:\n\n"
        + table([(f"{word} side, {days} days, {book}", _edge(key, i, side))
                 for book, key in (("with ALVH", "alvh"), ("static", "static"))
                 for i, days in enumerate((5, 10)) for word, side in (("put", "down"), ("call", "up"))]),
        "How the rules behaved:\n\n" + table([
            ("looks with a condor open inside the band", lambda r: _share(r["method"]["band"], "")),
            ("of those where the band is required", lambda r: _share(r["method"]["band"], "required_")),
            ("of them because net vega was not known", lambda r: r["method"]["band"]["unknown"]),
            ("excursions, required / explained", _excursions),
            ("adjustments filled / tried in vain", _tried),
            ("A-ROT-2 confirmed to working, median / worst", _slo("A-ROT-2")),
            ("A-ROT-1 confirmed to working, median / worst", _slo("A-ROT-1")),
            ("sessions judged for slot 4 / wrong", lambda r: f"{len(r['method']['slot4'])} / "
             f"{sum(not d['right'] for d in r['method']['slot4'])}"),
            ("slot 4 moved to 5 by an order on", _moved("moved")),
            ("slot 4 held nothing, its weight moved on", _moved("held nothing")),
            ("fullest cap", _fullest),
            ("ledger: violations", lambda r: None if r["ledger"] is None else len(r["ledger"]["violations"])),
            ("replay", lambda r: None if r["replay"] is None else r["replay"]["status"]),
        ]),
    ]  # fmt: skip
    return "\n\n".join(blocks) + "\n"


# one run ----------------------------------------------------------------------------------------------
def _title(told: Json) -> str:
    window = told["window"]
    return f"{window['first']} to {window['last'][5:]}"


def _span(told: Json) -> str:
    window = told["window"]
    return f"{window['first']} to {window['last']}, {window['sessions']} sessions"


def _head(told: Json) -> str:
    window, asked = told["window"], told["window"]["asked_last"]
    short = f" (of a window to {asked})" if window["last"] < asked else ""
    return (
        f"# {_span(told)}{short}\n\nTicks of {window['tick_s']:g} s, seed {window['seed']}, code {told['code'][:12]}."
    )


def _timeline(told: Json) -> str:
    """Sessions that say the same stand in one row."""

    def kind(day: Json) -> tuple[str, str]:
        regimes = ", ".join(NAMES.get(name, name) for name, pct in day["regimes_pct"].items() if pct >= 5.0)
        return regimes or "no look", " > ".join(str(tier) for tier in day["tiers"])

    rows = []
    for (regimes, tiers), group in groupby(told["method"]["days"], key=kind):
        days = list(group)
        b12 = [d["highest_b12_points"] for d in days if d["highest_b12_points"] is not None]
        span = days[0]["day"] if len(days) == 1 else f"{days[0]['day']} to {days[-1]['day'][5:]}"
        rows.append((span, regimes, tiers, f"{max(b12):.2f}" if b12 else "-",
                     sum(d["adjustments"] for d in days), sum(d["unfilled"] for d in days)))  # fmt: skip
    head = ("sessions", "regime (5 % of looks or more)", "tier", "highest front - second", "orders filled", "in vain")
    return "## Regime and tier\n\n" + _rows(head, rows)


def _adjustments(told: Json) -> str:
    rows: dict[tuple[str, str], list[Json]] = {}
    for one in told["method"]["adjustments"]:
        rows.setdefault((one["rule"], one["purpose"]), []).append(one)
    table = _rows(("rule", "purpose", "filled", "in vain", "contracts", "dollars"), (
        (rule, purpose, sum(a["filled_contracts"] > 0 for a in group),
         sum(a["filled_contracts"] == 0 for a in group), sum(a["filled_contracts"] for a in group),
         f"{sum(a['cash_usd'] for a in group):,.0f}") for (rule, purpose), group in sorted(rows.items())))  # fmt: skip
    refused = ", ".join(f"{n} by {code}" for code, n in told["seen"]["refused"].items()) or "none"
    return f"## Orders by rule\n\n{table}\n\nRefused by the gate: {refused}."


def _band(told: Json) -> str:
    band = told["method"]["band"]
    if not band["samples"]:
        return "## Net vega and its band\n\nNo look with a condor open."
    counts: Counter[tuple[bool, str]] = Counter()
    looks: Counter[tuple[bool, str]] = Counter()
    for one in band["excursions"]:
        key = one["required"], f"{one['side']}: {explained(one)}"
        counts[key] += 1
        looks[key] += one["samples"]
    rows = [("yes" if must else "no, calm", why, counts[must, why], n) for (must, why), n in looks.most_common()]
    lines = [
        f"Inside at {_share(band, '')} looks with a condor open; where the band is required (all but calm) "
        f"{_share(band, 'required_')}; not known at {band['unknown']}.",
        "",
        _rows(("required", "outside, because", "excursions", "looks"), rows),
    ]
    return "## Net vega and its band\n\n" + "\n".join(lines)


def explained(excursion: Json) -> str:
    """Why an excursion was not ended at once, as a state; the first recorded word decides."""
    for text in excursion["because"]:
        for begins, why in EXPLAINED:
            if begins in text:
                return f"{why} ({text.rpartition(' ')[2]})" if text.startswith("the gate refused") else why
    first: str = excursion["because"][0] if excursion["because"] else "nothing was recorded about it"
    return first[:90]


def _caps(told: Json) -> str:
    rows = []
    for use in told["seen"]["caps"]:
        if use["share_pct"] < 25.0:
            continue
        limit = f"{'at least ' if use.get('floor') else ''}{use['cap']:g} {use['unit']}"
        rows.append((f"{use['code']} {use['name']}", f"{use['used']:.4g}", limit, f"{use['share_pct']:.0f} %",
                     "NO" if use["share_pct"] > 100.0 else "yes"))  # fmt: skip
    over = sum(use["share_pct"] > 100.0 for use in told["seen"]["caps"])
    text = f"{len(told['seen']['caps'])} caps, sampled every five minutes; {over} were exceeded. Those above a quarter:"
    return f"## Caps\n\n{text}\n\n" + _rows(("cap", "highest use", "limit", "of it", "kept"), rows)


def _answers(told: Json) -> str:
    rows = [(s["rule"], s["triggers"], s["same_session"], _s(s["median_s"]), _s(s["worst_s"]))
            for s in told["method"]["slo"]]  # fmt: skip
    text = "## From a confirmed inversion to the working order\n\n" + _rows(
        ("rule", "triggers", "answered the same session", "median", "worst"), rows
    )
    said = [f"- {_clock(a['confirmed_at'])} {a['rule']}: "
            + (f"working {_clock(a['working_at'])[11:]}" if a["working_at"] else f"no order, {a['why']}")
            for a in told["method"]["answers"]]  # fmt: skip
    return text + ("\n\n" + "\n".join(said) if said else "")


def _slot4(told: Json) -> str:
    days = told["method"]["slot4"]
    deep, shallow = [d for d in days if d["highest_points"] > 3.0], [d for d in days if d["highest_points"] <= 3.0]
    if not days:
        return "## Slot 4\n\nThe front never stood more than 1.5 points over the second."
    moved, empty = ([d["day"] for d in days if d["slot4"].startswith(begins)] for begins in ("moved", "held nothing"))
    return (
        f"## Slot 4\n\nSessions with the front more than 3.000 over the second: {len(deep)}; between 1.5 and 3.000: "
        f"{len(shallow)}, on which it moved {sum(d['day'] in (*moved, *empty) for d in shallow)} times. An order moved "
        f"it on: {', '.join(moved) or 'no day'}; it held nothing and its weight moved on: "
        f"{', '.join(empty) or 'no day'}. Not as the rule asks: {sum(not d['right'] for d in days)}."
    )


def _twins(told: Json) -> str:
    if not _twin(told):
        why = (told["twins"] or {}).get("cannot_tell", "nothing was traded")
        return f"## Twins\n\nNo comparison: {why}."
    rows = []
    for cost in told["twins"]["costs"]:
        for word, key in (("profit and loss", "profit_usd"), ("worst fall, days with a condor", "open_fall_usd")):
            cells = [f"{cost[key][book]:,.0f}" for book in ("unhedged", "alvh", "static")]
            small = cost["smaller_profit_usd"]
            last = "-" if key != "profit_usd" or small is None else f"{small:,.0f} (x {cost['smaller_scale']:.2f})"
            rows.append((cost["level"], word, *cells, last))
    weeks = ", ".join(told["twins"]["rally_weeks"]) or "none"
    return "## Twins\n\n" + _rows(("costs", "", "unhedged", "with ALVH", "static 4/4/2", "smaller"), rows) + (
        f"\n\nWeeks in which SPX gained 1.5 %: {weeks}."
    )  # fmt: skip


def _unsold(told: Json) -> str:
    """Why a session sold nothing: every filter that declined in it, by the number of such sessions."""
    seen = told["seen"]
    days: Counter[str] = Counter()
    for day in seen["unsold_sessions"]:
        said = seen["declined"].get(day, {"nothing declined: no proposal came to an order": 1})
        days.update({text.partition(", what it has told")[0].partition(": of VIX")[0] for text in said})
    text = f"{len(seen['unsold_sessions'])} of {told['window']['sessions']} sessions; filters that declined in them:"
    return f"## Sessions that sold nothing\n\n{text}\n\n" + _rows(("filter", "sessions"), days.most_common())


def _checks(told: Json) -> str:
    ledger, again = told["ledger"], told["replay"]
    lines = ["## Checks", ""]
    lines.append("- ledger: not kept" if ledger is None else
                 f"- ledger checker: {len(ledger['violations'])} violations over {ledger['orders']} orders, "
                 f"{ledger['executions']} executions, {ledger['instants']} instants")  # fmt: skip
    lines.append("- replay: not made" if again is None else
                 f"- replay: {again['status']}, {again['outcomes']} outcomes of {again['events']} facts")  # fmt: skip
    return "\n".join(lines)


# side by side -----------------------------------------------------------------------------------------
def _twin(told: Json) -> bool:
    return bool(told["twins"]) and "costs" in told["twins"]


def _smaller(level: int) -> Callable[[Json], Any]:
    def tell(told: Json) -> Any:
        if not _twin(told) or told["twins"]["costs"][level]["smaller_profit_usd"] is None:
            return None
        cost = told["twins"]["costs"][level]
        return f"{cost['smaller_profit_usd']:,.0f} ({cost['smaller_scale']:.2f})"

    return tell


def _rally(told: Json) -> Any:
    if not _twin(told) or not told["twins"]["rally_weeks"]:
        return "none"
    cost = told["twins"]["costs"][1]["rally_usd"]
    return f"{len(told['twins']['rally_weeks'])}: {cost['unhedged']:,.0f} / {cost['alvh']:,.0f}"


def _edge(book: str, horizon: int, side: str) -> Callable[[Json], Any]:
    def tell(told: Json) -> Any:
        if not _twin(told):
            return None
        shift = told["twins"]["break_even"][book][horizon]
        value = shift[f"sale_{side}_bp"]
        if value is None:
            return f"none left at {shift[f'{side}_gone']}" if shift[f"{side}_gone"] else None
        return f"{value:+.0f}"

    return tell


def _excursions(told: Json) -> str:
    must = [one for one in told["method"]["band"]["excursions"] if one["required"]]
    clear = sum(explained(one) != "nothing was recorded about it" for one in must)
    return f"{len(must)} / {clear}"


def _tried(told: Json) -> str:
    filled = sum(a["filled_contracts"] > 0 for a in told["method"]["adjustments"])
    return f"{filled} / {len(told['method']['adjustments']) - filled}"


def _slo(rule: str) -> Callable[[Json], str]:
    def tell(told: Json) -> str:
        row = next(s for s in told["method"]["slo"] if s["rule"] == rule)
        if not row["triggers"]:
            return "no trigger"
        answered = f"{row['same_session']} of {row['triggers']}"
        return f"{_s(row['median_s'])} / {_s(row['worst_s'])} ({answered} the same session)"

    return tell


def _moved(begins: str) -> Callable[[Json], str]:
    return lambda told: (
        ", ".join(d["day"][5:] for d in told["method"]["slot4"] if d["slot4"].startswith(begins)) or "none"
    )


def _fullest(told: Json) -> str:
    caps = told["seen"]["caps"]
    return "-" if not caps else f"{caps[0]['code']} {caps[0]['name']}, {caps[0]['share_pct']:.0f} %"


def _share(band: Json, kind: str) -> str:
    total, inside = (band["required"], band["required_inside"]) if kind else (band["samples"], band["inside"])
    return f"{100.0 * inside / total:.1f} % of {total:,}" if total else "0 of 0"


def _rows(head: Sequence[str], rows: Any) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:+,.0f}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "/")


def _pct(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} s"


def _clock(at: str | None) -> str:
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}"
