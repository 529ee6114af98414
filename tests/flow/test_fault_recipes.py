"""The recipes on the page about faults do what the page says they do, seen by the real client."""

from __future__ import annotations

from ib_insync import Index  # noqa: TID251 - the client under test

from bot.sim.types import Right
from tests.flow.faulty_day import Day, contract_of, play, recipe


def done(day: Day) -> list[str]:
    """Verbs that were carried out, without those that sprang later."""
    return [line["verb"] for line in day.lines("fault") if not line.get("sprung") and not line.get("refused")]


def test_legs_apart() -> None:
    """One leg, the rest cancelled; the next order cancelled by hand; the broker closes everything."""

    async def story(day: Day) -> None:
        day.place()
        await day.wait(60)
        assert list(day.held().values()) == [-1.0]
        second = day.place()
        await day.wait(660)
        assert second.orderStatus.status == "Cancelled"
        await day.wait(600)
        assert day.held() == {}

    day = play(story, tick_s=15.0, faults=recipe("Legs apart."))
    assert done(day) == ["fill_leg_only", "cancel_by_human", "liquidate"]


def test_executions_that_change_afterwards() -> None:
    """Three executions of one fill under three numbers, the last with no contracts; nothing is held in the end."""

    async def story(day: Day) -> None:
        trade = day.place(contract=day.option(), limit=500.0)
        await day.wait(60)
        await day.wait(90)
        assert [fill.execution.execId[-2:] for fill in trade.fills] == ["01", "02", "03"]
        assert (trade.fills[1].execution.price, trade.fills[2].execution.shares) == (1.25, 0.0)
        assert day.held() == {}
        assert day.venue.account("DU1234567").cash == 500_000.0

    play(story, tick_s=15.0, faults=recipe("Executions that change afterwards."))


def test_two_orders_out_of_one_in_an_outage() -> None:
    """The client hears nothing of the fork while the broker is away; its cancel leaves the older order, which fills."""

    async def story(day: Day) -> None:
        trade = day.place()
        await day.wait(10)
        first = trade.orderStatus.permId
        trade.order.lmtPrice = -23.0
        day.ib.placeOrder(trade.contract, trade.order)
        await day.wait(10)
        assert {order.perm_id for order in day.venue.open_orders()} > {first}
        await day.wait(20)
        day.ib.cancelOrder(trade.order)
        await day.wait(10)
        assert [order.perm_id for order in day.venue.open_orders()] == [first]
        await day.wait(100)
        assert len(day.held()) == 4
        assert {code for _, code, _ in day.errors} >= {1100, 1102}

    play(story, faults=recipe("Two orders out of one, in an outage."))


def test_orders_that_get_no_answer() -> None:
    """Lost; working in silence; refused after acceptance; filled after its cancellation was confirmed."""

    async def story(day: Day) -> None:
        trades = []
        for _ in range(4):
            trades.append(day.place())
            await day.wait(5)
        lost, silent, refused, cancelled = trades
        assert [t.orderStatus.status for t in (lost, silent, refused)] == ["PendingSubmit", "PendingSubmit", "Inactive"]
        assert [order.ticket.order_id for order in day.venue.open_orders()] == [
            silent.order.orderId,
            cancelled.order.orderId,
        ]
        day.ib.cancelOrder(cancelled.order)
        await day.wait(2)
        assert cancelled.orderStatus.status == "Cancelled"
        await day.wait(5)
        assert len(day.held()) == 4

    play(story, faults=recipe("Orders that get no answer."))


def test_a_black_monday() -> None:
    """VIX up, SPX down by more than seven percent in all, everything halted, then wide, then without bids for puts."""

    async def story(day: Day) -> None:
        index, fear = (day.ib.reqMktData(Index(symbol, "CBOE", "USD")) for symbol in ("SPX", "VIX"))
        option = day.ib.reqMktData(day.option())
        await day.wait(30)
        begun, width = index.last, option.ask - option.bid
        await day.wait(21 * 60 + 30)
        assert index.last < 0.93 * begun
        assert fear.last > 33.0
        assert (option.halted, option.bid) == (1.0, -1.0)
        await day.wait(16 * 60)
        assert option.halted == 0.0
        assert option.ask - option.bid > 5 * width
        await day.wait(4 * 60)
        assert option.bid == -1.0
        await day.wait(6 * 60)
        assert day.venue.back_office.account(None).house[0].factor == 2.0

    day = play(story, tick_s=15.0, hours=55 / 60, faults=recipe("A black Monday."))
    assert len(done(day)) == 6


def test_quotes_not_to_be_trusted() -> None:
    """A spike of one tick, a minute of standing quotes, greeks that are not computed yet."""

    async def story(day: Day) -> None:
        index = day.ib.reqMktData(Index("SPX", "CBOE", "USD"))
        option, levels, quotes = day.ib.reqMktData(day.option()), [], []
        index.updateEvent += lambda ticker: levels.append(ticker.last)
        await day.wait(400)
        assert [level < 0.6 * levels[0] for level in levels].count(True) == 1
        await day.wait(210)
        option.updateEvent += lambda ticker: quotes.append((ticker.bid, ticker.ask))
        await day.wait(40)
        assert len(set(quotes)) == 1
        await day.wait(280)
        assert option.modelGreeks.delta is None

    play(story, tick_s=5.0, faults=recipe("Quotes not to be trusted."))


def test_an_expiry_that_goes_wrong() -> None:
    """An unannounced close at noon; the expired put stays until its late settlement and is shown for an hour more."""

    async def story(day: Day) -> None:
        level = day.world.index("SPX").last
        assert level is not None
        spec = day.spec(round(level * 0.97 / 25) * 25.0, Right.PUT, days=0)
        day.cause("manual_trade", con_id=spec.con_id, side="SELL", quantity=1)
        resting = day.place()
        await day.wait(900)
        hours = (await day.ib.reqContractDetailsAsync(contract_of(day.legs[0].spec)))[0].liquidHours
        assert "-20260306:1515" in hours
        await day.wait(2.5 * 3600)
        assert resting.orderStatus.status == "Cancelled"
        await day.wait(4 * 3600)
        assert (day.held(), day.lines("settle")) == ({spec.con_id: -1.0}, [])
        assert day.venue.now.date() == day.world.days[4].day
        await day.wait(1800)
        assert day.venue.now.date() == day.world.days[5].day
        assert (day.held(), len(day.lines("settle"))) == ({spec.con_id: -1.0}, 1)
        await day.wait(3600)
        assert day.held() == {}

    play(story, day=4, hours=0.1, tick_s=15.0, faults=recipe("An expiry that goes wrong."))


def test_the_same_faults_give_the_same_ledger() -> None:
    """Nothing of a fault is left to chance: two plays of one script agree to the last line."""

    async def story(day: Day) -> None:
        day.place()
        await day.wait(1800)

    first, again = (
        play(story, tick_s=15.0, hours=55 / 60, faults=[*recipe("A black Monday."), *recipe("Legs apart.")]).ledger
        for _ in range(2)
    )
    assert len(first.lines) > 50
    assert first.lines == again.lines
