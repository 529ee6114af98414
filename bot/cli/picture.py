"""The terminal's picture of a view (or of a bare status): plain tables that fit 100 columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.masking import mask
from strategies.domain.session import NEW_YORK

Json = dict[str, Any]
_TONE = {
    "active": "bold white on green",
    "reducing": "bold black on yellow",
    "flattening": "bold white on magenta",
    "halted": "bold white on red",
}
_MARK = {"dormant": "·", "armed": "a", "active": "●", "resting": "r", "blocked": "!"}
CAPS_SHOWN = 6
ORDERS_SHOWN = 6


def picture(view: Json | None, status: Json | None, pid: int | None) -> RenderableType:
    """Everything there is to show; says what is missing."""
    if view is None and not (status or {}).get("at"):
        return Text("no status: the bot has not run here")
    if view is None:
        words = "no dashboard answers: this is the status file"
        return Group(_status(status or {}, pid), Text(words, "dim"))
    parts: list[RenderableType] = [_bar(view["bar"], pid), _facts(view), _by_part(view.get("parts"))]
    parts.append(_market(view["market"]))
    parts += [_condors(view["condors"]), _hedge(view["lattice"]), _caps(view["caps"]), _orders(view["orders"])]
    if status is not None:
        parts.append(Text(plain(f"last    {status.get('last_decision')}"), no_wrap=True))
        parts.append(Text(plain(f"alert   {status.get('last_alert') or 'none'}"), no_wrap=True))
    return Group(*parts)


def plain(text: object) -> str:
    """Text from outside, safe for a terminal: one line, no control characters, no account."""
    return mask(" ".join(str(text).split("\n")).replace("\t", " "))


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """For people; None is unknown."""
    if value is None:
        return "unknown"
    return f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"


def _bar(bar: Json, pid: int | None) -> Text:
    line = Text()
    line.append(f" {bar['state'].upper()} ", _TONE.get(bar["state"], "bold"))
    if bar["blind"]:
        line.append(" BLIND ", "bold black on bright_magenta")
    if bar["paused"]:
        line.append(" PAUSED ", "bold black on yellow")
    line.append(f"  PAPER {bar['account'] or 'account not known yet'}", "yellow")
    line.append(f"   {bar['time']} New York   {bar['session']['text']}")
    if pid is None:
        line.append("   not running: this is the last word", "bold red")
    return line


def _facts(view: Json) -> Text:
    bar, money = view["bar"], view["money"]
    link = bar["link"]
    line = Text("\n").join(
        [
            Text(f"now     {bar['goes_on']}"),
            Text(plain(f"link    {link['state']}: {link['reason']}   lines {bar['lines']}")),
            Text(
                f"result  day {number(money['day_change_usd'], 0, sign=True)}   NLV "
                f"{number(money['net_liquidation_usd'], 0)}   condors open "
                f"{number(money['condors_open_usd'], 0, sign=True)}   hedge open "
                f"{number(money['hedge_open_usd'], 0, sign=True)}   dollars"
            ),
        ]
    )
    for latch in bar["latches"]:
        line.append(plain(f"\nstop    {latch['cause']}: {latch['reason']} (by {latch['who']}, {latch['at']})"), "red")
    for asked in bar["people"]:
        line.append(f"\n{plain(asked)}")
    if bar["proof"]:
        line.append(f"\nproof   {plain(bar['proof'])}", "bold")
    return line


def _by_part(told: Json | None) -> Text:
    """What condors, hedge and fees made of the session's result; which session, and when that was worked out."""
    told = told or {"unknown": "this bot does not tell it"}
    rows, why = told.get("rows") or [], told.get("unknown")
    if not rows:
        return Text(plain(f"parts   {f'unknown: {why}' if why else 'nothing was held: there is no result by part'}"))
    fees = sum(row["fees"] for row in rows)
    words = [("condors", ("condors",)), ("hedge", ("L1", "L2", "L3")), ("not ours", ("other",))]
    line = "parts "
    for name, holders in words:
        mine = [row["total"] - row["fees"] for row in rows if row["holder"] in holders]
        line += f"  {name} {number(sum(mine), 0, sign=True)} " if mine or name != "not ours" else ""
    total = number(sum(row["total"] for row in rows), 0, sign=True)
    line += f"  fees {number(fees, 0, sign=True)}   all {total} dollars   {told['session']}"
    until = told.get("until")
    line += f" until {datetime.fromisoformat(until).astimezone(NEW_YORK):%H:%M} New York" if until else ""
    return Text(plain(f"{line}   old: {why}" if why else line), "yellow" if why else "")


