"""How verbs reach the simulated venue: which orders, which contract, which account, and how its refusals are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from bot.sim.faults.arguments import Argument, Arguments, FaultError, number, text, whole, word
from bot.sim.faults.shared import CLIENT
from bot.sim.faults.stage import Stage
from bot.sim.types import ContractSpec, Right, SecType
from bot.sim.venue.accounts import Account
from bot.sim.venue.hazards import Trap, Which
from bot.sim.venue.oddities import Scope
from bot.sim.venue.refusal import VenueRefusal
from bot.sim.venue.sim import SimVenue

Act = Callable[[Stage, Arguments], Mapping[str, object]]
VenueAct = Callable[[SimVenue, Stage, Arguments], Mapping[str, object]]

WHICH: Sequence[Argument] = (
    CLIENT,
    whole("order_id", "only orders of this number of their client", high=2**31 - 1, default=None),
    whole("perm_id", "only the order of this permanent id", high=2**31 - 1, default=None),
    text("order_ref", "only orders of this reference, written in full", default=None),
)
"""The orders meant; none given means any, the oldest first."""

ACCOUNT = text("account", "the account; may be left out where there is only one", default=None)

CONTRACT: Sequence[Argument] = (
    whole("con_id", "only the contract of this id", high=2**31 - 1, default=None),
    word("sec_type", "only contracts of this security type", ("OPT", "FUT", "STK", "IND"), default=None),
    text("symbol", "only contracts of this symbol, such as SPX", default=None),
    text("trading_class", "only contracts of this trading class, such as SPXW", default=None),
    text("expiry", "only contracts that settle on this day, YYYYMMDD", default=None),
    number("strike", "only this strike", low=0.0, high=100_000.0, default=None, unit="points"),
    word("right", "only calls or puts", ("C", "P"), default=None),
)
"""The contracts meant: every term given must fit. A verb that needs one is refused where they leave several."""


def on_venue(act: VenueAct) -> Act:
    """The act of a verb that needs the simulated venue; what the venue refuses becomes the verb's error."""

    def run(stage: Stage, given: Arguments) -> Mapping[str, object]:
        if not isinstance(stage.venue, SimVenue):
            raise FaultError("the venue of this gateway is not the simulated one: it takes no such fault")
        try:
            return act(stage.venue, stage, given)
        except VenueRefusal as refusal:
            raise FaultError(str(refusal)) from None

    return run


def which(given: Arguments) -> Which:
    """The orders meant."""
    return Which(
        client=given.maybe_whole("client"),
        order_id=given.maybe_whole("order_id"),
        perm_id=given.maybe_whole("perm_id"),
        order_ref=given.maybe_text("order_ref"),
    )


def account(venue: SimVenue, given: Arguments) -> Account:
    """The account meant."""
    return venue.back_office.account(given.maybe_text("account"))


def accounts(venue: SimVenue, given: Arguments) -> Sequence[Account]:
    """The account named, or all."""
    name = given.maybe_text("account")
    names = venue.accounts if name is None else (name,)
    return [venue.back_office.account(each) for each in names]


def contract(venue: SimVenue, given: Arguments) -> ContractSpec:
    """The one contract meant. Raises FaultError where none or several fit."""
    con_id = given.maybe_whole("con_id")
    if con_id is not None:
        spec = venue.spec(con_id)
        if spec is None:
            raise FaultError(f"no contract has con_id {con_id}")
        return spec
    names = ("sec_type", "symbol", "trading_class", "expiry", "right")
    terms: dict[str, object] = {name: value for name in names if (value := given.maybe_text(name)) is not None}
    if (strike := given.maybe_number("strike")) is not None:
        terms["strike"] = strike
    if not terms:
        raise FaultError("a contract is needed: con_id, or symbol, trading_class, expiry, strike and right")
    if "strike" in terms or "right" in terms:
        terms.setdefault("sec_type", SecType.OPTION.value)
    found = venue.find(terms)
    if len(found) != 1:
        some = ", ".join(spec.local_symbol.strip() for spec in found[:4])
        fit = f"{len(found)} contracts fit ({some}, ...)" if found else "no listed contract fits"
        raise FaultError(f"{fit} {terms}; give con_id or all the terms of one")
    return found[0]


def names_contract(given: Arguments) -> bool:
    """Whether any term of a contract was given."""
    texts = ("sec_type", "symbol", "trading_class", "expiry", "right")
    return (
        given.maybe_whole("con_id") is not None
        or given.maybe_number("strike") is not None
        or any(given.maybe_text(name) is not None for name in texts)
    )


def scope(given: Arguments) -> Scope:
    """The contracts meant: every one that the terms given fit."""
    sec_type, right = given.maybe_text("sec_type"), given.maybe_text("right")
    return Scope(
        con_id=given.maybe_whole("con_id"),
        sec_type=None if sec_type is None else SecType(sec_type),
        symbol=given.maybe_text("symbol"),
        trading_class=given.maybe_text("trading_class"),
        expiry=expiry_day(given.maybe_text("expiry")),
        strike=given.maybe_number("strike"),
        right=None if right is None else Right(right),
    )


def expiry_day(value: str | None) -> date | None:
    """A settlement day written YYYYMMDD, None where it was left out. Raises FaultError for another form."""
    if value is None:
        return None
    try:
        if len(value) != 8 or not value.isdecimal():
            raise ValueError(value)
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        raise FaultError(f"expiry must be a date written YYYYMMDD, got {value!r}") from None


def going_on(stage: Stage, given: Arguments, what: str, undo: Callable[[], None]) -> dict[str, object]:
    """Notes a fault that has begun; it goes on until `for_s` is over (on a tick) or it is ended. Gives the reply."""
    return {"fault": stage.lasting.begin(what, undo, given.maybe_number("for_s"), market=True)}


def lay(venue: SimVenue, stage: Stage, given: Arguments, trap: Trap) -> dict[str, object]:
    """Arms a trap for a while; it is over when it is spent, when its time has come or when it is ended."""
    venue.hazards.arm(trap)
    what = f"{trap.verb}: {trap.hazard} ({trap.which.text})"
    number_ = stage.lasting.begin(what, lambda: venue.hazards.disarm(trap), given.maybe_number("for_s"), market=True)
    trap.on_spent = lambda: stage.lasting.over(number_)
    return {"fault": number_}


def later(venue: SimVenue, stage: Stage, verb: str, after_s: float, act: Callable[[], object]) -> None:
    """Does it after so many market seconds; what the venue refuses then is a line of the ledger."""

    def run() -> None:
        try:
            act()
        except VenueRefusal as refusal:
            venue.record("fault", verb=verb, arguments={}, refused=str(refusal))

    stage.timers.at_market(after_s, run)


def times(given: Arguments) -> int | None:
    """How often, None for always."""
    return given.whole("times") or None
