"""One calm day with the unmodified client connected on virtual time, and short ways to cause faults and look."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from ib_insync import IB, ComboLeg, Contract, LimitOrder, Option, Trade  # noqa: TID251 - the client under test

from bot.sim.gateway import SimulatedGateway
from bot.sim.types import ContractSpec, Leg, Right, Side, WorldEvent
from bot.sim.venue import BrokerRules, FillModel, Ledger, SimVenue
from bot.sim.virtual_time import run_virtual
from bot.sim.world import load_scenario
from bot.sim.world.market import MarketWorld

CERTAIN = FillModel(improvement_probability=0.0, partial_probability=0.0)


class Day:
    """The stage of a story: gateway, venue and client 1, an hour into the first day."""

    def __init__(self, gateway: SimulatedGateway, venue: SimVenue, world: MarketWorld, ledger: Ledger) -> None:
        self.gateway, self.venue, self.world, self.ledger = gateway, venue, world, ledger
        self.ib = IB()
        self.errors: list[tuple[int, int, str]] = []
        self.events: list[str] = []
        self.legs: tuple[Leg, ...] = ()

    async def connect(self, ib: IB, client: int) -> None:
        ib.RequestTimeout = 20
        await ib.connectAsync("127.0.0.1", self.gateway.port, clientId=client)

    def watch(self) -> None:
        self.ib.errorEvent += lambda request, code, text, contract: self.errors.append((request, code, text))
        self.ib.orderStatusEvent += lambda trade: self.events.append(trade.orderStatus.status)
        self.ib.execDetailsEvent += lambda trade, fill: self.events.append(f"fill {fill.contract.secType}")
        self.ib.commissionReportEvent += lambda trade, fill, report: self.events.append("commission")

    def cause(self, verb: str, **arguments: object) -> Mapping[str, object]:
        return self.gateway.cause(verb, **arguments)

    async def wait(self, seconds: float = 2.0) -> None:
        await asyncio.sleep(seconds)

    # contracts -----------------------------------------------------------------------------------
    def spec(self, strike: float, right: Right, days: int = 30) -> ContractSpec:
        """A listed SPXW option that settles at least so many days from now."""
        chain = next(c for c in self.venue.option_chains("SPX") if c[2] == "SPXW" and c[0] == "SMART")
        day = self.venue.now.date() + timedelta(days=days)
        expiry = next(each for each in chain[4] if each >= day and each.weekday() == 4)
        found = self.venue.find(
            {
                "symbol": "SPX",
                "sec_type": "OPT",
                "trading_class": "SPXW",
                "expiry": f"{expiry:%Y%m%d}",
                "strike": strike,
                "right": right.value,
            }
        )
        return found[0]

    def condor(self) -> Contract:
        """A 25-point condor, four percent away on both sides, as a BAG; `legs` remembers it."""
        level = self.world.index("SPX").last
        assert level is not None
        put, call = round(level * 0.96 / 25) * 25.0, round(level * 1.04 / 25) * 25.0
        self.legs = (
            Leg(self.spec(put - 25, Right.PUT), 1, Side.BUY),
            Leg(self.spec(put, Right.PUT), 1, Side.SELL),
            Leg(self.spec(call, Right.CALL), 1, Side.SELL),
            Leg(self.spec(call + 25, Right.CALL), 1, Side.BUY),
        )
        legs = [ComboLeg(leg.spec.con_id, leg.ratio, leg.side.value, "SMART") for leg in self.legs]
        return Contract(secType="BAG", symbol="SPX", exchange="SMART", currency="USD", comboLegs=legs)

    def option(self) -> Contract:
        """The condor's short put alone."""
        if not self.legs:
            self.condor()
        return contract_of(self.legs[1].spec)

    def place(self, quantity: int = 1, limit: float = -24.0, contract: Contract | None = None) -> Trade:
        """Buys the condor for a credit that the market does not pay, or what is given."""
        return self.ib.placeOrder(contract or self.condor(), LimitOrder("BUY", quantity, limit, orderRef="test"))

    async def holding(self, quantity: int = 1) -> Trade:
        """A filled condor, commissions reported."""
        trade = self.place(quantity)
        await self.wait()
        self.cause("fill_now", price_at="natural")
        await self.wait()
        assert trade.orderStatus.status == "Filled"
        return trade

    # facts ---------------------------------------------------------------------------------------
    def lines(self, *kinds: str) -> list[dict[str, Any]]:
        return [line for line in self.ledger.lines if line["kind"] in kinds]

    def held(self) -> dict[int, float]:
        """What the client believes to hold."""
        return {position.contract.conId: position.position for position in self.ib.positions()}


def contract_of(spec: ContractSpec) -> Option:
    """An option as the client names it."""
    assert spec.expiry is not None
    assert spec.right is not None
    return Option(
        "SPX",
        f"{spec.expiry:%Y%m%d}",
        spec.strike or 0.0,
        spec.right.value,
        "SMART",
        conId=spec.con_id,
        tradingClass=spec.trading_class,
        currency="USD",
    )


Story = Callable[[Day], Awaitable[None]]


def recipe(title: str) -> list[WorldEvent]:
    """The script under that title on the page about faults."""
    page = (Path(__file__).parents[2] / "docs/gateway-faults.md").read_text()
    script = page.split(f"**{title}**")[1].split("```toml\n")[1].split("```")[0]
    return [WorldEvent(title, row) for row in tomllib.loads(script)["fault"]]


def play(
    story: Story,
    *,
    scenario: str = "calm",
    fills: FillModel = CERTAIN,
    rules: BrokerRules | None = None,
    accounts: Mapping[str, float] | None = None,
    master_client_id: int | None = None,
    day: int = 0,
    hours: float = 1.0,
    tick_s: float = 1.0,
    faults: Sequence[WorldEvent] = (),
) -> Day:
    """Plays a story some hours into a day of the scenario; gives the day for its ledger."""
    world, ledger = load_scenario(scenario, 7), Ledger()
    funds = accounts or {"DU1234567": 500_000.0}
    venue = SimVenue(world, accounts=funds, ledger=ledger, fills=fills, rules=rules)
    days: list[Day] = []

    async def whole() -> None:
        begin = world.days[day].open_at + timedelta(hours=hours)
        gateway = SimulatedGateway(
            venue, world, tick_s=tick_s, begin=begin, faults=faults, master_client_id=master_client_id
        )
        await gateway.start()
        today = Day(gateway, venue, world, ledger)
        days.append(today)
        try:
            await today.connect(today.ib, 1)
            today.watch()
            await today.wait()
            await story(today)
        finally:
            today.ib.disconnect()
            await asyncio.sleep(0)
            await gateway.stop()

    run_virtual(whole)
    return days[0]
