"""What a seed can choose from: verbs of the simulated gateway with arguments by lot, by fault family.

A row names the faults of the catalogue (docs/gateway-faults.md) that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Chance = np.random.Generator
Terms = dict[str, Any]

FAMILIES = ("connectivity", "orders", "market", "host")


class Dish(NamedTuple):
    """One way to go wrong: the verb and its arguments by lot. `moment`: when it may strike (`any`, `order`: while one
    of the bot's orders is alive, `held`: while the bot holds something)."""

    faults: tuple[str, ...]
    family: str
    verb: str
    terms: Callable[[Chance], Terms]
    moment: str = "any"
    weight: float = 1.0


def _plain(**terms: Any) -> Callable[[Chance], Terms]:
    return lambda chance: dict(terms)


def _for(low: float, high: float, **terms: Any) -> Callable[[Chance], Terms]:
    return lambda chance: {"for_s": _s(chance, low, high), **terms}


def _s(chance: Chance, low: float, high: float) -> float:
    """Seconds between the two, short ones as likely as long ones."""
    return round(float(np.exp(chance.uniform(np.log(low), np.log(high)))), 1)


def _one(chance: Chance, *values: Any) -> Any:
    return values[int(chance.integers(len(values)))]


def _c(faults: str, verb: str, terms: Callable[[Chance], Terms], moment: str = "any", weight: float = 1.0) -> Dish:
    return Dish(tuple(faults.split()), "connectivity", verb, terms, moment, weight)


def _o(faults: str, verb: str, terms: Callable[[Chance], Terms], moment: str = "any", weight: float = 1.0) -> Dish:
    return Dish(tuple(faults.split()), "orders", verb, terms, moment, weight)


def _m(faults: str, verb: str, terms: Callable[[Chance], Terms], moment: str = "any", weight: float = 1.0) -> Dish:
    return Dish(tuple(faults.split()), "market", verb, terms, moment, weight)


def _h(faults: str, verb: str, terms: Callable[[Chance], Terms], moment: str = "any", weight: float = 1.0) -> Dish:
    return Dish(tuple(faults.split()), "host", verb, terms, moment, weight)


LISTS = (
    "positions",
    "open_orders",
    "all_open_orders",
    "completed_orders",
    "executions",
    "account",
    "contracts",
)
OTHER_ACCOUNTS = (["U7654321"], ["DU1234567", "DU7654321"], [])

CONNECTIVITY = (
    _c("F01", "upstream_lost", _for(5, 600)),
    _c("F02", "upstream_lost", _for(5, 600, then="lost")),
    _c("F03", "upstream_lost", _for(150, 900, then="nothing"), weight=0.5),
    _c("F01", "data_kept", _plain(), weight=0.3),
    _c("F02", "data_lost", _plain(), weight=0.5),
    _c(
        "F04",
        "farm_broken",
        lambda r: {
            "farm": _one(r, "usopt", "usfarm", "usfuture", "all"),
            "for_s": _s(r, 3, 300),
            "data_returns": bool(r.integers(2)),
        },
    ),
    _c("F04", "service_broken", lambda r: {"service": _one(r, "history", "contracts"), "for_s": _s(r, 10, 300)}),
    _c("F05 F16", "restart", lambda r: {"refuse_s": _s(r, 2, 120), "rollback_ids": int(r.integers(0, 60))}),
    _c("F05", "drop", _plain()),
    _c("F05 F08", "refuse", lambda r: {"for_s": _s(r, 10, 600)}),
    _c("F12 F18", "reset", _plain(), "order"),
    _c("F12", "reset", _plain()),
    _c(
        "F06",
        "cut_off",
        lambda r: {"message": _one(r, "orderStatus", "openOrder", "position", "out:any", "execDetails")},
    ),
    _c("F06", "cut_off", lambda r: {"message": "out:any", "bytes": int(r.integers(0, 9))}),
    _c("F15", "cut_off", _plain(message="positionEnd", bytes=0)),
    _c("F07", "half_open", lambda r: {"for_s": _s(r, 5, 120), "reads": bool(r.integers(2))}),
    _c("F08", "swallow", lambda r: {"message": "nextValidId", "times": int(r.integers(1, 4))}),
    _c("F09", "silent_accept", _for(5, 200)),
    _c("F10", "client_id_in_use", lambda r: {"times": int(r.integers(1, 4))}),
    _c("F11", "competing_session", _for(10, 300)),
    _c(
        "F13",
        "accounts_told",
        lambda r: {"accounts": _one(r, *OTHER_ACCOUNTS), "times": int(r.integers(1, 3))},
        weight=0.4,
    ),
    _c(
        "F14",
        "unanswered",
        lambda r: {"list": _one(r, *LISTS), "part": _one(r, "end", "all"), "times": int(r.integers(1, 5))},
    ),
    _c("F16", "rollback_ids", lambda r: {"by": int(r.integers(1, 80))}),
    _c("F16", "jump_ids", lambda r: {"by": int(r.integers(1, 5000))}),
    _c("F17", "inject", lambda r: {"fields": _one(r, ["99999", "1", "x"], ["250", ""], ["0"])}),
    _c("F17", "server_version", lambda r: {"version": _one(r, 150, 157, 163, 170, 200)}, weight=0.4),
    _c("F19", "pacing_violation", lambda r: {"disconnect": bool(r.integers(2))}),
    _c(
        "F20",
        "delay",
        lambda r: {
            "latency_s": _s(r, 0.05, 8),
            "jitter_s": _s(r, 0.01, 4),
            "for_s": _s(r, 20, 300),
            "direction": _one(r, "in", "out", "both"),
        },
    ),
    _c(
        "F20",
        "delay_message",
        lambda r: {
            "message": _one(r, "orderStatus", "openOrder", "execDetails", "position", "nextValidId"),
            "delay_s": _s(r, 1, 30),
            "times": int(r.integers(1, 8)),
        },
    ),
    _c("F20", "trickle", lambda r: {"bytes": int(r.integers(16, 4096)), "for_s": _s(r, 5, 60)}),
    _c("F06", "segment", lambda r: {"bytes": int(r.integers(1, 64)), "for_s": _s(r, 2, 30)}),
)

REJECTIONS = (
    103,
    104,
    105,
    110,
    136,
    161,
    200,
    201,
    202,
    203,
    321,
    383,
    399,
    434,
    460,
    512,
    2161,
    10147,
    10148,
    10149,
    10311,
    10318,
    10349,
    98765,
)

ORDERS = (
    _o("F29", "never_ack", lambda r: {"order": _one(r, "lost", "works")}),
    _o("F29", "swallow", _plain(message="placeOrder")),
    _o("F30", "late_perm_id", lambda r: {"times": int(r.integers(0, 4))}),
    _o("F33", "fill_reports", _plain(order="status_first")),
    _o("F32", "swallow", lambda r: {"message": "orderStatus", "times": int(r.integers(0, 9))}),
    _o("F33", "duplicate", lambda r: {"message": "orderStatus", "copies": int(r.integers(1, 4)), "times": 0}),
    _o("F34", "duplicate", lambda r: {"message": "execDetails", "copies": int(r.integers(1, 4)), "times": 0}),
    _o("F34", "resend_executions", _plain(), "held"),
    _o("F35", "correct_execution", lambda r: {"price": round(float(r.uniform(0.5, 40)), 2)}, "held", 0.6),
    _o("F35", "correct_execution", _plain(quantity=0), "held", 0.3),
    _o("F36", "fill_after_cancel", lambda r: {"delay_s": _s(r, 0.1, 90)}),
    _o("F37", "fill_now", _plain(price_at="limit"), "order"),
    _o("F38", "swallow", lambda r: {"message": "cancelOrder", "times": int(r.integers(1, 4))}),
    _o("F38", "swallow", lambda r: {"message": "orderStatus", "having": "Cancelled", "times": int(r.integers(1, 4))}),
    _o("F39 F40", "fill_part", _plain(quantity=1, price_at="limit"), "order"),
    _o(
        "F43",
        "reject_next",
        lambda r: {"code": int(_one(r, *REJECTIONS)), "status": _one(r, "Inactive", "Cancelled", "none")},
    ),
    _o("F43", "reject_next", lambda r: {"after_s": _s(r, 0.5, 60), "status": _one(r, "Inactive", "Cancelled")}),
    _o("F37 F43", "error", lambda r: {"code": int(_one(r, *REJECTIONS)), "text": "said on command"}, "order"),
    _o("F44", "inactive", _for(5, 120), "order"),
    _o(
        "F45",
        "swallow",
        lambda r: {"message": "execDetails", "nth": int(r.integers(1, 5)), "times": int(r.integers(1, 3))},
    ),
    _o("F46", "fill_leg_only", lambda r: {"leg": int(r.integers(1, 5))}, "order", 0.3),
    _o("F47", "unanswered", lambda r: {"list": "contracts", "part": "all", "times": int(r.integers(1, 6))}),
    _o(
        "F48",
        "what_if",
        lambda r: {"answer": _one(r, "never", "error", "warning", "bogus_first"), "times": int(r.integers(1, 4))},
    ),
    _o(
        "F51",
        "execution_times",
        lambda r: {"form": _one(r, "zone", "utc_dash", "no_zone", "one_space", "chicago", "utc", "nonsense")},
    ),
    _o(
        "F52",
        "corrupt",
        lambda r: {"message": "openOrder", "field": int(r.integers(1, 30)), "text": _one(r, "x", "", "-1", "nan")},
    ),
    _o("F52", "shorten", lambda r: {"message": _one(r, "openOrder", "orderStatus", "execDetails", "commissionReport")}),
    _o("F53", "false_length", lambda r: {"message": _one(r, "currentTime", "orderStatus", "tickPrice")}),
    _o("F53", "garbage", lambda r: {"bytes": int(r.integers(1, 200)), "seed": int(r.integers(1000))}),
    _o("F33", "late_commission", lambda r: {"delay_s": _s(r, 1, 300), "times": 0}),
    _o("F33", "late_commission", _plain(never=True)),
    _o("F29 F39", "hold_fills", _for(20, 300)),
    _o("F36", "fill_while_disconnected", _plain()),
    _o(
        "F20 F31",
        "delay_message",
        lambda r: {
            "message": _one(r, "orderStatus", "execDetails", "openOrder", "commissionReport"),
            "delay_s": _s(r, 0.5, 45),
            "times": int(r.integers(1, 6)),
        },
    ),
    _o("F18", "reset", _plain(), "order"),
    _o("", "people: reduce", _plain(), "held", 2.0),  # no fault: while REDUCING each order is judged (I10)
)

ODD = ("crossed", "locked", "no_bid", "no_ask", "no_quote", "wide", "zero_size", "zero_price", "unset_price")


def _which(chance: Chance) -> Terms:
    """Contracts that something happens to."""
    return dict(
        _one(
            chance,
            {"sec_type": "OPT"},
            {"trading_class": "SPXW"},
            {"sec_type": "OPT", "right": "P"},
            {"sec_type": "IND", "symbol": "SPX"},
            {"sec_type": "IND", "symbol": "VIX"},
            {"sec_type": "FUT"},
            {"trading_class": "VIX"},
            {"sec_type": "OPT", "right": "C"},
        )
    )


MARKET = (
    _m("F55", "quote_freeze", lambda r: {**_which(r), "for_s": _s(r, 5, 300), "how": _one(r, "frozen", "silent")}),
    _m("F55", "lost_subscriptions", _plain()),
    _m("F56 F63", "odd_quotes", lambda r: {**_which(r), "how": _one(r, *ODD), "for_s": _s(r, 15, 300)}),
    _m(
        "F56",
        "odd_greeks",
        lambda r: {**_which(r), "how": _one(r, "absent", "not_yet", "unset"), "for_s": _s(r, 15, 300)},
    ),
    _m(
        "F57",
        "market_data_rights",
        lambda r: {"rights": _one(r, "delayed", "delayed_always", "none"), "for_s": _s(r, 20, 300)},
    ),
    _m("F58", "line_limit", lambda r: {"lines": int(r.integers(0, 40)), "for_s": _s(r, 30, 400)}),
    _m(
        "F59",
        "no_market_data",
        lambda r: {
            "code": _one(r, "354", "10089", "10090", "10168", "10186"),
            "running": bool(r.integers(2)),
            "for_s": _s(r, 20, 300),
        },
    ),
    _m(
        "F60",
        "vix_spike",
        lambda r: {
            "level": round(float(r.uniform(20, 80)), 1),
            "spx_pct": round(float(r.uniform(-8, 1)), 1),
            "ramp_s": _s(r, 30, 600),
        },
        weight=0.5,
    ),
    _m(
        "F60",
        "price_jump",
        lambda r: {
            "spx_pct": round(float(r.uniform(-8, 4)), 2),
            "ramp_s": _s(r, 1, 300),
            "hold_s": _s(r, 60, 600),
            "half_life_s": 120.0,
        },
        weight=0.7,
    ),
    _m("F60", "market_halt", _for(30, 600), weight=0.5),
    _m("F60", "curve_inversion", lambda r: {"points": round(float(r.uniform(-4, 8)), 2), "ramp_s": _s(r, 1, 300)}),
    _m("F61", "quote_spike", lambda r: {**_which(r), "factor": round(float(r.uniform(0.4, 2.5)), 2)}),
    _m("F62", "halt", lambda r: {**_which(r), "for_s": _s(r, 20, 300), "kind": _one(r, "general", "volatility")}),
    _m(
        "F64",
        "manual_trade",
        lambda r: {"side": _one(r, "BUY", "SELL"), "quantity": int(r.integers(1, 3))},
        "held",
        0.6,
    ),
    _m("F65", "cancel_by_human", _plain(), "order"),
    _m("", "people: reduce", _plain(), "held", 2.0),
    _m("F66", "liquidate", _plain(), "held", 0.25),
    _m(
        "F67",
        "house_margin",
        lambda r: {
            "factor": round(float(r.uniform(1, 6)), 1),
            "extra_usd": round(float(r.uniform(0, 480_000)), 0),
            "for_s": _s(r, 60, 400),
        },
    ),
    _m(
        "F67",
        "account_figures",
        lambda r: {
            "how": _one(r, "frozen", "absent", "empty", "nan", "unset"),
            "tags": ["NetLiquidation", "ExcessLiquidity"],
            "for_s": _s(r, 30, 400),
        },
    ),
    _m("F68", "settle_now", _plain(kind="PM"), "held", 0.2),
    _m("F69 F71", "expired_lingers", lambda r: {"linger_s": _s(r, 60, 600), "for_s": 600.0}, weight=0.2),
    _m("F69", "settlement_delay", lambda r: {"delay_s": _s(r, 60, 600), "for_s": 600.0}, weight=0.2),
    _m("F70", "settle_now", _plain(kind="VIX"), "held", 0.2),
    _m("F71", "lose_position", _plain(), "held", 0.25),
    _m("F64 F71", "adopt_position", lambda r: {"quantity": int(_one(r, -2, -1, 1, 2))}, "held", 0.25),
    _m("F72", "duplicate", lambda r: {"message": "contractDetails", "copies": 1, "times": int(r.integers(1, 20))}),
    _m(
        "F72",
        "replace_text",
        lambda r: {"message": "contractDetails", "old": "SPXW", "new": "SPX", "times": int(r.integers(1, 9))},
    ),
    _m("F73", "market_closed", lambda r: {"told": bool(r.integers(2))}, weight=0.15),
    _m(
        "F74",
        "corrupt",
        lambda r: {
            "message": "position",
            "field": int(_one(r, 14, 15)),
            "text": _one(r, "0.5", "1.7976931348623157E308", "nan", ""),
        },
    ),
    _m(
        "F75",
        "cash",
        lambda r: {"amount_usd": round(float(r.uniform(1000, 200_000)), 2), "reason": _one(r, "deposit", "withdrawal")},
    ),
    _m(
        "F79",
        "server_time",
        lambda r: {"offset_s": round(float(_one(r, -3600, -5, 3, 30, 7200)), 1), "for_s": _s(r, 30, 300)},
    ),
)

HOST = (
    _h("F21 F22 F23 F24 F25 F26 F101", "life: kill -9", _plain(), "order", 2.0),
    _h("F27", "life: kill -9", _plain()),
    _h("F22 F23", "life: kill -9 at a write", _plain(), weight=2.0),
    _h("F28 F95", "press: signal", _plain(), "order", 0.5),
    _h("F95", "press: signal at a write", _plain(), weight=0.5),
    _h("F97", "press: file", _plain(), weight=0.4),
    _h("F97", "press: both, many times", _plain(), weight=0.3),
    _h("F96", "press: with the gateway down", _plain(), weight=0.4),
    _h("", "people: reduce", _plain(), "held"),
    _h("F100", "life: SIGTERM", _plain(), weight=1.0),
    _h("F100", "life: SIGTERM at a write", _plain(), weight=1.0),
    _h("F79 F80", "clock_jump", lambda r: {"seconds": _s(r, 30, 900)}),
    _h(
        "F79",
        "server_time",
        lambda r: {"offset_s": round(float(_one(r, -3600, -5, 3, 30, 7200)), 1), "for_s": _s(r, 30, 300)},
    ),
    _h("F80", "life: suspended", lambda r: {"seconds": _s(r, 60, 900)}),
    _h("F81 F83", "disk: full", _plain(), weight=0.5),
    _h("F86", "disk: locked", _plain(), weight=0.4),
    _h("F87", "life: a second bot", _plain(), weight=0.6),
    _h("F84", "disk: torn tail", _plain(), weight=0.8),
    _h("F85", "disk: bit flipped", _plain(), weight=0.2),
    _h("F104", "disk: stale backup", _plain(), weight=0.3),
    _h("F05", "reset", _plain(), "order"),
    _h("F16", "restart", lambda r: {"refuse_s": _s(r, 2, 60), "rollback_ids": int(r.integers(0, 60))}),
)

MENU = (*CONNECTIVITY, *ORDERS, *MARKET, *HOST)
