"""The report's caps: the same numbers the gate would use, unknown where unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from risk.case import Case
from risk.checks.pace import order_rate
from risk.utilisation import Use, utilisation
from strategies.domain.known import Unknown
from tests.risk.sample import EXPIRIES, NLV, NOW, WINGS, World, condor_legs, entry, record, session


def uses(world: World) -> dict[str, Use]:
    """By name."""
    return {use.name: use for use in utilisation(world.view(), world.limits)}


def test_numbers_of_a_small_book() -> None:
    """One condor held and one working: worst cases, counts and account shares by hand."""
    held = World().having("ic-1", condor_legs(EXPIRIES[0], WINGS), 2, -10.0)
    order = entry("ic-2", quantity=1, limit_points=-14.0)
    found = uses(World(holdings=held.holdings, fills=held.fills, orders=(record(order),)))
    working = 5000.0 - 1400.0 + 8.0
    assert found["largest condor"].used == pytest.approx(100 * 8000.0 / NLV)
    assert found["largest working order"].used == pytest.approx(100 * working / NLV)
    assert found["all condors"].used == pytest.approx(100 * (8000.0 + working) / NLV)
    assert found["open condors"].used == 2
    assert found["largest working quantity"].used == 1
    assert found["excess liquidity"].used == pytest.approx(90.0)
    assert found["initial margin"].used == pytest.approx(1.0)
    assert found["daily loss"].used == pytest.approx(0.0)
    assert not any(use.exceeded for use in found.values())
    assert found["crash"].used is not None


def test_unknown_account_is_unknown_use() -> None:
    """Without account figures no share is made up."""
    found = uses(World().with_(account=Unknown("silence")))
    assert found["all condors"].used is None
    assert found["all condors"].exceeded is None
    assert found["daily loss"].used is None
    assert found["open condors"].used == 0


def test_floors_and_caps_know_their_side() -> None:
    """A floor is broken from above to below, a cap from below to above."""
    found = uses(World(account={"excess_liquidity_usd": 0.19 * NLV}))
    assert found["excess liquidity"].exceeded
    assert Use("X", "x", 3.0, 2.0, "u").exceeded
    assert not Use("X", "x", 2.0, 2.0, "u").exceeded


@pytest.mark.parametrize(
    ("now", "told"), [("11:00", 2), ("16:59", 2), ("17:01", 0), ("23:00", 0), ("+1 08:00", 0), ("+1 09:31", 0)]
)
def test_orders_today_begin_with_the_trade_date(now: str, told: int) -> None:
    """Two orders of Monday are today's until 17:00; the gate goes on counting them outside of a session."""
    days, clock = (1, now[3:]) if now.startswith("+1 ") else (0, now)
    hour, minute = (int(part) for part in clock.split(":"))
    at = (NOW + timedelta(days=days)).replace(hour=hour, minute=minute)
    orders = tuple(record(entry(f"ic-{n}", EXPIRIES[0]), ago_s=60.0 * n) for n in (1, 2))
    sessions = tuple(session((NOW + timedelta(days=n)).date()) for n in range(2))
    world = World(orders=orders, sessions=sessions)
    view = world.with_(now=at).view()
    (use,) = [u for u in utilisation(view, world.limits) if u.name == "orders today"]
    assert use.used == told
    counted = order_rate(Case(entry("ic-9"), view, world.limits)).text
    assert f"{0 if now == '+1 09:31' else 2} today" in counted
