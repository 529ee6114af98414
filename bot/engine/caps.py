"""Which settings are caps (K-*), whether a change loosens them, and the stricter of two sets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import msgspec

from bot.engine.state import Parameters
from risk.guards import paper_guards
from risk.limits import loosened as loosened_limits

CAPS: dict[str, Literal["lower", "higher"]] = {
    "condor.entry.risk_per_condor_pct_nlv": "lower",
    "condor.entry.max_quantity": "lower",
    "condor.entry.max_open": "lower",
    "condor.entry.entries_per_day": "lower",
    "alvh.size.layer_risk_pct_nlv": "lower",
    "governance.rearm_approvals": "higher",
    "governance.rearm_delay_min": "higher",
}
"""Caps outside the gate's own limits, with the direction that is stricter."""


def loosened(before: Parameters, after: Parameters) -> dict[str, tuple[Any, Any]]:
    """Caps that `after` sets less strictly than `before`: dotted name to both values."""
    found = {
        f"risk.{name}": (_get(before.limits, name), _get(after.limits, name))
        for name in loosened_limits(before.limits, after.limits)
    }
    for name, tighter in CAPS.items():
        old, new = _get(before, name), _get(after, name)
        if old != new and (new > old) == (tighter == "lower"):
            found[name] = (old, new)
    return found


def with_guards(raw: dict[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values, with the documented values of guards that their writer did not know yet."""
    guards = {**msgspec.to_builtins(paper_guards()), **raw["limits"].get("guards", {})}
    return {**raw, "limits": {**raw["limits"], "guards": guards}}


def stricter(before: Parameters, after: Parameters, names: Collection[str]) -> Parameters:
    """`after` with the named caps as they were `before`; all of the gate's limits, if a mixture contradicts itself."""
    of_gate = [name.removeprefix("risk.") for name in names if name.startswith("risk.")]
    guards = {name.removeprefix("guards."): _get(before.limits, name) for name in of_gate if "." in name}
    limits = {name: getattr(before.limits, name) for name in of_gate if "." not in name}
    try:
        limits["guards"] = msgspec.structs.replace(after.limits.guards, **guards)
        kept = msgspec.structs.replace(after, limits=msgspec.structs.replace(after.limits, **limits))
    except ValueError:
        kept = msgspec.structs.replace(after, limits=before.limits)
    for name in names:
        if name in CAPS:
            kept = _put(kept, name.split("."), _get(before, name))
    return kept


def _get(parameters: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        parameters = getattr(parameters, part)
    return parameters


def _put(struct: Any, parts: list[str], value: Any) -> Any:
    name, *rest = parts
    return msgspec.structs.replace(struct, **{name: _put(getattr(struct, name), rest, value) if rest else value})
