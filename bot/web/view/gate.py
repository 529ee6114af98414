"""The gate: how full each cap is."""

from __future__ import annotations

from bot.engine.permit import risk_view
from bot.web.gathered import Look
from bot.web.view.numbers import Json, rounded
from risk.utilisation import Use, utilisation
from strategies.domain.known import Unknown


def caps(look: Look) -> list[Json]:
    """Every cap in the gate's order; `full_pct` 100 where the cap is met, None where its use is unknown."""
    parameters = look.state.parameters
    if parameters is None or look.state.now is None:
        return []
    return [cap(use) for use in utilisation(risk_view(look.state, Unknown("not asked")), parameters.limits)]


def cap(use: Use) -> Json:
    """One cap: of a floor, full means that as little is left as is allowed."""
    return {
        "code": use.code,
        "name": use.name,
        "used": rounded(use.used),
        "cap": use.cap,
        "unit": use.unit,
        "floor": use.floor,
        "full_pct": rounded(full_pct(use), 1),
        "exceeded": use.exceeded,
    }


def full_pct(use: Use) -> float | None:
    """How near the cap is, in per cent of it."""
    if use.used is None:
        return None
    if use.floor:
        return 100.0 * use.cap / use.used if use.used > 0.0 else None
    return 100.0 * max(0.0, use.used) / use.cap if use.cap > 0.0 else None
