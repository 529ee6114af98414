"""What a venue is made of: every part, made once and joined to the parts that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.sim.ports import World
from bot.sim.venue.accounts import Account
from bot.sim.venue.agenda import Agenda
from bot.sim.venue.ambush import Ambush
from bot.sim.venue.announce import Announcer
from bot.sim.venue.back_office import BackOffice
from bot.sim.venue.booking import Booking
from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.broker_day import BrokerDay
from bot.sim.venue.dealing import Dealing
from bot.sim.venue.endings import Endings
from bot.sim.venue.filling import Filling
from bot.sim.venue.halts import Halts
from bot.sim.venue.hazards import Hazards
from bot.sim.venue.intake import Intake
from bot.sim.venue.interventions import Interventions
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.liquidation import Liquidator
from bot.sim.venue.matching import FillModel
from bot.sim.venue.oddities import Oddities, OddQuotes
from bot.sim.venue.orders import OrderBook
from bot.sim.venue.sessions import Sessions
from bot.sim.venue.settlement import Settlements
from bot.sim.venue.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Market:
    """What everything looks at: the world's sessions and quotes, and what is wrong with them."""

    sessions: Sessions
    oddities: Oddities
    halts: Halts
    quotes: OddQuotes


@dataclass(frozen=True, slots=True)
class Books:
    """What everything is written in: accounts, orders, executions, promises, and who hears of it."""

    accounts: Mapping[str, Account]
    agenda: Agenda
    announcer: Announcer
    booking: Booking
    endings: Endings
    hazards: Hazards
    orders: OrderBook
    valuation: Valuation


@dataclass(frozen=True, slots=True)
class Floor:
    """Who takes and works orders."""

    dealing: Dealing
    intake: Intake
    ambush: Ambush
    interventions: Interventions


@dataclass(frozen=True, slots=True)
class Office:
    """Who looks after accounts."""

    back_office: BackOffice
    settlements: Settlements
    broker_day: BrokerDay


def make_market(world: World) -> Market:
    """The market of a world. Raises ValueError for one without days."""
    sessions, oddities = Sessions(world.days), Oddities()
    return Market(sessions, oddities, Halts(oddities), OddQuotes(world, sessions, oddities))


def make_books(
    deposits_usd: Mapping[str, float],
    *,
    ledger: Ledger | None,
    market: Market,
    model: FillModel,
    now: Callable[[], datetime],
    rules: BrokerRules,
) -> Books:
    """Empty books with these deposits."""
    announcer = Announcer(ledger, now)
    accounts = {
        name: Account(name, deposit, borrows=name not in rules.cash_accounts) for name, deposit in deposits_usd.items()
    }
    hazards, orders = Hazards(announcer), OrderBook()
    return Books(
        accounts=accounts,
        agenda=Agenda(),
        announcer=announcer,
        booking=Booking(accounts=accounts, announcer=announcer, hazards=hazards, model=model),
        endings=Endings(orders, announcer),
        hazards=hazards,
        orders=orders,
        valuation=Valuation(accounts, market.quotes, now),
    )


def make_floor(market: Market, books: Books, *, model: FillModel, rules: BrokerRules, seed: int) -> Floor:
    """The trading floor over a market and its books."""
    filling = Filling(
        accounts=books.accounts,
        announcer=books.announcer,
        booking=books.booking,
        endings=books.endings,
        quotes=market.quotes,
    )
    dealing = Dealing(
        agenda=books.agenda,
        announcer=books.announcer,
        book=books.orders,
        endings=books.endings,
        filling=filling,
        halts=market.halts,
        hazards=books.hazards,
        model=model,
        quotes=market.quotes,
        sessions=market.sessions,
    )
    intake = Intake(
        accounts=books.accounts,
        announcer=books.announcer,
        book=books.orders,
        dealing=dealing,
        endings=books.endings,
        model=model,
        quotes=market.quotes,
        rules=rules,
        seed=seed,
        sessions=market.sessions,
        valuation=books.valuation,
    )
    ambush = Ambush(
        agenda=books.agenda,
        announcer=books.announcer,
        book=books.orders,
        endings=books.endings,
        hazards=books.hazards,
        intake=intake,
    )
    interventions = Interventions(
        agenda=books.agenda,
        announcer=books.announcer,
        book=books.orders,
        dealing=dealing,
        filling=filling,
        hazards=books.hazards,
        quotes=market.quotes,
    )
    return Floor(dealing, intake, ambush, interventions)


def make_office(world: World, market: Market, books: Books, *, rules: BrokerRules) -> Office:
    """The back office over a market and its books."""
    back_office = BackOffice(
        accounts=books.accounts,
        announcer=books.announcer,
        book=books.orders,
        booking=books.booking,
        quotes=market.quotes,
    )
    settlements = Settlements(world, market.sessions, books.announcer, books.agenda)
    broker_day = BrokerDay(
        accounts=books.accounts,
        announcer=books.announcer,
        booking=books.booking,
        liquidator=Liquidator(
            accounts=books.accounts,
            back_office=back_office,
            book=books.orders,
            endings=books.endings,
            quotes=market.quotes,
            sessions=market.sessions,
            valuation=books.valuation,
        ),
        quotes=market.quotes,
        rules=rules,
        sessions=market.sessions,
        settlements=settlements,
        valuation=books.valuation,
    )
    return Office(back_office, settlements, broker_day)
