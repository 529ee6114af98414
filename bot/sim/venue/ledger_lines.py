"""What stands in the ledger: every kind of line with its fields, as data for the docs, the schema and the tests.

Rules: prices are points per share, amounts US dollars, quantities contracts, shares or units; what is not known is
null. A field that is not listed may follow, one that is listed is always there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    FLAG = "flag"
    CONTRACT = "contract"
    LEGS = "list of legs"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field: its name, what it holds, whether null is possible, and its meaning where the name does not say it."""

    name: str
    kind: Kind
    nullable: bool = False
    text: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineRule:
    """One kind of line: when it is written and what it has beside the common fields."""

    kind: str
    when: str
    fields: tuple[FieldRule, ...]


def _text(name: str, text: str = "", *, nullable: bool = False, words: tuple[str, ...] = ()) -> FieldRule:
    return FieldRule(name, Kind.TEXT, nullable, text, words)


def _whole(name: str, text: str = "", *, nullable: bool = False) -> FieldRule:
    return FieldRule(name, Kind.WHOLE, nullable, text)


def _number(name: str, text: str = "", *, nullable: bool = False) -> FieldRule:
    return FieldRule(name, Kind.NUMBER, nullable, text)


def _flag(name: str) -> FieldRule:
    return FieldRule(name, Kind.FLAG)


_SIDES = ("BUY", "SELL")
_CONTRACT = FieldRule("contract", Kind.CONTRACT)

COMMON: Sequence[FieldRule] = (
    _whole("seq", "from 0, without gaps"),
    _text("at", "market time, ISO 8601 with offset"),
    _number("mono", "market seconds since the first line, never falling"),
    _text("kind", "below"),
)
"""What every line begins with."""

CONTRACT: Sequence[FieldRule] = (
    _whole("con_id", nullable=True),
    _text("symbol", nullable=True),
    _text("trading_class", nullable=True),
    _text("sec_type", nullable=True),
    _text("expiry", "ISO date", nullable=True),
    _number("strike", nullable=True),
    _text("right", "C or P", nullable=True),
    _whole("multiplier", "dollars per point", nullable=True),
)
"""A contract. Of one that an order message names and the venue does not know, what the client wrote."""

LEG: Sequence[FieldRule] = (*CONTRACT, _whole("ratio"), _text("action"))
"""A leg of an order: its contract, how many a unit has, and what a bought unit does with it."""

_ORDER: tuple[FieldRule, ...] = (
    _whole("client"),
    _text("account"),
    _whole("order_id"),
    _whole("perm_id", "0 for a new order"),
    _text("order_ref"),
    _flag("what_if"),
    _text("action"),
    _number("quantity", nullable=True),
    _text("order_type"),
    _number("limit", nullable=True),
    _number("aux", "stop, touch, trailing amount or offset", nullable=True),
    _text("tif"),
    _flag("outside_rth"),
    _flag("transmit"),
    _whole("parent_id"),
    _text("oca_group"),
    FieldRule("legs", Kind.LEGS, text="one entry for a single contract"),
)
_EXECUTION: tuple[FieldRule, ...] = (
    _text("account"),
    _whole("perm_id"),
    _text("order_ref"),
    _text("exec_id"),
    _CONTRACT,
    _text("side", words=_SIDES),
    _whole("quantity", "0 busts what it corrects"),
    _number("price"),
    _number("cash", "what the account's cash moved by"),
    _text("corrects", "id of the execution that this one replaces", nullable=True),
    _whole("liquidation", "1 where the broker closed"),
)
_CLIENT: tuple[FieldRule, ...] = (_whole("client"), _text("reason"))

