"""What people are asked and what they hold back, as plain values and words for status and command line."""

from __future__ import annotations

from typing import Any

from bot.engine.state import State


def describe(state: State) -> dict[str, Any]:
    """Open questions, overrides and the mode, as of the state's last fact."""
    consent = state.consent
    return {
        "mode": None if state.parameters is None else state.parameters.governance.mode.value,
        "rearm_approvals": 1 if state.parameters is None else state.parameters.governance.rearm_approvals,
        "requests": [
            {
                "id": r.id, "kind": r.kind.value, "text": r.text, "sent": r.sent, "needed": r.needed,
                "approved_by": list(r.approved_by), "until": r.until.isoformat(),
                "not_before": None if r.not_before is None else r.not_before.isoformat(),
            }
            for r in consent.requests.values()
        ],
        "overrides": [
            {"action": o.action.value, "who": o.who, "reason": o.reason, "until": o.until.isoformat()}
            for o in consent.overrides
            if state.now is None or o.until > state.now
        ],
    }  # fmt: skip


def lines(consent: dict[str, Any]) -> list[str]:
    """The same for people; nothing while nobody is asked and nothing is held back."""
    found = []
    for r in consent.get("requests", ()):
        done = f"{len(r['approved_by'])} of {r['needed']} approvals"
        when = f", not before {r['not_before'][:16]}Z" if r["not_before"] else ""
        kind = "told" if r["sent"] else "waits"
        found.append(f"asked   {r['id']} {kind}: {r['text']} ({done}{when}, until {r['until'][:16]}Z)")
    found += [
        f"held    {o['action']} until {o['until'][:16]}Z by {o['who']}: {o['reason']}"
        for o in consent.get("overrides", ())
    ]
    if consent.get("mode") == "promoter":
        found.append("mode    promoter: no discretionary additions")
    return found