def _market(market: Json) -> Text:
    spx, vix = market["spx"], market["vix"]
    curve = "  ".join(f"{p['label']} {number(p['points'])}" for p in market["curve"] if p["points"] is not None)
    return Text("\n").join(
        [
            Text(
                f"market  SPX {number(spx['points'])} ({number(spx['change_pct'], 2, sign=True)} %)   VIX "
                f"{number(vix['points'])} ({number(vix['change_points'], 2, sign=True)})   {market['regime']}"
                f"   tier {market['tier']}   slope {number(market.get('slope_pct_month'), 1, sign=True)} % a month"
            ),
            Text(f"curve   {curve or 'unknown'}"),
        ]
    )


def _condors(condors: list[Json]) -> RenderableType:
    if not condors:
        return Text("condor  none")
    table = _table("condor", "strikes", "-units", "-credit", "-result", "-% credit", "-days", "state")
    for c in condors:
        strikes = "/".join(f"{k:g}" for k in c["strikes_points"])
        table.add_row(
            c["id"], strikes, str(c["units"]), number(c["credit_points"]), number(c["profit_usd"], 0, sign=True),
            number(c["profit_pct_of_credit"], 0, sign=True), str(c["dte_days"]), c["state"],
        )  # fmt: skip
    return table


def _hedge(lattice: Json) -> Text:
    rows = [
        f"{layer['layer']} " + " ".join(_MARK.get(slot["state"], "~") for slot in layer["slots"])
        for layer in lattice["layers"]
    ]
    vega = lattice["vega"]
    band = ""
    if vega is not None:
        band = (
            f"   net vega {number(vega['net_n'], 3, sign=True)} in [{number(vega['low_n'])}, {number(vega['high_n'])}]"
        )
    off = "" if lattice["enabled"] else "   switched off"
    return Text(f"hedge   {'   '.join(rows)}{band}{off}")


def _caps(caps: list[Json]) -> RenderableType:
    known = sorted((c for c in caps if c["full_pct"] is not None), key=lambda c: -c["full_pct"])[:CAPS_SHOWN]
    unknown = [c["name"] for c in caps if c["full_pct"] is None]
    table = _table("cap", "", "-used", "-cap", "unit")
    for cap in known:
        filled = min(20, round(cap["full_pct"] / 5.0))
        tone = "red" if cap["exceeded"] else "yellow" if cap["full_pct"] >= 70.0 else "green"
        sign = "≥" if cap["floor"] else "≤"
        table.add_row(
            f"{cap['name']} {cap['code']}", Text("█" * filled + "░" * (20 - filled), tone), number(cap["used"]),
            f"{sign} {number(cap['cap'])}", cap["unit"],
        )  # fmt: skip
    if unknown:
        table.add_row("unknown", ", ".join(unknown), "", "", "")
    return table


def _orders(orders: list[Json]) -> RenderableType:
    live = [order for order in orders if order["live"]]
    if not live:
        return Text("orders  none working")
    table = _table("order", "state", "-filled", "-limit", "-mid", "-age s")
    for o in live[:ORDERS_SHOWN]:
        table.add_row(
            plain(o["ref"]), o["state"], f"{o['filled']}/{o['quantity']}", number(o["limit_points"]),
            number(o["mid_points"]), number(o["age_s"], 0),
        )  # fmt: skip
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for name in names:
        table.add_column(name.lstrip("-"), justify="right" if name.startswith("-") else "left", no_wrap=True)
    return table


def _status(status: Json, pid: int | None) -> RenderableType:
    """The few lines of `condor status`."""
    from bot.cli.review import status_text

    return Text(plain_lines(status_text({**status, "running_pid": pid})))


def plain_lines(text: str) -> str:
    """Several lines, each made safe."""
    return "\n".join(plain(line) for line in text.split("\n"))
