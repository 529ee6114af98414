"""The report's caps: the same numbers the gate would use, unknown where unknown."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from risk.case import Case
from risk.checks.pace import order_rate
from risk.utilisation import Use, utilisation
from risk.view import Holding
from strategies.domain.hedge import Layer
from strategies.domain.known import Unknown
from tests.risk.hedge_sample import FRONT, SECOND, buy, call, hedge_world, owning
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


def test_an_empty_book_uses_nothing() -> None:
    """Not a dollar, not an order, not a condor."""
    found = uses(World())
    for name in (
        "largest working order", "largest condor", "all condors", "stress grid", "crash", "hedge in all",
        "hedge spending, 30 days", "largest working quantity", "open condors", "orders in a minute", "orders today",
        "hedge orders today", *(f"hedge layer {layer.value}" for layer in Layer),
    ):  # fmt: skip
        assert found[name].used == 0.0, name


def test_what_can_only_gain_uses_no_loss() -> None:
    """A credit wider than the wings, held and asked for: neither a loss nor something to set against another's."""
    held = World().having("ic-1", condor_legs(EXPIRIES[0], WINGS), 1, -60.0)
    asked = record(entry("ic-2", limit_points=-60.0))
    found = uses(replace(held, orders=(asked,)))
    for name in ("largest working order", "largest condor", "all condors"):
        assert found[name].used == 0.0
    other = replace(held.having("ic-3", condor_legs(EXPIRIES[2], WINGS), 1, -10.0), orders=(asked,))
    assert uses(other)["all condors"].used == pytest.approx(100.0 * 4000.0 / NLV)
    assert uses(other)["largest condor"].used == pytest.approx(100.0 * 4000.0 / NLV)


def test_the_hedges_shares_by_hand() -> None:
    """Premium by layer and in all, and what a month has cost; without a price of one holding the premiums are unknown
    and the spending is not."""
    near, later = call(FRONT, 18.0), call(SECOND, 20.0)
    world = owning(owning(hedge_world(condor=False), near, 1, 3, 1.5), later, 9, 2, 2.0)
    found = uses(world)
    assert found[f"hedge layer {Layer.SHORT.value}"].used == pytest.approx(100.0 * 450.0 / NLV)
    assert found[f"hedge layer {Layer.DEEP.value}"].used == pytest.approx(100.0 * 400.0 / NLV)
    assert found[f"hedge layer {Layer.INTERMEDIATE.value}"].used == 0.0
    assert found["hedge in all"].used == pytest.approx(100.0 * 850.0 / NLV)
    assert found["hedge spending, 30 days"].used == pytest.approx(100.0 * 850.0 / NLV)
    assert found["open condors"].used == 0
    row = msgspec.structs.replace(world.holdings[0], average_price_points=None)
    blind = uses(replace(world, holdings=(row, *world.holdings[1:])))
    for layer in Layer:
        assert blind[f"hedge layer {layer.value}"].used is None
    assert blind["hedge in all"].used is None
    assert blind["hedge spending, 30 days"].used == pytest.approx(100.0 * 850.0 / NLV)


def test_shares_are_of_the_lower_of_now_and_the_days_start() -> None:
    """Either way round; without the day's start, or with a base that is none, a share is unknown."""
    held = World().having("ic-1", condor_legs(EXPIRIES[0], WINGS), 2, -10.0)
    for now, start, base in ((NLV, 0.5 * NLV, 0.5 * NLV), (0.5 * NLV, NLV, 0.5 * NLV), (0.5, NLV, 0.5)):
        found = uses(replace(held, account={"net_liquidation_usd": now}).with_(day_start_nlv_usd=start))
        assert found["all condors"].used == pytest.approx(100.0 * 8000.0 / base)
    for now, start in ((NLV, None), (None, NLV), (0.0, NLV), (-1.0, NLV), (NLV, 0.0)):
        found = uses(replace(held, account={"net_liquidation_usd": now}).with_(day_start_nlv_usd=start))
        assert found["all condors"].used is None
    odd = uses(replace(held, account={"excess_liquidity_usd": math.inf, "initial_margin_usd": math.nan}))
    assert odd["excess liquidity"].used is odd["initial margin"].used is None


def test_a_floor_at_its_very_number_is_kept() -> None:
    """Liquidity just at what must remain is enough; which of the caps are floors."""
    assert not Use("X", "x", 2.0, 2.0, "u", floor=True).exceeded
    assert Use("X", "x", 1.99, 2.0, "u", floor=True).exceeded
    floors = {use.name for use in uses(World()).values() if use.floor}
    assert floors == {"excess liquidity", "dry powder"}


def test_working_orders_are_counted_by_whose_they_are() -> None:
    """The hedge's are not among the condors', by size and number; a row of nothing is no condor; a minute is one."""
    bought = record(buy(call(FRONT, 18.0), 1, 9), ago_s=59.5)
    sold = (record(entry("ic-2", quantity=2), ago_s=59.5), record(entry("ic-3", EXPIRIES[0]), ago_s=59.5))
    world = replace(hedge_world(condor=False), orders=(bought, *sold))
    found = uses(world)
    assert found["largest working quantity"].used == 2
    assert found["open condors"].used == 2
    assert (found["orders in a minute"].used, found["orders today"].used) == (2, 2)
    assert found["hedge orders today"].used == 1
    late = uses(World(orders=(record(entry("ic-2"), ago_s=60.5),)))
    assert (late["orders in a minute"].used, late["orders today"].used) == (0, 1)
    rows = (Holding("ic-4", 1000, 0, None), Holding(None, 1001, 3, 1.0))
    assert uses(World(holdings=rows))["open condors"].used == 0
