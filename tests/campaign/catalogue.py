"""What the campaign is about as tables: fault classes (faults.toml) and invariants, each with who judges it where."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec


class FaultClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One class: what happens, tests of its own (`file::function` below tests/), and why no seed causes it."""

    what: str
    tests: tuple[str, ...] = ()
    because: str = ""


@cache
def fault_classes() -> dict[str, FaultClass]:
    """Every class by its code. Raises ValueError naming the row that cannot be read."""
    found: dict[str, FaultClass] = {}
    text = Path(__file__).with_name("faults.toml").read_text(encoding="utf-8")
    for code, row in tomllib.loads(text).items():
        try:
            found[code] = msgspec.convert(row, FaultClass)
        except msgspec.ValidationError as error:
            raise ValueError(f"faults.toml, row {code}: {error}") from error
    return found


class Invariant(NamedTuple):
    """`says` what must hold; `judge` where the campaign looks and how often; `tests` where it is proven instead."""

    says: str
    judge: str = ""
    tests: tuple[str, ...] = ()


INVARIANTS = {
    "I1": Invariant(
        "an order on the wire is one approved, committed intent of the journal, with its legs, size and price",
        "each order as it leaves, against the file on disk",
    ),
    "I2": Invariant(
        "over every subset of fills the worst case stays under its caps",
        "each order as it arrives, brute force over fill subsets and strikes",
    ),
    "I3": Invariant(
        "after a crash or a lost connection journal and venue come to the same orders and positions",
        "at the end of a seed, once it is calm; after every SIGKILL of the loop over processes",
    ),
    "I4": Invariant(
        "under a kill no order leaves, and the first cancel leaves at once",
        "each order as it leaves, each press",
        ("flow/test_kill_switch.py::test_a_kill_cancels_at_once_and_nothing_is_sent_ever_after",),
    ),
    "I5": Invariant("no order of the bot can make a short that no long covers", "each order as it arrives"),
    "I6": Invariant("the journal replays to the same decisions", "one seed in eight, at its end; every SIGKILL story"),
    "I7": Invariant("each execution counts once", "at the end of a seed, against the ledger"),
    "I8": Invariant(
        "positions are what was bought and sold; where others traded, nothing is opened",
        "at the end of a seed, against the ledger",
    ),
    "I9": Invariant(
        "nothing is opened on stale or absent quotes, a doubtful link, the wrong account, outside hours, under a stop",
        "each order as it leaves, against what the gateway last told on that connection",
    ),
    "I10": Invariant("while reducing no order makes the worst case worse", "each order as it arrives while reducing"),
    "I11": Invariant(
        "no second holds more than 40 messages; cancels do not wait",
        "each message",
        ("flow/test_adapter.py::test_cancel_all_overtakes_everything_and_drops_what_waits",),
    ),
    "I12": Invariant("an order reference reaches the wire once", "each order as it leaves, over all lives of a seed"),
    "I13": Invariant("an order that is over stays over, or comes back with an alert", "each move in the journal"),
    "I14": Invariant(
        "each move of an order, condor or slot begins where its last one ended",
        "each move in the journal",
        ("campaign/test_small_scope.py::test_every_reachable_state_has_a_way_out",),
    ),
    "I15": Invariant("no slot of the hedge is short or above its units", "at the end of a seed, from the executions"),
    "I16": Invariant(
        "the journal has no gap, its links are right, its time never runs back",
        "at the end of a seed, by SQL and SHA-256",
    ),
    "I17": Invariant("a minute after the last fault the bot is at work, or stopped with a reason", "one seed in five"),
    "I18": Invariant("a stop is told within five seconds, and no alert becomes a storm", "at the end of a seed"),
    "I19": Invariant(
        "the account's id stands whole in no alert, log or status",
        "at the end of a seed",
        ("bot/test_logs.py::test_account_ids_are_masked_and_contracts_are_not",),
    ),
    "I20": Invariant(
        "tasks, descriptors and memory do not grow",
        "the soak",
        ("campaign/test_soak.py::test_two_simulated_days_leave_nothing_behind",),
    ),
    "I21": Invariant("cash is fills, fees and settlements, to the cent", "at the end of a seed, from the ledger"),
    "I22": Invariant(
        "the bot never trades what only others brought, nor closes again what others closed", "each order as it arrives"
    ),
    "I23": Invariant(
        "a recorded day decides the same again in another process",
        "",
        ("bot/test_replay.py::test_the_command_exits_0_when_identical_and_6_when_not",),
    ),
    "I24": Invariant("every control is seen to act", "the counts of controls below"),
}


NEVER_MADE = "no strategy makes such an order"
PROCESS = "only of real processes"
SPARED = "simulations are spared"
ELSEWHERE = {
    "C01": NEVER_MADE,
    "C02": NEVER_MADE,
    "C03": "strategies keep the cap themselves",
    "C05": "strategies keep the cap themselves",
    "C09": NEVER_MADE,
    "C10": NEVER_MADE,
    "C13": NEVER_MADE,
    "C28": "only of the hedge against itself",
    "C34": "no half-day among the worlds of seeds",
    "C35": "no expiry among the worlds of seeds",
    "C40": PROCESS,
    "C42": "while reducing strategies propose no opening",
    "C43": PROCESS,
    "C44": SPARED,
    "C48": SPARED,
    "C50": SPARED,
    "C54": SPARED,
}
"""Why a control cannot act, or hardly can, in a seed."""