LINES: Sequence[LineRule] = (
    LineRule("connect", "a client has started the API", _CLIENT),
    LineRule("disconnect", "a client is gone", _CLIENT),
    LineRule("place", "an order message that can be read, before anybody judges it", _ORDER),
    LineRule("modify", "the same for a working order of that client and id", _ORDER),
    LineRule("cancel", "a cancel message", (_whole("client"), _whole("order_id"), _whole("perm_id"))),
    LineRule("global_cancel", "a global cancel message", (_whole("client"),)),
    LineRule(
        "reject",
        "an order message is refused",
        (_whole("client"), _whole("order_id"), _text("order_ref"), _whole("code"), _text("text")),
    ),
    LineRule(
        "state",
        "an order changed",
        (
            _whole("client"),
            _whole("order_id"),
            _whole("perm_id"),
            _text("order_ref"),
            _text("status"),
            _whole("filled"),
            _whole("remaining"),
            _text("why_held"),
            _text("reason"),
        ),
    ),
    LineRule("fill", "a contract was executed", _EXECUTION),
    LineRule("combo", "a combination's own summary after its fills; moves nothing", _EXECUTION),
    LineRule(
        "commission",
        "an execution was charged",
        (_text("account"), _text("exec_id"), _number("amount"), _number("realized_pnl", nullable=True)),
    ),
    LineRule(
        "cash",
        "cash moved",
        (
            _text("account"),
            _number("amount"),
            _text(
                "reason",
                "deposit, withdrawal, interest, fee; fill, correction, commission and of which execution; "
                "variation, settlement, exercise and of which contract",
            ),
            _number("balance"),
        ),
    ),
    LineRule(
        "transfer",
        "contracts came or went without a trade; moves no cash",
        (_text("account"), _CONTRACT, _whole("quantity", "signed"), _number("price", "its cost")),
    ),
    LineRule(
        "variation",
        "a future was marked at the close",
        (_text("account"), _CONTRACT, _whole("quantity", "signed"), _number("price"), _number("cash")),
    ),
    LineRule(
        "settle",
        "an expired position became cash",
        (
            _text("account"),
            _CONTRACT,
            _whole("quantity", "signed"),
            _number("price"),
            _number("underlying_price"),
            _number("cash"),
        ),
    ),
    LineRule(
        "exercise",
        "options in the money at expiry became shares at their strike",
        (
            _text("account"),
            _CONTRACT,
            _whole("quantity", "signed"),
            FieldRule("share", Kind.CONTRACT),
            _whole("shares", "signed, as they came or went"),
            _number("underlying_price"),
            _number("cash"),
        ),
    ),
    LineRule(
        "position",
        "after a fill, transfer, settlement or exercise",
        (_text("account"), _CONTRACT, _whole("quantity", "signed"), _number("average_cost", "dollars per contract")),
    ),
    LineRule(
        "account",
        "every open market minute and after every booking",
        (
            _text("account"),
            _number("nlv"),
            _number("cash"),
            _number("initial_margin"),
            _number("maintenance_margin"),
            _number("excess_liquidity"),
            _number("unrealized_pnl"),
            _number("realized_pnl"),
            _number("buying_power"),
        ),
    ),
    LineRule(
        "margin_warning",
        "the cushion fell below the broker's warning",
        (_text("account"), _number("nlv"), _number("excess_liquidity")),
    ),
    LineRule(
        "fault",
        "a fault was caused; `refused` says why it could not be, `sprung` that one which waited met its order",
        (_text("verb"), FieldRule("arguments", Kind.OBJECT)),
    ),
    LineRule(
        "gateway_error",
        "a request broke the gateway: a bug of ours",
        (_whole("client"), _text("request"), _text("error")),
    ),
)
"""Every kind of line."""


# as a JSON schema ----------------------------------------------------------------------------------
_TYPES: Mapping[Kind, Mapping[str, object]] = {
    Kind.TEXT: {"type": "string"},
    Kind.WHOLE: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.FLAG: {"type": "boolean"},
    Kind.CONTRACT: {"$ref": "#/$defs/contract"},
    Kind.LEGS: {"type": "array", "items": {"$ref": "#/$defs/leg"}},
    Kind.OBJECT: {"type": "object"},
}


def schema() -> dict[str, object]:
    """The ledger's lines as a JSON schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the simulated gateway's ledger",
        "oneOf": [{"$ref": f"#/$defs/{line.kind}"} for line in LINES],
        "$defs": {
            "contract": _object(CONTRACT),
            "leg": _object(LEG),
            **{line.kind: _line(line) for line in LINES},
        },
    }


def _line(line: LineRule) -> dict[str, object]:
    made = _object((*COMMON, *line.fields))
    properties = made["properties"]
    assert isinstance(properties, dict), "made just above"
    properties["kind"] = {"const": line.kind}
    return {"description": line.when, **made}


def _object(fields: Sequence[FieldRule]) -> dict[str, object]:
    return {
        "type": "object",
        "required": [field.name for field in fields],
        "properties": {field.name: _property(field) for field in fields},
    }


def _property(field: FieldRule) -> dict[str, object]:
    found: dict[str, object] = dict(_TYPES[field.kind])
    if field.words:
        found["enum"] = list(field.words)
    if field.nullable:
        found["type"] = [found["type"], "null"]
    if field.text:
        found["description"] = field.text
    return found


# as a page -----------------------------------------------------------------------------------------
def markdown() -> str:
    """The kinds of lines as a table for the docs."""
    rows = ["| kind | when | fields |", "|---|---|---|"]
    rows += [f"| `{line.kind}` | {line.when} | {', '.join(map(_named, line.fields))} |" for line in LINES]
    return "\n".join(rows) + "\n"


def fields_markdown(fields: Sequence[FieldRule]) -> str:
    """Fields as a table for the docs."""
    rows = ["| field | holds | |", "|---|---|---|"]
    rows += [f"| `{f.name}` | {f.kind.value}{' or null' if f.nullable else ''} | {f.text} |" for f in fields]
    return "\n".join(rows) + "\n"


def _named(field: FieldRule) -> str:
    told = " or ".join(field.words) or field.text
    return f"`{field.name}` ({told})" if told else f"`{field.name}`"
