"""Faults of accounts: trades by hand, liquidation, transfers, cash, margin, wrong figures, odd settlements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from bot.sim.desk.account_book import Alteration
from bot.sim.desk.account_figures import Figure
from bot.sim.faults.arguments import Arguments, FaultError, number, seconds, text, texts, whole, word
from bot.sim.faults.reach import (
    ACCOUNT,
    CONTRACT,
    account,
    accounts,
    contract,
    expiry_day,
    going_on,
    later,
    names_contract,
    on_venue,
)
from bot.sim.faults.shared import FOR
from bot.sim.faults.stage import Stage
from bot.sim.faults.verb import Layer, Verb
from bot.sim.types import ContractSpec, Settlement, Side
from bot.sim.venue.accounts import Account, HouseMargin
from bot.sim.venue.back_office import CashReason
from bot.sim.venue.directory import SPX_INDEX, VIX_INDEX
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.sim import SimVenue

_Facts = Mapping[str, object]
_UNSET = "1.7976931348623157E308"
_WRONG = {"empty": "", "nan": "nan", "unset": _UNSET}
"""What stands where the figure should, by the word asked for."""


# trades by hand ----------------------------------------------------------------------------------
def _manual_trade(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    execution = venue.back_office.trade(
        account(venue, given),
        contract(venue, given),
        Side(given.text("side")),
        given.whole("quantity"),
        venue.now,
        price=given.maybe_number("price"),
    )
    return {"exec_id": execution.exec_id, "price": execution.price}


def _liquidate(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    spec = contract(venue, given) if names_contract(given) else None
    done = venue.back_office.liquidate(account(venue, given), spec, venue.now)
    return {"exec_ids": [execution.exec_id for execution in done]}


def _adopt_position(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    after = venue.back_office.transfer(
        account(venue, given),
        contract(venue, given),
        given.whole("quantity"),
        venue.now,
        price=given.maybe_number("price"),
    )
    return {"quantity": after}


def _lose_position(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    venue.back_office.vanish(account(venue, given), contract(venue, given))
    return {}


# money -------------------------------------------------------------------------------------------
def _cash(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    reason = CashReason(given.text("reason"))
    return {"balance": venue.back_office.move_cash(account(venue, given), given.number("amount_usd"), reason)}


def _house_margin(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    factor, extra = given.number("factor"), given.number("extra_usd")
    if (factor, extra) == (1.0, 0.0):
        raise FaultError("nothing would change: give a factor other than 1, or extra_usd")
    meant, demand = accounts(venue, given), HouseMargin(factor, extra)
    venue.back_office.demand(meant, demand)
    what = f"house_margin: times {factor:g}, plus {extra:g} USD"
    return going_on(stage, given, what, lambda: venue.back_office.waive(meant, demand))


def _account_figures(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    tags, how = given.texts("tags"), given.text("how")
    if not tags and how != "frozen":
        raise FaultError(f"tags must name the figures that are {how}, such as NetLiquidation; only frozen means all")
    names = {each.name for each in accounts(venue, given)}
    alteration = _frozen(names, tags) if how == "frozen" else _wrong(names, tags, _WRONG.get(how))
    stage.desk.account_alterations.append(alteration)

    what = f"account_figures: {', '.join(tags) or 'all'} {how}"
    return going_on(stage, given, what, lambda: stage.desk.account_alterations.remove(alteration))


def _wrong(names: set[str], tags: Sequence[str], value: str | None) -> Alteration:
    """Figures of these tags carry a wrong value, or none are sent (None)."""

    def alter(name: str, figures: Sequence[Figure]) -> Sequence[Figure]:
        if name not in names:
            return figures
        if value is None:
            return [figure for figure in figures if figure[0] not in tags]
        return [(key, value if key in tags else shown, currency) for key, shown, currency in figures]

    return alter


def _frozen(names: set[str], tags: Sequence[str]) -> Alteration:
    """Figures stay as they were when first looked at; all of them where no tags are named."""
    seen: dict[tuple[str, str, str], str] = {}

    def alter(name: str, figures: Sequence[Figure]) -> Sequence[Figure]:
        if name not in names:
            return figures
        return [
            (key, seen.setdefault((name, key, currency), shown) if not tags or key in tags else shown, currency)
            for key, shown, currency in figures
        ]

    return alter


# settlement --------------------------------------------------------------------------------------
def _settle_now(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    kind, value, after_s = given.text("kind"), given.maybe_number("value"), given.number("after_s")
    day, meant = expiry_day(given.maybe_text("expiry")), accounts(venue, given)

    def settle() -> list[str]:
        return [name for each in meant for name in _settled(venue, each, kind, day, value)]

    if after_s:
        later(venue, stage, "settle_now", after_s, settle)
        return {}
    return {"settled": settle()}


def _settled(venue: SimVenue, account_: Account, kind: str, day: date | None, value: float | None) -> list[str]:
    """Settles one account's positions of that kind and day (None: the nearest) and names them."""
    wanted = day or _nearest(venue, account_.name, kind)
    found = venue.settle_now(
        account_,
        lambda spec: _is_of(spec, kind) and spec.expiry == wanted,
        lambda spec: _level(venue, spec) if value is None else value,
    )
    return [spec.local_symbol.strip() for spec in found]


def _is_of(spec: ContractSpec, kind: str) -> bool:
    if kind == "VIX":
        return spec.expiry is not None and spec.symbol in ("VIX", "VXM")
    return spec.symbol == "SPX" and spec.settlement is Settlement(kind)


