"""Regenerates the pages of docs/ that are made from the code; a test says when they are stale."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
MADE = "<!-- made from the code by `make docs`; edit the code, not this page -->\n\n"


def pages() -> dict[str, str]:
    """File name under docs/ to content."""
    return {
        "machines.md": _machines(),
        "configuration.md": _configuration(),
        "events.md": _events(),
        "risk-checks.md": _risk_checks(),
        "rulebook.md": _rulebook(),
        "controls.md": _controls(),
        "gateway-faults.md": _gateway_faults(),
        "gateway-ledger.md": _gateway_ledger(),
        "gateway-ledger.schema.json": _ledger_schema(),
        "report.schema.json": _report_schema(),
        "journal.schema.json": _journal_schema(),
        "log.schema.json": _log_schema(),
    }


def _machines() -> str:
    from bot.ibkr.link import LINK_TABLE
    from strategies.alvh.joint import joint_markdown
    from strategies.alvh.machine import SLOT_TABLE
    from strategies.condor.machine import CONDOR_TABLE
    from strategies.domain.flatten import FLATTEN_TABLE
    from strategies.domain.orders import ORDER_TABLE
    from strategies.signals.tier_machine import TIER_TABLE

    tables: tuple[tuple[str, Any], ...] = (
        ("Order", ORDER_TABLE),
        ("Condor", CONDOR_TABLE),
        ("Slot of the hedge", SLOT_TABLE),
        ("Link to the broker", LINK_TABLE),
        ("Flattening", FLATTEN_TABLE),
        ("Stress tier", TIER_TABLE),
    )
    parts = [
        "# State machines\n\n",
        MADE,
        "Whatever is not a row here is either a bug of ours or a contradiction by the "
        "world; both are refused, nothing changes, and the second one stops new risk.\n",
    ]
    for name, table in tables:
        module = inspect.getmodule(type(table)) and table.name
        parts.append(f"\n## {name} (`{module}`)\n\n```mermaid\n{table.mermaid()}\n```\n\n{table.markdown()}\n")
    parts.append(f"\n## Regime and tier together\n\nWhat the hedge does in each pair.\n\n{joint_markdown()}\n")
    return "".join(parts)


def _configuration() -> str:
    from bot.settings.layers import read_toml
    from bot.settings.models import known_keys

    layer = read_toml(ROOT / "config/default.toml", "config/default.toml")
    parts = [
        "# Configuration\n\n",
        MADE,
        "Later layers win: `config/default.toml`, `config/PROFILE.toml`, "
        "`config/local.toml` (not in git), `--config FILE`, `CONDOR_SECTION__KEY` variables, "
        "`--set section.key=value`.\n"
        "`condor config show` prints the effective value of every key and where it was written.\n",
    ]
    section = ""
    for key in layer.lines:
        table, _, name = key.rpartition(".")
        if key not in known_keys() or key == "schema_version":
            continue
        if table != section:
            parts.append(f"\n## [{table}]\n\n| key | default | meaning |\n|---|---|---|\n")
            section = table
        node: Any = layer.values
        for part in key.split("."):
            node = node[part]
        parts.append(f"| `{name}` | `{node}` | {layer.comments.get(key, '')} |\n")
    return "".join(parts)


def _events() -> str:
    from typing import get_args

    from bot import actions
    from strategies.domain import events

    parts = [
        "# Facts and actions in the journal\n\n",
        MADE,
        "Facts are what entered; a replay needs nothing else. "
        "Actions are what the engine asked of the world, part of the outcome records.\n\n## Facts\n\n",
        "| type | meaning | fields |\n|---|---|---|\n",
    ]
    for kind in get_args(events.AnyEvent):
        fields = ", ".join(f"`{f.name}`" for f in msgspec.structs.fields(kind))
        parts.append(f"| `{kind.__struct_config__.tag}` | {_first(kind)} | {fields} |\n")
    parts.append("\n## Actions\n\n| type | meaning |\n|---|---|\n")
    for kind in get_args(actions.Action):
        tag = "submit" if kind is actions.Submit else kind.__struct_config__.tag
        parts.append(f"| `{tag}` | {_first(kind)} |\n")
    return "".join(parts)


def _risk_checks() -> str:
    from risk.checks import CHECKS
    from risk.guards import GUARD_BOUNDS
    from risk.halt import consequence_of
    from risk.limits import BOUNDS, paper_limits

    parts = [
        "# The gate's checks and caps\n\n",
        MADE,
        "How the gate works is in [risk-gate.md](risk-gate.md). Checks stand in the order in which a denial names "
        "them. *Binds reducers*: the check is also made for an order proven to reduce risk. "
        "*Mark* is the `action` written beside each result in the journal.\n\n",
        "| code | name | what is checked | binds reducers | mark | where |\n|---|---|---|---|---|---|\n",
    ]
    for check in CHECKS:
        where = f"`{check.find.__module__.removeprefix('risk.')}.{check.find.__name__}`"
        told = _first(check.find).partition(": ")[2]
        always = "yes" if check.always else "no"
        mark = consequence_of(check.code).value
        parts.append(f"| {check.code} | {check.name} | {told} | {always} | {mark} | {where} |\n")
    parts.append(
        "\n## Caps\n\nKeys of the `[risk]` section; their meaning and value are in "
        "[configuration.md](configuration.md). A value outside its range, NaN, infinity or a missing cap is "
        "refused.\n\n"
        "| cap | default | least | greatest | stricter is |\n|---|---|---|---|---|\n"
    )
    defaults = paper_limits()
    rows = [(name, getattr(defaults, name), bound) for name, bound in BOUNDS.items()]
    rows += [(f"guards.{name}", getattr(defaults.guards, name), bound) for name, bound in GUARD_BOUNDS.items()]
    for name, value, bound in rows:
        stricter = bound.tighter or "-"
        parts.append(f"| `{name}` | {value:g} | {bound.low:g} | {bound.high:g} | {stricter} |\n")
    return "".join(parts)


def _rulebook() -> str:
    from bot.rules.page import rulebook
    from bot.settings.layers import flatten, read_toml
    from bot.settings.models import known_keys

    shipped = flatten(read_toml(ROOT / "config/default.toml", "config/default.toml").values, known_keys())
    return "".join(["# The rules\n\n", MADE, rulebook(shipped)])


def _controls() -> str:
    from bot.controls.page import page
    from bot.settings.layers import flatten, read_toml
    from bot.settings.models import known_keys

    shipped = flatten(read_toml(ROOT / "config/default.toml", "config/default.toml").values, known_keys())
    return "".join(["# The controls\n\n", MADE, page(shipped)])


def _gateway_faults() -> str:
    """The written page with its lists made anew; arguments that many verbs take alike are explained once."""
    from bot.sim.control import documentation
    from bot.sim.faults.when import KEYS

    page = (ROOT / "docs" / "gateway-faults.md").read_text(encoding="utf-8")
    verbs: dict[str, Any] = documentation()
    shared = _shared([argument for facts in verbs.values() for argument in facts["arguments"]])
    parts = ["\nMany verbs take these, each with the meaning given here:\n\n", *map(_argument, shared.values())]
    layer = None
    for name, facts in verbs.items():
        if facts["layer"] != layer:
            layer = facts["layer"]
            parts.append(f"\n### {layer.capitalize()}\n")
        own = [argument for argument in facts["arguments"] if argument != shared.get(argument["name"])]
        known = [f"`{argument['name']}`" for argument in facts["arguments"] if argument not in own]
        also = f" Takes {', '.join(known)}." if known else ""
        parts += [f"\n**`{name}`** {facts['text']}.{also}\n", "\n" if own else "", *map(_argument, own)]
    page = _filled(page, "when", "\n" + "".join(_argument(key.facts()) for key in KEYS) + "\n")
    return _filled(page, "verbs", "".join(parts) + "\n")


def _gateway_ledger() -> str:
    """The written page with its lists of fields made anew."""
    from bot.sim.venue import ledger_lines

    page = (ROOT / "docs" / "gateway-ledger.md").read_text(encoding="utf-8")
    page = _filled(page, "common", ledger_lines.fields_markdown(ledger_lines.COMMON))
    page = _filled(page, "contract", ledger_lines.fields_markdown(ledger_lines.CONTRACT))
    return _filled(page, "kinds", ledger_lines.markdown())


def _report_schema() -> str:
    from bot.report.shape import schema

    return json.dumps(schema(), indent=1) + "\n"


def _journal_schema() -> str:
    from bot.journal.shape import schema

    return json.dumps(schema(), indent=1) + "\n"


def _log_schema() -> str:
    from bot.log_lines import schema

    return json.dumps(schema(), indent=1) + "\n"


def _ledger_schema() -> str:
    from bot.sim.venue import ledger_lines

    return json.dumps(ledger_lines.schema(), indent=1) + "\n"


def _shared(arguments: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Under each name, the meaning that most verbs give it, where that is at least four."""
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(argument["name"] for argument in arguments):
        alike = [argument for argument in arguments if argument["name"] == name]
        likeliest = max(alike, key=alike.count)
        if alike.count(likeliest) >= 4:
            found[name] = likeliest
    return found


def _argument(facts: dict[str, Any]) -> str:
    if facts.get("required"):
        default = "must be given"
    else:
        default = "may be absent" if facts["default"] is None else f"default `{json.dumps(facts['default'])}`"
    return f"- `{facts['name']}`: {facts['text']}; {facts['allowed']}; {default}\n"


def _filled(page: str, name: str, made: str) -> str:
    """The page with what stands between `<!-- name: ... -->` and `<!-- end of name -->` replaced."""
    start, end = page.index(f"<!-- {name}: "), page.index(f"<!-- end of {name} -->")
    head = page.index("-->\n", start) + len("-->\n")
    return page[:head] + made + page[end:]


def _first(kind: Any) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def main() -> None:
    """Writes every page."""
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