def _nearest(venue: SimVenue, name: str, kind: str) -> date | None:
    held = [line.spec for line in venue.positions() if line.account == name and _is_of(line.spec, kind)]
    return min((spec.expiry for spec in held if spec.expiry is not None), default=None)


def _level(venue: SimVenue, spec: ContractSpec) -> float:
    level = venue.index_level(SPX_INDEX if spec.symbol == "SPX" else VIX_INDEX).last
    if level is None:
        raise VenueRefusal(f"the index under {spec.local_symbol.strip()} has no value now: give a value")
    return level


def _settlement_delay(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    return _longer(stage, given, "settlement_delay", venue.settlements.delays, given.number("delay_s"))


def _expired_lingers(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    return _longer(stage, given, "expired_lingers", venue.settlements.lingers, given.number("linger_s"))


def _longer(stage: Stage, given: Arguments, name: str, times: list[timedelta], by_s: float) -> _Facts:
    by = timedelta(seconds=by_s)
    times.append(by)
    return going_on(stage, given, f"{name}: {by_s:g} s", lambda: times.remove(by))


def _settlement_missing(venue: SimVenue, stage: Stage, given: Arguments) -> _Facts:
    day = expiry_day(given.maybe_text("expiry")) or venue.now.date()
    if day in venue.settlements.withheld:
        raise FaultError(f"the settlement of {day} is missing already")
    venue.settlements.withheld.add(day)
    return going_on(stage, given, f"settlement_missing: {day}", lambda: venue.settlements.withheld.discard(day))


_PRICE = number("price", "per share; the market's where absent", low=0.0, high=1e5, default=None, unit="points")
_KINDS = ("PM", "AM", "VIX")

VERBS: tuple[Verb[Stage], ...] = (
    Verb(
        "manual_trade",
        Layer.VENUE,
        "a human trades one contract in TWS: the execution has client id 0 and order id 0, the position changes",
        on_venue(_manual_trade),
        (
            *CONTRACT,
            word("side", "what the human does", ("BUY", "SELL")),
            whole("quantity", "contracts", low=1, high=100_000),
            _PRICE,
            ACCOUNT,
        ),
    ),
    Verb(
        "liquidate",
        Layer.VENUE,
        "the broker closes a position (all where no contract is named) at the market; executions carry liquidation 1",
        on_venue(_liquidate),
        (*CONTRACT, ACCOUNT),
    ),
    Verb(
        "adopt_position",
        Layer.VENUE,
        "contracts come (positive) or go (negative) without an execution, as by transfer or assignment; no cash moves",
        on_venue(_adopt_position),
        (*CONTRACT, whole("quantity", "signed contracts, not 0", low=-100_000, high=100_000), _PRICE, ACCOUNT),
    ),
    Verb(
        "lose_position",
        Layer.VENUE,
        "a whole position disappears without an execution",
        on_venue(_lose_position),
        (*CONTRACT, ACCOUNT),
    ),
    Verb(
        "cash",
        Layer.VENUE,
        "cash moves without a trade",
        on_venue(_cash),
        (
            number("amount_usd", "positive; interest may be negative", low=-1e9, high=1e9, unit="USD"),
            word("reason", "why", [reason.value for reason in CashReason], default="deposit"),
            ACCOUNT,
        ),
    ),
    Verb(
        "house_margin",
        Layer.VENUE,
        "the house demands more margin than the rules: a factor on every requirement, and dollars on top, which excess "
        "liquidity loses",
        on_venue(_house_margin),
        (
            number("factor", "on initial and maintenance margin", low=0.0, high=100.0, default=1.0),
            number("extra_usd", "on top", low=-1e9, high=1e9, default=0.0, unit="USD"),
            ACCOUNT,
            FOR,
        ),
    ),
    Verb(
        "account_figures",
        Layer.VENUE,
        "account figures are told wrong; the ledger keeps the true ones",
        on_venue(_account_figures),
        (
            texts("tags", "figures such as NetLiquidation; empty means all, for frozen only", default=()),
            word("how", "what is told instead", ("frozen", "absent", "empty", "nan", "unset"), default="frozen"),
            ACCOUNT,
            FOR,
        ),
    ),
    Verb(
        "settle_now",
        Layer.VENUE,
        "settles positions of one expiry in cash at once, expired or not; orders in them are cancelled",
        on_venue(_settle_now),
        (
            word("kind", "SPX options settled in the afternoon or in the morning, or VIX options and futures", _KINDS),
            text("expiry", "settlement day, YYYYMMDD; the nearest held where absent", default=None),
            number(
                "value",
                "of the underlying; its present level where absent",
                low=0.0,
                high=1e5,
                default=None,
                unit="points",
            ),
            seconds("after_s", "how long until then", default=0.0),
            ACCOUNT,
        ),
    ),
    Verb(
        "settlement_delay",
        Layer.VENUE,
        "expired positions settle so much later than they could",
        on_venue(_settlement_delay),
        (seconds("delay_s", "how much later"), FOR),
    ),
    Verb(
        "settlement_missing",
        Layer.VENUE,
        "no settlement value is published for a day until the fault ends: its positions stay",
        on_venue(_settlement_missing),
        (text("expiry", "settlement day, YYYYMMDD; today where absent", default=None), FOR),
    ),
    Verb(
        "expired_lingers",
        Layer.VENUE,
        "settled positions are still reported for a while, though their cash has come",
        on_venue(_expired_lingers),
        (seconds("linger_s", "how long"), FOR),
    ),
)
